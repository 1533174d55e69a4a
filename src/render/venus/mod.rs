//! Contexts of guests: rings, streams and the order between them.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]
