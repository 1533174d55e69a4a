//! A running daemon, and the vGPUs that it has.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use caps::{CapSet, Capability};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vgpu::control::api::{ApiError, Client, Gpu, Name, Vgpu, VgpuChange, VgpuUsage};
use vgpu::control::profile::{LimitsChange, Share};

use crate::server::{Talking, eventually, guest, program};

pub(crate) struct Host {
    folder: tempfile::TempDir,
    driver: PathBuf,
    daemon: Child,
}

impl Host {
    /// With a GPU by the driver that is described in a file, which may be made in this folder.
    pub(crate) fn start(driver: impl FnOnce(&Path) -> PathBuf) -> Self {
        Self::start_with(driver, None)
    }

    /// With a place where the daemon is ended or stopped.
    pub(crate) fn start_with(driver: impl FnOnce(&Path) -> PathBuf, fault: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let driver = driver(folder.path());
        let daemon = Self::daemon(folder.path(), &driver, fault);
        Self { folder, driver, daemon }
    }

    /// The same, as root without CAP_SYS_NICE.
    pub(crate) fn start_without_priority(driver: impl FnOnce(&Path) -> PathBuf + Send) -> Self {
        std::thread::scope(|scope| {
            // What a thread may have at most is what its children may.
            let started = scope.spawn(|| {
                caps::drop(None, CapSet::Bounding, Capability::CAP_SYS_NICE).unwrap();
                Self::start(driver)
            });
            started.join().unwrap()
        })
    }

    fn daemon(folder: &Path, driver: &Path, fault: Option<&str>) -> Child {
        let path = |name| folder.join(name);
        let daemon = Command::new(env!("CARGO_BIN_EXE_vgpu"))
            .args(["daemon", "--state"])
            .arg(path("state"))
            .arg("--api")
            .arg(path("api"))
            .env("VK_DRIVER_FILES", driver)
            .env("VK_ICD_FILENAMES", driver)
            .envs(fault.map(|place| ("VGPU_FAULT", place)))
            .stdin(Stdio::null())
            .stderr(File::options().create(true).append(true).open(path("log")).unwrap())
            .spawn();
        let api = Client::new(path("api"));
        eventually("the daemon answers", || api.list().ok());
        daemon.unwrap()
    }

    /// The next daemon, in place of one that was killed.
    pub(crate) fn start_again(&mut self) {
        self.daemon.wait().unwrap();
        self.daemon = Self::daemon(self.folder.path(), &self.driver, None);
    }

    /// Whether the daemon was ended, or stopped.
    pub(crate) fn is_out(&mut self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.daemon.id())).unwrap();
        let state = stat.rsplit(')').next().unwrap().trim_start();
        state.starts_with(['T', 'Z'])
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.folder.path().join("api"))
    }

    pub(crate) fn create(&self, name: &str, mib: u64) -> Result<(), ApiError> {
        self.create_with(name, mib, Share::default())
    }

    pub(crate) fn create_with(&self, name: &str, mib: u64, share: Share) -> Result<(), ApiError> {
        let limits = serde_json::json!({ "memory": format!("{mib}MiB") });
        let profile = serde_json::json!({ "transport": "vtest", "limits": limits, "share": share });
        let spec = serde_json::json!({ "profile": profile });
        self.client().create(&named(name), &serde_json::from_value(spec).unwrap()).map(drop)
    }

    /// For a VM, which nobody starts.
    pub(crate) fn create_for_vm(&self, name: &str, mib: u64) -> Result<(), ApiError> {
        let limits = serde_json::json!({ "memory": format!("{mib}MiB") });
        let gpu = serde_json::json!({ "vulkan": true });
        let profile = serde_json::json!({ "transport": "vfio-user", "limits": limits, "gpu": gpu });
        let spec = serde_json::json!({ "profile": profile });
        self.client().create(&named(name), &serde_json::from_value(spec).unwrap()).map(drop)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn set_memory(&self, name: &str, mib: u64) -> Result<Vgpu, ApiError> {
        let limits = Some(LimitsChange { memory: Some(mib << 20) });
        self.client().set(&named(name), &VgpuChange { limits, ..VgpuChange::default() })
    }

    pub(crate) fn gpu(&self) -> Gpu {
        self.client().gpus().unwrap().gpus.remove(0)
    }

    pub(crate) fn usage(&self, name: &str) -> VgpuUsage {
        let all = self.client().usage().unwrap().vgpus;
        all.into_iter().find(|usage| usage.name == named(name)).unwrap()
    }

    /// Waits until a vGPU has its GPU.
    pub(crate) fn eventually_known(&self, name: &str) {
        eventually("it has its GPU", || {
            let all = self.client().usage().ok()?.vgpus;
            all.into_iter().find(|usage| usage.name == named(name))?.gpu
        });
    }

    pub(crate) fn render(&self, name: &str) -> Pid {
        eventually("it has a process", || self.client().show(&named(name)).ok()?.pid.map(Pid::from_raw))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.daemon.id().try_into().unwrap()), signal).unwrap();
    }

    pub(crate) fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.sock"))
    }

    /// A program on a vGPU that says lines and listens for one, and waits for each answer about memory.
    pub(crate) fn talk(&self, name: &str, arguments: &[&str]) -> Talking {
        let mut command = guest(&self.socket(name), &program(), arguments);
        Talking::start(command.env("VN_PERF", "no_async_mem_alloc"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        _ = kill(Pid::from_raw(self.daemon.id().try_into().unwrap()), Signal::SIGCONT);
        for vgpu in self.client().list().into_iter().flat_map(|list| list.vgpus) {
            _ = self.client().delete(&vgpu.name);
        }
        _ = self.daemon.kill();
        _ = self.daemon.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

pub(crate) fn named(name: &str) -> Name {
    name.parse().unwrap()
}
