//! Execution of guests' Vulkan commands by the host's driver.
//!
//! ```text
//! Context::execute ── venus::decode ── names: guest ids become driver handles (objects.rs)
//!        │
//!        ├─ dispatch.rs: commands written by hand (one arm each), simple ones by a table (simple.rs),
//!        │  recorded ones (recording.rs), queries that are passed on (the rest of a list); nothing else is run
//!        └─ driver/: the call
//! ```
//! What a guest names is looked up under the lock of its context, of the right type and alive. A guest that breaks
//! the rules where it could harm the driver loses its context, and nothing else happens.

#[forbid(unsafe_code)]
mod caches;
#[forbid(unsafe_code)]
mod checks;
#[forbid(unsafe_code)]
mod command_pools;
#[forbid(unsafe_code)]
mod context;
#[forbid(unsafe_code)]
mod descriptors;
#[forbid(unsafe_code)]
mod device;
#[forbid(unsafe_code)]
mod dispatch;
#[forbid(unsafe_code)]
mod dma_buf;
mod driver;
#[forbid(unsafe_code)]
mod extensions;
#[forbid(unsafe_code)]
mod feedback;
#[forbid(unsafe_code)]
mod formats;
#[forbid(unsafe_code)]
mod gate;
#[forbid(unsafe_code)]
mod gpu;
#[forbid(unsafe_code)]
mod identity;
#[forbid(unsafe_code)]
mod images;
#[forbid(unsafe_code)]
mod instance;
#[forbid(unsafe_code)]
mod leave;
#[forbid(unsafe_code)]
mod memory;
#[forbid(unsafe_code)]
mod objects;
#[forbid(unsafe_code)]
mod physical_device;
#[forbid(unsafe_code)]
mod pipelines;
#[forbid(unsafe_code)]
mod privilege;
#[forbid(unsafe_code)]
mod queries;
#[forbid(unsafe_code)]
mod queue;
#[forbid(unsafe_code)]
mod reason;
#[forbid(unsafe_code)]
mod recording;
#[forbid(unsafe_code)]
mod resources;
#[forbid(unsafe_code)]
mod shaders;
#[forbid(unsafe_code)]
mod simple;
#[forbid(unsafe_code)]
mod spirv;
#[forbid(unsafe_code)]
mod sync;
#[forbid(unsafe_code)]
mod table;
#[forbid(unsafe_code)]
mod timelines;
#[forbid(unsafe_code)]
mod turn;
#[forbid(unsafe_code)]
mod warm_up;

pub use context::{Context, Worker};
pub use driver::LibraryError;
pub use feedback::{Polled, Witness};
pub use gpu::{Gpu, GpuOptions, OpenError};
pub use identity::{Found, Kind};
pub use leave::{Leave, Look};
pub use memory::{AttachError, Imports, ProbeError, Refusal};
pub use privilege::Privilege;
pub use reason::Reason;
