//! What descriptor sets keep of what is written into them, and what they let go.

use std::fs::File;
use std::os::unix::fs::FileExt;

use vgpu::quota::Ledger;
use vgpu::venus::CommandType as C;

use crate::compute::*;
use crate::guest::{Command, Guest};
use crate::hostile::{OTHER, create_image};
use crate::scene::*;

const STORAGE_BUFFER: u32 = 7;
const UPDATE_AFTER_BIND: u32 = 1;
const UPDATE_UNUSED_WHILE_PENDING: u32 = 2;
const PARTIALLY_BOUND: u32 = 4;
const BINDLESS: u32 = UPDATE_AFTER_BIND | UPDATE_UNUSED_WHILE_PENDING | PARTIALLY_BOUND;
/// A pool whose sets may be updated after they were bound.
const FOR_UPDATES: u32 = 2;
const OUT_OF_DEVICE_MEMORY: i32 = -2;
const ROOM: u64 = 65536;
const OTHER_SET: u64 = 50;
/// Buffers have these names and more; their memory has that of the buffer and 100 more.
const FIRST: u64 = 100;

/// vkCreateDescriptorSetLayout of storage buffers: bindings with their numbers of descriptors, each with flags.
fn create_layout(id: u64, bindings: &[u32], flags: u32) -> Command {
    let count = u32::try_from(bindings.len()).unwrap();
    let info = Command::asking(C::CreateDescriptorSetLayout).long(DEVICE).some().int(32).some();
    let info = info.structure(1_000_161_000).int(count).long(count.into());
    let info = info.ints(vec![flags; bindings.len()]);
    let info = info.int(if flags & UPDATE_AFTER_BIND == 0 { 0 } else { 2 }).int(count).long(count.into());
    let each = (0..)
        .zip(bindings)
        .fold(info, |info, (binding, count)| info.ints([binding, STORAGE_BUFFER, *count, 0x20]).null());
    each.makes(id)
}

/// vkUpdateDescriptorSets: writes whole buffers from an element of a binding on.
fn write(set: u64, place: [u32; 2], buffers: &[u64]) -> Command {
    let count = u32::try_from(buffers.len()).unwrap();
    let write = Command::new(C::UpdateDescriptorSets).long(DEVICE).int(1).long(1).structure(35).long(set);
    let write = write.ints(place).ints([count, STORAGE_BUFFER]).null().long(count.into());
    let write = buffers.iter().fold(write, |write, buffer| write.long(*buffer).long(0).long(u64::MAX));
    write.null().int(0).null()
}

/// vkUpdateDescriptorSets: copies descriptors of binding 0.
fn copy(from: u64, to: u64, count: u32) -> Command {
    let copy = Command::new(C::UpdateDescriptorSets).long(DEVICE).int(0).null().int(1).long(1);
    copy.structure(36).long(from).ints([0, 0]).long(to).ints([0, 0, count])
}

/// A guest with a pipeline that fills binding 0, and two sets of a layout.
fn guest(bindings: &[u32], flags: u32, limit: u64) -> (Guest, Ledger) {
    let ledger = Ledger::new(limit);
    let mut guest = tenant_with(ledger.clone());
    let pool_flags = if flags & UPDATE_AFTER_BIND == 0 { 0 } else { FOR_UPDATES };
    let pool = Command::asking(C::CreateDescriptorPool).long(DEVICE).info(33).ints([pool_flags, 8, 1]);
    let descriptors = 2 * bindings.iter().sum::<u32>();
    for command in [
        create_shader(MODULE, &shader()),
        create_layout(SET_LAYOUT, bindings, flags),
        create_pipeline_layout(LAYOUT, SET_LAYOUT),
        create_pipeline(PIPELINE, MODULE, LAYOUT, "main", 3),
        pool.long(1).ints([STORAGE_BUFFER, descriptors]).makes(SETS),
        allocate_set(SET, SETS, SET_LAYOUT),
        allocate_set(OTHER_SET, SETS, SET_LAYOUT),
        create_command_pool(POOL),
        allocate_command_buffer(COMMANDS, POOL),
        create_fence(FENCE),
    ] {
        guest.do_well(command);
    }
    (guest, ledger)
}

/// Makes a buffer in memory of its own, which the guest maps.
fn buffer(guest: &mut Guest, id: u64) -> File {
    guest.do_well(create_buffer(id, BYTES));
    guest.do_well(allocate_memory(id + 100, ROOM));
    guest.do_well(bind_buffer(id, id + 100));
    guest.context.export(id + 100, ROOM).unwrap().into()
}

