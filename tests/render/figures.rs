//! What a command costs. Run with `--ignored --nocapture`, in a release build.

use std::time::Instant;

use vgpu::venus::CommandType;

use crate::client::{
    Batch, Client, allocate, create_fence, record_fill, reset_fence, submit, wait_for_fence, wait_idle,
};
use crate::compute::{BUFFER, COMMANDS, LAYOUT, MEMORY, SET, recorder};
use crate::guest::Command;
use crate::scene::{QUEUE, bind_buffer, bind_set, create_buffer, dispatch, push_constant, write_set};

const COMMANDS_A_STREAM: u32 = 1000;
const STREAMS: u32 = 2000;

#[test]
#[ignore = "a measurement"]
fn nanoseconds_a_recorded_command() {
    for (name, command) in [
        ("vkCmdDispatch", dispatch(COMMANDS, [1, 1, 1])),
        ("vkCmdPushConstants", push_constant(COMMANDS, LAYOUT, 0, 1)),
        ("vkCmdBindDescriptorSets", bind_set(COMMANDS, LAYOUT, SET)),
    ] {
        let stream = command.into_bytes().repeat(COMMANDS_A_STREAM.try_into().unwrap());
        let mut guest = recorder();
        guest.stream(&stream);
        let start = Instant::now();
        (0..STREAMS).for_each(|_| guest.stream(&stream));
        let each = start.elapsed() / (COMMANDS_A_STREAM * STREAMS);
        println!("{name}: {each:?}");
        assert_eq!(guest.context.lost(), None);
    }
}

#[test]
#[ignore = "a measurement"]
fn nanoseconds_a_written_descriptor() {
    const ANOTHER: u64 = 90;
    let write = |buffer| write_set(SET, 0, buffer).into_bytes();
    for (name, pair) in [("the same", [BUFFER, BUFFER]), ("another", [BUFFER, ANOTHER])] {
        let mut guest = recorder();
        guest.do_well(create_buffer(ANOTHER, 4096));
        guest.do_well(bind_buffer(ANOTHER, MEMORY));
        let stream = pair.map(write).concat().repeat(500);
        guest.stream(&stream);
        let start = Instant::now();
        (0..STREAMS).for_each(|_| guest.stream(&stream));
        println!("vkUpdateDescriptorSets, {name}: {:?}", start.elapsed() / (1000 * STREAMS));
        assert_eq!(guest.context.lost(), None);
    }
}

#[test]
#[ignore = "a measurement"]
fn nanoseconds_a_submission() {
    let mut client = Client::new(1 << 30);
    client.ask(allocate(10, 65536));
    client.ask(create_buffer(11, 65536));
    assert_eq!(client.ask(bind_buffer(11, 10)).result(), 0);
    let submissions: Vec<u8> = (0..64)
        .flat_map(|number| {
            record_fill(&mut client, [1000 + number, 2000 + number, 11], 65536);
            let queue = Command::new(CommandType::QueueSubmit).long(QUEUE).int(1).long(1);
            let info = queue.int(4).null().int(0).null().null().int(1).long(1).long(2000 + number);
            info.int(0).null().long(0).into_bytes()
        })
        .collect();
    let wait = wait_idle().into_bytes();
    let start = Instant::now();
    for _ in 0..STREAMS {
        client.stream(&submissions);
        client.stream(&wait);
    }
    println!("vkQueueSubmit: {:?}", start.elapsed() / (64 * STREAMS));
    assert_eq!(client.lost(), None);
}

/// The GPU that VGPU_TEST_GPU names, beside lavapipe; VGPU_TEST_MEMORY_TYPE is one of its types that guests map.
#[test]
#[ignore = "a measurement"]
fn microseconds_a_submission_and_an_allocation() {
    const ROUNDS: u32 = 2000;
    let mut client = Client::new(1 << 30);
    client.ask(allocate(10, 65536));
    client.ask(create_buffer(11, 65536));
    assert_eq!(client.ask(bind_buffer(11, 10)).result(), 0);
    record_fill(&mut client, [12, 13, 11], 65536);
    client.tell(create_fence(14, false));
    let batch = || [Batch { buffers: &[13], ..Default::default() }];
    let start = Instant::now();
    for _ in 0..ROUNDS {
        client.tell(submit(&batch(), 14));
        assert_eq!(client.ask(wait_for_fence(14, u64::MAX)).result(), 0);
        client.tell(reset_fence(14));
    }
    println!("submit, wait, reset: {:?}", start.elapsed() / ROUNDS);
    let empty = submit(&[], 0).into_bytes();
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| client.stream(&empty));
    println!("submit without waiting, no batch: {:?}", start.elapsed() / ROUNDS);
    for kib in [64_u64, 1024, 16384, 262_144] {
        let rounds = if kib > 16384 { 4 } else { 32 };
        let start = Instant::now();
        for _ in 0..rounds {
            assert_eq!(client.ask(allocate(20, kib << 10)).result(), 0);
            drop(client.context.export(20, kib << 10).unwrap());
            client.tell(crate::client::free(20));
        }
        println!("allocate, export, free {kib} KiB: {:?}", start.elapsed() / rounds);
    }
    assert_eq!(client.lost(), None);
}
