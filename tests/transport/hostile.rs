//! Front ends that end early or lie.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use proptest::prelude::*;
use vgpu::display::{Answer, Interest, Question, Scanouts, Sink};
use vgpu::wire::{Rect, ScanoutId, Size};
use vhost::vhost_user::VhostUserFrontend;
use vhost::{VhostBackend, VringConfigData};

use crate::guest::{Guest, Ram, requests};
use crate::service::{Service, wait_until};

const NEED_REPLY: u32 = 8;

fn send(to: &UnixStream, request: u32, flags: u32, body: &[u8], descriptors: &[RawFd]) {
    let header = [request, 1 | flags, body.len() as u32].map(u32::to_ne_bytes);
    let parts = [IoSlice::new(header.as_flattened()), IoSlice::new(body)];
    let rights = [ControlMessage::ScmRights(descriptors)];
    let control = if descriptors.is_empty() { &rights[..0] } else { &rights[..] };
    sendmsg::<()>(to.as_raw_fd(), &parts, control, MsgFlags::empty(), None).unwrap();
}

/// The answer's body, or nothing if the connection ended.
fn answer(from: &mut UnixStream) -> Option<Vec<u8>> {
    let mut header = [0; 12];
    from.read_exact(&mut header).ok()?;
    let mut body = vec![0; u32::from_ne_bytes(header[8..].try_into().unwrap()) as usize];
    from.read_exact(&mut body).ok()?;
    Some(body)
}

#[test]
fn a_front_end_that_dies_at_any_step_leaves_nothing_that_runs() {
    type Step = fn(&mut Guest);
    fn ring(guest: &Guest) -> VringConfigData {
        let [desc_table_addr, avail_ring_addr, used_ring_addr] =
            guest.rings[0].addresses.map(|address| guest.ram.front_end_address(address));
        let (queue_max_size, queue_size) = (64, 64);
        VringConfigData {
            queue_max_size,
            queue_size,
            flags: 0,
            desc_table_addr,
            used_ring_addr,
            avail_ring_addr,
            log_addr: None,
        }
    }
    let steps: [Step; 12] = [
        |guest| guest.front.set_features(guest.features).unwrap(),
        |guest| guest.share_memory(),
        |guest| guest.front.set_vring_num(0, 64).unwrap(),
        |guest| guest.front.set_vring_base(0, 0).unwrap(),
        |guest| guest.front.set_vring_addr(0, &ring(guest)).unwrap(),
        |guest| guest.front.set_vring_call(0, &guest.rings[0].call).unwrap(),
        |guest| guest.front.set_vring_kick(0, &guest.rings[0].kick).unwrap(),
        |guest| guest.set_display(&UnixStream::pair().unwrap().0),
        |guest| guest.front.set_vring_enable(0, true).unwrap(),
        |guest| _ = guest.begin(0, &requests::create_2d(1, 1, 512, 512)),
        |guest| _ = guest.config(0, 16),
        |guest| _ = guest.front.get_vring_base(0).unwrap(),
    ];
    for count in 0..=steps.len() {
        let (service, stream) = Service::start();
        let mut guest = Guest::negotiate(stream, Ram::new());
        steps[..count].iter().for_each(|step| step(&mut guest));
        drop(guest);
        service.end().unwrap();
    }
}

#[test]
fn half_a_message_is_the_end_and_says_so() {
    let mut message = [8u32, 1, 8].map(u32::to_ne_bytes).as_flattened().to_vec();
    message.extend([0; 8]);
    for cut in 1..message.len() {
        let (service, mut stream) = Service::start();
        stream.write_all(&message[..cut]).unwrap();
        drop(stream);
        let error = service.end().unwrap_err().to_string();
        assert!(error.contains("it hung up after"), "cut at {cut}: {error}");
    }
}

#[test]
fn what_would_harm_the_process_is_refused() {
    // (request, words of its body): log base, log descriptor, inflight, dirty log as a protocol feature, a queue of
    // seven entries, postcopy, device state, something unknown.
    let bad: [(u32, &[u64]); 9] = [
        (6, &[4096, 0]),
        (7, &[]),
        (31, &[4096, 0, 0]),
        (32, &[4096, 0, 0]),
        (16, &[2]),
        (8, &[7 << 32]),
        (28, &[]),
        (42, &[0]),
        (4711, &[]),
    ];
    for (request, words) in bad {
        let (service, mut stream) = Service::start();
        send(&stream, 1, 0, &[], &[]);
        answer(&mut stream).unwrap();
        let body: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let file = File::open("/dev/null").unwrap();
        send(&stream, request, 0, &body, &[file.as_raw_fd()]);
        assert!(answer(&mut stream).is_none(), "{request}");
        let error = service.end().unwrap_err().to_string();
        assert!(error.starts_with("the front end was refused"), "{request}: {error}");
    }
}

#[test]
fn a_refusal_is_an_answer_for_those_who_wait_for_one() {
    let (service, mut stream) = Service::start();
    send(&stream, 1, 0, &[], &[]);
    answer(&mut stream).unwrap();
    send(&stream, 16, 0, &8u64.to_ne_bytes(), &[]);
    send(&stream, 8, NEED_REPLY, &(7u64 << 32).to_ne_bytes(), &[]);
    assert_eq!(answer(&mut stream).unwrap(), 1u64.to_ne_bytes());
    send(&stream, 8, NEED_REPLY, &(8u64 << 32).to_ne_bytes(), &[]);
    assert_eq!(answer(&mut stream).unwrap(), 0u64.to_ne_bytes());
    drop(stream);
    service.end().unwrap();
}

