//! Containers that are given vGPUs and GPUs by `vgpu cdi`: the real daemon on Mesa's lavapipe, Debian's podman and
//! runc, and the published schema. `scripts/setup` installs what they need; then `cargo test --test containers`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod daemon;
#[path = "../support/listing.rs"]
mod listing;
#[path = "../support/mesa.rs"]
#[expect(dead_code, reason = "one Mesa is enough here")]
mod mesa;
mod podman;
mod schema;

use std::io::{BufRead, BufReader, Write};

use daemon::Daemon;
use listing::Host;
use podman::Podman;

const SUMMARY: &[&str] = &["/usr/bin/vulkaninfo", "--summary"];

/// What vulkaninfo calls a vGPU that is rendered for in software.
const OURS: &str = "Virtio-GPU Venus (llvmpipe";

#[test]
fn a_container_computes_on_the_vgpu_that_it_was_given() {
    let daemon = Daemon::start(&["compute-1"]);
    let podman = Podman::new(daemon.generates());

    let told = podman.run("vgpu.internal/vgpu=compute-1", SUMMARY);
    assert!(told.contains(OURS), "{told}");
    let checks = ["/checks", "widths32", "copies", "atomics"];
    let verdicts = mesa::verdicts(&podman.run("vgpu.internal/vgpu=compute-1", &checks));
    let native = mesa::native(&checks[1..]).stdout;
    assert_eq!(verdicts, mesa::verdicts(&String::from_utf8(native).unwrap()));
    assert_eq!(verdicts.iter().filter(|line| line.ends_with(": ok")).count(), 3, "{verdicts:?}");
}

#[test]
fn a_container_gets_the_socket_of_its_own_vgpu_alone() {
    let daemon = Daemon::start(&["compute-1", "2nd"]);
    let podman = Podman::new(daemon.generates());

    let told =
        podman.run("vgpu.internal/vgpu=2nd", &["/sh", "-c", "echo /run/vgpu/*; echo $VTEST_SOCKET_NAME"]);
    assert_eq!(told, "/run/vgpu/2nd.sock\n/run/vgpu/2nd.sock\n");
    let refused = podman.refuses("vgpu.internal/vgpu=compute-2");
    assert!(refused.contains("vgpu.internal/vgpu=compute-2"), "{refused}");
}

#[test]
fn a_container_goes_on_when_daemon_and_render_process_are_killed() {
    let mut daemon = Daemon::start(&["compute-1"]);
    let podman = Podman::new(daemon.generates());
    let script = "while read line; do /usr/bin/vulkaninfo --summary 2>&1 | while read word rest; do \
        case $word in deviceName) echo $rest; esac; done; echo end; done";
    let mut container = podman.talk("vgpu.internal/vgpu=compute-1", &["/sh", "-c", script]);
    let (mut ask, answers) = (container.stdin.take().unwrap(), container.stdout.take().unwrap());
    let mut answers = BufReader::new(answers).lines().map(Result::unwrap);
    let mut look = || {
        ask.write_all(b"look\n").unwrap();
        answers.by_ref().take_while(|line| line != "end").collect::<Vec<_>>().join("\n")
    };

    assert!(look().contains(OURS));
    daemon.kill_render("compute-1");
    assert!(look().contains(OURS));
    daemon.kill_and_start();
    assert!(look().contains(OURS));
    drop(ask);
    assert!(container.wait().unwrap().success());
}

/// The nodes are made up, and so is the host that has them: a runtime only looks at their numbers.
#[test]
fn a_container_gets_the_nodes_of_its_own_gpu_alone() {
    let host = Host::unpack("containers");
    let nodes =
        [("vfio/vfio", 196), ("iommu", 125), ("vfio/18", 118), ("vfio/19", 119), ("vfio/devices/vfio0", 120)];
    let podman = Podman::new(daemon::generates_gpus(&host)).with_nodes(&nodes);
    let script = "for node in /dev/iommu /dev/vfio/* /dev/vfio/devices/*; do \
        if [ -c $node ]; then echo $node; (: <$node); fi; done 2>&1; true";

    let told = podman.run("vgpu.internal/gpu=0000-04-00.1", &["/sh", "-c", script]);

    let lines = |part: &str| told.lines().filter(|line| line.contains(part)).collect::<Vec<_>>();
    let there: Vec<&str> = told.lines().filter(|line| line.starts_with("/dev/")).collect();
    assert_eq!(there, ["/dev/iommu", "/dev/vfio/18", "/dev/vfio/vfio", "/dev/vfio/devices/vfio0"], "{told}");
    // There is no driver behind them; that the container may open them is decided before that is found out.
    assert_eq!(lines("not permitted"), [""; 0], "{told}");
    assert_ne!(lines("cannot open"), [""; 0], "{told}");
}
