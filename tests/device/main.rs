//! The virtio-gpu device as a guest and a display see it.
#![allow(missing_docs, unreachable_pub, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod cve;
mod drawing;
mod guest;
mod heads;
mod pointer;
mod properties;
mod refusals;
