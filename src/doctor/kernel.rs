//! What the kernel gives.

use std::ffi::CStr;
use std::io;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{AccessFlags, access};

use super::{Check, Host};

/// The kernel's default; what it is for grows with the pieces of memory that a VM has.
const MAP_COUNT_DEFAULT: u64 = 65_530;

pub(super) fn checks(host: &Host) -> Vec<Check> {
    vec![kvm(host), user_namespaces(host), landlock(host), seccomp(host), map_count(host), shmem_pages(host)]
}

fn kvm(host: &Host) -> Check {
    let file = "/dev/kvm";
    let check = |found: &str| Check::ok("kvm", file, found);
    if !host.place(file).exists() {
        return check("not there").warn("load kvm_intel or kvm_amd: without KVM VMs are emulated, slowly");
    }
    if access(&host.place(file), AccessFlags::R_OK | AccessFlags::W_OK).is_err() {
        return check("not for this user")
            .warn("add the user that runs the VMM to the file's group, which is `kvm` on most hosts");
    }
    let cpu = host.read("/proc/cpuinfo").unwrap_or_default();
    let flags = cpu.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let able = flags.split(' ').any(|flag| ["vmx", "svm"].contains(&flag));
    match able || !cfg!(target_arch = "x86_64") {
        true => check("there, for this user too"),
        false => check("there, but the processor has neither vmx nor svm").warn(
            "switch virtualization on in the firmware, or nested virtualization where this host is a VM",
        ),
    }
}

/// Tries it out: vaults are sealed memfds, and so is the memory that VMMs share.
pub(super) fn memfd() -> Check {
    let seal = || -> io::Result<()> {
        const NAME: &CStr = c"vgpu-doctor";
        let file = memfd_create(NAME, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW))?;
        Ok(())
    };
    match seal() {
        Ok(()) => Check::ok("memfd", "/proc/sys/vm/memfd_noexec", "memfds can be made and sealed"),
        Err(error) => Check::ok("memfd", "/proc/sys/vm/memfd_noexec", format!("no sealed memfd: {error}"))
            .fail("use a kernel with CONFIG_MEMFD_CREATE, and a seccomp profile that allows memfd_create"),
    }
}

/// Switches that forbid user namespaces: the value that does, and how to set another one.
const SWITCHES: [(&str, u64, &str); 3] = [
    ("/proc/sys/user/max_user_namespaces", 0, "sysctl user.max_user_namespaces=65536"),
    ("/proc/sys/kernel/unprivileged_userns_clone", 0, "sysctl kernel.unprivileged_userns_clone=1"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        1,
        "an AppArmor profile for vgpu with `userns,`, or sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
];

fn user_namespaces(host: &Host) -> Check {
    let forbidding = SWITCHES.iter().find(|(file, value, _)| host.number(file) == Some(*value));
    match forbidding {
        Some((file, value, remedy)) => {
            Check::ok("user_namespaces", file, format!("{value}, so there are none"))
                .warn(format!("{remedy}; without them device processes are less sealed"))
        }
        None if host.number(SWITCHES[0].0).is_none() => {
            Check::ok("user_namespaces", SWITCHES[0].0, "not there")
                .warn("use a kernel with CONFIG_USER_NS: without it device processes are less sealed")
        }
        None => Check::ok("user_namespaces", SWITCHES[0].0, "allowed"),
    }
}

fn landlock(host: &Host) -> Check {
    let file = "/sys/kernel/security/lsm";
    match host.read(file) {
        Ok(list) if list.trim().split(',').any(|module| module == "landlock") => {
            Check::ok("landlock", file, "in the list")
        }
        Ok(list) => Check::ok("landlock", file, format!("not in the list `{}`", list.trim()))
            .warn("boot Linux 5.13 or later with `landlock` in the `lsm=` list"),
        Err(_) => Check::ok("landlock", file, "cannot be read here; `seal` says whether it holds"),
    }
}

fn seccomp(host: &Host) -> Check {
    let file = "/proc/sys/kernel/seccomp/actions_avail";
    let actions = host.read(file).unwrap_or_default();
    match actions.split_whitespace().any(|action| action == "kill_process") {
        true => Check::ok("seccomp", file, "filters can end a process"),
        false => Check::ok("seccomp", file, "no `kill_process`")
            .fail("use a kernel with CONFIG_SECCOMP_FILTER, 4.14 or later"),
    }
}

fn map_count(host: &Host) -> Check {
    let file = "/proc/sys/vm/max_map_count";
    match host.number(file) {
        Some(count) if count < MAP_COUNT_DEFAULT => Check::ok("map_count", file, count.to_string()).warn(
            format!("sysctl vm.max_map_count={MAP_COUNT_DEFAULT}: guests with much memory in pieces need it"),
        ),
        Some(count) => Check::ok("map_count", file, count.to_string()),
        None => Check::ok("map_count", file, "cannot be read").warn("mount /proc"),
    }
}

/// Parts of huge pages cannot be given back while a GPU holds them: see [`Heap::punch`](crate::heap::Heap::punch).
fn shmem_pages(host: &Host) -> Check {
    let file = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
    let list = host.read(file).unwrap_or_default();
    let chosen = list.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
    let check = |found: &str| Check::ok("shmem_pages", file, found);
    match chosen {
        None => check("no huge pages in shared memory"),
        Some(chosen @ ("never" | "advise" | "deny")) => check(chosen),
        Some(chosen) => check(chosen).warn(format!(
            "echo never >{file} before VMs with Vulkan start: a GPU that still works in a part of a huge page keeps \
             that part from being emptied, and the guest's next program may see it"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Host, Status};
    use super::{checks, memfd, shmem_pages};

    /// Hosts written down under tests/fixtures: the files that are asked about, as such hosts have them.
    fn host(name: &str) -> Vec<(&'static str, Status, String)> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/hosts/");
        let checks = checks(&Host { root: format!("{root}{name}").into() });
        checks
            .into_iter()
            .map(|check| (check.check, check.status, check.file.display().to_string()))
            .collect()
    }

    #[test]
    fn a_debian_host_is_well() {
        for (check, status, file) in host("debian-12") {
            assert_eq!(status, Status::Ok, "{check} by {file}");
        }
    }

    #[test]
    fn an_ubuntu_host_that_restricts_namespaces_is_told_which_file_does() {
        let file = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns".to_owned();
        assert!(host("ubuntu-24.04").contains(&("user_namespaces", Status::Warn, file)));
    }

    #[test]
    fn a_host_that_puts_shared_memory_into_huge_pages_is_warned() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sys/kernel/mm/transparent_hugepage");
        std::fs::create_dir_all(&folder).unwrap();
        for (list, status) in [
            ("always within_size [advise] never deny force\n", Status::Ok),
            ("[always] within_size advise never deny force\n", Status::Warn),
        ] {
            std::fs::write(folder.join("shmem_enabled"), list).unwrap();
            assert_eq!(shmem_pages(&Host { root: root.path().into() }).status, status, "{list}");
        }
    }

    #[test]
    fn a_bare_container_is_told_everything_that_it_lacks() {
        let said = host("container").into_iter().map(|(check, status, _)| (check, status));
        assert_eq!(
            said.collect::<Vec<_>>(),
            [
                ("kvm", Status::Warn),
                ("user_namespaces", Status::Warn),
                ("landlock", Status::Warn),
                ("seccomp", Status::Fail),
                ("map_count", Status::Warn),
                ("shmem_pages", Status::Ok),
            ]
        );
    }

    #[test]
    fn memfds_are_tried_out_here() {
        assert_eq!(memfd().status, Status::Ok);
    }
}
