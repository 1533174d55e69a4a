//! What a front end said, shortened to what makes a new back end the same as the one that heard it all.
//!
//! The device process keeps one and its keeper a copy, both by [`Journal::apply`] of the same notes. When the process
//! dies, the next one says all of it to the vhost-user-backend crate anew ([`Journal::messages`]), and then what was
//! not answered yet ([`Journal::unsettled`]).
//!
//! # What is kept
//! Of each request that sets something the last one, for each queue where it sets something of a queue. Memory regions
//! are kept one by one, as they are after additions and removals. A queue that was stopped has no event descriptors
//! any more, and its base is what the front end was told. Resets do what the crate (0.24) does: `RESET_DEVICE` forgets
//! the features and which queues are enabled, `RESET_OWNER` the owner; memory and queues stay.
//!
//! The crate takes a queue's addresses only within guest memory. Where the memory under a queue is taken away, the
//! queue's addresses go, and so does its kick: it cannot run.
//!
//! # Bounds
//! A front end cannot make it large: two queues, 509 regions, [`UNSETTLED_MAX`] requests without an answer.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use vhost::vhost_user::message::{
    FrontendReq as Req, MAX_ATTACHED_FD_ENTRIES, VhostUserProtocolFeatures, VhostUserVirtioFeatures,
};

use super::backend::QUEUES;
use super::keeping::Story;
use super::message::Message;
use super::note::{Note, NoteError};
use super::outbox::Outbox;

/// As many as the crate tells front ends that it takes.
const REGIONS_MAX: usize = 509;

/// Requests that wait for their answers at a time. The specification has front ends wait for each.
const UNSETTLED_MAX: usize = 16;

/// What is kept, in an order in which the crate takes it.
const ORDER: [Req; 15] = [
    Req::GET_FEATURES, // the crate acknowledges requests only after it has offered features
    Req::SET_OWNER,
    Req::GET_PROTOCOL_FEATURES,
    Req::SET_PROTOCOL_FEATURES,
    Req::SET_FEATURES,
    Req::SET_BACKEND_REQ_FD,
    Req::SET_MEM_TABLE,
    Req::SET_VRING_NUM,
    Req::SET_VRING_ADDR,
    Req::SET_VRING_BASE,
    Req::SET_VRING_ENABLE,
    Req::SET_VRING_ERR,
    Req::SET_VRING_CALL,
    Req::SET_VRING_KICK, // starts the queue
    Req::GPU_SET_SOCKET,
];

/// Why a front end's requests cannot be kept. The connection has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// More memory regions than were offered.
    #[error("the front end has more than {REGIONS_MAX} memory regions")]
    Regions,
    /// It asks and asks.
    #[error("the front end does not wait for answers: more than {UNSETTLED_MAX} requests are without one")]
    Unsettled,
}

/// Why a journal could not be received.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// A note could not.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It cannot be kept.
    #[error("{0}")]
    Story(String),
    /// Its end is missing.
    #[error("the keeper hung up before its journal was whole")]
    Half,
}

/// The messages of one connection so far.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    connection: Option<(Arc<OwnedFd>, Outbox)>,
    said: Vec<Said>,
    regions: Vec<Region>,
    /// What waits for its answer, and what came after that.
    unsettled: VecDeque<Message>,
}

/// The last message of its kind, about this queue or none.
#[derive(Clone, Debug)]
struct Said {
    request: Req,
    queue: usize,
    message: Message,
}

/// Guest address, bytes, front end's address, offset in the file; and the file.
#[derive(Clone, Debug)]
struct Region([u64; 4], Arc<OwnedFd>);

impl Story for Journal {
    type Error = JournalError;

    fn apply(&mut self, note: Note) -> Result<(), JournalError> {
        match note {
            Note::Connected(connection, outbox) => {
                *self = Self { connection: Some((connection, outbox)), ..Self::default() };
            }
            Note::Ended(_) => *self = Self::default(),
            Note::Request(message) => self.unsettled.push_back(message),
            Note::Answered(word) => {
                if let Some(message) = self.unsettled.pop_front() {
                    self.take(message, word);
                }
            }
            Note::Failed(_)
            | Note::Lost
            | Note::Whole
            | Note::Heirlooms(_)
            | Note::Item(_)
            | Note::Gone(..) => {}
        }
        self.settle();
        if self.regions.len() > REGIONS_MAX {
            return Err(JournalError::Regions);
        }
        if self.unsettled.len() > UNSETTLED_MAX { Err(JournalError::Unsettled) } else { Ok(()) }
    }

