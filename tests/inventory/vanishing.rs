//! What goes away, or cannot be read, while a host is looked at.

use std::fs;
use std::path::Path;

use vgpu::inventory::{Inventory, InventoryError, Names};

use crate::listing::Host;

const PF: &str = "/sys/bus/pci/devices/0000:03:00.0";

fn read(host: &Host) -> Inventory {
    Inventory::read(&host.sysfs(), &Names::default()).unwrap()
}

/// The files of the first GPU that could not be read.
fn unread(inventory: &Inventory) -> Vec<String> {
    inventory.devices[0].unread.iter().map(|unread| unread.file.display().to_string()).collect()
}

#[test]
fn a_device_that_went_away_is_told_and_the_others_are_there() {
    let host = Host::unpack("intel-xe");
    fs::remove_dir_all(host.path("/sys/bus/pci/devices/0000:03:00.2")).unwrap();
    // The list of devices is one of links: this one leads nowhere any more.
    std::os::unix::fs::symlink("gone", host.path("/sys/bus/pci/devices/0000:03:00.2")).unwrap();

    let inventory = read(&host);

    assert_eq!(inventory.devices.len(), 2);
    assert_eq!(inventory.unread[0].file, Path::new("/sys/bus/pci/devices/0000:03:00.2"));
    assert!(inventory.unread[0].problem.contains("vanished"));
    assert_eq!(inventory.devices[0].sriov.as_ref().unwrap().vfs.len(), 1, "a link to nothing is no function");
    assert_eq!(unread(&inventory), ["/sys/bus/pci/devices/0000:03:00.2"]);
}

#[test]
fn functions_that_come_and_go_are_counted_as_they_are() {
    let host = Host::unpack("intel-xe");
    fs::remove_file(host.path(&format!("{PF}/virtfn1"))).unwrap();

    let inventory = read(&host);

    assert_eq!(unread(&inventory), [format!("{PF}/sriov_numvfs")]);
    assert!(inventory.devices[0].unread[0].problem.contains("says 2, but there are links to 1"));
}

#[test]
fn a_file_that_cannot_be_read_is_told_whichever_it_is() {
    for file in [
        "sriov_numvfs",
        "sriov_totalvfs",
        "sriov_drivers_autoprobe",
        "numa_node",
        "boot_vga",
        "max_link_speed",
        "max_link_width",
    ] {
        let host = Host::unpack("intel-xe");
        let path = host.path(&format!("{PF}/{file}"));
        fs::remove_file(&path).unwrap();
        // Reading a folder fails with EISDIR, for root as well.
        fs::create_dir(&path).unwrap();

        let inventory = read(&host);

        assert_eq!(inventory.devices.len(), 3, "{file}");
        assert!(unread(&inventory).contains(&format!("{PF}/{file}")), "{file}: {:?}", unread(&inventory));
    }
}

#[test]
fn a_device_without_a_class_may_be_a_gpu_and_is_told() {
    for (file, text) in [("class", "0xgpu"), ("vendor", ""), ("device", "0x12345")] {
        let host = Host::unpack("intel-xe");
        fs::write(host.path(&format!("{PF}/{file}")), text).unwrap();

        let inventory = read(&host);

        assert_eq!(inventory.devices.len(), 2, "{file}");
        assert_eq!(inventory.unread.len(), 1, "{file}: {:?}", inventory.unread);
    }
}

#[test]
fn a_tree_without_devices_is_no_tree() {
    let folder = tempfile::tempdir().unwrap();

    let error = Inventory::read(folder.path(), &Names::default()).unwrap_err();

    assert!(matches!(error, InventoryError::NoDevices { .. }), "{error}");
}
