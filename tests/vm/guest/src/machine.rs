//! The other thing that init can be: a machine with KVM. It runs a program with the files of the host, so that a QEMU
//! that wants KVM can be tested where the host has none. Its processor, KVM's included, is emulated.

use std::error::Error;
use std::fs::OpenOptions;
use std::process::{Command, Stdio};

/// Runs a shell command; what it prints goes to the second serial port, and then `exit CODE`.
pub fn run(command: &str) -> Result<(), Box<dyn Error>> {
    let port = OpenOptions::new().read(true).write(true).open("/dev/ttyS1")?;
    let status = Command::new("/bin/sh")
        .args(["-c", command])
        .env("TMPDIR", "/dev/shm")
        .stdin(Stdio::null())
        .stdout(port.try_clone()?)
        .stderr(port.try_clone()?)
        .status()?;
    std::io::Write::write_all(&mut &port, format!("exit {}\n", status.code().unwrap_or(255)).as_bytes())?;
    rustix::termios::tcdrain(&port)?;
    Ok(())
}
