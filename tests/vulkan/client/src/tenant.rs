//! One of several programs that share a GPU: it keeps the GPU busy and says how far it came.
//!
//! `tenant KIND [SIZE] [--depth N] [--pause-us N] [--seconds S] [--start-at NS]`
//! - `fill MIB`: fills of so much memory a submission
//! - `compute [ROUNDS]`: arithmetic, a millisecond of an H200 unless told otherwise
//! - `copy MIB`: copies, on a family of queues that does nothing else if there is one
//! - `idle`: one submission, and no more
//!
//! It says `ready`, and then, unless there was `--start-at`, reads a line: where on CLOCK_MONOTONIC its measurement
//! begins. It works from then until 300 ms after the measurement, so that all tenants meet others at work; and says
//! how much it did, as JSON.

use std::collections::VecDeque;
use std::hint::spin_loop;
use std::io::{Write, stdin, stdout};
use std::thread;
use std::time::Duration;

use ash::vk;
use nix::time::{ClockId, clock_gettime};

use crate::checks::compute::shader;
use crate::gpu::{Buffer, Failure, Gpu, Outcome, Pipeline, SECONDS_20};

/// Work is made of parts of this size at most, so that it fits beside that of others.
const PART_MIB: f64 = 1024.0;
/// About a millisecond of an H200.
const SPIN_ROUNDS: f64 = 14_000.0;
const INVOCATIONS: u32 = 1 << 20;
/// How long others may still be measured.
const AFTER: u64 = 300_000_000;

pub fn run(kind: &str, words: &[&str]) -> Outcome {
    let options = Options::parse(kind, words)?;
    let gpu = match options.kind {
        Kind::Copy => Gpu::open_on(copies_only).or_else(|_| Gpu::open())?,
        _ => Gpu::open()?,
    };
    let work = Work::record(&gpu, &options)?;
    gpu.submit_and_wait(work.commands)?;
    println!("ready");
    _ = stdout().flush();
    let start = match options.start {
        Some(start) => start,
        None => start_from(stdin())?,
    };
    let window = Window { start, end: start + (options.seconds * 1e9) as u64 };
    let done = keep_busy(&gpu, &work, &options, window.end + AFTER)?;
    println!("{}", window.summary(&done, &options));
    Ok(())
}

fn start_from(input: std::io::Stdin) -> Outcome<u64> {
    let mut line = String::new();
    _ = input.read_line(&mut line);
    line.trim().parse().map_err(|_| Failure::Wrong(format!("{line:?} is no time to start at")))
}

fn copies_only(queues: vk::QueueFlags) -> bool {
    let beside = vk::QueueFlags::SPARSE_BINDING | vk::QueueFlags::PROTECTED;
    queues.contains(vk::QueueFlags::TRANSFER) && (vk::QueueFlags::TRANSFER | beside).contains(queues)
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Fill,
    Compute,
    Copy,
    Idle,
}

struct Options {
    kind: Kind,
    /// MiB, or rounds.
    size: f64,
    depth: usize,
    pause: u64,
    seconds: f64,
    start: Option<u64>,
}

impl Options {
    fn parse(kind: &str, words: &[&str]) -> Outcome<Self> {
        let wrong = |what: &str| Failure::Wrong(format!("{what:?} is not what `tenant` takes"));
        let number = |word: &str| word.parse::<f64>().map_err(|_| wrong(word));
        let (size, rest) = match words {
            [size, rest @ ..] if !size.starts_with("--") => (Some(number(size)?), rest),
            rest => (None, rest),
        };
        let (kind, size) = match (kind, size) {
            ("fill", Some(mib)) => (Kind::Fill, mib),
            ("copy", Some(mib)) => (Kind::Copy, mib),
            ("compute", rounds) => (Kind::Compute, rounds.unwrap_or(SPIN_ROUNDS)),
            ("idle", None) => (Kind::Idle, 0.0),
            _ => return Err(wrong(kind)),
        };
        let mut options = Self { kind, size, depth: 1, pause: 0, seconds: 3.0, start: None };
        for pair in rest.chunks(2) {
            match pair {
                ["--depth", count] => options.depth = (number(count)? as usize).max(1),
                ["--pause-us", time] => options.pause = number(time)? as u64 * 1000,
                ["--seconds", time] => options.seconds = number(time)?,
                ["--start-at", time] => options.start = Some(time.parse().map_err(|_| wrong(time))?),
                _ => return Err(wrong(&pair.join(" "))),
            }
        }
        Ok(options)
    }

    /// How much memory a submission writes.
    fn mib(&self) -> f64 {
        if matches!(self.kind, Kind::Fill | Kind::Copy) { self.size } else { 0.0 }
    }
}

/// What is submitted again and again, and what it needs.
struct Work<'gpu> {
    commands: vk::CommandBuffer,
    _pipeline: Option<Pipeline<'gpu>>,
    _buffers: Vec<Buffer<'gpu>>,
}

