//! A daemon with vGPUs for programs.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use vgpu::control::api::{Client, Vgpu};

use crate::listing::Host;
use crate::mesa::LAVAPIPE;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

const PROFILE: &str = "transport = \"vtest\"\n[limits]\nmemory = \"256MiB\"";

/// `vgpu daemon`, which ends with its vGPUs when this is dropped.
pub(crate) struct Daemon {
    folder: TempDir,
    names: Vec<String>,
    process: Child,
}

impl Daemon {
    /// With vGPUs of these names, and one for a VM.
    pub(crate) fn start(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = spawn(folder.path());
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let daemon = Self { folder, names, process };
        std::fs::write(daemon.path("profile.toml"), PROFILE).unwrap();
        eventually("the daemon answers", || daemon.client().host().ok());
        for name in &daemon.names {
            let profile = daemon.path("profile.toml");
            daemon.does(&[Path::new("create"), name.as_ref(), "--profile".as_ref(), &profile]);
        }
        daemon.does(&["create", "desktop"].map(Path::new));
        daemon
    }

    /// The command that writes where runtimes look, for a shell of root's.
    pub(crate) fn generates(&self) -> String {
        format!("{} cdi generate vgpu --api {}", env!("CARGO_BIN_EXE_vgpu"), self.path("api.sock").display())
    }

    /// What `vgpu cdi generate vgpu` writes.
    pub(crate) fn generated(&self) -> Vec<u8> {
        self.does(&["cdi", "generate", "vgpu", "--file", "-"].map(Path::new))
    }

    /// Kills the process of a vGPU, and waits for the next one.
    pub(crate) fn kill_render(&self, name: &str) {
        let pid = || self.vgpu(name).pid;
        let before = eventually("it has a process", pid);
        kill(Pid::from_raw(before), Signal::SIGKILL).unwrap();
        eventually("another follows", || pid().filter(|pid| *pid != before));
    }

    /// Kills the daemon and starts another.
    pub(crate) fn kill_and_start(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(self.folder.path());
        eventually("the daemon answers", || self.client().host().ok());
    }

    fn vgpu(&self, name: &str) -> Vgpu {
        self.client().show(&name.parse().unwrap()).unwrap()
    }

    fn client(&self) -> Client {
        Client::new(self.path("api.sock"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn does(&self, arguments: &[&Path]) -> Vec<u8> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vgpu"));
        let output = command.args(arguments).env("VGPU_API", self.path("api.sock")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let client = self.client();
        for name in self.names.iter().map(String::as_str).chain(["desktop"]) {
            let _ = client.delete(&name.parse().unwrap());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(folder: &Path) -> Child {
    let sockets = folder.join("sockets");
    std::fs::create_dir_all(&sockets).unwrap();
    Command::new(env!("CARGO_BIN_EXE_vgpu"))
        .args(["daemon".as_ref(), "--state".as_ref(), folder.join("state").as_os_str()])
        .args(["--api".as_ref(), folder.join("api.sock").as_os_str()])
        .args(["--socket-folder".as_ref(), sockets.as_os_str()])
        .env("VK_DRIVER_FILES", LAVAPIPE)
        .env("VK_ICD_FILENAMES", LAVAPIPE)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The command that writes, where runtimes look, of the GPUs of a host that is written down.
pub(crate) fn generates_gpus(host: &Host) -> String {
    let sysfs = host.sysfs();
    format!(
        "{} cdi generate gpu --file /run/cdi/gpu.json --sysfs-root {}",
        env!("CARGO_BIN_EXE_vgpu"),
        sysfs.display()
    )
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Some(found) => return found,
            None => assert!(Instant::now() < deadline, "it did not happen that {what}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
