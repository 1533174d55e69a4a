//! A VM's contexts, asked for over the link, and the device's end of it.

use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use vgpu::heap::Heap;
use vgpu::link::{Blob, DeviceEnd, Event, RenderEnd, Request, pair};
use vgpu::quota::Ledger;
use vgpu::render::venus::Nobody;
use vgpu::sandbox::Sealed;
use vgpu::transport::contexts;
use vgpu::wire::{ContextId, ResourceId};

use crate::peer::{RingSetup, bytes};
use crate::server::{CAPSET, ECHO, FINISH, NOP, SLEEP, house, until};

const HEAP_BYTES: u64 = 1 << 20;
const PAGE: u64 = 4096;
const A_WHILE: u32 = 300;

/// A device with the process that renders for it, which is a thread here.
struct Link {
    device: DeviceEnd,
    /// Kept as whoever starts both processes keeps it.
    render: OwnedFd,
    thread: Option<JoinHandle<()>>,
    heap: Heap,
    ledger: Ledger,
    done: Arc<AtomicUsize>,
    tokens: u64,
    /// What was said and nobody waited for yet.
    said: Vec<(u64, bool)>,
}

impl Link {
    fn start() -> Self {
        Self::start_with(1 << 30)
    }

    fn start_with(bytes: u64) -> Self {
        let [device, render] = pair().unwrap();
        let (heap, ledger) = (Heap::create(HEAP_BYTES).unwrap(), Ledger::new(bytes));
        let mut link = Self {
            device: DeviceEnd::new(device),
            render,
            thread: None,
            heap,
            ledger,
            done: Arc::default(),
            tokens: 0,
            said: Vec::new(),
        };
        link.serve();
        assert_eq!(link.hear(), Event::Hello(CAPSET));
        link
    }

    fn serve(&mut self) {
        let end = RenderEnd::new(self.render.try_clone().unwrap());
        let house = house(64, &self.ledger, Arc::new(Nobody), &self.done);
        let heap = self.heap.clone();
        let body = move || contexts::serve(&Sealed::not_really(), &end, heap, house, Vec::new()).unwrap();
        self.thread = Some(thread::spawn(body));
    }

    fn ask(&mut self, request: Request<'_>) -> u64 {
        self.tokens += 1;
        self.device.send(self.tokens, request);
        self.tokens
    }

    fn submit(&mut self, context: u32, timeline: u32, words: &[u32]) -> u64 {
        self.ask(Request::Submit { context: id(context), timeline, commands: &bytes(words) })
    }

    fn hear(&mut self) -> Event {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            self.device.flush().unwrap();
            if let Some(event) = self.device.receive().unwrap() {
                return event;
            }
            assert!(Instant::now() < end, "nothing is said");
            thread::sleep(Duration::from_micros(100));
        }
    }

    /// Whether a request was carried out.
    fn outcome(&mut self, token: u64) -> bool {
        loop {
            if let Some(index) = self.said.iter().position(|(said, _)| *said == token) {
                return self.said.remove(index).1;
            }
            match self.hear() {
                Event::Done { token, carried_out } => self.said.push((token, carried_out)),
                Event::Hello(_) => {}
            }
        }
    }

    fn carried_out(&mut self, request: Request<'_>) -> bool {
        let token = self.ask(request);
        self.outcome(token)
    }

    fn create(&mut self, context: u32) -> bool {
        self.carried_out(Request::Create(id(context), b"a program"))
    }

    /// Waits until a context is at a command that takes a while.
    fn keep_busy(&mut self, context: u32) -> u64 {
        let before = self.done();
        let token = self.submit(context, 0, &[NOP, 0, SLEEP, 0, A_WHILE]);
        let done = Arc::clone(&self.done);
        until("it is at it", || done.load(Ordering::Relaxed) > before);
        token
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Writes to the heap as the guest does.
    fn write(&self, offset: u64) {
        std::fs::File::from(self.heap.share().unwrap()).write_all_at(&[7; 8], offset).unwrap();
    }

    fn read(&self, offset: u64) -> [u8; 8] {
        let mut found = [0; 8];
        std::fs::File::from(self.heap.share().unwrap()).read_exact_at(&mut found, offset).unwrap();
        found
    }
}

