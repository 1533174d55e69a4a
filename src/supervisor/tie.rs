//! What a VM's device process and its render process share: kept here, so that either may die.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};

use crate::link;
use crate::sys::sealed_file;

/// The link's ends, the device's first, and the heap. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Tie([Arc<OwnedFd>; 3]);

impl Tie {
    /// For another process.
    pub(super) fn duplicate(&self) -> io::Result<[OwnedFd; 3]> {
        let [device, render, heap] = &self.0;
        Ok([device.try_clone()?, render.try_clone()?, heap.try_clone()?])
    }
}

/// The tie of a vGPU, for the keepers of both processes: that of a device process which runs, or a new one.
#[derive(Clone, Debug)]
pub(super) struct Tied {
    spare: Tie,
    settled: Arc<OnceLock<Tie>>,
}

impl Tied {
    /// A new one with a heap of so many bytes, in case that there is no other.
    pub(super) fn new(heap_bytes: u64) -> io::Result<Self> {
        let [device, render] = link::pair()?.map(Arc::new);
        let spare = Tie([device, render, Arc::new(sealed_file(heap_bytes)?)]);
        Ok(Self { spare, settled: Arc::default() })
    }

    /// A process that runs has these.
    pub(super) fn meet(&self, files: [Arc<OwnedFd>; 3]) -> io::Result<()> {
        let heap = |[.., heap]: &[Arc<OwnedFd>; 3]| nix::sys::stat::fstat(heap).map(|found| found.st_ino);
        let found = self.settled.get_or_init(|| Tie(files.clone()));
        // A render process whose device process is gone serves nobody.
        if heap(&found.0)? == heap(&files)? {
            Ok(())
        } else {
            Err(io::Error::other("it is tied to another process"))
        }
    }

    /// There is no process that has others.
    pub(super) fn settle(&self) {
        self.settled.get_or_init(|| self.spare.clone());
    }

    /// What there is, once that is known.
    pub(super) fn get(&self) -> &Tie {
        self.settled.wait()
    }
}