    fn send(&self, to: &UnixStream) -> io::Result<()> {
        let told = |message: Message| {
            let answered = is_question(&message).then_some(Note::Answered(0));
            [Note::Request(message)].into_iter().chain(answered)
        };
        let connected =
            self.connection.iter().cloned().map(|(connection, outbox)| Note::Connected(connection, outbox));
        let unsettled = self.unsettled.iter().cloned().map(Note::Request);
        let notes = connected.chain(self.messages().into_iter().flat_map(told)).chain(unsettled);
        notes.chain([Note::Whole]).try_for_each(|note| note.send(to))
    }
}

impl Journal {
    /// That of no connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// The front end's connection, until it ended in order.
    pub fn connection(&self) -> Option<&OwnedFd> {
        self.connection.as_ref().map(|(connection, _)| &**connection)
    }

    /// Where answers to the front end are before they are sent.
    pub fn outbox(&self) -> Option<&Outbox> {
        self.connection.as_ref().map(|(_, outbox)| outbox)
    }

    /// What brings a new back end to where the front end believes it is. Of these, questions are answered, the others
    /// are not.
    pub(super) fn messages(&self) -> Vec<Message> {
        let said = |request| self.said.iter().filter(move |said| said.request == request);
        let of = |request| match request {
            Req::SET_MEM_TABLE => self.memory(),
            _ => said(request).map(|said| said.message.clone()).collect(),
        };
        ORDER.into_iter().flat_map(of).collect()
    }

    /// What was not answered, in the order in which it came.
    pub fn unsettled(&self) -> impl Iterator<Item = &Message> {
        self.unsettled.iter()
    }

    /// Whether the crate acknowledges requests that ask for it.
    pub(super) fn acks(&self) -> bool {
        self.last(Req::SET_PROTOCOL_FEATURES).is_some_and(|message| self.acks_with(message))
    }

    /// The same after this request for protocol features.
    fn acks_with(&self, taken: &Message) -> bool {
        let offered = self.last(Req::GET_FEATURES).is_some();
        offered && taken.first_word() & VhostUserProtocolFeatures::REPLY_ACK.bits() != 0
    }

    fn last(&self, request: Req) -> Option<&Message> {
        self.said.iter().find(|said| said.request == request).map(|said| &said.message)
    }

    /// Takes in what waits for no answer, up to the first that does.
    fn settle(&mut self) {
        while self.unsettled.front().is_some_and(|message| !self.waits(message))
            && let Some(message) = self.unsettled.pop_front()
        {
            self.take(message, 0);
        }
    }

    /// Whether the crate will answer it.
    fn waits(&self, message: &Message) -> bool {
        let acks = match Req::try_from(message.request) {
            Ok(Req::SET_PROTOCOL_FEATURES) => self.acks_with(message),
            _ => self.acks(),
        };
        is_question(message) || message.needs_reply() && acks
    }

    /// Takes in what is settled; `answer` is how the answer begins.
    fn take(&mut self, message: Message, answer: u64) {
        let Ok(request) = Req::try_from(message.request) else { return };
        let message = message.without_reply();
        match request {
            Req::SET_MEM_TABLE => {
                self.regions = regions(&message).collect();
                self.forget_unmapped();
            }
            Req::ADD_MEM_REG => self.regions.extend(regions(&message).take(1)),
            Req::REM_MEM_REG => {
                let removed = message.regions();
                let is_removed =
                    |region: &Region| removed.iter().take(1).any(|other| same_guest(&region.0, other));
                self.regions.retain(|region| !is_removed(region));
                self.forget_unmapped();
            }
            Req::GET_VRING_BASE => {
                self.forget_of(
                    queue(&message),
                    &[Req::SET_VRING_KICK, Req::SET_VRING_CALL, Req::SET_VRING_ERR],
                );
                // The answer says what the request that sets it says.
                self.keep(Message::new(Req::SET_VRING_BASE.into(), answer.to_ne_bytes().into()));
            }
            Req::RESET_OWNER => self.said.retain(|said| said.request != Req::SET_OWNER),
            Req::RESET_DEVICE => {
                let reset = [Req::SET_FEATURES, Req::SET_VRING_ENABLE];
                self.said.retain(|said| !reset.contains(&said.request));
            }
            Req::SET_FEATURES if !has_protocol_features(&message) => {
                // It enables all queues, and they cannot be enabled one by one.
                self.said.retain(|said| said.request != Req::SET_VRING_ENABLE);
                self.keep(message);
            }
            _ => self.keep(message),
        }
    }

