//! The bytes of Venus, the protocol that Mesa's `libvulkan_virtio.so` speaks: decoded into C structures, and answered.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod call;
mod capset;
mod chain;
mod decode;
mod encode;
mod malformed;
mod memory;
mod reader;
mod tables;
#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::panic, reason = "these are tests")]
mod walk;

pub use call::{ARGUMENTS_MAX, Call, Names, Slot};
pub use capset::{CAPSET_ID, Capset, extensions};
pub use chain::{find, prepend, unlink};
pub use decode::{decode, decode_into};
pub use encode::encode_reply;
pub use malformed::Malformed;
pub use reader::Reader;
pub use tables::{CommandType, ObjectType};
