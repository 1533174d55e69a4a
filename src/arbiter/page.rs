//! The page that a vGPU's render process shares with the daemon, and with nobody else.
//!
//! Each word is written by one side. The daemon trusts none of the words of the other side further than that vGPU's
//! own account: whoever took the process over can lie about its use, and is charged for its turns all the same.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::quota::Ledger;
use crate::render::vulkan::Privilege;
use crate::sched::{Class, Priority};
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sys::{SharedMemory, SharedWord, futex_wait, futex_wake, sealed_file};

const BYTES: u64 = 4096;

/// No driver takes more for itself. Others' vGPUs are refused for it, so who says more is not believed.
pub(super) const DRIVER_BYTES_MAX: u64 = 2 << 30;

/// `until`: for as long as nothing else is said.
pub(super) const OPEN_NS: u64 = u64::MAX;

/// A file for a page, all zero: nobody may submit.
pub(super) fn file() -> io::Result<OwnedFd> {
    sealed_file(BYTES)
}

/// One side's view of the page.
#[derive(Debug)]
pub(super) struct Page {
    /// Changed by whoever wants the render process's thread to look.
    bell: SharedWord<AtomicU32>,
    /// The daemon's: counts up with whatever it says in the words below.
    turn: SharedWord<AtomicU64>,
    until_ns: SharedWord<AtomicU64>,
    watch_ns: SharedWord<AtomicU64>,
    said_ns: SharedWord<AtomicU64>,
    beat_ns: SharedWord<AtomicU64>,
    /// Bytes that its programs may allocate. This word alone holds for whoever reads it, whenever that is.
    memory_bytes_max: SharedWord<AtomicU64>,
    /// 1 while queues that its programs make are to go before those of others. This word too holds alone.
    pub(super) precedes: SharedWord<AtomicU64>,
    /// The render process's from here on: the turn that it handed back.
    pub(super) handed: SharedWord<AtomicU64>,
    /// 1 while it has something that waits for its turn or is on the GPU.
    pub(super) busy: SharedWord<AtomicU64>,
    /// Time that it had something on the GPU.
    pub(super) busy_ns: SharedWord<AtomicU64>,
    /// Submissions that were given to the GPU.
    pub(super) given: SharedWord<AtomicU64>,
    /// Bytes that its programs have allocated.
    memory_bytes: SharedWord<AtomicU64>,
    /// What the last hand-over took that was looked at; 0: none was.
    pub(super) hand_over_ns: SharedWord<AtomicU64>,
    /// The UUID of its GPU, its latter half last.
    gpu: [SharedWord<AtomicU64>; 2],
    /// Bytes of the GPU's memory that its driver takes beside them.
    driver_bytes: SharedWord<AtomicU64>,
    /// The [`Priority`] that the driver gave to queues.
    pub(super) priority: SharedWord<AtomicU64>,
    /// 1 once these are there.
    ready: SharedWord<AtomicU64>,
}

/// What the daemon said last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// Its number.
    pub number: u64,
    /// Until when submissions may be given to the GPU; 0: not at all.
    pub until_ns: u64,
    /// How often the render process is to look what it has on the GPU.
    pub watch_ns: u64,
    /// When the daemon said so.
    pub said_ns: u64,
}

impl Page {
    pub(super) fn map(file: &impl AsFd) -> io::Result<Self> {
        Self::of(&Arc::new(SharedMemory::map(file, BYTES)?))
    }

    /// The same, of memory that is mapped.
    pub(super) fn of(memory: &Arc<SharedMemory>) -> io::Result<Self> {
        let none = || io::Error::from(io::ErrorKind::InvalidData);
        // Either side has a cache line of its own.
        let word = |place: u64| memory.long_word(place * 8).ok_or_else(none);
        Ok(Self {
            bell: memory.word(0).ok_or_else(none)?,
            turn: word(8)?,
            until_ns: word(9)?,
            watch_ns: word(10)?,
            beat_ns: word(11)?,
            memory_bytes_max: word(12)?,
            precedes: word(13)?,
            said_ns: word(14)?,
            handed: word(16)?,
            busy: word(17)?,
            busy_ns: word(18)?,
            given: word(19)?,
            memory_bytes: word(20)?,
            gpu: [word(21)?, word(22)?],
            ready: word(23)?,
            hand_over_ns: word(24)?,
            driver_bytes: word(25)?,
            priority: word(26)?,
        })
    }

    /// Says what holds from now on, and wakes the render process.
    pub(super) fn say(&self, turn: Turn) {
        self.until_ns.store(turn.until_ns, Ordering::Relaxed);
        self.watch_ns.store(turn.watch_ns, Ordering::Relaxed);
        self.said_ns.store(turn.said_ns, Ordering::Relaxed);
        self.turn.store(turn.number, Ordering::Release);
        self.ring();
    }

    /// Has it look at another pace, from its next look on.
    pub(super) fn watch(&self, watch_ns: u64) {
        self.watch_ns.store(watch_ns, Ordering::Relaxed);
    }

