//! A server dies and the next one goes on with its clients. Here the first one is only stuck: each of its threads is in
//! a command that takes longer than the test.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use vgpu::render::venus::{Estate, Heirloom, RECORD_BYTES_MAX};
use vgpu::sys::SharedMemory;

use crate::peer::{DriverRing, Peer, RingSetup, bytes, readable, set_reply};
use crate::server::{ECHO, NOP, SLEEP, Server, until};

/// Longer than any of these tests.
const FOR_EVER: u32 = 60_000;

type Items = BTreeMap<(u64, u64), (Vec<u8>, Option<OwnedFd>)>;

/// What a keeper would have.
#[derive(Default)]
struct Kept(Mutex<Items>);

impl Estate for Kept {
    fn note(&self, client: u64, item: u64, record: &[u8], file: Option<BorrowedFd<'_>>) {
        assert!(record.len() <= RECORD_BYTES_MAX);
        let file = file.map(|file| file.try_clone_to_owned().unwrap());
        self.0.lock().unwrap().insert((client, item), (record.to_vec(), file));
    }

    fn gone(&self, client: u64, item: Option<u64>) {
        let is_gone = |key: &(u64, u64)| key.0 == client && item.is_none_or(|item| item == key.1);
        self.0.lock().unwrap().retain(|key, _| !is_gone(key));
    }
}

impl Kept {
    fn hand_over(&self) -> Vec<Heirloom> {
        let items = std::mem::take(&mut *self.0.lock().unwrap());
        items
            .into_iter()
            .map(|((client, item), (record, file))| Heirloom { client, item, record, file })
            .collect()
    }
}

struct Estates {
    kept: Arc<Kept>,
    first: Server,
}

impl Estates {
    fn new() -> Self {
        let kept = Arc::new(Kept::default());
        let first = Server::start_after(4, 1 << 30, Arc::clone(&kept) as Arc<dyn Estate>, Vec::new());
        Self { kept, first }
    }

    fn next(&self) -> Server {
        let inherited = self.kept.hand_over();
        Server::start_after(4, 1 << 30, Arc::clone(&self.kept) as Arc<dyn Estate>, inherited)
    }
}

/// Has the thread of a client's socket wait, in a message that it has not taken out.
fn stick(peer: &mut Peer) {
    peer.submit(&[SLEEP, 0, FOR_EVER]);
    std::thread::sleep(std::time::Duration::from_millis(50));
}

#[test]
fn a_ring_goes_on_where_its_head_is_and_answers_that_the_device_is_lost() {
    let estates = Estates::new();
    let mut peer = estates.first.client();
    let setup = RingSetup { monitor_us: Some(3_000_000), ..RingSetup::new(9, 0) };
    let mut ring = DriverRing::create_with(&mut peer, setup);
    let (resource, memory) = peer.shared(4096);
    peer.sync();
    ring.submit(&mut peer, &[set_reply(resource, 100, 16), vec![ECHO, 1, 1, 7]].concat());
    ring.finish();
    ring.submit(&mut peer, &[SLEEP, 1, FOR_EVER, NOP, 1]);
    stick(&mut peer);
    ring.memory.word(128).unwrap().store(1, Ordering::SeqCst);

    let _next = estates.next();

    ring.finish();
    let mut reply = [0; 16];
    memory.copy_out(100, &mut reply).unwrap();
    assert_eq!(reply.to_vec(), bytes(&[7, u32::MAX, u32::MAX, 0]), "the replies follow the first process's");
    until("ALIVE", || ring.is_alive());
    peer.sync();
    ring.submit(&mut peer, &[set_reply(resource, 0, 16), vec![252, 0, 99, 0, NOP, 1]].concat());
    ring.finish();
    peer.submit(&[253, 0, 9, 0, 0x7000, 0]);
    peer.sync();
    assert!(!ring.is_fatal());
}

#[test]
fn a_message_that_was_not_dealt_with_is_dealt_with_by_the_next_process() {
    let estates = Estates::new();
    let mut peer = estates.first.client();
    assert_eq!(peer.blob(4096, 0).0, 1);
    stick(&mut peer);
    peer.send(18, &[2, 1, 8192, 0, 0x77, 0]);

    let _next = estates.next();

    let id = peer.read_words(3);
    assert_eq!(id, [1, 18, 2], "numbers go on");
    let (_, mut files) = vgpu::sys::receive_with_descriptors(&peer.stream, &mut [0]).unwrap();
    assert!(SharedMemory::map(&files.remove(0), 8192).is_ok());
    assert_eq!(peer.blob(4096, 0).0, 3);
}

#[test]
fn syncs_of_the_first_process_are_signalled() {
    let estates = Estates::new();
    let mut peer = estates.first.client();
    let sync = peer.ask(19, &[0, 0])[0];
    stick(&mut peer);

    let _next = estates.next();

    peer.submit_fence(5, sync, 1);
    assert!(readable(&peer.ask_file(23, &[0, u32::MAX, sync, 1, 0]).1, 0));
    assert_eq!(peer.ask(21, &[sync]), [u32::MAX, u32::MAX]);
}

#[test]
fn what_a_client_had_is_forgotten_with_it() {
    let estates = Estates::new();
    let mut peer = estates.first.client();
    let ring = DriverRing::create(&mut peer, 1);
    let (resource, _) = peer.shared(4096);
    peer.sync();
    let items = || estates.kept.0.lock().unwrap().len();
    assert_eq!(items(), 5, "connection, session, two memories, a ring");
    peer.submit(&[189, 0, 1, 0]);
    peer.send(3, &[resource]);
    peer.sync();
    assert_eq!(items(), 3);
    drop((peer, ring));
    until("the end of the client", || items() == 0);
}

#[test]
fn records_that_make_no_sense_cost_their_client_alone() {
    let estates = Estates::new();
    let mut peer = estates.first.client();
    stick(&mut peer);
    let mut inherited = estates.kept.hand_over();
    inherited.push(Heirloom { client: 77, item: 5, record: vec![1, 2, 3], file: None });
    inherited.push(Heirloom { client: 1, item: 99, record: vec![0xff; 40], file: None });
    let next = Server::start_after(4, 1 << 30, Arc::clone(&estates.kept) as Arc<dyn Estate>, inherited);
    peer.sync();
    next.client().sync();
}

#[test]
fn a_client_of_any_name_is_kept() {
    let estates = Estates::new();
    for letter in ["x", "🦀", "\u{fffd}"] {
        let mut peer = Peer::new(estates.first.connect());
        let name = letter.repeat(4096 / letter.len());
        peer.stream.write_all(&[bytes(&[name.len() as u32, 8]), name.into_bytes()].concat()).unwrap();
        peer.send(17, &[4]);
        peer.sync();
    }
}
