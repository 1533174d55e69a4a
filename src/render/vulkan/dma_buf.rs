//! What guests share as dma-bufs: with their display, and with others of their programs and drivers.
//!
//! A guest's dma-buf is one of its own kernel: memory of a virtio-gpu resource, which lies in the heap. The host's
//! driver hears nothing of that. To it such an image is a linear one in memory that it imported (see memory.rs), so
//! DRM_FORMAT_MOD_LINEAR is the one modifier that guests are offered, and what is shared lies in memory that is mapped.

use std::sync::Arc;

use vulkanalia_sys::{self as vk, StructureType};

use super::driver::{address_of, address_of_mut};
use super::formats;
use super::objects::{Data, Object};
use super::physical_device::{change, query};
use super::queries::lower_half;
use super::reason::Reason;
use super::resources::{buffer_is_importable, image_is_importable};
use super::turn::{Outcome, Turn};
use crate::sys::{Address, CStruct};
use crate::venus::{self, CommandType, ObjectType};

const DMA_BUF: vk::ExternalMemoryHandleTypeFlags = vk::ExternalMemoryHandleTypeFlags::DMA_BUF_EXT;
/// DRM_FORMAT_MOD_LINEAR, as the kernel's drm_fourcc.h has it.
const LINEAR: u64 = 0;
/// Beyond what the specification reserves for the number of a family: every driver knows the one, few know the other.
const EXTERNAL: u32 = vk::QUEUE_FAMILY_EXTERNAL;
const FOREIGN: u32 = vk::QUEUE_FAMILY_FOREIGN_EXT;

/// What guests are told of memory that they share.
const SHARED: vk::ExternalMemoryProperties = vk::ExternalMemoryProperties {
    external_memory_features: vk::ExternalMemoryFeatureFlags::EXPORTABLE
        .union(vk::ExternalMemoryFeatureFlags::IMPORTABLE),
    export_from_imported_handle_types: DMA_BUF,
    compatible_handle_types: DMA_BUF,
};

/// Whether images of a format can have a modifier: those of one plane.
fn is_of_one_plane(format: vk::Format) -> bool {
    formats::aspects(format) == vk::ImageAspectFlags::COLOR
}

/// vkGetPhysicalDeviceFormatProperties2, with the modifiers that a format has.
pub(super) fn format_properties2(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let first = turn.call.arg(2);
    let format = vk::Format::from_raw(lower_half(turn.call.arg(1)).cast_signed());
    // The lists are laid out alike, and a driver may fill in what it knows. What the guest asked for is read before.
    let kinds = [
        StructureType::DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT,
        StructureType::DRM_FORMAT_MODIFIER_PROPERTIES_LIST_2_EXT,
    ];
    let asked = kinds.map(|kind| {
        let at = venus::find(turn.arena, first, kind)?;
        Some((at, *turn.arena.get::<vk::DrmFormatModifierPropertiesListEXT>(at)?))
    });
    let returned = query(turn)?;
    let properties = turn.get::<vk::FormatProperties2>(first)?.format_properties;
    let features = properties.linear_tiling_features;
    let count = u32::from(is_of_one_plane(format) && !features.is_empty());
    for (kind, (at, list)) in kinds.into_iter().zip(asked).filter_map(|(kind, asked)| Some((kind, asked?))) {
        let elements = list.drm_format_modifier_properties.expose_provenance() as Address;
        let count = if elements == 0 { count } else { count.min(list.drm_format_modifier_count) };
        turn.set(at, vk::DrmFormatModifierPropertiesListEXT { drm_format_modifier_count: count, ..list })?;
        if elements == 0 || count == 0 {
            continue;
        }
        let (drm_format_modifier, drm_format_modifier_plane_count) = (LINEAR, 1);
        match kind {
            StructureType::DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT => turn.set(
                elements,
                vk::DrmFormatModifierPropertiesEXT {
                    drm_format_modifier,
                    drm_format_modifier_plane_count,
                    drm_format_modifier_tiling_features: features,
                },
            )?,
            _ => turn.set(
                elements,
                vk::DrmFormatModifierProperties2EXT {
                    drm_format_modifier,
                    drm_format_modifier_plane_count,
                    drm_format_modifier_tiling_features: vk::FormatFeatureFlags2::from_bits_truncate(
                        features.bits().into(),
                    ),
                },
            )?,
        }
    }
    Ok(returned)
}

