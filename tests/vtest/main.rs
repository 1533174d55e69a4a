//! vtest's socket and the rings behind it, against a client written by hand and an executor that has no GPU.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_possible_truncation)]
#![allow(missing_docs, unreachable_pub)]

mod contexts;
mod hostile;
mod idle;
#[path = "../support/seeds.rs"]
mod kept_seeds;
mod orphans;
mod peer;
mod protocol;
mod rings;
mod seeds;
mod server;
mod shares;
mod streams;
