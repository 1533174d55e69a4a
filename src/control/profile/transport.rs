//! How whoever uses a vGPU comes in, and what a profile has only with one way or the other.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Gpu, Limits, Profile, bytes_text};
use crate::control::{Code, Refusal};

/// What one program takes before it has made anything of its own: rings, answers, queries' results (Mesa 25.0).
const MESA_BYTES: u64 = 16 << 20;

/// Host-visible memory that a VM may have.
const HOST_VISIBLE_BYTES: std::ops::RangeInclusive<u64> = 16 << 20..=64 << 30;

/// How whoever uses a vGPU comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// A VM: QEMU's `vhost-user-gpu-pci` and `vhost-user-vga`, cloud-hypervisor, crosvm
    #[default]
    VhostUser,
    /// A VM, as a PCI function: QEMU's `vfio-user-pci` and cloud-hypervisor's `--user-device`
    VfioUser,
    /// Mesa's Vulkan driver without a VM, as in containers and tests
    Vtest,
}

impl Transport {
    /// Whether it is a VM that comes in, and not a program.
    pub fn is_of_vm(self) -> bool {
        self != Self::Vtest
    }
}

/// The name in profiles and on the command line.
impl fmt::Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(out)
    }
}

/// Refuses what the profile's transport has no use for.
pub(super) fn check(profile: &Profile) -> Result<(), Refusal> {
    match strangers(profile).into_iter().find(|(_, said, _)| said.is_some()) {
        Some((field, Some(said), remedy)) => {
            let message = format!("{field} is {said}, but transport is \"{}\"", profile.transport);
            Err(Refusal::new(Code::BadField, message).field(field).remedy(remedy))
        }
        _ if profile.has_vulkan() => {
            check_host_visible(profile.gpu.host_visible)?;
            check_memory(profile.limits.memory)
        }
        _ => Ok(()),
    }
}

/// A BAR of the device.
fn check_host_visible(bytes: u64) -> Result<(), Refusal> {
    if bytes.is_power_of_two() && HOST_VISIBLE_BYTES.contains(&bytes) {
        return Ok(());
    }
    let message = format!("gpu.host_visible is {}", bytes_text(bytes));
    Err(Refusal::new(Code::BadField, message)
        .field("gpu.host_visible")
        .remedy("make it a power of two from \"16MiB\" to \"64GiB\""))
}

/// With less there is nobody who could do anything.
fn check_memory(bytes: u64) -> Result<(), Refusal> {
    if bytes >= MESA_BYTES {
        return Ok(());
    }
    let (least, there) = (bytes_text(MESA_BYTES), bytes_text(bytes));
    let message =
        format!("limits.memory is {there}, but Mesa's driver takes most of {least} for each program");
    Err(Refusal::new(Code::BadField, message)
        .field("limits.memory")
        .remedy(format_args!("make it \"{least}\" or more, and for more than one program more than that")))
}

type Stranger = (&'static str, Option<String>, &'static str);

