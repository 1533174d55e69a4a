//! What memory costs that a program and the GPU both reach: in a VM every piece has a way of its own into the guest.
//! Prints `name value unit` a line.

use std::hint::black_box;
use std::time::Instant;

use ash::vk;

use crate::bench::median;
use crate::gpu::{Gpu, Outcome};
use crate::memory::{MIB, say};

const CYCLES: usize = 1000;
const PIECE_BYTES: usize = 64 << 10;
const WRITTEN_BYTES: usize = 16 << 20;
const WRITES: usize = 100;
const WARM_UPS: usize = 10;

pub fn run(gpu: &Gpu) -> Outcome {
    let kind = host_visible(gpu)?;
    let mut times = Vec::new();
    for round in 0..CYCLES {
        let started = Instant::now();
        cycle(gpu, kind, PIECE_BYTES, round as u8)?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    say(&format!("allocate_map_write_free_64k_p50 {:.1} us", median(times)));
    write_rates(gpu, kind)
}

/// Takes memory again and again: more in all than there is, so that some must be given back.
pub fn cycles(gpu: &Gpu, count: usize) -> Outcome {
    let kind = host_visible(gpu)?;
    (0..count).try_for_each(|round| cycle(gpu, kind, MIB as usize, round as u8))?;
    say(&format!("{count} cycles: ok"));
    Ok(())
}

fn host_visible(gpu: &Gpu) -> Outcome<u32> {
    gpu.memory_type(u32::MAX, vk::MemoryPropertyFlags::HOST_VISIBLE | vk::MemoryPropertyFlags::HOST_COHERENT)
}

fn cycle(gpu: &Gpu, kind: u32, bytes: usize, value: u8) -> Result<(), vk::Result> {
    let memory = gpu.allocate(bytes as u64, kind)?;
    map(gpu, memory, bytes)?.fill(value);
    unsafe { gpu.device.free_memory(memory, None) };
    Ok(())
}

/// As long as it is not freed, which unmaps it.
fn map<'memory>(gpu: &Gpu, memory: vk::DeviceMemory, bytes: usize) -> Result<&'memory mut [u8], vk::Result> {
    let flags = vk::MemoryMapFlags::empty();
    let at = unsafe { gpu.device.map_memory(memory, 0, bytes as u64, flags) }?;
    Ok(unsafe { std::slice::from_raw_parts_mut(at.cast(), bytes) })
}

/// How fast the processor writes there, and how fast into memory of the program's own, by turns: what else goes on
/// then slows both.
fn write_rates(gpu: &Gpu, kind: u32) -> Outcome {
    let memory = gpu.allocate(WRITTEN_BYTES as u64, kind)?;
    let mapped = map(gpu, memory, WRITTEN_BYTES)?;
    let mut own = vec![0; WRITTEN_BYTES];
    let mut turn = |round| (write_rate(mapped, round as u8), write_rate(&mut own, round as u8));
    (0..WARM_UPS).for_each(|round| _ = turn(round));
    let rates: Vec<_> = (0..WRITES).map(turn).collect();
    unsafe { gpu.device.free_memory(memory, None) };
    let middle = |value: fn(&(f64, f64)) -> f64| median(rates.iter().map(value).collect());
    say(&format!("write_mapped {:.3} GB/s", middle(|rates| rates.0)));
    say(&format!("write_own {:.3} GB/s", middle(|rates| rates.1)));
    say(&format!("write_mapped_over_own {:.3} times", middle(|rates| rates.0 / rates.1)));
    Ok(())
}

fn write_rate(bytes: &mut [u8], value: u8) -> f64 {
    let started = Instant::now();
    black_box(&mut *bytes).fill(black_box(value));
    bytes.len() as f64 / started.elapsed().as_secs_f64() / 1e9
}
