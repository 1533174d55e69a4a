//! How much memory a GPU has, and what its driver takes of it for itself.

use vulkanalia_sys as vk;

use crate::render::vulkan::driver::{Functions, address_of_mut, pointer_to_mut};
use crate::venus::CommandType;

/// Bytes of all heaps that are the GPU's own.
pub(in crate::render::vulkan) fn bytes(functions: &Functions, physical_device: u64) -> u64 {
    let mut memory = vk::PhysicalDeviceMemoryProperties::default();
    let arguments = [physical_device, address_of_mut(&mut memory)];
    _ = functions.call(CommandType::GetPhysicalDeviceMemoryProperties, &arguments);
    sum(&memory, &memory.memory_heaps.map(|heap| heap.size))
}

/// Bytes that this process has of these heaps, by a driver that has VK_EXT_memory_budget.
pub(in crate::render::vulkan) fn bytes_used(functions: &Functions, physical_device: u64) -> u64 {
    let mut budget = vk::PhysicalDeviceMemoryBudgetPropertiesEXT::default();
    let next = pointer_to_mut(&mut budget);
    let mut memory = vk::PhysicalDeviceMemoryProperties2 { next, ..Default::default() };
    let arguments = [physical_device, address_of_mut(&mut memory)];
    _ = functions.call(CommandType::GetPhysicalDeviceMemoryProperties2, &arguments);
    sum(&memory.memory_properties, &budget.heap_usage)
}

/// Of these figures, one for each heap, those of the GPU's own.
fn sum(memory: &vk::PhysicalDeviceMemoryProperties, figures: &[u64]) -> u64 {
    let count = usize::try_from(memory.memory_heap_count).unwrap_or_default();
    let heaps = memory.memory_heaps.iter().zip(figures).take(count);
    let own = heaps.filter(|(heap, _)| heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL));
    own.fold(0, |sum, (_, figure)| sum.saturating_add(*figure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_gpus_own_heaps_count() {
        let own = vk::MemoryHeapFlags::DEVICE_LOCAL;
        let mut memory = vk::PhysicalDeviceMemoryProperties { memory_heap_count: 3, ..Default::default() };
        for (place, flags) in memory.memory_heaps.iter_mut().zip([own, Default::default(), own, own]) {
            place.flags = flags;
        }
        assert_eq!(sum(&memory, &[1, 10, 100, 1000]), 101);
        assert_eq!(sum(&memory, &[u64::MAX, 10, 100, 1000]), u64::MAX);
    }
}
