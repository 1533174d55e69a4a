//! What the next process needs to answer a client when this one dies: a driver whose ring stands still aborts the
//! program, and one that is told that its device is lost does not.
//!
//! Rare changes are noted with whoever started the process. What changes with every reply is written into a page that
//! the keeper has too; a command whose effect on it was cut off is carried out again, for the head has not passed it.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use super::Fault;
use super::layout::RingInfo;
use crate::heap::{Heap, HeapRange};
use crate::render::vulkan::{Polled, Witness};
use crate::sys::SharedMemory;

/// Longest record that is noted.
pub const RECORD_BYTES_MAX: usize = 256;

/// The page: a word for the transport, then a slot for each line.
const PAGE_BYTES: u64 = SLOTS_START + SLOT_BYTES * SLOTS;
const SLOTS_START: u64 = 64;
const SLOT_BYTES: u64 = 32;

/// The control thread has slot 0, rings have the others.
pub(super) const SLOTS: u64 = 256;

/// Items by their kinds; the connection is the transport's.
const CONNECTION: u64 = 0;
const SESSION: u64 = 1;
const MEMORY: u64 = 1 << 32;
const RING: u64 = 2 << 32;
const FEEDBACK: u64 = 3 << 32;

/// Keeps what a client has, beyond this process. What is said is kept in this order, and nothing is answered.
pub trait Estate: Send + Sync {
    /// Keeps an item, in place of one that the client had of this number.
    fn note(&self, client: u64, item: u64, record: &[u8], file: Option<BorrowedFd<'_>>);

    /// Forgets an item, or the client with all its items.
    fn gone(&self, client: u64, item: Option<u64>);
}

/// An estate of which nothing is kept.
#[derive(Debug)]
pub struct Nobody;

impl Estate for Nobody {
    fn note(&self, _: u64, _: u64, _: &[u8], _: Option<BorrowedFd<'_>>) {}

    fn gone(&self, _: u64, _: Option<u64>) {}
}

/// An item as it was kept.
#[derive(Debug)]
pub struct Heirloom {
    /// Whose it was.
    pub client: u64,
    /// The item's number.
    pub item: u64,
    /// What was noted.
    pub record: Vec<u8>,
    /// The file that came with it.
    pub file: Option<OwnedFd>,
}

impl Heirloom {
    /// Whether this is the connection itself.
    pub fn is_connection(&self) -> bool {
        self.item == CONNECTION
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record {
    Session {
        name: String,
    },
    /// In its file, or from this offset on in the heap.
    Memory {
        id: u32,
        bytes: u64,
        offset: Option<u64>,
    },
    Ring {
        id: u64,
        slot: u64,
        info: RingInfo,
    },
    /// In its file, or in the heap: the resource, and its offset.
    Feedback {
        bytes: u64,
        heap: Option<(u32, u64)>,
    },
}

impl Record {
    pub(super) fn of(heirloom: &Heirloom) -> Option<Self> {
        postcard::from_bytes(&heirloom.record).ok()
    }
}

/// One client's part of an estate.
#[derive(Clone)]
pub struct Will {
    estate: Arc<dyn Estate>,
    client: u64,
}

impl Will {
    /// For the client of this number.
    pub fn new(estate: Arc<dyn Estate>, client: u64) -> Self {
        Self { estate, client }
    }

    /// For a client of whom nothing is kept.
    pub fn none() -> Self {
        Self::new(Arc::new(Nobody), 0)
    }

    /// Notes the client's connection: the first thing that is noted.
    pub fn note_connection(&self, file: BorrowedFd<'_>) {
        self.estate.note(self.client, CONNECTION, &[], Some(file));
    }

    /// Forgets all of the client.
    pub fn burn(&self) {
        self.estate.gone(self.client, None);
    }

    pub(super) fn note_session(&self, name: &str, page: BorrowedFd<'_>) {
        self.note(SESSION, &Record::Session { name: name.to_owned() }, Some(page));
    }

    pub(super) fn note_memory(&self, id: u32, bytes: u64, file: BorrowedFd<'_>) {
        self.note(MEMORY | u64::from(id), &Record::Memory { id, bytes, offset: None }, Some(file));
    }

    /// The heap itself whoever starts the next process gives it.
    pub(super) fn note_range(&self, id: u32, range: HeapRange) {
        let record = Record::Memory { id, bytes: range.bytes(), offset: Some(range.offset()) };
        self.note(MEMORY | u64::from(id), &record, None);
    }

    pub(super) fn forget_memory(&self, id: u32) {
        self.estate.gone(self.client, Some(MEMORY | u64::from(id)));
    }

    pub(super) fn note_ring(&self, id: u64, slot: u64, info: RingInfo) {
        self.note(RING | slot, &Record::Ring { id, slot, info }, None);
    }

    pub(super) fn forget_ring(&self, slot: u64) {
        self.estate.gone(self.client, Some(RING | slot));
    }

    /// Notes the memory where the client's driver looks for what the GPU did: the next process says there that its
    /// device is lost.
    pub(super) fn witness(&self) -> Witness {
        let (will, last) = (self.clone(), AtomicU32::new(0));
        Box::new(move |polled| {
            let item = FEEDBACK | u64::from(last.fetch_add(1, Ordering::Relaxed));
            match polled {
                Polled::File(file, bytes) => {
                    will.note(item, &Record::Feedback { bytes, heap: None }, Some(file))
                }
                Polled::Heap(id, range) => {
                    let heap = Some((id, range.offset()));
                    will.note(item, &Record::Feedback { bytes: range.bytes(), heap }, None);
                }
            }
            Box::new(Legacy { will: will.clone(), item })
        })
    }

    fn note(&self, item: u64, record: &Record, file: Option<BorrowedFd<'_>>) {
        // A record is some numbers and a short name: there is always room.
        if let Ok(bytes) = postcard::to_stdvec(record) {
            self.estate.note(self.client, item, &bytes, file);
        }
    }
}

/// An item that is forgotten when this is dropped.
struct Legacy {
    will: Will,
    item: u64,
}

impl Drop for Legacy {
    fn drop(&mut self) {
        self.will.estate.gone(self.will.client, Some(self.item));
    }
}

/// What changes too often to be noted.
#[derive(Debug)]
pub(super) struct Page(Arc<SharedMemory>);

/// A line's reply stream, as the page has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ReplyPlace {
    /// 0 is none.
    pub(super) resource_id: u32,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) position: u64,
}

impl Page {
    pub(super) fn create() -> std::io::Result<(Self, OwnedFd)> {
        let (memory, file) = SharedMemory::create(PAGE_BYTES)?;
        Ok((Self(Arc::new(memory)), file))
    }

