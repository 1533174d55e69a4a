//! The other thing that init can be: a machine with KVM. It shows a program the files of the host and runs it, so that
//! a QEMU that wants KVM can be tested where the host has none. Its processor, KVM's included, is emulated.

use std::error::Error;
use std::fs::OpenOptions;
use std::process::Command;

use rustix::mount::{MountFlags, mount};
use rustix::process::chroot;

/// Runs a shell command with the host's files, all read-only; what it prints goes to the second serial port,
/// and then `exit CODE`.
pub fn run(command: &str) -> Result<(), Box<dyn Error>> {
    let options = c"trans=virtio,version=9p2000.L,msize=262144,cache=loose";
    mount("host", "/host", "9p", MountFlags::RDONLY, Some(options))?;
    for (kind, target) in [("devtmpfs", "/host/dev"), ("proc", "/host/proc"), ("sysfs", "/host/sys")] {
        mount(kind, target, kind, MountFlags::empty(), None)?;
    }
    // Not /tmp: the files of the host that matter may lie there.
    std::fs::create_dir("/host/dev/shm")?;
    mount("tmpfs", "/host/dev/shm", "tmpfs", MountFlags::empty(), None)?;
    chroot("/host")?;
    std::env::set_current_dir("/")?;
    let port = OpenOptions::new().read(true).write(true).open("/dev/ttyS1")?;
    let status = Command::new("/bin/sh")
        .args(["-c", command])
        .env("TMPDIR", "/dev/shm")
        .stdin(std::process::Stdio::null())
        .stdout(port.try_clone()?)
        .stderr(port.try_clone()?)
        .status()?;
    std::io::Write::write_all(&mut &port, format!("exit {}\n", status.code().unwrap_or(255)).as_bytes())?;
    rustix::termios::tcdrain(&port)?;
    Ok(())
}
