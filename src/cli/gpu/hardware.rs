//! `vgpu gpu show`, and how GPUs on PCI look in tables.

use clap::builder::NonEmptyStringValueParser;

use super::super::error::CommandError;
use super::super::output::{self, Output, memory_text};
use super::super::vgpus::{or_nothing, pairs};
use super::host::Host;
use crate::inventory::{
    Gpu, GpuInstance, Health, InventoryError, MigProfile, NvmlFacts, PciAddress, Reason, Unread,
    VulkanDevice, Way,
};

/// Show a GPU on PCI: what it can be cut into, and what keeps it from that
///
/// Virtual functions have addresses of their own. What is only lessened and not forbidden is marked so.
///
/// Example: vgpu gpu show 3b:00.0
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Its PCI address, as in 0000:3b:00.0, where the domain may be left out if it is 0000; or the UUID or a part of
    /// the name that Vulkan has for it
    #[arg(value_name = "GPU", value_parser = NonEmptyStringValueParser::new())]
    gpu: String,
    #[command(flatten)]
    host: Host,
    #[command(flatten)]
    output: Output,
}

/// Prints all that is known of one GPU.
pub(super) fn show(arguments: &ShowArgs) -> Result<(), CommandError> {
    let (inventory, _) = arguments.host.look()?;
    let gpu = inventory.find_named(&arguments.gpu)?;
    arguments.output.print(gpu, || details(gpu))
}

/// A line for each GPU.
pub(super) fn table(gpus: &[Gpu]) -> String {
    let row = |gpu: &Gpu| {
        let can: Vec<String> =
            gpu.ways.iter().filter(|way| way.possible).map(|way| way.method.to_string()).collect();
        vec![
            gpu.address.to_string(),
            gpu.title(),
            or_nothing(gpu.driver.as_ref()),
            or_nothing(gpu.iommu_group.as_ref().map(|group| group.number)),
            or_nothing(gpu.numa_node),
            or_nothing(gpu.vulkan.first().map(|device| device.name.as_str())),
            gpu.physical_function.map_or("GPU".to_owned(), |of| format!("VF of {of}")),
            if can.is_empty() { "-".to_owned() } else { can.join(",") },
        ]
    };
    output::table(
        &["ADDRESS", "NAME", "DRIVER", "GROUP", "NUMA", "VULKAN", "IS", "CAN"],
        gpus.iter().map(row),
    )
}

fn details(gpu: &Gpu) -> String {
    let mut lines = vec![
        ("ADDRESS", gpu.address.to_string()),
        ("NAME", gpu.title()),
        ("ID", format!("{:04x}:{:04x}", gpu.vendor_id, gpu.device_id)),
        ("DRIVER", or_nothing(gpu.driver.as_ref())),
        ("NUMA", or_nothing(gpu.numa_node)),
    ];
    lines.extend(link(gpu).map(|text| ("LINK", text)));
    lines.extend(gpu.boot_vga.then(|| ("CONSOLE", "the firmware's".to_owned())));
    lines.extend(gpu.physical_function.map(|of| ("VF OF", of.to_string())));
    lines.extend(group(gpu));
    lines.extend(vulkan(&gpu.vulkan));
    lines.extend(gpu.nvml.iter().flat_map(nvml));
    lines.extend(pieces(gpu));
    let ways = output::table(&["WAY", "CAN", "PIECES"], gpu.ways.iter().map(way));
    format!("{}\n\n{ways}\n{}{}", pairs(&lines), reasons(gpu), unread_text(&gpu.unread))
}

fn link(gpu: &Gpu) -> Option<String> {
    let link = gpu.link.as_ref()?;
    let lanes = |lanes: Option<u32>| lanes.map(|lanes| format!(" x{lanes}")).unwrap_or_default();
    let now = link.speed.as_ref().map(|speed| format!(", now {speed}{}", lanes(link.lanes)));
    Some(format!("{}{}{}", link.speed_max, lanes(link.lanes_max), now.unwrap_or_default()))
}

/// Its IOMMU group, then what else is in it.
fn group(gpu: &Gpu) -> Vec<(&'static str, String)> {
    let Some(group) = &gpu.iommu_group else { return vec![("GROUP", "-".to_owned())] };
    let others = group.others.iter().map(|other| {
        let driver = other.driver.as_ref().map(|driver| format!(" ({driver})")).unwrap_or_default();
        let bridge = if other.bridge { ", a bridge" } else { "" };
        ("IN GROUP", format!("{}{driver}{bridge}", other.address))
    });
    std::iter::once(("GROUP", group.number.to_string())).chain(others).collect()
}

/// By which names vGPUs run on it.
fn vulkan(devices: &[VulkanDevice]) -> Vec<(&'static str, String)> {
    match devices {
        [] => vec![("VULKAN", "-".to_owned())],
        devices => {
            devices.iter().map(|VulkanDevice { name, uuid }| ("VULKAN", format!("{name} ({uuid})"))).collect()
        }
    }
}

fn mig_profile(profile: &MigProfile) -> String {
    let MigProfile { id, name, instances_max, memory_bytes, multiprocessors, .. } = profile;
    let free = profile.instances_free.map(|free| format!(", {free} free")).unwrap_or_default();
    let starts: Vec<String> = profile.placements.iter().map(|place| place.start.to_string()).collect();
    let at = if starts.is_empty() { String::new() } else { format!(", at {}", starts.join(" ")) };
    let memory = memory_text(*memory_bytes);
    format!("{name} ({id}): {instances_max} at most{free}{at}, {memory}, {multiprocessors} SMs")
}

