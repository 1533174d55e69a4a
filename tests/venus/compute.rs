//! What a program that computes says, from its device to its results.

use vgpu::sys::{Address, Arena};
use vgpu::venus::{ObjectType, encode_reply, find};
use vulkanalia_sys as vk;

use super::{Bytes, HANDLE, address, arena, at, decoded};

/// The elements that a structure points to.
fn list<T: vgpu::sys::CStruct>(arena: &Arena, address: Address, count: usize) -> &[T] {
    arena.slice(address, count).unwrap()
}

fn raw(handle: impl vk::Handle<Repr = u64>) -> u64 {
    handle.as_raw()
}

fn create_device() -> Bytes {
    let head = Bytes::command(11, 1).longs(&[2]).longs(&[1]).words(&[3]);
    let timeline = head.longs(&[1]).words(&[1_000_207_000]).longs(&[0]).words(&[1]);
    let queues = timeline.words(&[0, 1]).longs(&[1]).words(&[2]).longs(&[0]).words(&[0, 1, 2]);
    let layers = queues.longs(&[2]).floats(&[0.5, 1.0]).words(&[0]).longs(&[0]);
    let extensions = layers.words(&[2]).longs(&[2]).longs(&[8]).raw(b"VK_demo\0").longs(&[3]).raw(b"VK\0\0");
    let features = extensions.longs(&[1]).words(&[1]).words(&[0; 53]).words(&[1]);
    features.longs(&[0]).longs(&[1, 3])
}

#[test]
fn a_device_comes_with_queues_extensions_and_features() {
    let mut arena = arena();
    let (call, asked) = decoded(&create_device().0, &mut arena);
    let info: vk::DeviceCreateInfo = at(&arena, call.arg(1));
    let queue: vk::DeviceQueueCreateInfo = at(&arena, address(info.queue_create_infos));
    let names = list::<u64>(&arena, address(info.enabled_extension_names), 2);
    let features: vk::PhysicalDeviceFeatures = at(&arena, address(info.enabled_features));
    let timeline = vk::StructureType::PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
    let timeline = find(&arena, address(info.next), timeline).unwrap();

    assert_eq!((queue.queue_family_index, queue.queue_count), (1, 2));
    assert_eq!(list::<f32>(&arena, address(queue.queue_priorities), 2), [0.5, 1.0]);
    assert_eq!(arena.bytes(names[0], 8).unwrap(), b"VK_demo\0");
    assert_eq!(arena.bytes(names[1], 3).unwrap(), b"VK\0");
    assert_eq!((features.robust_buffer_access, features.full_draw_index_uint32), (1, 0));
    assert_eq!((features.variable_multisample_rate, features.inherited_queries), (0, 1));
    assert_eq!(at::<vk::PhysicalDeviceTimelineSemaphoreFeatures>(&arena, timeline).timeline_semaphore, 1);
    assert_eq!(asked.kinds(), [(ObjectType::PhysicalDevice, 2)]);
}

fn get_queue() -> Bytes {
    let head = Bytes::command(155, 0).longs(&[3]).longs(&[1]).words(&[1_000_145_003]);
    head.longs(&[1]).words(&[1_000_384_005]).longs(&[0]).words(&[9]).words(&[0, 1, 0]).longs(&[1, 4])
}

#[test]
fn a_queue_is_told_the_index_of_its_timeline() {
    let mut arena = arena();
    let (call, _) = decoded(&get_queue().0, &mut arena);
    let info: vk::DeviceQueueInfo2 = at(&arena, call.arg(1));
    let timeline = find(&arena, address(info.next), vk::StructureType::from_raw(1_000_384_005)).unwrap();

    assert_eq!(arena.slice::<u32>(timeline + 16, 1).unwrap(), [9]);
    assert_eq!((info.queue_family_index, info.queue_index), (1, 0));
    assert_eq!(at::<u64>(&arena, call.arg(2)), 4);
}

fn create_buffer() -> Bytes {
    let head = Bytes::command(50, 1).longs(&[3]).longs(&[1]).words(&[12]).longs(&[0]).words(&[0]);
    let shared = head.longs(&[65536]).words(&[0x23, 1, 2]).longs(&[2]).words(&[0, 1]);
    shared.longs(&[0]).longs(&[1, 10])
}

