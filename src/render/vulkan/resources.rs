//! Buffers and images, and the memory that they are bound to.
//!
//! Memory that guests map is imported (see memory.rs), and what lies in imported memory must be made for it: every
//! buffer is, and every linear image. Images in a layout of the driver's choice need not be mapped, so they are kept
//! out of such memory wherever the GPU has other memory for them.

mod binding;

use binding::Bound;
pub(super) use binding::{bind, bind2, check_bound, is_unbound};

use std::sync::{Arc, Mutex};

use vulkanalia_sys::{self as vk, StructureType};

use super::dma_buf::{self, Terms};
use super::driver::{address_of, address_of_mut, pointer_to, pointer_to_mut};
use super::feedback;
use super::objects::{Data, Object};
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::sys::Address;
use crate::venus::{self, CommandType, ObjectType};

const HOST_ALLOCATION: vk::ExternalMemoryHandleTypeFlags =
    vk::ExternalMemoryHandleTypeFlags::HOST_ALLOCATION_EXT;
/// No buffer of a GPU is larger, and sums with such sizes stay far from the end of 64 bits.
const BUFFER_BYTES_MAX: u64 = 1 << 47;

/// What we know of a VkBuffer.
pub(super) struct Buffer {
    /// Its size.
    pub(super) bytes: u64,
    /// It is for what a driver may look into for what the GPU did.
    pub(super) may_be_feedback: bool,
    home: Home,
    /// How it is bound.
    flags: vk::BufferCreateFlags,
    bound: Mutex<Vec<Bound>>,
}

/// What we know of a VkImage.
pub(super) struct Image {
    pub(super) shape: Shape,
    /// Its tiling, by the guest's name: for the driver, what has a modifier is linear.
    pub(super) tiling: vk::ImageTiling,
    home: Home,
    bound: Mutex<Vec<Bound>>,
}

/// Which memory types a buffer or an image can be bound to, of those that the driver allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    /// All.
    Anywhere,
    /// Those that are mapped, for what others are to see as well.
    Mapped,
    /// Those that are not mapped, if there are any.
    Unmapped,
}

/// What an image was made as.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) kind: vk::ImageType,
    pub(super) flags: vk::ImageCreateFlags,
    pub(super) format: vk::Format,
    pub(super) extent: vk::Extent3D,
    pub(super) levels: u32,
    pub(super) layers: u32,
    pub(super) samples: vk::SampleCountFlags,
}

impl Shape {
    fn of(info: &vk::ImageCreateInfo) -> Self {
        Self {
            kind: info.image_type,
            flags: info.flags,
            format: info.format,
            extent: info.extent,
            levels: info.mip_levels,
            layers: info.array_layers,
            samples: info.samples,
        }
    }
}

/// vkCreateBuffer.
pub(super) fn create_buffer(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let device = Arc::clone(turn.first()?);
    let (info_at, id_at) = (turn.call.arg(1), turn.call.arg(3));
    let id = *turn.get::<u64>(id_at)?;
    turn.check_free(id)?;
    let home = match prepare_buffer(turn, info_at)? {
        Ok(home) => home,
        Err(result) => return turn.refuse(ObjectType::Buffer, id, &device, result),
    };
    let info = *turn.get::<vk::BufferCreateInfo>(info_at)?;
    turn.create(ObjectType::Buffer, &device, |object| {
        let may_be_feedback = feedback::may_be(info.usage);
        let (bytes, flags, bound) = (info.size, info.flags, Mutex::default());
        let buffer = Buffer { bytes, may_be_feedback, home, flags, bound };
        object.destroyed_by(CommandType::DestroyBuffer).with(Data::Buffer(buffer))
    })
}

