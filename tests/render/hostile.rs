//! Uses that break a driver which believes them: each costs the context that tries it, and nothing else.

use vgpu::venus::CommandType as C;

use crate::compute::*;
use crate::guest::{Command, Guest};
use crate::scene::*;

const QUERIES: u64 = 30;
pub(crate) const OTHER: u64 = 31;

fn copy(from: u64, to: u64, bytes: u64) -> Command {
    Command::new(C::CmdCopyBuffer).longs([COMMANDS, BUFFER, BUFFER]).int(1).long(1).longs([from, to, bytes])
}

fn copy2(from: u64, to: u64, bytes: u64) -> Command {
    let info = Command::new(C::CmdCopyBuffer2).long(COMMANDS).info(1_000_337_000).longs([BUFFER, BUFFER]);
    info.int(1).long(1).structure(1_000_337_006).longs([from, to, bytes])
}

fn update(offset: u64, data: &[u8]) -> Command {
    Command::new(C::CmdUpdateBuffer).longs([COMMANDS, BUFFER, offset, data.len() as u64]).bytes(data)
}

/// Writes a range of the buffer into the set.
fn write_range(offset: u64, bytes: u64) -> Command {
    let write = Command::new(C::UpdateDescriptorSets).long(DEVICE).int(1).long(1).structure(35).long(SET);
    let write = write.ints([0, 0, 1, 7]).null().long(1).longs([BUFFER, offset, bytes]).null();
    write.int(0).null()
}

fn create_queries(count: u32) -> Command {
    const TIMESTAMP: u32 = 2;
    Command::asking(C::CreateQueryPool).long(DEVICE).info(11).ints([0, TIMESTAMP, count, 0]).makes(QUERIES)
}

fn reset_queries(first: u32, count: u32) -> Command {
    Command::new(C::CmdResetQueryPool).longs([COMMANDS, QUERIES]).ints([first, count])
}

fn timestamp(query: u32) -> Command {
    Command::new(C::CmdWriteTimestamp).long(COMMANDS).int(0x2000).long(QUERIES).int(query)
}

fn copy_results(count: u32, offset: u64, stride: u64) -> Command {
    let head = Command::new(C::CmdCopyQueryPoolResults).longs([COMMANDS, QUERIES]).ints([0, count]);
    head.longs([BUFFER, offset, stride]).int(1)
}

fn free_commands(id: u64) -> Command {
    Command::new(C::FreeCommandBuffers).longs([DEVICE, POOL]).int(1).long(1).long(id)
}

/// A context is lost by the last of these commands, for a reason with these words; another one does not notice.
pub(crate) fn costs_the_context(commands: impl IntoIterator<Item = Command>, words: &str) {
    let mut neighbour = tenant();
    let mut guest = recorder();
    guest.do_well(create_queries(4));
    lose(&mut guest, commands, words);
    neighbour.do_well(create_fence(FENCE));
}

fn lose(guest: &mut Guest, commands: impl IntoIterator<Item = Command>, words: &str) {
    for command in commands {
        assert_eq!(guest.context.lost(), None, "lost before: {words}");
        guest.send(command);
    }
    assert!(!words.is_empty() && guest.reason().contains(words), "{words}: {:?}", guest.reason());
}

#[test]
fn nothing_sparse_is_bound() {
    let bind = Command::new(C::QueueBindSparse).long(QUEUE).int(0).null().long(0);
    costs_the_context([bind], "not offered to guests");
}

#[test]
fn copies_beyond_the_ends_of_buffers_are_refused() {
    let wrong =
        [(4090, 0, 8), (0, 4090, 8), (u64::MAX, 0, 8), (8, 0, u64::MAX), (0, 0, u64::MAX), (0, 4096, 1)];
    for (from, to, bytes) in wrong {
        costs_the_context([copy(from, to, bytes)], "beyond the end of a buffer");
        costs_the_context([copy2(from, to, bytes)], "beyond the end of a buffer");
    }
    costs_the_context([update(4092, &[1; 8])], "beyond the end of a buffer");
    costs_the_context([update(u64::MAX - 3, &[1; 8])], "beyond the end of a buffer");
    costs_the_context([update(0, &[1; 6])], "whole words");
    costs_the_context([update(0, &vec![1; 65540])], "more than 65536 bytes");
}

