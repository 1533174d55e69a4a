//! The names that a guest gave its objects.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::objects::Object;
use super::recording::Recording;

/// Objects that a guest may have at once.
const OBJECTS_MAX: usize = 1 << 22;

/// Where an object stands in the table, as long as its name is not taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

/// The objects of a context by the guest's names.
#[derive(Default)]
pub(super) struct Table {
    by_id: HashMap<u64, Place, IdHash>,
    entries: Vec<Option<Entry>>,
    free: Vec<Place>,
}

struct Entry {
    object: Arc<Object>,
    /// What is recorded into it, for command buffers.
    recording: Option<Box<Recording>>,
}

/// The name is 0 or taken, or there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken;

impl Table {
    /// Where the object of a name stands.
    pub(super) fn find(&self, id: u64) -> Option<Place> {
        self.by_id.get(&id).copied()
    }

    /// The object at a place.
    pub(super) fn at(&self, place: Place) -> Option<&Arc<Object>> {
        self.entries.get(place.index())?.as_ref().map(|entry| &entry.object)
    }

    /// The object of a name.
    pub(super) fn get(&self, id: u64) -> Option<&Arc<Object>> {
        self.at(self.find(id)?)
    }

    /// Whether a new object can have this name.
    pub(super) fn is_free(&self, id: u64) -> bool {
        id != 0 && !self.by_id.contains_key(&id) && self.by_id.len() < OBJECTS_MAX
    }

    /// Enters a new object.
    pub(super) fn insert(&mut self, object: Object) -> Result<Arc<Object>, Taken> {
        if !self.is_free(object.id) {
            return Err(Taken);
        }
        let object = Arc::new(object);
        let recording = Recording::for_object(&object).map(Box::new);
        let entry = Some(Entry { object: Arc::clone(&object), recording });
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.entries.push(None);
                Place(u32::try_from(self.entries.len() - 1).map_err(|_| Taken)?)
            }
        };
        if let Some(empty) = self.entries.get_mut(place.index()) {
            *empty = entry;
        }
        self.by_id.insert(object.id, place);
        Ok(object)
    }

    /// Takes a name away. The object lives as long as somebody needs it.
    pub(super) fn remove(&mut self, id: u64) -> Option<Arc<Object>> {
        let place = self.by_id.remove(&id)?;
        let entry = self.entries.get_mut(place.index())?.take()?;
        self.free.push(place);
        Some(entry.object)
    }

    /// Takes away the names of an object and of all that was made from it, directly or not.
    pub(super) fn remove_made_from(&mut self, origin: &Arc<Object>) {
        let made = |object: &Arc<Object>| object.origins().any(|parent| Arc::ptr_eq(parent, origin));
        let ids: Vec<u64> = self
            .entries
            .iter()
            .flatten()
            .map(|entry| &entry.object)
            .filter(|object| made(object))
            .map(|object| object.id)
            .collect();
        let removed: Vec<_> = ids.into_iter().filter_map(|id| self.remove(id)).collect();
        drop(removed);
    }

    /// The number of what is recorded into a command buffer now.
    pub(super) fn recorded_number(&self, place: Place) -> u64 {
        let entry = self.entries.get(place.index()).and_then(Option::as_ref);
        entry.and_then(|entry| entry.recording.as_deref()).map_or(0, Recording::number)
    }

    /// An object and what is recorded into it, if it is a command buffer.
    pub(super) fn recording(&mut self, place: Place) -> Option<(&Arc<Object>, &mut Recording)> {
        let entry = self.entries.get_mut(place.index())?.as_mut()?;
        Some((&entry.object, entry.recording.as_deref_mut()?))
    }
}

impl Place {
    fn index(self) -> usize {
        // Fits: usize has 64 bits where Venus runs.
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Hashes guests' names. A guest that makes its names collide slows only itself.
pub(super) type IdHash = BuildHasherDefault<IdHasher>;

/// See [`IdHash`].
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // Fibonacci's multiplier spreads counters over the upper bits, where the table looks, and folds them down.
        let spread = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}
