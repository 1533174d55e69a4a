//! Clients that break off, lie about lengths, or say what nobody says.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::Ordering;

use crate::peer::{DriverRing, Peer, bytes};
use crate::server::{Server, until};

#[test]
fn unknown_commands_and_wrong_lengths_close_that_connection_alone() {
    let server = Server::start();
    let mut other = server.client();
    for header in [
        [0, 0],
        [0, 1],
        [0, 6],
        [0, 25],
        [u32::MAX, u32::MAX],
        [u32::MAX, 24],
        [0, 24],
        [1, 10],
        [5, 18],
        [4097, 8],
    ] {
        let mut peer = Peer::new(server.connect());
        peer.stream.write_all(&bytes(&header)).unwrap();
        assert!(peer.is_closed(), "{header:?}");
    }
    other.sync();
}

#[test]
fn what_needs_a_context_is_refused_before_there_is_one() {
    let server = Server::start();
    for (number, payload) in
        [(3, vec![1]), (18, vec![2, 1, 4096, 0, 0, 0]), (24, vec![1, 1, 7, 0, 7, 0, 0]), (17, vec![2])]
    {
        let mut peer = Peer::new(server.connect());
        peer.send(number, &payload);
        assert!(peer.is_closed(), "{number}");
    }
    let mut twice = server.client();
    twice.send(17, &[4]);
    assert!(twice.is_closed());
}

#[test]
fn a_client_may_vanish_at_any_byte() {
    let server = Server::start();
    let before = server.ledger.used();
    let session = [
        bytes(&[2, 8]),
        b"x\0".to_vec(),
        bytes(&[1, 17, 4]),
        bytes(&[6, 18, 2, 1, 4096, 0, 0, 0]),
        bytes(&[2, 19, 0, 0]),
        bytes(&[5, 23, 0, 9, 1, 1, 0]),
        bytes(&[12, 24, 1, 1, 7, 2, 9, 1, 3, 1000, 0, 1, 1, 0]),
    ]
    .concat();
    for end in 0..=session.len() {
        let mut stream = server.connect();
        stream.write_all(&session[..end]).unwrap();
        if end % 2 == 0 {
            stream.shutdown(Shutdown::Write).unwrap();
            _ = stream.read_to_end(&mut Vec::new());
        }
    }
    until("the end of all clients", || server.ledger.used() == before);
    server.client().sync();
}

#[test]
fn a_client_that_stalls_in_a_message_keeps_nobody_waiting() {
    let server = Server::start();
    let stalled: Vec<_> = (0..8)
        .map(|bytes_sent| {
            let mut stream = server.connect();
            stream.write_all(&bytes(&[6, 18])[..bytes_sent]).unwrap();
            stream
        })
        .collect();
    server.client().sync();
    drop(stalled);
}

#[test]
fn commands_that_nobody_knows_end_the_client() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    ring.submit(&mut peer, &[0xdead_beef, 0]);
    until("FATAL", || ring.is_fatal());
    peer.submit(&[1000, 0]);
    assert!(peer.is_closed());
}

#[test]
fn one_faulty_ring_ends_all_of_a_client() {
    let server = Server::start();
    let mut peer = server.client();
    let rings: Vec<_> = (1..4).map(|id| DriverRing::create(&mut peer, id)).collect();
    peer.submit(&[0xdead_beef, 0]);
    for ring in &rings {
        until("FATAL", || ring.is_fatal());
    }
    assert!(peer.is_closed());
}

#[test]
fn words_that_the_client_writes_all_the_time_do_no_harm() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    let memory = std::sync::Arc::clone(&ring.memory);
    let scribbler = std::thread::spawn(move || {
        for round in 0..200_000u32 {
            memory.word(0).unwrap().store(round.wrapping_mul(0x9e37_79b9), Ordering::SeqCst);
            memory.word(128).unwrap().store(round, Ordering::SeqCst);
            memory.copy_in(192 + u64::from(round % 4000), &round.to_le_bytes()).unwrap();
        }
    });
    for step in 0..1000 {
        ring.set_tail(step);
    }
    scribbler.join().unwrap();
    drop(peer);
    server.client().sync();
}

#[test]
fn a_thousand_clients_leave_nothing_behind() {
    let server = Server::start();
    let before = server.ledger.used();
    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    let one = || {
        let mut peer = server.client();
        let mut ring = DriverRing::create(&mut peer, 1);
        ring.submit(&mut peer, &[1000, 0]);
        ring.finish();
    };
    one();
    until("the end of the first", || server.ledger.used() == before);
    let threads = count("/proc/self/task");
    for _ in 0..1000 {
        one();
    }
    until("the end of all clients", || server.ledger.used() == before);
    // Other tests of this program have threads of their own.
    until("the end of all threads", || count("/proc/self/task") <= threads + 60);
}
