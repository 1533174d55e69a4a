//! The GPUs that programs could use Vulkan on without a VM: each is opened, by a process of its own, as for a vGPU.

use super::Check;
use crate::render_process::{self, Found, Rehearsal, RenderProcessError};

const LOADER: &str = "libvulkan.so.1";

pub(super) fn checks() -> Vec<Check> {
    match render_process::gpus() {
        Ok(gpus) if gpus.is_empty() => vec![none("there is no GPU".to_owned())],
        Ok(gpus) => gpus.iter().map(|gpu| judge(gpu, render_process::rehearsal(Some(&gpu.uuid)))).collect(),
        Err(error) => vec![none(error.to_string())],
    }
}

/// Only vGPUs for Vulkan programs need one.
fn none(found: String) -> Check {
    Check::ok("vulkan", LOADER, found).warn(
        "for vGPUs with transport = \"vtest\" install Vulkan's loader and a driver (Debian: libvulkan1, \
         mesa-vulkan-drivers; NVIDIA's own: nvidia-vulkan-icd)",
    )
}

fn judge(gpu: &Found, tried: Result<Rehearsal, RenderProcessError>) -> Check {
    match tried {
        Ok(Rehearsal { name, driver, needs, shader_checks }) => {
            let uuid = &gpu.uuid;
            let file = needs.nodes.first().cloned().unwrap_or_else(|| LOADER.into());
            let found = format!("{name} ({uuid}), driver {driver}; shaders are checked by {shader_checks}");
            Check::ok("vulkan", file, found)
        }
        Err(error) => Check::ok("vulkan", LOADER, format!("{}: {error}", gpu.name))
            .warn("update its driver, or name another GPU in the profiles ([gpu] device = \"…\")"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::{Found, Rehearsal, RenderProcessError, judge};
    use crate::render_process::Kind;
    use crate::sandbox::Needs;

    #[test]
    fn a_gpu_that_opens_is_well_and_one_that_does_not_is_told_why() {
        let (name, uuid) = ("NVIDIA H200".to_owned(), "4a0e".to_owned());
        let gpu = Found { name, uuid, memory_bytes: 0, kind: Kind::Discrete, pci: None };
        let needs = Needs { nodes: ["/dev/nvidia0".into()].into(), ..Needs::default() };
        let opened = Rehearsal {
            name: gpu.name.clone(),
            driver: "NVIDIA 580.1".to_owned(),
            shader_checks: "spirv-tools".to_owned(),
            needs,
        };

        let well = judge(&gpu, Ok(opened));
        let ill = judge(&gpu, Err(RenderProcessError::Gpu("no memory to map".to_owned())));

        assert_eq!((well.status, well.file.as_path()), (Status::Ok, "/dev/nvidia0".as_ref()));
        assert_eq!(well.found, "NVIDIA H200 (4a0e), driver NVIDIA 580.1; shaders are checked by spirv-tools");
        assert_eq!((ill.status, ill.found.as_str()), (Status::Warn, "NVIDIA H200: no memory to map"));
    }
}
