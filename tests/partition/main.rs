//! GPUs cut as layouts say: on hosts that are written down, by a kernel that is played and fails at every write.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod faults;
mod kernel;
#[path = "../support/listing.rs"]
mod listing;
mod mig;
#[path = "../support/nvml_library.rs"]
mod nvml_library;
mod plans;
mod refusals;
mod verbs;
