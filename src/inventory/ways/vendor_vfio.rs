//! NVIDIA's vGPUs on virtual functions.

use super::super::gpu::Gpu;
use super::super::tree::Reader;
use super::super::vendor_vfio::VendorVfio;
use super::{Method, Reason, Way, host};

pub(super) fn way(reader: &mut Reader<'_>, gpu: &Gpu) -> Way {
    let mut reasons: Vec<Reason> = host::no_iommu(reader, gpu).into_iter().collect();
    let (pieces, reason) = match (&gpu.vendor_vfio, &gpu.physical_function) {
        (Some(vgpu), _) => of_function(gpu, vgpu),
        (None, Some(_)) => ("nothing".to_owned(), Some(no_host_driver(reader, gpu, &gpu.folder()))),
        (None, None) => of_gpu(reader, gpu),
    };
    reasons.extend(reason);
    Way::new(Method::VendorVfio, pieces, reasons)
}

fn of_function(gpu: &Gpu, vgpu: &VendorVfio) -> (String, Option<Reason>) {
    let folder = format!("{}/nvidia", gpu.folder());
    if let Some(current) = vgpu.current {
        let file = format!("{folder}/current_vgpu_type");
        let remedy = format!("once no VM uses it, take it back: echo 0 >/sys/{file}");
        let reason = Reason::forbids(&file, format!("{current}: it is given out"), remedy);
        return (format!("a vGPU of type {current}"), Some(reason));
    }
    let reason = vgpu.creatable.is_empty().then(|| {
        Reason::forbids(
            &format!("{folder}/creatable_vgpu_types"),
            "empty",
            "the GPU's other vGPUs leave no memory, or are of another size: take some back, or allow sizes to be mixed \
             before the first one is made (nvidia-smi vgpu -i GPU -shm 1)",
        )
    });
    (format!("one of {} types of vGPU", vgpu.creatable.len()), reason)
}

/// A physical function has no types of its own: they are its virtual functions'.
fn of_gpu(reader: &mut Reader<'_>, gpu: &Gpu) -> (String, Option<Reason>) {
    let vfs = gpu.sriov.as_ref().map_or(&[][..], |sriov| &sriov.vfs);
    let ready =
        vfs.iter().filter(|vf| reader.has(&format!("bus/pci/devices/{vf}/nvidia/current_vgpu_type"))).count();
    let reason = match (&gpu.sriov, vfs.first()) {
        (None, _) => Some(Reason::forbids(
            &format!("{}/sriov_totalvfs", gpu.folder()),
            "not there: these vGPUs are virtual functions, and the GPU shows no SR-IOV capability",
            "see sriov",
        )),
        (Some(_), None) => Some(Reason::forbids(
            &format!("{}/sriov_numvfs", gpu.folder()),
            "0",
            format!("run /usr/lib/nvidia/sriov-manage -e {}, of NVIDIA's vGPU host driver", gpu.address),
        )),
        (Some(_), Some(first)) if ready == 0 => {
            Some(no_host_driver(reader, gpu, &format!("bus/pci/devices/{first}")))
        }
        _ => None,
    };
    (format!("{ready} of {} virtual functions take types of vGPU", vfs.len()), reason)
}

/// That this virtual function is not driven by what would give it types.
fn no_host_driver(reader: &mut Reader<'_>, gpu: &Gpu, folder: &str) -> Reason {
    let driver = reader.link(&format!("{folder}/driver"));
    let found = match driver.as_deref() {
        None => "not there: the function has no driver".to_owned(),
        Some(name) => {
            format!("not there, with the driver {name}{}", host::versions(reader, gpu.driver.as_deref()))
        }
    };
    let remedy = match driver.as_deref() {
        None => "bind it to nvidia, of NVIDIA's vGPU host driver",
        Some("nvidia") => {
            "install NVIDIA's vGPU host driver 17.0 or later: the driver for bare metal makes no vGPUs, and older \
             host drivers, and those on Linux before 6.8 for GPUs before Ada, offer mdevs"
        }
        Some(_) => "unbind it and bind it to nvidia, of NVIDIA's vGPU host driver",
    };
    Reason::forbids(&format!("{folder}/nvidia/current_vgpu_type"), found, remedy)
}
