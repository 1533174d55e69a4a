//! The API's values.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use utoipa::ToSchema;

use super::gpus::Priority;
use super::placement::{Placement, Strategy};
use crate::control::profile::{
    LimitsChange, Profile, ShareChange, object, objects, piece, some_object, some_within,
};
use crate::control::{Code, HeadChange, Refusal, Status};

/// The longest name of a vGPU.
const NAME_BYTES_MAX: usize = 63;

/// The name of a vGPU: 1 to 63 letters, digits, `.`, `_` and `-`, the first a letter or a digit. It is also the name of
/// files, so there is nothing else in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", example = "desktop-7")]
pub struct Name(String);

/// A text that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name: 1 to {NAME_BYTES_MAX} letters, digits, `.`, `_` and `-`, the first a letter or a digit"
)]
pub struct NameError(String);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        match begins && text.len() <= NAME_BYTES_MAX && text.bytes().all(allowed) {
            true => Ok(Self(text)),
            false => Err(NameError(text.chars().take(2 * NAME_BYTES_MAX).collect())),
        }
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.to_owned().try_into()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What an operator asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VgpuSpec {
    /// What the guest gets, and who may connect.
    #[serde(deserialize_with = "object")]
    pub profile: Profile,
    /// Where the VM connects; NAME.sock in the daemon's first folder for sockets if left out.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = String, example = "/run/vgpu/desktop-7.sock")]
    pub socket: Option<PathBuf>,
    /// The GPU that it is to be on, or the piece of one: PCI address, UUID, or a part of its name.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "piece")]
    #[schema(value_type = String, pattern = "^[ -~]{1,255}$", example = "0000:3b:00.0")]
    pub on: Option<String>,
    /// Hand that piece over as it is, for one VM: a PCI function that is bound to vfio-pci, or a mediated device.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(default = false)]
    pub passthrough: bool,
    /// By which strategy a GPU is chosen where `on` says none; `spread` if left out.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Strategy)]
    pub strategy: Option<Strategy>,
    /// The memory node that its VM is on: of the GPUs with room one that is near to it is chosen, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_within::<0, 1023, _>")]
    #[schema(value_type = u32, maximum = 1023, example = 1)]
    pub numa_node: Option<u32>,
}

/// A value that may be left out, but is not null where it is there: the document says so.
pub(super) fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl VgpuSpec {
    /// Refuses values that are fine one by one and not together.
    pub fn check(&self) -> Result<(), Refusal> {
        self.profile.check().map_err(|refusal| refusal.within("profile"))?;
        self.check_piece()
    }

    /// What may be asked of the piece of this profile's vGPU.
    fn check_piece(&self) -> Result<(), Refusal> {
        if self.passthrough {
            self.check_handed_over()?;
        }
        self.check_choice()?;
        let (Some(on), profile, false) = (&self.on, &self.profile, self.passthrough) else { return Ok(()) };
        let refuse = |message: String, remedy: &str| {
            Err(Refusal::new(Code::BadField, message).field("on").remedy(remedy))
        };
        match &profile.gpu.device {
            _ if !profile.has_vulkan() => refuse(
                format!("the vGPU is to be on {on:?}, but without Vulkan it is on no GPU"),
                "set gpu.vulkan = true in its profile, or transport = \"vtest\"; or do not say where it is to be",
            ),
            Some(device) => refuse(
                format!("the vGPU is to be on {on:?}, and its profile has gpu.device = {device:?}"),
                "leave one of them out",
            ),
            None => Ok(()),
        }
    }

    /// What chooses a GPU needs something to choose.
    fn check_choice(&self) -> Result<(), Refusal> {
        let chosen = [("strategy", self.strategy.is_some()), ("numa_node", self.numa_node.is_some())];
        if let Some((field, _)) = chosen.into_iter().find(|(_, is_there)| *is_there) {
            let message = match &self.on {
                Some(on) => format!("`{field}` chooses among GPUs, and `on` says which one: {on:?}"),
                None if !self.profile.has_vulkan() => {
                    format!("`{field}` chooses among GPUs, and without Vulkan the vGPU is on none")
                }
                None => return Ok(()),
            };
            return Err(Refusal::new(Code::BadField, message)
                .field(field)
                .remedy(format_args!("leave `{field}` out")));
        }
        Ok(())
    }

    /// What is handed over as it is has nothing of a vGPU's own.
    fn check_handed_over(&self) -> Result<(), Refusal> {
        let refuse = |field: &str, message: &str, remedy: &str| {
            Err(Refusal::new(Code::BadField, message).field(field).remedy(remedy))
        };
        match self {
            Self { on: None, .. } => refuse(
                "passthrough",
                "`passthrough` hands a piece over, but `on` does not say which",
                "name the piece: its PCI address, or the UUID of a mediated device; `vgpu gpu list` lists GPUs",
            ),
            Self { socket: Some(_), .. } => {
                refuse("socket", "what is handed over as it is has no socket", "leave `socket` out")
            }
            Self { profile, .. } if *profile != Profile::default() => refuse(
                "profile",
                "what is handed over as it is has no profile: the guest gets what the hardware has",
                "leave the profile out",
            ),
            _ => Ok(()),
        }
    }
}