fn allocate_memory() -> Bytes {
    let head = Bytes::command(21, 1).longs(&[3]).longs(&[1]).words(&[5]);
    let chain = head.longs(&[1]).words(&[1_000_072_002]).longs(&[1]).words(&[1_000_127_001]).longs(&[0]);
    let members = chain.longs(&[0, 10]).words(&[0x200]);
    members.longs(&[65536]).words(&[1]).longs(&[0]).longs(&[1, 11])
}

fn bind_buffer_memory() -> Bytes {
    let head = Bytes::command(138, 0).longs(&[3]).words(&[2]).longs(&[2]);
    let first = head.words(&[1_000_157_000]).longs(&[0]).longs(&[10, 11, 0]);
    first.words(&[1_000_157_000]).longs(&[0]).longs(&[12, 11, 256])
}

#[test]
fn a_buffer_gets_memory_of_its_own() {
    let mut arena = arena();
    let (call, _) = decoded(&create_buffer().0, &mut arena);
    let info: vk::BufferCreateInfo = at(&arena, call.arg(1));
    assert_eq!((info.size, info.usage.bits()), (65536, 0x23));
    assert_eq!(info.sharing_mode, vk::SharingMode::CONCURRENT);
    assert_eq!(list::<u32>(&arena, address(info.queue_family_indices), 2), [0, 1]);

    arena.reset();
    let (call, asked) = decoded(&allocate_memory().0, &mut arena);
    let info: vk::MemoryAllocateInfo = at(&arena, call.arg(1));
    let linked = |kind| find(&arena, address(info.next), kind).unwrap();
    let dedicated: vk::MemoryDedicatedAllocateInfo =
        at(&arena, linked(vk::StructureType::MEMORY_DEDICATED_ALLOCATE_INFO));
    let export: vk::ExportMemoryAllocateInfo =
        at(&arena, linked(vk::StructureType::EXPORT_MEMORY_ALLOCATE_INFO));
    assert_eq!((info.allocation_size, info.memory_type_index), (65536, 1));
    assert_eq!((raw(dedicated.image), raw(dedicated.buffer)), (0, HANDLE + 10));
    assert_eq!(export.handle_types.bits(), 0x200);
    assert_eq!(asked.kinds(), [(ObjectType::Device, 3), (ObjectType::Buffer, 10)]);

    arena.reset();
    let (call, _) = decoded(&bind_buffer_memory().0, &mut arena);
    let binds = list::<vk::BindBufferMemoryInfo>(&arena, call.arg(2), 2);
    assert_eq!((raw(binds[0].buffer), raw(binds[0].memory)), (HANDLE + 10, HANDLE + 11));
    assert_eq!((raw(binds[1].buffer), binds[1].memory_offset), (HANDLE + 12, 256));
}

fn create_set_layout() -> Bytes {
    let head = Bytes::command(72, 0).longs(&[3]).longs(&[1]).words(&[32]).longs(&[0]).words(&[0, 2]);
    let storage = head.longs(&[2]).words(&[0, 7, 1, 0x20]).longs(&[0]);
    storage.words(&[4, 0, 2, 0x20]).longs(&[2, 70, 71]).longs(&[0]).longs(&[1, 13])
}

fn create_pipeline_layout() -> Bytes {
    let head = Bytes::command(68, 0).longs(&[3]).longs(&[1]).words(&[30]).longs(&[0]).words(&[0, 1]);
    head.longs(&[1, 13]).words(&[1]).longs(&[1]).words(&[0x20, 16, 64]).longs(&[0]).longs(&[1, 14])
}

fn create_descriptor_pool() -> Bytes {
    let head = Bytes::command(74, 0).longs(&[3]).longs(&[1]).words(&[33]).longs(&[0]).words(&[1, 4, 2]);
    head.longs(&[2]).words(&[7, 8, 6, 2]).longs(&[0]).longs(&[1, 16])
}

