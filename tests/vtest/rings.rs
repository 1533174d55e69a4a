//! Rings: what is carried out, in which order, and how a ring and the socket wait for each other.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::peer::{DriverRing, Peer, RingSetup, bytes, readable, set_reply};
use crate::server::{ECHO, NOP, PANIC, SLEEP, Server, until};

/// `vkWaitRingSeqnoMESA`.
fn wait_ring(ring: u64, seqno: u32) -> Vec<u32> {
    vec![253, 0, ring as u32, (ring >> 32) as u32, seqno, 0]
}

#[test]
fn commands_are_carried_out_and_the_head_follows() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 0x1_0000_0007);
    ring.submit(&mut peer, &[NOP, 0, NOP, 0, SLEEP, 0, 1]);
    ring.finish();
    assert_eq!((ring.head(), server.done.load(Ordering::Relaxed)), (28, 3));
}

#[test]
fn commands_go_on_at_the_start_of_the_buffer() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    let (resource, memory) = peer.shared(4096);
    for round in 0..1000u32 {
        let words: Vec<u32> = (round..round + 1 + round % 50).collect();
        let echo = [&[ECHO, 1, words.len() as u32], &words[..]].concat();
        ring.submit(&mut peer, &[set_reply(resource, 64, 4096 - 64), echo].concat());
        ring.finish();
        let mut reply = vec![0; 4 * words.len()];
        memory.copy_out(64, &mut reply).unwrap();
        assert_eq!(reply, bytes(&words), "round {round}");
    }
    assert!(ring.tail > 10 * 4096);
}

#[test]
fn a_full_ring_is_carried_out_and_one_byte_more_is_fatal() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    ring.submit(&mut peer, &[NOP, 0].repeat(512));
    ring.finish();
    assert_eq!(ring.head(), 4096);

    ring.set_tail(ring.tail + 4097);
    ring.notify(&mut peer);
    until("FATAL", || ring.is_fatal());
}

#[test]
fn a_command_of_several_lengths_of_a_tail_is_carried_out_when_it_is_whole_or_not_at_all() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    ring.submit(&mut peer, &[NOP]);
    until("FATAL", || ring.is_fatal());
    assert_eq!(ring.head(), 0);
}

#[test]
fn rings_with_wrong_layouts_are_refused() {
    let server = Server::start();
    let wrong: [fn(&mut RingSetup); 4] = [
        |setup| setup.buffer = 4000,
        |setup| setup.head_offset = 64,
        |setup| setup.monitor_us = Some(0),
        |setup| setup.ring = 0,
    ];
    for (index, change) in wrong.into_iter().enumerate() {
        let mut peer = server.client();
        let (resource, _) = peer.shared(8192);
        let mut setup = RingSetup::new(1, resource);
        change(&mut setup);
        peer.submit(&setup.command());
        // The last one is a ring like any other.
        if index == 3 { peer.sync() } else { assert!(peer.is_closed(), "{index}") }
    }
    let mut peer = server.client();
    peer.submit(&RingSetup::new(1, 77).command());
    assert!(peer.is_closed(), "no such memory");
}

#[test]
fn a_ring_s_memory_must_be_fresh_and_its_name_new() {
    let server = Server::start();
    let mut peer = server.client();
    let (resource, memory) = peer.shared(8192);
    memory.word(0).unwrap().store(4, Ordering::SeqCst);
    peer.submit(&RingSetup::new(1, resource).command());
    assert!(peer.is_closed());

    let mut peer = server.client();
    DriverRing::create(&mut peer, 1);
    DriverRing::create(&mut peer, 1);
    assert!(peer.is_closed());
}

#[test]
fn a_ring_outlives_the_number_of_its_memory_and_ends_with_its_destruction() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 5);
    peer.send(3, &[1]);
    ring.submit(&mut peer, &[NOP, 0]);
    ring.finish();

    peer.submit(&[189, 0, 5, 0]);
    peer.sync();
    ring.submit(&mut peer, &[NOP, 0]);
    peer.submit(&[190, 0, 5, 0, 0, 0]);
    assert!(peer.is_closed(), "there is no ring to notify");
    assert_eq!(ring.head(), 8);
}

#[test]
fn the_socket_waits_for_a_ring() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    let sync = peer.ask(19, &[0, 0])[0];
    let (_, wait) = peer.ask_file(23, &[0, u32::MAX, sync, 1, 0]);
    ring.submit(&mut peer, &[SLEEP, 0, 100, NOP, 0]);
    peer.submit(&wait_ring(1, 12));
    peer.submit_fence(0, sync, 1);
    assert!(!readable(&wait, 20));
    assert!(readable(&wait, 10_000));
    assert!(ring.head() >= 12);
    peer.submit(&wait_ring(1, 0));
    peer.submit(&wait_ring(1, 20));
    peer.sync();
    assert_eq!(ring.head(), 20);
}

