//! Buffers and images, and the memory that they are bound to.
//!
//! Memory that guests map is imported (see memory.rs), and what lies in imported memory must be made for it: every
//! buffer is, and every linear image. Images in a layout of the driver's choice need not be mapped, so they are kept
//! out of such memory wherever the GPU has other memory for them.

use std::sync::{Arc, Mutex, PoisonError};

use vulkanalia_sys::{self as vk, StructureType};

use super::driver::{address_of, address_of_mut, pointer_to, pointer_to_mut, result_of};
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
    /// How it is bound.
    flags: vk::BufferCreateFlags,
    bound: Mutex<Vec<Bound>>,
}

/// What we know of a VkImage.
pub(super) struct Image {
    pub(super) shape: Shape,
    optimal: bool,
    bound: Mutex<Vec<Bound>>,
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

/// Memory that something is bound to, which therefore lives as long.
struct Bound {
    /// The plane of an image whose planes are bound one by one.
    plane: vk::ImageAspectFlags,
    _memory: Arc<Object>,
}

/// vkCreateBuffer.
pub(super) fn create_buffer(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let device = Arc::clone(turn.first()?);
    let (info_at, id_at) = (turn.call.arg(1), turn.call.arg(3));
    let id = *turn.get::<u64>(id_at)?;
    turn.check_free(id)?;
    if let Err(result) = prepare_buffer(turn, info_at)? {
        return turn.refuse(ObjectType::Buffer, id, &device, result);
    }
    let info = *turn.get::<vk::BufferCreateInfo>(info_at)?;
    turn.create(ObjectType::Buffer, &device, |object| {
        let may_be_feedback = feedback::may_be(info.usage);
        let buffer = Buffer { bytes: info.size, may_be_feedback, flags: info.flags, bound: Mutex::default() };
        object.destroyed_by(CommandType::DestroyBuffer).with(Data::Buffer(buffer))
    })
}

/// Makes a VkBufferCreateInfo fit for imported memory. The inner error is what the guest is answered.
fn prepare_buffer(turn: &mut Turn<'_>, info_at: Address) -> Result<Result<(), vk::Result>, Reason> {
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
    _ = venus::unlink(turn.arena, info_at, StructureType::EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
    if imports_buffer(turn, &info) {
        let handle_types = HOST_ALLOCATION;
        let external = turn.put(vk::ExternalMemoryBufferCreateInfo { handle_types, ..Default::default() })?;
        venus::prepend(turn.arena, info_at, external);
    }
    Ok(Ok(()))
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
fn imports_buffer(turn: &Turn<'_>, info: &vk::BufferCreateInfo) -> bool {
    let wanted = vk::PhysicalDeviceExternalBufferInfo {
        flags: info.flags,
        usage: info.usage,
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
    let info_at = turn.call.arg(1);
    if !can_be_made(turn, turn.get::<vk::ImageCreateInfo>(info_at)?) {
        let id = *turn.get::<u64>(turn.call.arg(3))?;
        turn.check_free(id)?;
        return turn.refuse(ObjectType::Image, id, &device, vk::Result::ERROR_OUT_OF_DEVICE_MEMORY);
    }
    let info = prepare_image(turn, info_at)?;
    turn.create(ObjectType::Image, &device, |object| {
        let optimal = info.tiling == vk::ImageTiling::OPTIMAL;
        let image = Image { shape: Shape::of(&info), optimal, bound: Mutex::default() };
        object.destroyed_by(CommandType::DestroyImage).with(Data::Image(image))
    })
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

/// What the driver says of images of a kind; where it needs to know more than that, its limits.
fn most_of(turn: &Turn<'_>, info: &vk::ImageCreateInfo) -> vk::ImageFormatProperties {
    let wanted = vk::PhysicalDeviceImageFormatInfo2 {
        format: info.format,
        type_: info.image_type,
        tiling: info.tiling,
        usage: info.usage,
        flags: info.flags,
        ..Default::default()
    };
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

/// Makes a VkImageCreateInfo fit for imported memory, if it is a linear one or there is no other memory.
fn prepare_image(turn: &mut Turn<'_>, info_at: Address) -> Result<vk::ImageCreateInfo, Reason> {
    let mut info = *turn.get::<vk::ImageCreateInfo>(info_at)?;
    check_families(turn, info.sharing_mode, info.queue_family_indices, info.queue_family_index_count)?;
    _ = venus::unlink(turn.arena, info_at, StructureType::EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
    let may_be_mapped = info.tiling == vk::ImageTiling::LINEAR || turn.state.gpu.memory.types.all_mapped();
    if !may_be_mapped || !imports_image(turn, &info) {
        return Ok(info);
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
    Ok(info)
}

/// Whether such an image can lie in imported memory.
fn imports_image(turn: &Turn<'_>, info: &vk::ImageCreateInfo) -> bool {
    let external =
        vk::PhysicalDeviceExternalImageFormatInfo { handle_type: HOST_ALLOCATION, ..Default::default() };
    let wanted = vk::PhysicalDeviceImageFormatInfo2 {
        next: pointer_to(&external),
        format: info.format,
        type_: info.image_type,
        tiling: info.tiling,
        usage: info.usage,
        flags: info.flags,
        ..Default::default()
    };
    let mut external = vk::ExternalImageFormatProperties::default();
    let next = pointer_to_mut(&mut external);
    let mut found = vk::ImageFormatProperties2 { next, ..Default::default() };
    let gpu = &turn.state.gpu;
    let arguments = [gpu.physical_device, address_of(&wanted), address_of_mut(&mut found)];
    let result = gpu.functions.result(CommandType::GetPhysicalDeviceImageFormatProperties2, &arguments);
    let features = external.external_memory_properties.external_memory_features;
    result.is_ok() && features.contains(vk::ExternalMemoryFeatureFlags::IMPORTABLE)
}

/// vkGetBufferMemoryRequirements and vkGetImageMemoryRequirements: of images in a layout of the driver's choice the
/// memory types that guests map are left out, if others remain.
pub(super) fn requirements(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let optimal = is_optimal(turn.objects().nth(1));
    let returned = turn.pass()?;
    let at = turn.call.arg(2);
    leave_out(turn, at, optimal);
    Ok(Outcome::Done(returned))
}

/// vkGetBufferMemoryRequirements2 and vkGetImageMemoryRequirements2.
pub(super) fn requirements2(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let optimal = is_optimal(turn.objects().nth(1));
    let returned = turn.pass()?;
    let at = turn.call.arg(2) + std::mem::offset_of!(vk::MemoryRequirements2, memory_requirements) as Address;
    leave_out(turn, at, optimal);
    Ok(Outcome::Done(returned))
}

/// vkGetDeviceBufferMemoryRequirements.
pub(super) fn device_buffer_requirements(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::DeviceBufferMemoryRequirements>(turn.call.arg(1))?;
    if prepare_buffer(turn, info.create_info.expose_provenance() as Address)?.is_err() {
        return Err(turn.invalid("such a buffer cannot be made"));
    }
    turn.pass().map(Outcome::Done)
}

/// vkGetDeviceImageMemoryRequirements.
pub(super) fn device_image_requirements(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::DeviceImageMemoryRequirements>(turn.call.arg(1))?;
    check_can_be_made(turn, info.create_info)?;
    let image = prepare_image(turn, info.create_info.expose_provenance() as Address)?;
    let returned = turn.pass()?;
    let at = turn.call.arg(2) + std::mem::offset_of!(vk::MemoryRequirements2, memory_requirements) as Address;
    leave_out(turn, at, image.tiling == vk::ImageTiling::OPTIMAL);
    Ok(Outcome::Done(returned))
}

fn is_optimal(object: Option<&Arc<Object>>) -> bool {
    matches!(object.map(|object| &object.data), Some(Data::Image(image)) if image.optimal)
}

fn leave_out(turn: &mut Turn<'_>, at: Address, optimal: bool) {
    let mapped = turn.state.gpu.memory.types.mapped_bits();
    if let Some(requirements) = turn.arena.get_mut::<vk::MemoryRequirements>(at)
        && optimal
        && requirements.memory_type_bits & !mapped != 0
    {
        requirements.memory_type_bits &= !mapped;
    }
}

/// What is to be bound, and where.
struct Bind {
    object: Arc<Object>,
    memory: Arc<Object>,
    offset: u64,
    plane: vk::ImageAspectFlags,
}

/// vkBindBufferMemory and vkBindImageMemory.
pub(super) fn bind(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let null = turn.invalid("a handle is NULL that must not be");
    let object = Arc::clone(turn.argument(1).ok_or(null.clone())?);
    let memory = Arc::clone(turn.argument(2).ok_or(null)?);
    let bind = Bind { object, memory, offset: turn.call.arg(3), plane: vk::ImageAspectFlags::empty() };
    bind_all(turn, vec![bind])
}

/// vkBindBufferMemory2 and vkBindImageMemory2.
pub(super) fn bind2(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    use std::mem::offset_of;
    let (count, first) = (turn.call.arg(1), turn.call.arg(2));
    let images = turn.command() == CommandType::BindImageMemory2;
    let (stride, object_at, memory_at, offset_at) = if images {
        let stride = size_of::<vk::BindImageMemoryInfo>();
        let offset = offset_of!(vk::BindImageMemoryInfo, memory_offset);
        (
            stride,
            offset_of!(vk::BindImageMemoryInfo, image),
            offset_of!(vk::BindImageMemoryInfo, memory),
            offset,
        )
    } else {
        let stride = size_of::<vk::BindBufferMemoryInfo>();
        let offset = offset_of!(vk::BindBufferMemoryInfo, memory_offset);
        (
            stride,
            offset_of!(vk::BindBufferMemoryInfo, buffer),
            offset_of!(vk::BindBufferMemoryInfo, memory),
            offset,
        )
    };
    let null = turn.invalid("a handle is NULL that must not be");
    let mut binds = Vec::new();
    for info in (0..count).map(|index| first + index * stride as Address) {
        let object = Arc::clone(turn.at(info + object_at as Address).ok_or(null.clone())?);
        let memory = Arc::clone(turn.at(info + memory_at as Address).ok_or(null.clone())?);
        let offset = *turn.get::<u64>(info + offset_at as Address)?;
        binds.push(Bind { object, memory, offset, plane: plane(turn, info) });
    }
    bind_all(turn, binds)
}

/// The plane that a VkBindImageMemoryInfo is about.
fn plane(turn: &Turn<'_>, info: Address) -> vk::ImageAspectFlags {
    venus::find(turn.arena, info, StructureType::BIND_IMAGE_PLANE_MEMORY_INFO)
        .and_then(|at| turn.arena.get::<vk::BindImagePlaneMemoryInfo>(at))
        .map_or(vk::ImageAspectFlags::empty(), |info| info.plane_aspect)
}

/// Looks at what drivers do not look at, and binds.
fn bind_all(turn: &mut Turn<'_>, binds: Vec<Bind>) -> Result<Outcome, Reason> {
    for (index, bind) in binds.iter().enumerate() {
        let twice = |other: &Bind| Arc::ptr_eq(&other.object, &bind.object) && other.plane == bind.plane;
        if binds.iter().take(index).any(twice) {
            return Err(turn.invalid("something is bound twice"));
        }
        check(bind).map_err(|rule| turn.invalid(rule))?;
    }
    let returned = turn.pass()?;
    if result_of(returned) == vk::Result::SUCCESS {
        for Bind { object, memory, offset, plane } in binds {
            turn.state.feedback.bound(&object, &memory, offset);
            if let Some(bound) = bound(&object) {
                let memory = Bound { plane, _memory: memory };
                bound.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            }
        }
    }
    Ok(Outcome::Done(returned))
}

fn bound(object: &Object) -> Option<&Mutex<Vec<Bound>>> {
    match &object.data {
        Data::Buffer(buffer) => Some(&buffer.bound),
        Data::Image(image) => Some(&image.bound),
        _ => None,
    }
}

fn check(bind: &Bind) -> Result<(), &'static str> {
    let Data::Memory(memory) = &bind.memory.data else { return Err("the memory could not be allocated") };
    let (sparse, disjoint) = match &bind.object.data {
        Data::Buffer(buffer) => (buffer.flags.contains(vk::BufferCreateFlags::SPARSE_BINDING), false),
        Data::Image(image) => (
            image.shape.flags.contains(vk::ImageCreateFlags::SPARSE_BINDING),
            image.shape.flags.contains(vk::ImageCreateFlags::DISJOINT),
        ),
        _ => return Err("it is neither a buffer nor an image"),
    };
    if sparse {
        return Err("guests are offered nothing sparse");
    }
    if disjoint == bind.plane.is_empty() {
        return Err("the planes of a disjoint image, and no others, are bound one by one");
    }
    let bound = bound(&bind.object).ok_or("it is neither a buffer nor an image")?;
    if bound.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|bound| bound.plane == bind.plane) {
        return Err("something is bound twice");
    }
    if !Arc::ptr_eq(bind.memory.device(), bind.object.device()) {
        return Err("the memory is another device's");
    }
    let needed = needed(bind);
    if needed.memory_type_bits >> memory.type_index & 1 == 0 {
        return Err("the memory is of a type that does not fit");
    }
    if !bind.offset.is_multiple_of(needed.alignment.max(1)) {
        return Err("the offset in the memory is not aligned");
    }
    match bind.offset.checked_add(needed.size) {
        Some(end) if end <= memory.bytes => Ok(()),
        _ => Err("the memory ends too early"),
    }
}

/// What the driver asks of the memory.
fn needed(bind: &Bind) -> vk::MemoryRequirements {
    let object = &bind.object;
    let device = object.device().handle;
    if bind.plane.is_empty() {
        let mut found = vk::MemoryRequirements::default();
        let command = match object.kind {
            ObjectType::Image => CommandType::GetImageMemoryRequirements,
            _ => CommandType::GetBufferMemoryRequirements,
        };
        _ = object.functions.call(command, &[device, object.handle, address_of_mut(&mut found)]);
        return found;
    }
    let plane = vk::ImagePlaneMemoryRequirementsInfo { plane_aspect: bind.plane, ..Default::default() };
    let info = vk::ImageMemoryRequirementsInfo2 {
        next: pointer_to(&plane),
        image: vk::Handle::from_raw(object.handle),
        ..Default::default()
    };
    let mut found = vk::MemoryRequirements2::default();
    let arguments = [device, address_of(&info), address_of_mut(&mut found)];
    _ = object.functions.call(CommandType::GetImageMemoryRequirements2, &arguments);
    found.memory_requirements
}

/// Whether something lies in no memory that has to, before anything is done with it. Drivers do not look.
pub(super) fn is_unbound(object: &Object) -> bool {
    let bound = match &object.data {
        Data::Buffer(buffer) => &buffer.bound,
        Data::Image(image) => &image.bound,
        _ => return false,
    };
    bound.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}

/// Refuses commands that name what lies in no memory.
pub(super) fn check_bound(turn: &Turn<'_>) -> Result<(), Reason> {
    if turn.objects().any(|object| is_unbound(object)) {
        return Err(turn.invalid("a buffer or an image is bound to no memory"));
    }
    Ok(())
}

/// vkGetBufferDeviceAddress.
pub(super) fn device_address(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    check_bound(turn)?;
    turn.pass().map(Outcome::Done)
}

/// Refuses questions about images that the driver could not make.
fn check_can_be_made(turn: &Turn<'_>, info: *const vk::ImageCreateInfo) -> Result<Shape, Reason> {
    let info = turn.get::<vk::ImageCreateInfo>(info.expose_provenance() as Address)?;
    can_be_made(turn, info).then(|| Shape::of(info)).ok_or(turn.invalid("such an image cannot be made"))
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
    if image.optimal {
        return Err(turn.invalid("the image has no layout that is told"));
    }
    let at = turn.call.arg(2);
    let subresource = match turn.command() {
        CommandType::GetImageSubresourceLayout => *turn.get::<vk::ImageSubresource>(at)?,
        _ => turn.get::<vk::ImageSubresource2>(at)?.image_subresource,
    };
    image.shape.has_subresource(&subresource).map_err(|rule| turn.invalid(rule))?;
    turn.pass().map(Outcome::Done)
}

/// vkGetDeviceImageSubresourceLayout.
pub(super) fn device_subresource_layout(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::DeviceImageSubresourceInfo>(turn.call.arg(1))?;
    let shape = check_can_be_made(turn, info.create_info)?;
    let subresource = turn.get::<vk::ImageSubresource2>(info.subresource.expose_provenance() as Address)?;
    shape.has_subresource(&subresource.image_subresource).map_err(|rule| turn.invalid(rule))?;
    turn.pass().map(Outcome::Done)
}

/// vkGetBufferOpaqueCaptureAddress and vkGetDeviceMemoryOpaqueCaptureAddress: nothing can be made with them.
pub(super) fn no_capture_address() -> Outcome {
    Outcome::Done(0)
}
