//! Guests' devices: each is one of the host's.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::Arc;

use vulkanalia_sys as vk;

use super::driver;
use super::extensions::{OWN, is_emulated};
use super::gpu::Gpu;
use super::instance::names;
use super::objects::{Data, Object};
use super::privilege;
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::sys::Address;
use crate::venus::{self, CommandType, ObjectType};

/// What is known of a device.
pub(super) struct Device {
    /// The queues that it was made with: family, flags and how many.
    pub(super) queues: Vec<(u32, vk::DeviceQueueCreateFlags, u32)>,
    /// Descriptors may be null.
    pub(super) has_null_descriptors: bool,
}

/// Extensions with VkPhysicalDeviceRobustness2Features: the same by two names.
const ROBUSTNESS_2: [&CStr; 2] = [c"VK_EXT_robustness2", c"VK_KHR_robustness2"];

/// vkCreateDevice: as the guest wants it, and with what we need.
pub(super) fn create(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let gpu = Arc::clone(&turn.state.gpu);
    let physical_device = Arc::clone(turn.first()?);
    let info_at = turn.call.arg(1);
    let id = *turn.get::<u64>(turn.call.arg(3))?;
    turn.check_free(id)?;
    let mut info = *turn.get::<vk::DeviceCreateInfo>(info_at)?;
    let (queues, queue_infos) = queues(turn, &info)?;
    let list = info.enabled_extension_names.expose_provenance() as Address;
    let wanted = names(turn, list, info.enabled_extension_count)?;
    if !wanted.iter().all(|(_, name)| gpu.extensions.offers(name)) {
        return turn.refuse(
            ObjectType::Device,
            id,
            &physical_device,
            vk::Result::ERROR_EXTENSION_NOT_PRESENT,
        );
    }
    let own = OWN.iter().filter(|name| gpu.has(name));
    let robust = null_descriptors(&gpu);
    let all: Vec<Address> = wanted
        .into_iter()
        .filter(|(_, name)| !is_emulated(name))
        .map(|(at, _)| at)
        .chain(own.copied().chain(robust).chain(privilege::extension(&gpu)).map(driver::address_of_name))
        .collect();
    info.enabled_extension_count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    info.enabled_extension_names = driver::pointer_to_first(&all);
    info.enabled_layer_count = 0;
    turn.set(info_at, info)?;
    enable_timelines(turn, info_at)?;
    if robust.is_some() {
        enable_null_descriptors(turn, info_at)?;
    }

    let slot = turn.put(0_u64)?;
    turn.call.set_arg(3, slot);
    let result = privilege::pass(turn, &queue_infos)?;
    if result.as_raw() < 0 {
        return turn.refuse(ObjectType::Device, id, &physical_device, result);
    }
    let handle = *turn.get::<u64>(slot)?;
    let mut device = Object::new(ObjectType::Device, id, handle, &physical_device)
        .with(Data::Device(Device { queues, has_null_descriptors: robust.is_some() }))
        .destroyed_by(CommandType::DestroyDevice);
    device.functions = Arc::new(gpu.functions.of_device(&gpu.library, gpu.instance, handle));
    turn.enter(device)?;
    Ok(result.into())
}

/// Enables timeline semaphores, with which we see how far queues have come, whether the guest wants them or not.
fn enable_timelines(turn: &mut Turn<'_>, info_at: Address) -> Result<(), Reason> {
    let timeline_semaphore = vk::TRUE;
    if let Some(at) = venus::find(turn.arena, info_at, vk::StructureType::PHYSICAL_DEVICE_VULKAN_1_2_FEATURES)
    {
        let features = *turn.get::<vk::PhysicalDeviceVulkan12Features>(at)?;
        return turn.set(at, vk::PhysicalDeviceVulkan12Features { timeline_semaphore, ..features });
    }
    let wanted = vk::StructureType::PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
    _ = venus::unlink(turn.arena, info_at, wanted);
    let features = vk::PhysicalDeviceTimelineSemaphoreFeatures { timeline_semaphore, ..Default::default() };
    let features = turn.put(features)?;
    venus::prepend(turn.arena, info_at, features);
    Ok(())
}

/// The extension by which descriptors of this GPU can be null. Without it we cannot take out of descriptor sets what
/// guests destroyed: it keeps its memory as long as it stands there.
fn null_descriptors(gpu: &Gpu) -> Option<&'static CStr> {
    let name = ROBUSTNESS_2.into_iter().find(|name| gpu.has(name))?;
    let robust: vk::PhysicalDeviceRobustness2FeaturesKHR = gpu.features();
    (robust.null_descriptor == vk::TRUE).then_some(name)
}

/// Enables them, whether the guest wants them or not.
fn enable_null_descriptors(turn: &mut Turn<'_>, info_at: Address) -> Result<(), Reason> {
    let null_descriptor = vk::TRUE;
    let kind = vk::StructureType::PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_KHR;
    if let Some(at) = venus::find(turn.arena, info_at, kind) {
        let features = *turn.get::<vk::PhysicalDeviceRobustness2FeaturesKHR>(at)?;
        return turn.set(at, vk::PhysicalDeviceRobustness2FeaturesKHR { null_descriptor, ..features });
    }
    let features = vk::PhysicalDeviceRobustness2FeaturesKHR { null_descriptor, ..Default::default() };
    let features = turn.put(features)?;
    venus::prepend(turn.arena, info_at, features);
    Ok(())
}

/// Queues as [`Device`] has them, and where each was described.
type Queues = (Vec<(u32, vk::DeviceQueueCreateFlags, u32)>, Vec<Address>);

/// The queues of a new device, which the GPU must have: drivers do not look. None is above others' priority by a
/// guest's own wish.
fn queues(turn: &mut Turn<'_>, info: &vk::DeviceCreateInfo) -> Result<Queues, Reason> {
    let list = info.queue_create_infos.expose_provenance() as Address;
    let wanted = turn.slice::<vk::DeviceQueueCreateInfo>(list, info.queue_create_info_count)?.to_vec();
    let mut left: BTreeMap<u32, u32> = (0..).zip(turn.state.gpu.queue_families.iter().copied()).collect();
    let places = (0_u64..).map(|index| list + index * size_of::<vk::DeviceQueueCreateInfo>() as u64);
    let places: Vec<Address> = places.take(wanted.len()).collect();
    for (place, queue) in places.iter().zip(&wanted) {
        let priorities =
            turn.slice::<f32>(queue.queue_priorities.expose_provenance() as Address, queue.queue_count)?;
        if !priorities.iter().all(|priority| (0.0..=1.0).contains(priority)) {
            return Err(turn.invalid("a queue's priority is not between 0 and 1"));
        }
        let family = left.get_mut(&queue.queue_family_index);
        let rest = family.as_ref().and_then(|left| left.checked_sub(queue.queue_count));
        match (family, rest) {
            (Some(left), Some(rest)) if queue.queue_count > 0 => *left = rest,
            _ => return Err(turn.invalid("it wants more queues than a family of this GPU has")),
        }
        privilege::bound(turn, *place)?;
    }
    let kept = wanted.iter().map(|queue| (queue.queue_family_index, queue.flags, queue.queue_count));
    Ok((kept.collect(), places))
}

/// vkDestroyDevice: all that the guest made from it goes, whatever it left.
pub(super) fn destroy(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    if let Some(device) = turn.argument(0).cloned() {
        turn.state.submits.forget(&device);
        turn.state.objects.remove_made_from(&device);
    }
    Ok(Outcome::Done(0))
}
