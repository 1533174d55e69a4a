//! Several vGPUs of a daemon on one GPU: none is held up by the end of another, nor of the daemon.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use vgpu::control::api::{GpuChange, Policy};
use vgpu::fault::IN_HAND_OVERS;

use crate::host::{Host, named};
use crate::server::{LAVAPIPE, eventually, guest, program};

const NAMES: [&str; 2] = ["a", "b"];

/// A daemon with two vGPUs, each of which has its GPU.
fn two() -> Host {
    two_with(None)
}

/// With a place where the daemon is ended or stopped.
fn two_with(fault: Option<&str>) -> Host {
    let host = Host::start_with(|_| LAVAPIPE.into(), fault);
    for name in NAMES {
        host.create(name, 256).unwrap();
    }
    eventually_known(&host);
    host
}

fn eventually_known(host: &Host) {
    NAMES.iter().for_each(|name| host.eventually_known(name));
}

/// Has each wait now and then, however little the other does.
fn share_equally(host: &Host) {
    let change = GpuChange { policy: Some(Policy::EqualShare), ..GpuChange::default() };
    host.client().set_gpu("llvmpipe", change).unwrap();
}

fn tenants(host: &Host) -> [Tenant; 2] {
    NAMES.map(|name| Tenant::start(host.socket(name)))
}

