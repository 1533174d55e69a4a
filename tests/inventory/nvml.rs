//! What NVIDIA's management library adds, by a library that stands in for it.

use vgpu::inventory::{Gpu, Inventory, Method, Names, Slices};

use crate::listing::Host;
use crate::nvml_library::library;

fn asked(host: &str, library: &str) -> Gpu {
    let mut inventory = Inventory::read(&Host::unpack(host).sysfs(), &Names::default()).unwrap();
    inventory.ask_nvml(library);
    inventory.devices[0].clone()
}

#[test]
fn a_gpu_says_its_model_memory_health_and_what_it_could_be_cut_into() {
    let folder = tempfile::tempdir().unwrap();

    let gpu = asked("h200", library(folder.path(), &[]).to_str().unwrap());

    assert_eq!(gpu.title(), "NVIDIA H200");
    let facts = gpu.nvml.as_ref().unwrap();
    assert_eq!(facts.uuid.as_deref(), Some("GPU-12345678-9abc-def0-1234-56789abcdef0"));
    assert_eq!(
        (facts.driver_version.as_deref(), facts.memory_bytes),
        (Some("580.159.04"), Some(143_771 << 20))
    );
    assert_eq!((facts.health.ecc_corrected, facts.health.ecc_uncorrected), (Some(3), Some(0)));
    assert_eq!(facts.health.rows_replaced, None, "this library has no such function");
    let mig = facts.mig.as_ref().unwrap();
    let profiles: Vec<_> = mig
        .profiles
        .iter()
        .map(|profile| (profile.id, profile.name.as_str(), profile.instances_max))
        .collect();
    assert_eq!(
        profiles,
        [
            (0, "7g.141gb", 1),
            (5, "4g.71gb", 1),
            (9, "3g.71gb", 2),
            (14, "2g.35gb", 3),
            (15, "1g.35gb", 4),
            (19, "1g.18gb", 7),
            (20, "1g.18gb+me", 1),
        ]
    );
    let way = gpu.ways.last().unwrap();
    assert_eq!((way.method, way.possible), (Method::Mig, true));
    assert!(way.pieces.contains("7 x 1g.18gb"), "{}", way.pieces);
    assert!(way.reasons[0].remedy.contains("nvidia-smi -i 0000:00:06.0 -mig 1"), "{:?}", way.reasons);
}

#[test]
fn a_library_that_is_not_there_is_a_line_and_no_failure() {
    let gpu = asked("h200", "libnvidia-ml-of-nobody.so.1");

    let way = gpu.ways.last().unwrap();
    assert_eq!((way.method, way.possible, &gpu.nvml), (Method::Mig, false, &None));
    assert!(way.reasons[0].found.contains("libnvidia-ml-of-nobody.so.1"), "{:?}", way.reasons);
}

#[test]
fn a_gpu_that_the_library_does_not_know_is_told_in_its_words() {
    let folder = tempfile::tempdir().unwrap();

    let gpu = asked("nvidia-mdev", library(folder.path(), &[]).to_str().unwrap());

    let found = &gpu.ways.last().unwrap().reasons[0].found;
    assert_eq!(found, "nvmlDeviceGetHandleByPciBusId_v2: Not Found");
}

#[test]
fn the_library_is_not_asked_of_other_vendors_gpus() {
    let gpu = asked("intel-xe", "libnvidia-ml-of-nobody.so.1");

    assert!(gpu.ways.iter().all(|way| way.method != Method::Mig));
}

#[test]
fn a_gpu_that_is_cut_says_into_what_and_which_of_it_draws() {
    let folder = tempfile::tempdir().unwrap();

    let gpu = asked("h200", library(folder.path(), &["-DMIG"]).to_str().unwrap());

    let mig = gpu.nvml.unwrap().mig.unwrap();
    let instances: Vec<_> = mig
        .instances
        .iter()
        .map(|instance| (instance.uuid.as_str(), instance.profile.as_str(), instance.has_graphics()))
        .collect();
    assert!(mig.enabled);
    assert_eq!(
        instances,
        [
            ("MIG-11111111-9abc-def0-1234-56789abcdef0", "1g.18gb", false),
            ("MIG-22222222-9abc-def0-1234-56789abcdef0", "1g.18gb+gfx", true),
        ]
    );
}

#[test]
fn a_gpu_that_is_cut_says_where_its_instances_lie_and_where_others_may() {
    let folder = tempfile::tempdir().unwrap();

    let gpu = asked("h200", library(folder.path(), &["-DMIG"]).to_str().unwrap());

    assert_eq!(gpu.unread, []);
    let mig = gpu.nvml.unwrap().mig.unwrap();
    let found: Vec<_> = mig
        .gpu_instances
        .unwrap()
        .iter()
        .map(|instance| {
            (instance.id, instance.profile.clone(), instance.placement.start, instance.compute.len())
        })
        .collect();
    assert_eq!(found, [(1, "1g.18gb".to_owned(), 0, 1), (2, "1g.18gb+gfx".to_owned(), 2, 1)]);
    assert_eq!((mig.instances[1].gpu_instance, mig.instances[1].compute_instance), (Some(2), Some(0)));
    let profile = |name: &str| mig.profiles.iter().find(|profile| profile.name == name).unwrap();
    let half = profile("3g.71gb");
    assert_eq!(half.placements, [Slices { start: 0, size: 4 }, Slices { start: 4, size: 4 }]);
    assert_eq!((half.instances_max, half.instances_free, half.slices), (2, Some(1), 3));
}
