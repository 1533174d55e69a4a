//! What NVIDIA's driver says of its GPUs in the kernel's log: "XIDs", errors by number.
//!
//! The log is read as Documentation/ABI/testing/dev-kmsg of Linux has it. The numbers: NVIDIA's "XID Errors".

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::PciAddress;

/// Longer than any record of the kernel's.
const READ_BYTES: usize = 16 << 10;

/// What is read at a time at most, however much is written meanwhile.
const READS_MAX: usize = 1024;

/// The GPU cannot be reached over PCI any more.
const FELL_OFF_THE_BUS: u32 = 79;

/// An error that NVIDIA's driver reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xid {
    /// The first function of the card that it is about.
    pub address: PciAddress,
    /// Its number.
    pub number: u32,
    /// The rest of the line.
    text: String,
}

impl Xid {
    /// What a line of the log says, if it is such an error.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("NVRM: Xid (")?;
        let (at, rest) = rest.split_once("): ")?;
        let (number, text) = rest.split_once(',').unwrap_or((rest, ""));
        // An instance of a GPU in MIG mode follows.
        let at = at.strip_prefix("PCI:").unwrap_or(at).split(' ').next()?;
        let address = at.parse().or_else(|_| format!("{at}.0").parse()).ok()?;
        Some(Self { address, number: number.trim().parse().ok()?, text: text.trim().to_owned() })
    }

    /// Whether the GPU is lost by that alone.
    pub fn is_loss(&self) -> bool {
        self.number == FELL_OFF_THE_BUS
    }
}

/// As people look for it.
impl fmt::Display for Xid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.as_str() {
            "" => write!(out, "XID {}", self.number),
            text => write!(out, "XID {}: {text}", self.number),
        }
    }
}

/// The kernel's log, from when it was opened.
#[derive(Debug)]
pub struct KernelLog {
    file: File,
    /// A line of which the end has not come yet.
    begun: Vec<u8>,
}

impl KernelLog {
    /// That of the host whose `/sys` lies at this root.
    pub fn open(root: &Path) -> io::Result<Self> {
        let path = root.with_file_name("dev").join("kmsg");
        let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file, begun: Vec::new() })
    }

    /// Forgets what nobody has read yet.
    pub fn skip(&mut self) -> io::Result<()> {
        self.begun.clear();
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// What has come since it was read last.
    pub fn xids(&mut self) -> io::Result<Vec<Xid>> {
        let (mut xids, mut bytes) = (Vec::new(), vec![0; READ_BYTES]);
        for _ in 0..READS_MAX {
            match self.file.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => self.begun.extend_from_slice(bytes.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // Records were lost before we came to them, or a signal came.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EPIPE | libc::EINTR)) => {}
                Err(error) => return Err(error),
            }
            while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.begun.drain(..=end).collect();
                xids.extend(Xid::parse(String::from_utf8_lossy(&line).trim_end()));
            }
        }
        Ok(xids)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const LOST: &str =
        "NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.";

    #[test]
    fn errors_are_read_as_drivers_of_any_age_write_them() {
        let xid = Xid::parse(&format!("3,1187,5183405,-;{LOST}")).unwrap();
        assert_eq!((xid.address.to_string().as_str(), xid.number), ("0000:3b:00.0", 79));
        assert!(xid.is_loss());
        assert_eq!(xid.to_string(), "XID 79: pid='<unknown>', name=<unknown>, GPU has fallen off the bus.");
        let older = Xid::parse("NVRM: Xid (0001:3b:00): 31, Ch 00000010").unwrap();
        assert_eq!((older.address.to_string().as_str(), older.is_loss()), ("0001:3b:00.0", false));
        let instance = Xid::parse("NVRM: Xid (PCI:0000:3b:00 GPU-I:05): 94, Contained").unwrap();
        assert_eq!((instance.address, instance.number), (xid.address, 94));
        assert_eq!(Xid::parse("NVRM: Xid (PCI:0000:3b:00): 8").unwrap().to_string(), "XID 8");
        for line in
            ["", "NVRM: Xid (PCI:x): 79, lost", "NVRM: Xid (PCI:0000:3b:00): lost", "NVRM: loading", LOST_CUT]
        {
            assert_eq!(Xid::parse(line), None, "{line}");
        }
    }

    const LOST_CUT: &str = "NVRM: Xid (PCI:0000:3b:00";

    #[test]
    fn what_came_since_is_told_once_and_a_line_that_is_half_there_waits_for_its_end() {
        let host = tempfile::tempdir().unwrap();
        std::fs::create_dir(host.path().join("dev")).unwrap();
        let path = host.path().join("dev/kmsg");
        std::fs::write(&path, format!("{LOST}\n")).unwrap();
        let mut log = KernelLog::open(&host.path().join("sys")).unwrap();
        let mut kernel = OpenOptions::new().append(true).open(&path).unwrap();
        let mut numbers = || log.xids().unwrap().iter().map(|xid| xid.number).collect::<Vec<_>>();

        assert_eq!(numbers(), [0; 0], "that was before");
        write!(kernel, "6,1,1,-;nothing\nNVRM: Xid (PCI:0000:3b:00): 13, a\n SUBSYSTEM=pci\n{LOST_CUT}")
            .unwrap();
        assert_eq!(numbers(), [13]);
        writeln!(kernel, "): 79, b").unwrap();
        assert_eq!(numbers(), [79]);
        assert_eq!(numbers(), [0; 0]);
        writeln!(kernel, "{LOST}").unwrap();
        log.skip().unwrap();
        assert_eq!(log.xids().unwrap(), []);
    }
}
