//! Objects that are numbers, and the few answers that whoever makes them needs.

use std::alloc::{Layout, alloc_zeroed};
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ash::vk;

use crate::{Function, commands, dispatchable};

pub fn commands() -> &'static [(&'static str, Function)] {
    commands! {
        "vkGetDeviceQueue" => get_queue,
        "vkGetDeviceQueue2" => get_queue2,
        "vkAllocateCommandBuffers" => allocate_command_buffers,
        "vkAllocateDescriptorSets" => allocate_descriptor_sets,
        "vkAllocateMemory" => allocate,
        "vkBindBufferMemory" => bind,
        "vkCmdFillBuffer" => fill,
        "vkMapMemory" => map,
        "vkGetBufferMemoryRequirements" => requirements,
        "vkGetBufferMemoryRequirements2" => requirements2,
        "vkGetBufferMemoryRequirements2KHR" => requirements2,
        "vkGetImageMemoryRequirements" => requirements,
        "vkGetImageMemoryRequirements2" => requirements2,
        "vkGetImageMemoryRequirements2KHR" => requirements2,
        "vkGetDeviceBufferMemoryRequirements" => requirements2,
        "vkGetMemoryHostPointerPropertiesEXT" => host_pointer,
        "vkGetMemoryFdPropertiesKHR" => host_pointer,
        "vkGetPipelineCacheData" => no_data,
        "vkCreateGraphicsPipelines" => create_pipelines,
        "vkCreateComputePipelines" => create_pipelines,
        "vkCreateBuffer" => create_buffer,
        "vkCreateBufferView" => create,
        "vkCreateCommandPool" => create,
        "vkCreateDescriptorPool" => create,
        "vkCreateDescriptorSetLayout" => create,
        "vkCreateDescriptorUpdateTemplate" => create,
        "vkCreateEvent" => create,
        "vkCreateFence" => create,
        "vkCreateFramebuffer" => create,
        "vkCreateImage" => create,
        "vkCreateImageView" => create,
        "vkCreatePipelineCache" => create,
        "vkCreatePipelineLayout" => create,
        "vkCreateQueryPool" => create,
        "vkCreateRenderPass" => create,
        "vkCreateRenderPass2" => create,
        "vkCreateSampler" => create,
        "vkCreateShaderModule" => create,
    }
}

/// Queues of the only family.
pub const QUEUES_MAX: usize = 2;

/// A number that no object had before.
fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0x1000);
    NEXT.fetch_add(0x10, Ordering::Relaxed)
}

unsafe extern "system" fn create(
    _: *mut c_void,
    _: *const c_void,
    _: *const c_void,
    place: *mut u64,
) -> vk::Result {
    *place = fresh();
    vk::Result::SUCCESS
}

/// Imported memory by its number, and buffers by theirs: where they lie, and how many bytes they have. It is all that
/// is ever written, for whoever tries the device out before the work starts.
static PLACES: Mutex<Option<HashMap<u64, (usize, u64)>>> = Mutex::new(None);

fn place(number: u64) -> Option<(usize, u64)> {
    PLACES.lock().ok()?.as_ref()?.get(&number).copied()
}

fn set_place(number: u64, place: (usize, u64)) {
    if let Ok(mut places) = PLACES.lock() {
        places.get_or_insert_default().insert(number, place);
    }
}

unsafe extern "system" fn allocate(
    device: *mut c_void,
    info: *const vk::MemoryAllocateInfo<'static>,
    allocator: *const c_void,
    memory: *mut u64,
) -> vk::Result {
    _ = create(device, info.cast(), allocator, memory);
    let mut next = (*info).p_next.cast::<vk::BaseInStructure<'_>>();
    while let Some(base) = next.as_ref() {
        if base.s_type == vk::StructureType::IMPORT_MEMORY_HOST_POINTER_INFO_EXT {
            let import = &*next.cast::<vk::ImportMemoryHostPointerInfoEXT<'_>>();
            set_place(*memory, (import.p_host_pointer as usize, (*info).allocation_size));
        }
        next = base.p_next;
    }
    vk::Result::SUCCESS
}

