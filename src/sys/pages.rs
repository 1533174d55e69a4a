//! Pages of a file in memory that a device and other processes use, and no reference of ours points into.

use std::fmt;
use std::io::{self, ErrorKind};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, FcntlArg, SealFlag, fallocate, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, munmap};

use super::Address;

/// Huge pages. From this size on memory is made of them: one is zeroed and mapped in a fraction of the time that 512
/// small ones take, here and in every process that maps them.
const HUGE_BYTES: usize = 2 << 20;

/// Any page is a multiple of this.
const SMALL_BYTES: usize = 4096;

/// Linux 6.1; libc has no name for it with every C library.
const MADV_COLLAPSE: libc::c_int = 25;

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
    /// Makes `bytes` of zeros, which must be whole pages. They are taken at once: a driver would touch each of them
    /// when it imports them, and a fault for each is the dearest way.
    pub fn new(bytes: u64) -> io::Result<Self> {
        let too_large = |_| io::Error::from(ErrorKind::OutOfMemory);
        let length = usize::try_from(bytes).map_err(too_large)?;
        let length = NonZeroUsize::new(length).ok_or(ErrorKind::InvalidInput)?;
        let file_bytes = libc::off_t::try_from(bytes).map_err(too_large)?;
        let _mapped = Mapped::count()?;
        let file = memfd_create(c"vgpu-memory", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        nix::unistd::ftruncate(&file, file_bytes)?;
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        let pages = Self { start: map(&file, length)?, file, bytes: length.get(), _mapped };
        pages.take_huge();
        while let Err(error) = fallocate(&pages.file, FallocateFlags::empty(), 0, file_bytes) {
            if error != Errno::EINTR {
                return Err(error.into());
            }
        }
        Ok(pages)
    }

    /// Takes huge pages for all but the rest, if the kernel has any. It asks no setting of the host's for that (but
    /// `deny`): nobody can write them before we hand them out, and they are charged for to the last byte.
    fn take_huge(&self) {
        let huge = self.bytes - self.bytes % HUGE_BYTES;
        if huge == 0 {
            return;
        }
        // SAFETY: a part of this mapping; it changes the size of its pages and nothing of their content.
        _ = unsafe { madvise(self.start, huge, MmapAdvise::MADV_HUGEPAGE) };
        // What has no page at all is not collapsed.
        for offset in (0..huge).step_by(HUGE_BYTES) {
            // SAFETY: the first page of a huge one, within this mapping.
            let first = unsafe { self.start.byte_add(offset) };
            // SAFETY: as above; it takes that page, or is an error where there is none.
            if unsafe { madvise(first, SMALL_BYTES, MmapAdvise::MADV_POPULATE_WRITE) }.is_err() {
                return;
            }
        }
        // SAFETY: as the first. The kernel stops at the first huge page that it does not have.
        _ = unsafe { libc::madvise(self.start.as_ptr(), huge, MADV_COLLAPSE) };
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

/// Maps a file, so that its huge pages are such in memory too.
fn map(file: &OwnedFd, length: NonZeroUsize) -> io::Result<NonNull<libc::c_void>> {
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
    if length.get() < HUGE_BYTES {
        // SAFETY: the kernel chooses an address that nothing else has.
        return Ok(unsafe { mmap(None, length, protection, flags, file, 0) }?);
    }
    let room = length.checked_add(HUGE_BYTES).ok_or(ErrorKind::OutOfMemory)?;
    // SAFETY: as above.
    let before = unsafe { mmap_anonymous(None, room, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE) }?;
    let skipped = before.as_ptr().align_offset(HUGE_BYTES).min(HUGE_BYTES);
    // SAFETY: the room begins that much before the mapping, and ends the rest of a huge page after it.
    let (start, after) = unsafe { (before.byte_add(skipped), before.byte_add(skipped + length.get())) };
    // SAFETY: within the room, which nobody else knows of.
    let mapped =
        unsafe { mmap(start.addr().into(), length, protection, flags | MapFlags::MAP_FIXED, file, 0) };
    for (rest, bytes) in [(before, skipped), (after, HUGE_BYTES - skipped)] {
        // SAFETY: what is left of the room on this side.
        _ = unsafe { munmap(rest, bytes) };
    }
    mapped.map_err(|error| {
        // SAFETY: what is left of the room.
        _ = unsafe { munmap(start, length.get()) };
        error.into()
    })
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
    fn all_pages_are_taken_at_once_and_no_more_than_that() {
        for bytes in [4096, 1 << 20, 2 << 20, (4 << 20) + 4096] {
            let pages = Pages::new(bytes).unwrap();
            let taken = nix::sys::stat::fstat(pages.file()).unwrap().st_blocks;
            assert_eq!(u64::try_from(taken).unwrap() * 512, bytes);
            assert!(bytes < 2 << 20 || pages.address().is_multiple_of(2 << 20));
        }
    }

    #[test]
    fn no_pages_and_more_than_there_can_be_are_errors() {
        assert!(Pages::new(0).is_err());
        assert!(Pages::new(!4095).is_err());
    }
}