/// Other monitors, another share of the GPU's time, or another limit for memory: all of these changes or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VgpuChange {
    /// A head and its monitor each.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "objects")]
    pub heads: Vec<HeadChange>,
    /// What the vGPU gets of its GPU's time from now on; only with the transport `vtest`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_object")]
    #[schema(value_type = ShareChange)]
    pub share: Option<ShareChange>,
    /// What its programs may use up from now on; only with the transport `vtest`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_object")]
    #[schema(value_type = LimitsChange)]
    pub limits: Option<LimitsChange>,
}

impl VgpuChange {
    /// Refuses what changes nothing.
    pub fn check(&self) -> Result<(), Refusal> {
        let share = self.share.is_none_or(|share| share.is_empty());
        if self.heads.is_empty() && share && self.limits.is_none_or(|limits| limits.is_empty()) {
            return Err(Refusal::new(
                Code::BadField,
                "none of `heads`, `share` and `limits` says what to change",
            )
            .remedy("send at least one of them, like {\"share\":{\"weight\":200}}"));
        }
        Ok(())
    }
}

/// What a vGPU is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not on offer, or not yet: so is one that is being made at this moment.
    Stopped,
    /// On offer; no VM has connected.
    Waiting,
    /// A VM has it.
    Connected,
    /// The piece itself is handed over: no other vGPU gets it. Whether a VM has it open is the kernel's to know.
    HandedOver,
    /// Its device process does not start, or ends again and again; see [`Vgpu::problem`].
    Failing,
    /// Its GPU is lost, see [`Vgpu::problem`]: nothing of it runs there until the GPU is back. What a VM has beside
    /// Vulkan goes on.
    Lost,
}

/// A vGPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vgpu {
    /// Its name.
    pub name: Name,
    /// What it is doing.
    pub state: State,
    /// Where the VM connects; left out where the piece itself is handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, example = "/run/vgpu/desktop-7.sock")]
    pub socket: Option<PathBuf>,
    /// What was asked for.
    pub profile: Profile,
    /// The GPU that it is on; left out where it is on none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Placement)]
    pub placement: Option<Placement>,
    /// The device process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// How often a new device process took a VM over from one that died.
    pub takeovers: u64,
    /// How its latest process died, where one did since the daemon started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "was ended by SIGKILL")]
    pub last_death: Option<String>,
    /// Why it is failing, or its GPU lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Whether its work on the GPU goes before that of others; only where a single vGPU is asked for or changed, is on
    /// offer, and has a share of a GPU's time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Priority)]
    pub priority: Option<Priority>,
    /// What the device process says; only where a single vGPU is asked for and its process runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Status>,
}

impl Vgpu {
    /// The folder of its piece below `/sys`, if that itself is handed over.
    pub fn device(&self) -> Option<&Path> {
        self.placement.as_ref()?.device.as_deref()
    }
}

/// Every vGPU, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VgpuList {
    /// They.
    pub vgpus: Vec<Vgpu>,
}

/// What became of a request to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Made(Vgpu),
    /// It was there already.
    Same(Vgpu),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Counts up from 1 since the daemon started.
    #[schema(minimum = 1)]
    pub number: u64,
    /// When: seconds since 1970, UTC.
    pub time: f64,
    /// Which vGPU.
    pub name: Name,
    /// What.
    pub kind: EventKind,
    /// More, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Kinds of events; programs may rely on the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The vGPU was made.
    Created,
    /// It is on offer.
    Started,
    /// A running device process was found when the daemon started.
    Adopted,
    /// A VM connected.
    Connected,
    /// The VM hung up.
    Disconnected,
    /// Its monitors, its share or its limit were changed by an operator.
    Changed,
    /// A device process died.
    Died,
    /// A new device process serves the VM of one that died.
    TakenOver,
    /// It did not hand its GPU back in time, or used it out of its turn.
    Overran,
    /// Its GPU is lost: its programs lose their devices.
    Lost,
    /// Its GPU is back.
    Recovered,
    /// It is no longer on offer.
    Stopped,
    /// It was deleted.
    Deleted,
    /// A kind that this version does not know.
    #[serde(other)]
    Other,
}

/// The name that programs see.
impl fmt::Display for EventKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(out)
    }
}

/// The daemon and its host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Host {
    /// The daemon's version.
    pub version: String,
    /// Its process.
    pub pid: i32,
    /// Where it keeps what it must not forget.
    #[schema(value_type = String, example = "/var/lib/vgpu")]
    pub state_folder: PathBuf,
    /// Where vGPUs' sockets may be; the first is where they are unless asked for elsewhere.
    #[schema(value_type = Vec<String>, example = json!(["/run/vgpu"]))]
    pub socket_folders: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::{EventKind, VgpuSpec};

    #[test]
    fn people_read_the_same_kinds_of_events_as_programs() {
        assert_eq!(EventKind::TakenOver.to_string(), "taken_over");
        assert_eq!(serde_json::to_value(EventKind::TakenOver).unwrap(), "taken_over");
        assert_eq!(format!("{:9}|", EventKind::Created), "created  |");
    }

    #[test]
    fn a_socket_is_a_path_or_left_out_but_never_null() {
        let socket = |text: &str| serde_json::from_str::<VgpuSpec>(text).map(|spec| spec.socket);

        assert_eq!(socket("{}").unwrap(), None);
        assert_eq!(socket(r#"{"socket":"/run/a.sock"}"#).unwrap(), Some("/run/a.sock".into()));
        assert!(socket(r#"{"socket":null}"#).is_err());
    }
}
