//! A device process is killed, another one takes its front end over, and neither the VMM nor the guest notices.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vgpu::transport::vhost_user::{Journal, Note, Story};
use vgpu::wire::ScanoutId;
use vhost::VhostBackend;
use vhost::vhost_user::VhostUserFrontend;

use crate::guest::requests::{self, OK_NODATA};
use crate::guest::{CONTROL, CURSOR, Guest, LIMIT, Ram, pattern};
use crate::kept::Kept;
use crate::life_cycle::{shows, with_display};

const ALL: [u32; 4] = [0, 0, 64, 64];

fn started() -> (Kept, Guest) {
    let (kept, stream) = Kept::start();
    (kept, Guest::connect(stream, Ram::new()))
}

/// Blue, green, red, x of what the first head shows, as an operator sees it.
pub(crate) fn picture(kept: &Kept) -> Vec<u8> {
    let png = kept.operator().screenshot(ScanoutId::new(0).unwrap()).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels.chunks(3).flat_map(|pixel| [pixel[2], pixel[1], pixel[0], 0xff]).collect()
}

pub(crate) fn resources(kept: &Kept) -> usize {
    kept.operator().status().unwrap().resources_used
}

/// The front end's message without body, with `NEED_REPLY`.
fn question(request: u32, body: &[u8]) -> Vec<u8> {
    let header = [request, 1 | 1 << 3, u32::try_from(body.len()).unwrap()];
    [header.map(u32::to_ne_bytes).as_flattened(), body].concat()
}

/// GET_CONFIG of the first 16 bytes.
fn get_config() -> Vec<u8> {
    let body = [[0_u32, 16, 0].map(u32::to_ne_bytes).as_flattened(), &[0; 16]].concat();
    question(24, &body)
}

/// As if the dead process had read and noted it, and not answered.
fn noted(message: &[u8]) -> Note {
    let (mut here, there) = UnixStream::pair().unwrap();
    here.write_all(message).unwrap();
    Note::receive(&there).unwrap().unwrap()
}

#[test]
fn the_guest_draws_on_and_the_front_end_sees_no_end() {
    let (mut kept, stream) = Kept::start();
    let watch = stream.try_clone().unwrap();
    let mut guest = Guest::connect(stream, Ram::new());
    let backing = guest.create_image(1, 64, 64);
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 1));

    kept.kill();
    watch.set_nonblocking(true).unwrap();
    assert_eq!((&watch).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    watch.set_nonblocking(false).unwrap();
    kept.resume();

    guest.must(&requests::flush(1, ALL));
    assert_eq!(picture(&kept), pattern(64, 64, 1));
    for seed in 2..5 {
        kept.take_over();
        guest.draw(1, backing, 64, 64, &pattern(64, 64, seed));
        assert_eq!(picture(&kept), pattern(64, 64, seed));
    }
    guest.must(&requests::unref(1));
    assert_eq!(resources(&kept), 0);
}

#[test]
fn what_the_guest_asks_while_no_process_runs_is_answered_once() {
    let (mut kept, mut guest) = started();
    guest.create_image(1, 64, 64);
    kept.kill();
    let head = guest.begin(CONTROL, &requests::fenced(requests::get_edid(0), 77));
    kept.resume();
    assert_eq!(guest.rings[CONTROL].wait(LIMIT).unwrap().0, head);
    assert_eq!(guest.rings[CONTROL].take_used(), None);
    let reply = guest.send(&requests::fenced(requests::get_edid(0), 78));
    assert_eq!(reply[8..16], 78_u64.to_le_bytes());
}

#[test]
fn killed_at_any_moment_it_loses_no_request_and_answers_none_twice() {
    let (mut kept, mut guest) = started();
    let backing = guest.create_image(1, 64, 64);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..12 {
                thread::sleep(Duration::from_micros(3000 + 711 * round));
                kept.take_over();
            }
            stop.store(true, Ordering::Relaxed);
        });
        let mut fence = 0_u64;
        while !stop.load(Ordering::Relaxed) {
            fence += 1;
            let reply = guest.send(&requests::fenced(requests::transfer(1, ALL, 0), fence));
            assert_eq!((requests::kind(&reply), &reply[8..16]), (OK_NODATA, &fence.to_le_bytes()[..]));
            guest.send_to(CURSOR, &requests::move_cursor(0, (1, 1)));
        }
        assert!(fence > 12);
    });
    assert_eq!(guest.rings.each_mut().map(|ring| ring.take_used()), [None; 2]);
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 9));
    assert_eq!(picture(&kept), pattern(64, 64, 9));
}

