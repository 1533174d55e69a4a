//! The program as operators and management software start it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod cli;
mod life;
mod vgpu;