fn allocate_sets() -> Bytes {
    let head = Bytes::command(77, 1).longs(&[3]).longs(&[1]).words(&[34]).longs(&[0]).longs(&[16]);
    head.words(&[2]).longs(&[2, 13, 13]).longs(&[2, 50, 51])
}

#[test]
fn layouts_and_sets_name_what_they_are_made_of() {
    let mut arena = arena();
    let (call, asked) = decoded(&create_set_layout().0, &mut arena);
    let info: vk::DescriptorSetLayoutCreateInfo = at(&arena, call.arg(1));
    let bindings = list::<vk::DescriptorSetLayoutBinding>(&arena, address(info.bindings), 2);
    assert!(bindings[0].immutable_samplers.is_null());
    assert_eq!((bindings[1].binding, bindings[1].descriptor_count), (4, 2));
    assert_eq!(list::<u64>(&arena, address(bindings[1].immutable_samplers), 2), [HANDLE + 70, HANDLE + 71]);
    assert_eq!(asked.kinds()[2], (ObjectType::Sampler, 71));

    arena.reset();
    let (call, _) = decoded(&create_pipeline_layout().0, &mut arena);
    let info: vk::PipelineLayoutCreateInfo = at(&arena, call.arg(1));
    let push: vk::PushConstantRange = at(&arena, address(info.push_constant_ranges));
    assert_eq!(at::<u64>(&arena, address(info.set_layouts)), HANDLE + 13);
    assert_eq!((push.stage_flags, push.offset, push.size), (vk::ShaderStageFlags::COMPUTE, 16, 64));

    arena.reset();
    let (call, _) = decoded(&create_descriptor_pool().0, &mut arena);
    let info: vk::DescriptorPoolCreateInfo = at(&arena, call.arg(1));
    assert_eq!((info.flags.bits(), info.max_sets), (1, 4));
    assert_eq!(list::<u32>(&arena, address(info.pool_sizes), 4), [7, 8, 6, 2]);

    arena.reset();
    let (call, asked) = decoded(&allocate_sets().0, &mut arena);
    assert_eq!(list::<u64>(&arena, call.arg(2), 2), [50, 51], "names of what is made stay the guest's");
    assert_eq!(
        asked.kinds()[1..],
        [
            (ObjectType::DescriptorPool, 16),
            (ObjectType::DescriptorSetLayout, 13),
            (ObjectType::DescriptorSetLayout, 13)
        ]
    );
}

fn create_pipelines() -> Bytes {
    let head = Bytes::command(66, 1).longs(&[3, 0]).words(&[1]).longs(&[1]);
    let stage = head.words(&[29]).longs(&[0]).words(&[0]).words(&[18]).longs(&[1]).words(&[1_000_225_001]);
    let stage = stage.longs(&[0]).words(&[32]).words(&[0, 0x20]).longs(&[12]);
    let constants = stage.longs(&[5]).raw(b"main\0\0\0\0").longs(&[1]).words(&[2]).longs(&[2]);
    let constants = constants.words(&[0, 0]).longs(&[4]).words(&[7, 4]).longs(&[8]);
    let data = constants.longs(&[12]).longs(&[12]).words(&[5]).longs(&[0x1122_3344_5566_7788]);
    data.longs(&[14, 0]).words(&[u32::MAX]).longs(&[0]).longs(&[1, 15])
}

#[test]
fn a_pipeline_is_specialised() {
    let mut arena = arena();
    let (call, asked) = decoded(&create_pipelines().0, &mut arena);
    let info: vk::ComputePipelineCreateInfo = at(&arena, call.arg(3));
    let constants: vk::SpecializationInfo = at(&arena, address(info.stage.specialization_info));
    let entries = list::<vk::SpecializationMapEntry>(&arena, address(constants.map_entries), 2);
    let subgroup = vk::StructureType::PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO;

    assert_eq!(arena.bytes(address(info.stage.name), 5).unwrap(), b"main\0");
    assert_eq!(at::<u32>(&arena, find(&arena, address(info.stage.next), subgroup).unwrap() + 16), 32);
    assert_eq!((entries[1].constant_id, entries[1].offset, entries[1].size), (7, 4, 8));
    assert_eq!(arena.bytes(address(constants.data), constants.data_size).unwrap()[4..6], [0x88, 0x77]);
    assert_eq!((raw(info.layout), raw(info.base_pipeline_handle)), (HANDLE + 14, 0));
    assert_eq!(info.base_pipeline_index, -1);
    assert_eq!(asked.kinds()[1..], [(ObjectType::ShaderModule, 12), (ObjectType::PipelineLayout, 14)]);
}