#[test]
fn a_process_that_is_killed_while_it_takes_over_is_taken_over_as_well() {
    let (mut kept, mut guest) = started();
    let backing = guest.create_image(1, 64, 64);
    for round in 0..16 {
        kept.take_over();
        thread::sleep(Duration::from_micros(500 * round));
    }
    kept.take_over();
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 3));
    assert_eq!(picture(&kept), pattern(64, 64, 3));
}

#[test]
fn an_index_that_comes_round_to_zero_is_no_new_driver() {
    let (mut kept, mut guest) = started();
    guest.create_image(1, 64, 64);
    for _ in 2..65536 {
        guest.send(&requests::set_scanout(0, 1, ALL));
    }
    kept.take_over();
    guest.must(&requests::flush(1, ALL));
    assert_eq!(resources(&kept), 1);
    // The same for a queue that was stopped there.
    for _ in 1..65536 {
        guest.send(&requests::set_scanout(0, 1, ALL));
    }
    let bases = guest.stop();
    assert_eq!(bases, [0, 0]);
    kept.take_over();
    guest.start(bases);
    guest.must(&requests::flush(1, ALL));
    assert_eq!(resources(&kept), 1);
}

#[test]
fn a_pause_goes_on_and_a_chain_that_was_offered_meanwhile_is_answered_after_it() {
    let (mut kept, mut guest) = started();
    let backing = guest.create_image(1, 64, 64);
    guest.draw(1, backing, 64, 64, &pattern(64, 64, 1));
    let bases = guest.stop();
    guest.begin(CONTROL, &requests::flush(1, ALL));
    kept.take_over();
    assert!(guest.rings[CONTROL].wait(Duration::from_millis(50)).is_none());
    // As the front end heard it from the one that died.
    assert_eq!(guest.front.get_vring_base(CONTROL).unwrap(), u32::from(bases[CONTROL]));
    guest.start(bases);
    assert!(guest.rings[CONTROL].wait(LIMIT).is_some());
    assert_eq!(picture(&kept), pattern(64, 64, 1));
}

#[test]
fn queues_that_were_only_disabled_go_on_where_they_were() {
    let (mut kept, mut guest) = started();
    guest.create_image(1, 64, 64);
    for queue in [CONTROL, CURSOR] {
        guest.front.set_vring_enable(queue, false).unwrap();
    }
    kept.take_over();
    guest.begin(CONTROL, &requests::flush(1, ALL));
    assert!(guest.rings[CONTROL].wait(Duration::from_millis(50)).is_none());
    for queue in [CONTROL, CURSOR] {
        guest.front.set_vring_enable(queue, true).unwrap();
    }
    assert!(guest.rings[CONTROL].wait(LIMIT).is_some());
    assert_eq!(guest.stop(), [3, 0]);
}

#[test]
fn a_driver_that_begins_anew_finds_nothing_though_the_process_died_in_between() {
    let (mut kept, mut guest) = started();
    guest.create_image(1, 64, 64);
    guest.stop();
    kept.take_over();
    assert_eq!(resources(&kept), 1, "it may be a pause");
    guest.begin_anew();
    kept.take_over();
    guest.must(&requests::get_edid(0));
    assert_eq!(resources(&kept), 0);
}

#[test]
fn a_front_end_that_has_not_started_its_queues_may_start_them_with_the_next_process() {
    let (mut kept, stream) = Kept::start();
    let mut guest = Guest::negotiate(stream, Ram::new());
    kept.take_over();
    guest.share_memory();
    kept.take_over();
    guest.start([0; 2]);
    guest.create_image(1, 64, 64);
}

