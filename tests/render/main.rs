//! Vulkan commands as a guest's driver sends them, executed by lavapipe.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod client;
mod memory;
mod sync;
