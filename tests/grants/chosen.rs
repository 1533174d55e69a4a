//! vGPUs of which nobody says on which GPU they are to be.

use std::fs;

use vgpu::control::api::{ApiError, Name};
use vgpu::control::{Code, Refusal};

use crate::host::{Host, text};
use crate::piece::Piece;

/// Two cards, one near to each of two memory nodes, and a GPU in software.
fn host() -> Host {
    let host = Host::start("intel-xe", |folder| {
        vec![
            Piece::make(folder, "near 0", 0xb0, Some("0000:03:00.0")),
            Piece::make(folder, "near 1", 0xb1, Some("0000:03:00.1")),
            Piece::make(folder, "software", 0x50, None),
        ]
    });
    fs::write(host.tree.path("/sys/bus/pci/devices/0000:03:00.1/numa_node"), "1\n").unwrap();
    host
}

fn words(host: &Host, name: &str, profile: &str, options: &[&str]) -> Vec<String> {
    let file = host.path("profile.toml");
    fs::write(&file, format!("transport = \"vtest\"\n{profile}")).unwrap();
    let create = ["create", name, "--profile", file.to_str().unwrap()];
    create.into_iter().chain(options.iter().copied()).map(str::to_owned).collect()
}

/// Makes a vGPU, and says on which GPU it is.
fn create(host: &Host, name: &str, profile: &str, options: &[&str]) -> String {
    let words = words(host, name, profile, options);
    host.says(&words.iter().map(String::as_str).collect::<Vec<_>>());
    placed(host, name).0
}