/// vkGetPhysicalDeviceImageFormatProperties2, of linear images for what a guest calls modifiers, and of images in
/// imported memory for what it shares.
pub(super) fn image_format2(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let at = turn.call.arg(1);
    let modifier = StructureType::PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT;
    let modifier = venus::unlink(turn.arena, at, modifier)
        .and_then(|at| turn.arena.get::<vk::PhysicalDeviceImageDrmFormatModifierInfoEXT>(at))
        .map(|info| info.drm_format_modifier);
    let external = StructureType::PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO;
    let handle_type = venus::unlink(turn.arena, at, external)
        .and_then(|at| turn.arena.get::<vk::PhysicalDeviceExternalImageFormatInfo>(at))
        .map(|info| info.handle_type)
        .unwrap_or_default();
    let mut info = *turn.get::<vk::PhysicalDeviceImageFormatInfo2>(at)?;
    let unsupported = Ok(vk::Result::ERROR_FORMAT_NOT_SUPPORTED.into());
    if info.tiling == vk::ImageTiling::DRM_FORMAT_MODIFIER_EXT {
        if modifier != Some(LINEAR) || !is_of_one_plane(info.format) {
            return unsupported;
        }
        info.tiling = vk::ImageTiling::LINEAR;
        turn.set(at, info)?;
    }
    let shared = handle_type == DMA_BUF;
    if (!shared && !handle_type.is_empty()) || (shared && !image_is_importable(turn, &info)) {
        return unsupported;
    }
    let returned = query(turn)?;
    let told = venus::find(turn.arena, turn.call.arg(2), StructureType::EXTERNAL_IMAGE_FORMAT_PROPERTIES);
    if let Some(at) = told.filter(|_| shared) {
        change(turn, at, |told: &mut vk::ExternalImageFormatProperties| {
            told.external_memory_properties = SHARED;
        })?;
    }
    Ok(returned)
}

/// vkGetPhysicalDeviceExternalBufferProperties.
pub(super) fn external_buffers(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::PhysicalDeviceExternalBufferInfo>(turn.call.arg(1))?;
    if info.handle_type == DMA_BUF && buffer_is_importable(turn, info.flags, info.usage) {
        change(turn, turn.call.arg(2), |told: &mut vk::ExternalBufferProperties| {
            told.external_memory_properties = SHARED;
        })?;
    }
    Ok(Outcome::Done(0))
}

/// Takes out of a VkBufferCreateInfo that it is for memory of others'. Whether it is to be shared.
pub(super) fn take_buffer(turn: &mut Turn<'_>, info_at: Address) -> bool {
    venus::unlink(turn.arena, info_at, StructureType::EXTERNAL_MEMORY_BUFFER_CREATE_INFO)
        .and_then(|at| turn.arena.get::<vk::ExternalMemoryBufferCreateInfo>(at))
        .is_some_and(|info| info.handle_types.contains(DMA_BUF))
}

/// What a VkImageCreateInfo said that the host's driver is not to see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Its tiling, by the guest's name.
    pub(super) tiling: vk::ImageTiling,
    /// Whether it is to be shared.
    pub(super) shared: bool,
    /// Bytes from one row to the next, where the image was laid out by somebody else.
    row_pitch: Option<u64>,
}

