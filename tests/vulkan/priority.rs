//! Priority on the GPU: for vGPUs of the latency class, from a driver that gives it as those of real GPUs do.

use nix::unistd::Pid;
use vgpu::control::api::{Priority, Vgpu, VgpuChange};
use vgpu::control::profile::{Class, Share, ShareChange};

use crate::NO_FEEDBACK;
use crate::host::{Host, named};
use crate::server::{LAVAPIPE, Server, Talking, eventually, guest, nothing, program, status};

/// What the driver says of devices by their priority.
const REALTIME: &str = "no-op: a device of priority 1024";
const ORDINARY: &str = "no-op: a device of priority 256";

const LATENCY: Share = Share { weight: 100, cap: 100, class: Class::Latency };

/// A program that has made a device on a vGPU.
fn start(host: &Host, name: &str) -> Talking {
    host.eventually_known(name);
    let mut command = guest(&host.socket(name), &program(), &["idle"]);
    let mut program = Talking::start(command.env("VN_PERF", NO_FEEDBACK));
    assert_eq!(program.line(), "idle");
    program
}

fn set_class(host: &Host, name: &str, class: Class) -> Vgpu {
    let share = Some(ShareChange { class: Some(class), ..ShareChange::default() });
    host.client().set(&named(name), &VgpuChange { share, ..VgpuChange::default() }).unwrap()
}

fn start_again(host: &Host, name: &str) {
    host.client().stop(&named(name)).unwrap();
    host.client().start(&named(name)).unwrap();
}

/// What it has over other processes of the host.
fn capabilities(process: Pid) -> String {
    let status = status(process).unwrap();
    status.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap().to_owned()
}

fn count(log: &str, part: &str) -> usize {
    log.matches(part).count()
}

/// What is said of a vGPU's priority, the same wherever one asks.
fn priority(host: &Host, name: &str) -> Option<Priority> {
    let (usage, shown) = (host.usage(name), host.client().show(&named(name)).unwrap());
    assert_eq!(shown.priority, Some(usage.priority));
    shown.priority
}

#[test]
fn a_vgpu_of_the_latency_class_has_priority_on_the_gpu_and_another_has_not() {
    let host = Host::start(nothing);
    host.create_with("quick", 64, LATENCY).unwrap();
    host.create("plain", 64).unwrap();
    host.eventually_known("quick");
    assert_eq!(priority(&host, "quick"), Some(Priority::Ordinary), "nobody has asked yet");

    let _programs = ["quick", "plain"].map(|name| start(&host, name));

    assert_eq!(count(&host.log(), REALTIME), 1, "a device of a program");
    assert_eq!(
        ["quick", "plain"].map(|name| priority(&host, name)),
        [Some(Priority::Realtime), Some(Priority::Ordinary)]
    );
    let held = ["quick", "plain"].map(|name| capabilities(host.render(name)));
    assert_eq!(held, ["0000000000800000", "0000000000000000"], "CAP_SYS_NICE");
    let open = |name| host.client().show(&named(name)).unwrap().device.unwrap().left_open;
    assert!(open("quick").iter().any(|line| line.starts_with("CAP_SYS_NICE")));
    assert!(!open("plain").iter().any(|line| line.contains("CAP_SYS_NICE")));
}

#[test]
fn the_capability_is_of_no_use_for_processors_and_memory() {
    let host = Host::start(nothing);
    host.create_with("quick", 64, LATENCY).unwrap();

    let _program = start(&host, "quick");

    let log = host.log();
    for what in
        ["real time for itself", "real time for another", "less than no nice value", "moving pages of all"]
    {
        assert!(log.contains(&format!("no-op: {what}: Function not implemented")), "{what}");
    }
}

#[test]
fn without_the_capability_queues_are_ordinary_and_operators_hear_of_it_once() {
    let host = Host::start_without_priority(nothing);
    host.create_with("quick", 64, LATENCY).unwrap();

    let _programs = [start(&host, "quick"), start(&host, "quick")];

    assert_eq!(priority(&host, "quick"), Some(Priority::Incapable));
    let log = host.log();
    assert_eq!((count(&log, REALTIME), count(&log, "no-op: priority 1024 is refused")), (0, 1));
    assert_eq!(count(&log, "the driver gives no REALTIME priority (ERROR_NOT_PERMITTED)"), 1);
    assert_eq!(count(&log, "it cannot keep CAP_SYS_NICE"), 1);
    assert_eq!(capabilities(host.render("quick")), "0000000000000000");
}

#[test]
fn a_class_is_entered_and_left_with_a_new_process_and_until_then_it_says_so() {
    let host = Host::start(nothing);
    host.create("a", 64).unwrap();
    let before = start(&host, "a");

    assert_eq!(set_class(&host, "a", Class::Latency).priority, Some(Priority::Incapable));
    drop((before, start(&host, "a")));
    assert_eq!(priority(&host, "a"), Some(Priority::Incapable));
    start_again(&host, "a");
    let _program = start(&host, "a");
    assert_eq!(priority(&host, "a"), Some(Priority::Realtime));

    assert_eq!(set_class(&host, "a", Class::Normal).priority, Some(Priority::Realtime), "it has it still");
    let devices = count(&host.log(), ORDINARY);
    let _another = start(&host, "a");
    assert_eq!((count(&host.log(), REALTIME), count(&host.log(), ORDINARY)), (1, devices + 1));
    start_again(&host, "a");
    let _last = start(&host, "a");
    assert_eq!(priority(&host, "a"), Some(Priority::Ordinary));
    assert_eq!(capabilities(host.render("a")), "0000000000000000");
}

/// Nobody would see to it that others get their share.
#[test]
fn a_vgpu_of_no_daemon_has_no_priority() {
    let server = Server::start_on_nothing("memory = \"64MiB\"\n[share]\nclass = \"latency\"");

    assert_eq!(capabilities(server.render()), "0000000000000000");
    let client = server.client(&["host-signal"]).env("VN_PERF", NO_FEEDBACK).status().unwrap();
    assert!(client.success());
    assert_eq!(count(&server.log(), REALTIME), 0);
}

#[test]
fn a_driver_without_priorities_is_used_as_it_is() {
    let host = Host::start(|_| LAVAPIPE.into());
    host.create_with("quick", 64, LATENCY).unwrap();

    let _program = start(&host, "quick");

    assert_eq!(priority(&host, "quick"), Some(Priority::Unsupported));
}

#[test]
fn the_next_daemon_knows_the_priority_of_a_process_that_runs() {
    let mut host = Host::start(nothing);
    host.create_with("quick", 64, LATENCY).unwrap();
    let _program = start(&host, "quick");

    host.signal(nix::sys::signal::Signal::SIGKILL);
    host.start_again();

    host.eventually_known("quick");
    eventually("it is known", || (priority(&host, "quick") == Some(Priority::Realtime)).then_some(()));
}
