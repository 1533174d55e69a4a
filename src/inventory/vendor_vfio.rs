//! NVIDIA's vGPUs since Linux 6.8 and on GPUs since Ada: a virtual function is given a type by its vGPU host driver,
//! which makes it a VFIO device. Such a function stays with that driver and is not bound to vfio-pci.

use serde::Serialize;

use super::tree::Reader;

/// What a virtual function of NVIDIA's is and could be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VendorVfio {
    /// The type that it has; nothing where it is free.
    pub current: Option<u32>,
    /// The types that it could be given now.
    pub creatable: Vec<VgpuType>,
}

/// A type of vGPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VgpuType {
    /// What is written to make one.
    pub id: u32,
    /// What people call it.
    pub name: String,
}

/// Nothing where the function in this folder is not driven by NVIDIA's vGPU host driver.
pub(super) fn vendor_vfio(reader: &mut Reader<'_>, folder: &str) -> Option<VendorVfio> {
    let current: u32 = reader.number(&format!("{folder}/nvidia/current_vgpu_type"))?;
    let creatable = reader.text(&format!("{folder}/nvidia/creatable_vgpu_types")).unwrap_or_default();
    Some(VendorVfio { current: Some(current).filter(|id| *id != 0), creatable: types(&creatable) })
}

/// Lines like `1428 : NVIDIA H200X-141C`; some drivers put a heading above them.
fn types(text: &str) -> Vec<VgpuType> {
    let vgpu_type = |line: &str| {
        let (id, name) = line.split_once(':')?;
        Some(VgpuType { id: id.trim().parse().ok()?, name: name.trim().to_owned() })
    };
    text.lines().filter_map(vgpu_type).collect()
}

#[cfg(test)]
mod tests {
    use super::{VgpuType, types};

    #[test]
    fn types_are_lines_below_a_heading() {
        let text = "ID    : vGPU Name\n1428  : NVIDIA H200X-141C\n1414 : NVIDIA H200X-1-18C\n";
        let vgpu_type = |id, name: &str| VgpuType { id, name: name.to_owned() };

        assert_eq!(
            types(text),
            [vgpu_type(1428, "NVIDIA H200X-141C"), vgpu_type(1414, "NVIDIA H200X-1-18C")]
        );
        assert_eq!(types(""), []);
    }
}