#[test]
fn the_next_process_shows_its_pictures_on_the_same_display() {
    let (mut kept, stream) = Kept::start();
    let (mut guest, display) = with_display(stream);
    kept.take_over();
    guest.start([0; 2]);
    let backing = guest.create_image(1, 64, 64);
    for seed in 0..4 {
        guest.draw(1, backing, 64, 64, &pattern(64, 64, seed));
        assert!(shows(&display, &pattern(64, 64, seed)), "{seed}");
        kept.take_over();
    }
    guest.must(&requests::get_display_info());
    assert_eq!(display.seen().violations, [""; 0]);
    assert!(!display.seen().closed);
}

#[test]
fn a_process_that_dies_in_the_middle_of_a_picture_leaves_a_display_that_gets_the_newest() {
    let (mut kept, stream) = Kept::start();
    let (mut guest, display) = with_display(stream);
    guest.start([0; 2]);
    let backing = guest.create_image(1, 1024, 768);
    guest.must(&requests::get_display_info());
    for seed in 0..3 {
        display.stall();
        guest.draw(1, backing, 1024, 768, &pattern(1024, 768, 2 * seed));
        kept.take_over();
        guest.draw(1, backing, 1024, 768, &pattern(1024, 768, 2 * seed + 1));
        display.resume();
        assert!(shows(&display, &pattern(1024, 768, 2 * seed + 1)), "{seed}");
    }
    assert_eq!(display.seen().violations, [""; 0]);
}

#[test]
fn a_request_that_was_not_answered_yet_is_answered_by_the_next_process() {
    let (mut kept, stream) = Kept::start();
    let mut watch = stream.try_clone().unwrap();
    let mut guest = Guest::connect(stream, Ram::new());
    let config = guest.config(0, 16);
    // One that the dead process had noted, and one that it had not even read.
    kept.kill();
    kept.apply(noted(&get_config()));
    watch.write_all(&get_config()).unwrap();
    kept.resume();
    let mut answers = [[0; 12 + 12 + 16]; 2];
    watch.read_exact(answers.as_flattened_mut()).unwrap();
    for answer in answers {
        assert_eq!(answer[24..], config);
    }
    assert_eq!(guest.config(0, 16), config);
}

#[test]
fn killed_right_after_an_answer_it_leaves_none_to_be_given_twice() {
    let (mut kept, stream) = Kept::start();
    let mut watch = stream.try_clone().unwrap();
    watch.set_read_timeout(Some(LIMIT)).unwrap();
    let mut guest = Guest::connect(stream, Ram::new());
    let config = guest.config(0, 16);
    for round in 0..40 {
        watch.write_all(&get_config()).unwrap();
        let mut answer = [0; 12 + 12 + 16];
        watch.read_exact(&mut answer).unwrap();
        kept.kill();
        assert_eq!(answer[24..], config, "{round}");
        assert_eq!(kept.journal().unsettled().count(), 0, "round {round}: it was answered and not noted");
        kept.resume();
    }
    // An answer too many would be taken for that to another request.
    assert_eq!(guest.stop(), [0, 0]);
    assert_eq!(guest.config(0, 16), config);
}

/// What is in the pipe between the answers of a process and its front end when it dies.
#[test]
fn an_answer_on_its_way_is_sent_if_it_was_noted_and_given_anew_if_not() {
    let (mut kept, stream) = Kept::start();
    let mut watch = stream.try_clone().unwrap();
    watch.set_read_timeout(Some(LIMIT)).unwrap();
    let mut guest = Guest::connect(stream, Ram::new());
    let config = guest.config(0, 16);
    let put = |kept: &Kept, bytes: &[u8]| kept.journal().outbox().unwrap().put_bytes(bytes).unwrap();
    kept.kill();
    put(&kept, b"as it was noted");
    kept.resume();
    let mut answer = [0; 15];
    watch.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"as it was noted");

    kept.kill();
    kept.apply(noted(&get_config()));
    put(&kept, b"as it was not noted");
    kept.resume();
    let mut answer = [0; 12 + 12 + 16];
    watch.read_exact(&mut answer).unwrap();
    assert_eq!(answer[24..], config);
    assert_eq!(guest.config(0, 16), config);
}