#[test]
fn descriptors_beyond_the_ends_of_buffers_are_refused() {
    for (offset, bytes) in [(4096, 4), (4000, 100), (u64::MAX - 3, 8), (4096, u64::MAX), (0, 4097)] {
        costs_the_context([write_range(offset, bytes)], "beyond its buffer");
    }
}

#[test]
fn queries_that_a_pool_has_not_are_refused() {
    for command in [reset_queries(0, 5), reset_queries(u32::MAX, 2), timestamp(4), copy_results(5, 0, 8)] {
        costs_the_context([command], "fewer queries");
    }
    costs_the_context([copy_results(4, 4072, 8)], "beyond the end of a buffer");
    costs_the_context([copy_results(4, 0, u64::MAX)], "stride is too large");
}

#[test]
fn a_command_buffer_is_recorded_submitted_and_freed_in_its_states_only() {
    let not_recorded = "not being recorded";
    costs_the_context([end(COMMANDS), end(COMMANDS)], not_recorded);
    costs_the_context([end(COMMANDS), dispatch(COMMANDS, [1, 1, 1])], not_recorded);
    costs_the_context([allocate_command_buffer(OTHER, POOL), dispatch(OTHER, [1, 1, 1])], not_recorded);
    costs_the_context([allocate_command_buffer(OTHER, POOL), submit(OTHER, 0)], "not executable");
    costs_the_context([free_commands(COMMANDS), end(COMMANDS)], "is no CommandBuffer");
    costs_the_context([free_commands(COMMANDS), free_commands(COMMANDS)], "is no CommandBuffer");
    costs_the_context([destroy(C::DestroyCommandPool, POOL), end(COMMANDS)], "is no CommandBuffer");
}

#[test]
fn what_is_destroyed_is_neither_used_nor_destroyed_again() {
    let destroyed = || destroy(C::DestroyBuffer, BUFFER);
    costs_the_context([destroyed(), destroyed()], "is no Buffer");
    costs_the_context([destroyed(), fill(COMMANDS, BUFFER, 0, 4)], "is no Buffer");
    costs_the_context([destroyed(), write_set(SET, 0, BUFFER)], "is no Buffer");
    costs_the_context(
        [destroy(C::DestroyPipeline, PIPELINE), bind_pipeline(COMMANDS, PIPELINE)],
        "is no Pipeline",
    );
    costs_the_context(
        [destroy(C::DestroyDescriptorPool, SETS), bind_set(COMMANDS, LAYOUT, SET)],
        "is no Descr",
    );
    costs_the_context([destroy(C::DestroyFence, FENCE), submit(COMMANDS, FENCE)], "is no Fence");
    costs_the_context([destroy(C::FreeMemory, MEMORY), destroy(C::FreeMemory, MEMORY)], "is no DeviceMemory");
    costs_the_context([destroy(C::DestroyFence, BUFFER)], "is no Fence");
}

#[test]
fn what_was_recorded_is_there_when_it_is_submitted() {
    let mut guest = recorder();
    for command in [
        fill(COMMANDS, BUFFER, 0, 4096),
        end(COMMANDS),
        destroy(C::DestroyBuffer, BUFFER),
        destroy(C::FreeMemory, MEMORY),
        submit(COMMANDS, FENCE),
        wait(FENCE),
    ] {
        guest.do_well(command);
    }
}

#[test]
fn data_of_a_pipeline_cache_that_we_did_not_sign_never_reach_the_driver() {
    let mut guest = recorder();
    let data = [&[32, 0, 0, 0, 1, 0, 0, 0][..], &[0xff; 4000]].concat();
    let info = Command::asking(C::CreatePipelineCache).long(DEVICE).info(17).int(0);
    guest.do_well(info.long(data.len() as u64).bytes(&data).makes(OTHER));
    let size = Command::asking(C::GetPipelineCacheData).longs([DEVICE, OTHER]).some().long(0).null();
    let answer = guest.do_well(size);
    assert!(answer.long(4) < 4000, "as many bytes as an empty cache has, not {}", answer.long(4));
}

