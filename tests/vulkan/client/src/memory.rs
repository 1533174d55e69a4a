//! Programs about memory and life that a test steers: each prints what it saw.

use std::io::{Write, stdin, stdout};

use ash::vk;

use crate::checks::compute::shader;
use crate::gpu::{Failure, Gpu, Outcome, Pipeline, barrier, ensure};

pub const MIB: u64 = 1 << 20;
const PAGE: u64 = 4096;

pub fn say(line: &str) {
    println!("{line}");
    _ = stdout().flush();
}

/// Takes all that the device has, in ever smaller pieces as larger ones are refused, and asks for one byte more; then
/// the same in one piece. Memory comes in pages, so that a byte takes one.
pub fn fill(gpu: &Gpu, most_mib: u64) -> Outcome {
    let kind = gpu.memory_type(u32::MAX, vk::MemoryPropertyFlags::DEVICE_LOCAL)?;
    let result = gpu.host_buffer(64 * 4)?;
    let pipeline = Pipeline::new(gpu, shader!("spin.comp"), &[&result], None)?;
    let commands = gpu.record(|device, commands| {
        pipeline.bind(commands);
        pipeline.push(commands, &[1]);
        unsafe { device.cmd_dispatch(commands, 1, 1, 1) };
    })?;
    // Mesa takes memory of its own when it first submits, which counts as everything does.
    gpu.submit_and_wait(commands)?;
    let (mut held, mut taken, mut bytes) = (Vec::new(), 0, MIB);
    while bytes >= PAGE && taken < most_mib * MIB {
        match gpu.allocate(bytes, kind) {
            Ok(memory) => {
                held.push(memory);
                taken += bytes;
            }
            Err(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY) => bytes /= 2,
            Err(other) => return Err(other.into()),
        }
    }
    say(&format!("took {taken} bytes"));
    say(&format!("one byte more: {:?}", gpu.allocate(1, kind).map(|_| ())));
    // With everything taken the device still computes.
    say(&format!("a submission: {:?}", gpu.submit_and_wait(commands)));
    held.into_iter().for_each(|memory| unsafe { gpu.device.free_memory(memory, None) });
    say(&format!("one byte more at once: {:?}", gpu.allocate(taken + 1, kind).map(|_| ())));
    let whole = gpu.allocate(taken, kind);
    say(&format!("all at once: {:?}", whole.map(|_| ())));
    say(&format!("one byte beside it: {:?}", gpu.allocate(1, kind).map(|_| ())));
    whole.into_iter().for_each(|memory| unsafe { gpu.device.free_memory(memory, None) });
    say(&format!("one byte after it: {:?}", gpu.allocate(1, kind).map(|_| ())));
    Ok(())
}

/// Says how many MiB it has, then does what it is told, a line each: `take` so many more, one by one, or `give` all of
/// it back.
pub fn obey(gpu: &Gpu) -> Outcome {
    let kind = gpu.memory_type(u32::MAX, vk::MemoryPropertyFlags::DEVICE_LOCAL)?;
    // Mesa takes memory of its own when it first submits.
    submit_nothing(gpu)?;
    let mut held = Vec::new();
    loop {
        say(&format!("{} MiB", held.len()));
        let mut line = String::new();
        _ = stdin().read_line(&mut line);
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["take", count] => {
                for _ in 0..count.parse().unwrap_or(0) {
                    match gpu.allocate(MIB, kind) {
                        Ok(memory) => held.push(memory),
                        Err(error) => {
                            say(&format!("{error:?}"));
                            break;
                        }
                    }
                }
            }
            ["give"] => held.drain(..).for_each(|memory| unsafe { gpu.device.free_memory(memory, None) }),
            _ => return Ok(()),
        }
    }
}

/// Takes more than there is without looking at the answers, uses the last, and says what came of it.
pub fn use_beyond(gpu: &Gpu, mib: u64) -> Outcome {
    // So that Mesa has a place for the states of fences: without one, vkCreateFence has no memory.
    submit_nothing(gpu)?;
    let held: Result<Vec<_>, _> =
        (0..mib).map(|_| gpu.buffer(MIB, vk::MemoryPropertyFlags::DEVICE_LOCAL)).collect();
    let used = held.and_then(|buffers| {
        let last = buffers.last().map(|buffer| buffer.buffer).unwrap_or_default();
        gpu.run(|device, commands| unsafe { device.cmd_fill_buffer(commands, last, 0, vk::WHOLE_SIZE, 1) })
    });
    match used {
        Ok(()) => say("used: Ok(())"),
        Err(Failure::Wrong(error)) => say(&format!("used: Err({error})")),
        Err(other) => return Err(other),
    }
    // A lost device is not taken apart in order.
    std::process::exit(0);
}

