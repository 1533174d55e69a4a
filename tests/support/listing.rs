//! Hosts written down as one text each, under tests/fixtures/sysfs: `/sys` is full of links and tiny files.
//!
//! `[/sys/…]` names a folder, below it `file = text` (`\n` ends a line in it), `link -> target` and `folder/`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A host unpacked into a folder that goes with it.
pub(crate) struct Host {
    folder: TempDir,
}

impl Host {
    /// The host of that name.
    pub(crate) fn unpack(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sysfs").join(name);
        let host = Self { folder: tempfile::tempdir().unwrap() };
        let mut folder = host.path("/");
        for line in fs::read_to_string(path.with_extension("txt")).unwrap().lines() {
            match line.strip_prefix('[') {
                _ if line.is_empty() || line.starts_with('#') => {}
                Some(rest) => folder = host.path(rest.strip_suffix(']').expect(line)),
                None => make(&folder, line),
            }
        }
        host
    }

    /// Its `/sys`.
    pub(crate) fn sysfs(&self) -> PathBuf {
        self.path("/sys")
    }

    /// Where a file of that host is.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path.strip_prefix('/').unwrap())
    }
}

fn make(folder: &Path, line: &str) {
    fs::create_dir_all(folder).unwrap();
    if let Some((name, target)) = line.split_once(" -> ") {
        symlink(target, folder.join(name)).unwrap();
    } else if let Some((name, text)) = line.split_once(" =") {
        let text = text.strip_prefix(' ').unwrap_or_default().replace("\\n", "\n");
        fs::write(folder.join(name), text + "\n").unwrap();
    } else {
        fs::create_dir_all(folder.join(line.strip_suffix('/').expect(line))).unwrap();
    }
}
