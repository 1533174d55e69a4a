//! What operators ask for and are told: profiles, and the control socket of one vGPU.
//!
//! # The control socket's protocol
//!
//! A client connects, writes one line of JSON and reads one line of JSON; if that says `"length": N`, N bytes follow.
//! Then the connection ends.
//!
//! | request | answer in `ok` |
//! |---|---|
//! | `{"request":"screenshot","head":0}` | `{"head":0,"size":"1280x800"}`, then a PNG |
//! | `{"request":"status"}` | [`Status`] |
//! | `{"request":"set","heads":[{"head":1,"size":"1024x768"},{"head":2,"size":"off"}]}` | `{}` |
//! | `{"request":"keep"}` | `{}`, and the connection goes on as the keeper's (see `transport::vhost_user::Note`) |
//! | `{"request":"lose","reason":"XID 79"}` | `{}`; only of what runs Vulkan: its programs lose their devices |
//!
//! An answer is `{"ok":{…}}` or `{"error":{"code":…,"field":…,"message":…,"remedy":…}}`. A line of more than 64 KiB is
//! refused, and so is a client that says or reads nothing for long: clients are served one after another.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

pub mod api;
pub mod cdi;
pub mod client;
mod handle;
mod inherited;
pub mod lock;
pub mod profile;
mod protocol;
mod render_handle;
mod server;
pub mod spec;
pub mod vmm;

pub use handle::DeviceHandle;
pub use inherited::{Inherited, InheritedError};
pub use protocol::{Code, GpuStatus, HeadChange, HeadStatus, Refusal, Request, Status};
pub use render_handle::{RenderHandle, no_heads};
pub use server::{Patience, Vgpu, serve};
