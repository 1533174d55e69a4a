//! The command line: one file per verb; nothing below it touches the terminal.
#![forbid(unsafe_code)]

mod control_error;
pub mod error;
pub mod screenshot;
pub mod set;
