//! What people call PCI devices: the list `pci.ids`, which distributions have for lspci.

use std::path::Path;
use std::{fs, iter};

/// Where distributions keep it: Debian; Fedora and Arch; a copy that lspci fetched.
const LISTS: [&str; 3] =
    ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids", "/var/lib/pciutils/pci.ids"];

pub(super) const AMD: u16 = 0x1002;
pub(super) const NVIDIA: u16 = 0x10de;
pub(super) const INTEL: u16 = 0x8086;

/// Makers of GPUs, for hosts without the list.
const VENDORS: [(u16, &str); 3] = [(AMD, "AMD"), (NVIDIA, "NVIDIA"), (INTEL, "Intel")];

/// The names of PCI devices that this host knows.
#[derive(Clone, Debug, Default)]
pub struct Names {
    list: String,
}

impl Names {
    /// Those of this host's `pci.ids`; without one only the large makers have names.
    pub fn of_host() -> Self {
        let list = LISTS.iter().find_map(|path| fs::read(Path::new(path)).ok()).unwrap_or_default();
        Self { list: String::from_utf8_lossy(&list).into_owned() }
    }

    /// A device's maker.
    pub(super) fn vendor(&self, vendor: u16) -> Option<String> {
        let short = VENDORS.iter().find(|(id, _)| *id == vendor).map(|(_, name)| (*name).to_owned());
        short.or_else(|| named(self.list.lines().find_map(|line| entry(line, vendor))))
    }

    /// A device.
    pub(super) fn device(&self, vendor: u16, device: u16) -> Option<String> {
        let mut lines = self.list.lines().skip_while(|line| entry(line, vendor).is_none());
        lines.next()?;
        // Its devices stand below it, a tab in; what is two tabs in are cards with it.
        let below = iter::from_fn(|| lines.next().filter(|line| line.starts_with(['\t', '#'])));
        named(below.filter_map(|line| line.strip_prefix('\t')).find_map(|line| entry(line, device)))
    }
}

/// The name in a line, if it is that of this id.
fn entry(line: &str, id: u16) -> Option<&str> {
    line.split_once("  ").filter(|(digits, _)| *digits == format!("{id:04x}")).map(|(_, name)| name)
}

fn named(name: Option<&str>) -> Option<String> {
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn devices_are_looked_up_below_their_maker() {
        let list = "# a list\n1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\t74a1  Aqua Vanjaram [Instinct MI300X]\n\
            10de  NVIDIA Corporation\n\t2335  GH100 [H200 SXM 141GB]\n\t\t10de 18be  a card\n\t233b  GH100 [H200 NVL]\n\
            1af4  Red Hat, Inc.\n\t1050  Virtio 1.0 GPU\nC 03  Display controller\n\t00  VGA\n";
        let names = Names { list: list.to_owned() };

        assert_eq!(names.device(0x10de, 0x233b).as_deref(), Some("GH100 [H200 NVL]"));
        assert_eq!(names.device(0x10de, 0x1050), None, "that is another maker's");
        assert_eq!(names.device(0x10de, 0x18be), None, "that is a card");
        assert_eq!(names.vendor(0x10de).as_deref(), Some("NVIDIA"));
        assert_eq!(names.vendor(0x1af4).as_deref(), Some("Red Hat, Inc."));
        assert_eq!(names.vendor(0x1234), None);
    }
}
