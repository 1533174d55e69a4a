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

/// A mapping in this process of a file in memory: one of its own, zero at first, whose size never changes, or a range
/// of one that others have too.
///
/// Whoever has a descriptor of it may write it at any time, so it is handed out as an address only.
pub struct Pages {
    /// The file, if it is their own.
    file: Option<OwnedFd>,
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
        let length = length(bytes)?;
        let file_bytes = libc::off_t::try_from(bytes).map_err(too_large)?;
        let _mapped = Mapped::count()?;
        let file = memfd_create(c"vgpu-memory", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        nix::unistd::ftruncate(&file, file_bytes)?;
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        let mut pages = Self { start: map(&file, length)?, file: None, bytes: length.get(), _mapped };
        pages.take_huge();
        while let Err(error) = fallocate(&file, FallocateFlags::empty(), 0, file_bytes) {
            if error != Errno::EINTR {
                return Err(error.into());
            }
        }
        pages.file = Some(file);
        Ok(pages)
    }

    /// Maps `bytes`, which must be whole pages, from `offset` on of a file that cannot shrink. They are taken at once
    /// here too, as small pages: see heap.rs.
    pub fn map_range(file: &impl AsFd, offset: u64, bytes: u64) -> io::Result<Self> {
        let length = length(bytes)?;
        let offset = offset_in(file.as_fd(), offset, bytes)?;
        let _mapped = Mapped::count()?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
        // SAFETY: the kernel chooses an address that nothing else has.
        let start = unsafe { mmap(None, length, protection, flags, file, offset) }?;
        let pages = Self { start, file: None, bytes: length.get(), _mapped };
        // SAFETY: exactly this mapping, whose content stays as it is.
        unsafe { madvise(pages.start, pages.bytes, MmapAdvise::MADV_POPULATE_WRITE) }?;
        Ok(pages)
    }

    /// Has memory of this process's own, zero, lie at these addresses in place of the file: whoever still writes there
    /// writes what nobody else sees. When this returns nothing reaches the file by this mapping any more.
    pub fn bury(&self) {
        // SAFETY: exactly the range of this mapping, to which no reference exists.
        unsafe { bury(self.start, self.bytes) }
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

    /// The file, if it is their own.
    pub fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd)
    }

    /// Another descriptor of the same file, which must be their own.
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.file.as_ref().ok_or(ErrorKind::Unsupported)?.try_clone()
    }
}

fn length(bytes: u64) -> io::Result<NonZeroUsize> {
    let length = usize::try_from(bytes).map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
    NonZeroUsize::new(length).ok_or(ErrorKind::InvalidInput.into())
}

/// Where a range begins, if the file has all of it and can never have less.
pub(super) fn offset_in(file: BorrowedFd<'_>, offset: u64, bytes: u64) -> io::Result<libc::off_t> {
    let seals = SealFlag::from_bits_retain(fcntl(file, FcntlArg::F_GET_SEALS)?);
    let file_bytes = u64::try_from(nix::sys::stat::fstat(file)?.st_size).unwrap_or_default();
    let within = offset.checked_add(bytes).is_some_and(|end| end <= file_bytes);
    match libc::off_t::try_from(offset) {
        Ok(offset) if within && seals.contains(SealFlag::F_SEAL_SHRINK) => Ok(offset),
        _ => Err(io::Error::new(ErrorKind::InvalidInput, "the file is too short, or could become so")),
    }
}

