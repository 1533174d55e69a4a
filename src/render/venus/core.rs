//! What the lines of one client have in common.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::command::Place;
use super::estate::{Page, SLOTS, Will};
use super::layout::RingInfo;
use super::line::Line;
use super::memory::{Resources, Shared};
use super::monitor::{Monitor, Watch};
use super::ring::Ring;
use super::session::Setup;
use super::{Executor, Fault};
use crate::heap::Heap;
use crate::quota::{Charge, Ledger, Part, Taken};
use crate::render::vulkan::Reason;

/// What a ring takes beside its buffer: a stack, and room for the commands that it is at.
const RING_BYTES: u64 = 128 << 10;

/// A ring and its thread.
struct Running {
    ring: Arc<Ring>,
    thread: JoinHandle<()>,
    _watch: Option<Watch>,
    _charge: Charge,
    _taken: Taken,
}

pub(super) struct Core {
    pub(super) name: String,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) ledger: Ledger,
    pub(super) heap: Option<Heap>,
    resources: Mutex<Resources>,
    monitor: Arc<Monitor>,
    /// Hangs up when the client goes.
    gone: Option<OwnedFd>,
    rings: Mutex<BTreeMap<u64, Running>>,
    share: Part,
    /// Wakes the control thread when it waits for a ring.
    progress: EventFd,
    fault: OnceLock<Fault>,
    will: Will,
    pub(super) page: Page,
    /// Whether another process served this client before, and died.
    orphaned: bool,
}

impl Core {
    /// A client that has nothing yet.
    pub(super) fn new(setup: Setup) -> io::Result<Self> {
        let (page, file) = Page::create()?;
        setup.will.note_session(&setup.name, file.as_fd());
        setup.executor.tell_of_feedback(setup.will.witness());
        Self::with(setup, page, false)
    }

    /// A client of another process. Its context is lost, and it has no memory and no rings yet.
    pub(super) fn inherit(setup: Setup, page: Page) -> io::Result<Self> {
        Self::with(setup, page, true)
    }

    fn with(setup: Setup, page: Page, orphaned: bool) -> io::Result<Self> {
        let Setup { name, executor, ledger, heap, share, monitor, gone, will } = setup;
        let progress = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let resources = Mutex::new(Resources::new(share.mappings));
        let (rings, share) = (Mutex::default(), share.rings);
        let fault = OnceLock::new();
        Ok(Self {
            name,
            executor,
            ledger,
            heap,
            resources,
            monitor,
            gone,
            rings,
            share,
            progress,
            fault,
            will,
            page,
            orphaned,
        })
    }

    pub(super) fn is_orphaned(&self) -> bool {
        self.orphaned
    }

