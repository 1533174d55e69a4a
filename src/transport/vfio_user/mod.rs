//! vfio-user: a VMM connects to a socket and finds a PCI function there, as if it were passed through to its VM.
//!
//! ```text
//! client ◄──► server: messages, and between them both queues ──► device
//!                └─► function (virtio-pci): configuration space, registers
//! ```
//! One thread does it all, in turns: a doorbell is a message, and whoever rang it waits for the answer and not for the
//! work. One connection a process: when it ends, whatever the guest made ends with the process.
//!
//! The heap is a BAR of which the client gets the file, so none of its memory costs the client a message. Clients that
//! can have doorbells by eventfd get one; neither QEMU 11.1 nor cloud-hypervisor 54 asks for it.
//!
//! # Take-over
//! When the process dies, another one goes on with the same connection ([`Link::resume`]), and the client notices
//! nothing. Three places know what that takes: the keeper has the descriptors ([`Inventory`]), the vault has what the
//! guest wrote into the function and the request at hand, and an [`Outbox`] has the answer to it. So a request is
//! carried out twice at most and answered once. Where a queue was, its used ring tells; the guest is interrupted.
//!
//! # What a sudden death can cost
//! A request that was read from the socket and is not in the vault yet, or whose descriptors the keeper has not got
//! yet, is lost; those with descriptors come while a VM starts, and the others' gap is some nanoseconds wide. The
//! answers with descriptors, which come while a VM starts as well, may be sent twice.

mod command;
mod dma;
mod inventory;
mod irqs;
mod message;
mod queues;
mod requests;
mod server;
mod version;

pub use command::{
    DATA_BYTES_MAX, DeviceInfo, DmaMap, DmaUnmap, IoEventFd, IrqInfo, RegionAccess, RegionInfo, RegionIoFds,
    Request, SetIrqs, SparseArea, Version, number,
};
pub use dma::RANGES_MAX;
pub use inventory::{Inventory, InventoryError};
pub use message::{BODY_BYTES_MAX, HEADER_BYTES, ReceiveError};

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use nix::sys::eventfd::{EfdFlags, EventFd};

use self::server::Server;
use super::SharedMemory;
use super::vhost_user::{Keeping, Note, Outbox};
use crate::device::Device;
use crate::guest_memory::GuestMemory;
use crate::sandbox::Sealed;
use crate::vault::VaultError;

/// Why a connection ended other than by the client hanging up.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// What it sends is no message.
    #[error("the client's messages cannot be read: {0}")]
    Receive(#[from] ReceiveError),
    /// A socket failed.
    #[error("the connection to the client failed: {0}")]
    Socket(#[from] io::Error),
    /// It said more than can be kept of it.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// What a former process left of the function makes no sense.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Tells the guest of changes. Clones tell the same one.
#[derive(Clone, Debug)]
pub struct Notifier(Arc<EventFd>);

impl Notifier {
    /// To be called when a head was plugged, unplugged or resized. Does not wait.
    pub fn config_changed(&self) {
        _ = self.0.write(1);
    }
}

/// What there must be before the process is sealed.
pub struct Link {
    doorbell: Arc<OwnedFd>,
    changes: Notifier,
    keeping: Keeping<Inventory>,
    outbox: Outbox,
}

/// A [`Link`] and the client's connection.
pub struct Connection {
    front: UnixStream,
    link: Link,
    /// It is that of a process that died.
    resumed: bool,
}

impl Link {
    /// Makes what a sealed process cannot.
    pub fn prepare() -> io::Result<Self> {
        let event = || EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
        let doorbell = Arc::new(event()?.as_fd().try_clone_to_owned()?);
        let changes = Notifier(Arc::new(event()?));
        Ok(Self { doorbell, changes, keeping: Keeping::default(), outbox: Outbox::new()? })
    }

    /// Tells the guest of changes, once there is one.
    pub fn notifier(&self) -> Notifier {
        self.changes.clone()
    }

    /// Tells a keeper of the connection, once there is one.
    pub fn keeping(&self) -> Keeping<Inventory> {
        self.keeping.clone()
    }

    /// Takes a client that is connected already.
    pub fn connect(self, front: UnixStream) -> Connection {
        Connection { front, link: self, resumed: false }
    }

    /// Goes on with a client whose device process died after it had noted all this.
    pub fn resume(self, front: UnixStream, inventory: Inventory) -> Connection {
        let outbox = inventory.outbox().cloned().unwrap_or(self.outbox);
        let kept = inventory.of(inventory::kind::DOORBELL).find_map(|item| item.file.clone());
        let doorbell = kept.unwrap_or(self.doorbell);
        self.keeping.resume(inventory);
        Connection { front, link: Self { doorbell, outbox, ..self }, resumed: true }
    }
}

/// Serves one client, until it hangs up, and tells the keeper so. No unsealed process can call it.
///
/// This blocks. `memory` is empty before and after; while it serves, others may look at the guest's memory through
/// their clones of it.
pub fn serve(
    _: &Sealed,
    connection: Connection,
    device: Arc<Mutex<Device>>,
    memory: SharedMemory,
) -> Result<(), ServeError> {
    let Connection { front, link, resumed } = connection;
    let keeping = link.keeping.clone();
    let mut server = Server::new(front.try_clone()?, link, device, memory.clone())?;
    let begun = if resumed { server.resume() } else { server.connected() };
    let served = begun.and_then(|()| server.run());

    _ = front.shutdown(Shutdown::Both);
    if let Ok(table) = memory.lock() {
        table.replace(GuestMemory::new());
    }
    let reason = served.as_ref().map_or_else(ToString::to_string, |()| "the client hung up".to_owned());
    // To forget everything cannot be too much.
    _ = keeping.note(Note::Ended(reason));
    served
}
