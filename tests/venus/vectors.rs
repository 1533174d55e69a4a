//! What goes in.

use vgpu::sys::{RingCreateInfoMESA, RingMonitorInfoMESA};
use vgpu::venus::{CommandType, ObjectType, Slot, find};
use vulkanalia_sys as vk;

use super::{Bytes, HANDLE, address, arena, at, decoded};

pub(super) fn draw() -> Bytes {
    Bytes::command(106, 0).longs(&[5]).words(&[3, 1, 0, 9])
}

#[test]
fn scalars_stand_in_the_call() {
    let mut arena = arena();
    let (call, asked) = decoded(&draw().0, &mut arena);

    assert_eq!(call.command, CommandType::CmdDraw);
    assert_eq!(call.arguments(), [HANDLE + 5, 3, 1, 0, 9]);
    assert_eq!(asked.0, [(ObjectType::CommandBuffer, 5, Slot::Argument(0))]);
    assert!(!call.wants_reply() && !call.returns_result());
}

pub(super) fn bind_descriptor_sets() -> Bytes {
    let head = Bytes::command(103, 0).longs(&[5]).words(&[1]).longs(&[6]).words(&[0, 2]);
    head.longs(&[2, 7, 8]).words(&[1]).longs(&[1]).words(&[256])
}

#[test]
fn arrays_of_handles_and_of_numbers_lie_in_the_arena() {
    let mut arena = arena();
    let (call, asked) = decoded(&bind_descriptor_sets().0, &mut arena);
    let (sets, offsets) = (call.arg(5), call.arg(7));

    assert_eq!(arena.slice::<u64>(sets, 2).unwrap(), [HANDLE + 7, HANDLE + 8]);
    assert_eq!(arena.slice::<u32>(offsets, 1).unwrap(), [256]);
    assert_eq!(asked.0[3], (ObjectType::DescriptorSet, 8, Slot::Memory(sets + 8)));
    assert_eq!(asked.0[1], (ObjectType::PipelineLayout, 6, Slot::Argument(2)));
}

pub(super) fn submit() -> Bytes {
    let head = Bytes::command(18, 1).longs(&[4]).words(&[1]).longs(&[1]);
    // VkSubmitInfo, then the chain: VkTimelineSemaphoreSubmitInfo and its end, then the members of both, last first.
    let chain = head.words(&[4]).longs(&[1]).words(&[1_000_207_003]).longs(&[0]);
    let timeline = chain.words(&[1]).longs(&[1, 41]).words(&[1]).longs(&[1, 42]);
    let waits = timeline.words(&[1]).longs(&[1, 20]).longs(&[1]).words(&[0x800]);
    let commands = waits.words(&[2]).longs(&[2, 5, 6]);
    commands.words(&[1]).longs(&[1, 21]).longs(&[0])
}

#[test]
fn a_chain_is_read_in_the_order_of_the_wire() {
    let mut arena = arena();
    let (call, asked) = decoded(&submit().0, &mut arena);
    let submit: vk::SubmitInfo = at(&arena, call.arg(2));
    let kind = vk::StructureType::TIMELINE_SEMAPHORE_SUBMIT_INFO;
    let timeline = find(&arena, address(submit.next), kind).unwrap();
    let timeline: vk::TimelineSemaphoreSubmitInfo = at(&arena, timeline);

    assert_eq!(timeline.s_type, kind);
    assert!(timeline.next.is_null());
    assert_eq!(at::<u64>(&arena, address(timeline.wait_semaphore_values)), 41);
    assert_eq!(at::<u64>(&arena, address(timeline.signal_semaphore_values)), 42);
    assert_eq!(at::<u32>(&arena, address(submit.wait_dst_stage_mask)), 0x800);
    assert_eq!(submit.command_buffer_count, 2);
    assert_eq!(at::<u64>(&arena, address(submit.signal_semaphores)), HANDLE + 21);
    assert_eq!(call.arg(3), 0);
    assert_eq!(asked.kinds().len(), 5);
    assert!(call.wants_reply() && call.returns_result());
}

pub(super) fn create_instance() -> Bytes {
    let head = Bytes::command(0, 1).longs(&[1]).words(&[1]).longs(&[0]).words(&[0]);
    let application = head.longs(&[1]).words(&[0]).longs(&[0]);
    let name = application.longs(&[5]).raw(b"demo\0\0\0\0").words(&[1]);
    let engine = name.longs(&[0]).words(&[2, 4_206_592]);
    let layers = engine.words(&[0]).longs(&[0]).words(&[1]).longs(&[1]);
    layers.longs(&[8]).raw(b"VK_demo\0").longs(&[0]).longs(&[1, 77])
}

