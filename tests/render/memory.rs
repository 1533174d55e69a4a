//! Memory: limits, tombstones, what can be mapped, what can be bound.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use vgpu::quota::Ledger;
use vgpu::render::vulkan::{Leave, Polled, Reason, Refusal};
use vgpu::sys::SharedMemory;
use vgpu::venus::CommandType;

use crate::client::*;
use crate::guest::Command;
use crate::scene::{self, DEVICE, PHYSICAL_DEVICE, create_buffer, create_buffer_for};

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

/// What VK_EXT_memory_budget says of the first heap: what there may be, and what there is.
fn budget(client: &mut Client) -> (u64, u64) {
    let asks = Command::new(CommandType::GetPhysicalDeviceMemoryProperties2).long(PHYSICAL_DEVICE).some();
    let asks = asks.int(1_000_059_006).info(1_000_237_000).longs([32, 16]);
    let answer = client.ask(asks);
    // Before it: the command, both structures' pointers and types, no further chain, and the size of the array.
    (answer.long(11), answer.long(11 + 2 * 16 + 2))
}

#[test]
fn a_limit_that_another_process_changes_holds_at_once_and_the_budget_follows() {
    let memory = Arc::new(SharedMemory::create(4096).unwrap().0);
    let word = |offset| memory.long_word(offset).unwrap();
    word(0).store(4 * MIB, Ordering::SeqCst);
    let ledger = Ledger::shared(word(0), word(8));
    let mut client = Client::under(&Leave::open(), &ledger);
    assert_eq!(client.ask(allocate(10, 3 * MIB)).result(), SUCCESS);
    assert_eq!(client.ask(allocate(11, 2 * MIB)).result(), OUT_OF_DEVICE_MEMORY);
    assert_eq!(budget(&mut client), (4 * MIB, 3 * MIB));

    word(0).store(5 * MIB, Ordering::SeqCst);
    assert_eq!(client.ask(allocate(11, 2 * MIB)).result(), SUCCESS);
    assert_eq!(budget(&mut client), (5 * MIB, 5 * MIB));
    word(0).store(2 * MIB, Ordering::SeqCst);
    client.tell(free(11));
    assert_eq!(client.ask(allocate(12, 1)).result(), OUT_OF_DEVICE_MEMORY);
    assert_eq!(budget(&mut client), (2 * MIB, 3 * MIB));
    client.tell(free(10));
    assert_eq!(client.ask(allocate(12, 2 * MIB)).result(), SUCCESS);
    assert_eq!((client.lost(), word(8).load(Ordering::SeqCst)), (None, 2 * MIB));
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

/// VK_BUFFER_USAGE_TRANSFER_SRC_BIT and VK_BUFFER_USAGE_TRANSFER_DST_BIT: for what drivers have the GPU tell them.
const TRANSFERS: u32 = 3;

/// A client that maps memory 10, which it polls, and 11, which it does not.
fn polling(client: &mut Client) -> [File; 2] {
    client.ask(create_buffer_for(TRANSFERS, 20, 4096));
    client.ask(create_buffer(21, 4096));
    [(10, 20), (11, 21)].map(|(memory, buffer)| {
        client.ask(allocate(memory, 4096));
        let file = client.context.export(memory, 4096).unwrap();
        assert_eq!(client.ask(bind_buffer(buffer, memory, 0)).result(), SUCCESS);
        file.into()
    })
}

fn state_of(file: &File) -> i32 {
    let mut state = [0; 4];
    file.read_exact_at(&mut state, 0).unwrap();
    i32::from_le_bytes(state)
}

#[test]
fn a_lost_client_that_polls_its_memory_sees_its_loss_there_and_again_when_it_submits() {
    let mut client = Client::new(MIB);
    let files = polling(&mut client);
    let not_ready = || files.iter().for_each(|file| file.write_all_at(&NOT_READY.to_le_bytes(), 0).unwrap());
    not_ready();
    client.tell(scene::destroy(CommandType::DestroyBuffer, 99));
    client.assert_lost("no Buffer of this client");
    assert_eq!(files.each_ref().map(state_of), [DEVICE_LOST, NOT_READY]);

    not_ready();
    client.tell(submit(&[], 0));
    assert_eq!(files.each_ref().map(state_of), [DEVICE_LOST, NOT_READY]);
}

#[test]
fn a_client_that_is_lost_before_it_has_its_buffer_sees_that_too() {
    let mut client = Client::new(MIB);
    client.ask(allocate(10, 4096));
    let file = File::from(client.context.export(10, 4096).unwrap());
    client.context.lose(Reason::GivenUp("a test".to_owned()));
    assert_eq!(state_of(&file), DEVICE_LOST);

    let (memory, file) = SharedMemory::create(4096).unwrap();
    client.context.end_waits_in(None, memory);
    let file = File::from(file);
    assert_eq!(state_of(&file), DEVICE_LOST);
    file.write_all_at(&NOT_READY.to_le_bytes(), 0).unwrap();
    client.tell(submit(&[], 0));
    assert_eq!(state_of(&file), DEVICE_LOST);
}

#[test]
fn a_client_that_goes_away_leaves_its_memory_as_it_is() {
    let mut client = Client::new(MIB);
    let files = polling(&mut client);
    client.context.lose(Reason::Gone);
    assert_eq!(files.each_ref().map(state_of), [SUCCESS; 2]);
}

/// Counts what is there.
struct There(Arc<AtomicU64>);

impl Drop for There {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn whoever_keeps_what_is_polled_is_told_of_it_once_and_in_bounds_and_when_it_goes() {
    let mut client = Client::new(MIB);
    let (there, told) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (count, list) = (Arc::clone(&there), Arc::clone(&told));
    client.context.tell_of_feedback(Box::new(move |polled| {
        let Polled::File(file, bytes) = polled else { panic!("there is no heap") };
        count.fetch_add(1, Ordering::Relaxed);
        list.lock().unwrap().push((File::from(file.try_clone_to_owned().unwrap()), bytes));
        Box::new(There(Arc::clone(&count)))
    }));
    let [file, _] = polling(&mut client);
    client.ask(create_buffer_for(TRANSFERS, 22, 64));
    client.ask(bind_buffer(22, 10, 0));
    client.ask(create_buffer_for(TRANSFERS, 23, 64));
    client.ask(bind_buffer(23, 11, 4032));

    file.write_all_at(&[7, 0, 0, 0], 0).unwrap();
    let list = std::mem::take(&mut *told.lock().unwrap());
    assert_eq!(
        list.iter().map(|(file, bytes)| (state_of(file), *bytes)).collect::<Vec<_>>(),
        [(7, 4096), (0, 4096)]
    );
    assert_eq!(there.load(Ordering::Relaxed), 1, "in the second lies something else");
    for number in 0..40 {
        client.ask(allocate(100 + number, 64));
        client.ask(create_buffer_for(TRANSFERS, 200 + number, 64));
        client.ask(bind_buffer(200 + number, 100 + number, 0));
    }
    assert_eq!(there.load(Ordering::Relaxed), 32);
    for (memory, buffers) in [(10, &[20, 22][..]), (100, &[200])] {
        client.tell(free(memory));
        buffers.iter().for_each(|buffer| client.tell(scene::destroy(CommandType::DestroyBuffer, *buffer)));
    }
    assert_eq!(there.load(Ordering::Relaxed), 30);
    assert_eq!(client.lost(), None);
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