unsafe extern "system" fn create_buffer(
    device: *mut c_void,
    info: *const vk::BufferCreateInfo<'static>,
    allocator: *const c_void,
    buffer: *mut u64,
) -> vk::Result {
    _ = create(device, info.cast(), allocator, buffer);
    set_place(*buffer, (0, (*info).size));
    vk::Result::SUCCESS
}

unsafe extern "system" fn bind(_: *mut c_void, buffer: u64, memory: u64, offset: u64) -> vk::Result {
    if let (Some((_, bytes)), Some((start, room))) = (place(buffer), place(memory)) {
        set_place(buffer, (start + offset as usize, bytes.min(room - offset)));
    }
    vk::Result::SUCCESS
}

/// At once, not when it is submitted; in imported memory alone.
unsafe extern "system" fn fill(_: *mut c_void, buffer: u64, offset: u64, bytes: u64, word: u32) {
    if let Some((start @ 1.., room)) = place(buffer) {
        let words = bytes.min(room.saturating_sub(offset)) / 4;
        let first = (start + offset as usize) as *mut u32;
        (0..words as usize).for_each(|index| first.add(index).write_volatile(word));
    }
}

unsafe extern "system" fn create_pipelines(
    _: *mut c_void,
    _: u64,
    count: u32,
    _: *const c_void,
    _: *const c_void,
    places: *mut u64,
) -> vk::Result {
    (0..count as usize).for_each(|index| *places.add(index) = fresh());
    vk::Result::SUCCESS
}

unsafe extern "system" fn get_queue(_: *mut c_void, _: u32, index: u32, place: *mut *mut c_void) {
    static QUEUES: std::sync::OnceLock<[usize; QUEUES_MAX]> = std::sync::OnceLock::new();
    let queues = QUEUES.get_or_init(|| std::array::from_fn(|_| dispatchable::<c_void>() as usize));
    *place = queues.get(index as usize).map_or(std::ptr::null_mut(), |queue| *queue as *mut c_void);
}

unsafe extern "system" fn get_queue2(
    device: *mut c_void,
    info: *const vk::DeviceQueueInfo2<'static>,
    place: *mut *mut c_void,
) {
    get_queue(device, 0, (*info).queue_index, place);
}

unsafe extern "system" fn allocate_command_buffers(
    _: *mut c_void,
    info: *const vk::CommandBufferAllocateInfo<'static>,
    places: *mut *mut c_void,
) -> vk::Result {
    (0..(*info).command_buffer_count as usize).for_each(|index| *places.add(index) = dispatchable());
    vk::Result::SUCCESS
}

unsafe extern "system" fn allocate_descriptor_sets(
    _: *mut c_void,
    info: *const vk::DescriptorSetAllocateInfo<'static>,
    places: *mut u64,
) -> vk::Result {
    (0..(*info).descriptor_set_count as usize).for_each(|index| *places.add(index) = fresh());
    vk::Result::SUCCESS
}

/// Memory of 64 KiB, whatever was asked for: nobody who measures looks further.
unsafe extern "system" fn map(
    _: *mut c_void,
    _: u64,
    _: u64,
    _: u64,
    _: u32,
    place: *mut *mut c_void,
) -> vk::Result {
    *place = Layout::from_size_align(1 << 16, 4096)
        .map_or(std::ptr::null_mut(), |layout| alloc_zeroed(layout))
        .cast();
    vk::Result::SUCCESS
}

unsafe extern "system" fn requirements(_: *mut c_void, _: u64, place: *mut vk::MemoryRequirements) {
    *place = vk::MemoryRequirements { size: 1 << 16, alignment: 4096, memory_type_bits: 3 };
}

unsafe extern "system" fn requirements2(
    device: *mut c_void,
    _: *const c_void,
    place: *mut vk::MemoryRequirements2<'static>,
) {
    requirements(device, 0, &mut (*place).memory_requirements);
}

unsafe extern "system" fn host_pointer(
    _: *mut c_void,
    _: u32,
    _: *const c_void,
    place: *mut vk::MemoryHostPointerPropertiesEXT<'static>,
) -> vk::Result {
    (*place).memory_type_bits = 2;
    vk::Result::SUCCESS
}

unsafe extern "system" fn no_data(_: *mut c_void, _: u64, size: *mut usize, _: *mut c_void) -> vk::Result {
    *size = 0;
    vk::Result::SUCCESS
}
