//! The program as operators and management software start it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "these are tests")]

mod cli;
mod daemon;
mod faults;
mod life;
mod many;
mod memory;
mod render;
mod service;
mod sharing;
#[path = "../support/mod.rs"]
mod support;
mod vgpu;
