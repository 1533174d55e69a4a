//! What a front end said.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use std::sync::Arc;

use super::message::ReceiveError;
use super::note::Note;

/// The connection.
#[derive(Debug, Default)]
pub struct Journal {
    connection: Option<Arc<OwnedFd>>,
}

impl Journal {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a note.
    pub fn apply(&mut self, note: Note) -> Result<(), ReceiveError> {
        if let Note::Connected(connection) = note {
            self.connection = Some(connection);
        }
        Ok(())
    }

    /// The VM's connection.
    pub fn connection(&self) -> Option<&Arc<OwnedFd>> {
        self.connection.as_ref()
    }

    /// Sends all of it.
    pub fn send(&self, to: &UnixStream) -> io::Result<()> {
        Note::Whole.send(to)
    }
}
