//! What Mesa asks the socket for, and what it is answered.

use std::io::{Read, Write};

use vgpu::sys::SharedMemory;

use crate::peer::{Peer, bytes, readable};
use crate::server::{CAPSET, FINISH, LOSE, MEMORY_ID, NOP, Server};

#[test]
fn a_driver_s_first_questions_are_answered_byte_by_byte() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(&bytes(&[5, 8])).unwrap();
    stream.write_all(b"test\0").unwrap();
    stream
        .write_all(&bytes(&[0, 10, 2, 7, 0, 0, 1, 11, 3, 1, 15, 1, 1, 15, 9, 2, 16, 4, 0, 2, 16, 1, 0]))
        .unwrap();

    let mut answers = vec![0; 4 * (2 + 3 + 3 + 4 + 4 + 43 + 3)];
    stream.read_exact(&mut answers).unwrap();

    let expected = [
        bytes(&[0, 10, 1, 7, 0, 1, 11, 3, 2, 15, 1, 64, 2, 15, 0, 0, 41, 16, 1]),
        CAPSET.to_vec(),
        bytes(&[1, 16, 0]),
    ];
    assert_eq!(answers, expected.concat());
}

#[test]
fn an_older_protocol_is_spoken_with_older_drivers_and_a_newer_one_with_none() {
    let server = Server::start();
    let mut peer = Peer::new(server.connect());
    assert_eq!(peer.ask(11, &[2]), [2]);
    assert_eq!(peer.ask(11, &[4]), [3]);
}

#[test]
fn resources_have_numbers_from_one_on_and_files_that_cannot_change_their_size() {
    let server = Server::start();
    let mut peer = server.client();
    let before = server.ledger.used();
    let (first, file) = peer.blob(0x1001, 0);
    let (second, _) = peer.shared(0x1000);

    assert_eq!((first, second), (1, 2));
    assert!(SharedMemory::map(&file, 0x1001).is_ok());
    assert!(nix::unistd::ftruncate(&file, 0).is_err());
    assert_eq!(server.ledger.used() - before, 0x3000, "whole pages are charged");
    peer.send(3, &[1]);
    peer.send(3, &[99]);
    peer.sync();
    assert_eq!(server.ledger.used() - before, 0x1000);
}

#[test]
fn device_memory_is_handed_out_by_its_name_and_anything_else_is_zeros_and_a_lost_device() {
    let server = Server::start();
    let mut peer = server.client();
    assert!(SharedMemory::map(&peer.blob(0x2000, MEMORY_ID).1, 0x2000).is_ok());

    let (id, file) = peer.blob(0x3000, 0x78);

    assert_eq!(id, 2);
    assert!(SharedMemory::map(&file, 0x3000).is_ok());
    // A lost context signals whatever is waited for.
    let sync = peer.ask(19, &[0, 0])[0];
    peer.submit_fence(1, sync, 1);
    assert_eq!(peer.ask(21, &[sync]), [1, 0]);
}

#[test]
fn memory_over_the_limit_is_still_shared_but_the_device_is_lost() {
    let server = Server::start_with(4, 1 << 20);
    let mut peer = server.client();
    let (id, memory) = peer.shared(2 << 20);
    peer.submit(&[&crate::peer::set_reply(id, 0, 8)[..], &[NOP, 1]].concat());
    peer.sync();

    let mut reply = [0; 4];
    memory.copy_out(0, &mut reply).unwrap();
    assert_eq!(reply, [0xff; 4], "it is answered as a lost one");
    let (_, file) = peer.blob(15 << 20, 0);
    assert!(SharedMemory::map(&file, 15 << 20).is_ok(), "there is always a file");
    peer.sync();
}

#[test]
fn timeline_0_is_signalled_when_the_commands_are_consumed_and_others_when_their_queue_is_done() {
    let server = Server::start();
    let mut peer = server.client();
    let [now, later] = [0, 0].map(|value| peer.ask(19, &[value, 0])[0]);
    let (_, all) = peer.ask_file(23, &[0, u32::MAX, now, 1, 0, later, 7, 0]);
    let (_, any) = peer.ask_file(23, &[1, u32::MAX, now, 1, 0, later, 7, 0]);
    assert!(!readable(&all, 0) && !readable(&any, 0));

    peer.submit_fence(0, now, 1);
    peer.submit_fence(5, later, 7);
    assert!(readable(&any, 10_000) && !readable(&all, 0));
    assert_eq!(peer.ask(21, &[later]), [0, 0]);

    peer.submit(&[FINISH, 0]);
    assert!(readable(&all, 10_000));
    assert_eq!(peer.ask(21, &[later]), [7, 0]);
}

#[test]
fn syncs_are_written_read_and_forgotten() {
    let server = Server::start();
    let mut peer = server.client();
    let sync = peer.ask(19, &[1, 2])[0];
    assert_eq!(peer.ask(21, &[sync]), [1, 2]);
    peer.send(22, &[sync, 5, 6]);
    assert_eq!(peer.ask(21, &[sync]), [5, 6]);
    let (_, wait) = peer.ask_file(23, &[0, 100, sync, 5, 6]);
    assert!(readable(&wait, 0));
    peer.send(20, &[sync]);
    peer.send(21, &[sync]);
    assert!(peer.is_closed());
}

#[test]
fn fences_of_a_lost_context_are_signalled() {
    let server = Server::start();
    let mut peer = server.client();
    let sync = peer.ask(19, &[0, 0])[0];
    let (_, wait) = peer.ask_file(23, &[0, u32::MAX, sync, 1, 0]);
    peer.submit_fence(3, sync, 1);
    peer.sync();
    assert!(!readable(&wait, 0));
    peer.submit(&[LOSE, 0]);
    assert!(readable(&wait, 10_000));
}

#[test]
fn one_client_more_than_allowed_is_sent_away_and_let_in_once_another_left() {
    let server = Server::start_with(2, 1 << 30);
    let (first, _second) = (server.client(), server.client());
    assert!(Peer::new(server.connect()).is_closed());
    drop(first);
    crate::server::until("a free place", || {
        let mut peer = Peer::new(server.connect());
        let asked = peer.stream.write_all(&bytes(&[0, 10])).is_ok();
        asked && peer.stream.read_exact(&mut [0; 8]).is_ok()
    });
}
