//! What is true of all GPUs of a host.

use super::super::gpu::Gpu;
use super::super::tree::Reader;
use super::Reason;

/// That no IOMMU is before the GPU, if so. Without one a guest's GPU could reach all memory of the host.
pub(super) fn no_iommu(reader: &mut Reader<'_>, gpu: &Gpu) -> Option<Reason> {
    gpu.iommu_group.is_none().then(|| no_group(reader, &gpu.folder()))
}

/// Why the function in this folder is in no group.
pub(in crate::inventory) fn no_group(reader: &mut Reader<'_>, folder: &str) -> Reason {
    let file = format!("{folder}/iommu_group");
    if !reader.names("class/iommu").is_empty() {
        let found = "not there, though the host has an IOMMU";
        let remedy = "put the card into a slot that the firmware's tables place behind the IOMMU, or update the \
                      firmware; take iommu=off, intel_iommu=off or intel_iommu=igfx_off off the kernel's command line";
        return Reason::forbids(&file, found, remedy);
    }
    let cpu = reader.proc("cpuinfo").unwrap_or_default();
    let remedy = match () {
        () if is_virtual(&cpu) => {
            "this host is a VM: have its VMM give it an emulated IOMMU (QEMU: -device intel-iommu), and add \
             intel_iommu=on to the kernel's command line"
        }
        () if cpu.contains("GenuineIntel") => {
            "switch VT-d on in the firmware, add intel_iommu=on to the kernel's command line and boot again"
        }
        () if cpu.contains("AuthenticAMD") => {
            "switch IOMMU (AMD-Vi) on in the firmware, take amd_iommu=off and iommu=off off the kernel's command line \
             and boot again"
        }
        () => {
            "switch the IOMMU on in the firmware (VT-d, AMD-Vi, SMMU); on Intel's processors also add intel_iommu=on \
             to the kernel's command line; boot again"
        }
    };
    let line = reader.proc("cmdline").map(|line| {
        match line.split_whitespace().find(|word| word.contains("iommu")) {
            Some(word) => format!(", and the kernel's command line has {word}"),
            None => ", and the kernel's command line says nothing of one".to_owned(),
        }
    });
    Reason::forbids(&file, format!("not there: no IOMMU is on{}", line.unwrap_or_default()), remedy)
}

/// Whether this host is itself a VM, which sees of a GPU what its hypervisor lets it see.
pub(super) fn is_virtual(cpuinfo: &str) -> bool {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    flags.split_whitespace().any(|flag| flag == "hypervisor")
}

/// The kernel's release and that of the driver's module, as far as they are known, to end a sentence with.
pub(super) fn versions(reader: &mut Reader<'_>, driver: Option<&str>) -> String {
    let kernel = reader.proc("sys/kernel/osrelease").map(|release| format!("Linux {release}"));
    let module = driver.and_then(|driver| {
        let version = reader.text(&format!("module/{driver}/version"))?;
        Some(format!("{driver} {version}"))
    });
    match kernel.into_iter().chain(module).collect::<Vec<_>>().join(", ") {
        known if known.is_empty() => known,
        known => format!(" ({known})"),
    }
}