fn submit_nothing(gpu: &Gpu) -> Result<(), vk::Result> {
    let device = &gpu.device;
    unsafe {
        let fence = device.create_fence(&vk::FenceCreateInfo::default(), None)?;
        device.queue_submit(gpu.queues[0], &[], fence)?;
        device.wait_for_fences(&[fence], true, 5_000_000_000)?;
        device.destroy_fence(fence, None);
    }
    Ok(())
}

/// Writes a pattern into memory of every type and waits to be killed, or to be told to end.
pub fn write_and_wait(gpu: &Gpu, mib: u64) -> Outcome {
    let mut held = Vec::new();
    for kind in 0..gpu.memory.memory_type_count {
        held.extend(buffer_on(gpu, mib * MIB, kind)?);
    }
    gpu.run(|device, commands| {
        for (buffer, _) in &held {
            unsafe { device.cmd_fill_buffer(commands, *buffer, 0, vk::WHOLE_SIZE, 0x5ec7_e75a) };
        }
        barrier(device, commands);
    })?;
    say("written");
    _ = stdin().read_line(&mut String::new());
    Ok(())
}

/// Looks through new memory of every type for anything but zero.
pub fn look(gpu: &Gpu, mib: u64) -> Outcome {
    let result = gpu.host_buffer(mib * MIB)?;
    for kind in 0..gpu.memory.memory_type_count {
        let Some((buffer, memory)) = buffer_on(gpu, mib * MIB, kind)? else { continue };
        let whole = [vk::BufferCopy { src_offset: 0, dst_offset: 0, size: mib * MIB }];
        gpu.run(|device, commands| {
            unsafe { device.cmd_copy_buffer(commands, buffer, result.buffer, &whole) };
            barrier(device, commands);
        })?;
        let strange = result.slice::<u32>().iter().filter(|word| **word != 0).count();
        ensure(strange == 0, || format!("{strange} words of new memory of type {kind} are not zero"))?;
        unsafe { gpu.device.destroy_buffer(buffer, None) };
        unsafe { gpu.device.free_memory(memory, None) };
    }
    say("all zero");
    Ok(())
}

/// A buffer in memory of a type; `None` where none can lie.
fn buffer_on(gpu: &Gpu, bytes: u64, kind: u32) -> Outcome<Option<(vk::Buffer, vk::DeviceMemory)>> {
    let usage = vk::BufferUsageFlags::TRANSFER_SRC | vk::BufferUsageFlags::TRANSFER_DST;
    let info = vk::BufferCreateInfo::default().size(bytes).usage(usage);
    let buffer = unsafe { gpu.device.create_buffer(&info, None) }?;
    let needed = unsafe { gpu.device.get_buffer_memory_requirements(buffer) };
    if needed.memory_type_bits & 1 << kind == 0 {
        return Ok(None);
    }
    let memory = gpu.allocate(needed.size, kind)?;
    unsafe { gpu.device.bind_buffer_memory(buffer, memory, 0) }?;
    Ok(Some((buffer, memory)))
}

/// Computes until it is killed or the device is lost, and says which error that was.
pub fn until_lost(gpu: &Gpu) -> Outcome {
    let result = gpu.host_buffer(64 * 4)?;
    let pipeline = Pipeline::new(gpu, shader!("spin.comp"), &[&result], None)?;
    let commands = gpu.record(|device, commands| {
        pipeline.bind(commands);
        pipeline.push(commands, &[100]);
        unsafe { device.cmd_dispatch(commands, 1, 1, 1) };
    })?;
    // From then on Mesa has a place for the states of fences: without one, vkCreateFence has no memory.
    gpu.submit_and_wait(commands)?;
    say("running");
    loop {
        if let Err(Failure::Wrong(error)) = gpu.submit_and_wait(commands) {
            say(&format!("ended with {error}"));
            // What a lost device still owns is not given back in order: the process ends.
            std::process::exit(0);
        }
    }
}

/// Makes and drops a whole instance, device and buffer many times.
pub fn contexts(count: u32) -> Outcome {
    for _ in 0..count {
        let gpu = Gpu::open()?;
        let mut buffer = gpu.host_buffer(4096)?;
        buffer.slice_mut::<u8>().fill(1);
    }
    say("done");
    Ok(())
}

/// Opens a device and stays idle until told to end.
pub fn idle(gpu: &Gpu) -> Outcome {
    submit_nothing(gpu)?;
    say("idle");
    _ = stdin().read_line(&mut String::new());
    Ok(())
}
