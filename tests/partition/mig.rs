//! GPUs cut into MIG instances, by a library that stands in for NVIDIA's and keeps its state from program to program.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::listing::Host;
use crate::nvml_library;

/// An H200 in this state of the library, and a layout.
struct Cut {
    host: Host,
    folder: TempDir,
}

/// What the program says: its exit code, what it prints, and what it says of errors.
type Said = (Option<i32>, String, String);

const GPU: &str = "[[gpu]]\naddress = \"00:06.0\"\n";
/// Two halves, one of them with two compute instances.
const HALVES: &str = "mode 1 1\ngpu 1 9 0\ncompute 1 0 0 1\ncompute 1 1 1 2\ngpu 2 9 4\ncompute 2 0 0 3\n";
/// The first half stays, with other compute instances; the second makes way for three.
const THREE: &str = "[[gpu]]\naddress = \"00:06.0\"\nmig = [\n\
    { profile = \"3g.71gb\", placement = 0, compute = [\"2c.3g.71gb\"] },\n\
    { profile = \"1g.35gb\", placement = 6 },\n\
    { profile = \"1g.18gb\", placement = 5 },\n\
    { profile = \"1g.18gb+me\", placement = 4, compute = [] },\n]\n";

fn library() -> &'static str {
    static LIBRARY: OnceLock<(TempDir, String)> = OnceLock::new();
    let made = LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let library = nvml_library::library(folder.path(), &[]).to_str().unwrap().to_owned();
        (folder, library)
    });
    &made.1
}

impl Cut {
    fn new(state: &str, layout: &str) -> Self {
        let cut = Self { host: Host::unpack("h200"), folder: tempfile::tempdir().unwrap() };
        cut.set(state);
        cut.lay_out(layout);
        cut
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&self, state: &str) {
        fs::write(self.path("nvml"), state).unwrap();
    }

    fn lay_out(&self, layout: &str) {
        fs::write(self.path("layout.toml"), layout).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vgpu"));
        command.arg("gpu").args(arguments).arg("--sysfs-root").arg(self.host.sysfs());
        command.args(["--nvml", library()]).env("NVML_STATE", self.path("nvml")).current_dir(&self.folder);
        command.env_remove("VGPU_API");
        command
    }

    fn said(&self, arguments: &[&str]) -> Said {
        self.said_with(arguments, "")
    }

