//! Pieces that are handed over as they are.

use std::fs;
use std::os::unix::fs::symlink;

use vgpu::control::api::State;

use crate::host::{Host, text};
use crate::piece::Piece;

/// Its second function is bound to vfio-pci, its first one has no driver.
fn host() -> Host {
    Host::start("intel-xe", |folder| {
        vec![
            Piece::make(folder, "Battlemage", 0xb0, Some("0000:03:00.0")),
            Piece::make(folder, "software", 0x50, None),
        ]
    })
}

/// Its mediated device.
const MDEV: &str = "b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11";

fn state(host: &Host, name: &str) -> State {
    host.client().show(&name.parse().unwrap()).unwrap().state
}

#[test]
fn a_function_is_handed_over_to_one_vgpu_until_that_is_stopped() {
    let mut host = host();

    let printed = host.says(&["create", "a", "--on", "03:00.2", "--passthrough"]);

    assert_eq!(printed, "/sys/bus/pci/devices/0000:03:00.2\n");
    assert_eq!(state(&host, "a"), State::HandedOver);
    let list = host.says(&["list"]);
    for word in ["handed over", "passthrough", "0000:03:00.2"] {
        assert!(list.contains(word), "{list}");
    }
    let shown = host.says(&["show", "a"]);
    assert!(shown.contains("DEVICE      /sys/bus/pci/devices/0000:03:00.2\n"), "{shown}");
    for (vmm, option) in [
        ("qemu", "-device vfio-pci,host=0000:03:00.2"),
        ("cloud-hypervisor", "--device path=/sys/bus/pci/devices/0000:03:00.2"),
        ("crosvm", "--vfio /sys/bus/pci/devices/0000:03:00.2"),
        ("libvirt", "<address domain='0x0000' bus='0x03' slot='0x00' function='0x2'/>"),
    ] {
        let words = host.says(&["args", "a", "--vmm", vmm]);
        assert!(words.contains(option), "{words}");
    }
    let same = host.vgpu(&["create", "a", "--on", "03:00.2", "--passthrough"]).output().unwrap();
    assert_eq!(text(&same.stderr), "vgpu: a is there already, and the same\n");
    let second = ["create", "b", "--on", "0000:03:00.2", "--passthrough"];
    let refused = host.refuses(&second);
    assert!(refused.contains("0000:03:00.2 is handed over to vGPU `a`\n"), "{refused}");
    assert!(refused.contains("`vgpu stop a`"), "{refused}");

    host.start_again();

    assert_eq!(state(&host, "a"), State::HandedOver);
    assert!(host.refuses(&second).contains("is handed over to vGPU `a`\n"));
    host.says(&["stop", "a"]);
    host.says(&second);
    let taken = host.refuses(&["start", "a"]);
    assert!(taken.contains("is handed over to vGPU `b`\n"), "{taken}");
    host.says(&["delete", "b"]);
    host.says(&["start", "a"]);
    assert_eq!(state(&host, "a"), State::HandedOver);
}

#[test]
fn what_cannot_be_handed_over_is_refused_with_the_reason_and_the_remedy() {
    let host = host();
    for (on, message, remedy) in [
        (
            "03:00.1",
            "0000:03:00.1 is not bound to vfio-pci; its driver is none",
            "`vgpu gpu bind 0000:03:00.1`",
        ),
        (
            "Battlemage",
            "0000:03:00.0 is not bound to vfio-pci; its driver is xe",
            "`vgpu gpu bind 0000:03:00.0`",
        ),
        ("software", "is no PCI function: there is nothing to hand over", "leave --passthrough out"),
        ("03:00.5", "is no GPU here, nor a piece of one; like it are 0000:03:00.", "`vgpu gpu list`"),
    ] {
        let said = host.refuses(&["create", "a", "--on", on, "--passthrough"]);
        assert!(said.contains(message) && said.contains(remedy), "{on}: {said}");
    }
    fs::remove_file(host.tree.path("/sys/bus/pci/devices/0000:03:00.2/iommu_group")).unwrap();
    let alone = host.refuses(&["create", "a", "--on", "03:00.2", "--passthrough"]);
    assert!(
        alone.contains("0000:03:00.2 is in no IOMMU group") && alone.contains("`vgpu gpu show 0000:03:00.2`")
    );
    assert!(host.client().list().unwrap().vgpus.is_empty());
}

#[test]
fn what_is_handed_over_has_no_monitors_and_no_shares() {
    let host = host();
    host.says(&["create", "a", "--on", "03:00.2", "--passthrough"]);

    let set = host.refuses(&["set", "a", "--weight", "200"]);
    assert!(
        set.contains("it is handed over as it is: it has no monitors, share or limit of ours\nhint: "),
        "{set}"
    );
    let picture = host.refuses(&["screenshot", "a", host.path("a.png").to_str().unwrap()]);
    assert!(picture.contains("`a` is handed over as it is"), "{picture}");
}

#[test]
fn a_mediated_device_is_handed_over_by_its_uuid() {
    let host = Host::start("intel-gvt", |folder| vec![Piece::make(folder, "software", 0x50, None)]);

    let printed = host.says(&["create", "a", "--on", MDEV, "--passthrough"]);

    assert_eq!(printed, format!("/sys/bus/mdev/devices/{MDEV}\n"));
    let qemu = host.says(&["args", "a", "--vmm", "qemu"]);
    assert!(qemu.contains(&format!("-device vfio-pci,sysfsdev=/sys/bus/mdev/devices/{MDEV}")), "{qemu}");
    let domain = host.says(&["args", "a", "--vmm", "libvirt"]);
    assert!(domain.contains(&format!("<address uuid='{MDEV}'/>")), "{domain}");
}

