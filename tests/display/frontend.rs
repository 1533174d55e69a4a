//! What a window shows, whatever it does to its socket.

use std::time::Duration;

use vgpu::display::frontend::Frontend;
use vgpu::display::{Answer, CURSOR_BYTES, Cursor, Interest, Picture, Question, Scanouts, Sink, Source};
use vgpu::guest_memory::{Backing, GuestMemory};
use vgpu::wire::{Format, Point, ScanoutId};
use vm_memory::{Bytes, GuestAddress};

use crate::display_peer::{DisplayPeer, Options};
use crate::screen::{Screen, area, head, mark, pump_until, ready, size};

const SOON: Duration = Duration::from_secs(10);

fn start(options: Options) -> (DisplayPeer, Frontend) {
    let (peer, socket) = DisplayPeer::start(options);
    (peer, Frontend::new(socket, mark()).unwrap())
}

/// Everything is sent, nothing harmed QEMU, and each head looks as it should.
fn settle(peer: &DisplayPeer, frontend: &mut Frontend, screen: &Screen) {
    pump_until(frontend, screen, |_| true);
    let same = peer.wait(SOON, |seen| {
        seen.surfaces.iter().enumerate().all(|(head, surface)| screen.is_seen(head, surface))
            || !seen.violations.is_empty()
    });
    peer.look(|seen| assert_eq!(seen.violations, [""; 0]));
    assert!(same, "the picture is not the one that was drawn");
}

#[test]
fn features_are_negotiated_and_only_those_in_use_are_set() {
    for (offered, set) in [(0, 0), (0b01, 1), (0b11, 1), (u64::MAX, 1)] {
        let (peer, mut frontend) = start(Options { features: offered, ..Options::default() });
        pump_until(&mut frontend, &Screen::default(), |_| peer.look(|seen| seen.features_set.is_some()));
        assert_eq!(peer.seen().features_set, Some(set));
    }
}

#[test]
fn a_whole_frame_of_every_format_is_seen_as_drawn() {
    for format in Format::ALL {
        let (peer, mut frontend) = start(Options::default());
        let screen = Screen::with(size(333, 77), format, 1);
        frontend.show(head(0), Some(size(333, 77)));
        settle(&peer, &mut frontend, &screen);
        assert_eq!((peer.seen().scanouts, peer.seen().updates), (1, 1), "{format:?}");
    }
}

#[test]
fn damage_costs_only_its_own_pixels() {
    for format in [Format::B8G8R8X8, Format::X8R8G8B8] {
        let (peer, mut frontend) = start(Options::default());
        let mut screen = Screen::with(size(640, 480), format, 1);
        frontend.show(head(0), Some(size(640, 480)));
        settle(&peer, &mut frontend, &screen);
        let before = peer.seen().bytes;
        for (shade, part) in (2..).zip([area(3, 5, 100, 7), area(0, 100, 640, 20), area(639, 479, 1, 1)]) {
            screen.draw(0, part, shade);
            frontend.damage(head(0), part);
        }
        settle(&peer, &mut frontend, &screen);
        let pixels = 100 * 7 + 640 * 20 + 1;
        assert!(peer.seen().bytes - before < (pixels + 4096) * 4 + 3 * 32, "{}", peer.seen().bytes - before);
        assert_eq!(peer.seen().scanouts, 1);
    }
}

#[test]
fn damage_beyond_the_picture_is_cut_and_damage_of_a_dark_head_ignored() {
    let (peer, mut frontend) = start(Options::default());
    let screen = Screen::with(size(64, 64), Format::B8G8R8X8, 1);
    frontend.show(head(0), Some(size(64, 64)));
    for part in [area(60, 60, 100, 100), area(u32::MAX, u32::MAX, u32::MAX, u32::MAX), area(5, 5, 0, 9)] {
        frontend.damage(head(0), part);
        frontend.damage(head(1), part);
    }
    settle(&peer, &mut frontend, &screen);
    assert_eq!(peer.seen().updates_of[..2], [1, 0]);
}

