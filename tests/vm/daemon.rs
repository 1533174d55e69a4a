//! `vgpu daemon` with one vGPU, and what an operator does with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::mesa::LAVAPIPE;
use crate::paths::vgpu;
use crate::picture::{Expected, Picture};
use crate::qemu::{attempts, eventually, tail};

/// The vGPU's name.
pub(crate) const NAME: &str = "desktop-7";

/// A running daemon with its folders in a directory of its own; with this value it ends, and its vGPU too.
pub(crate) struct Daemon {
    directory: tempfile::TempDir,
    process: Child,
}

impl Daemon {
    /// Starts the daemon and creates the vGPU.
    pub(crate) fn with_vgpu(profile: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let process = start(directory.path());
        let daemon = Self { directory, process };
        daemon.wait();
        let file = daemon.path("profile.toml");
        fs::write(&file, profile).unwrap();
        daemon.answer(&["create", NAME, "--profile", file.to_str().unwrap()]);
        daemon
    }

    /// Waits until it answers.
    fn wait(&self) {
        let answers = |_: &u32| self.verb(&["list"]).status.success();
        attempts().find(answers).unwrap_or_else(|| panic!("{}", self.log()));
    }

    /// Kills the daemon, as the kernel does when memory runs out.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts the next daemon.
    pub(crate) fn start_again(&mut self) {
        self.process = start(self.directory.path());
        self.wait();
    }

    /// What is to be put on QEMU's command line.
    pub(crate) fn qemu_arguments(&self) -> Vec<String> {
        let printed = self.answer(&["args", NAME, "--vmm", "qemu", "--memory", "1GiB", "-o", "json"]);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// Kills the process that serves the VM.
    pub(crate) fn kill_device_process(&self) {
        let shown: serde_json::Value =
            serde_json::from_str(&self.answer(&["show", NAME, "-o", "json"])).unwrap();
        let process = i32::try_from(shown["pid"].as_i64().unwrap()).unwrap();
        kill(Pid::from_raw(process), Signal::SIGKILL).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> String {
        tail(&self.path("log"))
    }

    fn verb(&self, arguments: &[&str]) -> Output {
        Command::new(vgpu()).args(arguments).env("VGPU_API", self.path("api.sock")).output().unwrap()
    }

    /// What a verb that must succeed prints.
    pub(crate) fn answer(&self, arguments: &[&str]) -> String {
        let output = self.verb(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits until `vgpu screenshot` gives this picture.
    pub(crate) fn expect_screenshot(&self, expected: &Expected) {
        let file = self.path("screenshot.png");
        eventually("vgpu's screenshot", || {
            let output = self.verb(&["screenshot", NAME, file.to_str().unwrap()]);
            match output.status.success() {
                true => Picture::read(&file)?.compare(expected),
                false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            }
        });
    }
}

fn start(directory: &Path) -> Child {
    let log = File::options().create(true).append(true).open(directory.join("log")).unwrap();
    Command::new(vgpu())
        .args(["daemon", "--state", "state"])
        .env("VGPU_API", directory.join("api.sock"))
        // Where there is no GPU: the driver of software.
        .env("VK_DRIVER_FILES", LAVAPIPE)
        .env("VK_ICD_FILENAMES", LAVAPIPE)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // The device process outlives the daemon, so that goes first.
        let _ = self.verb(&["delete", NAME]);
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("vgpu daemon said: {}", self.log());
        }
    }
}
