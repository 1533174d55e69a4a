//! What things cost. Prints `name value unit` a line.

use std::io::{Write, stdin, stdout};
use std::time::Instant;

use ash::vk;

use crate::checks::compute::shader;
use crate::gpu::{Failure, Gpu, Outcome, Pipeline, SECONDS_20};

pub fn run(name: &str, arguments: &[&str]) -> Outcome {
    let number = |index: usize, default: u64| -> u64 {
        arguments.get(index).and_then(|word| word.parse().ok()).unwrap_or(default)
    };
    let gpu = Gpu::open()?;
    match name {
        "all" => {
            submit_and_wait(&gpu, 2000)?;
            compute(&gpu)?;
            copies(&gpu)?;
            allocations(&gpu)
        }
        "submit-and-wait" => submit_and_wait(&gpu, 2000),
        "allocations" => allocations(&gpu),
        "draws" => draws(&gpu, number(0, 200)),
        "submits" => submits(&gpu, number(0, 20_000)),
        _ => Err(Failure::Wrong(format!("there is no benchmark {name}"))),
    }
}

/// Says a line and goes on when it is answered, or when nobody can.
fn meet(line: &str) {
    println!("{line}");
    _ = stdout().flush();
    _ = stdin().read_line(&mut String::new());
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A fill of 64 KiB: submit and wait, one after another.
fn submit_and_wait(gpu: &Gpu, rounds: usize) -> Outcome {
    let buffer = gpu.buffer(64 << 10, vk::MemoryPropertyFlags::DEVICE_LOCAL)?;
    let device = &gpu.device;
    let commands = [gpu.record(|device, commands| unsafe {
        device.cmd_fill_buffer(commands, buffer.buffer, 0, vk::WHOLE_SIZE, 1);
    })?];
    let fence = unsafe { device.create_fence(&vk::FenceCreateInfo::default(), None) }?;
    let submit = [vk::SubmitInfo::default().command_buffers(&commands)];
    let mut times = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        unsafe { device.queue_submit(gpu.queues[0], &submit, fence) }?;
        unsafe { device.wait_for_fences(&[fence], true, SECONDS_20) }?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
        unsafe { device.reset_fences(&[fence]) }?;
    }
    println!("submit_and_wait_p50 {:.2} us", median(times));
    Ok(())
}

/// Arithmetic that keeps the GPU busy: dispatches of some milliseconds, two in flight.
fn compute(gpu: &Gpu) -> Outcome {
    let buffer = gpu.buffer(1 << 22, vk::MemoryPropertyFlags::DEVICE_LOCAL)?;
    let pipeline = Pipeline::new(gpu, shader!("spin.comp"), &[&buffer], None)?;
    let commands = [gpu.record(|device, commands| {
        pipeline.bind(commands);
        pipeline.push(commands, &[20_000]);
        unsafe { device.cmd_dispatch(commands, (1 << 20) / 64, 1, 1) };
    })?];
    println!("compute {:.3} dispatches/s", rate(gpu, &commands)?);
    Ok(())
}

/// How often a second the GPU does this when two are in flight, so that it never waits for us.
fn rate(gpu: &Gpu, commands: &[vk::CommandBuffer]) -> Outcome<f64> {
    let device = &gpu.device;
    let submit = [vk::SubmitInfo::default().command_buffers(commands)];
    let signalled = vk::FenceCreateInfo::default().flags(vk::FenceCreateFlags::SIGNALED);
    let fences = [(); 2].map(|()| unsafe { device.create_fence(&signalled, None) });
    let started = Instant::now();
    let mut rounds = 0u32;
    while started.elapsed().as_secs_f64() < 1.5 || rounds < 4 {
        let fence = fences[rounds as usize % 2]?;
        unsafe { device.wait_for_fences(&[fence], true, SECONDS_20) }?;
        unsafe { device.reset_fences(&[fence]) }?;
        unsafe { device.queue_submit(gpu.queues[0], &submit, fence) }?;
        rounds += 1;
    }
    unsafe { device.device_wait_idle() }?;
    let spent = started.elapsed().as_secs_f64();
    fences.into_iter().flatten().for_each(|fence| unsafe { device.destroy_fence(fence, None) });
    Ok(f64::from(rounds) / spent)
}

