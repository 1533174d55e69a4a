//! The GPUs that programs could use Vulkan on without a VM: each is opened, by a process of its own, as for a vGPU.

use super::{Check, Host};
use crate::render_process::{self, Found, Rehearsal, RenderProcessError};

const LOADER: &str = "libvulkan.so.1";

pub(super) fn checks(host: &Host) -> Vec<Check> {
    match render_process::gpus() {
        Ok(gpus) if gpus.is_empty() => vec![none("there is no GPU".to_owned())],
        Ok(gpus) => {
            let tried = gpus.iter().map(|gpu| judge(gpu, render_process::rehearsal(Some(&gpu.uuid))));
            tried.chain([huge_pages(host)]).collect()
        }
        Err(error) => vec![none(error.to_string())],
    }
}

/// Memory that programs map is a memfd, which GPUs' drivers pin page by page.
fn huge_pages(host: &Host) -> Check {
    let file = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
    let setting =
        host.read(file).ok().and_then(|all| Some(all.split_once('[')?.1.split_once(']')?.0.to_owned()));
    let setting = setting.unwrap_or_else(|| "not there".to_owned());
    match setting.as_str() {
        "never" | "deny" | "not there" => Check::ok("huge_pages", file, setting).warn(
            "for vGPUs with transport = \"vtest\" write `advise` to the file: programs then get 64 MiB of mapped \
             memory in a third of the time",
        ),
        _ => Check::ok("huge_pages", file, setting),
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
    use super::super::Host;
    use super::super::Status;
    use super::{Found, Rehearsal, RenderProcessError, huge_pages, judge};
    use crate::sandbox::Needs;

    #[test]
    fn a_host_whose_mapped_memory_is_in_small_pages_is_told() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sys/kernel/mm/transparent_hugepage");
        std::fs::create_dir_all(&folder).unwrap();
        let judged = |text: &str| {
            std::fs::write(folder.join("shmem_enabled"), text).unwrap();
            huge_pages(&Host { root: root.path().to_owned() })
        };

        let small = judged("always within_size advise [never] deny force\n");
        assert_eq!((small.status, small.found.as_str()), (Status::Warn, "never"));
        assert_eq!(judged("always within_size [advise] never deny force\n").status, Status::Ok);
    }

    #[test]
    fn a_gpu_that_opens_is_well_and_one_that_does_not_is_told_why() {
        let gpu = Found { name: "NVIDIA H200".to_owned(), uuid: "4a0e".to_owned() };
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