fn create_pipeline_cache() -> Bytes {
    let head = Bytes::command(61, 0).longs(&[3]).longs(&[1]).words(&[17]).longs(&[0]).words(&[0]);
    head.longs(&[5]).longs(&[5]).raw(b"cache\0\0\0").longs(&[0]).longs(&[1, 17])
}

#[test]
fn the_data_of_a_cache_are_as_long_as_they_are() {
    let mut arena = arena();
    let (call, _) = decoded(&create_pipeline_cache().0, &mut arena);
    let info: vk::PipelineCacheCreateInfo = at(&arena, call.arg(1));

    assert_eq!(info.initial_data_size, 5);
    assert_eq!(arena.bytes(address(info.initial_data), 5).unwrap(), b"cache");
}

/// Commands of a command buffer that are all numbers, and their arguments behind the command buffer.
fn recorded() -> Vec<(Bytes, Vec<u64>)> {
    let command = |number| Bytes::command(number, 0).longs(&[5]);
    vec![
        (command(91), vec![]),
        (command(93).words(&[1]).longs(&[15]), vec![1, HANDLE + 15]),
        (command(110).words(&[16, 2, 1]), vec![16, 2, 1]),
        (command(142).words(&[1, 2, 3, 4, 5, 6]), vec![1, 2, 3, 4, 5, 6]),
        (command(111).longs(&[10, 4096]), vec![HANDLE + 10, 4096]),
        (
            command(118).longs(&[10, 4096, u64::MAX]).words(&[0xdead_beef]),
            vec![HANDLE + 10, 4096, u64::MAX, 0xdead_beef],
        ),
        (command(129).longs(&[30]).words(&[0, 2]), vec![HANDLE + 30, 0, 2]),
        (command(130).words(&[0x2000]).longs(&[30]).words(&[1]), vec![0x2000, HANDLE + 30, 1]),
        (command(205).longs(&[0x1_0000_0000]).longs(&[30]).words(&[1]), vec![0x1_0000_0000, HANDLE + 30, 1]),
        (
            command(131).longs(&[30]).words(&[0, 2]).longs(&[10, 64, 8]).words(&[3]),
            vec![HANDLE + 30, 0, 2, HANDLE + 10, 64, 8, 3],
        ),
        (command(123).longs(&[40]).words(&[0x1000]), vec![HANDLE + 40, 0x1000]),
    ]
}

#[test]
fn commands_of_numbers_alone_need_nothing_else() {
    for (bytes, expected) in recorded() {
        let (call, _) = decoded(&bytes.0, &mut arena());
        assert_eq!(call.arguments()[0], HANDLE + 5, "{call:?}");
        assert_eq!(call.arguments()[1..], expected, "{call:?}");
    }
}

fn begin_command_buffer() -> Bytes {
    Bytes::command(90, 0).longs(&[5]).longs(&[1]).words(&[42]).longs(&[0]).words(&[4]).longs(&[0])
}

fn copy_buffer() -> Bytes {
    let head = Bytes::command(112, 0).longs(&[5, 10, 12]).words(&[2]);
    head.longs(&[2]).longs(&[0, 4096, 64]).longs(&[64, 0, 1])
}

fn copy_buffer2() -> Bytes {
    let head = Bytes::command(207, 0).longs(&[5]).longs(&[1]).words(&[1_000_337_000]).longs(&[0]);
    head.longs(&[10, 12]).words(&[1]).longs(&[1]).words(&[1_000_337_006]).longs(&[0]).longs(&[8, 16, 32])
}

fn update_buffer() -> Bytes {
    Bytes::command(117, 0).longs(&[5, 10, 8, 12]).longs(&[12]).raw(b"twelve bytes")
}

