//! What the page and the thread that goes by it stand on.

#[path = "atomic.rs"]
pub mod atomic;

use std::cell::Cell;
use std::io;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use loom::sync::{Condvar, Mutex, MutexGuard};
pub use loom::thread::yield_now;

use atomic::{AtomicU32, AtomicU64, Ordering};

/// Whoever sleeps for longer does not wake up by itself in a model: nobody may need that. Sleep for less is looking.
const LOOKS: Duration = Duration::from_millis(10);

thread_local! {
    /// Threads of a model are one thread for the system.
    static NOW_NS: Cell<u64> = const { Cell::new(0) };
    static TIMES_OUT: Cell<bool> = const { Cell::new(false) };
    static IS_OVER: Cell<bool> = const { Cell::new(false) };
}

loom::lazy_static! {
    static ref SLEEPERS: Mutex<()> = Mutex::new(());
    static ref WOKEN: Condvar = Condvar::new();
}

/// A model begins.
pub fn begin() {
    NOW_NS.set(1_000_000_000);
    TIMES_OUT.set(false);
    IS_OVER.set(false);
}

/// It is over: nobody sleeps any more.
pub fn end() {
    let _sleepers = sleepers();
    IS_OVER.set(true);
    WOKEN.notify_all();
}

pub fn is_over() -> bool {
    IS_OVER.get()
}

/// From now on whoever sleeps for long wakes up by himself.
pub fn let_sleep_time_out() {
    let _sleepers = sleepers();
    TIMES_OUT.set(true);
    WOKEN.notify_all();
}

/// Each look takes a while.
pub fn now_ns() -> u64 {
    pass(Duration::from_micros(60));
    NOW_NS.get()
}

fn pass(time: Duration) {
    NOW_NS.set(NOW_NS.get() + u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
}

fn sleepers() -> MutexGuard<'static, ()> {
    SLEEPERS.lock().unwrap()
}

pub fn futex_wait(word: &AtomicU32, value: u32, at_most: Option<Duration>) {
    let sleepers = sleepers();
    let ends = at_most.filter(|time| TIMES_OUT.get() || *time < LOOKS);
    if let Some(time) = ends {
        drop(sleepers);
        pass(time);
        return yield_now();
    }
    if word.load(Ordering::Relaxed) == value && !is_over() {
        drop(WOKEN.wait(sleepers).unwrap());
    }
}

pub fn futex_wake(_: &AtomicU32) {
    drop(sleepers());
    WOKEN.notify_all();
}

/// An eventfd in a set that is heard by its edges.
#[derive(Debug, Default)]
pub struct Kick {
    count: Mutex<u64>,
    rang: Condvar,
}

impl Kick {
    pub fn ring(&self) {
        *self.count.lock().unwrap() += 1;
        self.rang.notify_all();
    }

    /// Waits until it rang once more than was heard.
    pub fn hear(&self, heard: &mut u64) {
        let mut count = self.count.lock().unwrap();
        while *count == *heard {
            count = self.rang.wait(count).unwrap();
        }
        *heard = *count;
    }
}

/// The words of a page.
#[derive(Debug)]
pub struct SharedMemory {
    bell: AtomicU32,
    words: Vec<AtomicU64>,
}

impl SharedMemory {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { bell: AtomicU32::new(0), words: (0..32).map(|_| AtomicU64::new(0)).collect() })
    }

    /// There are no files in a model.
    pub fn map<F>(_: &F, _: u64) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn word(self: &Arc<Self>, _: u64) -> Option<SharedWord> {
        Some(SharedWord { memory: Arc::clone(self), find: |memory, _| &memory.bell, place: 0 })
    }

    pub fn long_word(self: &Arc<Self>, offset: u64) -> Option<SharedWord<AtomicU64>> {
        let place = usize::try_from(offset / 8).ok()?;
        Some(SharedWord { memory: Arc::clone(self), find: |memory, place| &memory.words[place], place })
    }
}

#[derive(Debug)]
pub struct SharedWord<T = AtomicU32> {
    memory: Arc<SharedMemory>,
    find: fn(&SharedMemory, usize) -> &T,
    place: usize,
}

impl<T> Deref for SharedWord<T> {
    type Target = T;

    fn deref(&self) -> &T {
        (self.find)(&self.memory, self.place)
    }
}

pub fn sealed_file(_: u64) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}
