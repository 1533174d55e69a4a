//! Identifiers that guests choose, as types: an unchecked number is not an id.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Heads a virtio-gpu device can have (virtio 1.3, 5.7.6.8, `VIRTIO_GPU_MAX_SCANOUTS`).
pub const SCANOUTS_MAX: usize = 16;

/// A resource's number. Zero is "no resource" on the wire and `None` here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResourceId(NonZeroU32);

impl ResourceId {
    /// The id with this number; `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number on the wire.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// A 3D context's number. Zero is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContextId(NonZeroU32);

impl ContextId {
    /// The id with this number; `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number on the wire.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// The number of a head, below [`SCANOUTS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScanoutId(u8);

impl ScanoutId {
    /// The head with this number; `None` at or above [`SCANOUTS_MAX`].
    pub fn new(number: u32) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| usize::from(*number) < SCANOUTS_MAX).map(Self)
    }

    /// Every head, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map_while(Self::new)
    }

    /// The number on the wire.
    pub fn get(self) -> u32 {
        u32::from(self.0)
    }

    /// The number as an index into a table of [`SCANOUTS_MAX`] entries.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}
