//! Pages of a file in memory that a device and other processes use, and no reference of ours points into.

use std::fmt;
use std::io::{self, ErrorKind};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, munmap};

use super::Address;

/// From this size on the kernel may choose pages of 2 MiB: fewer faults for who writes them first.
const HUGE_FROM: usize = 2 << 20;

/// A file in memory of its own, zero at first, whose size never changes, and its mapping in this process.
///
/// Whoever has a descriptor of it may write it at any time, so it is handed out as an address only.
pub struct Pages {
    file: OwnedFd,
    start: NonNull<libc::c_void>,
    bytes: usize,
}

// SAFETY: an owned range of addresses; nothing about it belongs to one thread, and nothing here reads or writes it.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Pages {
    /// Makes `bytes` of zeros, which must be whole pages. The pages are taken when somebody touches them.
    pub fn new(bytes: u64) -> io::Result<Self> {
        let too_large = |_| io::Error::from(ErrorKind::OutOfMemory);
        let length = usize::try_from(bytes).map_err(too_large)?;
        let length = NonZeroUsize::new(length).ok_or(ErrorKind::InvalidInput)?;
        let file = memfd_create(c"vgpu-memory", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        nix::unistd::ftruncate(&file, libc::off_t::try_from(bytes).map_err(too_large)?)?;
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
        // SAFETY: the kernel chooses an address that nothing else has.
        let start =
            unsafe { mmap(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, flags, &file, 0) }?;
        if length.get() >= HUGE_FROM {
            // SAFETY: exactly the range of this mapping; it changes the size of its pages and nothing of their content.
            _ = unsafe { madvise(start, length.get(), MmapAdvise::MADV_HUGEPAGE) };
        }
        Ok(Self { file, start, bytes: length.get() })
    }

    /// Where they lie, for a driver.
    pub fn address(&self) -> Address {
        self.start.as_ptr().expose_provenance() as u64
    }

    /// Their size.
    pub fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// The file.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Another descriptor of the same file.
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.file.try_clone()
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: exactly the range of this mapping, to which no reference exists.
        _ = unsafe { munmap(self.start, self.bytes) };
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pages({} bytes)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    #[test]
    fn pages_are_zero_shared_and_of_one_size() {
        let pages = Pages::new(2 << 20).unwrap();
        let file = File::from(pages.share().unwrap());
        let mut read = [7; 16];
        file.read_exact_at(&mut read, (2 << 20) - 16).unwrap();

        assert_eq!((read, file.metadata().unwrap().len(), pages.bytes()), ([0; 16], 2 << 20, 2 << 20));
        assert!(file.set_len(1 << 20).is_err() && file.set_len(4 << 20).is_err());
        assert!(
            fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_WRITE)).is_err(),
            "nobody seals it further"
        );
        assert_eq!(pages.address() % 4096, 0);
    }

    #[test]
    fn no_pages_and_more_than_there_can_be_are_errors() {
        assert!(Pages::new(0).is_err());
        assert!(Pages::new(!4095).is_err());
    }
}