/// Makes a VkBufferCreateInfo fit for imported memory. The inner error is what the guest is answered.
fn prepare_buffer(turn: &mut Turn<'_>, info_at: Address) -> Result<Result<Home, vk::Result>, Reason> {
    let info = *turn.get::<vk::BufferCreateInfo>(info_at)?;
    if info.size == 0 || info.size > BUFFER_BYTES_MAX {
        return Ok(Err(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY));
    }
    check_families(turn, info.sharing_mode, info.queue_family_indices, info.queue_family_index_count)?;
    if names_address(turn, info_at)
        || info.flags.contains(vk::BufferCreateFlags::DEVICE_ADDRESS_CAPTURE_REPLAY)
    {
        return Ok(Err(vk::Result::ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS));
    }
    let home = if dma_buf::take_buffer(turn, info_at) { Home::Mapped } else { Home::Anywhere };
    if buffer_is_importable(turn, info.flags, info.usage) {
        let handle_types = HOST_ALLOCATION;
        let external = turn.put(vk::ExternalMemoryBufferCreateInfo { handle_types, ..Default::default() })?;
        venus::prepend(turn.arena, info_at, external);
    }
    Ok(Ok(home))
}

/// Drivers do not look at the families that share a buffer or an image.
fn check_families(
    turn: &Turn<'_>,
    mode: vk::SharingMode,
    list: *const u32,
    count: u32,
) -> Result<(), Reason> {
    if mode != vk::SharingMode::CONCURRENT {
        return Ok(());
    }
    let families = turn.state.gpu.queue_families.len();
    let known = |family: &u32| usize::try_from(*family).is_ok_and(|family| family < families);
    let indices: &[u32] = turn.slice(list.expose_provenance() as Address, count)?;
    if indices.iter().all(known) { Ok(()) } else { Err(turn.invalid("a queue family does not exist")) }
}

/// Whether a buffer is to lie where an earlier one lay, for programs that replay what they did.
fn names_address(turn: &Turn<'_>, info_at: Address) -> bool {
    let find = |kind| venus::find(turn.arena, info_at, kind);
    let opaque = find(StructureType::BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO)
        .and_then(|at| turn.arena.get::<vk::BufferOpaqueCaptureAddressCreateInfo>(at))
        .is_some_and(|info| info.opaque_capture_address != 0);
    let address = find(StructureType::BUFFER_DEVICE_ADDRESS_CREATE_INFO_EXT)
        .and_then(|at| turn.arena.get::<vk::BufferDeviceAddressCreateInfoEXT>(at))
        .is_some_and(|info| info.device_address != 0);
    opaque || address
}

/// Whether such a buffer can lie in imported memory.
pub(super) fn buffer_is_importable(
    turn: &Turn<'_>,
    flags: vk::BufferCreateFlags,
    usage: vk::BufferUsageFlags,
) -> bool {
    let wanted = vk::PhysicalDeviceExternalBufferInfo {
        flags,
        usage,
        handle_type: HOST_ALLOCATION,
        ..Default::default()
    };
    let mut found = vk::ExternalBufferProperties::default();
    let gpu = &turn.state.gpu;
    let arguments = [gpu.physical_device, address_of(&wanted), address_of_mut(&mut found)];
    _ = gpu.functions.call(CommandType::GetPhysicalDeviceExternalBufferProperties, &arguments);
    let features = found.external_memory_properties.external_memory_features;
    features.contains(vk::ExternalMemoryFeatureFlags::IMPORTABLE)
}

/// vkCreateImage.
pub(super) fn create_image(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let device = Arc::clone(turn.first()?);
    let id = *turn.get::<u64>(turn.call.arg(3))?;
    turn.check_free(id)?;
    let made = match prepare_image(turn, turn.call.arg(1))? {
        Ok(made) => made,
        Err(result) => return turn.refuse(ObjectType::Image, id, &device, result),
    };
    let outcome = turn.create(ObjectType::Image, &device, |object| {
        let (shape, tiling) = (made.shape, made.terms.tiling);
        let image = Image { shape, tiling, home: made.home, bound: Mutex::default() };
        object.destroyed_by(CommandType::DestroyImage).with(Data::Image(image))
    })?;
    let image = turn.state.objects.get(id).filter(|object| object.handle != 0);
    if image.is_none_or(|image| made.terms.are_met(image)) {
        return Ok(outcome);
    }
    turn.state.objects.remove(id);
    let result = vk::Result::ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT;
    turn.refuse(ObjectType::Image, id, &device, result)
}

