//! The display protocol against a peer that behaves as QEMU does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "../support/display_peer.rs"]
mod display_peer;

mod control;
mod frontend;
mod hostile;
mod resume;
mod screen;
