//! Memory that a client writes while we read it, on the whole way: copied out of what is shared, decoded, answered.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use vgpu::quota::{Ledger, Shares};
use vgpu::render::venus::{Executor, Fault, Monitor, Session, Setup, Will};
use vgpu::render::vulkan::{Reason, Worker};
use vgpu::sys::{Arena, SharedMemory};
use vgpu::venus::{Malformed, Reader, decode, encode_reply};

use super::{Asked, Bytes, vectors};

const DECODES: usize = 1_000_000;
const RESOURCE: u32 = 1;

/// All that decoding a command comes to: where it ended, its arguments and its reply, or why there is none.
type Understood = Result<(usize, Vec<u64>, Vec<u8>), Malformed>;

/// Decodes each stream twice, and compares.
struct Twice {
    arena: Mutex<Arena>,
    decoded: AtomicUsize,
    refused: AtomicUsize,
    different: AtomicUsize,
}

fn understand(stream: &[u8], arena: &mut Arena) -> Understood {
    arena.reset();
    let (mut reader, mut reply) = (Reader::new(stream), Vec::new());
    let call = decode(&mut reader, arena, &mut Asked::default())?;
    encode_reply(&call, 0, arena, &mut reply);
    Ok((reader.position(), call.arguments().to_vec(), reply))
}

impl Executor for Twice {
    fn execute(&self, stream: &[u8], _: &mut Worker) -> Result<usize, Malformed> {
        let mut arena = self.arena.lock().unwrap();
        let before = stream.to_vec();
        let first = understand(stream, &mut arena);
        let again = understand(stream, &mut arena);
        let differs = first != again || before != stream;
        self.different.fetch_add(differs.into(), Ordering::Relaxed);
        let count = if first.is_ok() { &self.decoded } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
        // What is refused ends this stream, and not the session.
        Ok(first.map_or(stream.len(), |(bytes, ..)| bytes))
    }

    fn export(&self, _: u64, _: u64) -> Result<OwnedFd, String> {
        Err("there is no memory".to_owned())
    }

    fn fence(&self, _: u32, done: Box<dyn FnOnce() + Send>) {
        done();
    }

    fn lose(&self, _: Reason) {}
}

/// Where each stream lies in shared memory, one behind the other.
fn places(streams: &[Bytes]) -> Vec<(u64, u64)> {
    let lengths = streams.iter().map(|stream| stream.0.len() as u64);
    lengths.scan(0, |end, bytes| Some((std::mem::replace(end, *end + bytes), bytes))).collect()
}

/// `vkExecuteCommandStreamsMESA` of all of them.
fn execute(places: &[(u64, u64)]) -> Vec<u8> {
    let count = places.len() as u32;
    let head = Bytes::command(180, 0).words(&[count]).longs(&[count.into()]);
    let each = |bytes: Bytes, place: &(u64, u64)| bytes.words(&[RESOURCE]).longs(&[place.0, place.1]);
    places.iter().fold(head, each).longs(&[0]).words(&[0]).longs(&[0]).words(&[0]).0
}

/// A session with the streams in its shared memory, and that memory as the client has it.
fn start(twice: &Arc<Twice>, streams: &[Bytes]) -> (Session, Arc<SharedMemory>) {
    let setup = Setup {
        name: "test".into(),
        executor: Arc::clone(twice) as Arc<dyn Executor>,
        ledger: Ledger::new(1 << 24),
        heap: None,
        share: Shares::among(1).of_client(),
        monitor: Monitor::new(),
        gone: None,
        will: Will::none(),
    };
    let session = Session::new(setup).unwrap();
    let all: Vec<u8> = streams.iter().flat_map(|stream| stream.0.clone()).collect();
    let bytes = all.len().next_multiple_of(4096) as u64;
    let memory = SharedMemory::map(&session.create_blob(RESOURCE, 0, bytes).unwrap(), bytes).unwrap();
    memory.copy_in(0, &all).unwrap();
    (session, Arc::new(memory))
}

/// Spoils bytes here and there, and puts back what was there, for as long as the other thread decodes.
fn spoil(memory: &Mutex<Arc<SharedMemory>>, streams: &[Bytes], stop: &AtomicBool) {
    let places = places(streams);
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    while !stop.load(Ordering::Relaxed) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let which = random as usize % streams.len();
        let ((start, bytes), memory) = (places[which], Arc::clone(&memory.lock().unwrap()));
        match random >> 62 {
            0 => memory.copy_in(start, &streams[which].0).unwrap(),
            // A small number somewhere: a count, a mark, a type.
            1 => {
                memory.copy_in(start + (random >> 16) % (bytes / 4) * 4, &[(random >> 48) as u8 % 4]).unwrap()
            }
            _ => memory.copy_in(start + (random >> 16) % bytes, &[(random >> 48) as u8]).unwrap(),
        }
    }
}

#[test]
fn memory_that_another_thread_spoils_is_decoded_as_one_copy_of_it_says_a_million_times() {
    let mut streams = vectors::all();
    // What is about rings and streams never gets as far as an executor.
    streams.retain(|stream| !matches!(stream.0[0], 178..=180 | 188..=191));
    let execute = execute(&places(&streams));
    let twice = Arc::new(Twice {
        arena: Mutex::new(Arena::new(1 << 20).unwrap()),
        decoded: AtomicUsize::new(0),
        refused: AtomicUsize::new(0),
        different: AtomicUsize::new(0),
    });
    let (mut session, memory) = start(&twice, &streams);
    let (shared, stop) = (Mutex::new(memory), AtomicBool::new(false));
    let counts = || (twice.decoded.load(Ordering::Relaxed), twice.refused.load(Ordering::Relaxed));
    std::thread::scope(|scope| {
        scope.spawn(|| spoil(&shared, &streams, &stop));
        while counts().0 + counts().1 < DECODES && !stop.load(Ordering::Relaxed) {
            match session.submit(&execute) {
                Ok(()) => {}
                Err(Fault::Bug(_)) => stop.store(true, Ordering::Relaxed),
                // A number was spoilt into one of a command about streams: that ends a session.
                Err(_) => (session, *shared.lock().unwrap()) = start(&twice, &streams),
            }
        }
        assert!(!stop.swap(true, Ordering::Relaxed), "a command made us panic");
    });

    let (decoded, refused) = counts();
    assert!(decoded > DECODES / 100 && refused > DECODES / 100, "{decoded} decoded, {refused} refused");
    assert_eq!(twice.different.load(Ordering::Relaxed), 0, "of {DECODES}");
}
