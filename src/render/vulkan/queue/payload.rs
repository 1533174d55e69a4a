//! Payloads of binary semaphores that the guest hands over: our own commands on its queues.

use std::sync::Arc;

use super::submission;
use super::{Held, Need, What, Work, advance, internal, queue_of};
use crate::render::vulkan::gate::{Batch, TooManyWait};
use crate::render::vulkan::objects::{Data, Object, Pending};
use crate::render::vulkan::reason::Reason;
use crate::render::vulkan::turn::Turn;
use crate::sys::Arena;

/// Has any queue of a device wait for a binary semaphore, or signal it, as a batch of its own.
pub(in crate::render::vulkan) fn turn_semaphore(
    turn: &mut Turn<'_>,
    semaphore: &Arc<Object>,
    signal: bool,
) -> Result<(), Reason> {
    let Data::Semaphore(state) = &semaphore.data else { return Err(turn.invalid("it names no semaphore")) };
    let batch = match (state.is_timeline(), signal) {
        (true, _) => return Err(turn.invalid("a timeline semaphore has no payload to hand over")),
        (_, true) => Batch { signals: vec![(Arc::clone(state), 0)], ..Default::default() },
        (_, false) => Batch { waits: vec![(Arc::clone(state), 0)], ..Default::default() },
    };
    let found = turn.state.submits.of_device(semaphore.device()).next().cloned();
    let object = found.ok_or(turn.invalid("the device has no queue yet"))?;
    let Some(queue) = queue_of(&object) else { return Ok(()) };
    let too_large = |_| Reason::TooLarge(turn.call.command);
    let mut arena = Arena::new(1 << 16).map_err(|_| Reason::TooLarge(turn.call.command))?;
    let infos = submission::one(semaphore.handle, signal, &mut arena).map_err(too_large)?;
    let charge = turn.state.ledger.charge(arena.used() as u64);
    let _charge = charge.map_err(|over| Reason::GivenUp(format!("submissions that wait: {over}")))?;
    let needs = vec![Need::Object(Pending::new(semaphore))];
    let work = What::Submission(Box::new(Held { infos, arena, fence: None, needs, _charge }));
    let work = Work { queue: Arc::clone(&object), what: work };
    let held = turn.state.submits.gate.hold(internal(queue.number), vec![batch], 0, work);
    held.map_err(|_| Reason::GivenUp(TooManyWait.to_string()))?;
    advance(turn.state)
}
