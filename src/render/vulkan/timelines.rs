//! Who is told when a queue has come so far.
//!
//! Each queue that anybody asks about has a thread that sleeps in the driver, for one driver call cannot wait for
//! queues of several devices, nor be woken to wait for one more. It ends with its queue.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::queue::Counter;

/// What is to be done then.
pub(super) type Done = Box<dyn FnOnce() + Send>;

/// Small: it only waits and calls.
const STACK_BYTES: usize = 128 << 10;

/// Marks on one queue's way at a time: work may take as long as a guest likes, and each holds memory of ours.
const MARKS_MAX: usize = 4096;

/// The marks on one queue's way.
pub(super) struct Timeline(Arc<Shared>);

struct Shared {
    counter: Arc<Counter>,
    marks: Mutex<Marks>,
    changed: Condvar,
}

#[derive(Default)]
struct Marks {
    /// Where the counter must have come to, in order.
    waiting: VecDeque<(u64, Done)>,
    started: bool,
    closed: bool,
}

impl Timeline {
    /// A timeline that nobody asked about.
    pub(super) fn new(counter: Arc<Counter>) -> Self {
        Self(Arc::new(Shared { counter, marks: Mutex::default(), changed: Condvar::new() }))
    }

    /// Has `done` run as soon as the counter has come to `value`, which it must be sure to. After an error it is run
    /// by who takes it out.
    pub(super) fn mark(&self, value: u64, done: Done) -> io::Result<()> {
        let mut marks = self.0.marks();
        marks.waiting.push_back((value, done));
        if marks.waiting.len() > MARKS_MAX {
            return Err(io::Error::other(format!("more than {MARKS_MAX} ask for one queue at a time")));
        }
        if !marks.started {
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("vgpu-timeline".into()).stack_size(STACK_BYTES);
            thread.spawn(move || shared.wait())?;
            marks.started = true;
        }
        self.0.changed.notify_one();
        Ok(())
    }

    /// Takes out what nobody will run now.
    pub(super) fn take(&self) -> Vec<Done> {
        self.0.marks().waiting.drain(..).map(|(_, done)| done).collect()
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        let started = {
            let mut marks = self.0.marks();
            marks.closed = true;
            marks.started
        };
        self.0.changed.notify_one();
        if !started {
            self.take().into_iter().for_each(|done| done());
        }
    }
}

impl Shared {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until the timeline is closed, and everybody was told.
    fn wait(&self) {
        while let Some(value) = self.next() {
            // A lost device tells everybody, too: whoever asks then learns that it is lost.
            let come_to = match self.counter.wait(value, None) {
                Ok(_) => value,
                Err(_) => u64::MAX,
            };
            for done in self.reached(come_to) {
                done();
            }
        }
    }

    /// What to wait for next; `None` at the end.
    fn next(&self) -> Option<u64> {
        let mut marks = self.marks();
        loop {
            match marks.waiting.front() {
                Some((value, _)) => return Some(*value),
                None if marks.closed => return None,
                None => marks = self.changed.wait(marks).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn reached(&self, come_to: u64) -> Vec<Done> {
        let mut marks = self.marks();
        let count = marks.waiting.iter().take_while(|(value, _)| *value <= come_to).count();
        marks.waiting.drain(..count).map(|(_, done)| done).collect()
    }
}
