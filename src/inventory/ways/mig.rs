//! Instances of NVIDIA's GPUs.

use super::super::gpu::Gpu;
use super::super::nvml::{LIBRARY, NvmlFacts};
use super::{Method, Reason, Way};

/// What NVML says of them, or why it says nothing.
pub(in super::super) fn way(gpu: &Gpu, facts: Result<&NvmlFacts, &str>) -> Way {
    let reason = |forbids, found: &str, remedy: String| Reason {
        forbids,
        file: LIBRARY.into(),
        found: found.to_owned(),
        remedy,
    };
    let facts = match facts {
        Ok(facts) => facts,
        Err(problem) => {
            let remedy =
                "install the libraries of NVIDIA's driver (Debian: libnvidia-ml1), and load its module";
            return Way::new(Method::Mig, "not known", vec![reason(true, problem, remedy.to_owned())]);
        }
    };
    let Some(mig) = &facts.mig else {
        let remedy =
            "only data centre GPUs since Ampere (A100, A30) and some of Blackwell's for workstations have it";
        let none = reason(true, "this GPU has no MIG mode", remedy.to_owned());
        return Way::new(Method::Mig, "nothing", vec![none]);
    };
    let profiles = mig.profiles.iter().map(|profile| format!("{} x {}", profile.instances_max, profile.name));
    let pieces = match profiles.collect::<Vec<_>>().join(", or ") {
        none if none.is_empty() => "no profiles".to_owned(),
        some => some,
    };
    let off = (!mig.enabled).then(|| {
        let address = gpu.address;
        let remedy = match mig.pending {
            true => format!("reset it once nothing uses it: nvidia-smi -i {address} --gpu-reset"),
            false => format!(
                "once nothing uses it, apply a layout with mig_mode = true; or: nvidia-smi -i {address} -mig 1"
            ),
        };
        reason(false, if mig.pending { "MIG mode is on after a reset" } else { "MIG mode is off" }, remedy)
    });
    Way::new(Method::Mig, pieces, off.into_iter().collect())
}