/// What its driver's library says.
fn nvml(facts: &NvmlFacts) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    lines.extend(facts.uuid.iter().map(|uuid| ("UUID", uuid.clone())));
    lines.extend(facts.driver_version.iter().map(|version| ("VERSION", version.clone())));
    if let (Some(total), Some(free)) = (facts.memory_bytes, facts.memory_bytes_free) {
        lines.push(("MEMORY", format!("{}, {} free", memory_text(total), memory_text(free))));
    }
    if let Some(mig) = &facts.mig {
        lines.push(("MIG", if mig.enabled { "on" } else { "off" }.to_owned()));
        lines.extend(mig.profiles.iter().map(|profile| ("PROFILE", mig_profile(profile))));
        lines.extend(mig.gpu_instances.iter().flatten().map(|instance| {
            let GpuInstance { id, profile, placement, .. } = instance;
            ("GPU INSTANCE", format!("{profile} at {} ({id})", placement.start))
        }));
        lines.extend(mig.instances.iter().map(|instance| {
            let graphics = if instance.has_graphics() { "" } else { ", computes only" };
            ("INSTANCE", format!("{} ({}{graphics})", instance.uuid, instance.profile))
        }));
    }
    lines.push(("HEALTH", health(&facts.health)));
    lines
}

fn health(health: &Health) -> String {
    let count = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
    let mut text = format!(
        "{} memory errors uncorrected, {} corrected, {} rows replaced",
        count(health.ecc_uncorrected),
        count(health.ecc_corrected),
        count(health.rows_replaced.map(u64::from)),
    );
    if health.reset_pending {
        text.push_str("; a row waits to be replaced: reset the GPU once nothing uses it");
    }
    if health.spares_exhausted {
        text.push_str("; no spare rows are left: replace the card");
    }
    text
}

/// What there is of it, and what its driver offers.
fn pieces(gpu: &Gpu) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(sriov) = &gpu.sriov {
        lines.extend(sriov.vfs.iter().map(|vf| ("VF", vf.to_string())));
        let probe = |probe: bool| if probe { "bound to host drivers" } else { "left without a driver" };
        lines.extend(sriov.drivers_autoprobe.map(|switch| ("NEW VFS", probe(switch).to_owned())));
    }
    lines.extend(gpu.mdev_types.iter().map(|mdev_type| {
        let name = mdev_type.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let more = mdev_type.available_instances.map_or("?".to_owned(), |more| more.to_string());
        ("MDEV TYPE", format!("{}{name}: {more} more, {} made", mdev_type.id, mdev_type.devices.len()))
    }));
    if let Some(vgpu) = &gpu.vendor_vfio {
        lines.push(("VGPU TYPE", or_nothing(vgpu.current)));
        let types = vgpu.creatable.iter().map(|creatable| format!("{} ({})", creatable.id, creatable.name));
        lines.extend(types.map(|text| ("COULD BE", text)));
    }
    lines
}

fn way(way: &Way) -> Vec<String> {
    let can = match (way.possible, way.reasons.is_empty()) {
        (true, true) => "yes",
        (true, false) => "in part",
        (false, _) => "no",
    };
    vec![way.method.to_string(), can.to_owned(), way.pieces.clone()]
}

/// What is in the way, and what to do about it.
fn reasons(gpu: &Gpu) -> String {
    let text = |way: &Way, reason: &Reason| {
        let Reason { forbids, file, found, remedy } = reason;
        let verb = if *forbids { "forbidden" } else { "lessened" };
        format!("\n{}: {verb} by {}: {found}\n   remedy: {remedy}\n", way.method, file.display())
    };
    gpu.ways.iter().flat_map(|way| way.reasons.iter().map(move |reason| text(way, reason))).collect()
}

/// What could not be read.
pub(super) fn unread_text(unread: &[Unread]) -> String {
    let line = |unread: &Unread| format!("\nnot read: {}: {}\n", unread.file.display(), unread.problem);
    unread.iter().map(line).collect()
}

impl From<InventoryError> for CommandError {
    fn from(error: InventoryError) -> Self {
        let said = Self::user(&error);
        let listed =
            |near: &[PciAddress]| near.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match error {
            InventoryError::NoDevices { .. } => {
                said.hint("give --sysfs-root a folder like /sys, with bus/pci/devices in it")
            }
            InventoryError::NoGpu { near, .. } if near.is_empty() => said.hint("there are none on PCI"),
            InventoryError::NoFunction { near, .. } => {
                said.hint(format!("there are {}; `vgpu gpu list` lists GPUs", listed(&near)))
            }
            InventoryError::NoGpu { near, .. } => {
                said.hint(format!("there are {}; `vgpu gpu list` lists all", listed(&near)))
            }
            InventoryError::NotNamed { fitting, .. } if fitting.is_empty() => {
                said.hint("give a PCI address, as in 0000:3b:00.0, of one that `vgpu gpu list` lists")
            }
            InventoryError::NotNamed { fitting, .. } => {
                said.hint(format!("give the address of one of them: {}", listed(&fitting)))
            }
        }
    }
}
