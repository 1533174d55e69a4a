//! Buffers and images bound to memory: once, to memory that fits. Drivers do not look.

use std::sync::{Arc, Mutex, PoisonError};

use vulkanalia_sys::{self as vk, StructureType};

use crate::render::vulkan::driver::{address_of, address_of_mut, pointer_to, result_of};
use crate::render::vulkan::objects::{Data, Object};
use crate::render::vulkan::reason::Reason;
use crate::render::vulkan::turn::{Outcome, Turn};
use crate::sys::Address;
use crate::venus::{self, CommandType, ObjectType};

/// Memory that something is bound to, which therefore lives as long.
pub(super) struct Bound {
    /// The plane of an image whose planes are bound one by one.
    plane: vk::ImageAspectFlags,
    _memory: Arc<Object>,
}

/// What is to be bound, and where.
struct Bind {
    object: Arc<Object>,
    memory: Arc<Object>,
    offset: u64,
    plane: vk::ImageAspectFlags,
}

/// vkBindBufferMemory and vkBindImageMemory.
pub(in crate::render::vulkan) fn bind(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let null = turn.invalid("a handle is NULL that must not be");
    let object = Arc::clone(turn.argument(1).ok_or(null.clone())?);
    let memory = Arc::clone(turn.argument(2).ok_or(null)?);
    let bind = Bind { object, memory, offset: turn.call.arg(3), plane: vk::ImageAspectFlags::empty() };
    bind_all(turn, vec![bind])
}

/// vkBindBufferMemory2 and vkBindImageMemory2.
pub(in crate::render::vulkan) fn bind2(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
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
pub(in crate::render::vulkan) fn is_unbound(object: &Object) -> bool {
    let bound = match &object.data {
        Data::Buffer(buffer) => &buffer.bound,
        Data::Image(image) => &image.bound,
        _ => return false,
    };
    bound.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}

/// Refuses commands that name what lies in no memory.
pub(in crate::render::vulkan) fn check_bound(turn: &Turn<'_>) -> Result<(), Reason> {
    if turn.objects().any(|object| is_unbound(object)) {
        return Err(turn.invalid("a buffer or an image is bound to no memory"));
    }
    Ok(())
}
