//! A domain of a libvirt that is nobody else's: started with the test, gone with it, and without a daemon.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::daemon::{Daemon, NAME};
use crate::guest::Guest;
use crate::paths::artefact;
use crate::picture::Expected;
use crate::qemu::{Version, attempts, kvm_works, tail};

/// Runs virsh with libvirt's QEMU driver within it, as a user who is not root, for root's driver wants users and
/// folders that only Debian's service has. When this ends, by whatever, its VM ends too.
///
/// QEMU tells libvirt of every module that it finds, and it looks for some that its tree lacks among this machine's,
/// which are of another version: there the tree's lie in their place. The shell stays, as the first process of its own
/// process namespace: it takes note of each end of a process that libvirt waits for.
const VIRSH: &str = r#"
modules=/usr/lib/x86_64-linux-gnu/qemu
if [ -d $modules ]; then mount --bind "$1$modules" $modules; fi
unshare --user --map-user=1000 --map-group=1000 virsh --connect "qemu:///embed?root=$2"
exit
"#;

/// A running domain.
pub(crate) struct Domain {
    virsh: Child,
    directory: tempfile::TempDir,
    pub(crate) guest: Guest,
}

impl Domain {
    /// Defines and starts a domain, after giving it the kernel, the ports and the emulator of the tests.
    pub(crate) fn start(version: Version, name: &str, xml: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("domain.xml"), with_test_guest(version, xml, directory.path())).unwrap();
        fs::create_dir(path("root")).unwrap();
        let log = File::create(path("log")).unwrap();
        let tree = artefact(version.command()).parent().unwrap().to_owned();
        let mut virsh = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-ec", VIRSH, "sh"])
            .arg(tree)
            .arg(path("root"))
            .env("HOME", directory.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        // It waits for more until the domain is dropped.
        writeln!(virsh.stdin.as_mut().unwrap(), "define {}\nstart {name}", path("domain.xml").display())
            .unwrap();
        let guest = Guest::open(connect(&path("port"), &mut virsh, &path("log")));
        let mut domain = Self { virsh, directory, guest };
        domain.guest.wait_until_ready();
        domain
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        let _ = self.virsh.kill();
        let _ = self.virsh.wait();
        if std::thread::panicking() {
            eprintln!("virsh said: {}\n{}", tail(&self.path("log")), tail(&self.path("console")));
        }
    }
}

/// What an operator adds to a domain that is to do something: here not a disk, but the tests' kernel and guest.
fn with_test_guest(version: Version, xml: &str, directory: &Path) -> String {
    let path = |name: &str| directory.join(name).display().to_string();
    let boot = format!(
        "<kernel>{}</kernel><initrd>{}</initrd><cmdline>console=ttyS0 panic=-1 mitigations=off</cmdline></os>",
        artefact("kernel/vmlinux").display(),
        artefact("initramfs").display()
    );
    let devices = format!(
        "<emulator>{}</emulator><serial type='file'><source path='{}'/></serial>\
         <serial type='unix'><source mode='bind' path='{}'/></serial></devices>",
        artefact(version.command()).display(),
        path("console"),
        path("port")
    );
    let changed = replace(&replace(xml, "</os>", &boot), "</devices>", &devices);
    if kvm_works() { changed } else { replace(&changed, "type='kvm'", "type='qemu'") }
}

fn replace(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
    text.replace(from, to)
}

fn connect(port: &Path, virsh: &mut Child, log: &Path) -> UnixStream {
    for _ in attempts() {
        if let Ok(stream) = UnixStream::connect(port) {
            return stream;
        }
        let said = tail(log);
        assert!(virsh.try_wait().unwrap().is_none() && !said.contains("error:"), "virsh said: {said}");
    }
    panic!("the domain does not start: {}", tail(log));
}

pub(crate) fn a_domain_of_vgpu_args_draws(version: Version) {
    let daemon = Daemon::with_vgpu("head = [{ size = '800x600' }]");
    let xml = daemon.answer(&["args", NAME, "--vmm", "libvirt", "--memory", "256MiB"]);
    let mut domain = Domain::start(version, NAME, &xml);
    for seed in [70, 71] {
        assert_eq!(domain.guest.ask(&format!("draw 0 {seed}")), "800x600");
        daemon.expect_screenshot(&Expected::new((800, 600), seed));
    }
}

pub(crate) fn a_guest_draws_on_when_daemon_and_device_process_are_killed(version: Version) {
    let mut daemon = Daemon::with_vgpu("head = [{ size = '800x600' }]");
    let xml = daemon.answer(&["args", NAME, "--vmm", "libvirt", "--memory", "256MiB"]);
    let mut domain = Domain::start(version, NAME, &xml);
    domain.guest.ask("draw 0 72");
    daemon.kill();
    domain.guest.ask("flip 0 3 73");
    daemon.start_again();
    daemon.expect_screenshot(&Expected::new((800, 600), 75));
    daemon.kill_device_process();
    domain.guest.ask("flip 0 3 76");
    daemon.expect_screenshot(&Expected::new((800, 600), 78));
}