#[test]
fn copies_have_regions() {
    let mut arena = arena();
    let (call, _) = decoded(&begin_command_buffer().0, &mut arena);
    let info: vk::CommandBufferBeginInfo = at(&arena, call.arg(1));
    assert_eq!((info.flags.bits(), info.inheritance_info.is_null()), (4, true));

    let (call, _) = decoded(&copy_buffer().0, &mut arena);
    assert_eq!(call.arguments()[..4], [HANDLE + 5, HANDLE + 10, HANDLE + 12, 2]);
    assert_eq!(list::<u64>(&arena, call.arg(4), 6), [0, 4096, 64, 64, 0, 1]);

    let (call, _) = decoded(&copy_buffer2().0, &mut arena);
    let info: vk::CopyBufferInfo2 = at(&arena, call.arg(1));
    let region: vk::BufferCopy2 = at(&arena, address(info.regions));
    assert_eq!((raw(info.src_buffer), raw(info.dst_buffer)), (HANDLE + 10, HANDLE + 12));
    assert_eq!((region.src_offset, region.dst_offset, region.size), (8, 16, 32));

    let (call, _) = decoded(&update_buffer().0, &mut arena);
    assert_eq!(call.arguments()[1..4], [HANDLE + 10, 8, 12]);
    assert_eq!(arena.bytes(call.arg(4), 12).unwrap(), b"twelve bytes");
}

fn barrier() -> Bytes {
    let head = Bytes::command(126, 0).longs(&[5]).words(&[0x800, 0x4000, 0]);
    let memory = head.words(&[1]).longs(&[1]).words(&[46]).longs(&[0]).words(&[0x40, 0x20]);
    let buffer = memory.words(&[1]).longs(&[1]).words(&[44]).longs(&[0]);
    let buffer = buffer.words(&[0x40, 0x2000, u32::MAX, u32::MAX]).longs(&[10, 0, u64::MAX]);
    buffer.words(&[0]).longs(&[0])
}

fn barrier2() -> Bytes {
    let head = Bytes::command(204, 0).longs(&[5]).longs(&[1]).words(&[1_000_314_003]).longs(&[0]).words(&[1]);
    let memory = head.words(&[1]).longs(&[1]).words(&[1_000_314_000]).longs(&[0]);
    memory.longs(&[0x800, 0x40, 0x1_0000_0000, 0x20]).words(&[0]).longs(&[0]).words(&[0]).longs(&[0])
}

#[test]
fn barriers_are_of_three_kinds() {
    let mut arena = arena();
    let (call, _) = decoded(&barrier().0, &mut arena);
    let memory: vk::MemoryBarrier = at(&arena, call.arg(5));
    let buffer: vk::BufferMemoryBarrier = at(&arena, call.arg(7));
    assert_eq!(call.arguments()[1..5], [0x800, 0x4000, 0, 1]);
    assert_eq!((memory.src_access_mask.bits(), memory.dst_access_mask.bits()), (0x40, 0x20));
    assert_eq!((raw(buffer.buffer), buffer.size), (HANDLE + 10, u64::MAX));
    assert_eq!(buffer.src_queue_family_index, u32::MAX);
    assert_eq!(call.arguments()[8..], [0, 0]);

    let (call, _) = decoded(&barrier2().0, &mut arena);
    let info: vk::DependencyInfo = at(&arena, call.arg(1));
    let memory: vk::MemoryBarrier2 = at(&arena, address(info.memory_barriers));
    assert_eq!(info.dependency_flags.bits(), 1);
    assert_eq!((memory.src_stage_mask.bits(), memory.dst_stage_mask.bits()), (0x800, 0x1_0000_0000));
    assert_eq!((memory.src_access_mask.bits(), memory.dst_access_mask.bits()), (0x40, 0x20));
}

fn submit2() -> Bytes {
    let head = Bytes::command(206, 1).longs(&[4]).words(&[1]).longs(&[1]).words(&[1_000_314_004]).longs(&[0]);
    let semaphore = |bytes: Bytes, of: [u64; 3]| {
        bytes.words(&[1]).longs(&[1]).words(&[1_000_314_005]).longs(&[0]).longs(&of).words(&[0])
    };
    let waits = semaphore(head.words(&[0]), [22, 41, 0x800]);
    let commands = waits.words(&[1]).longs(&[1]).words(&[1_000_314_006]).longs(&[0]).longs(&[5]).words(&[1]);
    semaphore(commands, [23, 42, 0x1_0000]).longs(&[20])
}

