//! What descriptor sets keep alive: whatever was written into them, as long as it stands there.
//!
//! Drivers keep addresses of it, and guests may destroy it, bind the set and have a shader look. What is taken out of
//! a set that submissions use is kept until the GPU is done; what is replaced in a binding that has no leave for that
//! makes recordings with the set worth nothing.

use std::iter::repeat_with;
use std::mem::{offset_of, replace};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vulkanalia_sys as vk;

use super::{Binding, DescriptorSet, descriptor_set};
use crate::render::vulkan::context::State;
use crate::render::vulkan::driver::{address_of, pointer_to};
use crate::render::vulkan::objects::{Data, Object};
use crate::render::vulkan::queue;
use crate::render::vulkan::reason::Reason;
use crate::render::vulkan::turn::Turn;
use crate::sys::Address;
use crate::venus::{CommandType, ObjectType};

/// Sets with so many descriptors, and no more, have all their slots from the first write on.
const SMALL: usize = 64;

/// What a descriptor names: a view or a buffer, and a sampler.
#[derive(Clone, Default)]
struct Slot {
    resource: Option<Arc<Object>>,
    sampler: Option<Arc<Object>>,
}

/// As a command names it.
type Named<'o> = (Option<&'o Arc<Object>>, Option<&'o Arc<Object>>);

/// The slots of a set, one a descriptor in the order of the bindings, up to the last one that was written.
#[derive(Default)]
pub(super) struct Slots(Mutex<Vec<Slot>>);

impl Slots {
    fn all(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All, and at least so many of a set that has `most`.
    fn at_least(&self, count: usize, most: usize) -> MutexGuard<'_, Vec<Slot>> {
        let mut slots = self.all();
        if slots.len() < count {
            let room = count.next_power_of_two().max(SMALL).min(most);
            let more = room.saturating_sub(slots.len());
            slots.reserve_exact(more);
            slots.resize_with(room, Slot::default);
        }
        slots
    }
}

/// What was taken out of sets that submissions use.
#[derive(Default)]
pub(super) struct Former {
    looked: bool,
    objects: Vec<Arc<Object>>,
}

impl Former {
    /// Whether a submission uses the set, or may.
    fn is_used(&mut self, state: &State, set: &Object) -> bool {
        if set.is_pending() && !replace(&mut self.looked, true) {
            queue::reap(state);
        }
        set.is_pending()
    }

    /// Keeps it until the GPU is done.
    pub(super) fn outlive(self, state: &mut State) -> Result<(), Reason> {
        self.objects.into_iter().try_for_each(|object| state.submits.outlive(object))
    }
}

/// A write that the driver has carried out.
pub(super) fn written(turn: &Turn<'_>, at: Address, former: &mut Former) -> Result<(), Reason> {
    let write = *turn.get::<vk::WriteDescriptorSet>(at)?;
    let object = turn.at(at + offset_of!(vk::WriteDescriptorSet, dst_set) as u64);
    let (Some(object), Some(set)) = (object, descriptor_set(object)) else { return Ok(()) };
    let place = (write.dst_binding, write.dst_array_element);
    let Some(binding) = set.layout.bindings.get(&write.dst_binding) else { return Ok(()) };
    if write.descriptor_type != vk::DescriptorType::INLINE_UNIFORM_BLOCK {
        let named = |index: u32| named(turn, &write, binding.immutable, index.into());
        put(turn.state, (object, set), place, (0..write.descriptor_count).map(named), former);
    }
    Ok(())
}

