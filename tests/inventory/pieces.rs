//! What containers can be given of a host's GPUs.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::listing::Host;
use crate::verbs::said;

/// What `vgpu cdi generate gpu` prints for these, and what it says beside.
fn generated(host: &Host, devices: &[&str]) -> (Value, String) {
    let (code, stdout, stderr) = said(host, &[&["cdi", "generate", "gpu", "--file", "-"], devices].concat());
    assert_eq!(code, Some(0), "{stderr}");
    (serde_json::from_str(&stdout).unwrap(), stderr)
}

/// Each device with its nodes.
fn devices(spec: &Value) -> Vec<(&str, Vec<&str>)> {
    fn device(device: &Value) -> (&str, Vec<&str>) {
        let edits = device["containerEdits"].as_object().unwrap();
        assert_eq!(edits.keys().collect::<Vec<_>>(), ["deviceNodes"]);
        let nodes = edits["deviceNodes"].as_array().unwrap();
        (device["name"].as_str().unwrap(), nodes.iter().map(|node| node["path"].as_str().unwrap()).collect())
    }
    spec["devices"].as_array().unwrap().iter().map(device).collect()
}

#[test]
fn every_piece_has_the_nodes_that_its_driver_made() {
    let (spec, stderr) = generated(&Host::unpack("containers"), &[]);

    let nvidia = |first: &'static str| vec!["/dev/nvidiactl", "/dev/nvidia-uvm", first];
    let instance =
        |own: [&'static str; 2]| [&["/dev/nvidia1", "/dev/nvidiactl", "/dev/nvidia-uvm"][..], &own].concat();
    let expected = [
        ("0000-00-02.0", vec!["/dev/dri/card0", "/dev/dri/renderD128"]),
        ("0000-03-00.0", vec!["/dev/kfd", "/dev/dri/card1", "/dev/dri/renderD129"]),
        ("0000-04-00.1", vec!["/dev/vfio/vfio", "/dev/iommu", "/dev/vfio/18", "/dev/vfio/devices/vfio0"]),
        ("0000-04-00.2", vec!["/dev/vfio/vfio", "/dev/vfio/19"]),
        ("0000-41-00.0", nvidia("/dev/nvidia0")),
        (
            "0000-81-00.0-gi1-ci0",
            instance(["/dev/nvidia-caps/nvidia-cap12", "/dev/nvidia-caps/nvidia-cap13"]),
        ),
        (
            "0000-81-00.0-gi2-ci0",
            instance(["/dev/nvidia-caps/nvidia-cap21", "/dev/nvidia-caps/nvidia-cap22"]),
        ),
        ("b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11", vec!["/dev/vfio/vfio", "/dev/vfio/20"]),
    ];
    assert_eq!(devices(&spec), expected);
    assert_eq!((&spec["cdiVersion"], &spec["kind"]), (&"0.5.0".into(), &"vgpu.internal/gpu".into()));
    assert_eq!(
        stderr,
        "vgpu: left out: 0000:04:00.3 has no driver, so nobody can open it\n\
         vgpu: left out: 0000-04-00.4 lacks device nodes\n\
         vgpu: left out: 0000-81-00.0-gi2-ci1 lacks device nodes\n\
         vgpu: left out: 0000-81-00.0-gi2-ci2 lacks device nodes\n"
    );
}

#[test]
fn a_copy_without_dev_is_believed() {
    let host = Host::unpack("containers");
    fs::remove_dir_all(host.path("/dev")).unwrap();

    let (spec, _) = generated(&host, &["41:00.0"]);

    let shared = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"];
    assert_eq!(devices(&spec), [("0000-41-00.0", [&shared[..], &["/dev/nvidia0"]].concat())]);
}

#[test]
fn pieces_are_asked_for_by_name_or_by_the_gpus_address_and_come_once() {
    let host = Host::unpack("containers");
    let names = |asked: &[&str]| {
        let (spec, _) = generated(&host, asked);
        devices(&spec).into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(names(&["04:00.2", "0000-04-00.2", "0000-04-00.1"]), ["0000-04-00.1", "0000-04-00.2"]);
    assert_eq!(names(&["0000-81-00.0-gi2-ci0"]), ["0000-81-00.0-gi2-ci0"]);
    let whole = names(&["00:02.0"]);
    assert_eq!(whole, ["0000-00-02.0", "b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11"]);
}

#[test]
fn what_cannot_be_given_is_refused_with_the_remedy() {
    let host = Host::unpack("containers");
    let file = host.path("/gpus.json");
    let file = file.to_str().unwrap();
    for (asked, code, message, hint) in [
        (
            "04:00.3",
            1,
            "0000:04:00.3 has no driver, so nobody can open it",
            "load its driver, or `vgpu gpu bind 0000:04:00.3` to hand it to a VMM in a container",
        ),
        ("0000-04-00.4", 1, "0000-04-00.4 lacks device nodes", "load what makes them: "),
        ("81:00.0", 1, "0000-81-00.0-gi2-ci1 lacks device nodes", "load what makes them: "),
        ("04:00.5", 1, "there is no GPU at 0000:04:00.5", "there are 0000:04:00.1, "),
        ("0000-81-00.0", 1, "no GPU and no piece of one is called 0000-81-00.0", "there are: 0000-00-02.0, "),
    ] {
        let (status, stdout, stderr) = said(&host, &["cdi", "generate", "gpu", "--file", file, asked]);
        assert_eq!((status, stdout.as_str()), (Some(code), ""), "{stderr}");
        assert!(stderr.starts_with(&format!("error: {message}\nhint: {hint}")), "{stderr}");
        assert!(!Path::new(file).exists(), "{asked}");
    }
}

#[test]
fn what_is_of_another_host_is_not_written_where_this_hosts_runtimes_look() {
    let (code, _, stderr) = said(&Host::unpack("containers"), &["cdi", "generate", "gpu"]);

    assert_eq!(code, Some(2));
    assert_eq!(
        stderr,
        "error: --sysfs-root is not this host, whose runtimes would read it\n\
         hint: say with --file where to write it, or `-` for standard output\n"
    );
}

#[test]
fn a_host_without_gpus_has_nothing_to_write_and_an_older_file_is_named() {
    let host = Host::unpack("containers");
    fs::remove_dir_all(host.path("/sys/bus/pci/devices")).unwrap();
    fs::create_dir(host.path("/sys/bus/pci/devices")).unwrap();
    let file = host.path("/gpus.yaml");
    fs::write(&file, "older").unwrap();
    let file = file.to_str().unwrap();

    let (code, _, stderr) = said(&host, &["cdi", "generate", "gpu", "--file", file]);

    assert_eq!(code, Some(1));
    assert!(
        stderr.starts_with("error: no GPU of the host can be opened\nhint: `vgpu gpu list` lists"),
        "{stderr}"
    );
    assert!(stderr.contains(&format!("hint: {file} is from before: remove it")), "{stderr}");
    assert_eq!(fs::read_to_string(file).unwrap(), "older");
}
