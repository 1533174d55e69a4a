//! A running `vgpu daemon`, ended with the test, and what it leaves.

use std::fs::{self, File, read_dir};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vgpu::control::api::{Client, EventKind, Name, VgpuSpec};
use vgpu::control::profile::{Head, Profile};

use crate::vgpu::{answered, eventually, pid, vgpu};

/// The only driver that Vulkan has in these tests, a GPU in software, and the variables that say so.
pub(crate) const LAVAPIPE: &str = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";
pub(crate) const DRIVERS: [&str; 2] = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"];

/// A state folder, a folder for sockets, and the vGPUs of whatever daemon runs on them.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a daemon, which ends itself at the fault point if there is one.
    pub(crate) fn start(&self, fault: Option<&str>) -> Daemon {
        self.start_on(LAVAPIPE, fault)
    }

    fn start_on(&self, driver: &str, fault: Option<&str>) -> Daemon {
        let mut command = vgpu(&["daemon"]);
        command.args(["--state".as_ref(), self.path("state").as_os_str()]);
        command.args(["--api".as_ref(), self.path("api").as_os_str()]);
        command.envs(DRIVERS.map(|variable| (variable, driver)));
        command.envs(fault.map(|point| ("VGPU_FAULT", point)));
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let process = command.stdin(Stdio::null()).stderr(log).spawn().unwrap();
        Daemon { process }
    }

    /// A daemon that answers.
    pub(crate) fn serve(&self) -> Daemon {
        self.serve_on(LAVAPIPE)
    }

    /// The same, with nothing to render on but what this file describes.
    pub(crate) fn serve_on(&self, driver: &str) -> Daemon {
        let daemon = self.start_on(driver, None);
        eventually("the daemon answers", || {
            self.client().host().ok().filter(|host| host.pid == daemon.pid().as_raw())
        });
        daemon
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.path("api"))
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// What is asked for in these tests: its name is how its device processes are found.
    pub(crate) fn spec(&self) -> VgpuSpec {
        let name = self.folder.path().file_name().unwrap().to_str().unwrap().to_owned();
        VgpuSpec {
            profile: Profile { name, heads: vec![Head::default(); 2], ..Profile::default() },
            ..VgpuSpec::default()
        }
    }

    pub(crate) fn create(&self, name: &str) {
        self.client().create(&named(name), &self.spec()).unwrap();
    }

    /// A VMM that was answered.
    pub(crate) fn connect(&self, name: &str) -> UnixStream {
        let front_end = answered(UnixStream::connect(self.path(&format!("{name}.sock"))).unwrap());
        self.happened(name, EventKind::Connected);
        front_end
    }

    /// Waits until this happened to the vGPU.
    pub(crate) fn happened(&self, name: &str, kind: EventKind) {
        eventually(&format!("{kind:?} happens to {name}"), || self.kinds(name).contains(&kind).then_some(()));
    }

    /// What happened to the vGPU since the daemon started.
    pub(crate) fn kinds(&self, name: &str) -> Vec<EventKind> {
        let mut kinds = Vec::new();
        self.client()
            .events(0, false, |event| {
                if event.name == named(name) {
                    kinds.push(event.kind);
                }
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        kinds
    }

    /// The vGPU's device process, sealed.
    pub(crate) fn device(&self, name: &str) -> Pid {
        eventually("a device process is sealed", || {
            let vgpu = self.client().show(&named(name)).unwrap();
            vgpu.device.and(vgpu.pid).map(Pid::from_raw)
        })
    }

    /// Every device process of this place, whether anybody knows of it or not.
    pub(crate) fn devices(&self) -> Vec<Pid> {
        let profile = format!("\"name\":\"{}\"", self.spec().profile.name);
        let is_ours = |process: &Path| {
            let line = fs::read(process.join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            ["device", "render"].iter().any(|role| line.starts_with(&format!("vgpu\0{role}\0")))
                && line.contains(&profile)
        };
        let processes = read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        let ours = processes.filter(|path| is_ours(path));
        ours.map(|path| Pid::from_raw(path.file_name().unwrap().to_str().unwrap().parse().unwrap())).collect()
    }

    /// Every path below the folder that vGPUs come and go with.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for path in read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path.clone());
                }
                found.push(path.strip_prefix(self.folder.path()).unwrap().to_str().unwrap().to_owned());
            }
        }
        found.retain(|path| {
            !["api", "log", "state", "state/daemon.lock", "state/run", "state/vgpus", "state/gpus"]
                .contains(&&**path)
        });
        found.sort();
        found
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for device in self.devices() {
            let _ = kill(device, Signal::SIGKILL);
        }
    }
}

pub(crate) struct Daemon {
    process: Child,
}

impl Daemon {
    pub(crate) fn pid(&self) -> Pid {
        pid(self.process.id())
    }

    pub(crate) fn end(mut self, signal: Signal) -> ExitStatus {
        kill(self.pid(), signal).unwrap();
        self.wait()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn named(text: &str) -> Name {
    text.parse().unwrap()
}
