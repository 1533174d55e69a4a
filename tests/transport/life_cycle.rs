//! Pauses, resets and displays, as the VMMs bring them about.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use vhost::VhostBackend;
use vhost::vhost_user::VhostUserFrontend;

use crate::display_peer::{DisplayPeer, Options};
use crate::guest::requests::{self, OK_DISPLAY_INFO};
use crate::guest::{CONTROL, CURSOR, Guest, LIMIT, Ram, pattern};
use crate::service::Service;

const SECOND: Duration = Duration::from_secs(10);

/// A guest whose queues are to be started, and the display that it was given.
pub(crate) fn with_display(stream: UnixStream) -> (Guest, DisplayPeer) {
    let (display, socket) = DisplayPeer::start(Options::default());
    (given(stream, socket), display)
}

/// The same with this end of a display's connection.
fn given(stream: UnixStream, display: UnixStream) -> Guest {
    let mut guest = Guest::negotiate(stream, Ram::new());
    guest.share_memory();
    guest.set_display(&display);
    guest
}

/// Whether the peer shows these pixels, with the byte that has no meaning left out.
pub(crate) fn shows(display: &DisplayPeer, pixels: &[u8]) -> bool {
    let colours =
        |bytes: &[u8]| bytes.chunks(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect::<Vec<_>>();
    let wanted = colours(pixels);
    display.wait(SECOND, |seen| {
        seen.surfaces[0].as_ref().is_some_and(|surface| surface.drawn && colours(&surface.pixels) == wanted)
    })
}

#[test]
fn a_pause_keeps_everything_and_goes_on_where_it_was() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    let backing = guest.create_image(1, 64, 64);
    let pixels = pattern(64, 64, 1);
    guest.draw(1, backing, 64, 64, &pixels);
    let bases = guest.stop();
    assert_eq!(bases, [5, 0]);
    // Offered while it is paused: answered when it goes on.
    guest.begin(CONTROL, &requests::flush(1, [0, 0, 64, 64]));
    assert!(guest.rings[CONTROL].wait(Duration::from_millis(50)).is_none());

    guest.start(bases);

    assert!(guest.rings[CONTROL].wait(LIMIT).is_some());
    assert_eq!(service.picture().unwrap().1, pixels);
    guest.must(&requests::transfer(1, [0, 0, 64, 64], 0));
    drop(guest);
    service.end().unwrap();
}

#[test]
fn a_pause_after_exactly_all_indices_is_no_reset() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    guest.create_image(1, 64, 64);
    for _ in 2..65536 {
        guest.send(&requests::set_scanout(0, 1, [0, 0, 64, 64]));
    }
    let bases = guest.stop();
    assert_eq!(bases, [0, 0]);
    guest.start(bases);
    guest.must(&requests::flush(1, [0, 0, 64, 64]));
    drop(guest);
    service.end().unwrap();
}

#[test]
fn reset_device_frees_all_that_the_guest_made() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    guest.create_image(1, 64, 64);
    guest.stop();
    guest.front.reset_device().unwrap();
    assert_eq!(service.usage().resources, 0);
    guest.begin_anew();
    guest.create_image(1, 64, 64);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn a_driver_that_begins_anew_finds_nothing_where_no_reset_was_sent() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    guest.create_image(1, 64, 64);
    guest.stop();
    assert_eq!(service.usage().resources, 1, "it may be a pause");
    guest.begin_anew();
    guest.create_image(1, 64, 64);
    assert_eq!(service.usage().resources, 1);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn the_guest_memory_is_let_go_at_the_end() {
    let (service, stream) = Service::start();
    let memory = service.memory.clone();
    let regions =
        || vm_memory::GuestMemoryBackend::num_regions(&*vm_memory::GuestAddressSpace::memory(&memory));
    let guest = Guest::connect(stream, Ram::new());
    assert_eq!(regions(), 1);
    drop(guest);
    service.end().unwrap();
    assert_eq!(regions(), 0);
}

#[test]
fn each_start_brings_a_new_display_which_is_told_what_there_is_to_see() {
    let (service, stream) = Service::start();
    let (mut guest, first) = with_display(stream);
    guest.start([0; 2]);
    let backing = guest.create_image(1, 64, 64);
    let pixels = pattern(64, 64, 1);
    guest.draw(1, backing, 64, 64, &pixels);
    assert!(shows(&first, &pixels));

    for round in 0..3 {
        let bases = guest.stop();
        let (next, socket) = DisplayPeer::start(Options::default());
        guest.set_display(&socket);
        drop(socket);
        guest.start(bases);
        assert!(shows(&next, &pixels), "round {round}");
        assert_eq!(next.seen().violations, [""; 0]);
    }
    assert!(first.wait(SECOND, |seen| seen.closed), "the old display is let go");
    drop(guest);
    service.end().unwrap();
}

