//! The story of what this process serves, and the keeper that is told of it.

use std::fmt::Display;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::journal::{HandoverError, Journal};
use super::note::{Heirlooms, Note};

/// How long a keeper may leave us waiting for room in its socket. Its socket has room for some hundred notes, and a
/// guest that reads its configuration over and over can be quicker than a keeper that waits for a processor.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// What the next process would need to go on, as a sequence of notes shortened to what still matters. The process
/// keeps one and its keeper a copy, both by the same notes.
pub trait Story: Default {
    /// Why it cannot be kept.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Takes in one more note.
    fn apply(&mut self, note: Note) -> Result<(), Self::Error>;

    /// Tells all of it, and that this is all.
    fn send(&self, to: &UnixStream) -> io::Result<()>;

    /// Waits until all of it has been told.
    fn receive(from: &UnixStream) -> Result<Self, HandoverError> {
        let mut story = Self::default();
        loop {
            match Note::receive(from)?.ok_or(HandoverError::Half)? {
                Note::Whole => return Ok(story),
                note => story.apply(note).map_err(|error| HandoverError::Story(error.to_string()))?,
            }
        }
    }
}

/// Clones are about the same story and the same keeper.
///
/// There may be no keeper, and one may die: nobody misses it here. One that does not read for `WAIT_MAX` is one no
/// longer, so the front end waits for it that once; the queues never do. It sees its channel end while the process
/// still holds its lock, and may ask to keep it anew ([`Keeping::adopt`]) or put another process in its place.
#[derive(Debug, Default)]
pub struct Keeping<S = Journal>(Arc<Mutex<Kept<S>>>);

impl<S> Clone for Keeping<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[derive(Debug, Default)]
struct Kept<S> {
    story: S,
    keeper: Option<UnixStream>,
}

impl<S: Story> Keeping<S> {
    /// Tells this keeper from now on. It knows the story so far.
    pub fn start(&self, keeper: UnixStream) {
        if let Err(error) = keeper.set_write_timeout(Some(WAIT_MAX)) {
            tracing::warn!("the keeper may keep whoever is served waiting: {error}");
        }
        self.kept().keeper = Some(keeper);
    }

    /// Tells this keeper everything, and then what comes, in place of the one before.
    pub fn adopt(&self, keeper: UnixStream, heirlooms: &Heirlooms) -> io::Result<()> {
        let mut kept = self.kept();
        keeper.set_write_timeout(Some(WAIT_MAX))?;
        Note::Heirlooms(heirlooms.clone()).send(&keeper)?;
        kept.story.send(&keeper)?;
        kept.keeper = Some(keeper);
        Ok(())
    }

    /// What takes the connections of keepers that have not started this process.
    pub fn adopted_by(&self, heirlooms: Heirlooms) -> impl Fn(UnixStream) + Send + 'static
    where
        S: Send + 'static,
    {
        let keeping = self.clone();
        move |keeper| match keeping.adopt(keeper, &heirlooms) {
            Ok(()) => tracing::info!("another keeper has this vGPU now"),
            Err(error) => tracing::warn!("a keeper could not be told everything: {error}"),
        }
    }

    /// Goes on with the story of the process before.
    pub fn resume(&self, story: S) {
        self.kept().story = story;
    }

    /// Notes something, here and with the keeper.
    pub fn note(&self, note: Note) -> Result<(), S::Error> {
        let mut kept = self.kept();
        if let Some(keeper) = &kept.keeper
            && let Err(error) = note.send(keeper)
        {
            tracing::warn!("the keeper is told nothing more: {error}");
            kept.keeper = None;
        }
        kept.story.apply(note)
    }

    /// Tells why this process ends before it has served anybody.
    pub fn fail(&self, reason: &impl Display) {
        // That changes no story.
        _ = self.note(Note::Failed(reason.to_string()));
    }

    /// Looks at the story.
    pub fn look<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(&self.kept().story)
    }

    fn kept(&self) -> MutexGuard<'_, Kept<S>> {
        // Nothing in here panics halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeping {
    /// Tells why the connection ended.
    pub(super) fn end(&self, reason: &str) {
        // To forget everything cannot be too much.
        _ = self.note(Note::Ended(reason.to_owned()));
    }

    /// The journal so far.
    pub(super) fn journal(&self) -> Journal {
        self.look(Journal::clone)
    }

    /// Whether the front end waits for an answer.
    pub(super) fn owes_answer(&self) -> bool {
        self.look(|journal| journal.unsettled().next().is_some())
    }

    /// Whether the front end hears of requests that were done or refused.
    pub(super) fn acks(&self) -> bool {
        self.look(Journal::acks)
    }
}
