//! `scripts/bench vfio`: a doorbell that is a message, from the guest's write to the answer in its used ring, against
//! the server of the `vfio_user` crate around the usual loop. Both in turns, by the same client.
//!
//! Prints `name value unit bar pass|miss` a line and ends with 1 on a miss. Everything runs on one CPU, for what the
//! scheduler does with two threads says nothing about a server.
#![allow(unreachable_pub, missing_docs, dead_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

#[path = "../support/function.rs"]
mod function;
#[path = "../support/guest/mod.rs"]
mod guest;
mod report;
#[path = "../support/service.rs"]
mod service;

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use vfio_user::{DmaMapFlags, DmaUnmapFlags, Server, ServerBackend, ServerRegion};
use vgpu::device::Device;
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vmm_sys_util::eventfd::EventFd;

use function::{Bus, Driver, Front, FunctionService, VERSION};
use guest::{CONTROL, FEATURES, LIMIT, Memory, Ram, Ring, requests};
use report::{Bar, Report, median};

const ROUNDS: usize = 9;
const TRIPS: usize = 10_000;
const ALL: [u32; 4] = [0, 0, 64, 64];

fn main() -> ExitCode {
    pin_to_one_cpu();
    let (service, front) = FunctionService::with_front(Device::new(service::setup()).unwrap());
    let mut ours = Guest::of_function(front);
    let mut theirs = Guest::of_crate();
    let (mut times, mut crates) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        times.push(ours.trip());
        crates.push(theirs.trip());
    }
    let mut report = Report::default();
    let (time, peer) = (median(times), median(crates));
    report.row("doorbell_by_message_p50", time, "us", Bar::None);
    report.row("doorbell_by_message_crate_p50", peer, "us", Bar::None);
    report.row("doorbell_by_message_over_crate", time / peer, "ratio", Bar::AtMost(0.8));
    drop(ours);
    service.end().unwrap();
    report.end()
}

/// The first CPU that this process may use; its threads inherit it.
fn pin_to_one_cpu() {
    let allowed = sched_getaffinity(Pid::this()).unwrap();
    let first = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu).unwrap()).unwrap();
    let mut one = CpuSet::new();
    one.set(first).unwrap();
    sched_setaffinity(Pid::this(), &one).unwrap();
}

/// A driver that sends flushes of a resource that no head shows: 48 bytes there, 24 back.
struct Guest {
    bus: Front,
    doorbell: (u32, u64),
    ring: Ring,
    request: (u64, u32),
    answer: (u64, u32),
}

impl Guest {
    fn of_function(front: Front) -> Self {
        let ram = Ram::new();
        let mut driver = Driver::find(front);
        driver.share(&ram);
        let mut rings = [256, 16].map(|size| Ring::new(&ram, size));
        driver.start(&mut rings, FEATURES);
        let doorbell = driver.doorbell(CONTROL);
        let [ring, _] = rings;
        let mut guest = Self::new(driver.bus, doorbell, ring, &ram);
        let flush = std::mem::replace(&mut guest.request, (ram.take(4096), 40));
        ram.write(guest.request.0, &requests::create_2d(1, 2, 64, 64));
        guest.once();
        guest.request = flush;
        guest
    }

    fn of_crate() -> Self {
        let ram = Ram::new();
        let mut ring = Ring::new(&ram, 256);
        ring.event_idx = true;
        let bus = crate_server(ram.memory, &ring);
        Self::new(bus, (0, 0x3000), ring, &ram)
    }

    fn new(bus: Front, doorbell: (u32, u64), ring: Ring, ram: &Ram) -> Self {
        let request = requests::flush(1, ALL);
        let address = ram.take(4096);
        ram.write(address, &request);
        Self { bus, doorbell, ring, request: (address, request.len() as u32), answer: (ram.take(4096), 24) }
    }

    fn once(&mut self) {
        self.ring.add(&[self.request], &[self.answer]);
        let (bar, offset) = self.doorbell;
        self.bus.write(bar, offset, &[0; 2]);
        assert_eq!(self.ring.wait(LIMIT).unwrap().1, 24);
    }

    fn trip(&mut self) -> f64 {
        let mut times = Vec::with_capacity(TRIPS);
        for _ in 0..TRIPS {
            let start = Instant::now();
            self.once();
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        median(times)
    }
}

/// The crate's server, told of the queue without a word on the socket.
fn crate_server(memory: &'static Memory, ring: &Ring) -> Front {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let region = ServerRegion { region_info: Default::default(), sparse_areas: vec![], mmap_fd: None };
    let server = Server::new(&path, true, vec![], vec![region]).unwrap();
    let mut queue = Queue::new(256).unwrap();
    let [table, available, used] = ring.addresses.map(|address| Some(address as u32));
    queue.set_size(ring.size);
    queue.set_desc_table_address(table, Some(0));
    queue.set_avail_ring_address(available, Some(0));
    queue.set_used_ring_address(used, Some(0));
    queue.set_event_idx(true);
    queue.set_ready(true);
    let call = ring.call.try_clone().unwrap();
    thread::spawn(move || _ = server.run(&mut Naive { memory, queue, call }));
    let front = Front(UnixStream::connect(&path).unwrap());
    assert_eq!(front.ask(VERSION, b"\0\0\x01\0{\"capabilities\":{}}\0", &[]).error, 0);
    front
}

/// The usual loop: it answers each 48-byte request with a 24-byte header and does nothing else.
struct Naive {
    memory: &'static Memory,
    queue: Queue,
    call: EventFd,
}

impl Naive {
    fn answer_all(&mut self) -> io::Result<bool> {
        let chains: Vec<_> = self.queue.iter(self.memory).map_err(io::Error::other)?.collect();
        for chain in &chains {
            let head = chain.head_index();
            let mut reader = chain.clone().reader(self.memory).map_err(io::Error::other)?;
            let request: [u64; 6] = reader.read_obj()?;
            let mut writer = chain.clone().writer(self.memory).map_err(io::Error::other)?;
            writer.write_obj([0x1100, request[1], 0])?;
            self.queue.add_used(self.memory, head, 24).map_err(io::Error::other)?;
        }
        if !chains.is_empty() && self.queue.needs_notification(self.memory).map_err(io::Error::other)? {
            self.call.write(1)?;
        }
        Ok(!chains.is_empty())
    }
}

impl ServerBackend for Naive {
    fn region_write(&mut self, _: u32, _: u64, _: &[u8]) -> io::Result<()> {
        loop {
            self.queue.disable_notification(self.memory).map_err(io::Error::other)?;
            self.answer_all()?;
            if !self.queue.enable_notification(self.memory).map_err(io::Error::other)? {
                return Ok(());
            }
        }
    }

    fn region_read(&mut self, _: u32, _: u64, _: &mut [u8]) -> io::Result<()> {
        Ok(())
    }

    fn dma_map(&mut self, _: DmaMapFlags, _: u64, _: u64, _: u64, _: Option<File>) -> io::Result<()> {
        Ok(())
    }

    fn dma_unmap(&mut self, _: DmaUnmapFlags, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_irqs(&mut self, _: u32, _: u32, _: u32, _: u32, _: Vec<File>) -> io::Result<()> {
        Ok(())
    }
}
