//! What one client is: its objects, and the turn-taking of its commands.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vulkanalia_sys as vk;

use super::dispatch::dispatch;
use super::driver::{result_of, returned};
use super::feedback::{self, Feedback, Witness};
use super::gpu::Gpu;
use super::leave::Leave;
use super::memory::{Attached, Counted, Imports};
use super::objects::Data;
use super::queue::{SLICE, Submits};
use super::reason::Reason;
use super::recording;
use super::table::Table;
use super::turn::{Named, Outcome, Turn, may_name_tombstone};
use crate::guest_log::guest_warn;
use crate::quota::{Charge, Ledger, Part};
use crate::sys::{Arena, SharedMemory};
use crate::venus::{self, Call, CommandType, Malformed, Names, ObjectType, Reader, Slot};

/// The largest command with all that it points to: a shader module or the initial data of a pipeline cache.
pub(super) const COMMAND_BYTES_MAX: usize = 256 << 20;

/// What a command may take without being charged for.
const BYTES_FREE: usize = 1 << 20;

/// Commands that one client records before its other threads get their turn.
const RUN_MAX: usize = 64;

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
    pub(super) mappings: Part,
    pub(super) objects: Table,
    pub(super) allocations: Counted,
    /// Where the memory that guests map lies, if not in a file for each.
    pub(super) attached: Option<Attached>,
    pub(super) submits: Submits,
    pub(super) feedback: Feedback,
    pub(super) lost: Option<Reason>,
}

/// What a thread that executes commands has of its own.
pub struct Worker {
    /// Commands are decoded into it.
    arena: Arena,
    call: Call,
    /// Replies are appended to it; whoever reads it empties it.
    pub reply: Vec<u8>,
    named: Vec<Named>,
    /// For the command that it is at, if that takes more than [`BYTES_FREE`].
    charge: Option<Charge>,
    /// Hangs up when the client goes, on the thread that would see to that.
    client: Option<OwnedFd>,
}

impl Worker {
    /// A thread's own memory.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            arena: Arena::new(COMMAND_BYTES_MAX)?,
            call: Call::default(),
            reply: Vec::new(),
            named: Vec::new(),
            charge: None,
            client: None,
        })
    }

    /// The memory of the thread that ends its client when that hangs up, which this descriptor does then: unlike others
    /// nobody wakes this one when it waits.
    pub fn of_client(client: OwnedFd) -> io::Result<Self> {
        Ok(Self { client: Some(client), ..Self::new()? })
    }

    /// Gives back what a large command took. To be called when its reply was taken.
    #[inline]
    pub fn tidy(&mut self) {
        if self.charge.is_some() {
            self.arena.reset();
            self.reply = Vec::new();
            self.charge = None;
        }
    }

    /// How long to sleep at most before somebody must look whether the client is still there.
    pub(super) fn patience(&self) -> Duration {
        if self.client.is_some() { SLICE } else { Duration::MAX }
    }

    /// An error if nobody is there any more who waits for what this thread waits for.
    pub(super) fn check_client(&self) -> Result<(), Reason> {
        let Some(client) = &self.client else { return Ok(()) };
        let mut looks = [PollFd::new(client.as_fd(), PollFlags::empty())];
        _ = poll(&mut looks, PollTimeout::ZERO);
        let [look] = &looks;
        if look.any() == Some(true) { Err(Reason::Gone) } else { Ok(()) }
    }

    /// Where the command lies that is being executed, for the part of it that is done without the lock.
    pub(super) fn arena(&mut self) -> &mut Arena {
        &mut self.arena
    }
}

impl Context {
    /// A client that has made nothing yet. `name` stands in what is logged. What it maps lies in files of our own, or
    /// in a heap.
    pub fn new(
        gpu: Arc<Gpu>,
        ledger: Ledger,
        mappings: Part,
        leave: &Arc<Leave>,
        name: &str,
        heap: Option<&Arc<Imports>>,
    ) -> Arc<Self> {
        let attached = heap.map(|imports| Attached::new(Arc::clone(imports)));
        let feedback = attached.as_ref().map(|attached| Feedback::in_heap(attached.heap().clone()));
        let state = State {
            gpu,
            ledger,
            mappings,
            objects: Table::default(),
            allocations: Counted::default(),
            submits: Submits::new(Arc::clone(leave)),
            feedback: feedback.unwrap_or_default(),
            attached,
            lost: None,
        };
        let context = Arc::new(Self { name: name.to_owned(), state: Mutex::new(state) });
        leave.admit(&context);
        context
    }

    /// Reads a command, executes it and appends its reply, if the guest wants one. Commands that are recorded are
    /// executed in one go, with all of their like that follow. An error is a stream that cannot be read any further;
    /// all other wrongs are answered, or cost the guest its context.
    pub fn execute(self: &Arc<Self>, reader: &mut Reader<'_>, worker: &mut Worker) -> Result<(), Malformed> {
        let mut state = self.state();
        for _ in 0..RUN_MAX {
            let outcome = match read(&mut state, reader, worker)? {
                Ok(()) => {
                    let Worker { arena, call, named, .. } = &mut *worker;
                    let state = &mut *state;
                    let mut turn = Turn { context: self, state, arena, call, named, cursor: Cell::new(0) };
                    match turn.call.is_recorded() {
                        true => match recording::record(&mut turn) {
                            Ok(()) if !call.wants_reply() && recording::follows(reader) => continue,
                            recorded => recorded.map(|()| Outcome::Done(0)),
                        },
                        false => dispatch(&mut turn),
                    }
                }
                Err(fault) => Err(*fault),
            };
            drop(state);
            self.finish(outcome, worker);
            break;
        }
        Ok(())
    }

