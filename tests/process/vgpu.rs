//! A running `vgpu`, ended with the test.

use std::fs::{File, read_dir, read_to_string};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// `vgpu` with these arguments.
pub(crate) fn vgpu(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vgpu"));
    command.args(arguments);
    command
}

/// Runs it to its end.
pub(crate) fn output(arguments: &[&str]) -> Output {
    vgpu(arguments).output().unwrap()
}

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

/// `vgpu run` on a socket in a directory of its own.
pub(crate) struct Running {
    supervisor: Child,
    directory: tempfile::TempDir,
}

impl Running {
    pub(crate) fn start(more: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), more)
    }

    /// By a program that becomes the command which it is given.
    pub(crate) fn start_by(program: &mut Command) -> Self {
        Self::start_command(tempfile::tempdir().unwrap(), program.arg(env!("CARGO_BIN_EXE_vgpu")), &[])
    }

    pub(crate) fn start_in(directory: tempfile::TempDir, more: &[&str]) -> Self {
        Self::start_command(directory, &mut vgpu(&[]), more)
    }

    /// With these arguments of `vgpu run` beside the socket.
    pub(crate) fn start_command(directory: tempfile::TempDir, command: &mut Command, more: &[&str]) -> Self {
        let log = File::create(directory.path().join("log")).unwrap();
        let socket = directory.path().join("socket");
        let supervisor = command
            .args(["run", "--socket", socket.to_str().unwrap()])
            .args(more)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let running = Self { supervisor, directory };
        let start = format!("vgpu: listening on {}", socket.display());
        eventually("vgpu listens", || running.log().contains(&start).then_some(()));
        running
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        read_to_string(self.path("log")).unwrap()
    }

    pub(crate) fn supervisor(&self) -> Pid {
        pid(self.supervisor.id())
    }

    /// The device process, sealed and waiting.
    pub(crate) fn device(&self) -> Pid {
        eventually("a device process is sealed", || {
            let device = children(self.supervisor()).into_iter().find(|child| lives(*child))?;
            let status = read_to_string(format!("/proc/{device}/status")).ok()?;
            status.contains("Seccomp:\t2").then_some(device)
        })
    }

    /// A VMM that was answered.
    pub(crate) fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.path("socket")).unwrap();
        answered(stream)
    }

    pub(crate) fn end(mut self, signal: Signal) -> (ExitStatus, tempfile::TempDir) {
        kill(self.supervisor(), signal).unwrap();
        let status = self.supervisor.wait().unwrap();
        (status, std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("vgpu said:\n{}", read_to_string(self.path("log")).unwrap_or_default());
        }
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

/// This stream after the VMM on it asked for the features (vhost-user request 1) and was answered.
pub(crate) fn answered(mut stream: UnixStream) -> UnixStream {
    let (request, version, reply) = (1_u32, 1_u32, 4_u32);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&[request, version, 0].map(u32::to_le_bytes).concat()).unwrap();
    let mut answer = [0; 20];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[..12], [request, version | reply, 8].map(u32::to_le_bytes).concat());
    assert_ne!(answer[12..], [0; 8], "it offers no feature");
    stream
}

pub(crate) fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap())
}

/// The processes that the threads of this one started.
fn children(process: Pid) -> Vec<Pid> {
    let Ok(tasks) = read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let lists = tasks.filter_map(|task| read_to_string(task.ok()?.path().join("children")).ok());
    let numbers = lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    numbers.map(|number| Pid::from_raw(number.parse().unwrap())).collect()
}

/// Whether the process is there, and is not just waiting to be buried.
pub(crate) fn lives(process: Pid) -> bool {
    read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// How often the threads of a process were switched to and from.
pub(crate) fn switches(process: Pid) -> u64 {
    let tasks = read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .map(|task| read_to_string(task.unwrap().path().join("status")).unwrap())
        .flat_map(|status| {
            let counts = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
            counts.map(|(_, count)| count.trim().parse::<u64>().unwrap()).collect::<Vec<_>>()
        })
        .sum()
}

/// A file of a process's `/proc` folder.
pub(crate) fn proc(process: Pid, name: &str) -> String {
    read_to_string(Path::new("/proc").join(process.to_string()).join(name)).unwrap()
}
