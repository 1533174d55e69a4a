//! Memory that this process and a client both read and write at any time.

use std::io::{self, ErrorKind};
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use vm_memory::VolatileSlice;

use super::pages::{self, Mapped};

/// A file in memory, mapped. There are no references to its bytes, only copies out of it and into it, and atomic words.
///
/// The file cannot shrink under the mapping, whoever else has it.
#[derive(Debug)]
pub struct SharedMemory {
    start: NonNull<u8>,
    bytes: usize,
    _mapped: Mapped,
}

// SAFETY: nothing about a mapping belongs to one thread.
unsafe impl Send for SharedMemory {}
// SAFETY: bytes are reached by volatile copies and atomics alone.
unsafe impl Sync for SharedMemory {}

/// A file of zeros in memory whose size nobody can change.
pub fn sealed_file(bytes: u64) -> io::Result<OwnedFd> {
    let file = memfd_create(c"vgpu", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    let length = libc::off_t::try_from(bytes).map_err(|_| io::Error::from(ErrorKind::FileTooLarge))?;
    nix::unistd::ftruncate(&file, length)?;
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(file)
}

impl SharedMemory {
    /// New memory, zero, and the file behind it for the client.
    pub fn create(bytes: u64) -> io::Result<(Self, OwnedFd)> {
        let file = sealed_file(bytes)?;
        Ok((Self::map(&file, bytes)?, file))
    }

    /// Maps the first bytes of a file that is sealed against shrinking.
    pub fn map(file: &impl AsFd, bytes: u64) -> io::Result<Self> {
        Self::map_range(file, 0, bytes)
    }

    /// Maps bytes from the start of a page on of a file that is sealed against shrinking.
    pub fn map_range(file: &impl AsFd, offset: u64, bytes: u64) -> io::Result<Self> {
        let offset = pages::offset_in(file.as_fd(), offset, bytes)?;
        let length = usize::try_from(bytes).ok().and_then(NonZeroUsize::new);
        let length = length.ok_or(io::Error::from(ErrorKind::InvalidInput))?;
        let _mapped = Mapped::count()?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
        // SAFETY: the kernel chooses an address that nothing else has.
        let start = unsafe { mmap(None, length, protection, flags, file, offset) }?;
        Ok(Self { start: start.cast(), bytes: length.get(), _mapped })
    }

    /// Bytes that it has.
    pub fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Has memory of this process's own, zero, be there in place of the file: what is written from now on nobody else
    /// sees, and words stay words.
    pub fn bury(&self) {
        // SAFETY: exactly our mapping. There are no references to its bytes but atomics, whose values anybody may
        // change at any time; it is as long as before, and readable and writable.
        unsafe { pages::bury(self.start.cast(), self.bytes) }
    }

    /// Copies bytes out; `None`, and nothing copied, if not all of them are there.
    #[must_use]
    pub fn copy_out(&self, offset: u64, into: &mut [u8]) -> Option<()> {
        self.place(offset, into.len())?.copy_to(into);
        Some(())
    }

    /// Copies bytes in; `None`, and nothing copied, if they do not fit.
    #[must_use]
    pub fn copy_in(&self, offset: u64, from: &[u8]) -> Option<()> {
        self.place(offset, from.len())?.copy_from(from);
        Some(())
    }

    /// The word at an offset, if there is one: a multiple of four.
    pub fn word(self: &Arc<Self>, offset: u64) -> Option<SharedWord> {
        self.atomic(offset)
    }

    /// The word of eight bytes at an offset, if there is one: a multiple of eight.
    pub fn long_word(self: &Arc<Self>, offset: u64) -> Option<SharedWord<AtomicU64>> {
        self.atomic(offset)
    }

    /// `T` is an atomic integer, of which any bytes are one.
    fn atomic<T>(self: &Arc<Self>, offset: u64) -> Option<SharedWord<T>> {
        let start = self.place(offset, size_of::<T>())?.ptr_guard_mut().as_ptr().cast::<T>();
        let place = NonNull::new(start).filter(|place| place.is_aligned())?;
        Some(SharedWord { place, _memory: Arc::clone(self) })
    }

    fn place(&self, offset: u64, count: usize) -> Option<VolatileSlice<'_>> {
        let offset = usize::try_from(offset).ok()?;
        offset.checked_add(count).filter(|end| *end <= self.bytes)?;
        // SAFETY: the range lies in our mapping, which cannot shrink and lives as long as `self`.
        Some(unsafe { VolatileSlice::new(self.start.as_ptr().add(offset), count) })
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: exactly our mapping, to which no reference is left.
        _ = unsafe { munmap(self.start.cast(), self.bytes) };
    }
}

