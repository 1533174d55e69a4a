//! A virtual machine.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::guest::Guest;
use crate::paths::artefact;
use crate::picture::{Expected, Picture};
use crate::qmp::Qmp;
use crate::service::Service;

/// A version of QEMU that Debian has, and how it gets its vGPU: by vhost-user, unless its name says otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V7_2,
    V10_0,
    V11_1,
    V11_1VfioUser,
}

impl Version {
    /// Its command, an artefact.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::V7_2 => "qemu-7.2/qemu-system-x86_64",
            Self::V10_0 => "qemu-10.0/qemu-system-x86_64",
            Self::V11_1 | Self::V11_1VfioUser => "qemu-11.1/qemu-system-x86_64",
        }
    }

    /// What a profile says of that.
    pub(crate) fn transport(self) -> &'static str {
        if self == Self::V11_1VfioUser { "vfio-user" } else { "vhost-user" }
    }

    /// Before 8.0 vhost-user-gpu starts with KVM only.
    pub(crate) fn needs_kvm(self) -> bool {
        self == Self::V7_2
    }
}

/// Whether KVM is there and is more than an emulation: some machines offer KVM without the processor's help, and no
/// ordinary kernel boots with that.
pub(crate) fn kvm_works() -> bool {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = cpu.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok()
        && flags.split(' ').any(|flag| flag == "vmx" || flag == "svm")
}

/// Rounds of a wait for something that happens soon, or not at all: each but the first comes after a rest.
pub(crate) fn attempts() -> impl Iterator<Item = u32> {
    (0..1200).inspect(|&round| {
        if round > 0 {
            thread::sleep(Duration::from_millis(100));
        }
    })
}

