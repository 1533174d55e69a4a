//! A window whose device process dies in the middle of anything, and the next one goes on.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use vgpu::display::frontend::Frontend;
use vgpu::display::{Answer, CURSOR_BYTES, Cursor, Pieces, Question, Sink};
use vgpu::vault::Mark;
use vgpu::wire::{Format, Point};

use crate::display_peer::{DisplayPeer, Options};
use crate::screen::{Screen, area, head, mark, pump_until, size};

const SOON: Duration = Duration::from_secs(10);

/// Bytes of the mark that count pieces.
const PIECES: u64 = 0xffff;

/// What a process sent that nobody read yet: everything, since nobody is slow here.
fn sent(frontend: &mut Frontend, screen: &Screen, window: &mut UnixStream) -> Vec<u8> {
    window.set_nonblocking(true).unwrap();
    let mut all = Vec::new();
    loop {
        let write = frontend.pump(screen).unwrap().write;
        match window.read_to_end(&mut all) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("{other:?}"),
        }
        if !write {
            return all;
        }
    }
}

/// A process that showed a first head of this size, and the bytes of its update.
fn first_life(mark: &Mark, screen: &Screen, side: (u32, u32)) -> (Vec<u8>, Vec<u8>) {
    let (mut window, socket) = UnixStream::pair().unwrap();
    let mut frontend = Frontend::new(socket, mark.clone()).unwrap();
    let greeting = sent(&mut frontend, screen, &mut window);
    frontend.show(head(0), Some(size(side.0, side.1)));
    let update = sent(&mut frontend, screen, &mut window);
    std::mem::forget(frontend);
    assert_eq!(update.len(), 24 + 32 + (side.0 * side.1 * 4) as usize);
    (greeting, update)
}

/// The next process, told as a restored device tells a sink, must bring the window in step with what there is.
fn next_life(
    peer: &DisplayPeer,
    socket: UnixStream,
    mark: &Mark,
    screen: &Screen,
    side: (u32, u32),
    what: &str,
) {
    let mut frontend = Frontend::resume(socket, mark.clone()).unwrap();
    frontend.show(head(0), Some(size(side.0, side.1)));
    pump_until(&mut frontend, screen, |_| peer.look(|seen| seen.features_set.is_some()));
    let same = peer.wait(SOON, |seen| !seen.violations.is_empty() || screen.is_seen(0, &seen.surfaces[0]));
    peer.look(|seen| assert_eq!(seen.violations, [""; 0], "{what}"));
    assert!(same, "the picture is not the new one, {what}");
    assert_eq!(mark.load() & PIECES, 0, "{what}");
}

#[test]
fn a_death_at_any_piece_of_an_update_leaves_a_window_that_the_next_process_brings_in_step() {
    let piece = Pieces::of_host().bytes;
    let whole = u32::try_from(piece / 8).unwrap();
    // The last two come without a pixel beside the header, and all at once.
    for (width, height) in [(120, 260), (32, 130), (31, 1055), (whole, 4), (3, 200)] {
        let side = (width, height);
        let [old, new] = [1, 2].map(|shade| Screen::with(size(width, height), Format::B8G8R8X8, shade));
        let mark = mark();
        let (greeting, update) = first_life(&mark, &old, side);
        let pieces = (width * height * 4) as usize / piece;
        let done = mark.load();
        assert_eq!(done & PIECES, 0, "the first life ended well");
        // The window waits for so many pieces, or has nothing of the update; the mark says as much or more.
        let waits = (0..=pieces).map(Some).chain([None]);
        for waits in waits {
            for marked in waits.unwrap_or(0)..=pieces {
                let (peer, mut socket) = DisplayPeer::start(Options::default());
                socket.write_all(&greeting).unwrap();
                let taken = waits.map_or(0, |waits| update.len() - waits * piece);
                socket.write_all(&update[..taken]).unwrap();
                mark.store(done + marked as u64);
                let what =
                    format!("{side:?}: the window waits for {waits:?} of {pieces}, the mark says {marked}");
                next_life(&peer, socket, &mark, &new, side, &what);
            }
        }
    }
}

#[test]
fn the_mark_counts_at_least_the_pieces_that_the_window_waits_for() {
    let mark = mark();
    let (mut window, socket) = UnixStream::pair().unwrap();
    let mut frontend = Frontend::new(socket, mark.clone()).unwrap();
    for format in [Format::B8G8R8X8, Format::R8G8B8X8] {
        let screen = Screen::with(size(1280, 800), format, 1);
        let start = sent(&mut frontend, &screen, &mut window).len();
        frontend.show(head(0), Some(size(1280, 800)));
        frontend.damage(head(0), area(0, 0, 1280, 800));
        window.set_nonblocking(true).unwrap();
        let total = 32 + 1280 * 800 * 4 + if start > 0 { 24 } else { 0 };
        let (mut read, mut steps) = (0, 0);
        let mut piece = vec![0; 4096];
        loop {
            let write = frontend.pump(&screen).unwrap().write;
            // What is in the socket is taken: a window that waits for more waits for this at most.
            let unsent = (mark.load() & PIECES) as usize * Pieces::of_host().bytes;
            let mut there = read;
            while let Ok(count) = window.read(&mut piece) {
                there += count;
            }
            assert_eq!(there + unsent, total, "{format:?}");
            (read, steps) = (there, steps + 1);
            if !write {
                break;
            }
        }
        assert!(steps > 1, "it fit at once, and nothing was tried");
    }
}

