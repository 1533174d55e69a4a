//! The policies of `vgpu::sched` against a simulated GPU, in simulated time. The arbiter runs the same code.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "these are tests")]

mod account;
mod chaos;
mod faults;
mod gpu;
mod modes;
mod shares;
mod world;
