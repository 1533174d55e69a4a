//! Images that guests draw into.
#![deny(clippy::indexing_slicing)]

#[forbid(unsafe_code)]
pub mod software;
pub mod venus;
pub mod vulkan;
