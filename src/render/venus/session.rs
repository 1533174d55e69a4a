//! One client.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::core::Core;
use super::estate::{Heirloom, Inheritance, Will};
use super::line::Line;
use super::memory::Refusal;
use super::monitor::Monitor;
use super::{Executor, Fault};
use crate::quota::{Charge, Ledger, Share};
use crate::render::vulkan::Reason;
use crate::sys::{SharedMemory, sealed_file};

/// What a client takes that has nothing yet.
const SESSION_BYTES: u64 = 128 << 10;

/// Memory that a client maps after it was lost is written to up to this size, at nobody's charge.
const LOST_BYTES_MAX: u64 = 64 << 10;

/// What a client is served with.
pub struct Setup {
    /// How it is called in the log.
    pub name: String,
    /// Carries out its commands.
    pub executor: Arc<dyn Executor>,
    /// Pays for what it shares with us.
    pub ledger: Ledger,
    /// What it may have beside other clients.
    pub share: Share,
    /// Says that we are alive.
    pub monitor: Arc<Monitor>,
    /// A descriptor that hangs up when the client goes: nobody waits for a ring of a client that is gone.
    pub gone: Option<OwnedFd>,
    /// Keeps what the next process needs of it.
    pub will: Will,
}

/// One client: what it shares with us, its rings, and the executor of its commands. Dropped, it ends all of them.
pub struct Session {
    core: Arc<Core>,
    line: Line,
    _charge: Charge,
}

impl Session {
    /// A client that has nothing yet.
    pub fn new(setup: Setup) -> Result<Self, Fault> {
        let charge = setup.ledger.charge(SESSION_BYTES)?;
        let core = Arc::new(Core::new(setup).map_err(host)?);
        Ok(Self { line: Line::new(Arc::clone(&core), None)?, core, _charge: charge })
    }

    /// Goes on with a client of a process that died: its device is lost, and whatever it still says is answered.
    /// `None` if it had no session yet.
    pub fn inherit(setup: Setup, items: Vec<Heirloom>) -> Option<Result<Self, Fault>> {
        Some(Inheritance::sort(items)?.and_then(|items| Self::go_on(setup, items)))
    }

    fn go_on(setup: Setup, items: Inheritance) -> Result<Self, Fault> {
        let charge = setup.ledger.charge(SESSION_BYTES)?;
        setup.executor.lose(Reason::GivenUp("the renderer died, and its work with it".to_owned()));
        let setup = Setup { name: items.name, ..setup };
        let core = Arc::new(Core::inherit(setup, items.page).map_err(host)?);
        items.feedback.into_iter().for_each(|memory| core.executor.end_waits_in(memory));
        for (id, bytes, file) in items.memories {
            let inherited = core.lock_resources().inherit(id, bytes, &file, &core.ledger);
            inherited.map_err(|refusal| Fault::Host(refusal.to_string()))?;
        }
        let line = Line::inherit(Arc::clone(&core), None)?;
        let session = Self { core, line, _charge: charge };
        items.rings.iter().try_for_each(|(id, slot, info)| session.core.inherit_ring(*id, *slot, info))?;
        Ok(session)
    }

    /// The number of the resource that was made last, by this process or the one before.
    pub fn last_resource(&self) -> u32 {
        self.core.page.last_id()
    }

    /// Makes a resource: memory shared with us where `blob_id` is 0, and else the device memory of that name.
    ///
    /// There is always a file, which the client can map: if the resource cannot be had, one of zeros that nobody
    /// serves, and the client's context is lost.
    pub fn create_blob(&self, id: u32, blob_id: u64, bytes: u64) -> io::Result<OwnedFd> {
        self.core.page.set_last_id(id);
        self.blob(id, blob_id, bytes).or_else(|refusal| {
            self.lose(&refusal.to_string());
            if blob_id == 0 || bytes > LOST_BYTES_MAX { sealed_file(bytes) } else { self.lost_memory(bytes) }
        })
    }

    /// Memory of a lost client, which may be waiting in it before long.
    fn lost_memory(&self, bytes: u64) -> io::Result<OwnedFd> {
        let (memory, file) = SharedMemory::create(bytes)?;
        self.core.executor.end_waits_in(memory);
        Ok(file)
    }

    fn blob(&self, id: u32, blob_id: u64, bytes: u64) -> Result<OwnedFd, Refusal> {
        let core = &self.core;
        if blob_id == 0 {
            let file = core.lock_resources().share(id, bytes, &core.ledger, |reason| self.lose(reason))?;
            core.will().note_memory(id, bytes, file.as_fd());
            return Ok(file);
        }
        core.lock_resources().check(id)?;
        let export = core.executor.export(blob_id, bytes);
        let file = export.map_err(|reason| Refusal::Export { memory_id: blob_id, reason })?;
        core.lock_resources().add_exported(id);
        Ok(file)
    }

    /// Forgets a resource; what still uses its memory keeps it. Whether there was one.
    pub fn unref(&self, id: u32) -> bool {
        let removed = self.core.lock_resources().remove(id);
        // Device memory was noted by whoever saw what it is for, if at all.
        if let Some(Some(_)) = removed {
            self.core.will().forget_memory(id);
        }
        removed.is_some()
    }

    /// Carries out commands on the control thread: this one, which may wait for a ring.
    ///
    /// The error is the client's end: no later command is carried out, and its rings are FATAL.
    pub fn submit(&mut self, commands: &[u8]) -> Result<(), Fault> {
        if let Some(fault) = self.core.fault() {
            return Err(fault.clone());
        }
        let ran = catch_unwind(AssertUnwindSafe(|| self.line.run(commands, |_, _| ())));
        let ran = ran.unwrap_or_else(|panic| Err(self.core.bug(panic.as_ref())));
        ran.inspect_err(|fault| self.core.fail(fault.clone()))
    }

    /// Calls back when the queue of this timeline is done with all that it has now; timeline 0 has no queue.
    pub fn fence(&self, ring_index: u32, done: impl FnOnce() + Send + 'static) {
        match ring_index {
            0 => done(),
            _ => self.core.executor.fence(ring_index, Box::new(done)),
        }
    }

    /// Answers every further command, and carries out none.
    pub fn lose(&self, reason: &str) {
        self.core.executor.lose(Reason::GivenUp(reason.to_owned()));
    }
}

fn host(error: io::Error) -> Fault {
    Fault::Host(error.to_string())
}

impl Drop for Session {
    fn drop(&mut self) {
        // So that no ring's thread waits for the GPU, and nobody for its fences.
        self.core.executor.lose(Reason::Gone);
        self.core.destroy_rings();
    }
}
