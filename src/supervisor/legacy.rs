//! What a process leaves to the next one.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::control::profile::Transport;
use crate::control::spec::{DeviceSpec, Role};
use crate::transport::vfio_user::Inventory;
use crate::transport::vhost_user::{Heirlooms, Journal, Note, Story};
use crate::transport::vtest::Clients;
use crate::vault::Vault;

/// What a process has told of whom it serves, and what was given to it for that.
pub(super) enum Legacy {
    /// The device of a VM.
    Vm { vault: Arc<OwnedFd>, journal: Journal },
    /// The same, as a PCI function.
    Function { vault: Arc<OwnedFd>, inventory: Inventory },
    /// Programs that use Vulkan.
    Clients(Clients),
}

impl Legacy {
    /// For the first of its line.
    pub(super) fn new(spec: &DeviceSpec) -> io::Result<Self> {
        Ok(match spec.role {
            Role::Device => {
                let vault = Arc::new(Vault::file(spec.profile.limits.memory)?);
                Self::of_device(spec.profile.transport, vault)
            }
            Role::Render => Self::Clients(Clients::default()),
        })
    }

    /// Of a process that another keeper started. Only devices have vaults.
    pub(super) fn of(transport: Transport, heirlooms: &Heirlooms) -> Self {
        match heirlooms.vault.clone() {
            Some(vault) => Self::of_device(transport, vault),
            None => Self::Clients(Clients::default()),
        }
    }

    fn of_device(transport: Transport, vault: Arc<OwnedFd>) -> Self {
        match transport {
            Transport::VfioUser => Self::Function { vault, inventory: Inventory::default() },
            Transport::VhostUser | Transport::Vtest => Self::Vm { vault, journal: Journal::new() },
        }
    }

    /// For the next process.
    pub(super) fn inherited(self) -> Self {
        match self {
            Self::Clients(clients) => Self::Clients(clients.inherited()),
            of_vm @ (Self::Vm { .. } | Self::Function { .. }) => of_vm,
        }
    }

    /// Whether it is a VM that is served.
    pub(super) fn is_of_vm(&self) -> bool {
        !matches!(self, Self::Clients(_))
    }

    /// Whether somebody is served, whom the next process can go on with.
    pub(super) fn is_in_use(&self) -> bool {
        match self {
            Self::Vm { .. } | Self::Function { .. } => self.connection().is_some(),
            Self::Clients(clients) => clients.has_orphans(),
        }
    }

    pub(super) fn vault(&self) -> Option<&OwnedFd> {
        match self {
            Self::Vm { vault, .. } | Self::Function { vault, .. } => Some(vault),
            Self::Clients(_) => None,
        }
    }

    /// The VM's connection.
    pub(super) fn connection(&self) -> Option<&OwnedFd> {
        match self {
            Self::Vm { journal, .. } => journal.connection(),
            Self::Function { inventory, .. } => inventory.connection(),
            Self::Clients(_) => None,
        }
    }

    pub(super) fn apply(&mut self, note: Note) -> io::Result<()> {
        match self {
            Self::Vm { journal, .. } => journal.apply(note).map_err(io::Error::other),
            Self::Function { inventory, .. } => inventory.apply(note).map_err(io::Error::other),
            Self::Clients(clients) => clients.apply(note).map_err(io::Error::other),
        }
    }

    pub(super) fn send(&self, to: &UnixStream) -> io::Result<()> {
        match self {
            Self::Vm { journal, .. } => journal.send(to),
            Self::Function { inventory, .. } => inventory.send(to),
            Self::Clients(clients) => clients.send(to),
        }
    }
}
