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

// Memory, resources, submissions.
structures! {
    vk::BindBufferMemoryInfo,
    vk::BindImageMemoryInfo,
    vk::BindImagePlaneMemoryInfo,
    vk::BindSparseInfo,
    vk::BufferCopy,
    vk::BufferCreateInfo,
    vk::BufferDeviceAddressCreateInfoEXT,
    vk::BufferMemoryRequirementsInfo2,
    vk::BufferOpaqueCaptureAddressCreateInfo,
    vk::CommandBufferAllocateInfo,
    vk::CommandBufferBeginInfo,
    vk::CommandBufferSubmitInfo,
    vk::CommandPoolCreateInfo,
    vk::DeviceBufferMemoryRequirements,
    vk::DeviceImageMemoryRequirements,
    vk::DeviceQueueInfo2,
    vk::ExternalBufferProperties,
    vk::ExternalMemoryBufferCreateInfo,
    vk::ExternalMemoryImageCreateInfo,
    vk::FenceCreateInfo,
    vk::ImageCreateInfo,
    vk::ImageMemoryRequirementsInfo2,
    vk::ImagePlaneMemoryRequirementsInfo,
    vk::ImportMemoryHostPointerInfoEXT,
    vk::MemoryAllocateInfo,
    vk::MemoryDedicatedAllocateInfo,
    vk::MemoryOpaqueCaptureAddressAllocateInfo,
    vk::MemoryRequirements,
    vk::MemoryRequirements2,
    vk::PhysicalDeviceExternalBufferInfo,
    vk::PhysicalDeviceExternalMemoryHostPropertiesEXT,
    vk::PhysicalDeviceMemoryBudgetPropertiesEXT,
    vk::PhysicalDeviceMemoryProperties,
    vk::PhysicalDeviceMemoryProperties2,
    vk::PhysicalDeviceProperties2,
    [vk::QueueFamilyProperties; 16],
    vk::PhysicalDeviceTimelineSemaphoreFeatures,
    vk::PhysicalDeviceVulkan12Features,
    vk::SemaphoreCreateInfo,
    vk::SemaphoreSignalInfo,
    vk::SemaphoreSubmitInfo,
    vk::SemaphoreTypeCreateInfo,
    vk::SemaphoreWaitInfo,
    vk::SubmitInfo,
    vk::SubmitInfo2,
    vk::TimelineSemaphoreSubmitInfo,
}

// Of descriptors, queries and pools.
structures! {
    vk::CopyDescriptorSet,
    vk::DescriptorBindingFlags,
    vk::DescriptorBufferInfo,
    vk::DescriptorImageInfo,
    vk::DescriptorPoolCreateInfo,
    vk::DescriptorSetAllocateInfo,
    vk::DescriptorSetLayoutBinding,
    vk::DescriptorSetLayoutBindingFlagsCreateInfo,
    vk::DescriptorSetLayoutCreateInfo,
    vk::DescriptorSetVariableDescriptorCountAllocateInfo,
    vk::PipelineLayoutCreateInfo,
    vk::PushConstantRange,
    vk::QueryPoolCreateInfo,
    vk::WriteDescriptorSet,
    vk::WriteDescriptorSetInlineUniformBlock,
}
