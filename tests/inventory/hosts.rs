//! What is said of each kind of GPU, and why it cannot be cut where it cannot.

use vgpu::inventory::{Gpu, Inventory, Method, Names, PciAddress, Reason, Way};

use crate::listing::Host;

fn address(text: &str) -> PciAddress {
    text.parse().unwrap()
}

fn inventory(host: &str) -> Inventory {
    let inventory = Inventory::read(&Host::unpack(host).sysfs(), &Names::default()).unwrap();
    assert_eq!(inventory.unread, [], "everything in {host} can be read");
    inventory
}

fn gpu(host: &str, at: &str) -> Gpu {
    let gpu = inventory(host).find(address(at)).unwrap().clone();
    assert_eq!(gpu.unread, [], "everything in {host} can be read");
    gpu
}

fn way(gpu: &Gpu, method: Method) -> &Way {
    gpu.ways.iter().find(|way| way.method == method).unwrap()
}

/// The methods that nothing forbids.
fn possible(gpu: &Gpu) -> Vec<Method> {
    gpu.ways.iter().filter(|way| way.possible).map(|way| way.method).collect()
}

/// The one reason in a way: its file below the GPU's folder or below `/sys`, whether it forbids, and the remedy.
fn reason(gpu: &Gpu, method: Method) -> (String, bool, &Reason) {
    let reasons = &way(gpu, method).reasons;
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    let reason = &reasons[0];
    let file = reason.file.display().to_string();
    let own = format!("/sys/bus/pci/devices/{}/", gpu.address);
    let short = file.strip_prefix(&own).or(file.strip_prefix("/sys/")).unwrap();
    (short.to_owned(), reason.forbids, reason)
}

#[test]
fn intels_xe_has_virtual_functions_with_time_and_memory_of_their_own() {
    let gpu = gpu("intel-xe", "03:00.0");

    assert_eq!((gpu.vendor_id, gpu.device_id, gpu.driver.as_deref()), (0x8086, 0xe211, Some("xe")));
    assert_eq!((gpu.numa_node, gpu.boot_vga, gpu.physical_function), (Some(0), false, None));
    let sriov = gpu.sriov.as_ref().unwrap();
    assert_eq!(sriov.vfs, [address("03:00.1"), address("03:00.2")]);
    assert_eq!((sriov.vfs_max, sriov.drivers_autoprobe, sriov.provisioning), (12, Some(false), true));
    assert_eq!(possible(&gpu), [Method::Sriov]);
    assert_eq!(way(&gpu, Method::Sriov).reasons, []);
    let (file, _, reason) = reason(&gpu, Method::Passthrough);
    assert_eq!(
        (file.as_str(), reason.found.as_str()),
        ("sriov_numvfs", "2 virtual functions are made of it")
    );
}

#[test]
fn a_virtual_function_says_whose_it_is_and_is_handed_out_as_it_is() {
    let inventory = inventory("intel-xe");
    for (at, group, driver) in [("03:00.1", 17, None), ("03:00.2", 18, Some("vfio-pci"))] {
        let vf = inventory.find(address(at)).unwrap();
        assert_eq!(vf.physical_function, Some(address("03:00.0")));
        assert_eq!((vf.iommu_group.as_ref().unwrap().number, vf.driver.as_deref()), (group, driver));
        assert_eq!((possible(vf), &vf.link), (vec![Method::Passthrough], &None));
        assert_eq!(vf.ways.len(), 1, "nothing can be made of it");
    }
}

#[test]
fn intels_gvt_offers_mdevs_and_says_how_many_are_left() {
    let gpu = gpu("intel-gvt", "00:02.0");

    let types: Vec<_> = gpu
        .mdev_types
        .iter()
        .map(|mdev_type| (mdev_type.id.as_str(), mdev_type.available_instances, mdev_type.devices.len()))
        .collect();
    assert_eq!(types, [("i915-GVTg_V5_4", Some(0), 1), ("i915-GVTg_V5_8", Some(1), 0)]);
    assert!(gpu.mdev_types[0].description.as_ref().unwrap().contains("resolution: 1920x1200 weight: 4"));
    assert_eq!(possible(&gpu), [Method::Passthrough, Method::Mdev]);
    assert_eq!(gpu.numa_node, None, "-1 is no node");
    let (file, forbids, _) = reason(&gpu, Method::Passthrough);
    assert_eq!((file.as_str(), forbids), ("boot_vga", false));
    assert_eq!(reason(&gpu, Method::Sriov).0, "sriov_totalvfs");
}

