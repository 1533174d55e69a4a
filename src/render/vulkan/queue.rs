//! Queues, and what is on its way to them: commands that submit, or wait for what was submitted.
//!
//! What the GPU may get now is given to it by the thread that brings it, with no copy and no other thread. What must
//! wait takes the arena that it was decoded into along, so whatever its chains hold stays where it is.

mod counter;
mod get;
mod looking;
mod payload;
mod submission;
mod waiting;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vulkanalia_sys as vk;

use super::context::{COMMAND_BYTES_MAX, State};
use super::driver::{Failure, result_of};
use super::gate::{Batch, Gate, QueueNumber, Step, TooManyWait};
use super::leave::Leave;
use super::objects::{Data, Object, Pending};
use super::reason::Reason;
use super::recording::Running;
use super::sync::{self, FenceState};
use super::timelines::{Done, Timeline};
use super::turn::{Outcome, Turn};
use crate::quota::Charge;
use crate::sys::{Address, Arena};
use crate::venus::{CommandType, ObjectType};
pub(super) use counter::Counter;
pub(super) use get::get;
pub(super) use payload::turn_semaphore;
use submission::Infos;
pub(super) use waiting::wait_idle;

/// How long a driver sleeps on behalf of a guest before we look whether its context is lost.
pub(super) const SLICE: Duration = Duration::from_secs(1);

/// What descriptor sets may let go while submissions wait, before that is no driver's way any more.
const LIMBO_MAX: usize = 1 << 20;

/// Submissions that share a signal.
const OWED_MAX: u32 = 31;

/// What may be kept for longer than the GPU needs it, before we look.
const PENDING_MAX: usize = 256;

/// What a queue may be given while the GPU is busy, before its guest waits with us.
const GIVEN_MAX: usize = 1 << 16;

/// What a context has given to the GPU, and what waits.
pub(super) struct Submits {
    gate: Gate<Work>,
    leave: Arc<Leave>,
    queues: BTreeMap<QueueNumber, Arc<Object>>,
    numbers: u64,
    /// How often something was given to the GPU, or waits for that.
    count: u64,
    /// Told whenever more was given to the GPU, or the context is lost.
    changed: Arc<Condvar>,
    /// What descriptor sets let go while submissions waited that may need it.
    limbo: Vec<Arc<Object>>,
    /// Who waits for that.
    sleepers: usize,
    /// Empty between submissions; its memory is kept.
    needs: Vec<Need>,
}

impl Submits {
    /// What all of it is under.
    pub(super) fn leave(&self) -> &Arc<Leave> {
        &self.leave
    }

    /// Nothing, under this leave.
    pub(super) fn new(leave: Arc<Leave>) -> Self {
        let asked = Arc::clone(&leave);
        Self {
            gate: Gate::new(Box::new(move || asked.is_given())),
            leave,
            queues: BTreeMap::new(),
            numbers: 0,
            count: 1,
            changed: Arc::default(),
            sleepers: 0,
            limbo: Vec::new(),
            needs: Vec::new(),
        }
    }
}

/// What we know of a VkQueue.
pub(super) struct Queue {
    number: QueueNumber,
    family: u32,
    index: u32,
    /// The driver's handle.
    handle: u64,
    /// Its name on the control queue; 0 without one.
    ring_index: u32,
    timeline: Timeline,
    counter: Arc<Counter>,
    given: Mutex<Given>,
}

/// What a queue was given.
#[derive(Default)]
struct Given {
    /// The counter's value when all of it is done.
    last: u64,
    /// Submissions up to that value that nothing signals yet. A signal takes a batch of its own, so those that the
    /// guest cannot see the end of either share one.
    owed: u32,
    /// What is not known to be done, in order.
    pending: VecDeque<Awaited>,
}

/// What is needed until the counter shows a value.
// The order is that in which both are written, in one go each.
#[repr(C)]
struct Awaited {
    need: Need,
    value: u64,
}

/// Something that a submission needs until it is done.
#[allow(dead_code, reason = "it is kept, not used")]
enum Need {
    Object(Pending),
    Running(Running),
    Fence(Arc<Object>),
    /// A descriptor set let it go while something was on the GPU that may use it.
    Former(Arc<Object>),
}

/// What waits in a FIFO.
struct Work {
    queue: Arc<Object>,
    what: What,
}