/// Destroys a buffer and frees its memory.
fn destroy_buffer(guest: &mut Guest, id: u64) {
    guest.do_well(destroy(C::DestroyBuffer, id));
    guest.do_well(destroy(C::FreeMemory, id + 100));
}

fn record(guest: &mut Guest, set: u64) {
    for command in [
        begin(COMMANDS),
        bind_pipeline(COMMANDS, PIPELINE),
        bind_set(COMMANDS, LAYOUT, set),
        push_constant(COMMANDS, LAYOUT, 0, 100),
        dispatch(COMMANDS, [16, 1, 1]),
        end(COMMANDS),
    ] {
        guest.do_well(command);
    }
}

fn run(guest: &mut Guest) {
    guest.do_well(submit(COMMANDS, FENCE));
    guest.do_well(wait(FENCE));
    guest.do_well(Command::asking(C::ResetFences).long(DEVICE).int(1).long(1).long(FENCE));
}

fn is_filled(file: &File) -> bool {
    let mut bytes = vec![0; usize::try_from(BYTES).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let words = bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap()));
    words.zip(0..).all(|(word, at)| word == (at + 100) * 3)
}

#[test]
fn what_is_destroyed_after_it_was_written_into_a_set_is_there_for_whoever_binds_that() {
    let (mut guest, ledger) = guest(&[1], 0, 1 << 30);
    let file = buffer(&mut guest, FIRST);
    guest.do_well(write(SET, [0, 0], &[FIRST]));
    destroy_buffer(&mut guest, FIRST);
    record(&mut guest, SET);
    run(&mut guest);
    assert!(is_filled(&file));
    assert_eq!(ledger.used(), ROOM);
}

#[test]
fn what_is_overwritten_is_let_go() {
    let (mut guest, ledger) = guest(&[1], 0, 1 << 30);
    for id in FIRST..FIRST + 5 {
        buffer(&mut guest, id);
        guest.do_well(write(SET, [0, 0], &[id]));
        destroy_buffer(&mut guest, id);
        assert_eq!(ledger.used(), ROOM);
    }
}

#[test]
fn a_pool_that_is_reset_or_destroyed_lets_go() {
    let ends = [
        Command::asking(C::ResetDescriptorPool).longs([DEVICE, SETS]).int(0),
        destroy(C::DestroyDescriptorPool, SETS),
    ];
    for end in ends {
        let (mut guest, ledger) = guest(&[2], 0, 1 << 30);
        for (element, id) in (0..).zip(FIRST..FIRST + 2) {
            buffer(&mut guest, id);
            guest.do_well(write(SET, [0, element], &[id]));
            destroy_buffer(&mut guest, id);
        }
        assert_eq!(ledger.used(), 2 * ROOM);
        guest.do_well(end);
        assert_eq!(ledger.used(), 0);
    }
}

#[test]
fn a_copy_keeps_what_it_copied() {
    let (mut guest, ledger) = guest(&[2], 0, 1 << 30);
    let files = [FIRST, FIRST + 1, FIRST + 2].map(|id| buffer(&mut guest, id));
    guest.do_well(write(SET, [0, 0], &[FIRST, FIRST + 1]));
    guest.do_well(copy(SET, OTHER_SET, 2));
    guest.do_well(write(SET, [0, 0], &[FIRST + 2, FIRST + 2]));
    (FIRST..FIRST + 3).for_each(|id| destroy_buffer(&mut guest, id));
    assert_eq!(ledger.used(), 3 * ROOM);

    record(&mut guest, OTHER_SET);
    run(&mut guest);
    assert_eq!(files.each_ref().map(is_filled), [true, false, false]);

    guest.do_well(copy(SET, OTHER_SET, 1));
    guest.do_well(Command::asking(C::ResetCommandBuffer).long(COMMANDS).int(0));
    assert_eq!(ledger.used(), 2 * ROOM);
}

#[test]
fn a_write_that_goes_on_in_the_next_binding_keeps_its_objects_there() {
    let (mut guest, ledger) = guest(&[1, 0, 2], 0, 1 << 30);
    (FIRST..FIRST + 4).for_each(|id| drop(buffer(&mut guest, id)));
    guest.do_well(write(SET, [0, 0], &[FIRST, FIRST + 1, FIRST + 2]));
    (FIRST..FIRST + 3).for_each(|id| destroy_buffer(&mut guest, id));
    assert_eq!(ledger.used(), 4 * ROOM);
    for (place, used) in [([0, 0], 3), ([2, 1], 2), ([2, 0], 1)] {
        guest.do_well(write(SET, place, &[FIRST + 3]));
        assert_eq!(ledger.used(), used * ROOM);
    }
}