#[test]
fn waiting_for_what_a_ring_never_reaches_ends_the_client() {
    let server = Server::start();
    for seqno in [1, 0x7fff_ffff] {
        let mut peer = server.client();
        let ring = DriverRing::create(&mut peer, 1);
        peer.submit(&wait_ring(1, seqno));
        until("FATAL", || ring.is_fatal());
        assert!(peer.is_closed());
    }
    // A tail that goes back while we wait: the ring is at its first command when the second is written.
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    ring.submit(&mut peer, &[NOP, 0, SLEEP, 0, 200]);
    until("the first command", || ring.head() == 8);
    ring.write(&[NOP, 0]);
    peer.submit(&wait_ring(1, 28));
    thread::sleep(Duration::from_millis(20));
    ring.set_tail(20);
    assert!(peer.is_closed());
    assert_eq!(ring.head(), 20);
}

#[test]
fn a_ring_waits_for_the_socket() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    ring.submit(&mut peer, &[NOP, 0, 252, 0, 3, 0, NOP, 0]);
    until("the first command", || ring.head() == 8);
    for seqno in 1..=3 {
        thread::sleep(Duration::from_millis(5));
        assert_eq!(ring.head(), 8);
        peer.submit(&[251, 0, 1, 0, seqno, 0]);
    }
    ring.finish();
}

#[test]
fn a_ring_and_the_socket_that_wait_for_each_other_end_the_client() {
    let server = Server::start();
    for socket_first in [true, false] {
        let mut peer = server.client();
        let mut ring = DriverRing::create(&mut peer, 1);
        if socket_first {
            ring.submit(&mut peer, &[SLEEP, 0, 30, 252, 0, 3, 0]);
        } else {
            ring.submit(&mut peer, &[SLEEP, 0, 0, 252, 0, 3, 0]);
            until("the first command", || ring.head() == 12);
            thread::sleep(Duration::from_millis(5));
        }
        peer.submit(&wait_ring(1, 28));
        until("FATAL", || ring.is_fatal());
        assert!(peer.is_closed());
    }
}

#[test]
fn a_client_that_hangs_up_while_we_wait_for_its_ring_is_gone_at_once() {
    let server = Server::start();
    let before = server.ledger.used();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    ring.submit(&mut peer, &[&[SLEEP, 0, 20].repeat(200)[..], &[NOP, 0]].concat());
    peer.submit(&wait_ring(1, ring.tail));
    drop(peer);
    until("the end of the client", || server.ledger.used() == before);
    assert!(server.done.load(Ordering::Relaxed) < 200);
}

#[test]
fn other_clients_go_on_while_one_waits() {
    let server = Server::start();
    let mut waiting = server.client();
    let mut ring = DriverRing::create(&mut waiting, 1);
    ring.submit(&mut waiting, &[252, 0, 1, 0]);
    let mut other = server.client();
    let mut theirs = DriverRing::create(&mut other, 1);
    theirs.submit(&mut other, &[NOP, 0]);
    theirs.finish();
    assert_eq!(ring.head(), 0);
}

#[test]
fn the_extra_region_is_written_within_its_bounds() {
    let server = Server::start();
    let mut peer = server.client();
    let ring = DriverRing::create(&mut peer, 1);
    peer.submit(&[191, 0, 1, 0, 0, 0, 42]);
    peer.sync();
    assert_eq!(ring.word(192 + 4096), 42);
    peer.submit(&[191, 0, 1, 0, 1, 0, 42]);
    assert!(peer.is_closed());
}

#[test]
fn a_panic_of_ours_costs_one_client() {
    let server = Server::start();
    let mut other = server.client();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    ring.submit(&mut peer, &[PANIC, 0]);
    until("FATAL", || ring.is_fatal());
    peer.submit(&[NOP, 0]);
    assert!(peer.is_closed());

    let mut peer = server.client();
    peer.submit(&[PANIC, 0]);
    assert!(peer.is_closed());
    other.sync();
}

#[test]
fn a_ring_in_a_long_command_is_alive() {
    let server = Server::start();
    let mut peer = server.client();
    let setup = RingSetup { monitor_us: Some(1), ..RingSetup::new(1, 0) };
    let mut ring = DriverRing::create_with(&mut peer, setup);
    ring.submit(&mut peer, &[SLEEP, 0, 400]);
    for _ in 0..2 {
        ring.memory.word(128).unwrap().fetch_and(!4, Ordering::SeqCst);
        until("ALIVE", || ring.is_alive());
    }
    assert_eq!(ring.head(), 0);
}

#[test]
fn commands_of_rings_are_refused_on_the_socket_and_the_other_way_round() {
    let server = Server::start();
    let mut peer = server.client();
    peer.submit(&[252, 0, 0, 0]);
    assert!(peer.is_closed());
    for command in [vec![189, 0, 1, 0], wait_ring(1, 0), vec![190, 0, 1, 0, 0, 0], vec![251, 0, 1, 0, 1, 0]] {
        let mut peer = server.client();
        let mut ring = DriverRing::create(&mut peer, 1);
        ring.submit(&mut peer, &command);
        until("FATAL", || ring.is_fatal());
    }
}

#[test]
fn a_message_that_comes_byte_by_byte_is_one() {
    let server = Server::start();
    let mut peer: Peer = server.client();
    for byte in bytes(&[2, 7, 0, 0]) {
        peer.stream.write_all(&[byte]).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(peer.read_words(3), [1, 7, 0]);
}
