//! SR-IOV: functions that a GPU's hardware makes of itself, PCI devices in their own right.

use serde::Serialize;

use super::address::PciAddress;
use super::tree::Reader;

/// What a physical function says of its virtual ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sriov {
    /// How many there can be. 0 where the GPU's driver allows none.
    pub vfs_max: u32,
    /// How many there are.
    pub vfs: Vec<PciAddress>,
    /// Whether new ones get a driver of the host at once.
    pub drivers_autoprobe: Option<bool>,
    /// Whether their time and memory can be set (`sriov_admin`, Intel's xe driver since Linux 6.19).
    pub provisioning: bool,
}

/// Nothing where the device has no SR-IOV, or the kernel shows none.
pub(super) fn sriov(reader: &mut Reader<'_>, folder: &str) -> Option<Sriov> {
    let vfs_max = reader.number(&format!("{folder}/sriov_totalvfs"))?;
    let count: usize = reader.number(&format!("{folder}/sriov_numvfs")).unwrap_or_default();
    let autoprobe: Option<u8> = reader.number(&format!("{folder}/sriov_drivers_autoprobe"));
    Some(Sriov {
        vfs_max,
        vfs: vfs(reader, folder, count),
        drivers_autoprobe: autoprobe.map(|switch| switch != 0),
        provisioning: reader.has(&format!("{folder}/sriov_admin")),
    })
}

/// The functions that links named virtfn0, virtfn1 and so on lead to, in that order.
fn vfs(reader: &mut Reader<'_>, folder: &str, count: usize) -> Vec<PciAddress> {
    let names = reader.names(folder);
    let number = |name: &String| name.strip_prefix("virtfn")?.parse::<u32>().ok();
    let mut links: Vec<(u32, &String)> =
        names.iter().filter_map(|name| Some((number(name)?, name))).collect();
    links.sort();
    let found: Vec<PciAddress> =
        links.iter().filter_map(|(_, name)| reader.link(&format!("{folder}/{name}"))?.parse().ok()).collect();
    if found.len() != count {
        let problem =
            format!("says {count}, but there are links to {}: they come or go right now", found.len());
        reader.complain(&format!("{folder}/sriov_numvfs"), problem);
    }
    let (there, gone): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|vf| reader.has(&format!("bus/pci/devices/{vf}")));
    for vf in gone {
        reader
            .complain(&format!("bus/pci/devices/{vf}"), "a virtual function vanished while it was looked at");
    }
    there
}
