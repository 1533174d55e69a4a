//! The program as operators and management software start it.

mod cli;
mod life;
mod vgpu;
