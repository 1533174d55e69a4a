//! Memory that a client shares with us: its rings and streams lie there.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::quota::{Charge, Ledger, NoneLeft, Part, Taken};
use crate::sys::{SharedMemory, SharedWord};

/// Resources that a client may have at a time; each takes one of the process's mappings.
pub(super) const RESOURCES_MAX: usize = 4096;

/// What a client may share with us when its memory limit is reached. Its context is lost then, but it must be able to
/// ask, and we to answer.
const LAST_BYTES: u64 = 16 << 20;

/// A range of memory, mapped here and there, and what it costs.
#[derive(Debug)]
pub(super) struct Shared {
    memory: Arc<SharedMemory>,
    _charge: Option<Charge>,
    _mapping: Taken,
}

impl Shared {
    pub(super) fn bytes(&self) -> u64 {
        self.memory.bytes()
    }

    pub(super) fn word(&self, offset: u64) -> Option<SharedWord> {
        self.memory.word(offset)
    }

    #[must_use]
    pub(super) fn copy_out(&self, offset: u64, into: &mut [u8]) -> Option<()> {
        self.memory.copy_out(offset, into)
    }

    #[must_use]
    pub(super) fn copy_in(&self, offset: u64, from: &[u8]) -> Option<()> {
        self.memory.copy_in(offset, from)
    }
}

/// Why a client gets memory that nobody serves.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it has {RESOURCES_MAX} resources, and may have no more")]
    Resources,
    #[error(transparent)]
    NoneLeft(#[from] NoneLeft),
    #[error("resource {0} exists")]
    Exists(u32),
    #[error("the host has no memory to share: {0}")]
    Host(#[from] io::Error),
    #[error("memory {memory_id:#x} cannot be shared: {reason}")]
    Export { memory_id: u64, reason: String },
}

/// A client's resources by their numbers.
#[derive(Debug)]
pub(super) struct Resources {
    /// `None` for device memory: it is the executor's.
    table: BTreeMap<u32, Option<Arc<Shared>>>,
    last_bytes: u64,
    mappings: Part,
}

impl Resources {
    pub(super) fn new(mappings: Part) -> Self {
        Self { table: BTreeMap::new(), last_bytes: LAST_BYTES, mappings }
    }

    /// Whether one more may have this number.
    pub(super) fn check(&self, id: u32) -> Result<(), Refusal> {
        match self.table.len() {
            RESOURCES_MAX.. => Err(Refusal::Resources),
            _ if self.table.contains_key(&id) => Err(Refusal::Exists(id)),
            _ => Ok(()),
        }
    }

    /// Memory that is shared with the client. `over_limit` is told if it had to be taken from what is kept for the end.
    pub(super) fn share(
        &mut self,
        id: u32,
        bytes: u64,
        ledger: &Ledger,
        over_limit: impl FnOnce(&str),
    ) -> Result<OwnedFd, Refusal> {
        self.check(id)?;
        let _mapping = self.mappings.take()?;
        let _charge = self.charge(bytes, ledger, over_limit)?;
        let (memory, file) = SharedMemory::create(bytes)?;
        let memory = Arc::new(memory);
        self.table.insert(id, Some(Arc::new(Shared { memory, _charge, _mapping })));
        Ok(file)
    }

    fn charge(
        &mut self,
        bytes: u64,
        ledger: &Ledger,
        over_limit: impl FnOnce(&str),
    ) -> Result<Option<Charge>, io::Error> {
        let pages = bytes.checked_next_multiple_of(4096).ok_or(io::ErrorKind::OutOfMemory)?;
        match ledger.charge(pages) {
            Ok(charge) => Ok(Some(charge)),
            Err(over) => {
                over_limit(&over.to_string());
                let left = self.last_bytes.checked_sub(bytes).ok_or(io::ErrorKind::OutOfMemory)?;
                self.last_bytes = left;
                Ok(None)
            }
        }
    }

    /// Memory that the client shared with another process.
    pub(super) fn inherit(
        &mut self,
        id: u32,
        bytes: u64,
        file: &OwnedFd,
        ledger: &Ledger,
    ) -> Result<(), Refusal> {
        self.check(id)?;
        let _mapping = self.mappings.take()?;
        let _charge = self.charge(bytes, ledger, |_| ())?;
        let memory = Arc::new(SharedMemory::map(file, bytes)?);
        self.table.insert(id, Some(Arc::new(Shared { memory, _charge, _mapping })));
        Ok(())
    }

    /// Device memory that was handed out.
    pub(super) fn add_exported(&mut self, id: u32) {
        self.table.insert(id, None);
    }

    /// What there was under a number.
    pub(super) fn remove(&mut self, id: u32) -> Option<Option<Arc<Shared>>> {
        self.table.remove(&id)
    }

    /// Memory that the client shares with us.
    pub(super) fn shared(&self, id: u32) -> Option<Arc<Shared>> {
        self.table.get(&id)?.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::Shares;

    #[test]
    fn memory_of_a_size_that_none_has_is_refused() {
        let ledger = Ledger::new(1 << 20);
        let mut resources = Resources::new(Shares::among(1).of_client().mappings);
        for bytes in [0, 1 << 62, u64::MAX - 4095, u64::MAX - 1, u64::MAX] {
            assert!(matches!(resources.share(1, bytes, &ledger, |_| ()), Err(Refusal::Host(_))), "{bytes}");
        }
        assert_eq!(ledger.used(), 0);
        assert!(resources.share(1, 4096, &ledger, |_| ()).is_ok());
    }
}
