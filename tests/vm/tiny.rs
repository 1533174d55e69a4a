//! A guest that is nothing but a driver, in VMMs that start it without firmware: `scripts/tiny-guest` builds it and
//! runs these.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::paths::artefact;
use crate::picture::Expected;
use crate::qemu::{Version, eventually};
use crate::service::Service;

const SIZE: (u32, u32) = (640, 480);
const PROFILE: &str = "head = [{ size = '640x480' }]";

fn named(variable: &str) -> PathBuf {
    env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run scripts/tiny-guest")).into()
}

/// The operator sees what the guest draws in this VMM, which is given the vGPU's socket.
fn draws(version: Version, vmm: impl FnOnce(&Path) -> Command) {
    let service = Service::start(version, Some(PROFILE));
    let mut vmm = vmm(&service.socket()).stdin(Stdio::null()).spawn().unwrap();
    let picture = Expected::new(SIZE, 1);
    eventually("the picture", || service.screenshot(0).and_then(|seen| seen.compare(&picture)));
    vmm.kill().unwrap();
    vmm.wait().unwrap();
}

fn qemu(device: [String; 2]) -> Command {
    let mut command = Command::new(artefact(Version::V11_1.command()));
    command
        .args(["-machine", "q35,memory-backend=memory", "-m", "256M", "-nodefaults", "-display", "none"])
        .args(["-object", "memory-backend-memfd,id=memory,size=256M,share=on", "-serial", "stdio", "-kernel"])
        .arg(named("VGPU_TINY_GUEST"))
        .args(device);
    command
}

fn cloud_hypervisor(device: [String; 2]) -> Command {
    let mut command = Command::new(named("VGPU_CLOUD_HYPERVISOR"));
    command
        .args([
            "--cpus",
            "boot=1",
            "--memory",
            "size=256M,shared=on",
            "--serial",
            "tty",
            "--console",
            "off",
            "--kernel",
        ])
        .arg(named("VGPU_TINY_GUEST"))
        .args(device);
    command
}

#[test]
#[ignore = "its guest is built by scripts/tiny-guest"]
fn qemu_by_vhost_user() {
    draws(Version::V11_1, |socket| {
        let device =
            "vhost-user-test-device-pci,chardev=gpu,virtio-id=16,num_vqs=2,vq_size=256,config_size=16";
        let mut command = qemu(["-device".into(), device.into()]);
        command.args(["-chardev", &format!("socket,id=gpu,path={}", socket.display())]);
        command
    });
}

#[test]
#[ignore = "its guest is built by scripts/tiny-guest"]
fn qemu_by_vfio_user() {
    draws(Version::V11_1VfioUser, |socket| {
        let socket = serde_json::json!({ "type": "unix", "path": socket });
        let function = serde_json::json!({ "driver": "vfio-user-pci", "socket": socket });
        qemu(["-device".into(), function.to_string()])
    });
}

#[test]
#[ignore = "scripts/tiny-guest runs it where there is a cloud-hypervisor"]
fn cloud_hypervisor_by_vhost_user() {
    draws(Version::V11_1, |socket| {
        let device = format!("device_type=gpu,socket={},queue_sizes=[256,16]", socket.display());
        cloud_hypervisor(["--generic-vhost-user".into(), device])
    });
}

#[test]
#[ignore = "scripts/tiny-guest runs it where there is a cloud-hypervisor"]
fn cloud_hypervisor_by_vfio_user() {
    draws(Version::V11_1VfioUser, |socket| {
        cloud_hypervisor(["--user-device".into(), format!("socket={}", socket.display())])
    });
}
