//! What the program prints.

use std::process::Command;

use crate::listing::Host;

/// The program's exit code, what it prints, and what it says of errors. No daemon is named to it.
pub(crate) fn said(host: &Host, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_vgpu"))
        .args(arguments)
        .arg("--sysfs-root")
        .arg(host.sysfs())
        .env_remove("VGPU_API")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn json(host: &Host, arguments: &[&str]) -> serde_json::Value {
    let (code, stdout, stderr) = said(host, &[arguments, &["-o", "json"]].concat());
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn a_list_has_a_line_for_each_gpu_and_each_function() {
    let (code, stdout, stderr) = said(&Host::unpack("intel-xe"), &["gpu", "list"]);

    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let lines: Vec<Vec<&str>> =
        stdout.lines().map(|line| line.split("   ").map(str::trim).collect()).collect();
    assert_eq!(lines.len(), 4, "{stdout}");
    let cell = |line: usize, cell: usize| {
        lines[line].iter().filter(|text| !text.is_empty()).nth(cell).copied().unwrap()
    };
    assert_eq!((cell(1, 0), cell(1, 6), cell(1, 7)), ("0000:03:00.0", "GPU", "sriov"));
    assert_eq!((cell(3, 2), cell(3, 6), cell(3, 7)), ("vfio-pci", "VF of 0000:03:00.0", "passthrough"));
}

#[test]
fn programs_get_all_of_it() {
    let list = json(&Host::unpack("nvidia-vendor-vfio"), &["gpu", "list"]);

    assert!(list.get("gpus").is_none(), "no daemon was asked of another host's GPUs");
    assert_eq!(list["devices"][0]["vendor_id"], "0x10de");
    assert_eq!(list["devices"][1]["vendor_vfio"]["creatable"][0]["id"], 1428);
    assert_eq!(list["devices"][1]["physical_function"], "0000:41:00.0");
}

#[test]
fn show_prints_why_not_with_the_file_and_the_remedy() {
    let host = Host::unpack("no-iommu");

    let (code, stdout, _) = said(&host, &["gpu", "show", "00:02.0"]);

    assert_eq!(code, Some(0));
    for part in [
        "ADDRESS   0000:00:02.0\n",
        "passthrough: forbidden by /sys/bus/pci/devices/0000:00:02.0/iommu_group: not there: no IOMMU is on",
        "   remedy: switch VT-d on in the firmware, add intel_iommu=on to the kernel's command line and boot again\n",
        "sriov: lessened by /sys/bus/pci/devices/0000:00:02.0/sriov_admin: ",
    ] {
        assert!(stdout.contains(part), "{part:?} is not in\n{stdout}");
    }
    assert_eq!(json(&host, &["gpu", "show", "00:02.0"])["ways"][0]["possible"], false);
}

#[test]
fn what_cannot_be_read_is_printed_below_and_is_no_failure() {
    let host = Host::unpack("intel-xe");
    let file = host.path("/sys/bus/pci/devices/0000:03:00.0/numa_node");
    std::fs::write(file, "near").unwrap();

    let (code, stdout, _) = said(&host, &["gpu", "show", "0000:03:00.0"]);

    assert_eq!(code, Some(0));
    let line =
        "not read: /sys/bus/pci/devices/0000:03:00.0/numa_node: \"near\" is no number that belongs there\n";
    assert!(stdout.ends_with(line), "{stdout}");
}

#[test]
fn a_wrong_address_is_answered_with_the_near_ones() {
    let (code, _, stderr) = said(&Host::unpack("shared-group"), &["gpu", "show", "0a:00.1"]);

    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        "error: there is no GPU at 0000:0a:00.1\n\
         hint: there are 0000:0a:00.0, 0000:0c:00.0; `vgpu gpu list` lists all\n"
    );
}

#[test]
fn what_is_no_address_and_what_is_no_tree_are_told() {
    let host = Host::unpack("shared-group");
    let (code, _, stderr) = said(&host, &["gpu", "show", "3b:00"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        "error: \"3b:00\" names no GPU on PCI that Vulkan finds\n\
         hint: give a PCI address, as in 0000:3b:00.0, of one that `vgpu gpu list` lists\n"
    );

    std::fs::remove_dir_all(host.path("/sys/bus/pci")).unwrap();
    let (code, _, stderr) = said(&host, &["gpu", "list"]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.ends_with("hint: give --sysfs-root a folder like /sys, with bus/pci/devices in it\n"),
        "{stderr}"
    );
}