#[test]
fn two_heads_of_different_sizes_are_both_seen() {
    let (peer, mut frontend) = start(Options::default());
    let mut screen = Screen::with(size(1024, 768), Format::B8G8R8X8, 1);
    screen.put(1, size(800, 600), Format::R8G8B8X8, 2);
    frontend.show(head(0), Some(size(1024, 768)));
    frontend.show(head(1), Some(size(800, 600)));
    settle(&peer, &mut frontend, &screen);
    screen.draw(1, area(10, 10, 20, 20), 3);
    frontend.damage(head(1), area(10, 10, 20, 20));
    settle(&peer, &mut frontend, &screen);
    assert_eq!(peer.seen().updates_of[..2], [1, 2]);
}

#[test]
fn a_head_that_the_window_does_not_have_harms_nothing() {
    let (peer, mut frontend) = start(Options { heads: vec![(640, 480)], ..Options::default() });
    let mut screen = Screen::with(size(64, 64), Format::B8G8R8X8, 1);
    screen.put(7, size(64, 64), Format::B8G8R8X8, 2);
    frontend.show(head(7), Some(size(64, 64)));
    frontend.show(head(0), Some(size(64, 64)));
    settle(&peer, &mut frontend, &screen);
}

#[test]
fn flipping_pages_of_one_size_sends_pixels_and_no_size() {
    let (peer, mut frontend) = start(Options::default());
    for shade in 0..5 {
        let screen = Screen::with(size(320, 200), Format::B8G8R8X8, shade);
        frontend.show(head(0), Some(size(320, 200)));
        frontend.damage(head(0), area(0, 0, 320, 200));
        settle(&peer, &mut frontend, &screen);
    }
    assert_eq!((peer.seen().scanouts, peer.seen().updates), (1, 5));
}

#[test]
fn a_picture_larger_than_a_message_may_be_comes_in_parts() {
    let (peer, mut frontend) = start(Options::default());
    let mut screen = Screen::default();
    screen.put_black(0, size(16384, 1100), Format::B8G8R8X8);
    for y in (0..=1090).step_by(109) {
        screen.draw(0, area(y * 15, y, 20, 10), 1);
    }
    frontend.show(head(0), Some(size(16384, 1100)));
    settle(&peer, &mut frontend, &screen);
    assert_eq!((peer.seen().scanouts, peer.seen().updates), (1, 2));
}

#[test]
fn a_picture_wider_than_qemu_can_show_turns_the_head_off() {
    let (peer, mut frontend) = start(Options::default());
    let mut screen = Screen::with(size(64, 64), Format::B8G8R8X8, 1);
    frontend.show(head(0), Some(size(64, 64)));
    settle(&peer, &mut frontend, &screen);
    screen.put(0, size(16385, 1), Format::B8G8R8X8, 2);
    frontend.show(head(0), Some(size(16385, 1)));
    pump_until(&mut frontend, &screen, |_| peer.look(|seen| seen.surfaces[0].is_none()));
    assert_eq!((peer.seen().scanouts, peer.seen().updates), (2, 1));
}

#[test]
fn a_slow_window_gets_the_newest_picture_and_no_backlog() {
    let (peer, mut frontend) = start(Options::default());
    let mut screen = Screen::with(size(1280, 800), Format::B8G8R8X8, 0);
    frontend.show(head(0), Some(size(1280, 800)));
    settle(&peer, &mut frontend, &screen);
    peer.stall();
    for shade in 1..=200 {
        let part = area(shade * 5, shade * 3, 60, 40);
        screen.draw(0, part, shade);
        frontend.damage(head(0), if shade % 20 == 0 { area(0, 0, 1280, 800) } else { part });
        frontend.pump(&screen).unwrap();
    }
    assert_eq!(frontend.pump(&screen).unwrap(), Interest { write: true, answered: false });
    assert!(!ready(&frontend, true, Duration::from_millis(100)), "a full socket must not wake the worker");
    peer.resume();
    settle(&peer, &mut frontend, &screen);
    // What the socket had room for (2 MiB at most), the message that was under way, and the newest areas.
    assert!(peer.seen().updates < 60, "{} updates for 200 frames", peer.seen().updates);
}

