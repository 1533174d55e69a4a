//! `scripts/bench venus`: what a Vulkan command of a guest costs, over a driver that does nothing, ours and
//! virglrenderer's; and what idle clients cost.
//!
//! Prints `name value unit bar pass|miss` a line and ends with 1 on a miss.
#![allow(unreachable_pub)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::panic
)]

mod process;
mod report;
mod server;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use process::wake_ups;
use report::{Bar, Report, median};
use server::{LAVAPIPE, Server, root};

const ROUNDS: usize = 5;
const IDLE_CLIENTS: usize = 64;
const IDLE: Duration = Duration::from_secs(10);
/// Feedback would have the guest map memory, which the peer cannot without a DRM device.
const NO_FEEDBACK: &str = "no_fence_feedback,no_semaphore_feedback,no_query_feedback,no_event_feedback";

fn main() -> ExitCode {
    let mut report = Report::default();
    let folder = tempfile::tempdir().unwrap();
    // The process that loads the driver is nobody's.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let noop = driver(folder.path());
    for (workload, size) in [("draws", "1000"), ("submits", "200000")] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(cost(&Server::vgpu(&noop), workload, size));
            theirs.push(cost(&Server::peer(&noop), workload, size));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        report.row(&format!("{workload}_vgpu"), ours, "ns a command", Bar::None);
        report.row(&format!("{workload}_virglrenderer"), theirs, "ns a command", Bar::None);
        report.row(&format!("{workload}_ratio"), ours / theirs, "x", Bar::AtMost(0.8));
    }
    idle(&mut report);
    report.end()
}

/// The description of the driver that does nothing, for the loader.
fn driver(folder: &Path) -> PathBuf {
    let library = root().join("target/release/libvgpu_test_noop.so");
    let path = folder.join("noop.json");
    let description = serde_json::json!({
        "file_format_version": "1.0.0",
        "ICD": { "library_path": library, "api_version": "1.2.0" },
    });
    std::fs::write(&path, description.to_string()).unwrap();
    path
}

/// Nanoseconds of CPU that a server spends on a command of a client, without the client's start.
fn cost(server: &Server, workload: &str, size: &str) -> f64 {
    let mut client = Talking::start(client(server, &["bench", workload, size]).env("VN_PERF", NO_FEEDBACK));
    assert_eq!(client.line(), "ready");
    let before = server.cpu();
    client.answer();
    let line = client.line();
    let spent = server.cpu() - before;
    let count: f64 =
        line.split(' ').nth(1).unwrap_or_else(|| panic!("the client said {line:?}")).parse().unwrap();
    client.answer();
    spent.as_nanos() as f64 / count
}

/// Clients that did a little and then nothing.
fn idle(report: &mut Report) {
    let server = Server::vgpu(Path::new(LAVAPIPE));
    let mut clients: Vec<Talking> =
        (0..IDLE_CLIENTS).map(|_| Talking::start(&mut client(&server, &["idle"]))).collect();
    for client in &mut clients {
        assert_eq!(client.line(), "idle");
    }
    thread::sleep(Duration::from_secs(2));
    let count = || -> u64 { server.processes().into_iter().map(wake_ups).sum() };
    let before = count();
    thread::sleep(IDLE);
    let woken = (count() - before) as f64 / IDLE.as_secs_f64();
    report.row("idle_64_clients_wake_ups", woken, "1/s", Bar::AtMost(64.0));
}

/// A client in a guest's place.
fn client(server: &Server, arguments: &[&str]) -> Command {
    let mesa = root().join("target/vm/mesa-25.0");
    let mut command = Command::new(mesa.join("run"));
    command
        .arg(root().join("target/release/vgpu-test-vulkan"))
        .args(arguments)
        .env("VN_DEBUG", "vtest")
        .env("VTEST_SOCKET_NAME", server.socket())
        .env("VK_DRIVER_FILES", mesa.join("virtio.json"))
        .env("VK_LOADER_LAYERS_DISABLE", "*");
    command
}

/// A client that says a line and waits for one.
struct Talking {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Talking {
    fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn answer(&mut self) {
        writeln!(self.input).unwrap();
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
