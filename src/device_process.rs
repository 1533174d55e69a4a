//! Composition root of the process that reads guest bytes: open, seal, serve one VM, end.
//!
//! One that is killed is followed by another ([`DeviceSpec::resumed`]), which goes on with the same VM: whoever started
//! it keeps the sockets, the vault and the journal. It may be killed at any moment, that is the keeper's way to end it.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::unistd::Pid;

use crate::control::spec::{
    CONNECTION_FD, CONTROL_FD, DeviceSpec, Entry, FRONT_END_FD, KEEPER_FD, LOCK_FD, VAULT_FD,
};
use crate::control::{self, DeviceHandle, Patience, lock};
use crate::device::Device;
use crate::display::Pieces;
use crate::guest_memory::GuestMemory;
use crate::sandbox::{Sandbox, SandboxError, SandboxSpec, Sealed};
use crate::sys;
use crate::transport::SharedMemory;
use crate::transport::vhost_user::{
    self, Connection, HandoverError, Heirlooms, Journal, Keeping, Link, ServeError,
};
use crate::vault::{Vault, VaultError};

/// Why a VM could not be served. What goes wrong while one is served is on the log and ends in success: the next
/// one starts clean.
#[derive(Debug, thiserror::Error)]
pub enum DeviceProcessError {
    /// A descriptor that the parent process should have left is not there.
    #[error("nothing was left under descriptor {number}: {reason}")]
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
    /// Only one process may serve a vGPU.
    #[error(
        "another device process serves this vGPU: end that one first (`fuser` names it by the lock file)"
    )]
    Locked,
    /// The journal of the process before this one did not come.
    #[error("cannot go on with the VM of the process that died: {0}")]
    Handover(#[from] HandoverError),
    /// The device that a former process left cannot be gone on with, or the host has no memory for a new one.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A bug of ours. The VM is not told: another process may go on with it.
    #[error(transparent)]
    Failed(ServeError),
    /// No front end could be accepted.
    #[error("cannot accept a front end: {0}")]
    Accept(io::Error),
}

/// Serves one VM. Nothing after `enter` may open a path or make a socket.
pub fn run(spec: &DeviceSpec) -> Result<(), DeviceProcessError> {
    let mut inherited = Inherited::adopt(spec)?;
    if let Some(lock) = &inherited.lock
        && !lock::hold(lock).map_err(DeviceProcessError::Host)?
    {
        return Err(DeviceProcessError::Locked);
    }
    let vault = inherited.open_vault(spec.profile.limits.memory)?;
    // Measured while sockets can still be made.
    Pieces::of_host();
    let link = Link::prepare().map_err(DeviceProcessError::Host)?;
    let sealed = seal(spec)?;

    let device = Arc::new(Mutex::new(Device::open(spec.profile.setup(&spec.name), vault)?));
    let memory = SharedMemory::new(GuestMemory::new());
    if let Some(listener) = &inherited.control {
        let notifier = link.notifier();
        let notify = move || _ = notifier.config_changed();
        let handle = DeviceHandle::new(device.clone(), memory.clone(), notify, sealed.report().lines());
        let handle = match inherited.heirlooms() {
            Some(heirlooms) => handle.with_keepers(adopted_by(link.keeping(), heirlooms)),
            None => handle,
        };
        answer_operators(duplicate(listener)?, handle)?;
    }
    let connection = inherited.connect(link, spec)?;
    tracing::info!("a front end is connected");
    match vhost_user::serve(&sealed, connection, device, memory) {
        Ok(()) => tracing::info!("the front end hung up"),
        Err(error @ ServeError::Panicked) => return Err(DeviceProcessError::Failed(error)),
        Err(error) => tracing::error!("the front end was given up: {error}"),
    }
    Ok(())
}

/// What whoever started this process left open for it. All of it stays open as long as the process lives: with the
/// first descriptor of the locked file that it closes, its lock would go.
struct Inherited {
    front_end: Arc<OwnedFd>,
    control: Option<Arc<OwnedFd>>,
    keeper: Option<OwnedFd>,
    vault: Option<Arc<OwnedFd>>,
    lock: Option<Arc<OwnedFd>>,
    connection: Option<OwnedFd>,
}

impl Inherited {
    fn adopt(spec: &DeviceSpec) -> Result<Self, DeviceProcessError> {
        let shared = |number| adopt(number).map(Arc::new);
        Ok(Self {
            front_end: shared(FRONT_END_FD)?,
            control: spec.control.then(|| shared(CONTROL_FD)).transpose()?,
            keeper: spec.kept.then(|| adopt(KEEPER_FD)).transpose()?,
            vault: spec.kept.then(|| shared(VAULT_FD)).transpose()?,
            lock: spec.locked.then(|| shared(LOCK_FD)).transpose()?,
            connection: spec.resumed.then(|| adopt(CONNECTION_FD)).transpose()?,
        })
    }

    /// The one that the keeper has too, or one that ends with this process.
    fn open_vault(&self, memory_bytes: u64) -> Result<Vault, DeviceProcessError> {
        match &self.vault {
            Some(vault) => Ok(Vault::open(duplicate(vault)?, memory_bytes)?),
            None => Ok(Vault::unkept(memory_bytes)?),
        }
    }

    /// What another keeper needs, if all of it is there.
    fn heirlooms(&self) -> Option<Heirlooms> {
        Some(Heirlooms {
            front_end: self.front_end.clone(),
            control: self.control.clone()?,
            vault: self.vault.clone()?,
            lock: self.lock.clone()?,
        })
    }

    /// Goes on with the VM of a process that died, or waits for one.
    fn connect(&mut self, link: Link, spec: &DeviceSpec) -> Result<Connection, DeviceProcessError> {
        let keeper = self.keeper.take().map(UnixStream::from);
        let journal = match (&keeper, spec.resumed) {
            (Some(keeper), true) => Some(Journal::receive(keeper)?),
            _ => None,
        };
        keeper.into_iter().for_each(|keeper| link.keeping().start(keeper));
        match (self.connection.take(), journal, spec.entry) {
            (Some(connection), Some(journal), _) => Ok(link.resume(connection.into(), journal)),
            (_, _, Entry::Listener) => {
                let listener = UnixListener::from(duplicate(&self.front_end)?);
                link.accept(&listener).map_err(DeviceProcessError::Accept)
            }
            (_, _, Entry::Connection) => Ok(link.connect(UnixStream::from(duplicate(&self.front_end)?))),
        }
    }
}

fn adopted_by(keeping: Keeping, heirlooms: Heirlooms) -> impl Fn(UnixStream) + Send {
    move |keeper| match keeping.adopt(keeper, &heirlooms) {
        Ok(()) => tracing::info!("another keeper has this vGPU now"),
        Err(error) => tracing::warn!("a keeper could not be told everything: {error}"),
    }
}

fn seal(spec: &DeviceSpec) -> Result<Sealed, SandboxError> {
    let sealed = Sandbox::prepare(&SandboxSpec {
        memory_bytes: spec.profile.limits.memory,
        driver: None,
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

fn duplicate(descriptor: &OwnedFd) -> Result<OwnedFd, DeviceProcessError> {
    descriptor.try_clone().map_err(DeviceProcessError::Host)
}

fn adopt(number: RawFd) -> Result<OwnedFd, DeviceProcessError> {
    sys::adopt_fd(number).map_err(|reason| DeviceProcessError::Inherited { number, reason })
}
