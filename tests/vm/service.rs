//! `vgpu run`, and what an operator does with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::mesa::LAVAPIPE;
use crate::paths::vgpu;
use crate::picture::Picture;
use crate::qemu::{Version, attempts, tail};

/// A running service with its sockets in a directory of its own; it ends with this value.
pub(crate) struct Service {
    directory: tempfile::TempDir,
    process: Child,
}

impl Service {
    /// Starts the service and waits until a VM can connect. Where QEMU does not say how large the monitor is, the
    /// profile does.
    pub(crate) fn start(version: Version, profile: Option<&str>) -> Self {
        let usual = (version == Version::V11_1VfioUser).then_some("head = [{ size = '800x600' }]");
        let directory = tempfile::tempdir().unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let mut command = Command::new(vgpu());
        command.args(["run", "--socket"]).arg(directory.path().join("gpu"));
        command.arg("--control").arg(directory.path().join("control"));
        // Where there is no GPU: the driver of software.
        command.env("VK_DRIVER_FILES", LAVAPIPE).env("VK_ICD_FILENAMES", LAVAPIPE);
        let file = directory.path().join("profile.toml");
        let profile = profile.or(usual).unwrap_or_default();
        fs::write(&file, format!("transport = \"{}\"\n{profile}", version.transport())).unwrap();
        command.arg("--profile").arg(file);
        let process =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut service = Self { directory, process };
        for _ in attempts() {
            if service.socket().exists() {
                return service;
            }
            assert!(service.process.try_wait().unwrap().is_none(), "vgpu run ended: {}", service.log());
        }
        panic!("vgpu run does not listen: {}", service.log());
    }

    /// Where a VM connects.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("gpu")
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        tail(&self.directory.path().join("log"))
    }

    /// A verb of `vgpu` with this service's control socket.
    pub(crate) fn verb(&self, verb: &str, arguments: &[&str]) -> Output {
        let control = self.directory.path().join("control");
        Command::new(vgpu()).arg(verb).arg("--control").arg(control).args(arguments).output().unwrap()
    }

    /// The picture of a head as `vgpu screenshot` gives it; an error if the head shows nothing.
    pub(crate) fn screenshot(&self, head: u32) -> Result<Picture, String> {
        let file = self.directory.path().join("screenshot.png");
        let output = self.verb("screenshot", &["--head", &head.to_string(), file.to_str().unwrap()]);
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Picture::read(&file)
    }

    /// Kills the process that serves the VM, as the kernel does when memory runs out.
    pub(crate) fn kill_device_process(&self) {
        self.kill_process("device");
    }

    /// Kills the process that renders for the VM.
    pub(crate) fn kill_render_process(&self) {
        self.kill_process("render");
    }

    fn kill_process(&self, verb: &str) {
        let victim = attempts().find_map(|_| self.process(verb));
        let victim = victim.unwrap_or_else(|| panic!("no {verb} process: {}", self.log()));
        kill(victim, Signal::SIGKILL).unwrap();
        for _ in attempts() {
            if self.process(verb) != Some(victim) {
                return;
            }
        }
        panic!("process {victim} does not die");
    }

    /// The process that was started with a verb of `vgpu`.
    fn process(&self, verb: &str) -> Option<Pid> {
        let parent = self.process.id().to_string();
        fs::read_dir("/proc").unwrap().find_map(|entry| {
            let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let folder = Path::new("/proc").join(process.to_string());
            let stat = fs::read_to_string(folder.join("stat")).ok()?;
            // "PID (name) state parent": the name may hold anything, so look behind its end.
            let mut fields = stat.rsplit(") ").next()?.split(' ');
            let (state, of) = (fields.next()?, fields.next()?);
            // Empty when it has ended.
            let words = fs::read(folder.join("cmdline")).ok()?;
            let is_it = words.split(|byte| *byte == 0).nth(1) == Some(verb.as_bytes());
            (is_it && of == parent && state != "Z").then(|| process_id(process))
        })
    }
}

fn process_id(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap())
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = kill(process_id(self.process.id()), Signal::SIGTERM);
        for _ in 0..100 {
            if !matches!(self.process.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("vgpu said: {}", self.log());
        }
    }
}
