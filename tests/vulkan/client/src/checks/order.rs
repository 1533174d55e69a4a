//! Fences, semaphores, events, queries: who waits for whom, and when it was.

use std::time::{Duration, Instant};

use ash::vk;

use super::compute::shader;
use crate::gpu::{Failure, Gpu, Outcome, Pipeline, SECONDS_20, barrier, ensure};

pub fn timestamps(gpu: &Gpu) -> Outcome {
    if gpu.timestamp_bits == 0 {
        return Err(Failure::Missing("timestamps"));
    }
    let device = &gpu.device;
    let (result, copied) = (gpu.host_buffer(64 * 1024 * 4)?, gpu.host_buffer(16)?);
    let pipeline = Pipeline::new(gpu, shader!("spin.comp"), &[&result], None)?;
    let info = vk::QueryPoolCreateInfo::default().query_type(vk::QueryType::TIMESTAMP).query_count(2);
    let pool = unsafe { device.create_query_pool(&info, None) }?;
    let started = Instant::now();
    gpu.run(|device, commands| unsafe {
        device.cmd_reset_query_pool(commands, pool, 0, 2);
        device.cmd_write_timestamp(commands, vk::PipelineStageFlags::TOP_OF_PIPE, pool, 0);
        pipeline.bind(commands);
        pipeline.push(commands, &[2000]);
        device.cmd_dispatch(commands, 1024, 1, 1);
        barrier(device, commands);
        device.cmd_write_timestamp(commands, vk::PipelineStageFlags::BOTTOM_OF_PIPE, pool, 1);
        let flags = vk::QueryResultFlags::TYPE_64 | vk::QueryResultFlags::WAIT;
        device.cmd_copy_query_pool_results(commands, pool, 0, 2, copied.buffer, 0, 8, flags);
        barrier(device, commands);
    })?;
    let wall = started.elapsed();
    let mut times = [0u64; 2];
    let flags = vk::QueryResultFlags::TYPE_64 | vk::QueryResultFlags::WAIT;
    unsafe { device.get_query_pool_results(pool, 0, &mut times, flags) }?;
    unsafe { device.destroy_query_pool(pool, None) };
    ensure(copied.slice::<u64>() == times, || format!("copied {:?}, got {times:?}", copied.slice::<u64>()))?;
    let ticks = times[1].wrapping_sub(times[0]) as f64;
    let spent = Duration::from_nanos((ticks * f64::from(gpu.properties.limits.timestamp_period)) as u64);
    ensure(times[1] > times[0] && spent <= wall, || format!("{times:?} is {spent:?}, and all took {wall:?}"))
}

/// A fence that nobody signals, then one that somebody does.
pub fn fences(gpu: &Gpu) -> Outcome {
    let device = &gpu.device;
    let fence = unsafe { device.create_fence(&vk::FenceCreateInfo::default(), None) }?;
    let early = unsafe { device.wait_for_fences(&[fence], true, 1_000_000) };
    ensure(early == Err(vk::Result::TIMEOUT), || format!("a wait for nothing gave {early:?}"))?;
    ensure(unsafe { device.get_fence_status(fence) } == Ok(false), || {
        "signalled without a submission".into()
    })?;
    for _ in 0..3 {
        unsafe { device.queue_submit(gpu.queues[0], &[], fence) }?;
        unsafe { device.wait_for_fences(&[fence], true, SECONDS_20) }?;
        ensure(unsafe { device.get_fence_status(fence) } == Ok(true), || {
            "not signalled after a wait".into()
        })?;
        unsafe { device.reset_fences(&[fence]) }?;
    }
    unsafe { device.destroy_fence(fence, None) };
    Ok(())
}

/// Two submissions in a row, the second waits for the first by a binary semaphore.
pub fn semaphores(gpu: &Gpu) -> Outcome {
    let device = &gpu.device;
    let result = gpu.host_buffer(16)?;
    let semaphore = unsafe { device.create_semaphore(&vk::SemaphoreCreateInfo::default(), None) }?;
    let first = gpu.record(|device, commands| unsafe {
        device.cmd_fill_buffer(commands, result.buffer, 0, 16, 1);
    })?;
    let second = gpu.record(|device, commands| unsafe {
        device.cmd_fill_buffer(commands, result.buffer, 0, 8, 2);
        barrier(device, commands);
    })?;
    let (first, second, semaphores) = ([first], [second], [semaphore]);
    let stages = [vk::PipelineStageFlags::ALL_COMMANDS];
    let fence = unsafe { device.create_fence(&vk::FenceCreateInfo::default(), None) }?;
    let submits = [
        vk::SubmitInfo::default().command_buffers(&first).signal_semaphores(&semaphores),
        vk::SubmitInfo::default()
            .command_buffers(&second)
            .wait_semaphores(&semaphores)
            .wait_dst_stage_mask(&stages),
    ];
    let last = *gpu.queues.last().ok_or(Failure::Missing("a queue"))?;
    unsafe { device.queue_submit(gpu.queues[0], &submits[..1], vk::Fence::null()) }?;
    unsafe { device.queue_submit(last, &submits[1..], fence) }?;
    unsafe { device.wait_for_fences(&[fence], true, SECONDS_20) }?;
    unsafe { device.device_wait_idle() }?;
    unsafe { device.destroy_fence(fence, None) };
    unsafe { device.destroy_semaphore(semaphore, None) };
    ensure(result.slice::<u32>() == [2, 2, 1, 1], || format!("{:?}", result.slice::<u32>()))
}

