//! `scripts/bench daemon`: what a service for many VMs costs, and how long a guest waits when its device process dies.
//!
//! Prints `name value unit bar pass|miss` a line and ends with 1 on a miss.
#![allow(unreachable_pub)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod process;
mod report;
#[path = "../support/mod.rs"]
mod support;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use process::{children, pss_bytes, wait_for, wake_ups};
use report::{Bar, Report, median};
use support::display_peer::{DisplayPeer, Options};
use support::guest::{Guest, LIMIT, Ram, requests};

const VGPUS: usize = 64;
const LISTS: usize = 41;
const KILLS: usize = 15;
const IDLE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let mut report = Report::default();
    let daemon = Daemon::start();
    let creations = (0..VGPUS).map(|number| milliseconds(|| daemon.create(number))).collect();
    report.row("create_until_accepting_p50", median(creations), "ms", Bar::AtMost(50.0));
    let lists = (0..LISTS).map(|_| milliseconds(|| drop(daemon.verb(&["list"])))).collect();
    report.row("list_64_p50", median(lists), "ms", Bar::AtMost(20.0));
    idle(&daemon, &mut report);
    let waits = (0..KILLS).map(|number| take_over(&daemon, number)).collect();
    report.row("killed_until_flush_is_shown_p50", median(waits), "ms", Bar::AtMost(300.0));
    report.end()
}

fn milliseconds(job: impl FnOnce()) -> f64 {
    let start = Instant::now();
    job();
    start.elapsed().as_secs_f64() * 1e3
}

/// With all vGPUs on offer and nobody asking for anything.
fn idle(daemon: &Daemon, report: &mut Report) {
    let mut processes = children(daemon.process());
    assert_eq!(processes.len(), VGPUS, "a process a vGPU");
    let device_pss: Vec<f64> = processes.iter().map(|process| pss_bytes(*process)).collect();
    processes.push(daemon.process());
    // Threads that the verbs above needed are given back after ten seconds.
    thread::sleep(Duration::from_secs(12));
    let count = || -> u64 { processes.iter().map(|process| wake_ups(*process)).sum() };
    let before = count();
    thread::sleep(IDLE);
    let woken = (count() - before) as f64 / IDLE.as_secs_f64();
    report.row("idle_64_wake_ups", woken, "1/s", Bar::AtMost(0.0));
    report.row("idle_64_daemon_pss", pss_bytes(daemon.process()) / 1_048_576.0, "MiB", Bar::AtMost(24.0));
    report.row("idle_64_device_pss_p50", median(device_pss) / 1_048_576.0, "MiB", Bar::None);
}

/// Milliseconds from the death of the process that serves a drawing guest until its next flush is on the scanout.
fn take_over(daemon: &Daemon, number: usize) -> f64 {
    const AREA: [u32; 4] = [0, 0, 1280, 800];
    let (display, socket) =
        DisplayPeer::start(Options { keep_pixels: true, heads: vec![(1280, 800)], ..Options::default() });
    let before = children(daemon.process());
    let mut guest = Guest::negotiate(UnixStream::connect(daemon.socket(number)).unwrap(), Ram::new());
    guest.share_memory();
    guest.set_display(&socket);
    guest.start([0; 2]);
    let backing = guest.create_image(1, AREA[2], AREA[3]);
    guest.must(&requests::set_scanout(0, 1, AREA));
    let pixel = |shade: u8| [shade, shade, shade, 0xff].repeat((AREA[2] * AREA[3]) as usize);
    let mut draw = |shade: u8| {
        guest.ram.write(backing, &pixel(shade));
        guest.must(&requests::transfer(1, AREA, 0));
        guest.must(&requests::flush(1, AREA));
        let last = |seen: &support::display_peer::Seen| {
            let surface = seen.surfaces[0].as_ref();
            surface.is_some_and(|s| s.drawn && s.pixel(AREA[2] - 1, AREA[3] - 1) == [shade; 3])
        };
        assert!(display.wait(LIMIT, last), "a frame does not arrive");
    };
    draw(1);
    let victim = daemon.pid(number);
    assert!(before.contains(&victim));
    kill(victim, Signal::SIGKILL).unwrap();
    milliseconds(|| draw(2))
}

struct Daemon {
    child: Child,
    folder: tempfile::TempDir,
}

impl Daemon {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_vgpu"))
            .arg("daemon")
            .arg("--state")
            .arg(folder.path().join("state"))
            .arg("--api")
            .arg(folder.path().join("api.sock"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(|| UnixStream::connect(folder.path().join("api.sock")).ok());
        Self { child, folder }
    }

    fn process(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn socket(&self, number: usize) -> PathBuf {
        self.path(&format!("vm{number}.sock"))
    }

    fn verb(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_vgpu"))
            .args(arguments)
            .env("VGPU_API", self.path("api.sock"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn create(&self, number: usize) {
        self.verb(&["create", &format!("vm{number}")]);
        connects(&self.socket(number));
    }

    fn pid(&self, number: usize) -> Pid {
        let shown: serde_json::Value =
            serde_json::from_str(&self.verb(&["show", &format!("vm{number}"), "-o", "json"])).unwrap();
        Pid::from_raw(shown["pid"].as_i64().unwrap() as i32)
    }
}

/// Whether somebody listens, without becoming the VM: that would cost the vGPU a device process.
fn connects(socket: &Path) {
    let table = std::fs::read_to_string("/proc/net/unix").unwrap();
    let listening = |line: &str| line.ends_with(socket.to_str().unwrap()) && line.contains(" 00010000 ");
    assert!(table.lines().any(listening), "{} does not listen", socket.display());
}

impl Drop for Daemon {
    fn drop(&mut self) {
        for number in 0..VGPUS {
            self.verb(&["delete", &format!("vm{number}")]);
        }
        _ = kill(self.process(), Signal::SIGTERM);
        _ = self.child.wait();
    }
}
