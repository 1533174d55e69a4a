//! What a device process tells its keeper.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::message::{Message, ReceiveError};

/// One message on the keeper channel.
#[derive(Debug)]
pub enum Note {
    /// A front end was accepted.
    Connected(Arc<OwnedFd>),
    /// The process ends in order, and why.
    Ended(String),
    /// The journal so far is complete.
    Whole,
    /// What the process inherited.
    Heirlooms(Heirlooms),
}

/// The descriptors of a device process.
#[derive(Debug)]
pub struct Heirlooms {
    /// Where VMs connect.
    pub front_end: Arc<OwnedFd>,
    /// Where operators connect.
    pub control: Arc<OwnedFd>,
    /// The memory that outlives it.
    pub vault: Arc<OwnedFd>,
    /// What it locks.
    pub lock: Arc<OwnedFd>,
}

impl Note {
    /// Sends it.
    pub fn send(&self, to: &UnixStream) -> io::Result<()> {
        let message = match self {
            Self::Connected(connection) => {
                let mut message = Message::new(1000, Vec::new());
                message.descriptors.push(connection.try_clone()?);
                message
            }
            Self::Ended(reason) => Message::new(1002, reason.clone().into_bytes()),
            Self::Whole => Message::new(1003, Vec::new()),
            Self::Heirlooms(_) => Message::new(1004, Vec::new()),
        };
        message.send(to)
    }

    /// Receives one.
    pub fn receive(from: &UnixStream) -> Result<Option<Self>, ReceiveError> {
        let Some(mut message) = Message::receive(from)? else { return Ok(None) };
        Ok(Some(match (message.request, message.descriptors.pop()) {
            (1000, Some(connection)) => Self::Connected(Arc::new(connection)),
            (1002, _) => Self::Ended(String::from_utf8_lossy(&message.body).into_owned()),
            _ => Self::Whole,
        }))
    }
}
