//! Ranges of a file in memory that this process reads and writes as slices, and that outlive it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut, Range};
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, munmap};
use zerocopy::{FromBytes, IntoBytes};

/// A file in memory that cannot shrink, and which of its ranges are mapped: none is handed out twice.
///
/// Whoever opens one must be the only one to do so, in this process and among all: others may hold a descriptor of
/// the same file, to hand it on, and map it only once this process is dead.
pub struct SharedFile {
    file: OwnedFd,
    bytes: u64,
    page_bytes: u64,
    /// Start and end of each range that is mapped.
    mapped: Mutex<BTreeMap<u64, u64>>,
}

impl SharedFile {
    /// Takes over a file that is sealed against shrinking.
    pub fn open(file: OwnedFd) -> io::Result<Arc<Self>> {
        let seals = SealFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GET_SEALS)?);
        if !seals.contains(SealFlag::F_SEAL_SHRINK) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "the file could shrink"));
        }
        let bytes = u64::try_from(nix::sys::stat::fstat(&file)?.st_size).unwrap_or_default();
        // SAFETY: sysconf reads a constant of the system.
        let page_bytes = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
        Ok(Arc::new(Self { file, bytes, page_bytes, mapped: Mutex::default() }))
    }

    /// Bytes that the file has.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the pages that a range takes; `None` for more than can be counted.
    pub fn bytes_taken(&self, bytes: u64) -> Option<u64> {
        self.page_end(0, bytes)
    }

    /// Maps `bytes` from `start` on, which must be the start of a page. A range that is mapped already is an error.
    pub fn map<T: FromBytes + IntoBytes>(self: &Arc<Self>, start: u64, bytes: u64) -> io::Result<Mapping<T>> {
        let mut mapped = self.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        let end = self.page_end(start, bytes).filter(|end| *end <= self.bytes);
        let Some(end) = end.filter(|_| start.is_multiple_of(self.page_bytes) && bytes > 0) else {
            return Err(io::Error::new(ErrorKind::InvalidInput, "no such range of the file"));
        };
        if mapped.range(..end).next_back().is_some_and(|(_, last)| *last > start) {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "this range of the file is mapped already"));
        }
        let mapping = Mapping::new(self, start..end, bytes)?;
        mapped.insert(start, end);
        Ok(mapping)
    }

    /// Maps `bytes` in the first gap that there is in a part of the file.
    pub fn map_in_gap<T: FromBytes + IntoBytes>(
        self: &Arc<Self>,
        part: Range<u64>,
        bytes: u64,
    ) -> io::Result<Mapping<T>> {
        let place = self.gap(part, bytes).ok_or(io::Error::from(ErrorKind::StorageFull))?;
        self.map(place, bytes)
    }

    fn gap(&self, part: Range<u64>, bytes: u64) -> Option<u64> {
        let mapped = self.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        let mut place = part.start;
        for (start, end) in mapped.range(part.clone()) {
            if self.page_end(place, bytes)? <= *start {
                break;
            }
            place = *end;
        }
        self.page_end(place, bytes).filter(|end| *end <= part.end).map(|_| place)
    }

    /// The end of the last page of a range.
    fn page_end(&self, start: u64, bytes: u64) -> Option<u64> {
        start.checked_add(bytes)?.checked_next_multiple_of(self.page_bytes)
    }
}

impl fmt::Debug for SharedFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SharedFile({} bytes)", self.bytes)
    }
}

/// A range of a [`SharedFile`], as values that any bytes are.
pub struct Mapping<T> {
    values: NonNull<T>,
    count: usize,
    place: Range<u64>,
    file: Arc<SharedFile>,
}

// SAFETY: it owns its values as a box does; nothing about a mapping belongs to one thread.
unsafe impl<T: Send> Send for Mapping<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Mapping<T> {}

impl<T: FromBytes + IntoBytes> Mapping<T> {
    /// `place` is whole pages of the file, none of them mapped.
    fn new(file: &Arc<SharedFile>, place: Range<u64>, bytes: u64) -> io::Result<Self> {
        let too_large = |_| io::Error::from(ErrorKind::OutOfMemory);
        let length = NonZeroUsize::try_from(usize::try_from(place.end - place.start).map_err(too_large)?);
        let length = length.map_err(too_large)?;
        let offset = libc::off_t::try_from(place.start).map_err(too_large)?;
        let count = usize::try_from(bytes).map_err(too_large)? / size_of::<T>();
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
        // SAFETY: the kernel chooses an address that nothing else has.
        let values = unsafe { mmap(None, length, protection, flags, &file.file, offset) }?;
        Ok(Self { values: values.cast(), count, place, file: file.clone() })
    }

