//! Round trips on the control queue and chains in batches, against two eventfds and the naive loop.

use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::naive;
use crate::report::{Bar, Report, median};
use crate::support::guest::{CONTROL, Guest, LIMIT, Ram, Ring, requests};
use crate::support::service::Service;

const ROUNDS: usize = 5;
const TRIPS: usize = 20_000;
const BATCHES: usize = 4_000;
const BATCH: usize = 64;

pub fn measure(report: &mut Report) {
    let (service, socket) = Service::start();
    let mut ours = Driver::connect(socket);
    let mut theirs = Driver::connect(naive_socket());
    ours.guest.create_image(1, 64, 64);

    let (mut floors, mut trips, mut batches, mut naive_batches, mut naive_trips) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floors.push(floor());
        trips.push(ours.trip());
        naive_trips.push(theirs.trip());
        batches.push(ours.batch());
        naive_batches.push(theirs.batch());
    }
    let (floor, trip) = (median(floors), median(trips));
    report.row("eventfd_floor_p50", floor, "us", Bar::None);
    report.row("round_trip_p50", trip, "us", Bar::None);
    report.row("round_trip_naive_p50", median(naive_trips), "us", Bar::None);
    report.row("round_trip_over_floor", trip / floor, "ratio", Bar::AtMost(1.2));
    let (batch, naive) = (median(batches), median(naive_batches));
    report.row("batch_of_64", batch, "us", Bar::None);
    report.row("batch_of_64_naive", naive, "us", Bar::None);
    report.row("chains_over_naive", naive / batch, "ratio", Bar::AtLeast(1.5));

    drop(ours);
    service.end().unwrap();
}

fn naive_socket() -> UnixStream {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("naive");
    let listener = UnixListener::bind(&path).unwrap();
    let socket = UnixStream::connect(&path).unwrap();
    naive::serve(listener);
    socket
}

/// A guest's driver that sends flushes of a resource that no head shows: 48 bytes there, 24 back.
struct Driver {
    guest: Guest,
    request: (u64, u32),
    answer: u64,
}

impl Driver {
    fn connect(socket: UnixStream) -> Self {
        let mut guest = Guest::negotiate(socket, Ram::new());
        guest.rings[CONTROL] = Ring::new(&guest.ram, 256);
        guest.share_memory();
        guest.start([0; 2]);
        let request = requests::flush(1, [0, 0, 64, 64]);
        let address = guest.ram.take(4096);
        guest.ram.write(address, &request);
        let answer = guest.ram.take(4096);
        Self { guest, request: (address, request.len() as u32), answer }
    }

    fn offer(&mut self) {
        self.guest.rings[CONTROL].add(&[self.request], &[(self.answer, 24)]);
    }

    fn trip(&mut self) -> f64 {
        let mut times = Vec::with_capacity(TRIPS);
        for _ in 0..TRIPS {
            let start = Instant::now();
            self.offer();
            let ring = &mut self.guest.rings[CONTROL];
            ring.notify();
            assert_eq!(ring.wait(LIMIT).unwrap().1, 24);
            times.push(micros(start.elapsed()));
        }
        median(times)
    }

    fn batch(&mut self) -> f64 {
        let mut times = Vec::with_capacity(BATCHES);
        for _ in 0..BATCHES {
            let start = Instant::now();
            (0..BATCH).for_each(|_| self.offer());
            let ring = &mut self.guest.rings[CONTROL];
            ring.notify();
            (0..BATCH).for_each(|_| assert_eq!(ring.wait(LIMIT).unwrap().1, 24));
            times.push(micros(start.elapsed()));
        }
        median(times)
    }
}

/// What two threads pay that wake each other through eventfds and wait as the driver and the worker do, in epoll.
fn floor() -> f64 {
    let [there, back] = [(); 2].map(|()| EventFd::new(EFD_NONBLOCK).unwrap());
    let (there_again, back_again) = (there.try_clone().unwrap(), back.try_clone().unwrap());
    let echo = thread::spawn(move || {
        let wait = waiter(&there_again);
        for _ in 0..TRIPS {
            wait(&there_again);
            back_again.write(1).unwrap();
        }
    });
    let wait = waiter(&back);
    let mut times = Vec::with_capacity(TRIPS);
    for _ in 0..TRIPS {
        let start = Instant::now();
        there.write(1).unwrap();
        wait(&back);
        times.push(micros(start.elapsed()));
    }
    echo.join().unwrap();
    median(times)
}

fn waiter(event: &EventFd) -> impl Fn(&EventFd) + use<> {
    let epoll = Epoll::new().unwrap();
    epoll.ctl(ControlOperation::Add, event.as_raw_fd(), EpollEvent::new(EventSet::IN, 0)).unwrap();
    move |event| {
        epoll.wait(-1, &mut [EpollEvent::default()]).unwrap();
        event.read().unwrap();
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
