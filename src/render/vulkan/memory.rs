//! Memory of devices: charged, imported where guests map it, zero when they first see it.
//!
//! What guests map lies in a file of its own, which they are given, or in the heap: see memory/imports.rs.
//!
//! What is over a limit is answered with an error. Mesa's guests do not wait for that answer and go on to use the
//! memory; then they lose their context, and the log says why.

mod bench;
pub(super) mod heaps;
mod imports;
mod probe;
mod types;

pub use imports::{AttachError, Imports};
pub(super) use imports::{Attached, Import, resource_properties};
pub use probe::ProbeError;
pub(super) use probe::{Found, probe};

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vulkanalia_sys::{self as vk, StructureType};

use super::context::{Context, State};
use super::descriptors;
use super::driver::Failure;
use super::feedback::{Polled, Use};
use super::objects::{Data, Object};
use super::queue;
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::quota::{Charge, NoneLeft, OverLimit, Taken};
use crate::sys::{Address, ImportMemoryResourceInfoMESA, Pages};
use crate::venus::{self, CommandType, ObjectType};
use bench::Bench;

/// Allocations that one client may have: what Vulkan promises at least. Each takes a descriptor and a mapping.
pub(super) const ALLOCATIONS_MAX: usize = 4096;

const IMPORT_MEMORY_RESOURCE_INFO_MESA: StructureType = StructureType::from_raw(1_000_384_002);

/// What we know of a VkDeviceMemory.
pub(super) struct Memory {
    /// The type that the guest chose.
    pub(super) type_index: u32,
    /// What the driver has.
    pub(super) bytes: u64,
    /// The pages that it was imported from, which the guest maps. They go after the driver's object.
    pages: Option<Arc<Pages>>,
    /// Where they lie in the heap.
    import: Option<Import>,
    used: Mutex<Use>,
    _charge: Charge,
    _mapping: Option<Taken>,
    _counted: Counted,
}

impl Memory {
    /// Where guests see it who map it.
    pub(super) fn polled(&self) -> Option<Polled<'_>> {
        match self.import {
            Some(Import { id, range }) => Some(Polled::Heap(id, range)),
            None => Some(Polled::File(self.pages.as_ref()?.file()?, self.bytes)),
        }
    }

    /// What it is taken for.
    pub(super) fn used(&self) -> MutexGuard<'_, Use> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many allocations there are: one less than the pointers to it.
#[derive(Clone, Default)]
pub(super) struct Counted(Arc<()>);

