//! The function's two queues at work.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use virtio_bindings::virtio_ring::VIRTIO_RING_F_EVENT_IDX;
use virtio_queue::{Queue, QueueT};

use crate::device::{Device, Progress};
use crate::guest_log::guest_warn;
use crate::guest_memory::GuestMemory;
use crate::transport::queue::{Broken, Rest, Ring, Scratch, coarse_now};
use crate::transport::virtio_pci::{Cause, Function, QUEUE_SIZE_MAX, QUEUES, QueueRegisters};

/// A queue, as far as its driver lets us use it.
#[derive(Default)]
enum Slot {
    #[default]
    Idle,
    Runs(Queue),
    /// It cannot be served until its driver sets it up anew.
    Broken,
}

/// Both queues, and what answers them.
pub(super) struct Queues {
    device: Arc<Mutex<Device>>,
    slots: [Slot; QUEUES],
    scratch: Scratch,
}

impl Queues {
    pub(super) fn new(device: Arc<Mutex<Device>>) -> Self {
        Self { device, slots: Default::default(), scratch: Scratch::default() }
    }

    pub(super) fn device(&self) -> MutexGuard<'_, Device> {
        lock(&self.device)
    }

    /// Has the queues that the function has: those that came begin with their first chain.
    pub(super) fn follow(&mut self, function: &Function) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            match (function.queue(index), &slot) {
                (None, _) => *slot = Slot::Idle,
                (Some(registers), Slot::Idle) => *slot = open(&registers, function.features()),
                (Some(_), Slot::Runs(_) | Slot::Broken) => {}
            }
        }
    }

    /// Has the queues that the function has, each where another process was when it died: behind what its used ring
    /// has. Only the control queue has chains that are answered out of order.
    pub(super) fn resume(&mut self, function: &Function, memory: &GuestMemory) {
        self.follow(function);
        let control = self.device().pending().unwrap_or_else(|error| {
            tracing::error!("{error}");
            (0, None)
        });
        for (slot, (pending, given)) in self.slots.iter_mut().zip([control, (0, None)]) {
            let Slot::Runs(queue) = slot else { continue };
            let Ok(used) = queue.used_idx(memory, Ordering::Acquire) else { continue };
            queue.set_next_used(used.0);
            let resumed = Ring::open(memory, queue).and_then(|mut ring| {
                ring.resume(pending, given)?;
                ring.store(queue);
                Ok(())
            });
            if let Err(broken) = resumed {
                tracing::debug!("a queue is where nothing is: {broken}");
            }
        }
    }

    /// Answers chains of a queue, for some time. True if there is more to do.
    pub(super) fn serve(
        &mut self,
        index: usize,
        memory: &GuestMemory,
        mut interrupt: impl FnMut(Cause),
    ) -> bool {
        let Self { device, slots, scratch } = self;
        let Some(slot) = slots.get_mut(index) else { return false };
        let Slot::Runs(queue) = slot else { return false };
        let mut serve = || {
            let mut ring = Ring::open(memory, queue)?;
            let rest = answer(&mut ring, scratch, index, memory, &mut lock(device));
            ring.store(queue);
            if ring.wants_interrupt() {
                interrupt(Cause::Queue(index));
            }
            Ok(match rest? {
                Rest::Nothing => ring.ask_for_notification()? == Rest::Chains,
                Rest::Chains => true,
                Rest::Waiting => false,
            })
        };
        let served = serve();
        give_up(slot, served, interrupt)
    }

    /// Answers what the render process is done with, and sends it what there is. True if there is more to do.
    pub(super) fn hear_gpu(&mut self, memory: &GuestMemory, mut interrupt: impl FnMut(Cause)) -> bool {
        let Self { device, slots: [control, _], scratch } = self;
        let goes_on = lock(device).pump_gpu();
        let more = match control {
            Slot::Runs(queue) => {
                let finished = finish(queue, scratch, memory, device, &mut interrupt);
                give_up(control, finished.map(|()| false), interrupt)
            }
            Slot::Idle | Slot::Broken => false,
        };
        // The VMM has it as a BAR.
        let mut device = lock(device);
        let mapped = device.wants_heap();
        if mapped {
            device.heap_mapped(true);
        }
        goes_on || more || mapped
    }
}

/// A queue where its driver says that it is.
fn open(registers: &QueueRegisters, features: u64) -> Slot {
    let Ok(mut queue) = Queue::new(QUEUE_SIZE_MAX) else { return Slot::Broken };
    let [table, available, used] = registers.addresses.map(halves);
    queue.set_size(registers.size);
    queue.set_desc_table_address(table[0], table[1]);
    queue.set_avail_ring_address(available[0], available[1]);
    queue.set_used_ring_address(used[0], used[1]);
    queue.set_event_idx(features & 1 << VIRTIO_RING_F_EVENT_IDX != 0);
    Slot::Runs(queue)
}

fn halves(address: u64) -> [Option<u32>; 2] {
    [address & u64::from(u32::MAX), address >> 32].map(|half| u32::try_from(half).ok())
}

fn answer(
    ring: &mut Ring<'_>,
    scratch: &mut Scratch,
    index: usize,
    memory: &GuestMemory,
    device: &mut Device,
) -> Result<Rest, Broken> {
    ring.answer_chains(scratch, coarse_now, |ticket, request, reply| match index {
        0 => device.control(memory, ticket, request, reply),
        _ => {
            device.cursor(memory, request, reply);
            Progress::Done
        }
    })
}

fn finish(
    queue: &mut Queue,
    scratch: &mut Scratch,
    memory: &GuestMemory,
    device: &Mutex<Device>,
    interrupt: &mut impl FnMut(Cause),
) -> Result<(), Broken> {
    let mut ring = Ring::open(memory, queue)?;
    let finished = {
        let device = &mut *lock(device);
        std::iter::from_fn(|| {
            let finished = device.finished(&mut scratch.reply)?;
            let note = |index| device.gave_back(finished, index);
            Some(ring.finish(scratch, finished.ticket(), note))
        })
        .collect::<Result<(), Broken>>()
    };
    ring.store(queue);
    if ring.wants_interrupt() {
        interrupt(Cause::Queue(0));
    }
    finished
}

/// Serves a queue that is broken no longer.
fn give_up(slot: &mut Slot, served: Result<bool, Broken>, mut interrupt: impl FnMut(Cause)) -> bool {
    served.unwrap_or_else(|broken| {
        guest_warn!("a queue is served no longer, until its driver sets it up anew: {broken}");
        *slot = Slot::Broken;
        interrupt(Cause::Broken);
        false
    })
}

fn lock(device: &Mutex<Device>) -> MutexGuard<'_, Device> {
    // After a panic the connection ends, and until then nobody has to wait for ever.
    device.lock().unwrap_or_else(PoisonError::into_inner)
}
