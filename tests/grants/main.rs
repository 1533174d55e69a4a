//! What operators are given of a host's GPUs: which there are, on which a vGPU is, and pieces handed over as they are.
//!
//! The host is a recorded tree, and its GPUs for Vulkan are lavapipe under other names.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "these are tests")]

mod chosen;
mod handed;
mod host;
#[path = "../support/listing.rs"]
mod listing;
mod lost;
mod names;
#[path = "../support/nvml_library.rs"]
mod nvml_library;
mod on;
#[path = "../support/piece.rs"]
mod piece;