fn refused(host: &Host, profile: &str, options: &[&str]) -> String {
    let words = words(host, "refused", profile, options);
    host.refuses(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The GPU that a vGPU is on, and why.
fn placed(host: &Host, name: &str) -> (String, String) {
    let placement = host.json(&["show", name])["placement"].clone();
    let text = |key: &str| placement[key].as_str().unwrap().to_owned();
    (text("name"), text("why"))
}

const SMALL: &str = "[limits]\nmemory = \"64MiB\"";

#[test]
fn vgpus_are_spread_over_hardware_and_say_why() {
    let mut host = host();

    assert_eq!(create(&host, "a", SMALL, &[]), "near 0");
    let words = words(&host, "b", SMALL, &["--explain"]);
    let made = host.vgpu(&words.iter().map(String::as_str).collect::<Vec<_>>()).output().unwrap();
    let why = "spread: the least of its time is spoken for: 0, 100 on 0000:03:00.0";
    assert_eq!(text(&made.stderr), format!("vgpu: on 0000:03:00.1 (near 1), {why}\n"));
    assert_eq!(placed(&host, "b"), ("near 1".to_owned(), why.to_owned()));
    assert!(
        host.says(&["show", "b"]).contains(&format!("WHY THERE   {why}\n")),
        "{}",
        host.says(&["show", "b"])
    );
    assert_eq!(create(&host, "c", &format!("{SMALL}\n[share]\nweight = 300"), &[]), "near 0");
    assert_eq!(create(&host, "d", SMALL, &[]), "near 1");
    assert_eq!(create(&host, "e", SMALL, &[]), "near 1", "weights count, not vGPUs");

    host.start_again();

    assert_eq!(
        ["a", "b", "c", "d", "e"].map(|name| placed(&host, name).0.pop().unwrap()),
        ['0', '1', '0', '1', '1']
    );
    assert_eq!(create(&host, "f", SMALL, &[]), "near 1");
}

#[test]
fn vgpus_are_packed_where_that_is_asked_for() {
    let host = host();

    let places = ["a", "b", "c"].map(|name| create(&host, name, SMALL, &["--strategy", "pack"]));

    assert_eq!(places, ["near 0", "near 0", "near 0"]);
    assert_eq!(placed(&host, "c").1, "pack: the most of its time is spoken for: 200, 0 on 0000:03:00.1");
    assert_eq!(create(&host, "d", SMALL, &[]), "near 1");
}

#[test]
fn a_gpu_near_the_vms_memory_is_taken_before_others() {
    let host = host();

    assert_eq!(create(&host, "a", SMALL, &["--numa-node", "1"]), "near 1");
    assert_eq!(create(&host, "b", SMALL, &["--numa-node", "1"]), "near 1");
    assert!(
        placed(&host, "b").1.starts_with("spread: nearest to the memory node"),
        "{:?}",
        placed(&host, "b")
    );
    assert_eq!(create(&host, "c", SMALL, &["--numa-node", "7"]), "near 0");
}

#[test]
fn what_the_profile_says_of_its_gpu_is_what_there_is_to_choose_from() {
    let host = host();

    assert_eq!(create(&host, "a", &format!("{SMALL}\n[gpu]\ndevice = \"software\""), &[]), "software");
    assert_eq!(placed(&host, "a").1, "gpu.device is \"software\"");
    for (name, expected) in [("b", "near 0"), ("c", "near 1"), ("d", "near 0")] {
        assert_eq!(create(&host, name, &format!("{SMALL}\n[gpu]\ndevice = \"near\""), &[]), expected);
    }
}

#[test]
fn what_does_not_fit_on_one_goes_on_another_and_is_refused_when_none_has_room() {
    let host = host();
    let memory = host.client().gpus().unwrap().gpus[0].memory_bytes >> 20;
    let all_but = |mib: u64| format!("[limits]\nmemory = \"{}MiB\"", memory - mib);

    assert_eq!(create(&host, "a", &all_but(32), &["--strategy", "pack"]), "near 0");
    assert_eq!(create(&host, "b", SMALL, &["--strategy", "pack"]), "near 1");
    let why = "pack: the only one with room; left out: 0000:03:00.0: 32MiB of memory free";
    assert_eq!(placed(&host, "b").1, why);
    let full = refused(&host, &all_but(32), &[]);
    let free = memory - 64;
    assert!(full.contains(&format!("0000:03:00.0: 32MiB of memory free; 0000:03:00.1: {free}MiB")), "{full}");
    assert!(full.starts_with("error: limits.memory is ") && full.contains("`vgpu gpu list`"), "{full}");

    // What is stopped has no place, and finds another when it is started.
    host.says(&["stop", "a"]);
    host.says(&["stop", "b"]);
    assert_eq!(create(&host, "c", &all_but(32), &["--on", "near 1"]), "near 1");
    host.says(&["start", "b"]);
    assert_eq!(placed(&host, "b").0, "near 0");
}

#[test]
fn fixed_shares_fill_a_gpu_to_a_whole_and_then_the_next() {
    let host = host();
    for gpu in ["near 0", "near 1"] {
        host.says(&["gpu", "set", gpu, "--policy", "fixed-share"]);
    }
    let share = |cap: u32| format!("{SMALL}\n[share]\ncap = {cap}");

    let caps = [("a", 60), ("b", 50), ("c", 40), ("d", 50)];
    let places = caps.map(|(name, cap)| create(&host, name, &share(cap), &["--strategy", "pack"]));

    assert_eq!(places, ["near 0", "near 1", "near 0", "near 1"]);
    let full = refused(&host, &share(1), &[]);
    assert!(full.contains("0000:03:00.0: fixed shares would come to 101 %"), "{full}");
}

#[test]
fn what_chooses_a_gpu_is_refused_where_there_is_nothing_to_choose() {
    let host = host();
    let asked = |spec: serde_json::Value| -> Refusal {
        let name: Name = "a".parse().unwrap();
        match host.client().create(&name, &serde_json::from_value(spec).unwrap()) {
            Err(ApiError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    };
    let vtest = serde_json::json!({ "transport": "vtest" });

    let both = asked(serde_json::json!({ "profile": vtest, "on": "near 1", "strategy": "pack" }));
    assert_eq!((both.code, both.field.as_deref()), (Code::BadField, Some("strategy")));
    assert!(both.message.contains("`on` says which one: \"near 1\""), "{both}");
    let plain = asked(serde_json::json!({ "numa_node": 0 }));
    assert_eq!((plain.code, plain.field.as_deref()), (Code::BadField, Some("numa_node")));
    assert_eq!(plain.remedy.as_deref(), Some("leave `numa_node` out"));
    let handed = asked(serde_json::json!({ "passthrough": true }));
    assert_eq!(handed.field.as_deref(), Some("passthrough"));
    let with_profile = asked(serde_json::json!({ "profile": vtest, "on": "03:00.2", "passthrough": true }));
    assert_eq!(with_profile.field.as_deref(), Some("profile"));
}