impl<'gpu> Work<'gpu> {
    fn record(gpu: &'gpu Gpu, options: &Options) -> Outcome<Self> {
        let local = |bytes| gpu.buffer(bytes, vk::MemoryPropertyFlags::DEVICE_LOCAL);
        let part = bytes(options.mib().min(PART_MIB));
        let buffers = match options.kind {
            Kind::Fill => vec![local(part)?],
            Kind::Copy => vec![local(part)?, local(part)?],
            Kind::Compute => vec![local(u64::from(INVOCATIONS) * 4)?],
            Kind::Idle => vec![local(4096)?],
        };
        let pipeline = match options.kind {
            Kind::Compute => Some(Pipeline::new(gpu, shader!("spin.comp"), &[&buffers[0]], None)?),
            _ => None,
        };
        let commands = gpu.record(|device, commands| {
            if let Some(pipeline) = &pipeline {
                in_turn(device, commands);
                pipeline.bind(commands);
                pipeline.push(commands, &[options.size as u32]);
                unsafe { device.cmd_dispatch(commands, INVOCATIONS / 64, 1, 1) };
            }
            let mut left = bytes(options.mib());
            while left > 0 {
                let size = left.min(part);
                in_turn(device, commands);
                match buffers.as_slice() {
                    [from, to] => unsafe {
                        let all = [vk::BufferCopy { src_offset: 0, dst_offset: 0, size }];
                        device.cmd_copy_buffer(commands, from.buffer, to.buffer, &all);
                    },
                    whole => unsafe { device.cmd_fill_buffer(commands, whole[0].buffer, 0, size, 1) },
                }
                left -= size;
            }
        })?;
        Ok(Self { commands, _pipeline: pipeline, _buffers: buffers })
    }
}

fn bytes(mib: f64) -> u64 {
    (mib * f64::from(1 << 20)) as u64 & !3
}

/// What writes the same memory follows one another, also that of submissions in flight.
fn in_turn(device: &ash::Device, commands: vk::CommandBuffer) {
    let write = vk::AccessFlags::MEMORY_WRITE;
    let memory = [vk::MemoryBarrier::default().src_access_mask(write).dst_access_mask(write)];
    let (all, none) = (vk::PipelineStageFlags::ALL_COMMANDS, vk::DependencyFlags::empty());
    unsafe { device.cmd_pipeline_barrier(commands, all, all, none, &memory, &[], &[]) };
}

/// A submission: when it was made, and when its fence was seen.
struct Done {
    submitted: u64,
    seen: u64,
}

/// Nanoseconds of CLOCK_MONOTONIC.
fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| Duration::from(time).as_nanos() as u64)
}

fn keep_busy(gpu: &Gpu, work: &Work<'_>, options: &Options, end: u64) -> Outcome<Vec<Done>> {
    let mut done = Vec::with_capacity(1 << 20);
    if options.kind == Kind::Idle {
        thread::sleep(Duration::from_nanos(end.saturating_sub(now())));
        return Ok(done);
    }
    let device = &gpu.device;
    let commands = [work.commands];
    let submit = [vk::SubmitInfo::default().command_buffers(&commands)];
    let mut free: Vec<vk::Fence> = (0..options.depth)
        .map(|_| unsafe { device.create_fence(&vk::FenceCreateInfo::default(), None) })
        .collect::<Result<_, _>>()?;
    let mut flying = VecDeque::with_capacity(options.depth);
    loop {
        let ending = now() >= end;
        if !ending && let Some(fence) = free.pop() {
            flying.push_back((fence, now()));
            unsafe { device.queue_submit(gpu.queues[0], &submit, fence) }?;
            continue;
        }
        let Some((fence, submitted)) = flying.pop_front() else { break };
        unsafe { device.wait_for_fences(&[fence], true, SECONDS_20) }?;
        let seen = now();
        done.push(Done { submitted, seen });
        unsafe { device.reset_fences(&[fence]) }?;
        free.push(fence);
        while !ending && now() < seen + options.pause {
            spin_loop();
        }
    }
    free.into_iter().for_each(|fence| unsafe { device.destroy_fence(fence, None) });
    Ok(done)
}

struct Window {
    start: u64,
    end: u64,
}

impl Window {
    fn summary(&self, done: &[Done], options: &Options) -> String {
        let submissions = self.submissions(done);
        let within = done.iter().filter(|done| (self.start..self.end).contains(&done.seen));
        let mut waits: Vec<u64> = within.map(|done| done.seen - done.submitted).collect();
        waits.sort_unstable();
        let at = |part: f64| -> f64 {
            let index = (waits.len() as f64 * part).ceil() as usize;
            waits.get(index.saturating_sub(1)).map_or(0.0, |wait| *wait as f64 / 1e3)
        };
        format!(
            "{{\"submissions\":{submissions:.3},\"seconds\":{:.6},\"mib\":{:.3},\
             \"p50_us\":{:.3},\"p99_us\":{:.3},\"max_us\":{:.3}}}",
            (self.end - self.start) as f64 / 1e9,
            submissions * options.mib(),
            at(0.5),
            at(0.99),
            at(1.0),
        )
    }

    /// Of those that were under way at an edge, the part within: long submissions are few.
    fn submissions(&self, done: &[Done]) -> f64 {
        let mut before = done.first().map_or(0, |first| first.submitted);
        let mut sum = 0.0;
        for Done { seen, .. } in done {
            let within = (*seen).min(self.end).saturating_sub(before.max(self.start));
            sum += within as f64 / (seen - before).max(1) as f64;
            before = *seen;
        }
        sum
    }
}
