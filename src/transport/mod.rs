//! The ways by which a guest comes in: bytes on sockets and rings to requests for the device, and back.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

pub mod contexts;
pub mod queue;
pub mod vfio_user;
pub mod vhost_user;
pub mod virtio_pci;
pub mod vtest;

use std::io;
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use vm_memory::GuestMemoryAtomic;

use crate::guest_memory::GuestMemory;

/// The guest's memory, which the VMM may change at any time: whoever uses it looks at it once for each piece of work.
pub type SharedMemory = GuestMemoryAtomic<GuestMemory>;

/// Has writes to an event descriptor, and reads, wait for nothing. Whoever gave it to us uses it in one direction
/// alone, which this does not change for them.
fn never_wait(event: impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(&event, FcntlArg::F_GETFL)?);
    fcntl(&event, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}
