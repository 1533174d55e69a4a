//! What a guest may use up.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Profile, Transport, text};
use crate::control::{Code, Refusal};

/// Clients of a vGPU at one time, unless its profile says otherwise.
const CLIENTS_MAX: u32 = 64;

/// What the guest may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes for images and for the lists that describe backings, or for all that Vulkan programs allocate; from `1MiB`
    /// to `1024GiB`.
    #[serde(with = "text::bytes")]
    #[schema(value_type = String, pattern = "^[1-9][0-9]{0,12} ?(KiB|MiB|GiB)?$")]
    #[schema(default = "256MiB", example = "512MiB")]
    pub memory: u64,
    /// Resources at one time.
    #[serde(deserialize_with = "text::within::<1, 1_048_576, _>")]
    #[schema(minimum = 1, maximum = 1_048_576, default = 16384)]
    pub resources: u32,
    /// Pieces of guest memory in one backing.
    #[serde(deserialize_with = "text::within::<1, 16_384, _>")]
    #[schema(minimum = 1, maximum = 16384, default = 16384)]
    pub entries: u32,
    /// Pixels along a side of an image.
    #[serde(deserialize_with = "text::within::<64, 32_768, _>")]
    #[schema(minimum = 64, maximum = 32768, default = 16384)]
    pub image_side: u32,
    /// Programs that use Vulkan at one time, 64 if left out; only with the transport `vtest`.
    #[serde(deserialize_with = "text::some_within::<1, 1024, _>", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u32, minimum = 1, maximum = 1024, example = 16)]
    pub clients: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 256 << 20, resources: 16_384, entries: 16_384, image_side: 16_384, clients: None }
    }
}

impl Limits {
    /// Programs that use Vulkan at one time.
    pub fn clients(&self) -> u32 {
        self.clients.unwrap_or(CLIENTS_MAX)
    }
}

/// Other limits. What is left out stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsChange {
    /// Bytes for all that Vulkan programs allocate, from `16MiB` to `1024GiB`, and no less than they have.
    #[serde(with = "text::some_bytes", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, pattern = "^[1-9][0-9]{0,12} ?(KiB|MiB|GiB)?$", example = "8GiB")]
    pub memory: Option<u64>,
}

impl LimitsChange {
    /// Whether everything stays as it is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The limits of a vGPU with this profile after the change.
    pub fn of(&self, profile: &Profile) -> Result<Limits, Refusal> {
        if profile.transport != Transport::Vtest {
            let message = format!("limits are to be changed, but transport is \"{}\"", profile.transport);
            return Err(Refusal::new(Code::BadField, message).field("limits").remedy(
                "the memory of a VM's images is made with the vGPU: delete it and create it with another profile",
            ));
        }
        let limits = Limits { memory: self.memory.unwrap_or(profile.limits.memory), ..profile.limits };
        Profile { limits, ..profile.clone() }.check().map(|()| limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(memory: &str) -> LimitsChange {
        serde_json::from_value(serde_json::json!({ "memory": memory })).unwrap()
    }

    #[test]
    fn a_limit_is_changed_within_what_profiles_may_say() {
        let profile = Profile::of(Transport::Vtest);

        assert_eq!(change("8GiB").of(&profile).unwrap(), Limits { memory: 8 << 30, ..profile.limits });
        assert_eq!(LimitsChange::default().of(&profile).unwrap(), profile.limits);
        assert_eq!(serde_json::to_string(&change("8GiB")).unwrap(), r#"{"memory":"8GiB"}"#);
        let refusal = change("8MiB").of(&profile).unwrap_err();
        assert_eq!(refusal.field.as_deref(), Some("limits.memory"));
        for text in [r#"{"memory":"2TiB"}"#, r#"{"memory":null}"#, r#"{"memory":7}"#, r#"{"clients":7}"#] {
            assert!(serde_json::from_str::<LimitsChange>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn vgpus_of_vms_keep_the_memory_that_they_were_made_with() {
        let refusal = change("8GiB").of(&Profile::default()).unwrap_err();

        assert_eq!(refusal.message, "limits are to be changed, but transport is \"vhost-user\"");
        assert!(refusal.remedy.unwrap().contains("create it with another profile"));
    }
}
