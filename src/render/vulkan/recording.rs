//! Command buffers: what state they are in, and what was recorded into them, which they keep alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::context::failed;
use super::objects::Object;
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::venus::{CommandType, ObjectType};

/// Recordings are numbered over the whole process, so that no two have the same number.
static RECORDINGS: AtomicU64 = AtomicU64::new(0);

/// What is recorded into a command buffer.
#[derive(Default)]
pub(super) struct Recording {
    pub(super) state: State,
    number: u64,
    keeps: Vec<Arc<Object>>,
    /// What was recorded, once it is whole.
    pub(super) kept: Arc<Kept>,
}

/// The states of a command buffer, as the specification has them. Whether it is pending is counted in its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Initial,
    Recording,
    Executable,
    Invalid,
}

/// What a recorded command buffer needs.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) objects: Vec<Arc<Object>>,
}

impl Recording {
    /// A new one, for command buffers.
    pub(super) fn for_object(object: &Object) -> Option<Self> {
        (object.kind == ObjectType::CommandBuffer).then(Self::default)
    }

    /// Starts anew.
    pub(super) fn begin(&mut self) {
        self.reset();
        self.state = State::Recording;
        self.number = RECORDINGS.fetch_add(1, Ordering::Relaxed) + 1;
    }

    /// Keeps an object until the command buffer is begun or reset again.
    pub(super) fn keep(&mut self, object: &Arc<Object>) {
        if object.first_in(self.number) {
            self.keeps.push(Arc::clone(object));
        }
    }

    /// Ends it, well or not.
    pub(super) fn end(&mut self, state: State) {
        self.state = state;
        self.kept = Arc::new(Kept { objects: std::mem::take(&mut self.keeps) });
    }

    /// Forgets what was recorded.
    pub(super) fn reset(&mut self) {
        self.state = State::Initial;
        self.keeps.clear();
        self.kept = Arc::default();
    }
}

/// Whether a command is recorded into a command buffer.
pub(super) fn is_recorded(command: CommandType) -> bool {
    RECORDED.with(|recorded| recorded.get(usize::from(command as u16)).copied().unwrap_or_default())
}

thread_local! {
    /// The commands whose names start with Cmd, by number.
    static RECORDED: Vec<bool> = (0..512)
        .map(|number| CommandType::from_number(number).is_some_and(|command| format!("{command:?}").starts_with("Cmd")))
        .collect();
}

/// vkBeginCommandBuffer.
pub(super) fn begin(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    start(turn)?;
    let result = turn.pass()?;
    if !failed(result) {
        turn.recording()?.1.begin();
    }
    Ok(Outcome::Done(result))
}

/// vkResetCommandBuffer.
pub(super) fn reset(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    start(turn)?;
    turn.pass().map(Outcome::Done)
}

fn start(turn: &mut Turn<'_>) -> Result<(), Reason> {
    let (buffer, recording) = turn.recording()?;
    if buffer.is_pending() {
        return Err(turn.invalid("the command buffer is still in use by a submission"));
    }
    recording.reset();
    Ok(())
}

/// vkEndCommandBuffer.
pub(super) fn end(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    if turn.recording()?.1.state != State::Recording {
        return Err(turn.invalid("the command buffer is not being recorded"));
    }
    let result = turn.pass()?;
    let state = if failed(result) { State::Invalid } else { State::Executable };
    turn.recording()?.1.end(state);
    Ok(Outcome::Done(result))
}

/// Every vkCmd…: keeps what it names, and passes it on.
pub(super) fn record(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let (named, objects) = (turn.named, &mut turn.state.objects);
    let Some((first, others)) = named.split_first() else {
        return Err(turn.invalid("it names no command buffer"));
    };
    for other in others {
        let Some(object) = objects.at(other.place).cloned() else { continue };
        if let Some((_, recording)) = objects.recording(first.place) {
            recording.keep(&object);
        }
    }
    match objects.recording(first.place) {
        Some((_, recording)) if recording.state == State::Recording => turn.pass().map(Outcome::Done),
        _ => Err(turn.invalid("the command buffer is not being recorded")),
    }
}
