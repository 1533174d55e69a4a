//! virtio-gpu bytes ⇄ values: everything a guest says is decoded here, once, and checked.
//!
//! Numbers and layouts are those of the virtio specification 1.3, section 5.7 (GPU device).
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

pub mod display;
mod format;
mod geometry;
mod id;

pub use format::Format;
pub use geometry::{HeadMode, Point, Rect, Size};
pub use id::{ResourceId, SCANOUTS_MAX, ScanoutId};
