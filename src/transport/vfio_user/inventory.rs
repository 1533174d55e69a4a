//! What of a connection has a descriptor, which is what a keeper holds for the next process. Everything else that one
//! needs is in the vault.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::dma::RANGES_MAX;
use crate::transport::vhost_user::{Item, Note, Outbox, Story};

/// What an item is; its number tells it from others of its kind.
pub(super) mod kind {
    /// The eventfd that tells of doorbells.
    pub(in super::super) const DOORBELL: u64 = 0;
    /// Guest memory, with a file or without one. Its number is the guest address.
    pub(in super::super) const RANGE: u64 = 1;
    /// Where an interrupt goes. Its number has the interrupt's kind in the upper half.
    pub(in super::super) const IRQ: u64 = 2;
    /// A descriptor of the request that is being carried out. Its number is its place in the message.
    pub(in super::super) const REQUEST: u64 = 3;
}

/// All that there can be: ranges, interrupts, and the descriptors of a request.
const ITEMS_MAX: usize = RANGES_MAX + 64;

/// Bytes of the longest record.
const RECORD_BYTES_MAX: usize = 64;

/// A connection and its descriptors.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    connection: Option<(Arc<OwnedFd>, Outbox)>,
    items: BTreeMap<(u64, u64), Item>,
}

/// Notes that no process of ours makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// A record that is too long.
    #[error("a connection's record has {0} bytes, more than {RECORD_BYTES_MAX}")]
    Record(usize),
    /// It goes on and on.
    #[error("a connection has more than {ITEMS_MAX} descriptors")]
    Items,
}

impl Story for Inventory {
    type Error = InventoryError;

    fn apply(&mut self, note: Note) -> Result<(), InventoryError> {
        match note {
            Note::Connected(connection, outbox) => {
                *self = Self { connection: Some((connection, outbox)), ..Self::default() };
            }
            Note::Ended(_) => *self = Self::default(),
            Note::Item(item) if item.record.len() > RECORD_BYTES_MAX => {
                return Err(InventoryError::Record(item.record.len()));
            }
            Note::Item(item) => _ = self.items.insert((item.client, item.number), item),
            Note::Gone(kind, Some(number)) => _ = self.items.remove(&(kind, number)),
            Note::Gone(kind, None) => self.items.retain(|(other, _), _| *other != kind),
            Note::Request(_)
            | Note::Answered(_)
            | Note::Failed(_)
            | Note::Lost
            | Note::Whole
            | Note::Heirlooms(_) => {}
        }
        if self.items.len() > ITEMS_MAX { Err(InventoryError::Items) } else { Ok(()) }
    }

    fn send(&self, to: &UnixStream) -> io::Result<()> {
        let connection = self.connection.iter().cloned();
        let connected = connection.map(|(connection, outbox)| Note::Connected(connection, outbox));
        let items = self.items.values().cloned().map(Note::Item);
        connected.chain(items).chain([Note::Whole]).try_for_each(|note| note.send(to))
    }
}

impl Inventory {
    /// The client's connection, until it ended in order.
    pub fn connection(&self) -> Option<&OwnedFd> {
        self.connection.as_ref().map(|(connection, _)| &**connection)
    }

    /// Where answers to the client are before they are sent.
    pub fn outbox(&self) -> Option<&Outbox> {
        self.connection.as_ref().map(|(_, outbox)| outbox)
    }

    /// The items of a kind, in the order of their numbers.
    pub(super) fn of(&self, kind: u64) -> impl Iterator<Item = &Item> {
        self.items.range((kind, 0)..=(kind, u64::MAX)).map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: u64, number: u64) -> Note {
        let file = Some(Arc::new(tempfile::tempfile().unwrap().into()));
        Note::Item(Item { client: kind, number, record: vec![1; 8], file })
    }

    fn connected() -> Note {
        let connection: OwnedFd = UnixStream::pair().unwrap().0.into();
        Note::Connected(Arc::new(connection), Outbox::new().unwrap())
    }

    #[test]
    fn what_is_there_reaches_the_next_process_and_what_is_gone_does_not() {
        let mut inventory = Inventory::default();
        let notes = [connected(), item(1, 0x1000), item(1, 0), item(3, 0), item(3, 1), item(2, 5)];
        let gone = [Note::Gone(3, None), Note::Gone(1, Some(0x1000))];
        notes.into_iter().chain(gone).for_each(|note| inventory.apply(note).unwrap());

        let (here, there) = UnixStream::pair().unwrap();
        inventory.send(&here).unwrap();
        let mut next = Inventory::receive(&there).unwrap();

        let numbers = |kind| next.of(kind).map(|item| (item.number, item.file.is_some())).collect::<Vec<_>>();
        assert_eq!((numbers(1), numbers(2), numbers(3)), (vec![(0, true)], vec![(5, true)], vec![]));
        assert!(next.connection().is_some() && next.outbox().is_some());
        next.apply(Note::Ended(String::new())).unwrap();
        assert!(next.connection().is_none() && next.of(1).next().is_none());
    }

    #[test]
    fn notes_that_no_process_makes_end_it() {
        let mut inventory = Inventory::default();
        let long = Item { client: 1, number: 0, record: vec![0; 65], file: None };
        assert_eq!(inventory.apply(Note::Item(long)), Err(InventoryError::Record(65)));
        let mut more = (0..).map(|number| Note::Item(Item { client: 1, number, record: vec![], file: None }));
        assert!(more.by_ref().take(ITEMS_MAX).all(|note| inventory.apply(note).is_ok()));
        assert_eq!(inventory.apply(more.next().unwrap()), Err(InventoryError::Items));
    }
}
