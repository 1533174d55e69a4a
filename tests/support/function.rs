//! A PCI function behind vfio-user, in a thread of the test; a client of the tests' own; and a driver that finds its
//! way by the configuration space, as Linux does.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]
#![allow(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IoSlice, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use vgpu::device::Device;
use vgpu::sandbox::Sealed;
use vgpu::transport::SharedMemory;
use vgpu::transport::vfio_user::{Link, Notifier, ServeError, serve};
use vmm_sys_util::sock_ctrl_msg::ScmSocket;

use crate::guest::{Ram, Ring};

pub const VERSION: u16 = 1;
pub const DMA_MAP: u16 = 2;
pub const DMA_UNMAP: u16 = 3;
pub const GET_INFO: u16 = 4;
pub const GET_REGION_INFO: u16 = 5;
pub const GET_REGION_IO_FDS: u16 = 6;
pub const GET_IRQ_INFO: u16 = 7;
pub const SET_IRQS: u16 = 8;
pub const REGION_READ: u16 = 9;
pub const REGION_WRITE: u16 = 10;
pub const RESET: u16 = 13;

pub const CONFIG: u32 = 7;
pub const MSIX: u32 = 2;
/// Eventfds, to be signalled.
pub const GIVE_EVENTS: u32 = 1 << 2 | 1 << 5;

/// `cfg_type` (virtio 1.3, 4.1.4).
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;

pub struct FunctionService {
    pub device: Arc<Mutex<Device>>,
    pub memory: SharedMemory,
    pub notifier: Notifier,
    thread: JoinHandle<Result<(), ServeError>>,
}

impl FunctionService {
    /// Serves whoever is at the other end of the stream that this accepts.
    pub fn start(device: Device, accept: impl FnOnce() -> UnixStream + Send + 'static) -> Self {
        let (device, memory) = (Arc::new(Mutex::new(device)), SharedMemory::new(Default::default()));
        let link = Link::prepare().unwrap();
        let notifier = link.notifier();
        let thread = thread::spawn({
            let (device, memory) = (Arc::clone(&device), memory.clone());
            move || serve(&Sealed::not_really(), link.connect(accept()), device, memory)
        });
        Self { device, memory, notifier, thread }
    }

    /// The same, with a client that has greeted it.
    pub fn with_front(device: Device) -> (Self, Front) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let service = Self::start(device, move || theirs);
        let front = Front(ours);
        assert_eq!(front.ask(VERSION, &[0, 0, 1, 0], &[]).error, 0);
        (service, front)
    }

    /// Waits for the end that the client brought about.
    pub fn end(self) -> Result<(), ServeError> {
        self.thread.join().unwrap()
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub error: u32,
    pub body: Vec<u8>,
    pub file: Option<File>,
}

/// A client that says anything.
pub struct Front(pub UnixStream);

impl Front {
    pub fn send(&self, command: u16, flags: u32, body: &[u8], files: &[RawFd]) {
        let header = header(command, 16 + body.len() as u32, flags);
        let rights = [ControlMessage::ScmRights(files)];
        let control = if files.is_empty() { &rights[..0] } else { &rights[..] };
        let parts = [IoSlice::new(&header), IoSlice::new(body)];
        sendmsg::<()>(self.0.as_raw_fd(), &parts, control, MsgFlags::empty(), None).unwrap();
    }

    /// The next answer; nothing if the connection ended.
    pub fn receive(&self) -> Option<Reply> {
        let mut header = [0; 16];
        let (got, file) = self.0.recv_with_fd(&mut header).ok()?;
        if got < header.len() {
            return None;
        }
        let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().unwrap());
        let mut body = vec![0; word(4) as usize - 16];
        (&self.0).read_exact(&mut body).unwrap();
        assert_eq!((word(8) & 0xf, word(8) & 0x20 != 0), (1, word(12) != 0), "a reply, and of which kind");
        Some(Reply { error: word(12), body, file })
    }

    pub fn ask(&self, command: u16, body: &[u8], files: &[RawFd]) -> Reply {
        self.send(command, 0, body, files);
        self.receive().expect("it answers")
    }
}

/// A message's first 16 bytes.
pub fn header(command: u16, bytes: u32, flags: u32) -> [u8; 16] {
    let names = [7, command].map(u16::to_ne_bytes);
    let numbers = [bytes, flags, 0].map(u32::to_ne_bytes);
    [names.as_flattened(), numbers.as_flattened()].concat().try_into().unwrap()
}

/// Words of 32 bits as a body.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// The two words of a number.
pub fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// What a driver reaches a function by.
pub trait Bus {
    fn read(&mut self, region: u32, offset: u64, into: &mut [u8]);
    fn write(&mut self, region: u32, offset: u64, bytes: &[u8]);
    fn map(&mut self, offset: u64, address: u64, bytes: u64, file: RawFd);
    fn give_events(&mut self, events: &[RawFd]);
}

