//! Priority on the GPU, for the programs of a vGPU whose class entitles it to that.
//!
//! A guest has none by its own wish: what it asks for above the ordinary is dropped as its device is made, see
//! [`device`](super::device).

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use caps::{CapSet, Capability};
use vulkanalia_sys as vk;

use super::driver::result_of;
use super::gpu::Gpu;
use super::reason::Reason;
use super::turn::Turn;
use crate::sched::Priority;
use crate::sys::{Address, SharedWord};
use crate::venus;

/// The extension that queues of priority need, by its names.
const EXTENSIONS: [&CStr; 2] = [c"VK_KHR_global_priority", c"VK_EXT_global_priority"];

const KIND: vk::StructureType = vk::StructureType::DEVICE_QUEUE_GLOBAL_PRIORITY_CREATE_INFO;

/// What the daemon says that a vGPU is entitled to, and what its driver is heard to give.
#[derive(Debug)]
pub struct Privilege {
    precedes: SharedWord<AtomicU64>,
    priority: SharedWord<AtomicU64>,
    /// The kernel grants it to processes with this capability.
    capable: bool,
    /// The driver said no, and will say it again.
    refused: AtomicBool,
}

impl Privilege {
    /// By two words that are shared with the daemon: whether queues are to go first, and what became of that. To be
    /// called when the process has the capabilities that it keeps, and may still look at them.
    pub fn new(precedes: SharedWord<AtomicU64>, priority: SharedWord<AtomicU64>) -> Self {
        let capable = caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_NICE).unwrap_or(false);
        let privilege = Self { precedes, priority, capable, refused: AtomicBool::new(false) };
        privilege.tell(if capable { Priority::Ordinary } else { Priority::Incapable });
        privilege
    }

    fn is_wanted(&self) -> bool {
        self.precedes.load(Ordering::Relaxed) == 1 && !self.refused.load(Ordering::Relaxed)
    }

    fn tell(&self, priority: Priority) {
        self.priority.store(priority.word(), Ordering::Relaxed);
    }

    /// Once: the driver is not asked again.
    fn refuse(&self, why: Priority, answer: impl std::fmt::Debug) {
        self.tell(why);
        if !self.refused.swap(true, Ordering::Relaxed) {
            let remedy = match why {
                Priority::Incapable => {
                    "its process has no CAP_SYS_NICE: `vgpu stop` and `vgpu start` it, under a daemon that is root"
                }
                _ => "its submissions wait for no turn, but for what others have on the GPU",
            };
            tracing::warn!(
                "its class is latency, but the driver gives no REALTIME priority ({answer:?}): {remedy}"
            );
        }
    }
}

/// What a new device needs for priority, if it is to have that.
pub(super) fn extension(gpu: &Gpu) -> Option<&'static CStr> {
    gpu.privilege.as_ref().filter(|privilege| privilege.is_wanted())?;
    EXTENSIONS.into_iter().find(|name| gpu.has(name))
}

/// Has the driver make a device with these queues: first of all on the GPU, if the vGPU is entitled to that and the
/// driver gives it.
pub(super) fn pass(turn: &mut Turn<'_>, queues: &[Address]) -> Result<vk::Result, Reason> {
    let gpu = std::sync::Arc::clone(&turn.state.gpu);
    let Some(privilege) = gpu.privilege.as_ref().filter(|privilege| privilege.is_wanted()) else {
        return Ok(result_of(turn.pass()?));
    };
    if extension(&gpu).is_none() {
        privilege.refuse(Priority::Unsupported, vk::Result::ERROR_EXTENSION_NOT_PRESENT);
        return Ok(result_of(turn.pass()?));
    }
    for queue in queues {
        let info = vk::DeviceQueueGlobalPriorityCreateInfo {
            global_priority: vk::QueueGlobalPriority::REALTIME,
            ..Default::default()
        };
        let info = turn.put(info)?;
        venus::unlink(turn.arena, *queue, KIND);
        venus::prepend(turn.arena, *queue, info);
    }
    let answer = result_of(turn.pass()?);
    if answer == vk::Result::SUCCESS {
        privilege.tell(Priority::Realtime);
    }
    // Drivers from before the first of these had a meaning here answer the second, which has others too.
    if ![vk::Result::ERROR_NOT_PERMITTED, vk::Result::ERROR_INITIALIZATION_FAILED].contains(&answer) {
        return Ok(answer);
    }
    for queue in queues {
        venus::unlink(turn.arena, *queue, KIND);
    }
    let without = result_of(turn.pass()?);
    if without == vk::Result::SUCCESS {
        privilege.refuse(if privilege.capable { Priority::Refused } else { Priority::Incapable }, answer);
    }
    Ok(without)
}

/// Drops what a guest asked for itself for a queue, unless that is no more than everybody has.
pub(super) fn bound(turn: &mut Turn<'_>, queue: Address) -> Result<(), Reason> {
    if let Some(at) = venus::unlink(turn.arena, queue, KIND)
        && turn.get::<vk::DeviceQueueGlobalPriorityCreateInfo>(at)?.global_priority.as_raw()
            <= vk::QueueGlobalPriority::MEDIUM.as_raw()
    {
        venus::prepend(turn.arena, queue, at);
    }
    Ok(())
}
