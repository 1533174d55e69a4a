//! Sessions in a heap: rings and streams lie there, and outlive neither the memory's owner nor only this process.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use vgpu::heap::Heap;
use vgpu::quota::{Ledger, Shares};
use vgpu::render::venus::{
    Estate, Fault, GpuRenderer, Heirloom, Monitor, NotShared, RECORD_BYTES_MAX, Renderer, Session, Setup,
    Will,
};
use vgpu::render::vulkan::Leave;
use vgpu::sys::SharedMemory;
use vgpu::venus::CommandType as C;

use crate::guest::Command;
use crate::scene;

const PAGE: u64 = 4096;
const RING: u64 = 5;
/// The ring's resource, at the start of the heap, and its bytes.
const RESOURCE: u32 = 1;
const RING_BYTES: u64 = 2 * PAGE;
/// The replies' resource, behind it.
const REPLIES: u32 = 2;
const DEVICE_LOST: u32 = (-4_i32).cast_unsigned();

type Items = BTreeMap<u64, (Vec<u8>, Option<OwnedFd>)>;

/// What a keeper would have.
#[derive(Default)]
struct Kept(Mutex<Items>);

impl Estate for Kept {
    fn note(&self, _: u64, item: u64, record: &[u8], file: Option<BorrowedFd<'_>>) {
        assert!(record.len() <= RECORD_BYTES_MAX);
        let file = file.map(|file| file.try_clone_to_owned().unwrap());
        self.0.lock().unwrap().insert(item, (record.to_vec(), file));
    }

    fn gone(&self, _: u64, item: Option<u64>) {
        self.0.lock().unwrap().retain(|key, _| item.is_some_and(|item| item != *key));
    }
}

impl Kept {
    fn hand_over(&self) -> Vec<Heirloom> {
        let items = std::mem::take(&mut *self.0.lock().unwrap()).into_iter();
        items.map(|(item, (record, file))| Heirloom { client: 1, item, record, file }).collect()
    }
}

