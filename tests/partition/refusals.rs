//! What is refused before anything is changed.

use std::fs;
use std::os::unix::fs::symlink;

use vgpu::partition::{Host, Layout, PartitionError};

use crate::faults::CASES;
use crate::kernel::Played;
use crate::listing;

/// What is said against a layout; nothing is written and nothing is noted.
fn refusal(listed: &listing::Host, wanted: &str) -> PartitionError {
    let (root, state) = (listed.sysfs(), tempfile::tempdir().unwrap());
    let mut kernel = Played::new(root.clone());
    let error = Host::new(&root)
        .apply(&mut kernel, state.path(), &Layout::parse(wanted).unwrap(), |_| ())
        .expect_err(wanted);
    assert_eq!(kernel.writes, 0, "{wanted}");
    assert!(!state.path().join("partitions/journal.json").exists(), "{wanted}");
    error
}

fn gpu(address: &str, rest: &str) -> String {
    format!("[[gpu]]\naddress = \"{address}\"\n{rest}")
}

fn mdev(uuid: &str, kind: &str) -> String {
    format!("[[gpu.mdev]]\nuuid = \"{uuid}-5a0e-4f3e-9d0c-6a1f1d2b7c11\"\ntype = \"{kind}\"\n")
}

/// Applies layouts to hosts, each of which is refused with these words.
fn are_refused(cases: &[(&str, String, &str)]) {
    for (host, layout, said) in cases {
        let error = refusal(&listing::Host::unpack(host), layout).to_string();
        assert!(error.starts_with(said), "{error}\nshould say {said}");
    }
}

#[test]
fn functions_that_do_not_fit_are_told_with_the_gpu_and_what_there_is() {
    are_refused(&[
        (
            "intel-xe",
            gpu("0000:03:00.0", "vfs = 13"),
            "0000:03:00.0: 13 VFs are asked for, and 12 are the most",
        ),
        ("intel-xe", gpu("0000:03:00.1", "vfs = 1"), "0000:03:00.1: it is a virtual function"),
        (
            "intel-xe",
            gpu("0000:03:00.0", "[[gpu.vf]]\nnumber = 2\nexec_quantum_ms = 1"),
            "0000:03:00.0: VF 2 is laid out, and there are to be 2, counted from 0",
        ),
        (
            "intel-xe",
            gpu("0000:03:00.0", "[[gpu.vf]]\nnumber = 1\n[[gpu.vf]]\nnumber = 1"),
            "0000:03:00.0: VF 1 is named twice",
        ),
        (
            "intel-xe",
            gpu("0000:03:00.0", "[[gpu.vf]]\nnumber = 1\nvgpu_type = 7"),
            "0000:03:00.0: VF 1 (0000:03:00.2) takes no types of vGPU",
        ),
        ("no-iommu", gpu("0000:00:02.0", "vfs = 8"), "0000:00:02.0: 8 VFs are asked for, and 7 are the most"),
        (
            "no-iommu",
            gpu("0000:00:02.0", "vfs = 1\n[[gpu.vf]]\nnumber = 0\nexec_quantum_ms = 1"),
            "0000:00:02.0: VF 0 cannot be set so: \
             /sys/bus/pci/devices/0000:00:02.0/sriov_admin/vf1/profile/exec_quantum_ms is not there",
        ),
        (
            "h200",
            gpu("0000:00:06.0", "vfs = 1"),
            "0000:00:06.0: there cannot be 1 VFs: /sys/bus/pci/devices/",
        ),
        (
            "nvidia-vendor-vfio",
            gpu("0000:41:00.0", "vfs = 16"),
            "0000:41:00.0: there cannot be 16 VFs: /sys/bus/pci/devices/0000:41:00.0/sriov_numvfs: 3, and nvidia makes",
        ),
        (
            "amd-gim",
            gpu("0000:05:00.0", "vfs = 0"),
            "0000:05:00.0: there cannot be 0 VFs: /sys/bus/pci/devices/0000:05:00.0/sriov_numvfs: 1, and gim makes no",
        ),
        (
            "intel-xe",
            gpu("0000:03:00.0", "") + &gpu("0000:03:00.0", ""),
            "0000:03:00.0: it is laid out twice",
        ),
        ("intel-xe", gpu("0000:04:00.0", ""), "there is no GPU at 0000:04:00.0"),
    ]);
}

#[test]
fn types_that_do_not_fit_are_told_with_the_gpu_the_type_and_what_is_free() {
    are_refused(&[
        (
            "nvidia-vendor-vfio",
            gpu("0000:41:00.0", "[[gpu.vf]]\nnumber = 0\nvgpu_type = 7"),
            "0000:41:00.0: VF 0 (0000:41:00.4) cannot be of type 7: free are 1428 (NVIDIA H200X-141C), 1414 (",
        ),
        (
            "nvidia-vendor-vfio",
            gpu("0000:41:00.0", "[[gpu.vf]]\nnumber = 2\nvgpu_type = 1428"),
            "0000:41:00.0: VF 2 (0000:41:00.6) cannot be of type 1428: no type is left",
        ),
        (
            "intel-gvt",
            gpu("0000:00:02.0", &mdev("00000001", "i915-GVTg_V4_1")),
            "0000:00:02.0: mdevs of type i915-GVTg_V4_1 are not offered on 0000:00:02.0: i915-GVTg_V5_4, i915-",
        ),
        (
            "intel-gvt",
            gpu("0000:00:02.0", &(mdev("b1a5f3c2", "i915-GVTg_V5_4") + &mdev("00000001", "i915-GVTg_V5_4"))),
            "0000:00:02.0: mdevs of type i915-GVTg_V5_4: 1 more asked for, 0 free",
        ),
        (
            "intel-gvt",
            gpu(
                "0000:00:02.0",
                &(mdev("b1a5f3c2", "i915-GVTg_V5_4") + &mdev("00000001", "i915-GVTg_V5_8").repeat(2)),
            ),
            "0000:00:02.0: mdev 00000001-5a0e-4f3e-9d0c-6a1f1d2b7c11 is named twice",
        ),
    ]);
}

