//! How many descriptors a stage takes. Drivers have arrays of so many, and do not look.

use std::sync::Arc;

use vulkanalia_sys as vk;

use super::SetLayout;
use crate::render::vulkan::driver::{address_of_mut, pointer_to_mut};
use crate::render::vulkan::gpu::Gpu;
use crate::venus::CommandType;

/// Types that have a limit in common, and the limit.
type Limit = (&'static [vk::DescriptorType], u32);

/// All limits of a GPU.
pub(in crate::render::vulkan) type StageLimits = [Limit; 7];

const SAMPLERS: &[vk::DescriptorType] =
    &[vk::DescriptorType::SAMPLER, vk::DescriptorType::COMBINED_IMAGE_SAMPLER];
const SAMPLED_IMAGES: &[vk::DescriptorType] = &[
    vk::DescriptorType::SAMPLED_IMAGE,
    vk::DescriptorType::COMBINED_IMAGE_SAMPLER,
    vk::DescriptorType::UNIFORM_TEXEL_BUFFER,
];
const STORAGE_IMAGES: &[vk::DescriptorType] =
    &[vk::DescriptorType::STORAGE_IMAGE, vk::DescriptorType::STORAGE_TEXEL_BUFFER];
const UNIFORM_BUFFERS: &[vk::DescriptorType] =
    &[vk::DescriptorType::UNIFORM_BUFFER, vk::DescriptorType::UNIFORM_BUFFER_DYNAMIC];
const STORAGE_BUFFERS: &[vk::DescriptorType] =
    &[vk::DescriptorType::STORAGE_BUFFER, vk::DescriptorType::STORAGE_BUFFER_DYNAMIC];
const INPUT_ATTACHMENTS: &[vk::DescriptorType] = &[vk::DescriptorType::INPUT_ATTACHMENT];
const INLINE_BLOCKS: &[vk::DescriptorType] = &[vk::DescriptorType::INLINE_UNIFORM_BLOCK];

/// The limits of a GPU. Where sets can be updated after they were bound, there are more for such sets; some drivers
/// that cannot do that name such limits all the same.
fn limits(gpu: &Gpu) -> StageLimits {
    let mut late = vk::PhysicalDeviceDescriptorIndexingProperties::default();
    let next = pointer_to_mut(&mut late);
    let mut inline = vk::PhysicalDeviceInlineUniformBlockProperties { next, ..Default::default() };
    let next = pointer_to_mut(&mut inline);
    let mut properties = vk::PhysicalDeviceProperties2 { next, ..Default::default() };
    let arguments = [gpu.physical_device, address_of_mut(&mut properties)];
    _ = gpu.functions.call(CommandType::GetPhysicalDeviceProperties2, &arguments);
    if !updates_late(gpu) {
        late = vk::PhysicalDeviceDescriptorIndexingProperties::default();
    }
    let early = &gpu.properties.limits;
    let each = [
        (SAMPLERS, early.max_per_stage_descriptor_samplers),
        (SAMPLED_IMAGES, early.max_per_stage_descriptor_sampled_images),
        (STORAGE_IMAGES, early.max_per_stage_descriptor_storage_images),
        (UNIFORM_BUFFERS, early.max_per_stage_descriptor_uniform_buffers),
        (STORAGE_BUFFERS, early.max_per_stage_descriptor_storage_buffers),
        (INPUT_ATTACHMENTS, early.max_per_stage_descriptor_input_attachments),
        (INLINE_BLOCKS, inline.max_per_stage_descriptor_inline_uniform_blocks),
    ];
    let mut late = [
        late.max_per_stage_descriptor_update_after_bind_samplers,
        late.max_per_stage_descriptor_update_after_bind_sampled_images,
        late.max_per_stage_descriptor_update_after_bind_storage_images,
        late.max_per_stage_descriptor_update_after_bind_uniform_buffers,
        late.max_per_stage_descriptor_update_after_bind_storage_buffers,
        late.max_per_stage_descriptor_update_after_bind_input_attachments,
        inline.max_per_stage_descriptor_update_after_bind_inline_uniform_blocks,
    ]
    .into_iter();
    each.map(|(kinds, early)| (kinds, early.max(late.next().unwrap_or_default())))
}

fn updates_late(gpu: &Gpu) -> bool {
    let late: vk::PhysicalDeviceDescriptorIndexingFeatures = gpu.features();
    late.descriptor_binding_sampled_image_update_after_bind == vk::TRUE
}

/// Whether each stage takes what the sets of a pipeline's layout have for it.
pub(super) fn stages_take(gpu: &Gpu, sets: &[Option<Arc<SetLayout>>]) -> bool {
    let takes =
        |(kinds, most): &Limit| (0..u32::BITS).all(|stage| count(sets, kinds, stage) <= u64::from(*most));
    gpu.stage_limits.get_or_init(|| limits(gpu)).iter().all(takes)
}

/// Descriptors of these types that a stage sees. An inline block is one.
fn count(sets: &[Option<Arc<SetLayout>>], kinds: &[vk::DescriptorType], stage: u32) -> u64 {
    let bindings = sets.iter().flatten().flat_map(|set| set.bindings.values());
    let seen =
        bindings.filter(|binding| kinds.contains(&binding.kind) && binding.stages.bits() >> stage & 1 == 1);
    seen.map(|binding| if INLINE_BLOCKS.contains(&binding.kind) { 1 } else { u64::from(binding.count) }).sum()
}