fn id(number: u32) -> ContextId {
    ContextId::new(number).unwrap()
}

/// Memory that a context shares with us.
fn shared(resource: u32, context: u32, offset: u64, bytes: u64) -> Blob {
    Blob { resource: ResourceId::new(resource).unwrap(), context: id(context), blob_id: 0, offset, bytes }
}

#[test]
fn commands_of_a_context_are_carried_out_in_their_order_and_each_is_answered() {
    let mut link = Link::start();
    assert!(link.create(1));
    let tokens: Vec<_> = (0..100).map(|_| link.submit(1, 0, &[NOP, 0])).collect();
    // More than a packet holds.
    let long: Vec<u32> = [ECHO, 0, 50_000].into_iter().chain(0..50_000).collect();
    let last = link.submit(1, 0, &long);
    assert!(link.outcome(last));
    assert_eq!(link.done(), 101);
    let earlier: Vec<_> = link.said.drain(..).collect();
    assert_eq!(earlier, tokens.into_iter().map(|token| (token, true)).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_done_is_refused_and_the_rest_goes_on() {
    let mut link = Link::start();
    let nop = bytes(&[NOP, 0]);
    let submit = Request::Submit { context: id(9), timeline: 0, commands: &nop };
    assert!(!link.carried_out(submit), "there is no such context");
    assert!(!link.carried_out(Request::Destroy(id(9))));
    assert!(!link.carried_out(Request::Map(shared(1, 9, 0, PAGE))));
    assert!(!link.carried_out(Request::Detach(id(9), ResourceId::new(1).unwrap())));
    assert!(link.create(1));
    for (offset, bytes) in
        [(HEAP_BYTES, PAGE), (0, HEAP_BYTES + PAGE), (1, PAGE), (0, 0), (u64::MAX - 4095, PAGE)]
    {
        assert!(!link.carried_out(Request::Map(shared(1, 1, offset, bytes))), "{bytes} at {offset}");
        assert!(!link.carried_out(Request::Unmap(shared(1, 1, offset, bytes))), "{bytes} at {offset}");
    }
    let nonsense = bytes(&[0xdead, 0]);
    let nonsense = Request::Submit { context: id(1), timeline: 0, commands: &nonsense };
    assert!(!link.carried_out(nonsense), "nobody knows this command");
    assert!(link.create(2));
    let token = link.submit(2, 0, &[NOP, 0]);
    assert!(link.outcome(token));
}

#[test]
fn contexts_beyond_the_memory_limit_are_refused_until_others_are_gone() {
    let mut link = Link::start_with(300 << 10);
    assert!(link.create(1) && link.create(2));
    assert!(!link.create(3));
    assert!(link.carried_out(Request::Destroy(id(1))));
    until("its memory is given back", || link.create(3));
}

#[test]
fn a_busy_context_holds_up_neither_others_nor_the_heap() {
    let mut link = Link::start();
    assert!(link.create(1) && link.create(2));
    let busy = link.keep_busy(1);
    let quick = link.submit(2, 0, &[NOP, 0]);
    assert!(link.outcome(quick));
    assert!(link.carried_out(Request::Map(shared(1, 2, 0, PAGE))));
    assert!(link.carried_out(Request::Unmap(shared(1, 2, 0, PAGE))));
    assert_eq!(link.said, [], "the busy one is at it still");
    assert!(link.outcome(busy));
}

#[test]
fn a_fence_of_a_queue_is_told_when_that_is_done() {
    let mut link = Link::start();
    assert!(link.create(1));
    let fenced = link.submit(1, 1, &[NOP, 0]);
    let at_once = link.submit(1, 0, &[NOP, 0]);
    assert!(link.outcome(at_once));
    assert_eq!(link.said, [], "nobody finished the queue");
    let finish = link.submit(1, 0, &[FINISH, 0]);
    assert!(link.outcome(fenced) && link.outcome(finish));
}

#[test]
fn a_device_that_asks_again_learns_what_is_over_and_waits_for_the_rest() {
    let mut link = Link::start();
    assert!(link.create(1));
    let over = link.submit(1, 0, &[NOP, 0]);
    assert!(link.outcome(over));
    let busy = link.keep_busy(1);
    let recall = link.ask(Request::Recall(&[over, busy, 1 << 40]));
    assert!(link.outcome(recall) && link.outcome(over) && link.outcome(1 << 40));
    assert_eq!(link.said, [], "it is not over");
    assert!(link.outcome(busy));
    let greet = link.ask(Request::Greet);
    assert_eq!(link.hear(), Event::Hello(CAPSET));
    assert!(link.outcome(greet));
    assert_eq!(link.said, [], "nothing is answered twice");
}

#[test]
fn a_context_that_is_made_again_is_the_same() {
    let mut link = Link::start();
    assert!(link.create(1));
    let taken = link.ledger.used();
    assert!(link.create(1));
    assert_eq!(link.ledger.used(), taken);
}

#[test]
fn a_range_is_zero_when_it_is_answered_that_it_is_free_even_if_its_context_is_busy_or_gone() {
    let mut link = Link::start();
    assert!(link.create(1));
    let setup = RingSetup::new(5, 1);
    let blob = shared(1, 1, 4 * PAGE, 2 * PAGE);
    assert!(link.carried_out(Request::Map(blob)));
    let ring = link.submit(1, 0, &setup.command());
    assert!(link.outcome(ring));
    let busy = link.keep_busy(1);
    link.write(5 * PAGE);
    assert!(link.carried_out(Request::Destroy(id(1))));
    assert!(link.carried_out(Request::Unmap(blob)));
    assert_eq!(link.read(5 * PAGE), [0; 8]);
    link.outcome(busy);
    thread::sleep(Duration::from_millis(20));
    assert_eq!(link.read(4 * PAGE + 128), [0; 8], "its ring's status is written to nobody else's memory");
}

#[test]
fn a_reset_ends_all_contexts_and_empties_the_heap() {
    let mut link = Link::start();
    let fresh = link.ledger.used();
    assert!(link.create(1) && link.create(2));
    assert!(link.carried_out(Request::Map(shared(1, 1, 0, PAGE))));
    link.keep_busy(2);
    link.write(0);
    link.write(HEAP_BYTES - PAGE);
    assert!(link.carried_out(Request::Reset));
    assert_eq!((link.read(0), link.read(HEAP_BYTES - PAGE)), ([0; 8], [0; 8]));
    assert_eq!(link.ledger.used(), fresh, "nothing is left of them");
    let nop = bytes(&[NOP, 0]);
    assert!(!link.carried_out(Request::Submit { context: id(1), timeline: 0, commands: &nop }));
    assert!(link.create(1));
    assert!(link.carried_out(Request::Map(shared(1, 1, 0, PAGE))));
}

#[test]
fn requests_that_nobody_read_are_for_the_next_process() {
    let mut link = Link::start();
    assert!(link.create(1));
    // The thread ends with its end of the link; the requests that follow stay in the socket of whoever keeps it.
    let [device, render] = pair().unwrap();
    let kept = std::mem::replace(&mut link.render, render);
    let first = std::mem::replace(&mut link.device, DeviceEnd::new(device));
    drop((kept, first));
    link.thread.take().unwrap().join().unwrap();
    let (create, nop) = (link.ask(Request::Create(id(4), b"")), link.submit(4, 0, &[NOP, 0]));
    link.serve();
    assert_eq!(link.hear(), Event::Hello(CAPSET));
    assert!(link.outcome(create) && link.outcome(nop));
}
