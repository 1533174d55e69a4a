//! How vGPUs look in tables.

use std::path::Path;

use super::output::{self, memory_text};
use crate::control::HeadStatus;
use crate::control::api::{Placement, Priority, State, Vgpu};
use crate::control::profile::{Class, Head, Share, Transport, bytes_text};

const NOTHING: &str = "-";

/// A line for each.
pub(super) fn table(vgpus: &[Vgpu]) -> String {
    let headings = ["NAME", "STATE", "TRANSPORT", "HEADS", "MEMORY", "PIECE", "PID", "TAKEOVERS", "SOCKET"];
    let row = |vgpu: &Vgpu| {
        let (transport, heads, memory) = match vgpu.device() {
            Some(_) => (Some("passthrough".to_owned()), NOTHING.to_owned(), NOTHING.to_owned()),
            None => (None, heads(&vgpu.profile.heads), bytes_text(vgpu.profile.limits.memory)),
        };
        vec![
            vgpu.name.to_string(),
            state(vgpu.state).to_owned(),
            transport.unwrap_or_else(|| vgpu.profile.transport.to_string()),
            heads,
            memory,
            or_nothing(vgpu.placement.as_ref().map(|placement| &placement.piece)),
            or_nothing(vgpu.pid),
            vgpu.takeovers.to_string(),
            or_nothing(vgpu.socket.as_ref().map(|socket| socket.display())),
        ]
    };
    output::table(&headings, vgpus.iter().map(row))
}

/// All that is known of one.
pub(super) fn details(vgpu: &Vgpu) -> String {
    if let Some(device) = vgpu.device() {
        return handed_over(vgpu, device);
    }
    let access = &vgpu.profile.socket;
    let mut lines = vec![
        ("NAME", vgpu.name.to_string()),
        ("STATE", state(vgpu.state).to_owned()),
        ("TRANSPORT", vgpu.profile.transport.to_string()),
        ("SOCKET", or_nothing(vgpu.socket.as_ref().map(|socket| socket.display()))),
        ("OWNER", or_nothing(access.owner.as_ref())),
        ("GROUP", or_nothing(access.group.as_ref())),
        ("MODE", access.mode_text()),
        ("PID", or_nothing(vgpu.pid)),
        ("TAKEOVERS", vgpu.takeovers.to_string()),
    ];
    lines.extend(vgpu.placement.iter().flat_map(placement));
    match &vgpu.problem {
        Some(problem) => lines.push(("PROBLEM", problem.clone())),
        None => lines.extend(vgpu.last_death.iter().map(|how| ("LAST DEATH", format!("its process {how}")))),
    }
    let limits = &vgpu.profile.limits;
    let device = vgpu.device.as_ref();
    let memory = device.map(|device| bytes_text(device.memory_bytes_used));
    lines.push(("MEMORY", used(memory, bytes_text(limits.memory))));
    match vgpu.profile.transport {
        Transport::VhostUser | Transport::VfioUser => {
            let resources = device.map(|device| device.resources_used.to_string());
            lines.push(("RESOURCES", used(resources, limits.resources.to_string())));
            if let Some(device) = device {
                lines.push(("FEATURES", list(&device.features)));
                lines.push(("WINDOW", if device.window { "of the VMM" } else { NOTHING }.to_owned()));
            }
            if vgpu.profile.has_vulkan_in_vm() {
                lines.extend(vulkan(vgpu));
            }
        }
        Transport::Vtest => lines.extend(vulkan(vgpu)),
    }
    if let Some(device) = device {
        lines.extend(device.sandbox.iter().map(|layer| ("SANDBOX", layer.clone())));
        lines.extend(device.left_open.iter().map(|open| ("LEFT OPEN", open.clone())));
    }
    let status = device.map_or(&[][..], |device| &device.heads);
    match vgpu.profile.transport {
        Transport::VhostUser | Transport::VfioUser => {
            format!("{}\n\n{}", pairs(&lines), head_table(&vgpu.profile.heads, status))
        }
        Transport::Vtest => pairs(&lines),
    }
}

/// What programs use and get of a GPU.
fn vulkan(vgpu: &Vgpu) -> Vec<(&'static str, String)> {
    let gpu = vgpu.device.as_ref().and_then(|device| device.gpu.as_ref());
    let clients = gpu.map(|gpu| gpu.clients.to_string());
    let Share { weight, cap, class } = &vgpu.profile.share;
    let mut lines = vec![
        ("CLIENTS", used(clients, vgpu.profile.limits.clients().to_string())),
        ("WEIGHT", weight.to_string()),
        ("CAP", format!("{cap} %")),
        ("CLASS", class.to_string()),
    ];
    lines.extend(priority(vgpu).map(|said| ("PRIORITY", said.to_owned())));
    let asked = vgpu.profile.gpu.device.as_ref();
    lines.push(("GPU", gpu.map_or_else(|| or_nothing(asked), |gpu| gpu.name.clone())));
    if let Some(gpu) = gpu {
        let itself = match gpu.memory_bytes_driver {
            0 => String::new(),
            bytes => format!(", takes {} for itself", memory_text(bytes)),
        };
        lines.push(("DRIVER", gpu.driver.clone() + &itself));
        lines.push(("SHADERS", format!("checked by {}", gpu.shader_checks)));
    }
    lines
}