    /// What the daemon said last. A mix of two is followed by the second one.
    pub(super) fn turn(&self) -> Turn {
        let number = self.turn.load(Ordering::Acquire);
        Turn {
            number,
            until_ns: self.until_ns.load(Ordering::Relaxed),
            watch_ns: self.watch_ns.load(Ordering::Relaxed),
            said_ns: self.said_ns.load(Ordering::Relaxed),
        }
    }

    /// The daemon lives.
    pub(super) fn beat(&self, now_ns: u64) {
        self.beat_ns.store(now_ns, Ordering::Relaxed);
    }

    /// When it last did.
    pub(super) fn beat_ns(&self) -> u64 {
        self.beat_ns.load(Ordering::Relaxed)
    }

    /// Says that nothing is on the GPU any more by the leave of this turn, nor will be.
    pub(super) fn hand_back(&self, turn: u64) {
        self.handed.store(turn, Ordering::Release);
    }

    /// The last turn that was handed back: whoever sees it comes after all that was done in it.
    pub(super) fn handed(&self) -> u64 {
        self.handed.load(Ordering::Acquire)
    }

    /// Says whether there is something to do. Tells whether that is news.
    pub(super) fn set_busy(&self, busy: bool) -> bool {
        self.busy.swap(busy.into(), Ordering::Release) != u64::from(busy)
    }

    /// Whether the render process has something to do.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 1
    }

    /// Wakes the render process's thread.
    pub(super) fn ring(&self) {
        self.bell.fetch_add(1, Ordering::SeqCst);
        futex_wake(&self.bell);
    }

    /// What [`Page::sleep`] is told, before whatever might ring is looked at.
    pub(super) fn bell(&self) -> u32 {
        self.bell.load(Ordering::SeqCst)
    }

    /// Sleeps until the bell was rung after that, or for so long.
    pub(super) fn sleep(&self, bell: u32, at_most: Option<Duration>) {
        futex_wait(&self.bell, bell, at_most);
    }

    /// What the render process charges for its programs' memory.
    pub(super) fn ledger(self) -> Ledger {
        Ledger::shared(self.memory_bytes_max, self.memory_bytes)
    }

    /// What the render process asks its driver for, and what it says of that.
    pub(super) fn privilege(self) -> Privilege {
        Privilege::new(self.precedes, self.priority)
    }

    /// Says of which class the vGPU is: queues that are made from now on have priority on the GPU by that.
    pub(super) fn set_class(&self, class: Class) {
        self.precedes.store((class == Class::Latency).into(), Ordering::Relaxed);
    }

    /// What the driver gave to queues. Whoever was taken over may say anything.
    pub(super) fn priority(&self) -> Priority {
        Priority::of_word(self.priority.load(Ordering::Relaxed))
    }

    /// Says how much its programs may allocate, whatever they have.
    pub(super) fn set_memory_bytes_max(&self, bytes: u64) {
        self.memory_bytes_max.store(bytes, Ordering::SeqCst);
    }

    /// The same, unless that becomes less than they have: then it says how much they have, and everything stays. The
    /// limit holds before the look, so that nothing is allocated between the two.
    pub(super) fn limit_memory(&self, bytes: u64) -> Result<(), u64> {
        let before = self.memory_bytes_max.swap(bytes, Ordering::SeqCst);
        let used = self.memory_bytes();
        if bytes < before && bytes < used {
            self.set_memory_bytes_max(before);
            return Err(used);
        }
        Ok(())
    }

    /// Bytes that its programs have allocated.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::SeqCst)
    }

    /// The render process has this GPU, whose driver takes so much memory.
    pub(super) fn set_gpu(&self, uuid: Uuid, driver_bytes: u64) {
        self.driver_bytes.store(driver_bytes, Ordering::Relaxed);
        let (first, latter) = uuid.as_u64_pair();
        self.gpu[0].store(first, Ordering::Relaxed);
        self.gpu[1].store(latter, Ordering::Relaxed);
        self.ready.store(1, Ordering::Release);
    }

    /// Which GPU the render process has; `None` before it has one.
    pub(super) fn gpu(&self) -> Option<Uuid> {
        let [first, latter] = &self.gpu;
        let ready = self.ready.load(Ordering::Acquire) == 1;
        ready.then(|| Uuid::from_u64_pair(first.load(Ordering::Relaxed), latter.load(Ordering::Relaxed)))
    }

    /// What the driver takes of the GPU's memory; `None` before the render process has one.
    pub(super) fn driver_bytes(&self) -> Option<u64> {
        let ready = self.ready.load(Ordering::Acquire) == 1;
        ready.then(|| self.driver_bytes.load(Ordering::Relaxed).min(DRIVER_BYTES_MAX))
    }

    /// Clears what a render process said that has died.
    pub(super) fn forget(&self) {
        let used = [&self.busy_ns, &self.given, &self.memory_bytes, &self.priority];
        for word in [&self.handed, &self.busy, &self.hand_over_ns].into_iter().chain(used) {
            word.store(0, Ordering::Relaxed);
        }
        self.ready.store(0, Ordering::Relaxed);
    }
}
