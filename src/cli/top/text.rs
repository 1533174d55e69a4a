//! Rates as words, the same in batches and on the screen.

use super::rates::{Row, Sum};
use crate::cli::output::memory_text;
use crate::control::api::Gpu;

const NOTHING: &str = "-";

/// Headings of a vGPU's figures.
pub(super) const VGPU_HEADINGS: [&str; 11] = [
    "NAME",
    "GPU",
    "CLASS",
    "WEIGHT",
    "CAP",
    "WANTED%",
    "GOT%",
    "WAIT AVG",
    "WAIT MAX",
    "SUBMISSIONS/s",
    "MEMORY",
];

/// Headings of a GPU's figures.
pub(super) const GPU_HEADINGS: [&str; 5] = ["GPU", "POLICY", "LEASED", "VGPUS", "GPU%"];

/// What stands below [`VGPU_HEADINGS`].
pub(super) fn vgpu_cells(row: &Row, gpus: &[Gpu]) -> Vec<String> {
    let (usage, rates) = (&row.usage, row.rates);
    let number = |of: Option<f64>| of.map_or(NOTHING.to_owned(), |number| format!("{number:.1}"));
    let time = |of: Option<u64>| of.map_or(NOTHING.to_owned(), time_text);
    vec![
        usage.name.to_string(),
        usage.gpu.as_ref().map_or(NOTHING.to_owned(), |uuid| gpu_name(uuid, gpus)),
        usage.class.to_string(),
        usage.weight.to_string(),
        format!("{}%", usage.cap),
        number(rates.map(|rates| rates.wanted)),
        number(rates.map(|rates| rates.got)),
        time(rates.and_then(|rates| rates.wait_ns)),
        time((usage.waits > 0).then_some(usage.wait_max_ns)),
        number(rates.map(|rates| rates.submissions)),
        format!("{} of {}", memory_text(usage.memory_bytes_used), memory_text(usage.memory_bytes_max)),
    ]
}

/// What stands below [`GPU_HEADINGS`].
pub(super) fn gpu_cells(sum: &Sum, gpus: &[Gpu]) -> Vec<String> {
    let gpu = gpus.iter().find(|gpu| gpu.uuid == sum.gpu);
    let leased = |gpu: &Gpu| if gpu.leased { "yes" } else { "no" };
    vec![
        gpu_name(&sum.gpu, gpus),
        gpu.map_or(NOTHING.to_owned(), |gpu| gpu.policy.to_string()),
        gpu.map_or(NOTHING, leased).to_owned(),
        sum.vgpus.to_string(),
        format!("{:.1}", sum.got),
    ]
}

/// Its name, if it is known and no other has it; the beginning of its UUID tells it from others.
fn gpu_name(uuid: &str, gpus: &[Gpu]) -> String {
    let beginning: String = uuid.chars().take(8).collect();
    let Some(gpu) = gpus.iter().find(|gpu| gpu.uuid == uuid) else { return beginning };
    match gpus.iter().filter(|other| other.name == gpu.name).count() {
        1 => gpu.name.clone(),
        _ => format!("{} {beginning}", gpu.name),
    }
}

/// A time in the unit in which its number is short.
fn time_text(time_ns: u64) -> String {
    let (unit_ns, unit) = match time_ns {
        1_000_000_000.. => (1e9, "s"),
        1_000_000..=999_999_999 => (1e6, "ms"),
        _ => (1e3, "us"),
    };
    format!("{:.1}{unit}", time_ns as f64 / unit_ns)
}

#[cfg(test)]
mod tests {
    use super::{Gpu, gpu_name, time_text};
    use crate::control::api::Policy;

    #[test]
    fn times_are_short() {
        for (time_ns, text) in
            [(0, "0.0us"), (1_540, "1.5us"), (2_000_000, "2.0ms"), (90_000_000_000, "90.0s")]
        {
            assert_eq!(time_text(time_ns), text);
        }
    }

    #[test]
    fn gpus_of_one_name_are_told_apart_and_unknown_ones_have_their_uuids() {
        let gpu = |name: &str, uuid: &str| Gpu {
            pci: None,
            lost: None,
            name: name.to_owned(),
            uuid: uuid.to_owned(),
            policy: Policy::BestEffort,
            leased: false,
            memory_bytes: 0,
            memory_bytes_promised: 0,
            memory_bytes_used: 0,
            overcommit: 100,
        };
        let gpus = [gpu("H200", "d1bb6f7e-8f4f"), gpu("H200", "d1cc6f7e-8f4f"), gpu("llvmpipe", "6d65")];

        assert_eq!(gpu_name("d1cc6f7e-8f4f", &gpus), "H200 d1cc6f7e");
        assert_eq!(gpu_name("6d65", &gpus), "llvmpipe");
        assert_eq!(gpu_name("ffffffff-0000", &gpus), "ffffffff");
    }
}
