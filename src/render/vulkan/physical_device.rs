//! What guests learn of the GPU: the driver's own words, but for what they cannot have.

use std::sync::Arc;

use vulkanalia_sys as vk;

use super::gpu::Gpu;
use super::memory::ALLOCATIONS_MAX;
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::sys::{Address, CStruct};
use crate::venus::{self, CommandType};

/// A query that the driver answers by itself, if it has the extension that the query belongs to.
pub(super) fn query(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let extensions = &turn.state.gpu.extensions;
    if needs(turn.command()).is_some_and(|names| !names.iter().any(|name| extensions.host_has(name))) {
        return Err(Reason::NotOffered(turn.command()));
    }
    turn.pass().map(Outcome::Done)
}

/// The loader has functions for these whether or not the driver does.
fn needs(command: CommandType) -> Option<&'static [&'static str]> {
    use CommandType as C;
    Some(match command {
        C::GetPhysicalDeviceFragmentShadingRatesKHR => &["VK_KHR_fragment_shading_rate"],
        C::GetPhysicalDeviceMultisamplePropertiesEXT => &["VK_EXT_sample_locations"],
        C::GetPhysicalDeviceCooperativeMatrixPropertiesKHR => &["VK_KHR_cooperative_matrix"],
        C::GetPhysicalDeviceCalibrateableTimeDomainsKHR => {
            &["VK_KHR_calibrated_timestamps", "VK_EXT_calibrated_timestamps"]
        }
        _ => return None,
    })
}

/// vkGetPhysicalDeviceProperties.
pub(super) fn properties(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let returned = query(turn)?;
    mask_properties(turn, turn.call.arg(1))?;
    Ok(returned)
}

/// vkGetPhysicalDeviceProperties2.
pub(super) fn properties2(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let returned = query(turn)?;
    let inner = std::mem::offset_of!(vk::PhysicalDeviceProperties2, properties) as u64;
    mask_properties(turn, turn.call.arg(1) + inner)?;
    Ok(returned)
}

fn mask_properties(turn: &mut Turn<'_>, at: Address) -> Result<(), Reason> {
    let gpu = Arc::clone(&turn.state.gpu);
    change(turn, at, |properties: &mut vk::PhysicalDeviceProperties| {
        properties.api_version = gpu.api_version().min(properties.api_version);
        let allocations = u32::try_from(ALLOCATIONS_MAX).unwrap_or(u32::MAX);
        properties.limits.max_memory_allocation_count =
            properties.limits.max_memory_allocation_count.min(allocations);
        properties.pipeline_cache_uuid = vk::ByteArray(gpu.caches.uuid(&properties.pipeline_cache_uuid.0));
    })
}

/// vkGetPhysicalDeviceFeatures.
pub(super) fn features(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let returned = query(turn)?;
    change(turn, turn.call.arg(1), mask_features)?;
    Ok(returned)
}

/// Sparse resources are bound by commands of their own, on a queue, to memory that we would have to keep for them.
fn mask_features(features: &mut vk::PhysicalDeviceFeatures) {
    features.sparse_binding = vk::FALSE;
    features.sparse_residency_buffer = vk::FALSE;
    features.sparse_residency_image_2d = vk::FALSE;
    features.sparse_residency_image_3d = vk::FALSE;
    features.sparse_residency2_samples = vk::FALSE;
    features.sparse_residency4_samples = vk::FALSE;
    features.sparse_residency8_samples = vk::FALSE;
    features.sparse_residency16_samples = vk::FALSE;
    features.sparse_residency_aliased = vk::FALSE;
}

/// vkGetPhysicalDeviceQueueFamilyProperties and vkGetPhysicalDeviceQueueFamilyProperties2.
pub(super) fn queue_families(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let returned = query(turn)?;
    let (list, count) = (turn.call.arg(2), *turn.get::<u32>(turn.call.arg(1))?);
    let (stride, inner) = match turn.command() {
        CommandType::GetPhysicalDeviceQueueFamilyProperties => (size_of::<vk::QueueFamilyProperties>(), 0),
        _ => (
            size_of::<vk::QueueFamilyProperties2>(),
            std::mem::offset_of!(vk::QueueFamilyProperties2, queue_family_properties),
        ),
    };
    for index in (0..u64::from(count)).take_while(|_| list != 0) {
        let at = list + index * stride as u64 + inner as u64;
        change(turn, at, |family: &mut vk::QueueFamilyProperties| {
            family.queue_flags.remove(vk::QueueFlags::SPARSE_BINDING);
        })?;
    }
    Ok(returned)
}

/// vkGetPhysicalDeviceFeatures2.
pub(super) fn features2(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let returned = query(turn)?;
    let first = turn.call.arg(1);
    let inner = std::mem::offset_of!(vk::PhysicalDeviceFeatures2, features) as u64;
    change(turn, first + inner, mask_features)?;
    if let Some(at) = venus::find(turn.arena, first, vk::StructureType::PHYSICAL_DEVICE_VULKAN_1_4_FEATURES) {
        change(turn, at, |features: &mut vk::PhysicalDeviceVulkan14Features| {
            features.host_image_copy = vk::FALSE; // it takes addresses of the host
        })?;
    }
    Ok(returned)
}

/// vkGetPhysicalDeviceExternalFenceProperties: none can be exported or imported. The answer is zero as it stands.
pub(super) fn external() -> Outcome {
    Outcome::Done(0)
}

/// vkGetPhysicalDeviceExternalSemaphoreProperties: the guest's driver hands payloads of binary semaphores over by
/// commands of Venus (vkImportSemaphoreResourceMESA), which need nothing of the host's driver.
pub(super) fn external_semaphores(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let first = turn.call.arg(1);
    let info = turn.get::<vk::PhysicalDeviceExternalSemaphoreInfo>(first)?;
    let handle_type = info.handle_type;
    let kind = venus::find(turn.arena, first, vk::StructureType::SEMAPHORE_TYPE_CREATE_INFO);
    let kind = kind.and_then(|at| turn.arena.get::<vk::SemaphoreTypeCreateInfo>(at));
    let timeline = kind.is_some_and(|kind| kind.semaphore_type == vk::SemaphoreType::TIMELINE);
    if handle_type != vk::ExternalSemaphoreHandleTypeFlags::SYNC_FD || timeline {
        return Ok(external());
    }
    change(turn, turn.call.arg(2), |properties: &mut vk::ExternalSemaphoreProperties| {
        properties.export_from_imported_handle_types = handle_type;
        properties.compatible_handle_types = handle_type;
        properties.external_semaphore_features =
            vk::ExternalSemaphoreFeatureFlags::EXPORTABLE | vk::ExternalSemaphoreFeatureFlags::IMPORTABLE;
    })?;
    Ok(Outcome::Done(0))
}

/// Changes a structure of the command in place.
pub(super) fn change<T: CStruct>(
    turn: &mut Turn<'_>,
    at: Address,
    change: impl FnOnce(&mut T),
) -> Result<(), Reason> {
    let null = turn.invalid("a structure is NULL that must not be");
    change(turn.arena.get_mut(at).ok_or(null)?);
    Ok(())
}

impl Gpu {
    /// The newest version that guests are told of.
    pub(super) fn api_version(&self) -> u32 {
        const NEWEST: u32 = vk::make_version(1, 4, 0xfff);
        self.properties.api_version.min(NEWEST)
    }
}
