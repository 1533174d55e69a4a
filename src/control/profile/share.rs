//! What a vGPU gets of its GPU's time.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::{Profile, text};
use crate::control::{Code, Refusal};
use crate::sched::{self, Settings};

/// How long a vGPU's submissions may wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// For its turn
    #[default]
    Normal,
    /// Not at all, as long as it uses no more than its share
    Latency,
}

/// The name in profiles and on the command line.
impl fmt::Display for Class {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(out)
    }
}

impl From<sched::Class> for Class {
    fn from(class: sched::Class) -> Self {
        match class {
            sched::Class::Normal => Self::Normal,
            sched::Class::Latency => Self::Latency,
        }
    }
}

/// What a vGPU gets of its GPU's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Share {
    /// Its part where vGPUs compete, against the weights of the others.
    #[serde(deserialize_with = "text::within::<1, 1000, _>")]
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    pub weight: u32,
    /// Percent of the time that it gets at most; with fixed shares what it gets.
    #[serde(deserialize_with = "text::within::<1, 100, _>")]
    #[schema(minimum = 1, maximum = 100, default = 100)]
    pub cap: u32,
    /// How long its submissions may wait.
    pub class: Class,
}

impl Default for Share {
    fn default() -> Self {
        Self { weight: 100, cap: 100, class: Class::Normal }
    }
}

impl Share {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// As the arbiter knows it.
    pub fn settings(&self) -> Settings {
        let class = match self.class {
            Class::Normal => sched::Class::Normal,
            Class::Latency => sched::Class::Latency,
        };
        Settings { weight: self.weight, cap_percent: self.cap, class }
    }
}

/// Another share of a GPU's time. What is left out stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShareChange {
    /// Its part where vGPUs compete, against the weights of the others.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "text::some_within::<1, 1000, _>")]
    #[schema(value_type = u32, minimum = 1, maximum = 1000, example = 200)]
    pub weight: Option<u32>,
    /// Percent of the time that it gets at most; with fixed shares what it gets.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "text::some_within::<1, 100, _>")]
    #[schema(value_type = u32, minimum = 1, maximum = 100, example = 50)]
    pub cap: Option<u32>,
    /// How long its submissions may wait.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_class")]
    #[schema(value_type = Class)]
    pub class: Option<Class>,
}

fn some_class<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Class>, D::Error> {
    Class::deserialize(from).map(Some)
}

impl ShareChange {
    /// Whether everything stays as it is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The share of a vGPU with this profile after the change.
    pub fn of(&self, profile: &Profile) -> Result<Share, Refusal> {
        if !profile.has_vulkan() {
            let message = "share is to be changed, but gpu.vulkan is false".to_owned();
            return Err(Refusal::new(Code::BadField, message)
                .field("share")
                .remedy("only vGPUs with Vulkan have a weight, a cap and a class"));
        }
        let before = profile.share;
        Ok(Share {
            weight: self.weight.unwrap_or(before.weight),
            cap: self.cap.unwrap_or(before.cap),
            class: self.class.unwrap_or(before.class),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Profile, Transport};
    use super::{Class, Share, ShareChange};

    #[test]
    fn what_a_change_leaves_out_stays() {
        let mut profile = Profile::of(Transport::Vtest);
        profile.share = Share { weight: 300, cap: 40, class: Class::Latency };

        for (text, share) in [
            ("{}", profile.share),
            (r#"{"weight":7}"#, Share { weight: 7, ..profile.share }),
            (r#"{"cap":1,"class":"normal"}"#, Share { cap: 1, class: Class::Normal, ..profile.share }),
        ] {
            let change: ShareChange = serde_json::from_str(text).unwrap();
            assert_eq!(change.of(&profile).unwrap(), share);
            assert_eq!(serde_json::to_string(&change).unwrap(), text);
        }
    }

    #[test]
    fn figures_out_of_range_and_nothing_at_all_are_refused() {
        for (text, reason) in [
            (r#"{"weight":0}"#, "must be from 1 to 1000, not 0"),
            (r#"{"cap":101}"#, "must be from 1 to 100, not 101"),
            (r#"{"cap":null}"#, "invalid type: null"),
            (r#"{"class":"best"}"#, "unknown variant `best`, expected `normal` or `latency`"),
        ] {
            let error = serde_json::from_str::<ShareChange>(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn vgpus_of_vms_have_no_share_to_change() {
        let usual = ShareChange { weight: Some(100), ..ShareChange::default() };
        let refusal = usual.of(&Profile::default()).unwrap_err();

        assert_eq!(refusal.message, "share is to be changed, but gpu.vulkan is false");
        assert_eq!(refusal.field.as_deref(), Some("share"));
    }
}
