//! GPUs that are lost: what is on them stops and says why, others go on, and all is as it was when they are back.

use std::fs;
use std::time::Duration;

use vgpu::control::api::{EventKind, State};
use vgpu::control::client::Client;
use vgpu::control::lock::holder;

use crate::host::{Host, eventually};
use crate::piece::Piece;

const XID: &str =
    "NVRM: Xid (PCI:0000:03:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.";

/// A card, one of its functions, and a GPU in software.
fn host() -> Host {
    Host::start("intel-xe", |folder| {
        vec![
            Piece::make(folder, "card", 0xb0, Some("0000:03:00.0")),
            Piece::make(folder, "function", 0xb1, Some("0000:03:00.1")),
            Piece::make(folder, "software", 0x50, None),
        ]
    })
}

fn create(host: &Host, name: &str, options: &[&str]) -> Vec<String> {
    let profile = host.path("profile.toml");
    fs::write(&profile, "transport = \"vtest\"\n[limits]\nmemory = \"64MiB\"").unwrap();
    let create = ["create", name, "--profile", profile.to_str().unwrap()];
    create.into_iter().chain(options.iter().copied()).map(str::to_owned).collect()
}

fn created(host: &Host, name: &str, options: &[&str]) {
    let words = create(host, name, options);
    host.says(&words.iter().map(String::as_str).collect::<Vec<_>>());
    running(host, name);
}

