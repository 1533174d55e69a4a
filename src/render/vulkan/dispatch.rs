//! Which code carries a command out. What has no arm here is not offered to guests.

use super::reason::Reason;
use super::turn::{Outcome, Turn};
use super::{
    caches, command_pools, descriptors, device, dma_buf, images, instance, memory, physical_device,
    pipelines, queries, queue, recording, resources, shaders, simple, sync,
};
use crate::venus::{CommandType, ObjectType};

/// Carries one command out.
pub(super) fn dispatch(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    use CommandType as C;
    let command = turn.command();
    match command {
        C::CreateInstance => instance::create(turn),
        C::DestroyInstance => instance::destroy(turn),
        C::EnumerateInstanceVersion => instance::version(turn),
        C::EnumerateInstanceExtensionProperties => instance::instance_extensions(turn),
        C::EnumerateInstanceLayerProperties => instance::nothing(turn, 0),
        C::EnumeratePhysicalDevices => instance::physical_devices(turn),
        C::EnumeratePhysicalDeviceGroups => instance::groups(turn),
        C::EnumerateDeviceExtensionProperties => instance::device_extensions(turn),
        C::EnumerateDeviceLayerProperties | C::GetPhysicalDeviceToolProperties => instance::nothing(turn, 1),

        C::GetPhysicalDeviceProperties => physical_device::properties(turn),
        C::GetPhysicalDeviceProperties2 => physical_device::properties2(turn),
        C::GetPhysicalDeviceFeatures => physical_device::features(turn),
        C::GetPhysicalDeviceFeatures2 => physical_device::features2(turn),
        C::GetPhysicalDeviceQueueFamilyProperties | C::GetPhysicalDeviceQueueFamilyProperties2 => {
            physical_device::queue_families(turn)
        }
        C::GetPhysicalDeviceFormatProperties2 => dma_buf::format_properties2(turn),
        C::GetPhysicalDeviceImageFormatProperties2 => dma_buf::image_format2(turn),
        C::GetPhysicalDeviceExternalSemaphoreProperties => physical_device::external_semaphores(turn),
        C::GetPhysicalDeviceExternalBufferProperties => dma_buf::external_buffers(turn),
        C::GetPhysicalDeviceExternalFenceProperties => Ok(physical_device::external()),
        C::GetPhysicalDeviceFormatProperties
        | C::GetPhysicalDeviceImageFormatProperties
        | C::GetPhysicalDeviceSparseImageFormatProperties
        | C::GetPhysicalDeviceSparseImageFormatProperties2
        | C::GetPhysicalDeviceFragmentShadingRatesKHR
        | C::GetPhysicalDeviceMultisamplePropertiesEXT
        | C::GetPhysicalDeviceCooperativeMatrixPropertiesKHR
        | C::GetPhysicalDeviceCalibrateableTimeDomainsKHR => physical_device::query(turn),
        C::CreateDevice => device::create(turn),
        C::DestroyDevice => device::destroy(turn),

        _ => on_device(turn),
    }
}

/// Commands of a device: what it makes, records and submits.
#[inline(always)]
fn on_device(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    use CommandType as C;
    let command = turn.command();
    match command {
        C::CreateCommandPool => command_pools::create(turn),
        C::ResetCommandPool => command_pools::reset(turn),
        C::TrimCommandPool => turn.pass().map(Outcome::Done),
        C::DestroyCommandPool | C::DestroyDescriptorPool => turn.destroy_pool(),
        C::AllocateCommandBuffers => command_pools::allocate(turn),
        C::FreeCommandBuffers => turn.free(ObjectType::CommandBuffer),

        C::CreateDescriptorSetLayout => descriptors::create_layout(turn),
        C::GetDescriptorSetLayoutSupport => descriptors::layout_support(turn),
        C::CreatePipelineLayout => descriptors::create_pipeline_layout(turn),
        C::CreateDescriptorPool => descriptors::create_pool(turn),
        C::ResetDescriptorPool => descriptors::reset_pool(turn),
        C::AllocateDescriptorSets => descriptors::allocate(turn),
        C::FreeDescriptorSets => descriptors::free(turn),
        C::UpdateDescriptorSets => resources::check_bound(turn).and_then(|()| descriptors::update(turn)),

        C::CreateShaderModule => shaders::create(turn),
        C::CreateComputePipelines => pipelines::create_compute(turn),
        C::CreateGraphicsPipelines => pipelines::create_graphics(turn),

        C::CreateQueryPool => queries::create(turn),
        C::ResetQueryPool => queries::reset(turn),
        C::GetQueryPoolResults => queries::results(turn),

        C::CreatePipelineCache => caches::create(turn),
        C::GetPipelineCacheData => caches::data(turn),
        C::MergePipelineCaches => turn.pass().map(Outcome::Done),

        C::BeginCommandBuffer => recording::begin(turn),
        C::EndCommandBuffer => recording::end(turn),
        C::ResetCommandBuffer => recording::reset(turn),

        // Of these no parameter can be wrong that was decoded.
        C::GetEventStatus
        | C::SetEvent
        | C::ResetEvent
        | C::SetPrivateData
        | C::GetPrivateData
        | C::GetRenderAreaGranularity
        | C::GetRenderingAreaGranularity
        | C::GetCalibratedTimestampsKHR
        | C::GetImageSparseMemoryRequirements
        | C::GetImageSparseMemoryRequirements2 => turn.pass().map(Outcome::Done),
        // A device alone has no peers.
        C::GetDeviceGroupPeerMemoryFeatures => Ok(Outcome::Done(0)),
        _ => of_memory(turn),
    }
}

