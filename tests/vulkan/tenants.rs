//! Several vGPUs of a daemon on one GPU: none is held up by the end of another, nor of the daemon.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use vgpu::control::api::{Client, GpuChange, Name, Policy, VgpuUsage};

use crate::server::{LAVAPIPE, eventually, guest, program};

/// A daemon with two vGPUs.
struct Host {
    folder: tempfile::TempDir,
    daemon: Child,
}

const NAMES: [&str; 2] = ["a", "b"];

impl Host {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Self::daemon(&folder);
        let host = Self { folder, daemon };
        for name in NAMES {
            let text = "{\"profile\": {\"transport\": \"vtest\", \"limits\": {\"memory\": \"256MiB\"}}}";
            host.client().create(&named(name), &serde_json::from_str(text).unwrap()).unwrap();
        }
        host.eventually_known();
        host
    }

    fn daemon(folder: &tempfile::TempDir) -> Child {
        let path = |name| folder.path().join(name);
        let daemon = Command::new(env!("CARGO_BIN_EXE_vgpu"))
            .args(["daemon", "--state"])
            .arg(path("state"))
            .arg("--api")
            .arg(path("api"))
            .env("VK_DRIVER_FILES", LAVAPIPE)
            .env("VK_ICD_FILENAMES", LAVAPIPE)
            .stdin(Stdio::null())
            .stderr(File::options().create(true).append(true).open(path("log")).unwrap())
            .spawn();
        let api = Client::new(path("api"));
        eventually("the daemon answers", || api.list().ok());
        daemon.unwrap()
    }

    /// The next daemon, in place of one that was killed.
    fn start_again(&mut self) {
        self.daemon.wait().unwrap();
        self.daemon = Self::daemon(&self.folder);
    }

    fn client(&self) -> Client {
        Client::new(self.folder.path().join("api"))
    }

    fn usage(&self, name: &str) -> VgpuUsage {
        let all = self.client().usage().unwrap().vgpus;
        all.into_iter().find(|usage| usage.name == named(name)).unwrap()
    }

    fn eventually_known(&self) {
        eventually("each vGPU has its GPU", || {
            let all = self.client().usage().ok()?.vgpus;
            (all.len() == 2 && all.iter().all(|usage| usage.gpu.is_some())).then_some(())
        });
    }

    /// Has each wait now and then, however little the other does.
    fn share_equally(&self) {
        let change = GpuChange { policy: Policy::EqualShare };
        self.client().set_gpu("llvmpipe", change).unwrap();
    }

    fn render(&self, name: &str) -> Pid {
        eventually("it has a process", || self.client().show(&named(name)).ok()?.pid.map(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.daemon.id().try_into().unwrap()), signal).unwrap();
    }

    fn tenants(&self) -> [Tenant; 2] {
        NAMES.map(|name| Tenant::start(self.folder.path().join(format!("{name}.sock"))))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        _ = kill(Pid::from_raw(self.daemon.id().try_into().unwrap()), Signal::SIGCONT);
        NAMES.iter().for_each(|name| _ = self.client().delete(&named(name)));
        _ = self.daemon.kill();
        _ = self.daemon.wait();
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
    }
}

fn named(name: &str) -> Name {
    name.parse().unwrap()
}

/// A program that keeps its vGPU busy for a while, once it is told to.
struct Tenant {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Tenant {
    fn start(socket: PathBuf) -> Self {
        let mut command = guest(&socket, &program(), &["tenant", "fill", "4", "--seconds", "0.5"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut tenant = Self { child, input, output };
        assert_eq!(tenant.line(), "ready");
        tenant
    }

    /// From so much later on.
    fn work(&mut self, after: Duration) {
        let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
        writeln!(self.input, "{}", (now + after).as_nanos()).unwrap();
    }

    /// How much it did; none if it lost its device.
    fn done(&mut self) -> Option<f64> {
        serde_json::from_str::<serde_json::Value>(&self.line()).ok()?["submissions"].as_f64()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Has both work, with something done to the host meanwhile; and both must get on after it.
fn work_through(host: &mut Host, disturb: impl FnOnce(&mut Host)) {
    let mut tenants = host.tenants();
    // They are at work from now on, and measured when the disturbance is over.
    tenants.iter_mut().for_each(|tenant| tenant.work(Duration::from_millis(1500)));
    std::thread::sleep(Duration::from_millis(500));
    disturb(host);
    for tenant in &mut tenants {
        let done = tenant.done();
        assert!(done.is_some_and(|done| done >= 1.0), "a tenant did {done:?} submissions");
    }
}

#[test]
fn both_get_on_and_the_books_say_so() {
    let mut host = Host::start();

    work_through(&mut host, |_| ());

    for name in NAMES {
        let usage = host.usage(name);
        assert!(usage.submissions > 0 && usage.busy_ns > 0 && usage.wanted_ns > 0, "{usage:?}");
    }
}

#[test]
fn a_stopped_daemon_holds_nobody_up_and_goes_on_where_it_was() {
    let mut host = Host::start();
    host.share_equally();

    work_through(&mut host, |host| host.signal(Signal::SIGSTOP));
    host.signal(Signal::SIGCONT);

    work_through(&mut host, |_| ());
}

#[test]
fn a_killed_daemon_holds_nobody_up_and_the_next_one_has_the_books() {
    let mut host = Host::start();
    host.share_equally();

    work_through(&mut host, |host| host.signal(Signal::SIGKILL));
    host.start_again();

    host.eventually_known();
    work_through(&mut host, |_| ());
    assert!(NAMES.iter().all(|name| host.usage(name).submissions > 0));
}

#[test]
fn a_render_process_that_is_killed_holds_no_other_vgpu_up_and_gets_its_share_again() {
    let mut host = Host::start();
    let mut tenants = host.tenants();
    tenants.iter_mut().for_each(|tenant| tenant.work(Duration::from_millis(1500)));
    std::thread::sleep(Duration::from_millis(500));

    kill(host.render("a"), Signal::SIGKILL).unwrap();

    let [lost, other] = &mut tenants;
    assert!(other.done().is_some_and(|done| done >= 1.0));
    assert_eq!(lost.done(), None, "its device is lost");
    eventually("there is another process", || host.client().show(&named("a")).ok()?.pid);
    work_through(&mut host, |_| ());
}