fn refused(host: &Host, options: &[&str]) -> String {
    let words = create(host, "refused", options);
    host.refuses(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The process of a vGPU that has opened its GPU.
fn running(host: &Host, name: &str) -> i32 {
    eventually("its process has its GPU", || {
        let vgpu = host.client().show(&name.parse().unwrap()).unwrap();
        vgpu.device.and_then(|device| device.gpu).and(vgpu.pid)
    })
}

fn kinds(host: &Host, name: &str) -> Vec<EventKind> {
    let lines = host.says(&["events", "-o", "json"]);
    let events = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let of = events.filter(|event| event["name"] == name);
    of.map(|event| serde_json::from_value(event["kind"].clone()).unwrap()).collect()
}

#[test]
fn a_gpu_that_fell_off_the_bus_takes_its_vgpus_along_until_it_was_reset_and_no_others() {
    let host = host();
    created(&host, "on-card", &["--on", "card"]);
    created(&host, "elsewhere", &["--on", "software"]);
    let other = running(&host, "elsewhere");

    host.pieces[0].lose(true);
    host.pieces[1].lose(true);
    host.kernel_says("NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.");
    host.kernel_says(XID);

    let why = host.eventually("on-card", State::Lost).unwrap();
    assert!(why.starts_with("its GPU 0000:03:00.0 (card) is lost: XID 79: pid="), "{why}");
    assert!(host.says(&["show", "on-card"]).contains("GPU has fallen off the bus."));
    let show = || host.client().show(&"on-card".parse().unwrap()).unwrap();
    eventually("nobody has the GPU open, so that it can be reset", || show().pid.is_none().then_some(()));
    assert!(host.says(&["list"]).lines().any(|line| line.contains("on-card") && line.contains("lost")));
    let asked = refused(&host, &["--on", "card"]);
    assert!(asked.starts_with("error: 0000:03:00.0 (card) is lost: XID 79"), "{asked}");
    assert!(asked.contains("nvidia-smi --gpu-reset"), "{asked}");
    let start = host.refuses(&["start", "on-card"]);
    assert!(start.contains("0000:03:00.0 (card) is lost: XID 79"), "{start}");
    let gpus = host.client().gpus().unwrap().gpus;
    let lost = |name: &str| gpus.iter().find(|gpu| gpu.name == name).unwrap().lost.clone();
    assert!(lost("card").unwrap().starts_with("XID 79") && lost("software").is_none());

    host.pieces[0].lose(false);
    host.pieces[1].lose(false);

    assert_eq!(host.eventually("on-card", State::Waiting), None);
    running(&host, "on-card");
    assert_eq!(running(&host, "elsewhere"), other, "it went on");
    let seen = kinds(&host, "on-card");
    for kind in [EventKind::Lost, EventKind::Recovered] {
        assert_eq!(seen.iter().filter(|one| **one == kind).count(), 1, "{seen:?}");
    }
    assert!(!kinds(&host, "elsewhere").contains(&EventKind::Lost));
    created(&host, "next", &["--on", "card"]);
}

#[test]
fn a_gpu_that_is_gone_from_pci_is_lost_until_it_is_there_again() {
    let host = host();
    created(&host, "on-card", &["--on", "card"]);
    created(&host, "on-function", &["--on", "function"]);
    let folder = host.tree.path("/sys/bus/pci/devices/0000:03:00.1");
    let away = host.tree.path("/sys/away");

    fs::rename(&folder, &away).unwrap();

    let why = host.eventually("on-function", State::Lost).unwrap();
    assert!(why.contains("the kernel has it no longer: ") && why.contains("0000:03:00.1 is gone"), "{why}");
    assert_eq!(host.eventually("on-card", State::Waiting), None);
    // Nobody said where this one is to be.
    created(&host, "placed", &[]);
    let placement = host.json(&["show", "placed"])["placement"].clone();
    assert_eq!(placement["name"], "card");
    let why = placement["why"].as_str().unwrap();
    assert_eq!(why, "spread: the only one with room; left out: 0000:03:00.1: lost");

    fs::rename(&away, &folder).unwrap();

    host.eventually("on-function", State::Waiting);
    running(&host, "on-function");
}

#[test]
fn a_gpu_that_no_process_can_open_is_lost_and_its_vgpu_starts_when_it_is_back() {
    let mut host = host();
    created(&host, "on-card", &["--on", "card"]);
    host.pieces[0].vanish(true);
    host.client().stop(&"on-card".parse().unwrap()).unwrap();
    host.client().start(&"on-card".parse().unwrap()).unwrap();

    let why = host.eventually("on-card", State::Lost).unwrap();
    assert!(why.contains("no process can use it; gpu.device is "), "{why}");

    host.start_again();
    host.eventually("on-card", State::Lost);
    host.pieces[0].vanish(false);

    assert_eq!(host.eventually("on-card", State::Waiting), None);
    running(&host, "on-card");
}

#[test]
fn a_piece_that_is_handed_over_is_lost_when_it_is_gone() {
    let host = host();
    host.says(&["create", "a", "--on", "03:00.2", "--passthrough"]);
    let folder = host.tree.path("/sys/bus/pci/devices/0000:03:00.2");
    let away = host.tree.path("/sys/away");

    fs::rename(&folder, &away).unwrap();
    let why = host.eventually("a", State::Lost).unwrap();
    assert!(why.starts_with("its GPU 0000:03:00.2 ("), "{why}");

    fs::rename(&away, &folder).unwrap();
    assert_eq!(host.eventually("a", State::HandedOver), None);
}

#[test]
fn a_piece_that_is_handed_over_and_fell_off_the_bus_is_lost_until_it_answers() {
    let host = host();
    host.says(&["create", "a", "--on", "03:00.2", "--passthrough"]);
    let config = host.tree.path("/sys/bus/pci/devices/0000:03:00.2/config");

    // As a bus reads on which nobody is.
    fs::write(&config, [0xff; 256]).unwrap();
    host.kernel_says(XID);
    let why = host.eventually("a", State::Lost).unwrap();
    assert!(why.starts_with("its GPU 0000:03:00.2 ("), "{why}");

    // A virtual function has no vendor's number of its own.
    let mut bytes = [0xff; 256];
    bytes[4..64].fill(0);
    fs::write(&config, bytes).unwrap();
    assert_eq!(host.eventually("a", State::HandedOver), None);
    assert_eq!(kinds(&host, "a").iter().filter(|kind| **kind == EventKind::Lost).count(), 1);
}

#[test]
fn what_a_vm_has_beside_vulkan_outlives_its_gpu() {
    let host = host();
    let file = host.path("vm.toml");
    let profile = "[gpu]\nvulkan = true\nhost_visible = \"64MiB\"\n[limits]\nmemory = \"64MiB\"";
    fs::write(&file, profile).unwrap();
    host.says(&["create", "vm", "--profile", file.to_str().unwrap(), "--on", "card"]);
    let show = || host.client().show(&"vm".parse().unwrap()).unwrap();
    let device = eventually("its device process runs", || show().pid);
    let control = Client::with_patience(host.path("state/run/vm/render.sock"), Duration::from_secs(1));
    let opened = || eventually("its render process has the GPU", || Some(control.status().ok()?.pid));
    let lock = || fs::File::open(host.path("state/run/vm/render.lock")).unwrap();

    for _ in 0..2 {
        let last = opened();
        host.pieces[0].lose(true);
        host.kernel_says(XID);
        host.eventually("vm", State::Lost);
        eventually("its render process has ended", || holder(&lock()).unwrap().is_none().then_some(()));
        let shown = show();
        assert_eq!((shown.state, shown.pid), (State::Lost, Some(device)));
        assert!(shown.device.is_some(), "it answers");

        host.pieces[0].lose(false);
        assert_eq!(host.eventually("vm", State::Waiting), None);
        assert_ne!(opened(), last);
        assert_eq!(show().pid, Some(device));
    }
}

#[test]
fn what_is_lost_can_be_stopped_and_deleted() {
    let host = host();
    created(&host, "a", &["--on", "card"]);
    host.pieces[0].lose(true);
    host.kernel_says(XID);
    host.eventually("a", State::Lost);

    host.says(&["stop", "a"]);

    assert_eq!(host.eventually("a", State::Stopped), None);
    assert!(host.refuses(&["start", "a"]).contains("is lost: XID 79"));
    host.says(&["delete", "a"]);
    host.pieces[0].lose(false);
    eventually("the GPU is back", || host.client().gpus().ok()?.gpus[0].lost.is_none().then_some(()));
}
