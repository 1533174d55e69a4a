//! A queue as the vhost-user-backend crate keeps it, with what the crate's own lacks.
//!
//! The crate ends the worker when a kick turns out to be read already, which a driver that sets its queue up anew can
//! bring about; and it tells nobody that a queue starts or stops, which is all that some front ends say of a reset.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use vhost_user_backend::{VringMutex, VringStateGuard, VringStateMutGuard, VringT};
use virtio_queue::{Error as QueueError, QueueT};

use crate::guest_memory::GuestMemory;
use crate::transport::queue::Ring;
use crate::transport::{SharedMemory, never_wait};

type Inner = VringMutex<SharedMemory>;

/// No index: the queue has not stopped yet.
const NEVER: u32 = u32::MAX;

#[derive(Clone)]
pub(super) struct Vring {
    inner: Inner,
    life: Arc<Life>,
}

struct Life {
    /// It was started, and the worker has not seen it yet.
    started: AtomicBool,
    /// The index of the next chain when it last stopped, or [`NEVER`].
    stopped_at: AtomicU32,
}

/// That a queue was started.
pub(super) struct Start {
    /// The index of the next chain when it last stopped.
    pub(super) stopped_at: Option<u16>,
}

impl Vring {
    /// The start that nobody has asked for yet.
    pub(super) fn take_start(&self) -> Option<Start> {
        let started = self.life.started.swap(false, Ordering::AcqRel);
        let stopped_at = self.life.stopped_at.load(Ordering::Acquire);
        started.then(|| Start { stopped_at: u16::try_from(stopped_at).ok() })
    }

    /// Goes on where another process was when it died: behind what the used ring has, and what that process had taken
    /// beside it ([`Ring::resume`]).
    ///
    /// Whether the queue's driver has begun anew, and nobody has seen that yet, its used entries have to tell, as after
    /// a stop at zero.
    pub(super) fn resume(&self, memory: &GuestMemory, pending: u16, given: Option<u16>) {
        let mut state = self.inner.get_mut();
        if state.get_queue().ready() {
            let ring = Ring::open(memory, state.get_queue());
            let resumed = ring.and_then(|mut ring| {
                ring.resume(pending, given)?;
                ring.store(state.get_queue_mut());
                Ok(())
            });
            if let Err(broken) = resumed {
                tracing::debug!("a queue is where nothing is: {broken}");
            }
        }
        self.life.stopped_at.store(0, Ordering::Release);
    }
}

impl<'a> VringStateGuard<'a, SharedMemory> for Vring {
    type G = <Inner as VringStateGuard<'a, SharedMemory>>::G;
}

impl<'a> VringStateMutGuard<'a, SharedMemory> for Vring {
    type G = <Inner as VringStateMutGuard<'a, SharedMemory>>::G;
}

impl VringT<SharedMemory> for Vring {
    fn new(memory: SharedMemory, size_max: u16) -> Result<Self, QueueError> {
        let life = Life { started: AtomicBool::new(false), stopped_at: AtomicU32::new(NEVER) };
        Ok(Self { inner: Inner::new(memory, size_max)?, life: Arc::new(life) })
    }

    fn set_queue_ready(&self, ready: bool) {
        self.inner.set_queue_ready(ready);
        if ready {
            self.life.started.store(true, Ordering::Release);
        } else {
            // No chain is taken any more: that happens under the lock that was just held, and only while ready.
            self.life.stopped_at.store(self.inner.queue_next_avail().into(), Ordering::Release);
        }
    }

    fn set_kick(&self, file: Option<File>) {
        if let Some(error) = file.as_ref().and_then(|file| never_wait(file).err()) {
            tracing::warn!("a queue's notifications may make its worker wait: {error}");
        }
        self.inner.set_kick(file);
    }

    fn read_kick(&self) -> io::Result<bool> {
        let state = self.inner.get_ref();
        if let Some(Err(error)) = state.get_kick().as_ref().map(|kick| kick.consume())
            && error.kind() != io::ErrorKind::WouldBlock
        {
            tracing::debug!("a queue's notification cannot be read: {error}");
        }
        Ok(state.is_enabled())
    }

    fn get_ref(&self) -> <Self as VringStateGuard<'_, SharedMemory>>::G {
        self.inner.get_ref()
    }

    fn get_mut(&self) -> <Self as VringStateMutGuard<'_, SharedMemory>>::G {
        self.inner.get_mut()
    }

    fn add_used(&self, head: u16, bytes: u32) -> Result<(), QueueError> {
        self.inner.add_used(head, bytes)
    }

    fn signal_used_queue(&self) -> io::Result<()> {
        self.inner.signal_used_queue()
    }

    fn enable_notification(&self) -> Result<bool, QueueError> {
        self.inner.enable_notification()
    }

    fn disable_notification(&self) -> Result<(), QueueError> {
        self.inner.disable_notification()
    }

    fn needs_notification(&self) -> Result<bool, QueueError> {
        self.inner.needs_notification()
    }

    fn set_enabled(&self, enabled: bool) {
        self.inner.set_enabled(enabled);
    }

    fn set_queue_info(&self, table: u64, available: u64, used: u64) -> Result<(), QueueError> {
        self.inner.set_queue_info(table, available, used)
    }

    fn queue_next_avail(&self) -> u16 {
        self.inner.queue_next_avail()
    }

    fn set_queue_next_avail(&self, index: u16) {
        self.inner.set_queue_next_avail(index);
    }

    fn set_queue_next_used(&self, index: u16) {
        self.inner.set_queue_next_used(index);
    }

    fn queue_used_idx(&self) -> Result<u16, QueueError> {
        self.inner.queue_used_idx()
    }

    fn set_queue_size(&self, size: u16) {
        self.inner.set_queue_size(size);
    }

    fn set_queue_event_idx(&self, enabled: bool) {
        self.inner.set_queue_event_idx(enabled);
    }

    fn set_call(&self, file: Option<File>) {
        self.inner.set_call(file);
    }

    fn set_err(&self, file: Option<File>) {
        self.inner.set_err(file);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;
    use crate::guest_memory::GuestMemory;

    fn vring() -> Vring {
        Vring::new(SharedMemory::new(GuestMemory::new()), 16).unwrap()
    }

    #[test]
    fn a_notification_that_was_read_already_ends_nothing() {
        let kick = nix::sys::eventfd::EventFd::new().unwrap();
        let vring = vring();
        vring.set_kick(Some(OwnedFd::from(kick).into()));
        vring.set_enabled(true);
        assert!(vring.read_kick().unwrap());
        vring.set_kick(Some(File::open("/dev/null").unwrap()));
        assert!(vring.read_kick().unwrap());
    }

    #[test]
    fn a_start_is_seen_once_and_tells_where_the_queue_stopped() {
        let vring = vring();
        assert!(vring.take_start().is_none());
        vring.set_queue_ready(true);
        assert_eq!(vring.take_start().unwrap().stopped_at, None);
        assert!(vring.take_start().is_none());
        vring.set_queue_next_avail(5);
        vring.set_queue_ready(false);
        vring.set_queue_next_avail(9);
        vring.set_queue_ready(true);
        assert_eq!(vring.take_start().unwrap().stopped_at, Some(5));
    }
}
