//! Tries each order in which the arbiter, a render process's thread and its client may do things, by loom.
//!
//! The page and what goes by it are the program's own files; what they stand on is here, in loom's terms: words that
//! are shared, sleep, the clock, and a client with a GPU that tells when two are on it.
#![allow(dead_code, unused_imports, reason = "the program's files have more than is tried here")]
#![allow(clippy::arc_with_non_send_sync, reason = "threads of a model are one thread for the system")]

mod arbiter;
mod quota;
mod render;
#[path = "../../src/sched/mod.rs"]
mod sched;
mod sys;

pub use arbiter::{gone, lease, recall};
