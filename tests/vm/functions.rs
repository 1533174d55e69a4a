//! PCI functions that are handed over, for real: a host with an IOMMU, which is itself a VM, with a network card that
//! is cut into virtual functions and a disk with memory of its own. `vgpu` runs in it.

use crate::guest::Ended;
use crate::paths::{artefact, vgpu};
use crate::qemu::{Version, Vm};

/// A virtual function of the network card; it has three interrupts.
const VIRTUAL: &str = "0000:01:10.0";
/// The disk, which the kernel drives.
const DISK: &str = "0000:02:00.0";

const HOST: &[&str] = &[
    "-machine",
    "kernel-irqchip=split",
    "-append",
    "console=ttyS0 panic=-1 mitigations=off intel_iommu=on modules=functions",
    "-device",
    "intel-iommu,intremap=on",
    "-device",
    "pcie-root-port,id=card,chassis=1",
    "-device",
    "igb,bus=card",
    "-device",
    "pcie-root-port,id=disk,chassis=2",
    "-device",
    "nvme,bus=disk,serial=disk,cmb_size_mb=16,legacy-cmb=on",
];

struct Host(Vm);

impl Host {
    /// With virtual functions.
    fn boot() -> Self {
        let arguments: Vec<String> = HOST.iter().map(|&word| word.to_owned()).collect();
        let mut host = Self(Vm::boot_as_told(Version::V11_1, &arguments));
        host.sh("echo 2 >/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs").well();
        host
    }

    fn sh(&mut self, command: &str) -> Ended {
        self.0.guest.run(command)
    }

    /// Runs `vgpu gpu`.
    fn gpu(&mut self, arguments: &str) -> Ended {
        self.gpu_with("", arguments)
    }

    /// The same with these variables.
    fn gpu_with(&mut self, variables: &str, arguments: &str) -> Ended {
        self.sh(&format!("{variables} {} gpu {arguments} --state /dev/shm/state", vgpu().display()))
    }

    /// What drives a function, and what may.
    fn driver(&mut self, address: &str) -> (String, String) {
        let folder = format!("/sys/bus/pci/devices/{address}");
        let driver = self.sh(&format!("basename $(readlink {folder}/driver || echo none)")).well();
        (driver, self.sh(&format!("cat {folder}/driver_override")).well())
    }
}

fn is(driver: &str, kept_for: &str) -> (String, String) {
    (driver.to_owned(), kept_for.to_owned())
}

#[test]
fn a_virtual_function_is_handed_over_as_a_vmm_has_it() {
    let mut host = Host::boot();
    let refused = host.gpu(&format!("check {VIRTUAL}"));
    assert_ne!(refused.status, 0);
    assert!(refused.said.contains("its driver is none\nhint: `vgpu gpu bind 0000:01:10.0`"), "{refused:?}");

    let bound = host.gpu(&format!("bind {VIRTUAL}")).well();
    let node = bound.rsplit(' ').next().unwrap().to_owned();
    let said = host.gpu(&format!("check {VIRTUAL}")).well();

    assert!(said.contains(&format!("can be handed over, by {node}")), "{said}");
    assert!(said.contains("BAR 0 16KiB, BAR 3 16KiB, configuration 4KiB"), "{said}");
    assert!(said.contains("2MiB mapped for it"), "{said}");
    assert!(said.contains("MSI-X interrupts: 3, the first arrives"), "{said}");

    host.gpu(&format!("unbind {VIRTUAL}")).well();
    assert_eq!(host.driver(VIRTUAL), is("none", "(null)"));
}

