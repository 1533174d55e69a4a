//! How a guest comes by its queues.

use std::sync::{Arc, Mutex};

use vulkanalia_sys as vk;

use super::{Counter, Queue, queue_of};
use crate::render::vulkan::gate::QueueNumber;
use crate::render::vulkan::objects::{Data, Object};
use crate::render::vulkan::reason::Reason;
use crate::render::vulkan::timelines::Timeline;
use crate::render::vulkan::turn::{Outcome, Turn};
use crate::sys::Address;
use crate::venus::{self, CommandType, ObjectType};

/// Queues may have ring indices up to this one; 0 is the ring of none.
const RING_INDEX_MAX: u32 = 63;

/// vkGetDeviceQueue and vkGetDeviceQueue2.
pub(in crate::render::vulkan) fn get(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let device = Arc::clone(turn.first()?);
    let second = turn.command() == CommandType::GetDeviceQueue2;
    let (family, index, flags, ring_index, slot) = if second {
        let at = turn.call.arg(1);
        let info = *turn.get::<vk::DeviceQueueInfo2>(at)?;
        let ring_index = take_ring_index(turn, at);
        (info.queue_family_index, info.queue_index, info.flags, ring_index, 2)
    } else {
        let number = |index| u32::try_from(turn.call.arg(index)).unwrap_or(u32::MAX);
        (number(1), number(2), vk::DeviceQueueCreateFlags::empty(), 0, 3)
    };
    let Data::Device(made) = &device.data else { return Err(turn.invalid("it names no device")) };
    if !made.queues.iter().any(|(f, wanted, count)| (*f, *wanted) == (family, flags) && index < *count) {
        return Err(turn.invalid("the device was made without this queue"));
    }
    check_new(turn, &device, (family, index), ring_index)?;
    let id_at = turn.call.arg(slot);
    let id = *turn.get::<u64>(id_at)?;
    turn.check_free(id)?;
    let place = turn.put(0_u64)?;
    turn.call.set_arg(slot, place);
    turn.pass()?;
    let handle = *turn.get::<u64>(place)?;
    let counter = Counter::new(&device).map(Arc::new);
    let counter = counter.map_err(|failure| Reason::GivenUp(format!("a queue's semaphore: {failure}")))?;
    turn.state.submits.numbers += 1;
    let number = QueueNumber(turn.state.submits.numbers);
    let timeline = Timeline::new(Arc::clone(&counter));
    let given = Mutex::default();
    let queue = Queue { number, family, index, handle, ring_index, timeline, counter, given };
    let object = Object::new(ObjectType::Queue, id, handle, &device).with(Data::Queue(Box::new(queue)));
    let object = turn.enter(object)?;
    turn.state.submits.queues.insert(number, object);
    Ok(Outcome::Done(0))
}

/// Takes VkDeviceQueueTimelineInfoMESA out of the chain, and tells its ring index; 0 without one.
fn take_ring_index(turn: &mut Turn<'_>, info_at: Address) -> u32 {
    const DEVICE_QUEUE_TIMELINE_INFO_MESA: vk::StructureType = vk::StructureType::from_raw(1_000_384_005);
    /// Behind the structure's type and the next one's address.
    const RING_INDEX_OFFSET: Address = 16;
    venus::unlink(turn.arena, info_at, DEVICE_QUEUE_TIMELINE_INFO_MESA)
        .and_then(|at| turn.arena.get::<u32>(at + RING_INDEX_OFFSET))
        .copied()
        .unwrap_or_default()
}

/// A queue has one name, and a ring index one queue.
fn check_new(
    turn: &Turn<'_>,
    device: &Arc<Object>,
    queue: (u32, u32),
    ring_index: u32,
) -> Result<(), Reason> {
    let submits = &turn.state.submits;
    let mut same_device = submits.of_device(device).filter_map(|queue| queue_of(queue));
    if same_device.any(|known| (known.family, known.index) == queue) {
        return Err(turn.invalid("this queue has a name already"));
    }
    let mut all = submits.queues.values().filter_map(|queue| queue_of(queue));
    if ring_index > RING_INDEX_MAX || (ring_index > 0 && all.any(|known| known.ring_index == ring_index)) {
        return Err(turn.invalid("the ring index is above 63 or another queue's"));
    }
    Ok(())
}
