//! What guests are told of the host's memory types.

use vulkanalia_sys::{MemoryPropertyFlags, MemoryType, PhysicalDeviceMemoryProperties};

const HOST: MemoryPropertyFlags = MemoryPropertyFlags::HOST_VISIBLE
    .union(MemoryPropertyFlags::HOST_COHERENT)
    .union(MemoryPropertyFlags::HOST_CACHED);

/// What memory of the driver's own is a multiple of.
const BYTES_CLEARED: u64 = 4096;

/// Memory that a guest maps is pages of ours, imported by the driver; without such there is nothing to map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "none of the driver's {0} memory types is coherent and takes pages of a memfd (VK_EXT_external_memory_host): \
     guests could map nothing; use a driver that imports them, as NVIDIA's, Intel's and lavapipe do"
)]
pub struct NoMemoryToMap(pub u32);

/// The memory types of a GPU towards guests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryTypes {
    told: PhysicalDeviceMemoryProperties,
    import_alignment: u64,
}

impl MemoryTypes {
    /// Of the host's types those alone stay visible to the host that are coherent and take imported pages: a guest
    /// maps memory of other types in no other way. A bit of `importable` stands for each type.
    pub(crate) fn new(
        host: &PhysicalDeviceMemoryProperties,
        importable: u32,
        import_alignment: u64,
    ) -> Result<Self, NoMemoryToMap> {
        let mut told = *host;
        let mut mapped = false;
        for (index, memory_type) in used(&mut told).iter_mut().enumerate() {
            let wanted = MemoryPropertyFlags::HOST_VISIBLE | MemoryPropertyFlags::HOST_COHERENT;
            if importable >> index & 1 != 0 && memory_type.property_flags.contains(wanted) {
                mapped = true;
            } else {
                memory_type.property_flags.remove(HOST);
            }
        }
        match mapped {
            true => Ok(Self { told, import_alignment: import_alignment.max(1) }),
            false => Err(NoMemoryToMap(host.memory_type_count)),
        }
    }

    /// What a guest with so much memory reads. `mapped`: how much of it can be what guests map.
    pub(crate) fn told(&self, limit: u64, mapped: u64) -> PhysicalDeviceMemoryProperties {
        let mut told = self.told;
        for (index, heap) in (0..).zip(&mut told.memory_heaps) {
            let most = if self.is_mapped_in(index) { limit.min(mapped) } else { limit };
            heap.size = heap.size.min(most);
        }
        told
    }

    /// Whether memory of this heap of the GPU's can be mapped.
    pub(crate) fn is_mapped_in(&self, heap: u32) -> bool {
        let in_heap = |found: &MemoryType| found.heap_index == heap;
        let mut told = self.told;
        let visible = MemoryPropertyFlags::HOST_VISIBLE;
        used(&mut told).iter().any(|found| in_heap(found) && found.property_flags.contains(visible))
    }

    /// Whether memory of this type is pages of ours; `None`: there is no such type.
    pub(crate) fn is_mapped(&self, index: u32) -> Option<bool> {
        let mut told = self.told;
        let memory_type = *used(&mut told).get(usize::try_from(index).ok()?)?;
        Some(memory_type.property_flags.contains(MemoryPropertyFlags::HOST_VISIBLE))
    }

    /// The types whose memory is pages of ours, a bit for each.
    pub(crate) fn mapped_bits(&self) -> u32 {
        (0..32).filter(|index| self.is_mapped(*index) == Some(true)).fold(0, |bits, index| bits | 1 << index)
    }

    /// Whether there is no memory that a guest cannot map, as on drivers in software.
    pub(crate) fn all_mapped(&self) -> bool {
        (0..self.told.memory_type_count).all(|index| self.is_mapped(index) == Some(true))
    }

    /// Bytes of which each imported allocation is a multiple.
    pub(crate) fn import_alignment(&self) -> u64 {
        self.import_alignment
    }

