//! Going on with a device process that an earlier keeper left running.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;
use nix::sys::eventfd::EventFd;

use super::process::Process;
use super::unit::{Kept, MESSAGE_MAX, Untimely, Vm, wait};
use super::{Claimed, Place, Sockets};
use crate::transport::vhost_user::{Journal, Note};

/// How long a device process may take to answer: longer than it serves a client before us.
const ANSWER_MAX: Duration = Duration::from_secs(60);

const REQUEST: &[u8] = b"{\"request\":\"keep\"}\n";
const ANSWER: &[u8] = b"{\"ok\":{}}";

/// Becomes the keeper of this process, which listens on `control`.
pub(super) fn keep(
    process: Process,
    front_end: &Place,
    control: &Path,
    stop: &EventFd,
) -> Result<(Sockets, Kept), (Process, io::Error)> {
    let heard = UnixStream::connect(control).map_err(Untimely::Nonsense).and_then(|channel| {
        let talk = Talk { channel: &channel, stop, end: Instant::now() + ANSWER_MAX };
        let told = talk.hear(front_end, control)?;
        Ok((channel, told))
    });
    match heard {
        Ok((channel, (sockets, vm))) => {
            let started = Instant::now();
            Ok((sockets, Kept { process, channel, vm, started, ended: false }))
        }
        Err(Untimely::Nonsense(error)) => Err((process, error)),
        Err(Untimely::Stopped) => Err((process, io::Error::other("nobody wants it any more"))),
    }
}

struct Talk<'a> {
    channel: &'a UnixStream,
    stop: &'a EventFd,
    end: Instant,
}

impl Talk<'_> {
    fn hear(&self, front_end: &Place, control: &Path) -> Result<(Sockets, Vm), Untimely> {
        let failed = Untimely::Nonsense;
        self.channel.set_read_timeout(Some(MESSAGE_MAX)).map_err(failed)?;
        self.channel.set_write_timeout(Some(MESSAGE_MAX)).map_err(failed)?;
        let mut channel = self.channel;
        channel.write_all(REQUEST).map_err(failed)?;
        self.hear_answer()?;
        let Note::Heirlooms(heirlooms) = self.hear_note()? else {
            return Err(Untimely::nonsense("it does not begin with what it inherited"));
        };
        let mut journal = Journal::new();
        loop {
            match self.hear_note()? {
                Note::Whole => break,
                Note::Ended(reason) => return Err(Untimely::nonsense(reason)),
                note => journal.apply(note).map_err(Untimely::nonsense)?,
            }
        }
        let claimed = |path: &Path, listener: &OwnedFd| Claimed::found(path, listener.try_clone()?.into());
        let sockets = Sockets {
            front_end: claimed(&front_end.path, &heirlooms.front_end).map_err(failed)?,
            control: Some(claimed(control, &heirlooms.control).map_err(failed)?),
        };
        Ok((sockets, Vm { vault: heirlooms.vault, journal }))
    }

    /// A byte at a time: what follows the line has descriptors.
    fn hear_answer(&self) -> Result<(), Untimely> {
        let mut line = Vec::new();
        loop {
            self.wait()?;
            let mut byte = [0];
            let mut channel = self.channel;
            channel.read_exact(&mut byte).map_err(Untimely::Nonsense)?;
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
        let note = Note::receive(self.channel).map_err(Untimely::nonsense)?;
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
