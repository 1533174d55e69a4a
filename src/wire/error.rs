//! What a guest can do wrong, and the code that each is answered with.
//!
//! The specification names the codes and hardly says when to use which. Where it is silent a guest gets the code that
//! QEMU's device gives, since that is what drivers were tested with.

use super::{FEATURE_RESOURCE_BLOB, Format, Rect, Size};

/// `virtio_gpu_ctrl_type`: errors (virtio 1.3, 5.7.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ErrorCode {
    /// Something is wrong that no other code says.
    Unspecified = 0x1200,
    /// A limit of this vGPU, or of the host's memory, was reached.
    OutOfMemory = 0x1201,
    /// There is no such head.
    InvalidScanoutId = 0x1202,
    /// There is no such resource, or there is one where there must be none.
    InvalidResourceId = 0x1203,
    /// There is no such context, or there is one where there must be none.
    InvalidContextId = 0x1204,
    /// A value makes no sense.
    InvalidParameter = 0x1205,
}

impl ErrorCode {
    /// The number on the wire.
    pub fn number(self) -> u32 {
        self as u32
    }
}

/// A request that was refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// The request ends before its structure does.
    #[error("the request has {sent} bytes where its kind needs {needed}")]
    TooShort {
        /// Bytes there were.
        sent: usize,
        /// Bytes its structure has.
        needed: usize,
    },
    /// No command of this queue, or one of OpenGL's, which this device does not have.
    #[error("command {0:#06x} is none of this queue's")]
    UnknownCommand(u32),
    /// A command without the feature that it belongs to.
    #[error("feature bit {0} was not negotiated")]
    NotNegotiated(u32),
    /// The number of a head that there is not.
    #[error("there is no scanout {0}")]
    UnknownScanout(u32),
    /// An EDID was asked of a head that there is not.
    #[error("there is no scanout {0} to have an EDID")]
    NoEdid(u32),
    /// No index and no id of a capability set that this device has.
    #[error("there is no capability set {0}")]
    UnknownCapset(u32),
    /// The number of a resource that there is not; zero is none.
    #[error("there is no resource {0}")]
    UnknownResource(u32),
    /// The number of a context that there is not; zero is none.
    #[error("there is no context {0}")]
    UnknownContext(u32),
    /// The number is taken.
    #[error("context {0} exists already")]
    ContextExists(u32),
    /// A context of no capability set of this device.
    #[error("a context of capability set {0} cannot be made")]
    BadContext(u32),
    /// More contexts than there may be.
    #[error("{0} contexts are all that this vGPU may have")]
    TooManyContexts(u32),
    /// A place in the heap that is not in it, or not on a page.
    #[error("{bytes} bytes at {offset:#x} are no pages of the heap of {heap} bytes")]
    OutsideHeap {
        /// Where.
        offset: u64,
        /// How many.
        bytes: u64,
        /// How many there are.
        heap: u64,
    },
    /// A resource that is no blob in the heap, or is mapped already, or is not.
    #[error("resource {0} cannot be mapped, is mapped already, or is not mapped")]
    NotMappable(u32),
    /// Who renders refused it, or died.
    #[error("the request was refused by who carries it out")]
    Refused,
    /// The number is taken.
    #[error("resource {0} exists already")]
    ResourceExists(u32),
    /// No pixel format of the specification.
    #[error("{0} is no pixel format")]
    UnknownFormat(u32),
    /// An image without pixels, or one with a side beyond the limit.
    #[error("an image of {} x {} pixels is none that can be made", .0.width, .0.height)]
    BadSize(Size),
    /// A rectangle that leaves the image, or a scanout without pixels.
    #[error("{area:?} is not within {} x {} pixels", size.width, size.height)]
    OutsideImage {
        /// The rectangle.
        area: Rect,
        /// The image.
        size: Size,
    },
    /// Pixels that lie beyond the bytes of a backing or blob.
    #[error("{area:?} with {stride} bytes a row at {offset} ends beyond {bytes} bytes")]
    OutsideBytes {
        /// The rectangle.
        area: Rect,
        /// Bytes from a row to the next.
        stride: u64,
        /// Where its first row begins.
        offset: u64,
        /// Bytes that there are.
        bytes: u64,
    },
    /// More entries than are allowed.
    #[error("a backing of {sent} entries is beyond the limit of {max}")]
    TooManyEntries {
        /// Entries announced.
        sent: u32,
        /// Entries allowed.
        max: u32,
    },
    /// An entry of zero bytes, or one that is not guest memory.
    #[error("{len} bytes at {address:#x} are not guest memory")]
    BadEntry {
        /// Guest address.
        address: u64,
        /// Bytes.
        len: u32,
    },
    /// A second backing for a resource.
    #[error("resource {0} has a backing already")]
    BackingExists(u32),
    /// A backing is needed and there is none.
    #[error("resource {0} has no backing")]
    NoBacking(u32),
    /// A blob of a kind that this device cannot make.
    #[error("a blob of kind {kind} with flags {flags:#x} cannot be made")]
    BadBlob {
        /// `blob_mem`.
        kind: u32,
        /// `blob_flags`.
        flags: u32,
    },
    /// A blob of no byte, or with fewer bytes in its pages than it has.
    #[error("a blob of {size} bytes cannot be made of {backed} bytes in pages")]
    ShortBlob {
        /// Its size.
        size: u64,
        /// Bytes in its pages.
        backed: u64,
    },
    /// A blob where an image is needed, or the other way round.
    #[error("resource {0} is of the other kind: a blob has no size, an image no layout")]
    WrongKind(u32),
    /// A cursor that is not 64 × 64 pixels.
    #[error("resource {0} does not have the size of a cursor")]
    NotACursor(u32),
    /// The pages of a resource are no longer guest memory.
    #[error("resource {0} lies in memory that the VM no longer has")]
    MemoryGone(u32),
    /// The vGPU may have no more memory.
    #[error("{wanted} more bytes do not fit beside the {used} in use under the limit of {limit}")]
    OutOfMemory {
        /// Bytes asked for.
        wanted: u64,
        /// Bytes in use.
        used: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The host has no more memory.
    #[error("the host has no {0} bytes more")]
    HostOutOfMemory(u64),
    /// Too many resources.
    #[error("{0} resources are all that this vGPU may have")]
    TooManyResources(u32),
}

