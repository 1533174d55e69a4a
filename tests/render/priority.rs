//! Priority on the GPU that guests ask for, on a driver of ours that does nothing but say what it is asked.

use std::path::Path;
use std::process::Command as Program;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vgpu::render::vulkan::{Gpu, GpuOptions, Privilege};
use vgpu::sched::Priority;
use vgpu::sys::SharedMemory;
use vgpu::venus::CommandType as C;

use crate::guest::Command;
use crate::scene::{PHYSICAL_DEVICE, visitor_on};

/// What says to this program that it is the one with that driver.
const CHILD: &str = "VGPU_TEST_PRIORITY";

const LOW: u32 = 128;
const ORDINARY: u32 = 256;
const REALTIME: u32 = 1024;

/// A device whose only queue is to have this priority.
fn create_device(id: u64, priority: u32) -> Command {
    const QUEUE: u32 = 2;
    const GLOBAL_PRIORITY: u32 = 1_000_174_000;
    let queue = Command::asking(C::CreateDevice).long(PHYSICAL_DEVICE).info(3).int(0).int(1).long(1);
    let queue = queue.int(QUEUE).info(GLOBAL_PRIORITY).int(priority);
    let queue = queue.ints([0, 0, 1]).long(1).int(1.0_f32.to_bits());
    queue.int(0).null().int(0).null().null().makes(id)
}

/// What the driver is asked for, of what guests ask us for: before their vGPU is entitled to more, and after.
fn ask() {
    let memory = Arc::new(SharedMemory::create(4096).unwrap().0);
    let word = |place: u64| memory.long_word(place * 8).unwrap();
    let (precedes, priority) = (word(0), word(1));
    let options =
        GpuOptions { which: Some("no-op".into()), privilege: Some(Privilege::new(word(0), word(1))) };
    let mut guest = visitor_on(Gpu::open(options).unwrap());
    eprintln!("not entitled");
    for (id, asked) in [(10, REALTIME), (11, REALTIME / 2), (12, ORDINARY), (13, LOW)] {
        guest.do_well(create_device(id, asked));
    }
    assert_ne!(Priority::of_word(priority.load(Ordering::Relaxed)), Priority::Realtime);
    precedes.store(1, Ordering::Relaxed);
    eprintln!("entitled");
    guest.do_well(create_device(14, LOW));
    guest.do_well(create_device(15, REALTIME));
    eprintln!("says {:?}", Priority::of_word(priority.load(Ordering::Relaxed)));
}

#[test]
fn a_guest_has_no_more_priority_than_its_class_whatever_it_asks_for() {
    if std::env::var_os(CHILD).is_some() {
        return ask();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let build = ["build", "--quiet", "--locked", "--package", "vgpu-test-noop"];
    assert!(Program::new(env!("CARGO")).args(build).current_dir(root).status().unwrap().success());
    let folder = tempfile::tempdir().unwrap();
    let driver = folder.path().join("noop.json");
    let library = Path::new(env!("CARGO_BIN_EXE_vgpu")).with_file_name("libvgpu_test_noop.so");
    let icd = serde_json::json!({ "library_path": library, "api_version": "1.2.0" });
    let whole = serde_json::json!({ "file_format_version": "1.0.0", "ICD": icd });
    std::fs::write(&driver, whole.to_string()).unwrap();
    let this = std::thread::current().name().unwrap().to_owned();
    let mut child = Program::new(std::env::current_exe().unwrap());
    child.args(["--exact", &this, "--nocapture"]).env(CHILD, "1");
    let output = child.env("VK_DRIVER_FILES", &driver).env("VK_ICD_FILENAMES", driver).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let devices = |from: &str, to: &str| -> Vec<u32> {
        let part = said.split_once(from).unwrap().1.split_once(to).unwrap().0;
        let lines = part.lines().filter_map(|line| line.strip_prefix("no-op: a device of priority "));
        lines.map(|number| number.parse().unwrap()).collect()
    };
    assert_eq!(devices("not entitled\n", "\nentitled"), [ORDINARY, ORDINARY, ORDINARY, LOW], "{said}");
    // Whoever runs the tests may not be capable.
    let given = if said.contains("says Realtime") { REALTIME } else { ORDINARY };
    assert_eq!(devices("\nentitled\n", "says"), [given, given], "{said}");
}
