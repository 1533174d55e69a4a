//! What a device process tells its keeper, and a keeper the next device process: vhost-user messages as the front end
//! sent them, and a few of our own.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use nix::sys::socket::MsgFlags;

use super::message::{Message, ReceiveError, send_packet};
use super::outbox::Outbox;

/// Our own numbers. The specification's requests are far below.
const CONNECTED: u32 = 1000;
const ANSWERED: u32 = 1001;
const ENDED: u32 = 1002;
const WHOLE: u32 = 1003;
const HEIRLOOMS: u32 = 1004;

/// The version in a header's flags, as in vhost-user itself.
const VERSION: u32 = 1;

/// Bytes of a reason.
const REASON_BYTES_MAX: usize = 1024;

/// One thing said over a keeper channel.
#[derive(Clone, Debug)]
pub enum Note {
    /// A front end was accepted: its connection, and where answers to it are before they are sent.
    Connected(Arc<OwnedFd>, Outbox),
    /// The front end said this. It is told before it takes effect.
    Request(Message),
    /// The oldest request that waited for an answer got one, which begins with this number.
    Answered(u64),
    /// The front end hung up, or was given up for this reason; then the process ends.
    Ended(String),
    /// All that there was to say of the past has been said.
    Whole,
    /// What a keeper needs that did not start this process itself.
    Heirlooms(Heirlooms),
}

/// What a vGPU's device processes hand on, one to the next.
#[derive(Clone, Debug)]
pub struct Heirlooms {
    /// The socket on which front ends are accepted.
    pub front_end: Arc<OwnedFd>,
    /// The socket on which operators are.
    pub control: Arc<OwnedFd>,
    /// The file of the vault.
    pub vault: Arc<OwnedFd>,
    /// The file that is locked. A process that closes any descriptor of it loses its lock.
    pub lock: Arc<OwnedFd>,
}

/// Why no note could be received.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// Not even a message.
    #[error("the keeper channel cannot be read: {0}")]
    Receive(#[from] ReceiveError),
    /// It has not the descriptors that it should have.
    #[error("note {number} came with {got} descriptors, not {needed}")]
    Descriptors {
        /// Its number.
        number: u32,
        /// How many came.
        got: usize,
        /// How many belong to it.
        needed: usize,
    },
}

impl Note {
    /// Sends it, waiting for room in the socket for as long as the socket says.
    pub fn send(&self, to: &UnixStream) -> io::Result<()> {
        let send = |number, body: &[u8], descriptors: &[BorrowedFd<'_>]| {
            send_packet(to, [number, VERSION], body, descriptors, MsgFlags::empty())
        };
        match self {
            Self::Connected(connection, outbox) => {
                let [from, into] = outbox.ends();
                send(CONNECTED, &[], &[connection.as_fd(), from, into])
            }
            Self::Request(message) => message.send(to),
            Self::Answered(word) => send(ANSWERED, &word.to_ne_bytes(), &[]),
            Self::Ended(reason) => {
                let reason = reason.as_bytes();
                send(ENDED, reason.get(..REASON_BYTES_MAX).unwrap_or(reason), &[])
            }
            Self::Whole => send(WHOLE, &[], &[]),
            Self::Heirlooms(Heirlooms { front_end, control, vault, lock }) => {
                let all = [front_end, control, vault, lock].map(|descriptor| descriptor.as_fd());
                send(HEIRLOOMS, &[], &all)
            }
        }
    }

    /// Waits for a note; `None` when the other side hung up, or died, where one would have begun.
    pub fn receive(from: &UnixStream) -> Result<Option<Self>, NoteError> {
        Message::receive(from)?.map(Self::try_from).transpose()
    }
}

impl TryFrom<Message> for Note {
    type Error = NoteError;

    fn try_from(message: Message) -> Result<Self, NoteError> {
        Ok(match message.request {
            CONNECTED => {
                let [connection, from, into] = descriptors(message)?;
                Self::Connected(connection, Outbox { from, into })
            }
            ANSWERED => Self::Answered(message.first_word()),
            ENDED => Self::Ended(String::from_utf8_lossy(&message.body).into_owned()),
            WHOLE => Self::Whole,
            HEIRLOOMS => {
                let [front_end, control, vault, lock] = descriptors(message)?;
                Self::Heirlooms(Heirlooms { front_end, control, vault, lock })
            }
            _ => Self::Request(message),
        })
    }
}

fn descriptors<const COUNT: usize>(message: Message) -> Result<[Arc<OwnedFd>; COUNT], NoteError> {
    let number = message.request;
    message.descriptors.try_into().map_err(|descriptors: Vec<_>| NoteError::Descriptors {
        number,
        got: descriptors.len(),
        needed: COUNT,
    })
}