impl Counted {
    fn count(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

/// Memory that is not handed out to be mapped.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The client was given up.
    #[error("the client lost its device: {0}")]
    Lost(Reason),
    /// No such memory.
    #[error("{0:#x} is no memory of this client")]
    Unknown(u64),
    /// It could not be allocated.
    #[error("memory {id:#x} could not be allocated: {refusal}")]
    Tombstone {
        /// The guest's name of it.
        id: u64,
        /// Why.
        refusal: String,
    },
    /// Its type is not visible to the host.
    #[error("memory {0:#x} is of a type that the host does not see")]
    NotMapped(u64),
    /// It is smaller.
    #[error("memory {id:#x} has {has} bytes, fewer than the {wanted} that are to be mapped")]
    TooSmall {
        /// The guest's name of it.
        id: u64,
        /// Its size.
        has: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// No descriptor is left.
    #[error("the host gives no descriptor for memory: {0}")]
    Host(#[from] io::Error),
}

impl Context {
    /// The file behind memory that a guest wants to map `bytes` of.
    pub fn export(&self, memory_id: u64, bytes: u64) -> Result<OwnedFd, Refusal> {
        let state = &mut *self.state();
        if let Some(reason) = &state.lost {
            return Err(Refusal::Lost(reason.clone()));
        }
        let object = state.objects.get(memory_id).filter(|object| object.kind == ObjectType::DeviceMemory);
        let object = object.ok_or(Refusal::Unknown(memory_id))?;
        let memory = match &object.data {
            Data::Memory(memory) => memory,
            Data::Tombstone(refusal) => {
                return Err(Refusal::Tombstone { id: memory_id, refusal: refusal.clone() });
            }
            _ => return Err(Refusal::Unknown(memory_id)),
        };
        let pages = memory.pages.as_ref().ok_or(Refusal::NotMapped(memory_id))?;
        if bytes > pages.bytes() {
            return Err(Refusal::TooSmall { id: memory_id, has: pages.bytes(), wanted: bytes });
        }
        let file = pages.share()?;
        state.feedback.note(object);
        Ok(file)
    }
}

/// Why an allocation is refused; the guest reads the result, operators the words.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("it has no bytes, or more than can be counted")]
    Size,
    #[error("there is no memory type {0}")]
    Type(u32),
    #[error("a client may have {ALLOCATIONS_MAX} allocations")]
    TooMany,
    #[error("it names a resource of virtio-gpu, and this transport has none")]
    NoHeap,
    #[error("resource {0} has no range of the heap in this context")]
    Unknown(u32),
    #[error("memory type {0} is not one that guests map, so it cannot lie in the heap")]
    NotImportable(u32),
    #[error(
        "it takes {wanted} bytes, for the driver imports multiples of {alignment}, and resource {id} has {has}; \
         allocate a multiple of that"
    )]
    TooSmall { id: u32, has: u64, wanted: u64, alignment: u64 },
    #[error("it names no resource of virtio-gpu, so the guest's Mesa is older than 24.0")]
    OldGuest,
    #[error("it is to lie at an address of the guest's choice")]
    Address,
    #[error("it is to be cleared and the client has no queue yet")]
    NoQueue,
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    #[error(transparent)]
    NoneLeft(#[from] NoneLeft),
    #[error("the host has no memory for it: {0}")]
    Host(#[from] io::Error),
}

impl Refused {
    fn result(&self) -> vk::Result {
        match self {
            Self::NoHeap | Self::Unknown(_) | Self::NotImportable(_) | Self::TooSmall { .. } => {
                vk::Result::ERROR_INVALID_EXTERNAL_HANDLE
            }
            Self::Address => vk::Result::ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS,
            Self::Host(_) => vk::Result::ERROR_OUT_OF_HOST_MEMORY,
            Self::TooMany | Self::NoneLeft(_) => vk::Result::ERROR_TOO_MANY_OBJECTS,
            _ => vk::Result::ERROR_OUT_OF_DEVICE_MEMORY,
        }
    }
}

/// An allocation that goes no further.
enum Stop {
    Refused(Refused),
    Lost(Reason),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Lost(reason)
    }
}

impl<R: Into<Refused>> From<R> for Stop {
    fn from(refused: R) -> Self {
        Self::Refused(refused.into())
    }
}

/// vkAllocateMemory.
pub(super) fn allocate(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let device = Arc::clone(turn.first()?);
    let (info_at, id_at) = (turn.call.arg(1), turn.call.arg(3));
    let id = *turn.get::<u64>(id_at)?;
    turn.check_free(id)?;
    let (memory, bench) = match prepare(turn, &device, info_at) {
        Ok(prepared) => prepared,
        Err(Stop::Lost(reason)) => return Err(reason),
        Err(Stop::Refused(why)) => {
            return turn.refuse_because(ObjectType::DeviceMemory, id, &device, (why.result(), &why));
        }
    };
    let (type_index, bytes, is_import) = (memory.type_index, memory.bytes, memory.import.is_some());
    let outcome = turn.create(ObjectType::DeviceMemory, &device, |object| {
        object.destroyed_by(CommandType::FreeMemory).with(Data::Memory(memory))
    })?;
    let object = turn.state.objects.get(id).filter(|object| object.handle != 0);
    if let Some(object) = object.filter(|_| is_import) {
        // The guest maps it already.
        turn.state.feedback.note(object);
    }
    if let (Some(bench), Some(object)) = (bench, object) {
        let cleared = bench.clear(object.handle, type_index, bytes);
        cleared.map_err(|failure| Reason::GivenUp(format!("memory that could not be cleared: {failure}")))?;
    }
    Ok(outcome)
}

/// Charges for what a guest wants, and has its chain name our pages if it is to be mapped. What comes beside the memory
/// clears it.
fn prepare(
    turn: &mut Turn<'_>,
    device: &Arc<Object>,
    info_at: Address,
) -> Result<(Memory, Option<Bench>), Stop> {
    let mut info = *turn.get::<vk::MemoryAllocateInfo>(info_at)?;
    let resource = venus::unlink(turn.arena, info_at, IMPORT_MEMORY_RESOURCE_INFO_MESA)
        .and_then(|at| turn.arena.get::<ImportMemoryResourceInfoMESA>(at))
        .map(|info| info.resource_id);
    if names_address(turn, info_at) {
        return Err(Refused::Address.into());
    }
    _ = venus::unlink(turn.arena, info_at, StructureType::EXPORT_MEMORY_ALLOCATE_INFO);
    let sizes = (info.memory_type_index, info.allocation_size);
    let memory = take(turn.context, turn.state, device, sizes, resource)?;
    let bench = clearing(turn.state, device, &memory)?;
    info.allocation_size = memory.bytes;
    info.next = turn.get::<vk::MemoryAllocateInfo>(info_at)?.next;
    turn.set(info_at, info)?;
    if let Some(pages) = &memory.pages {
        let address = usize::try_from(pages.address()).unwrap_or_default();
        let import = turn.put(vk::ImportMemoryHostPointerInfoEXT {
            handle_type: vk::ExternalMemoryHandleTypeFlags::HOST_ALLOCATION_EXT,
            host_pointer: std::ptr::with_exposed_provenance_mut(address),
            ..Default::default()
        })?;
        venus::prepend(turn.arena, info_at, import);
    }
    Ok((memory, bench))
}

/// Whether an allocation is to lie where an earlier one lay, for programs that replay what they did.
fn names_address(turn: &Turn<'_>, info_at: Address) -> bool {
    venus::find(turn.arena, info_at, StructureType::MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO)
        .and_then(|at| turn.arena.get::<vk::MemoryOpaqueCaptureAddressAllocateInfo>(at))
        .is_some_and(|info| info.opaque_capture_address != 0)
}

/// Charges for memory, and takes pages for it if it is to be mapped: new ones, or those of a resource.
fn take(
    context: &Context,
    state: &mut State,
    device: &Arc<Object>,
    (type_index, bytes): (u32, u64),
    resource: Option<u32>,
) -> Result<Memory, Refused> {
    let types = &state.gpu.memory.types;
    let mapped = types.is_mapped(type_index).ok_or(Refused::Type(type_index))?;
    let bytes = types.bytes_taken(type_index, bytes).filter(|bytes| *bytes > 0).ok_or(Refused::Size)?;
    let import = match (&state.attached, resource) {
        (None, None) => None,
        (None, Some(_)) => return Err(Refused::NoHeap),
        (Some(_), None) if !mapped => None,
        (Some(attached), None) => {
            attached.tell_of_old_guest(context.name());
            return Err(Refused::OldGuest);
        }
        (Some(_), Some(_)) if !mapped => return Err(Refused::NotImportable(type_index)),
        (Some(attached), Some(id)) => Some(attached.find(id, bytes, types.import_alignment())?),
    };
    let room = |state: &State| match state.allocations.count() {
        ALLOCATIONS_MAX.. => Err(Refused::TooMany),
        _ => {
            // The heap is charged for already.
            let ledger = state.attached.as_ref().filter(|_| mapped).map_or(&state.ledger, Attached::ledger);
            Ok((ledger.charge(bytes)?, mapped.then(|| state.mappings.take()).transpose()?))
        }
    };
    let (charge, mapping) = room(state).or_else(|_| {
        queue::reap(state);
        room(state).or_else(|refused| match descriptors::relieve(state, device) {
            true => room(state),
            false => Err(refused),
        })
    })?;
    let pages = match (&mut state.attached, import) {
        (Some(attached), Some(import)) => Some(attached.map(import)?),
        _ => mapped.then(|| Pages::new(bytes).map(Arc::new)).transpose()?,
    };
    let (used, counted) = (Mutex::default(), state.allocations.clone());
    let (_charge, _mapping, _counted) = (charge, mapping, counted);
    Ok(Memory { type_index, bytes, pages, import, used, _charge, _mapping, _counted })
}

/// What clears memory that the driver does not: see the head of probe.rs.
fn clearing(state: &State, device: &Arc<Object>, memory: &Memory) -> Result<Option<Bench>, Refused> {
    if memory.pages.is_some() || !state.gpu.memory.recycles {
        return Ok(None);
    }
    let (queue, family) = state.submits.any_queue(device).ok_or(Refused::NoQueue)?;
    let functions = Arc::clone(&device.functions);
    Ok(Some(Bench { functions, device: device.handle, queue, family }))
}

/// vkGetDeviceMemoryCommitment: all of it, always.
pub(super) fn commitment(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let Data::Memory(memory) = &turn.of(ObjectType::DeviceMemory)?.data else {
        return Err(turn.invalid("the memory could not be allocated"));
    };
    let (bytes, at) = (memory.bytes, turn.call.arg(2));
    if let Some(place) = turn.arena.get_mut::<u64>(at) {
        *place = bytes;
    }
    Ok(Outcome::Done(0))
}

/// vkGetPhysicalDeviceMemoryProperties and vkGetPhysicalDeviceMemoryProperties2: what guests are told.
pub(super) fn properties(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let at = turn.call.arg(1);
    let (limit, types) = (turn.state.ledger.limit(), turn.state.gpu.memory.types);
    let mapped =
        turn.state.attached.as_ref().map(|attached| (attached.heap().bytes(), attached.ledger().used()));
    let told = types.told(limit, mapped.map_or(u64::MAX, |(most, _)| most));
    if turn.command() == CommandType::GetPhysicalDeviceMemoryProperties {
        if let Some(properties) = turn.arena.get_mut(at) {
            *properties = told;
        }
        return Ok(Outcome::Done(0));
    }
    let returned = turn.pass()?;
    if let Some(properties) = turn.arena.get_mut::<vk::PhysicalDeviceMemoryProperties2>(at) {
        properties.memory_properties = told;
    }
    let budget = venus::find(turn.arena, at, StructureType::PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
    let used = turn.state.ledger.used();
    if let Some(at) = budget
        && let Some(budget) = turn.arena.get_mut::<vk::PhysicalDeviceMemoryBudgetPropertiesEXT>(at)
    {
        let heaps = usize::try_from(told.memory_heap_count).unwrap_or_default();
        for (index, heap) in told.memory_heaps.iter().enumerate() {
            let is_mapped = u32::try_from(index).is_ok_and(|index| types.is_mapped_in(index));
            let used = mapped.filter(|_| is_mapped).map_or(used, |(_, imported)| imported);
            let (most, taken) = if index < heaps { (heap.size, used) } else { (0, 0) };
            budget.heap_budget.get_mut(index).into_iter().for_each(|place| *place = most);
            budget.heap_usage.get_mut(index).into_iter().for_each(|place| *place = taken);
        }
    }
    Ok(Outcome::Done(returned))
}

impl Bench {
    /// Makes memory zero, all of it.
    fn clear(&self, memory: u64, type_index: u32, bytes: u64) -> Result<(), Failure> {
        let buffer = self.buffer(bytes, false)?;
        let requirements = self.requirements(buffer.handle);
        // What no buffer covers would keep what somebody else left there.
        if requirements.memory_type_bits >> type_index & 1 == 0 || requirements.size > bytes {
            return Err(Failure(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY));
        }
        let bind = [self.device, buffer.handle, memory, 0];
        self.functions.result(CommandType::BindBufferMemory, &bind)?;
        self.fill(buffer.handle, 0)
    }
}
