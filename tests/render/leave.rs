//! Who may submit, and the arbiter that says so: real submissions, each vGPU with its own page and thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use vgpu::arbiter::{Arbiter, Seating, follow};
use vgpu::quota::Ledger;
use vgpu::render::vulkan::{Leave, Look};
use vgpu::sched::{Policy, Refused, Settings};

use crate::client::*;
use crate::scene;

const LONG: Duration = Duration::from_secs(20);
const OPEN: u64 = u64::MAX;

fn now_ns() -> u64 {
    let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
    u64::try_from(now.as_nanos()).unwrap()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < LONG, "not within {LONG:?}: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn client(leave: &Arc<Leave>) -> Client {
    Client::under(leave, &Ledger::new(1 << 24))
}

#[test]
fn without_leave_nothing_goes_and_with_it_all_in_order() {
    let leave = Leave::open();
    let mut client = client(&leave);
    client.tell(create_fence(10, false));
    client.tell(create_fence(11, false));
    leave.take();

    client.tell(submit(&[], 10));
    client.tell(submit(&[], 11));

    assert_eq!(leave.look(), Look { waits: true, ..Look::default() });
    assert_eq!(client.ask(wait_for_fence(10, 1_000_000)).result(), TIMEOUT);
    leave.give(OPEN);
    leave.advance();
    assert_eq!(client.ask(wait_for_fence(11, u64::MAX)).result(), SUCCESS);
    assert_eq!(client.ask(fence_status(10)).result(), SUCCESS);
    assert_eq!((leave.given(), leave.look().waits, client.lost()), (2, false, None));
}

#[test]
fn leave_that_ends_is_enough_for_as_many_as_will_be_done_by_then_and_for_one_at_least() {
    for (each_ms, expected) in [(40_000, 2), (1_000_000, 1)] {
        let leave = Leave::open();
        let mut client = client(&leave);
        leave.set_each(each_ms * 1_000_000);
        leave.give(now_ns() + 100_000_000_000);

        (0..4).for_each(|_| client.tell(submit(&[], 0)));

        assert_eq!((leave.given(), leave.look().waits), (expected, true));
        leave.give(OPEN);
        leave.advance();
        assert_eq!((leave.given(), leave.look().waits), (4, false));
    }
}

#[test]
fn the_hosts_signal_that_lies_behind_a_submission_without_leave_gets_through() {
    let leave = Leave::open();
    let mut client = client(&leave);
    client.tell(create_timeline(10, 0));
    client.tell(create_timeline(11, 0));
    client.tell(create_fence(12, false));
    let waits = Batch { waits: &[(10, 1)], signals: &[(11, 1)], ..Default::default() };
    client.tell(submit(&[waits], 12));
    assert_eq!(leave.look(), Look::default(), "it waits for more than leave");

    leave.take();
    client.tell(signal(10, 1));

    assert_eq!(leave.look(), Look { waits: true, ..Look::default() });
    leave.give(OPEN);
    leave.advance();
    assert_eq!(client.ask(wait_semaphore(11, 1, u64::MAX)).result(), SUCCESS);
    assert_eq!(client.ask(wait_for_fence(12, u64::MAX)).result(), SUCCESS);
    assert_eq!(client.lost(), None);
}

#[test]
fn a_lost_context_waits_for_no_leave() {
    let leave = Leave::open();
    let mut client = client(&leave);
    client.tell(create_fence(10, false));
    leave.take();
    client.tell(submit(&[], 10));

    client.tell(submit(&[], 10));

    client.assert_lost("submission");
    assert_eq!(leave.look(), Look::default());
}

/// What each vGPU may allocate.
const MEMORY_BYTES: u64 = 1 << 24;

/// A vGPU under an arbiter, with a client.
struct Tenant {
    client: Client,
    seating: Seating,
}

impl Tenant {
    fn new(arbiter: &Arbiter, name: &str) -> Self {
        let leave = Leave::open();
        let seating = arbiter.admit(name, Settings::default(), MEMORY_BYTES).unwrap();
        follow(&seating, &scene::gpu(), Arc::clone(&leave)).unwrap();
        Self { client: Client::under(&leave, &seating.ledger().unwrap()), seating }
    }

    /// Fills a buffer so often, and waits for each.
    fn work(&mut self, count: u64) {
        self.client.tell(create_fence(90, false));
        self.client.tell(scene::create_buffer(30, 1 << 20));
        self.client.tell(allocate(31, 1 << 20));
        self.client.tell(bind_buffer(30, 31, 0));
        record_fill(&mut self.client, [32, 33, 30], 1 << 20);
        self.work_again(count);
    }

