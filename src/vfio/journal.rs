//! What had a function before, on the disk before anything is changed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::error::BindError;
use crate::inventory::PciAddress;

/// What was before a function was bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Before {
    /// The tree that is changed.
    pub(super) root: PathBuf,
    /// What drove it.
    pub(super) driver: Option<String>,
    /// What it was kept for.
    pub(super) driver_override: Option<String>,
}

/// A file for each function, ours alone as long as this lives.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    _alone: Flock<File>,
}

/// As long as this lives nobody binds functions.
#[derive(Debug)]
pub struct Alone(#[expect(dead_code, reason = "held to be dropped")] Journal);

/// Keeps others from it; refused while somebody does.
pub fn alone(state: &Path) -> Result<Alone, BindError> {
    Journal::open(state).map(Alone)
}

impl Journal {
    /// Takes the folder in the daemon's state folder, and makes it if there is none.
    pub(super) fn open(state: &Path) -> Result<Self, BindError> {
        let folder = state.join("vfio");
        let failed = |error| BindError::State { path: folder.clone(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let lock = private().open(folder.join("lock")).map_err(failed)?;
        let alone = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| match error {
            Errno::EWOULDBLOCK => BindError::Busy,
            error => failed(error.into()),
        })?;
        Ok(Self { folder, _alone: alone })
    }

    /// Where a function's is.
    pub(super) fn path(&self, address: PciAddress) -> PathBuf {
        self.folder.join(format!("{address}.json"))
    }

    /// What is written down of a function.
    pub(super) fn read(&self, address: PciAddress) -> Result<Option<Before>, BindError> {
        let path = self.path(address);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| BindError::State { path, error: error.into() }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BindError::State { path, error }),
        }
    }

    /// Writes it down, so that it is there whatever happens next.
    pub(super) fn write(&self, address: PciAddress, before: &Before) -> Result<(), BindError> {
        self.try_write(address, before).map_err(|error| BindError::State { path: self.path(address), error })
    }

    fn try_write(&self, address: PciAddress, before: &Before) -> io::Result<()> {
        let unfinished = self.folder.join("new");
        let mut file = private().truncate(true).open(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(before)?)?;
        file.sync_all()?;
        fs::rename(unfinished, self.path(address))?;
        File::open(&self.folder)?.sync_all()
    }

    /// Forgets it.
    pub(super) fn clear(&self, address: PciAddress) -> Result<(), BindError> {
        let path = self.path(address);
        let cleared = fs::remove_file(&path).and_then(|()| File::open(&self.folder)?.sync_all());
        cleared.map_err(|error| BindError::State { path, error })
    }
}

/// For this user alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}
