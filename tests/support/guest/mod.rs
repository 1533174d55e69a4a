//! The driver's side of the device: a guest's memory, its two rings and its requests, over the front end of the
//! `vhost` crate. Transport tests and benches use it.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation)]

mod ram;
pub mod requests;
mod ring;

use std::io::IoSlice;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use vhost::vhost_user::message::{
    VhostUserConfigFlags, VhostUserHeaderFlag, VhostUserProtocolFeatures, VhostUserVirtioFeatures,
};
use vhost::vhost_user::{Frontend, VhostUserFrontend};
use vhost::{VhostBackend, VringConfigData};
use virtio_bindings::virtio_config::VIRTIO_F_VERSION_1;
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};

pub use ram::{Memory, Ram};
pub use ring::Ring;

pub const CONTROL: usize = 0;
pub const CURSOR: usize = 1;

const PAGE: u64 = 4096;

/// Bytes of the largest answer.
const ROOM: u32 = 1056;

/// Longer than anything here takes.
pub const LIMIT: Duration = Duration::from_secs(10);

/// What a Linux driver acknowledges.
pub const FEATURES: u64 =
    1 << VIRTIO_F_VERSION_1 | 1 << VIRTIO_RING_F_EVENT_IDX | 1 << VIRTIO_RING_F_INDIRECT_DESC | 0b1110;

/// A guest whose driver is up, unless it is stopped.
pub struct Guest {
    pub front: Frontend,
    pub ram: Ram,
    pub rings: [Ring; 2],
    pub features: u64,
    /// Of each queue: where its request lies, and behind that the room for the answer.
    buffers: [u64; 2],
}

impl Guest {
    /// Negotiates, shares the memory and starts both queues.
    pub fn connect(stream: UnixStream, ram: Ram) -> Self {
        let mut guest = Self::negotiate(stream, ram);
        guest.share_memory();
        guest.start([0; 2]);
        guest
    }

    /// Negotiates and does no more.
    pub fn negotiate(stream: UnixStream, ram: Ram) -> Self {
        let mut front = Frontend::from_stream(stream, 2);
        front.set_owner().unwrap();
        let offered = front.get_features().unwrap();
        let protocol = front.get_protocol_features().unwrap();
        front.set_protocol_features(protocol).unwrap();
        if protocol.contains(VhostUserProtocolFeatures::REPLY_ACK) {
            front.set_hdr_flags(VhostUserHeaderFlag::NEED_REPLY);
        }
        Self::behind(front, ram, (FEATURES | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits()) & offered)
    }

    /// Behind a front end that is to acknowledge these features, and has said nothing yet of memory and queues.
    pub fn behind(front: Frontend, ram: Ram, features: u64) -> Self {
        let rings = [Ring::new(&ram, 64), Ring::new(&ram, 16)];
        let buffers = [ram.take(2 * PAGE), ram.take(2 * PAGE)];
        Self { front, ram, rings, features, buffers }
    }

    pub fn share_memory(&mut self) {
        self.front.set_mem_table(&self.ram.regions()).unwrap();
    }

    /// Where a queue lies. Its driver's end does from now on what was negotiated.
    pub fn place(&mut self, index: usize) -> VringConfigData {
        let ring = &mut self.rings[index];
        ring.event_idx = self.features & 1 << VIRTIO_RING_F_EVENT_IDX != 0;
        let [desc_table_addr, avail_ring_addr, used_ring_addr] =
            ring.addresses.map(|address| self.ram.front_end_address(address));
        VringConfigData {
            queue_max_size: ring.size,
            queue_size: ring.size,
            flags: 0,
            desc_table_addr,
            used_ring_addr,
            avail_ring_addr,
            log_addr: None,
        }
    }

    /// Starts the queues, each at this index.
    pub fn start(&mut self, bases: [u16; 2]) {
        self.front.set_features(self.features).unwrap();
        for (index, base) in bases.into_iter().enumerate() {
            let config = self.place(index);
            let ring = &self.rings[index];
            self.front.set_vring_num(index, ring.size).unwrap();
            self.front.set_vring_base(index, base).unwrap();
            self.front.set_vring_addr(index, &config).unwrap();
            self.front.set_vring_kick(index, &ring.kick).unwrap();
            self.front.set_vring_call(index, &ring.call).unwrap();
            self.front.set_vring_enable(index, true).unwrap();
        }
    }

