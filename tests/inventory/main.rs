//! The inventory of GPUs: hosts that are written down, read by the library and shown by the program.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod hosts;
#[path = "../support/listing.rs"]
mod listing;
mod nvml;
#[path = "../support/nvml_library.rs"]
mod nvml_library;
mod pieces;
mod vanishing;
mod verbs;