    /// The same with a fault in the library.
    fn said_with(&self, arguments: &[&str], fault: &str) -> Said {
        let output = self.command(arguments).env("NVML_FAULT", fault).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn apply(&self) -> Said {
        self.said(&["apply", "-f", "layout.toml", "--state", "state"])
    }

    fn rollback(&self) -> Said {
        self.said(&["rollback", "--state", "state"])
    }

    /// What a plan would call.
    fn calls(&self) -> Vec<String> {
        let (code, stdout, stderr) =
            self.said(&["plan", "-f", "layout.toml", "--state", "state", "-o", "json"]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        let plan: Value = serde_json::from_str(&stdout).unwrap();
        let changes = plan["changes"].as_array().unwrap();
        changes.iter().map(|change| change["nvml"].as_str().unwrap().to_owned()).collect()
    }

    fn exported(&self) -> String {
        let (code, stdout, stderr) = self.said(&["export"]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        stdout
    }

    /// Why the layout is refused; nothing is changed and nothing is written down.
    fn refusal(&self) -> String {
        let before = fs::read_to_string(self.path("nvml")).unwrap();
        let (code, stdout, stderr) = self.apply();
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert_eq!(fs::read_to_string(self.path("nvml")).unwrap(), before);
        assert!(!self.path("state/partitions/journal.json").exists());
        stderr
    }
}

fn gpu(rest: &str) -> String {
    format!("{GPU}{rest}\n")
}

/// A list of instances, each with a profile and a place.
fn mig(instances: &[(&str, u32)]) -> String {
    let one = |(profile, placement): &(&str, u32)| {
        format!("{{ profile = \"{profile}\", placement = {placement} }}")
    };
    gpu(&format!("mig = [{}]", instances.iter().map(one).collect::<Vec<_>>().join(", ")))
}

#[test]
fn what_is_laid_out_is_made_shown_asserted_exported_and_rolled_back() {
    let layout = "mig_mode = true\nmig = [{ profile = \"4g.71gb\", placement = 0, compute = [\"1c.4g.71gb\", \
                  \"2c.4g.71gb\"] }, { profile = \"3g.71gb\", placement = 4 }]";
    let cut = Cut::new("", &gpu(layout));
    let before = cut.exported();
    assert_eq!(before, "[[gpu]]\naddress = \"0000:00:06.0\"\nmig_mode = false\n");
    assert_eq!(cut.said(&["assert", "-f", "layout.toml"]).0, Some(1));

    let (code, stdout, stderr) = cut.apply();

    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let lines: Vec<Vec<&str>> =
        stdout.lines().skip(1).map(|line| line.split("   ").map(str::trim).collect()).collect();
    let changes: Vec<&str> = lines.iter().map(|line| line[1]).collect();
    assert_eq!(
        changes,
        [
            "switch MIG mode on",
            "make GPU instance 4g.71gb at 0",
            "make compute instance 1c.4g.71gb in 4g.71gb at 0",
            "make compute instance 2c.4g.71gb in 4g.71gb at 0",
            "make GPU instance 3g.71gb at 4",
            "make compute instance 3g.71gb in 3g.71gb at 4",
        ]
    );
    assert_eq!(*lines[1].last().unwrap(), "nvmlDeviceCreateGpuInstanceWithPlacement(4g.71gb, 0)");
    assert_eq!(cut.said(&["assert", "-f", "layout.toml"]).0, Some(0));
    let shown = cut.said(&["show", "00:06.0"]).1;
    for line in ["MIG            on\n", "               3g.71gb at 4 (2)\n", "(2c.4g.71gb, computes only)\n"]
    {
        assert!(shown.contains(line), "{line:?} is not in\n{shown}");
    }
    let after = cut.exported();
    cut.lay_out(&after);
    assert_eq!(cut.calls(), [""; 0], "{after}");

    assert_eq!(cut.rollback().0, Some(0));
    assert_eq!(cut.exported(), before);
}

#[test]
fn what_lies_as_it_should_stays_and_what_goes_goes_first() {
    let cut = Cut::new(HALVES, THREE);

    assert_eq!(
        cut.calls(),
        [
            "nvmlComputeInstanceDestroy(1/0)",
            "nvmlComputeInstanceDestroy(2/0)",
            "nvmlGpuInstanceDestroy(2)",
            "nvmlDeviceCreateGpuInstanceWithPlacement(1g.35gb, 6)",
            "nvmlGpuInstanceCreateComputeInstance(1 slices, at 6)",
            "nvmlDeviceCreateGpuInstanceWithPlacement(1g.18gb, 5)",
            "nvmlGpuInstanceCreateComputeInstance(1 slices, at 5)",
            "nvmlDeviceCreateGpuInstanceWithPlacement(1g.18gb+me, 4)",
        ]
    );
    cut.lay_out(GPU);
    assert_eq!(cut.calls(), [""; 0], "what a layout leaves out stays");
    cut.lay_out(&gpu("mig_mode = false"));
    let calls = cut.calls();
    assert_eq!(calls.len(), 6, "without the mode there are no instances: {calls:?}");
    assert_eq!(calls[5], "nvmlDeviceSetMigMode(0)");
    cut.lay_out(&gpu("mig = []"));
    assert_eq!(cut.calls().len(), 5, "and the mode stays");
}

/// What goes wrong at a change: NVML's errors for no permission, in use and no room; nothing done; killed.
const FAULTS: [&str; 6] = ["4", "19", "23", "ignore", "before", "after"];

#[test]
fn whatever_goes_wrong_at_whichever_call_a_rollback_puts_back_what_was() {
    for (state, layout) in [(HALVES, THREE.to_owned()), (HALVES, gpu("mig_mode = false"))] {
        let count = Cut::new(state, &layout).calls().len();
        assert!(count >= 6, "{count}");
        for (at, fault) in (0..count).flat_map(|at| FAULTS.map(|fault| (at, fault))) {
            let cut = Cut::new(state, &layout);
            let before = cut.exported();

            let fault = format!("change:{at}:{fault}");
            let (code, _, stderr) =
                cut.said_with(&["apply", "-f", "layout.toml", "--state", "state"], &fault);

            match fault.ends_with("before") || fault.ends_with("after") {
                true => assert_eq!(code, None, "{fault}: it is killed"),
                false => {
                    assert_eq!(code, Some(3), "{fault}: {stderr}");
                    let made = format!("; {at} of {count} changes are made\nhint: `vgpu gpu rollback`");
                    assert!(stderr.contains(&made), "{fault}: {stderr}");
                }
            }
            let refused = cut.apply();
            assert!(refused.2.starts_with("error: an earlier change of GPUs was cut off\n"), "{refused:?}");
            let (code, _, stderr) = cut.rollback();
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{fault}");
            assert_eq!(cut.exported(), before, "{fault}");
        }
    }
}

#[test]
fn a_rollback_that_is_cut_off_is_gone_on_with_by_the_next() {
    let mut cuts = 0;
    for at in 0..8 {
        let cut = Cut::new(HALVES, THREE);
        let before = cut.exported();
        assert_eq!(cut.apply().0, Some(0));

        let (code, _, _) = cut.said_with(&["rollback", "--state", "state"], &format!("change:{at}:after"));

        cuts += usize::from(code.is_none());
        if code.is_none() {
            assert_eq!(cut.rollback().0, Some(0), "{at}");
        }
        assert_eq!(cut.exported(), before, "{at}");
    }
    assert!(cuts >= 6, "{cuts}");
}

#[test]
fn what_the_library_does_not_tell_is_not_cut() {
    for function in ["nvmlDeviceGetGpuInstances", "nvmlGpuInstanceGetInfo", "nvmlComputeInstanceGetInfo_v2"] {
        let cut = Cut::new(HALVES, THREE);
        for verb in [&["plan", "-f", "layout.toml"][..], &["assert", "-f", "layout.toml"], &["export"]] {
            let (code, _, stderr) = cut.said_with(verb, &format!("{function}:0:4"));
            let said = format!(
                "error: 0000:00:06.0: its MIG instances cannot be read: {function}: Insufficient \
                 Permissions\nhint: only root may\n"
            );
            assert_eq!((code, stderr), (Some(1), said));
        }
    }
    let cut = Cut::new(HALVES, THREE);
    let (_, _, stderr) =
        cut.said_with(&["plan", "-f", "layout.toml"], "nvmlDeviceGetHandleByPciBusId_v2:0:6");
    let said = "error: 0000:00:06.0: it has no MIG instances: libnvidia-ml.so.1: \
                nvmlDeviceGetHandleByPciBusId_v2: Not Found\n";
    assert!(stderr.starts_with(said), "{stderr}");
    let (_, _, stderr) = cut.said_with(&["plan", "-f", "layout.toml"], "nvmlDeviceGetMigMode:0:3");
    assert!(stderr.contains("libnvidia-ml.so.1: this GPU has no MIG mode\n"), "{stderr}");
}

/// All calls that change nothing.
const READS: [&str; 11] = [
    "nvmlDeviceGetHandleByPciBusId_v2",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetGpuInstanceProfileInfoV",
    "nvmlDeviceGetGpuInstancePossiblePlacements_v2",
    "nvmlDeviceGetGpuInstanceRemainingCapacity",
    "nvmlDeviceGetGpuInstances",
    "nvmlGpuInstanceGetInfo",
    "nvmlGpuInstanceGetComputeInstanceProfileInfoV",
    "nvmlGpuInstanceGetComputeInstances",
    "nvmlComputeInstanceGetInfo_v2",
    "nvmlDeviceGetComputeRunningProcesses_v3",
];

#[test]
fn whichever_call_that_reads_fails_nothing_is_half_done_that_a_rollback_does_not_mend() {
    let (mut refused, mut cut_off) = (0, 0);
    for (function, at) in READS.into_iter().flat_map(|read| [0, 1, 3, 8, 40].map(|at| (read, at))) {
        let cut = Cut::new(HALVES, THREE);
        let before = cut.exported();

        let apply = ["apply", "-f", "layout.toml", "--state", "state"];
        let (code, _, stderr) = cut.said_with(&apply, &format!("{function}:{at}:4"));

        match code {
            Some(0) => assert_eq!(cut.said(&["assert", "-f", "layout.toml"]).0, Some(0), "{function} {at}"),
            Some(1) => {
                refused += 1;
                assert_eq!(cut.exported(), before, "{function} {at}: {stderr}");
                assert!(!cut.path("state/partitions/journal.json").exists(), "{function} {at}: {stderr}");
            }
            _ => {
                cut_off += 1;
                assert_eq!(code, Some(3), "{function} {at}: {stderr}");
                let (code, _, stderr) = cut.rollback();
                assert_eq!((code, stderr.as_str()), (Some(0), ""), "{function} {at}");
                assert_eq!(cut.exported(), before, "{function} {at}");
            }
        }
    }
    assert!(refused >= 8 && cut_off >= 8, "{refused} refused, {cut_off} cut off");
}

#[test]
fn a_tree_that_no_library_knows_is_not_cut_nor_rolled_back() {
    let cut = Cut::new(HALVES, THREE);
    assert_eq!(cut.apply().0, Some(0));
    for verb in [&["plan", "-f", "layout.toml"][..], &["rollback"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vgpu"));
        command.arg("gpu").args(verb).args(["--state", "state", "--sysfs-root"]).arg(cut.host.sysfs());
        let output = command.current_dir(&cut.folder).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let said = "error: 0000:00:06.0: whether it has MIG instances is not known: NVML was not asked\n";
        assert!(stderr.starts_with(said), "{stderr}");
    }
    assert_eq!(cut.rollback().0, Some(0));
}

#[test]
fn what_cannot_be_is_refused_with_what_there_is() {
    let on = "mode 1 1\n";
    let compute =
        |names: &str| gpu(&format!("mig = [{{ profile = \"3g.71gb\", placement = 4, compute = {names} }}]"));
    for (state, layout, said) in [
        (
            on,
            mig(&[("1g.10gb", 0)]),
            "there is no MIG profile 1g.10gb: it has 7g.141gb, 4g.71gb, 3g.71gb, 2g.35gb, 1g.35gb, 1g.18gb, \
             1g.18gb+me\nhint: choose one of them",
        ),
        (on, mig(&[("3g.71gb", 2)]), "no 3g.71gb at 2: one may lie at 0, 4\nhint: choose one"),
        (
            on,
            mig(&[("3g.71gb", 0), ("2g.35gb", 2)]),
            "3g.71gb at 0 and 2g.35gb at 2 overlap\nhint: free for a 2g.35gb beside the others is 4\n",
        ),
        (
            on,
            mig(&[("3g.71gb", 0), ("3g.71gb", 4), ("1g.18gb", 6)]),
            "3g.71gb at 4 and 1g.18gb at 6 overlap\nhint: no place is left for a 1g.18gb beside the others\n",
        ),
        (
            on,
            mig(&[("1g.18gb+me", 0), ("1g.18gb+me", 1)]),
            "2 x 1g.18gb+me are asked for, and 1 is the most that it has\nhint: ask for 1 at most\n",
        ),
        (
            on,
            compute("[\"2c.2g.35gb\"]"),
            "there is no compute instance 2c.2g.35gb in 3g.71gb at 4\nhint: 3g.71gb is all of it, and 1c.3g.71gb \
             to 2c.3g.71gb are parts",
        ),
        (on, compute("[\"3c.3g.71gb\"]"), "there is no compute instance 3c.3g.71gb in 3g.71gb at 4\n"),
        (
            on,
            compute("[\"2c.3g.71gb\", \"2c.3g.71gb\"]"),
            "compute instances of 4 slices are asked for in 3g.71gb at 4, which has 3\nhint: ask for fewer",
        ),
        (
            "",
            mig(&[("3g.71gb", 0)]),
            "MIG instances are laid out, and MIG mode is off\nhint: add `mig_mode = true`",
        ),
        (
            "mode 0 1\nreset 1\n",
            mig(&[("3g.71gb", 0)]),
            "MIG instances are laid out, and MIG mode is on after a reset only\nhint: reset it once nothing uses \
             it: nvidia-smi -i 0000:00:06.0 --gpu-reset; then",
        ),
        (
            on,
            mig(&[("3g.71gb", 0)]) + "mig_mode = false\n",
            "MIG instances are laid out, and MIG mode is to be off\nhint: leave out one of",
        ),
    ] {
        let stderr = Cut::new(state, &layout).refusal();
        assert!(stderr.starts_with(&format!("error: 0000:00:06.0: {said}")), "{stderr}\nshould say {said}");
    }
}

#[test]
fn instances_are_nvidias_alone() {
    let mut cut = Cut::new("", "[[gpu]]\naddress = \"03:00.0\"\nmig_mode = true\n");
    cut.host = Host::unpack("intel-xe");

    let stderr = cut.refusal();

    assert!(stderr.starts_with("error: 0000:03:00.0: whether it has MIG instances is not known"), "{stderr}");
    assert!(stderr.contains("hint: only NVIDIA's GPUs have them"), "{stderr}");
}

#[test]
fn an_instance_that_a_program_is_on_is_not_taken_and_others_are() {
    let process = |gpu: u32, compute: u32| format!("{HALVES}process 4711 {gpu} {compute}\n");
    let in_use = "is in use: process 4711 runs on it, says NVML\nhint: stop who uses it first";

    let on_second = Cut::new(&process(2, 0), THREE).refusal();
    let said = format!("error: 0000:00:06.0: compute instance 0 of 3g.71gb at 4 {in_use}");
    assert!(on_second.starts_with(&said), "{on_second}");
    let staying = Cut::new(&process(1, 1), THREE);
    assert_eq!(staying.apply().0, Some(0), "what stays may be in use");

    let whole = Cut::new("process 4711 4294967295 4294967295\n", &gpu("mig_mode = true")).refusal();
    assert!(whole.starts_with(&format!("error: 0000:00:06.0: the whole GPU {in_use}")), "{whole}");
}

#[test]
fn an_instance_whose_node_is_open_is_not_taken() {
    let cut = Cut::new(HALVES, THREE);
    for (file, text) in [
        ("gpus/0000:00:06.0/information", "Model: NVIDIA H200\nDevice Minor: 0\n"),
        ("capabilities/gpu0/mig/gi2/access", "DeviceFileMinor: 21\n"),
        ("capabilities/gpu0/mig/gi2/ci0/access", "DeviceFileMinor: 22\n"),
    ] {
        let path = cut.host.path(&format!("/proc/driver/nvidia/{file}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let fds = cut.host.path("/proc/4711/fd");
    fs::create_dir_all(&fds).unwrap();
    for (node, piece) in [
        ("/dev/nvidia-caps/nvidia-cap22", "compute instance 0 of 3g.71gb at 4"),
        ("/dev/nvidia-caps/nvidia-cap21", "GPU instance 3g.71gb at 4"),
    ] {
        _ = fs::remove_file(fds.join("9"));
        symlink(node, fds.join("9")).unwrap();

        let stderr = cut.refusal();

        let said = format!("error: 0000:00:06.0: {piece} is in use: process 4711 has {node} open\n");
        assert!(stderr.starts_with(&said), "{stderr}");
    }
    _ = fs::remove_file(fds.join("9"));
    symlink("/dev/nvidia0", fds.join("9")).unwrap();
    cut.lay_out(&gpu("mig_mode = false"));
    assert!(cut.refusal().contains("the whole GPU is in use: process 4711 has /dev/nvidia0 open"));
}

#[test]
fn an_instance_that_a_vgpu_has_is_not_taken() {
    let cut = Cut::new(HALVES, THREE);
    fs::create_dir_all(cut.path("state/vgpus")).unwrap();
    for (piece, piece_said) in [
        ("MIG-22222222-9abc-def0-1234-56789abcdef0", "compute instance 0 of 3g.71gb at 4"),
        ("22222222-9abc-def0-1234-56789abcdef0", "compute instance 0 of 3g.71gb at 4"),
        ("0000:00:06.0", "compute instance 0 of 3g.71gb at 0"),
    ] {
        let record = format!(r#"{{"placement":{{"piece":"{piece}"}},"wanted":"running"}}"#);
        fs::write(cut.path("state/vgpus/cad.json"), record).unwrap();

        let stderr = cut.refusal();

        let said = format!("error: 0000:00:06.0: {piece_said} is leased to vGPU cad\nhint: stop them first");
        assert!(stderr.starts_with(&said), "{stderr}");
    }
    let other = r#"{"placement":{"piece":"11111112-9abc-def0-1234-56789abcdef0"},"wanted":"running"}"#;
    fs::write(cut.path("state/vgpus/cad.json"), other).unwrap();
    assert_eq!(cut.apply().0, Some(0), "what stays may be leased");
}

#[test]
fn a_mode_that_waits_for_a_reset_is_told_and_gone_on_with_after_it() {
    let layout = gpu("mig_mode = true\nmig = [{ profile = \"7g.141gb\", placement = 0 }]");
    let cut = Cut::new("reset 1\n", &layout);
    let before = cut.exported();

    for _ in 0..2 {
        let (code, _, stderr) = cut.apply();
        assert_eq!(code, Some(3));
        assert_eq!(
            stderr,
            "error: 0000:00:06.0: MIG mode is switched by a reset only: GPU requires reset; 0 of 3 changes are made\n\
             hint: reset it once nothing uses it: nvidia-smi -i 0000:00:06.0 --gpu-reset; then the same command does \
             the rest\n"
        );
    }
    // The reset, after which it is as it was asked to be.
    cut.set("mode 1 1\n");
    let (code, stdout, stderr) = cut.apply();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(!stdout.contains("nvmlDeviceSetMigMode"), "{stdout}");
    assert_eq!(cut.said(&["assert", "-f", "layout.toml"]).0, Some(0));

    assert_eq!(cut.rollback().0, Some(0));
    assert_eq!(cut.exported(), before, "what was before the reset");
}

#[test]
fn a_mode_that_waits_for_a_reset_is_rolled_back_without_one() {
    let cut = Cut::new("reset 1\n", &gpu("mig_mode = true"));
    assert_eq!(cut.apply().0, Some(3));

    assert_eq!(cut.rollback().0, Some(0));

    assert!(fs::read_to_string(cut.path("nvml")).unwrap().starts_with("mode 0 0\n"));
}
