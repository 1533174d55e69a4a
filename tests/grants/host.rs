//! A running daemon on a recorded host, whose GPUs for Vulkan are lavapipe under other names.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use vgpu::control::api::{Client, State};

use crate::listing;
use crate::piece::{Piece, manifests};

const KERNEL_LOG: &str = "/dev/kmsg";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Host {
    pub(crate) tree: listing::Host,
    pub(crate) pieces: Vec<Piece>,
    folder: tempfile::TempDir,
    daemon: Option<Child>,
}

impl Host {
    /// The host of this name under tests/fixtures/sysfs, on which Vulkan finds what is made in a folder.
    pub(crate) fn start(tree: &str, pieces: impl FnOnce(&Path) -> Vec<Piece>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pieces = pieces(folder.path());
        let mut host = Self { tree: listing::Host::unpack(tree), pieces, folder, daemon: None };
        fs::create_dir_all(host.tree.path("/dev")).unwrap();
        File::create(host.tree.path(KERNEL_LOG)).unwrap();
        host.start_again();
        host
    }

    /// Ends the daemon that runs as nobody wants it, and starts the next one.
    pub(crate) fn start_again(&mut self) {
        self.end();
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let daemon = self
            .vgpu(&["daemon"])
            .args(["--state".as_ref(), self.path("state").as_os_str()])
            .args(["--api".as_ref(), self.path("api").as_os_str()])
            .args(["--sysfs-root".as_ref(), self.tree.sysfs().as_os_str()])
            .stdin(Stdio::null())
            .stderr(log)
            .spawn();
        self.daemon = Some(daemon.unwrap());
        eventually("the daemon answers", || self.client().host().ok());
    }

    /// The kernel writes this to its log.
    pub(crate) fn kernel_says(&self, line: &str) {
        let mut log = File::options().append(true).open(self.tree.path(KERNEL_LOG)).unwrap();
        writeln!(log, "3,1187,5183405,-;{line}").unwrap();
    }

    /// Waits until a vGPU is in this state, and says why, if there is a reason.
    pub(crate) fn eventually(&self, name: &str, state: State) -> Option<String> {
        eventually(&format!("{name} is {state:?}"), || {
            let vgpu = self.client().show(&name.parse().unwrap()).unwrap();
            (vgpu.state == state).then_some(vgpu.problem)
        })
    }

    fn end(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.path("api"))
    }

    /// The program, which finds these GPUs alone and this daemon.
    pub(crate) fn vgpu(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vgpu"));
        let drivers = manifests(&self.pieces);
        command.args(arguments).env("VK_DRIVER_FILES", &drivers).env("VK_ICD_FILENAMES", &drivers);
        // Where a test may have put what stands in for NVIDIA's management library.
        command.env("LD_LIBRARY_PATH", self.folder.path()).env("VGPU_API", self.path("api"));
        command
    }

    /// What it prints, and that it did as asked.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        let output = self.vgpu(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The same as values.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.says(&[arguments, &["-o", "json"]].concat())).unwrap()
    }

    /// What it says of why it does not do as asked.
    pub(crate) fn refuses(&self, arguments: &[&str]) -> String {
        let output: Output = self.vgpu(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stderr)
    }

    /// The recorded tree, as an option's value.
    pub(crate) fn sysfs(&self) -> String {
        self.tree.sysfs().to_str().unwrap().to_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for vgpu in self.client().list().into_iter().flat_map(|list| list.vgpus) {
            _ = self.client().delete(&vgpu.name);
        }
        self.end();
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.path("log")).unwrap_or_default());
        }
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
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
