//! What goes out.

use vgpu::sys::Arena;
use vgpu::venus::{Call, encode_reply, find, unlink};
use vulkanalia_sys as vk;

use super::{Bytes, HANDLE, address, arena, at, decoded};

fn reply(call: &Call, result: u64, arena: &Arena) -> Vec<u8> {
    let mut out = Vec::new();
    encode_reply(call, result, arena, &mut out);
    out
}

#[test]
fn a_command_that_returns_nothing_is_answered_with_its_number() {
    let mut arena = arena();
    let (call, _) = decoded(&super::vectors::draw().0, &mut arena);

    assert_eq!(reply(&call, 7, &arena), Bytes::default().words(&[106]).0);
}

fn properties2() -> Bytes {
    let head = Bytes::command(148, 1).longs(&[2]).longs(&[1]).words(&[1_000_059_001]);
    head.longs(&[1]).words(&[1_000_196_000]).longs(&[1]).words(&[1_000_071_004]).longs(&[0])
}

#[test]
fn a_skeleton_comes_back_whole_with_its_chain() {
    let mut arena = arena();
    let (call, _) = decoded(&properties2().0, &mut arena);
    let head = call.arg(1);
    arena.get_mut::<vk::PhysicalDeviceProperties2>(head).unwrap().properties.vendor_id = 0x10de;
    let ids = find(&arena, head, vk::StructureType::PHYSICAL_DEVICE_ID_PROPERTIES).unwrap();
    arena.get_mut::<vk::PhysicalDeviceIDProperties>(ids).unwrap().device_uuid.0[0] = 9;
    let reply = reply(&call, 0, &arena);

    let start = Bytes::default().words(&[148]).longs(&[1]).words(&[1_000_059_001]);
    let start = start.longs(&[1]).words(&[1_000_196_000]).longs(&[1]).words(&[1_000_071_004]).longs(&[0]);
    // VkPhysicalDeviceIDProperties: three arrays with their lengths, a mask, and whether the LUID is valid.
    let start =
        start.longs(&[16]).raw(&[9]).raw(&[0; 15]).longs(&[16]).raw(&[0; 16]).longs(&[8]).raw(&[0; 8]);
    let start = start.words(&[0, 0]).words(&[0]).longs(&[256]);
    assert_eq!(reply[..start.0.len()], start.0);
    // Driver properties: two names and four numbers of one byte, each as four. Then those of the device.
    let driver = 8 + 256 + 4 * 4;
    let rest = &reply[start.0.len() + 256 + driver..];
    assert_eq!(rest[8..12], 0x10de_u32.to_le_bytes());
}

#[test]
fn what_is_taken_out_of_a_chain_is_not_answered() {
    let mut arena = arena();
    let (call, _) = decoded(&properties2().0, &mut arena);
    let driver = unlink(&mut arena, call.arg(1), vk::StructureType::PHYSICAL_DEVICE_DRIVER_PROPERTIES);
    let reply = reply(&call, 0, &arena);

    assert!(driver.is_some());
    let start = Bytes::default().words(&[148]).longs(&[1]).words(&[1_000_059_001]);
    let start = start.longs(&[1]).words(&[1_000_071_004]).longs(&[0]);
    assert_eq!(reply[..start.0.len()], start.0);
}

fn extension_properties() -> Bytes {
    Bytes::command(13, 1).longs(&[0]).longs(&[1]).words(&[2]).longs(&[2])
}

#[test]
fn a_list_is_answered_as_long_as_the_driver_made_it() {
    let mut arena = arena();
    let (call, _) = decoded(&extension_properties().0, &mut arena);
    assert_eq!(arena.slice::<vk::ExtensionProperties>(call.arg(2), 2).unwrap()[1].spec_version, 0);
    *arena.get_mut::<u32>(call.arg(1)).unwrap() = 1;
    arena.get_mut::<vk::ExtensionProperties>(call.arg(2)).unwrap().spec_version = 3;

    let expected = Bytes::default().words(&[13, 0]).longs(&[1]).words(&[1]).longs(&[1]);
    let expected = expected.longs(&[256]).raw(&[0; 256]).words(&[3]);
    assert_eq!(reply(&call, 0, &arena), expected.0);
}

fn allocate_command_buffers() -> Bytes {
    let head = Bytes::command(88, 1).longs(&[3]).longs(&[1]).words(&[40]).longs(&[0]);
    head.longs(&[15]).words(&[0, 2]).longs(&[2, 70, 71])
}

