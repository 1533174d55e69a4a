//! Who may connect.

use crate::control::api::Vgpu;
use crate::control::profile::{Account, Transport};

/// A sentence on who may connect to a vGPU, and what to do where the VMM or program is somebody else's.
pub fn access(vgpu: &Vgpu) -> String {
    let access = &vgpu.profile.socket;
    let of = |account: &Option<Account>| account.as_ref().map_or("the daemon's".into(), Account::to_string);
    let who = match vgpu.profile.transport {
        Transport::VhostUser | Transport::VfioUser => "the VMM",
        Transport::Vtest => "programs",
    };
    format!(
        "vgpu: {} is for owner {}, group {}, mode {}; for {who} of another user make a vGPU whose profile's [socket] \
         has that owner, or a group of that user's and mode = \"0660\"",
        vgpu.socket.display(),
        of(&access.owner),
        of(&access.group),
        access.mode_text(),
    )
}

#[cfg(test)]
mod tests {
    use super::access;
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
}
