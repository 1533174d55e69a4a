//! Clients that lie.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use proptest::prelude::*;
use vgpu::device::Device;
use vgpu::transport::vfio_user::{ReceiveError, ServeError};
use vm_memory::{GuestAddressSpace, GuestMemoryBackend};
use vmm_sys_util::eventfd::EventFd;

use crate::function::{
    Bus, DMA_MAP, DMA_UNMAP, Driver, Front, FunctionService, GET_INFO, GET_IRQ_INFO, GET_REGION_INFO,
    GET_REGION_IO_FDS, GIVE_EVENTS, MSIX, REGION_READ, REGION_WRITE, RESET, SET_IRQS, VERSION, header, words,
};
use crate::guest::requests::{self, OK_NODATA, kind};
use crate::guest::{CONTROL, FEATURES, LIMIT, Ram, Ring};
use crate::service::setup;

const EINVAL: u32 = 22;
const ENOTSUP: u32 = 95;
/// Behind a version that is ours.
const CURRENT: [u8; 4] = [0, 0, 1, 0];
const NO_REPLY: u32 = 1 << 4;

fn device() -> Device {
    Device::new(setup()).unwrap()
}

fn stranger() -> (FunctionService, Front) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (FunctionService::start(device(), move || theirs), Front(ours))
}

/// A guest of this client draws.
fn expect_service(front: Front) {
    let ram = Ram::with_regions(&[(0, 1 << 20)]);
    let mut driver = Driver::find(front);
    driver.share(&ram);
    let mut rings = [64, 16].map(|size| Ring::new(&ram, size));
    driver.start(&mut rings, FEATURES);
    let (there, back) = (ram.take(0x1000), ram.take(0x1000));
    ram.write(there, &requests::create_2d(1, 2, 64, 64));
    rings[CONTROL].add(&[(there, 40)], &[(back, 24)]);
    driver.notify(CONTROL as u16);
    assert_eq!(rings[CONTROL].wait(LIMIT).unwrap().1, 24);
    assert_eq!(kind(&ram.read(back, 24)), OK_NODATA);
}

#[test]
fn whoever_does_not_say_its_version_first_and_once_is_refused() {
    let (service, front) = stranger();
    assert_eq!(front.ask(RESET, &[], &[]).error, EINVAL);
    let no_json: [&[u8]; 5] = [b"", b"\0", b"{", b"{}", b"\xff\0"];
    for (version, text) in [&CURRENT[..3], &[1, 0, 0, 0]]
        .map(|version| (version, &b""[..]))
        .into_iter()
        .chain(no_json[1..].iter().map(|text| (&CURRENT[..], *text)))
    {
        assert_eq!(front.ask(VERSION, &[version, text].concat(), &[]).error, EINVAL, "{version:?} {text:?}");
    }
    assert_eq!(front.ask(VERSION, &[&CURRENT[..], no_json[0]].concat(), &[]).error, 0);
    assert_eq!(front.ask(VERSION, &CURRENT, &[]).error, EINVAL);
    expect_service(front);
    service.end().unwrap();
}

