//! The page that a vGPU's render process shares with the daemon, and with nobody else.
//!
//! Each word is written by one side. The daemon trusts none of the words of the other side further than that vGPU's
//! own account: whoever took the process over can lie about its use, and is charged for its turns all the same.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use uuid::Uuid;

use crate::sys::{SharedMemory, SharedWord, futex_wait, futex_wake, sealed_file};

const BYTES: u64 = 4096;

/// `until`: for as long as nothing else is said.
pub(super) const OPEN_NS: u64 = u64::MAX;

/// CLOCK_MONOTONIC, which all processes of a host share.
pub(super) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

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
    beat_ns: SharedWord<AtomicU64>,
    /// The render process's from here on: the turn that it handed back.
    pub(super) handed: SharedWord<AtomicU64>,
    /// 1 while it has something that waits for its turn or is on the GPU.
    pub(super) busy: SharedWord<AtomicU64>,
    /// Time that it had something on the GPU.
    pub(super) busy_ns: SharedWord<AtomicU64>,
    /// Submissions that were given to the GPU.
    pub(super) given: SharedWord<AtomicU64>,
    /// Bytes that its programs have allocated.
    pub(super) memory_bytes: SharedWord<AtomicU64>,
    /// The UUID of its GPU, its latter half last.
    gpu: [SharedWord<AtomicU64>; 2],
    /// 1 once that is there.
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
}

impl Page {
    pub(super) fn map(file: &impl AsFd) -> io::Result<Self> {
        let memory = Arc::new(SharedMemory::map(file, BYTES)?);
        let none = || io::Error::from(io::ErrorKind::InvalidData);
        // Either side has a cache line of its own.
        let word = |place: u64| memory.long_word(place * 8).ok_or_else(none);
        Ok(Self {
            bell: memory.word(0).ok_or_else(none)?,
            turn: word(8)?,
            until_ns: word(9)?,
            watch_ns: word(10)?,
            beat_ns: word(11)?,
            handed: word(16)?,
            busy: word(17)?,
            busy_ns: word(18)?,
            given: word(19)?,
            memory_bytes: word(20)?,
            gpu: [word(21)?, word(22)?],
            ready: word(23)?,
        })
    }

    /// Says what holds from now on, and wakes the render process.
    pub(super) fn say(&self, turn: Turn) {
        self.until_ns.store(turn.until_ns, Ordering::Relaxed);
        self.watch_ns.store(turn.watch_ns, Ordering::Relaxed);
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

    /// The render process has this GPU.
    pub(super) fn set_gpu(&self, uuid: Uuid) {
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

    /// Clears what a render process said that has died.
    pub(super) fn forget(&self) {
        for word in [&self.handed, &self.busy, &self.busy_ns, &self.given, &self.memory_bytes] {
            word.store(0, Ordering::Relaxed);
        }
        self.ready.store(0, Ordering::Relaxed);
    }
}
