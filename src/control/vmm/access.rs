//! Who may connect, and what they had better connect by.

use super::Vmm;
use crate::control::api::Vgpu;
use crate::control::profile::{Account, Transport};

/// A sentence on who may connect to a vGPU, and what to do where the VMM or program is somebody else's.
pub fn access(vgpu: &Vgpu) -> String {
    if vgpu.device().is_some() {
        let piece = vgpu.placement.as_ref().map(|placement| placement.piece.as_str()).unwrap_or_default();
        return format!(
            "vgpu: {piece} is handed over as it is: the VMM must be allowed to open /dev/vfio/vfio and the node of its \
             IOMMU group in /dev/vfio, and to lock as much memory as the VM has (ulimit -l)"
        );
    }
    let access = &vgpu.profile.socket;
    let of = |account: &Option<Account>| account.as_ref().map_or("the daemon's".into(), Account::to_string);
    let who = match vgpu.profile.transport {
        Transport::VhostUser | Transport::VfioUser => "the VMM",
        Transport::Vtest => "programs",
    };
    format!(
        "vgpu: {} is for owner {}, group {}, mode {}; for {who} of another user make a vGPU whose profile's [socket] \
         has that owner, or a group of that user's and mode = \"0660\"",
        super::socket(vgpu),
        of(&access.owner),
        of(&access.group),
        access.mode_text(),
    )
}

/// A sentence for whoever gives a VM a vGPU in a way that it can do better with.
pub fn advice(vgpu: &Vgpu, vmm: Vmm) -> Option<&'static str> {
    let by_vhost_user = vgpu.profile.transport == Transport::VhostUser && vgpu.profile.has_vulkan_in_vm();
    match vmm {
        _ if !by_vhost_user => None,
        Vmm::Qemu | Vmm::Libvirt => Some(
            "vgpu: by vhost-user Vulkan comes by a device that QEMU has for tests; a vGPU whose profile has \
             transport = \"vfio-user\" has it as a PCI function, for QEMU 10.1 or later",
        ),
        Vmm::CloudHypervisor => Some(
            "vgpu: by vhost-user cloud-hypervisor has no Vulkan; a vGPU whose profile has transport = \"vfio-user\" \
             has it as a PCI function",
        ),
        Vmm::Crosvm => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Vmm, access, advice};
    use crate::control::vmm::tests::vgpu;

    #[test]
    fn who_may_connect_is_said_with_owner_group_and_mode() {
        let start =
            |profile: &str| access(&vgpu("/run/a.sock", profile)).split(';').next().unwrap().to_owned();
        assert_eq!(start(""), "vgpu: /run/a.sock is for owner the daemon's, group the daemon's, mode 0600");
        assert_eq!(
            start("[socket]\nowner = \"libvirt-qemu\"\ngroup = 36\nmode = \"0660\""),
            "vgpu: /run/a.sock is for owner libvirt-qemu, group 36, mode 0660"
        );
    }

    #[test]
    fn whoever_asks_for_vulkan_by_vhost_user_hears_of_the_better_way() {
        let of = |profile: &str, vmm| advice(&vgpu("/run/a.sock", profile), vmm);
        let vulkan = "[gpu]\nvulkan = true";
        for vmm in [Vmm::Qemu, Vmm::Libvirt, Vmm::CloudHypervisor] {
            assert!(
                of(vulkan, vmm).is_some_and(|said| said.contains("transport = \"vfio-user\"")),
                "{vmm:?}"
            );
            assert_eq!(of("", vmm), None);
            assert_eq!(of(&format!("transport = \"vfio-user\"\n{vulkan}"), vmm), None);
        }
        assert_eq!(of(vulkan, Vmm::Crosvm), None);
    }
}