#[test]
fn busy_heads_do_not_keep_another_from_being_seen() {
    let (peer, mut frontend) = start(Options::default());
    let mut screen = Screen::default();
    for number in 0..3 {
        screen.put_black(number, size(1280, 800), Format::B8G8R8X8);
        frontend.show(head(number.try_into().unwrap()), Some(size(1280, 800)));
    }
    settle(&peer, &mut frontend, &screen);
    let busy = |frontend: &mut Frontend| {
        frontend.damage(head(0), area(0, 0, 1280, 800));
        frontend.damage(head(2), area(0, 0, 1280, 800));
        frontend.pump(&screen).unwrap().write
    };
    peer.stall();
    while !busy(&mut frontend) {}
    let before = peer.seen().updates;
    frontend.damage(head(1), area(5, 5, 20, 20));
    peer.resume();
    while peer.look(|seen| seen.updates_of[1]) == 1 {
        let write = busy(&mut frontend);
        ready(&frontend, write, Duration::from_millis(20));
        // The frame under way, one of each busy head, and what was drawn before this looked again.
        assert!(peer.look(|seen| seen.updates - before) < 8, "the busy heads took every turn");
    }
}

/// Lets a frame of the first head get stuck half way, then changes what the head shows.
fn change_in_the_middle(change: impl Fn(&mut Screen, &mut Frontend)) {
    for format in [Format::B8G8R8X8, Format::R8G8B8X8] {
        let (peer, mut frontend) = start(Options::default());
        let mut screen = Screen::default();
        screen.put_black(0, size(1280, 800), format);
        screen.draw(0, area(700, 0, 20, 800), 1);
        peer.stall();
        frontend.show(head(0), Some(size(1280, 800)));
        while frontend.pump(&screen).unwrap() != (Interest { write: true, answered: false }) {}
        change(&mut screen, &mut frontend);
        assert!(frontend.pump(&screen).unwrap().write);
        peer.resume();
        settle(&peer, &mut frontend, &screen);
    }
}

#[test]
fn a_head_that_shrinks_grows_or_goes_dark_in_the_middle_of_a_frame_ends_as_it_is() {
    for new in [size(640, 480), size(1600, 900), size(1280, 100), size(800, 1280)] {
        change_in_the_middle(|screen, frontend| {
            screen.put_black(0, new, Format::B8G8R8X8);
            screen.draw(0, area(new.width - 20, 0, 20, new.height), 2);
            frontend.show(head(0), Some(new));
        });
    }
    change_in_the_middle(|screen, frontend| {
        screen.images[0] = None;
        frontend.show(head(0), None);
    });
}

#[test]
fn a_head_that_goes_dark_and_comes_back_in_the_middle_of_a_frame_is_sent_whole() {
    change_in_the_middle(|screen, frontend| {
        let image = screen.images[0].take();
        frontend.show(head(0), None);
        frontend.pump(screen).unwrap();
        screen.images[0] = image;
        screen.draw(0, area(0, 0, 20, 800), 5);
        frontend.show(head(0), Some(size(1280, 800)));
    });
}

#[test]
fn a_size_that_never_got_its_pixels_is_not_followed_by_another() {
    let (peer, mut frontend) = start(Options::default());
    let mut screen = Screen::default();
    peer.stall();
    for side in (100..2000).step_by(100) {
        screen.put_black(0, size(side, side), Format::B8G8R8X8);
        screen.draw(0, area(side / 2, 0, 9, side), side);
        frontend.show(head(0), Some(size(side, side)));
        frontend.pump(&screen).unwrap();
    }
    peer.resume();
    settle(&peer, &mut frontend, &screen);
}

