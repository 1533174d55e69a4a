//! Front ends that behave on the wire as cloud-hypervisor's `--generic-vhost-user` and crosvm's `--vhost-user gpu` do:
//! what they negotiate, the order of their messages, and how they say reset and pause. Neither gives us a display.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use vhost::VhostBackend;
use vhost::vhost_user::message::{
    VhostUserConfigFlags, VhostUserHeaderFlag, VhostUserProtocolFeatures as Protocol, VhostUserVirtioFeatures,
};
use vhost::vhost_user::{
    Frontend, FrontendReqHandler, HandlerResult, VhostUserFrontend, VhostUserFrontendReqHandler,
};
use virtio_bindings::virtio_config::{
    VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_IN_ORDER, VIRTIO_F_NOTIFICATION_DATA, VIRTIO_F_NOTIFY_ON_EMPTY,
    VIRTIO_F_ORDER_PLATFORM, VIRTIO_F_VERSION_1,
};
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};

use crate::guest::requests::{self, ERR_UNSPEC};
use crate::guest::{CONTROL, CURSOR, Guest, Ram, pattern};
use crate::kept::Kept;
use crate::takeover::{picture, resources};

const PROTOCOL_FEATURES: u64 = VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();

/// Bits 0 to 23: those of the device type.
const OF_THE_DEVICE: u64 = (1 << 24) - 1;

const QUEUES: [usize; 2] = [CONTROL, CURSOR];

/// The front end's ear for what we have to say.
struct Interrupts(AtomicU32);

impl VhostUserFrontendReqHandler for Interrupts {
    fn handle_config_change(&self) -> HandlerResult<u64> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(0)
    }
}

type BackChannel = FrontendReqHandler<Interrupts>;

fn back_channel(guest: &mut Guest) -> BackChannel {
    let mut handler = FrontendReqHandler::new(Arc::new(Interrupts(AtomicU32::new(0)))).unwrap();
    handler.set_reply_ack_flag(true);
    guest.front.set_backend_request_fd(&handler.get_tx_raw_fd()).unwrap();
    handler
}

/// The sequence that both have: NUM for each queue first or in between, then ADDR, BASE, CALL, KICK, ENABLE.
mod cloud_hypervisor {
    use super::*;

    /// Features of transports only; the device's own are not passed on.
    const AVAILABLE: u64 = 1 << VIRTIO_F_NOTIFY_ON_EMPTY
        | 1 << VIRTIO_RING_F_INDIRECT_DESC
        | 1 << VIRTIO_RING_F_EVENT_IDX
        | 1 << VIRTIO_F_VERSION_1
        | 1 << VIRTIO_F_ACCESS_PLATFORM
        | 1 << VIRTIO_F_IN_ORDER
        | 1 << VIRTIO_F_ORDER_PLATFORM
        | 1 << VIRTIO_F_NOTIFICATION_DATA
        | PROTOCOL_FEATURES;

    pub(super) fn connect(stream: UnixStream) -> Guest {
        let mut front = Frontend::from_stream(stream, 2);
        front.set_owner().unwrap();
        let features = AVAILABLE & front.get_features().unwrap();
        let available = Protocol::CONFIG
            | Protocol::MQ
            | Protocol::CONFIGURE_MEM_SLOTS
            | Protocol::REPLY_ACK
            | Protocol::INFLIGHT_SHMFD
            | Protocol::LOG_SHMFD
            | Protocol::DEVICE_STATE
            | Protocol::BACKEND_REQ;
        let protocol = available & front.get_protocol_features().unwrap();
        front.set_protocol_features(protocol).unwrap();
        assert!(!protocol.contains(Protocol::INFLIGHT_SHMFD), "it would ask for it");
        assert!(protocol.contains(Protocol::REPLY_ACK));
        front.set_hdr_flags(VhostUserHeaderFlag::NEED_REPLY);
        assert_eq!(front.get_queue_num().unwrap(), 2);
        Guest::behind(front, Ram::new(), features)
    }

    /// The driver is ready.
    pub(super) fn activate(guest: &mut Guest, bases: [u16; 2]) -> BackChannel {
        guest.front.set_features(guest.features).unwrap();
        guest.share_memory();
        for queue in QUEUES {
            guest.front.set_vring_num(queue, guest.rings[queue].size).unwrap();
        }
        for queue in QUEUES {
            let place = guest.place(queue);
            guest.front.set_vring_addr(queue, &place).unwrap();
            guest.front.set_vring_base(queue, bases[queue]).unwrap();
            guest.front.set_vring_call(queue, &guest.rings[queue].call).unwrap();
            guest.front.set_vring_kick(queue, &guest.rings[queue].kick).unwrap();
        }
        enable(guest, true);
        back_channel(guest)
    }

