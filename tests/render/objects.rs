//! Names of objects: wrong ones, taken ones, and those of what could not be made.

use vgpu::venus::CommandType as C;

use crate::guest::Command;
use crate::scene::*;

const DEVICE_LOST: i32 = -4;
const EVENT: u64 = 100;

#[test]
fn the_gpu_is_found_by_a_part_of_its_name() {
    assert!(gpu().name().contains("llvmpipe"));
    assert_eq!(gpu().capset(false).to_bytes()[0], 1);
}

#[test]
fn an_unknown_handle_costs_the_context_and_every_later_command_says_so() {
    let mut guest = tenant();
    assert_eq!(guest.send(Command::asking(C::SetEvent).longs([DEVICE, 999])).result(), DEVICE_LOST);
    assert_eq!(guest.reason(), "SetEvent: 0x3e7 is no Event of this client");
    assert_eq!(guest.send(create_event(EVENT)).result(), DEVICE_LOST);
    let answer = guest.send(Command::asking(C::EnumerateInstanceVersion).some());
    assert_eq!((answer.result(), answer.word(4)), (DEVICE_LOST, 0));
}

#[test]
fn a_handle_of_another_type_is_refused() {
    let mut guest = tenant();
    guest.do_well(create_fence(EVENT));
    assert_eq!(guest.send(Command::asking(C::SetEvent).longs([DEVICE, EVENT])).result(), DEVICE_LOST);
}

#[test]
fn a_name_that_is_taken_or_zero_is_refused() {
    for id in [DEVICE, 0] {
        let mut guest = tenant();
        guest.send(create_event(id));
        assert!(guest.reason().contains("is 0 or names an object already"), "{}", guest.reason());
    }
}

#[test]
fn a_destroyed_object_is_unknown_and_its_name_free() {
    let mut guest = tenant();
    guest.do_well(create_event(EVENT));
    guest.do_well(destroy(C::DestroyEvent, EVENT));
    guest.do_well(create_event(EVENT));
    guest.do_well(destroy(C::DestroyEvent, EVENT));
    guest.send(destroy(C::DestroyEvent, EVENT));
    assert!(guest.reason().contains("is no Event"), "{}", guest.reason());
}

#[test]
fn what_could_not_be_made_may_be_destroyed_but_not_used() {
    let broken = |asks: bool| {
        let command = create_shader(EVENT, &[1, 2, 3]).into_bytes();
        let start =
            if asks { Command::asking(C::CreateShaderModule) } else { Command::new(C::CreateShaderModule) };
        command[8..].chunks(4).fold(start, |all, word| all.int(u32::from_le_bytes(word.try_into().unwrap())))
    };
    let mut guest = tenant();
    assert_eq!(guest.send(broken(true)).result(), -1_000_012_000);
    guest.do_well(broken(false));
    guest.do_well(destroy(C::DestroyShaderModule, EVENT));

    guest.do_well(create_set_layout(101));
    guest.do_well(create_pipeline_layout(102, 101));
    guest.do_well(broken(false));
    guest.send(create_pipeline(103, EVENT, 102, "main", 1));
    assert!(guest.reason().contains("was refused: ERROR_INVALID_SHADER_NV"), "{}", guest.reason());
}

#[test]
fn one_clients_objects_are_not_anothers() {
    let (mut one, mut other) = (tenant(), tenant());
    one.do_well(create_event(EVENT));
    other.send(Command::asking(C::SetEvent).longs([DEVICE, EVENT]));
    assert!(other.context.lost().is_some());
    assert_eq!(one.send(Command::asking(C::GetEventStatus).longs([DEVICE, EVENT])).result(), 4);
}

#[test]
fn an_extension_that_guests_are_not_offered_is_not_there() {
    let mut guest = visitor();
    assert_eq!(guest.send(create_device(DEVICE, &["VK_KHR_external_fence_fd"])).result(), -7);
    assert_eq!(guest.send(create_device(DEVICE, &["VK_EXT_external_memory_host"])).result(), -7);
    guest.do_well(create_device(DEVICE, &["VK_KHR_maintenance1"]));
}

#[test]
fn entry_points_that_a_module_has_not_are_refused() {
    let mut guest = tenant();
    guest.do_well(create_set_layout(101));
    guest.do_well(create_pipeline_layout(102, 101));
    guest.do_well(create_shader(103, &shader()));
    guest.send(create_pipeline(104, 103, 102, "other", 1));
    assert!(guest.reason().contains("entry point"), "{}", guest.reason());
}

#[test]
fn a_device_without_such_queues_is_refused() {
    let mut guest = visitor();
    let mut command = create_device(DEVICE, &[]).into_bytes();
    // The number of queues, behind the head, the handle, the structures' heads and two more words.
    let place = command.windows(4).position(|bytes| bytes == 1.0_f32.to_le_bytes()).unwrap() - 12;
    assert_eq!(command[place], 1);
    command[place - 4] = 77;
    let words = command[8..].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap()));
    guest.send(words.fold(Command::asking(C::CreateDevice), Command::int));
    assert!(guest.reason().contains("more queues"), "{}", guest.reason());
}
