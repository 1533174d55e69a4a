//! What is written, and in which order.

use vgpu::partition::{Host, Layout};

use crate::faults::CASES;
use crate::listing;

fn writes(name: &str, wanted: &str) -> Vec<String> {
    let listed = listing::Host::unpack(name);
    let changes = Host::new(&listed.sysfs()).plan(&Layout::parse(wanted).unwrap()).unwrap();
    changes.iter().map(|change| change.step.to_string().replace("> /sys/", "> ")).collect()
}

#[test]
fn functions_go_to_none_before_there_are_more_and_their_memory_is_set_before_they_are_made() {
    let pf = "bus/pci/devices/0000:03:00.0";
    let (name, wanted) = CASES[0];
    assert_eq!(
        writes(name, wanted),
        [
            format!("0 > {pf}/sriov_numvfs"),
            format!("1 > {pf}/sriov_drivers_autoprobe"),
            format!("20 > {pf}/sriov_admin/vf1/profile/exec_quantum_ms"),
            format!("20000 > {pf}/sriov_admin/vf1/profile/preempt_timeout_us"),
            format!("2147483648 > {pf}/sriov_admin/vf1/profile/vram_quota"),
            format!("high > {pf}/sriov_admin/vf2/profile/sched_priority"),
            format!("1073741824 > {pf}/sriov_admin/vf2/profile/vram_quota"),
            format!("3 > {pf}/sriov_numvfs"),
        ]
    );
}

#[test]
fn a_type_goes_before_another_comes() {
    let vf = |number| format!("bus/pci/devices/0000:41:00.0/virtfn{number}/nvidia/current_vgpu_type");
    let (name, wanted) = CASES[1];
    assert_eq!(
        writes(name, wanted),
        [format!("0 > {}", vf(1)), format!("1414 > {}", vf(0)), format!("1428 > {}", vf(1))]
    );
}

#[test]
fn what_a_layout_leaves_out_stays() {
    for (name, wanted) in [
        ("intel-xe", "[[gpu]]\naddress = \"0000:03:00.0\""),
        ("intel-xe", "[[gpu]]\naddress = \"0000:03:00.0\"\nvfs = 2\ndrivers_autoprobe = false"),
        ("intel-gvt", "[[gpu]]\naddress = \"0000:00:02.0\""),
        ("intel-gvt", ""),
    ] {
        assert_eq!(writes(name, wanted), [""; 0], "{wanted}");
    }
    let one = "[[gpu]]\naddress = \"0000:03:00.0\"\n[[gpu.vf]]\nnumber = 1\nexec_quantum_ms = 5";
    let file = "bus/pci/devices/0000:03:00.0/sriov_admin/vf2/profile/exec_quantum_ms";
    assert_eq!(
        writes("intel-xe", one),
        [format!("5 > {file}")],
        "and the functions are not made anew for it"
    );
}

#[test]
fn an_mdev_is_made_on_the_function_that_it_is_laid_out_on() {
    let types = |number| format!("bus/pci/devices/0000:17:00.0/virtfn{number}/mdev_supported_types");
    let (name, wanted) = CASES[3];
    assert_eq!(
        writes(name, wanted),
        [
            "1 > bus/mdev/devices/aa618089-8b16-4d01-a136-25a0f3c73123/remove".to_owned(),
            format!("11111111-5a0e-4f3e-9d0c-6a1f1d2b7c11 > {}/nvidia-1057/create", types(0)),
            format!("22222222-5a0e-4f3e-9d0c-6a1f1d2b7c11 > {}/nvidia-1053/create", types(1)),
        ]
    );
}

#[test]
fn the_layout_in_the_readme_is_one() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let blocks = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let layout = blocks.into_iter().find(|block| block.starts_with("[[gpu]]")).unwrap();

    assert_eq!(Layout::parse(layout).unwrap().gpus.len(), 4);
}