#[test]
fn a_function_of_nvidias_is_handed_over_with_the_type_that_it_was_given() {
    let host = Host::start("nvidia-vendor-vfio", |folder| vec![Piece::make(folder, "software", 0x50, None)]);
    let list = host.json(&[
        "gpu",
        "list",
        "--sysfs-root",
        &host.sysfs(),
        "--api",
        host.path("api").to_str().unwrap(),
    ]);
    let functions: Vec<&serde_json::Value> =
        list["devices"].as_array().unwrap().iter().filter(|gpu| gpu["vendor_vfio"].is_object()).collect();
    let find = |typed: bool| {
        let gpu = functions.iter().find(|gpu| gpu["vendor_vfio"]["current"].is_null() != typed).unwrap();
        gpu["address"].as_str().unwrap()
    };

    let untyped = host.refuses(&["create", "a", "--on", find(false), "--passthrough"]);
    assert!(untyped.contains("has no type of vGPU yet") && untyped.contains("vgpu_type"), "{untyped}");
    let typed = host.says(&["create", "a", "--on", find(true), "--passthrough"]);
    assert_eq!(typed, format!("/sys/bus/pci/devices/{}\n", find(true)));
}

#[test]
fn a_piece_that_is_leased_is_neither_cut_nor_given_back_unless_its_vgpus_are_to_go() {
    let host = host();
    let (state_folder, sysfs) = (host.path("state").display().to_string(), host.sysfs());
    let layout = host.path("layout.toml");
    fs::write(&layout, "[[gpu]]\naddress = \"0000:03:00.0\"\nvfs = 0").unwrap();
    let with = |verb: &[&str], more: &[&str]| -> Vec<String> {
        let common = ["--state", &state_folder, "--sysfs-root", &sysfs];
        let words = [&["gpu"], verb, &common, more].concat();
        words.into_iter().map(str::to_owned).collect()
    };
    let file = layout.to_str().unwrap();
    let (plan, apply) = (["plan", "-f", file], ["apply", "-f", file]);
    let refuses = |words: Vec<String>| host.refuses(&words.iter().map(String::as_str).collect::<Vec<_>>());
    host.says(&["create", "a", "--on", "03:00.2", "--passthrough"]);

    for verb in [&plan[..], &apply] {
        let refused = refuses(with(verb, &[]));
        assert_eq!(
            refused,
            "error: 0000:03:00.0: VF 1 is leased to vGPU a\nhint: stop them first: `vgpu stop a`, or do this with \
             --drain\n"
        );
    }
    let kept = refuses(with(&["unbind", "03:00.2"], &[]));
    assert!(kept.starts_with("error: 0000:03:00.2 is leased to vGPU a\n"), "{kept}");
    assert_eq!(state(&host, "a"), State::HandedOver);

    let drained = host.vgpu(&[]).args(with(&apply, &["--drain"])).output().unwrap();
    assert!(text(&drained.stderr).starts_with("vgpu: a is stopped\n"), "{}", text(&drained.stderr));
    assert!(
        text(&drained.stdout).contains("0 > /sys/bus/pci/devices/0000:03:00.0/sriov_numvfs"),
        "{drained:?}"
    );
    assert_eq!(state(&host, "a"), State::Stopped);
}

#[test]
fn a_function_that_vgpus_share_is_leased_too() {
    let host = Host::start("intel-xe", |folder| {
        vec![Piece::make(folder, "Battlemage VF", 0xb1, Some("0000:03:00.1"))]
    });
    let profile = host.path("profile.toml");
    fs::write(&profile, "transport = \"vtest\"\n[limits]\nmemory = \"64MiB\"").unwrap();
    for name in ["a", "b"] {
        host.says(&["create", name, "--profile", profile.to_str().unwrap(), "--on", "03:00.1"]);
    }
    let (state_folder, sysfs) = (host.path("state").display().to_string(), host.sysfs());
    let bind = ["gpu", "bind", "03:00.1", "--state", &state_folder, "--sysfs-root", &sysfs];

    let refused = host.refuses(&bind);

    assert!(
        refused.starts_with(
            "error: 0000:03:00.1 is leased to vGPU a, b\nhint: stop them first: `vgpu stop a b`"
        )
    );
    let drained = host.vgpu(&bind).arg("--drain").output().unwrap();
    assert!(text(&drained.stderr).starts_with("vgpu: a is stopped\nvgpu: b is stopped\n"), "{drained:?}");
    assert_eq!((state(&host, "a"), state(&host, "b")), (State::Stopped, State::Stopped));
}

#[test]
fn a_piece_that_is_not_what_it_was_when_the_daemon_comes_back_is_told_and_comes_back_with_start() {
    let mut host = host();
    host.says(&["create", "a", "--on", "03:00.2", "--passthrough"]);
    let driver = host.tree.path("/sys/bus/pci/devices/0000:03:00.2/driver");
    let target = fs::read_link(&driver).unwrap();
    fs::remove_file(&driver).unwrap();

    host.start_again();

    let vgpu = host.client().show(&"a".parse().unwrap()).unwrap();
    assert_eq!(vgpu.state, State::Failing);
    assert!(vgpu.problem.unwrap().contains("0000:03:00.2 is not bound to vfio-pci"));
    assert!(host.refuses(&["start", "a"]).contains("`vgpu gpu bind 0000:03:00.2`"));
    symlink(target, driver).unwrap();
    host.says(&["start", "a"]);
    assert_eq!(state(&host, "a"), State::HandedOver);
}