#[test]
fn gvt_that_is_switched_off_not_loaded_or_not_built_is_told_what_to_do() {
    let host = Host::unpack("intel-gvt");
    let types = host.path("/sys/bus/pci/devices/0000:00:02.0/mdev_supported_types");
    std::fs::remove_dir_all(types).unwrap();
    let said = || {
        let inventory = Inventory::read(&host.sysfs(), &Names::default()).unwrap();
        let gpu = inventory.find(address("00:02.0")).unwrap();
        let (file, forbids, reason) = reason(gpu, Method::Mdev);
        assert!(forbids);
        (file, reason.remedy.clone())
    };

    assert_eq!(said().0, "mdev_supported_types");
    std::fs::remove_dir(host.path("/sys/module/kvmgt")).unwrap();
    assert_eq!(said(), ("module/kvmgt".to_owned(), "modprobe kvmgt".to_owned()));
    let switch = host.path("/sys/module/i915/parameters/enable_gvt");
    std::fs::write(&switch, "N\n").unwrap();
    let (file, remedy) = said();
    assert_eq!(file, "module/i915/parameters/enable_gvt");
    assert!(remedy.contains("add i915.enable_gvt=1 to the kernel's command line"), "{remedy}");
    std::fs::remove_file(switch).unwrap();
    assert!(said().1.contains("CONFIG_DRM_I915_GVT_KVMGT"));
}

#[test]
fn amds_accelerators_are_gpus_and_gim_makes_their_functions() {
    let inventory = inventory("amd-gim");

    let all: Vec<_> = inventory.devices.iter().map(|gpu| gpu.address).collect();
    assert_eq!(all, [address("05:00.0"), address("05:02.0"), address("26:00.0")]);
    let with_gim = inventory.find(address("05:00.0")).unwrap();
    assert_eq!(possible(with_gim), [Method::Sriov]);
    let with_amdgpu = inventory.find(address("26:00.0")).unwrap();
    let (file, forbids, reason) = reason(with_amdgpu, Method::Sriov);
    assert_eq!((file.as_str(), forbids), ("sriov_numvfs", true));
    assert!(reason.remedy.contains("GIM"), "{}", reason.remedy);
}

#[test]
fn how_many_functions_gim_was_told_to_make_is_said_where_there_could_be_more() {
    let host = Host::unpack("amd-gim");
    std::fs::write(host.path("/sys/bus/pci/devices/0000:05:00.0/sriov_totalvfs"), "8").unwrap();

    let inventory = Inventory::read(&host.sysfs(), &Names::default()).unwrap();

    let gpu = inventory.find(address("05:00.0")).unwrap();
    let way = gpu.ways.iter().find(|way| way.method == Method::Sriov).unwrap();
    assert!(way.possible);
    let reason = &way.reasons[0];
    assert_eq!(reason.file.to_str(), Some("/sys/module/gim/parameters/vf_num"));
    assert_eq!(reason.found, "1: as many functions as GIM was told to make");
    assert!(reason.remedy.contains("modprobe gim vf_num=N"), "{}", reason.remedy);
}

#[test]
fn nvidias_functions_take_types_of_vgpu_and_are_not_for_vfio_pci() {
    let inventory = inventory("nvidia-vendor-vfio");
    let vf = |at: &str| inventory.find(address(at)).unwrap();

    let free = vf("41:00.4");
    let types = free.vendor_vfio.as_ref().unwrap();
    assert_eq!(types.current, None);
    assert_eq!((types.creatable[1].id, types.creatable[1].name.as_str()), (1414, "NVIDIA H200X-1-18C"));
    assert_eq!(possible(free), [Method::VendorVfio]);
    assert_eq!(reason(free, Method::Passthrough).0, "nvidia");

    let given = vf("41:00.5");
    assert_eq!(given.vendor_vfio.as_ref().unwrap().current, Some(1414));
    assert_eq!(reason(given, Method::VendorVfio).0, "nvidia/current_vgpu_type");

    let (file, forbids, reason) = reason(vf("41:00.6"), Method::VendorVfio);
    assert_eq!(
        (file.as_str(), forbids, reason.found.as_str()),
        ("nvidia/creatable_vgpu_types", true, "empty")
    );

    let whole = vf("41:00.0");
    assert_eq!(possible(whole), [Method::Sriov, Method::VendorVfio]);
    assert_eq!(way(whole, Method::VendorVfio).pieces, "3 of 3 virtual functions take types of vGPU");
}

#[test]
fn nvidias_functions_of_older_drivers_offer_mdevs() {
    let inventory = inventory("nvidia-mdev");
    let vf = |at: &str| inventory.find(address(at)).unwrap();

    assert_eq!(possible(vf("17:00.4")), [Method::Passthrough, Method::Mdev]);
    let (file, forbids, full) = reason(vf("17:00.5"), Method::Mdev);
    assert_eq!((file.as_str(), forbids), ("mdev_supported_types", true));
    assert!(full.remedy.contains("a virtual function has one at most"), "{}", full.remedy);
    let (_, _, whole) = reason(vf("17:00.0"), Method::Mdev);
    assert_eq!(whole.found, "not there (Linux 5.15.0-130-generic, nvidia 535.261.03)");
    assert_eq!(whole.remedy, "they are offered on its virtual functions, not here");
    let (file, _, old) = reason(vf("17:00.4"), Method::VendorVfio);
    assert_eq!(file, "nvidia/current_vgpu_type");
    assert!(old.remedy.contains("17.0 or later"), "{}", old.remedy);
}

