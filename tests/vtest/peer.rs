//! A client, byte by byte.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vgpu::sys::{SharedMemory, receive_with_descriptors};

use crate::server::until;

pub fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Whether a descriptor is readable within some time.
pub fn readable(file: &OwnedFd, milliseconds: u16) -> bool {
    let mut waits = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    poll(&mut waits, PollTimeout::from(milliseconds)).unwrap() == 1
}

pub struct Peer {
    pub stream: UnixStream,
}

impl Peer {
    pub fn new(stream: UnixStream) -> Self {
        Self { stream }
    }

    /// What Mesa says first; the answers are looked at elsewhere.
    pub fn begin(&mut self) {
        self.stream.write_all(&[bytes(&[5, 8]), b"test\0".to_vec()].concat()).unwrap();
        self.send(17, &[4]);
        self.sync();
    }

    /// Waits until all that was sent is dealt with.
    pub fn sync(&mut self) {
        assert_eq!(self.ask(7, &[0, 0]), [0]);
    }

    /// As Mesa: the header and the payload are two writes.
    pub fn send(&mut self, number: u32, payload: &[u32]) {
        self.stream.write_all(&bytes(&[payload.len() as u32, number])).unwrap();
        self.stream.write_all(&bytes(payload)).unwrap();
    }

    pub fn read_words(&mut self, count: usize) -> Vec<u32> {
        let mut buffer = vec![0; 4 * count];
        self.stream.read_exact(&mut buffer).unwrap();
        buffer.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
    }

    pub fn ask(&mut self, number: u32, payload: &[u32]) -> Vec<u32> {
        self.send(number, payload);
        let header = self.read_words(2);
        assert_eq!(header[1], number);
        self.read_words(header[0] as usize)
    }

    /// Asks for what is answered with a descriptor too.
    pub fn ask_file(&mut self, number: u32, payload: &[u32]) -> (Vec<u32>, OwnedFd) {
        let words = self.ask(number, payload);
        let (count, mut files) = receive_with_descriptors(&self.stream, &mut [0]).unwrap();
        assert_eq!((count, files.len()), (1, 1));
        (words, files.remove(0))
    }

    /// A blob; `blob_id` 0 is memory shared with the renderer.
    pub fn blob(&mut self, size: u64, blob_id: u64) -> (u32, OwnedFd) {
        let halves = |value: u64| [value as u32, (value >> 32) as u32];
        let ([low, high], [id_low, id_high]) = (halves(size), halves(blob_id));
        let (words, file) = self.ask_file(18, &[2, 1, low, high, id_low, id_high]);
        (words[0], file)
    }

    pub fn shared(&mut self, size: u64) -> (u32, Arc<SharedMemory>) {
        let (id, file) = self.blob(size, 0);
        (id, Arc::new(SharedMemory::map(&file, size).unwrap()))
    }

    /// Commands on the socket, in a batch of timeline 0 without syncs.
    pub fn submit(&mut self, commands: &[u32]) {
        let count = commands.len() as u32;
        self.send(24, &[&[1, 1, 7, count, 7 + count, 0, 0], commands].concat());
    }

    /// An empty batch on a timeline that signals one sync.
    pub fn submit_fence(&mut self, ring_index: u32, sync: u32, value: u32) {
        self.send(24, &[1, 1, 7, 0, 7, 1, ring_index, sync, value, 0]);
    }

    /// Whether the server closes the connection.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// `vkCreateRingMESA` of a ring as Mesa lays it out, with changes.
pub struct RingSetup {
    pub ring: u64,
    pub resource: u32,
    pub buffer: u32,
    pub idle_timeout_ns: u32,
    pub monitor_us: Option<u32>,
    pub head_offset: u32,
}

impl RingSetup {
    pub fn new(ring: u64, resource: u32) -> Self {
        Self { ring, resource, buffer: 4096, idle_timeout_ns: 1_000_000, monitor_us: None, head_offset: 0 }
    }

    pub fn memory_bytes(&self) -> u64 {
        u64::from(self.buffer) + 196
    }

    pub fn command(&self) -> Vec<u32> {
        let mut words = vec![188, 0, self.ring as u32, (self.ring >> 32) as u32, 1, 0, 1_000_384_000];
        match self.monitor_us {
            Some(period) => words.extend([1, 0, 1_000_384_006, 0, 0, period]),
            None => words.extend([0, 0]),
        }
        words.extend([0, self.resource]);
        let longs = [
            0,
            self.memory_bytes() as u32,
            self.idle_timeout_ns,
            self.head_offset,
            64,
            128,
            192,
            self.buffer,
            192 + self.buffer,
            4,
        ];
        words.extend(longs.into_iter().flat_map(|long| [long, 0]));
        words
    }
}

/// The driver's side of a ring.
pub struct DriverRing {
    pub id: u64,
    pub memory: Arc<SharedMemory>,
    buffer: u32,
    pub tail: u32,
}

impl DriverRing {
    pub fn create(peer: &mut Peer, id: u64) -> Self {
        Self::create_with(peer, RingSetup::new(id, 0))
    }

    pub fn create_with(peer: &mut Peer, mut setup: RingSetup) -> Self {
        let (resource, memory) = peer.shared(setup.memory_bytes());
        setup.resource = resource;
        peer.submit(&setup.command());
        Self { id: setup.ring, memory, buffer: setup.buffer, tail: 0 }
    }

    pub fn word(&self, offset: u64) -> u32 {
        self.memory.word(offset).unwrap().load(Ordering::SeqCst)
    }

    pub fn head(&self) -> u32 {
        self.word(0)
    }

    pub fn is_idle(&self) -> bool {
        self.word(128) & 1 != 0
    }

    pub fn is_fatal(&self) -> bool {
        self.word(128) & 2 != 0
    }

    pub fn is_alive(&self) -> bool {
        self.word(128) & 4 != 0
    }

    pub fn set_tail(&mut self, tail: u32) {
        self.tail = tail;
        self.memory.word(64).unwrap().store(tail, Ordering::SeqCst);
    }

    /// Writes commands, and says so if the ring is idle.
    pub fn submit(&mut self, peer: &mut Peer, words: &[u32]) {
        self.write(words);
        if self.is_idle() {
            self.notify(peer);
        }
    }

    pub fn write(&mut self, words: &[u32]) {
        for (index, byte) in bytes(words).iter().enumerate() {
            let offset = (self.tail.wrapping_add(index as u32)) & (self.buffer - 1);
            self.memory.copy_in(192 + u64::from(offset), &[*byte]).unwrap();
        }
        self.set_tail(self.tail.wrapping_add(4 * words.len() as u32));
    }

    pub fn notify(&self, peer: &mut Peer) {
        peer.submit(&[190, 0, self.id as u32, (self.id >> 32) as u32, self.tail, 0]);
    }

    /// Waits until all is carried out.
    pub fn finish(&self) {
        until("the end of the ring's commands", || self.head() == self.tail);
    }
}

/// `vkSetReplyCommandStreamMESA`.
pub fn set_reply(resource: u32, offset: u32, size: u32) -> Vec<u32> {
    vec![178, 0, 1, 0, resource, offset, 0, size, 0]
}