    fn work_again(&mut self, count: u64) {
        for _ in 0..count {
            self.client.tell(submit(&[Batch { buffers: &[33], ..Default::default() }], 90));
            assert_eq!(self.client.ask(wait_for_fence(90, 20_000_000_000)).result(), SUCCESS);
            self.client.tell(reset_fence(90));
        }
        assert_eq!(self.client.lost(), None);
    }
}

fn arbiter() -> Arc<Arbiter> {
    Arbiter::start(Box::new(|name, fault| panic!("{name}: {fault:?}"))).unwrap()
}

#[test]
fn vgpus_beside_each_other_all_come_to_their_end_and_are_told_of() {
    let arbiter = arbiter();
    let mut tenants = ["a", "b", "c"].map(|name| Tenant::new(&arbiter, name));

    thread::scope(|scope| tenants.each_mut().map(|tenant| scope.spawn(|| tenant.work(300))).map(drop));

    eventually("all use is in the books", || {
        let usage = arbiter.usage();
        usage.iter().all(|tenant| tenant.usage.submissions >= 300 && tenant.usage.busy_ns > 0)
    });
    let gpu = scene::gpu().uuid().to_owned();
    assert!(arbiter.usage().iter().all(|tenant| tenant.gpu.as_ref() == Some(&gpu) && tenant.wanted_ns > 0));
}

#[test]
fn when_the_arbiter_is_gone_submissions_go_on_and_the_next_one_takes_over() {
    let first = arbiter();
    let mut tenants = ["a", "b"].map(|name| Tenant::new(&first, name));
    let working = tenants.each_mut();
    thread::scope(|scope| {
        let _ = working.map(|tenant| scope.spawn(|| tenant.work(400)));
        thread::sleep(Duration::from_millis(50));
        drop(first);
    });

    let next = arbiter();
    for (name, tenant) in ["a", "b"].into_iter().zip(&tenants) {
        next.adopt(name, Settings::default(), MEMORY_BYTES, &tenant.seating).unwrap();
    }

    let working = tenants.each_mut();
    thread::scope(|scope| working.map(|tenant| scope.spawn(|| tenant.work_again(200))).map(drop));
    eventually("the next arbiter has the books", || {
        next.usage().iter().all(|tenant| tenant.usage.submissions > 100)
    });
}

/// As a process would that was taken over.
#[test]
fn one_that_rings_without_end_and_says_nothing_holds_nobody_up() {
    let arbiter = arbiter();
    let mut tenants = ["a", "b"].map(|name| Tenant::new(&arbiter, name));
    let hostile = arbiter.admit("hostile", Settings::default(), 1 << 24).unwrap();
    let over = AtomicBool::new(false);

    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                _ = nix::unistd::write(&hostile.kick, &1_u64.to_ne_bytes());
            }
        });
        let working = tenants.each_mut().map(|tenant| scope.spawn(|| tenant.work(200)));
        working.into_iter().for_each(|tenant| tenant.join().unwrap());
        over.store(true, Ordering::Relaxed);
    });

    let usage = arbiter.usage();
    assert!(usage.iter().all(|tenant| tenant.name == "hostile" || tenant.wanted_ns > 0));
}

#[test]
fn fixed_shares_that_do_not_fit_are_refused_and_change_nothing() {
    let arbiter = arbiter();
    let _tenants = ["a", "b"].map(|name| Tenant::new(&arbiter, name));
    let gpu = scene::gpu().uuid().to_owned();
    eventually("both are there", || arbiter.usage().iter().all(|tenant| tenant.gpu.is_some()));

    assert_eq!(arbiter.set_policy(&gpu, Policy::FixedShare), Err(Refused::Oversold(200)));
    assert_eq!(arbiter.policy(&gpu).0, Policy::BestEffort);
    for name in ["a", "b"] {
        arbiter.set(name, Settings { cap_percent: 50, ..Settings::default() }).unwrap();
    }
    arbiter.set_policy(&gpu, Policy::FixedShare).unwrap();
    let more = Settings { cap_percent: 51, ..Settings::default() };
    assert_eq!(arbiter.set("a", more), Err(Refused::Oversold(101)));
    assert_eq!(arbiter.usage()[0].settings.cap_percent, 50);
}