fn wait_for_fences() -> Bytes {
    Bytes::command(39, 1).longs(&[3]).words(&[2]).longs(&[2, 20, 21]).words(&[1]).longs(&[u64::MAX])
}

fn create_timeline() -> Bytes {
    let head = Bytes::command(40, 0).longs(&[3]).longs(&[1]).words(&[9]).longs(&[1]).words(&[1_000_207_002]);
    head.longs(&[0]).words(&[1]).longs(&[5]).words(&[0]).longs(&[0]).longs(&[1, 22])
}

fn wait_semaphores() -> Bytes {
    let head = Bytes::command(173, 1).longs(&[3]).longs(&[1]).words(&[1_000_207_004]).longs(&[0]);
    head.words(&[1, 2]).longs(&[2, 22, 23]).longs(&[2, 7, 8]).longs(&[1_000_000])
}

fn signal_semaphore() -> Bytes {
    let head = Bytes::command(174, 0).longs(&[3]).longs(&[1]).words(&[1_000_207_005]);
    head.longs(&[0]).longs(&[22, 9])
}

#[test]
fn who_waits_for_whom_is_told_to_the_value() {
    let mut arena = arena();
    let (call, asked) = decoded(&submit2().0, &mut arena);
    let submit: vk::SubmitInfo2 = at(&arena, call.arg(2));
    let wait: vk::SemaphoreSubmitInfo = at(&arena, address(submit.wait_semaphore_infos));
    let signal: vk::SemaphoreSubmitInfo = at(&arena, address(submit.signal_semaphore_infos));
    let commands: vk::CommandBufferSubmitInfo = at(&arena, address(submit.command_buffer_infos));
    assert_eq!((raw(wait.semaphore), wait.value, wait.stage_mask.bits()), (HANDLE + 22, 41, 0x800));
    assert_eq!((raw(signal.semaphore), signal.value), (HANDLE + 23, 42));
    assert_eq!(commands.device_mask, 1);
    assert_eq!(call.arg(3), HANDLE + 20);
    assert_eq!(asked.kinds()[2], (ObjectType::CommandBuffer, 5));

    let (call, _) = decoded(&wait_for_fences().0, &mut arena);
    assert_eq!(list::<u64>(&arena, call.arg(2), 2), [HANDLE + 20, HANDLE + 21]);
    assert_eq!(call.arguments()[3..], [1, u64::MAX]);

    let (call, _) = decoded(&create_timeline().0, &mut arena);
    let info: vk::SemaphoreCreateInfo = at(&arena, call.arg(1));
    let kind = find(&arena, address(info.next), vk::StructureType::SEMAPHORE_TYPE_CREATE_INFO).unwrap();
    let kind: vk::SemaphoreTypeCreateInfo = at(&arena, kind);
    assert_eq!((kind.semaphore_type, kind.initial_value), (vk::SemaphoreType::TIMELINE, 5));

    let (call, _) = decoded(&wait_semaphores().0, &mut arena);
    let info: vk::SemaphoreWaitInfo = at(&arena, call.arg(1));
    assert_eq!((info.flags, call.arg(2)), (vk::SemaphoreWaitFlags::ANY, 1_000_000));
    assert_eq!(list::<u64>(&arena, address(info.semaphores), 2), [HANDLE + 22, HANDLE + 23]);
    assert_eq!(list::<u64>(&arena, address(info.values), 2), [7, 8]);

    let (call, _) = decoded(&signal_semaphore().0, &mut arena);
    let info: vk::SemaphoreSignalInfo = at(&arena, call.arg(1));
    assert_eq!((raw(info.semaphore), info.value), (HANDLE + 22, 9));
}

fn create_query_pool() -> Bytes {
    let head = Bytes::command(47, 0).longs(&[3]).longs(&[1]).words(&[11]).longs(&[0]);
    head.words(&[0, 2, 2, 0]).longs(&[0]).longs(&[1, 30])
}

