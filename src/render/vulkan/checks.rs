//! What a driver does not look at while commands are recorded, and would write or read beyond bounds for.

use std::sync::Arc;

use vulkanalia_sys as vk;

use super::descriptors::{self, PipelineLayout};
use super::objects::{Data, Object};
use super::queries::{lower_half, pool};
use super::reason::Reason;
use super::recording::check_secondaries;
use super::turn::Turn;
use super::{dma_buf, images};
use crate::sys::{Address, CStruct};
use crate::venus::CommandType;

/// Sizes of what indirect commands read.
const DISPATCH_BYTES: u64 = size_of::<vk::DispatchIndirectCommand>() as u64;
const DRAW_BYTES: u64 = size_of::<vk::DrawIndirectCommand>() as u64;
const DRAW_INDEXED_BYTES: u64 = size_of::<vk::DrawIndexedIndirectCommand>() as u64;
const MESH_BYTES: u64 = size_of::<vk::DrawMeshTasksIndirectCommandEXT>() as u64;
const OFFSETS: &str = "there are more or fewer offsets than dynamic buffers";
/// What vkCmdUpdateBuffer takes at most.
const UPDATE_BYTES_MAX: u64 = 65_536;

/// Looks at a command that is about to be recorded.
pub(super) fn check(turn: &mut Turn<'_>) -> Result<(), Reason> {
    use CommandType as C;
    let at = |index: usize| turn.call.arg(index);
    let small = |index: usize| lower_half(turn.call.arg(index));
    match turn.command() {
        C::CmdBindPipeline => pipeline(turn),
        C::CmdBindDescriptorSets => descriptor_sets(turn, (small(3), small(4), at(5)), (small(6), at(7))),
        C::CmdBindDescriptorSets2 => {
            let info = *turn.get::<vk::BindDescriptorSetsInfo>(at(1))?;
            let sets = info.descriptor_sets.expose_provenance() as Address;
            descriptor_sets(
                turn,
                (info.first_set, info.descriptor_set_count, sets),
                (info.dynamic_offset_count, info.dynamic_offsets.expose_provenance() as Address),
            )
        }
        C::CmdPushConstants => push_constants(turn, small(2), small(3), small(4)),
        C::CmdPushConstants2 => {
            let info = *turn.get::<vk::PushConstantsInfo>(at(1))?;
            push_constants(turn, info.stage_flags.bits(), info.offset, info.size)
        }
        C::CmdPushDescriptorSet => pushed_set(turn, small(3), small(4), at(5)),
        C::CmdPushDescriptorSet2 => {
            let info = *turn.get::<vk::PushDescriptorSetInfo>(at(1))?;
            let writes = info.descriptor_writes.expose_provenance() as Address;
            pushed_set(turn, info.set, info.descriptor_write_count, writes)
        }
        C::CmdPushDescriptorSetWithTemplate | C::CmdPushDescriptorSetWithTemplate2 => {
            Err(Reason::NotOffered(turn.command()))
        }
        C::CmdDispatch => workgroups(turn, [small(1), small(2), small(3)]),
        C::CmdDispatchBase => dispatch_base(turn),
        C::CmdDispatchIndirect => range(turn, 1, at(2), DISPATCH_BYTES),
        C::CmdDrawIndirect => array(turn, (1, at(2)), (small(3), small(4)), DRAW_BYTES),
        C::CmdDrawIndexedIndirect => array(turn, (1, at(2)), (small(3), small(4)), DRAW_INDEXED_BYTES),
        C::CmdDrawMeshTasksIndirectEXT => array(turn, (1, at(2)), (small(3), small(4)), MESH_BYTES),
        C::CmdDrawIndirectCount => counted(turn, DRAW_BYTES),
        C::CmdDrawIndexedIndirectCount => counted(turn, DRAW_INDEXED_BYTES),
        C::CmdDrawMeshTasksIndirectCountEXT => counted(turn, MESH_BYTES),
        C::CmdSetViewport | C::CmdSetScissor => viewports(turn, small(1), small(2)),
        C::CmdSetViewportWithCount | C::CmdSetScissorWithCount => viewports(turn, 0, small(1)),
        C::CmdFillBuffer => fill(turn, at(2), at(3)),
        C::CmdUpdateBuffer => update(turn, at(2), at(3)),
        C::CmdCopyBuffer => copy(turn),
        C::CmdCopyBuffer2 => copy2(turn),
        C::CmdBindIndexBuffer | C::CmdBindIndexBuffer2 => range(turn, 1, at(2), 0),
        C::CmdBindVertexBuffers | C::CmdBindVertexBuffers2 => vertex_buffers(turn, small(1), small(2)),
        C::CmdBeginQuery | C::CmdEndQuery | C::CmdBeginQueryIndexedEXT | C::CmdEndQueryIndexedEXT => {
            queries(turn, small(2), 1)
        }
        C::CmdWriteTimestamp | C::CmdWriteTimestamp2 => queries(turn, small(3), 1),
        C::CmdResetQueryPool => queries(turn, small(2), small(3)),
        C::CmdCopyQueryPoolResults => query_results(turn),
        C::CmdExecuteCommands => check_secondaries(turn),
        _ => of_images(turn),
    }
}