enum What {
    Submission(Box<Held>),
    /// Somebody wants to know when the queue has come here.
    Mark(Done),
}

/// A submission that waits, with the memory that it lies in.
struct Held {
    infos: Infos,
    arena: Arena,
    fence: Option<Arc<Object>>,
    needs: Vec<Need>,
    _charge: Charge,
}

impl Given {
    /// Keeps what is needed until all is done that the queue was given.
    fn keep(&mut self, fence: Option<Arc<Object>>, needs: impl Iterator<Item = Need>) {
        // The fence comes last: it may be signalled a moment after the counter, and must not hold up the rest.
        for need in needs {
            self.pending.push_back(Awaited { need, value: self.last });
        }
        if let Some(fence) = fence {
            self.pending.push_back(Awaited { need: Need::Fence(fence), value: self.last });
        }
    }
}

impl Queue {
    fn given(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives batches to the driver; with the last ones goes the fence. `seen`: the guest will know by a semaphore when
    /// they are done. Until then what they need is kept.
    fn give(
        &self,
        infos: Infos,
        batches: Range<usize>,
        seen: bool,
        (fence, needs): (Option<Arc<Object>>, &mut Vec<Need>),
        arena: &mut Arena,
    ) -> Result<(), Reason> {
        let mut given = self.given();
        let value = given.last + u64::from(given.owed == 0);
        let is_whole = batches.start == 0 && batches.len() as u64 == infos.count;
        let signals = seen || fence.is_some() || !is_whole || given.owed >= OWED_MAX;
        let part = match signals {
            true => submission::part(infos, batches, (self.counter.handle(), value), arena)
                .map_err(|_| Reason::TooLarge(infos.command))?,
            false => infos,
        };
        let fence_handle = fence.as_ref().map_or(0, |fence| fence.handle);
        let arguments = [self.handle, part.count, part.at, fence_handle];
        let returned = self.counter.functions().call(infos.command, &arguments);
        // The guest was told, or will think, that it worked. So it must.
        match result_of(returned.ok_or(Reason::NotOffered(infos.command))?) {
            vk::Result::SUCCESS => {}
            vk::Result::ERROR_DEVICE_LOST => return Err(Reason::DeviceLost(infos.command)),
            other => {
                let why = format!("{:?}: the host's driver answers {other:?}", infos.command);
                return Err(Reason::GivenUp(why));
            }
        }
        given.last = value;
        given.owed = if signals { 0 } else { given.owed + 1 };
        if let Some(fence) = &fence {
            sync::fence_is(fence, FenceState::Given(self.number, value));
        }
        given.keep(fence, needs.drain(..));
        let many = given.pending.len() > PENDING_MAX;
        drop(given);
        if many { self.make_room().map_err(|_| Reason::DeviceLost(infos.command)) } else { Ok(()) }
    }

    /// What the counter shows when all is done that the queue was given, and will show for sure.
    fn last(&self) -> Result<u64, Failure> {
        let mut given = self.given();
        if given.owed > 0 {
            self.counter.signal(self.handle, given.last)?;
            given.owed = 0;
        }
        Ok(given.last)
    }

    /// Whether all is done that it was given.
    fn is_done(&self) -> bool {
        self.last().is_ok_and(|last| self.counter.value().is_ok_and(|value| value >= last))
    }

    /// Waits until all is done that it was given. What is on the GPU ends: see gate.rs.
    fn finish(&self) {
        _ = match self.last() {
            Ok(last) => self.counter.wait(last, None).is_ok(),
            Err(_) => self.counter.functions().call(CommandType::QueueWaitIdle, &[self.handle]).is_some(),
        };
    }

    /// Bounds what is kept for submissions, at the price of the guest's time.
    #[cold]
    fn make_room(&self) -> Result<(), Failure> {
        self.reap()?;
        if self.given().pending.len() > GIVEN_MAX {
            _ = self.last().and_then(|last| self.counter.wait(last, Some(SLICE)));
        }
        Ok(())
    }

    /// Lets go of what is done.
    fn reap(&self) -> Result<(), Failure> {
        if self.given().pending.is_empty() {
            return Ok(());
        }
        let done = self.counter.value()?;
        let mut given = self.given();
        while let Some(Awaited { need, value }) = given.pending.front() {
            // The fence is signalled a moment after the counter is; drivers touch it until then.
            let in_use = matches!(need, Need::Fence(fence)
                if sync::settle(fence) == FenceState::Given(self.number, *value));
            if *value > done || in_use {
                break;
            }
            given.pending.pop_front();
        }
        Ok(())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // What the GPU still reads or signals outlives it.
        self.finish();
    }
}

fn queue_of(object: &Object) -> Option<&Queue> {
    match &object.data {
        Data::Queue(queue) => Some(queue),
        _ => None,
    }
}

impl Submits {
    /// A queue of a device that can copy, for commands of ours, and its family.
    pub(super) fn any_queue(&self, device: &Arc<Object>) -> Option<(u64, u32)> {
        let object = self.of_device(device).next()?;
        Some((object.handle, queue_of(object)?.family))
    }

