//! Going on with a device process that runs and has no keeper, because that died, or had no room for what it was told.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;
use nix::sys::eventfd::EventFd;

use super::legacy::Legacy;
use super::unit::MESSAGE_MAX;
use super::wait::{Untimely, wait};
use crate::control::profile::Transport;
use crate::transport::vhost_user::{Heirlooms, Note};

/// How long a device process may take to answer: longer than it serves a client before us.
const ANSWER_MAX: Duration = Duration::from_secs(60);

const REQUEST: &[u8] = b"{\"request\":\"keep\"}\n";
const ANSWER: &[u8] = b"{\"ok\":{}}";

/// A connection to a device process's control socket that becomes its keeper channel.
pub(super) struct Talk<'a> {
    pub(super) channel: UnixStream,
    stop: &'a EventFd,
    end: Instant,
}

impl<'a> Talk<'a> {
    pub(super) fn open(control: &Path, stop: &'a EventFd) -> Result<Self, Untimely> {
        let channel = UnixStream::connect(control).map_err(Untimely::Nonsense)?;
        for set in [UnixStream::set_read_timeout, UnixStream::set_write_timeout] {
            set(&channel, Some(MESSAGE_MAX)).map_err(Untimely::Nonsense)?;
        }
        Ok(Self { channel, stop, end: Instant::now() + ANSWER_MAX })
    }

    /// Asks for all that a keeper needs.
    pub(super) fn hear(&self, transport: Transport) -> Result<(Legacy, Heirlooms), Untimely> {
        (&self.channel).write_all(REQUEST).map_err(Untimely::Nonsense)?;
        self.hear_answer()?;
        let Note::Heirlooms(heirlooms) = self.hear_note()? else {
            return Err(Untimely::nonsense("it does not begin with what it inherited"));
        };
        let mut legacy = Legacy::of(transport, &heirlooms);
        loop {
            match self.hear_note()? {
                Note::Whole => break,
                note => legacy.apply(note).map_err(Untimely::Nonsense)?,
            }
        }
        Ok((legacy, heirlooms))
    }

    /// A byte at a time: what follows the line has descriptors.
    fn hear_answer(&self) -> Result<(), Untimely> {
        let mut line = Vec::new();
        loop {
            self.wait()?;
            let mut byte = [0];
            (&self.channel).read_exact(&mut byte).map_err(Untimely::Nonsense)?;
            match byte {
                [b'\n'] if line == ANSWER => return Ok(()),
                [other] if other != b'\n' && line.len() < 1024 => line.push(other),
                _ => {
                    let said = String::from_utf8_lossy(&line).into_owned();
                    return Err(Untimely::nonsense(format!("it answers {said}")));
                }
            }
        }
    }

    fn hear_note(&self) -> Result<Note, Untimely> {
        self.wait()?;
        let note = Note::receive(&self.channel).map_err(Untimely::nonsense)?;
        note.ok_or_else(|| Untimely::nonsense("it hung up"))
    }

    fn wait(&self) -> Result<(), Untimely> {
        let left = self.end.saturating_duration_since(Instant::now());
        let most = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match wait(self.stop, &[self.channel.as_fd()], most)? {
            Some(_) => Ok(()),
            None => Err(Untimely::nonsense(format!("it does not answer within {ANSWER_MAX:?}"))),
        }
    }
}