/// Makes an image with a modifier a linear one. The inner error is what the guest is answered.
pub(super) fn take_image(turn: &mut Turn<'_>, info_at: Address) -> Result<Result<Terms, vk::Result>, Reason> {
    let mut unlink = |kind| venus::unlink(turn.arena, info_at, kind);
    let external = unlink(StructureType::EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
    let list = unlink(StructureType::IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT);
    let explicit = unlink(StructureType::IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT);
    let shared = external
        .and_then(|at| turn.arena.get::<vk::ExternalMemoryImageCreateInfo>(at))
        .is_some_and(|info| info.handle_types.contains(DMA_BUF));
    let info = *turn.get::<vk::ImageCreateInfo>(info_at)?;
    let tiling = info.tiling;
    if tiling != vk::ImageTiling::DRM_FORMAT_MODIFIER_EXT {
        return Ok(Ok(Terms { tiling, shared, row_pitch: None }));
    }
    let row_pitch = explicit.map(|at| row_pitch(turn, at)).transpose()?.flatten();
    let listed = list.map(|at| lists_linear(turn, at)).transpose()?.unwrap_or_default();
    if !is_of_one_plane(info.format) || !(listed || row_pitch.is_some()) {
        return Ok(Err(vk::Result::ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT));
    }
    turn.set(info_at, vk::ImageCreateInfo { tiling: vk::ImageTiling::LINEAR, ..info })?;
    Ok(Ok(Terms { tiling, shared, row_pitch }))
}

fn lists_linear(turn: &Turn<'_>, at: Address) -> Result<bool, Reason> {
    let list = turn.get::<vk::ImageDrmFormatModifierListCreateInfoEXT>(at)?;
    let modifiers = list.drm_format_modifiers.expose_provenance() as Address;
    Ok(turn.slice::<u64>(modifiers, list.drm_format_modifier_count)?.contains(&LINEAR))
}

/// The rows of an image of one linear plane that begins where its memory does; `None` for any other layout.
fn row_pitch(turn: &Turn<'_>, at: Address) -> Result<Option<u64>, Reason> {
    let info = *turn.get::<vk::ImageDrmFormatModifierExplicitCreateInfoEXT>(at)?;
    let planes = info.plane_layouts.expose_provenance() as Address;
    let planes = turn.slice::<vk::SubresourceLayout>(planes, info.drm_format_modifier_plane_count)?;
    Ok(match planes {
        [plane] if info.drm_format_modifier == LINEAR && plane.offset == 0 => Some(plane.row_pitch),
        _ => None,
    })
}

impl Terms {
    /// Whether the driver laid an image out as somebody else did who made its memory.
    pub(super) fn are_met(&self, image: &Arc<Object>) -> bool {
        self.row_pitch.is_none_or(|wanted| {
            let aspect_mask = vk::ImageAspectFlags::COLOR;
            let subresource = vk::ImageSubresource { aspect_mask, mip_level: 0, array_layer: 0 };
            let mut found = vk::SubresourceLayout::default();
            let arguments =
                [image.device_handle, image.handle, address_of(&subresource), address_of_mut(&mut found)];
            _ = image.functions.call(CommandType::GetImageSubresourceLayout, &arguments);
            (found.offset, found.row_pitch) == (0, wanted)
        })
    }
}

/// vkGetImageDrmFormatModifierPropertiesEXT.
pub(super) fn modifier(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    match &turn.of(ObjectType::Image)?.data {
        Data::Image(image) if image.tiling == vk::ImageTiling::DRM_FORMAT_MODIFIER_EXT => (),
        _ => return Err(turn.invalid("the image has no modifier")),
    }
    change(turn, turn.call.arg(2), |told: &mut vk::ImageDrmFormatModifierPropertiesEXT| {
        told.drm_format_modifier = LINEAR;
    })?;
    Ok(vk::Result::SUCCESS.into())
}

/// A barrier that may hand a buffer or an image over.
trait Transfer: CStruct {
    fn families(&mut self) -> [&mut u32; 2];
}

macro_rules! transfers {
    ($($name:ty),+) => {
        $(impl Transfer for $name {
            fn families(&mut self) -> [&mut u32; 2] {
                [&mut self.src_queue_family_index, &mut self.dst_queue_family_index]
            }
        })+
    };
}

transfers!(
    vk::BufferMemoryBarrier,
    vk::BufferMemoryBarrier2,
    vk::ImageMemoryBarrier,
    vk::ImageMemoryBarrier2
);

/// vkCmdPipelineBarrier and vkCmdWaitEvents: the number of the argument that counts the buffers.
pub(super) fn barriers(turn: &mut Turn<'_>, count: usize) -> Result<(), Reason> {
    let count_of = |index| lower_half(turn.call.arg(index));
    let (buffers, images) = (count_of(count), count_of(count + 2));
    name_owners::<vk::BufferMemoryBarrier>(turn, turn.call.arg(count + 1), buffers)?;
    name_owners::<vk::ImageMemoryBarrier>(turn, turn.call.arg(count + 3), images)
}

/// vkCmdPipelineBarrier2, vkCmdSetEvent2 and vkCmdWaitEvents2: of so many VkDependencyInfo.
pub(super) fn dependencies(turn: &mut Turn<'_>, at: Address, count: u32) -> Result<(), Reason> {
    for info in turn.slice::<vk::DependencyInfo>(at, count)?.to_vec() {
        let buffers = info.buffer_memory_barriers.expose_provenance() as Address;
        let images = info.image_memory_barriers.expose_provenance() as Address;
        name_owners::<vk::BufferMemoryBarrier2>(turn, buffers, info.buffer_memory_barrier_count)?;
        name_owners::<vk::ImageMemoryBarrier2>(turn, images, info.image_memory_barrier_count)?;
    }
    Ok(())
}

/// Who has what is shared while this device has not, by the name that every driver knows.
fn name_owners<T: Transfer>(turn: &mut Turn<'_>, at: Address, count: u32) -> Result<(), Reason> {
    for index in 0..u64::from(count) {
        change(turn, at + index * size_of::<T>() as u64, |barrier: &mut T| {
            barrier
                .families()
                .into_iter()
                .filter(|family| **family == FOREIGN)
                .for_each(|family| *family = EXTERNAL);
        })?;
    }
    Ok(())
}
