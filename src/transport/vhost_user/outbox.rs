//! A pipe between the crate's answers and the front end, so that each answer is sent and noted exactly once.
//!
//! # Why a pipe
//! Nobody can send an answer and note that it was sent in one step, but with the bytes in between in the kernel, two
//! steps are enough: the note is given while the answer is in the pipe, and a splice takes it from there into the
//! socket. That is one call, which a kill comes before or after; neither loses bytes nor sends them twice. The pipe
//! outlives the process as the connection does, so the next one finds in it what was noted and not sent, or what was
//! not even noted.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, SpliceFFlags, splice};
use nix::unistd::{pipe2, read, write};

use super::message::Message;

/// More than one answer has, and less than a pipe holds.
const BYTES_MAX: usize = 8 << 10;

/// Clones are the same pipe, which holds one answer at most.
#[derive(Clone, Debug)]
pub struct Outbox {
    pub(super) from: Arc<OwnedFd>,
    pub(super) into: Arc<OwnedFd>,
}

impl Outbox {
    /// A new pipe. A sealed process cannot make one.
    pub fn new() -> io::Result<Self> {
        let (from, into) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        Ok(Self { from: Arc::new(from), into: Arc::new(into) })
    }

    /// Its ends: where answers come from, and where they go into.
    pub(super) fn ends(&self) -> [BorrowedFd<'_>; 2] {
        [self.from.as_fd(), self.into.as_fd()]
    }

    /// Puts an answer in. None of those to requests that are let in has descriptors.
    pub(super) fn put(&self, answer: &Message) -> io::Result<()> {
        self.put_bytes(&answer.bytes())
    }

    /// The same with the answer's bytes.
    pub fn put_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        // An empty pipe takes a short message whole, without waiting and so without a place to be killed in.
        match write(&self.into, bytes)? {
            written if written == bytes.len() => Ok(()),
            _ => Err(io::Error::new(ErrorKind::WriteZero, "an answer is longer than a pipe")),
        }
    }

    /// Sends what is in it, waiting for room in the socket. A splice into a socket whose other end is closed raises
    /// SIGPIPE, which Rust has programs ignore.
    pub(in crate::transport) fn send(&self, front: impl AsFd) -> io::Result<()> {
        self.send_bytes(front, usize::MAX)
    }

    /// The same where it is known how many bytes are in it: then there is no call to find out that it is empty.
    pub(in crate::transport) fn send_bytes(&self, front: impl AsFd, bytes: usize) -> io::Result<()> {
        let mut left = bytes;
        while left > 0 {
            match splice(&self.from, None, &front, None, BYTES_MAX, SpliceFFlags::SPLICE_F_NONBLOCK) {
                Ok(sent @ 1..) => left = left.saturating_sub(sent),
                Err(Errno::EINTR) => {}
                Ok(0) | Err(Errno::EAGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Forgets what is in it.
    pub(in crate::transport) fn clear(&self) -> io::Result<()> {
        loop {
            match read(&self.from, &mut [0; BYTES_MAX]) {
                Ok(1..) | Err(Errno::EINTR) => {}
                Ok(0) | Err(Errno::EAGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn answer(word: u64) -> Message {
        Message::ack(1, word)
    }

    #[test]
    fn an_answer_leaves_it_once_and_whole() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::new().unwrap();
        let longest = Message::new(24, vec![7; 4096]);
        for message in [&answer(5), &longest] {
            outbox.put(message).unwrap();
            outbox.clone().send_bytes(&ours, message.bytes().len()).unwrap();
            outbox.send(&ours).unwrap();
            assert_eq!(Message::receive(&theirs).unwrap().unwrap().body, message.body);
        }
        theirs.set_nonblocking(true).unwrap();
        assert_eq!((&theirs).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn what_was_cleared_is_never_sent() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::new().unwrap();
        outbox.clear().unwrap();
        outbox.put(&answer(5)).unwrap();
        outbox.clear().unwrap();
        outbox.put(&answer(6)).unwrap();
        outbox.send(&ours).unwrap();
        assert_eq!(Message::receive(&theirs).unwrap().unwrap().first_word(), 6);
    }

    #[test]
    fn a_front_end_that_is_gone_is_an_error_and_no_signal() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let outbox = Outbox::new().unwrap();
        outbox.put(&answer(5)).unwrap();
        assert_eq!(outbox.send(&ours).unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
