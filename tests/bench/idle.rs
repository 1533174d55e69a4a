//! What a device process costs while its guest does nothing.

use std::fs;
use std::thread;
use std::time::Duration;

use nix::unistd::Pid;

use crate::frames::Server;
use crate::report::{Bar, Report};
use crate::support::guest::{Guest, Ram, requests};

pub fn measure(report: &mut Report) {
    let server = Server::vgpu();
    let mut guest = Guest::connect(server.connect(), Ram::new());
    guest.must(&requests::get_display_info());
    thread::sleep(Duration::from_millis(200));

    let before = wake_ups(server.worker);
    thread::sleep(Duration::from_secs(3));
    let woken = wake_ups(server.worker) - before;

    report.row("idle_pss", own_pss_bytes(server.worker) / 1_048_576.0, "MiB", Bar::AtMost(4.0));
    report.row("idle_wake_ups_in_3_s", woken as f64, "count", Bar::AtMost(0.0));
}

/// How often the threads gave their CPU up, that is, how often they were woken.
fn wake_ups(process: Pid) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap())
        .flat_map(|status| {
            let count = |line: &str| line.split("ctxt_switches:").nth(1)?.trim().parse::<u64>().ok();
            status.lines().filter_map(count).collect::<Vec<_>>()
        })
        .sum()
}

/// Proportional set size of all mappings but the guest's memory.
fn own_pss_bytes(process: Pid) -> f64 {
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