#[test]
fn the_back_channel_is_the_next_processs_too() {
    let (mut kept, stream) = Kept::start();
    let mut guest = Guest::connect(stream, Ram::new());
    let (ours, theirs) = UnixStream::pair().unwrap();
    guest.front.set_backend_request_fd(&theirs).unwrap();
    drop(theirs);
    kept.take_over();
    guest.must(&requests::get_edid(0));
    kept.operator().set_heads(&["0=800x600".parse().unwrap()]).unwrap();
    let mut header = [0; 12];
    (&ours).read_exact(&mut header).unwrap();
    assert_eq!(header[..4], 2_u32.to_ne_bytes(), "the configuration changed");
}

#[test]
fn an_orderly_end_says_so_and_leaves_nothing_to_take_over() {
    let (mut kept, guest) = started();
    drop(guest);
    assert!(kept.wait().success());
    assert_eq!(kept.ended().as_deref(), Some("the front end hung up"));
    assert!(kept.journal().connection().is_none());

    let (mut kept, mut stream) = Kept::start();
    stream.write_all(&question(4711, &[])).unwrap();
    assert!(kept.wait().success());
    let reason = "the front end was refused: request 4711 is not one that this device serves";
    assert_eq!(kept.ended().as_deref(), Some(reason));
}

#[test]
fn a_front_end_that_hangs_up_while_no_process_runs_is_an_orderly_end_of_the_next() {
    let (mut kept, guest) = started();
    kept.kill();
    drop(guest);
    kept.resume();
    assert!(kept.wait().success());
    assert_eq!(kept.ended().as_deref(), Some("the front end hung up"));
}

#[test]
fn only_one_process_serves_a_vgpu() {
    let (kept, mut guest) = started();
    let (_channel, theirs) = UnixStream::pair().unwrap();
    let second = kept.command(theirs, None).output().unwrap();
    assert!(!second.status.success());
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(message.contains("another process serves this vGPU: end that one first"), "{message}");
    guest.create_image(1, 64, 64);
    assert_eq!(kept.operator().status().unwrap().pid, kept.process.id().cast_signed());
}

/// Asks the running process to be kept by us, and hears everything up to the end of its journal.
fn adopt(kept: &Kept) -> (UnixStream, Journal) {
    let mut stream = UnixStream::connect(kept.control_path()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(b"{\"request\":\"keep\"}\n").unwrap();
    let mut line = String::new();
    // Not a byte behind the line, and no descriptor that comes with one.
    BufReader::with_capacity(1, &stream).read_line(&mut line).unwrap();
    assert_eq!(line, "{\"ok\":{}}\n");
    let Some(Note::Heirlooms(heirlooms)) = Note::receive(&stream).unwrap() else { panic!("no heirlooms") };
    let name = std::os::unix::net::UnixListener::from(heirlooms.front_end.try_clone().unwrap()).local_addr();
    assert_eq!(name.unwrap().as_pathname(), Some(kept.socket_path().as_path()));
    let journal = Journal::receive(&stream).unwrap();
    (stream, journal)
}

#[test]
fn another_keeper_is_told_everything_and_takes_over_like_the_first() {
    let (mut kept, mut guest) = started();
    let backing = guest.create_image(1, 64, 64);
    let (channel, journal) = adopt(&kept);
    assert!(kept.is_let_go(), "the first keeper is told no more");
    assert!(journal.connection().is_some());
    kept.set_journal(journal);
    kept.listen_to(channel);
    let bases = guest.stop();
    guest.start(bases);

    kept.take_over();

    guest.draw(1, backing, 64, 64, &pattern(64, 64, 5));
    assert_eq!(picture(&kept), pattern(64, 64, 5));
}

#[test]
fn a_keeper_that_dies_or_does_not_read_keeps_nobody_waiting() {
    let (mut kept, stream) = Kept::start();
    let mut guest = Guest::connect(stream, Ram::new());
    let (channel, _) = adopt(&kept);
    let start = Instant::now();
    // More notes than its socket has room for.
    for _ in 0..2000 {
        guest.front.get_features().unwrap();
    }
    assert!(start.elapsed() < LIMIT);
    drop(channel);
    guest.create_image(1, 64, 64);
    let (channel, journal) = adopt(&kept);
    kept.set_journal(journal);
    kept.listen_to(channel);
    kept.take_over();
    guest.must(&requests::flush(1, ALL));
}