/// Commands that name parts of images.
fn of_images(turn: &mut Turn<'_>) -> Result<(), Reason> {
    use CommandType as C;
    let at = |index: usize| turn.call.arg(index);
    match turn.command() {
        C::CmdCopyImage => images::between(turn, false),
        C::CmdResolveImage => images::between(turn, true),
        C::CmdCopyImage2 => images::between2(turn, false),
        C::CmdResolveImage2 => images::between2(turn, true),
        C::CmdCopyBufferToImage => images::texels(turn, 2, 1, 4),
        C::CmdCopyImageToBuffer => images::texels(turn, 1, 3, 4),
        C::CmdCopyBufferToImage2 => images::to_image2(turn),
        C::CmdCopyImageToBuffer2 => images::to_buffer2(turn),
        C::CmdBlitImage => images::blit(turn),
        C::CmdBlitImage2 => images::blit2(turn),
        C::CmdClearColorImage => images::clear(turn, vk::ImageAspectFlags::COLOR),
        C::CmdClearDepthStencilImage => {
            images::clear(turn, vk::ImageAspectFlags::DEPTH | vk::ImageAspectFlags::STENCIL)
        }
        C::CmdPipelineBarrier => barriers(turn, 6),
        C::CmdWaitEvents => barriers(turn, 7),
        C::CmdPipelineBarrier2 => dependencies(turn, at(1), 1),
        C::CmdSetEvent2 => dependencies(turn, at(2), 1),
        C::CmdWaitEvents2 => dependencies(turn, at(3), lower_half(at(1))),
        _ => Ok(()),
    }
}

/// Barriers for buffers, counted by the argument of this number, and for images, which follow.
fn barriers(turn: &mut Turn<'_>, count: usize) -> Result<(), Reason> {
    dma_buf::barriers(turn, count)?;
    images::barriers(turn, count + 2)
}

fn dependencies(turn: &mut Turn<'_>, at: Address, count: u32) -> Result<(), Reason> {
    dma_buf::dependencies(turn, at, count)?;
    images::dependencies(turn, at, count)
}

/// A range of the buffer that is the argument of a number; 0 bytes: only its start must lie in the buffer.
fn range(turn: &Turn<'_>, argument: usize, offset: u64, bytes: u64) -> Result<(), Reason> {
    // A NULL buffer is for the codec to refuse where the specification has none.
    turn.argument(argument).map_or(Ok(()), |buffer| within(turn, buffer, offset, bytes))
}

fn within(turn: &Turn<'_>, buffer: &Object, offset: u64, bytes: u64) -> Result<(), Reason> {
    let inside = offset.checked_add(bytes).is_some_and(|end| end <= buffer.bytes());
    inside.then_some(()).ok_or(turn.invalid("it goes beyond the end of a buffer"))
}

/// `count` elements of `bytes` each, a stride apart.
fn array(
    turn: &Turn<'_>,
    (argument, offset): (usize, u64),
    (count, stride): (u32, u32),
    bytes: u64,
) -> Result<(), Reason> {
    let Some(before) = count.checked_sub(1) else { return Ok(()) };
    range(turn, argument, offset, u64::from(before) * u64::from(stride) + bytes)
}

/// vkCmdDraw…IndirectCount: the draws, and the count.
fn counted(turn: &Turn<'_>, bytes: u64) -> Result<(), Reason> {
    let [count, stride] = [5, 6].map(|index| lower_half(turn.call.arg(index)));
    array(turn, (1, turn.call.arg(2)), (count, stride), bytes)?;
    range(turn, 3, turn.call.arg(4), size_of::<u32>() as u64)
}

