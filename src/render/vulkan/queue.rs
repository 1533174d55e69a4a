//! Queues, and what is given to them.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod submission;
