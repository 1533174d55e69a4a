//! Memory of devices: charged, imported where guests map it, zero when they first see it.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod types;