impl GuestError {
    /// The code that the guest is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            // As QEMU, which does not know commands of other features at all.
            Self::NotNegotiated(FEATURE_RESOURCE_BLOB) => ErrorCode::InvalidParameter,
            Self::UnknownCommand(_)
            | Self::NotNegotiated(_)
            | Self::BadEntry { .. }
            | Self::BackingExists(_)
            | Self::NoBacking(_)
            | Self::MemoryGone(_)
            | Self::NotMappable(_)
            | Self::Refused => ErrorCode::Unspecified,
            Self::OutOfMemory { .. }
            | Self::HostOutOfMemory(_)
            | Self::TooManyResources(_)
            | Self::TooManyContexts(_)
            | Self::TooManyEntries { .. } => ErrorCode::OutOfMemory,
            Self::UnknownContext(_) | Self::ContextExists(_) => ErrorCode::InvalidContextId,
            Self::UnknownScanout(_) => ErrorCode::InvalidScanoutId,
            Self::UnknownResource(_) | Self::ResourceExists(_) => ErrorCode::InvalidResourceId,
            Self::TooShort { .. }
            | Self::NoEdid(_)
            | Self::UnknownCapset(_)
            | Self::UnknownFormat(_)
            | Self::BadSize(_)
            | Self::OutsideImage { .. }
            | Self::OutsideBytes { .. }
            | Self::BadBlob { .. }
            | Self::BadContext(_)
            | Self::OutsideHeap { .. }
            | Self::ShortBlob { .. }
            | Self::WrongKind(_)
            | Self::NotACursor(_) => ErrorCode::InvalidParameter,
        }
    }
}

/// The pixel format with this number.
pub(super) fn format(number: u32) -> Result<Format, GuestError> {
    Format::from_wire(number).ok_or(GuestError::UnknownFormat(number))
}
