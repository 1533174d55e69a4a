//! What the queues of a context are at, for whoever gives leave to submit.

use super::{Queue, Submits, queue_of};

impl Submits {
    /// Whether the GPU is at something that it was given. A lost one is at nothing.
    pub(in crate::render::vulkan) fn run(&self) -> bool {
        let runs = |queue: &Queue| queue.last().and_then(|last| Ok(queue.counter.value()? < last));
        self.queues.values().filter_map(|queue| queue_of(queue)).any(|queue| runs(queue).unwrap_or(false))
    }

    /// How far the GPU has come with what it was given.
    pub(in crate::render::vulkan) fn done(&self) -> u64 {
        let values = self.queues.values().filter_map(|queue| queue_of(queue)?.counter.value().ok());
        values.fold(0, u64::saturating_add)
    }

    /// Whether something waits for nothing but leave.
    pub(in crate::render::vulkan) fn wants_leave(&self) -> bool {
        self.gate.wants_to_run()
    }
}
