//! Which guest addresses are memory, and in which file.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::stat::fstat;
use vm_memory::{FileOffset, GuestAddress, GuestAddressSpace, GuestRegionMmap, MmapRegion};

use super::command::{DMA_READ, DMA_WRITE, DmaMap, DmaUnmap, UNMAP_ALL};
use super::version::PAGE_BYTES;
use crate::guest_log::guest_warn;
use crate::guest_memory::GuestMemory;
use crate::transport::SharedMemory;

/// Ranges that a client may have at a time. Whoever keeps the connection holds a descriptor for each.
pub const RANGES_MAX: usize = 512;

/// What a client said of guest addresses. A range without a file, such as a ROM or another device's registers, is known
/// and cannot be reached; no driver puts a queue or an image there.
#[derive(Debug, Default)]
pub(super) struct Ranges(BTreeMap<u64, Range>);

#[derive(Debug)]
struct Range {
    size: u64,
    /// It is in the table of guest memory.
    mapped: bool,
}

impl Ranges {
    /// Takes a range in.
    pub(super) fn map(
        &mut self,
        memory: &SharedMemory,
        map: &DmaMap,
        file: Option<OwnedFd>,
    ) -> Result<(), Errno> {
        let DmaMap { flags, offset, address, size, .. } = *map;
        let aligned = [offset, address, size].iter().all(|number| number.is_multiple_of(PAGE_BYTES));
        let end = address.checked_add(size).filter(|_| size > 0 && aligned).ok_or(Errno::EINVAL)?;
        if flags & !(DMA_READ | DMA_WRITE) != 0 {
            return Err(Errno::EINVAL);
        }
        if self.overlaps(address, end) {
            return Err(Errno::EEXIST);
        }
        if self.0.len() >= RANGES_MAX {
            return Err(Errno::ENOSPC);
        }
        // One that may not be written is none that answers could go to.
        let file = file.filter(|_| flags == DMA_READ | DMA_WRITE);
        let mapped = file.is_some();
        if let Some(file) = file {
            let region = region(file, offset, address, size)?;
            replace(memory, |table| table.insert_region(region).map_err(|_| Errno::EEXIST))?;
        }
        self.0.insert(address, Range { size, mapped });
        Ok(())
    }

    /// Whether there is exactly such a range.
    pub(super) fn has(&self, address: u64, size: u64) -> bool {
        self.0.get(&address).is_some_and(|range| range.size == size)
    }

    fn overlaps(&self, address: u64, end: u64) -> bool {
        let before = self.0.range(..end).next_back();
        before.is_some_and(|(start, range)| start.saturating_add(range.size) > address)
    }

    /// Takes a range out, or all of them; returns where those began.
    pub(super) fn unmap(&mut self, memory: &SharedMemory, unmap: &DmaUnmap) -> Result<Vec<u64>, Errno> {
        let DmaUnmap { flags, address, size, .. } = *unmap;
        let out = match flags {
            0 if self.has(address, size) => vec![address],
            0 => return Err(Errno::ENOENT),
            UNMAP_ALL if (address, size) == (0, 0) => self.0.keys().copied().collect(),
            _ => return Err(Errno::EINVAL),
        };
        for address in &out {
            let Some(Range { size, mapped: true }) = self.0.remove(address) else { continue };
            replace(memory, |table| {
                let removed = table.remove_region(GuestAddress(*address), size);
                removed.map(|(table, _)| table).map_err(|_| Errno::ENOENT)
            })?;
        }
        Ok(out)
    }
}

/// Maps a file. Touching what is not in it would end this process with SIGBUS.
fn region(file: OwnedFd, offset: u64, address: u64, size: u64) -> Result<Arc<GuestRegionMmap<()>>, Errno> {
    let file_bytes = u64::try_from(fstat(&file)?.st_size).unwrap_or_default();
    if offset.checked_add(size).is_none_or(|end| end > file_bytes) {
        guest_warn!(
            "{size} bytes of guest memory at offset {offset} are beyond their file of {file_bytes} bytes: \
             back all of the guest's memory with its file"
        );
        return Err(Errno::EINVAL);
    }
    let bytes = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
    let mapping = MmapRegion::from_file(FileOffset::new(File::from(file), offset), bytes);
    let mapping = mapping.map_err(|error| {
        guest_warn!("{size} bytes of guest memory at {address:#x} cannot be mapped: {error}");
        Errno::EINVAL
    })?;
    GuestRegionMmap::new(mapping, GuestAddress(address)).map(Arc::new).ok_or(Errno::EINVAL)
}

