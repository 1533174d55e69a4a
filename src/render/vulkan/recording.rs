//! Command buffers: what state they are in, and what was recorded into them, which they keep alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vulkanalia_sys as vk;

use super::checks;
use super::context::failed;
use super::driver::returned;
use super::objects::{Data, Object};
use super::queue;
use super::reason::Reason;
use super::resources;
use super::table::{Place, Table};
use super::turn::{Outcome, Turn};
use crate::quota::{Charge, Ledger};
use crate::venus::{ObjectType, Reader};

/// Recordings are numbered over the whole process, so that no two have the same number.
static RECORDINGS: AtomicU64 = AtomicU64::new(0);

/// What is recorded into a command buffer.
#[derive(Default)]
pub(super) struct Recording {
    pub(super) state: State,
    /// It may be submitted again while it runs.
    simultaneous: bool,
    /// It may be submitted once.
    once: bool,
    number: u64,
    keeps: Vec<Arc<Object>>,
    expires: Vec<(Arc<Object>, u64)>,
    executes: Vec<Arc<Kept>>,
    /// What was recorded, once it is whole.
    kept: Arc<Kept>,
    /// What the driver keeps of it. Drivers go on to keep it for the next recording, so it is given back with the
    /// command buffer.
    charge: Option<Charge>,
    /// Bytes of the charge that this recording has not used.
    room_bytes: u64,
}

/// About what a command costs the host beside what it points to.
const COMMAND_BYTES: u64 = 192;
/// What a command buffer is charged at first; then it doubles.
const CHARGE_BYTES: u64 = 16 << 10;

/// The states of a command buffer, as the specification has them. Whether it is pending is counted in its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Initial,
    Recording,
    /// Recording, and beyond the limit of what the host keeps: its end is an error.
    Full,
    Executable,
    Invalid,
}

/// What a recorded command buffer needs, itself included.
#[derive(Default)]
pub(super) struct Kept {
    _objects: Vec<Arc<Object>>,
    /// Descriptor sets, their pools and secondary command buffers, as they were: once they are not, the recording is
    /// worth nothing.
    expires: Vec<(Arc<Object>, u64)>,
    /// What the secondary command buffers need, which may be freed and whose names may be gone.
    _executes: Vec<Arc<Kept>>,
    /// The command buffer, its pool, the sets, pools and command buffers that it uses.
    in_use: Vec<Arc<Object>>,
}

/// What the GPU needs as long as a command buffer runs. It is dropped under the lock of the context.
pub(super) struct Running(Arc<Kept>);

impl Running {
    fn new(kept: &Arc<Kept>) -> Self {
        let running = Self(Arc::clone(kept));
        running.0.in_use.iter().for_each(|object| object.begin_use());
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.in_use.iter().for_each(|object| object.end_use());
    }
}

impl Recording {
    /// A new one, for command buffers.
    pub(super) fn for_object(object: &Object) -> Option<Self> {
        (object.kind == ObjectType::CommandBuffer).then(Self::default)
    }

    /// Starts anew.
    fn begin(&mut self, usage: vk::CommandBufferUsageFlags) {
        self.state = State::Recording;
        self.number = RECORDINGS.fetch_add(1, Ordering::Relaxed) + 1;
        self.simultaneous = usage.contains(vk::CommandBufferUsageFlags::SIMULTANEOUS_USE);
        self.once = usage.contains(vk::CommandBufferUsageFlags::ONE_TIME_SUBMIT);
        self.room_bytes = self.charge.as_ref().map_or(0, Charge::bytes);
    }

    /// Charges for more commands; whether that is within the limit.
    #[cold]
    fn extend(&mut self, ledger: &Ledger, bytes: u64) -> bool {
        let charged = self.charge.as_ref().map_or(0, Charge::bytes);
        let more = charged.max(CHARGE_BYTES).max(bytes);
        let extended = match &mut self.charge {
            Some(charge) => charge.grow(more).is_ok(),
            none => ledger.overhead().charge(more).map(|charge| *none = Some(charge)).is_ok(),
        };
        match extended {
            true => self.room_bytes += more - bytes,
            false => self.state = State::Full,
        }
        extended
    }

