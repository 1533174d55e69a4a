//! What a program that runs VMs must be told to give a VM its vGPU: as options of its command line, or as the XML that
//! libvirt defines a domain from; and what a program without a VM needs in its environment. Functions of plain values;
//! one file per program.

mod access;
mod cloud_hypervisor;
mod crosvm;
mod libvirt;
mod qemu;
mod shell;
mod vfio;
mod vtest;

pub use access::{access, advice};
pub use shell::shell_lines;
pub use vtest::{environment, exports};

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::api::Vgpu;

/// A program that runs VMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Vmm {
    /// QEMU: options of its command line
    Qemu,
    /// cloud-hypervisor 53 or later: options of its command line
    CloudHypervisor,
    /// crosvm: options of `crosvm run`
    Crosvm,
    /// libvirt: a domain as XML
    Libvirt,
}

/// A VM's memory: whole MiB, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    mib: u64,
}

/// A text that is no amount of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write an amount from 1MiB to 64TiB, as in 4GiB or 512MiB")]
pub struct MemoryError;

impl FromStr for Memory {
    type Err = MemoryError;

    fn from_str(text: &str) -> Result<Self, MemoryError> {
        let units =
            [("MiB", 1), ("GiB", 1 << 10), ("TiB", 1 << 20), ("M", 1), ("G", 1 << 10), ("T", 1 << 20)];
        let (number, unit) =
            units.iter().find_map(|(name, mib)| Some((text.strip_suffix(name)?, mib))).ok_or(MemoryError)?;
        let number: u64 = number.trim_end().parse().map_err(|_| MemoryError)?;
        let mib = number.checked_mul(*unit).filter(|mib| (1..=64 << 20).contains(mib)).ok_or(MemoryError)?;
        Ok(Self { mib })
    }
}

/// As [`FromStr`] reads it.
impl fmt::Display for Memory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mib % 1024 {
            0 => write!(out, "{}GiB", self.mib / 1024),
            _ => write!(out, "{}MiB", self.mib),
        }
    }
}

/// An option of a command line and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    name: &'static str,
    value: String,
}

impl Argument {
    fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into() }
    }

    /// Both, as a process is given them.
    pub fn words(self) -> [String; 2] {
        [self.name.to_owned(), self.value]
    }
}

/// What to give to a program that runs VMs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Configuration {
    /// Options of its command line.
    Arguments(Vec<Argument>),
    /// A document.
    Xml(String),
}

impl Vmm {
    /// What gives a VM with this much memory the vGPU.
    pub fn configuration(self, vgpu: &Vgpu, memory: Memory) -> Configuration {
        if let Some(device) = vgpu.device() {
            return vfio::configuration(self, vgpu, device, memory);
        }
        match self {
            Self::Qemu => Configuration::Arguments(qemu::arguments(vgpu, memory)),
            Self::CloudHypervisor => Configuration::Arguments(cloud_hypervisor::arguments(vgpu, memory)),
            Self::Crosvm => Configuration::Arguments(crosvm::arguments(vgpu, memory)),
            Self::Libvirt => Configuration::Xml(libvirt::domain(vgpu, memory)),
        }
    }
}

/// Where the VM connects.
fn socket(vgpu: &Vgpu) -> String {
    vgpu.socket.as_deref().map(text).unwrap_or_default()
}

