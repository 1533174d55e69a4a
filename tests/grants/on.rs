//! vGPUs on a GPU, or on a piece of one, that was asked for.

use std::fs;

use crate::host::{Host, eventually};
use crate::nvml_library::library;
use crate::piece::Piece;

/// A card and one of its functions that Vulkan finds, and a GPU in software.
fn host() -> Host {
    Host::start("intel-xe", |folder| {
        vec![
            Piece::make(folder, "Battlemage", 0xb0, Some("0000:03:00.0")),
            Piece::make(folder, "Battlemage VF", 0xb1, Some("0000:03:00.1")),
            Piece::make(folder, "software", 0x50, None),
        ]
    })
}

/// A vGPU for programs, made with these options.
fn create(host: &Host, name: &str, options: &[&str]) -> Vec<String> {
    let profile = host.path("profile.toml");
    fs::write(&profile, "transport = \"vtest\"\n[limits]\nmemory = \"64MiB\"").unwrap();
    let create = ["create", name, "--profile", profile.to_str().unwrap()];
    create.into_iter().chain(options.iter().copied()).map(str::to_owned).collect()
}

fn created(host: &Host, name: &str, options: &[&str]) {
    let words = create(host, name, options);
    host.says(&words.iter().map(String::as_str).collect::<Vec<_>>());
}

