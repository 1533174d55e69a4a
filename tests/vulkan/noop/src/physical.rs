//! What the device says of itself.

use std::ffi::{c_char, c_void};

use ash::vk;

use crate::device::QUEUES_MAX;
use crate::{Function, answer_list, commands, dispatchable, extension, priority};

pub const VERSION: u32 = vk::API_VERSION_1_2;

pub fn commands() -> &'static [(&'static str, Function)] {
    commands! {
        "vkEnumeratePhysicalDevices" => enumerate_physical_devices,
        "vkEnumeratePhysicalDeviceGroups" => enumerate_groups,
        "vkEnumeratePhysicalDeviceGroupsKHR" => enumerate_groups,
        "vkEnumerateDeviceExtensionProperties" => enumerate_extensions,
        "vkEnumerateDeviceLayerProperties" => enumerate_layers,
        "vkGetPhysicalDeviceProperties" => properties,
        "vkGetPhysicalDeviceProperties2" => properties2,
        "vkGetPhysicalDeviceProperties2KHR" => properties2,
        "vkGetPhysicalDeviceFeatures" => features,
        "vkGetPhysicalDeviceFeatures2" => features2,
        "vkGetPhysicalDeviceFeatures2KHR" => features2,
        "vkGetPhysicalDeviceQueueFamilyProperties" => families,
        "vkGetPhysicalDeviceQueueFamilyProperties2" => families2,
        "vkGetPhysicalDeviceQueueFamilyProperties2KHR" => families2,
        "vkGetPhysicalDeviceMemoryProperties" => memory,
        "vkGetPhysicalDeviceMemoryProperties2" => memory2,
        "vkGetPhysicalDeviceMemoryProperties2KHR" => memory2,
        "vkGetPhysicalDeviceExternalBufferProperties" => external_buffer,
        "vkGetPhysicalDeviceExternalBufferPropertiesKHR" => external_buffer,
        "vkGetPhysicalDeviceSparseImageFormatProperties" => none_of_these,
        "vkCreateDevice" => create_device,
    }
}

unsafe extern "system" fn enumerate_physical_devices(
    _: *mut c_void,
    count: *mut u32,
    places: *mut vk::PhysicalDevice,
) -> vk::Result {
    static DEVICE: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    let device = *DEVICE.get_or_init(|| dispatchable::<c_void>() as usize);
    answer_list(&[vk::Handle::from_raw(device as u64)], count, places)
}

unsafe extern "system" fn enumerate_groups(
    instance: *mut c_void,
    count: *mut u32,
    places: *mut vk::PhysicalDeviceGroupProperties<'static>,
) -> vk::Result {
    if let Some(group) = places.as_mut() {
        group.physical_device_count = 1;
        _ = enumerate_physical_devices(instance, &mut 1, group.physical_devices.as_mut_ptr());
    }
    *count = 1;
    vk::Result::SUCCESS
}

unsafe extern "system" fn enumerate_extensions(
    _: *mut c_void,
    _: *const c_char,
    count: *mut u32,
    places: *mut vk::ExtensionProperties,
) -> vk::Result {
    let names = [
        "VK_KHR_external_memory",
        "VK_KHR_external_memory_fd",
        "VK_EXT_external_memory_host",
        "VK_EXT_external_memory_dma_buf",
        "VK_KHR_external_fence",
        "VK_KHR_external_fence_fd",
        "VK_KHR_external_semaphore",
        "VK_KHR_external_semaphore_fd",
        "VK_KHR_timeline_semaphore",
        "VK_KHR_dynamic_rendering",
        "VK_EXT_memory_budget",
        "VK_KHR_global_priority",
    ];
    answer_list(&names.map(extension), count, places)
}

unsafe extern "system" fn enumerate_layers(_: *mut c_void, count: *mut u32, _: *mut c_void) -> vk::Result {
    *count = 0;
    vk::Result::SUCCESS
}