/// Whether an image is as large as the driver says that such images may be, for it does not look again.
fn can_be_made(turn: &Turn<'_>, info: &vk::ImageCreateInfo) -> bool {
    let (wanted, most) = (info.extent, most_of(turn, info));
    let wanted = [wanted.width, wanted.height, wanted.depth, info.mip_levels, info.array_layers];
    let extent = most.max_extent;
    let levels_max = most
        .max_mip_levels
        .min(u32::BITS - wanted.iter().take(3).fold(0, |all, size| all | size).leading_zeros());
    let most_of_each = [extent.width, extent.height, extent.depth, levels_max, most.max_array_layers];
    let fits = wanted.iter().zip(most_of_each).all(|(wanted, most)| (1..=most).contains(wanted));
    fits && info.samples.bits().is_power_of_two() && most.sample_counts.contains(info.samples)
}

/// The kind of an image, as the driver is asked about it.
fn format_info(info: &vk::ImageCreateInfo) -> vk::PhysicalDeviceImageFormatInfo2 {
    vk::PhysicalDeviceImageFormatInfo2 {
        format: info.format,
        type_: info.image_type,
        tiling: info.tiling,
        usage: info.usage,
        flags: info.flags,
        ..Default::default()
    }
}

/// What the driver says of images of a kind; where it needs to know more than that, its limits.
fn most_of(turn: &Turn<'_>, info: &vk::ImageCreateInfo) -> vk::ImageFormatProperties {
    let wanted = format_info(info);
    let mut found = vk::ImageFormatProperties2::default();
    let gpu = &turn.state.gpu;
    let arguments = [gpu.physical_device, address_of(&wanted), address_of_mut(&mut found)];
    if gpu.functions.result(CommandType::GetPhysicalDeviceImageFormatProperties2, &arguments).is_ok() {
        return found.image_format_properties;
    }
    let limits = &gpu.properties.limits;
    let (width, height, depth) = match info.image_type {
        vk::ImageType::_1D => (limits.max_image_dimension_1d, 1, 1),
        vk::ImageType::_2D => (limits.max_image_dimension_2d, limits.max_image_dimension_2d, 1),
        _ => [limits.max_image_dimension_3d; 3].into(),
    };
    vk::ImageFormatProperties {
        max_extent: vk::Extent3D { width, height, depth },
        max_mip_levels: u32::BITS,
        max_array_layers: limits.max_image_array_layers,
        sample_counts: vk::SampleCountFlags::all(),
        ..Default::default()
    }
}

/// An image that can be made.
struct Made {
    shape: Shape,
    terms: Terms,
    home: Home,
}

/// Makes a VkImageCreateInfo fit for the driver, and for imported memory if its image is a linear one or is shared, or
/// there is no other memory. The inner error is what the guest is answered.
fn prepare_image(turn: &mut Turn<'_>, info_at: Address) -> Result<Result<Made, vk::Result>, Reason> {
    let terms = match dma_buf::take_image(turn, info_at)? {
        Ok(terms) => terms,
        Err(result) => return Ok(Err(result)),
    };
    let mut info = *turn.get::<vk::ImageCreateInfo>(info_at)?;
    if !can_be_made(turn, &info) {
        return Ok(Err(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY));
    }
    check_families(turn, info.sharing_mode, info.queue_family_indices, info.queue_family_index_count)?;
    let home = match (terms.shared, info.tiling) {
        (true, _) => Home::Mapped,
        (false, vk::ImageTiling::OPTIMAL) => Home::Unmapped,
        _ => Home::Anywhere,
    };
    let made = Made { shape: Shape::of(&info), terms, home };
    if !image_is_importable(turn, &format_info(&info)) {
        return Ok(Ok(made));
    }
    // An image for imported memory starts undefined. What a guest wrote into it before its first use would be lost
    // to drivers that keep more than its pixels; those of linear images do not.
    if info.initial_layout == vk::ImageLayout::PREINITIALIZED {
        info.initial_layout = vk::ImageLayout::UNDEFINED;
        turn.set(info_at, info)?;
    }
    let handle_types = HOST_ALLOCATION;
    let external = turn.put(vk::ExternalMemoryImageCreateInfo { handle_types, ..Default::default() })?;
    venus::prepend(turn.arena, info_at, external);
    Ok(Ok(made))
}

