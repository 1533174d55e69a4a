//! `scripts/bench 2d`: the 2D device against floors and peers that are measured in the same run, taken in turns.
//!
//! Prints `name value unit bar pass|miss` a line and ends with 1 on a miss. Everything runs on one CPU: unpinned, a
//! round trip costs 5 us or 56 us depending on where the scheduler puts two threads, which says nothing about a device.
#![allow(unreachable_pub)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod copies;
mod frames;
mod idle;
mod naive;
mod process;
mod report;
mod rounds;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use report::Report;

fn main() -> ExitCode {
    let mut report = Report::default();
    idle::measure(&mut report);
    pin_to_one_cpu();
    rounds::measure(&mut report);
    copies::measure(&mut report);
    frames::measure(&mut report);
    report.end()
}

/// The first CPU that this process may use; children inherit it.
fn pin_to_one_cpu() {
    let allowed = nix::sched::sched_getaffinity(Pid::this()).unwrap();
    let first = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu).unwrap()).unwrap();
    let mut one = CpuSet::new();
    one.set(first).unwrap();
    sched_setaffinity(Pid::this(), &one).unwrap();
}
