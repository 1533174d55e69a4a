//! The door: every message of the front end passes here on its way to the vhost-user-backend crate, and every answer
//! on its way back.
//!
//! # Why
//! The crate gives nobody the display's socket or the back channel as descriptors, takes memory regions that are
//! larger than their files, lets descriptors leak into children and panics on a request for a dirty log. The door
//! takes a copy of the two sockets, refuses what must not get in (see [`Refusal`]) and passes all else on unchanged,
//! so the crate still checks it and answers it.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vhost::vhost_user::message::{FrontendReq, VhostUserProtocolFeatures};

use super::message::{Message, ReceiveError};
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
    /// The crate gave up.
    #[error("the front end's request was answered with the end of the connection")]
    Inside,
}

/// Who gets what the door takes a copy of.
pub(super) trait House {
    /// The front end's display, to show pictures on.
    fn show_on(&self, display: UnixStream);

    /// A socket for requests to the front end.
    fn call_on(&self, back_channel: UnixStream);
}

pub(super) struct Door<'a, H> {
    pub(super) front: &'a UnixStream,
    pub(super) inside: &'a UnixStream,
    pub(super) house: &'a H,
}

impl<H: House> Door<'_, H> {
    /// Relays until the front end hangs up.
    pub(super) fn relay(&self) -> Result<(), DoorError> {
        let mut acks = false;
        loop {
            // Answers first: the crate never waits for room to answer while we wait for room to ask.
            if self.wait()? {
                let answer = Message::receive(self.inside)?.ok_or(DoorError::Inside)?;
                answer.send(self.front)?;
                continue;
            }
            let Some(message) = Message::receive(self.front)? else { return Ok(()) };
            tracing::trace!(request = message.request, bytes = message.body.len(), "vhost-user");
            match check(&message) {
                Ok(()) => {
                    acks |= self.overhear(&message)?;
                    message.send(self.inside).map_err(|_| DoorError::Inside)?;
                }
                Err(refusal) if acks && message.needs_reply() => {
                    guest_warn!("the front end was refused: {refusal}");
                    Message::ack(message.request, 1).send(self.front)?;
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
    }

    /// Waits for either side; true if there is an answer, false if the front end has something for us.
    fn wait(&self) -> io::Result<bool> {
        let mut sides = [self.inside, self.front].map(|side| PollFd::new(side.as_fd(), PollFlags::POLLIN));
        while let Err(error) = poll(&mut sides, PollTimeout::NONE) {
            if error != nix::errno::Errno::EINTR {
                return Err(error.into());
            }
        }
        let [inside, _] = sides;
        Ok(inside.any().unwrap_or(true))
    }

    /// Copies what the house needs. Returns whether the front end now expects requests to be acknowledged.
    fn overhear(&self, message: &Message) -> io::Result<bool> {
        let socket = || message.descriptors.first().map(|socket| socket.try_clone()).transpose();
        match FrontendReq::try_from(message.request) {
            Ok(FrontendReq::GPU_SET_SOCKET) => {
                socket()?.into_iter().for_each(|display| self.house.show_on(display.into()));
            }
            Ok(FrontendReq::SET_BACKEND_REQ_FD) => {
                socket()?.into_iter().for_each(|channel| self.house.call_on(channel.into()));
            }
            Ok(FrontendReq::SET_PROTOCOL_FEATURES) => {
                let acked = message.words().next().unwrap_or_default();
                return Ok(acked & VhostUserProtocolFeatures::REPLY_ACK.bits() != 0);
            }
            _ => {}
        }
        Ok(false)
    }
}
