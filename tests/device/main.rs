//! The virtio-gpu device as a guest and a display see it.
#![allow(missing_docs, unreachable_pub)]
#![allow(clippy::indexing_slicing, clippy::cast_possible_truncation, clippy::unwrap_used)]

mod contexts;
mod cve;
mod drawing;
mod guest;
mod heads;
mod pointer;
mod properties;
mod refusals;
mod restore;
