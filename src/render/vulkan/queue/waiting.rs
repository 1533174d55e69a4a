//! Waiting for queues: in a command, or for whoever asks by a ring index.

use std::sync::Arc;

use super::{Queue, SLICE, What, Work, finish, queue_of, reap, sleep};
use crate::render::vulkan::context::{Context, Worker};
use crate::render::vulkan::gate::TooManyWait;
use crate::render::vulkan::objects::Object;
use crate::render::vulkan::reason::Reason;
use crate::render::vulkan::timelines::Done;
use crate::render::vulkan::turn::{Outcome, Turn};
use crate::venus::{CommandType, ObjectType};

/// vkQueueWaitIdle and vkDeviceWaitIdle.
pub(in crate::render::vulkan) fn wait_idle(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let first = Arc::clone(turn.first()?);
    let queues: Vec<_> = match first.kind {
        ObjectType::Queue => vec![first],
        _ => turn.state.submits.of_device(&first).cloned().collect(),
    };
    let command = turn.command();
    Ok(Outcome::Later(Box::new(move |context, worker| {
        for object in queues {
            wait_for(context, worker, &object, command)?;
        }
        Ok(0)
    })))
}

/// Sleeps until a queue has done all that it was sent before.
fn wait_for(
    context: &Arc<Context>,
    worker: &Worker,
    object: &Arc<Object>,
    command: CommandType,
) -> Result<(), Reason> {
    let Some(queue) = queue_of(object) else { return Ok(()) };
    loop {
        let mut state = context.state();
        worker.check_client()?;
        while state.submits.gate.holds(queue.number) && state.lost.is_none() {
            state = sleep(state, worker.patience());
            worker.check_client()?;
        }
        if let Some(reason) = &state.lost {
            return Err(reason.clone());
        }
        let last = queue.last().map_err(|_| Reason::DeviceLost(command))?;
        drop(state);
        if queue.counter.wait(last, Some(SLICE)).map_err(|_| Reason::DeviceLost(command))? {
            reap(&context.state());
            return Ok(());
        }
    }
}

impl Context {
    /// Has `done` run when the queue of a ring index has done all that it got so far: at once for index 0, and for all
    /// when the client is given up.
    pub fn fence(&self, ring_index: u32, done: impl FnOnce() + Send + 'static) {
        if let Err((reason, done)) = self.mark(ring_index, Box::new(done)) {
            if let Some(reason) = reason {
                self.lose(reason);
            }
            if let Some(done) = done {
                done();
            }
        }
    }

    /// On an error what it returns is to be run now, and the client given up if there is a reason to.
    fn mark(&self, ring_index: u32, done: Done) -> Result<(), (Option<Reason>, Option<Done>)> {
        let mut state = self.state();
        if ring_index == 0 || state.lost.is_some() {
            return Err((None, Some(done)));
        }
        let mut queues = state.submits.queues.values();
        let found = queues.find(|queue| queue_of(queue).is_some_and(|queue| queue.ring_index == ring_index));
        let Some((object, queue)) =
            found.and_then(|object| Some((Arc::clone(object), queue_of(object)?.number)))
        else {
            // Its device is gone, and so is all that it had to do.
            return Err((None, Some(done)));
        };
        if state.submits.gate.holds(queue) {
            let work = Work { queue: object, what: What::Mark(done) };
            return state.submits.gate.hold(queue, Vec::new(), 0, work).map_err(|work| {
                let done = if let What::Mark(done) = work.what { Some(done) } else { None };
                (Some(Reason::GivenUp(TooManyWait.to_string())), done)
            });
        }
        if queue_of(&object).is_some_and(Queue::is_done) {
            return Err((None, Some(done)));
        }
        finish(&object, 0..0, What::Mark(done)).map_err(|reason| (Some(reason), None))
    }
}