#[test]
fn messages_longer_than_any_and_more_descriptors_than_allowed_are_the_end() {
    let (service, stream) = Service::start();
    send(&stream, 5, 0, &[0; 4097], &[]);
    assert!(service.end().unwrap_err().to_string().contains("4097 bytes long"));

    let (service, stream) = Service::start();
    send(&stream, 5, 0, &[0; 8], &[stream.as_raw_fd(); 40]);
    service.end().unwrap_err();
}

#[test]
fn a_display_that_is_no_socket_is_refused() {
    let (service, mut stream) = Service::start();
    send(&stream, 33, 0, &[], &[File::open("/dev/null").unwrap().as_raw_fd()]);
    assert!(answer(&mut stream).is_none());
    service.end().unwrap_err();
}

#[test]
fn event_descriptors_that_make_others_wait_stop_nobody() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    let (reader, writer) = full_pipe();
    send_call(&guest, &writer);
    guest.begin(0, &requests::create_2d(1, 1, 8, 8));
    // From here on the worker is on its way to the call descriptor, whatever ends.
    assert!(wait_until(|| service.usage().resources == 1));
    drop(guest);

    let error = service.end().unwrap_err().to_string();

    assert!(error.contains("a queue's worker does not end"), "{error}");
    drop(reader);
}

#[test]
fn a_call_descriptor_that_makes_its_worker_wait_keeps_nobody_from_the_device() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    let (reader, writer) = full_pipe();
    send_call(&guest, &writer);
    guest.begin(0, &requests::create_2d(1, 1, 8, 8));

    let answered = || service.device.try_lock().is_ok_and(|device| device.usage().resources == 1);
    assert!(wait_until(answered), "the worker waits with the device's lock");

    drop((reader, guest));
    assert!(service.end().is_ok());
}

/// A display whose code has a bug.
struct Buggy;

impl Sink for Buggy {
    fn ask(&mut self, _: Question) -> Option<Answer> {
        Some(Answer::Unknown)
    }

    fn show(&mut self, _: ScanoutId, size: Option<Size>) {
        assert!(size.is_none(), "this is the bug");
    }

    fn damage(&mut self, _: ScanoutId, _: Rect) {}

    fn cursor_changed(&mut self, _: ScanoutId) {}

    fn cursor_moved(&mut self, _: ScanoutId) {}

    fn pump(&mut self, _: &dyn Scanouts) -> io::Result<Interest> {
        Ok(Interest::default())
    }
}

#[test]
fn a_bug_that_a_guest_finds_ends_the_process_and_leaves_the_connection_to_the_next() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream.try_clone().unwrap(), Ram::new());
    let connection = service.connection.try_clone().unwrap();
    service.device.lock().unwrap().set_sink(Some(Box::new(Buggy)));
    guest.must(&requests::create_2d(1, 2, 8, 8));
    guest.begin(0, &requests::set_scanout(0, 1, [0, 0, 8, 8]));

    let error = service.end().unwrap_err().to_string();

    assert_eq!(error, "the device failed on a request of the guest: this is a bug in vgpu");
    stream.set_nonblocking(true).unwrap();
    let told = (&stream).read(&mut [0]).unwrap_err();
    assert_eq!(told.kind(), io::ErrorKind::WouldBlock, "the front end noticed");
    drop(connection);
    assert_eq!((&stream).read(&mut [0]).unwrap(), 0);
}

/// A pipe whose next writer waits.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = nix::unistd::pipe().unwrap();
    let mut filled = File::from(writer.try_clone().unwrap());
    nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK)).unwrap();
    while filled.write(&[0; 4096]).is_ok() {}
    nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::empty())).unwrap();
    (reader, writer)
}

/// Sets the first queue's call descriptor to something that is no event descriptor.
fn send_call(guest: &Guest, descriptor: &impl AsRawFd) {
    let header = [13u32, 1, 8].map(u32::to_ne_bytes);
    let rights = [descriptor.as_raw_fd()];
    let parts = [IoSlice::new(header.as_flattened()), IoSlice::new(&[0; 8])];
    let control = [ControlMessage::ScmRights(&rights)];
    sendmsg::<()>(guest.front.as_raw_fd(), &parts, &control, MsgFlags::empty(), None).unwrap();
    // An answer to something later says that it has arrived.
    guest.front.get_features().unwrap();
}

/// A request, the words of its body, how many descriptors come with it, whether it waits for an answer.
fn any_message() -> impl Strategy<Value = (u32, Vec<u64>, usize, bool)> {
    (0u32..48, prop::collection::vec(0u64..300, 0..6), 0usize..3, any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_sent_serving_ends_when_the_front_end_does(
        messages in prop::collection::vec(any_message(), 1..12),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (service, stream) = Service::start();
        stream.set_nonblocking(true).unwrap();
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 16).unwrap();
        let mut open = true;
        for (request, words, descriptors, reply) in &messages {
            let body: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            let header = [*request, if *reply { 9 } else { 1 }, body.len() as u32].map(u32::to_ne_bytes);
            let rights = vec![file.as_raw_fd(); *descriptors];
            let control = [ControlMessage::ScmRights(&rights)];
            let parts = [IoSlice::new(header.as_flattened()), IoSlice::new(&body)];
            let control = if rights.is_empty() { &control[..0] } else { &control[..] };
            open &= sendmsg::<()>(stream.as_raw_fd(), &parts, control, MsgFlags::MSG_NOSIGNAL, None).is_ok();
        }
        _ = open && (&stream).write(&tail).is_ok();
        drop(stream);
        // With an error or without: it ends, and the process lives.
        _ = service.end();
    }
}