/// Whether such an image can lie in imported memory. Where there is other memory, only linear ones are ever put there.
pub(super) fn image_is_importable(turn: &Turn<'_>, info: &vk::PhysicalDeviceImageFormatInfo2) -> bool {
    if info.tiling != vk::ImageTiling::LINEAR && !turn.state.gpu.memory.types.all_mapped() {
        return false;
    }
    let external =
        vk::PhysicalDeviceExternalImageFormatInfo { handle_type: HOST_ALLOCATION, ..Default::default() };
    let wanted = vk::PhysicalDeviceImageFormatInfo2 { next: pointer_to(&external), ..*info };
    let mut external = vk::ExternalImageFormatProperties::default();
    let next = pointer_to_mut(&mut external);
    let mut found = vk::ImageFormatProperties2 { next, ..Default::default() };
    let gpu = &turn.state.gpu;
    let arguments = [gpu.physical_device, address_of(&wanted), address_of_mut(&mut found)];
    let result = gpu.functions.result(CommandType::GetPhysicalDeviceImageFormatProperties2, &arguments);
    let features = external.external_memory_properties.external_memory_features;
    result.is_ok() && features.contains(vk::ExternalMemoryFeatureFlags::IMPORTABLE)
}

/// vkGetBufferMemoryRequirements and vkGetImageMemoryRequirements: without the memory types where it is not to lie.
pub(super) fn requirements(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let home = home(turn.objects().nth(1));
    let returned = turn.pass()?;
    let at = turn.call.arg(2);
    leave_out(turn, at, home);
    Ok(Outcome::Done(returned))
}

/// vkGetBufferMemoryRequirements2 and vkGetImageMemoryRequirements2.
pub(super) fn requirements2(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let home = home(turn.objects().nth(1));
    let returned = turn.pass()?;
    let at = turn.call.arg(2) + std::mem::offset_of!(vk::MemoryRequirements2, memory_requirements) as Address;
    leave_out(turn, at, home);
    Ok(Outcome::Done(returned))
}

/// vkGetDeviceBufferMemoryRequirements.
pub(super) fn device_buffer_requirements(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::DeviceBufferMemoryRequirements>(turn.call.arg(1))?;
    let home = prepare_buffer(turn, info.create_info.expose_provenance() as Address)?;
    let home = home.map_err(|_| turn.invalid("such a buffer cannot be made"))?;
    let returned = turn.pass()?;
    let at = turn.call.arg(2) + std::mem::offset_of!(vk::MemoryRequirements2, memory_requirements) as Address;
    leave_out(turn, at, home);
    Ok(Outcome::Done(returned))
}

/// vkGetDeviceImageMemoryRequirements.
pub(super) fn device_image_requirements(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::DeviceImageMemoryRequirements>(turn.call.arg(1))?;
    let image = check_can_be_made(turn, info.create_info)?;
    let returned = turn.pass()?;
    let at = turn.call.arg(2) + std::mem::offset_of!(vk::MemoryRequirements2, memory_requirements) as Address;
    leave_out(turn, at, image.home);
    Ok(Outcome::Done(returned))
}