/// A few bytes of a [`SharedMemory`], which stays mapped as long as this lives.
#[derive(Debug)]
pub struct SharedWord<T = AtomicU32> {
    place: NonNull<T>,
    _memory: Arc<SharedMemory>,
}

// SAFETY: nothing about a mapping belongs to one thread.
unsafe impl<T: Sync> Send for SharedWord<T> {}
// SAFETY: it only hands out an atomic.
unsafe impl<T: Sync> Sync for SharedWord<T> {}

impl<T> Deref for SharedWord<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: aligned bytes of an atomic integer that are mapped as long as the memory lives. Whoever else writes
        // them does not do it through references of ours.
        unsafe { self.place.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn two_mappings_of_a_file_are_the_same_bytes() {
        let (ours, file) = SharedMemory::create(0x1001).unwrap();
        let ours = Arc::new(ours);
        let theirs = SharedMemory::map(&file, 0x1001).unwrap();

        theirs.copy_in(0xffc, &[1, 2, 3, 4, 5]).unwrap();

        let mut bytes = [0; 5];
        ours.copy_out(0xffc, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4, 5]);
        assert_eq!(ours.word(0xffc).unwrap().load(Ordering::Acquire), u32::from_le_bytes([1, 2, 3, 4]));
    }

    #[test]
    fn nothing_beyond_the_end_is_reached_and_no_word_across_two() {
        let memory = Arc::new(SharedMemory::create(0x1000).unwrap().0);
        for (offset, count) in [(0xfff, 2), (0x1000, 1), (u64::MAX, 1), (u64::MAX, 0)] {
            assert!(memory.copy_out(offset, &mut vec![0; count]).is_none());
            assert!(memory.copy_in(offset, &vec![0; count]).is_none());
        }
        for offset in [1, 2, 0xffd, 0x1000, u64::MAX - 3] {
            assert!(memory.word(offset).is_none(), "{offset:#x}");
        }
    }

    #[test]
    fn a_file_that_could_shrink_or_is_too_short_is_not_mapped() {
        let loose = memfd_create(c"test", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).unwrap();
        nix::unistd::ftruncate(&loose, 0x1000).unwrap();
        assert!(SharedMemory::map(&loose, 0x1000).is_err());
        assert!(SharedMemory::map(&sealed_file(0x1000).unwrap(), 0x1001).is_err());
        assert!(SharedMemory::create(0).is_err());
        assert!(nix::unistd::ftruncate(sealed_file(0x1000).unwrap(), 0).is_err());
    }

    #[test]
    fn buried_memory_is_zero_and_written_by_nobody_else_but_its_words_stay() {
        let file = sealed_file(3 * 4096).unwrap();
        let memory = Arc::new(SharedMemory::map_range(&file, 4096, 4096).unwrap());
        let whole = SharedMemory::map(&file, 3 * 4096).unwrap();
        let word = memory.word(8).unwrap();
        word.store(5, Ordering::Relaxed);
        let mut bytes = [0; 4];
        whole.copy_out(4096 + 8, &mut bytes).unwrap();
        assert_eq!(bytes, [5, 0, 0, 0]);

        memory.bury();

        assert_eq!(word.load(Ordering::Relaxed), 0);
        word.store(6, Ordering::Relaxed);
        whole.copy_out(4096 + 8, &mut bytes).unwrap();
        assert_eq!(bytes, [5, 0, 0, 0]);
    }
}
