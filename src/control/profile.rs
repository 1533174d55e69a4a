//! What a guest gets, as operators write it down: a TOML file.
//!
//! ```toml
//! name = "desktop-7"
//!
//! [[head]]
//! size = "1920x1080"
//! refresh_hz = 75
//! modes = ["1600x1200"]   # offered beside it
//!
//! [[head]]                # plugged in later
//! enabled = false
//!
//! [limits]
//! memory = "512MiB"
//!
//! [socket]                # of the daemon's vGPUs: who may connect
//! group = "kvm"
//! mode = "0660"
//! ```
//!
//! For a VM with Vulkan:
//!
//! ```toml
//! [gpu]
//! vulkan = true
//! device = "NVIDIA H200"
//! host_visible = "1GiB"   # memory that its programs and the GPU both reach, a power of two
//!
//! [limits]
//! memory = "8GiB"
//! ```
//!
//! Without a VM, for Mesa's Vulkan driver in containers and tests:
//!
//! ```toml
//! transport = "vtest"
//!
//! [gpu]
//! device = "NVIDIA H200"  # a part of its name, its UUID, or its PCI address
//!
//! [limits]
//! memory = "8GiB"         # of all clients together
//! clients = 16
//!
//! [share]                 # of its GPU's time
//! weight = 200            # against others', 100 each unless they say otherwise
//! cap = 50                # percent that it gets at most
//! ```

mod error;
mod limits;
mod object;
mod share;
mod socket;
#[cfg(test)]
mod tests;
mod text;
mod transport;

pub use error::ProfileError;
pub use limits::{Limits, LimitsChange};
pub use share::{Class, Share, ShareChange};
pub use socket::{Account, SocketAccess};
pub use transport::Transport;

pub(super) use error::{nearest, unknown_key};
pub(super) use object::{object, objects, some_object};
pub(super) use text::{SIZE_RULE, device as piece, parse_size, size_text, some_within};
pub(crate) use text::{bytes_text, parse_bytes};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::{Code, Refusal};
use crate::device::{HeadSetup, Setup};
use crate::render::software::Image;
use crate::wire::{self, SCANOUTS_MAX, Size};

/// What a guest gets. Every key may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
// Derived as functions of its own: what is left out depends on the transport, see `Deserialize` below.
#[serde(deny_unknown_fields, default, remote = "Self")]
pub struct Profile {
    /// The vGPU's name in logs, where the daemon has given it no other.
    #[serde(deserialize_with = "text::printable::<64, _>")]
    #[schema(pattern = "^[ -~]{1,64}$", default = "vgpu", example = "desktop-7")]
    pub name: String,
    /// Who comes in, and how.
    pub transport: Transport,
    /// The monitors, at least one; none with the transport `vtest`.
    #[serde(
        rename = "head",
        default,
        deserialize_with = "some_heads",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schema(min_items = 1, max_items = 16)]
    pub heads: Vec<Head>,
    /// The host's GPU that Vulkan runs on.
    #[serde(deserialize_with = "object", skip_serializing_if = "Gpu::is_default")]
    pub gpu: Gpu,
    /// What the guest may use up.
    #[serde(deserialize_with = "object")]
    pub limits: Limits,
    /// What it gets of its GPU's time.
    #[serde(deserialize_with = "object", skip_serializing_if = "Share::is_default")]
    pub share: Share,
    /// Who may connect, where the daemon makes the socket.
    #[serde(deserialize_with = "object")]
    pub socket: SocketAccess,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: "vgpu".to_owned(),
            transport: Transport::default(),
            heads: vec![Head::default()],
            gpu: Gpu::default(),
            limits: Limits::default(),
            share: Share::default(),
            socket: SocketAccess::default(),
        }
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, to)
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let profile = Self::deserialize(from)?;
        Ok(if profile.heads.is_empty() { profile.with_usual_heads() } else { profile })
    }
}

/// The host's GPU that a vGPU works on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gpu {
    /// Whether a VM's guest gets Vulkan. Without a VM there is nothing else.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(default = false)]
    pub vulkan: bool,
    /// Bytes of a VM's memory that its programs and the GPU both reach: a power of two from `16MiB` to `64GiB`. The
    /// host must have all of it.
    #[serde(with = "text::bytes", skip_serializing_if = "Gpu::is_usual_host_visible")]
    #[schema(value_type = String, pattern = "^[1-9][0-9]{0,12} ?(KiB|MiB|GiB)?$")]
    #[schema(default = "256MiB", example = "1GiB")]
    pub host_visible: u64,
    /// A part of its name, its UUID, or its PCI address. If left out: the first that is hardware, else one in software.
    #[serde(deserialize_with = "text::device", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, pattern = "^[ -~]{1,255}$", example = "NVIDIA H200")]
    pub device: Option<String>,
}

/// What Linux guests map without being asked to, and some programs beside it.
const HOST_VISIBLE_BYTES: u64 = 256 << 20;

impl Default for Gpu {
    fn default() -> Self {
        Self { vulkan: false, host_visible: HOST_VISIBLE_BYTES, device: None }
    }
}

