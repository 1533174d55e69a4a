//! The program's verbs, on trees that take writes and do nothing of their own.

use std::fs;
use std::process::Command;

use crate::listing::Host;

struct Session {
    host: Host,
    folder: tempfile::TempDir,
}

impl Session {
    fn new(host: &str, layout: &str) -> Self {
        let session = Self { host: Host::unpack(host), folder: tempfile::tempdir().unwrap() };
        fs::write(session.folder.path().join("layout.toml"), layout).unwrap();
        session
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vgpu"));
        command
            .arg("gpu")
            .args(arguments)
            .arg("--sysfs-root")
            .arg(self.host.sysfs())
            .current_dir(&self.folder);
        command
    }

    /// The program's exit code, what it prints, and what it says of errors.
    fn said(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn file(&self, path: &str) -> String {
        fs::read_to_string(self.host.path(path)).unwrap()
    }
}

const QUANTUM: &str = "/sys/bus/pci/devices/0000:03:00.0/sriov_admin/vf1/profile/exec_quantum_ms";
const LAYOUT: &str = "[[gpu]]\naddress = \"03:00.0\"\n[[gpu.vf]]\nnumber = 0\nexec_quantum_ms = 20\n";

#[test]
fn a_plan_is_printed_and_changes_nothing() {
    let session = Session::new("intel-xe", LAYOUT);

    let (code, stdout, stderr) = session.said(&["plan", "-f", "layout.toml"]);

    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let (heading, change) = stdout.split_once('\n').unwrap();
    assert_eq!(heading.split_whitespace().collect::<Vec<_>>(), ["GPU", "CHANGE", "WRITE"]);
    assert_eq!(change, format!("0000:03:00.0   set exec_quantum_ms of VF 0 to 20   20 > {QUANTUM}\n"));
    assert_eq!(session.file(QUANTUM), "16\n");
}

#[test]
fn what_is_applied_is_asserted_exported_and_rolled_back() {
    let session = Session::new("intel-xe", LAYOUT);
    let assert = || session.said(&["assert", "-f", "layout.toml"]);
    let (_, before, _) = session.said(&["export"]);

    let (code, _, stderr) = assert();
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        "error: GPUs are not cut as layout.toml says; changes that are missing: 1\nhint: `vgpu gpu apply` makes them\n"
    );
    let (code, stdout, _) = session.said(&["apply", "-f", "layout.toml", "--state", "state", "-o", "json"]);
    assert_eq!(code, Some(0));
    let printed: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(printed["changes"][0]["write"], "20");
    assert_eq!(session.file(QUANTUM), "20");
    assert_eq!(assert().0, Some(0));
    assert!(session.said(&["export"]).1.contains("exec_quantum_ms = 20\n"));

    assert_eq!(session.said(&["rollback", "--state", "state"]).0, Some(0));
    assert_eq!(session.file(QUANTUM), "16");
    assert_eq!(session.said(&["export"]).1, before);
    let (code, _, stderr) = session.said(&["rollback", "--state", "state"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: no change of GPUs is written down in state/partitions/"), "{stderr}");
}

#[test]
fn a_kernel_that_does_not_do_as_told_is_told_on_and_mended() {
    // These files are files: no function appears, but the number can be read.
    let session = Session::new("no-iommu", "[[gpu]]\naddress = \"00:02.0\"\nvfs = 2\n");
    fs::remove_file(session.host.path("/sys/bus/pci/devices/0000:00:02.0/sriov_numvfs")).unwrap();
    let apply = || session.said(&["apply", "-f", "layout.toml", "--state", "state"]);

    let (code, stdout, stderr) = apply();

    assert_eq!(code, Some(3));
    assert!(stdout.contains("make 2 VFs"), "{stdout}");
    assert!(stderr.contains("0000:00:02.0: make 2 VFs: No such file or directory"), "{stderr}");
    assert!(stderr.contains("0 of 1 changes are made\nhint: `vgpu gpu rollback` puts back"), "{stderr}");
    let (code, _, stderr) = apply();
    assert_eq!(code, Some(1));
    assert!(
        stderr.starts_with("error: an earlier change of GPUs was cut off\nhint: `vgpu gpu rollback`"),
        "{stderr}"
    );
    assert_eq!(session.said(&["rollback", "--state", "state"]).1, "nothing to change\n");
}

#[test]
fn a_program_that_is_killed_halfway_leaves_what_a_rollback_mends() {
    let old = "[[gpu.mdev]]\nuuid = \"b1a5f3c2-5a0e-4f3e-9d0c-6a1f1d2b7c11\"\ntype = \"i915-GVTg_V5_4\"\n";
    let new = "[[gpu.mdev]]\nuuid = \"22222222-5a0e-4f3e-9d0c-6a1f1d2b7c11\"\ntype = \"i915-GVTg_V5_8\"\n";
    let layout = format!("[[gpu]]\naddress = \"00:02.0\"\ndrivers_autoprobe = false\n{old}{new}");
    let session = Session::new("intel-gvt", &layout);
    let gpu = "/sys/bus/pci/devices/0000:00:02.0";
    for (file, text) in [("sriov_totalvfs", "7"), ("sriov_numvfs", "0"), ("sriov_drivers_autoprobe", "1")] {
        fs::write(session.host.path(&format!("{gpu}/{file}")), text).unwrap();
    }
    // A pipe that nobody reads holds the program up in its second write.
    let create = session.host.path(&format!("{gpu}/mdev_supported_types/i915-GVTg_V5_8/create"));
    fs::remove_file(&create).unwrap();
    nix::unistd::mkfifo(&create, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (_, before, _) = session.said(&["export"]);

    let mut child = session.command(&["apply", "-f", "layout.toml", "--state", "state"]).spawn().unwrap();
    while session.file(&format!("{gpu}/sriov_drivers_autoprobe")) != "0" {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();

    assert_ne!(session.said(&["export"]).1, before);
    let (code, _, stderr) = session.said(&["rollback", "--state", "state"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(session.said(&["export"]).1, before);
}

#[test]
fn what_is_wrong_with_a_layout_is_told_with_file_and_line() {
    let session = Session::new("intel-xe", "[[gpu]]\naddress = \"03:00.0\"\nnumvfs = 2\n");
    let (code, _, stderr) = session.said(&["plan", "-f", "layout.toml"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: layout.toml, line 3: unknown field `numvfs`"), "{stderr}");

    let (code, _, stderr) = session.said(&["plan", "-f", "none.toml"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: cannot read the layout none.toml: No such file"), "{stderr}");

    let session = Session::new("intel-xe", "[[gpu]]\naddress = \"03:00.0\"\nvfs = 99\n");
    let (code, _, stderr) = session.said(&["plan", "-f", "layout.toml"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr,
        "error: 0000:03:00.0: 99 VFs are asked for, and 12 are the most that it has\nhint: ask for 12 at most\n"
    );
}