/// What a write says of a descriptor. Samplers of the layout are kept by that.
fn named<'t>(turn: &'t Turn<'_>, write: &vk::WriteDescriptorSet, immutable: bool, index: u64) -> Named<'t> {
    use vk::DescriptorType as T;
    let find = |at: Address| match turn.arena.get::<u64>(at) {
        Some(0) | None => None,
        Some(_) => turn.at(at),
    };
    let images = write.image_info.expose_provenance() as Address;
    let image = images + index * size_of::<vk::DescriptorImageInfo>() as u64;
    let sampler = || find(image + offset_of!(vk::DescriptorImageInfo, sampler) as u64).filter(|_| !immutable);
    let view = || find(image + offset_of!(vk::DescriptorImageInfo, image_view) as u64);
    match write.descriptor_type {
        T::SAMPLER => (None, sampler()),
        T::COMBINED_IMAGE_SAMPLER => {
            let sampler = sampler();
            (view(), sampler)
        }
        T::SAMPLED_IMAGE | T::STORAGE_IMAGE | T::INPUT_ATTACHMENT => (view(), None),
        T::UNIFORM_TEXEL_BUFFER | T::STORAGE_TEXEL_BUFFER => {
            let views = write.texel_buffer_view.expose_provenance() as Address;
            (find(views + index * size_of::<vk::BufferView>() as u64), None)
        }
        _ => {
            let buffers = write.buffer_info.expose_provenance() as Address;
            (find(buffers + index * size_of::<vk::DescriptorBufferInfo>() as u64), None)
        }
    }
}

/// A copy that the driver has carried out.
pub(super) fn copied(turn: &Turn<'_>, at: Address, former: &mut Former) -> Result<(), Reason> {
    let copy = *turn.get::<vk::CopyDescriptorSet>(at)?;
    let from = turn.at(at + offset_of!(vk::CopyDescriptorSet, src_set) as u64);
    let to = turn.at(at + offset_of!(vk::CopyDescriptorSet, dst_set) as u64);
    let (Some(from), Some(object), Some(set)) = (descriptor_set(from), to, descriptor_set(to)) else {
        return Ok(());
    };
    let first = from.slot((copy.src_binding, copy.src_array_element)).unwrap_or(usize::MAX);
    let count = usize::try_from(copy.descriptor_count).unwrap_or(usize::MAX);
    // A set may be copied into itself.
    let source: Vec<Slot> = {
        let slots = from.slots.all();
        let written = slots.get(first..).unwrap_or_default().iter().cloned();
        written.chain(repeat_with(Slot::default)).take(count).collect()
    };
    let named = source.iter().map(|slot| (slot.resource.as_ref(), slot.sampler.as_ref()));
    put(turn.state, (object, set), (copy.dst_binding, copy.dst_array_element), named, former);
    Ok(())
}

impl DescriptorSet {
    /// Which slot is that of an element of a binding.
    fn slot(&self, (number, element): (u32, u32)) -> Option<usize> {
        let binding = self.layout.bindings.get(&number).filter(|binding| binding.slots() > 0)?;
        usize::try_from(binding.slots_before.checked_add(element)?).ok()
    }
}

/// Has slots keep what their descriptors name now.
fn put<'o>(
    state: &State,
    (object, set): (&Arc<Object>, &DescriptorSet),
    (number, element): (u32, u32),
    named: impl ExactSizeIterator<Item = Named<'o>>,
    former: &mut Former,
) {
    let Some(binding) = set.layout.bindings.get(&number) else { return };
    let first = usize::try_from(binding.slots_before.saturating_add(element)).unwrap_or(usize::MAX);
    let used = former.is_used(state, object);
    let mut changed = false;
    let mut slots = set.slots.at_least(first.saturating_add(named.len()), set.layout.slots());
    for (slot, (resource, sampler)) in slots.get_mut(first..).unwrap_or_default().iter_mut().zip(named) {
        for (kept, now) in [(&mut slot.resource, resource), (&mut slot.sampler, sampler)] {
            if kept.as_ref().map(Arc::as_ptr) == now.map(Arc::as_ptr) {
                continue;
            }
            if let Some(was) = replace(kept, now.cloned()) {
                changed = true;
                if used {
                    former.objects.push(was);
                }
            }
        }
    }
    if changed && !binding.late {
        object.renew();
    }
}

