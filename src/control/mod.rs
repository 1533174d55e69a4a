//! What operators ask for and are told.
#![forbid(unsafe_code)]

pub mod profile;
pub mod spec;