/// A layout of pipelines with so many sets, and a range of push constants.
fn layout(sets: u32, offset: u32, bytes: u32) -> Command {
    let info = Command::new(C::CreatePipelineLayout).long(DEVICE).info(30).ints([0, sets]).long(sets.into());
    let info = (0..sets).fold(info, |info, _| info.long(SET_LAYOUT));
    info.int(1).long(1).ints([0x20, offset, bytes]).makes(OTHER)
}

#[test]
fn layouts_beyond_the_gpus_limits_are_refused() {
    for (sets, offset, bytes) in [(1000, 0, 4), (1, 0, 1 << 20), (1, 1 << 20, 4), (1, u32::MAX - 3, 8)] {
        costs_the_context([layout(sets, offset, bytes)], "limit");
    }
}

/// A layout of sets with a binding of storage buffers.
fn set_layout(binding: u32, count: u32) -> Command {
    let info = Command::new(C::CreateDescriptorSetLayout).long(DEVICE).info(32).ints([0, 1]).long(1);
    info.ints([binding, 7, count, 0x20]).null().makes(OTHER)
}

/// Whether there could be such a layout.
fn layout_support(binding: u32, count: u32) -> Command {
    let info = Command::new(C::GetDescriptorSetLayoutSupport).long(DEVICE).info(32).ints([0, 1]).long(1);
    info.ints([binding, 7, count, 0x20]).null().info(1_000_168_001)
}

#[test]
fn more_dynamic_buffers_than_the_gpu_has_offsets_for_are_refused() {
    let info = Command::new(C::CreateDescriptorSetLayout).long(DEVICE).info(32).ints([0, 1]).long(1);
    costs_the_context([info.ints([0, 9, 1 << 20, 0x20]).null().makes(OTHER)], "limit");
}

#[test]
fn sets_of_more_descriptors_than_the_gpu_takes_are_refused() {
    for (binding, count) in [(u32::MAX, 1), (1 << 30, 1), (0, u32::MAX), (0, 1 << 30)] {
        costs_the_context([set_layout(binding, count)], "limit");
        costs_the_context([layout_support(binding, count)], "limit");
    }
}

#[test]
fn pools_that_no_host_has_room_for_are_refused_or_made() {
    const OUT_OF_DEVICE_MEMORY: i32 = -2;
    let mut guest = tenant();
    assert_eq!(guest.send(create_queries(u32::MAX)).result(), OUT_OF_DEVICE_MEMORY);
    let sets = Command::asking(C::CreateDescriptorPool).long(DEVICE).info(33).ints([0, u32::MAX, 1]);
    guest.send(sets.long(1).ints([7, u32::MAX]).makes(OTHER));
    assert_eq!(guest.context.lost(), None);
}

#[test]
fn viewports_that_the_gpu_has_not_are_refused() {
    for first in [16, 1 << 20, u32::MAX] {
        let viewport = Command::new(C::CmdSetViewport).long(COMMANDS).ints([first, 1]).long(1).ints([0; 6]);
        costs_the_context([viewport], "more viewports");
        let scissor = Command::new(C::CmdSetScissor).long(COMMANDS).ints([first, 1]).long(1).ints([0; 4]);
        costs_the_context([scissor], "more viewports");
    }
}

/// A two-dimensional image: width and height, levels, layers, samples.
pub(crate) fn create_image(size: [u32; 2], rest: [u32; 3]) -> Command {
    const RGBA: u32 = 37;
    let info = Command::asking(C::CreateImage).long(DEVICE).info(14).ints([0, 1, RGBA]).ints(size).int(1);
    info.ints(rest).ints([0, 7, 0, 0]).null().int(0).makes(OTHER)
}

#[test]
fn images_larger_than_the_gpu_makes_are_refused() {
    const OUT_OF_DEVICE_MEMORY: i32 = -2;
    let mut guest = tenant();
    for (size, rest) in [
        ([1 << 30, 1 << 30], [1, 1, 1]),
        ([u32::MAX, 1], [1, 1, 1]),
        ([0, 0], [1, 1, 1]),
        ([64, 64], [8, 1, 1]),
        ([64, 64], [100, 1, 1]),
        ([64, 64], [0, 1, 1]),
        ([64, 64], [1, u32::MAX, 1]),
        ([64, 64], [1, 1, 64]),
        ([64, 64], [1, 1, 3]),
    ] {
        assert_eq!(guest.send(create_image(size, rest)).result(), OUT_OF_DEVICE_MEMORY, "{size:?}, {rest:?}");
    }
    guest.do_well(create_image([64, 64], [7, 2, 1]));
}

