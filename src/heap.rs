//! The host-visible memory of a vGPU: one file in memory, which a VM has as a whole.
//!
//! The guest's kernel says what lies where in it. Whoever has the file can touch all of it at any time, so it is
//! charged for as a whole, and nothing in it is believed. What nobody had yet is zero, and so is what was punched.
//!
//! Its pages must be small ones. A part of a huge page that a GPU still has pinned is not taken out of the file by a
//! punch, only cleared, and the GPU would write what the next owner sees. So nothing of ours asks for huge pages, but a
//! VMM may, where the host lets it: then such a punch is an error.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, FcntlArg, SealFlag, fallocate, fcntl};
use nix::unistd::{SysconfVar, Whence, lseek, sysconf};

use crate::sys::sealed_file;

/// The file. Copies are the same.
#[derive(Clone, Debug)]
pub struct Heap(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: OwnedFd,
    bytes: u64,
    page_bytes: u64,
}

/// Whole pages within a heap; only [`Heap::range`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapRange {
    offset: u64,
    bytes: u64,
}

impl HeapRange {
    /// Where it begins.
    pub fn offset(self) -> u64 {
        self.offset
    }

    /// Its size, which is not 0.
    pub fn bytes(self) -> u64 {
        self.bytes
    }
}

/// A range that no heap of this size has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{bytes} bytes at {offset:#x} are not one or more whole pages of {page_bytes} within a heap of {heap_bytes} bytes"
)]
pub struct HeapError {
    offset: u64,
    bytes: u64,
    page_bytes: u64,
    heap_bytes: u64,
}

impl Heap {
    /// A heap of zeros. Its size is a power of two, as that of a PCI device's memory region.
    pub fn create(bytes: u64) -> io::Result<Self> {
        check_size(bytes)?;
        Self::open(sealed_file(bytes)?)
    }

    /// A heap that another process made: a file of a fitting size that nobody can change any more.
    pub fn open(file: OwnedFd) -> io::Result<Self> {
        let seals = SealFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GET_SEALS)?);
        if !seals.contains(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a heap's file could change its size"));
        }
        let bytes = u64::try_from(nix::sys::stat::fstat(&file)?.st_size).unwrap_or_default();
        let page_bytes = check_size(bytes)?;
        Ok(Self(Arc::new(Inner { file, bytes, page_bytes })))
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// The file.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.0.file.as_fd()
    }

    /// Another descriptor of the file.
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.0.file.try_clone()
    }

    /// A range, if it is whole pages within the heap, and one at least.
    pub fn range(&self, offset: u64, bytes: u64) -> Result<HeapRange, HeapError> {
        let Inner { bytes: heap_bytes, page_bytes, .. } = *self.0;
        let whole = offset.is_multiple_of(page_bytes) && bytes.is_multiple_of(page_bytes);
        let within = offset.checked_add(bytes).is_some_and(|end| end <= heap_bytes);
        match whole && within && bytes > 0 {
            true => Ok(HeapRange { offset, bytes }),
            false => Err(HeapError { offset, bytes, page_bytes, heap_bytes }),
        }
    }

    /// Gives the range's pages back to the host: it is zero afterwards.
    ///
    /// Whoever still had it mapped would write what its next owner sees, so each context lets go of it before that. The
    /// error means that the next owner may not be alone in it, as long as a GPU has it in use.
    pub fn punch(&self, range: HeapRange) -> io::Result<()> {
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        // It lies within a file, so these are no larger than what a file can have.
        let [offset, bytes] =
            [range.offset, range.bytes].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        while let Err(error) = fallocate(&self.0.file, flags, offset, bytes) {
            if error != Errno::EINTR {
                return Err(error.into());
            }
        }
        match lseek(&self.0.file, offset, Whence::SeekData) {
            Ok(data) if data < offset.saturating_add(bytes) => Err(io::Error::other(
                "a part of a huge page is in use and stays in the heap; write \"never\" to \
                 /sys/kernel/mm/transparent_hugepage/shmem_enabled before the VM starts",
            )),
            _ => Ok(()),
        }
    }
}

/// The size of a page, for a heap that may have this size.
fn check_size(bytes: u64) -> io::Result<u64> {
    let page_bytes =
        sysconf(SysconfVar::PAGE_SIZE)?.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(4096);
    match bytes.is_power_of_two() && bytes >= page_bytes {
        true => Ok(page_bytes),
        false => {
            let reason =
                format!("a heap has {bytes} bytes, which are no power of two of at least {page_bytes}");
            Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::sys::SharedFile;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_heap_has_a_power_of_two_of_bytes_that_never_changes() {
        for bytes in [0, 1, 2048, 3 * MIB, u64::MAX] {
            assert!(Heap::create(bytes).is_err(), "{bytes}");
        }
        let heap = Heap::create(MIB).unwrap();
        assert_eq!(heap.bytes(), MIB);
        assert!(File::from(heap.share().unwrap()).set_len(2 * MIB).is_err());
        assert_eq!(Heap::open(heap.share().unwrap()).unwrap().bytes(), MIB);
    }

    #[test]
    fn a_file_that_could_change_or_has_an_odd_size_is_no_heap() {
        use nix::sys::memfd::{MFdFlags, memfd_create};
        let file = memfd_create(c"test", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).unwrap();
        nix::unistd::ftruncate(&file, 1 << 20).unwrap();
        assert!(Heap::open(file.try_clone().unwrap()).is_err());
        fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW)).unwrap();
        assert!(SharedFile::open(file.try_clone().unwrap()).is_ok());
        assert!(Heap::open(file).is_err(), "somebody could seal it against writing");
        assert!(Heap::open(sealed_file(3 * MIB).unwrap()).is_err());
    }

    #[test]
    fn ranges_are_whole_pages_within_the_heap() {
        let heap = Heap::create(MIB).unwrap();
        let page = heap.0.page_bytes;
        for (offset, bytes) in [(0, page), (0, MIB), (MIB - page, page)] {
            let range = heap.range(offset, bytes).unwrap();
            assert_eq!((range.offset(), range.bytes()), (offset, bytes));
        }
        for (offset, bytes) in [
            (0, 0),
            (MIB, 0),
            (MIB, page),
            (0, MIB + page),
            (page / 2, page),
            (0, page + 1),
            (!(page - 1), page),
            (page, !(page - 1)),
            (u64::MAX, u64::MAX),
        ] {
            assert!(heap.range(offset, bytes).is_err(), "{bytes} bytes at {offset}");
        }
    }

    #[test]
    fn what_was_punched_is_zero_and_nothing_else() {
        let heap = Heap::create(MIB).unwrap();
        let page = heap.0.page_bytes;
        let file = File::from(heap.share().unwrap());
        file.write_all_at(&vec![7; usize::try_from(MIB).unwrap()], 0).unwrap();

        heap.punch(heap.range(page, page).unwrap()).unwrap();

        let byte = |offset| {
            let mut byte = [9];
            file.read_exact_at(&mut byte, offset).unwrap();
            byte[0]
        };
        assert_eq!([page - 1, page, 2 * page - 1, 2 * page].map(byte), [7, 0, 0, 7]);
        let blocks = nix::sys::stat::fstat(&file).unwrap().st_blocks;
        assert_eq!(u64::try_from(blocks).unwrap() * 512, MIB - page);
    }
}
