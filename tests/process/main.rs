//! The program as operators and management software start it.
#![allow(clippy::unwrap_used)]

mod cli;
mod life;
mod vgpu;