    /// A pause and its end are no more than this.
    pub(super) fn enable(guest: &mut Guest, enabled: bool) {
        for queue in QUEUES {
            guest.front.set_vring_enable(queue, enabled).unwrap();
        }
    }

    /// The driver was reset.
    pub(super) fn reset(guest: &mut Guest) {
        for queue in QUEUES {
            guest.front.set_vring_enable(queue, false).unwrap();
            guest.front.get_vring_base(queue).unwrap();
        }
        guest.rings.iter_mut().for_each(crate::guest::Ring::clear);
    }
}

/// It negotiates acknowledgements, and asks for none.
mod crosvm {
    use super::*;

    pub(super) fn connect(stream: UnixStream) -> (Guest, BackChannel) {
        let mut front = Frontend::from_stream(stream, 2);
        front.set_owner().unwrap();
        let base = 1 << VIRTIO_F_VERSION_1 | 1 << VIRTIO_RING_F_EVENT_IDX | 1 << VIRTIO_F_ACCESS_PLATFORM;
        let features = (OF_THE_DEVICE | base | PROTOCOL_FEATURES) & front.get_features().unwrap();
        let available = Protocol::CONFIG
            | Protocol::MQ
            | Protocol::BACKEND_REQ
            | Protocol::DEVICE_STATE
            | Protocol::SHMEM
            | Protocol::REPLY_ACK;
        let protocol = available & front.get_protocol_features().unwrap();
        front.set_protocol_features(protocol).unwrap();
        assert!(!protocol.contains(Protocol::SHMEM), "it would ask for regions, and want one");
        let mut guest = Guest::behind(front, Ram::new(), features);
        let handler = back_channel(&mut guest);
        assert_eq!(guest.front.get_queue_num().unwrap(), 2);
        (guest, handler)
    }

    /// The driver acknowledged its features and is ready.
    pub(super) fn activate(guest: &mut Guest, bases: [u16; 2]) {
        guest.front.set_features(guest.features).unwrap();
        guest.share_memory();
        for queue in QUEUES {
            guest.front.set_vring_num(queue, guest.rings[queue].size).unwrap();
            let place = guest.place(queue);
            guest.front.set_vring_addr(queue, &place).unwrap();
            guest.front.set_vring_base(queue, bases[queue]).unwrap();
            guest.front.set_vring_call(queue, &guest.rings[queue].call).unwrap();
            guest.front.set_vring_kick(queue, &guest.rings[queue].kick).unwrap();
            guest.front.set_vring_enable(queue, true).unwrap();
        }
    }
}

/// A plugged head is heard of, and found.
fn hears_of_a_resized_head(kept: &Kept, guest: &mut Guest, channel: &mut BackChannel, width: u32) {
    kept.operator().set_heads(&[format!("0={width}x480").parse().unwrap()]).unwrap();
    channel.handle_request().unwrap();
    assert_eq!(guest.config(0, 4), [1, 0, 0, 0]);
    let info = guest.must(&requests::get_display_info());
    assert_eq!([8, 12].map(|offset| requests::word(&info, 24 + offset)), [width, 480]);
}

#[test]
fn cloud_hypervisor_shows_a_picture_that_operators_see() {
    let (mut kept, stream) = Kept::start();
    let mut guest = cloud_hypervisor::connect(stream);
    assert_eq!(guest.features & OF_THE_DEVICE, 0);
    let mut channel = cloud_hypervisor::activate(&mut guest, [0; 2]);
    assert_eq!(requests::kind(&guest.send(&requests::get_edid(0))), ERR_UNSPEC, "it was not negotiated");
    hears_of_a_resized_head(&kept, &mut guest, &mut channel, 640);
    guest.front.set_config(4, VhostUserConfigFlags::WRITABLE, &1_u32.to_le_bytes()).unwrap();
    assert_eq!(guest.config(0, 4), [0; 4]);
    let backing = guest.create_image(1, 64, 64);
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 1));
    assert_eq!(picture(&kept), pattern(64, 64, 1));
    kept.take_over();
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 2));
    assert_eq!(picture(&kept), pattern(64, 64, 2));
    hears_of_a_resized_head(&kept, &mut guest, &mut channel, 800);
}

