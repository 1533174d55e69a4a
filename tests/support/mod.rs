//! What several test programs and the benchmark share.

pub mod display_peer;
pub mod guest;
pub mod service;