#[test]
fn texts_end_with_nul_and_are_padded_on_the_wire() {
    let mut arena = arena();
    let (call, asked) = decoded(&create_instance().0, &mut arena);
    let info: vk::InstanceCreateInfo = at(&arena, call.arg(0));
    let application: vk::ApplicationInfo = at(&arena, address(info.application_info));
    let names = at::<u64>(&arena, address(info.enabled_extension_names));

    assert_eq!(arena.bytes(address(application.application_name), 5).unwrap(), b"demo\0");
    assert!(application.engine_name.is_null());
    assert_eq!((application.engine_version, application.api_version), (2, 4_206_592));
    assert!(info.enabled_layer_names.is_null());
    assert_eq!(arena.bytes(names, 8).unwrap(), b"VK_demo\0");
    assert_eq!(at::<u64>(&arena, call.arg(2)), 77, "the guest's name for what is made stays its own");
    assert_eq!(asked.0, []);
}

pub(super) fn clear_color() -> Bytes {
    let head = Bytes::command(119, 0).longs(&[5, 9]).words(&[7]);
    let color = head.longs(&[1]).words(&[2]).longs(&[4]).words(&[1, 2, 3, 4]);
    color.words(&[1]).longs(&[1]).words(&[1, 0, 1, 0, 1])
}

#[test]
fn a_clear_color_is_a_tag_and_four_numbers() {
    let mut arena = arena();
    let (call, _) = decoded(&clear_color().0, &mut arena);

    assert_eq!(arena.slice::<u32>(call.arg(3), 4).unwrap(), [1, 2, 3, 4]);
    let range: vk::ImageSubresourceRange = at(&arena, call.arg(5));
    assert_eq!((range.aspect_mask, range.level_count), (vk::ImageAspectFlags::COLOR, 1));
}

pub(super) fn begin_render_pass() -> Bytes {
    let head = Bytes::command(133, 0).longs(&[5]).longs(&[1]).words(&[43]).longs(&[0]);
    let area = head.longs(&[30, 31]).words(&[0, 0, 640, 480]).words(&[2]).longs(&[2]);
    let color = area.words(&[0, 0]).longs(&[4]).floats(&[0.5, 0.0, 0.0, 1.0]);
    color.words(&[1]).floats(&[0.25]).words(&[3]).words(&[0])
}

#[test]
fn clear_values_have_tags_of_their_own() {
    let mut arena = arena();
    let (call, _) = decoded(&begin_render_pass().0, &mut arena);
    let info: vk::RenderPassBeginInfo = at(&arena, call.arg(1));
    let values = arena.slice::<f32>(address(info.clear_values), 8).unwrap();

    assert_eq!(values[..5], [0.5, 0.0, 0.0, 1.0, 0.25]);
    assert_eq!(arena.slice::<u32>(address(info.clear_values), 8).unwrap()[5], 3);
    assert_eq!(info.render_area.extent, vk::Extent2D { width: 640, height: 480 });
}

pub(super) fn create_shader_module() -> Bytes {
    let head = Bytes::command(59, 0).longs(&[3]).longs(&[1]).words(&[16]).longs(&[0]).words(&[0]);
    head.longs(&[12]).longs(&[3]).words(&[0x0723_0203, 1, 2]).longs(&[0]).longs(&[1, 80])
}

#[test]
fn the_length_of_code_is_a_quarter_of_its_bytes() {
    let mut arena = arena();
    let (call, _) = decoded(&create_shader_module().0, &mut arena);
    let info: vk::ShaderModuleCreateInfo = at(&arena, call.arg(1));

    assert_eq!(info.code_size, 12);
    assert_eq!(arena.slice::<u32>(address(info.code), 3).unwrap(), [0x0723_0203, 1, 2]);
}

pub(super) fn push_constants() -> Bytes {
    let head = Bytes::command(132, 0).longs(&[5, 6]).words(&[32, 0, 6]);
    head.longs(&[6]).raw(&[1, 2, 3, 4, 5, 6, 0, 0])
}

#[test]
fn data_is_padded_to_a_multiple_of_four() {
    let mut arena = arena();
    let (call, _) = decoded(&push_constants().0, &mut arena);

    assert_eq!(arena.bytes(call.arg(5), 6).unwrap(), [1, 2, 3, 4, 5, 6]);
}

pub(super) fn blend_constants() -> Bytes {
    Bytes::command(98, 0).longs(&[5]).longs(&[4]).floats(&[1.0, 2.0, 3.0, 4.0])
}

#[test]
fn an_array_of_fixed_length_is_an_address_to_the_driver() {
    let mut arena = arena();
    let (call, _) = decoded(&blend_constants().0, &mut arena);

    assert_eq!(arena.slice::<f32>(call.arg(1), 4).unwrap(), [1.0, 2.0, 3.0, 4.0]);
}

pub(super) fn line_stipple() -> Bytes {
    Bytes::command(237, 0).longs(&[5]).words(&[1, 0xffff_aaaa])
}

#[test]
fn a_number_of_two_bytes_takes_four() {
    let (call, _) = decoded(&line_stipple().0, &mut arena());

    assert_eq!(call.arguments()[1..], [1, 0xaaaa]);
}

pub(super) fn viewports() -> Bytes {
    let head = Bytes::command(94, 0).longs(&[5]).words(&[0, 1]).longs(&[1]);
    head.floats(&[0.0, 0.0, 640.0, 480.0, 0.0, 1.0])
}

