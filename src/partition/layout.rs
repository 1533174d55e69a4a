//! How GPUs are to be cut, as operators write it down: a TOML file.
//!
//! ```toml
//! [[gpu]]
//! address = "0000:03:00.0"
//! vfs = 2                       # virtual functions; others are made anew when their number changes
//! drivers_autoprobe = false     # leave new ones without a driver of the host
//! mdev = []                     # no mediated devices
//!
//! [[gpu.vf]]
//! number = 0                    # as in virtfn0
//! exec_quantum_ms = 20          # Intel's xe
//! vram_quota_bytes = 4294967296
//!
//! [[gpu]]
//! address = "0000:41:00.0"
//!
//! [[gpu.vf]]
//! number = 0
//! vgpu_type = 1414              # NVIDIA's vendor VFIO; 0 for none
//!
//! [[gpu]]
//! address = "0000:00:02.0"
//!
//! [[gpu.mdev]]                  # all that there are to be
//! uuid = "b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11"
//! type = "i915-GVTg_V5_4"
//!
//! [[gpu]]
//! address = "0000:3b:00.0"
//! mig_mode = true               # NVIDIA's GPUs alone are cut so
//! mig = [                       # all GPU instances that there are to be
//!     { profile = "3g.71gb", placement = 0, compute = ["1c.3g.71gb", "2c.3g.71gb"] },
//!     { profile = "1g.18gb", placement = 4 },     # with one compute instance, which has all of it
//! ]
//! ```

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::inventory::PciAddress;

/// How GPUs are to be cut. GPUs that are not named stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// They.
    #[serde(rename = "gpu", default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<GpuLayout>,
}

/// How one GPU is to be cut. What is left out stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuLayout {
    /// Where it is.
    pub address: PciAddress,
    /// How many virtual functions it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vfs: Option<u32>,
    /// Whether new ones get a driver of the host at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drivers_autoprobe: Option<bool>,
    /// Whether it is in the mode in which it can be cut into MIG instances; without it there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mig_mode: Option<bool>,
    /// All MIG instances of it.
    #[serde(rename = "mig", skip_serializing_if = "Option::is_none")]
    pub instances: Option<Vec<Instance>>,
    /// All mediated devices of it and of its virtual functions.
    #[serde(rename = "mdev", skip_serializing_if = "Option::is_none")]
    pub mdevs: Option<Vec<Mdev>>,
    /// What single virtual functions are.
    #[serde(rename = "vf", default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<Function>,
}

/// A GPU instance of NVIDIA's MIG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Its kind, as `3g.71gb`.
    pub profile: String,
    /// The first slice of the GPU's memory that it has.
    pub placement: u32,
    /// The compute instances in it, each as `1c.3g.71gb`, or as `3g.71gb` for all of it; that one if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compute: Option<Vec<String>>,
}

impl Instance {
    /// The compute instances in it, sorted by name.
    pub(super) fn compute(&self) -> Vec<&str> {
        let Some(compute) = &self.compute else { return vec![&self.profile] };
        let mut names: Vec<&str> = compute.iter().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Whether this is the same GPU instance, whatever is in it.
    pub(super) fn lies_as(&self, other: &Self) -> bool {
        self.profile == other.profile && self.placement == other.placement
    }
}

/// What a virtual function is. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Which: 0 is the one that `virtfn0` leads to.
    pub number: u32,
    /// NVIDIA's type of vGPU, 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vgpu_type: Option<u32>,
    /// Milliseconds that it runs at once, 0 for no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec_quantum_ms: Option<u32>,
    /// Microseconds that it may take to leave, 0 for no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preempt_timeout_us: Option<u32>,
    /// Who goes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sched_priority: Option<Priority>,
    /// Bytes of the GPU's memory that are its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vram_quota_bytes: Option<u64>,
}

/// Who goes first, in the words of Intel's xe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Has its turn if it has work.
    Low,
    /// Has its turn, work or not.
    Normal,
    /// Is next if it has work.
    High,
}

impl fmt::Display for Priority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(out)
    }
}

