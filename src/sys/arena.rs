//! Memory that C structures are decoded into, and that a driver reads and writes by address.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};

/// Where something lies in this process: what C calls a pointer. 0 is NULL.
pub type Address = u64;

/// Bytes that stay with the arena when it is emptied; the pages after them go back to the host.
const BYTES_KEPT: usize = 1 << 20;

/// The arena has no room left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the command needs more than {0} bytes of memory; the renderer takes no larger ones")]
pub struct Full(pub usize);

/// A range of memory that is handed out from its start and emptied at once.
///
/// Everything handed out is zero at first and stays where it is until [`Arena::reset`]. The range is reserved, not
/// taken: pages that no command touched cost nothing.
pub struct Arena {
    start: NonNull<u8>,
    capacity: usize,
    used: usize,
}

// SAFETY: the range belongs to this value alone; a driver uses addresses in it only during calls that we make.
unsafe impl Send for Arena {}

/// A structure of C: `repr(C)`, without padding that matters, any pattern of bytes a valid value.
///
/// # Safety
/// The type must hold only integers, floats, raw pointers, handles (integers or pointers), optional functions, and
/// structures and arrays of these.
pub unsafe trait CStruct: Copy + 'static {}

// SAFETY: integers.
unsafe impl<const COUNT: usize> CStruct for [u64; COUNT] {}

impl Arena {
    /// Reserves `capacity` bytes.
    pub fn new(capacity: usize) -> io::Result<Self> {
        let length = NonZeroUsize::new(capacity).ok_or(io::ErrorKind::InvalidInput)?;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: a new private range that nothing else knows.
        let start =
            unsafe { mmap_anonymous(None, length, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, flags) }?;
        Ok(Self { start: start.cast(), capacity, used: 0 })
    }

    /// Takes back everything that was handed out.
    #[inline]
    pub fn reset(&mut self) {
        if self.used > BYTES_KEPT {
            // SAFETY: both ends lie in our range, and the start is that of a page.
            let rest = unsafe { self.start.add(BYTES_KEPT) };
            // SAFETY: as above; the pages read zero afterwards, and nothing that lay there is used any more.
            _ = unsafe { madvise(rest.cast(), self.capacity - BYTES_KEPT, MmapAdvise::MADV_DONTNEED) };
        }
        self.used = 0;
    }

    /// Bytes that were handed out, with the gaps between them.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Gives the pages behind what was handed out back to the host, for an arena that is kept as it is.
    pub fn trim(&mut self) {
        let kept = self.used.next_multiple_of(1 << 16);
        if kept < self.capacity {
            // SAFETY: both ends lie in our range, and the start is that of a page of any size.
            let rest = unsafe { self.start.add(kept) };
            // SAFETY: as above; nothing behind `used` is handed out.
            _ = unsafe { madvise(rest.cast(), self.capacity - kept, MmapAdvise::MADV_DONTNEED) };
        }
    }

    /// Hands out `bytes` zeroed bytes at a multiple of `align`, a power of two of at most 16.
    #[inline]
    pub fn alloc(&mut self, bytes: usize, align: usize) -> Result<Address, Full> {
        let start = self.reserve(bytes, align)?;
        // SAFETY: the range is ours.
        unsafe { self.start.as_ptr().add(start).write_bytes(0, bytes) };
        Ok(self.base() + start as u64)
    }

