//! The render process's end: a thread of its own waits for requests, any thread says what is done.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use super::packet::{HEADER_BYTES, Parcel};
use super::{Event, PAYLOAD_BYTES_MAX, Request};

/// Clones are the same end.
#[derive(Clone, Debug)]
pub struct RenderEnd(Arc<OwnedFd>);

impl RenderEnd {
    /// This end of a pair.
    pub fn new(socket: OwnedFd) -> Self {
        Self(Arc::new(socket))
    }

    /// Waits for requests and tells each with its token, until nobody can send any more.
    pub fn receive(&self, mut tell: impl FnMut(u64, Request<'_>) -> ControlFlow<()>) -> io::Result<()> {
        let mut packet = vec![0; HEADER_BYTES + PAYLOAD_BYTES_MAX];
        let mut parcel = Parcel::default();
        loop {
            let count = match recv(self.0.as_raw_fd(), &mut packet, MsgFlags::empty()) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            match parcel.take(packet.get(..count).unwrap_or_default()) {
                Ok(Some((token, request))) if tell(token, request).is_break() => return Ok(()),
                Ok(_) => {}
                Err(foreign) => tracing::error!("the device said what cannot be: {foreign}"),
            }
        }
    }

    /// Says something. Waits for room, which a device makes at once unless it is stopped.
    pub fn send(&self, event: Event) -> io::Result<()> {
        match event {
            Event::Hello(capset) => self.send_bytes(&capset),
            Event::Done { token, carried_out } => {
                let words = [token, carried_out.into()].map(u64::to_ne_bytes);
                self.send_bytes(words.as_flattened())
            }
        }
    }

    pub(super) fn send_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        loop {
            match send(self.0.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
                Err(Errno::EINTR) => {}
                sent => return Ok(sent.map(drop)?),
            }
        }
    }
}
