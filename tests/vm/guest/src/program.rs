//! Programs of the host that run in the guest, with the host's files: they are there without an image of a disk, and
//! have the same names as where the test is.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Write, pipe};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::mount::{MountFlags, mount};
use rustix::process::chroot;

use crate::Answer;

/// What is said of what a program prints, at most: the serial port is slow.
const OUTPUT_BYTES_MAX: usize = 512 << 10;

/// Shows this process and those to come the files of the host, all read-only, in place of those of the guest.
pub fn enter_host_files() -> Result<(), Box<dyn Error>> {
    let options = c"trans=virtio,version=9p2000.L,msize=262144,cache=loose";
    mount("host", "/host", "9p", MountFlags::RDONLY, Some(options))?;
    for (kind, target) in [("devtmpfs", "/host/dev"), ("proc", "/host/proc"), ("sysfs", "/host/sys")] {
        mount(kind, target, kind, MountFlags::empty(), None)?;
    }
    // Not /tmp: the files of the host that matter may lie there.
    std::fs::create_dir_all("/host/dev/shm")?;
    mount("tmpfs", "/host/dev/shm", "tmpfs", MountFlags::empty(), None)?;
    chroot("/host")?;
    Ok(std::env::set_current_dir("/")?)
}

/// Runs a shell command and gives its exit status. What it prints goes to the port as it comes, each line behind `| `.
pub fn run(command: &str, port: &mut File) -> Answer {
    let (output, input) = pipe()?;
    let mut shell = Command::new("/bin/sh")
        .args(["-c", command])
        .env("TMPDIR", "/dev/shm")
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input)
        .spawn()?;
    pass_on(output, port)?;
    let status = shell.wait()?;
    // As a shell has it.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    Ok(code.ok_or("it neither ended nor was killed")?.to_string())
}

fn pass_on(output: PipeReader, port: &mut File) -> std::io::Result<()> {
    let mut left = OUTPUT_BYTES_MAX;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        match left.checked_sub(line.len() + 1) {
            Some(rest) => {
                writeln!(port, "| {}", String::from_utf8_lossy(&line))?;
                left = rest;
            }
            None if left > 0 => {
                writeln!(port, "| (and more)")?;
                left = 0;
            }
            None => {}
        }
    }
    Ok(())
}