    /// Hands out a copy of `bytes` at a multiple of `align`, a power of two of at most 16.
    #[inline]
    pub fn put_bytes(&mut self, bytes: &[u8], align: usize) -> Result<Address, Full> {
        let start = self.reserve(bytes.len(), align)?;
        // SAFETY: the range is ours, and nobody has a reference into it.
        unsafe { self.start.as_ptr().add(start).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(self.base() + start as u64)
    }

    /// Takes a range, and says where it starts.
    #[inline]
    fn reserve(&mut self, bytes: usize, align: usize) -> Result<usize, Full> {
        let start = self.used.next_multiple_of(align.max(1));
        let end = start.checked_add(bytes).filter(|end| *end <= self.capacity).ok_or(Full(self.capacity))?;
        self.used = end;
        Ok(start)
    }

    #[inline]
    fn base(&self) -> Address {
        self.start.as_ptr().expose_provenance() as u64
    }

    /// The offset of a range that was handed out.
    #[inline]
    fn place(&self, at: Address, bytes: usize) -> Option<usize> {
        let start = usize::try_from(at.checked_sub(self.base())?).ok()?;
        (self.used.checked_sub(start)? >= bytes).then_some(start)
    }

    /// The bytes of a range that was handed out; `None` if any of it was not.
    #[inline]
    pub fn bytes(&self, at: Address, count: usize) -> Option<&[u8]> {
        let start = self.place(at, count)?;
        // SAFETY: the range was handed out, so it is ours and initialised.
        Some(unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(start), count) })
    }

    /// As [`Arena::bytes`], to write.
    #[inline]
    pub fn bytes_mut(&mut self, at: Address, count: usize) -> Option<&mut [u8]> {
        let start = self.place(at, count)?;
        // SAFETY: as above, and `self` is borrowed alone.
        Some(unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().add(start), count) })
    }

    /// The structure at an address; `None` where none can lie: not handed out, or not aligned.
    #[inline]
    pub fn get<T: CStruct>(&self, at: Address) -> Option<&T> {
        self.slice(at, 1)?.first()
    }

    /// As [`Arena::get`], to write.
    #[inline]
    pub fn get_mut<T: CStruct>(&mut self, at: Address) -> Option<&mut T> {
        self.slice_mut(at, 1)?.first_mut()
    }

    /// `count` structures in a row.
    #[inline]
    pub fn slice<T: CStruct>(&self, at: Address, count: usize) -> Option<&[T]> {
        let start = self.place(at, count.checked_mul(size_of::<T>())?)?;
        let first = self.start.as_ptr().wrapping_add(start).cast::<T>();
        // SAFETY: the range is ours and initialised, any bytes are a `T`, and the alignment was looked at.
        first.is_aligned().then(|| unsafe { std::slice::from_raw_parts(first, count) })
    }

    /// As [`Arena::slice`], to write.
    #[inline]
    pub fn slice_mut<T: CStruct>(&mut self, at: Address, count: usize) -> Option<&mut [T]> {
        let start = self.place(at, count.checked_mul(size_of::<T>())?)?;
        let first = self.start.as_ptr().wrapping_add(start).cast::<T>();
        // SAFETY: as above, and `self` is borrowed alone.
        first.is_aligned().then(|| unsafe { std::slice::from_raw_parts_mut(first, count) })
    }

    /// Puts a copy of a structure of ours into the arena, for a driver to read.
    #[inline]
    pub fn put<T: CStruct>(&mut self, value: T) -> Result<Address, Full> {
        let at = self.alloc(size_of::<T>(), align_of::<T>())?;
        if let Some(place) = self.get_mut(at) {
            *place = value;
        }
        Ok(at)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the range is ours, and no reference into it outlives `self`.
        _ = unsafe { munmap(self.start.cast(), self.capacity) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_found_where_it_was_put_and_nowhere_else() {
        let mut arena = Arena::new(1 << 16).expect("memory");
        let at = arena.put([1u64, 2]).expect("room");

        assert_eq!(arena.get::<[u64; 2]>(at), Some(&[1, 2]));
        assert_eq!(arena.get::<[u64; 2]>(at + 4), None);
        assert_eq!(arena.bytes(at + 16, 1), None);
        assert_eq!(arena.bytes(at - 1, 1), None);
        assert_eq!(arena.slice::<[u64; 2]>(at, usize::MAX), None);
    }

    #[test]
    fn memory_is_zero_again_after_a_reset_and_ends_at_the_capacity() {
        let mut arena = Arena::new(4 << 20).expect("memory");
        let at = arena.alloc(3 << 20, 1).expect("room");
        arena.bytes_mut(at, 3 << 20).expect("it was handed out").fill(7);
        arena.reset();

        assert_eq!(arena.alloc((4 << 20) + 1, 1), Err(Full(4 << 20)));
        let again = arena.alloc(3 << 20, 8).expect("room");
        assert!(arena.bytes(again, 3 << 20).expect("it was handed out").iter().all(|byte| *byte == 0));
    }
}