#[test]
fn several_deaths_in_a_row_end_well_too() {
    let side = (333, 400);
    let mark = mark();
    let old = Screen::with(size(333, 400), Format::B8G8R8X8, 1);
    let (greeting, update) = first_life(&mark, &old, side);
    let (peer, mut socket) = DisplayPeer::start(Options::default());
    socket.write_all(&greeting).unwrap();
    socket.write_all(&update[..update.len() - 9 * Pieces::of_host().bytes]).unwrap();
    mark.store(mark.load() + 9);
    for life in 2..8 {
        // Each gets a little further: stalled, so that it stops within blanks, its row of questions, or an update.
        peer.stall();
        let screen = Screen::with(size(333, 400), Format::R8G8B8A8, life);
        let mut frontend = Frontend::resume(socket.try_clone().unwrap(), mark.clone()).unwrap();
        frontend.show(head(0), Some(size(333, 400)));
        frontend.ask(Question::Edid(head(life)));
        frontend.pump(&screen).unwrap();
        std::mem::forget(frontend);
        peer.resume();
    }
    let new = Screen::with(size(333, 400), Format::B8G8R8X8, 9);
    next_life(&peer, socket, &mark, &new, side, "after seven deaths");
}

#[test]
fn what_is_dark_or_without_a_pointer_now_becomes_so_in_the_window_and_other_heads_are_left_alone() {
    let mark = mark();
    let (peer, socket) = DisplayPeer::start(Options::default());
    let mut screen = Screen::with(size(64, 48), Format::B8G8R8X8, 1);
    let pointer =
        Cursor { at: Point { x: 1, y: 2 }, hot: Point::default(), image: Some(vec![9; CURSOR_BYTES].into()) };
    screen.cursors[3] = pointer.clone();
    let mut frontend = Frontend::new(socket.try_clone().unwrap(), mark.clone()).unwrap();
    frontend.show(head(0), Some(size(64, 48)));
    frontend.cursor_changed(head(3));
    pump_until(&mut frontend, &screen, |_| {
        peer.look(|seen| seen.pointers[3].visible && screen.is_seen(0, &seen.surfaces[0]))
    });
    std::mem::forget(frontend);

    // The guest switched the head off and hid the pointer, and the process died before it could say so.
    let dark = Screen::default();
    let mut frontend = Frontend::resume(socket, mark.clone()).unwrap();
    pump_until(&mut frontend, &dark, |_| {
        peer.look(|seen| !seen.pointers[3].visible && dark.is_seen(0, &seen.surfaces[0]))
    });

    peer.look(|seen| {
        assert_eq!(seen.violations, [""; 0]);
        assert_eq!(seen.scanouts, 3, "on, and off for the two heads that the window had been told of");
    });
}

#[test]
fn answers_to_a_dead_process_are_not_taken_for_ones_to_the_next() {
    let mark = mark();
    let heads = vec![(640, 480), (800, 600)];
    let (peer, socket) = DisplayPeer::start(Options { heads, edid: vec![5; 128], ..Options::default() });
    let mut frontend = Frontend::new(socket.try_clone().unwrap(), mark.clone()).unwrap();
    pump_until(&mut frontend, &Screen::default(), |_| peer.look(|seen| seen.features_set.is_some()));
    for question in [Question::Modes, Question::Edid(head(0)), Question::Edid(head(7))] {
        frontend.ask(question);
    }
    frontend.pump(&Screen::default()).unwrap();
    std::mem::forget(frontend);
    std::thread::sleep(Duration::from_millis(20)); // let the answers lie in the socket

    let mut frontend = Frontend::resume(socket, mark).unwrap();
    // No window has head 7, so an EDID for it can only be the stale one of head 0.
    for (number, known) in [(7, false), (1, true)] {
        let mut answer = frontend.ask(Question::Edid(head(number)));
        pump_until(&mut frontend, &Screen::default(), |frontend| {
            answer = answer.take().or_else(|| frontend.ask(Question::Edid(head(number))));
            answer.is_some()
        });
        assert_eq!(matches!(answer, Some(Answer::Edid(_))), known, "head {number}");
    }
}