/// Puts anonymous pages in place of a mapping.
///
/// Others may go on reading and writing there meanwhile, threads of a driver among them: to them there is no moment
/// without memory, for a fault waits until the kernel is done with the exchange; and before the call returns no
/// processor has the old pages in its tables any more. A GPU that has them pinned keeps them, but a file that is
/// punched then has them no longer, and new ones in their place.
///
/// A kernel that has no memory for it may have taken the old mapping away already, and what still uses it would break
/// in any way; so that ends the process.
///
/// # Safety
/// The range must be exactly a mapping of the caller's whose bytes may change at any time.
pub(super) unsafe fn bury(start: NonNull<libc::c_void>, bytes: usize) {
    // No mapping is empty.
    let length = NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN);
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE | MapFlags::MAP_FIXED;
    // SAFETY: the caller's promise: nothing but that mapping is replaced, and the range stays mapped and writable.
    if let Err(error) = unsafe { mmap_anonymous(Some(start.addr()), length, protection, flags) } {
        tracing::error!("{bytes} bytes of memory cannot be taken out of use: {error}; this process ends");
        std::process::abort();
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
        if self.file.is_some() {
            // Who has a descriptor still would keep what is charged to nobody any more.
            // SAFETY: exactly the range of this mapping, to which no reference exists; it reads zero afterwards.
            _ = unsafe { madvise(self.start, self.bytes, MmapAdvise::MADV_REMOVE) };
        }
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
            let taken = nix::sys::stat::fstat(pages.file().unwrap()).unwrap().st_blocks;
            assert_eq!(u64::try_from(taken).unwrap() * 512, bytes);
            assert!(bytes < 2 << 20 || pages.address().is_multiple_of(2 << 20));
        }
    }

    /// A file of four pages, and its second and third as a driver has them.
    fn range() -> (File, Pages) {
        let file = crate::sys::sealed_file(4 * 4096).unwrap();
        let pages = Pages::map_range(&file, 4096, 2 * 4096).unwrap();
        (file.into(), pages)
    }

    fn read(file: &File, offset: u64) -> u8 {
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        byte[0]
    }

    /// Writes as a driver does.
    fn write(pages: &Pages, offset: usize, value: u8) {
        // SAFETY: a byte of the mapping.
        unsafe { pages.start.cast::<u8>().byte_add(offset).write_volatile(value) };
    }

    #[test]
    fn a_range_of_another_file_is_that_file_and_stays_as_it_is_without_the_mapping() {
        let (file, pages) = range();
        write(&pages, 0, 7);
        write(&pages, 2 * 4096 - 1, 8);
        assert!(pages.file().is_none() && pages.share().is_err());
        drop(pages);
        assert_eq!([4095, 4096, 3 * 4096 - 1, 3 * 4096].map(|offset| read(&file, offset)), [0, 7, 8, 0]);
    }

    #[test]
    fn what_is_written_to_buried_pages_is_seen_by_nobody_else_although_somebody_writes_all_the_time() {
        let (file, pages) = range();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    (0..2 * 4096).step_by(512).for_each(|offset| write(&pages, offset, 7));
                }
            });
            while read(&file, 4096) == 0 {
                std::thread::yield_now();
            }
            pages.bury();
            file.write_all_at(&[9; 2 * 4096], 4096).unwrap();
            for _ in 0..1000 {
                assert!((4096..3 * 4096).step_by(512).all(|offset| read(&file, offset) == 9));
            }
            stop.store(true, Ordering::Relaxed);
        });
        pages.bury();
        drop(pages);
        assert_eq!(read(&file, 4096), 9);
    }

    #[test]
    fn ranges_that_a_file_has_not_or_may_lose_are_errors() {
        let file = crate::sys::sealed_file(4 * 4096).unwrap();
        for (offset, bytes) in [(4096, 0), (4096, 4 * 4096), (u64::MAX - 4095, 4096), (100, 4096)] {
            assert!(Pages::map_range(&file, offset, bytes).is_err(), "{bytes} bytes at {offset}");
        }
        let open = memfd_create(c"test", MFdFlags::MFD_CLOEXEC).unwrap();
        nix::unistd::ftruncate(&open, 4096).unwrap();
        assert!(Pages::map_range(&open, 0, 4096).is_err());
    }

    #[test]
    fn no_pages_and_more_than_there_can_be_are_errors() {
        assert!(Pages::new(0).is_err());
        assert!(Pages::new(!4095).is_err());
    }
}
