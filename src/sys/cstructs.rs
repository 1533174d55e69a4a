//! The structures of Vulkan that may lie in an [`Arena`](super::Arena), or be handed to a driver.

use vulkanalia_sys as vk;

use super::CStruct;

macro_rules! structures {
    ($($name:ty),+ $(,)?) => {
        // SAFETY: `repr(C)` structures of integers, floats, handles, raw pointers and functions that may be NULL.
        $(unsafe impl CStruct for $name {})+
    };
}

structures! {
    u8, u32, i32, u64, i64, f32, [u64; 64],
    vk::ApplicationInfo,
    vk::DeviceCreateInfo,
    vk::DeviceQueueCreateInfo,
    vk::ExtensionProperties,
    vk::LayerProperties,
    vk::PhysicalDeviceExternalImageFormatInfo,
    vk::PhysicalDeviceGroupProperties,
    vk::PhysicalDeviceVulkan14Features,
    vk::PipelineCacheCreateInfo,
    vk::QueueFamilyProperties,
    vk::InstanceCreateInfo,
    vk::PhysicalDeviceProperties,
}
