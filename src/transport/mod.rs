//! The ways by which a guest comes in: bytes on sockets and rings to requests for the device, and back.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

pub mod contexts;
pub mod queue;
pub mod vhost_user;
pub mod vtest;

use vm_memory::GuestMemoryAtomic;

use crate::guest_memory::GuestMemory;

/// The guest's memory, which the VMM may change at any time: whoever uses it looks at it once for each piece of work.
pub type SharedMemory = GuestMemoryAtomic<GuestMemory>;