fn used(used: Option<String>, most: String) -> String {
    match used {
        Some(used) => format!("{used} of {most}"),
        None => most,
    }
}

/// One that is a piece itself: the hardware has the rest.
fn handed_over(vgpu: &Vgpu, device: &Path) -> String {
    let mut lines = vec![
        ("NAME", vgpu.name.to_string()),
        ("STATE", state(vgpu.state).to_owned()),
        ("TRANSPORT", "passthrough".to_owned()),
    ];
    lines.extend(vgpu.placement.iter().flat_map(placement));
    lines.push(("DEVICE", device.display().to_string()));
    lines.extend(vgpu.problem.iter().map(|problem| ("PROBLEM", problem.clone())));
    pairs(&lines)
}

/// By what its VM gets it: a socket, or a folder below /sys.
pub(super) fn way_in(vgpu: &Vgpu) -> String {
    or_nothing(vgpu.socket.as_deref().or(vgpu.device()).map(Path::display))
}

/// On which GPU, or piece of one, it is.
fn placement(placement: &Placement) -> [(&'static str, String); 2] {
    let Placement { piece, name, why, .. } = placement;
    [("PIECE", format!("{piece} ({name})")), ("WHY THERE", why.clone())]
}

/// What became of the priority on the GPU that a vGPU's class entitles it to; nothing where all is as it should be
/// without.
pub(super) fn priority(vgpu: &Vgpu) -> Option<&'static str> {
    Some(match (vgpu.profile.share.class, vgpu.priority?) {
        (Class::Latency, Priority::Ordinary) => "asked for when a program makes its next device",
        (Class::Latency, Priority::Realtime) => "realtime",
        (Class::Latency, Priority::Refused) => "ordinary: the driver refuses REALTIME",
        (Class::Latency, Priority::Unsupported) => "ordinary: the driver has no VK_KHR_global_priority",
        (Class::Latency, Priority::Incapable) => {
            "ordinary: its process has no CAP_SYS_NICE; `vgpu stop` and `vgpu start` it, under a daemon that is root"
        }
        (Class::Normal, Priority::Realtime) => {
            "realtime, as its class was latency: it runs by turns alone until you `vgpu stop` and `vgpu start` it"
        }
        (Class::Normal, _) => return None,
    })
}

/// A name and a value on each line; a name that is repeated is written once.
pub(super) fn pairs(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let before = std::iter::once("").chain(lines.iter().map(|(name, _)| *name));
    let line = |((name, value), before): (&(&str, String), &str)| {
        let name = if *name == before { "" } else { name };
        format!("{name:width$}   {value}")
    };
    lines.iter().zip(before).map(line).collect::<Vec<_>>().join("\n")
}

fn head_table(heads: &[Head], status: &[HeadStatus]) -> String {
    let row = |(number, head): (usize, &Head)| {
        let now = status.get(number);
        let asked = if head.enabled { size(head) } else { NOTHING.to_owned() };
        vec![
            number.to_string(),
            head.name.clone().unwrap_or_else(|| format!("vgpu-{number}")),
            now.map_or(asked, |now| or_nothing(now.monitor.clone())),
            head.refresh_hz.to_string(),
            now.map_or(NOTHING.to_owned(), |now| or_nothing(now.picture.clone())),
        ]
    };
    output::table(&["HEAD", "NAME", "MONITOR", "HZ", "PICTURE"], heads.iter().enumerate().map(row))
}

/// The monitors, `-` for a head without one.
fn heads(heads: &[Head]) -> String {
    let shown = |head: &Head| if head.enabled { size(head) } else { NOTHING.to_owned() };
    list(&heads.iter().map(shown).collect::<Vec<_>>())
}

fn size(head: &Head) -> String {
    format!("{}x{}", head.size.width, head.size.height)
}

fn list(items: &[String]) -> String {
    if items.is_empty() { NOTHING.to_owned() } else { items.join(",") }
}

pub(super) fn or_nothing(value: Option<impl ToString>) -> String {
    value.map_or(NOTHING.to_owned(), |value| value.to_string())
}

fn state(state: State) -> &'static str {
    match state {
        State::Stopped => "stopped",
        State::Waiting => "waiting",
        State::Connected => "connected",
        State::HandedOver => "handed over",
        State::Failing => "failing",
        State::Lost => "lost",
    }
}
