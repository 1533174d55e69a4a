//! The Container Device Interface: what a container runtime must put into a container that is to have a vGPU, or a GPU
//! of the host. Functions of plain values; nothing here looks at the host.
//!
//! The format is that of the CDI specification (github.com/cncf-tags/container-device-interface, SPEC.md). Runtimes
//! refuse files of a version that they do not know and fields of a later one, so a file says the lowest that knows all
//! that is in it.

mod device;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use device::Unfit;

/// Who the devices are named by. Nobody can own a domain below `internal`, so no other vendor is called that.
pub const VENDOR: &str = "vgpu.internal";

/// Where runtimes look for files that hold until the host is started anew, as device nodes' numbers do.
pub const FOLDER: &str = "/var/run/cdi";

/// Where they look for files that hold longer.
pub const FOLDER_KEPT: &str = "/etc/cdi";

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A vGPU.
    Vgpu,
    /// A GPU of the host, or a piece of one.
    Gpu,
}

impl Class {
    /// As it is written in names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vgpu => "vgpu",
            Self::Gpu => "gpu",
        }
    }

    /// The file that names these devices, unless another is asked for.
    pub fn file(self) -> PathBuf {
        Path::new(FOLDER).join(format!("{VENDOR}-{}.json", self.as_str()))
    }
}

/// A file for container runtimes: devices of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// The version of the specification that it keeps to.
    pub cdi_version: String,
    /// Vendor and class.
    pub kind: String,
    /// They.
    pub devices: Vec<Device>,
}

/// Something that a container can be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Letters, digits, `-`, `_` and `.`; the first and the last a letter or a digit.
    pub name: String,
    /// What is done to its container.
    pub container_edits: Edits,
}

/// What a container gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Edits {
    /// Variables, each as `NAME=VALUE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Device nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_nodes: Vec<DeviceNode>,
    /// Files of the host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
}

/// A device node, the same in the container as on the host. The runtime looks up the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNode {
    /// Where it is.
    pub path: PathBuf,
}

/// A file or folder of the host that the container sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    /// Where it is on the host.
    pub host_path: PathBuf,
    /// Where the container sees it.
    pub container_path: PathBuf,
    /// As `mount` takes them.
    #[serde(default)]
    pub options: Vec<String>,
}

impl Spec {
    /// Of these devices.
    pub fn new(class: Class, devices: Vec<Device>) -> Self {
        Self {
            cdi_version: lowest_version(&devices).to_owned(),
            kind: format!("{VENDOR}/{}", class.as_str()),
            devices,
        }
    }

    /// What to call a device where one is asked for: `podman run --device NAME`.
    pub fn name_of(&self, device: &Device) -> String {
        format!("{}={}", self.kind, device.name)
    }

    /// Whether the devices are ours.
    pub fn is_ours(&self) -> bool {
        self.kind.split_once('/').is_some_and(|(vendor, _)| vendor == VENDOR)
    }
}

impl Edits {
    /// What must be on the host when a container starts, in order.
    pub fn host_paths(&self) -> BTreeSet<&Path> {
        let nodes = self.device_nodes.iter().map(|node| &node.path);
        nodes.chain(self.mounts.iter().map(|mount| &mount.host_path)).map(PathBuf::as_path).collect()
    }
}

/// The lowest version that has all that is used: names began with a letter before 0.5.0, and nothing else here is newer
/// than 0.3.0.
fn lowest_version(devices: &[Device]) -> &'static str {
    let is_later = |device: &Device| device.name.starts_with(|first: char| first.is_ascii_digit());
    if devices.iter().any(is_later) { "0.5.0" } else { "0.3.0" }
}

#[cfg(test)]
mod tests {
    use super::{Class, Device, DeviceNode, Edits, Spec};

    fn device(name: &str) -> Device {
        let node = |path: &str| DeviceNode { path: path.into() };
        let nodes = vec![node("/dev/dri/renderD128"), node("/dev/dri/card0")];
        let container_edits = Edits { device_nodes: nodes, ..Edits::default() };
        Device { name: name.to_owned(), container_edits }
    }

    #[test]
    fn the_version_is_the_lowest_that_knows_such_names() {
        let version = |names: &[&str]| {
            Spec::new(Class::Gpu, names.iter().map(|name| device(name)).collect()).cdi_version
        };
        assert_eq!(version(&["compute-1", "Desk"]), "0.3.0");
        assert_eq!(version(&["compute-1", "0000-3b-00.0"]), "0.5.0");
    }

    #[test]
    fn fields_are_spelled_as_runtimes_want_them_and_empty_ones_are_left_out() {
        let spec = Spec::new(Class::Gpu, vec![device("0000-3b-00.0")]);
        let expected = serde_json::json!({
            "cdiVersion": "0.5.0",
            "kind": "vgpu.internal/gpu",
            "devices": [{
                "name": "0000-3b-00.0",
                "containerEdits": { "deviceNodes": [{"path": "/dev/dri/renderD128"}, {"path": "/dev/dri/card0"}] },
            }],
        });
        assert_eq!(serde_json::to_value(&spec).unwrap(), expected);
        assert_eq!(spec.name_of(&spec.devices[0]), "vgpu.internal/gpu=0000-3b-00.0");
        assert!(spec.is_ours());
    }

    #[test]
    fn devices_of_others_are_not_ours() {
        let read = |kind: &str| {
            let text = format!(r#"{{"cdiVersion":"1.1.0","kind":"{kind}","devices":[],"annotations":{{}}}}"#);
            serde_json::from_str::<Spec>(&text).unwrap()
        };
        assert!(!read("nvidia.com/gpu").is_ours() && !read("vgpu.internal.example/gpu").is_ours());
        assert!(read("vgpu.internal/vgpu").is_ours());
    }
}