    fn of_device<'s>(&'s self, device: &'s Arc<Object>) -> impl Iterator<Item = &'s Arc<Object>> {
        self.queues.values().filter(move |queue| Arc::ptr_eq(queue.device(), device))
    }

    /// Keeps what a descriptor set lets go while submissions use that, until the GPU is done with all that it was given
    /// and what waits is given.
    pub(super) fn outlive(&mut self, object: Arc<Object>) -> Result<(), Reason> {
        if !object.first_after(self.count) {
            return Ok(());
        }
        if self.gate.waiting() > 0 {
            self.limbo.push(object);
            let few = self.limbo.len() <= LIMBO_MAX;
            return few.then_some(()).ok_or_else(|| {
                let why = "descriptors were replaced while a submission waits for what nothing signals";
                Reason::GivenUp(format!("more than {LIMBO_MAX} {why}"))
            });
        }
        for queue in self.of_device(object.device()).filter_map(|queue| queue_of(queue)) {
            queue.given().keep(None, std::iter::once(Need::Former(Arc::clone(&object))));
        }
        Ok(())
    }

    /// Waits until the GPU is done with all that the queues of a device were given.
    fn finish(&self, device: &Arc<Object>) {
        self.of_device(device).filter_map(|queue| queue_of(queue)).for_each(Queue::finish);
    }

    /// Forgets the queues of a device that is destroyed, with what waits for them.
    pub(super) fn forget(&mut self, device: &Arc<Object>) {
        let numbers: Vec<_> =
            self.of_device(device).filter_map(|queue| Some(queue_of(queue)?.number)).collect();
        self.finish(device);
        for number in numbers {
            let held = [self.gate.forget(number), self.gate.forget(internal(number))];
            let marks = self.keep(held.into_iter().flatten());
            let object = self.queues.remove(&number);
            if let Some(queue) = object.as_deref().and_then(queue_of) {
                // The queue has come further; its thread tells them before it ends.
                marks.into_iter().for_each(|done| _ = queue.timeline.mark(0, done));
            }
        }
    }

    /// Of a lost context nothing goes to the GPU any more. Who waits for a queue is told: run what is returned, without
    /// the context's lock.
    pub(super) fn lose(&mut self) -> Vec<Done> {
        let held = self.gate.clear();
        let mut told = self.keep(held.into_iter());
        told.extend(
            self.queues.values().filter_map(|queue| queue_of(queue)).flat_map(|queue| queue.timeline.take()),
        );
        self.wake();
        told
    }

    /// Wakes whoever sleeps until something is given to the GPU or signalled by the host.
    pub(super) fn wake(&self) {
        if self.sleepers > 0 {
            self.changed.notify_all();
        }
    }

    /// Keeps what submissions need of which parts may be on the GPU, although the rest will not go there.
    fn keep(&mut self, held: impl Iterator<Item = Work>) -> Vec<Done> {
        let mut marks = Vec::new();
        for work in held {
            match work.what {
                What::Mark(done) => marks.push(done),
                What::Submission(held) => {
                    let Some(queue) = queue_of(&work.queue) else { continue };
                    queue.given().keep(None, held.needs.into_iter());
                }
            }
        }
        marks
    }

