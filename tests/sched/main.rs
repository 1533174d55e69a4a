//! The policies of `vgpu::sched` against a simulated GPU, in simulated time. The arbiter runs the same code.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    reason = "tests, which tell figures"
)]

mod account;
mod bounds;
mod chaos;
mod faults;
mod gpu;
mod hours;
mod modes;
mod placement;
mod shares;
mod world;
