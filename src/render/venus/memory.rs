//! Memory that a client shares with us: its rings and streams lie there.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::heap::{Heap, HeapRange};
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
    /// Where it lies in the heap, if it does; nothing is charged for it then.
    range: Option<HeapRange>,
    /// Whether it was the client's, and may be somebody else's.
    gone: AtomicBool,
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
        if self.is_gone() { None } else { self.memory.copy_out(offset, into) }
    }

    #[must_use]
    pub(super) fn copy_in(&self, offset: u64, from: &[u8]) -> Option<()> {
        if self.is_gone() { None } else { self.memory.copy_in(offset, from) }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Has whoever uses this memory still see zeros that nobody else sees. Words can be written there, and little else:
    /// for what lies there now nobody is charged.
    pub(super) fn bury(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.memory.bury();
    }
}

/// Why a client gets memory that nobody serves.
#[derive(Debug, thiserror::Error)]
pub enum NotShared {
    /// One more than there may be.
    #[error("it has {RESOURCES_MAX} resources, and may have no more")]
    Resources,
    /// Other clients have the rest.
    #[error(transparent)]
    NoneLeft(#[from] NoneLeft),
    /// A number that another one has.
    #[error("resource {0} exists")]
    Exists(u32),
    /// No descriptor, no memory.
    #[error("the host has no memory to share: {0}")]
    Host(#[from] io::Error),
    /// Device memory that is not there, or is not mapped.
    #[error("memory {memory_id:#x} cannot be shared: {reason}")]
    Export {
        /// The client's name of it.
        memory_id: u64,
        /// What is wrong.
        reason: String,
    },
    /// A range of the heap that cannot be device memory.
    #[error("resource {id} cannot be imported: {reason}")]
    Attach {
        /// The resource.
        id: u32,
        /// What is wrong.
        reason: String,
    },
}

/// What a client has under a number.
#[derive(Debug)]
enum Resource {
    /// Memory shared with us.
    Shared(Arc<Shared>),
    /// Device memory that was handed out: it is the executor's.
    Exported,
    /// A range of the heap that can be imported.
    Importable(HeapRange),
}

/// A client's resources by their numbers.
#[derive(Debug)]
pub(super) struct Resources {
    table: BTreeMap<u32, Resource>,
    last_bytes: u64,
    mappings: Part,
}

impl Resources {
    pub(super) fn new(mappings: Part) -> Self {
        Self { table: BTreeMap::new(), last_bytes: LAST_BYTES, mappings }
    }

    /// Whether one more may have this number.
    pub(super) fn check(&self, id: u32) -> Result<(), NotShared> {
        match self.table.len() {
            RESOURCES_MAX.. => Err(NotShared::Resources),
            _ if self.table.contains_key(&id) => Err(NotShared::Exists(id)),
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
    ) -> Result<OwnedFd, NotShared> {
        self.check(id)?;
        let _mapping = self.mappings.take()?;
        let _charge = self.charge(bytes, ledger, over_limit)?;
        let (memory, file) = SharedMemory::create(bytes)?;
        let memory = Arc::new(memory);
        self.insert(id, Shared { memory, range: None, gone: AtomicBool::new(false), _charge, _mapping });
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
    ) -> Result<(), NotShared> {
        self.check(id)?;
        let _mapping = self.mappings.take()?;
        let _charge = self.charge(bytes, ledger, |_| ())?;
        let memory = Arc::new(SharedMemory::map(file, bytes)?);
        self.insert(id, Shared { memory, range: None, gone: AtomicBool::new(false), _charge, _mapping });
        Ok(())
    }

    /// Memory of the heap that the client shares with us.
    pub(super) fn attach(&mut self, id: u32, range: HeapRange, heap: &Heap) -> Result<(), NotShared> {
        self.check(id)?;
        let _mapping = self.mappings.take()?;
        let memory = SharedMemory::map_range(&heap.file(), range.offset(), range.bytes())?;
        let (memory, range, gone) = (Arc::new(memory), Some(range), AtomicBool::new(false));
        self.insert(id, Shared { memory, range, gone, _charge: None, _mapping });
        Ok(())
    }

    /// Memory of the heap that the client can import.
    pub(super) fn add_importable(&mut self, id: u32, range: HeapRange) {
        self.table.insert(id, Resource::Importable(range));
    }

    /// Whether this range is there by this number already.
    pub(super) fn is_attached(&self, id: u32, range: HeapRange) -> bool {
        match self.table.get(&id) {
            Some(Resource::Shared(shared)) => shared.range == Some(range),
            Some(Resource::Importable(found)) => *found == range,
            _ => false,
        }
    }

    fn insert(&mut self, id: u32, shared: Shared) {
        self.table.insert(id, Resource::Shared(Arc::new(shared)));
    }

    /// Device memory that was handed out.
    pub(super) fn add_exported(&mut self, id: u32) {
        self.table.insert(id, Resource::Exported);
    }

    /// Whether there was something under a number, and if so what of it is memory shared with us.
    pub(super) fn remove(&mut self, id: u32) -> Option<Option<Arc<Shared>>> {
        self.table.remove(&id).map(|resource| match resource {
            Resource::Shared(shared) => Some(shared),
            Resource::Exported | Resource::Importable(_) => None,
        })
    }

    /// Memory that the client shares with us.
    pub(super) fn shared(&self, id: u32) -> Option<Arc<Shared>> {
        match self.table.get(&id)? {
            Resource::Shared(shared) => Some(Arc::clone(shared)),
            Resource::Exported | Resource::Importable(_) => None,
        }
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
            assert!(matches!(resources.share(1, bytes, &ledger, |_| ()), Err(NotShared::Host(_))), "{bytes}");
        }
        assert_eq!(ledger.used(), 0);
        assert!(resources.share(1, 4096, &ledger, |_| ()).is_ok());
    }
}