#[test]
fn one_that_somebody_has_open_is_neither_tried_nor_reset_nor_taken_back() {
    let mut host = Host::boot();
    let bound = host.gpu(&format!("bind {VIRTUAL}")).well();
    let node = bound.rsplit(' ').next().unwrap().to_owned();
    host.sh(&format!("sleep 1000 <>{node} >/dev/null 2>&1 & echo $! >/dev/shm/holder")).well();

    for verb in ["check", "reset", "unbind"] {
        let refused = host.gpu(&format!("{verb} {VIRTUAL}"));
        assert_ne!(refused.status, 0, "{refused:?}");
        let holder = format!("has {node} open\nhint: stop who uses it first");
        assert!(refused.said.contains(&holder), "{refused:?}");
    }

    host.sh("kill $(cat /dev/shm/holder)").well();
    host.gpu(&format!("check {VIRTUAL}")).well();
}

/// A VM in the VM.
#[test]
fn a_vmm_starts_with_a_function_and_it_is_taken_back_after_it() {
    let mut host = Host::boot();
    host.gpu(&format!("bind {VIRTUAL}")).well();
    let qemu = artefact(Version::V11_1.command());

    let said = host.sh(&format!(
        "(echo info pci; sleep 1; echo quit) | {} -M q35 -accel tcg -m 64 -S -nodefaults -display none -monitor stdio \
         -device vfio-pci,host={VIRTUAL},id=handed",
        qemu.display()
    ));

    assert!(said.said.contains("PCI device 8086:10ca"), "{said:?}");
    host.gpu(&format!("check {VIRTUAL}")).well();
    host.gpu(&format!("unbind {VIRTUAL}")).well();
}

#[test]
fn one_that_the_kernel_has_no_way_to_reset_is_refused() {
    let mut host = Host::boot();
    host.gpu(&format!("bind {VIRTUAL}")).well();

    let methods = format!("/sys/bus/pci/devices/{VIRTUAL}/reset_method");
    assert_eq!(host.sh(&format!("cat {methods}")).well().trim(), "flr");
    host.sh(&format!("echo > {methods}")).well();
    let refused = host.gpu(&format!("reset {VIRTUAL}"));
    assert_ne!(refused.status, 0, "{refused:?}");
    assert!(
        refused.said.contains(&format!("{VIRTUAL} cannot be reset: the kernel knows no way")),
        "{refused:?}"
    );
    host.gpu(&format!("unbind {VIRTUAL}")).well();
}

/// QEMU's disk keeps its memory over a reset, as no device for tenants should.
#[test]
fn memory_that_outlives_a_reset_is_found() {
    let mut host = Host::boot();
    host.gpu(&format!("bind {DISK}")).well();

    let kept = host.gpu(&format!("reset {DISK}"));

    assert_ne!(kept.status, 0);
    assert!(kept.said.contains("BAR 2 holds 64 of 64 marks"), "{kept:?}");
    assert!(kept.said.contains("do not give it to another tenant"), "{kept:?}");
    host.gpu(&format!("unbind {DISK}")).well();
    assert_eq!(host.driver(DISK), is("nvme", "(null)"));
}

#[test]
fn what_was_killed_after_any_write_is_mended_by_doing_it_again_or_taking_it_back() {
    let mut host = Host::boot();
    let killed = 128 + 9;
    for file in ["driver_override", "unbind", "drivers_probe"] {
        let cut = |host: &mut Host, verb: &str, file: &str| {
            let variables = format!("VGPU_FAULT='sysfs: {file}'");
            assert_eq!(host.gpu_with(&variables, &format!("{verb} {DISK}")).status, killed, "{verb}: {file}");
        };
        cut(&mut host, "bind", file);
        host.gpu(&format!("unbind {DISK}")).well();
        assert_eq!(host.driver(DISK), is("nvme", "(null)"), "taken back after {file}");

        cut(&mut host, "bind", file);
        host.gpu(&format!("bind {DISK}")).well();
        assert_eq!(host.driver(DISK), is("vfio-pci", "vfio-pci"), "done again after {file}");
        host.gpu(&format!("check {DISK}")).well();

        let file = if file == "drivers_probe" { "bind" } else { file };
        cut(&mut host, "unbind", file);
        host.gpu(&format!("unbind {DISK}")).well();
        assert_eq!(host.driver(DISK), is("nvme", "(null)"), "given back after {file}");
    }
}
