//! What a process leaves to the next one.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::control::spec::{DeviceSpec, Role};
use crate::transport::vhost_user::{Heirlooms, Journal, Note, Story};
use crate::transport::vtest::Clients;
use crate::vault::Vault;

/// What a process has told of whom it serves, and what was given to it for that.
pub(super) enum Legacy {
    /// The device of a VM.
    Vm { vault: Arc<OwnedFd>, journal: Journal },
    /// Programs that use Vulkan.
    Clients(Clients),
}

impl Legacy {
    /// For the first of its line.
    pub(super) fn new(spec: &DeviceSpec) -> io::Result<Self> {
        Ok(match spec.role {
            Role::Device => {
                let vault = Arc::new(Vault::file(spec.profile.limits.memory)?);
                Self::Vm { vault, journal: Journal::new() }
            }
            Role::Render => Self::Clients(Clients::default()),
        })
    }

    /// Of a process that another keeper started. Only devices have vaults.
    pub(super) fn of(heirlooms: &Heirlooms) -> Self {
        match heirlooms.vault.clone() {
            Some(vault) => Self::Vm { vault, journal: Journal::new() },
            None => Self::Clients(Clients::default()),
        }
    }

    /// For the next process.
    pub(super) fn inherited(self) -> Self {
        match self {
            Self::Clients(clients) => Self::Clients(clients.inherited()),
            vm @ Self::Vm { .. } => vm,
        }
    }

    /// Whether somebody is served, whom the next process can go on with.
    pub(super) fn is_in_use(&self) -> bool {
        match self {
            Self::Vm { journal, .. } => journal.connection().is_some(),
            Self::Clients(clients) => clients.has_orphans(),
        }
    }

    pub(super) fn vault(&self) -> Option<&OwnedFd> {
        match self {
            Self::Vm { vault, .. } => Some(vault),
            Self::Clients(_) => None,
        }
    }

    /// The VM's connection.
    pub(super) fn connection(&self) -> Option<&OwnedFd> {
        match self {
            Self::Vm { journal, .. } => journal.connection(),
            Self::Clients(_) => None,
        }
    }

    pub(super) fn apply(&mut self, note: Note) -> io::Result<()> {
        match self {
            Self::Vm { journal, .. } => journal.apply(note).map_err(io::Error::other),
            Self::Clients(clients) => clients.apply(note).map_err(io::Error::other),
        }
    }

    pub(super) fn send(&self, to: &UnixStream) -> io::Result<()> {
        match self {
            Self::Vm { journal, .. } => journal.send(to),
            Self::Clients(clients) => clients.send(to),
        }
    }
}