/// Memory, what lies in it, queues, and what they wait for; then what needs no thought.
#[inline(always)]
fn of_memory(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    use CommandType as C;
    let command = turn.command();
    match command {
        C::GetPhysicalDeviceMemoryProperties | C::GetPhysicalDeviceMemoryProperties2 => {
            memory::properties(turn)
        }
        C::AllocateMemory => memory::allocate(turn),
        C::FreeMemory => turn.destroy(),
        C::GetDeviceMemoryCommitment => memory::commitment(turn),
        C::GetMemoryResourcePropertiesMESA => Ok(memory::resource_properties(turn)),
        C::GetDeviceMemoryOpaqueCaptureAddress | C::GetBufferOpaqueCaptureAddress => {
            Ok(resources::no_capture_address())
        }
        C::CreateBuffer => resources::create_buffer(turn),
        C::CreateImage => resources::create_image(turn),
        C::GetBufferMemoryRequirements | C::GetImageMemoryRequirements => resources::requirements(turn),
        C::GetBufferMemoryRequirements2 | C::GetImageMemoryRequirements2 => resources::requirements2(turn),
        C::GetDeviceBufferMemoryRequirements => resources::device_buffer_requirements(turn),
        C::GetDeviceImageSparseMemoryRequirements => resources::device_sparse_requirements(turn),
        C::GetDeviceImageMemoryRequirements => resources::device_image_requirements(turn),
        C::BindBufferMemory | C::BindImageMemory => resources::bind(turn),
        C::BindBufferMemory2 | C::BindImageMemory2 => resources::bind2(turn),
        C::GetImageDrmFormatModifierPropertiesEXT => dma_buf::modifier(turn),
        C::GetBufferDeviceAddress => resources::device_address(turn),
        C::GetImageSubresourceLayout | C::GetImageSubresourceLayout2 => resources::subresource_layout(turn),
        C::GetDeviceImageSubresourceLayout => resources::device_subresource_layout(turn),

        C::GetDeviceQueue | C::GetDeviceQueue2 => queue::get(turn),
        C::QueueSubmit | C::QueueSubmit2 => queue::submit(turn),
        C::QueueWaitIdle | C::DeviceWaitIdle => queue::wait_idle(turn),
        C::CreateFence => sync::create_fence(turn),
        C::GetFenceStatus => sync::fence_status(turn),
        C::ResetFences => sync::reset_fences(turn),
        C::WaitForFences => sync::wait_for_fences(turn),
        C::ResetFenceResourceMESA => sync::reset_resource(turn),
        C::CreateSemaphore => sync::create_semaphore(turn),
        C::GetSemaphoreCounterValue => sync::semaphore_value(turn),
        C::WaitSemaphores => sync::wait_semaphores(turn),
        C::SignalSemaphore => sync::signal_semaphore(turn),
        C::WaitSemaphoreResourceMESA => sync::wait_resource(turn),
        C::ImportSemaphoreResourceMESA => sync::import_resource(turn),

        C::CreateImageView => images::check_view(turn).and_then(|()| simple::create_any(turn)),
        C::CreateBufferView => images::check_buffer_view(turn).and_then(|()| simple::create_any(turn)),

        _ if simple::destroys(command) => turn.destroy(),
        _ => simple::create_any(turn),
    }
}