impl Gpu {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn is_usual_host_visible(bytes: &u64) -> bool {
        *bytes == HOST_VISIBLE_BYTES
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Head {
    /// The preferred mode: width and height, each from 64 to 16384.
    #[serde(with = "text::size")]
    #[schema(value_type = String, pattern = "^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$")]
    #[schema(default = "1280x800", example = "1920x1080")]
    pub size: Size,
    /// Whether it is plugged in at the start.
    #[schema(default = true)]
    pub enabled: bool,
    /// Pictures a second of the preferred mode.
    #[serde(deserialize_with = "text::within::<1, 480, _>")]
    #[schema(minimum = 1, maximum = 480, default = 60)]
    pub refresh_hz: u32,
    /// The monitor's name in its EDID; `vgpu-0` and so on if left out.
    #[serde(deserialize_with = "text::monitor_name", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, pattern = "^[ -~]{1,13}$", example = "left")]
    pub name: Option<String>,
    /// Further sizes that the monitor offers beside the preferred one, at 60 Hz.
    #[serde(with = "text::sizes", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, max_items = 8, default = json!([]), example = json!(["1600x1200", "1024x768"]))]
    pub modes: Vec<Size>,
}

impl Default for Head {
    fn default() -> Self {
        let size = Size { width: 1280, height: 800 };
        Self { size, enabled: true, refresh_hz: 60, name: None, modes: Vec::new() }
    }
}

impl Profile {
    /// One in which nothing is said but how whoever uses the vGPU comes in.
    pub fn of(transport: Transport) -> Self {
        Self { transport, ..Self::default() }.with_usual_heads()
    }

    /// Whether a process runs Vulkan commands for it.
    pub fn has_vulkan(&self) -> bool {
        self.gpu.vulkan || self.transport == Transport::Vtest
    }

    /// Whether that process does so for a VM.
    pub fn has_vulkan_in_vm(&self) -> bool {
        self.gpu.vulkan && self.transport.is_of_vm()
    }

    fn with_usual_heads(self) -> Self {
        let heads = match self.transport {
            Transport::VhostUser | Transport::VfioUser => vec![Head::default()],
            Transport::Vtest => Vec::new(),
        };
        Self { heads, ..self }
    }

    /// Reads a profile; the first thing wrong with it ends the reading.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|error| ProfileError::new(text, &error))?;
        profile.check()?;
        Ok(profile)
    }

    /// Refuses values that are fine one by one and not together.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.socket.is_open_to_all() {
            let mode = self.socket.mode_text();
            let message = format!("socket.mode is {mode}, so that everybody on the host could connect");
            return Err(Refusal::new(Code::BadField, message)
                .field("socket.mode")
                .remedy("name the VMM's user or group in socket.owner or socket.group, with mode \"0660\""));
        }
        transport::check(self)?;
        for (index, head) in self.heads.iter().enumerate() {
            self.check_size(index, head.size)
                .map_err(|wrong| wrong.field(format_args!("head[{index}].size")))?;
            for (place, size) in head.modes.iter().enumerate() {
                self.check_size(index, *size)
                    .map_err(|wrong| wrong.field(format_args!("head[{index}].modes[{place}]")))?;
            }
        }
        Ok(())
    }

    /// A head that can never show a picture of its size is a mistake of whoever wrote the profile.
    fn check_size(&self, index: usize, size: Size) -> Result<(), Refusal> {
        let side = self.limits.image_side;
        let text = size_text(size);
        let bytes = Image::byte_count(size);
        if size.width.max(size.height) > side {
            let message = format!("head {index} has the size {text}, but limits.image_side is {side}");
            return Err(Refusal::new(Code::BadField, message)
                .remedy("make the head smaller, or limits.image_side larger"));
        }
        if bytes > self.limits.memory {
            let (needed, there) = (bytes.div_ceil(1 << 20), self.limits.memory >> 20);
            let message = format!(
                "head {index} has the size {text}, a picture of {needed}MiB, but limits.memory is {there}MiB"
            );
            return Err(Refusal::new(Code::BadField, message)
                .remedy(format_args!("make the head smaller, or limits.memory at least \"{needed}MiB\"")));
        }
        Ok(())
    }

    /// The device that the guest of the vGPU of this name gets.
    pub fn setup(&self, name: &str) -> Setup {
        let heads = self.heads.iter().enumerate().map(|(index, head)| HeadSetup {
            size: head.size,
            enabled: head.enabled,
            refresh_hz: head.refresh_hz,
            name: head.name.clone().unwrap_or_else(|| format!("vgpu-{index}")),
            modes: head.modes.clone(),
        });
        let limits = wire::Limits {
            memory_bytes: self.limits.memory,
            resources: self.limits.resources,
            entries: self.limits.entries,
            image_side: self.limits.image_side,
        };
        Setup { heads: heads.collect(), limits, serial: serial(name) }
    }
}

/// A number that differs where names differ, for the monitors' EDIDs (FNV-1a).
fn serial(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn some_heads<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Head>, D::Error> {
    let heads = objects::<Head, _>(from)?;
    match heads.len() {
        1..=SCANOUTS_MAX => Ok(heads),
        count => Err(D::Error::custom(format!("a vGPU has 1 to {SCANOUTS_MAX} heads, not {count}"))),
    }
}