    /// Whether it may be submitted again while it runs.
    pub(super) fn is_simultaneous(&self) -> bool {
        self.simultaneous
    }

    /// Keeps an object until the command buffer is begun or reset again.
    fn keep(&mut self, object: &Arc<Object>) {
        if !object.first_in(self.number) {
            return;
        }
        match (object.kind, &object.parent) {
            (ObjectType::DescriptorSet, Some(pool)) => {
                if pool.first_in(self.number) {
                    self.depend(pool);
                }
                return self.depend(object);
            }
            (ObjectType::CommandBuffer, _) => return self.depend(object),
            _ => {}
        }
        add(&mut self.keeps, Arc::clone(object), Arc::as_ptr);
    }

    /// Keeps an object, and what it is now.
    fn depend(&mut self, object: &Arc<Object>) {
        let now = (Arc::clone(object), object.version());
        add(&mut self.expires, now, |(object, version)| (Arc::as_ptr(object), *version));
    }

    fn end(&mut self, buffer: &Arc<Object>, state: State) {
        self.state = state;
        let executes = std::mem::take(&mut self.executes);
        let mut expires = std::mem::take(&mut self.expires);
        expires.extend(executes.iter().flat_map(|kept| &kept.expires).cloned());
        let in_use = expires.iter().map(|(object, _)| object).chain([buffer]).chain(&buffer.parent);
        self.kept = Arc::new(Kept {
            in_use: in_use.cloned().collect(),
            _objects: std::mem::take(&mut self.keeps),
            expires,
            _executes: executes,
        });
    }

    /// Forgets what was recorded.
    pub(super) fn reset(&mut self, buffer: &Object) {
        buffer.renew();
        self.state = State::Initial;
        self.keeps.clear();
        self.expires.clear();
        self.executes.clear();
        self.kept = Arc::default();
    }

    /// Takes a submission of it. The error is the rule that the guest breaks.
    pub(super) fn submit(&mut self, buffer: &Arc<Object>) -> Result<Running, &'static str> {
        if matches!(buffer.data, Data::CommandBuffer { secondary: true }) {
            return Err("a secondary command buffer is submitted");
        }
        self.check_executable(buffer)?;
        if self.once {
            self.state = State::Invalid;
        }
        Ok(Running::new(&self.kept))
    }

    /// Whether it can be submitted, or executed from another one.
    fn check_executable(&self, buffer: &Object) -> Result<(), &'static str> {
        if self.state != State::Executable {
            return Err("a command buffer is not executable");
        }
        if buffer.is_pending() && !self.simultaneous {
            return Err("a command buffer runs already and was not begun for simultaneous use");
        }
        if self.kept.expires.iter().any(|(object, version)| object.version() != *version) {
            return Err("what a command buffer uses was reset after it was recorded");
        }
        Ok(())
    }
}

/// Adds to a list what may stand in it already: two recordings by turns make each other forget what they have kept.
fn add<T, K: Ord>(list: &mut Vec<T>, one: T, key: impl Fn(&T) -> K) {
    if list.len() == list.capacity() {
        list.sort_unstable_by_key(&key);
        list.dedup_by_key(|kept| key(kept));
    }
    list.push(one);
}

/// Whether the next command is recorded.
pub(super) fn follows(reader: &Reader<'_>) -> bool {
    matches!(reader.peek(), Some(Ok(command)) if command.is_recorded())
}

/// vkBeginCommandBuffer.
pub(super) fn begin(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let usage = turn.get::<vk::CommandBufferBeginInfo>(turn.call.arg(1))?.flags;
    start(turn)?;
    let result = turn.pass()?;
    if !failed(result) {
        turn.recording()?.1.begin(usage);
    }
    Ok(Outcome::Done(result))
}

