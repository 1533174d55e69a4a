//! Mediated devices of the GPU's driver.

use super::super::gpu::Gpu;
use super::super::names::{INTEL, NVIDIA};
use super::super::tree::Reader;
use super::{Method, Reason, Way, host};

pub(super) fn way(reader: &mut Reader<'_>, gpu: &Gpu) -> Way {
    if gpu.mdev_types.is_empty() {
        return Way::new(Method::Mdev, "nothing", vec![no_types(reader, gpu)]);
    }
    let made: usize = gpu.mdev_types.iter().map(|mdev_type| mdev_type.devices.len()).sum();
    let open = gpu.mdev_types.iter().filter(|mdev_type| mdev_type.available_instances != Some(0)).count();
    let pieces = format!("{made} made, {open} of {} types to be had", gpu.mdev_types.len());
    let full = (open == 0).then(|| {
        let file = format!("{}/mdev_supported_types", gpu.folder());
        let found = format!("available_instances is 0 of every type: {made} are made of this function");
        let elsewhere = match gpu.physical_function {
            Some(of) => format!("a virtual function has one at most; take another one of {of}'s, or "),
            None => String::new(),
        };
        let remedy = format!("{elsewhere}remove one: echo 1 >/sys/bus/mdev/devices/UUID/remove");
        Reason::forbids(&file, found, remedy)
    });
    Way::new(Method::Mdev, pieces, full.into_iter().collect())
}

fn no_types(reader: &mut Reader<'_>, gpu: &Gpu) -> Reason {
    let file = format!("{}/mdev_supported_types", gpu.folder());
    let none = |remedy: String| Reason::forbids(&file, "not there: its driver offers none", remedy);
    match (gpu.vendor_id, gpu.driver.as_deref()) {
        (INTEL, Some("i915")) => gvt(reader, &file),
        (INTEL, _) => {
            none("only i915 offers mdevs, of processors from Broadwell to Comet Lake: use SR-IOV".to_owned())
        }
        (NVIDIA, _) => nvidia(reader, gpu, &file),
        _ => none("this vendor's drivers offer none: use SR-IOV".to_owned()),
    }
}

/// Intel's GVT-g: a switch of i915's and a module beside it.
fn gvt(reader: &mut Reader<'_>, types: &str) -> Reason {
    let switch = "module/i915/parameters/enable_gvt";
    match reader.text(switch).as_deref() {
        Some("Y" | "1") if reader.has("module/kvmgt") => Reason::forbids(
            types,
            "not there, though GVT-g is on and kvmgt is loaded",
            "GVT-g is for processors from Broadwell to Comet Lake: use SR-IOV on later ones",
        ),
        Some("Y" | "1") => Reason::forbids("module/kvmgt", "not there", "modprobe kvmgt"),
        Some(value) => Reason::forbids(
            switch,
            value,
            "add i915.enable_gvt=1 to the kernel's command line, boot again, and modprobe kvmgt (processors from \
             Broadwell to Comet Lake)",
        ),
        None => Reason::forbids(
            switch,
            "not there: this i915 was built without GVT-g",
            "use a kernel with CONFIG_DRM_I915_GVT_KVMGT, on processors from Broadwell to Comet Lake",
        ),
    }
}

fn nvidia(reader: &mut Reader<'_>, gpu: &Gpu, types: &str) -> Reason {
    let found = format!("not there{}", host::versions(reader, gpu.driver.as_deref()));
    let made = gpu.sriov.as_ref().is_some_and(|sriov| !sriov.vfs.is_empty());
    let remedy = if gpu.vendor_vfio.is_some() {
        "this driver gives its virtual functions types of vGPU instead, see vendor-vfio"
    } else if made {
        "they are offered on its virtual functions, not here"
    } else {
        "install NVIDIA's vGPU host driver; it offers mdevs on GPUs before Ada and Linux before 6.8, from Ampere on \
         only on virtual functions, and else types of vGPU, see vendor-vfio"
    };
    Reason::forbids(types, found, remedy)
}
