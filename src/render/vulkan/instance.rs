//! Guests' instances and the one physical device that they find. Both stand for the host's, which all guests share.

use std::sync::Arc;

use vulkanalia_sys as vk;

use super::extensions;
use super::objects::Object;
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::sys::Address;
use crate::venus::ObjectType;

/// vkCreateInstance: the driver is not asked.
pub(super) fn create(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let id = *turn.get::<u64>(turn.call.arg(2))?;
    turn.check_free(id)?;
    let info = *turn.get::<vk::InstanceCreateInfo>(turn.call.arg(0))?;
    if info.enabled_layer_count > 0 {
        return Ok(vk::Result::ERROR_LAYER_NOT_PRESENT.into());
    }
    let names = names(
        turn,
        info.enabled_extension_names.expose_provenance() as Address,
        info.enabled_extension_count,
    )?;
    if !names.iter().all(|(_, name)| extensions::is_known(name)) {
        return Ok(vk::Result::ERROR_EXTENSION_NOT_PRESENT.into());
    }
    let (handle, functions) = (turn.state.gpu.instance, Arc::clone(&turn.state.gpu.functions));
    turn.enter(Object::root(ObjectType::Instance, id, handle, functions))?;
    Ok(vk::Result::SUCCESS.into())
}

/// An array of names: where each lies, and what it says.
pub(super) fn names(turn: &Turn<'_>, list: Address, count: u32) -> Result<Vec<(Address, String)>, Reason> {
    let text = |at: &Address| turn.text(*at).map(|text| (*at, text));
    turn.slice::<u64>(list, count)?
        .iter()
        .map(|at| text(at).ok_or(turn.invalid("a name is no text")))
        .collect()
}

/// vkDestroyInstance: all that the guest made from it goes, whatever it left.
pub(super) fn destroy(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    if let Some(instance) = turn.argument(0).cloned() {
        turn.state.objects.remove_made_from(&instance);
    }
    Ok(Outcome::Done(0))
}

/// vkEnumerateInstanceVersion.
pub(super) fn version(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let version = turn.state.gpu.api_version();
    turn.set::<u32>(turn.call.arg(0), version)?;
    Ok(vk::Result::SUCCESS.into())
}

/// vkEnumeratePhysicalDevices: there is one.
pub(super) fn physical_devices(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let (count_at, list) = (turn.call.arg(1), turn.call.arg(2));
    if list == 0 {
        turn.set::<u32>(count_at, 1)?;
        return Ok(vk::Result::SUCCESS.into());
    }
    let count = *turn.get::<u32>(count_at)?;
    turn.set::<u32>(count_at, count.min(1))?;
    let Some(id) = turn.slice::<u64>(list, count)?.first().copied() else {
        return Ok(vk::Result::INCOMPLETE.into());
    };
    let instance = Arc::clone(turn.first()?);
    if physical_device(turn, &instance).is_none_or(|known| known.id != id) {
        turn.check_free(id)?;
        let handle = turn.state.gpu.physical_device;
        turn.enter(Object::new(ObjectType::PhysicalDevice, id, handle, &instance))?;
        instance.children().insert(id);
    }
    Ok(vk::Result::SUCCESS.into())
}

fn physical_device(turn: &Turn<'_>, instance: &Object) -> Option<Arc<Object>> {
    let first = instance.children().iter().next().copied();
    first.and_then(|id| turn.state.objects.get(id)).cloned()
}

/// vkEnumeratePhysicalDeviceGroups: the one device, alone.
pub(super) fn groups(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let (count_at, list) = (turn.call.arg(1), turn.call.arg(2));
    if list == 0 {
        turn.set::<u32>(count_at, 1)?;
        return Ok(vk::Result::SUCCESS.into());
    }
    let count = *turn.get::<u32>(count_at)?;
    let instance = Arc::clone(turn.first()?);
    let known = physical_device(turn, &instance).map(|known| known.id);
    turn.set::<u32>(count_at, count.min(1))?;
    if count == 0 {
        return Ok(vk::Result::INCOMPLETE.into());
    }
    let id = known.ok_or(turn.invalid("no physical device was enumerated before"))?;
    let mut group = *turn.get::<vk::PhysicalDeviceGroupProperties>(list)?;
    group.physical_device_count = 1;
    group.subset_allocation = vk::FALSE;
    turn.set(list, group)?;
    let devices = list + std::mem::offset_of!(vk::PhysicalDeviceGroupProperties, physical_devices) as u64;
    turn.set::<u64>(devices, id)?;
    Ok(vk::Result::SUCCESS.into())
}

/// Answers an enumeration of structures without a chain: (…, pCount, pProperties).
pub(super) fn enumerate<T: crate::sys::CStruct>(
    turn: &mut Turn<'_>,
    (count_at, list): (Address, Address),
    found: &[T],
) -> Result<Outcome, Reason> {
    let all = u32::try_from(found.len()).unwrap_or(u32::MAX);
    if list == 0 {
        turn.set::<u32>(count_at, all)?;
        return Ok(vk::Result::SUCCESS.into());
    }
    let count = (*turn.get::<u32>(count_at)?).min(all);
    for (index, item) in (0..u64::from(count)).zip(found) {
        turn.set(list + index * size_of::<T>() as u64, *item)?;
    }
    turn.set::<u32>(count_at, count)?;
    Ok(if count < all { vk::Result::INCOMPLETE } else { vk::Result::SUCCESS }.into())
}

/// vkEnumerateDeviceExtensionProperties.
pub(super) fn device_extensions(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    if turn.call.arg(1) != 0 {
        return Ok(vk::Result::ERROR_LAYER_NOT_PRESENT.into());
    }
    let gpu = Arc::clone(&turn.state.gpu);
    enumerate(turn, (turn.call.arg(2), turn.call.arg(3)), gpu.extensions.offered())
}

/// vkEnumerateInstanceExtensionProperties: a guest's driver brings its own.
pub(super) fn instance_extensions(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    if turn.call.arg(0) != 0 {
        return Ok(vk::Result::ERROR_LAYER_NOT_PRESENT.into());
    }
    enumerate::<vk::ExtensionProperties>(turn, (turn.call.arg(1), turn.call.arg(2)), &[])
}

/// vkEnumerateInstanceLayerProperties, vkEnumerateDeviceLayerProperties, vkGetPhysicalDeviceToolProperties: none.
pub(super) fn nothing(turn: &mut Turn<'_>, count_argument: usize) -> Result<Outcome, Reason> {
    let (count_at, list) = (turn.call.arg(count_argument), turn.call.arg(count_argument + 1));
    enumerate::<vk::LayerProperties>(turn, (count_at, list), &[])
}