#[test]
fn a_recording_is_worth_nothing_once_another_object_was_written_into_its_set() {
    let (mut guest, _) = guest(&[1], 0, 1 << 30);
    (FIRST..FIRST + 2).for_each(|id| drop(buffer(&mut guest, id)));
    guest.do_well(write(SET, [0, 0], &[FIRST]));
    record(&mut guest, SET);
    guest.do_well(write(SET, [0, 0], &[FIRST]));
    run(&mut guest);

    guest.do_well(write(SET, [0, 0], &[FIRST + 1]));
    guest.send(submit(COMMANDS, FENCE));
    assert!(guest.reason().contains("after it was recorded"), "{}", guest.reason());
}

#[test]
fn a_set_that_is_updated_after_it_was_bound_is_read_as_it_is_then() {
    let (mut guest, ledger) = guest(&[1], BINDLESS, 1 << 30);
    let files = [FIRST, FIRST + 1].map(|id| buffer(&mut guest, id));
    guest.do_well(write(SET, [0, 0], &[FIRST]));
    record(&mut guest, SET);
    guest.do_well(write(SET, [0, 0], &[FIRST + 1]));
    (FIRST..FIRST + 2).for_each(|id| destroy_buffer(&mut guest, id));
    assert_eq!(ledger.used(), ROOM);
    run(&mut guest);
    assert_eq!(files.each_ref().map(is_filled), [false, true]);
}

#[test]
fn what_is_overwritten_while_a_submission_uses_the_set_is_there_until_that_is_done() {
    for _ in 0..50 {
        let (mut guest, ledger) = guest(&[1], BINDLESS, 1 << 30);
        (FIRST..FIRST + 2).for_each(|id| drop(buffer(&mut guest, id)));
        guest.do_well(write(SET, [0, 0], &[FIRST]));
        record(&mut guest, SET);
        guest.do_well(submit(COMMANDS, FENCE));
        guest.do_well(write(SET, [0, 0], &[FIRST + 1]));
        destroy_buffer(&mut guest, FIRST);
        guest.do_well(wait(FENCE));
        guest.do_well(Command::asking(C::QueueWaitIdle).long(QUEUE));
        assert_eq!(ledger.used(), ROOM);
    }
}

/// A program as those are that have all their objects in a set or two, most of which are gone.
#[test]
fn memory_that_only_sets_keep_is_given_back_when_a_guest_wants_more_and_the_set_goes_on_working() {
    let (mut guest, ledger) = guest(&[24], BINDLESS, 10 * ROOM);
    let file = buffer(&mut guest, FIRST);
    guest.do_well(write(SET, [0, 0], &[FIRST]));
    for (element, id) in (1..).zip(FIRST + 1..FIRST + 24) {
        buffer(&mut guest, id);
        guest.do_well(write(SET, [0, element], &[id]));
        guest.do_well(write(OTHER_SET, [0, 24 - element], &[id]));
        destroy_buffer(&mut guest, id);
        if element == 6 {
            record(&mut guest, SET);
        }
        if element > 6 {
            run(&mut guest);
        }
    }
    assert!(is_filled(&file));
    assert!(ledger.used() <= 10 * ROOM);
    guest.do_well(allocate_memory(99, 9 * ROOM));
    assert_eq!(guest.send(allocate_memory(98, ROOM)).result(), OUT_OF_DEVICE_MEMORY);
    assert_eq!(guest.context.lost(), None);
}

#[test]
fn what_a_recording_may_use_is_not_taken_out_of_its_set() {
    let (mut guest, ledger) = guest(&[2], 0, 2 * ROOM);
    let files = [FIRST, FIRST + 1].map(|id| buffer(&mut guest, id));
    guest.do_well(write(SET, [0, 0], &[FIRST, FIRST + 1]));
    (FIRST..FIRST + 2).for_each(|id| destroy_buffer(&mut guest, id));
    record(&mut guest, SET);
    assert_eq!(guest.send(allocate_memory(99, ROOM)).result(), OUT_OF_DEVICE_MEMORY);
    run(&mut guest);
    assert_eq!(files.each_ref().map(is_filled), [true, false]);

    guest.do_well(Command::asking(C::ResetCommandBuffer).long(COMMANDS).int(0));
    guest.do_well(allocate_memory(99, 2 * ROOM));
    assert_eq!(ledger.used(), 2 * ROOM);
    record(&mut guest, SET);
    run(&mut guest);
}

