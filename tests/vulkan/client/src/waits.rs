//! Waits for what never happens: only the loss of the device can end them.

use std::time::Duration;

use ash::vk;

use crate::gpu::{Failure, Gpu, Outcome};
use crate::memory::{MIB, say};

/// Longer than anything here takes, and far shorter than Mesa's driver waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits in one of Vulkan's ways, and says how that and another wait ended.
pub fn wait(gpu: &Gpu, way: &str, cause: &str) -> Outcome {
    let wait = prepare(gpu, way)?;
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        say("it waits still");
        std::process::exit(1);
    });
    let ended = std::thread::scope(|scope| {
        say("waiting");
        scope.spawn(|| bring_about(gpu, cause));
        wait()
    });
    say(&format!("ended with {ended:?}, the next one with {:?}", wait_anew(gpu)));
    // A lost device is not taken apart in order.
    std::process::exit(0);
}

type Wait<'gpu> = Box<dyn FnOnce() -> Result<(), vk::Result> + 'gpu>;

/// Submits what waits for a semaphore that nothing signals, and says how to wait for that.
fn prepare<'gpu>(gpu: &'gpu Gpu, way: &str) -> Outcome<Wait<'gpu>> {
    let device = &gpu.device;
    let (never, done) = (gpu.timeline(0)?, gpu.timeline(0)?);
    let fence = unsafe { device.create_fence(&vk::FenceCreateInfo::default(), None) }?;
    let event = unsafe { device.create_event(&vk::EventCreateInfo::default(), None) }?;
    let queries = vk::QueryPoolCreateInfo::default().query_type(vk::QueryType::TIMESTAMP).query_count(3);
    let queries = unsafe { device.create_query_pool(&queries, None) }?;
    let stage = vk::PipelineStageFlags::ALL_COMMANDS;
    let commands = gpu.record(|device, commands| unsafe {
        device.cmd_set_event(commands, event, stage);
        device.cmd_reset_query_pool(commands, queries, 0, 3);
        (0..3).for_each(|query| {
            device.cmd_write_timestamp(commands, vk::PipelineStageFlags::BOTTOM_OF_PIPE, queries, query);
        });
    })?;
    let (waits, stages, signals, commands) = ([never], [stage], [done], [commands]);
    let mut values =
        vk::TimelineSemaphoreSubmitInfo::default().wait_semaphore_values(&[1]).signal_semaphore_values(&[7]);
    let submit = vk::SubmitInfo::default()
        .wait_semaphores(&waits)
        .wait_dst_stage_mask(&stages)
        .signal_semaphores(&signals)
        .command_buffers(&commands)
        .push_next(&mut values);
    unsafe { device.queue_submit(gpu.queues[0], &[submit], fence) }?;
    Ok(match way {
        "fence" => Box::new(move || unsafe { device.wait_for_fences(&[fence], true, u64::MAX) }),
        "semaphore" => Box::new(move || {
            let info = vk::SemaphoreWaitInfo::default().semaphores(&signals).values(&[7]);
            unsafe { device.wait_semaphores(&info, u64::MAX) }
        }),
        "query" => Box::new(move || {
            let flags = vk::QueryResultFlags::TYPE_64 | vk::QueryResultFlags::WAIT;
            unsafe { device.get_query_pool_results(queries, 0, &mut [0_u64; 3], flags) }
        }),
        "event" => Box::new(move || {
            while !unsafe { device.get_event_status(event) }? {
                std::thread::yield_now();
            }
            Ok(())
        }),
        "idle" => Box::new(move || unsafe { device.queue_wait_idle(gpu.queues[0]) }),
        other => return Err(Failure::Wrong(format!("there is no wait {other}"))),
    })
}

/// Waits for a fence whose state Mesa's driver keeps in memory that it has not mapped yet.
fn wait_anew(gpu: &Gpu) -> Result<(), vk::Result> {
    /// More than there is place for in what it maps at a time.
    const FENCES: usize = 600;
    let info = vk::FenceCreateInfo::default();
    let fences: Vec<_> =
        (0..FENCES).map(|_| unsafe { gpu.device.create_fence(&info, None) }).collect::<Result<_, _>>()?;
    let last = fences.last().copied().unwrap_or_default();
    unsafe { gpu.device.queue_submit(gpu.queues[0], &[], last) }?;
    unsafe { gpu.device.wait_for_fences(&[last], true, u64::MAX) }
}

/// Loses the device, or leaves that to whoever started this program.
fn bring_about(gpu: &Gpu, cause: &str) {
    match cause {
        // What lies at an odd place is refused, and nobody asks whether it was.
        "misuse" => _ = misplace(gpu),
        "limit" => _ = (0..100).try_for_each(|_| keep_buffer(gpu)),
        _ => {}
    }
}

fn misplace(gpu: &Gpu) -> Outcome {
    let info = vk::BufferCreateInfo::default().size(64).usage(vk::BufferUsageFlags::STORAGE_BUFFER);
    let buffer = unsafe { gpu.device.create_buffer(&info, None) }?;
    let kind = gpu.memory_type(u32::MAX, vk::MemoryPropertyFlags::HOST_VISIBLE)?;
    let memory = gpu.allocate(MIB, kind)?;
    Ok(unsafe { gpu.device.bind_buffer_memory(buffer, memory, 1) }?)
}

fn keep_buffer(gpu: &Gpu) -> Outcome {
    let buffer = gpu.buffer(MIB, vk::MemoryPropertyFlags::DEVICE_LOCAL)?;
    std::mem::forget(buffer);
    Ok(())
}