#[test]
fn a_shader_that_uses_what_its_layout_has_not_is_refused() {
    const SHADER: u64 = 40;
    for (number, sets) in [(0, vec![]), (1, vec![OTHER])] {
        let layout = Command::new(C::CreatePipelineLayout).long(DEVICE).info(30).ints([0, number]);
        let layout = layout.long(number.into()).longs(sets).int(1).long(1).ints([0x20, 0, 4]).makes(50);
        let module = create_shader(SHADER, &shader());
        let pipeline = create_pipeline(51, SHADER, 50, "main", 3);
        costs_the_context([set_layout(7, 1), layout, module, pipeline], "that its pipeline's layout has not");
    }
}

/// A set with a dynamic storage buffer, and the layout to bind it by.
fn dynamic_set() -> Vec<Command> {
    const SETS_LAYOUT: u64 = 41;
    let set_layout = Command::asking(C::CreateDescriptorSetLayout).long(DEVICE).info(32).ints([0, 1]).long(1);
    let layout = Command::asking(C::CreatePipelineLayout).long(DEVICE).info(30).ints([0, 1]);
    let pool = Command::asking(C::CreateDescriptorPool).long(DEVICE).info(33).ints([0, 1, 1]).long(1);
    vec![
        set_layout.ints([0, 9, 1, 0x20]).null().makes(SETS_LAYOUT),
        layout.long(1).long(SETS_LAYOUT).int(0).null().makes(42),
        pool.ints([9, 1]).makes(43),
        allocate_set(44, 43, SETS_LAYOUT),
    ]
}

fn write_dynamic(offset: u64, bytes: u64) -> Command {
    let write = Command::new(C::UpdateDescriptorSets).long(DEVICE).int(1).long(1).structure(35).long(44);
    let write = write.ints([0, 0, 1, 9]).null().long(1).longs([BUFFER, offset, bytes]).null();
    write.int(0).null()
}

fn bind_dynamic(offset: u32) -> Command {
    let sets = Command::new(C::CmdBindDescriptorSets).long(COMMANDS).int(1).long(42).ints([0, 1]);
    sets.long(1).long(44).int(1).long(1).int(offset)
}

#[test]
fn dynamic_offsets_move_no_range_beyond_its_buffer() {
    for (written, offset) in
        [((0, 1024), 3073), ((1024, 1024), 2304), ((0, u64::MAX), 256), ((0, 4), u32::MAX)]
    {
        let commands = [write_dynamic(written.0, written.1), bind_dynamic(offset)];
        costs_the_context(dynamic_set().into_iter().chain(commands), "a dynamic offset");
    }
    let mut guest = recorder();
    for command in dynamic_set().into_iter().chain([write_dynamic(0, 1024), bind_dynamic(3072)]) {
        guest.do_well(command);
    }
    guest.do_well(end(COMMANDS));
    guest.do_well(submit(COMMANDS, FENCE));
}

#[test]
fn a_range_made_longer_after_its_offset_was_bound_is_not_moved_by_it() {
    let commands = [write_dynamic(0, 1024), bind_dynamic(3072), end(COMMANDS), write_dynamic(0, 4096)];
    let commands = commands.into_iter().chain([submit(COMMANDS, FENCE)]);
    costs_the_context(dynamic_set().into_iter().chain(commands), "after it was recorded");
}

/// The pipeline of a shader with a layout of one set, with one binding of a type for some stages, and push constants.
fn pipeline_with(kind: u32, stages: u32, push_bytes: u32, words: &[u32], name: &str) -> Vec<Command> {
    let set_layout = Command::asking(C::CreateDescriptorSetLayout).long(DEVICE).info(32).ints([0, 1]).long(1);
    let layout = Command::asking(C::CreatePipelineLayout).long(DEVICE).info(30).ints([0, 1]).long(1);
    let layout = layout.long(41).int(1).long(1).ints([0x20, 0, push_bytes]);
    vec![
        set_layout.ints([0, kind, 1, stages]).null().makes(41),
        layout.makes(42),
        create_shader(43, words),
        create_pipeline(44, 43, 42, name, 3),
    ]
}