    pub(super) fn open(file: &OwnedFd) -> Result<Self, Fault> {
        let memory = SharedMemory::map(file, PAGE_BYTES);
        memory.map(|memory| Self(Arc::new(memory))).map_err(|error| Fault::Host(error.to_string()))
    }

    /// The number that the transport gave last.
    pub(super) fn last_id(&self) -> u32 {
        let mut bytes = [0; 4];
        _ = self.0.copy_out(0, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    pub(super) fn set_last_id(&self, id: u32) {
        _ = self.0.copy_in(0, &id.to_le_bytes());
    }

    pub(super) fn reply_place(&self, slot: u64) -> ReplyPlace {
        let mut bytes = [0; 32];
        _ = self.0.copy_out(SLOTS_START + slot * SLOT_BYTES, &mut bytes);
        let [resource_id, offset, size, position] = bytes.as_chunks().0 else { return ReplyPlace::default() };
        let [resource_id, offset, size, position] =
            [resource_id, offset, size, position].map(|long| u64::from_le_bytes(*long));
        ReplyPlace { resource_id: u32::try_from(resource_id).unwrap_or_default(), offset, size, position }
    }

    pub(super) fn set_reply_place(&self, slot: u64, place: &ReplyPlace) {
        let longs = [u64::from(place.resource_id), place.offset, place.size, place.position];
        let longs = longs.map(u64::to_le_bytes);
        _ = self.0.copy_in(SLOTS_START + slot * SLOT_BYTES, longs.as_flattened());
    }
}

/// Where shared memory is that a process leaves.
pub(super) enum Left {
    File(OwnedFd, u64),
    Heap(HeapRange),
}

/// The session's items, sorted.
pub(super) struct Inheritance {
    pub(super) name: String,
    pub(super) page: Page,
    pub(super) memories: Vec<(u32, Left)>,
    pub(super) rings: Vec<(u64, u64, RingInfo)>,
    /// With the resource of what lies in the heap.
    pub(super) feedback: Vec<(Option<u32>, SharedMemory)>,
}

impl Inheritance {
    /// `None` where a client has no session yet. Items that cannot be read are left out.
    pub(super) fn sort(items: Vec<Heirloom>, heap: Option<&Heap>) -> Option<Result<Self, Fault>> {
        let (mut session, mut memories, mut rings) = (None, Vec::new(), Vec::new());
        let mut feedback = Vec::new();
        let range = |offset, bytes| heap?.range(offset, bytes).ok();
        for item in items {
            match (Record::of(&item), item.file) {
                (Some(Record::Session { name }), Some(page)) => session = Some((name, page)),
                (Some(Record::Memory { id, bytes, offset: None }), Some(file)) => {
                    memories.push((id, Left::File(file, bytes)));
                }
                (Some(Record::Memory { id, bytes, offset: Some(offset) }), None) => {
                    memories.extend(range(offset, bytes).map(|range| (id, Left::Heap(range))));
                }
                (Some(Record::Ring { id, slot, info }), _) if slot < SLOTS => rings.push((id, slot, info)),
                (Some(Record::Feedback { bytes, heap: None }), Some(file)) => {
                    feedback.extend(SharedMemory::map(&file, bytes).ok().map(|memory| (None, memory)));
                }
                (Some(Record::Feedback { bytes, heap: Some((id, offset)) }), None) => {
                    let mapped = heap
                        .filter(|_| range(offset, bytes).is_some())
                        .and_then(|heap| SharedMemory::map_range(&heap.file(), offset, bytes).ok());
                    feedback.extend(mapped.map(|memory| (Some(id), memory)));
                }
                _ => {}
            }
        }
        let (name, page) = session?;
        Some(Page::open(&page).map(|page| Self { name, page, memories, rings, feedback }))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_page_keeps_each_line_s_place_for_the_next_process() {
        let (page, file) = Page::create().unwrap();
        let place = ReplyPlace { resource_id: 7, offset: 1 << 40, size: 5, position: 3 };
        page.set_reply_place(SLOTS - 1, &place);
        page.set_last_id(9);

        let next = Page::open(&file).unwrap();

        assert_eq!((next.reply_place(SLOTS - 1), next.last_id()), (place, 9));
        assert_eq!(next.reply_place(0), ReplyPlace::default());
    }

    #[derive(Default)]
    struct Noting(Mutex<Vec<Heirloom>>);

    impl Estate for Noting {
        fn note(&self, client: u64, item: u64, record: &[u8], file: Option<BorrowedFd<'_>>) {
            let file = file.map(|file| file.try_clone_to_owned().unwrap());
            self.0.lock().unwrap().push(Heirloom { client, item, record: record.to_vec(), file });
        }

        fn gone(&self, client: u64, item: Option<u64>) {
            self.0
                .lock()
                .unwrap()
                .retain(|kept| kept.client != client || item.is_some_and(|it| it != kept.item));
        }
    }

    #[test]
    fn the_next_process_has_the_memory_that_a_driver_polls_as_long_as_it_is_there() {
        let estate = Arc::new(Noting::default());
        let will = Will::new(Arc::clone(&estate) as Arc<dyn Estate>, 1);
        will.note_session("name", Page::create().unwrap().1.as_fd());
        let (memory, file) = SharedMemory::create(4096).unwrap();
        let witness = will.witness();
        let kept = witness(Polled::File(file.as_fd(), 4096));
        drop(witness(Polled::File(SharedMemory::create(64).unwrap().1.as_fd(), 64)));

        let items = std::mem::take(&mut *estate.0.lock().unwrap());
        let next = Inheritance::sort(items, None).unwrap().unwrap();
        drop(kept);

        assert_eq!(next.feedback.len(), 1);
        next.feedback[0].1.copy_in(4088, &[7; 8]).unwrap();
        let mut bytes = [0; 8];
        memory.copy_out(4088, &mut bytes).unwrap();
        assert_eq!(bytes, [7; 8]);
    }

    #[test]
    fn what_lies_in_the_heap_is_kept_as_a_range_and_only_found_in_a_heap_that_has_it() {
        let estate = Arc::new(Noting::default());
        let will = Will::new(Arc::clone(&estate) as Arc<dyn Estate>, 1);
        let heap = Heap::create(4 << 16).unwrap();
        let range = |page: u64| heap.range(page << 16, 1 << 16).unwrap();
        let items = || {
            will.note_session("name", Page::create().unwrap().1.as_fd());
            will.note_range(5, range(1));
            let kept = will.witness()(Polled::Heap(6, range(2)));
            (std::mem::take(&mut *estate.0.lock().unwrap()), kept)
        };

        let next = Inheritance::sort(items().0, Some(&heap)).unwrap().unwrap();

        assert!(matches!(next.memories[..], [(5, Left::Heap(found))] if found == range(1)));
        let [(Some(6), memory)] = &next.feedback[..] else { panic!("{} memories", next.feedback.len()) };
        memory.copy_in(0, &[7]).unwrap();
        let whole = SharedMemory::map(&heap.file(), heap.bytes()).unwrap();
        let mut bytes = [0; 2];
        whole.copy_out((2 << 16) - 1, &mut bytes).unwrap();
        assert_eq!(bytes, [0, 7]);
        let smaller = Heap::create(1 << 16).unwrap();
        for other in [Some(&smaller), None] {
            let next = Inheritance::sort(items().0, other).unwrap().unwrap();
            assert!(next.memories.is_empty() && next.feedback.is_empty());
        }
    }

    #[test]
    fn the_longest_record_is_short_enough() {
        let longest = RingInfo {
            resource_id: u32::MAX,
            offset: u64::MAX,
            size: u64::MAX,
            idle_timeout_ns: u64::MAX,
            head_offset: u64::MAX,
            tail_offset: u64::MAX,
            status_offset: u64::MAX,
            buffer_offset: u64::MAX,
            buffer_size: u64::MAX,
            extra_offset: u64::MAX,
            extra_size: u64::MAX,
            report_period_us: Some(u32::MAX),
            priority: Some(i32::MIN),
        };
        let ring = Record::Ring { id: u64::MAX, slot: u64::MAX, info: longest };
        assert!(postcard::to_stdvec(&ring).unwrap().len() <= RECORD_BYTES_MAX);
    }
}