    /// Stops the queues as for a pause; returns where each stopped.
    pub fn stop(&mut self) -> [u16; 2] {
        [CONTROL, CURSOR].map(|index| {
            self.front.set_vring_enable(index, false).unwrap();
            self.front.get_vring_base(index).unwrap() as u16
        })
    }

    /// A driver that begins anew, with empty rings, after the queues were stopped.
    pub fn begin_anew(&mut self) {
        for ring in &mut self.rings {
            ring.clear();
        }
        self.start([0; 2]);
    }

    /// Hands a display over, as QEMU does before each start.
    pub fn set_display(&self, display: &UnixStream) {
        let message = [33u32, 1, 0].map(u32::to_ne_bytes);
        let descriptors = [display.as_raw_fd()];
        sendmsg::<()>(
            self.front.as_raw_fd(),
            &[IoSlice::new(message.as_flattened())],
            &[ControlMessage::ScmRights(&descriptors)],
            MsgFlags::empty(),
            None,
        )
        .unwrap();
    }

    pub fn config(&mut self, offset: u32, bytes: u32) -> Vec<u8> {
        let empty = vec![0; bytes as usize];
        let flags = VhostUserConfigFlags::empty();
        self.front.get_config(offset, bytes, flags, &empty).unwrap().1
    }

    /// Sends a control request and returns the answer.
    pub fn send(&mut self, request: &[u8]) -> Vec<u8> {
        self.send_to(CONTROL, request)
    }

    pub fn send_to(&mut self, queue: usize, request: &[u8]) -> Vec<u8> {
        let head = self.begin(queue, request);
        let (used, written) = self.rings[queue].wait(LIMIT).expect("the device answers");
        assert_eq!(used, head);
        self.ram.read(self.buffers[queue] + PAGE, written as usize)
    }

    /// Sends a request and does not wait for the answer; there can be one such at a time in each queue.
    pub fn begin(&mut self, queue: usize, request: &[u8]) -> u16 {
        assert!(request.len() <= PAGE as usize);
        let buffer = self.buffers[queue];
        self.ram.write(buffer, request);
        let ring = &mut self.rings[queue];
        let head = ring.add(&[(buffer, request.len() as u32)], &[(buffer + PAGE, ROOM)]);
        ring.notify();
        head
    }

    /// Sends a control request that has to succeed.
    pub fn must(&mut self, request: &[u8]) -> Vec<u8> {
        let reply = self.send(request);
        let kind = requests::kind(&reply);
        assert!((0x1100..0x1200).contains(&kind), "{kind:#x} for {:#x}", requests::kind(request));
        reply
    }

    /// Makes an image of this size with a backing in guest memory, and returns the backing's address.
    pub fn create_image(&mut self, id: u32, width: u32, height: u32) -> u64 {
        let bytes = width * height * 4;
        let backing = self.ram.take(bytes.into());
        self.must(&requests::create_2d(id, 2, width, height));
        self.must(&requests::attach(id, &[(backing, bytes)]));
        backing
    }

    /// Fills a backing with pixels, and has the image shown on the first head.
    pub fn draw(&mut self, id: u32, backing: u64, width: u32, height: u32, pixels: &[u8]) {
        self.ram.write(backing, pixels);
        let all = [0, 0, width, height];
        self.must(&requests::set_scanout(0, id, all));
        self.must(&requests::transfer(id, all, 0));
        self.must(&requests::flush(id, all));
    }
}

/// Pixels that differ from one another, and from those of another seed.
pub fn pattern(width: u32, height: u32, seed: u32) -> Vec<u8> {
    (0..width * height)
        .flat_map(|pixel| (pixel.wrapping_mul(2_654_435_761).wrapping_add(seed) | 0xff00_0000).to_le_bytes())
        .collect()
}