fn pipeline(turn: &Turn<'_>) -> Result<(), Reason> {
    let point = i32::from_ne_bytes(lower_half(turn.call.arg(1)).to_ne_bytes());
    match turn.of(crate::venus::ObjectType::Pipeline)?.data {
        Data::Pipeline { point: made_for } if made_for.as_raw() == point => Ok(()),
        _ => Err(turn.invalid("the pipeline is for another bind point")),
    }
}

fn layout<'t>(turn: &'t Turn<'_>) -> Result<&'t PipelineLayout, Reason> {
    match &turn.of(crate::venus::ObjectType::PipelineLayout)?.data {
        Data::PipelineLayout(layout) => Ok(layout),
        _ => Err(turn.invalid("it names no pipeline layout")),
    }
}

/// Sets must be such as the layout has at their places, with an offset for each of their dynamic buffers.
fn descriptor_sets(
    turn: &Turn<'_>,
    (first, count, sets): (u32, u32, Address),
    (offset_count, offsets): (u32, Address),
) -> Result<(), Reason> {
    let layout = layout(turn)?;
    let mut offsets = turn.slice::<u32>(offsets, offset_count)?;
    for index in 0..count {
        let place = first.checked_add(index).and_then(|place| usize::try_from(place).ok());
        let expected = place.and_then(|place| layout.sets.get(place));
        let expected = expected.ok_or(turn.invalid("the layout has fewer sets"))?;
        let Some(object) = turn.at(sets + u64::from(index) * size_of::<u64>() as u64) else { continue };
        let Data::DescriptorSet(set) = &object.data else { continue };
        let alike = |expected: &Arc<_>| Arc::ptr_eq(expected, &set.layout) || **expected == *set.layout;
        if !expected.as_ref().is_some_and(alike) {
            return Err(turn.invalid("a set is of another layout"));
        }
        let taken = usize::try_from(set.layout.dynamic_count).unwrap_or(usize::MAX);
        let (own, rest) = offsets.split_at_checked(taken).ok_or(turn.invalid(OFFSETS))?;
        if !set.takes_offsets(own) {
            return Err(turn.invalid("a dynamic offset moves a range beyond its buffer"));
        }
        offsets = rest;
    }
    offsets.is_empty().then_some(()).ok_or(turn.invalid(OFFSETS))
}

fn push_constants(turn: &Turn<'_>, stages: u32, offset: u32, bytes: u32) -> Result<(), Reason> {
    let end = offset.checked_add(bytes).ok_or(turn.invalid("the range of push constants wraps around"))?;
    let holds = |(range_stages, start, size): &(vk::ShaderStageFlags, u32, u32)| {
        range_stages.bits() & stages != 0
            && *start <= offset
            && start.checked_add(*size).is_some_and(|last| end <= last)
    };
    let inside = layout(turn)?.push_constants.iter().any(holds);
    inside.then_some(()).ok_or(turn.invalid("the layout has no such range of push constants"))
}

fn pushed_set(turn: &Turn<'_>, set: u32, count: u32, writes: Address) -> Result<(), Reason> {
    let sets = &layout(turn)?.sets;
    let set = usize::try_from(set).ok().and_then(|set| sets.get(set)?.clone());
    let set = set.filter(|set| set.pushed).ok_or(turn.invalid("the layout has no such set to push to"))?;
    (0..u64::from(count)).try_for_each(|index| {
        descriptors::check_write(turn, writes + index * size_of::<vk::WriteDescriptorSet>() as u64, &set, 0)
    })
}

fn workgroups(turn: &Turn<'_>, counts: [u32; 3]) -> Result<(), Reason> {
    let most = turn.state.gpu.properties.limits.max_compute_work_group_count;
    let within = counts.iter().zip(most.iter()).all(|(count, most)| count <= most);
    within.then_some(()).ok_or(turn.invalid("there are more workgroups than the GPU takes"))
}

fn dispatch_base(turn: &Turn<'_>) -> Result<(), Reason> {
    let end =
        |index: usize| lower_half(turn.call.arg(index)).saturating_add(lower_half(turn.call.arg(index + 3)));
    workgroups(turn, [end(1), end(2), end(3)])
}

