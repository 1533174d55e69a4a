//! Whatever goes wrong at whichever write, a rollback puts back what was.

use std::path::Path;

use vgpu::partition::{Host, Layout, PartitionError};

use crate::kernel::{Fault, Played};
use crate::listing;

/// Hosts, each with a layout that changes much of it.
pub(crate) const CASES: [(&str, &str); 4] = [
    (
        "intel-xe",
        "[[gpu]]\naddress = \"0000:03:00.0\"\nvfs = 3\ndrivers_autoprobe = true\n\
         [[gpu.vf]]\nnumber = 0\nexec_quantum_ms = 20\npreempt_timeout_us = 20000\nvram_quota_bytes = 2147483648\n\
         [[gpu.vf]]\nnumber = 1\nsched_priority = \"high\"\nvram_quota_bytes = 1073741824\n",
    ),
    (
        "nvidia-vendor-vfio",
        "[[gpu]]\naddress = \"0000:41:00.0\"\n[[gpu.vf]]\nnumber = 0\nvgpu_type = 1414\n\
         [[gpu.vf]]\nnumber = 1\nvgpu_type = 1428\n",
    ),
    (
        "intel-gvt",
        "[[gpu]]\naddress = \"0000:00:02.0\"\n\
         [[gpu.mdev]]\nuuid = \"11111111-5a0e-4f3e-9d0c-6a1f1d2b7c11\"\ntype = \"i915-GVTg_V5_4\"\n\
         [[gpu.mdev]]\nuuid = \"22222222-5a0e-4f3e-9d0c-6a1f1d2b7c11\"\ntype = \"i915-GVTg_V5_8\"\n",
    ),
    (
        "nvidia-mdev",
        "[[gpu]]\naddress = \"0000:17:00.0\"\n\
         [[gpu.mdev]]\nuuid = \"11111111-5a0e-4f3e-9d0c-6a1f1d2b7c11\"\ntype = \"nvidia-1057\"\nvf = 0\n\
         [[gpu.mdev]]\nuuid = \"22222222-5a0e-4f3e-9d0c-6a1f1d2b7c11\"\ntype = \"nvidia-1053\"\nvf = 1\n",
    ),
];

const FAULTS: [Fault; 5] = [
    Fault::Refused(libc::EBUSY),
    Fault::Refused(libc::ENOSPC),
    Fault::Refused(libc::ENOENT), // the file vanished
    Fault::CutOff,
    Fault::Ignored,
];

fn layout(text: &str) -> Layout {
    Layout::parse(text).unwrap()
}

fn rollback(root: &Path, state: &Path, kernel: &mut Played) -> Result<(), PartitionError> {
    Host::new(root).rollback(kernel, state, |_| ()).map(|_| ())
}

#[test]
fn a_layout_that_is_applied_is_what_is_and_a_rollback_puts_back_what_was() {
    for (name, wanted) in CASES {
        let (listed, state) = (listing::Host::unpack(name), tempfile::tempdir().unwrap());
        let root = listed.sysfs();
        let host = Host::new(&root);
        let before = host.export().unwrap();
        let mut told = Vec::new();

        let applied = host
            .apply(&mut Played::new(root.clone()), state.path(), &layout(wanted), |changes| {
                told = changes.to_vec()
            })
            .unwrap();

        assert!(applied.changes.len() >= 3, "{name}: {:?}", applied.changes);
        assert_eq!(told, applied.changes, "{name}");
        assert_eq!(host.plan(&layout(wanted)).unwrap(), [], "{name}: all is as the layout says");
        assert_ne!(host.export().unwrap(), before, "{name}");
        assert_eq!(
            host.plan(&host.export().unwrap()).unwrap(),
            [],
            "{name}: what is exported changes nothing"
        );

        rollback(&root, state.path(), &mut Played::new(root.clone())).unwrap();
        assert_eq!(host.export().unwrap(), before, "{name}");
        let again = rollback(&root, state.path(), &mut Played::new(root.clone()));
        assert!(matches!(again, Err(PartitionError::NoJournal(_))), "{name}: {again:?}");
    }
}

#[test]
fn whatever_goes_wrong_at_whichever_write_a_rollback_puts_back_what_was() {
    let mut tried = 0;
    for (name, wanted) in CASES {
        let count = Host::new(&listing::Host::unpack(name).sysfs()).plan(&layout(wanted)).unwrap().len();
        for (at, fault) in (0..count).flat_map(|at| FAULTS.map(|fault| (at, fault))) {
            let (listed, state) = (listing::Host::unpack(name), tempfile::tempdir().unwrap());
            let root = listed.sysfs();
            let host = Host::new(&root);
            let before = host.export().unwrap();
            let mut kernel = Played::failing(root.clone(), at, fault);

            match host.apply(&mut kernel, state.path(), &layout(wanted), |_| ()) {
                Err(PartitionError::Write { done, all, .. }) => assert_eq!((done, all), (at, count)),
                // Drivers may round times and memory, so what they do with them is not held against them.
                Ok(_) if fault == Fault::Ignored => {}
                other => panic!("{name}, {fault:?} at {at}: {other:?}"),
            }
            rollback(&root, state.path(), &mut Played::new(root.clone())).unwrap();

            assert_eq!(host.export().unwrap(), before, "{name}, {fault:?} at {at}");
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
}

/// Cuts an apply off at one write and its rollback at another, and goes on with the rollback. Whether both came so far.
fn cut_off_twice(name: &str, wanted: &str, at: usize, cut: usize) -> bool {
    let (listed, state) = (listing::Host::unpack(name), tempfile::tempdir().unwrap());
    let root = listed.sysfs();
    let host = Host::new(&root);
    let before = host.export().unwrap();
    let mut kernel = Played::failing(root.clone(), at, Fault::CutOff);
    if host.apply(&mut kernel, state.path(), &layout(wanted), |_| ()).is_ok() {
        return false;
    }
    let was_cut =
        rollback(&root, state.path(), &mut Played::failing(root.clone(), cut, Fault::CutOff)).is_err();
    if was_cut {
        rollback(&root, state.path(), &mut Played::new(root.clone())).unwrap();
    }
    assert_eq!(host.export().unwrap(), before, "{name}, cut off at {at}, then at {cut}");
    was_cut
}

#[test]
fn a_rollback_that_is_cut_off_is_gone_on_with_by_the_next() {
    for (name, wanted) in CASES {
        let cuts = |at| (0..).take_while(|cut| cut_off_twice(name, wanted, at, *cut)).count();
        let cuts: usize = (0..).map(cuts).take_while(|cuts| *cuts > 0).sum();
        assert!(cuts >= 3, "{name}: {cuts}");
    }
}

#[test]
fn after_one_that_was_cut_off_nothing_is_applied_until_it_is_put_right() {
    let (name, wanted) = CASES[0];
    let (listed, state) = (listing::Host::unpack(name), tempfile::tempdir().unwrap());
    let root = listed.sysfs();
    let host = Host::new(&root);
    let mut kernel = Played::failing(root.clone(), 1, Fault::Refused(libc::EBUSY));
    host.apply(&mut kernel, state.path(), &layout(wanted), |_| ()).unwrap_err();

    let mut healthy = Played::new(root.clone());
    let refused = host.apply(&mut healthy, state.path(), &layout(wanted), |_| ()).unwrap_err();
    assert!(matches!(refused, PartitionError::CutOff), "{refused}");
    assert_eq!(healthy.writes, 0);

    rollback(&root, state.path(), &mut healthy).unwrap();
    host.apply(&mut healthy, state.path(), &layout(wanted), |_| ()).unwrap();
}