#[test]
fn structures_that_lie_as_in_c_are_copied() {
    let mut arena = arena();
    let (call, _) = decoded(&viewports().0, &mut arena);
    let viewport: vk::Viewport = at(&arena, call.arg(3));

    assert_eq!((viewport.width, viewport.height, viewport.max_depth), (640.0, 480.0, 1.0));
}

pub(super) fn update_descriptor_sets() -> Bytes {
    let head = Bytes::command(79, 0).longs(&[3]).words(&[1]).longs(&[1]).words(&[35]).longs(&[0]);
    let write = head.longs(&[50]).words(&[1, 0, 1, 7]).longs(&[0]).longs(&[1, 51, 0, 256]).longs(&[0]);
    write.words(&[0]).longs(&[0])
}

#[test]
fn arrays_that_a_command_does_not_look_at_may_be_absent() {
    let mut arena = arena();
    let (call, asked) = decoded(&update_descriptor_sets().0, &mut arena);
    let write: vk::WriteDescriptorSet = at(&arena, call.arg(2));
    let buffer: vk::DescriptorBufferInfo = at(&arena, address(write.buffer_info));

    assert!(write.image_info.is_null() && write.texel_buffer_view.is_null());
    assert_eq!((buffer.offset, buffer.range), (0, 256));
    assert_eq!(asked.kinds()[1..], [(ObjectType::DescriptorSet, 50), (ObjectType::Buffer, 51)]);
}

pub(super) fn create_ring() -> Bytes {
    let head = Bytes::command(188, 0).longs(&[99]).longs(&[1]).words(&[1_000_384_000]);
    let monitor = head.longs(&[1]).words(&[1_000_384_006]).longs(&[0]).words(&[3_000_000]);
    let sizes = monitor.words(&[0, 11]).longs(&[0, 0x2000, 50_000_000]);
    sizes.longs(&[0, 64, 128, 192, 0x1000, 0x1100, 4])
}

#[test]
fn a_ring_comes_with_its_monitor() {
    let mut arena = arena();
    let (call, _) = decoded(&create_ring().0, &mut arena);
    let ring: RingCreateInfoMESA = at(&arena, call.arg(1));
    let monitor = find(&arena, ring.next, vk::StructureType::from_raw(1_000_384_006)).unwrap();
    let monitor: RingMonitorInfoMESA = at(&arena, monitor);

    assert_eq!(
        (ring.resource_id, ring.status_offset, ring.buffer_size, ring.extra_size),
        (11, 128, 0x1000, 4)
    );
    assert_eq!(monitor.max_reporting_period_microseconds, 3_000_000);
}

pub(super) fn build_acceleration_structures() -> Bytes {
    let head = Bytes::command(306, 0).longs(&[5]).words(&[1]).longs(&[1]);
    let info = head.words(&[1_000_150_000]).longs(&[0]).words(&[0, 0, 0]).longs(&[0, 60]).words(&[1]);
    let geometry = info.longs(&[1]).words(&[1_000_150_006]).longs(&[0]).words(&[1, 1]);
    let boxes = geometry.words(&[1_000_150_003]).longs(&[0]).words(&[0]).longs(&[0x1_0000, 24]).words(&[1]);
    let rows = boxes.longs(&[0]).words(&[0]).longs(&[0x2_0000]);
    rows.longs(&[1]).longs(&[1]).words(&[12, 0, 0, 0])
}

#[test]
fn rows_are_as_long_as_the_structures_beside_them_say() {
    let mut arena = arena();
    let (call, _) = decoded(&build_acceleration_structures().0, &mut arena);
    let info: vk::AccelerationStructureBuildGeometryInfoKHR = at(&arena, call.arg(2));
    let geometry: vk::AccelerationStructureGeometryKHR = at(&arena, address(info.geometries));
    let ranges = at::<u64>(&arena, call.arg(3));

    assert_eq!(geometry.geometry_type, vk::GeometryTypeKHR::AABBS);
    assert_eq!(at::<u64>(&arena, address(info.geometries) + 24 + 16), 0x1_0000);
    assert_eq!(arena.slice::<u32>(ranges, 4).unwrap(), [12, 0, 0, 0]);
}

/// All of them, and those of the other modules.
pub(super) fn all() -> Vec<Bytes> {
    let mut all = vec![draw(), bind_descriptor_sets(), submit(), create_instance(), clear_color()];
    all.extend([begin_render_pass(), create_shader_module(), push_constants(), blend_constants()]);
    all.extend([line_stipple(), viewports(), update_descriptor_sets(), create_ring()]);
    all.push(build_acceleration_structures());
    all.extend(super::replies::all());
    all.extend(super::compute::all());
    all
}

#[test]
fn every_vector_is_decoded_to_its_last_byte() {
    let all = all();
    let mut arena = arena();
    for bytes in &all {
        arena.reset();
        decoded(&bytes.0, &mut arena);
    }
    super::seeds::save("venus", &all.into_iter().map(|bytes| bytes.0).collect::<Vec<_>>());
}
