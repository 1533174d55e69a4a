//! Handles of processes that stay right when the number is given to another one.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// A handle of the process that has this number now. It is readable once the process is dead.
pub fn process_handle(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two numbers and touches no memory of ours.
    let number = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    let number = i32::try_from(number).map_err(io::Error::other)?;
    // SAFETY: the kernel has just opened it for us, close-on-exec, and nobody else knows the number.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Sends SIGKILL to this very process.
pub fn kill_process(handle: BorrowedFd<'_>) -> io::Result<()> {
    let (signal, no_information) = (libc::SIGKILL, std::ptr::null::<libc::siginfo_t>());
    // SAFETY: without information on the signal, pidfd_send_signal reads no memory of ours.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, handle.as_raw_fd(), signal, no_information, 0) };
    Errno::result(result)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::{kill_process, process_handle};

    #[test]
    fn the_process_of_a_handle_is_killed() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let handle = process_handle(child.id().cast_signed()).unwrap();

        kill_process(handle.as_fd()).unwrap();

        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    }

    #[test]
    fn a_process_that_is_gone_has_no_handle_and_cannot_be_killed_by_an_old_one() {
        let mut child = Command::new("true").spawn().unwrap();
        let handle = process_handle(child.id().cast_signed()).unwrap();
        child.wait().unwrap();

        assert!(process_handle(child.id().cast_signed()).is_err());
        assert_eq!(kill_process(handle.as_fd()).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }
}
