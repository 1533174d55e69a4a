//! What one client is: its objects, and the turn-taking of its commands.

use std::cell::Cell;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vulkanalia_sys as vk;

use super::dispatch::dispatch;
use super::driver::{result_of, returned};
use super::feedback::{Feedback, Witness};
use super::gpu::Gpu;
use super::memory::Counted;
use super::objects::Data;
use super::queue::{self, Submits};
use super::reason::Reason;
use super::table::Table;
use super::turn::{Named, Outcome, Turn, may_name_tombstone};
use crate::guest_log::guest_warn;
use crate::quota::Ledger;
use crate::sys::{Arena, SharedMemory};
use crate::venus::{self, Call, CommandType, Malformed, Names, ObjectType, Reader, Slot};

/// The largest command with all that it points to: a shader module or the initial data of a pipeline cache.
pub(super) const COMMAND_BYTES_MAX: usize = 256 << 20;

/// A client: its objects by its own names, and nobody else's.
///
/// One command runs at a time, so a driver call never meets another of the same client; waits and the compilation of
/// pipelines let others pass.
pub struct Context {
    name: String,
    state: Mutex<State>,
}

/// What a context's lock guards.
pub(super) struct State {
    pub(super) gpu: Arc<Gpu>,
    pub(super) ledger: Ledger,
    pub(super) objects: Table,
    pub(super) allocations: Counted,
    pub(super) submits: Submits,
    pub(super) feedback: Feedback,
    pub(super) lost: Option<Reason>,
}

/// What a thread that executes commands has of its own.
pub struct Worker {
    /// Commands are decoded into it.
    arena: Arena,
    /// Replies are appended to it; whoever reads it empties it.
    pub reply: Vec<u8>,
    named: Vec<Named>,
}

impl Worker {
    /// A thread's own memory.
    pub fn new() -> io::Result<Self> {
        Ok(Self { arena: Arena::new(COMMAND_BYTES_MAX)?, reply: Vec::new(), named: Vec::new() })
    }

    /// Where the command lies that is being executed, for the part of it that is done without the lock.
    pub(super) fn arena(&mut self) -> &mut Arena {
        &mut self.arena
    }
}

impl Context {
    /// A client that has made nothing yet. `name` stands in what is logged.
    pub fn new(gpu: Arc<Gpu>, ledger: Ledger, name: &str) -> Arc<Self> {
        let state = State {
            gpu,
            ledger,
            objects: Table::default(),
            allocations: Counted::default(),
            submits: Submits::default(),
            feedback: Feedback::default(),
            lost: None,
        };
        Arc::new(Self { name: name.to_owned(), state: Mutex::new(state) })
    }

    /// Reads one command, executes it and appends its reply, if the guest wants one. An error is a stream that
    /// cannot be read any further; all other wrongs are answered, or cost the guest its context.
    pub fn execute(self: &Arc<Self>, reader: &mut Reader<'_>, worker: &mut Worker) -> Result<(), Malformed> {
        worker.arena.reset();
        worker.named.clear();
        let mut state = self.state();
        let mut lookup = Lookup::new(&state, &mut worker.named, reader)?;
        let call = venus::decode(reader, &mut worker.arena, &mut lookup)?;
        let outcome = match lookup.fault {
            Some(fault) => Err(fault),
            None => dispatch(&mut Turn {
                context: self,
                state: &mut state,
                arena: &mut worker.arena,
                call,
                named: &worker.named,
                cursor: Cell::new(0),
            }),
        };
        drop(state);
        let returned = match outcome {
            Ok(Outcome::Done(returned)) => Ok(returned),
            Ok(Outcome::Later(rest)) => rest(self, worker),
            Err(reason) => Err(reason),
        };
        self.answer(&call, returned, worker);
        Ok(())
    }

    fn answer(&self, call: &Call, returned: Result<u64, Reason>, worker: &mut Worker) {
        let lost = || self::returned(vk::Result::ERROR_DEVICE_LOST);
        let returned = returned.unwrap_or_else(|reason| {
            self.lose(reason);
            if queue::is_submission(call.command) {
                // The guest will wait for it.
                self.state().feedback.end_waits();
            }
            if call.returns_result() { lost() } else { 0 }
        });
        if call.returns_result() && returned == lost() && self.lost().is_none() {
            self.lose(Reason::DeviceLost(call.command));
        }
        if call.wants_reply() {
            venus::encode_reply(call, returned, &worker.arena, &mut worker.reply);
        }
    }

    /// Gives the client up: it executes nothing more. Only the first reason counts.
    pub fn lose(&self, reason: Reason) {
        let mut state = self.state();
        if state.lost.is_none() {
            if !matches!(reason, Reason::Gone) {
                guest_warn!("{}: its device is lost: {reason}", self.name);
                state.feedback.lose();
            }
            state.lost = Some(reason);
            let told = state.submits.lose();
            drop(state);
            told.into_iter().for_each(|done| done());
        }
    }

    /// Tells of memory where the client's driver looks for what the GPU did, whenever there is more.
    pub fn tell_of_feedback(&self, witness: Witness) {
        self.state().feedback.tell(witness);
    }

    /// Ends waits in this memory too, now and when the client submits. The context is lost already.
    pub fn end_waits_in(&self, memory: SharedMemory) {
        self.state().feedback.add(memory);
    }

    /// Why the client was given up, if it was.
    pub fn lost(&self) -> Option<Reason> {
        self.state().lost.clone()
    }

    /// The client's name in what is logged.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the client's turn.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds the objects that a command names. What is wrong with them is kept until the command was read to its end,
/// for the next one starts there.
struct Lookup<'l> {
    objects: &'l Table,
    named: &'l mut Vec<Named>,
    command: CommandType,
    fault: Option<Reason>,
}

impl<'l> Lookup<'l> {
    fn new(state: &'l State, named: &'l mut Vec<Named>, reader: &Reader<'_>) -> Result<Self, Malformed> {
        let command = reader.peek().ok_or(Malformed::NoCommand)??;
        Ok(Self { objects: &state.objects, named, command, fault: state.lost.clone() })
    }

    fn fault(&mut self, fault: Reason) -> u64 {
        self.fault.get_or_insert(fault);
        0
    }
}

impl Names for Lookup<'_> {
    fn handle(&mut self, kind: ObjectType, id: u64, at: Slot) -> Result<u64, Malformed> {
        if self.fault.is_some() {
            return Ok(0);
        }
        let (command, objects) = (self.command, self.objects);
        let found = objects.find(id).and_then(|place| Some((place, objects.at(place)?)));
        let Some((place, object)) = found.filter(|(_, object)| object.kind == kind) else {
            return Ok(self.fault(Reason::UnknownHandle { command, kind, id }));
        };
        if let Data::Tombstone(refusal) = &object.data
            && !may_name_tombstone(command)
        {
            return Ok(self.fault(Reason::Tombstone { command, kind, id, refusal: refusal.clone() }));
        }
        self.named.push(Named { at, place });
        Ok(object.handle)
    }
}

/// Whether a command failed with this result, as it was returned.
pub(super) fn failed(returned: u64) -> bool {
    result_of(returned).as_raw() < 0
}
