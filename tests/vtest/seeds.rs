//! What the fuzz targets `vtest` and `venus_ring` start from: conversations that are understood to their end.

use std::io::Write;

use crate::kept_seeds::save;
use crate::peer::{RingSetup, bytes, set_reply};
use crate::server::{MEMORY_ID, Server};

/// `vkExecuteCommandStreamsMESA` of 16 bytes of a resource.
fn execute(resource: u32) -> Vec<u32> {
    [&[180, 0, 1, 1, 0][..], &[resource, 0, 0, 16, 0], &[1, 0, 8, 0], &[0, 0, 0, 0]].concat()
}

/// A message.
fn message(number: u32, payload: &[u32]) -> Vec<u8> {
    bytes(&[&[payload.len() as u32, number], payload].concat())
}

/// Commands on the socket.
fn submission(commands: &[u32]) -> Vec<u8> {
    let count = commands.len() as u32;
    message(24, &[&[1, 1, 7, count, 7 + count, 0, 0], commands].concat())
}

/// Memory for a ring, and the ring.
fn ring(id: u64, resource: u32) -> Vec<u8> {
    let setup = RingSetup { monitor_us: Some(3_000_000), ..RingSetup::new(id, resource) };
    [message(18, &[2, 1, setup.memory_bytes() as u32, 0, 0, 0]), submission(&setup.command())].concat()
}

/// What clients say behind their first two messages.
fn conversations() -> Vec<Vec<u8>> {
    vec![
        [message(10, &[]), message(7, &[0, 0]), message(11, &[3])].concat(),
        [message(15, &[1]), message(15, &[9]), message(16, &[4, 0]), message(16, &[1, 0])].concat(),
        [message(18, &[2, 1, 0x1001, 0, 0, 0]), message(3, &[1]), message(3, &[99])].concat(),
        [message(18, &[2, 1, 4096, 0, MEMORY_ID as u32, 0]), message(3, &[1])].concat(),
        [
            message(19, &[5, 0]),
            message(21, &[1]),
            message(22, &[1, 9, 0]),
            message(21, &[1]),
            message(20, &[1]),
        ]
        .concat(),
        [message(19, &[0, 0]), message(22, &[1, 7, 0]), message(23, &[0, u32::MAX, 1, 7, 0])].concat(),
        [message(19, &[0, 0]), message(23, &[1, 0, 1, 7, 0]), message(24, &[1, 1, 7, 0, 7, 1, 0, 1, 7, 0])]
            .concat(),
        [ring(1, 1), submission(&[190, 0, 1, 0, 0, 0]), submission(&[191, 0, 1, 0, 0, 0, 42])].concat(),
        [ring(1, 1), ring(2, 2), submission(&[251, 0, 1, 0, 5, 0, 251, 0, 2, 0, 6, 0])].concat(),
        [ring(1, 1), submission(&[253, 0, 1, 0, 0, 0]), submission(&[189, 0, 1, 0])].concat(),
        [ring(1, 1), submission(&set_reply(1, 0, 64)), submission(&[179, 0, 8, 0])].concat(),
        [ring(1, 1), submission(&set_reply(1, 0, 64)), message(3, &[1])].concat(),
        // Two batches in one submission, with headers of six words and of eight.
        message(24, &[2, 0, 13, 0, 13, 0, 0, 0, 13, 0, 13, 0, 0]),
        message(24, &[2, 0, 17, 0, 17, 0, 0, 0, 0, 0, 17, 0, 17, 0, 0, 0, 0]),
    ]
}

/// A step of `venus_ring`: 0 and 1 write to the ring's memory and to other memory, 2 moves the tail, 3 is said on the
/// control thread.
fn step(what: u8, place: u8, words: &[u32]) -> Vec<u8> {
    [&[what, place, 4 * words.len() as u8][..], &bytes(words)].concat()
}

/// Commands on the ring of `venus_ring`, whose buffer begins 192 bytes into its memory.
fn on_ring(words: &[u32]) -> Vec<u8> {
    [step(0, 6, words), step(2, words.len() as u8, &[]), step(3, 0, &[190, 0, 1, 0, 0, 0])].concat()
}

/// Waits until the ring's commands are carried out.
fn to_the_end(words: &[u32]) -> Vec<u8> {
    [on_ring(words), step(3, 0, &[253, 0, 1, 0, 4 * words.len() as u32, 0])].concat()
}

/// What clients do with rings. The target's executor has commands of two words, which reply with as many bytes as
/// their number says.
fn steps() -> Vec<Vec<u8>> {
    vec![
        to_the_end(&[7, 0, 8, 0, 9, 0]),
        to_the_end(&[&set_reply(2, 0, 64)[..], &[8, 1, 8, 1], &[179, 0, 8, 0], &[8, 1]].concat()),
        [step(1, 0, &[7, 0, 8, 1]), to_the_end(&[set_reply(2, 64, 64), execute(2)].concat())].concat(),
        [step(1, 0, &[7, 0, 8, 1]), step(3, 0, &set_reply(2, 64, 64)), step(3, 0, &execute(2))].concat(),
        [on_ring(&[252, 0, 5, 0]), step(3, 0, &[251, 0, 1, 0, 5, 0]), step(3, 0, &[253, 0, 1, 0, 16, 0])]
            .concat(),
        [step(3, 0, &[191, 0, 1, 0, 0, 0, 42]), step(3, 0, &[189, 0, 1, 0])].concat(),
    ]
}

#[test]
fn every_seed_is_understood_to_its_end() {
    let server = Server::start();
    for (index, seed) in conversations().iter().enumerate() {
        let mut peer = server.client();
        peer.stream.write_all(&[&seed[..], &message(7, &[0, 0])].concat()).unwrap();
        // Other answers come before it, some of them with descriptors.
        let mut answers = Vec::new();
        while !answers.ends_with(&bytes(&[1, 7, 0])) {
            let mut byte = [0];
            let got = vgpu::sys::receive_with_descriptors(&peer.stream, &mut byte).unwrap();
            assert_eq!(got.0, 1, "conversation {index} was broken off behind {answers:?}");
            answers.extend(byte);
        }
    }
    save("vtest", &conversations());
    save("venus_ring", &steps());
}
