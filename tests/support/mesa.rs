//! The Mesa that guests have, the one that vgpu renders with here, and a program to compare them by. Run scripts/setup
//! first.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The tree of the Mesa that guests have; scripts/setup unpacks it.
pub(crate) fn mesa() -> PathBuf {
    tree("25.0")
}

/// As [`mesa`], of guests that are ahead of Debian's release.
pub(crate) fn newer_mesa() -> PathBuf {
    tree("26.1")
}

fn tree(version: &str) -> PathBuf {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/vm/mesa-{version}"));
    assert!(tree.exists(), "{} is missing: run scripts/setup", tree.display());
    tree
}

/// The driver that vgpu renders with.
pub(crate) const LAVAPIPE: &str = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

/// What the packages of the tests are built to, when it is asked for first.
pub(crate) fn built(file: &str) -> PathBuf {
    static BUILT: std::sync::Once = std::sync::Once::new();
    BUILT.call_once(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--package", "vgpu-test-vulkan"])
            .args(["--package", "vgpu-test-noop"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.unwrap().success());
    });
    let target = Path::new(env!("CARGO_BIN_EXE_vgpu")).parent().unwrap();
    target.join(file)
}

/// The program of the checks.
pub(crate) fn program() -> PathBuf {
    built("vgpu-test-vulkan")
}

/// The checks on lavapipe itself: what a vGPU is compared with.
pub(crate) fn native(arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .env("VK_DRIVER_FILES", LAVAPIPE)
        .env("VK_ICD_FILENAMES", LAVAPIPE)
        .output()
        .unwrap()
}

/// The lines of checks, without the one that names the device and without Mesa's own.
pub(crate) fn verdicts(said: &str) -> Vec<String> {
    let is_verdict = |line: &&str| line.contains(": ") && !line.starts_with("MESA");
    said.lines().filter(is_verdict).map(str::to_owned).collect()
}
