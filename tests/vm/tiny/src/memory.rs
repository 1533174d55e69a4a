//! Memory that is handed out and never taken back.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// Behind the program, and below what the smallest VM of a test has.
const START: usize = 0x100_0000;
const END: usize = 0x400_0000;

struct Bump(AtomicUsize);

#[global_allocator]
static MEMORY: Bump = Bump(AtomicUsize::new(START));

impl Bump {
    fn take(&self, bytes: usize, align: usize) -> *mut u8 {
        let at = self.0.load(Ordering::Relaxed).next_multiple_of(align);
        if bytes > END - at {
            return core::ptr::null_mut();
        }
        self.0.store(at + bytes, Ordering::Relaxed);
        at as *mut u8
    }
}

// SAFETY: each range is handed out once, and there is one processor.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout.size(), layout.align())
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// Memory has the addresses that devices know it by, for there are no pages.
pub(crate) struct Identity;

// SAFETY: as above; a VM's memory is zero when it starts.
unsafe impl Hal for Identity {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let start = NonNull::new(MEMORY.take(pages * PAGE_SIZE, PAGE_SIZE)).expect("the VM has memory left");
        (start.as_ptr() as PhysAddr, start)
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, _: usize) -> NonNull<u8> {
        panic!("{address:#x} is reached through the window")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.as_ptr().cast::<u8>() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