/// Puts another table in place of the one that there is. Who looks at the old one at this moment may end that.
fn replace(
    memory: &SharedMemory,
    change: impl FnOnce(&GuestMemory) -> Result<GuestMemory, Errno>,
) -> Result<(), Errno> {
    let table = change(&memory.memory())?;
    memory.lock().map_err(|_| Errno::EIO)?.replace(table);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vm_memory::{Bytes, GuestMemoryBackend};

    use super::*;

    const BOTH: u32 = DMA_READ | DMA_WRITE;

    fn file(pages: u64) -> Option<OwnedFd> {
        let file = tempfile::tempfile().unwrap();
        file.set_len(pages * PAGE_BYTES).unwrap();
        Some(file.into())
    }

    fn at(address: u64, size: u64) -> DmaMap {
        DmaMap { argsz: 32, flags: BOTH, offset: 0, address, size }
    }

    fn out(address: u64, size: u64) -> DmaUnmap {
        DmaUnmap { argsz: 24, flags: 0, address, size }
    }

    fn nothing() -> (Ranges, SharedMemory) {
        (Ranges::default(), SharedMemory::new(GuestMemory::new()))
    }

    #[test]
    fn memory_with_a_file_is_reached_and_memory_without_one_is_known() {
        let (mut ranges, memory) = nothing();
        ranges.map(&memory, &DmaMap { offset: 0x1000, ..at(0x4000, 0x2000) }, file(3)).unwrap();
        ranges.map(&memory, &at(0x8000, 0x1000), None).unwrap();
        ranges.map(&memory, &DmaMap { flags: DMA_READ, ..at(0xa000, 0x1000) }, file(1)).unwrap();

        let table = memory.memory();
        table.write_obj(7u8, GuestAddress(0x5fff)).unwrap();
        assert!(
            !table.address_in_range(GuestAddress(0x8000)) && !table.address_in_range(GuestAddress(0xa000))
        );
        for there in [0x4000, 0x5000, 0x8000, 0xa000] {
            assert_eq!(ranges.map(&memory, &at(there, 0x1000), file(1)), Err(Errno::EEXIST));
        }
        assert_eq!(ranges.unmap(&memory, &out(0x4000, 0x1000)), Err(Errno::ENOENT));
        for (address, size) in [(0x4000, 0x2000), (0x8000, 0x1000), (0xa000, 0x1000)] {
            assert_eq!(ranges.unmap(&memory, &out(address, size)), Ok(vec![address]));
        }
        assert_eq!(memory.memory().num_regions(), 0);
    }

    #[test]
    fn all_of_it_can_be_taken_away_at_once() {
        let (mut ranges, memory) = nothing();
        ranges.map(&memory, &at(0, 0x1000), file(1)).unwrap();
        ranges.map(&memory, &at(0x1000, 0x1000), None).unwrap();
        let all = DmaUnmap { flags: UNMAP_ALL, ..out(0, 0) };
        assert_eq!(ranges.unmap(&memory, &all), Ok(vec![0, 0x1000]));
        assert_eq!((ranges.unmap(&memory, &all), memory.memory().num_regions()), (Ok(vec![]), 0));
    }

    #[test]
    fn what_cannot_be_mapped_is_refused_and_forgotten() {
        let (mut ranges, memory) = nothing();
        let beyond = at(0, 0x3000);
        let endless = at(u64::MAX - 0xfff, 0x1000);
        for (map, pages) in [
            (beyond, 2),
            (DmaMap { offset: 0x1000, ..at(0, 0x2000) }, 2),
            (DmaMap { offset: u64::MAX - 0xfff, ..at(0, 0x1000) }, 2),
            (endless, 1),
            (at(0, 0), 1),
            (at(0x10, 0x1000), 1),
            (at(0, 0x10), 1),
            (DmaMap { flags: 4, ..at(0, 0x1000) }, 1),
        ] {
            assert_eq!(ranges.map(&memory, &map, file(pages)), Err(Errno::EINVAL), "{map:x?}");
        }
        let pipe = nix::unistd::pipe().unwrap().0;
        assert_eq!(ranges.map(&memory, &at(0, 0x1000), Some(pipe)), Err(Errno::EINVAL));
        assert_eq!((ranges.0.len(), memory.memory().num_regions()), (0, 0));
    }

    #[test]
    fn there_are_no_more_than_were_promised() {
        let (mut ranges, memory) = nothing();
        for number in 0..RANGES_MAX as u64 {
            ranges.map(&memory, &at(number * 0x1000, 0x1000), None).unwrap();
        }
        assert_eq!(ranges.map(&memory, &at(1 << 40, 0x1000), None), Err(Errno::ENOSPC));
    }

    proptest! {
        #[test]
        fn an_address_is_in_one_range_at_most(
            steps in prop::collection::vec((any::<bool>(), 0usize..16, 1usize..5), 1..60),
        ) {
            let (mut ranges, memory) = nothing();
            let mut owners = [None; 32];
            for (number, (add, page, pages)) in steps.into_iter().enumerate() {
                let (address, size) = (page as u64 * PAGE_BYTES, pages as u64 * PAGE_BYTES);
                let span = page..page + pages;
                if add {
                    let free = owners[span.clone()].iter().all(Option::is_none);
                    let mapped = ranges.map(&memory, &at(address, size), file(pages as u64));
                    prop_assert_eq!(mapped.is_ok(), free);
                    if free {
                        owners[span].fill(Some(number));
                    }
                } else if ranges.unmap(&memory, &out(address, size)).is_ok() {
                    owners[span].fill(None);
                }
                for (page, owner) in owners.iter().enumerate() {
                    let address = GuestAddress(page as u64 * PAGE_BYTES);
                    prop_assert_eq!(memory.memory().address_in_range(address), owner.is_some());
                }
            }
        }
    }
}