#[test]
fn without_virtual_functions_nvidias_own_tool_is_named() {
    let host = Host::unpack("nvidia-vendor-vfio");
    let folder = "/sys/bus/pci/devices/0000:41:00.0";
    std::fs::write(host.path(&format!("{folder}/sriov_numvfs")), "0\n").unwrap();
    for number in 0..3 {
        std::fs::remove_file(host.path(&format!("{folder}/virtfn{number}"))).unwrap();
    }
    let inventory = Inventory::read(&host.sysfs(), &Names::default()).unwrap();
    let gpu = inventory.find(address("41:00.0")).unwrap();

    for method in [Method::Sriov, Method::VendorVfio] {
        let (file, forbids, reason) = reason(gpu, method);
        assert_eq!((file.as_str(), forbids), ("sriov_numvfs", true));
        assert!(reason.remedy.contains("sriov-manage -e 0000:41:00.0"), "{}", reason.remedy);
    }
}

#[test]
fn an_h200_in_a_vm_shows_no_functions_for_its_hypervisor_hides_them() {
    let inventory = inventory("h200");
    assert_eq!(inventory.devices.len(), 1, "a bridge and a network card are no GPUs");
    let gpu = gpu("h200", "00:06.0");

    assert_eq!(possible(&gpu), []);
    let (file, _, reason) = reason(&gpu, Method::Sriov);
    assert_eq!(file, "sriov_totalvfs");
    assert!(reason.remedy.contains("this host is a VM"), "{}", reason.remedy);
    assert_eq!(gpu.link.unwrap().speed_max, "32.0 GT/s PCIe");
}

#[test]
fn without_iommu_the_message_says_what_to_add_to_the_kernels_command_line() {
    let gpu = gpu("no-iommu", "00:02.0");

    let first = &way(&gpu, Method::Passthrough).reasons[0];
    assert!(first.forbids && first.file.ends_with("0000:00:02.0/iommu_group"), "{first:?}");
    assert!(first.found.ends_with("the kernel's command line says nothing of one"), "{}", first.found);
    assert!(first.remedy.contains("add intel_iommu=on to the kernel's command line"), "{}", first.remedy);
    assert!(possible(&gpu).contains(&Method::Sriov), "the host can still drive virtual functions");
}

#[test]
fn an_xe_without_files_to_provision_with_is_told_from_which_kernel_on_there_are() {
    let gpu = gpu("no-iommu", "00:02.0");

    let reason = &way(&gpu, Method::Sriov).reasons[1];
    assert!(!reason.forbids && reason.file.ends_with("sriov_admin"), "{reason:?}");
    assert!(reason.found.contains("Linux 6.12.0"), "{}", reason.found);
    assert!(reason.remedy.contains("6.19"), "{}", reason.remedy);
}

#[test]
fn an_iommu_that_leaves_a_gpu_out_is_another_matter() {
    let host = Host::unpack("no-iommu");
    std::fs::create_dir(host.path("/sys/class/iommu/dmar0")).unwrap();
    let inventory = Inventory::read(&host.sysfs(), &Names::default()).unwrap();

    let reason = &way(inventory.find(address("00:02.0")).unwrap(), Method::Passthrough).reasons[0];
    assert!(reason.remedy.contains("intel_iommu=igfx_off"), "{}", reason.remedy);
}

#[test]
fn who_else_is_in_a_group_forbids_or_goes_along() {
    let inventory = inventory("shared-group");

    let with_disk = inventory.find(address("0a:00.0")).unwrap();
    let reason = &way(with_disk, Method::Passthrough).reasons[0];
    assert!(reason.forbids && reason.file.ends_with("iommu_groups/13/devices"), "{reason:?}");
    assert_eq!(
        reason.found, "0000:0b:00.0 (nvme) would have to go with it",
        "neither the bridge nor its own sound"
    );

    let with_sound = inventory.find(address("0c:00.0")).unwrap();
    let reason = &way(with_sound, Method::Passthrough).reasons[0];
    assert!(!reason.forbids, "{reason:?}");
    assert_eq!(reason.found, "0000:0c:00.1 (snd_hda_intel) must go with it");
}

#[test]
fn a_driver_that_allows_no_functions_is_told_from_a_gpu_that_has_none() {
    let host = Host::unpack("no-iommu");
    std::fs::write(host.path("/sys/bus/pci/devices/0000:00:02.0/sriov_totalvfs"), "0\n").unwrap();
    let inventory = Inventory::read(&host.sysfs(), &Names::default()).unwrap();

    let reason = &way(inventory.find(address("00:02.0")).unwrap(), Method::Sriov).reasons[0];
    assert!(reason.forbids && reason.file.ends_with("sriov_totalvfs"), "{reason:?}");
    assert!(reason.remedy.contains("xe.max_vfs"), "{}", reason.remedy);
}
