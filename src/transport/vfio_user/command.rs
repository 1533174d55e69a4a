//! The protocol's commands: bytes of a message's body to values, and values to bytes of answers.
//!
//! Structures have the names that the specification gives them (QEMU, docs/interop/vfio-user.rst); their numbers are in
//! the host's order.

use nix::errno::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes that may be read from a region or written to one at once.
pub const DATA_BYTES_MAX: usize = 4096;

/// The number of a command.
pub mod number {
    /// `VFIO_USER_VERSION`.
    pub const VERSION: u16 = 1;
    /// `VFIO_USER_DMA_MAP`.
    pub const DMA_MAP: u16 = 2;
    /// `VFIO_USER_DMA_UNMAP`.
    pub const DMA_UNMAP: u16 = 3;
    /// `VFIO_USER_DEVICE_GET_INFO`.
    pub const DEVICE_GET_INFO: u16 = 4;
    /// `VFIO_USER_DEVICE_GET_REGION_INFO`.
    pub const DEVICE_GET_REGION_INFO: u16 = 5;
    /// `VFIO_USER_DEVICE_GET_REGION_IO_FDS`.
    pub const DEVICE_GET_REGION_IO_FDS: u16 = 6;
    /// `VFIO_USER_DEVICE_GET_IRQ_INFO`.
    pub const DEVICE_GET_IRQ_INFO: u16 = 7;
    /// `VFIO_USER_DEVICE_SET_IRQS`.
    pub const DEVICE_SET_IRQS: u16 = 8;
    /// `VFIO_USER_REGION_READ`.
    pub const REGION_READ: u16 = 9;
    /// `VFIO_USER_REGION_WRITE`.
    pub const REGION_WRITE: u16 = 10;
    /// `VFIO_USER_DEVICE_RESET`.
    pub const DEVICE_RESET: u16 = 13;
}

/// `VFIO_USER_VERSION`, in front of the capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Version {
    /// Changes when nothing is as it was.
    pub major: u16,
    /// Changes when there is something more.
    pub minor: u16,
}

/// `VFIO_USER_DMA_MAP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DmaMap {
    /// Bytes of this structure.
    pub argsz: u32,
    /// Readable and writable.
    pub flags: u32,
    /// Where in the file it begins.
    pub offset: u64,
    /// Where in guest memory it begins.
    pub address: u64,
    /// Its bytes.
    pub size: u64,
}

/// The guest's memory can be read by the device.
pub(super) const DMA_READ: u32 = 1;
/// It can be written by the device.
pub(super) const DMA_WRITE: u32 = 1 << 1;

/// `VFIO_USER_DMA_UNMAP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DmaUnmap {
    /// Bytes of the answer at most.
    pub argsz: u32,
    /// Everything goes, if QEMU says so.
    pub flags: u32,
    /// Where in guest memory it begins.
    pub address: u64,
    /// Its bytes.
    pub size: u64,
}

/// `VFIO_DMA_UNMAP_FLAG_ALL`.
pub(super) const UNMAP_ALL: u32 = 1 << 1;

/// `VFIO_USER_DEVICE_GET_INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DeviceInfo {
    /// Bytes of the answer at most, or whole.
    pub argsz: u32,
    /// It can be reset, it is a PCI function.
    pub flags: u32,
    /// How many regions it has.
    pub num_regions: u32,
    /// How many kinds of interrupts.
    pub num_irqs: u32,
}

/// `VFIO_USER_DEVICE_GET_REGION_INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RegionInfo {
    /// Bytes of the answer at most, or whole.
    pub argsz: u32,
    /// What can be done with it.
    pub flags: u32,
    /// Which it is.
    pub index: u32,
    /// Where in the answer its capabilities begin.
    pub cap_offset: u32,
    /// Its bytes.
    pub size: u64,
    /// Where in the file it begins.
    pub offset: u64,
}

/// `VFIO_REGION_INFO_FLAG_*`.
pub(super) const REGION_READABLE: u32 = 1;
/// See [`REGION_READABLE`].
pub(super) const REGION_WRITABLE: u32 = 1 << 1;
/// See [`REGION_READABLE`].
pub(super) const REGION_MAPPABLE: u32 = 1 << 2;
/// See [`REGION_READABLE`].
pub(super) const REGION_CAPABILITIES: u32 = 1 << 3;

/// `VFIO_REGION_INFO_CAP_SPARSE_MMAP` with one area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SparseArea {
    id: u16,
    version: u16,
    next: u32,
    areas: u32,
    reserved: u32,
    offset: u64,
    size: u64,
}

impl SparseArea {
    /// All of a region.
    pub fn whole(size: u64) -> Self {
        Self { id: 1, version: 1, next: 0, areas: 1, reserved: 0, offset: 0, size }
    }
}

/// `VFIO_USER_DEVICE_GET_REGION_IO_FDS`, in front of the sub-regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RegionIoFds {
    /// Bytes of the answer at most, or whole.
    pub argsz: u32,
    /// None.
    pub flags: u32,
    /// Which region.
    pub index: u32,
    /// How many sub-regions follow.
    pub count: u32,
}