#[test]
fn a_blob_in_guest_memory_is_read_where_it_lies_and_black_where_it_is_gone() {
    struct Blob {
        memory: GuestMemory,
        backing: Backing,
        cursor: Cursor,
    }
    impl Scanouts for Blob {
        fn picture(&self, head: ScanoutId) -> Option<Picture<'_>> {
            let (memory, backing) = (&self.memory, &self.backing);
            let source = Source::Guest { memory, backing, offset: 16, stride: 512 };
            (head.get() == 0).then_some(Picture { size: size(100, 60), format: Format::B8G8R8X8, source })
        }
        fn cursor(&self, _: ScanoutId) -> &Cursor {
            &self.cursor
        }
    }
    let memory = GuestMemory::from_ranges(&[(GuestAddress(0x1000), 0x7000)]).unwrap();
    let bytes: Vec<u8> =
        (0..0x7000u32).map(|place| place.to_le_bytes()[0] ^ place.to_le_bytes()[1]).collect();
    memory.write_slice(&bytes, GuestAddress(0x1000)).unwrap();
    // Two pieces, the later one first; its end is not memory.
    let backing = Backing::new([(0x4000, 0x4000), (0x1000, 0x3000), (0x9000, 0x1000)]);
    let blob = Blob { memory, backing, cursor: Cursor::default() };
    let (peer, mut frontend) = start(Options::default());
    frontend.show(head(0), Some(size(100, 60)));
    pump_until(&mut frontend, &blob, |_| peer.look(|seen| seen.updates == 1));
    let surface = peer.seen().surfaces[0].clone().unwrap();
    for (x, y) in [(0, 0), (99, 0), (7, 31), (50, 32), (99, 55)] {
        let place = 16 + y * 512 + x * 4;
        let start = if place < 0x4000 { place + 0x3000 } else { place - 0x4000 } as usize;
        assert_eq!(surface.pixel(x, y), bytes[start..start + 3], "({x}, {y})");
    }
    assert_eq!(surface.pixel(0, 59), [0; 3]);
}

#[test]
fn the_pointer_appears_moves_and_vanishes() {
    let (peer, mut frontend) = start(Options::default());
    let mut screen = Screen::default();
    let image: Vec<u8> = (0..CURSOR_BYTES).map(|place| place.to_le_bytes()[0]).collect();
    let hot = Point { x: 3, y: 4 };
    screen.cursors[2] = Cursor { at: Point { x: 10, y: 20 }, hot, image: Some(image.clone().into()) };
    frontend.cursor_changed(head(2));
    pump_until(&mut frontend, &screen, |_| peer.look(|seen| seen.pointers[2].visible));
    let pointer = peer.seen().pointers[2].clone();
    assert_eq!((pointer.at, pointer.hot, pointer.image), ((10, 20), (3, 4), image));

    for x in 0..100 {
        screen.cursors[2].at.x = x;
        frontend.cursor_moved(head(2));
    }
    pump_until(&mut frontend, &screen, |_| peer.look(|seen| seen.pointers[2].at == (99, 20)));
    assert_eq!(peer.seen().pointer_moves, 1, "moves that were not sent yet are one");

    screen.cursors[2].image = None;
    frontend.cursor_changed(head(2));
    frontend.cursor_moved(head(2));
    pump_until(&mut frontend, &screen, |_| peer.look(|seen| !seen.pointers[2].visible));
    frontend.cursor_moved(head(2));
    assert_eq!(frontend.pump(&screen).unwrap(), Interest::default());
    assert_eq!(peer.seen().pointer_moves, 1, "a hidden pointer does not appear by moving");
}

