//! vhost-user over a real socket: the device behind its transport, and drivers that speak to it through the front end
//! of the `vhost` crate.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]
#![allow(missing_docs)]

#[path = "../support/display_peer.rs"]
mod display_peer;
#[path = "../support/guest/mod.rs"]
mod guest;
#[path = "../support/kept.rs"]
mod kept;
#[path = "../support/service.rs"]
mod service;

mod hostile;
mod independent;
mod life_cycle;
mod memory;
mod negotiation;
mod other_vmms;
mod rings;
mod takeover;