/// A program that keeps its vGPU busy for a while, once it is told to.
pub(crate) struct Tenant {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Tenant {
    pub(crate) fn start(socket: PathBuf) -> Self {
        let mut command = guest(&socket, &program(), &["tenant", "fill", "4", "--seconds", "0.5"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut tenant = Self { child, input, output };
        assert_eq!(tenant.line(), "ready");
        tenant
    }

    /// From so much later on.
    pub(crate) fn work(&mut self, after: Duration) {
        let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
        writeln!(self.input, "{}", (now + after).as_nanos()).unwrap();
    }

    /// How much it did; none if it lost its device.
    pub(crate) fn done(&mut self) -> Option<f64> {
        self.summary()?["submissions"].as_f64()
    }

    fn summary(&mut self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.line()).ok()
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
    let mut tenants = tenants(host);
    // They are at work from now on, and measured when the disturbance is over.
    tenants.iter_mut().for_each(|tenant| tenant.work(Duration::from_millis(1500)));
    std::thread::sleep(Duration::from_millis(500));
    disturb(host);
    for tenant in &mut tenants {
        let done = tenant.done();
        assert!(done.is_some_and(|done| done >= 1.0), "a tenant did {done:?} submissions");
    }
    assert!(!host.log().contains("out of its turn"), "{}", host.log());
}

#[test]
fn both_get_on_and_the_books_say_so() {
    let mut host = two();

    work_through(&mut host, |_| ());

    for name in NAMES {
        let usage = host.usage(name);
        assert!(usage.submissions > 0 && usage.busy_ns > 0 && usage.wanted_ns > 0, "{usage:?}");
    }
}

/// Nobody has connected yet: what is said comes from the render process beside the VM's.
#[test]
fn a_vgpu_of_a_vm_is_shown_with_its_gpu_as_others_are() {
    let host = Host::start(|_| LAVAPIPE.into());
    host.create("a", 256).unwrap();
    host.create_for_vm("vm", 256).unwrap();
    let shown = |name: &str| {
        eventually("it is shown", || {
            host.client().show(&named(name)).ok()?.device.filter(|device| device.gpu.is_some())
        })
    };
    let (without, within) = (shown("a"), shown("vm"));

    let (gpu, of_vm) = (without.gpu.unwrap(), within.gpu.unwrap());
    assert!(gpu.name.contains("llvmpipe"), "{gpu:?}");
    assert_eq!((gpu.name, gpu.driver, gpu.shader_checks), (of_vm.name, of_vm.driver, of_vm.shader_checks));
    assert_eq!(without.left_open, within.left_open);
    assert_eq!((without.heads.len(), within.heads.len()), (0, 1), "the rest is the device's");
}

#[test]
fn a_stopped_daemon_holds_nobody_up_and_goes_on_where_it_was() {
    let mut host = two();
    share_equally(&host);

    work_through(&mut host, |host| host.signal(Signal::SIGSTOP));
    host.signal(Signal::SIGCONT);

    work_through(&mut host, |_| ());
}

#[test]
fn a_killed_daemon_holds_nobody_up_and_the_next_one_has_the_books() {
    let mut host = two();
    share_equally(&host);

    work_through(&mut host, |host| host.signal(Signal::SIGKILL));
    host.start_again();

    eventually_known(&host);
    work_through(&mut host, |_| ());
    assert!(NAMES.iter().all(|name| host.usage(name).submissions > 0));
}

/// Prints how long the tenants waited: 80 ms of silence make them go on by themselves.
#[test]
fn a_daemon_that_ends_or_stops_at_any_step_of_a_hand_over_holds_nobody_up() {
    for place in IN_HAND_OVERS.iter().flat_map(|place| [(*place).to_owned(), format!("stop {place}")]) {
        let mut host = two_with(Some(&place));
        let mut tenants = tenants(&host);
        // Told before it can come by the place.
        share_equally(&host);
        tenants.iter_mut().for_each(|tenant| tenant.work(Duration::ZERO));
        eventually("the daemon is out", || host.is_out().then_some(()));

        for (name, tenant) in NAMES.iter().zip(&mut tenants) {
            let summary = tenant.summary().unwrap_or_else(|| panic!("{place}: {name} lost its device"));
            assert!(summary["submissions"].as_f64().unwrap() >= 1.0, "{place}: {name}: {summary}");
            eprintln!("{place}: {name} waited {} us at most", summary["max_us"]);
        }

        host.signal(Signal::SIGKILL);
        host.start_again();
        eventually_known(&host);
        work_through(&mut host, |_| ());
    }
}

#[test]
fn a_render_process_that_is_killed_holds_no_other_vgpu_up_and_gets_its_share_again() {
    let mut host = two();
    let mut tenants = tenants(&host);
    tenants.iter_mut().for_each(|tenant| tenant.work(Duration::from_millis(1500)));
    std::thread::sleep(Duration::from_millis(500));

    kill(host.render("a"), Signal::SIGKILL).unwrap();

    let [lost, other] = &mut tenants;
    assert!(other.done().is_some_and(|done| done >= 1.0));
    assert_eq!(lost.done(), None, "its device is lost");
    eventually("there is another process", || host.client().show(&named("a")).ok()?.pid);
    work_through(&mut host, |_| ());
}

/// The fault is planted: no guest can do that.
#[test]
fn one_that_submits_out_of_its_turn_loses_its_process_while_the_other_gets_on() {
    let host = two_with(Some("out of turn: a"));
    share_equally(&host);
    let before = host.render("a");
    let mut tenants = tenants(&host);

    tenants.iter_mut().for_each(|tenant| tenant.work(Duration::from_millis(1500)));

    let [_, other] = &mut tenants;
    assert!(other.done().is_some_and(|done| done >= 1.0), "it got on beside the other one");
    eventually("it is warned of", || host.log().contains("it submits out of its turn").then_some(()));
    eventually("its process is ended", || host.log().contains("again and again: its process").then_some(()));
    eventually("there is another process", || Some(host.render("a")).filter(|pid| *pid != before));
}

/// A shader that does not end, for real.
#[test]
fn one_that_never_gives_the_gpu_back_loses_its_process_while_the_other_gets_on() {
    let mut host = two();
    share_equally(&host);
    let mut other = Tenant::start(host.socket("b"));
    let before = host.render("a");
    let endless = ["tenant", "compute", "1e12"];
    let mut endless = guest(&host.socket("a"), &program(), &endless).stdout(Stdio::null()).spawn().unwrap();

    other.work(Duration::from_millis(1500));
    assert!(other.done().is_some_and(|done| done >= 1.0), "it got on beside the endless one");

    eventually("it is warned of", || host.log().contains("so others run beside it").then_some(()));
    eventually("its process is ended", || host.log().contains("its process is ended").then_some(()));
    assert!(!endless.wait().unwrap().success(), "its program knows");
    eventually("there is another process", || Some(host.render("a")).filter(|pid| *pid != before));
    work_through(&mut host, |_| ());
}
