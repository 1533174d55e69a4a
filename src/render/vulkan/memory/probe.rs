//! What a GPU's memory does, found out before the first guest comes.
//!
//! # Zero at first sight
//!
//! A client must see nothing of what another one left, be it one of another vGPU or of the same.
//!
//! - Pages that a guest maps are fresh ones of a memfd: zero, by the kernel.
//! - Other memory is the driver's. Between processes, so between vGPUs, the kernel's driver must not leak: it clears
//!   pages before a process gets them, and no probe within one process can show that it does not. A driver that leaks
//!   between processes leaks to any program of the host.
//! - Within this process the driver's library may hand out again what another client freed. Whether it does is tried
//!   here: memory is filled, freed, allocated again and looked at, in several sizes. If anything shows, every
//!   allocation is cleared before the guest knows of it.
//!
//! NVIDIA's driver shows nothing in any size; of lavapipe's memory all is pages of ours.

use std::ffi::c_char;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use vulkanalia_sys::{self as vk, MemoryPropertyFlags};

use super::bench::Bench;
use super::types::{MemoryTypes, NoMemoryToMap};
use crate::render::vulkan::driver::{
    Failure, Functions, Library, address_of_mut, pointer_to, pointer_to_mut,
};
use crate::sys::Pages;
use crate::venus::CommandType;

/// A word that memory hardly has by chance.
const MARK: u32 = 0xb5a3_1e5d;
/// Sizes that drivers take from different pools.
const SIZES: [u64; 3] = [16 << 10, 1 << 20, 8 << 20];
/// How often memory is asked for again before it counts as cleared.
const ROUNDS: usize = 4;

/// What the probe found.
#[derive(Clone, Copy, Debug)]
pub(in crate::render::vulkan) struct Found {
    /// What guests are told.
    pub types: MemoryTypes,
    /// Whether the driver hands out memory that still holds what another client wrote.
    pub recycles: bool,
}

