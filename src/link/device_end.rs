//! The device's end: never waits.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use super::packet::packets;
use super::{CAPSET_BYTES, Event, Request};

/// Bytes of an event: a token and whether it was carried out, or a capability set.
pub(super) const DONE_BYTES: usize = 16;

/// What a guest's device sends to, and hears of what is done.
#[derive(Debug)]
pub struct DeviceEnd {
    socket: OwnedFd,
    /// Packets for which the socket has no room yet. Each request in it waits for an answer, so a queue's size bounds
    /// them.
    outgoing: VecDeque<Vec<u8>>,
}

impl DeviceEnd {
    /// This end of a pair.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, outgoing: VecDeque::new() }
    }

    /// Sends a request, at once or with one of the next [`DeviceEnd::flush`].
    pub fn send(&mut self, token: u64, request: Request<'_>) {
        self.outgoing.extend(packets(token, request));
        if let Err(error) = self.flush() {
            tracing::error!("the render process cannot be told anything: {error}");
        }
    }

    /// Sends what there is room for.
    pub fn flush(&mut self) -> io::Result<()> {
        while let Some(packet) = self.outgoing.front() {
            match send(self.socket.as_raw_fd(), packet, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
                Ok(_) => _ = self.outgoing.pop_front(),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether something waits for room.
    pub fn wants_to_write(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// The next thing that was said, if one was. What no render process of ours says is an error.
    pub fn receive(&mut self) -> io::Result<Option<Event>> {
        let mut bytes = [0; CAPSET_BYTES + 1];
        let count = loop {
            match recv(self.socket.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
                Ok(count) => break count,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        };
        let event = event(bytes.get(..count).unwrap_or_default());
        let foreign = || io::Error::other(format!("{count} bytes are nothing that a render process says"));
        event.ok_or_else(foreign).map(Some)
    }
}

impl AsFd for DeviceEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn event(bytes: &[u8]) -> Option<Event> {
    if let Ok(capset) = bytes.try_into() {
        return Some(Event::Hello(capset));
    }
    let words: &[u8; DONE_BYTES] = bytes.try_into().ok()?;
    let mut words = words.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word));
    let (token, carried_out) = (words.next()?, words.next()?);
    Some(Event::Done { token, carried_out: carried_out == 1 })
}
