//! Mediated devices: pieces that a GPU's driver makes, which are no PCI devices of their own.

use serde::Serialize;

use super::tree::Reader;

/// A kind of piece that a driver offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MdevType {
    /// The driver's name of it, as `nvidia-474` or `i915-GVTg_V5_4`.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
    /// What it comes with, in the driver's words.
    pub description: Option<String>,
    /// How many more can be made now; nothing where that cannot be read.
    pub available_instances: Option<u32>,
    /// The UUIDs of those that there are.
    pub devices: Vec<String>,
}

/// The types that the driver of the device in this folder offers.
pub(super) fn types(reader: &mut Reader<'_>, folder: &str) -> Vec<MdevType> {
    let types = format!("{folder}/mdev_supported_types");
    reader.names(&types).into_iter().map(|id| mdev_type(reader, &format!("{types}/{id}"), id)).collect()
}

fn mdev_type(reader: &mut Reader<'_>, folder: &str, id: String) -> MdevType {
    let description = reader.text(&format!("{folder}/description"));
    MdevType {
        id,
        name: reader.text(&format!("{folder}/name")),
        description: description.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")),
        available_instances: reader.number(&format!("{folder}/available_instances")),
        devices: reader.names(&format!("{folder}/devices")),
    }
}
