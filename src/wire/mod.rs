//! virtio-gpu bytes ⇄ values: everything a guest says is decoded here, once, and checked.
//!
//! Numbers and layouts are those of the virtio specification 1.3, section 5.7 (GPU device).
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod command;
mod config;
pub mod display;
pub mod edid;
mod error;
mod format;
mod geometry;
mod id;
mod limits;
mod raw;
mod response;

pub use command::{Command, CreateBlob, CursorCommand, Entries, Header, Layout};
pub use config::{
    Config, EVENT_DISPLAY, FEATURE_CONTEXT_INIT, FEATURE_EDID, FEATURE_RESOURCE_BLOB, FEATURE_RESOURCE_UUID,
    FEATURE_VIRGL, SHARED_MEMORY_HOST_VISIBLE, events_clear,
};
pub use error::{ErrorCode, GuestError};
pub use format::Format;
pub use geometry::{HeadMode, Point, Rect, Size};
pub use id::{ContextId, ResourceId, SCANOUTS_MAX, ScanoutId};
pub use limits::{ENTRIES_MAX, Limits, REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
pub use response::{EDID_BYTES_MAX, FLAG_FENCE, FLAG_INFO_RING_IDX, Response};
