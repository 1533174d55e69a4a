//! `vgpu gpu list`.

use serde::Serialize;

use super::super::error::CommandError;
use super::super::output::{self, Output, memory_text};
use super::super::vgpus::or_nothing;
use super::hardware;
use super::host::Host;
use crate::control::api::Gpu;
use crate::inventory::{self, Unread};

/// List the GPUs on PCI and what they can be cut into, and how vGPUs share those that Vulkan finds
///
/// VULKAN is what a GPU's driver calls it where it is found by Vulkan (VK_EXT_pci_bus_info), so that vGPUs can run on
/// it. CAN names what nothing forbids, `vgpu gpu show` says why the rest cannot be. PROMISED is how much of a GPU's
/// memory the vGPUs on offer may use, USED how much they do, both with what drivers take for themselves. These two are
/// the daemon's to say: the first time it may take seconds, for drivers are loaded for it.
///
/// Example: vgpu gpu list -o json
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    host: Host,
    #[command(flatten)]
    output: Output,
}

/// What both know.
#[derive(Debug, Serialize)]
struct List {
    /// What the daemon says of those that Vulkan finds, if it was asked and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    gpus: Option<Vec<Gpu>>,
    devices: Vec<inventory::Gpu>,
    unread: Vec<Unread>,
}

/// Prints all GPUs.
pub(super) fn run(arguments: &ListArgs) -> Result<(), CommandError> {
    let (inventory::Inventory { devices, unread }, said) = arguments.host.look()?;
    let (gpus, absent) = match said {
        Some(Ok(gpus)) => (Some(gpus), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let list = List { gpus, devices, unread };
    arguments.output.print(&list, || {
        let mut text = hardware::table(&list.devices) + "\n";
        text.push_str(&hardware::unread_text(&list.unread));
        if let Some(gpus) = &list.gpus {
            text.push('\n');
            text.push_str(&shared(gpus));
        }
        let absent = absent.iter().map(|error| format!("\nHow vGPUs share them is not known: {error}\n"));
        text.extend(absent);
        text
    })
}

/// How vGPUs share GPUs, a line each.
pub(super) fn shared(gpus: &[Gpu]) -> String {
    let row = |gpu: &Gpu| {
        let leased = if gpu.leased { "yes" } else { "no" };
        let of = |bytes: u64, most: u64| format!("{} of {}", memory_text(bytes), memory_text(most));
        let most = gpu.memory_bytes.saturating_mul(gpu.overcommit.into()) / 100;
        vec![
            gpu.name.clone(),
            gpu.policy.to_string(),
            leased.to_owned(),
            of(gpu.memory_bytes_promised, most),
            of(gpu.memory_bytes_used, gpu.memory_bytes),
            or_nothing(gpu.pci),
            gpu.uuid.clone(),
        ]
    };
    let table = output::table(
        &["NAME", "POLICY", "LEASED", "PROMISED", "USED", "ADDRESS", "UUID"],
        gpus.iter().map(row),
    );
    let lost = |gpu: &Gpu| Some(format!("\n{} ({}) is lost: {}", gpu.name, gpu.uuid, gpu.lost.as_ref()?));
    gpus.iter().filter_map(lost).fold(table, |text, line| text + &line)
}
