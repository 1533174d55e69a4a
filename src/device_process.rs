//! Composition root of the process that reads guest bytes: open, seal, serve one VM, end.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};

use nix::unistd::Pid;

use crate::control::spec::{CONTROL_FD, DeviceSpec, Entry, FRONT_END_FD};
use crate::sandbox::{Sandbox, SandboxError, SandboxSpec};
use crate::sys;

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
    /// No front end could be accepted.
    #[error("cannot accept a front end: {0}")]
    Accept(io::Error),
}

/// Serves one VM. Nothing after `enter` may open a path or make a socket.
pub fn run(spec: &DeviceSpec) -> Result<(), DeviceProcessError> {
    let front_end = adopt(FRONT_END_FD)?;
    let _control = spec.control.then(|| adopt(CONTROL_FD)).transpose()?;
    let sealed = Sandbox::prepare(&SandboxSpec {
        memory_bytes: spec.profile.limits.memory,
        parent: spec.supervisor.map(Pid::from_raw),
        require_all: spec.require_sandbox,
    })?
    .enter()?;
    sealed.report().missing().iter().for_each(|missing| tracing::warn!("{missing}"));
    tracing::info!("sealed: {}", sealed.report());

    let connection = match spec.entry {
        Entry::Listener => UnixListener::from(front_end).accept().map_err(DeviceProcessError::Accept)?.0,
        Entry::Connection => UnixStream::from(front_end),
    };
    let _ = io::copy(&mut &connection, &mut io::sink());
    Ok(())
}

fn adopt(number: RawFd) -> Result<OwnedFd, DeviceProcessError> {
    sys::adopt_fd(number).map_err(|reason| DeviceProcessError::Inherited { number, reason })
}