/// The shader of fill.comp with a second entry point.
fn two_entry_points() -> Vec<u32> {
    const ENTRY_POINT: u32 = 15;
    let mut words = shader();
    let mut at = 5;
    while words[at] & 0xffff != ENTRY_POINT {
        at += (words[at] >> 16) as usize;
    }
    let mut second = words[at..][..(words[at] >> 16) as usize].to_vec();
    assert_eq!(second[3], u32::from_le_bytes(*b"main"));
    second[3] = u32::from_le_bytes(*b"next");
    words.splice(at..at, second);
    words
}

#[test]
fn a_shader_that_takes_a_binding_for_what_it_is_not_is_refused() {
    const COMPUTE: u32 = 0x20;
    let (one, two) = (shader(), two_entry_points());
    for kind in [0, 1, 2, 3, 4, 5, 6, 8, 10] {
        costs_the_context(pipeline_with(kind, COMPUTE, 4, &one, "main"), "as what its pipeline's layout");
        costs_the_context(pipeline_with(kind, COMPUTE, 4, &two, "next"), "as what its pipeline's layout");
    }
    costs_the_context(pipeline_with(7, 0x10, 4, &one, "main"), "layout gives to its stage");
    let mut guest = tenant();
    for command in pipeline_with(7, COMPUTE, 4, &two, "next") {
        guest.do_well(command);
    }
}

#[test]
fn a_shader_with_more_push_constants_than_its_layout_is_refused() {
    let mut words = shader();
    // Moves the one member of the push constants: OpMemberDecorate, its structure, 0, Offset, 0.
    let offsets = |words: &[u32; 5]| words[0] == 0x0005_0048 && words[2..] == [0, 35, 0];
    let places = words.windows(5).enumerate().filter(|(_, part)| offsets((*part).try_into().unwrap()));
    let places: Vec<_> = places.map(|(place, _)| place + 4).collect();
    places.into_iter().for_each(|place| words[place] = 64);
    costs_the_context(pipeline_with(7, 0x20, 64, &words, "main"), "more push constants");
    costs_the_context(pipeline_with(7, 0x20, 4, &words, "main"), "more push constants");
}

#[test]
fn objects_that_the_host_has_no_room_for_are_refused_until_others_are_destroyed() {
    const OUT_OF_HOST_MEMORY: i32 = -1;
    let queries = |id: u64| {
        let info = Command::asking(C::CreateQueryPool).long(DEVICE).info(11);
        info.ints([0, 2, 1 << 20, 0]).makes(id)
    };
    let sets = |id: u64, count: u32| {
        let info = Command::asking(C::CreateDescriptorPool).long(DEVICE).info(33).ints([0, 1, 1]);
        info.long(1).ints([7, count]).makes(id)
    };
    let (mut guest, mut neighbour) = (tenant(), tenant());
    let mut many = 0;
    while many < 100 && guest.send(queries(1000 + many)).result() == 0 {
        many += 1;
    }
    assert!((1..100).contains(&many), "{many} pools");
    assert_eq!(guest.send(queries(2000)).result(), OUT_OF_HOST_MEMORY);
    assert_eq!(guest.send(sets(2000, 1 << 20)).result(), OUT_OF_HOST_MEMORY);
    neighbour.do_well(queries(1000));
    let events = (0..1 << 20).take_while(|id| guest.send(create_event(10_000 + id)).result() == 0).count();
    assert!(events < 1 << 18, "{events} events");
    assert_eq!(guest.send(create_shader(2001, &shader())).result(), OUT_OF_HOST_MEMORY);
    guest.do_well(destroy(C::DestroyQueryPool, 1000));
    guest.do_well(create_event(2000));
}