fn query_results() -> Bytes {
    Bytes::command(49, 1).longs(&[3, 30]).words(&[0, 2]).longs(&[16]).longs(&[16]).longs(&[8]).words(&[3])
}

fn counter_value() -> Bytes {
    Bytes::command(172, 1).longs(&[3, 22]).longs(&[1])
}

fn memory_requirements() -> Bytes {
    let head =
        Bytes::command(145, 1).longs(&[3]).longs(&[1]).words(&[1_000_146_000]).longs(&[0]).longs(&[10]);
    head.longs(&[1]).words(&[1_000_146_003]).longs(&[1]).words(&[1_000_127_000]).longs(&[0])
}

#[test]
fn results_come_back_as_the_driver_wrote_them() {
    let mut arena = arena();
    let mut out = Vec::new();
    let (call, _) = decoded(&query_results().0, &mut arena);
    arena.bytes_mut(call.arg(5), 16).unwrap().copy_from_slice(b"first...second..");
    encode_reply(&call, 1, &arena, &mut out);
    assert_eq!(out, Bytes::default().words(&[49, 1]).longs(&[16]).raw(b"first...second..").0);

    out.clear();
    let (call, _) = decoded(&counter_value().0, &mut arena);
    *arena.get_mut::<u64>(call.arg(2)).unwrap() = 77;
    encode_reply(&call, 0, &arena, &mut out);
    assert_eq!(out, Bytes::default().words(&[172, 0]).longs(&[1, 77]).0);

    out.clear();
    let (call, _) = decoded(&memory_requirements().0, &mut arena);
    let needed = arena.get_mut::<vk::MemoryRequirements2>(call.arg(2)).unwrap();
    needed.memory_requirements = vk::MemoryRequirements { size: 4096, alignment: 64, memory_type_bits: 3 };
    let next = address(needed.next);
    arena.get_mut::<vk::MemoryDedicatedRequirements>(next).unwrap().prefers_dedicated_allocation = 1;
    encode_reply(&call, 0, &arena, &mut out);
    let expected = Bytes::default().words(&[145]).longs(&[1]).words(&[1_000_146_003]);
    let expected = expected.longs(&[1]).words(&[1_000_127_000]).longs(&[0]).words(&[1, 0]);
    assert_eq!(out, expected.longs(&[4096, 64]).words(&[3]).0);
}

fn create_command_pool() -> Bytes {
    let head = Bytes::command(85, 0).longs(&[3]).longs(&[1]).words(&[39]).longs(&[0]);
    head.words(&[2, 1]).longs(&[0]).longs(&[1, 18])
}

fn free_command_buffers() -> Bytes {
    Bytes::command(89, 0).longs(&[3, 18]).words(&[3]).longs(&[3, 5, 0, 6])
}

#[test]
fn what_is_freed_may_be_nothing() {
    let mut arena = arena();
    let (call, asked) = decoded(&free_command_buffers().0, &mut arena);

    assert_eq!(list::<u64>(&arena, call.arg(3), 3), [HANDLE + 5, 0, HANDLE + 6]);
    assert_eq!(asked.kinds()[2..], [(ObjectType::CommandBuffer, 5), (ObjectType::CommandBuffer, 6)]);
}

pub(super) fn all() -> Vec<Bytes> {
    let mut all =
        vec![create_device(), get_queue(), create_buffer(), allocate_memory(), bind_buffer_memory()];
    all.extend([create_set_layout(), create_pipeline_layout(), create_descriptor_pool(), allocate_sets()]);
    all.extend([create_pipelines(), create_pipeline_cache(), begin_command_buffer(), copy_buffer()]);
    all.extend([copy_buffer2(), update_buffer(), barrier(), barrier2(), submit2(), wait_for_fences()]);
    all.extend([create_timeline(), wait_semaphores(), signal_semaphore(), create_query_pool()]);
    all.extend([query_results(), counter_value(), memory_requirements(), create_command_pool()]);
    all.push(free_command_buffers());
    all.extend(recorded().into_iter().map(|(bytes, _)| bytes));
    all
}
