//! What the next process needs to answer this one's clients, and what the keeper therefore keeps.
//!
//! # Bounds
//! Whoever keeps this holds a descriptor for each item. So a client that has more than [`ITEMS_PER_CLIENT_MAX`], or has
//! one more when there are [`ITEMS_MAX`] of all, is kept no longer: its connection will end with the process. Process
//! and keeper come to that by the same notes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::guest_log::guest_warn;
use crate::render::venus::{Estate, Heirloom, RECORD_BYTES_MAX};
use crate::transport::vhost_user::{Item, Keeping, Note, Story};

/// Items of one client: its connection, its session, the memory that it shares with us, its rings and what its
/// driver has the GPU write.
const ITEMS_PER_CLIENT_MAX: usize = 320;

/// Items of all clients.
const ITEMS_MAX: usize = 4096;

/// Clients that have too much, at one time.
const UNKEPT_MAX: usize = 1024;

/// The clients of a process, by what was noted of them.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    items: BTreeMap<(u64, u64), Item>,
    /// Those that have too much.
    unkept: BTreeSet<u64>,
}

/// Notes that no process of ours makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientsError {
    /// A record that is too long.
    #[error("a client's record has {0} bytes, more than {RECORD_BYTES_MAX}")]
    Record(usize),
    /// It goes on and on.
    #[error("more than {UNKEPT_MAX} clients have too much to be kept")]
    Unkept,
}

impl Story for Clients {
    type Error = ClientsError;

    fn apply(&mut self, note: Note) -> Result<(), ClientsError> {
        match note {
            Note::Item(item) if item.record.len() > RECORD_BYTES_MAX => {
                return Err(ClientsError::Record(item.record.len()));
            }
            Note::Item(item) => self.keep(item),
            Note::Gone(client, Some(number)) => _ = self.items.remove(&(client, number)),
            Note::Gone(client, None) => self.forget(client),
            Note::Ended(_) => *self = Self::default(),
            Note::Connected(..)
            | Note::Request(_)
            | Note::Answered(_)
            | Note::Failed(_)
            | Note::Lost
            | Note::Whole
            | Note::Heirlooms(_) => {}
        }
        if self.unkept.len() > UNKEPT_MAX { Err(ClientsError::Unkept) } else { Ok(()) }
    }

    fn send(&self, to: &UnixStream) -> io::Result<()> {
        let items = self.items.values().cloned().map(Note::Item);
        items.chain([Note::Whole]).try_for_each(|note| note.send(to))
    }
}

impl Clients {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.kept().len() + self.unkept.len()
    }

    /// Whether the next process has somebody to answer.
    pub fn has_orphans(&self) -> bool {
        !self.items.is_empty()
    }

    /// For the next process: those whose connections ended with this one are nobody's any more.
    pub fn inherited(mut self) -> Self {
        self.unkept.clear();
        self
    }

    /// Copies of all items.
    pub fn heirlooms(&self) -> io::Result<Vec<Heirloom>> {
        let heirloom = |item: &Item| -> io::Result<Heirloom> {
            let file = item.file.as_deref().map(OwnedFd::try_clone).transpose()?;
            Ok(Heirloom { client: item.client, item: item.number, record: item.record.clone(), file })
        };
        self.items.values().map(heirloom).collect()
    }

    fn kept(&self) -> BTreeSet<u64> {
        self.items.keys().map(|(client, _)| *client).collect()
    }

    fn keep(&mut self, item: Item) {
        let Item { client, number, .. } = item;
        if self.unkept.contains(&client) {
            return;
        }
        let others =
            self.items.range((client, 0)..=(client, u64::MAX)).filter(|((_, other), _)| *other != number);
        let is_new = !self.items.contains_key(&(client, number));
        if others.count() >= ITEMS_PER_CLIENT_MAX || is_new && self.items.len() >= ITEMS_MAX {
            self.forget(client);
            self.unkept.insert(client);
        } else {
            self.items.insert((client, number), item);
        }
    }

    fn forget(&mut self, client: u64) {
        self.items.retain(|(owner, _), _| *owner != client);
        self.unkept.remove(&client);
    }
}

impl Estate for Keeping<Clients> {
    fn note(&self, client: u64, item: u64, record: &[u8], file: Option<BorrowedFd<'_>>) {
        let noted = file.map(|file| file.try_clone_to_owned()).transpose().map(|file| {
            let item = Item { client, number: item, record: record.to_vec(), file: file.map(Arc::new) };
            Self::note(self, Note::Item(item)).map_err(|error| error.to_string())
        });
        if let Err(reason) = noted.map_err(|error| error.to_string()).flatten() {
            guest_warn!("client {client} will not outlive this process: {reason}");
            self.gone(client, None);
        }
    }

    fn gone(&self, client: u64, item: Option<u64>) {
        // To forget cannot be too much.
        _ = Self::note(self, Note::Gone(client, item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(client: u64, number: u64) -> Note {
        let file = Some(Arc::new(tempfile::tempfile().unwrap().into()));
        Note::Item(Item { client, number, record: vec![7; 5], file })
    }

    #[test]
    fn what_was_noted_reaches_the_next_process_and_what_is_gone_does_not() {
        let mut clients = Clients::default();
        for note in [item(1, 0), item(1, 4), item(2, 0), item(1, 0), Note::Gone(1, Some(4)), item(3, 0)] {
            clients.apply(note).unwrap();
        }
        clients.apply(Note::Gone(3, None)).unwrap();

        let (here, there) = UnixStream::pair().unwrap();
        clients.send(&here).unwrap();
        let next = Clients::receive(&there).unwrap();

        assert_eq!((next.count(), next.has_orphans()), (2, true));
        let heirlooms = next.heirlooms().unwrap();
        let kept: Vec<_> = heirlooms.iter().map(|one| (one.client, one.item, one.file.is_some())).collect();
        assert_eq!(kept, [(1, 0, true), (2, 0, true)]);
        assert_eq!(heirlooms[0].record, [7; 5]);
    }

    #[test]
    fn a_client_with_too_much_is_kept_no_longer_and_its_neighbours_are() {
        let mut clients = Clients::default();
        clients.apply(item(2, 0)).unwrap();
        for number in 0..=ITEMS_PER_CLIENT_MAX as u64 {
            clients.apply(item(1, number)).unwrap();
        }
        clients.apply(item(1, 3)).unwrap();

        assert_eq!((clients.count(), clients.kept()), (2, BTreeSet::from([2])));

        clients.apply(Note::Gone(1, None)).unwrap();
        clients.apply(item(1, 0)).unwrap();
        assert_eq!(clients.kept(), BTreeSet::from([1, 2]));
    }

    #[test]
    fn notes_that_no_process_makes_end_it() {
        let mut clients = Clients::default();
        let long = Item { client: 1, number: 0, record: vec![0; RECORD_BYTES_MAX + 1], file: None };
        assert_eq!(clients.apply(Note::Item(long)), Err(ClientsError::Record(RECORD_BYTES_MAX + 1)));
    }
}
