//! Rings with nothing to do cost nothing, and wake up when they are told to.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::Duration;

use crate::peer::{DriverRing, RingSetup};
use crate::server::{NOP, Server, until};

/// Times that each thread with one of these names gave the processor away.
fn switches(names: &[&str]) -> BTreeMap<String, u64> {
    let task = |path: &std::path::Path| {
        let status = fs::read_to_string(path.join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let switches = field("voluntary_ctxt_switches:")?.parse().ok()?;
        names.contains(&field("Name:")?).then(|| (path.display().to_string(), switches))
    };
    fs::read_dir("/proc/self/task").unwrap().filter_map(|entry| task(&entry.ok()?.path())).collect()
}

#[test]
fn an_idle_ring_says_so_and_wakes_up_when_it_is_notified() {
    let server = Server::start();
    let mut peer = server.client();
    let mut ring = DriverRing::create(&mut peer, 1);
    for round in 1..20 {
        until("IDLE", || ring.is_idle());
        ring.write(&[NOP, 0]);
        assert_eq!(ring.head(), 8 * (round - 1));
        ring.notify(&mut peer);
        ring.finish();
    }
}

#[test]
fn sixty_four_clients_with_idle_rings_wake_nobody_up() {
    let server = Server::start_with(64, 1 << 30);
    let mut clients: Vec<_> = (0..64)
        .map(|_| {
            let mut peer = server.client();
            let setup = RingSetup { monitor_us: Some(3_000_000), ..RingSetup::new(1, 0) };
            let ring = DriverRing::create_with(&mut peer, setup);
            (peer, ring)
        })
        .collect();
    for (peer, ring) in &mut clients {
        ring.submit(peer, &[NOP, 0]);
    }
    for (_, ring) in &clients {
        until("IDLE", || ring.is_idle());
    }
    thread::sleep(Duration::from_millis(50));
    let before = switches(&["ring", "client", "monitor"]);
    thread::sleep(Duration::from_secs(2));
    let after = switches(&["ring", "client", "monitor"]);
    // Threads of other tests come and go: those that are there before and after are looked at, and most are ours.
    let woken: Vec<u64> =
        before.iter().filter_map(|(task, switches)| Some(after.get(task)? - switches)).collect();
    assert!(woken.len() >= 129, "{} threads", woken.len());
    let quiet = woken.iter().filter(|switches| **switches <= 1).count();
    assert!(quiet >= 128, "{quiet} of {} threads were quiet", woken.len());
}
