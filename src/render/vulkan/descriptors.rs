//! Descriptor sets, their pools and layouts, and the layouts of pipelines.

mod limits;
mod pools;
mod slots;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vulkanalia_sys as vk;

use super::objects::{Data, Object};
use super::queries::lower_half;
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::quota::Charge;
use crate::sys::Address;
use crate::venus::{self, CommandType, ObjectType};
pub(super) use limits::StageLimits;
pub(super) use pools::{Pool, allocate, create_pool, free, reset_pool};
pub(super) use slots::relieve;
use slots::{Former, Slots};

/// Drivers keep arrays as long as the highest number of a binding, and count what a set takes in 32 bits.
const BINDINGS_MAX: u32 = 1 << 16;
/// No driver needs to be given more descriptors in one set: large sets of programs have a million.
const DESCRIPTORS_MAX: u64 = 1 << 22;

/// What a descriptor set holds: its bindings by number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SetLayout {
    pub(super) bindings: BTreeMap<u32, Binding>,
    /// How many dynamic offsets a set takes.
    pub(super) dynamic_count: u32,
    /// Its descriptors are pushed; there are no sets of it.
    pub(super) pushed: bool,
}

/// A binding of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) kind: vk::DescriptorType,
    /// Descriptors; bytes of an inline uniform block.
    pub(super) count: u32,
    pub(super) stages: vk::ShaderStageFlags,
    /// Its samplers are part of the layout.
    immutable: bool,
    /// How many there are is said when a set is allocated.
    variable: bool,
    /// Its descriptors may be updated when a recording has the set already.
    late: bool,
    /// Dynamic offsets of the bindings before it.
    offsets_before: u32,
    /// Descriptors of the bindings before it.
    slots_before: u32,
}

impl Binding {
    /// Its descriptors. What is inline is none.
    fn slots(&self) -> u32 {
        if self.kind == vk::DescriptorType::INLINE_UNIFORM_BLOCK { 0 } else { self.count }
    }
}

/// A descriptor set.
pub(super) struct DescriptorSet {
    pub(super) layout: Arc<SetLayout>,
    /// It keeps the samplers that are part of it.
    _layout: Option<Arc<Object>>,
    slots: Slots,
    /// Descriptors of the binding that has a variable number of them.
    variable_count: u32,
    /// How far each dynamic offset may move the range that was written. Nothing was written: as far as it likes.
    leeway: Box<[AtomicU64]>,
    /// What it takes of its pool.
    _room: Option<Charge>,
}

impl DescriptorSet {
    /// Whether its ranges, moved by these offsets, stay within their buffers. Whether drivers look depends on what
    /// else guests turn on, and lavapipe adds them up as they are.
    pub(super) fn takes_offsets(&self, offsets: &[u32]) -> bool {
        let within =
            |(leeway, offset): (&AtomicU64, &u32)| u64::from(*offset) <= leeway.load(Ordering::Relaxed);
        self.leeway.iter().zip(offsets).all(within)
    }

    /// Sets the leeway of descriptors from one on; whether any has less than before.
    fn give(&self, (number, element): (u32, u32), leeway: impl Iterator<Item = u64>) -> bool {
        let binding = self.layout.bindings.get(&number).filter(|binding| is_dynamic(binding.kind));
        let first = binding.and_then(|binding| usize::try_from(binding.offsets_before + element).ok());
        let places = first.and_then(|first| self.leeway.get(first..)).unwrap_or_default();
        places
            .iter()
            .zip(leeway)
            .fold(false, |less, (place, now)| place.swap(now, Ordering::Relaxed) > now || less)
    }
}

/// The layout of a pipeline.
pub(super) struct PipelineLayout {
    pub(super) sets: Vec<Option<Arc<SetLayout>>>,
    /// Stages and the range of bytes.
    pub(super) push_constants: Vec<(vk::ShaderStageFlags, u32, u32)>,
}