fn fill(turn: &Turn<'_>, offset: u64, bytes: u64) -> Result<(), Reason> {
    if !offset.is_multiple_of(4) || (bytes != vk::WHOLE_SIZE && !bytes.is_multiple_of(4)) {
        return Err(turn.invalid("the range is not made of whole words"));
    }
    range(turn, 1, offset, if bytes == vk::WHOLE_SIZE { 0 } else { bytes })
}

fn update(turn: &Turn<'_>, offset: u64, bytes: u64) -> Result<(), Reason> {
    if bytes > UPDATE_BYTES_MAX || !bytes.is_multiple_of(4) || !offset.is_multiple_of(4) {
        return Err(turn.invalid("the data are more than 65536 bytes or not made of whole words"));
    }
    range(turn, 1, offset, bytes)
}

fn copy(turn: &Turn<'_>) -> Result<(), Reason> {
    let buffers = (turn.argument(1), turn.argument(2));
    let regions = turn.slice::<vk::BufferCopy>(turn.call.arg(4), lower_half(turn.call.arg(3)))?;
    copies(turn, buffers, regions, |region| (region.src_offset, region.dst_offset, region.size))
}

fn copy2(turn: &Turn<'_>) -> Result<(), Reason> {
    let at = turn.call.arg(1);
    let info = *turn.get::<vk::CopyBufferInfo2>(at)?;
    let buffer = |offset: usize| turn.at(at + offset as u64);
    let from = buffer(std::mem::offset_of!(vk::CopyBufferInfo2, src_buffer));
    let to = buffer(std::mem::offset_of!(vk::CopyBufferInfo2, dst_buffer));
    let regions =
        turn.slice::<vk::BufferCopy2>(info.regions.expose_provenance() as Address, info.region_count)?;
    copies(turn, (from, to), regions, |region| (region.src_offset, region.dst_offset, region.size))
}

fn copies<T: CStruct>(
    turn: &Turn<'_>,
    (from, to): (Option<&Arc<Object>>, Option<&Arc<Object>>),
    regions: &[T],
    parts: impl Fn(&T) -> (u64, u64, u64),
) -> Result<(), Reason> {
    let (Some(from), Some(to)) = (from, to) else { return Err(turn.invalid("a buffer is NULL")) };
    regions.iter().map(parts).try_for_each(|(from_offset, to_offset, bytes)| {
        within(turn, from, from_offset, bytes)?;
        within(turn, to, to_offset, bytes)
    })
}

fn vertex_buffers(turn: &Turn<'_>, first: u32, count: u32) -> Result<(), Reason> {
    let most = turn.state.gpu.properties.limits.max_vertex_input_bindings;
    if first.checked_add(count).is_none_or(|end| end > most) {
        return Err(turn.invalid("there are more vertex buffers than the GPU takes"));
    }
    let (buffers, offsets) = (turn.call.arg(3), turn.slice::<u64>(turn.call.arg(4), count)?);
    (0_u64..).zip(offsets).try_for_each(|(index, offset)| {
        let buffer = turn.at(buffers + index * size_of::<u64>() as u64);
        buffer.map_or(Ok(()), |buffer| within(turn, buffer, *offset, 0))
    })
}

fn viewports(turn: &Turn<'_>, first: u32, count: u32) -> Result<(), Reason> {
    let most = turn.state.gpu.properties.limits.max_viewports;
    let within = first.checked_add(count).is_some_and(|end| end <= most);
    within.then_some(()).ok_or(turn.invalid("there are more viewports than the GPU takes"))
}

fn queries(turn: &Turn<'_>, first: u32, count: u32) -> Result<(), Reason> {
    pool(turn)?.has(first, count).then_some(()).ok_or(turn.invalid("the pool has fewer queries"))
}

fn query_results(turn: &Turn<'_>) -> Result<(), Reason> {
    let [first, count] = [2, 3].map(|index| lower_half(turn.call.arg(index)));
    queries(turn, first, count)?;
    let flags = vk::QueryResultFlags::from_bits_truncate(lower_half(turn.call.arg(7)));
    let bytes = pool(turn)?.bytes(count, turn.call.arg(6), flags);
    range(turn, 4, turn.call.arg(5), bytes.ok_or(turn.invalid("the stride is too large"))?)
}