unsafe extern "system" fn properties(_: *mut c_void, place: *mut vk::PhysicalDeviceProperties) {
    let mut limits = vk::PhysicalDeviceLimits {
        max_image_dimension2_d: 16384,
        max_memory_allocation_count: 1 << 20,
        max_bound_descriptor_sets: 8,
        max_push_constants_size: 256,
        max_storage_buffer_range: 1 << 30,
        max_uniform_buffer_range: 1 << 16,
        max_compute_work_group_count: [65535; 3],
        max_compute_work_group_size: [1024; 3],
        max_compute_work_group_invocations: 1024,
        max_compute_shared_memory_size: 49152,
        max_per_stage_resources: 1 << 20,
        max_per_stage_descriptor_storage_buffers: 1 << 20,
        max_descriptor_set_storage_buffers: 1 << 20,
        min_memory_map_alignment: 4096,
        non_coherent_atom_size: 64,
        buffer_image_granularity: 1,
        timestamp_period: 1.0,
        ..Default::default()
    };
    limits.min_storage_buffer_offset_alignment = 16;
    limits.min_uniform_buffer_offset_alignment = 16;
    limits.min_texel_buffer_offset_alignment = 16;
    limits.optimal_buffer_copy_offset_alignment = 1;
    limits.optimal_buffer_copy_row_pitch_alignment = 1;
    let mut properties = vk::PhysicalDeviceProperties {
        api_version: VERSION,
        driver_version: 1,
        vendor_id: 0x1_0005,
        device_type: vk::PhysicalDeviceType::VIRTUAL_GPU,
        limits,
        ..Default::default()
    };
    for (place, byte) in properties.device_name.iter_mut().zip(*b"no-op") {
        *place = byte as c_char;
    }
    *place = properties;
}