fn refused(host: &Host, options: &[&str]) -> String {
    let words = create(host, "refused", options);
    host.refuses(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The GPU that a vGPU's process has opened.
fn opened(host: &Host, name: &str) -> String {
    eventually("its process opens the GPU", || {
        let shown = host.json(&["show", name]);
        shown["device"]["gpu"]["name"].as_str().map(str::to_owned)
    })
}

#[test]
fn a_vgpu_is_on_the_piece_that_was_asked_for_and_stays_there() {
    let mut host = host();
    let uuid = host.pieces[1].uuid.clone();
    created(&host, "a", &["--on", "03:00.1"]);
    created(&host, "b", &["--on", "Battlemage VF"]);
    created(&host, "c", &["--on", "software"]);

    assert_eq!(
        ["a", "b", "c"].map(|name| opened(&host, name)),
        ["Battlemage VF", "Battlemage VF", "software"]
    );
    let placement = |name: &str| host.json(&["show", name])["placement"].clone();
    let expected = serde_json::json!({
        "piece": "0000:03:00.1", "name": "Battlemage VF", "uuid": uuid, "why": "asked for as \"03:00.1\"",
    });
    assert_eq!(placement("a"), expected);
    assert_eq!(placement("c")["piece"], *host.pieces[2].uuid);
    let shown = host.says(&["show", "a"]);
    assert!(
        shown.contains("0000:03:00.1 (Battlemage VF)") && shown.contains("asked for as \"03:00.1\""),
        "{shown}"
    );
    assert!(host.says(&["list"]).lines().nth(1).unwrap().contains("0000:03:00.1"));
    let gpus = host.json(&[
        "gpu",
        "list",
        "--sysfs-root",
        &host.sysfs(),
        "--api",
        host.path("api").to_str().unwrap(),
    ]);
    let promised = |index: usize| gpus["gpus"][index]["memory_bytes_promised"].as_u64().unwrap() >> 20;
    assert_eq!([0, 1, 2].map(promised), [0, 128, 64]);

    host.client().stop(&"b".parse().unwrap()).unwrap();
    host.start_again();

    assert_eq!(host.json(&["show", "a"])["placement"], expected);
    host.client().start(&"b".parse().unwrap()).unwrap();
    assert_eq!(
        ["a", "b", "c"].map(|name| opened(&host, name)),
        ["Battlemage VF", "Battlemage VF", "software"]
    );
    created(&host, "a", &["--on", "03:00.1"]);
    let other = host
        .refuses(&create(&host, "a", &["--on", "03:00.0"]).iter().map(String::as_str).collect::<Vec<_>>());
    assert!(other.starts_with("error: there is a vGPU of this name with another `on`\nhint: "), "{other}");
}

#[test]
fn what_no_vgpu_can_be_on_is_refused_with_the_reason_and_the_remedy() {
    let host = host();
    for (on, message, remedy) in [
        (
            "03:00.2",
            "0000:03:00.2 is bound to vfio-pci: no driver",
            "--passthrough; or give it back with `vgpu gpu unbind",
        ),
        (
            "03:00.7",
            "is no GPU here, nor a piece of one; like it are 0000:03:00.0, 0000:03:00.1",
            "`vgpu gpu list`",
        ),
        ("Alchemist", "\"Alchemist\" is no GPU here, nor a piece of one; like it are ", "`vgpu gpu list`"),
        ("Battle", "\"Battle\" fits more than one GPU: Battlemage (", "give the UUID of one of them"),
    ] {
        let said = refused(&host, &["--on", on]);
        assert!(said.contains(message) && said.contains(remedy) && said.contains("hint: "), "{on}: {said}");
    }
    let plain = host.refuses(&["create", "refused", "--on", "03:00.1"]);
    assert!(
        plain.contains("without Vulkan it is on no GPU\n") && plain.contains("gpu.vulkan = true"),
        "{plain}"
    );
    assert!(host.client().list().unwrap().vgpus.is_empty());
}

#[test]
fn what_has_no_driver_and_a_mediated_device_are_told_what_they_are() {
    let host = Host::start("intel-gvt", |folder| vec![Piece::make(folder, "software", 0x50, None)]);

    let driven = refused(&host, &["--on", "00:02.0"]);
    assert!(driven.contains("0000:00:02.0 is driven by i915, but no driver for Vulkan finds it"), "{driven}");
    let mdev = refused(&host, &["--on", "b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11"]);
    assert!(mdev.contains("is a mediated device of 0000:00:02.0, which only a VM can use"), "{mdev}");
    fs::remove_file(host.tree.path("/sys/bus/pci/devices/0000:00:02.0/driver")).unwrap();
    let undriven = refused(&host, &["--on", "00:02.0"]);
    assert!(
        undriven.contains("0000:00:02.0 has no driver") && undriven.contains("drivers_probe"),
        "{undriven}"
    );
}

#[test]
fn a_mig_instance_is_taken_where_its_profile_allows_graphics() {
    let host = Host::start("h200", |folder| {
        library(folder, &["-DMIG"]);
        vec![Piece::make(folder, "software", 0x50, None)]
    });

    let computes = refused(&host, &["--on", "MIG-11111111-9abc-def0-1234-56789abcdef0"]);
    assert!(
        computes.contains("is a MIG instance of profile 1g.18gb, which only computes: no Vulkan"),
        "{computes}"
    );
    assert!(computes.contains("its name ends in +gfx"), "{computes}");
    let unfound = refused(&host, &["--on", "MIG-22222222-9abc-def0-1234-56789abcdef0"]);
    assert!(unfound.contains("but no driver for Vulkan finds it"), "{unfound}");
    let whole = refused(&host, &["--on", "00:06.0"]);
    assert!(whole.contains("0000:00:06.0 is cut into MIG instances"), "{whole}");
    assert!(whole.contains("graphics: MIG-22222222-9abc-def0-1234-56789abcdef0\n"), "{whole}");
}

#[test]
fn a_mig_instance_that_vulkan_finds_is_named_by_its_uuid() {
    let host = Host::start("h200", |folder| {
        [("1g.18gb+gfx", 0x22), ("2g.35gb+gfx", 0x33)]
            .map(|(name, byte)| Piece::make(folder, name, byte, Some("0000:00:06.0")))
            .into()
    });

    let several = refused(&host, &["--on", "00:06.0"]);
    assert!(
        several.contains("\"00:06.0\" fits more than one GPU") && several.contains("give the UUID"),
        "{several}"
    );
    created(&host, "a", &["--on", "MIG-22222222-2222-2222-2222-222222222222"]);

    assert_eq!(opened(&host, "a"), "1g.18gb+gfx");
    assert_eq!(host.json(&["show", "a"])["placement"]["piece"], "22222222-2222-2222-2222-222222222222");
}
