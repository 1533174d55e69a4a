//! A running vGPU for Vulkan clients, and Mesa's driver to use it by.

use std::fs::{File, read_dir, read_to_string, write};
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) use crate::mesa::{LAVAPIPE, program};
use crate::mesa::{built, mesa, newer_mesa};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that is to happen.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Some(found) => return found,
            None => assert!(Instant::now() < deadline, "it did not happen that {what}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A description of our driver that does nothing.
pub(crate) fn nothing(folder: &Path) -> PathBuf {
    let description = folder.join("noop.json");
    let library = built("libvgpu_test_noop.so");
    let icd = serde_json::json!({ "library_path": library, "api_version": "1.2.0" });
    let whole = serde_json::json!({ "file_format_version": "1.0.0", "ICD": icd });
    write(&description, whole.to_string()).unwrap();
    description
}

/// A program of a guest that comes in by this socket, on Mesa's driver.
pub(crate) fn guest(socket: &Path, program: &Path, arguments: &[&str]) -> Command {
    guest_of(&mesa(), socket, program, arguments)
}

fn guest_of(mesa: &Path, socket: &Path, program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(mesa.join("run"));
    command
        .arg(program)
        .args(arguments)
        .env("VN_DEBUG", "vtest")
        .env("VTEST_SOCKET_NAME", socket)
        .env("VK_DRIVER_FILES", mesa.join("virtio.json"))
        .env("VK_LOADER_LAYERS_DISABLE", "*");
    command
}

/// `vgpu run` with a profile for vtest.
pub(crate) struct Server {
    vgpu: Child,
    directory: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(limits: &str) -> Self {
        Self::start_on(|_| LAVAPIPE.into(), limits)
    }

    /// On a driver of ours that does nothing, and loses the device if it is given work too early. It has two queues.
    pub(crate) fn start_on_nothing(limits: &str) -> Self {
        Self::start_on(nothing, limits)
    }

    fn start_on(driver: impl FnOnce(&Path) -> PathBuf, limits: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let driver = driver(directory.path());
        let profile = directory.path().join("profile.toml");
        write(&profile, format!("transport = \"vtest\"\n[limits]\n{limits}\n")).unwrap();
        let (socket, control) = (directory.path().join("socket"), directory.path().join("control"));
        let vgpu = Command::new(env!("CARGO_BIN_EXE_vgpu"))
            .arg("run")
            .args([
                Path::new("--socket"),
                &socket,
                Path::new("--control"),
                &control,
                Path::new("--profile"),
                &profile,
            ])
            .env("VK_DRIVER_FILES", &driver)
            .env("VK_ICD_FILENAMES", &driver)
            .stdin(Stdio::null())
            .stderr(File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let server = Self { vgpu, directory };
        eventually("vgpu listens", || server.log().contains("vgpu: listening on").then_some(()));
        server
    }

    pub(crate) fn log(&self) -> String {
        read_to_string(self.directory.path().join("log")).unwrap()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// A program of the guest, on Mesa's driver.
    pub(crate) fn guest(&self, program: &Path, arguments: &[&str]) -> Command {
        guest(&self.socket(), program, arguments)
    }

    pub(crate) fn vulkaninfo(&self, arguments: &[&str]) -> Output {
        self.guest(&mesa().join("usr/bin/vulkaninfo"), arguments).output().unwrap()
    }

    pub(crate) fn client(&self, arguments: &[&str]) -> Command {
        self.guest(&program(), arguments)
    }

    /// As [`Server::client`], on a newer Mesa.
    pub(crate) fn newer_client(&self, arguments: &[&str]) -> Command {
        guest_of(&newer_mesa(), &self.socket(), &program(), arguments)
    }

    /// Starts a client that says lines and listens for one.
    pub(crate) fn talk(&self, arguments: &[&str]) -> Talking {
        Talking::start(&mut self.client(arguments))
    }

    /// The process that renders.
    pub(crate) fn render(&self) -> Pid {
        eventually("a process is sealed", || {
            let children = children(self.vgpu.id());
            children
                .into_iter()
                .find(|child| status(*child).is_some_and(|status| status.contains("Seccomp:\t2")))
        })
    }

    pub(crate) fn kill_render(&self) -> Pid {
        let render = self.render();
        kill(render, Signal::SIGKILL).unwrap();
        render
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("vgpu said:\n{}", self.log());
        }
        _ = self.vgpu.kill();
        _ = self.vgpu.wait();
    }
}

pub(crate) fn status(process: Pid) -> Option<String> {
    read_to_string(format!("/proc/{process}/status")).ok()
}

fn children(parent: u32) -> Vec<Pid> {
    let tasks = read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| read_to_string(task.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>())
        .map(Pid::from_raw)
        .collect()
}

/// What a process holds at this moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holdings {
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
    pub(crate) resident_kib: u64,
}

pub(crate) fn holdings(process: Pid) -> Holdings {
    let entries = |folder: &str| read_dir(format!("/proc/{process}/{folder}")).unwrap().count();
    let status = status(process).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    Holdings {
        threads: entries("task"),
        descriptors: entries("fd"),
        resident_kib: resident.unwrap().parse().unwrap(),
    }
}

/// A client whose lines are read one by one. It ends with the test.
pub(crate) struct Talking {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    input: Option<ChildStdin>,
}

impl Talking {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let input = child.stdin.take();
        Self { child, lines, input }
    }

    /// The next line; empty when it has ended.
    pub(crate) fn line(&mut self) -> String {
        self.lines.next().transpose().unwrap().unwrap_or_default()
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input.as_ref().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it end by itself.
    pub(crate) fn finish(mut self) -> bool {
        drop(self.input.take());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
