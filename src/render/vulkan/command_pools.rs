//! Command pools and their command buffers.

use std::sync::Arc;

use vulkanalia_sys as vk;

use super::objects::Data;
use super::queue;
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::venus::{CommandType, ObjectType};

/// vkCreateCommandPool.
pub(super) fn create(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::CommandPoolCreateInfo>(turn.call.arg(1))?;
    let device = Arc::clone(turn.first()?);
    let Data::Device(known) = &device.data else { return Err(turn.invalid("it names no device")) };
    if !known.queues.iter().any(|(family, ..)| *family == info.queue_family_index) {
        return Err(turn.invalid("the device was made without queues of this family"));
    }
    let resets = info.flags.contains(vk::CommandPoolCreateFlags::RESET_COMMAND_BUFFER);
    turn.create(ObjectType::CommandPool, &device, |pool| {
        pool.with(Data::CommandPool { resets }).destroyed_by(CommandType::DestroyCommandPool)
    })
}

/// vkResetCommandPool.
pub(super) fn reset(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let pool = Arc::clone(turn.of(ObjectType::CommandPool)?);
    if !queue::is_idle(turn.state, &pool) {
        return Err(turn.invalid("a command buffer of the pool is still in use by a submission"));
    }
    let returned = turn.pass()?;
    for buffer in turn.children(&pool) {
        let place = turn.state.objects.find(buffer.id);
        if let Some((buffer, recording)) = place.and_then(|place| turn.state.objects.recording(place)) {
            recording.reset(buffer);
        }
    }
    Ok(Outcome::Done(returned))
}

/// vkAllocateCommandBuffers.
pub(super) fn allocate(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::CommandBufferAllocateInfo>(turn.call.arg(1))?;
    let pool = Arc::clone(turn.of(ObjectType::CommandPool)?);
    let secondary = info.level == vk::CommandBufferLevel::SECONDARY;
    turn.create_many(ObjectType::CommandBuffer, &pool, info.command_buffer_count, |buffer, _| {
        buffer.with(Data::CommandBuffer { secondary }).destroyed_by(CommandType::FreeCommandBuffers)
    })
}
