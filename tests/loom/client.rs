//! A client that submits, and what it has on the GPU: as the executor does, under one lock.

use std::cell::Cell;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex, MutexGuard};

use super::Leave;
use super::reason::Reason;

/// A GPU on which only one tenant may be at a time. What one does there must have happened before the next one begins
/// by the rules of memory, not only by chance: else loom fails.
pub struct Gpu {
    memory: UnsafeCell<()>,
    /// No word of the protocol, so that nobody learns anything from it.
    is_taken: Cell<bool>,
    done: Mutex<u32>,
    is_done: Condvar,
}

impl Gpu {
    pub fn new() -> Arc<Self> {
        let (memory, is_taken) = (UnsafeCell::new(()), Cell::new(false));
        Arc::new(Self { memory, is_taken, done: Mutex::new(0), is_done: Condvar::new() })
    }

    pub fn begin(&self) {
        assert!(!self.is_taken.replace(true), "two tenants are on the GPU");
        self.memory.with_mut(|_| ());
    }

    pub fn end(&self) {
        self.memory.with_mut(|_| ());
        self.is_taken.set(false);
    }

    /// Waits until so many submissions of the client are done.
    pub fn wait(&self, count: u32) {
        let mut done = self.done.lock().unwrap();
        while *done < count {
            done = self.is_done.wait(done).unwrap();
        }
    }
}

pub struct Context(Mutex<State>);

pub struct State {
    pub submits: Submits,
}

pub struct Submits {
    pub leave: Arc<Leave>,
    /// Submissions that wait for leave.
    pub held: u32,
    gpu: Arc<Gpu>,
    /// Submissions on the GPU.
    given: Cell<u32>,
    /// Looks at which they are there still.
    looks: Cell<u32>,
}

impl Context {
    pub fn new(leave: &Arc<Leave>, gpu: &Arc<Gpu>) -> Arc<Self> {
        let (own, gpu) = (Arc::clone(leave), Arc::clone(gpu));
        let submits = Submits { leave: own, held: 0, gpu, given: Cell::new(0), looks: Cell::new(0) };
        let context = Arc::new(Self(Mutex::new(State { submits })));
        leave.admit(&context);
        context
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn lose(&self, reason: Reason) {
        panic!("no GPU is lost here: {reason:?}");
    }

    pub fn submit(&self) {
        let submits = &mut self.state().submits;
        if submits.held == 0 && submits.leave.is_given() {
            return submits.give();
        }
        submits.held += 1;
        submits.leave.tell(Leave::WAITS);
    }
}

impl Submits {
    fn give(&mut self) {
        self.leave.goes();
        if self.given.get() == 0 {
            self.gpu.begin();
        }
        self.given.set(self.given.get() + 1);
        self.looks.set(1);
        self.leave.went();
    }

    /// Whether something is on the GPU. It is at the first look, and is done at the next.
    pub fn run(&self) -> bool {
        let runs = self.looks.replace(0) > 0;
        if !runs && self.given.get() > 0 {
            self.gpu.end();
            *self.gpu.done.lock().unwrap() += self.given.take();
            self.gpu.is_done.notify_all();
        }
        runs
    }

    pub fn wants_leave(&self) -> bool {
        self.held > 0
    }

    /// How far the GPU has come.
    pub fn done(&self) -> u64 {
        (*self.gpu.done.lock().unwrap()).into()
    }
}

/// What waits for leave goes, if there is some.
pub fn advance(state: &mut State) -> Result<(), Reason> {
    let submits = &mut state.submits;
    while submits.held > 0 && submits.leave.is_given() {
        submits.held -= 1;
        submits.give();
    }
    Ok(())
}