#[test]
fn what_makes_no_sense_is_refused_and_costs_nothing() {
    let (service, front) = FunctionService::with_front(device());
    let event = EventFd::new(0).unwrap();
    let all_ones = u32::MAX;
    for (command, body, files, error) in [
        // No body, half a body.
        (DMA_MAP, vec![], 0, EINVAL),
        (DMA_UNMAP, words(&[24, 0, 0]), 0, EINVAL),
        (REGION_READ, words(&[0, 0, 0]), 0, EINVAL),
        // No room for an answer.
        (GET_INFO, words(&[15, 0, 0, 0]), 0, EINVAL),
        (GET_REGION_INFO, words(&[31, 0, 0, 0, 0, 0, 0, 0]), 0, EINVAL),
        (GET_IRQ_INFO, words(&[0, 0, 2, 0]), 0, EINVAL),
        (GET_REGION_IO_FDS, words(&[0, 0, 0, 0]), 0, EINVAL),
        // What there is not.
        (GET_REGION_INFO, words(&[32, 0, 9, 0, 0, 0, 0, 0]), 0, EINVAL),
        (GET_REGION_INFO, words(&[32, 0, all_ones, 0, 0, 0, 0, 0]), 0, EINVAL),
        (GET_IRQ_INFO, words(&[16, 0, 3, 0]), 0, EINVAL),
        (REGION_READ, words(&[0, 0, 9, 4]), 0, EINVAL),
        (REGION_READ, words(&[0x3ffd, 0, 0, 4]), 0, EINVAL),
        (REGION_READ, words(&[all_ones, all_ones, 0, 4]), 0, EINVAL),
        (REGION_READ, words(&[0, 0, 2, 4]), 0, EINVAL),
        // More than goes at once, and other lengths than were promised.
        (REGION_READ, words(&[0, 0, 0, all_ones]), 0, EINVAL),
        (REGION_READ, words(&[0, 0, 0, 4097]), 0, EINVAL),
        (REGION_WRITE, words(&[0, 0, 0, 4]), 0, EINVAL),
        (REGION_WRITE, words(&[0, 0, 0, 4, 0, 0]), 0, EINVAL),
        // Memory that is none, interrupts that are none.
        (DMA_MAP, words(&[32, 3, 0, 0, 0, 0, 0x1000, 0]), 1, EINVAL),
        (DMA_MAP, words(&[32, 3, 0, 0, 0, 0, 0x1000, 0]), 2, EINVAL),
        (SET_IRQS, words(&[20, GIVE_EVENTS, MSIX, 1, 3]), 3, EINVAL),
        (SET_IRQS, words(&[20, GIVE_EVENTS, MSIX, all_ones, 2]), 2, EINVAL),
        (SET_IRQS, words(&[20, all_ones, MSIX, 0, 1]), 1, EINVAL),
        // Descriptors for nothing.
        (RESET, vec![], 1, EINVAL),
        (GET_INFO, words(&[16, 0, 0, 0]), 8, EINVAL),
        // Whole device states, writes to guest memory by us, dirty pages; and none at all.
        (11, words(&[0, 0, 0, 0]), 0, ENOTSUP),
        (12, vec![], 0, ENOTSUP),
        (14, vec![], 0, ENOTSUP),
        (16, words(&[8, 1]), 0, ENOTSUP),
        (0, vec![], 0, ENOTSUP),
        (u16::MAX, vec![0; 4096], 0, ENOTSUP),
    ] {
        let files = vec![event.as_raw_fd(); files];
        let reply = front.ask(command, &body, &files);
        assert_eq!((reply.error, reply.body.len()), (error, 0), "{command} {body:?}");
    }
    assert_eq!(service.memory.memory().num_regions(), 0);
    expect_service(front);
    service.end().unwrap();
}

#[test]
fn whoever_wants_no_answer_gets_none() {
    let (service, mut front) = FunctionService::with_front(device());
    front.send(RESET, NO_REPLY, &[], &[]);
    front.send(0, NO_REPLY, &[], &[]);
    let mut vendor = [0; 2];
    front.read(7, 0, &mut vendor);
    assert_eq!(vendor, [0xf4, 0x1a]);
    drop(front);
    service.end().unwrap();
}

#[test]
fn lengths_that_no_message_has_end_the_connection_and_so_do_answers() {
    for (bytes, flags) in [(15, 0), (u32::MAX, 0), (1 << 20, 0), (16, 1)] {
        let (service, front) = FunctionService::with_front(device());
        (&front.0).write_all(&header(REGION_WRITE, bytes, flags)).unwrap();
        assert!(front.receive().is_none(), "{bytes} {flags}");
        let ended = service.end().unwrap_err();
        let expected = if flags == 0 {
            matches!(ended, ServeError::Receive(ReceiveError::Length { command: REGION_WRITE, .. }))
        } else {
            matches!(ended, ServeError::Receive(ReceiveError::NoRequest(REGION_WRITE)))
        };
        assert!(expected, "{ended}");
    }
}

#[test]
fn doorbells_by_eventfd_are_for_whoever_asks() {
    let (service, front) = FunctionService::with_front(device());
    let room = |bytes| words(&[bytes, 0, 0, 0]);
    let first = front.ask(GET_REGION_IO_FDS, &room(16), &[]);
    assert_eq!((&first.body[..4], first.file.is_some()), (&(16 + 2 * 40u32).to_ne_bytes()[..], false));
    let whole = front.ask(GET_REGION_IO_FDS, &room(96), &[]);
    assert_eq!((whole.body.len(), whole.file.is_some()), (96, true));
    let none = front.ask(GET_REGION_IO_FDS, &words(&[96, 0, 1, 0]), &[]);
    assert_eq!((none.error, none.body.len(), none.file.is_some()), (0, 16, false));
    drop(front);
    service.end().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever it says, the connection ends with it.
    #[test]
    fn any_messages_end_when_the_client_does(
        messages in prop::collection::vec((0u16..16, prop::collection::vec(any::<u8>(), 0..64)), 0..20),
        rest in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (service, front) = FunctionService::with_front(device());
        for (command, body) in &messages {
            front.send(*command, NO_REPLY, body, &[]);
        }
        (&front.0).write_all(&rest).unwrap();
        drop(front);
        _ = service.end();
    }
}
