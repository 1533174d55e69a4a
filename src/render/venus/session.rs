//! One client.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::core::Core;
use super::estate::{Heirloom, Inheritance, Left, Will};
use super::line::Line;
use super::memory::NotShared;
use super::monitor::Monitor;
use super::{Executor, Fault};
use crate::heap::{Heap, HeapRange};
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
    /// Where what it maps lies, if not in a file for each.
    pub heap: Option<Heap>,
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
        Some(Inheritance::sort(items, setup.heap.as_ref())?.and_then(|items| Self::go_on(setup, items)))
    }

    fn go_on(setup: Setup, items: Inheritance) -> Result<Self, Fault> {
        let charge = setup.ledger.charge(SESSION_BYTES)?;
        setup.executor.lose(Reason::GivenUp("the renderer died, and its work with it".to_owned()));
        let setup = Setup { name: items.name, ..setup };
        let core = Arc::new(Core::inherit(setup, items.page).map_err(host)?);
        items
            .feedback
            .into_iter()
            .for_each(|(resource, memory)| core.executor.end_waits_in(resource, memory));
        for (id, left) in items.memories {
            let mut resources = core.lock_resources();
            let inherited = match (left, &core.heap) {
                (Left::File(file, bytes), _) => resources.inherit(id, bytes, &file, &core.ledger),
                (Left::Heap(range), Some(heap)) => resources.attach(id, range, heap),
                (Left::Heap(_), None) => Ok(()),
            };
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
        self.core.executor.end_waits_in(None, memory);
        Ok(file)
    }

    fn blob(&self, id: u32, blob_id: u64, bytes: u64) -> Result<OwnedFd, NotShared> {
        let core = &self.core;
        if blob_id == 0 {
            let file = core.lock_resources().share(id, bytes, &core.ledger, |reason| self.lose(reason))?;
            core.will().note_memory(id, bytes, file.as_fd());
            return Ok(file);
        }
        core.lock_resources().check(id)?;
        let export = core.executor.export(blob_id, bytes);
        let file = export.map_err(|reason| NotShared::Export { memory_id: blob_id, reason })?;
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

    /// What may be done to it from other threads while it carries out commands.
    pub fn handle(&self) -> SessionHandle {
        SessionHandle(Arc::clone(&self.core))
    }

    /// See [`SessionHandle::attach`].
    pub fn attach(&self, id: u32, blob_id: u64, range: HeapRange) -> Result<(), NotShared> {
        self.handle().attach(id, blob_id, range)
    }

    /// See [`SessionHandle::detach`].
    pub fn detach(&self, id: u32) {
        self.handle().detach(id);
    }

    /// Nobody goes on with it after this process.
    pub fn burn(&self) {
        self.core.will().burn();
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

/// A session, for other threads.
#[derive(Clone)]
pub struct SessionHandle(Arc<Core>);

impl SessionHandle {
    /// Makes a resource of a range of the heap: memory shared with us where `blob_id` is 0, and else what the client
    /// will import as device memory. The same again changes nothing.
    ///
    /// The error cost the client its context, and it needs no other answer.
    pub fn attach(&self, id: u32, blob_id: u64, range: HeapRange) -> Result<(), NotShared> {
        self.attached(id, blob_id, range).inspect_err(|refusal| {
            self.0.executor.lose(Reason::GivenUp(refusal.to_string()));
        })
    }

    fn attached(&self, id: u32, blob_id: u64, range: HeapRange) -> Result<(), NotShared> {
        let Self(core) = self;
        let attach = |reason| NotShared::Attach { id, reason };
        let mut resources = core.lock_resources();
        if resources.is_attached(id, range) {
            return Ok(());
        }
        if blob_id == 0 {
            let heap = core.heap.as_ref().ok_or_else(|| attach("there is no heap".to_owned()))?;
            resources.attach(id, range, heap)?;
            core.will().note_range(id, range);
            return Ok(());
        }
        resources.check(id)?;
        drop(resources);
        core.executor.attach(id, range).map_err(attach)?;
        core.lock_resources().add_importable(id, range);
        Ok(())
    }

    /// Forgets a resource in the heap. When this returns nothing of this client's, in this process or on the GPU,
    /// reaches its range any more: once all clients that had it were told, the range may be punched, and the guest's
    /// kernel may give it to another program.
    ///
    /// A ring in it ends, and the client with it: a driver destroys its rings before it drops their memory, so the
    /// program is gone, or deserves it. The ring's thread may be in the middle of a command, and the monitor says that
    /// it is alive, so its words stay mapped, as memory that nobody else sees. A stream in it is an error for whoever
    /// reads or writes it next.
    pub fn detach(&self, id: u32) {
        let removed = self.0.lock_resources().remove(id);
        // Another process may have noted what is polled there, and this one knows no more than that.
        self.0.executor.detach(id);
        if let Some(Some(memory)) = removed {
            self.0.will().forget_memory(id);
            self.0.let_go(&memory);
        }
    }

    /// Ends it: whoever waits in it waits no longer.
    pub fn end(&self) {
        self.0.fail(Fault::Gone);
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
        // What the GPU is still at outlives us, but not in a place that may be somebody else's before long.
        self.core.executor.detach_all();
    }
}