/// vkResetCommandBuffer.
pub(super) fn reset(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    start(turn)?;
    turn.pass().map(Outcome::Done)
}

fn start(turn: &mut Turn<'_>) -> Result<(), Reason> {
    if !queue::is_idle(turn.state, turn.first()?) {
        return Err(turn.invalid("the command buffer is still in use by a submission"));
    }
    let (buffer, recording) = turn.recording()?;
    let resets =
        buffer.parent.as_ref().is_some_and(|pool| matches!(pool.data, Data::CommandPool { resets: true }));
    if recording.state != State::Initial && !resets {
        return Err(turn.invalid("the command buffer is of a pool that is only reset as a whole"));
    }
    recording.reset(buffer);
    Ok(())
}

/// vkEndCommandBuffer.
pub(super) fn end(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let full = match turn.recording()?.1.state {
        State::Recording => false,
        State::Full => true,
        _ => return Err(turn.invalid("the command buffer is not being recorded")),
    };
    let mut result = turn.pass()?;
    if full {
        result = returned(vk::Result::ERROR_OUT_OF_HOST_MEMORY);
    }
    let state = if failed(result) { State::Invalid } else { State::Executable };
    let (buffer, recording) = turn.recording()?;
    recording.end(buffer, state);
    Ok(Outcome::Done(result))
}

/// Every vkCmd…: looks at what a driver would not, keeps what it names, and passes it on.
pub(super) fn record(turn: &mut Turn<'_>) -> Result<(), Reason> {
    checks::check(turn)?;
    let (command, named) = (turn.call.command, turn.named);
    let bytes = COMMAND_BYTES + turn.arena.used() as u64;
    let (objects, ledger) = (&mut turn.state.objects, &turn.state.ledger);
    let invalid = |rule| Reason::Invalid { command, rule };
    let Some((first, others)) = named.split_first() else {
        return Err(invalid("it names no command buffer"));
    };
    let number = match objects.recording(first.place) {
        Some((_, recording)) if recording.state == State::Recording => {
            match recording.room_bytes.checked_sub(bytes) {
                Some(left) => recording.room_bytes = left,
                None if recording.extend(ledger, bytes) => {}
                None => return Ok(()),
            }
            recording.number
        }
        Some((_, recording)) if recording.state == State::Full => return Ok(()),
        _ => return Err(invalid("the command buffer is not being recorded")),
    };
    for other in others {
        // Most of what is named was named before.
        if objects.at(other.place).is_some_and(|object| object.last_recording() != number) {
            keep(objects, first.place, other.place).map_err(invalid)?;
        }
    }
    turn.pass().map(drop)
}

fn keep(objects: &mut Table, buffer: Place, other: Place) -> Result<(), &'static str> {
    let Some(object) = objects.at(other).cloned() else { return Ok(()) };
    if resources::is_unbound(&object) {
        return Err("a buffer or an image is bound to no memory");
    }
    let executed = objects.recording(other).map(|(_, recording)| Arc::clone(&recording.kept));
    if let Some((_, recording)) = objects.recording(buffer) {
        recording.keep(&object);
        recording.executes.extend(executed);
    }
    Ok(())
}

/// vkCmdExecuteCommands: what it executes must be recorded to its end, and be secondary.
pub(super) fn check_secondaries(turn: &mut Turn<'_>) -> Result<(), Reason> {
    let (named, command) = (turn.named, turn.command());
    let invalid = |rule| Reason::Invalid { command, rule };
    if matches!(turn.first()?.data, Data::CommandBuffer { secondary: true }) {
        return Err(invalid("a secondary command buffer executes others"));
    }
    for named in named.iter().skip(1) {
        let place = turn.state.objects.recording(named.place);
        let (buffer, recording) = place.ok_or(invalid("it executes no command buffer"))?;
        if !matches!(buffer.data, Data::CommandBuffer { secondary: true }) {
            return Err(invalid("it executes a primary command buffer"));
        }
        recording.check_executable(buffer).map_err(invalid)?;
    }
    Ok(())
}
