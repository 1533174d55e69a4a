//! Guests' Vulkan commands, executed on Mesa's llvmpipe (needs the packages libvulkan1 and mesa-vulkan-drivers).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these are tests"
)]

mod client;
mod compute;
mod descriptors;
mod figures;
mod guest;
mod heap;
mod hostile;
mod images;
mod leave;
mod memory;
mod objects;
mod priority;
mod scene;
mod session;
mod sync;