    /// Lets go of what the GPU is done with.
    pub(super) fn reap(&self) -> Result<(), Failure> {
        let mut queues = self.queues.values().filter_map(|queue| queue_of(queue));
        queues.try_for_each(|queue| queue.last().and_then(|_| queue.reap()))
    }
}

impl Drop for Submits {
    fn drop(&mut self) {
        self.lose().into_iter().for_each(|done| done());
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // Objects go before queues, and nothing keeps what the GPU may still read by its address.
        self.submits.queues.values().filter_map(|queue| queue_of(queue)).for_each(Queue::finish);
    }
}

/// Lets others have their turn until something was given to the GPU or signalled, or the context is lost.
pub(super) fn sleep(mut state: MutexGuard<'_, State>, at_most: Duration) -> MutexGuard<'_, State> {
    state.submits.sleepers += 1;
    let changed = Arc::clone(&state.submits.changed);
    let (mut state, _) = changed.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner);
    state.submits.sleepers -= 1;
    state
}

/// Lets go of what the GPU is done with. To be called before it is said that something is in use.
pub(super) fn reap(state: &State) {
    _ = state.submits.reap();
}

/// Whether the GPU is done with an object that a guest says it is done with, or soon will be. Not if a submission of it
/// still waits to be given.
///
/// A guest may see a semaphore of its own signalled a moment before ours, which stands behind it.
pub(super) fn is_idle(state: &State, object: &Arc<Object>) -> bool {
    if object.is_pending() {
        reap(state);
    }
    for queue in state.submits.queues.values().filter_map(|queue| queue_of(queue)) {
        if !object.is_pending() {
            break;
        }
        _ = queue.last().and_then(|last| queue.counter.wait(last, Some(SLICE)));
        _ = queue.reap();
    }
    !object.is_pending()
}

/// Gives the GPU what was waiting and may go now. To be called after whatever may have set something free.
pub(super) fn advance(state: &mut State) -> Result<(), Reason> {
    let mut moved = false;
    while let Some(step) = state.submits.gate.next() {
        moved = true;
        match step {
            Step::Part(_, batches, Work { queue, what: What::Submission(held) }) => {
                let Held { infos, arena, .. } = &mut **held;
                if let Some(queue) = queue_of(queue) {
                    queue.give(*infos, batches, true, (None, &mut Vec::new()), arena)?;
                }
            }
            Step::Part(..) => {}
            Step::Last(_, batches, Work { queue, what }) => {
                state.submits.leave.goes();
                let finished = finish(&queue, batches, what);
                state.submits.leave.went();
                finished?;
            }
        }
    }
    if moved {
        state.submits.wake();
        state.submits.count += 1;
        let limbo = std::mem::take(&mut state.submits.limbo);
        limbo.into_iter().try_for_each(|object| state.submits.outlive(object))?;
    }
    Ok(())
}

/// Gives the last part of what waited.
fn finish(object: &Arc<Object>, batches: Range<usize>, what: What) -> Result<(), Reason> {
    let Some(queue) = queue_of(object) else { return Ok(()) };
    match what {
        What::Submission(held) => {
            let Held { infos, mut arena, fence, mut needs, .. } = *held;
            let batches = if batches.start == 0 { infos.all() } else { batches };
            queue.give(infos, batches, true, (fence, &mut needs), &mut arena)
        }
        What::Mark(done) => {
            let last = queue.last();
            let marked = queue.timeline.mark(last.unwrap_or(u64::MAX), done);
            marked.map_err(|error| {
                Reason::GivenUp(format!("nobody can be told when the queue is done: {error}"))
            })?;
            // All marks of a lost context are told.
            last.map(drop).map_err(|_| Reason::DeviceLost(CommandType::QueueSubmit))
        }
    }
}

/// vkQueueSubmit and vkQueueSubmit2.
#[inline(never)]
pub(super) fn submit(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let fence = turn.argument(3).cloned();
    if let Some(fence) = &fence
        && sync::settle(fence) != FenceState::Unsignalled
    {
        return Err(turn.invalid("its fence is signalled, or another submission's"));
    }
    let infos = Infos { command: turn.command(), count: turn.call.arg(1), at: turn.call.arg(2) };
    let batches = match find_needs(turn)? {
        true => read(turn, infos)?,
        false => Vec::new(),
    };
    let named = turn.named.first().and_then(|named| turn.state.objects.at(named.place));
    let (object, queue) = named
        .and_then(|object| Some((object, queue_of(object)?)))
        .ok_or(Reason::Invalid { command: infos.command, rule: "it names no queue" })?;
    turn.state.submits.count += 1;
    match turn.state.submits.gate.admit(queue.number, &batches) {
        Some(gone) if gone == batches.len() => {
            let seen = batches.iter().any(|batch| !batch.signals.is_empty());
            let needs = &mut turn.state.submits.needs;
            turn.state.submits.leave.goes();
            let given = queue.give(infos, infos.all(), seen, (fence, needs), turn.arena);
            turn.state.submits.leave.went();
            given?;
            turn.state.submits.wake();
        }
        gone => {
            let gone = gone.unwrap_or_default();
            if gone > 0 {
                // The whole waits with all that it needs.
                queue.give(infos, 0..gone, true, (None, &mut Vec::new()), turn.arena)?;
            }
            let (object, number) = (Arc::clone(object), queue.number);
            hold(turn, (object, number), (batches, gone), infos, fence)?;
        }
    }
    advance(turn.state)?;
    Ok(Outcome::Done(0))
}

/// What the batches of a submission wait for and signal.
fn read(turn: &Turn<'_>, infos: Infos) -> Result<Vec<Batch>, Reason> {
    let find = |at: Address| match &turn.at(at)?.data {
        Data::Semaphore(semaphore) => Some(Arc::clone(semaphore)),
        _ => None,
    };
    submission::batches(infos, turn.arena, &find).map_err(|bad| match bad {
        submission::BadSubmission::NoValue => turn.invalid("a timeline semaphore has no value"),
        submission::BadSubmission::Astray => {
            turn.invalid("a structure or semaphore is NULL that must not be")
        }
    })
}

/// Lists what a submission needs until it is done, beside its fence; its command buffers must be ready. Whether there
/// are semaphores: without any, all of its batches may go when one may.
fn find_needs(turn: &mut Turn<'_>) -> Result<bool, Reason> {
    let (command, device) = (turn.command(), turn.first()?.device_handle);
    let invalid = |rule| Reason::Invalid { command, rule };
    let mut has_semaphores = false;
    for named in turn.named.iter().skip(1) {
        let State { objects, submits, .. } = &mut *turn.state;
        let Some(object) = objects.at(named.place) else { continue };
        if object.device_handle != device {
            return Err(invalid("it names what is another device's"));
        }
        if object.kind != ObjectType::CommandBuffer {
            has_semaphores |= object.kind == ObjectType::Semaphore;
            submits.needs.push(Need::Object(Pending::new(object)));
            continue;
        }
        // Only what must not run twice is waited for: others are sent again so that the GPU never stands still.
        if object.is_pending() {
            let object = Arc::clone(object);
            let recording = turn.state.objects.recording(named.place);
            if !recording.is_some_and(|(_, recording)| recording.is_simultaneous()) {
                _ = is_idle(turn.state, &object);
            }
        }
        let State { objects, submits, .. } = &mut *turn.state;
        if let Some((buffer, recording)) = objects.recording(named.place) {
            submits.needs.push(Need::Running(recording.submit(buffer).map_err(invalid)?));
        }
    }
    Ok(has_semaphores)
}

/// Has a submission wait, with the arena that it lies in.
fn hold(
    turn: &mut Turn<'_>,
    (queue, number): (Arc<Object>, QueueNumber),
    (batches, gone): (Vec<Batch>, usize),
    infos: Infos,
    fence: Option<Arc<Object>>,
) -> Result<(), Reason> {
    let needs = std::mem::take(&mut turn.state.submits.needs);
    let new = Arena::new(COMMAND_BYTES_MAX).map_err(|_| Reason::TooLarge(turn.command()))?;
    let mut arena = std::mem::replace(turn.arena, new);
    arena.trim();
    let charge = turn.state.ledger.charge(arena.used() as u64);
    let _charge = charge.map_err(|over| Reason::GivenUp(format!("submissions that wait: {over}")))?;
    if let Some(fence) = &fence {
        sync::fence_is(fence, FenceState::Held);
    }
    let held = Box::new(Held { infos, arena, fence, needs, _charge });
    let work = Work { queue, what: What::Submission(held) };
    let held = turn.state.submits.gate.hold(number, batches, gone, work);
    turn.state.submits.leave.tell(Leave::WAITS);
    held.map_err(|_| Reason::GivenUp(TooManyWait.to_string()))
}

/// The FIFO of our own commands on a queue, which do not wait behind the guest's.
fn internal(number: QueueNumber) -> QueueNumber {
    QueueNumber(number.0 | 1 << 63)
}