#[test]
fn cloud_hypervisor_ends_itself_unless_all_of_the_configuration_can_be_read() {
    let (_kept, stream) = Kept::start();
    let mut guest = cloud_hypervisor::connect(stream);
    let heads = guest.config(8, 4);
    assert_eq!(heads, [1, 0, 0, 0]);
    for size in [1, 2, 4, 8] {
        for offset in (0..=0x1000 - size).step_by(7).chain([0x1000 - size]) {
            let read = guest.config(offset, size);
            assert_eq!(read.len(), size as usize, "{size} bytes at {offset:#x}");
            assert!(offset < 16 || read.iter().all(|byte| *byte == 0));
        }
    }
    assert_eq!(guest.config(0, 0xff4).len(), 0xff4);
}

#[test]
fn a_pause_of_cloud_hypervisor_keeps_what_a_reset_frees() {
    let (mut kept, stream) = Kept::start();
    let mut guest = cloud_hypervisor::connect(stream);
    let _channel = cloud_hypervisor::activate(&mut guest, [0; 2]);
    let backing = guest.create_image(1, 64, 64);
    cloud_hypervisor::enable(&mut guest, false);
    kept.take_over();
    cloud_hypervisor::enable(&mut guest, true);
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 1));
    assert_eq!((picture(&kept), resources(&kept)), (pattern(64, 64, 1), 1));
    for _ in 0..2 {
        cloud_hypervisor::reset(&mut guest);
        let _channel = cloud_hypervisor::activate(&mut guest, [0; 2]);
        guest.must(&requests::get_display_info());
        assert_eq!(resources(&kept), 0);
        let backing = guest.create_image(1, 64, 64);
        guest.draw(1, backing, 64, 64, &pattern(64, 64, 2));
        assert_eq!(picture(&kept), pattern(64, 64, 2));
        kept.take_over();
    }
}

#[test]
fn memory_that_cloud_hypervisor_plugs_while_it_runs_is_there_after_a_take_over() {
    let (mut kept, stream) = Kept::start();
    let mut guest = cloud_hypervisor::connect(stream);
    guest.ram = Ram::with_regions(&[(0, 64 << 20), (1 << 32, 16 << 20)]);
    let both = guest.ram.regions();
    guest = Guest::behind(guest.front, guest.ram, guest.features);
    guest.front.set_features(guest.features).unwrap();
    guest.front.set_mem_table(&both[..1]).unwrap();
    guest.start([0; 2]);
    guest.front.add_mem_region(&both[1]).unwrap();
    kept.take_over();
    guest.ram.take_from(1 << 32);
    let backing = guest.create_image(1, 64, 64);
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 1));
    assert_eq!(picture(&kept), pattern(64, 64, 1));
}

#[test]
fn crosvm_shows_a_picture_that_operators_see() {
    let (mut kept, stream) = Kept::start();
    let (mut guest, mut channel) = crosvm::connect(stream);
    // EDID, UUID and blobs: its front end passes on what is the device's.
    assert_eq!(guest.features & OF_THE_DEVICE, 0b1110);
    assert_eq!(guest.config(8, 4), [1, 0, 0, 0], "before any feature was acknowledged");
    crosvm::activate(&mut guest, [0; 2]);
    guest.must(&requests::get_edid(0));
    let backing = guest.create_image(1, 64, 64);
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 1));
    assert_eq!(picture(&kept), pattern(64, 64, 1));
    kept.take_over();
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 2));
    assert_eq!(picture(&kept), pattern(64, 64, 2));
    hears_of_a_resized_head(&kept, &mut guest, &mut channel, 800);
}

#[test]
fn crosvm_sleeps_and_wakes_where_it_was_and_its_reset_frees_everything() {
    let (kept, stream) = Kept::start();
    let (mut guest, _channel) = crosvm::connect(stream);
    crosvm::activate(&mut guest, [0; 2]);
    let backing = guest.create_image(1, 64, 64);
    let bases = guest.stop();
    assert_eq!(bases, [2, 0]);
    crosvm::activate(&mut guest, bases);
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 3));
    assert_eq!((picture(&kept), resources(&kept)), (pattern(64, 64, 3), 1));
    guest.stop();
    guest.rings.iter_mut().for_each(crate::guest::Ring::clear);
    crosvm::activate(&mut guest, [0; 2]);
    guest.must(&requests::get_display_info());
    assert_eq!(resources(&kept), 0);
}
