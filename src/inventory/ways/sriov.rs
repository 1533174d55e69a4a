//! Virtual functions by SR-IOV.

use super::super::gpu::Gpu;
use super::super::names::{AMD, INTEL, NVIDIA};
use super::super::sriov::Sriov;
use super::super::tree::Reader;
use super::{Method, Reason, Way, host};

pub(super) fn way(reader: &mut Reader<'_>, gpu: &Gpu) -> Way {
    let Some(sriov) = &gpu.sriov else {
        return Way::new(Method::Sriov, "nothing", vec![no_capability(reader, gpu)]);
    };
    let mut reasons: Vec<Reason> = Vec::new();
    reasons.extend(none_allowed(gpu, sriov));
    reasons.extend(no_way_to_make_them(gpu, sriov));
    // The host can still drive what is made.
    let no_iommu = host::no_iommu(reader, gpu);
    reasons.extend(no_iommu.map(|reason| Reason { forbids: false, ..reason }));
    reasons.extend(no_provisioning(reader, gpu, sriov));
    reasons.extend(fewer_than_there_could_be(reader, gpu, sriov));
    Way::new(
        Method::Sriov,
        format!("{} of {} virtual functions made", sriov.vfs.len(), sriov.vfs_max),
        reasons,
    )
}

/// The kernel makes the file for each device with the capability, unless it was built without CONFIG_PCI_IOV.
fn no_capability(reader: &Reader<'_>, gpu: &Gpu) -> Reason {
    let file = format!("{}/sriov_totalvfs", gpu.folder());
    if host::is_virtual(&reader.proc("cpuinfo").unwrap_or_default()) {
        let remedy = "this host is a VM, and its hypervisor does not hand the capability on: cut the GPU on the host \
                      below, or use MIG and time slices here";
        return Reason::forbids(&file, "not there: the GPU shows no SR-IOV capability", remedy);
    }
    let vendor = match gpu.vendor_id {
        NVIDIA => "NVIDIA's data centre GPUs since Ampere have SR-IOV; ",
        AMD => "AMD's Instinct and some Radeon Pro GPUs have SR-IOV; ",
        INTEL => "Intel's processors since Alder Lake, Data Center GPUs and Arc Pro B have SR-IOV; ",
        _ => "",
    };
    let remedy = format!(
        "{vendor}if this one has, switch SR-IOV, ARI and Above 4G Decoding on in the firmware, and use a kernel with \
         CONFIG_PCI_IOV"
    );
    Reason::forbids(&file, "not there: the GPU shows no SR-IOV capability", remedy)
}

fn none_allowed(gpu: &Gpu, sriov: &Sriov) -> Option<Reason> {
    let file = format!("{}/sriov_totalvfs", gpu.folder());
    let remedy = match gpu.driver.as_deref() {
        Some("xe") => {
            "take xe.max_vfs=0 off the kernel's command line, or use a later Linux, for xe gained SR-IOV for one kind \
             of GPU after another; dmesg | grep -i sriov says what it found"
        }
        _ => "the driver allows none: dmesg | grep -i iov says why",
    };
    (sriov.vfs_max == 0).then(|| Reason::forbids(&file, "0", remedy))
}

fn no_way_to_make_them(gpu: &Gpu, sriov: &Sriov) -> Option<Reason> {
    if sriov.vfs.is_empty() && sriov.vfs_max > 0 { unchangeable(gpu) } else { None }
}

/// Why a write to sriov_numvfs would fail, whatever is in it: only a driver with the kernel's `sriov_configure` takes
/// one, others fail it with ENOENT.
pub(crate) fn unchangeable(gpu: &Gpu) -> Option<Reason> {
    let file = format!("{}/sriov_numvfs", gpu.folder());
    let address = gpu.address;
    let (driver, remedy) = match gpu.driver.as_deref() {
        None => ("a GPU without a driver", "bind it to its driver".to_owned()),
        // It has them made while another driver is bound for a moment.
        Some(driver @ "nvidia") => {
            let tool = "/usr/lib/nvidia/sriov-manage";
            let remedy =
                format!("run {tool} -e {address}, or -d to take them back, of NVIDIA's vGPU host driver");
            (driver, remedy)
        }
        Some(driver @ "i915") => {
            let id = gpu.device_id;
            let remedy = format!(
                "boot with i915.force_probe=!{id:04x} xe.force_probe={id:04x}: Linux' i915 makes none"
            );
            (driver, remedy)
        }
        Some(driver @ "amdgpu") => {
            (driver, "have AMD's GIM drive it (module gim) instead of amdgpu".to_owned())
        }
        // Its source has no such function: it makes them when it is loaded.
        Some(driver @ "gim") => (driver, GIM_REMEDY.to_owned()),
        Some(driver @ ("nouveau" | "radeon")) => (driver, "use the vendor's own driver".to_owned()),
        Some(_) => return None,
    };
    let count = gpu.sriov.as_ref().map_or(0, |sriov| sriov.vfs.len());
    let found = format!("{count}, and {driver} makes no virtual functions by this file");
    Some(Reason::forbids(&file, found, remedy))
}

/// How AMD's GIM is told how many functions each GPU has (gim_config.c of its source).
const GIM_REMEDY: &str = "stop what uses its functions and load it anew: modprobe -r gim, then modprobe gim vf_num=N, \
                          or N,M,… with a number for each GPU as it finds them; for every boot put `options gim \
                          vf_num=N` into a file in /etc/modprobe.d";

/// Where the driver makes a number of functions that it was told when it was loaded, and there could be more.
fn fewer_than_there_could_be(reader: &mut Reader<'_>, gpu: &Gpu, sriov: &Sriov) -> Option<Reason> {
    let is_gim = gpu.driver.as_deref() == Some("gim");
    let most = usize::try_from(sriov.vfs_max).unwrap_or(usize::MAX);
    (is_gim && (1..most).contains(&sriov.vfs.len())).then(|| {
        let file = "module/gim/parameters/vf_num";
        let found = reader.text(file).unwrap_or_else(|| "not there".to_owned());
        Reason::lessens(file, format!("{found}: as many functions as GIM was told to make"), GIM_REMEDY)
    })
}

fn no_provisioning(reader: &mut Reader<'_>, gpu: &Gpu, sriov: &Sriov) -> Option<Reason> {
    let driver = gpu.driver.as_deref().filter(|driver| *driver == "xe")?;
    (!sriov.provisioning && sriov.vfs_max > 0).then(|| {
        let file = format!("{}/sriov_admin", gpu.folder());
        let found = format!(
            "not there: xe shares time and memory out as it likes{}",
            host::versions(reader, Some(driver))
        );
        Reason::lessens(
            &file,
            found,
            "use Linux 6.19 or later to set time slices, 7.0 or later to set memory",
        )
    })
}
