//! What comes from our parent process: descriptors, those that are not to reach our children, and ignored signals.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, Signal, signal};

/// Adoption is a check and then a change of one flag; two at once could both pass the check.
static ADOPTING: Mutex<()> = Mutex::new(());

/// Takes over a descriptor that the parent process left open for us under this number.
///
/// An inherited descriptor has no close-on-exec flag, or it would not have survived the exec; whatever Rust opens
/// has one. Adoption sets the flag, so the same number is never adopted twice.
pub fn adopt_fd(number: RawFd) -> io::Result<OwnedFd> {
    let _one_at_a_time = ADOPTING.lock().unwrap_or_else(PoisonError::into_inner);
    if number <= libc::STDERR_FILENO {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "0, 1 and 2 are standard streams"));
    }
    // SAFETY: F_GETFD and F_SETFD read and write one flag of a table entry and touch no memory of ours; a number that
    // is not open is answered with EBADF.
    let flags = Errno::result(unsafe { libc::fcntl(number, libc::F_GETFD) })?;
    if flags & libc::FD_CLOEXEC != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is in use inside this process"));
    }
    // SAFETY: as above.
    Errno::result(unsafe { libc::fcntl(number, libc::F_SETFD, flags | libc::FD_CLOEXEC) })?;
    // SAFETY: the descriptor is open (fcntl found it) and no Rust object owns it: those are all close-on-exec, and
    // ADOPTING kept everybody else from adopting it between the check and the change.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Marks every open descriptor but the standard streams close-on-exec: what our own parent leaked to us is not to
/// reach the processes that we start.
pub fn close_all_on_exec() -> io::Result<()> {
    let first = libc::c_uint::try_from(libc::STDERR_FILENO + 1).unwrap_or(3);
    let flags = libc::c_int::try_from(libc::CLOSE_RANGE_CLOEXEC).unwrap_or_default();
    // SAFETY: with CLOSE_RANGE_CLOEXEC nothing is closed, only a flag of table entries is set; no memory is touched.
    Errno::result(unsafe { libc::close_range(first, libc::c_uint::MAX, flags) })?;
    Ok(())
}

/// Undoes it if our parent ignored SIGCHLD: that outlives the exec, and the kernel then buries our children without a
/// word to us.
pub fn hear_of_children() -> io::Result<()> {
    // SAFETY: the default action runs no code of ours in a handler.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::{AsRawFd, IntoRawFd};

    use super::adopt_fd;

    #[test]
    fn a_descriptor_that_rust_owns_is_not_adopted() {
        let owned = File::open("/dev/null").unwrap();

        let error = adopt_fd(owned.as_raw_fd()).unwrap_err();

        assert_eq!(error.to_string(), "it is in use inside this process");
    }

    #[test]
    fn an_inherited_descriptor_is_adopted_once() {
        let inherited = nix::unistd::dup(File::open("/dev/null").unwrap()).unwrap().into_raw_fd();

        let adopted = adopt_fd(inherited).unwrap();

        assert_eq!(adopted.as_raw_fd(), inherited);
        assert!(adopt_fd(inherited).is_err(), "a second owner would close it under the first");
    }

    #[test]
    fn standard_streams_and_closed_numbers_are_not_adopted() {
        assert!(adopt_fd(2).is_err());
        assert_eq!(adopt_fd(987_654).unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}