#[test]
fn modes_come_from_the_display_and_the_cursor_goes_on_while_it_is_asked() {
    let (service, stream) = Service::start();
    let (theirs, socket) = UnixStream::pair().unwrap();
    let mut guest = given(stream, socket);
    guest.start([0; 2]);
    guest.begin(CONTROL, &requests::get_display_info());
    guest.send_to(CURSOR, &requests::move_cursor(0, (5, 5)));
    assert!(guest.rings[CONTROL].wait(Duration::from_millis(100)).is_none(), "the display was not asked");

    let _display = DisplayPeer::on(theirs, Options { heads: vec![(800, 600)], ..Options::default() });

    assert!(guest.rings[CONTROL].wait(LIMIT).is_some());
    let info = guest.must(&requests::get_display_info());
    assert_eq!([8, 12].map(|offset| requests::word(&info, 24 + offset)), [800, 600]);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn a_display_that_goes_away_unanswered_leaves_the_device_to_answer() {
    let (service, stream) = Service::start();
    let (theirs, socket) = UnixStream::pair().unwrap();
    let mut guest = given(stream, socket);
    guest.start([0; 2]);
    guest.begin(CONTROL, &requests::get_display_info());
    assert!(guest.rings[CONTROL].wait(Duration::from_millis(100)).is_none(), "the display was not asked");

    drop(theirs);

    assert!(guest.rings[CONTROL].wait(LIMIT).is_some());
    let info = guest.must(&requests::get_display_info());
    assert_eq!([0, 32, 36].map(|at| requests::word(&info, at)), [OK_DISPLAY_INFO, 1024, 768]);
    drop(guest);
    service.end().unwrap();
}

#[test]
fn a_slow_display_gets_the_newest_picture_and_holds_nobody_up() {
    let (service, stream) = Service::start();
    let (mut guest, display) = with_display(stream);
    guest.start([0; 2]);
    let backing = guest.create_image(1, 1024, 768);
    guest.must(&requests::get_display_info());
    display.stall();
    for seed in 0..10 {
        guest.draw(1, backing, 1024, 768, &pattern(1024, 768, seed));
    }
    display.resume();
    assert!(shows(&display, &pattern(1024, 768, 9)));
    assert_eq!(display.seen().violations, [""; 0]);
    drop(guest);
    service.end().unwrap();
}

/// The worker's switches are counted in a process where no other test runs.
const ALONE: &str = "life_cycle::an_idle_device_does_nothing";

#[test]
fn an_idle_device_does_nothing() {
    if std::env::args().all(|argument| argument != ALONE) {
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let ended = alone.args(["--exact", ALONE]).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        return;
    }
    let (service, stream) = Service::start();
    let (mut guest, display) = with_display(stream);
    guest.start([0; 2]);
    let backing = guest.create_image(1, 64, 64);
    let pixels = pattern(64, 64, 1);
    guest.draw(1, backing, 64, 64, &pixels);
    assert!(shows(&display, &pixels));
    std::thread::sleep(Duration::from_millis(200));

    let before = serving_switches();
    std::thread::sleep(Duration::from_secs(1));

    assert_eq!(before.len(), 2, "the crate's two threads");
    assert_eq!(serving_switches(), before);
    drop(guest);
    service.end().unwrap();
}

/// Context switches of the crate's threads.
fn serving_switches() -> Vec<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let status = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).unwrap());
    let serving = |status: &String| ["vring_worker", "vhost-user"].contains(&name(status));
    status.filter(serving).map(|status| switches(&status)).collect()
}

fn name(status: &str) -> &str {
    status.lines().next().unwrap().trim_start_matches("Name:\t")
}

fn switches(status: &str) -> u64 {
    let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
    lines.map(|line| line.rsplit('\t').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn queues_may_be_restarted_over_and_over() {
    let (service, stream) = Service::start();
    let mut guest = Guest::connect(stream, Ram::new());
    guest.create_image(1, 8, 8);
    for round in 0..50 {
        let bases = guest.stop();
        // A stale notification, that nobody reads before the queue is set up anew.
        guest.rings[CONTROL].kick.write(1).unwrap();
        guest.start(bases);
        guest.must(&requests::flush(1, [0, 0, 8, 8]));
        assert_eq!(service.usage().resources, 1, "round {round}");
    }
    assert_eq!(guest.front.get_vring_base(CURSOR).unwrap(), 0);
    drop(guest);
    service.end().unwrap();
}
