//! A client's socket: whole messages out of it, and answers into it.
//!
//! A message stays in the socket until it was dealt with: it is looked at first and taken out afterwards. When this
//! process dies meanwhile, whoever goes on with the connection finds it there again, from its first byte. What is lost
//! then is a message that was taken out and not answered yet, or answered and not taken out, which is a gap of two
//! system calls.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, recv, sendmsg};

use super::wire::{HEADER_BYTES, Header, WireError};
use crate::sys::peek_from_start;

/// How long to look for more before sleeping until it comes.
const LOOK: Duration = Duration::from_micros(50);

/// A message as it lies in the socket.
pub(super) struct Message {
    pub(super) header: Header,
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(HEADER_BYTES..).unwrap_or_default()
    }
}

/// Why there is no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

pub(super) struct Socket(UnixStream);

impl Socket {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        peek_from_start(stream.as_fd())?;
        Ok(Self(stream))
    }

    /// Waits for a whole message; `None` when the client hung up, be it in the middle of one.
    pub(super) fn peek(&self) -> Result<Option<Message>, SocketError> {
        let mut front = [0; HEADER_BYTES];
        if !self.fill(&mut front, MsgFlags::MSG_PEEK)? {
            return Ok(None);
        }
        let header = Header::decode(&front)?;
        let mut bytes = vec![0; HEADER_BYTES + header.payload_bytes];
        let (start, payload) = bytes.split_at_mut(HEADER_BYTES);
        start.copy_from_slice(&front);
        let whole = self.fill(payload, MsgFlags::MSG_PEEK)?;
        Ok(whole.then_some(Message { header, bytes }))
    }

    /// Takes a message out that was looked at.
    pub(super) fn take(&self, message: &mut Message) -> io::Result<()> {
        match self.fill(&mut message.bytes, MsgFlags::empty())? {
            true => Ok(()),
            false => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Fills a buffer; false if the client hung up first.
    fn fill(&self, mut buffer: &mut [u8], flags: MsgFlags) -> io::Result<bool> {
        while !buffer.is_empty() {
            match self.receive(buffer, flags) {
                Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
                Ok(count) => buffer = buffer.get_mut(count..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Looks for a short while before it sleeps: clients write a message in pieces, and one often follows another.
    fn receive(&self, buffer: &mut [u8], flags: MsgFlags) -> nix::Result<usize> {
        let since = Instant::now();
        loop {
            match recv(self.0.as_raw_fd(), buffer, flags | MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN) if since.elapsed() < LOOK => thread::yield_now(),
                Err(Errno::EAGAIN) => return recv(self.0.as_raw_fd(), buffer, flags),
                received => return received,
            }
        }
    }

    pub(super) fn answer(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.0).write_all(bytes)
    }

    /// Answers, and hands over a descriptor with one more byte.
    pub(super) fn answer_with(&self, bytes: &[u8], file: &OwnedFd) -> io::Result<()> {
        self.answer(bytes)?;
        let numbers = [file.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&numbers)];
        loop {
            match sendmsg::<()>(
                self.0.as_raw_fd(),
                &[IoSlice::new(&[0])],
                &rights,
                MsgFlags::MSG_NOSIGNAL,
                None,
            ) {
                Err(Errno::EINTR) => {}
                sent => return sent.map(drop).map_err(Into::into),
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
