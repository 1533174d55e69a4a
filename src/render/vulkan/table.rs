//! The names that a guest gave its objects.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::objects::Object;
use super::recording::Recording;
use crate::venus::ObjectType;

/// Objects that a guest may have at once.
const OBJECTS_MAX: usize = 1 << 22;

/// Where an object stands in the table, as long as its name is not taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(usize);

/// The objects of a context by the guest's names.
///
/// Mesa counts its objects, so most names are small numbers and are places themselves.
#[derive(Default)]
pub(super) struct Table {
    small: Vec<Option<Entry>>,
    large: Vec<Option<Entry>>,
    /// Places in `large`.
    by_id: HashMap<u64, Place, IdHash>,
    free: Vec<Place>,
    count: usize,
    /// Something was destroyed that a descriptor set may keep.
    pub(super) orphans: bool,
}

struct Entry {
    object: Arc<Object>,
    /// What is recorded into it, for command buffers.
    recording: Option<Box<Recording>>,
}

/// The first name, and the first place, that is not small.
const LARGE: usize = 1 << 18;

/// The name is 0 or taken, or there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken;

impl Table {
    /// Where the object of a name stands, if there is one.
    #[inline]
    pub(super) fn find(&self, id: u64) -> Option<Place> {
        match usize::try_from(id) {
            Ok(small) if small < LARGE => Some(Place(small)),
            _ => self.by_id.get(&id).copied(),
        }
    }

    /// The object at a place.
    #[inline]
    pub(super) fn at(&self, place: Place) -> Option<&Arc<Object>> {
        let entry = match place.0.checked_sub(LARGE) {
            None => self.small.get(place.0),
            Some(large) => self.large.get(large),
        };
        entry?.as_ref().map(|entry| &entry.object)
    }

    /// The object of a name.
    pub(super) fn get(&self, id: u64) -> Option<&Arc<Object>> {
        self.at(self.find(id)?)
    }

    /// Whether a new object can have this name.
    pub(super) fn is_free(&self, id: u64) -> bool {
        id != 0 && self.get(id).is_none() && self.count < OBJECTS_MAX
    }

    /// Enters a new object.
    pub(super) fn insert(&mut self, object: Object) -> Result<Arc<Object>, Taken> {
        if !self.is_free(object.id) {
            return Err(Taken);
        }
        let object = Arc::new(object);
        let recording = Recording::for_object(&object).map(Box::new);
        let place = self.make_place(object.id);
        *self.entry(place).ok_or(Taken)? = Some(Entry { object: Arc::clone(&object), recording });
        self.count += 1;
        Ok(object)
    }

    fn make_place(&mut self, id: u64) -> Place {
        match self.find(id) {
            Some(place) => {
                if place.0 >= self.small.len() {
                    self.small.resize_with((place.0 + 1).next_power_of_two(), || None);
                }
                place
            }
            None => {
                let place = self.free.pop().unwrap_or_else(|| {
                    self.large.push(None);
                    Place(LARGE + self.large.len() - 1)
                });
                self.by_id.insert(id, place);
                place
            }
        }
    }

    fn entry(&mut self, place: Place) -> Option<&mut Option<Entry>> {
        match place.0.checked_sub(LARGE) {
            None => self.small.get_mut(place.0),
            Some(large) => self.large.get_mut(large),
        }
    }

    /// Takes a name away. The object lives as long as somebody needs it.
    pub(super) fn remove(&mut self, id: u64) -> Option<Arc<Object>> {
        let place = self.find(id)?;
        let entry = self.entry(place)?.take()?;
        if self.by_id.remove(&id).is_some() {
            self.free.push(place);
        }
        self.count -= 1;
        let object = entry.object;
        object.orphan();
        let described = [ObjectType::Buffer, ObjectType::BufferView, ObjectType::ImageView];
        self.orphans |= Arc::strong_count(&object) > 1 && described.contains(&object.kind);
        Some(object)
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.small.iter().chain(&self.large).flatten().map(|entry| &entry.object)
    }

    /// Takes away the names of an object and of all that was made from it, directly or not.
    pub(super) fn remove_made_from(&mut self, origin: &Arc<Object>) {
        let made = |object: &Arc<Object>| object.origins().any(|parent| Arc::ptr_eq(parent, origin));
        let ids: Vec<u64> = self.all().filter(|object| made(object)).map(|object| object.id).collect();
        let removed: Vec<_> = ids.into_iter().filter_map(|id| self.remove(id)).collect();
        drop(removed);
    }

    /// An object and what is recorded into it, if it is a command buffer.
    #[inline]
    pub(super) fn recording(&mut self, place: Place) -> Option<(&Arc<Object>, &mut Recording)> {
        let entry = self.entry(place)?.as_mut()?;
        Some((&entry.object, entry.recording.as_deref_mut()?))
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
