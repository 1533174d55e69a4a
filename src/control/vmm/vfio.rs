//! What a VMM must be told to get a piece that is handed over as it is, by its folder below `/sys`.

use std::path::Path;

use super::libvirt::filled;
use super::{Argument, Configuration, Memory, Vmm, text};
use crate::control::api::Vgpu;

const DOMAIN: &str = include_str!("domain-vfio.xml");

/// What gives a VM with this much memory that device.
pub(super) fn configuration(vmm: Vmm, vgpu: &Vgpu, device: &Path, memory: Memory) -> Configuration {
    let piece = device.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_mediated = device.starts_with("/sys/bus/mdev");
    Configuration::Arguments(match vmm {
        Vmm::Qemu => {
            let function =
                if is_mediated { format!("sysfsdev={}", text(device)) } else { format!("host={piece}") };
            let size = format!("{}M", memory.mib);
            vec![Argument::new("-m", size), Argument::new("-device", format!("vfio-pci,{function}"))]
        }
        Vmm::CloudHypervisor => vec![
            Argument::new("--memory", format!("size={}M", memory.mib)),
            Argument::new("--device", format!("path={}", text(device))),
        ],
        Vmm::Crosvm => vec![
            Argument::new("--mem", format!("size={}", memory.mib)),
            Argument::new("--vfio", text(device)),
        ],
        Vmm::Libvirt => {
            let device = if is_mediated { mediated(&piece) } else { function(&piece) };
            return Configuration::Xml(filled(DOMAIN, vgpu, memory).replace("@HOSTDEV@", &device));
        }
    })
}

/// A PCI function. It stays bound as it is: libvirt is not to give it back to its driver.
fn function(address: &str) -> String {
    let names = ["domain", "bus", "slot", "function"];
    let numbers: String = names
        .iter()
        .zip(address.split([':', '.']))
        .map(|(name, number)| format!(" {name}='0x{number}'"))
        .collect();
    format!("<hostdev mode='subsystem' type='pci' managed='no'>\n      <source>\n        <address{numbers}/>")
}

fn mediated(uuid: &str) -> String {
    format!(
        "<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'>\n      <source>\n        \
         <address uuid='{uuid}'/>"
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::vgpu;
    use super::super::{Configuration, Memory, Vmm, shell_lines};
    use crate::control::api::Placement;

    fn given(vmm: Vmm, device: &str) -> String {
        let placement = Placement {
            piece: device.rsplit('/').next().unwrap().to_owned(),
            name: "a card".to_owned(),
            uuid: None,
            device: Some(device.into()),
            why: "asked for".to_owned(),
        };
        let vgpu =
            crate::control::api::Vgpu { socket: None, placement: Some(placement), ..vgpu("/run/a", "") };
        match vmm.configuration(&vgpu, "2GiB".parse::<Memory>().unwrap()) {
            Configuration::Arguments(arguments) => shell_lines(arguments),
            Configuration::Xml(text) => text,
        }
    }

    #[test]
    fn each_vmm_gets_a_function_in_its_own_words() {
        let device = "/sys/bus/pci/devices/0000:03:00.2";
        for (vmm, expected) in [
            (Vmm::Qemu, "-m 2048M \\\n-device vfio-pci,host=0000:03:00.2"),
            (Vmm::CloudHypervisor, "--memory size=2048M \\\n--device path=/sys/bus/pci/devices/0000:03:00.2"),
            (Vmm::Crosvm, "--mem size=2048 \\\n--vfio /sys/bus/pci/devices/0000:03:00.2"),
        ] {
            assert_eq!(given(vmm, device), expected);
        }
        let domain = given(Vmm::Libvirt, device);
        assert!(
            domain.contains("<address domain='0x0000' bus='0x03' slot='0x00' function='0x2'/>"),
            "{domain}"
        );
        assert!(domain.contains("<memory unit='MiB'>2048</memory>") && !domain.contains('@'), "{domain}");
    }

    #[test]
    fn a_mediated_device_is_given_by_its_folder_or_its_uuid() {
        let uuid = "b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11";
        let device = format!("/sys/bus/mdev/devices/{uuid}");

        assert_eq!(given(Vmm::Qemu, &device), format!("-m 2048M \\\n-device vfio-pci,sysfsdev={device}"));
        assert!(given(Vmm::Libvirt, &device).contains(&format!("<address uuid='{uuid}'/>")));
    }
}
