//! Priority of queues over those of other processes: to whoever has CAP_SYS_NICE, as the drivers of real GPUs have it.

use std::ffi::{c_int, c_long};
use std::fs::read_to_string;
use std::io::Error;
use std::sync::OnceLock;

use ash::vk;

const CAP_SYS_NICE: u64 = 1 << 23;

unsafe extern "C" {
    fn getppid() -> c_int;
    fn sched_setscheduler(process: c_int, policy: c_int, parameter: *const c_int) -> c_int;
    fn setpriority(which: c_int, who: c_int, value: c_int) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

/// Whether this process has the capability. It is looked at once, as long as a process may look.
pub fn look() -> bool {
    static CAPABLE: OnceLock<bool> = OnceLock::new();
    *CAPABLE.get_or_init(|| {
        let status = read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let capabilities = line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok());
        capabilities.is_some_and(|capabilities| capabilities & CAP_SYS_NICE != 0)
    })
}

/// Refuses what takes a capability that this process lacks. Says what a device gets.
pub unsafe fn grant(info: &vk::DeviceCreateInfo<'_>) -> Result<(), vk::Result> {
    let queues = std::slice::from_raw_parts(info.p_queue_create_infos, info.queue_create_info_count as usize);
    let ordinary = vk::QueueGlobalPriorityKHR::MEDIUM;
    let highest = queues.iter().map(|queue| of(queue).unwrap_or(ordinary)).max().unwrap_or(ordinary);
    if highest > ordinary && !look() {
        eprintln!("no-op: priority {} is refused", highest.as_raw());
        return Err(vk::Result::ERROR_NOT_PERMITTED_KHR);
    }
    eprintln!("no-op: a device of priority {}", highest.as_raw());
    if highest > ordinary {
        try_out();
    }
    Ok(())
}

unsafe fn of(queue: &vk::DeviceQueueCreateInfo<'_>) -> Option<vk::QueueGlobalPriorityKHR> {
    let mut next = queue.p_next.cast::<vk::BaseInStructure<'_>>();
    while let Some(base) = next.as_ref() {
        if base.s_type == vk::StructureType::DEVICE_QUEUE_GLOBAL_PRIORITY_CREATE_INFO_KHR {
            return Some((*next.cast::<vk::DeviceQueueGlobalPriorityCreateInfoKHR<'_>>()).global_priority);
        }
        next = base.p_next;
    }
    None
}

/// Tries what whoever took the process over would do with its capability, and says how that ended.
unsafe fn try_out() {
    const ROUND_ROBIN: c_int = 2;
    const MBIND: c_long = if cfg!(target_arch = "x86_64") { 237 } else { 235 };
    const MOVE_ALL: c_long = 4;
    let said = |what: &str, answer: c_long| match answer {
        0 => eprintln!("no-op: {what} is allowed"),
        _ => eprintln!("no-op: {what}: {}", Error::last_os_error()),
    };
    said("real time for itself", sched_setscheduler(0, ROUND_ROBIN, &1).into());
    said("real time for another", sched_setscheduler(getppid(), ROUND_ROBIN, &1).into());
    said("less than no nice value", setpriority(0, 0, -5).into());
    let nothing = std::ptr::null::<u8>();
    said("moving pages of all", syscall(MBIND, nothing, 4096_usize, 0_usize, nothing, 0_usize, MOVE_ALL));
}
