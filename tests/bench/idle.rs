//! What a device process costs while its guest does nothing.

use std::thread;
use std::time::Duration;

use crate::frames::Server;
use crate::process::{pss_bytes, wake_ups};
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

    report.row("idle_pss", pss_bytes(server.worker) / 1_048_576.0, "MiB", Bar::AtMost(4.0));
    report.row("idle_wake_ups_in_3_s", woken as f64, "count", Bar::AtMost(0.0));
}
