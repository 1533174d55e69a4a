//! A server of Vulkan for programs without a VM, ours or the peer.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::process::{children, wait_for};

#[allow(dead_code, reason = "not every benchmark needs it")]
pub const LAVAPIPE: &str = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Its processes are killed with this value.
pub struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// `vgpu run` on the GPU of the driver that this file describes.
    #[allow(dead_code, reason = "not every benchmark needs it")]
    pub fn vgpu(driver: &Path) -> Self {
        Self::vgpu_by(Command::new(env!("CARGO_BIN_EXE_vgpu")), driver)
    }

    /// The same by a command that becomes vgpu.
    pub fn vgpu_by(mut command: Command, driver: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("profile.toml");
        std::fs::write(&profile, "transport = \"vtest\"\n[limits]\nmemory = \"4GiB\"\n").unwrap();
        command.arg("run").arg("--socket").arg(folder.path().join("socket")).arg("--profile").arg(profile);
        Self::start(command, driver, folder)
    }

    /// virglrenderer's Venus.
    #[allow(dead_code, reason = "not every benchmark needs it")]
    pub fn peer(driver: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tree = root().join("target/vm/virgl-1.1");
        let renderer = folder.path().join("renderer");
        let run = |program: &str| format!("{} {}", tree.join("run").display(), tree.join(program).display());
        std::fs::write(
            &renderer,
            format!("#!/bin/sh\nexec {} \"$@\"\n", run("usr/libexec/virgl_render_server")),
        )
        .unwrap();
        std::fs::set_permissions(&renderer, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = Command::new(tree.join("run"));
        command
            .arg(tree.join("usr/bin/virgl_test_server"))
            .args(["--venus", "--no-virgl"])
            .arg(format!("--socket-path={}", folder.path().join("socket").display()))
            .env("RENDER_SERVER_EXEC_PATH", renderer);
        Self::start(command, driver, folder)
    }

    fn start(mut command: Command, driver: &Path, folder: tempfile::TempDir) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = command
            .env("VK_DRIVER_FILES", driver)
            .env("VK_ICD_FILENAMES", driver)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        wait_for(|| folder.path().join("socket").exists().then_some(()));
        Self { child, folder }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The server's process and all below it.
    pub fn processes(&self) -> Vec<Pid> {
        let mut found = vec![Pid::from_raw(self.child.id() as i32)];
        let mut next = 0;
        while let Some(process) = found.get(next).copied() {
            found.extend(children(process));
            next += 1;
        }
        found
    }

    /// The CPU time that they all spent so far.
    #[allow(dead_code, reason = "not every benchmark needs it")]
    pub fn cpu(&self) -> Duration {
        self.processes().into_iter().map(cpu).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for process in self.processes().into_iter().rev() {
            _ = kill(process, Signal::SIGKILL);
        }
        _ = self.child.wait();
    }
}

/// The CPU time of all threads of a process, to the nanosecond.
#[allow(dead_code, reason = "not every benchmark needs it")]
fn cpu(process: Pid) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse().ok())
        .map(Duration::from_nanos)
        .sum()
}
