//! The door: every message of the front end passes here on its way to the vhost-user-backend crate, and every answer
//! on its way back.
//!
//! # Why
//! The crate gives nobody the display's socket or the back channel as descriptors, takes memory regions that are
//! larger than their files, lets descriptors leak into children and panics on a request for a dirty log. The door
//! takes a copy of the two sockets, refuses what must not get in (see [`Refusal`]) and passes all else on unchanged,
//! so the crate still checks it and answers it.
//!
//! It also notes what it passes on, for whoever takes the connection over when this process dies: a request before it
//! takes effect, and that it was answered before the answer leaves the [`Outbox`]. One request at a time waits for its
//! answer: meanwhile the next one stays in the socket. So what is in the outbox of a dead process is an answer that was
//! noted if nothing waits for one, and else the beginning of one that has to be given anew.
//!
//! # What a sudden death can cost
//! A request that was read from the socket and not noted yet is lost. This gap is two system calls wide, which is some
//! microseconds for each request of the front end; what the guest does in its queues has none.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vhost::vhost_user::message::{FrontendReq, VhostUserProtocolFeatures};

use super::journal::{Journal, JournalError, is_question};
use super::keeping::Keeping;
use super::message::{Message, ReceiveError};
use super::note::Note;
use super::outbox::Outbox;
use super::refusal::{Refusal, check};
use crate::guest_log::guest_warn;

/// Why the front end was sent away, or left untimely.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// What it sends is no message.
    #[error("the front end's messages cannot be read: {0}")]
    Receive(#[from] ReceiveError),
    /// It asked for something that it cannot have, and did not wait for an answer.
    #[error("the front end was refused: {0}")]
    Refused(#[from] Refusal),
    /// A socket failed.
    #[error("the connection to the front end failed: {0}")]
    Socket(#[from] io::Error),
    /// It said more than can be kept of it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The crate gave up.
    #[error("the front end's request was answered with the end of the connection")]
    Inside,
}

/// Who gets what the door takes a copy of.
pub(super) trait House {
    /// The front end's display, to show pictures on.
    fn show_on(&self, display: UnixStream);

    /// The display that another process was showing pictures on when it died.
    fn go_on_showing_on(&self, display: UnixStream);

    /// What the front end may say.
    fn offered(&self) -> VhostUserProtocolFeatures;

    /// A socket for requests to the front end.
    fn call_on(&self, back_channel: UnixStream);
}

pub(super) struct Door<'a, H> {
    pub(super) front: &'a UnixStream,
    pub(super) inside: &'a UnixStream,
    pub(super) house: &'a H,
    pub(super) keeping: &'a Keeping,
    pub(super) outbox: &'a Outbox,
}

impl<H: House> Door<'_, H> {
    /// Relays until the front end hangs up.
    pub(super) fn relay(&self) -> Result<(), DoorError> {
        loop {
            // Answers first: the crate never waits for room to answer while we wait for room to ask.
            if self.wait()? {
                let answer = self.answer()?;
                self.outbox.put(&answer)?;
                self.keeping.note(Note::Answered(answer.first_word()))?;
                self.outbox.send(self.front)?;
                continue;
            }
            let Some(message) = Message::receive(self.front)? else { return Ok(()) };
            tracing::trace!(request = message.request, bytes = message.body.len(), "vhost-user");
            match check(&message, self.house.offered()) {
                Ok(()) => {
                    self.keeping.note(Note::Request(message.clone()))?;
                    self.pass_on(&message)?;
                }
                Err(refusal) if message.needs_reply() && self.keeping.acks() => {
                    guest_warn!("the front end was refused: {refusal}");
                    Message::ack(message.request, 1).send(self.front)?;
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
    }

    /// Sends what a process that died had noted as answered; what it had not will be answered anew.
    pub(super) fn end_answer(&self) -> Result<(), DoorError> {
        if self.keeping.owes_answer() {
            Ok(self.outbox.clear()?)
        } else {
            Ok(self.outbox.send(self.front)?)
        }
    }

    /// Says to the crate what the front end said to a process that died. Nothing of it is consumed: it can be done
    /// again by the next process.
    pub(super) fn replay(&self, journal: &Journal) -> Result<(), DoorError> {
        for message in journal.messages() {
            match FrontendReq::try_from(message.request) {
                Ok(FrontendReq::GPU_SET_SOCKET) => {
                    socket_of(&message)?.into_iter().for_each(|display| self.house.go_on_showing_on(display));
                    message.send(self.inside).map_err(|_| DoorError::Inside)?;
                }
                _ => self.pass_on(&message)?,
            }
            if is_question(&message) {
                self.answer()?;
            }
        }
        // Requests are done one after the other, so with this answer they all are.
        self.pass_on(&Message::new(FrontendReq::GET_PROTOCOL_FEATURES.into(), Vec::new()))?;
        self.answer().map(drop)
    }

    fn answer(&self) -> Result<Message, DoorError> {
        Message::receive(self.inside)?.ok_or(DoorError::Inside)
    }

    /// Gives a request to the crate, and copies of its sockets to the house.
    pub(super) fn pass_on(&self, message: &Message) -> Result<(), DoorError> {
        match FrontendReq::try_from(message.request) {
            Ok(FrontendReq::GPU_SET_SOCKET) => {
                socket_of(message)?.into_iter().for_each(|display| self.house.show_on(display));
            }
            Ok(FrontendReq::SET_BACKEND_REQ_FD) => {
                socket_of(message)?.into_iter().for_each(|channel| self.house.call_on(channel));
            }
            _ => {}
        }
        message.send(self.inside).map_err(|_| DoorError::Inside)
    }

    /// Waits for either side; true if there is an answer, false if the front end has something for us: the next
    /// request only if none waits for its answer, its end at any time.
    fn wait(&self) -> io::Result<bool> {
        let asks = if self.keeping.owes_answer() { PollFlags::empty() } else { PollFlags::POLLIN };
        let mut sides = [(self.inside, PollFlags::POLLIN), (self.front, asks)]
            .map(|(side, events)| PollFd::new(side.as_fd(), events));
        while let Err(error) = poll(&mut sides, PollTimeout::NONE) {
            if error != nix::errno::Errno::EINTR {
                return Err(error.into());
            }
        }
        let [inside, _] = sides;
        Ok(inside.any().unwrap_or(true))
    }
}

/// A copy of the socket that came with a message.
fn socket_of(message: &Message) -> io::Result<Option<UnixStream>> {
    let copy = |socket: &Arc<OwnedFd>| socket.try_clone().map(UnixStream::from);
    message.descriptors.first().map(copy).transpose()
}