/// 256 MiB between mapped memory and the device's.
fn copies(gpu: &Gpu) -> Outcome {
    const BYTES: u64 = 256 << 20;
    let mut host = gpu.host_buffer(BYTES)?;
    host.slice_mut::<u8>().fill(1);
    let local = gpu.buffer(BYTES, vk::MemoryPropertyFlags::DEVICE_LOCAL)?;
    let whole = [vk::BufferCopy { src_offset: 0, dst_offset: 0, size: BYTES }];
    for (name, from, to) in [("host_to_device", &host, &local), ("device_to_host", &local, &host)] {
        let commands = [gpu.record(|device, commands| unsafe {
            device.cmd_copy_buffer(commands, from.buffer, to.buffer, &whole);
        })?];
        println!("{name} {:.2} GB/s", rate(gpu, &commands)? * BYTES as f64 / 1e9);
    }
    Ok(())
}

/// Allocate, map and write the first byte of every page, then free.
fn allocations(gpu: &Gpu) -> Outcome {
    let properties = vk::MemoryPropertyFlags::HOST_VISIBLE | vk::MemoryPropertyFlags::HOST_COHERENT;
    let kind = gpu.memory_type(u32::MAX, properties)?;
    for bytes in [64u64 << 10, 1 << 20, 64 << 20] {
        let (mut written, mut freed) = (Vec::new(), Vec::new());
        for _ in 0..if bytes > 1 << 20 { 15 } else { 200 } {
            let started = Instant::now();
            let memory = gpu.allocate(bytes, kind)?;
            let at =
                unsafe { gpu.device.map_memory(memory, 0, bytes, vk::MemoryMapFlags::empty()) }?.cast::<u8>();
            (0..bytes as usize).step_by(4096).for_each(|offset| unsafe { at.add(offset).write_volatile(1) });
            written.push(started.elapsed().as_secs_f64() * 1e6);
            // A vGPU frees by the way; what it does of that while the next is allocated would count there.
            unsafe { gpu.device.free_memory(memory, None) };
            unsafe { gpu.device.device_wait_idle() }?;
            freed.push(started.elapsed().as_secs_f64() * 1e6);
        }
        println!("allocate_map_write_{}k {:.1} us", bytes >> 10, median(written));
        println!("allocate_map_write_free_{}k {:.1} us", bytes >> 10, median(freed));
    }
    Ok(())
}

/// Command buffers full of small commands, recorded and submitted.
fn draws(gpu: &Gpu, buffers: u64) -> Outcome {
    let result = gpu.buffer(4096, vk::MemoryPropertyFlags::DEVICE_LOCAL)?;
    let pipeline = Pipeline::new(gpu, shader!("spin.comp"), &[&result], None)?;
    let mut commands_sent = 0u64;
    meet("ready");
    for _ in 0..buffers {
        gpu.run(|device, commands| {
            for _ in 0..500 {
                pipeline.bind(commands);
                pipeline.push(commands, &[1, 2, 3, 4]);
                unsafe { device.cmd_dispatch(commands, 1, 1, 1) };
            }
        })?;
        commands_sent += 500 * 4;
    }
    meet(&format!("commands {commands_sent} count"));
    Ok(())
}

/// Submissions of one prerecorded command buffer, waited for now and then.
fn submits(gpu: &Gpu, count: u64) -> Outcome {
    let buffer = gpu.buffer(4096, vk::MemoryPropertyFlags::DEVICE_LOCAL)?;
    let device = &gpu.device;
    let info = vk::FenceCreateInfo::default();
    let fence = unsafe { device.create_fence(&info, None) }?;
    let commands: Vec<_> = (0..64)
        .map(|_| {
            gpu.record(|device, commands| unsafe {
                device.cmd_fill_buffer(commands, buffer.buffer, 0, vk::WHOLE_SIZE, 1);
            })
        })
        .collect::<Result<_, _>>()?;
    meet("ready");
    for _ in 0..count / 64 {
        for (index, commands) in commands.iter().enumerate() {
            let commands = [*commands];
            let submit = [vk::SubmitInfo::default().command_buffers(&commands)];
            let last = index == 63;
            unsafe {
                device.queue_submit(gpu.queues[0], &submit, if last { fence } else { vk::Fence::null() })
            }?;
        }
        unsafe { device.wait_for_fences(&[fence], true, SECONDS_20) }?;
        unsafe { device.reset_fences(&[fence]) }?;
    }
    meet(&format!("submits {} count", count / 64 * 64));
    Ok(())
}