/// A mediated device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mdev {
    /// Its name on the host.
    #[serde(deserialize_with = "uuid")]
    pub uuid: String,
    /// What its driver calls its kind.
    #[serde(rename = "type", deserialize_with = "kind")]
    pub kind: String,
    /// The virtual function that it is made on; on the GPU itself if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vf: Option<u32>,
}

/// As the kernel writes it.
fn uuid<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = |_| D::Error::custom(format_args!("{text:?} is no UUID, as `uuidgen` prints them"));
    Uuid::parse_str(&text).map(|uuid| uuid.to_string()).map_err(wrong)
}

/// It becomes part of a path.
fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => Ok(text),
        false => {
            Err(D::Error::custom(format_args!("{text:?} is no type of mdev: `vgpu gpu show` lists them")))
        }
    }
}

/// What is wrong with a layout, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct LayoutError {
    line: usize,
    message: String,
}

impl Layout {
    /// Reads a layout.
    pub fn parse(text: &str) -> Result<Self, LayoutError> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            LayoutError { line: before.matches('\n').count() + 1, message: error.message().to_owned() }
        })
    }

    /// This, and of GPUs that it does not name what another one says.
    pub(super) fn and(mut self, other: Self) -> Self {
        for gpu in other.gpus {
            if self.gpus.iter().all(|mine| mine.address != gpu.address) {
                self.gpus.push(gpu);
            }
        }
        self
    }

    /// Writes it down.
    pub fn text(&self) -> String {
        // Numbers, names and lists of them: nothing in it that TOML could not say.
        toml::to_string(self).unwrap_or_default()
    }
}

impl Function {
    /// Its settings in Intel's xe: the file's name, and what to write.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let settings = [
            ("exec_quantum_ms", self.exec_quantum_ms.map(|value| value.to_string())),
            ("preempt_timeout_us", self.preempt_timeout_us.map(|value| value.to_string())),
            ("sched_priority", self.sched_priority.map(|value| value.to_string())),
            ("vram_quota", self.vram_quota_bytes.map(|value| value.to_string())),
        ];
        settings.into_iter().filter_map(|(file, value)| Some((file, value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn a_layout_is_read_and_written_back() {
        let text = "[[gpu]]\naddress = \"0000:03:00.0\"\nvfs = 2\ndrivers_autoprobe = false\nmdev = []\n\n\
            [[gpu.vf]]\nnumber = 0\nexec_quantum_ms = 20\nsched_priority = \"normal\"\n\n\
            [[gpu]]\naddress = \"0000:00:02.0\"\n\n\
            [[gpu.mdev]]\nuuid = \"b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11\"\ntype = \"i915-GVTg_V5_4\"\nvf = 1\n\n\
            [[gpu]]\naddress = \"0000:3b:00.0\"\nmig_mode = true\n\n\
            [[gpu.mig]]\nprofile = \"3g.71gb\"\nplacement = 4\ncompute = [\"1c.3g.71gb\"]\n";

        let layout = Layout::parse(text).unwrap();

        assert_eq!(
            layout.gpus[0].functions[0].settings(),
            [("exec_quantum_ms", "20".to_owned()), ("sched_priority", "normal".to_owned())]
        );
        assert_eq!(layout.text(), text);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_line() {
        let gpu = "[[gpu]]\naddress = \"0000:03:00.0\"\n";
        for (text, message) in [
            ("[[gpu]]\naddress = \"here\"".to_owned(), "line 2: \"here\" is no PCI address"),
            (format!("{gpu}vf = 4"), "line 3: invalid type"),
            (format!("{gpu}mig = [{{ profile = \"1g.18gb\" }}]"), "line 3: missing field `placement`"),
            (format!("{gpu}numvfs = 4"), "line 3: unknown field `numvfs`"),
            (format!("{gpu}[[gpu.mdev]]\nuuid = \"1\""), "line 4: \"1\" is no UUID"),
            (
                format!(
                    "{gpu}[[gpu.mdev]]\nuuid = \"b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11\"\ntype = \"../x\""
                ),
                "line 5: \"../x\" is no type of mdev",
            ),
        ] {
            let error = Layout::parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
