//! Descriptors that another process sends over a Unix socket.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

/// Descriptors that one message may carry.
pub const DESCRIPTORS_MAX: usize = 32;

/// Receives at most `buffer.len()` bytes and the descriptors that came with them, close-on-exec. Zero bytes mean that
/// the other side hung up. More than [`DESCRIPTORS_MAX`] descriptors are an error, after which the socket is useless.
pub fn receive_with_descriptors(stream: &UnixStream, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = nix::cmsg_space!([RawFd; DESCRIPTORS_MAX]);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let descriptors = message
        .cmsgs()?
        .filter_map(|control| match control {
            ControlMessageOwned::ScmRights(numbers) => Some(numbers),
            _ => None,
        })
        .flatten()
        // SAFETY: the kernel has just opened each of them for this message, and nobody else knows the numbers.
        .map(|number| unsafe { OwnedFd::from_raw_fd(number) })
        .collect();
    Ok((message.bytes, descriptors))
}

/// Has looks (`MSG_PEEK`) at a stream begin at its first byte and go on where the last one ended, so that one can wait
/// for more bytes than are there. What is taken out moves the place back.
pub fn peek_from_start(stream: BorrowedFd<'_>) -> io::Result<()> {
    let (place, length) = (0, libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or_default());
    // SAFETY: setsockopt reads one integer of ours.
    let result = unsafe {
        let place: *const libc::c_int = &place;
        libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEEK_OFF, place.cast(), length)
    };
    Errno::result(result)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::IoSlice;
    use std::os::unix::fs::MetadataExt;

    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    use nix::sys::socket::{ControlMessage, sendmsg};

    fn send(from: &UnixStream, descriptors: &[RawFd]) {
        let control = [ControlMessage::ScmRights(descriptors)];
        sendmsg::<()>(from.as_raw_fd(), &[IoSlice::new(b"hello")], &control, MsgFlags::empty(), None)
            .unwrap();
    }

    #[test]
    fn descriptors_arrive_with_their_bytes_and_are_lost_on_exec() {
        let (here, there) = UnixStream::pair().unwrap();
        let file = tempfile::tempfile().unwrap();
        send(&there, &[file.as_raw_fd(); 2]);

        let mut buffer = [0; 3];
        let (bytes, descriptors) = receive_with_descriptors(&here, &mut buffer).unwrap();

        assert_eq!((bytes, &buffer, descriptors.len()), (3, b"hel", 2));
        for descriptor in descriptors {
            assert_eq!(fcntl(&descriptor, FcntlArg::F_GETFD).unwrap(), FdFlag::FD_CLOEXEC.bits());
            assert_eq!(File::from(descriptor).metadata().unwrap().ino(), file.metadata().unwrap().ino());
        }
        drop(there);
        assert_eq!(receive_with_descriptors(&here, &mut buffer).unwrap().0, 2);
        assert_eq!(receive_with_descriptors(&here, &mut buffer).unwrap().0, 0);
    }

    #[test]
    fn more_descriptors_than_allowed_are_an_error() {
        let (here, there) = UnixStream::pair().unwrap();
        send(&there, &[there.as_raw_fd(); DESCRIPTORS_MAX + 1]);

        let error = receive_with_descriptors(&here, &mut [0; 5]).unwrap_err();

        assert_eq!(error.raw_os_error(), Some(libc::ENOBUFS));
    }
}
