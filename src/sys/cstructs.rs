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
    vk::BindDescriptorSetsInfo,
    vk::BufferCopy,
    vk::BufferCopy2,
    vk::CommandBufferAllocateInfo,
    vk::CommandBufferBeginInfo,
    vk::CommandPoolCreateInfo,
    vk::ComputePipelineCreateInfo,
    vk::CopyBufferInfo2,
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
    vk::DeviceCreateInfo,
    vk::DeviceQueueCreateInfo,
    vk::ExtensionProperties,
    vk::GraphicsPipelineCreateInfo,
    vk::InstanceCreateInfo,
    vk::LayerProperties,
    vk::PhysicalDeviceExternalImageFormatInfo,
    vk::PhysicalDeviceGroupProperties,
    vk::PhysicalDeviceProperties,
    vk::PhysicalDeviceVulkan14Features,
    vk::PipelineCacheCreateInfo,
    vk::PipelineLayoutCreateInfo,
    vk::PipelineShaderStageCreateInfo,
    vk::PushConstantRange,
    vk::PushConstantsInfo,
    vk::PushDescriptorSetInfo,
    vk::QueryPoolCreateInfo,
    vk::QueueFamilyProperties,
    vk::ShaderModuleCreateInfo,
    vk::SpecializationInfo,
    vk::SpecializationMapEntry,
    vk::WriteDescriptorSet,
    vk::WriteDescriptorSetInlineUniformBlock,
}
