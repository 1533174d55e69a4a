//! Calls to VFIO that no crate makes for us, or not safely.

use std::fmt;
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::Arc;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use vfio_ioctls::{VfioDevice, VfioOps};

mod calls {
    // `VFIO_DEVICE_RESET` of linux/vfio.h. The crate's own call tells nobody that it failed.
    nix::ioctl_none!(reset, b';', 111);
}

/// Has the kernel reset a device.
pub fn reset_function(device: &VfioDevice) -> io::Result<()> {
    // SAFETY: the call takes nothing but the descriptor, which the device keeps open.
    unsafe { calls::reset(device.as_raw_fd()) }?;
    Ok(())
}

/// The descriptor of a device, which reads and writes its regions.
pub fn function_descriptor(device: &VfioDevice) -> BorrowedFd<'_> {
    // SAFETY: the device keeps it open as long as it is borrowed.
    unsafe { BorrowedFd::borrow_raw(device.as_raw_fd()) }
}

/// Memory of this process that devices behind an IOMMU may read and write, as long as this lives.
///
/// Nothing here reads it: it is there for what a device does.
pub struct DmaMemory {
    memory: NonNull<libc::c_void>,
    bytes: NonZeroUsize,
    iova: u64,
    ops: Arc<dyn VfioOps>,
}

impl DmaMemory {
    /// Maps so many bytes, whole pages, where devices find them at `iova`.
    pub fn map(ops: Arc<dyn VfioOps>, iova: u64, bytes: NonZeroU64) -> io::Result<Self> {
        let bytes = NonZeroUsize::try_from(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses an address that nothing else has.
        let memory = unsafe { mmap_anonymous(None, bytes, protection, MapFlags::MAP_PRIVATE) }?;
        // SAFETY: nobody has a reference to this memory, nor gets one; it stays until it is unmapped.
        if let Err(error) = unsafe { ops.vfio_dma_map(iova, bytes.get(), memory.as_ptr().cast()) } {
            // SAFETY: it was mapped here, and no device has it.
            _ = unsafe { munmap(memory, bytes.get()) };
            return Err(io::Error::other(error));
        }
        Ok(Self { memory, bytes, iova, ops })
    }

    /// Takes it from the devices.
    pub fn unmap(self) -> io::Result<()> {
        let result = self.ops.vfio_dma_unmap(self.iova, self.bytes.get());
        if result.is_ok() {
            // SAFETY: it was mapped here, and no device has it any more. It is not dropped again, below.
            _ = unsafe { munmap(self.memory, self.bytes.get()) };
        }
        // Memory that a device may still write to is never given back.
        result.map_err(io::Error::other)
    }
}

impl fmt::Debug for DmaMemory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DmaMemory({} bytes at {:#x})", self.bytes, self.iova)
    }
}
