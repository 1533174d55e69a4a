//! Messages as bytes on a socket: a header of 16 bytes, and a body.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use nix::errno::Errno;

use super::command::{DATA_BYTES_MAX, RegionAccess};
use crate::transport::vhost_user::receive_part;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 16;

/// Bytes of the longest body: a write of as much as can be written at once.
pub const BODY_BYTES_MAX: usize = size_of::<RegionAccess>() + DATA_BYTES_MAX;

const TYPE: u32 = 0xf;
const REPLY: u32 = 1;
const NO_REPLY: u32 = 1 << 4;
const ERROR: u32 = 1 << 5;

/// One message of a client: a header, a body, and descriptors that came with the header.
#[derive(Clone, Debug)]
pub(super) struct Message {
    id: u16,
    pub(super) command: u16,
    flags: u32,
    pub(super) body: Vec<u8>,
    pub(super) descriptors: Vec<Arc<OwnedFd>>,
}

/// Why no message could be received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The socket failed.
    #[error("cannot receive: {0}")]
    Socket(#[from] io::Error),
    /// The client hung up before a message was whole.
    #[error("it hung up after {got} of {needed} bytes of a message")]
    Half {
        /// Bytes of this part of the message that came.
        got: usize,
        /// Bytes that it has.
        needed: usize,
    },
    /// No message is that short or long.
    #[error(
        "its message of command {command} has {bytes} bytes, not from {HEADER_BYTES} to {}",
        HEADER_BYTES + BODY_BYTES_MAX
    )]
    Length {
        /// The number of the command.
        command: u16,
        /// The length that its header gives.
        bytes: u32,
    },
    /// An answer, and nothing was asked.
    #[error("its message of command {0} is no request")]
    NoRequest(u16),
}

impl Message {
    /// Waits for a message; `None` when the client hung up where one would have begun.
    pub(super) fn receive(from: &UnixStream) -> Result<Option<Self>, ReceiveError> {
        let mut header = [0; HEADER_BYTES];
        let (got, descriptors) = receive_part(from, &mut header)?;
        match got {
            0 => return Ok(None),
            HEADER_BYTES => {}
            _ => return Err(ReceiveError::Half { got, needed: HEADER_BYTES }),
        }
        let (mut message, length) = Self::of_header(header)?;
        from.take(length as u64).read_to_end(&mut message.body)?;
        if message.body.len() < length {
            return Err(ReceiveError::Half { got: message.body.len(), needed: length });
        }
        message.descriptors = descriptors.into_iter().map(Arc::new).collect();
        Ok(Some(message))
    }

    /// A message without its body, and how long that is.
    fn of_header(header: [u8; HEADER_BYTES]) -> Result<(Self, usize), ReceiveError> {
        let [i0, i1, c0, c1, s0, s1, s2, s3, f0, f1, f2, f3, ..] = header;
        let (id, command) = (u16::from_ne_bytes([i0, i1]), u16::from_ne_bytes([c0, c1]));
        let (bytes, flags) = (u32::from_ne_bytes([s0, s1, s2, s3]), u32::from_ne_bytes([f0, f1, f2, f3]));
        let length = usize::try_from(bytes).ok().and_then(|bytes| bytes.checked_sub(HEADER_BYTES));
        let length = length.filter(|length| *length <= BODY_BYTES_MAX);
        let length = length.ok_or(ReceiveError::Length { command, bytes })?;
        if flags & TYPE != 0 {
            return Err(ReceiveError::NoRequest(command));
        }
        let body = Vec::with_capacity(length);
        Ok((Self { id, command, flags, body, descriptors: Vec::new() }, length))
    }

    /// The message that has these bytes, header included.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, body) = bytes.split_first_chunk()?;
        let (message, length) = Self::of_header(*header).ok()?;
        (length == body.len()).then(|| Self { body: body.to_vec(), ..message })
    }

    /// Header and body.
    pub(super) fn bytes(&self) -> Vec<u8> {
        packet(self.id, self.command, self.flags, 0, &self.body)
    }

    /// Whether the client waits for an answer.
    pub(super) fn wants_reply(&self) -> bool {
        self.flags & NO_REPLY == 0
    }

    /// The answer to what was carried out.
    pub(super) fn reply(&self, body: &[u8]) -> Vec<u8> {
        packet(self.id, self.command, REPLY, 0, body)
    }

    /// The answer to what was refused.
    pub(super) fn refusal(&self, error: Errno) -> Vec<u8> {
        packet(self.id, self.command, REPLY | ERROR, (error as i32).unsigned_abs(), &[])
    }
}

fn packet(id: u16, command: u16, flags: u32, error: u32, body: &[u8]) -> Vec<u8> {
    let bytes = u32::try_from(HEADER_BYTES + body.len()).unwrap_or(u32::MAX);
    let names = [id, command].map(u16::to_ne_bytes);
    let numbers = [bytes, flags, error].map(u32::to_ne_bytes);
    [names.as_flattened(), numbers.as_flattened(), body].concat()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn received(bytes: &[u8]) -> Result<Option<Message>, ReceiveError> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (&theirs).write_all(bytes).unwrap();
        drop(theirs);
        Message::receive(&ours)
    }

    #[test]
    fn a_message_is_answered_under_its_own_number() {
        let message = received(&packet(0x1234, 13, 0, 0, &[])).unwrap().unwrap();
        assert_eq!((message.command, message.wants_reply()), (13, true));
        assert_eq!(message.reply(&[9]), [0x34, 0x12, 13, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]);
        assert_eq!(
            message.refusal(Errno::EINVAL),
            [0x34, 0x12, 13, 0, 16, 0, 0, 0, 0x21, 0, 0, 0, 22, 0, 0, 0]
        );
        let silent = received(&packet(1, 13, NO_REPLY, 0, &[])).unwrap().unwrap();
        assert!(!silent.wants_reply());
    }

    #[test]
    fn lengths_that_no_message_has_are_seen_before_anything_is_read() {
        for bytes in [0, 15, u32::MAX, u32::try_from(HEADER_BYTES + BODY_BYTES_MAX + 1).unwrap()] {
            let mut header = packet(1, 9, 0, 0, &[]);
            header[4..8].copy_from_slice(&bytes.to_ne_bytes());
            assert!(matches!(received(&header), Err(ReceiveError::Length { command: 9, .. })), "{bytes}");
        }
        assert!(matches!(received(&packet(1, 9, REPLY, 0, &[])), Err(ReceiveError::NoRequest(9))));
        assert!(matches!(received(&[1, 2, 3]), Err(ReceiveError::Half { got: 3, needed: 16 })));
        let cut = packet(1, 9, 0, 0, &[5; 9]);
        assert!(matches!(received(&cut[..20]), Err(ReceiveError::Half { got: 4, needed: 9 })));
        assert!(received(&[]).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn the_bytes_of_a_message_are_that_message(
            id in any::<u16>(),
            command in any::<u16>(),
            body in prop::collection::vec(any::<u8>(), 0..BODY_BYTES_MAX),
        ) {
            let bytes = packet(id, command, 0, 0, &body);
            let message = received(&bytes).unwrap().unwrap();
            prop_assert_eq!((message.command, &message.body), (command, &body));
            prop_assert_eq!(&message.bytes(), &bytes);
            prop_assert_eq!(Message::parse(&bytes).unwrap().bytes(), bytes);
        }
    }
}