/// A sub-region whose writes an eventfd can tell of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IoEventFd {
    /// Where in the region it begins.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
    /// Which of the descriptors of the message.
    pub fd_index: u32,
    /// `VFIO_USER_IO_FD_TYPE_IOEVENTFD`, 0.
    pub kind: u32,
    /// None: whatever is written.
    pub flags: u32,
    padding: u32,
    datamatch: u64,
}

impl IoEventFd {
    /// Tells of any write of so many bytes there by the first descriptor of the message.
    pub(super) fn at(offset: u64, size: u64) -> Self {
        Self { offset, size, ..Self::default() }
    }
}

/// `VFIO_USER_DEVICE_GET_IRQ_INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IrqInfo {
    /// Bytes of the answer at most, or whole.
    pub argsz: u32,
    /// What can be done with them.
    pub flags: u32,
    /// Which kind of interrupts.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

/// `VFIO_USER_DEVICE_SET_IRQS`, in front of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SetIrqs {
    /// Bytes of this structure and its data.
    pub argsz: u32,
    /// What the data is, and what is to be done.
    pub flags: u32,
    /// Which kind of interrupts.
    pub index: u32,
    /// The first of them.
    pub start: u32,
    /// How many.
    pub count: u32,
}

/// `VFIO_USER_REGION_READ` and `VFIO_USER_REGION_WRITE`, in front of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RegionAccess {
    /// Where in the region it begins.
    pub offset: u64,
    /// Which region.
    pub region: u32,
    /// Bytes of data.
    pub count: u32,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Which protocol is spoken; with what the client can do, in JSON.
    Version(Version, &'a [u8]),
    /// There is guest memory here.
    DmaMap(DmaMap),
    /// There is none any more.
    DmaUnmap(DmaUnmap),
    /// What the device is.
    DeviceInfo {
        /// Bytes of the answer at most.
        argsz: u32,
    },
    /// What a region is.
    RegionInfo {
        /// Bytes of the answer at most.
        argsz: u32,
        /// Which.
        index: u32,
    },
    /// What eventfds can tell of a region.
    RegionIoFds {
        /// Bytes of the answer at most.
        argsz: u32,
        /// Which.
        index: u32,
    },
    /// What interrupts of a kind there are.
    IrqInfo {
        /// Bytes of the answer at most.
        argsz: u32,
        /// Which.
        index: u32,
    },
    /// How interrupts are to be signalled; with a byte for each where the flags say so.
    SetIrqs(SetIrqs, &'a [u8]),
    /// What stands in a region.
    RegionRead(RegionAccess),
    /// What is to stand there.
    RegionWrite(RegionAccess, &'a [u8]),
    /// The device begins anew.
    Reset,
}

impl<'a> Request<'a> {
    /// Reads a message's body. What is no command of ours, such as all of migration, is not supported.
    pub fn decode(command: u16, body: &'a [u8]) -> Result<Self, Errno> {
        Ok(match command {
            number::VERSION => {
                let (version, capabilities) = front(body)?;
                Self::Version(version, capabilities)
            }
            number::DMA_MAP => Self::DmaMap(front(body)?.0),
            number::DMA_UNMAP => Self::DmaUnmap(front(body)?.0),
            number::DEVICE_GET_INFO => {
                let (DeviceInfo { argsz, .. }, _) = front(body)?;
                Self::DeviceInfo { argsz }
            }
            number::DEVICE_GET_REGION_INFO => {
                let (RegionInfo { argsz, index, .. }, _) = front(body)?;
                Self::RegionInfo { argsz, index }
            }
            number::DEVICE_GET_REGION_IO_FDS => {
                let (RegionIoFds { argsz, index, .. }, _) = front(body)?;
                Self::RegionIoFds { argsz, index }
            }
            number::DEVICE_GET_IRQ_INFO => {
                let (IrqInfo { argsz, index, .. }, _) = front(body)?;
                Self::IrqInfo { argsz, index }
            }
            number::DEVICE_SET_IRQS => {
                let (set, data) = front(body)?;
                Self::SetIrqs(set, data)
            }
            number::REGION_READ => {
                let (access, _) = access(body)?;
                Self::RegionRead(access)
            }
            number::REGION_WRITE => {
                let (access, data) = access(body)?;
                let count = usize::try_from(access.count).map_err(|_| Errno::EINVAL)?;
                if data.len() != count {
                    return Err(Errno::EINVAL);
                }
                Self::RegionWrite(access, data)
            }
            number::DEVICE_RESET => Self::Reset,
            _ => return Err(Errno::ENOTSUP),
        })
    }
}

fn front<T: FromBytes>(body: &[u8]) -> Result<(T, &[u8]), Errno> {
    T::read_from_prefix(body).map_err(|_| Errno::EINVAL)
}

fn access(body: &[u8]) -> Result<(RegionAccess, &[u8]), Errno> {
    let (access, data): (RegionAccess, _) = front(body)?;
    if usize::try_from(access.count).is_ok_and(|count| count <= DATA_BYTES_MAX) {
        Ok((access, data))
    } else {
        Err(Errno::EINVAL)
    }
}
