//! The programs that run VMs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Check, Host};

/// Where QEMU's tools look for programs that serve vhost-user devices; a file in the first hides one of its name.
const DISCOVERY: [&str; 2] = ["/etc/qemu/vhost-user", "/usr/share/qemu/vhost-user"];

/// The versions that are tested, as in README.md.
const TESTED: &str = "tested are 7.2, 10.0 and 11.1";

pub(super) fn checks(host: &Host, path: &OsStr) -> [Check; 2] {
    [qemu(host, path), discovery(host)]
}

fn qemu(host: &Host, path: &OsStr) -> Check {
    let name = format!("qemu-system-{}", std::env::consts::ARCH);
    let places = std::env::split_paths(path).map(|folder| folder.join(&name));
    let Some(file) =
        places.chain([PathBuf::from("/usr/libexec/qemu-kvm")]).find(|file| host.place(file).exists())
    else {
        return Check::ok("qemu", name, "not in PATH")
            .warn("install QEMU 8.0 or later, unless VMs run in something else");
    };
    let said = Command::new(host.place(&file)).arg("--version").output();
    let said =
        said.map_or_else(|error| error.to_string(), |output| String::from_utf8_lossy(&output.stdout).into());
    judge(&file, &said, host.place("/dev/kvm").exists())
}

fn judge(file: &Path, said: &str, kvm: bool) -> Check {
    let Some((major, minor)) = version(said) else {
        return Check::ok("qemu", file, format!("says no version, but `{}`", said.trim()))
            .fail("install QEMU 8.0 or later");
    };
    let check = Check::ok("qemu", file, format!("{major}.{minor}; {TESTED}"));
    match (major, minor) {
        (8.., _) => check,
        (7, 2..) if kvm => check,
        (7, 2..) => check
            .fail("before 8.0 QEMU starts no vhost-user-gpu without KVM: give it KVM or install a later one"),
        _ => check.warn("install QEMU 8.0 or later: nobody has tried this one"),
    }
}

/// Out of `QEMU emulator version 10.0.2 (Debian ...)`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.split_once(" version ")?.1.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// libvirt takes the first program for a GPU in the order of the files' names.
fn discovery(host: &Host) -> Check {
    let folder = DISCOVERY[1];
    let check = |file: &Path, found: String| Check::ok("discovery", file, found);
    let programs = gpu_programs(host);
    let Some(ours) = programs.iter().find(|(_, binary)| binary.ends_with("vgpu")) else {
        let found = "vgpu is not there; only libvirt's <driver name='vhostuser'/> asks for it".to_owned();
        return check(Path::new(folder), found);
    };
    let (file, binary) = ours;
    if !host.place(binary).exists() {
        return check(file, format!("names {}, which is not there", binary.display()))
            .fail("install vgpu there, or change `binary`");
    }
    match programs.first() {
        Some((first, other)) if first != file => {
            check(file, format!("comes after {}, which names {}", first.display(), other.display()))
                .warn(format!("rename it to 10-vgpu.json, or let {} go", first.display()))
        }
        _ => check(file, format!("names {}", binary.display())),
    }
}

/// Each file that names a program for GPUs, with the program, in libvirt's order.
fn gpu_programs(host: &Host) -> Vec<(PathBuf, PathBuf)> {
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in DISCOVERY.map(Path::new) {
        let entries = fs::read_dir(host.place(folder)).into_iter().flatten().flatten();
        for name in entries.map(|entry| entry.file_name()) {
            if !files.iter().any(|file| file.file_name() == Some(&name)) {
                files.push(folder.join(name));
            }
        }
    }
    files.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    let program = |file: PathBuf| {
        let value: serde_json::Value = serde_json::from_slice(&fs::read(host.place(&file)).ok()?).ok()?;
        let binary = value.get("binary")?.as_str()?.into();
        (value.get("type")? == "gpu").then_some((file, binary))
    };
    files.into_iter().filter_map(program).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::path::Path;

    use super::super::{Host, Status};
    use super::{checks, discovery, judge, version};

    #[test]
    fn versions_of_qemu_are_read_and_judged_by_what_works() {
        assert_eq!(version("QEMU emulator version 10.0.2 (Debian 1:10.0.2)"), Some((10, 0)));
        assert_eq!(version("no such file"), None);
        let status =
            |said: &str, kvm| judge(Path::new("q"), &format!("QEMU emulator version {said}"), kvm).status;
        assert_eq!(status("11.1.3", false), Status::Ok);
        assert_eq!(status("8.0.0", false), Status::Ok);
        assert_eq!((status("7.2.9", true), status("7.2.9", false)), (Status::Ok, Status::Fail));
        assert_eq!(status("6.2.0", true), Status::Warn);
        assert_eq!(judge(Path::new("q"), "", true).status, Status::Fail);
    }

    #[test]
    fn a_host_without_qemu_is_told_so() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/hosts/container");
        let [qemu, discovery] = checks(&Host { root: root.into() }, OsStr::new("/usr/bin:/bin"));
        assert_eq!((qemu.status, discovery.status), (Status::Warn, Status::Ok));
    }

    #[test]
    fn a_program_that_is_named_must_be_there_and_come_first() {
        let root = tempfile::tempdir().unwrap();
        let host = Host { root: root.path().into() };
        let write = |path: &str, text: &str| {
            let file = host.place(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("/usr/share/qemu/vhost-user/50-vgpu.json", r#"{"type":"gpu","binary":"/usr/bin/vgpu"}"#);
        write("/usr/share/qemu/vhost-user/10-fs.json", r#"{"type":"fs","binary":"/usr/libexec/virtiofsd"}"#);
        write("/usr/share/qemu/vhost-user/20-broken.json", "{");
        assert_eq!(discovery(&host).status, Status::Fail);
        write("/usr/bin/vgpu", "");
        assert_eq!(discovery(&host).status, Status::Ok);
        write(
            "/etc/qemu/vhost-user/50-qemu-gpu.json",
            r#"{"type":"gpu","binary":"/usr/lib/qemu/vhost-user-gpu"}"#,
        );
        let check = discovery(&host);
        assert_eq!(check.status, Status::Warn);
        assert!(check.found.contains("/etc/qemu/vhost-user/50-qemu-gpu.json"), "{check:?}");
    }
}
