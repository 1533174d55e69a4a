//! The program as operators and management software start it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod cli;
mod daemon;
mod faults;
mod life;
mod many;
mod render;
mod service;
mod sharing;
#[path = "../support/mod.rs"]
mod support;
mod vgpu;
