//! What whoever started a process left open for it.

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::thread;

use super::spec::{
    CONNECTION_FD, CONTROL_FD, DeviceSpec, FRONT_END_FD, KEEPER_FD, KICK_FD, LOCK_FD, PAGE_FD, Role, TIE_FD,
    VAULT_FD,
};
use super::{Patience, Vgpu, lock, serve};
use crate::arbiter::Seating;
use crate::sys;

/// The descriptors of a process that serves a vGPU. All of them stay open as long as it lives: with the first
/// descriptor of the locked file that it closes, its lock would go.
#[derive(Debug)]
pub struct Inherited {
    /// What waits under [`FRONT_END_FD`]; not for the render process of a VM.
    pub front_end: Option<Arc<OwnedFd>>,
    /// The operators' listening socket.
    pub control: Option<Arc<OwnedFd>>,
    /// The channel to the keeper.
    pub keeper: Option<OwnedFd>,
    /// The memory that outlives the process; only of a device.
    pub vault: Option<Arc<OwnedFd>>,
    /// The file that it holds locked.
    pub lock: Option<Arc<OwnedFd>>,
    /// The connection to go on with; only of a device.
    pub connection: Option<OwnedFd>,
    /// What is shared with the arbiter; only of a renderer that the daemon has.
    pub seating: Option<Seating>,
    /// The link's ends, the device's first, and the heap; only of a VM with Vulkan.
    pub tie: Option<[Arc<OwnedFd>; 3]>,
}

/// Why a process cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum InheritedError {
    /// A descriptor that the parent process should have left is not there.
    #[error("nothing was left under descriptor {number}: {reason}")]
    Missing {
        /// Its number.
        number: RawFd,
        /// Why not.
        reason: io::Error,
    },
    /// Only one process may serve a vGPU.
    #[error("another process serves this vGPU: end that one first (`fuser` names it by the lock file)")]
    Locked,
    /// The host refused.
    #[error("the host has no socket or thread left for this process: {0}")]
    Host(#[from] io::Error),
}

impl Inherited {
    /// Takes what was left, and the lock.
    pub fn adopt(spec: &DeviceSpec) -> Result<Self, InheritedError> {
        let shared = |number| adopt(number).map(Arc::new);
        let seating = || Ok::<_, InheritedError>(Seating { page: shared(PAGE_FD)?, kick: shared(KICK_FD)? });
        let is_device = spec.role == Role::Device;
        let tie = || Ok::<_, InheritedError>([shared(TIE_FD)?, shared(TIE_FD + 1)?, shared(TIE_FD + 2)?]);
        let inherited = Self {
            front_end: (is_device || !spec.is_tied()).then(|| shared(FRONT_END_FD)).transpose()?,
            control: spec.control.then(|| shared(CONTROL_FD)).transpose()?,
            keeper: spec.kept.then(|| adopt(KEEPER_FD)).transpose()?,
            vault: (spec.kept && is_device).then(|| shared(VAULT_FD)).transpose()?,
            lock: spec.locked.then(|| shared(LOCK_FD)).transpose()?,
            connection: (spec.resumed && is_device).then(|| adopt(CONNECTION_FD)).transpose()?,
            seating: spec.scheduled.then(seating).transpose()?,
            tie: spec.is_tied().then(tie).transpose()?,
        };
        match &inherited.lock {
            Some(lock) if !lock::hold(lock)? => Err(InheritedError::Locked),
            _ => Ok(inherited),
        }
    }

    /// Answers operators in a thread of its own, where there is a socket for them.
    pub fn answer_operators(&self, vgpu: impl Vgpu + Send + 'static) -> io::Result<()> {
        let Some(control) = &self.control else { return Ok(()) };
        let listener = UnixListener::from(control.try_clone()?);
        let answer = move || {
            let error = serve(&listener, &vgpu, Patience::default());
            tracing::error!("the control socket answers no more: {error}");
        };
        thread::Builder::new().name("control".into()).spawn(answer).map(drop)
    }
}

fn adopt(number: RawFd) -> Result<OwnedFd, InheritedError> {
    sys::adopt_fd(number).map_err(|reason| InheritedError::Missing { number, reason })
}
