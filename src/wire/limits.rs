//! Every maximum that a guest can meet, and the sizes that follow from them.

use super::raw::{self, CtrlHdr, MemEntry};

/// Entries that one backing may have, as in QEMU; [`Limits::entries`] can only lower it.
pub const ENTRIES_MAX: u32 = 16384;

/// The largest request that is read at all: a blob with the most entries there can be.
pub const REQUEST_BYTES_MAX: usize =
    size_of::<CtrlHdr>() + size_of::<raw::CreateBlob>() + ENTRIES_MAX as usize * size_of::<MemEntry>();

/// The largest answer there is, that with an EDID.
pub const REPLY_BYTES_MAX: usize = size_of::<CtrlHdr>() + size_of::<raw::RespEdid>();

/// What a guest may have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Host memory for images and for the lists that describe backings.
    pub memory_bytes: u64,
    /// Resources at a time.
    pub resources: u32,
    /// Entries of one backing, at most [`ENTRIES_MAX`].
    pub entries: u32,
    /// Width and height of an image in pixels.
    pub image_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20, resources: 16384, entries: ENTRIES_MAX, image_side: 16384 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_messages_are_those_of_the_specification() {
        assert_eq!((REQUEST_BYTES_MAX, REPLY_BYTES_MAX), (24 + 32 + 16384 * 16, 24 + 8 + 1024));
    }
}
