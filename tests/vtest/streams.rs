//! Reply streams and indirect streams.

use std::sync::atomic::Ordering;

use crate::peer::{DriverRing, bytes, set_reply};
use crate::server::{ECHO, NOP, Server, until};

/// `vkExecuteCommandStreamsMESA`.
fn execute(streams: &[(u32, u32, u32)], positions: &[u32]) -> Vec<u32> {
    let count = streams.len() as u32;
    let mut words = vec![180, 0, count, count, 0];
    words.extend(streams.iter().flat_map(|(resource, offset, size)| [*resource, *offset, 0, *size, 0]));
    words.extend([positions.len() as u32, 0]);
    words.extend(positions.iter().flat_map(|position| [*position, 0]));
    words.extend([0, 0, 0, 0]);
    words
}

#[test]
fn replies_follow_each_other_until_the_driver_seeks() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    let (resource, memory) = peer.shared(4096);
    let commands =
        [&set_reply(resource, 16, 24)[..], &[ECHO, 1, 2, 1, 2, NOP, 1], &[179, 0, 20, 0, ECHO, 1, 1, 9]];
    ring.submit(&mut peer, &commands.concat());
    ring.finish();
    let mut reply = [0; 32];
    memory.copy_out(16, &mut reply).unwrap();
    assert_eq!(reply.to_vec(), bytes(&[1, 2, NOP, 0, 0, 9, 0, 0]));
}

#[test]
fn replies_without_a_stream_or_beyond_its_end_are_fatal() {
    let server = Server::start();
    let wrong = |resource| {
        [
            vec![NOP, 1],
            vec![179, 0, 0, 0],
            [set_reply(resource, 0, 7), vec![ECHO, 1, 2, 1, 2]].concat(),
            [set_reply(resource, 0, 8), vec![179, 0, 9, 0]].concat(),
            [set_reply(resource, 0, 8), vec![179, 0, u32::MAX, u32::MAX]].concat(),
            set_reply(resource, 0, 4097),
            set_reply(resource, 4097, 0),
            set_reply(resource, u32::MAX, u32::MAX),
            set_reply(99, 0, 8),
            vec![178, 0, 0, 0],
        ]
    };
    for index in 0..wrong(0).len() {
        let mut peer = server.client();
        let mut ring = DriverRing::create(&mut peer, 1);
        let (resource, memory) = peer.shared(4096);
        ring.submit(&mut peer, &wrong(resource)[index]);
        until("FATAL", || ring.is_fatal());
        let mut untouched = vec![1; 4096];
        memory.copy_out(0, &mut untouched).unwrap();
        assert!(untouched.iter().all(|byte| *byte == 0), "{index}");
    }
}

#[test]
fn a_reply_stream_outlives_the_number_of_its_memory() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    let (resource, memory) = peer.shared(4096);
    ring.submit(&mut peer, &set_reply(resource, 0, 8));
    ring.finish();
    peer.send(3, &[resource]);
    peer.sync();
    ring.submit(&mut peer, &[NOP, 1]);
    ring.finish();
    assert_eq!(memory.word(0).unwrap().load(Ordering::SeqCst), NOP);
}

#[test]
fn indirect_streams_are_executed_in_order_with_their_reply_positions() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    let (replies, memory) = peer.shared(4096);
    let (commands, stream) = peer.shared(1 << 20);
    let first = bytes(&[ECHO, 1, 1, 11]);
    let second = bytes(&[ECHO, 1, 1, 22, NOP, 0]);
    stream.copy_in(100, &first).unwrap();
    stream.copy_in(0x8_0000, &second).unwrap();
    let execute = execute(&[(commands, 100, 16), (commands, 0, 0), (commands, 0x8_0000, 24)], &[8, 0, 4]);
    ring.submit(&mut peer, &[set_reply(replies, 0, 64), execute, vec![NOP, 0]].concat());
    ring.finish();
    let mut reply = [0; 16];
    memory.copy_out(0, &mut reply).unwrap();
    assert_eq!(reply.to_vec(), bytes(&[0, 22, 11, 0]));
    assert_eq!(server.done.load(Ordering::Relaxed), 4);
}

#[test]
fn large_indirect_streams_are_charged_for_while_they_are_executed() {
    let server = Server::start_with(4, 6 << 20);
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    let (commands, stream) = peer.shared(2 << 20);
    stream.copy_in(0, &bytes(&[NOP, 0].repeat(1 << 18))).unwrap();
    let before = server.ledger.used();
    ring.submit(&mut peer, &execute(&[(commands, 0, 2 << 20)], &[]));
    ring.finish();
    assert_eq!(server.done.load(Ordering::Relaxed), 1 << 18);
    assert_eq!(server.ledger.used(), before);

    let (_, _rest) = peer.shared((6 << 20) - before - 4096);
    ring.submit(&mut peer, &execute(&[(commands, 0, 2 << 20)], &[]));
    until("FATAL", || ring.is_fatal());
}

#[test]
fn indirect_streams_that_cannot_be_are_fatal() {
    let server = Server::start();
    for index in 0..6 {
        let mut peer = server.client();
        let mut ring = DriverRing::create(&mut peer, 1);
        let (commands, stream) = peer.shared(4096);
        let nested = execute(&[(commands, 0, 8)], &[]);
        stream.copy_in(1024, &bytes(&nested)).unwrap();
        stream.copy_in(2048, &bytes(&[NOP])).unwrap();
        stream.copy_in(3072, &bytes(&[9999, 0])).unwrap();
        let wrong = [
            execute(&[(commands, 1024, 4 * nested.len() as u32)], &[]),
            execute(&[(commands, 2048, 4)], &[]),
            execute(&[(commands, 3072, 8)], &[]),
            execute(&[(commands, 4092, 8)], &[]),
            execute(&[(99, 0, 8)], &[]),
            execute(&[(commands, 0, 0)], &[0]),
        ];
        ring.submit(&mut peer, &wrong[index]);
        until("FATAL", || ring.is_fatal());
    }
}
