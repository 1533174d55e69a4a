//! One thread that says for all rings that the renderer is alive.
//!
//! A driver that waits for a ring clears the bit and aborts the program if it is still clear after the period that it
//! asked for. What it wants to know is whether the process lives, so a ring that is busy is reported too.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::ring::Words;

/// However often a client wants to be told.
const PERIOD_MIN: Duration = Duration::from_millis(100);

/// `VK_RING_STATUS_ALIVE_BIT_MESA`.
const ALIVE: u32 = 4;

/// Sets the ALIVE bit of the rings that asked for it. Its thread exists while there is one.
#[derive(Debug, Default)]
pub struct Monitor {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rings: BTreeMap<u64, (Arc<Words>, Duration)>,
    next: u64,
    running: bool,
}

/// A ring is reported as long as this lives.
#[derive(Debug)]
pub(super) struct Watch(Arc<Monitor>, u64);

impl Monitor {
    /// One that watches nothing.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn watch(self: &Arc<Self>, words: Arc<Words>, period_us: u32) -> std::io::Result<Watch> {
        let period = Duration::from_micros(period_us.into()).max(PERIOD_MIN);
        words.set_status(ALIVE);
        let mut state = self.lock();
        if !state.running {
            let monitor = Arc::clone(self);
            thread::Builder::new().name("monitor".into()).spawn(move || monitor.report())?;
            state.running = true;
        }
        let key = state.next;
        state.next += 1;
        state.rings.insert(key, (words, period));
        self.changed.notify_one();
        Ok(Watch(Arc::clone(self), key))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) {
        let mut state = self.lock();
        while let Some(period) = state.rings.values().map(|(_, period)| *period).min() {
            for (words, _) in state.rings.values() {
                words.set_status(ALIVE);
            }
            state = self.changed.wait_timeout(state, period).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.running = false;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.rings.remove(&self.1);
        if state.rings.is_empty() {
            self.0.changed.notify_one();
        }
    }
}