impl SetLayout {
    /// Counts what stands before each binding.
    fn number(&mut self) {
        let mut slots = 0_u32;
        for binding in self.bindings.values_mut() {
            binding.slots_before = slots;
            slots = slots.saturating_add(binding.slots());
            if is_dynamic(binding.kind) {
                binding.offsets_before = self.dynamic_count;
                self.dynamic_count = self.dynamic_count.saturating_add(binding.count);
            }
        }
    }

    /// Descriptors of all its bindings.
    fn slots(&self) -> usize {
        let last = self.bindings.last_key_value();
        let count = last.map_or(0, |(_, last)| last.slots_before.saturating_add(last.slots()));
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Whether `count` descriptors of a type can be written from an element of a binding on. Those beyond the
    /// binding go to the next ones, which must be alike.
    pub(super) fn takes(
        &self,
        variable_count: u32,
        place: (u32, u32),
        count: u32,
        kind: vk::DescriptorType,
    ) -> bool {
        let (number, element) = place;
        let Some(first) = self.bindings.get(&number) else { return false };
        let room = |binding: &Binding| if binding.variable { variable_count } else { binding.count };
        let fits =
            |binding: &Binding| binding.kind == kind || binding.kind == vk::DescriptorType::MUTABLE_EXT;
        let mut left = u64::from(element) + u64::from(count);
        if element > 0 && element >= room(first) {
            return false;
        }
        for binding in self.bindings.range(number..).map(|(_, binding)| binding) {
            let alike = binding.stages == first.stages
                && binding.immutable == first.immutable
                && binding.late == first.late;
            if left == 0 || !alike || !fits(binding) {
                break;
            }
            left = left.saturating_sub(room(binding).into());
        }
        left == 0
    }
}

/// The bindings of a layout that is to be made, or asked about. Drivers believe their numbers.
fn bindings<'t>(turn: &'t Turn<'_>) -> Result<&'t [vk::DescriptorSetLayoutBinding], Reason> {
    let info = *turn.get::<vk::DescriptorSetLayoutCreateInfo>(turn.call.arg(1))?;
    let list = info.bindings.expose_provenance() as Address;
    let bindings = turn.slice::<vk::DescriptorSetLayoutBinding>(list, info.binding_count)?;
    let descriptors: u64 = bindings.iter().map(|binding| u64::from(binding.descriptor_count)).sum();
    if descriptors > DESCRIPTORS_MAX || bindings.iter().any(|binding| binding.binding >= BINDINGS_MAX) {
        return Err(turn
            .invalid("a layout's bindings are beyond our limit of 65536, or their descriptors of 4194304"));
    }
    Ok(bindings)
}

/// vkGetDescriptorSetLayoutSupport.
pub(super) fn layout_support(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    bindings(turn)?;
    turn.pass().map(Outcome::Done)
}

/// vkCreateDescriptorSetLayout.
pub(super) fn create_layout(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let bindings = bindings(turn)?;
    let flags = binding_flags(turn)?;
    let late = vk::DescriptorBindingFlags::UPDATE_AFTER_BIND
        | vk::DescriptorBindingFlags::UPDATE_UNUSED_WHILE_PENDING;
    let mut layout = SetLayout::default();
    for (index, binding) in bindings.iter().enumerate() {
        let flags = flags.get(index).copied().unwrap_or_default();
        let known = Binding {
            kind: binding.descriptor_type,
            count: binding.descriptor_count,
            stages: binding.stage_flags,
            immutable: !binding.immutable_samplers.is_null(),
            variable: flags.contains(vk::DescriptorBindingFlags::VARIABLE_DESCRIPTOR_COUNT),
            late: flags.intersects(late),
            offsets_before: 0,
            slots_before: 0,
        };
        if layout.bindings.insert(binding.binding, known).is_some() {
            return Err(turn.invalid("two bindings have the same number"));
        }
    }
    let push = vk::DescriptorSetLayoutCreateFlags::PUSH_DESCRIPTOR;
    layout.pushed = turn.get::<vk::DescriptorSetLayoutCreateInfo>(turn.call.arg(1))?.flags.contains(push);
    if layout.bindings.values().rev().skip(1).any(|binding| binding.variable) {
        return Err(turn.invalid("a binding of variable size is not the last"));
    }
    layout.number();
    if layout.dynamic_count > dynamic_max(turn) {
        return Err(turn.invalid("its dynamic buffers are beyond the GPU's limit"));
    }
    let device = Arc::clone(turn.first()?);
    let samplers: Vec<_> = turn.objects().skip(1).cloned().collect();
    turn.create(ObjectType::DescriptorSetLayout, &device, |object| {
        samplers.into_iter().for_each(|sampler| object.keep(sampler));
        object.with(Data::SetLayout(Arc::new(layout))).destroyed_by(CommandType::DestroyDescriptorSetLayout)
    })
}

/// Dynamic buffers that a pipeline takes: drivers have arrays of so many offsets.
fn dynamic_max(turn: &Turn<'_>) -> u32 {
    let limits = &turn.state.gpu.properties.limits;
    limits
        .max_descriptor_set_uniform_buffers_dynamic
        .saturating_add(limits.max_descriptor_set_storage_buffers_dynamic)
}

fn is_dynamic(kind: vk::DescriptorType) -> bool {
    [vk::DescriptorType::UNIFORM_BUFFER_DYNAMIC, vk::DescriptorType::STORAGE_BUFFER_DYNAMIC].contains(&kind)
}

fn binding_flags(turn: &Turn<'_>) -> Result<Vec<vk::DescriptorBindingFlags>, Reason> {
    let kind = vk::StructureType::DESCRIPTOR_SET_LAYOUT_BINDING_FLAGS_CREATE_INFO;
    let Some(at) = venus::find(turn.arena, turn.call.arg(1), kind) else { return Ok(Vec::new()) };
    let info = turn.get::<vk::DescriptorSetLayoutBindingFlagsCreateInfo>(at)?;
    let list = info.binding_flags.expose_provenance() as Address;
    turn.slice(list, info.binding_count).map(<[_]>::to_vec)
}

/// vkCreatePipelineLayout.
pub(super) fn create_pipeline_layout(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::PipelineLayoutCreateInfo>(turn.call.arg(1))?;
    let list = info.set_layouts.expose_provenance() as Address;
    let sets = (0..u64::from(info.set_layout_count)).map(|index| {
        let object = turn.at(list + index * size_of::<u64>() as u64)?;
        match &object.data {
            Data::SetLayout(layout) => Some(Arc::clone(layout)),
            _ => None,
        }
    });
    let sets: Vec<Option<Arc<SetLayout>>> = sets.collect();
    let dynamic = sets.iter().flatten().fold(0_u32, |sum, set| sum.saturating_add(set.dynamic_count));
    let ranges = info.push_constant_ranges.expose_provenance() as Address;
    let ranges = turn.slice::<vk::PushConstantRange>(ranges, info.push_constant_range_count)?;
    let limits = &turn.state.gpu.properties.limits;
    let most = limits.max_push_constants_size;
    let fits =
        |range: &vk::PushConstantRange| range.offset.checked_add(range.size).is_some_and(|end| end <= most);
    let few = info.set_layout_count <= limits.max_bound_descriptor_sets
        && dynamic <= dynamic_max(turn)
        && limits::stages_take(&turn.state.gpu, &sets);
    if !few || !ranges.iter().all(fits) {
        return Err(turn.invalid("its sets or push constants are beyond the GPU's limit"));
    }
    let push_constants = ranges.iter().map(|range| (range.stage_flags, range.offset, range.size)).collect();
    let device = Arc::clone(turn.first()?);
    let layouts: Vec<_> = turn.objects().skip(1).cloned().collect();
    turn.create(ObjectType::PipelineLayout, &device, |object| {
        layouts.into_iter().for_each(|layout| object.keep(layout));
        object
            .with(Data::PipelineLayout(PipelineLayout { sets, push_constants }))
            .destroyed_by(CommandType::DestroyPipelineLayout)
    })
}

/// vkUpdateDescriptorSets: every descriptor must have its place in the layout, and what its type needs. Sets keep what
/// they are told of; slots.rs says for how long.
pub(super) fn update(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let [writes, copies] = [1, 3].map(|index| (turn.call.arg(index + 1), lower_half(turn.call.arg(index))));
    for index in 0..writes.1 {
        let at = writes.0 + u64::from(index) * size_of::<vk::WriteDescriptorSet>() as u64;
        let set = turn.at(at + std::mem::offset_of!(vk::WriteDescriptorSet, dst_set) as u64);
        let set = descriptor_set(set).ok_or(turn.invalid("the set of a write is NULL"))?;
        check_write(turn, at, &set.layout, set.variable_count)?;
    }
    for index in 0..copies.1 {
        check_copy(turn, copies.0 + u64::from(index) * size_of::<vk::CopyDescriptorSet>() as u64)?;
    }
    for index in 0..writes.1 {
        note_write(turn, writes.0 + u64::from(index) * size_of::<vk::WriteDescriptorSet>() as u64)?;
    }
    for index in 0..copies.1 {
        note_copy(turn, copies.0 + u64::from(index) * size_of::<vk::CopyDescriptorSet>() as u64)?;
    }
    let returned = turn.pass()?;
    let mut former = Former::default();
    for index in 0..writes.1 {
        let at = writes.0 + u64::from(index) * size_of::<vk::WriteDescriptorSet>() as u64;
        slots::written(turn, at, &mut former)?;
    }
    for index in 0..copies.1 {
        let at = copies.0 + u64::from(index) * size_of::<vk::CopyDescriptorSet>() as u64;
        slots::copied(turn, at, &mut former)?;
    }
    former.outlive(turn.state)?;
    Ok(Outcome::Done(returned))
}

/// Notes the leeway of what is written. Where that gets less, command buffers that the set was bound in before are
/// worth nothing: their offsets were compared with more.
fn note_write(turn: &Turn<'_>, at: Address) -> Result<(), Reason> {
    let write = *turn.get::<vk::WriteDescriptorSet>(at)?;
    let object = turn.at(at + std::mem::offset_of!(vk::WriteDescriptorSet, dst_set) as u64);
    let (true, Some(object), Some(set)) = (is_dynamic(write.descriptor_type), object, descriptor_set(object))
    else {
        return Ok(());
    };
    let list = write.buffer_info.expose_provenance() as Address;
    let infos = turn.slice::<vk::DescriptorBufferInfo>(list, write.descriptor_count)?;
    let leeway = (0_u64..).zip(infos).map(|(index, info)| {
        let buffer = turn.at(list + index * size_of::<vk::DescriptorBufferInfo>() as u64);
        buffer.map_or(u64::MAX, |buffer| {
            let end = info.offset.checked_add(info.range).filter(|_| info.range != vk::WHOLE_SIZE);
            end.map_or(0, |end| buffer.bytes().saturating_sub(end))
        })
    });
    if set.give((write.dst_binding, write.dst_array_element), leeway) {
        object.renew();
    }
    Ok(())
}

fn note_copy(turn: &Turn<'_>, at: Address) -> Result<(), Reason> {
    let copy = *turn.get::<vk::CopyDescriptorSet>(at)?;
    let from = turn.at(at + std::mem::offset_of!(vk::CopyDescriptorSet, src_set) as u64);
    let to = turn.at(at + std::mem::offset_of!(vk::CopyDescriptorSet, dst_set) as u64);
    let (Some(from), Some(object)) = (descriptor_set(from), to) else { return Ok(()) };
    let binding = from.layout.bindings.get(&copy.src_binding).filter(|binding| is_dynamic(binding.kind));
    let (Some(binding), Some(set)) = (binding, descriptor_set(to)) else { return Ok(()) };
    let first = usize::try_from(binding.offsets_before + copy.src_array_element).unwrap_or(usize::MAX);
    let count = usize::try_from(copy.descriptor_count).unwrap_or(usize::MAX);
    // A set may be copied into itself.
    let source = from.leeway.get(first..).unwrap_or_default().iter().take(count);
    let leeway: Vec<_> = source.map(|leeway| leeway.load(Ordering::Relaxed)).collect();
    if set.give((copy.dst_binding, copy.dst_array_element), leeway.into_iter()) {
        object.renew();
    }
    Ok(())
}

fn descriptor_set(object: Option<&Arc<Object>>) -> Option<&DescriptorSet> {
    match &object?.data {
        Data::DescriptorSet(set) => Some(set),
        _ => None,
    }
}

/// Whether one write has its place and what its type needs.
pub(super) fn check_write(
    turn: &Turn<'_>,
    at: Address,
    layout: &SetLayout,
    variable: u32,
) -> Result<(), Reason> {
    use vk::DescriptorType as T;
    let write = *turn.get::<vk::WriteDescriptorSet>(at)?;
    let place = (write.dst_binding, write.dst_array_element);
    if !layout.takes(variable, place, write.descriptor_count, write.descriptor_type) {
        return Err(turn.invalid("a write goes beyond the layout of its set, or is of another type"));
    }
    match write.descriptor_type {
        T::SAMPLER | T::COMBINED_IMAGE_SAMPLER => {
            let immutable = layout.bindings.get(&write.dst_binding).is_some_and(|binding| binding.immutable);
            let list = write.image_info.expose_provenance() as Address;
            let infos = turn.slice::<vk::DescriptorImageInfo>(list, write.descriptor_count)?;
            if !immutable && infos.iter().any(|info| vk::Handle::is_null(info.sampler)) {
                return Err(turn.invalid("the sampler of a write is NULL"));
            }
        }
        T::SAMPLED_IMAGE | T::STORAGE_IMAGE | T::INPUT_ATTACHMENT => {
            let list = write.image_info.expose_provenance() as Address;
            turn.slice::<vk::DescriptorImageInfo>(list, write.descriptor_count)?;
        }
        T::UNIFORM_TEXEL_BUFFER | T::STORAGE_TEXEL_BUFFER => {
            turn.slice::<u64>(
                write.texel_buffer_view.expose_provenance() as Address,
                write.descriptor_count,
            )?;
        }
        T::UNIFORM_BUFFER | T::STORAGE_BUFFER | T::UNIFORM_BUFFER_DYNAMIC | T::STORAGE_BUFFER_DYNAMIC => {
            check_buffers(turn, &write)?;
        }
        T::INLINE_UNIFORM_BLOCK => check_inline(turn, at, &write)?,
        _ => return Err(turn.invalid("a write is of a type that guests are not offered")),
    }
    Ok(())
}

fn check_buffers(turn: &Turn<'_>, write: &vk::WriteDescriptorSet) -> Result<(), Reason> {
    let list = write.buffer_info.expose_provenance() as Address;
    let infos = turn.slice::<vk::DescriptorBufferInfo>(list, write.descriptor_count)?;
    for (index, info) in (0_u64..).zip(infos) {
        let Some(buffer) = turn.at(list + index * size_of::<vk::DescriptorBufferInfo>() as u64) else {
            continue;
        };
        let bytes = buffer.bytes();
        let end = if info.range == vk::WHOLE_SIZE {
            Some(info.offset)
        } else {
            info.offset.checked_add(info.range)
        };
        if info.offset >= bytes || end.is_none_or(|end| end > bytes) {
            return Err(turn.invalid("a write's range goes beyond its buffer"));
        }
    }
    Ok(())
}

fn check_inline(turn: &Turn<'_>, at: Address, write: &vk::WriteDescriptorSet) -> Result<(), Reason> {
    let kind = vk::StructureType::WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK;
    let found = venus::find(turn.arena, at, kind);
    let block = found.map(|at| turn.get::<vk::WriteDescriptorSetInlineUniformBlock>(at)).transpose()?;
    let aligned =
        [write.dst_array_element, write.descriptor_count].iter().all(|bytes| bytes.is_multiple_of(4));
    match block {
        Some(block) if block.data_size == write.descriptor_count && aligned => {
            turn.slice::<u8>(block.data.expose_provenance() as Address, block.data_size).map(|_| ())
        }
        _ => Err(turn.invalid("the data of an inline uniform block are not as many as the write says")),
    }
}

fn check_copy(turn: &Turn<'_>, at: Address) -> Result<(), Reason> {
    let copy = *turn.get::<vk::CopyDescriptorSet>(at)?;
    let set =
        |offset: usize| descriptor_set(turn.at(at + offset as u64)).ok_or(turn.invalid("a set is NULL"));
    let from = set(std::mem::offset_of!(vk::CopyDescriptorSet, src_set))?;
    let to = set(std::mem::offset_of!(vk::CopyDescriptorSet, dst_set))?;
    let kind =
        from.layout.bindings.get(&copy.src_binding).map_or(vk::DescriptorType::SAMPLER, |from| from.kind);
    let source = (copy.src_binding, copy.src_array_element);
    let place = (copy.dst_binding, copy.dst_array_element);
    let mutable = |set: &SetLayout, number| {
        set.bindings.get(number).is_some_and(|binding| binding.kind == vk::DescriptorType::MUTABLE_EXT)
    };
    let to_kind = if mutable(&to.layout, &copy.dst_binding) { vk::DescriptorType::MUTABLE_EXT } else { kind };
    let from_takes = from.layout.takes(from.variable_count, source, copy.descriptor_count, kind);
    if !from_takes || !to.layout.takes(to.variable_count, place, copy.descriptor_count, to_kind) {
        return Err(turn.invalid("a copy goes beyond the layout of a set, or between types"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUFFER: vk::DescriptorType = vk::DescriptorType::STORAGE_BUFFER;

    fn layout(bindings: &[(u32, vk::DescriptorType, u32)]) -> SetLayout {
        let stages = vk::ShaderStageFlags::COMPUTE;
        let (immutable, variable, late) = (false, false, false);
        let (offsets_before, slots_before) = (0, 0);
        let binding = |kind, count| Binding {
            kind,
            count,
            stages,
            immutable,
            variable,
            late,
            offsets_before,
            slots_before,
        };
        SetLayout {
            dynamic_count: 0,
            pushed: false,
            bindings: bindings
                .iter()
                .map(|(number, kind, count)| (*number, binding(*kind, *count)))
                .collect(),
        }
    }

    #[test]
    fn a_write_within_its_binding_is_taken_and_one_beyond_it_is_not() {
        let layout = layout(&[(3, BUFFER, 4)]);
        assert!(layout.takes(0, (3, 0), 4, BUFFER));
        assert!(layout.takes(0, (3, 3), 1, BUFFER));
        assert!(!layout.takes(0, (3, 3), 2, BUFFER));
        assert!(!layout.takes(0, (3, 4), 1, BUFFER));
        assert!(!layout.takes(0, (3, u32::MAX), u32::MAX, BUFFER));
        assert!(!layout.takes(0, (2, 0), 1, BUFFER));
        assert!(!layout.takes(0, (3, 0), 1, vk::DescriptorType::SAMPLER));
    }

    #[test]
    fn a_write_goes_on_in_the_next_binding_only_if_that_is_alike() {
        let layout = layout(&[(0, BUFFER, 2), (1, BUFFER, 2), (2, vk::DescriptorType::SAMPLER, 9)]);
        assert!(layout.takes(0, (0, 1), 3, BUFFER));
        assert!(!layout.takes(0, (0, 1), 4, BUFFER));
    }

    #[test]
    fn a_binding_of_variable_size_takes_as_many_as_were_allocated() {
        let mut layout = layout(&[(0, BUFFER, 100)]);
        layout.bindings.values_mut().for_each(|binding| binding.variable = true);
        assert!(layout.takes(7, (0, 0), 7, BUFFER));
        assert!(!layout.takes(7, (0, 0), 8, BUFFER));
    }
}