/// The end of a text file.
pub(crate) fn tail(file: &Path) -> String {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// A running QEMU whose guest is ready; it is killed with this value.
pub(crate) struct Vm {
    process: Child,
    directory: tempfile::TempDir,
    errors: Errors,
    /// QEMU shows what the guest draws.
    shows: bool,
    pub(crate) monitor: Qmp,
    pub(crate) guest: Guest,
}

impl Vm {
    /// Boots a VM with a GPU of the service, given as QEMU's `-device` without its chardev; a PCI function needs none.
    pub(crate) fn boot(version: Version, service: &Service, device: &str) -> Self {
        Self::start(version, "256M", &gpu_of(version, service, device))
    }

    /// Boots one that can run programs of this machine beside, with memory for them.
    pub(crate) fn boot_with_programs(version: Version, service: &Service, device: &str) -> Self {
        Self::start_with_programs(version, &gpu_of(version, service, device))
    }

    /// Boots one with what `vgpu args` prints, and with programs of this machine.
    pub(crate) fn boot_as_told(version: Version, arguments: &[String]) -> Self {
        Self::start_with_programs(version, arguments)
    }

    /// Boots one with a GPU that is QEMU's own, given as its `-device`.
    pub(crate) fn boot_without_vgpu(version: Version, device: &str) -> Self {
        Self::start_with_programs(version, &["-device".into(), device.into()])
    }

    fn start_with_programs(version: Version, gpu: &[String]) -> Self {
        let files = "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap";
        let mut arguments = ["-smp", "2", "-virtfs", files].map(String::from).to_vec();
        arguments.extend_from_slice(gpu);
        Self::start(version, "1G", &arguments)
    }

    fn start(version: Version, memory: &str, arguments: &[String]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let accelerator: &[&str] =
            if kvm_works() { &["-accel", "kvm", "-cpu", "host"] } else { &["-accel", "tcg,thread=multi"] };
        let mut process = Command::new(artefact(version.command()))
            .args(accelerator)
            .args(["-M", "q35,memory-backend=memory", "-m", memory, "-nodefaults", "-display", "none"])
            .args(["-object", &format!("memory-backend-memfd,id=memory,size={memory},share=on")])
            .args(["-serial", &format!("file:{}", path("console").display())])
            .args(["-chardev", &format!("socket,id=port,path={},server=on,wait=off", path("port").display())])
            .args(["-serial", "chardev:port"])
            .args(["-qmp", &format!("unix:{},server=on,wait=off", path("monitor").display())])
            .arg("-kernel")
            .arg(artefact("kernel/vmlinux"))
            .arg("-initrd")
            .arg(artefact("initramfs"))
            .args(["-append", "console=ttyS0 panic=-1 mitigations=off"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = Errors::read(process.stderr.take().unwrap());
        let monitor = Qmp::open(connect(&path("monitor"), &mut process, &errors));
        let guest = Guest::open(connect(&path("port"), &mut process, &errors));
        let shows = version != Version::V11_1VfioUser;
        let mut vm = Self { process, directory, errors, shows, monitor, guest };
        vm.guest.wait_until_ready();
        vm
    }

    /// A file of this VM's own.
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What QEMU shows on a head.
    fn screendump(&mut self, head: u32) -> Result<Picture, String> {
        let file = self.path("screendump.png");
        let arguments = json!({ "filename": file, "format": "png", "device": "gpu", "head": head });
        self.monitor.execute("screendump", &arguments)?;
        Picture::read(&file)
    }

    /// Waits until QEMU shows this picture, if it shows any: what the guest drew is seen a little later.
    pub(crate) fn expect_screendump(&mut self, head: u32, expected: &Expected) {
        if !self.shows {
            return;
        }
        eventually("QEMU's screendump", || self.screendump(head)?.compare(expected));
    }

    /// Waits until QEMU and the operator see this picture.
    pub(crate) fn expect_everywhere(&mut self, service: &Service, head: u32, expected: &Expected) {
        self.expect_screendump(head, expected);
        service.expect_screenshot(head, expected);
    }

    /// Runs a monitor command without arguments that must succeed.
    pub(crate) fn command(&mut self, command: &str) {
        self.monitor.execute(command, &json!({})).unwrap();
    }

    /// Kills QEMU in the middle of whatever it does.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// What QEMU said about errors.
    pub(crate) fn complaints(&self) -> String {
        self.errors.text()
    }

    /// Whether QEMU still runs.
    pub(crate) fn lives(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

impl Service {
    /// Waits until `vgpu screenshot` gives this picture.
    pub(crate) fn expect_screenshot(&self, head: u32, expected: &Expected) {
        eventually("vgpu's screenshot", || self.screenshot(head)?.compare(expected));
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("QEMU said: {}\n{}", self.errors.text(), tail(&self.path("console")));
        }
    }
}

/// The first of QEMU's error messages. The rest is read and dropped, for QEMU repeats one without end when a device's
/// process has died.
struct Errors(Arc<Mutex<Vec<u8>>>);

impl Errors {
    const KEPT_BYTES: usize = 16 << 10;

    fn read(mut stream: ChildStderr) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let reader = Arc::clone(&kept);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                let mut kept = reader.lock().unwrap();
                if kept.len() < Self::KEPT_BYTES {
                    kept.extend_from_slice(&buffer[..length]);
                }
            }
        });
        Self(kept)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

pub(crate) fn eventually(what: &str, mut check: impl FnMut() -> Result<(), String>) {
    let mut last = String::new();
    for _ in attempts() {
        match check() {
            Ok(()) => return,
            Err(error) => last = error,
        }
    }
    panic!("{what}: {last}");
}

fn gpu_of(version: Version, service: &Service, device: &str) -> Vec<String> {
    if version == Version::V11_1VfioUser {
        let socket = json!({ "type": "unix", "path": service.socket() });
        let function = json!({ "driver": "vfio-user-pci", "id": "gpu", "socket": socket });
        return vec!["-device".into(), function.to_string()];
    }
    let connection = format!("socket,id=vgpu,path={}", service.socket().display());
    vec!["-chardev".into(), connection, "-device".into(), format!("{device},chardev=vgpu,id=gpu")]
}

fn connect(socket: &Path, process: &mut Child, errors: &Errors) -> UnixStream {
    for _ in attempts() {
        if let Ok(stream) = UnixStream::connect(socket) {
            return stream;
        }
        assert!(process.try_wait().unwrap().is_none(), "QEMU ended: {}", errors.text());
    }
    panic!("QEMU does not open {}: {}", socket.display(), errors.text());
}
