//! The daemon and what it works with: its API, its folders, and what earlier daemons left behind.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Check, Host as Files};
use crate::control::api::{ApiError, Client, Host};
use crate::control::lock;

/// What the daemon holds of a vGPU whose VM runs: sockets, the vault, the lock, and what the VM's next device process
/// would need (an event descriptor or two a ring, a file for each piece of the VM's memory).
const DESCRIPTORS_EACH: u64 = 32;

/// What is left for the daemon itself.
const DESCRIPTORS_OWN: u64 = 64;

/// As many vGPUs as a host of this kind should be good for.
const VGPUS_LEAST: u64 = 64;

pub(super) fn checks(files: &Files, api: &Path) -> Vec<Check> {
    let client = Client::new(api);
    let host = match client.host() {
        Ok(host) => host,
        Err(error) => return vec![unreachable(api, &error), descriptors(files, None, 0)],
    };
    let vgpus = client.list().map(|list| list.vgpus).unwrap_or_default();
    let names: BTreeSet<&str> = vgpus.iter().map(|vgpu| vgpu.name.as_str()).collect();
    let owner = fs::metadata(files.place(format!("/proc/{}", host.pid))).map_or(0, |process| process.uid());
    let mut checks = vec![
        version(api, &host, env!("CARGO_PKG_VERSION")),
        descriptors(files, Some(host.pid), vgpus.len() as u64),
        folder(files, "state_folder", &host.state_folder, owner),
    ];
    checks.extend(host.socket_folders.iter().map(|path| folder(files, "socket_folder", path, owner)));
    checks.push(leftovers(files, &host.state_folder, &names, lock::holder));
    checks
}

fn unreachable(api: &Path, error: &ApiError) -> Check {
    let check = Check::ok("daemon", api, error.to_string());
    match error {
        ApiError::Connect { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
            check.fail("use the API as root or as a member of the socket's group")
        }
        ApiError::Connect { .. } => {
            check.warn("start it with `vgpu daemon`, or name its socket with --api or VGPU_API")
        }
        _ => check.fail("see the daemon's log, or name another socket with --api or VGPU_API"),
    }
}

fn version(api: &Path, host: &Host, ours: &str) -> Check {
    let check = Check::ok("daemon", api, format!("version {}, process {}", host.version, host.pid));
    match host.version == ours {
        true => check,
        false => {
            check.warn(format!("this program is version {ours}: restart the daemon, VMs keep their vGPUs"))
        }
    }
}

/// The daemon takes as many descriptors as it may have, so what counts is the hard limit.
fn descriptors(files: &Files, daemon: Option<i32>, vgpus: u64) -> Check {
    let file = daemon.map_or_else(|| "/proc/self/limits".to_owned(), |pid| format!("/proc/{pid}/limits"));
    let text = files.read(&file).unwrap_or_default();
    let Some(limit) = hard_limit(&text) else {
        return Check::ok("descriptors", file, "does not say how many")
            .warn("mount /proc, and ask as the daemon's user");
    };
    let enough_for = limit.saturating_sub(DESCRIPTORS_OWN) / DESCRIPTORS_EACH;
    let check = Check::ok("descriptors", file, format!("{limit}, enough for {enough_for} vGPUs"));
    match enough_for < VGPUS_LEAST.max(vgpus) {
        true => check.warn("raise the daemon's limit: LimitNOFILE= in its systemd unit, or `ulimit -Hn`"),
        false => check,
    }
}

/// Out of `Max open files            1024                 524288               files`.
fn hard_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

/// Whoever may write to one of these folders can put something else in a vGPU's place.
fn folder(files: &Files, name: &'static str, path: &Path, owner: u32) -> Check {
    let check = |found: String| Check::ok(name, path, found);
    let found = match fs::metadata(files.place(path)) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => return check("no folder".to_owned()).fail("restart the daemon with a folder"),
        Err(error) => return check(error.to_string()).fail("restart the daemon: it makes its folders"),
    };
    let check = check(format!("owner {}, mode {:04o}", found.uid(), found.mode() & 0o7777));
    let shown = path.display();
    if ![0, owner].contains(&found.uid()) {
        return check
            .fail(format!("chown {owner} {shown}: its owner can take every vGPU away from the daemon"));
    }
    match writers(&found) {
        None => check,
        Some(who) => check.fail(format!("chmod go-w {shown}: {who} can put other sockets in their place")),
    }
}

/// Others than the owner who may rename what is in the folder. Where the sticky bit is set nobody may.
fn writers(folder: &Metadata) -> Option<&'static str> {
    match (folder.mode() & 0o1000 != 0, folder.mode() & 0o002 != 0, folder.mode() & 0o020 != 0) {
        (true, ..) | (_, false, false) => None,
        (_, true, _) => Some("everybody"),
        (_, _, true) => Some("its group"),
    }
}

