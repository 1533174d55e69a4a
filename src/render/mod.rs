//! Images that guests draw into.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

pub mod software;
