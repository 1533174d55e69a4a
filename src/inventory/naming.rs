//! The one way in which GPUs and their pieces are named, by whomever they are listed.

use super::PciAddress;

/// What one can be called by.
#[derive(Clone, Copy, Debug)]
pub struct Naming<'a> {
    /// Where it is on PCI.
    pub address: Option<PciAddress>,
    /// Its UUID, without what NVIDIA's tools put in front.
    pub uuid: &'a str,
    /// What people call it.
    pub name: &'a str,
}

/// Those that a text names: by PCI address, else by UUID (`GPU-…` and `MIG-…` too), else by name, else by a part of the
/// name. More than one is ambiguous.
pub fn named<'a, T>(all: &'a [T], wanted: &str, names: impl Fn(&'a T) -> Naming<'a>) -> Vec<&'a T> {
    let address = wanted.parse::<PciAddress>().ok();
    let uuid = ["GPU-", "MIG-"].into_iter().find_map(|before| wanted.strip_prefix(before)).unwrap_or(wanted);
    let ways: [&dyn Fn(Naming<'_>) -> bool; 4] = [
        &|names| address.is_some() && names.address == address,
        &|names| names.uuid.eq_ignore_ascii_case(uuid),
        &|names| names.name == wanted,
        &|names| names.name.contains(wanted),
    ];
    let fitting = ways.map(|fits| all.iter().filter(|one| fits(names(one))).collect::<Vec<_>>());
    fitting.into_iter().find(|fitting| !fitting.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Naming, named};

    #[test]
    fn a_name_is_an_address_or_a_uuid_or_a_name_or_what_only_its_name_has() {
        let all = [
            ("H100", "d1aa", "3b:00.0"),
            ("H100 NVL", "d1bb", "3c:00.0"),
            ("llvmpipe", "6d65", ""),
            ("MIG 1g", "d1cc", "41:00.0"),
            ("MIG 2g", "d1dd", "41:00.0"),
        ];
        for (wanted, uuids) in [
            ("3b:00.0", &["d1aa"][..]),
            ("0000:3C:00.0", &["d1bb"]),
            ("41:00.0", &["d1cc", "d1dd"]),
            ("GPU-D1BB", &["d1bb"]),
            ("MIG-d1dd", &["d1dd"]),
            ("H100", &["d1aa"]),
            ("NVL", &["d1bb"]),
            ("H1", &["d1aa", "d1bb"]),
            ("llvm", &["6d65"]),
            ("A100", &[]),
            ("3d:00.0", &[]),
        ] {
            let found: Vec<&str> =
                named(&all, wanted, |one| Naming { name: one.0, uuid: one.1, address: one.2.parse().ok() })
                    .into_iter()
                    .map(|one| one.1)
                    .collect();
            assert_eq!(found, uuids, "{wanted}");
        }
    }
}
