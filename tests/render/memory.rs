//! Memory: limits, tombstones, what can be mapped, what can be bound.

use std::fs::File;
use std::os::unix::fs::FileExt;

use vgpu::render::vulkan::Refusal;
use vgpu::venus::CommandType;

use crate::client::*;
use crate::guest::Command;
use crate::scene::{self, DEVICE, create_buffer};

const MIB: u64 = 1 << 20;

#[test]
fn memory_up_to_the_limit_is_granted_and_one_byte_more_is_not() {
    let mut client = Client::new(4 * MIB);
    assert_eq!(client.ask(allocate(10, 3 * MIB)).result(), SUCCESS);
    assert_eq!(client.ask(allocate(11, MIB)).result(), SUCCESS);
    assert_eq!(client.ask(allocate(12, 1)).result(), OUT_OF_DEVICE_MEMORY);
    client.tell(free(11));
    assert_eq!(client.ask(allocate(12, MIB + 1)).result(), OUT_OF_DEVICE_MEMORY);
    assert_eq!(client.ask(allocate(12, MIB)).result(), SUCCESS);
    assert_eq!(client.lost(), None);
}

#[test]
fn sizes_that_no_memory_has_are_refused() {
    let mut client = Client::new(1 << 40);
    for bytes in [0, u64::MAX, u64::MAX - 4095, 1 << 63, (1 << 40) + 1] {
        assert_eq!(client.ask(allocate(10, bytes)).result(), OUT_OF_DEVICE_MEMORY, "{bytes}");
    }
    assert_eq!(client.lost(), None);
}

#[test]
fn a_guest_that_did_not_ask_may_free_what_it_did_not_get_and_loses_its_device_if_it_uses_it() {
    let mut client = Client::new(MIB);
    client.tell(allocate(10, 2 * MIB));
    client.tell(free(10));
    assert_eq!(client.lost(), None);

    client.tell(allocate(11, 2 * MIB));
    client.ask(create_buffer(12, 64));
    assert_eq!(client.ask(bind_buffer(12, 11, 0)).result(), DEVICE_LOST);
    client.assert_lost("under the limit of 1048576");
    assert_eq!(client.ask(allocate(13, 64)).result(), DEVICE_LOST, "it stays lost");
}

#[test]
fn what_the_gpu_writes_is_read_through_the_exported_file() {
    let mut client = Client::new(MIB);
    client.ask(allocate(10, 5000));
    let file = File::from(client.context.export(10, 8192).unwrap());
    assert_eq!(file.metadata().unwrap().len(), 8192, "whole pages");
    client.ask(create_buffer(11, 4096));
    assert_eq!(client.ask(bind_buffer(11, 10, 0)).result(), SUCCESS);
    record_fill(&mut client, [12, 13, 11], 4096);
    client.ask(create_fence(14, false));
    client.tell(submit(&[Batch { buffers: &[13], ..Default::default() }], 14));
    assert_eq!(client.ask(wait_for_fence(14, u64::MAX)).result(), SUCCESS);
    assert_eq!(client.lost(), None);

    let mut bytes = [0; 8192];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert!(bytes[..4096].chunks(4).all(|word| word == [7, 0, 0, 0]), "{:?}", &bytes[..8]);
    assert!(bytes[4096..].iter().all(|byte| *byte == 0));
}

#[test]
fn what_cannot_be_mapped_says_why() {
    let mut client = Client::new(MIB);
    client.tell(allocate(10, 2 * MIB));
    client.ask(allocate(11, 4096));
    client.ask(create_fence(12, false));
    let export = |id, bytes| client.context.export(id, bytes).unwrap_err();
    assert!(matches!(export(10, 1), Refusal::Tombstone { id: 10, .. }));
    assert!(matches!(export(11, 4097), Refusal::TooSmall { has: 4096, wanted: 4097, .. }));
    assert!(matches!(export(12, 1), Refusal::Unknown(12)));
    assert!(matches!(export(13, 1), Refusal::Unknown(13)));
    assert_eq!(client.lost(), None);
}

#[test]
fn memory_lives_as_long_as_a_buffer_lies_in_it() {
    let mut client = Client::new(4096);
    client.ask(allocate(10, 4096));
    client.ask(create_buffer(11, 64));
    client.ask(bind_buffer(11, 10, 0));
    client.tell(free(10));
    assert_eq!(client.ask(allocate(12, 4096)).result(), OUT_OF_DEVICE_MEMORY);
    client.tell(scene::destroy(CommandType::DestroyBuffer, 11));
    assert_eq!(client.ask(allocate(12, 4096)).result(), SUCCESS);
}

#[test]
fn a_buffer_is_bound_where_it_fits_and_once() {
    let refused = [(4096 - 64 + 4, "aligned"), (4096, "ends too early"), (u64::MAX - 63, "ends too early")];
    for (offset, words) in refused {
        let mut client = Client::new(MIB);
        client.ask(allocate(10, 4096));
        client.ask(create_buffer(11, 64));
        client.tell(bind_buffer(11, 10, offset));
        client.assert_lost(words);
    }
    let mut client = Client::new(MIB);
    client.ask(allocate(10, 4096));
    client.ask(create_buffer(11, 64));
    assert_eq!(client.ask(bind_buffer(11, 10, 4096 - 64)).result(), SUCCESS);
    client.tell(bind_buffer(11, 10, 0));
    client.assert_lost("bound twice");
}

#[test]
fn a_command_of_few_bytes_that_takes_much_memory_is_charged_for() {
    let cache = |client: &mut Client, bytes: u64| {
        let info = Command::new(CommandType::CreatePipelineCache).long(DEVICE).info(17).int(0);
        client.ask(info.long(0).null().makes(91));
        let data = Command::new(CommandType::GetPipelineCacheData).longs([DEVICE, 91]);
        client.ask(data.some().longs([bytes, bytes]))
    };
    let mut client = Client::new(64 << 20);
    cache(&mut client, 16 << 20);
    assert_eq!(client.lost(), None);
    cache(&mut Client::new(64 << 20), 16 << 20);
    let mut greedy = Client::new(64 << 20);
    cache(&mut greedy, 100 << 20);
    greedy.assert_lost("do not fit");
}
