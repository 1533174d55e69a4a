//! Where a test runs: here, or, if its QEMU wants KVM and this machine has none, in a machine with KVM that is
//! emulated.

use std::env;
use std::fs;
use std::process::Command;

use crate::paths::artefact;
use crate::qemu::{Version, kvm_works};

/// Runs a scenario with a version of QEMU. `name` is the test's own.
pub(crate) fn run(version: Version, name: &str, scenario: fn(Version)) {
    if version.needs_kvm() && !kvm_works() { run_with_emulated_kvm(name) } else { scenario(version) }
}

/// Boots a machine with AMD's virtualization, all of it emulated, that sees this machine's files, and runs this very
/// test there.
fn run_with_emulated_kvm(name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("output");
    let test = format!("exec {} --exact {name} --nocapture", env::current_exe().unwrap().display());
    let status = Command::new("timeout")
        .arg("900")
        .arg(artefact(Version::V11_1.command()))
        .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-M", "q35", "-m", "2G"])
        .args(["-nodefaults", "-no-reboot", "-display", "none"])
        .args(["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"])
        .args(["-serial", &format!("file:{}", directory.path().join("console").display())])
        .args(["-serial", &format!("file:{}", output.display())])
        .arg("-kernel")
        .arg(artefact("kernel/vmlinux"))
        .arg("-initrd")
        .arg(artefact("initramfs"))
        .args(["-append", &format!("console=ttyS0 panic=-1 mitigations=off run=\"{test}\"")])
        .status()
        .unwrap();
    let output = fs::read_to_string(output).unwrap_or_default();
    assert!(
        status.success()
            && output.contains("test result: ok. 1 passed")
            && output.trim_end().ends_with("exit 0"),
        "in a machine with emulated KVM ({status}): {output}\nits console ended with: {}",
        crate::qemu::tail(&directory.path().join("console"))
    );
}