/// vkUpdateDescriptorSets: a view with a sampler to binding 0, and a view of a buffer to binding 1.
fn write_views(set: u64, view: u64, sampler: u64, buffer_view: u64) -> Command {
    let write = Command::new(C::UpdateDescriptorSets).long(DEVICE).int(2).long(2);
    let write = write.structure(35).long(set).ints([0, 0, 1, SAMPLED]).long(1).longs([sampler, view]).int(1);
    let write = write.null().null().structure(35).long(set).ints([1, 0, 1, TEXELS]).null().null();
    write.long(1).long(buffer_view).int(0).null()
}

const SAMPLED: u32 = 1;
const TEXELS: u32 = 4;

#[test]
fn views_and_samplers_are_kept_with_what_they_show_and_memory_is_given_back() {
    let [image_view, sampler, texels, pixels]: [u64; 4] = [40, 41, 42, 43];
    let ledger = Ledger::new(2 * ROOM);
    let mut guest = tenant_with(ledger.clone());
    let layout = Command::asking(C::CreateDescriptorSetLayout).long(DEVICE).info(32).ints([0, 2]).long(2);
    let layout = layout.ints([0, SAMPLED, 1, 0x20]).null().ints([1, TEXELS, 1, 0x20]).null();
    let pool = Command::asking(C::CreateDescriptorPool).long(DEVICE).info(33).ints([0, 8, 2]).long(2);
    let view = Command::asking(C::CreateImageView).long(DEVICE).info(15).int(0).long(OTHER);
    let buffer_view = Command::asking(C::CreateBufferView).long(DEVICE).info(13).int(0).long(FIRST);
    for command in [
        layout.makes(SET_LAYOUT),
        pool.ints([SAMPLED, 8, TEXELS, 8]).makes(SETS),
        allocate_set(SET, SETS, SET_LAYOUT),
        create_image([16, 16], [1, 1, 1]),
        allocate_memory(pixels, ROOM),
        Command::asking(C::BindImageMemory).longs([DEVICE, OTHER, pixels, 0]),
        view.ints([1, 37]).ints([0; 4]).ints([1, 0, 1, 0, 1]).makes(image_view),
        Command::asking(C::CreateSampler).long(DEVICE).info(31).ints([0; 16]).makes(sampler),
    ] {
        guest.do_well(command);
    }
    buffer(&mut guest, FIRST);
    guest.do_well(buffer_view.int(37).longs([0, BYTES]).makes(texels));
    guest.do_well(write_views(SET, image_view, sampler, texels));
    for (command, id) in [
        (C::DestroyImageView, image_view),
        (C::DestroySampler, sampler),
        (C::DestroyBufferView, texels),
        (C::DestroyImage, OTHER),
        (C::FreeMemory, pixels),
    ] {
        guest.do_well(destroy(command, id));
    }
    destroy_buffer(&mut guest, FIRST);
    assert_eq!(ledger.used(), 2 * ROOM);
    guest.do_well(allocate_memory(99, 2 * ROOM));
    assert_eq!(ledger.used(), 2 * ROOM);
}

#[test]
fn a_layout_of_more_descriptors_than_a_stage_takes_is_refused() {
    let mut guest = tenant();
    guest.do_well(create_layout(SET_LAYOUT, &[2_000_000, 2_000_000], 0));
    guest.send(create_pipeline_layout(LAYOUT, SET_LAYOUT));
    assert!(guest.reason().contains("beyond the GPU's limit"), "{}", guest.reason());
}

#[test]
fn sets_that_take_more_than_their_pool_was_made_for_are_charged_for_until_it_is_reset() {
    const LARGE: u64 = 60;
    const OUT_OF_POOL_MEMORY: i32 = -1_000_069_000;
    let (mut guest, ledger) = guest(&[1], 0, 1 << 30);
    let before = ledger.overhead().used();
    guest.do_well(create_layout(LARGE, &[1 << 20], 0));
    let mut sets = 200_u64..;
    let mut allocate =
        |guest: &mut Guest| guest.send(allocate_set(sets.next().unwrap(), SETS, LARGE)).result();
    let given = (0..8).take_while(|_| allocate(&mut guest) == 0).count();
    assert!((1..8).contains(&given), "{given}");
    assert!(ledger.overhead().used() > before + ((given as u64) << 26));
    assert_eq!(allocate(&mut guest), OUT_OF_POOL_MEMORY);
    guest.do_well(Command::asking(C::ResetDescriptorPool).longs([DEVICE, SETS]).int(0));
    assert!(ledger.overhead().used() < before + (1 << 20));
    assert_eq!(allocate(&mut guest), 0);
}