/// A timeline semaphore and a value of it.
type At = (vk::Semaphore, u64);

/// Submits work that waits for one and signals the other.
fn submit_between(gpu: &Gpu, queue: vk::Queue, wait: At, signal: At) -> Outcome {
    let (waited, signalled, waits, signals) = ([wait.0], [signal.0], [wait.1], [signal.1]);
    let mut values = vk::TimelineSemaphoreSubmitInfo::default()
        .wait_semaphore_values(&waits)
        .signal_semaphore_values(&signals);
    let stages = [vk::PipelineStageFlags::ALL_COMMANDS];
    let submit = vk::SubmitInfo::default()
        .wait_semaphores(&waited)
        .wait_dst_stage_mask(&stages)
        .signal_semaphores(&signalled)
        .push_next(&mut values);
    Ok(unsafe { gpu.device.queue_submit(queue, &[submit], vk::Fence::null()) }?)
}

fn wait_until(gpu: &Gpu, timeline: vk::Semaphore, value: u64, timeout: u64) -> Result<(), vk::Result> {
    let (semaphores, values) = ([timeline], [value]);
    let info = vk::SemaphoreWaitInfo::default().semaphores(&semaphores).values(&values);
    unsafe { gpu.device.wait_semaphores(&info, timeout) }
}

fn signal(gpu: &Gpu, (semaphore, value): At) -> Outcome {
    let info = vk::SemaphoreSignalInfo::default().semaphore(semaphore).value(value);
    Ok(unsafe { gpu.device.signal_semaphore(&info) }?)
}

/// Waits that must see nothing yet.
fn expect_nothing(gpu: &Gpu, timeline: vk::Semaphore) -> Outcome {
    let early = wait_until(gpu, timeline, 1, 1_000_000);
    ensure(early == Err(vk::Result::TIMEOUT), || format!("a wait before the signal gave {early:?}"))?;
    let value = unsafe { gpu.device.get_semaphore_counter_value(timeline) };
    ensure(value == Ok(0), || format!("a value from nowhere: {value:?}"))
}

/// The GPU is given work that waits for the host; what lies behind it must still be read.
// The host and the GPU signal two semaphores, not one: Mesa's driver notes the host's value in memory after it told us
// of it, and so over a higher one that the GPU has written there meanwhile. Then it waits for that for ever.
pub fn host_signal(gpu: &Gpu) -> Outcome {
    let (host, timeline) = (gpu.timeline(0)?, gpu.timeline(0)?);
    submit_between(gpu, gpu.queues[0], (host, 1), (timeline, 1))?;
    submit_between(gpu, gpu.queues[0], (timeline, 1), (timeline, 2))?;
    expect_nothing(gpu, timeline)?;
    signal(gpu, (host, 1))?;
    wait_until(gpu, timeline, 2, SECONDS_20)?;
    let value = unsafe { gpu.device.get_semaphore_counter_value(timeline) };
    ensure(value == Ok(2), || format!("not the last value: {value:?}"))?;
    unsafe { gpu.device.device_wait_idle() }?;
    unsafe { gpu.device.destroy_semaphore(host, None) };
    unsafe { gpu.device.destroy_semaphore(timeline, None) };
    Ok(())
}

/// Wait before signal: the second queue gives what the first waits for, and is asked later.
pub fn two_queues(gpu: &Gpu) -> Outcome {
    let [first, second] = gpu.queues[..] else { return Err(Failure::Missing("a second queue")) };
    let (host, timeline) = (gpu.timeline(0)?, gpu.timeline(0)?);
    submit_between(gpu, first, (timeline, 1), (timeline, 2))?;
    submit_between(gpu, second, (host, 1), (timeline, 1))?;
    expect_nothing(gpu, timeline)?;
    signal(gpu, (host, 1))?;
    wait_until(gpu, timeline, 2, SECONDS_20)?;
    unsafe { gpu.device.device_wait_idle() }?;
    unsafe { gpu.device.destroy_semaphore(host, None) };
    unsafe { gpu.device.destroy_semaphore(timeline, None) };
    Ok(())
}

/// An event that the host sets, and one that the GPU sets.
pub fn events(gpu: &Gpu) -> Outcome {
    let device = &gpu.device;
    let event = unsafe { device.create_event(&vk::EventCreateInfo::default(), None) }?;
    ensure(unsafe { device.get_event_status(event) } == Ok(false), || "set by nobody".into())?;
    unsafe { device.set_event(event) }?;
    ensure(unsafe { device.get_event_status(event) } == Ok(true), || "the host's set was lost".into())?;
    unsafe { device.reset_event(event) }?;
    gpu.run(|device, commands| unsafe {
        device.cmd_set_event(commands, event, vk::PipelineStageFlags::ALL_COMMANDS);
    })?;
    ensure(unsafe { device.get_event_status(event) } == Ok(true), || "the GPU's set was lost".into())?;
    unsafe { device.destroy_event(event, None) };
    Ok(())
}
