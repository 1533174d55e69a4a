//! Containers of podman's that no other test or container sees.

use std::fs::create_dir;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::mesa::{mesa, program};

/// As root, in a mount namespace of its own: `/dev` is prepared, devices for containers are written down, and podman is
/// run.
const ALONE: &str = "set -e; mkdir -p /run/cdi; mount -t tmpfs cdi /run/cdi; eval \"$1\"; $2 >&2; shift 2
    exec podman \"$@\"";

/// What `/dev` has beside nodes that are made up.
const DEV: &str = "mount -t tmpfs dev $dev
    cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty $dev
    mkdir -p $dev/pts $dev/shm $dev/vfio/devices
    mount --bind /dev/pts $dev/pts
    mount --bind /dev/shm $dev/shm
    ln -s pts/ptmx $dev/ptmx
    ln -s /proc/self/fd $dev/fd\n";

/// podman, with a storage of its own.
pub(crate) struct Podman {
    folder: TempDir,
    generate: String,
    prepare: String,
}

impl Podman {
    /// Devices are what this command writes.
    pub(crate) fn new(generate: String) -> Self {
        let found = Command::new("podman").arg("--version").output();
        assert!(found.is_ok_and(|output| output.status.success()), "podman is missing: run scripts/setup");
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("rootfs");
        create_dir(&root).unwrap();
        // Debian's; `/usr` is that of the guests' Mesa.
        for name in ["dev", "etc", "proc", "run", "sys", "tmp", "usr"] {
            create_dir(root.join(name)).unwrap();
        }
        for name in ["bin", "lib", "lib64", "sbin"] {
            symlink(Path::new("usr").join(name), root.join(name)).unwrap();
        }
        create_dir(folder.path().join("dev")).unwrap();
        Self { folder, generate, prepare: String::new() }
    }

    /// In a `/dev` with these nodes, each with a minor number.
    pub(crate) fn with_nodes(mut self, nodes: &[(&str, u32)]) -> Self {
        let dev = self.folder.path().join("dev");
        let made: String =
            nodes.iter().map(|(name, minor)| format!("mknod $dev/{name} c 10 {minor}\n")).collect();
        self.prepare = format!("dev={}\n{DEV}{made}mount --move $dev /dev", dev.display());
        self
    }

    /// What a program in a container with this device prints. It must end well.
    pub(crate) fn run(&self, device: &str, program: &[&str]) -> String {
        let output = self.command(device, program).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Why there is no container with this device.
    pub(crate) fn refuses(&self, device: &str) -> String {
        let output = self.command(device, &["/sh", "-c", ":"]).output().unwrap();
        assert!(!output.status.success(), "{}", text(&output));
        text(&output)
    }

    /// A program in a container, to talk to.
    pub(crate) fn talk(&self, device: &str, program: &[&str]) -> Child {
        self.command(device, program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn command(&self, device: &str, words: &[&str]) -> Command {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mount = |from: &Path, to: &str| format!("--volume={}:{to}:ro", from.display());
        let mut command = as_root("unshare");
        command.args(["--mount", "sh", "-c", ALONE, "sh", &self.prepare, &self.generate]);
        command.args(["--root", &path("storage"), "--runroot", &path("running"), "--runtime", "runc"]);
        // Hard limits above those of whoever runs this are not ours to set.
        command.args(["run", "--rm", "--interactive", "--network=none"]);
        command.args(["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]);
        command.arg(mount(&mesa().join("usr"), "/usr"));
        command.arg(mount(&program(), "/checks")).arg(mount(Path::new("/usr/bin/dash"), "/sh"));
        command.args(["--device", device, "--rootfs", &path("rootfs")]).args(words);
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Podman {
    /// What is in its storage is root's.
    fn drop(&mut self) {
        let folders = ["storage", "running"].map(|name| self.folder.path().join(name));
        let _ = as_root("rm").arg("-rf").args(folders).status();
    }
}

fn as_root(program: &str) -> Command {
    if nix::unistd::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