impl Bus for Front {
    fn read(&mut self, region: u32, offset: u64, into: &mut [u8]) {
        let [low, high] = halves(offset);
        let reply = self.ask(REGION_READ, &words(&[low, high, region, into.len() as u32]), &[]);
        assert_eq!(reply.error, 0);
        into.copy_from_slice(&reply.body[16..]);
    }

    fn write(&mut self, region: u32, offset: u64, bytes: &[u8]) {
        let [low, high] = halves(offset);
        let access = words(&[low, high, region, bytes.len() as u32]);
        assert_eq!(self.ask(REGION_WRITE, &[&access, bytes].concat(), &[]).error, 0);
    }

    fn map(&mut self, offset: u64, address: u64, bytes: u64, file: RawFd) {
        let body = [&[32, 3][..], &halves(offset), &halves(address), &halves(bytes)].concat();
        assert_eq!(self.ask(DMA_MAP, &words(&body), &[file]).error, 0);
    }

    fn give_events(&mut self, events: &[RawFd]) {
        let body = words(&[20, GIVE_EVENTS, MSIX, 0, events.len() as u32]);
        assert_eq!(self.ask(SET_IRQS, &body, events).error, 0);
    }
}

/// One that knows where everything is.
pub struct Driver<B> {
    pub bus: B,
    /// Of each kind of capability: its BAR, and where in that it begins.
    places: BTreeMap<u8, (u32, u64)>,
    multiplier: u64,
}

impl<B: Bus> Driver<B> {
    pub fn find(mut bus: B) -> Self {
        let mut config = [0; 256];
        bus.read(CONFIG, 0, &mut config);
        let word = |at: usize| u32::from_le_bytes(config[at..at + 4].try_into().unwrap());
        let (mut places, mut multiplier) = (BTreeMap::new(), 0);
        let mut at = usize::from(config[0x34]);
        while at != 0 {
            if config[at] == 9 {
                let kind = config[at + 3];
                places.insert(kind, (config[at + 4].into(), word(at + 8).into()));
                if kind == NOTIFY {
                    multiplier = word(at + 16).into();
                }
            }
            at = config[at + 1].into();
        }
        Self { bus, places, multiplier }
    }

    pub fn common<const N: usize>(&mut self, offset: u64) -> [u8; N] {
        let (bar, start) = self.places[&COMMON];
        let mut bytes = [0; N];
        self.bus.read(bar, start + offset, &mut bytes);
        bytes
    }

    pub fn set_common(&mut self, offset: u64, bytes: &[u8]) {
        let (bar, start) = self.places[&COMMON];
        self.bus.write(bar, start + offset, bytes);
    }

    pub fn share(&mut self, ram: &Ram) {
        for region in ram.regions() {
            let (address, bytes) = (region.guest_phys_addr, region.memory_size);
            self.bus.map(region.mmap_offset, address, bytes, region.mmap_handle);
        }
    }

    /// Where a queue is notified: BAR and offset.
    pub fn doorbell(&self, queue: usize) -> (u32, u64) {
        let (bar, start) = self.places[&NOTIFY];
        (bar, start + self.multiplier * queue as u64)
    }

    /// Begins anew with these features and queues, each of which interrupts by its `call`.
    pub fn start(&mut self, rings: &mut [Ring; 2], features: u64) {
        self.set_common(20, &[0]);
        [1u8, 3].into_iter().for_each(|status| self.set_common(20, &[status]));
        for (select, half) in (0u32..).zip(halves(features)) {
            self.set_common(8, &select.to_le_bytes());
            self.set_common(12, &half.to_le_bytes());
        }
        self.set_common(20, &[11]);
        assert_eq!(self.common(20), [11u8], "the features are accepted");
        let events = [rings[0].call.as_raw_fd(), rings[0].call.as_raw_fd(), rings[1].call.as_raw_fd()];
        self.bus.give_events(&events);
        for (index, ring) in (0u16..).zip(rings) {
            ring.event_idx = features & 1 << 29 != 0;
            self.set_common(22, &index.to_le_bytes());
            self.set_common(24, &ring.size.to_le_bytes());
            for (number, address) in (0..).zip(ring.addresses) {
                let [low, high] = halves(address).map(u32::to_le_bytes);
                self.set_common(32 + 8 * number, &low);
                self.set_common(36 + 8 * number, &high);
            }
            self.set_common(26, &(index + 1).to_le_bytes());
            self.set_common(28, &1u16.to_le_bytes());
        }
        self.set_common(20, &[15]);
    }

    /// Notifies a queue, by message.
    pub fn notify(&mut self, queue: u16) {
        let (bar, offset) = self.doorbell(queue.into());
        self.bus.write(bar, offset, &queue.to_le_bytes());
    }
}
