//! What the kernel knows of a process.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

#[allow(dead_code, reason = "not every benchmark needs it")]
/// How often the threads gave their CPU up, that is, how often they were woken.
pub fn wake_ups(process: Pid) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap())
        .flat_map(|status| {
            let count = |line: &str| line.split("ctxt_switches:").nth(1)?.trim().parse::<u64>().ok();
            status.lines().filter_map(count).collect::<Vec<_>>()
        })
        .sum()
}

#[allow(dead_code, reason = "not every benchmark needs it")]
/// Proportional set size of all mappings but the memory of a guest in this program.
pub fn pss_bytes(process: Pid) -> f64 {
    let maps = fs::read_to_string(format!("/proc/{process}/smaps")).unwrap();
    let mut guests = false;
    let mut kib = 0.0;
    for line in maps.lines() {
        match line.split_once(':') {
            Some(("Pss", size)) if !guests => {
                kib += size.trim().trim_end_matches(" kB").parse::<f64>().unwrap()
            }
            Some((name, _)) if !name.contains(' ') => {}
            _ => guests = line.contains("/memfd:ram"),
        }
    }
    kib * 1024.0
}

/// The processes that this one started, in any of its threads.
pub fn children(process: Pid) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default())
        .flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .map(Pid::from_raw)
        .collect()
}

/// Waits for something that is to happen soon.
pub fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match look() {
            Some(found) => return found,
            None => assert!(Instant::now() < end, "the server does not start"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}