    /// What an allocation takes: whole pages, of ours if they are imported. `None`: more than can be counted.
    pub(crate) fn bytes_taken(&self, index: u32, bytes: u64) -> Option<u64> {
        match self.is_mapped(index)? {
            true => bytes.checked_next_multiple_of(self.import_alignment),
            // A buffer over all of it clears it, and drivers round the sizes of buffers up.
            false => bytes.checked_next_multiple_of(BYTES_CLEARED),
        }
    }
}

fn used(properties: &mut PhysicalDeviceMemoryProperties) -> &mut [MemoryType] {
    let count = usize::try_from(properties.memory_type_count).unwrap_or(usize::MAX);
    let count = count.min(properties.memory_types.len());
    properties.memory_types.get_mut(..count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vulkanalia_sys::MemoryHeap;

    /// The types that an H200 has.
    fn h200() -> PhysicalDeviceMemoryProperties {
        let mut host = PhysicalDeviceMemoryProperties {
            memory_type_count: 5,
            memory_heap_count: 2,
            ..Default::default()
        };
        for (place, (flags, heap_index)) in
            host.memory_types.iter_mut().zip([(0, 1), (1, 0), (6, 1), (14, 1), (7, 0)])
        {
            *place =
                MemoryType { property_flags: MemoryPropertyFlags::from_bits_truncate(flags), heap_index };
        }
        for (place, gib) in host.memory_heaps.iter_mut().zip([140, 94]) {
            *place = MemoryHeap { size: gib << 30, ..Default::default() };
        }
        host
    }

    fn flags(types: &MemoryTypes) -> Vec<u32> {
        types.told(u64::MAX, u64::MAX).memory_types.iter().take(5).map(|t| t.property_flags.bits()).collect()
    }

    #[test]
    fn a_type_that_cannot_be_imported_loses_all_that_the_host_sees_of_it_at_once() {
        let types = MemoryTypes::new(&h200(), 0b01100, 4096).unwrap();
        assert_eq!(flags(&types), [0, 1, 6, 14, 1]);
        assert_eq!(types.mapped_bits(), 0b01100);
        assert_eq!(
            [1, 2, 4, 5, 40].map(|index| types.is_mapped(index)),
            [Some(false), Some(true), Some(false), None, None]
        );
    }

    #[test]
    fn without_a_coherent_type_that_can_be_imported_there_is_no_venus() {
        let mut host = h200();
        assert_eq!(
            MemoryTypes::new(&host, 0b10011, 4096).map(|types| flags(&types)),
            Ok(vec![0, 1, 0, 0, 7])
        );
        assert_eq!(MemoryTypes::new(&host, 0b00011, 4096).unwrap_err(), NoMemoryToMap(5));
        host.memory_types[2].property_flags.remove(MemoryPropertyFlags::HOST_COHERENT);
        assert_eq!(MemoryTypes::new(&host, 0b00100, 4096).unwrap_err(), NoMemoryToMap(5));
    }

    #[test]
    fn heaps_are_no_larger_than_the_limit_of_the_vgpu() {
        let types = MemoryTypes::new(&h200(), 4, 4096).unwrap();
        let sizes = |mapped| types.told(100 << 30, mapped).memory_heaps.map(|heap| heap.size >> 30);
        assert_eq!(sizes(u64::MAX)[..3], [100, 94, 0]);
        assert_eq!(sizes(4 << 30)[..3], [100, 4, 0], "what guests map lies in a heap of theirs");
        assert_eq!([0, 1, 2].map(|heap| types.is_mapped_in(heap)), [false, true, false]);
    }

    #[test]
    fn imported_memory_takes_whole_pages_and_other_memory_what_it_has() {
        let types = MemoryTypes::new(&h200(), 4, 4096).unwrap();
        assert_eq!(
            [1, 4096, 4097].map(|bytes| types.bytes_taken(2, bytes)),
            [Some(4096), Some(4096), Some(8192)]
        );
        assert_eq!(types.bytes_taken(2, u64::MAX), None);
        assert_eq!(types.bytes_taken(1, 5), Some(4096));
        assert_eq!(types.bytes_taken(1, u64::MAX), None);
        assert_eq!(types.bytes_taken(5, 5), None);
    }
}
