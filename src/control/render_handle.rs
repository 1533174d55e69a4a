//! A running renderer behind the control socket.

use std::fmt;
use std::os::unix::net::UnixStream;

use super::handle::kept_by;
use super::protocol::{Code, GpuStatus, HeadChange, Refusal, Status};
use super::server::Vgpu;
use crate::display::screenshot::Snapshot;
use crate::quota::Ledger;
use crate::sandbox::Report;
use crate::wire::ScanoutId;

/// A GPU that Vulkan programs use, without a VM and so without monitors.
pub struct RenderHandle {
    /// All but the number of clients.
    pub gpu: GpuStatus,
    /// Programs that use it now.
    pub clients: Box<dyn Fn() -> usize + Send>,
    /// What they have allocated.
    pub ledger: Ledger,
    /// What has them lose their devices, and why.
    pub lose: Box<dyn Fn(&str) + Send>,
    /// What the process may still do.
    pub sandbox: Report,
    /// What takes a keeper's connection, where the vGPU can be kept.
    pub keepers: Option<Box<dyn Fn(UnixStream) + Send>>,
}

impl Vgpu for RenderHandle {
    fn snapshot(&self, _: ScanoutId) -> Result<Snapshot, Refusal> {
        Err(no_heads().field("head"))
    }

    fn status(&self) -> Status {
        Status {
            pid: std::process::id().cast_signed(),
            heads: Vec::new(),
            window: false,
            features: Vec::new(),
            memory_bytes_used: self.ledger.used(),
            memory_bytes_max: self.ledger.limit(),
            resources_used: 0,
            resources_max: 0,
            sandbox: self.sandbox.lines(),
            left_open: self.sandbox.left_open(),
            gpu: Some(GpuStatus { clients: (self.clients)(), ..self.gpu.clone() }),
        }
    }

    fn set_heads(&self, changes: &[HeadChange]) -> Result<(), Refusal> {
        if changes.is_empty() { Ok(()) } else { Err(no_heads().field("heads")) }
    }

    fn lose(&self, reason: &str) -> Result<(), Refusal> {
        (self.lose)(reason);
        Ok(())
    }

    fn keepers(&self) -> Result<&dyn Fn(UnixStream), Refusal> {
        kept_by(self.keepers.as_deref())
    }
}

/// What is answered to whoever asks a vGPU without a VM for a monitor.
pub fn no_heads() -> Refusal {
    Refusal::new(
        Code::UnknownHead,
        "this vGPU has no monitors: programs use it without a VM (transport \"vtest\")",
    )
    .remedy("what such a program shows is its own; vGPUs with transport \"vhost-user\" have monitors")
}

impl fmt::Debug for RenderHandle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RenderHandle").field("gpu", &self.gpu).finish_non_exhaustive()
    }
}