#[test]
fn names_come_back_as_the_guest_chose_them_whatever_the_driver_is_told() {
    let mut arena = arena();
    let (mut call, asked) = decoded(&allocate_command_buffers().0, &mut arena);
    let handles = arena.put([0_u64; 64]).unwrap();
    assert_eq!(arena.slice::<u64>(call.arg(2), 2).unwrap(), [70, 71]);
    call.set_arg(2, handles);

    assert_eq!(call.arg(2), handles);
    assert_eq!(asked.0.len(), 2, "{:?}", asked.kinds());
    assert_eq!(reply(&call, 0, &arena), Bytes::default().words(&[88, 0]).longs(&[2, 70, 71]).0);
}

fn pipeline_cache_data() -> Bytes {
    Bytes::command(63, 1).longs(&[3, 16]).longs(&[1, 6]).longs(&[6])
}

#[test]
fn data_goes_out_padded_and_no_longer_than_was_written() {
    let mut arena = arena();
    let (call, _) = decoded(&pipeline_cache_data().0, &mut arena);
    arena.bytes_mut(call.arg(3), 6).unwrap().copy_from_slice(b"cached");
    *arena.get_mut::<u64>(call.arg(2)).unwrap() = 5;
    let expected = Bytes::default().words(&[63, 5]).longs(&[1, 5]).longs(&[5]).raw(b"cache\0\0\0");
    assert_eq!(reply(&call, 5, &arena), expected.0, "VK_INCOMPLETE");

    *arena.get_mut::<u64>(call.arg(2)).unwrap() = u64::MAX;
    let expected = Bytes::default().words(&[63, 0]).longs(&[1, u64::MAX]).longs(&[0]);
    assert_eq!(reply(&call, 0, &arena), expected.0, "a length that is not in the arena");
}

fn buffer_address() -> Bytes {
    Bytes::command(175, 1).longs(&[3]).longs(&[1]).words(&[1_000_244_001]).longs(&[0]).longs(&[12])
}

#[test]
fn an_address_comes_back_with_eight_bytes() {
    let mut arena = arena();
    let (call, _) = decoded(&buffer_address().0, &mut arena);
    let info: vk::BufferDeviceAddressInfo = at(&arena, call.arg(1));

    assert_eq!(address(vk::Handle::as_raw(info.buffer) as *const u8), HANDLE + 12);
    let expected = Bytes::default().words(&[175]).longs(&[0x7_0000_0001]);
    assert_eq!(reply(&call, 0x7_0000_0001, &arena), expected.0);
}

fn device_groups() -> Bytes {
    let head = Bytes::command(143, 1).longs(&[1]).longs(&[1]).words(&[1]).longs(&[1]);
    head.words(&[1_000_070_000]).longs(&[0]).longs(&[32, 61]).raw(&[0; 31 * 8])
}

#[test]
fn names_within_a_skeleton_come_back_too() {
    let mut arena = arena();
    let (call, asked) = decoded(&device_groups().0, &mut arena);
    let group = arena.get_mut::<vk::PhysicalDeviceGroupProperties>(call.arg(2)).unwrap();
    group.physical_device_count = 1;

    let expected = Bytes::default().words(&[143, 0]).longs(&[1]).words(&[1]).longs(&[1]);
    let expected = expected.words(&[1_000_070_000]).longs(&[0]).words(&[1]);
    let expected = expected.longs(&[32, 61]).raw(&[0; 31 * 8]).words(&[0]);
    assert_eq!(reply(&call, 0, &arena), expected.0);
    assert_eq!(asked.0.len(), 1);
}

fn memory_properties() -> Bytes {
    Bytes::command(8, 1).longs(&[2]).longs(&[1]).longs(&[32, 16])
}

#[test]
fn padding_of_c_is_not_on_the_wire() {
    let mut arena = arena();
    let (call, _) = decoded(&memory_properties().0, &mut arena);
    let memory = arena.get_mut::<vk::PhysicalDeviceMemoryProperties>(call.arg(1)).unwrap();
    memory.memory_heaps[1].size = 77;
    let reply = reply(&call, 0, &arena);

    // The number, the pointer, both counts with their arrays; a heap is a size of 8 bytes and flags of 4.
    assert_eq!(reply.len(), 4 + 8 + (4 + 8 + 32 * 8) + (4 + 8 + 16 * 12));
    let heaps = 4 + 8 + (4 + 8 + 32 * 8) + 4 + 8;
    assert_eq!(reply[heaps + 12..heaps + 20], 77_u64.to_le_bytes());
}

pub(super) fn all() -> Vec<Bytes> {
    let mut all = vec![properties2(), extension_properties(), allocate_command_buffers()];
    all.extend([pipeline_cache_data(), buffer_address(), device_groups(), memory_properties()]);
    all
}