/// A path as text. What the daemon offers came to it as JSON, so nothing is lost.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Argument, Configuration, Memory, Vmm, shell_lines};
    use crate::control::api::{State, Vgpu};
    use crate::control::profile::Profile;

    const TWO_HEADS: &str = "[[head]]\nsize = \"1920x1080\"\n[[head]]\nenabled = false";

    pub(super) fn vgpu(socket: &str, profile: &str) -> Vgpu {
        Vgpu {
            placement: None,
            name: "desktop-7".parse().unwrap(),
            state: State::Waiting,
            socket: Some(socket.into()),
            profile: Profile::parse(profile).unwrap(),
            pid: None,
            takeovers: 0,
            last_death: None,
            problem: None,
            priority: None,
            device: None,
        }
    }

    fn given(vmm: Vmm, socket: &str, profile: &str) -> Configuration {
        vmm.configuration(&vgpu(socket, profile), "4GiB".parse().unwrap())
    }

    fn words(configuration: Configuration) -> Vec<String> {
        let Configuration::Arguments(arguments) = configuration else { panic!("XML") };
        arguments.into_iter().flat_map(Argument::words).collect()
    }

    #[test]
    fn each_vmm_is_told_word_by_word() {
        let golden = [
            (Vmm::Qemu, include_str!("../../../tests/golden/args-qemu.txt")),
            (Vmm::CloudHypervisor, include_str!("../../../tests/golden/args-cloud-hypervisor.txt")),
            (Vmm::Crosvm, include_str!("../../../tests/golden/args-crosvm.txt")),
            (Vmm::Libvirt, include_str!("../../../tests/golden/args-libvirt.xml")),
        ];
        for (vmm, expected) in golden {
            let text = match given(vmm, "/run/vgpu/desktop-7.sock", TWO_HEADS) {
                Configuration::Arguments(arguments) => shell_lines(arguments) + "\n",
                Configuration::Xml(text) => text,
            };
            assert_eq!(text, expected, "{vmm:?}");
        }
    }

    #[test]
    fn a_vgpu_with_vulkan_gets_the_device_that_maps_its_memory() {
        let words = words(given(Vmm::Qemu, "/run/a", "[gpu]\nvulkan = true"));
        let numbers = "virtio-id=16,num_vqs=2,vq_size=256,config_size=16";
        let device = format!("vhost-user-test-device-pci,chardev=vgpu-desktop-7,{numbers}");
        assert_eq!(words.last(), Some(&device));

        let Configuration::Xml(domain) = given(Vmm::Libvirt, "/run/a", "[gpu]\nvulkan = true") else {
            panic!("no XML")
        };
        assert!(domain.contains("vhost-user-test-device-pci") && domain.contains("virtio-id"), "{domain}");
    }

    #[test]
    fn a_pci_function_is_given_by_its_socket_alone() {
        let path = r#"/run/a,b "c""#;
        let of = |vmm| words(given(vmm, path, "transport = \"vfio-user\""));

        let function = r#"{"driver":"vfio-user-pci","socket":{"path":"/run/a,b \"c\"","type":"unix"}}"#;
        assert_eq!(of(Vmm::Qemu)[6..], ["-device", function]);
        assert_eq!(of(Vmm::CloudHypervisor)[2..], ["--user-device", r#"socket="/run/a,b ""c""""#]);
        let Configuration::Xml(domain) = given(Vmm::Libvirt, path, "transport = \"vfio-user\"") else {
            panic!("no XML")
        };
        assert!(domain.contains("vfio-user-pci") && !domain.contains("chardev"), "{domain}");
    }

    #[test]
    fn a_path_with_everything_in_it_reaches_each_vmms_own_syntax_whole() {
        let path = r#"/run/a,b "c" \d 'e' <f>&@NAME@--"#;
        let value = |vmm, index: usize| words(given(vmm, path, "")).swap_remove(index);

        assert_eq!(value(Vmm::Qemu, 7), r#"socket,id=vgpu-desktop-7,path=/run/a,,b "c" \d 'e' <f>&@NAME@--"#);
        assert_eq!(
            value(Vmm::CloudHypervisor, 3),
            r#"device_type=gpu,socket="/run/a,b ""c"" \d 'e' <f>&@NAME@--",queue_sizes=[256,16]"#
        );
        assert_eq!(
            value(Vmm::Crosvm, 3),
            r#"type=gpu,socket="/run/a,b \"c\" \\d 'e' <f>&@NAME@--",max-queue-size=256"#
        );
        let Configuration::Xml(domain) = given(Vmm::Libvirt, path, "") else { panic!("no XML") };
        let argument = r#"path=/run/a,,b "c" \d &#39;e&#39; &#60;f&#62;&#38;&#64;NAME&#64;--'/>"#;
        assert!(domain.contains(argument), "{domain}");
        let comment = domain.split("-->").next().unwrap();
        assert!(comment.contains("&#64;NAME&#64;-&#45; rw,"), "{comment}");
    }

    #[test]
    fn memory_is_whole_mebibytes_with_a_unit() {
        let text = |text: &str| text.parse::<Memory>().map(|memory| memory.to_string());

        for (given, expected) in [
            ("4GiB", "4GiB"),
            ("4096M", "4GiB"),
            ("1 MiB", "1MiB"),
            ("1536MiB", "1536MiB"),
            ("64T", "65536GiB"),
        ] {
            assert_eq!(text(given).as_deref(), Ok(expected));
        }
        for wrong in ["", "4096", "0GiB", "65TiB", "1.5GiB", "-1GiB", "18446744073709551615TiB"] {
            assert!(text(wrong).is_err(), "{wrong}");
        }
    }
}
