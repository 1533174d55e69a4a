//! The journal of this process's connection, and the keeper that is told of it.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::journal::{Journal, JournalError};
use super::note::{Heirlooms, Note};

/// How long a keeper may leave us waiting for room in its socket. Its socket has room for some hundred notes, and a
/// guest that reads its configuration over and over can be quicker than a keeper that waits for a processor.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// Clones are about the same connection and the same keeper.
///
/// There may be no keeper, and one may die: nobody misses it here. One that does not read for [`WAIT_MAX`] is one no
/// longer, so the front end waits for it that once; the queues never do. It sees its channel end while the process
/// still holds its lock, and may ask to keep it anew ([`Keeping::adopt`]) or put another process in its place.
#[derive(Clone, Debug, Default)]
pub struct Keeping(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    journal: Journal,
    keeper: Option<UnixStream>,
}

impl Keeping {
    /// Tells this keeper from now on. It knows the journal so far.
    pub fn start(&self, keeper: UnixStream) {
        if let Err(error) = keeper.set_write_timeout(Some(WAIT_MAX)) {
            tracing::warn!("the keeper may keep the front end waiting: {error}");
        }
        self.kept().keeper = Some(keeper);
    }

    /// Tells this keeper everything, and then what comes, in place of the one before.
    pub fn adopt(&self, keeper: UnixStream, heirlooms: &Heirlooms) -> io::Result<()> {
        let mut kept = self.kept();
        keeper.set_write_timeout(Some(WAIT_MAX))?;
        Note::Heirlooms(heirlooms.clone()).send(&keeper)?;
        kept.journal.send(&keeper)?;
        kept.keeper = Some(keeper);
        Ok(())
    }

    /// Tells why the connection ended.
    pub(super) fn end(&self, reason: &str) {
        // To forget everything cannot be too much.
        _ = self.note(Note::Ended(reason.to_owned()));
    }

    /// Goes on with the journal of the process before.
    pub(super) fn resume(&self, journal: Journal) {
        self.kept().journal = journal;
    }

    pub(super) fn note(&self, note: Note) -> Result<(), JournalError> {
        let mut kept = self.kept();
        if let Some(keeper) = &kept.keeper
            && let Err(error) = note.send(keeper)
        {
            tracing::warn!("the keeper is told nothing more: {error}");
            kept.keeper = None;
        }
        kept.journal.apply(note)
    }

    /// The journal so far.
    pub(super) fn journal(&self) -> Journal {
        self.kept().journal.clone()
    }

    /// Whether the front end waits for an answer.
    pub(super) fn owes_answer(&self) -> bool {
        self.kept().journal.unsettled().next().is_some()
    }

    /// Whether the front end hears of requests that were done or refused.
    pub(super) fn acks(&self) -> bool {
        self.kept().journal.acks()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing in here panics halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
