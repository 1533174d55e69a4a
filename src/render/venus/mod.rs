//! Contexts of guests: rings, streams and the order between them.
//!
//! ```text
//! control thread ── Session ── Line ─┐                        ┌─ what is about streams and rings: here
//!                      │             ├─ one command at a time ┤
//! ring's thread ───── Ring ─── Line ─┘                        └─ all else: Executor, which appends the reply
//! ```
//! A [`Session`] is one client: what it shares with us, its rings, and an [`Executor`] for its commands. A line is one
//! sequence of commands with its reply stream. Bytes are copied out of shared memory once, before anything looks at
//! them, and whatever is checked is checked on the copy.
//!
//! # What goes wrong
//! A [`Fault`] is for streams that cannot be read on: the client is told FATAL, and Mesa ends the program. Whatever
//! else is wrong loses the executor's context, which then answers every command, and the rings go on.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod command;
mod core;
mod estate;
mod fault;
mod gpu;
mod layout;
mod line;
mod memory;
mod monitor;
mod ring;
mod session;

pub use estate::{Estate, Heirloom, Nobody, RECORD_BYTES_MAX, Will};
pub use fault::Fault;
pub use gpu::GpuRenderer;
pub use layout::{BUFFER_BYTES_MAX, LayoutError, RingInfo};
pub use memory::NotShared;
pub use monitor::Monitor;
pub use session::{Session, SessionHandle, Setup};

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::heap::HeapRange;
use crate::quota::Part;
use crate::render::vulkan::{Reason, Witness, Worker};
use crate::sys::SharedMemory;
use crate::venus::Malformed;

/// What carries out the commands of one client.
pub trait Executor: Send + Sync {
    /// Carries out the command at the start of a stream and says how many bytes it was. The error means that nobody
    /// can know where the next command begins.
    fn execute(&self, stream: &[u8], worker: &mut Worker) -> Result<usize, Malformed>;

    /// The file behind a device memory, for the client to map.
    fn export(&self, memory_id: u64, bytes: u64) -> Result<OwnedFd, String>;

    /// Calls back when all that the queue of this timeline was given so far is done, or never will be.
    fn fence(&self, ring_index: u32, done: Box<dyn FnOnce() + Send>);

    /// From now on every command is answered and none carried out. Only the first reason counts.
    fn lose(&self, reason: Reason);

    /// Tells of memory where the client's driver looks for what the GPU did, whenever there is more.
    fn tell_of_feedback(&self, _: Witness) {}

    /// Has the client see in this memory too that its device is lost, as it was; until this resource is detached, if it
    /// lies in the heap.
    fn end_waits_in(&self, _resource: Option<u32>, _: SharedMemory) {}

    /// Lets the client import a range of the heap as device memory, by the number of a resource. The same again changes
    /// nothing.
    fn attach(&self, _id: u32, _: HeapRange) -> Result<(), String> {
        Err("there is no heap".to_owned())
    }

    /// Takes such a resource away: when this returns nothing that the client has going reaches its range any more.
    fn detach(&self, _id: u32) {}

    /// As [`Executor::detach`], of all resources.
    fn detach_all(&self) {}
}

/// What makes executors.
pub trait Renderer: Send + Sync {
    /// What the guest's driver is told before it has a context.
    fn capset(&self) -> [u8; 160];

    /// A context of its own for a new client.
    fn context(&self, name: &str, mappings: &Part) -> Arc<dyn Executor>;
}
