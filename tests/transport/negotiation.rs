//! What front end and device agree on, and the configuration space.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use vgpu::wire::{HeadMode, Rect, ScanoutId};
use vhost::VhostBackend;
use vhost::vhost_user::message::VhostUserProtocolFeatures as Protocol;
use vhost::vhost_user::message::{VhostUserConfigFlags, VhostUserVirtioFeatures};
use vhost::vhost_user::{FrontendReqHandler, HandlerResult, VhostUserFrontend, VhostUserFrontendReqHandler};
use virtio_bindings::virtio_config::{VIRTIO_F_ANY_LAYOUT, VIRTIO_F_NOTIFY_ON_EMPTY, VIRTIO_F_RING_RESET};

use crate::guest::{FEATURES, Guest, Ram, requests};
use crate::service::{Service, wait_until};

#[test]
fn what_drivers_and_front_ends_need_is_offered() {
    let (service, stream) = Service::start();
    let mut guest = Guest::negotiate(stream, Ram::new());
    // QEMU acknowledges these whether they are offered or not, and fails if they were not.
    let unasked = 1 << VIRTIO_F_RING_RESET | 1 << VIRTIO_F_NOTIFY_ON_EMPTY | 1 << VIRTIO_F_ANY_LAYOUT;
    let needed = FEATURES | unasked | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits();
    assert_eq!(guest.front.get_features().unwrap() & needed, needed);
    guest.front.set_features(needed).unwrap();

    assert_eq!(
        guest.front.get_protocol_features().unwrap(),
        Protocol::MQ
            | Protocol::CONFIG
            | Protocol::REPLY_ACK
            | Protocol::BACKEND_REQ
            | Protocol::RESET_DEVICE
            | Protocol::CONFIGURE_MEM_SLOTS
    );
    assert_eq!(guest.front.get_queue_num().unwrap(), 2);
    assert!(guest.front.get_max_mem_slots().unwrap() > 8);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn configuration_of_any_size_is_answered_with_that_size() {
    let (service, stream) = Service::start();
    let mut guest = Guest::negotiate(stream, Ram::new());
    let mut config = vec![0; 8];
    config.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    config.resize(300, 0);
    for size in (1..=64).chain([256]) {
        assert_eq!(guest.config(0, size), config[..size as usize], "{size}");
        assert_eq!(guest.config(8, size), config[8..8 + size as usize], "{size} from 8");
    }
    assert_eq!(guest.config(200, 4), [0; 4]);
    drop(guest);
    service.end().unwrap();
}

struct Heard(AtomicU32);

impl VhostUserFrontendReqHandler for Heard {
    fn handle_config_change(&self) -> HandlerResult<u64> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(0)
    }
}

#[test]
fn a_resized_head_reaches_the_front_end_and_the_driver_finds_it() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    assert!(!service.notifier.config_changed(), "there is no back channel yet");
    let heard = Arc::new(Heard(AtomicU32::new(0)));
    let mut handler = FrontendReqHandler::new(Arc::clone(&heard)).unwrap();
    guest.front.set_backend_request_fd(&handler.get_tx_raw_fd()).unwrap();

    let area = Rect { x: 0, y: 0, width: 640, height: 480 };
    let mode = HeadMode { area, enabled: true };
    let head = ScanoutId::new(0).unwrap();
    assert!(service.device.lock().unwrap().set_head(head, mode).unwrap());
    assert!(wait_until(|| service.notifier.config_changed()));
    handler.handle_request().unwrap();

    assert_eq!(heard.0.load(Ordering::Relaxed), 1);
    assert_eq!(guest.config(0, 4), [1, 0, 0, 0], "VIRTIO_GPU_EVENT_DISPLAY");
    let info = guest.must(&requests::get_display_info());
    assert_eq!([8, 12].map(|offset| requests::word(&info, 24 + offset)), [640, 480]);
    guest.front.set_config(4, VhostUserConfigFlags::WRITABLE, &1u32.to_le_bytes()).unwrap();
    assert_eq!(guest.config(0, 4), [0; 4]);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn a_second_service_serves_a_second_front_end() {
    for _ in 0..2 {
        let (service, stream) = Service::start();
        let mut guest = Guest::connect(stream, Ram::new());
        let info = guest.must(&requests::get_display_info());
        assert_eq!(requests::kind(&info), requests::OK_DISPLAY_INFO);
        assert_eq!([8, 12, 16].map(|offset| requests::word(&info, 24 + offset)), [1024, 768, 1]);
        drop(guest);
        service.end().unwrap();
    }
}

#[test]
fn a_front_end_that_hangs_up_at_once_is_no_error() {
    let (service, stream): (Service, UnixStream) = Service::start();
    drop(stream);
    service.end().unwrap();
}