#[test]
fn pointers_of_all_heads_are_sent_though_they_are_many() {
    let (peer, mut frontend) = start(Options::default());
    let mut screen = Screen::default();
    for (number, cursor) in (0u8..).zip(&mut screen.cursors) {
        cursor.image = Some(vec![number + 1; CURSOR_BYTES].into());
        frontend.cursor_changed(head(number.into()));
    }
    pump_until(&mut frontend, &screen, |_| {
        peer.look(|seen| (1u8..).zip(&seen.pointers).all(|(number, p)| p.image == vec![number; CURSOR_BYTES]))
    });
}

fn answer(peer: &DisplayPeer, frontend: &mut Frontend, question: Question) -> Answer {
    let mut answer = frontend.ask(question);
    pump_until(frontend, &Screen::default(), |frontend| {
        answer = answer.take().or_else(|| frontend.ask(question));
        answer.is_some()
    });
    peer.look(|seen| assert_eq!(seen.violations, [""; 0]));
    answer.unwrap()
}

#[test]
fn the_window_is_asked_for_sizes_and_edids() {
    let heads = vec![(1024, 768), (800, 600)];
    let (peer, mut frontend) = start(Options { heads, edid: vec![5; 128], ..Options::default() });
    let Answer::Modes(modes) = answer(&peer, &mut frontend, Question::Modes) else { panic!("no modes") };
    assert_eq!((modes[0].area, modes[0].enabled), (area(0, 0, 1024, 768), true));
    assert_eq!((modes[1].area, modes[1].enabled), (area(0, 0, 800, 600), true));
    assert!(!modes[2].enabled);
    assert_eq!(answer(&peer, &mut frontend, Question::Edid(head(1))), Answer::Edid(vec![5; 128]));
}

#[test]
fn an_edid_that_the_window_refuses_in_silence_is_unknown() {
    let (peer, mut frontend) = start(Options { heads: vec![(640, 480); 2], ..Options::default() });
    assert_eq!(answer(&peer, &mut frontend, Question::Edid(head(5))), Answer::Unknown);
    for number in 0..16 {
        frontend.ask(Question::Edid(head(number)));
    }
    let known = |number| matches!(number, 0 | 1);
    for number in 0..16 {
        let edid = answer(&peer, &mut frontend, Question::Edid(head(number)));
        assert_eq!(matches!(edid, Answer::Edid(_)), known(number), "head {number}: {edid:?}");
    }
}

#[test]
fn a_window_without_edids_answers_at_once() {
    let (peer, mut frontend) = start(Options { features: 0, ..Options::default() });
    assert_eq!(answer(&peer, &mut frontend, Question::Edid(head(0))), Answer::Unknown);
    assert_eq!(frontend.ask(Question::Edid(head(1))), Some(Answer::Unknown));
}

#[test]
fn a_window_that_closes_in_the_middle_of_a_frame_is_an_error() {
    let screen = Screen::with(size(1920, 1080), Format::B8G8R8X8, 1);
    for after in [0, 1, 12, 30, 56, 57, 100_000, 8_000_000] {
        let (peer, mut frontend) = start(Options { hang_up_after: Some(after), ..Options::default() });
        frontend.show(head(0), Some(size(1920, 1080)));
        let error = loop {
            match frontend.pump(&screen) {
                Ok(interest) => assert!(ready(&frontend, interest.write, SOON), "after {after} bytes"),
                Err(error) => break error,
            }
        };
        assert!(peer.wait(SOON, |seen| seen.closed), "{error}");
    }
}

#[test]
fn a_window_that_closes_while_nothing_is_sent_is_noticed() {
    let (peer, mut frontend) = start(Options::default());
    let screen = Screen::default();
    pump_until(&mut frontend, &screen, |_| peer.look(|seen| seen.features_set.is_some()));
    peer.hang_up();
    assert!(ready(&frontend, false, SOON));
    assert!(frontend.pump(&screen).is_err());
}