#[test]
fn a_recording_that_the_host_has_no_room_for_ends_in_an_error() {
    const OUT_OF_HOST_MEMORY: i32 = -1;
    let mut guest = recorder();
    let commands: Vec<u8> = (0..64).flat_map(|_| update(0, &[1; 4096]).into_bytes()).collect();
    (0..2000).for_each(|_| guest.stream(&commands));
    assert_eq!(guest.context.lost(), None);
    assert_eq!(guest.send(end(COMMANDS)).result(), OUT_OF_HOST_MEMORY);
    assert_eq!(guest.send(submit(COMMANDS, FENCE)).result(), -4);
    assert!(guest.reason().contains("not executable"), "{}", guest.reason());
}

fn allocate_secondary(id: u64) -> Command {
    let info = Command::asking(C::AllocateCommandBuffers).long(DEVICE).info(40).long(POOL);
    info.ints([1, 1]).long(1).long(id)
}

fn begin_secondary(id: u64) -> Command {
    let info = Command::asking(C::BeginCommandBuffer).long(id).info(42).int(0);
    info.info(41).longs([0]).int(0).longs([0]).ints([0, 0, 0])
}

fn execute(commands: u64, secondary: u64) -> Command {
    Command::new(C::CmdExecuteCommands).long(commands).int(1).long(1).long(secondary)
}

/// A guest that has recorded its work into a secondary command buffer, [`OTHER`], and that into [`COMMANDS`].
fn conductor() -> Guest {
    let mut guest = recorder();
    for command in [
        allocate_secondary(OTHER),
        begin_secondary(OTHER),
        bind_pipeline(OTHER, PIPELINE),
        bind_set(OTHER, LAYOUT, SET),
        push_constant(OTHER, LAYOUT, 0, 0),
        dispatch(OTHER, [16, 1, 1]),
        end(OTHER),
        execute(COMMANDS, OTHER),
        end(COMMANDS),
    ] {
        guest.do_well(command);
    }
    guest
}

#[test]
fn what_a_secondary_command_buffer_needs_is_kept_by_who_executes_it() {
    let mut guest = conductor();
    for command in [
        destroy(C::DestroyPipeline, PIPELINE),
        destroy(C::DestroyPipelineLayout, LAYOUT),
        submit(COMMANDS, FENCE),
        free_commands(OTHER),
        wait(FENCE),
    ] {
        guest.do_well(command);
    }
}

#[test]
fn a_command_buffer_whose_secondary_is_not_as_it_was_is_refused() {
    let reset_sets = || Command::new(C::ResetDescriptorPool).longs([DEVICE, SETS]).int(0);
    for (command, words) in [
        (free_commands(OTHER), "was reset after it was recorded"),
        (begin_secondary(OTHER), "was reset after it was recorded"),
        (reset_sets(), "was reset after it was recorded"),
    ] {
        lose(&mut conductor(), [command, submit(COMMANDS, 0)], words);
    }
}

#[test]
fn secondary_command_buffers_execute_none() {
    let mut guest = recorder();
    for command in [
        allocate_secondary(OTHER),
        begin_secondary(OTHER),
        end(OTHER),
        allocate_secondary(QUERIES),
        begin_secondary(QUERIES),
    ] {
        guest.do_well(command);
    }
    lose(&mut guest, [execute(QUERIES, OTHER)], "executes others");
}

#[test]
fn a_descriptor_set_that_is_freed_and_recorded_goes_once_with_its_pool() {
    const FREES: u32 = 1;
    const OTHER_SET: u64 = 33;
    let mut guest = recorder();
    let pool = Command::asking(C::CreateDescriptorPool).long(DEVICE).info(33).ints([FREES, 8, 1]);
    let free = Command::new(C::FreeDescriptorSets).longs([DEVICE, OTHER]).int(1).long(1).long(OTHER_SET);
    for command in [
        pool.long(1).ints([7, 8]).makes(OTHER),
        allocate_set(OTHER_SET, OTHER, SET_LAYOUT),
        write_set(OTHER_SET, 0, BUFFER),
        bind_set(COMMANDS, LAYOUT, OTHER_SET),
        end(COMMANDS),
        free,
        Command::new(C::ResetDescriptorPool).longs([DEVICE, OTHER]).int(0),
        allocate_set(OTHER_SET, OTHER, SET_LAYOUT),
        begin(COMMANDS),
        write_set(OTHER_SET, 0, BUFFER),
        bind_set(COMMANDS, LAYOUT, OTHER_SET),
    ] {
        guest.do_well(command);
    }
}
