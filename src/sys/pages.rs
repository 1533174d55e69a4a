//! Pages of a file in memory that a device and other processes use, and no reference of ours points into.

use std::fmt;
use std::io::{self, ErrorKind};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, munmap};

use super::Address;

/// From this size on the kernel may choose pages of 2 MiB: fewer faults for who writes them first.
const HUGE_FROM: usize = 2 << 20;

/// Mappings of files in memory that this process has at a time. Clients ask for them, and the kernel allows some 65,530
/// of all kinds: without room for one more no memory could be allocated, and that ends the process for everybody.
const MAPPINGS_MAX: usize = 32 << 10;

static MAPPINGS: AtomicUsize = AtomicUsize::new(0);

/// One of the mappings that clients ask for.
#[derive(Debug)]
pub(super) struct Mapped(());

impl Mapped {
    /// An error if there are too many.
    pub(super) fn count() -> io::Result<Self> {
        let mapped = Self(());
        match MAPPINGS.fetch_add(1, Ordering::Relaxed) {
            MAPPINGS_MAX.. => {
                let reason =
                    format!("{MAPPINGS_MAX} ranges of memory are shared; fewer, larger ones are needed");
                Err(io::Error::new(ErrorKind::OutOfMemory, reason))
            }
            _ => Ok(mapped),
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        MAPPINGS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A file in memory of its own, zero at first, whose size never changes, and its mapping in this process.
///
/// Whoever has a descriptor of it may write it at any time, so it is handed out as an address only.
pub struct Pages {
    file: OwnedFd,
    start: NonNull<libc::c_void>,
    bytes: usize,
    _mapped: Mapped,
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
        let _mapped = Mapped::count()?;
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
        Ok(Self { file, start, bytes: length.get(), _mapped })
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
        // Who has a descriptor still would keep what is charged to nobody any more.
        // SAFETY: exactly the range of this mapping, to which no reference exists; it reads zero afterwards.
        _ = unsafe { madvise(self.start, self.bytes, MmapAdvise::MADV_REMOVE) };
        // SAFETY: as above.
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
    fn pages_go_back_to_the_host_although_somebody_keeps_their_file() {
        let pages = Pages::new(1 << 20).unwrap();
        let file = File::from(pages.share().unwrap());
        file.write_all_at(&[7; 1 << 20], 0).unwrap();
        let blocks = || nix::sys::stat::fstat(&file).unwrap().st_blocks;
        assert_eq!(blocks(), 2048);
        drop(pages);
        assert_eq!(blocks(), 0);
    }

    #[test]
    fn no_pages_and_more_than_there_can_be_are_errors() {
        assert!(Pages::new(0).is_err());
        assert!(Pages::new(!4095).is_err());
    }
}