fn setup(heap: Option<&Heap>, kept: &Arc<Kept>) -> Setup {
    let (ledger, share) = (Ledger::new(1 << 24), Shares::among(1).of_client());
    let renderer = GpuRenderer::new(scene::gpu(), ledger.clone(), Leave::open(), heap.cloned());
    Setup {
        name: "test".into(),
        executor: renderer.context("test", &share.mappings),
        ledger,
        heap: heap.cloned(),
        share,
        monitor: Monitor::new(),
        gone: None,
        will: Will::new(Arc::clone(kept) as Arc<dyn Estate>, 1),
    }
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A guest's driver with its ring and its replies in a heap.
struct Driver {
    heap: Heap,
    memory: Arc<SharedMemory>,
    file: File,
    tail: u32,
}

impl Driver {
    /// With a ring that falls idle after a millisecond, and asks to be told that we are alive.
    fn start(session: &mut Session, heap: &Heap) -> Self {
        let memory = Arc::new(SharedMemory::map(&heap.file(), heap.bytes()).unwrap());
        session.attach(RESOURCE, 0, heap.range(0, RING_BYTES).unwrap()).unwrap();
        session.attach(REPLIES, 0, heap.range(RING_BYTES, PAGE).unwrap()).unwrap();
        let ring = Command::new(C::CreateRingMESA).long(RING).some().int(1_000_384_000);
        let ring = ring.info(1_000_384_006).int(100_000).ints([0, RESOURCE]);
        let ring = ring.longs([0, 4292, 1_000_000, 0, 64, 128, 192, 4096, 4288, 4]);
        session.submit(&ring.into_bytes()).unwrap();
        Self { file: heap.share().unwrap().into(), heap: heap.clone(), memory, tail: 0 }
    }

    fn word(&self, offset: u64) -> u32 {
        self.memory.word(offset).unwrap().load(Ordering::SeqCst)
    }

    fn is_idle(&self) -> bool {
        self.word(128) & 1 != 0
    }

    /// Has commands carried out by the ring, and waits for it.
    fn send(&mut self, session: &mut Session, commands: &[Command]) {
        for command in commands {
            let bytes = command.bytes_of();
            self.memory.copy_in(192 + u64::from(self.tail), bytes).unwrap();
            self.tail += u32::try_from(bytes.len()).unwrap();
        }
        self.memory.word(64).unwrap().store(self.tail, Ordering::SeqCst);
        session.submit(&notify()).unwrap();
        until("the end of the commands", || self.word(0) == self.tail);
    }

    fn reply(&self, index: u64) -> u32 {
        self.word(RING_BYTES + 4 * index)
    }

    /// The next owner's bytes.
    fn fill(&self, offset: u64, bytes: u64) {
        self.file.write_all_at(&vec![9; usize::try_from(bytes).unwrap()], offset).unwrap();
    }

    fn assert_untouched(&self, offset: u64, bytes: u64) {
        let mut read = vec![0; usize::try_from(bytes).unwrap()];
        self.file.read_exact_at(&mut read, offset).unwrap();
        assert_eq!(read.iter().position(|byte| *byte != 9), None);
    }
}

fn notify() -> Vec<u8> {
    Command::new(C::NotifyRingMESA).long(RING).ints([0, 0]).into_bytes()
}

fn set_replies() -> Command {
    Command::new(C::SetReplyCommandStreamMESA).some().int(REPLIES).longs([0, PAGE])
}

fn session(heap: &Heap) -> Session {
    Session::new(setup(Some(heap), &Arc::default())).unwrap()
}

#[test]
fn a_ring_and_its_replies_lie_in_the_heap() {
    let heap = Heap::create(64 << 10).unwrap();
    let mut session = session(&heap);
    let mut driver = Driver::start(&mut session, &heap);
    driver.send(&mut session, &[set_replies(), scene::create_instance(7)]);
    assert_eq!([0, 1].map(|index| driver.reply(index)), [C::CreateInstance as u32, 0]);
    until("ALIVE", || driver.word(128) & 4 != 0);
}

#[test]
fn a_ring_whose_memory_the_guest_takes_away_writes_no_byte_of_the_next_owner_and_its_client_is_gone() {
    let heap = Heap::create(64 << 10).unwrap();
    let kept = Arc::new(Kept::default());
    let mut session = Session::new(setup(Some(&heap), &kept)).unwrap();
    let mut driver = Driver::start(&mut session, &heap);
    driver.send(&mut session, &[set_replies(), scene::create_instance(7)]);

    session.detach(RESOURCE);
    let range = heap.range(0, RING_BYTES).unwrap();
    heap.punch(range).unwrap();
    driver.fill(0, RING_BYTES);
    // Longer than what falling idle takes, and the monitor's shortest period.
    std::thread::sleep(Duration::from_millis(250));
    assert!(matches!(session.submit(&notify()), Err(Fault::Gone)));
    session.detach(RESOURCE);
    driver.assert_untouched(0, RING_BYTES);
    assert_eq!(kept.0.lock().unwrap().len(), 2, "what is left is the session, and the replies");
    drop(session);
    driver.assert_untouched(0, RING_BYTES);
}

#[test]
fn replies_whose_memory_the_guest_takes_away_are_written_nowhere() {
    let heap = Heap::create(64 << 10).unwrap();
    let mut session = session(&heap);
    let driver = Driver::start(&mut session, &heap);
    session.submit(&set_replies().into_bytes()).unwrap();
    session.detach(REPLIES);
    heap.punch(heap.range(RING_BYTES, PAGE).unwrap()).unwrap();
    driver.fill(RING_BYTES, PAGE);

    let submitted = session.submit(&scene::create_instance(7).into_bytes());

    assert!(matches!(submitted, Err(Fault::Resource(REPLIES))), "{submitted:?}");
    driver.assert_untouched(RING_BYTES, PAGE);
    drop(session);
    driver.assert_untouched(RING_BYTES, PAGE);
}

#[test]
fn what_is_attached_twice_is_one_and_what_cannot_be_attached_costs_the_client_its_device() {
    let heap = Heap::create(64 << 10).unwrap();
    let mut session = session(&heap);
    let mut driver = Driver::start(&mut session, &heap);
    session.attach(RESOURCE, 0, heap.range(0, RING_BYTES).unwrap()).unwrap();
    for (id, blob_id) in [(8, 0x77), (9, 0)] {
        let range = heap.range(8 * PAGE, PAGE).unwrap();
        session.attach(id, blob_id, range).unwrap();
        session.attach(id, blob_id, range).unwrap();
        session.detach(id);
        session.attach(id, blob_id, heap.range(9 * PAGE, PAGE).unwrap()).unwrap();
    }
    driver.send(&mut session, &[set_replies(), scene::create_instance(7)]);
    assert_eq!(driver.reply(1), 0);

    let moved = session.attach(8, 0x77, heap.range(10 * PAGE, PAGE).unwrap());
    assert!(matches!(moved, Err(NotShared::Exists(8))));
    driver.send(&mut session, &[set_replies(), scene::create_instance(17)]);
    assert_eq!(driver.reply(1), DEVICE_LOST);

    let other = Session::new(setup(None, &Arc::default())).unwrap();
    for (id, blob_id) in [(8, 0x77), (9, 0)] {
        let refused = other.attach(id, blob_id, heap.range(0, PAGE).unwrap());
        assert!(matches!(refused, Err(NotShared::Attach { .. })));
    }
}

#[test]
fn a_ring_in_the_heap_goes_on_in_the_next_process_where_its_head_is() {
    let heap = Heap::create(64 << 10).unwrap();
    let kept = Arc::new(Kept::default());
    let mut first = Session::new(setup(Some(&heap), &kept)).unwrap();
    let mut driver = Driver::start(&mut first, &heap);
    driver.send(&mut first, &[set_replies(), scene::create_instance(7)]);
    // Its thread sleeps from then on, as if its process were gone; only its monitor goes on.
    until("IDLE", || driver.is_idle());
    let items = kept.hand_over();
    std::mem::forget(first);

    // As the one that started both has it.
    let heap = Heap::open(driver.heap.share().unwrap()).unwrap();
    let mut next = Session::inherit(setup(Some(&heap), &kept), items).unwrap().unwrap();
    driver.send(&mut next, &[scene::create_instance(17)]);
    // Each has six words: the command, its result, and the instance behind a pointer.
    let replies = [0, 1, 6, 7].map(|index| driver.reply(index));
    assert_eq!(replies, [C::CreateInstance as u32, 0, C::CreateInstance as u32, DEVICE_LOST]);

    next.detach(RESOURCE);
    assert!(matches!(next.submit(&notify()), Err(Fault::Gone)));
}