/// Gives back what guests destroyed and only sets keep, where descriptors can be null. Whether there was any.
///
/// A recording may have the set, and its driver what the set held then: such sets are left as they are, but for
/// bindings that may be updated later. So are samplers and input attachments, which cannot be null, and dynamic
/// buffers, whose offsets drivers add to whatever there is.
pub(in crate::render::vulkan) fn relieve(state: &mut State, device: &Arc<Object>) -> bool {
    if !matches!(&device.data, Data::Device(device) if device.has_null_descriptors)
        || !replace(&mut state.objects.orphans, false)
    {
        return false;
    }
    let mut relief = Relief { state, waited: false, left: false, given: false };
    let sets = state.objects.all().filter(|object| object.kind == ObjectType::DescriptorSet);
    for set in sets.filter(|set| Arc::ptr_eq(set.device(), device)) {
        relief.look_at(set);
    }
    let Relief { left, given, .. } = relief;
    state.objects.orphans = left;
    given
}

struct Relief<'s> {
    state: &'s State,
    /// It waited for the GPU. Once is enough: all sets are as far then.
    waited: bool,
    /// Something cannot be given back yet.
    left: bool,
    given: bool,
}

impl Relief<'_> {
    fn look_at(&mut self, object: &Arc<Object>) {
        let Some(set) = descriptor_set(Some(object)) else { return };
        // The table has it, and no recording.
        let alone = Arc::strong_count(object) == 1;
        let mut slots = set.slots.all();
        let mut slots = slots.iter_mut();
        for (number, binding) in &set.layout.bindings {
            let count = usize::try_from(binding.slots()).unwrap_or(usize::MAX);
            for (element, slot) in (0..).zip(slots.by_ref().take(count)) {
                if !can_be_null(binding.kind) || !slot.resource.as_ref().is_some_and(|kept| kept.is_orphan())
                {
                    continue;
                }
                if alone || binding.late && self.is_idle(object) {
                    write_null(object, (*number, element), binding, slot);
                    slot.resource = None;
                    self.given = true;
                } else {
                    self.left = true;
                }
            }
        }
    }

    fn is_idle(&mut self, set: &Arc<Object>) -> bool {
        match replace(&mut self.waited, true) {
            false => queue::is_idle(self.state, set),
            true => !set.is_pending(),
        }
    }
}

fn can_be_null(kind: vk::DescriptorType) -> bool {
    use vk::DescriptorType as T;
    [
        T::COMBINED_IMAGE_SAMPLER,
        T::SAMPLED_IMAGE,
        T::STORAGE_IMAGE,
        T::UNIFORM_TEXEL_BUFFER,
        T::STORAGE_TEXEL_BUFFER,
        T::UNIFORM_BUFFER,
        T::STORAGE_BUFFER,
    ]
    .contains(&kind)
}

fn write_null(set: &Arc<Object>, (number, element): (u32, u32), binding: &Binding, slot: &Slot) {
    let sampler = slot.sampler.as_ref().map_or(0, |sampler| sampler.handle);
    let image = vk::DescriptorImageInfo {
        sampler: vk::Handle::from_raw(sampler),
        image_layout: vk::ImageLayout::GENERAL,
        ..Default::default()
    };
    let buffer = vk::DescriptorBufferInfo { range: vk::WHOLE_SIZE, ..Default::default() };
    let view = 0_u64;
    let write = vk::WriteDescriptorSet {
        dst_set: vk::Handle::from_raw(set.handle),
        dst_binding: number,
        dst_array_element: element,
        descriptor_count: 1,
        descriptor_type: binding.kind,
        image_info: pointer_to(&image),
        buffer_info: pointer_to(&buffer),
        texel_buffer_view: pointer_to(&view),
        ..Default::default()
    };
    let arguments = [set.device().handle, 1, address_of(&write), 0, 0];
    _ = set.functions.call(CommandType::UpdateDescriptorSets, &arguments);
}