    fn finish(self: &Arc<Self>, outcome: Result<Outcome, Reason>, worker: &mut Worker) {
        let returned = match outcome {
            Ok(Outcome::Done(returned)) => Ok(returned),
            Ok(Outcome::Later(rest)) => rest(self, worker),
            Err(reason) => Err(reason),
        };
        let Worker { arena, call, reply, .. } = worker;
        let lost = || self::returned(vk::Result::ERROR_DEVICE_LOST);
        let returned = returned.unwrap_or_else(|reason| {
            self.lose(reason);
            if feedback::is_asked_for(call.command) {
                // The guest will wait for it.
                self.state().feedback.end_waits();
            }
            if call.returns_result() { lost() } else { 0 }
        });
        if call.returns_result() && returned == lost() && self.lost().is_none() {
            self.lose(Reason::DeviceLost(call.command));
        }
        if call.wants_reply() {
            venus::encode_reply(call, returned, arena, reply);
        }
    }

    /// Gives the client up: it executes nothing more. Only the first reason counts.
    pub fn lose(&self, reason: Reason) {
        let mut locked = self.state();
        let state = &mut *locked;
        if state.lost.is_none() {
            if !matches!(reason, Reason::Gone) {
                guest_warn!("{}: its device is lost: {reason}", self.name);
                state.feedback.lose(state.attached.iter().flat_map(Attached::untouched));
            }
            let by_driver = matches!(reason, Reason::DeviceLost(_));
            state.lost = Some(reason);
            let told = state.submits.lose();
            let leave = Arc::clone(state.submits.leave());
            drop(locked);
            told.into_iter().for_each(|done| done());
            if by_driver {
                leave.raise_alarm();
            }
        }
    }

    /// Tells of memory where the client's driver looks for what the GPU did, whenever there is more.
    pub fn tell_of_feedback(&self, witness: Witness) {
        self.state().feedback.tell(witness);
    }

    /// Ends waits in this memory too, now and when the client submits. The context is lost already. Of a `resource` in
    /// the heap it is forgotten when that is detached.
    pub fn end_waits_in(&self, resource: Option<u32>, memory: SharedMemory) {
        self.state().feedback.add(resource, memory);
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

/// Decodes a command, with the objects that it names.
#[inline]
fn read(
    state: &mut State,
    reader: &mut Reader<'_>,
    worker: &mut Worker,
) -> Result<Result<(), Box<Reason>>, Malformed> {
    let Worker { arena, call, named, charge, .. } = worker;
    arena.reset();
    named.clear();
    let mut lookup = Lookup { objects: &state.objects, named, fault: None };
    venus::decode_into(reader, arena, &mut lookup, call)?;
    if let Some(fault) = lookup.fault {
        return Ok(Err(fault));
    }
    if let Some(lost) = &state.lost {
        return Ok(Err(Box::new(lost.clone())));
    }
    if arena.used() > BYTES_FREE {
        // What a driver writes takes none of the stream, and the reply is as long again.
        *charge = match state.ledger.charge(2 * arena.used() as u64) {
            Ok(charge) => Some(charge),
            Err(over) => return Ok(Err(Box::new(Reason::GivenUp(format!("{:?}: {over}", call.command))))),
        };
    }
    Ok(Ok(()))
}

/// Finds the objects that a command names. What is wrong with them is kept until the command was read to its end,
/// for the next one starts there.
struct Lookup<'l> {
    objects: &'l Table,
    named: &'l mut Vec<Named>,
    fault: Option<Box<Reason>>,
}

impl Lookup<'_> {
    /// Names what has no handle: nothing, something else, or what could not be made.
    #[cold]
    fn strange(&mut self, command: CommandType, kind: ObjectType, id: u64, at: Slot) -> u64 {
        let found = self.objects.find(id).and_then(|place| Some((place, self.objects.at(place)?)));
        match found.filter(|(_, object)| object.kind == kind) {
            _ if self.fault.is_some() => {}
            None => self.fault = Some(Reason::UnknownHandle { command, kind, id }.into()),
            Some((place, object)) => match &object.data {
                Data::Tombstone(refusal) if !may_name_tombstone(command) => {
                    let refusal = refusal.clone();
                    self.fault = Some(Reason::Tombstone { command, kind, id, refusal }.into());
                }
                _ => self.named.push(Named { at, place }),
            },
        }
        0
    }
}

impl Names for Lookup<'_> {
    #[inline]
    fn handle(&mut self, command: CommandType, kind: ObjectType, id: u64, at: Slot) -> Option<u64> {
        let place = self.objects.find(id);
        let object = place.and_then(|place| self.objects.at(place));
        if let (Some(place), Some(object)) = (place, object)
            && object.kind == kind
            && object.handle != 0
            && self.fault.is_none()
        {
            self.named.push(Named { at, place });
            return Some(object.handle);
        }
        Some(self.strange(command, kind, id, at))
    }
}

/// Whether a command failed with this result, as it was returned.
pub(super) fn failed(returned: u64) -> bool {
    result_of(returned).as_raw() < 0
}
