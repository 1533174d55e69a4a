//! Reads the files that a kernel shows of itself, from `/sys` or from a copy of it.
//!
//! What is not there is an answer. What is there and cannot be read is noted and left out: a GPU that goes away while
//! it is looked at, or a file that only root may read, must not hide the others.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::num::ParseIntError;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Longer than any attribute: the kernel gives a page at most.
const BYTES_MAX: u64 = 64 << 10;

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The file, as the host calls it.
    pub file: PathBuf,
    /// Why.
    pub problem: String,
}

/// Reads below a folder that stands for `/sys`, and notes what it cannot read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    root: &'a Path,
    pub(super) unread: Vec<Unread>,
}

/// A file below `/sys`, as the host calls it.
pub(super) fn host_path(path: &str) -> PathBuf {
    Path::new("/sys").join(path)
}

impl<'a> Reader<'a> {
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root, unread: Vec::new() }
    }

    /// The text of a file below `/sys`, without white space around it; nothing where there is no such file.
    pub(super) fn text(&mut self, path: &str) -> Option<String> {
        let read = read(&self.root.join(path));
        self.note(path, read)
    }

    /// The same below `/proc`, which lies beside `/sys`; nothing where it cannot be read.
    pub(super) fn proc(&self, path: &str) -> Option<String> {
        read(&self.beside("proc")?.join(path)).ok()
    }

    /// The names in a folder below `/proc`; none where there is no such folder.
    pub(super) fn proc_names(&self, path: &str) -> Vec<String> {
        let entries = self.beside("proc").and_then(|proc| fs::read_dir(proc.join(path)).ok());
        let names = entries.into_iter().flatten().flatten();
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Whether a device node is there. Of a copy without `/dev` beside it, all are.
    pub(super) fn has_node(&self, node: &Path) -> bool {
        match (self.beside("dev"), node.strip_prefix("/dev")) {
            (Some(dev), Ok(path)) if dev.exists() => dev.join(path).exists(),
            _ => true,
        }
    }

    /// Another folder of the same host. A copy may lack it, and one that is not called `sys` has none.
    fn beside(&self, name: &str) -> Option<PathBuf> {
        self.root.ends_with("sys").then(|| self.root.with_file_name(name))
    }

    /// The decimal number in a file.
    pub(super) fn number<T>(&mut self, path: &str) -> Option<T>
    where
        T: std::str::FromStr<Err = ParseIntError>,
    {
        let text = self.text(path)?;
        let number = text.parse().map_err(|_| wrong(format!("{text:?} is no number that belongs there")));
        self.note(path, number)
    }

    /// The hexadecimal number in a file.
    pub(super) fn hex(&mut self, path: &str) -> Option<u32> {
        let text = self.text(path)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let number = u32::from_str_radix(digits, 16)
            .map_err(|_| wrong(format!("{text:?} is no hexadecimal number that belongs there")));
        self.note(path, number)
    }

    /// The last part of what a link leads to; nothing where there is no link.
    pub(super) fn link(&mut self, path: &str) -> Option<String> {
        let target = fs::read_link(self.root.join(path));
        let target = self.note(path, target)?;
        target.file_name().map(|name| name.to_string_lossy().into_owned())
    }

    /// The names in a folder, sorted; none where there is no such folder.
    pub(super) fn names(&mut self, path: &str) -> Vec<String> {
        let names = fs::read_dir(self.root.join(path)).and_then(|entries| {
            entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
        });
        let mut names: Vec<String> = self.note(path, names).unwrap_or_default();
        names.sort();
        names
    }

    /// Whether something is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Notes that something is not as it must be.
    pub(super) fn complain(&mut self, path: &str, problem: impl Into<String>) {
        self.unread.push(Unread { file: host_path(path), problem: problem.into() });
    }

    fn note<T>(&mut self, path: &str, read: io::Result<T>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                self.complain(path, error.to_string());
                None
            }
        }
    }
}

fn wrong(problem: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, problem)
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::Reader;

    #[test]
    fn what_is_not_there_is_an_answer_and_what_cannot_be_read_is_noted() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("numa_node"), "-1\n").unwrap();
        fs::write(root.path().join("device"), "0x233b\n").unwrap();
        fs::write(root.path().join("vendor"), "nonsense\n").unwrap();
        fs::create_dir(root.path().join("class")).unwrap();
        symlink("../../drivers/nvidia", root.path().join("driver")).unwrap();
        let mut reader = Reader::new(root.path());

        assert_eq!(reader.number::<i32>("numa_node"), Some(-1));
        assert_eq!(reader.hex("device"), Some(0x233b));
        assert_eq!(reader.link("driver").as_deref(), Some("nvidia"));
        assert_eq!((reader.text("boot_vga"), reader.link("physfn")), (None, None));
        assert!(reader.names("virtual").is_empty());
        assert!(reader.unread.is_empty(), "{:?}", reader.unread);

        assert_eq!((reader.hex("vendor"), reader.text("class")), (None, None));
        let noted: Vec<_> = reader.unread.iter().map(|unread| unread.file.display().to_string()).collect();
        assert_eq!(noted, ["/sys/vendor", "/sys/class"]);
    }
}
