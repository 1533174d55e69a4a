//! `vgpu daemon` with one vGPU, and what an operator does with it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

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
        let log = File::create(directory.path().join("log")).unwrap();
        let process = Command::new(vgpu())
            .args(["daemon", "--state", "state"])
            .env("VGPU_API", directory.path().join("api.sock"))
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let daemon = Self { directory, process };
        let file = daemon.path("profile.toml");
        fs::write(&file, profile).unwrap();
        attempts().find(|_| daemon.path("api.sock").exists()).unwrap_or_else(|| panic!("{}", daemon.log()));
        daemon.answer(&["create", NAME, "--profile", file.to_str().unwrap()]);
        daemon
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