/// Device processes hold their vGPU's lock as long as they live; one whose vGPU is not known is a leftover.
fn leftovers(
    files: &Files,
    state: &Path,
    names: &BTreeSet<&str>,
    holder: impl Fn(&File) -> io::Result<Option<i32>>,
) -> Check {
    let run = state.join("run");
    let entries = match fs::read_dir(files.place(&run)) {
        Ok(entries) => entries,
        Err(error) => {
            return Check::ok("leftovers", run, error.to_string()).warn(match error.kind() {
                io::ErrorKind::NotFound => "restart the daemon: it makes its folders",
                _ => "ask as the daemon's user",
            });
        }
    };
    let strangers = entries.flatten().filter(|entry| !names.contains(&*entry.file_name().to_string_lossy()));
    let mut held: Vec<(PathBuf, i32)> = strangers
        .filter_map(|entry| {
            let lock = entry.path().join("lock");
            // To ask about a lock, a file need only be open.
            let pid = File::open(&lock).and_then(|file| holder(&file)).ok()??;
            Some((run.join(entry.file_name()).join("lock"), pid))
        })
        .collect();
    held.sort();
    match held.first() {
        None => Check::ok("leftovers", run, "no device process without a vGPU"),
        Some((lock, pid)) => {
            let found =
                format!("process {pid} serves a vGPU that the daemon does not know; {} in all", held.len());
            let name = lock.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
            let record = state.join("vgpus").join(format!("{name}.json"));
            let check = Check::ok("leftovers", lock, found);
            match files.place(&record).exists() {
                true => check.warn(format!("mend {}, then restart the daemon", record.display())),
                false => check.warn("restart the daemon, which ends it: its VM loses the vGPU"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::super::Status;
    use super::*;

    fn host(version: &str) -> Host {
        Host {
            version: version.to_owned(),
            pid: 7,
            state_folder: "/var/lib/vgpu".into(),
            socket_folders: vec!["/run/vgpu".into()],
        }
    }

    #[test]
    fn without_a_daemon_the_socket_is_named_and_how_to_start_one() {
        let folder = tempfile::tempdir().unwrap();
        let api = folder.path().join("api.sock");

        let checks = checks(&Files { root: "/".into() }, &api);

        assert_eq!((checks[0].check, checks[0].status, &checks[0].file), ("daemon", Status::Warn, &api));
        assert!(checks[0].remedy.as_ref().unwrap().contains("vgpu daemon"));
    }

    #[test]
    fn a_daemon_of_another_version_is_noticed() {
        let status = |theirs: &str| version(Path::new("api"), &host(theirs), "0.2.0").status;
        assert_eq!((status("0.2.0"), status("0.1.0")), (Status::Ok, Status::Warn));
    }

    #[test]
    fn the_hard_limit_of_descriptors_is_counted_in_vgpus() {
        let root = tempfile::tempdir().unwrap();
        let files = Files { root: root.path().into() };
        fs::create_dir_all(files.place("/proc/7")).unwrap();
        let status = |limit: &str, vgpus| {
            let text = format!("Limit\nMax open files            1024   {limit}       files\n");
            fs::write(files.place("/proc/7/limits"), text).unwrap();
            descriptors(&files, Some(7), vgpus).status
        };
        assert_eq!(status("524288", 500), Status::Ok);
        assert_eq!(status("4096", 64), Status::Ok);
        assert_eq!(status("1024", 0), Status::Warn);
        assert_eq!(status("4096", 127), Status::Warn);
        assert_eq!(status("unlimited", 9999), Status::Ok);
        assert_eq!(status("many", 0), Status::Warn);
    }

    #[test]
    fn a_folder_that_others_may_write_to_or_own_is_a_failure() {
        let root = tempfile::tempdir().unwrap();
        let files = Files { root: root.path().into() };
        let path = Path::new("/state");
        fs::create_dir(files.place(path)).unwrap();
        let owner = fs::metadata(files.place(path)).unwrap().uid();
        for (mode, status) in [
            (0o700, Status::Ok),
            (0o755, Status::Ok),
            (0o1777, Status::Ok),
            (0o775, Status::Fail),
            (0o777, Status::Fail),
        ] {
            fs::set_permissions(files.place(path), Permissions::from_mode(mode)).unwrap();
            let check = folder(&files, "state_folder", path, owner);
            assert_eq!((check.status, check.file.as_path()), (status, path), "{mode:o}");
        }
        assert_eq!(folder(&files, "state_folder", Path::new("/none"), owner).status, Status::Fail);
    }

    #[test]
    fn only_a_held_lock_of_an_unknown_vgpu_is_a_leftover() {
        let root = tempfile::tempdir().unwrap();
        let files = Files { root: root.path().into() };
        for name in ["known", "gone", "stopped"] {
            fs::create_dir_all(files.place("/state/run").join(name)).unwrap();
            fs::write(files.place("/state/run").join(name).join("lock"), name).unwrap();
        }
        let holder = |lock: &File| {
            let text = io::read_to_string(lock)?;
            Ok((text != "stopped").then_some(42))
        };
        let state = Path::new("/state");

        let check = leftovers(&files, state, &BTreeSet::from(["known"]), holder);
        assert_eq!(check.status, Status::Warn);
        assert_eq!(check.file, Path::new("/state/run/gone/lock"));
        assert!(check.found.contains("process 42"), "{check:?}");
        assert!(check.remedy.unwrap().contains("ends it"));
        fs::create_dir(files.place("/state/vgpus")).unwrap();
        fs::write(files.place("/state/vgpus/gone.json"), "{").unwrap();
        let check = leftovers(&files, state, &BTreeSet::from(["known"]), holder);
        assert_eq!(check.remedy.unwrap(), "mend /state/vgpus/gone.json, then restart the daemon");
        assert_eq!(leftovers(&files, state, &BTreeSet::from(["known", "gone"]), holder).status, Status::Ok);
    }
}
