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

use crate::control::profile::Transport;
use crate::control::spec::{DeviceSpec, Entry};
use crate::control::{DeviceHandle, Inherited, InheritedError};
use crate::device::{Device, Gpu};
use crate::display::Pieces;
use crate::guest_memory::GuestMemory;
use crate::heap::Heap;
use crate::link::DeviceEnd;
use crate::sandbox::{Sandbox, SandboxError, SandboxSpec, Sealed};
use crate::transport::vhost_user::{self, HandoverError, Heirlooms, Keeping, ServeError, Story};
use crate::transport::{SharedMemory, vfio_user};
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

/// By which transport the VM comes in, and what of it is prepared before the process is sealed.
enum Way {
    VhostUser(vhost_user::Link),
    VfioUser(vfio_user::Link),
}

/// Serves one VM. Nothing after `enter` may open a path or make a socket.
pub fn run(spec: &DeviceSpec) -> Result<(), DeviceProcessError> {
    let mut inherited = Inherited::adopt(spec)?;
    let vault = open_vault(&inherited, spec.profile.limits.memory)?;
    // Measured while sockets can still be made.
    Pieces::of_host();
    let way = Way::prepare(spec.profile.transport).map_err(DeviceProcessError::Host)?;
    let sealed = seal(spec)?;

    let gpu = inherited.tie.as_ref().map(|tie| open_gpu(tie, spec)).transpose();
    let gpu = gpu.map_err(DeviceProcessError::Host)?;
    let device = Arc::new(Mutex::new(Device::open(spec.profile.setup(&spec.name), vault, gpu)?));
    let memory = SharedMemory::new(GuestMemory::new());
    let handle = DeviceHandle::new(device.clone(), memory.clone(), way.notify(), sealed.report().lines());
    let handle = match heirlooms(&inherited) {
        Some(heirlooms) => handle.with_keepers(way.keepers(heirlooms)),
        None => handle,
    };
    inherited.answer_operators(handle).map_err(DeviceProcessError::Host)?;
    match way {
        Way::VhostUser(link) => serve_vhost_user(&sealed, link, &mut inherited, spec, device, memory),
        Way::VfioUser(link) => serve_vfio_user(&sealed, link, &mut inherited, spec, device, memory),
    }
}

impl Way {
    fn prepare(transport: Transport) -> io::Result<Self> {
        Ok(match transport {
            Transport::VfioUser => Self::VfioUser(vfio_user::Link::prepare()?),
            Transport::VhostUser | Transport::Vtest => Self::VhostUser(vhost_user::Link::prepare()?),
        })
    }

    /// What tells the guest that its configuration changed.
    fn notify(&self) -> Box<dyn Fn() + Send> {
        match self {
            Self::VhostUser(link) => {
                let notifier = link.notifier();
                Box::new(move || _ = notifier.config_changed())
            }
            Self::VfioUser(link) => {
                let notifier = link.notifier();
                Box::new(move || notifier.config_changed())
            }
        }
    }

    /// What takes the connections of other keepers.
    fn keepers(&self, heirlooms: Heirlooms) -> Box<dyn Fn(UnixStream) + Send> {
        match self {
            Self::VhostUser(link) => Box::new(link.keeping().adopted_by(heirlooms)),
            Self::VfioUser(link) => Box::new(link.keeping().adopted_by(heirlooms)),
        }
    }
}

fn serve_vhost_user(
    sealed: &Sealed,
    link: vhost_user::Link,
    inherited: &mut Inherited,
    spec: &DeviceSpec,
    device: Arc<Mutex<Device>>,
    memory: SharedMemory,
) -> Result<(), DeviceProcessError> {
    let story = begin_story(inherited, &link.keeping(), spec)?;
    let connection = match (inherited.connection.take(), story) {
        (Some(connection), Some(journal)) => link.resume(connection.into(), journal),
        _ => link.connect(front_end(inherited, spec.entry)?),
    };
    tracing::info!("a front end is connected");
    match vhost_user::serve(sealed, connection, device, memory) {
        Ok(()) => tracing::info!("the front end hung up"),
        Err(error @ ServeError::Panicked) => return Err(DeviceProcessError::Failed(error)),
        Err(error) => tracing::error!("the front end was given up: {error}"),
    }
    Ok(())
}

fn serve_vfio_user(
    sealed: &Sealed,
    link: vfio_user::Link,
    inherited: &mut Inherited,
    spec: &DeviceSpec,
    device: Arc<Mutex<Device>>,
    memory: SharedMemory,
) -> Result<(), DeviceProcessError> {
    let story = begin_story(inherited, &link.keeping(), spec)?;
    let connection = match (inherited.connection.take(), story) {
        (Some(connection), Some(inventory)) => link.resume(connection.into(), inventory),
        _ => link.connect(front_end(inherited, spec.entry)?),
    };
    tracing::info!("a client is connected");
    match vfio_user::serve(sealed, connection, device, memory) {
        Ok(()) => tracing::info!("the client hung up"),
        Err(error) => tracing::error!("the client was given up: {error}"),
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

/// Hears the story of the process that died, if one did, and tells the keeper what follows.
fn begin_story<S: Story>(
    inherited: &mut Inherited,
    keeping: &Keeping<S>,
    spec: &DeviceSpec,
) -> Result<Option<S>, DeviceProcessError> {
    let Some(keeper) = inherited.keeper.take().map(UnixStream::from) else { return Ok(None) };
    let story = spec.resumed.then(|| S::receive(&keeper)).transpose()?;
    keeping.start(keeper);
    Ok(story)
}

/// Waits for a VM, unless it is there.
fn front_end(inherited: &Inherited, entry: Entry) -> Result<UnixStream, DeviceProcessError> {
    let front_end = match &inherited.front_end {
        Some(front_end) => duplicate(front_end)?,
        None => return Err(DeviceProcessError::Host(io::ErrorKind::NotConnected.into())),
    };
    match entry {
        Entry::Connection => Ok(front_end.into()),
        Entry::Listener => {
            let (connection, _) =
                UnixListener::from(front_end).accept().map_err(DeviceProcessError::Accept)?;
            Ok(connection)
        }
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
