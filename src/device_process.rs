//! Composition root of the process that reads guest bytes: open, seal, serve one VM, end.
//!
//! One that is killed is followed by another ([`DeviceSpec::resumed`]), which goes on with the same VM: whoever started
//! it keeps the sockets, the vault and the journal. It may be killed at any moment, that is the keeper's way to end it.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};

use nix::unistd::Pid;
use vm_memory::{FileOffset, GuestAddress};

use crate::control::spec::{DeviceSpec, Entry};
use crate::control::{DeviceHandle, Inherited, InheritedError};
use crate::device::{Device, Gpu};
use crate::display::Pieces;
use crate::guest_memory::GuestMemory;
use crate::heap::Heap;
use crate::link::DeviceEnd;
use crate::sandbox::{Sandbox, SandboxError, SandboxSpec, Sealed};
use crate::transport::SharedMemory;
use crate::transport::vhost_user::{
    self, Connection, HandoverError, Heirlooms, Journal, Link, ServeError, Story,
};
use crate::vault::{Vault, VaultError};

/// Why a VM could not be served. What goes wrong while one is served is on the log and ends in success: the next
/// one starts clean.
#[derive(Debug, thiserror::Error)]
pub enum DeviceProcessError {
    /// What the parent process should have left is not there, or another process has it.
    #[error(transparent)]
    Inherited(#[from] InheritedError),
    /// The process could not be sealed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The host refused a socket or a thread.
    #[error("the host has no socket or thread left for a device: {0}")]
    Host(io::Error),
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
    let vault = open_vault(&inherited, spec.profile.limits.memory)?;
    // Measured while sockets can still be made.
    Pieces::of_host();
    let link = Link::prepare().map_err(DeviceProcessError::Host)?;
    let sealed = seal(spec)?;

    let gpu = inherited.tie.as_ref().map(|tie| open_gpu(tie, spec)).transpose();
    let gpu = gpu.map_err(DeviceProcessError::Host)?;
    let device = Arc::new(Mutex::new(Device::open(spec.profile.setup(&spec.name), vault, gpu)?));
    let memory = SharedMemory::new(GuestMemory::new());
    let notifier = link.notifier();
    let notify = move || _ = notifier.config_changed();
    let handle = DeviceHandle::new(device.clone(), memory.clone(), notify, sealed.report().lines());
    let handle = match heirlooms(&inherited) {
        Some(heirlooms) => handle.with_keepers(link.keeping().adopted_by(heirlooms)),
        None => handle,
    };
    inherited.answer_operators(handle).map_err(DeviceProcessError::Host)?;
    let connection = connect(&mut inherited, link, spec)?;
    tracing::info!("a front end is connected");
    match vhost_user::serve(&sealed, connection, device, memory) {
        Ok(()) => tracing::info!("the front end hung up"),
        Err(error @ ServeError::Panicked) => return Err(DeviceProcessError::Failed(error)),
        Err(error) => tracing::error!("the front end was given up: {error}"),
    }
    Ok(())
}

/// The one that the keeper has too, or one that ends with this process.
fn open_vault(inherited: &Inherited, memory_bytes: u64) -> Result<Vault, DeviceProcessError> {
    match &inherited.vault {
        Some(vault) => Ok(Vault::open(duplicate(vault)?, memory_bytes)?),
        None => Ok(Vault::unkept(memory_bytes)?),
    }
}

/// What the device has 3D by.
fn open_gpu([end, _, file]: &[Arc<OwnedFd>; 3], spec: &DeviceSpec) -> io::Result<Gpu> {
    let heap = Heap::open(file.try_clone()?)?;
    Ok(Gpu {
        end: DeviceEnd::new(end.try_clone()?),
        view: view(&heap)?,
        heap,
        contexts_max: spec.profile.limits.clients(),
    })
}

/// The heap as guest memory of its own, from address zero on.
fn view(heap: &Heap) -> io::Result<GuestMemory> {
    let bytes = usize::try_from(heap.bytes()).map_err(io::Error::other)?;
    let file = FileOffset::new(heap.share()?.into(), 0);
    GuestMemory::from_ranges_with_files([(GuestAddress(0), bytes, Some(file))]).map_err(io::Error::other)
}

/// What another keeper needs, if all of it is there.
fn heirlooms(inherited: &Inherited) -> Option<Heirlooms> {
    Some(Heirlooms {
        front_end: inherited.front_end.clone()?,
        control: inherited.control.clone()?,
        lock: inherited.lock.clone()?,
        vault: Some(inherited.vault.clone()?),
        seating: None,
        tie: inherited.tie.clone(),
    })
}

/// Goes on with the VM of a process that died, or waits for one.
fn connect(
    inherited: &mut Inherited,
    link: Link,
    spec: &DeviceSpec,
) -> Result<Connection, DeviceProcessError> {
    let keeper = inherited.keeper.take().map(UnixStream::from);
    let front_end = || match &inherited.front_end {
        Some(front_end) => duplicate(front_end),
        None => Err(DeviceProcessError::Host(io::ErrorKind::NotConnected.into())),
    };
    let journal = match (&keeper, spec.resumed) {
        (Some(keeper), true) => Some(Journal::receive(keeper)?),
        _ => None,
    };
    keeper.into_iter().for_each(|keeper| link.keeping().start(keeper));
    match (inherited.connection.take(), journal, spec.entry) {
        (Some(connection), Some(journal), _) => Ok(link.resume(connection.into(), journal)),
        (_, _, Entry::Listener) => {
            let listener = UnixListener::from(front_end()?);
            link.accept(&listener).map_err(DeviceProcessError::Accept)
        }
        (_, _, Entry::Connection) => Ok(link.connect(UnixStream::from(front_end()?))),
    }
}

fn seal(spec: &DeviceSpec) -> Result<Sealed, SandboxError> {
    let sealed = Sandbox::prepare(&SandboxSpec {
        memory_bytes: spec.profile.limits.memory,
        driver: None,
        priority: false,
        parent: spec.supervisor.map(Pid::from_raw),
        require_all: spec.require_sandbox,
    })?
    .enter()?;
    sealed.report().missing().iter().for_each(|missing| tracing::warn!("{missing}"));
    tracing::info!("sealed: {}", sealed.report());
    Ok(sealed)
}

fn duplicate(descriptor: &OwnedFd) -> Result<OwnedFd, DeviceProcessError> {
    descriptor.try_clone().map_err(DeviceProcessError::Host)
}
