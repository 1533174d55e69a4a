//! Composition root of the process that reads guest bytes: open, seal, serve one VM, end.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::unistd::Pid;

use crate::control::spec::{CONTROL_FD, DeviceSpec, Entry, FRONT_END_FD};
use crate::control::{self, DeviceHandle, Patience};
use crate::device::Device;
use crate::display::Pieces;
use crate::guest_memory::GuestMemory;
use crate::sandbox::{Sandbox, SandboxError, SandboxSpec, Sealed};
use crate::sys;
use crate::transport::SharedMemory;
use crate::transport::vhost_user::{self, Link};
use crate::vault::{Vault, VaultError};

/// Why a VM could not be served. What goes wrong while one is served is on the log and ends in success: the next
/// one starts clean.
#[derive(Debug, thiserror::Error)]
pub enum DeviceProcessError {
    /// A descriptor that the parent process should have left is not there.
    #[error("no socket under descriptor {number}: {reason}")]
    Inherited {
        /// Its number.
        number: RawFd,
        /// Why not.
        reason: io::Error,
    },
    /// The process could not be sealed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The host refused a socket or a thread.
    #[error("the host has no socket or thread left for a device: {0}")]
    Host(io::Error),
    /// The device that a former process left cannot be gone on with, or the host has no memory for a new one.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// No front end could be accepted.
    #[error("cannot accept a front end: {0}")]
    Accept(io::Error),
}

/// Serves one VM. Nothing after `enter` may open a path or make a socket.
pub fn run(spec: &DeviceSpec) -> Result<(), DeviceProcessError> {
    let front_end = adopt(FRONT_END_FD)?;
    let control = spec.control.then(|| adopt(CONTROL_FD)).transpose()?;
    let vault = Vault::unkept(spec.profile.limits.memory)?;
    // Measured while sockets can still be made.
    Pieces::of_host();
    let link = Link::prepare().map_err(DeviceProcessError::Host)?;
    let sealed = seal(spec)?;

    let device = Arc::new(Mutex::new(Device::open(spec.profile.setup(), vault)?));
    let memory = SharedMemory::new(GuestMemory::new());
    if let Some(listener) = control {
        let notifier = link.notifier();
        let notify = move || _ = notifier.config_changed();
        let handle = DeviceHandle::new(device.clone(), memory.clone(), notify, sealed.report().lines());
        answer_operators(listener, handle)?;
    }
    let connection = match spec.entry {
        Entry::Listener => link.accept(&UnixListener::from(front_end)).map_err(DeviceProcessError::Accept)?,
        Entry::Connection => link.connect(UnixStream::from(front_end)),
    };
    tracing::info!("a front end is connected");
    match vhost_user::serve(&sealed, connection, device, memory) {
        Ok(()) => tracing::info!("the front end hung up"),
        Err(error) => tracing::error!("the front end was given up: {error}"),
    }
    Ok(())
}

fn seal(spec: &DeviceSpec) -> Result<Sealed, SandboxError> {
    let sealed = Sandbox::prepare(&SandboxSpec {
        memory_bytes: spec.profile.limits.memory,
        parent: spec.supervisor.map(Pid::from_raw),
        require_all: spec.require_sandbox,
    })?
    .enter()?;
    sealed.report().missing().iter().for_each(|missing| tracing::warn!("{missing}"));
    tracing::info!("sealed: {}", sealed.report());
    Ok(sealed)
}

fn answer_operators(listener: OwnedFd, handle: DeviceHandle<SharedMemory>) -> Result<(), DeviceProcessError> {
    let serve = move || {
        let error = control::serve(&UnixListener::from(listener), &handle, Patience::default());
        tracing::error!("the control socket answers no more: {error}");
    };
    thread::Builder::new().name("control".into()).spawn(serve).map_err(DeviceProcessError::Host)?;
    Ok(())
}

fn adopt(number: RawFd) -> Result<OwnedFd, DeviceProcessError> {
    sys::adopt_fd(number).map_err(|reason| DeviceProcessError::Inherited { number, reason })
}