/// Has process 4711 of a host open a device node.
fn open(listed: &listing::Host, node: &str) {
    let fds = listed.path("/proc/4711/fd");
    fs::create_dir_all(&fds).unwrap();
    symlink("/dev/null", fds.join("0")).unwrap();
    symlink(node, fds.join("9")).unwrap();
}

#[test]
fn what_a_process_has_open_is_never_taken() {
    let gone = "[[gpu]]\naddress = \"0000:00:02.0\"\nmdev = []";
    for (host, layout, node, said) in [
        (
            "intel-xe",
            CASES[0].1,
            "/dev/vfio/18",
            "0000:03:00.0: VF 1 is in use: process 4711 has /dev/vfio/18 open",
        ),
        ("intel-xe", CASES[0].1, "/dev/vfio/devices/vfio0", "0000:03:00.0: VF 1 is in use"),
        ("nvidia-vendor-vfio", CASES[1].1, "/dev/vfio/62", "0000:41:00.0: VF 1 is in use"),
        (
            "intel-gvt",
            gone,
            "/dev/vfio/7",
            "0000:00:02.0: mdev b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11 is in use",
        ),
    ] {
        let listed = listing::Host::unpack(host);
        open(&listed, node);
        if host == "intel-gvt" {
            let device = "/sys/bus/pci/devices/0000:00:02.0/b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11/iommu_group";
            symlink("../../../../../kernel/iommu_groups/7", listed.path(device)).unwrap();
        }

        let error = refusal(&listed, layout);

        assert!(matches!(error, PartitionError::InUse { .. }), "{error}");
        assert!(error.to_string().starts_with(said), "{error}");
    }
}

#[test]
fn a_function_that_the_host_draws_with_is_in_use_as_well() {
    let listed = listing::Host::unpack("intel-xe");
    fs::create_dir_all(listed.path("/sys/bus/pci/devices/0000:03:00.1/drm/renderD129")).unwrap();
    open(&listed, "/dev/dri/renderD129");

    let error = refusal(&listed, CASES[0].1).to_string();

    assert!(
        error.starts_with("0000:03:00.0: VF 0 is in use: process 4711 has /dev/dri/renderD129 open"),
        "{error}"
    );
}

#[test]
fn times_of_a_function_in_use_are_changed_while_it_runs() {
    let listed = listing::Host::unpack("intel-xe");
    open(&listed, "/dev/vfio/18");
    let live = "[[gpu]]\naddress = \"0000:03:00.0\"\n[[gpu.vf]]\nnumber = 1\nexec_quantum_ms = 5";
    let (root, state) = (listed.sysfs(), tempfile::tempdir().unwrap());

    let layout = Layout::parse(live).unwrap();
    let applied =
        Host::new(&root).apply(&mut Played::new(root.clone()), state.path(), &layout, |_| ()).unwrap();

    assert_eq!(applied.changes.len(), 1);
}

#[test]
fn what_cannot_be_told_of_users_is_not_taken() {
    let listed = listing::Host::unpack("intel-xe");
    fs::create_dir_all(listed.path("/proc/4711")).unwrap();
    // Listing a file fails with ENOTDIR, for root as well.
    fs::write(listed.path("/proc/4711/fd"), "").unwrap();

    let error = refusal(&listed, CASES[0].1);

    assert!(matches!(error, PartitionError::Users { .. }), "{error}");
}

#[test]
fn one_at_a_time_changes_gpus() {
    let (listed, state) = (listing::Host::unpack("intel-xe"), tempfile::tempdir().unwrap());
    let root = listed.sysfs();
    let layout = Layout::parse(CASES[0].1).unwrap();
    let host = Host::new(&root);
    let mut second = None;

    host.apply(&mut Played::new(root.clone()), state.path(), &layout, |_| {
        second = Some(host.apply(&mut Played::new(root.clone()), state.path(), &layout, |_| ()));
    })
    .unwrap();

    assert!(matches!(second, Some(Err(PartitionError::Busy))), "{second:?}");
}

#[test]
fn what_is_written_down_of_another_tree_is_left_alone() {
    let (name, wanted) = CASES[0];
    let (one, other, state) =
        (listing::Host::unpack(name), listing::Host::unpack(name), tempfile::tempdir().unwrap());
    let (one, other) = (one.sysfs(), other.sysfs());
    let layout = Layout::parse(wanted).unwrap();
    Host::new(&one).apply(&mut Played::new(one.clone()), state.path(), &layout, |_| ()).unwrap();

    let error =
        Host::new(&other).rollback(&mut Played::new(other.clone()), state.path(), |_| ()).unwrap_err();

    assert!(matches!(error, PartitionError::OtherTree { .. }), "{error}");
}