    /// Makes every byte zero by giving the pages back.
    pub fn clear(&mut self) -> io::Result<()> {
        let length = self.length();
        // SAFETY: exactly the pages of this mapping, which nobody else has, lose their content; `T` can be zeros.
        Ok(unsafe { madvise(self.values.cast(), length, MmapAdvise::MADV_REMOVE) }?)
    }
}

impl<T> Mapping<T> {
    /// Where in the file it begins.
    pub fn place(&self) -> u64 {
        self.place.start
    }

    /// Bytes of its pages; they were a `usize` when it was made.
    fn length(&self) -> usize {
        usize::try_from(self.place.end - self.place.start).unwrap_or_default()
    }
}

impl<T> Deref for Mapping<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the pages are mapped as long as this lives, and start at a page, so the values are aligned. Any
        // bytes are values of `T`. The file cannot shrink, so there is a page behind each. Nobody else writes them:
        // this range is handed out once (`SharedFile::mapped`), and no other process maps the file.
        unsafe { std::slice::from_raw_parts(self.values.as_ptr(), self.count) }
    }
}

impl<T> DerefMut for Mapping<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and this is the only reference, since `self` is.
        unsafe { std::slice::from_raw_parts_mut(self.values.as_ptr(), self.count) }
    }
}

impl<T> Drop for Mapping<T> {
    fn drop(&mut self) {
        // SAFETY: exactly the pages of this mapping, to which no reference is left.
        let unmapped = unsafe { munmap(self.values.cast(), self.length()) };
        if unmapped.is_ok() {
            self.file.mapped.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place.start);
        }
    }
}

impl<T> fmt::Debug for Mapping<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Mapping({:?})", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::memfd::{MFdFlags, memfd_create};

    const PAGE: u64 = 1 << 16; // a multiple of every page size that there is

    fn file(pages: u64) -> Arc<SharedFile> {
        let file = memfd_create(c"test", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).unwrap();
        nix::unistd::ftruncate(&file, (pages * PAGE).try_into().unwrap()).unwrap();
        assert!(SharedFile::open(file.try_clone().unwrap()).is_err(), "it could shrink under a mapping");
        fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK)).unwrap();
        SharedFile::open(file).unwrap()
    }

    #[test]
    fn no_byte_is_mapped_twice_at_a_time_or_beyond_the_file() {
        let file = file(4);
        let first = file.map::<u8>(PAGE, PAGE + 1).unwrap();
        for (start, bytes) in [(PAGE, 1), (0, PAGE + 1), (2 * PAGE, 1), (0, 4 * PAGE)] {
            assert_eq!(file.map::<u8>(start, bytes).unwrap_err().kind(), ErrorKind::AlreadyExists);
        }
        for (start, bytes) in [(3 * PAGE, PAGE + 1), (1, 1), (3 * PAGE, 0), (4 * PAGE, 1), (PAGE, u64::MAX)] {
            assert_eq!(file.map::<u8>(start, bytes).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        drop(first);
        assert_eq!(file.map::<u64>(0, 4 * PAGE).unwrap().len() as u64, 4 * PAGE / 8);
    }

    #[test]
    fn gaps_are_filled_from_the_front_and_a_full_part_is_an_error() {
        let file = file(5);
        let map = |pages: u64| file.map_in_gap::<u8>(PAGE..4 * PAGE, pages * PAGE);
        let [first, second, third] = [map(1), map(1), map(1)].map(Result::unwrap);
        assert_eq!([&first, &second, &third].map(|mapping| mapping.place() / PAGE), [1, 2, 3]);
        assert_eq!(map(1).unwrap_err().kind(), ErrorKind::StorageFull);
        drop(second);
        assert!(map(2).is_err());
        assert_eq!(map(1).unwrap().place(), 2 * PAGE);
        drop((first, third));
        assert_eq!(map(3).unwrap().place(), PAGE);
    }

    #[test]
    fn what_is_written_is_there_for_the_next_mapping_until_it_is_cleared() {
        let file = file(2);
        file.map::<u8>(PAGE, 10).unwrap().fill(7);
        let mut again = file.map::<u8>(PAGE, PAGE).unwrap();
        assert_eq!((again[9], again[10]), (7, 0));
        again.clear().unwrap();
        assert_eq!(nix::sys::stat::fstat(&file.file).unwrap().st_blocks, 0, "the page went back");
        assert!(again.iter().all(|byte| *byte == 0));
    }
}