/// Each key that the transport has no use for, what the profile says there if anything, and what to do.
fn strangers(profile: &Profile) -> Vec<Stranger> {
    const VULKAN_ONLY: &str = "leave it out, or set gpu.vulkan = true";
    const IMPLIED: &str = "leave it out: Vulkan is all that there is without a VM";
    const HEAP: &str = "leave it out: without a VM each program's memory is its own";
    const VM_ONLY: &str =
        "leave it out: programs that use Vulkan without a VM are limited by memory and clients";
    const NO_HEADS: &str = "leave every [[head]] out: without a VM there are no monitors";

    let (limits, usual) = (&profile.limits, Limits::default());
    let unusual = |value: u32, usual: u32| (value != usual).then(|| value.to_string());
    match profile.transport {
        Transport::VhostUser | Transport::VfioUser if profile.gpu.vulkan => Vec::new(),
        Transport::VhostUser | Transport::VfioUser => vec![
            (
                "gpu.host_visible",
                (profile.gpu.host_visible != Gpu::default().host_visible)
                    .then(|| bytes_text(profile.gpu.host_visible)),
                VULKAN_ONLY,
            ),
            ("gpu.device", profile.gpu.device.as_ref().map(|device| format!("{device:?}")), VULKAN_ONLY),
            ("share", (!profile.share.is_default()).then(|| "set".to_owned()), VULKAN_ONLY),
            ("limits.clients", limits.clients.map(|clients| clients.to_string()), VULKAN_ONLY),
        ],
        Transport::Vtest => vec![
            ("gpu.vulkan", profile.gpu.vulkan.then(|| "true".to_owned()), IMPLIED),
            (
                "gpu.host_visible",
                (profile.gpu.host_visible != Gpu::default().host_visible)
                    .then(|| bytes_text(profile.gpu.host_visible)),
                HEAP,
            ),
            (
                "head",
                (!profile.heads.is_empty()).then(|| format!("a list of {}", profile.heads.len())),
                NO_HEADS,
            ),
            ("limits.resources", unusual(limits.resources, usual.resources), VM_ONLY),
            ("limits.entries", unusual(limits.entries, usual.entries), VM_ONLY),
            ("limits.image_side", unusual(limits.image_side, usual.image_side), VM_ONLY),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Gpu, Head, Profile};
    use super::Transport;

    fn wrong(text: &str) -> (String, String) {
        let error = Profile::parse(text).unwrap_err();
        (error.to_string(), error.hint.unwrap_or_default())
    }

    #[test]
    fn without_a_word_a_vm_comes_in_and_has_a_head() {
        let profile = Profile::parse("").unwrap();

        assert_eq!((profile.transport, profile.heads.len()), (Transport::VhostUser, 1));
        assert_eq!(profile, Profile::of(Transport::VhostUser));
    }

    #[test]
    fn a_vm_that_comes_in_as_for_a_pci_function_may_have_what_other_vms_have() {
        let text = "transport = \"vfio-user\"\n[gpu]\nvulkan = true\nhost_visible = \"16GiB\"";
        let profile = Profile::parse(text).unwrap();

        assert!(profile.has_vulkan_in_vm() && profile.transport.is_of_vm());
        assert_eq!(profile.heads.len(), 1);
        assert_eq!(
            wrong("transport = \"vfio-user\"\n[gpu]\ndevice = \"H200\"").0,
            "gpu.device is \"H200\", but transport is \"vfio-user\""
        );
    }

    #[test]
    fn a_vgpu_without_a_vm_has_no_head_unless_one_is_asked_for() {
        let text = "transport = \"vtest\"\n[gpu]\ndevice = \"llvmpipe\"\n[limits]\nclients = 3";

        let profile = Profile::parse(text).unwrap();

        assert_eq!(
            (profile.transport, &profile.heads[..], profile.limits.clients()),
            (Transport::Vtest, &[][..], 3)
        );
        assert_eq!(profile.gpu, Gpu { device: Some("llvmpipe".to_owned()), ..Gpu::default() });
        assert_eq!(Profile::of(Transport::Vtest).limits.clients(), 64);
    }

    #[test]
    fn a_profile_without_heads_survives_the_way_through_json() {
        let profile = Profile::of(Transport::Vtest);
        let json = serde_json::to_value(&profile).unwrap();

        assert_eq!((&json["transport"], json.get("head"), json.get("gpu")), (&"vtest".into(), None, None));
        assert_eq!(serde_json::from_value::<Profile>(json).unwrap(), profile);
    }

    #[test]
    fn what_only_another_transport_has_is_refused_with_path_value_and_remedy() {
        let vtest = "leave it out, or set gpu.vulkan = true";
        let vm = "leave it out: programs that use Vulkan without a VM are limited by memory and clients";
        for (text, message, hint) in [
            ("[gpu]\ndevice = \"H200\"", "gpu.device is \"H200\", but transport is \"vhost-user\"", vtest),
            (
                "[gpu]\nhost_visible = \"1GiB\"",
                "gpu.host_visible is 1GiB, but transport is \"vhost-user\"",
                vtest,
            ),
            (
                "transport = \"vtest\"\n[gpu]\nvulkan = true",
                "gpu.vulkan is true, but transport is \"vtest\"",
                "leave it out: Vulkan is all that there is without a VM",
            ),
            (
                "[gpu]\nvulkan = true\nhost_visible = \"48MiB\"",
                "gpu.host_visible is 48MiB",
                "make it a power of two from \"16MiB\" to \"64GiB\"",
            ),
            ("[limits]\nclients = 5", "limits.clients is 5, but transport is \"vhost-user\"", vtest),
            (
                "transport = \"vtest\"\n[[head]]\n[[head]]",
                "head is a list of 2, but transport is \"vtest\"",
                "leave every [[head]] out: without a VM there are no monitors",
            ),
            (
                "transport = \"vtest\"\n[limits]\nimage_side = 64",
                "limits.image_side is 64, but transport is \"vtest\"",
                vm,
            ),
            (
                "transport = \"vtest\"\n[limits]\nmemory = \"8MiB\"",
                "limits.memory is 8MiB, but Mesa's driver takes most of 16MiB for each program",
                "make it \"16MiB\" or more, and for more than one program more than that",
            ),
        ] {
            assert_eq!(wrong(text), (message.to_owned(), hint.to_owned()));
        }
    }

    #[test]
    fn transports_that_there_are_not_and_clients_beyond_bounds_are_refused() {
        assert_eq!(
            wrong("transport = \"virtio\"").0,
            "line 1: `transport = \"virtio\"`: unknown variant `virtio`, expected one of `vhost-user`, `vfio-user`, \
             `vtest`"
        );
        assert_eq!(
            wrong("transport = \"vtest\"\n[limits]\nclients = 0").0,
            "line 3: `clients = 0`: must be from 1 to 1024, not 0"
        );
        assert_eq!(wrong("[gpu]\nname = \"H200\"").1, "known here: vulkan, host_visible, device");
    }

    #[test]
    fn heads_that_are_asked_for_are_those_that_there_are() {
        assert_eq!(Profile::parse("[[head]]\n[[head]]").unwrap().heads, [Head::default(), Head::default()]);
    }
}