unsafe extern "system" fn properties2(
    device: *mut c_void,
    place: *mut vk::PhysicalDeviceProperties2<'static>,
) {
    properties(device, &mut (*place).properties);
    for_each((*place).p_next, |kind, at| match kind {
        vk::StructureType::PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT => {
            (*at.cast::<vk::PhysicalDeviceExternalMemoryHostPropertiesEXT<'_>>())
                .min_imported_host_pointer_alignment = 4096;
        }
        vk::StructureType::PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_PROPERTIES => {
            (*at.cast::<vk::PhysicalDeviceTimelineSemaphoreProperties<'_>>())
                .max_timeline_semaphore_value_difference = u64::MAX;
        }
        vk::StructureType::PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES => {
            (*at.cast::<vk::PhysicalDeviceVulkan12Properties<'_>>())
                .max_timeline_semaphore_value_difference = u64::MAX;
        }
        vk::StructureType::PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES => {
            let eleven = &mut *at.cast::<vk::PhysicalDeviceVulkan11Properties<'_>>();
            eleven.max_memory_allocation_size = 1 << 40;
            eleven.subgroup_size = 32;
        }
        vk::StructureType::PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES => {
            (*at.cast::<vk::PhysicalDeviceMaintenance3Properties<'_>>()).max_memory_allocation_size = 1 << 40;
        }
        _ => {}
    });
}

/// Calls for every structure of a chain that is to be filled in.
unsafe fn for_each(mut next: *mut c_void, call: impl Fn(vk::StructureType, *mut c_void)) {
    while let Some(base) = next.cast::<vk::BaseOutStructure<'_>>().as_ref() {
        call(base.s_type, next);
        next = base.p_next.cast();
    }
}

unsafe extern "system" fn features(_: *mut c_void, place: *mut vk::PhysicalDeviceFeatures) {
    *place = vk::PhysicalDeviceFeatures::default();
}

unsafe extern "system" fn features2(device: *mut c_void, place: *mut vk::PhysicalDeviceFeatures2<'static>) {
    features(device, &mut (*place).features);
    for_each((*place).p_next, |kind, at| match kind {
        vk::StructureType::PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES => {
            (*at.cast::<vk::PhysicalDeviceTimelineSemaphoreFeatures<'_>>()).timeline_semaphore = vk::TRUE;
        }
        vk::StructureType::PHYSICAL_DEVICE_VULKAN_1_2_FEATURES => {
            (*at.cast::<vk::PhysicalDeviceVulkan12Features<'_>>()).timeline_semaphore = vk::TRUE;
        }
        vk::StructureType::PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES => {
            (*at.cast::<vk::PhysicalDeviceDynamicRenderingFeatures<'_>>()).dynamic_rendering = vk::TRUE;
        }
        _ => {}
    });
}

fn family() -> vk::QueueFamilyProperties {
    let everything = vk::QueueFlags::GRAPHICS | vk::QueueFlags::COMPUTE | vk::QueueFlags::TRANSFER;
    let grain = vk::Extent3D { width: 1, height: 1, depth: 1 };
    vk::QueueFamilyProperties::default()
        .queue_flags(everything)
        .queue_count(QUEUES_MAX as u32)
        .timestamp_valid_bits(64)
        .min_image_transfer_granularity(grain)
}

unsafe extern "system" fn families(_: *mut c_void, count: *mut u32, places: *mut vk::QueueFamilyProperties) {
    _ = answer_list(&[family()], count, places);
}

unsafe extern "system" fn families2(
    _: *mut c_void,
    count: *mut u32,
    places: *mut vk::QueueFamilyProperties2<'static>,
) {
    if let Some(place) = places.as_mut() {
        place.queue_family_properties = family();
    }
    *count = 1;
}

unsafe extern "system" fn memory(_: *mut c_void, place: *mut vk::PhysicalDeviceMemoryProperties) {
    let mut memory = vk::PhysicalDeviceMemoryProperties {
        memory_type_count: 2,
        memory_heap_count: 1,
        ..Default::default()
    };
    let visible = vk::MemoryPropertyFlags::HOST_VISIBLE | vk::MemoryPropertyFlags::HOST_COHERENT;
    memory.memory_types[0].property_flags = vk::MemoryPropertyFlags::DEVICE_LOCAL;
    memory.memory_types[1].property_flags = visible | vk::MemoryPropertyFlags::HOST_CACHED;
    memory.memory_heaps[0] = vk::MemoryHeap { size: 1 << 36, flags: vk::MemoryHeapFlags::DEVICE_LOCAL };
    *place = memory;
}

unsafe extern "system" fn memory2(
    device: *mut c_void,
    place: *mut vk::PhysicalDeviceMemoryProperties2<'static>,
) {
    memory(device, &mut (*place).memory_properties);
    for_each((*place).p_next, |kind, at| {
        if kind == vk::StructureType::PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT {
            let budget = &mut *at.cast::<vk::PhysicalDeviceMemoryBudgetPropertiesEXT<'_>>();
            (budget.heap_budget[0], budget.heap_usage[0]) = (1 << 36, 48 << 20);
        }
    });
}

unsafe extern "system" fn external_buffer(
    _: *mut c_void,
    info: *const vk::PhysicalDeviceExternalBufferInfo<'static>,
    place: *mut vk::ExternalBufferProperties<'static>,
) {
    let handle = (*info).handle_type;
    (*place).external_memory_properties = vk::ExternalMemoryProperties {
        external_memory_features: vk::ExternalMemoryFeatureFlags::IMPORTABLE
            | vk::ExternalMemoryFeatureFlags::EXPORTABLE,
        export_from_imported_handle_types: handle,
        compatible_handle_types: handle,
    };
}

unsafe extern "system" fn none_of_these(
    _: *mut c_void,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
    count: *mut u32,
    _: *mut c_void,
) {
    *count = 0;
}

unsafe extern "system" fn create_device(
    _: *mut c_void,
    info: *const vk::DeviceCreateInfo<'static>,
    _: *const c_void,
    device: *mut *mut c_void,
) -> vk::Result {
    if let Err(refusal) = priority::grant(&*info) {
        return refusal;
    }
    *device = dispatchable();
    vk::Result::SUCCESS
}