fn home(object: Option<&Arc<Object>>) -> Home {
    match object.map(|object| &object.data) {
        Some(Data::Buffer(buffer)) => buffer.home,
        Some(Data::Image(image)) => image.home,
        _ => Home::Anywhere,
    }
}

/// Leaves the memory types out where something is not to lie, if others remain.
fn leave_out(turn: &mut Turn<'_>, at: Address, home: Home) {
    let mapped = turn.state.gpu.memory.types.mapped_bits();
    let wanted = match home {
        Home::Anywhere => return,
        Home::Mapped => mapped,
        Home::Unmapped => !mapped,
    };
    if let Some(requirements) = turn.arena.get_mut::<vk::MemoryRequirements>(at)
        && requirements.memory_type_bits & wanted != 0
    {
        requirements.memory_type_bits &= wanted;
    }
}

/// vkGetBufferDeviceAddress.
pub(super) fn device_address(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    check_bound(turn)?;
    turn.pass().map(Outcome::Done)
}

/// Refuses questions about images that the driver could not make.
fn check_can_be_made(turn: &mut Turn<'_>, info: *const vk::ImageCreateInfo) -> Result<Made, Reason> {
    let made = prepare_image(turn, info.expose_provenance() as Address)?;
    made.map_err(|_| turn.invalid("such an image cannot be made"))
}

/// vkGetDeviceImageSparseMemoryRequirements.
pub(super) fn device_sparse_requirements(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::DeviceImageMemoryRequirements>(turn.call.arg(1))?;
    check_can_be_made(turn, info.create_info)?;
    turn.pass().map(Outcome::Done)
}

/// vkGetImageSubresourceLayout and vkGetImageSubresourceLayout2: of images whose layout is not the driver's choice.
pub(super) fn subresource_layout(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let Some(Data::Image(image)) = turn.objects().nth(1).map(|object| &object.data) else {
        return Err(turn.invalid("the image is NULL"));
    };
    if image.tiling == vk::ImageTiling::OPTIMAL {
        return Err(turn.invalid("the image has no layout that is told"));
    }
    let (shape, tiling, at) = (image.shape, image.tiling, turn.call.arg(2));
    let inner = std::mem::offset_of!(vk::ImageSubresource2, image_subresource) as Address;
    let single = turn.command() == CommandType::GetImageSubresourceLayout;
    name_subresource(turn, if single { at } else { at + inner }, &shape, tiling)?;
    turn.pass().map(Outcome::Done)
}

/// vkGetDeviceImageSubresourceLayout.
pub(super) fn device_subresource_layout(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::DeviceImageSubresourceInfo>(turn.call.arg(1))?;
    let image = check_can_be_made(turn, info.create_info)?;
    let inner = std::mem::offset_of!(vk::ImageSubresource2, image_subresource) as Address;
    let at = info.subresource.expose_provenance() as Address + inner;
    name_subresource(turn, at, &image.shape, image.terms.tiling)?;
    turn.pass().map(Outcome::Done)
}

/// Checks which part of an image is meant. The plane of one with a modifier is the colour of the driver's linear one.
fn name_subresource(
    turn: &mut Turn<'_>,
    at: Address,
    shape: &Shape,
    tiling: vk::ImageTiling,
) -> Result<(), Reason> {
    let mut subresource = *turn.get::<vk::ImageSubresource>(at)?;
    let has_modifier = tiling == vk::ImageTiling::DRM_FORMAT_MODIFIER_EXT;
    if has_modifier && subresource.aspect_mask == vk::ImageAspectFlags::MEMORY_PLANE_0_EXT {
        subresource.aspect_mask = vk::ImageAspectFlags::COLOR;
        turn.set(at, subresource)?;
    }
    shape.has_subresource(&subresource).map_err(|rule| turn.invalid(rule))
}

/// vkGetBufferOpaqueCaptureAddress and vkGetDeviceMemoryOpaqueCaptureAddress: nothing can be made with them.
pub(super) fn no_capture_address() -> Outcome {
    Outcome::Done(0)
}
