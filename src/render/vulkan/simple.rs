//! Objects that need no thought: made by (device, pCreateInfo, pAllocator, pHandle), destroyed by (device, handle,
//! pAllocator). They keep whatever their pCreateInfo names.

use std::sync::Arc;

use super::reason::Reason;
use super::resources;
use super::turn::{Outcome, Turn};
use crate::venus::{CommandType, ObjectType};

/// What a command makes, and the command that destroys it.
fn made_by(command: CommandType) -> Option<(ObjectType, CommandType)> {
    Some(match command {
        CommandType::CreateEvent => (ObjectType::Event, CommandType::DestroyEvent),
        CommandType::CreateBufferView => (ObjectType::BufferView, CommandType::DestroyBufferView),
        CommandType::CreateImageView => (ObjectType::ImageView, CommandType::DestroyImageView),
        CommandType::CreateSampler => (ObjectType::Sampler, CommandType::DestroySampler),
        CommandType::CreateFramebuffer => (ObjectType::Framebuffer, CommandType::DestroyFramebuffer),
        CommandType::CreateRenderPass | CommandType::CreateRenderPass2 => {
            (ObjectType::RenderPass, CommandType::DestroyRenderPass)
        }
        CommandType::CreateSamplerYcbcrConversion => {
            (ObjectType::SamplerYcbcrConversion, CommandType::DestroySamplerYcbcrConversion)
        }
        CommandType::CreatePrivateDataSlot => {
            (ObjectType::PrivateDataSlot, CommandType::DestroyPrivateDataSlot)
        }
        _ => return None,
    })
}

/// Whether a command only takes the guest's name of an object away.
pub(super) fn destroys(command: CommandType) -> bool {
    use CommandType as C;
    matches!(
        command,
        C::DestroyEvent
            | C::DestroyBufferView
            | C::DestroyImageView
            | C::DestroySampler
            | C::DestroyFramebuffer
            | C::DestroyRenderPass
            | C::DestroySamplerYcbcrConversion
            | C::DestroyPrivateDataSlot
            | C::DestroyBuffer
            | C::DestroyImage
            | C::DestroyFence
            | C::DestroySemaphore
            | C::DestroyQueryPool
            | C::DestroyShaderModule
            | C::DestroyPipeline
            | C::DestroyPipelineLayout
            | C::DestroyPipelineCache
            | C::DestroyDescriptorSetLayout
            | C::DestroyDescriptorUpdateTemplate
    )
}

/// Makes an object that needs no thought, or no more of it.
pub(super) fn create_any(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let (kind, destroy) = made_by(turn.command()).ok_or(Reason::NotOffered(turn.command()))?;
    resources::check_bound(turn)?;
    let device = Arc::clone(turn.first()?);
    let needs: Vec<_> = turn.objects().skip(1).cloned().collect();
    turn.create(kind, &device, |object| {
        let object = object.destroyed_by(destroy);
        needs.into_iter().for_each(|need| object.keep(need));
        object
    })
}
