//! Work from its first object to its result.

use std::fs::File;
use std::os::unix::fs::FileExt;

use vgpu::venus::CommandType as C;

use crate::guest::{Command, Guest};
use crate::scene::*;

pub(crate) const BUFFER: u64 = 10;
pub(crate) const MEMORY: u64 = 11;
pub(crate) const MODULE: u64 = 12;
pub(crate) const SET_LAYOUT: u64 = 13;
pub(crate) const LAYOUT: u64 = 14;
pub(crate) const PIPELINE: u64 = 15;
pub(crate) const SETS: u64 = 16;
pub(crate) const SET: u64 = 17;
pub(crate) const POOL: u64 = 18;
pub(crate) const COMMANDS: u64 = 19;
pub(crate) const FENCE: u64 = 20;
pub(crate) const BYTES: u64 = 4096;
/// Memory for a small buffer, with what a driver may want beside.
const ROOM: u64 = 65536;

/// A guest that is about to record: its command buffer is begun, everything is bound.
pub(crate) fn recorder() -> Guest {
    let mut guest = tenant();
    for command in [
        create_buffer(BUFFER, BYTES),
        allocate_memory(MEMORY, ROOM),
        bind_buffer(BUFFER, MEMORY),
        create_shader(MODULE, &shader()),
        create_set_layout(SET_LAYOUT),
        create_pipeline_layout(LAYOUT, SET_LAYOUT),
        create_pipeline(PIPELINE, MODULE, LAYOUT, "main", 3),
        destroy(C::DestroyShaderModule, MODULE),
        create_descriptor_pool(SETS),
        allocate_set(SET, SETS, SET_LAYOUT),
        write_set(SET, 0, BUFFER),
        create_command_pool(POOL),
        allocate_command_buffer(COMMANDS, POOL),
        create_fence(FENCE),
        begin(COMMANDS),
        bind_pipeline(COMMANDS, PIPELINE),
        bind_set(COMMANDS, LAYOUT, SET),
    ] {
        guest.do_well(command);
    }
    guest
}

fn contents(guest: &Guest) -> Vec<u32> {
    let file = File::from(guest.context.export(MEMORY, ROOM).unwrap());
    let mut bytes = vec![0; usize::try_from(BYTES).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

#[test]
fn a_shader_writes_what_it_should_into_memory_that_the_guest_maps() {
    let mut guest = recorder();
    assert!(contents(&guest).iter().all(|number| *number == 0));
    for command in [
        push_constant(COMMANDS, LAYOUT, 0, 100),
        dispatch(COMMANDS, [16, 1, 1]),
        end(COMMANDS),
        submit(COMMANDS, FENCE),
        wait(FENCE),
    ] {
        guest.do_well(command);
    }
    assert_eq!(contents(&guest), (0..1024).map(|at| (at + 100) * 3).collect::<Vec<u32>>());
}

#[test]
fn whatever_order_a_guest_destroys_in_its_work_is_done() {
    let mut guest = recorder();
    for command in [
        push_constant(COMMANDS, LAYOUT, 0, 0),
        dispatch(COMMANDS, [16, 1, 1]),
        end(COMMANDS),
        submit(COMMANDS, FENCE),
        destroy(C::DestroyBuffer, BUFFER),
        destroy(C::DestroyPipeline, PIPELINE),
        destroy(C::DestroyPipelineLayout, LAYOUT),
        destroy(C::DestroyDescriptorSetLayout, SET_LAYOUT),
        destroy(C::DestroyDescriptorPool, SETS),
        destroy(C::DestroyCommandPool, POOL),
        wait(FENCE),
        destroy(C::DestroyFence, FENCE),
    ] {
        guest.do_well(command);
    }
    assert_eq!(contents(&guest)[5], 15);
    guest.do_well(destroy(C::FreeMemory, MEMORY));
}

#[test]
fn a_guest_that_ends_in_the_middle_of_its_work_leaves_nothing_behind() {
    for _ in 0..20 {
        let mut guest = recorder();
        guest.do_well(dispatch(COMMANDS, [16, 1, 1]));
        guest.do_well(end(COMMANDS));
        guest.do_well(submit(COMMANDS, FENCE));
    }
}

#[test]
fn a_device_destroyed_with_all_that_was_made_from_it_frees_the_names() {
    let mut guest = recorder();
    guest.do_well(end(COMMANDS));
    guest.do_well(Command::new(C::DestroyDevice).long(DEVICE).null());
    guest.do_well(create_device(DEVICE, &[]));
    guest.do_well(create_buffer(BUFFER, 16));
}

#[test]
fn an_instance_destroyed_with_all_that_was_made_from_it_frees_the_names() {
    let mut guest = recorder();
    guest.do_well(Command::new(C::DestroyInstance).long(INSTANCE).null());
    guest.do_well(create_instance(PHYSICAL_DEVICE));
}

#[test]
fn a_command_buffer_is_recorded_again_after_its_pool_was_reset() {
    let mut guest = recorder();
    for command in [
        dispatch(COMMANDS, [1, 1, 1]),
        end(COMMANDS),
        submit(COMMANDS, FENCE),
        wait(FENCE),
        Command::asking(C::ResetCommandPool).longs([DEVICE, POOL]).int(0),
        begin(COMMANDS),
        fill(COMMANDS, BUFFER, 0, u64::MAX),
        end(COMMANDS),
        Command::asking(C::ResetFences).long(DEVICE).int(1).long(1).long(FENCE),
        submit(COMMANDS, FENCE),
        wait(FENCE),
    ] {
        guest.do_well(command);
    }
    assert!(contents(&guest).iter().all(|number| *number == 7));
}

#[test]
fn what_a_command_buffer_uses_must_not_be_reset_before_it_is_submitted() {
    let mut guest = recorder();
    guest.do_well(dispatch(COMMANDS, [1, 1, 1]));
    guest.do_well(end(COMMANDS));
    guest.do_well(Command::asking(C::ResetDescriptorPool).longs([DEVICE, SETS]).int(0));
    assert_eq!(guest.send(submit(COMMANDS, FENCE)).result(), -4);
    assert!(guest.reason().contains("reset after it was recorded"), "{}", guest.reason());
}

#[test]
fn commands_beyond_the_bounds_of_what_they_name_cost_the_context() {
    let cases = [
        (fill(COMMANDS, BUFFER, 4096 - 4, 8), "beyond the end of a buffer"),
        (fill(COMMANDS, BUFFER, u64::MAX - 3, 8), "beyond the end of a buffer"),
        (fill(COMMANDS, BUFFER, 2, 8), "whole words"),
        (push_constant(COMMANDS, LAYOUT, 4, 0), "push constants"),
        (dispatch(COMMANDS, [u32::MAX, 1, 1]), "workgroups"),
        (Command::new(C::CmdDispatchIndirect).longs([COMMANDS, BUFFER, 4088]), "beyond the end of a buffer"),
        (write_set(SET, 1, BUFFER), "beyond the layout"),
        (bind_set(COMMANDS, LAYOUT, 0), ""),
        (submit(COMMANDS, FENCE), "not executable"),
        (begin(COMMANDS), ""),
    ];
    for (command, words) in cases {
        let mut guest = recorder();
        guest.send(command);
        assert!(guest.reason().contains(words), "{words}: {}", guest.reason());
        assert_eq!(guest.context.lost().is_some(), !words.is_empty());
    }
}
