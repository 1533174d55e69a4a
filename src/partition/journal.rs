//! What was before a change, on the disk before the change is begun.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::error::PartitionError;
use super::layout::Layout;

/// A change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// The tree that is changed.
    pub(super) root: PathBuf,
    /// Everything that a layout can say of the GPUs that are changed.
    pub(super) before: Layout,
    /// What was asked for.
    pub(super) wanted: Layout,
    /// Whether all of it is done.
    pub(super) finished: bool,
    /// Whether the rest waits for a GPU to be reset.
    #[serde(default)]
    pub(super) waiting: bool,
}

/// The folder in which changes are written down, ours alone as long as this lives.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    _alone: Flock<File>,
}

/// As long as this lives nobody cuts GPUs.
#[derive(Debug)]
pub struct Alone(#[expect(dead_code, reason = "held to be dropped")] Journal);

/// Keeps others from it; refused while somebody does.
pub fn alone(state: &Path) -> Result<Alone, PartitionError> {
    Journal::open(state).map(Alone)
}

impl Journal {
    /// Takes the folder in the daemon's state folder, and makes it if there is none.
    pub(super) fn open(state: &Path) -> Result<Self, PartitionError> {
        let folder = state.join("partitions");
        let failed = |error| PartitionError::State { path: folder.clone(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let lock = private().open(folder.join("lock")).map_err(failed)?;
        let alone = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| match error {
            Errno::EWOULDBLOCK => PartitionError::Busy,
            error => failed(error.into()),
        })?;
        Ok(Self { folder, _alone: alone })
    }

    /// What was written down last, if anything.
    pub(super) fn last(&self) -> Result<Option<Record>, PartitionError> {
        let failed = |error| PartitionError::State { path: self.path(), error };
        match fs::read(self.path()) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(error.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes it down, so that it is there whatever happens next.
    pub(super) fn write(&self, record: &Record) -> Result<(), PartitionError> {
        self.try_write(record).map_err(|error| PartitionError::State { path: self.path(), error })
    }

    fn try_write(&self, record: &Record) -> io::Result<()> {
        let unfinished = self.folder.join("journal.json.new");
        let mut file = private().truncate(true).open(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(record)?)?;
        file.sync_all()?;
        fs::rename(unfinished, self.path())?;
        File::open(&self.folder)?.sync_all()
    }

    /// Forgets it.
    pub(super) fn clear(&self) -> Result<(), PartitionError> {
        let cleared = fs::remove_file(self.path()).and_then(|()| File::open(&self.folder)?.sync_all());
        cleared.map_err(|error| PartitionError::State { path: self.path(), error })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join("journal.json")
    }
}

/// For this user alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}