    /// Keeps it in place of the one before, if it is of those that are kept.
    fn keep(&mut self, message: Message) {
        let queue = queue(&message);
        if let Some(request) = ORDER.into_iter().find(|request| u32::from(*request) == message.request)
            && queue < QUEUES
        {
            self.forget_of(queue, &[request]);
            self.said.push(Said { request, queue, message });
        }
    }

    fn forget_of(&mut self, queue: usize, requests: &[Req]) {
        self.said.retain(|said| said.queue != queue || !requests.contains(&said.request));
    }

    fn forget_unmapped(&mut self) {
        let regions = &self.regions;
        let unmapped =
            |said: &Said| said.request == Req::SET_VRING_ADDR && !is_mapped(&said.message, regions);
        let queues: Vec<usize> =
            self.said.iter().filter(|said| unmapped(said)).map(|said| said.queue).collect();
        for queue in queues {
            self.forget_of(queue, &[Req::SET_VRING_ADDR, Req::SET_VRING_KICK]);
        }
    }

    /// The regions as front ends tell them: one message has room for some, and whoever has more can add them.
    fn memory(&self) -> Vec<Message> {
        let (table, added) = self.regions.split_at(self.regions.len().min(MAX_ATTACHED_FD_ENTRIES));
        let table = (!table.is_empty()).then(|| memory_message(Req::SET_MEM_TABLE, table));
        let added = added.chunks(1).map(|region| memory_message(Req::ADD_MEM_REG, region));
        table.into_iter().chain(added).collect()
    }
}

/// A request that is answered with more than an acknowledgement, whether that was negotiated or not.
pub(super) fn is_question(message: &Message) -> bool {
    const QUESTIONS: [Req; 7] = [
        Req::GET_FEATURES,
        Req::GET_PROTOCOL_FEATURES,
        Req::GET_QUEUE_NUM,
        Req::GET_MAX_MEM_SLOTS,
        Req::GET_CONFIG,
        Req::GET_VRING_BASE,
        Req::GET_SHMEM_CONFIG,
    ];
    QUESTIONS.map(u32::from).contains(&message.request)
}

/// The queue that a message is about; zero for those that are about none.
fn queue(message: &Message) -> usize {
    let word = message.first_word();
    let number = match Req::try_from(message.request) {
        Ok(Req::SET_VRING_KICK | Req::SET_VRING_CALL | Req::SET_VRING_ERR) => word & 0xff,
        Ok(
            Req::SET_VRING_NUM
            | Req::SET_VRING_ADDR
            | Req::SET_VRING_BASE
            | Req::GET_VRING_BASE
            | Req::SET_VRING_ENABLE,
        ) => word & u64::from(u32::MAX),
        _ => 0,
    };
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn has_protocol_features(message: &Message) -> bool {
    message.first_word() & VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits() != 0
}

fn regions(message: &Message) -> impl Iterator<Item = Region> {
    let files = message.descriptors.iter().cloned();
    message.regions().into_iter().zip(files).map(|(words, file)| Region(words, file))
}

/// The crate removes what has this guest address and this size.
fn same_guest([address, bytes, ..]: &[u64; 4], other: &[u64; 4]) -> bool {
    matches!(other, [other_address, other_bytes, ..] if (other_address, other_bytes) == (address, bytes))
}

/// Whether the descriptors, the used and the available ring are all in memory. Their addresses are the front end's.
fn is_mapped(addresses: &Message, regions: &[Region]) -> bool {
    let holds = |Region([_, bytes, begin, _], _): &Region, address: u64| {
        address.checked_sub(*begin).is_some_and(|offset| offset < *bytes)
    };
    let mut addresses = addresses.words().skip(1).take(3);
    addresses.all(|address| regions.iter().any(|region| holds(region, address)))
}

fn memory_message(request: Req, regions: &[Region]) -> Message {
    // ADD_MEM_REG has padding where SET_MEM_TABLE has the number of regions.
    let count = if request == Req::SET_MEM_TABLE { regions.len() as u64 } else { 0 };
    let words = [count].into_iter().chain(regions.iter().flat_map(|region| region.0));
    let mut message = Message::new(request.into(), words.flat_map(u64::to_ne_bytes).collect());
    message.descriptors = regions.iter().map(|region| Arc::clone(&region.1)).collect();
    message
}

#[cfg(test)]
mod tests;