    /// A descriptor that hangs up when the client goes.
    pub(super) fn client(&self) -> Option<BorrowedFd<'_>> {
        self.gone.as_ref().map(AsFd::as_fd)
    }

    pub(super) fn will(&self) -> &Will {
        &self.will
    }

    /// Why no more commands are understood.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.get()
    }

    /// Ends all that the client has going.
    pub(super) fn fail(&self, fault: Fault) {
        self.executor.lose(match &fault {
            Fault::Gone => Reason::Gone,
            fault => Reason::GivenUp(fault.to_string()),
        });
        _ = self.fault.set(fault);
        for running in self.lock_rings().values() {
            running.ring.condemn();
        }
        self.tell_of_progress();
    }

    pub(super) fn tell_of_progress(&self) {
        // It can only be full, and then it wakes whoever sleeps.
        _ = self.progress.write(1);
    }

    /// The shared memory that has this range.
    pub(super) fn place(&self, place: Place) -> Result<Arc<Shared>, Fault> {
        let Place { resource_id, offset, size } = place;
        let memory = self.lock_resources().shared(resource_id);
        let memory = memory.ok_or(Fault::Resource(resource_id))?;
        match offset.checked_add(size) {
            Some(end) if end <= memory.bytes() => Ok(memory),
            _ => Err(Fault::Outside { resource_id, offset, size }),
        }
    }

    pub(super) fn ring(&self, id: u64) -> Result<Arc<Ring>, Fault> {
        self.lock_rings().get(&id).map(|running| Arc::clone(&running.ring)).ok_or(Fault::Ring(id))
    }

    pub(super) fn create_ring(self: &Arc<Self>, id: u64, info: &RingInfo) -> Result<(), Fault> {
        // It was created by the message that the other process died at.
        if self.orphaned && self.ring(id).is_ok() {
            return Ok(());
        }
        let slot = self.free_slot()?;
        let ring = Arc::new(Ring::new(id, slot, info, self.memory_of(info)?)?);
        if !ring.is_fresh() {
            return Err(Fault::NotFresh(id));
        }
        self.will.note_ring(id, slot, *info);
        let line = Line::new(Arc::clone(self), Some(Arc::clone(&ring)));
        let started = line.and_then(|line| self.start_ring(&ring, line, info.report_period_us));
        started.inspect_err(|_| {
            self.will.forget_ring(slot);
            ring.condemn();
        })
    }

    /// Goes on with a ring of another process, from where its head is.
    pub(super) fn inherit_ring(self: &Arc<Self>, id: u64, slot: u64, info: &RingInfo) -> Result<(), Fault> {
        let ring = Arc::new(Ring::new(id, slot, info, self.memory_of(info)?)?);
        let line = Line::inherit(Arc::clone(self), Some(Arc::clone(&ring)))?;
        self.start_ring(&ring, line, info.report_period_us).inspect_err(|_| ring.condemn())
    }

    fn memory_of(&self, info: &RingInfo) -> Result<Arc<Shared>, Fault> {
        self.place(Place { resource_id: info.resource_id, offset: 0, size: 0 })
    }

    /// Has nothing of ours write to memory that the client has no longer: see
    /// [`Session::detach`](super::Session::detach).
    pub(super) fn let_go(&self, memory: &Arc<Shared>) {
        let slots: Vec<_> = {
            let rings = self.lock_rings();
            let lying = rings.values().filter(|running| running.ring.lies_in(memory));
            lying.map(|running| running.ring.slot()).collect()
        };
        if !slots.is_empty() {
            slots.into_iter().for_each(|slot| self.will.forget_ring(slot));
            self.fail(Fault::Gone);
        }
        memory.bury();
    }

    fn free_slot(&self) -> Result<u64, Fault> {
        let rings = self.lock_rings();
        let is_free = |slot: &u64| rings.values().all(|running| running.ring.slot() != *slot);
        (1..SLOTS).find(is_free).ok_or(Fault::Rings(rings.len()))
    }

    fn start_ring(
        self: &Arc<Self>,
        ring: &Arc<Ring>,
        line: Line,
        period_us: Option<u32>,
    ) -> Result<(), Fault> {
        let mut rings = self.lock_rings();
        if rings.contains_key(&ring.id()) {
            return Err(Fault::RingExists(ring.id()));
        }
        let host = |error: io::Error| Fault::Host(error.to_string());
        let taken = self.share.take()?;
        let charge = self.ledger.charge(RING_BYTES + u64::from(ring.buffer_bytes()))?;
        let watch = period_us.map(|period| self.monitor.watch(Arc::clone(ring.words()), period));
        let watch = watch.transpose().map_err(host)?;
        let (core, served) = (Arc::clone(self), Arc::clone(ring));
        let body = move || core.serve_ring(&served, line);
        let thread = thread::Builder::new().name("ring".into()).spawn(body).map_err(host)?;
        let running =
            Running { ring: Arc::clone(ring), thread, _watch: watch, _charge: charge, _taken: taken };
        rings.insert(ring.id(), running);
        Ok(())
    }

    /// The ring's thread.
    fn serve_ring(&self, ring: &Ring, mut line: Line) {
        let served = catch_unwind(AssertUnwindSafe(|| ring.serve(&mut line)));
        let served = served.unwrap_or_else(|panic| Err(self.bug(panic.as_ref())));
        if let Err(fault) = served {
            ring.condemn();
            self.fail(fault);
        }
    }

    /// A panic of ours costs this client alone.
    pub(super) fn bug(&self, panic: &(dyn Any + Send)) -> Fault {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason");
        tracing::error!("{}: lost, for we panicked: {text}", self.name);
        Fault::Bug("a command made us panic")
    }

    pub(super) fn destroy_ring(&self, id: u64) -> Result<(), Fault> {
        let running = match self.lock_rings().remove(&id) {
            Some(running) => running,
            // It was destroyed by the message that the other process died at.
            None if self.orphaned => return Ok(()),
            None => return Err(Fault::Ring(id)),
        };
        running.ring.stop();
        _ = running.thread.join();
        self.will.forget_ring(running.ring.slot());
        Ok(())
    }

    /// Ends every ring's thread.
    pub(super) fn destroy_rings(&self) {
        let rings = std::mem::take(&mut *self.lock_rings());
        rings.values().for_each(|running| running.ring.stop());
        for running in rings.into_values() {
            _ = running.thread.join();
        }
    }

    /// Has the control thread wait, and with it this client alone.
    pub(super) fn wait_ring_seqno(&self, id: u64, seqno: u64) -> Result<(), Fault> {
        // Nothing is in order any more.
        if self.orphaned {
            return Ok(());
        }
        let ring = self.ring(id)?;
        ring.want(seqno)?;
        loop {
            _ = self.progress.read();
            if ring.has_reached() {
                return Ok(());
            }
            if let Some(fault) = self.fault() {
                return Err(fault.clone());
            }
            self.sleep_until_progress()?;
        }
    }

    fn sleep_until_progress(&self) -> Result<(), Fault> {
        let mut waits = vec![PollFd::new(self.progress.as_fd(), PollFlags::POLLIN)];
        waits.extend(self.gone.as_ref().map(|gone| PollFd::new(gone.as_fd(), PollFlags::empty())));
        match poll(&mut waits, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(Fault::Host(error.to_string())),
        }
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR;
        let client = waits.get(1).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        if client.intersects(gone) { Err(Fault::Gone) } else { Ok(()) }
    }

    pub(super) fn lock_resources(&self) -> MutexGuard<'_, Resources> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_rings(&self) -> MutexGuard<'_, BTreeMap<u64, Running>> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
