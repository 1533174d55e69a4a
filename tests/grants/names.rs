//! One way to name a GPU, whoever lists it: the kernel by address, drivers for Vulkan by name and UUID.

use crate::host::Host;
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

#[test]
fn each_gpu_on_pci_has_the_name_and_uuid_that_vulkan_has_for_it() {
    let host = host();
    let (socket, sysfs) = (host.path("api").display().to_string(), host.sysfs());

    let list = host.json(&["gpu", "list", "--api", &socket, "--sysfs-root", &sysfs]);

    let vulkan = |device: usize| list["devices"][device]["vulkan"][0].clone();
    assert_eq!(vulkan(0), serde_json::json!({ "name": "Battlemage", "uuid": host.pieces[0].uuid }));
    assert_eq!(vulkan(1)["uuid"], *host.pieces[1].uuid);
    assert_eq!(vulkan(2), serde_json::Value::Null, "a function bound to vfio-pci is no device of Vulkan's");
    let addresses: Vec<&serde_json::Value> =
        list["gpus"].as_array().unwrap().iter().map(|gpu| &gpu["pci"]).collect();
    assert_eq!(addresses, ["0000:03:00.0".into(), "0000:03:00.1".into(), serde_json::Value::Null].each_ref());
    let table = host.says(&["gpu", "list", "--api", &socket, "--sysfs-root", &sysfs]);
    assert!(table.lines().nth(2).unwrap().contains("Battlemage VF"), "{table}");
    for name in ["03:00.1", "Battlemage VF", &host.pieces[1].uuid, &format!("GPU-{}", host.pieces[1].uuid)] {
        let shown = host.says(&["gpu", "show", name, "--api", &socket, "--sysfs-root", &sysfs]);
        let line = format!("VULKAN    Battlemage VF ({})\n", host.pieces[1].uuid);
        assert!(shown.contains("ADDRESS   0000:03:00.1\n") && shown.contains(&line), "{name}: {shown}");
    }
    let nothing = host.refuses(&["gpu", "show", "Alchemist", "--api", &socket, "--sysfs-root", &sysfs]);
    assert!(
        nothing.starts_with("error: \"Alchemist\" names no GPU on PCI that Vulkan finds\nhint: "),
        "{nothing}"
    );
}

#[test]
fn how_a_gpu_is_shared_is_said_by_its_address_as_by_its_uuid() {
    let host = host();

    for name in ["03:00.1", "Battlemage VF", &host.pieces[1].uuid] {
        let set = host.json(&["gpu", "set", name, "--overcommit", "150"]);
        assert_eq!(set["uuid"], *host.pieces[1].uuid, "{name}");
    }
    let refused = host.refuses(&["gpu", "set", "03:00.7", "--overcommit", "150"]);
    assert!(
        refused.contains("\"03:00.7\" is in no GPU's name here, nor any's UUID or PCI address"),
        "{refused}"
    );
}

#[test]
fn a_profile_names_its_gpu_by_address_too() {
    let host = host();
    let profile = host.path("profile.toml");
    std::fs::write(&profile, "transport = \"vtest\"\n[gpu]\ndevice = \"0000:03:00.1\"").unwrap();

    host.says(&["create", "a", "--profile", profile.to_str().unwrap()]);

    let name = crate::host::eventually("its process opens the GPU", || {
        let shown = host.json(&["show", "a"]);
        shown["device"]["gpu"]["name"].as_str().map(str::to_owned)
    });
    assert_eq!(name, "Battlemage VF");
}
