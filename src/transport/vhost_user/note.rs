//! What a device process tells its keeper, and a keeper the next device process: vhost-user messages as the front end
//! sent them, and a few of our own. Render processes tell theirs of clients in the same way.

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
const ITEM: u32 = 1005;
const GONE: u32 = 1006;
const FAILED: u32 = 1007;
const LOST: u32 = 1008;

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
    /// The process ends for this reason, and has served nobody.
    Failed(String),
    /// The GPU's driver says that it lost a client's device; the process goes on.
    Lost,
    /// All that there was to say of the past has been said.
    Whole,
    /// What a keeper needs that did not start this process itself.
    Heirlooms(Heirlooms),
    /// Something of a Vulkan client's, in place of what it had of this number.
    Item(Item),
    /// The client with this number has this item no longer; or it is gone, with all of them.
    Gone(u64, Option<u64>),
}

/// Something that the next process needs to answer a Vulkan client. Whoever keeps it does not look into it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Whose it is.
    pub client: u64,
    /// Its number among those of this client.
    pub number: u64,
    /// What was noted.
    pub record: Vec<u8>,
    /// The file that belongs to it.
    pub file: Option<Arc<OwnedFd>>,
}

/// What a vGPU's device processes hand on, one to the next.
#[derive(Clone, Debug)]
pub struct Heirlooms {
    /// The socket on which front ends are accepted.
    pub front_end: Arc<OwnedFd>,
    /// The socket on which operators are.
    pub control: Arc<OwnedFd>,
    /// The file that is locked. A process that closes any descriptor of it loses its lock.
    pub lock: Arc<OwnedFd>,
    /// The file of the vault; only of a device.
    pub vault: Option<Arc<OwnedFd>>,
    /// What is shared with the arbiter, a page and an eventfd; only of a renderer.
    pub seating: Option<[Arc<OwnedFd>; 2]>,
    /// What a VM's device process and its render process share.
    pub tie: Option<[Arc<OwnedFd>; 3]>,
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
            Self::Ended(reason) => send(ENDED, short(reason), &[]),
            Self::Failed(reason) => send(FAILED, short(reason), &[]),
            Self::Lost => send(LOST, &[], &[]),
            Self::Whole => send(WHOLE, &[], &[]),
            Self::Heirlooms(Heirlooms { front_end, control, lock, vault, seating, tie }) => {
                let more = vault.iter().chain(seating.iter().flatten()).chain(tie.iter().flatten());
                let all: Vec<_> =
                    [front_end, control, lock].into_iter().chain(more).map(AsFd::as_fd).collect();
                let there = [vault.is_some(), seating.is_some(), tie.is_some()].map(u64::from);
                send(HEIRLOOMS, there.map(u64::to_ne_bytes).as_flattened(), &all)
            }
            Self::Item(Item { client, number, record, file }) => {
                let body = [&client.to_ne_bytes(), &number.to_ne_bytes(), record.as_slice()].concat();
                let file: Vec<_> = file.iter().map(AsFd::as_fd).collect();
                send(ITEM, &body, &file)
            }
            Self::Gone(client, number) => {
                let words: Vec<_> =
                    [Some(*client), *number].into_iter().flatten().map(u64::to_ne_bytes).collect();
                send(GONE, words.as_flattened(), &[])
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
            FAILED => Self::Failed(String::from_utf8_lossy(&message.body).into_owned()),
            LOST => Self::Lost,
            WHOLE => Self::Whole,
            HEIRLOOMS => {
                let there: Vec<bool> = message.words().map(|word| word == 1).collect();
                let there = |index: usize| there.get(index).copied().unwrap_or_default();
                let more = [(there(0), 1), (there(1), 2), (there(2), 3)];
                let needed =
                    3 + more.iter().filter(|(there, _)| *there).map(|(_, count)| count).sum::<usize>();
                let (number, got) = (message.request, message.descriptors.len());
                let short = || NoteError::Descriptors { number, got, needed };
                let mut files = message.descriptors.into_iter();
                let mut some =
                    |wanted: bool, count| wanted.then(|| files.by_ref().take(count).collect::<Vec<_>>());
                let [front_end, control, lock] =
                    exactly(some(true, 3)).ok_or_else(short)?.ok_or_else(short)?;
                let vault = exactly(some(there(0), 1)).ok_or_else(short)?.map(|[vault]| vault);
                let seating = exactly(some(there(1), 2)).ok_or_else(short)?;
                let tie = exactly(some(there(2), 3)).ok_or_else(short)?;
                Self::Heirlooms(Heirlooms { front_end, control, lock, vault, seating, tie })
            }
            ITEM => {
                let client = message.first_word();
                let number = message.words().nth(1).unwrap_or_default();
                let record = message.body.get(16..).unwrap_or_default().to_vec();
                Self::Item(Item { client, number, record, file: message.descriptors.into_iter().next() })
            }
            GONE => Self::Gone(message.first_word(), message.words().nth(1)),
            _ => Self::Request(message),
        })
    }
}

/// As much of a reason as is told.
fn short(reason: &str) -> &[u8] {
    let reason = reason.as_bytes();
    reason.get(..REASON_BYTES_MAX).unwrap_or(reason)
}

/// As many as there must be where there are any; `None` if there are not.
fn exactly<const COUNT: usize>(files: Option<Vec<Arc<OwnedFd>>>) -> Option<Option<[Arc<OwnedFd>; COUNT]>> {
    files.map(|files| files.try_into().ok()).map_or(Some(None), |files| files.map(Some))
}

fn descriptors<const COUNT: usize>(message: Message) -> Result<[Arc<OwnedFd>; COUNT], NoteError> {
    let number = message.request;
    message.descriptors.try_into().map_err(|descriptors: Vec<_>| NoteError::Descriptors {
        number,
        got: descriptors.len(),
        needed: COUNT,
    })
}