/// Why the probe found nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Guests could map nothing.
    #[error(transparent)]
    NoMemoryToMap(#[from] NoMemoryToMap),
    /// The host has no memory for the probe.
    #[error("the host gives no memory to try the GPU with: {0}")]
    Host(#[from] io::Error),
    /// The driver lost the device that it was tried with.
    #[error("the driver lost the device that its memory was tried with; look at the host's kernel log")]
    Lost,
    /// The driver makes no device with a queue that copies.
    #[error("the driver makes no device to try its memory with: {0}; run vulkaninfo as the same user")]
    Device(String),
}

/// Tries a GPU's memory out.
pub(in crate::render::vulkan) fn probe(
    library: &Library,
    instance: (u64, &Functions),
    physical_device: u64,
) -> Result<Found, ProbeError> {
    let bench =
        device(library, instance, physical_device).map_err(|found| ProbeError::Device(found.to_string()))?;
    let mut host = vk::PhysicalDeviceMemoryProperties::default();
    let at = address_of_mut(&mut host);
    _ = instance.1.call(CommandType::GetPhysicalDeviceMemoryProperties, &[physical_device, at]);
    let alignment = import_alignment(instance.1, physical_device);
    let found = importable(&bench, &host, alignment).and_then(|importable| {
        let types = MemoryTypes::new(&host, importable, alignment)?;
        Ok(Found { types, recycles: recycles(&bench, &host, &types)? })
    });
    _ = bench.functions.call(CommandType::DestroyDevice, &[bench.device, 0]);
    found
}

/// Makes a device with one queue that copies.
fn device(library: &Library, instance: (u64, &Functions), physical_device: u64) -> Result<Bench, Failure> {
    let family = copying_family(instance.1, physical_device);
    let priority = 1_f32;
    let queue = vk::DeviceQueueCreateInfo {
        queue_family_index: family,
        queue_count: 1,
        queue_priorities: pointer_to(&priority),
        ..Default::default()
    };
    let extension: *const c_char = c"VK_EXT_external_memory_host".as_ptr();
    // Not for the probe, but without them no device of a guest can be made: see queue/counter.rs.
    let timelines =
        vk::PhysicalDeviceTimelineSemaphoreFeatures { timeline_semaphore: vk::TRUE, ..Default::default() };
    let info = vk::DeviceCreateInfo {
        next: pointer_to(&timelines),
        queue_create_info_count: 1,
        queue_create_infos: pointer_to(&queue),
        enabled_extension_count: 1,
        enabled_extension_names: pointer_to(&extension),
        ..Default::default()
    };
    let device = instance.1.create(CommandType::CreateDevice, physical_device, &info)?;
    let functions = Arc::new(instance.1.of_device(library, instance.0, device));
    let mut queue = 0_u64;
    let arguments = [device, family.into(), 0, address_of_mut(&mut queue)];
    _ = functions.call(CommandType::GetDeviceQueue, &arguments);
    Ok(Bench { functions, device, queue, family })
}

/// The first family of queues that can copy, as those that draw or compute do.
fn copying_family(instance: &Functions, physical_device: u64) -> u32 {
    let copying = vk::QueueFlags::GRAPHICS | vk::QueueFlags::COMPUTE | vk::QueueFlags::TRANSFER;
    let mut families = [vk::QueueFamilyProperties::default(); 16];
    let mut count = 16_u32;
    let arguments = [physical_device, address_of_mut(&mut count), address_of_mut(&mut families)];
    _ = instance.call(CommandType::GetPhysicalDeviceQueueFamilyProperties, &arguments);
    (0..count)
        .zip(families)
        .find(|(_, found)| found.queue_flags.intersects(copying))
        .map_or(0, |(index, _)| index)
}

/// What the size of imported memory must be a multiple of. Whole pages in any case.
fn import_alignment(instance: &Functions, physical_device: u64) -> u64 {
    let mut host = vk::PhysicalDeviceExternalMemoryHostPropertiesEXT::default();
    let next = pointer_to_mut(&mut host);
    let mut properties = vk::PhysicalDeviceProperties2 { next, ..Default::default() };
    let at = address_of_mut(&mut properties);
    _ = instance.call(CommandType::GetPhysicalDeviceProperties2, &[physical_device, at]);
    host.min_imported_host_pointer_alignment.max(4096)
}

/// The memory types through which the GPU writes pages of a memfd, a bit for each.
fn importable(
    bench: &Bench,
    host: &vk::PhysicalDeviceMemoryProperties,
    alignment: u64,
) -> Result<u32, ProbeError> {
    let mut found = 0;
    for index in (0..host.memory_type_count).filter(|index| flags(host, *index).contains(COHERENT)) {
        let pages = Pages::new(alignment)?;
        match writes_pages(bench, index, &pages) {
            Ok(true) => found |= 1 << index,
            Err(Failure(vk::Result::ERROR_DEVICE_LOST)) => return Err(ProbeError::Lost),
            // Such a type is none for guests, and there may be others.
            Ok(false) | Err(_) => {}
        }
    }
    Ok(found)
}

const COHERENT: MemoryPropertyFlags =
    MemoryPropertyFlags::HOST_VISIBLE.union(MemoryPropertyFlags::HOST_COHERENT);

fn flags(host: &vk::PhysicalDeviceMemoryProperties, index: u32) -> MemoryPropertyFlags {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    host.memory_types.get(index).map_or(MemoryPropertyFlags::empty(), |found| found.property_flags)
}

fn writes_pages(bench: &Bench, index: u32, pages: &Pages) -> Result<bool, Failure> {
    let types = bench.functions.host_pointer_types(bench.device, pages.address())?;
    if types >> index & 1 == 0 {
        return Ok(false);
    }
    let memory = bench.memory(index, pages.bytes(), Some(pages))?;
    bench.fill(memory.buffer.handle, MARK)?;
    Ok(words(pages).is_ok_and(|words| words.iter().all(|word| *word == MARK)))
}

/// What lies in pages, read as another process would.
fn words(pages: &Pages) -> io::Result<Vec<u32>> {
    let mut bytes = vec![0; usize::try_from(pages.bytes()).unwrap_or_default()];
    File::from(pages.share()?).read_exact_at(&mut bytes, 0)?;
    let words = bytes.chunks_exact(4).filter_map(|word| Some(u32::from_ne_bytes(word.try_into().ok()?)));
    Ok(words.collect())
}

/// Whether memory that is not ours comes back with what was in it.
fn recycles(
    bench: &Bench,
    host: &vk::PhysicalDeviceMemoryProperties,
    types: &MemoryTypes,
) -> io::Result<bool> {
    let unusual = MemoryPropertyFlags::PROTECTED | MemoryPropertyFlags::LAZILY_ALLOCATED;
    let plain =
        |index: &u32| types.is_mapped(*index) == Some(false) && !flags(host, *index).intersects(unusual);
    for index in (0..host.memory_type_count).filter(plain) {
        for bytes in SIZES {
            let pages = Pages::new(bytes.next_multiple_of(types.import_alignment()))?;
            // A type that no buffer lies in is not known to be cleared, but no buffer can clear it either.
            if shows_again(bench, types, index, &pages).unwrap_or(false) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn shows_again(bench: &Bench, types: &MemoryTypes, index: u32, pages: &Pages) -> Result<bool, Failure> {
    let bytes = pages.bytes();
    let seen = bench.memory(types.mapped_bits().trailing_zeros(), bytes, Some(pages))?;
    let marked = bench.memory(index, bytes, None)?;
    bench.fill(marked.buffer.handle, MARK)?;
    drop(marked);
    let mut again = Vec::new();
    for _ in 0..ROUNDS {
        let memory = bench.memory(index, bytes, None)?;
        bench.copy(memory.buffer.handle, seen.buffer.handle, bytes)?;
        if words(pages).is_ok_and(|words| words.contains(&MARK)) {
            return Ok(true);
        }
        again.push(memory);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use crate::render::vulkan::{Gpu, GpuOptions};

    #[test]
    fn lavapipe_takes_pages_of_a_memfd_and_has_no_other_memory() {
        let gpu = Gpu::open(GpuOptions { which: Some("llvmpipe".into()), ..GpuOptions::default() }).unwrap();
        let types = gpu.memory.types;
        assert_eq!((types.mapped_bits(), types.import_alignment()), (1, 4096));
        assert!(!gpu.memory.recycles);
    }
}
