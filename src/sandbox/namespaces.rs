//! Namespaces and the user: what a sealed process can see, and as whom.

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, chdir, geteuid, pivot_root, setgroups, setresgid, setresuid};

use super::{Layer, Needs, Report};

/// The user and group that own nothing, on every Linux.
const NOBODY: u32 = 65534;

/// An existing directory to put the empty root on; it is out of sight a moment later.
const MOUNT_POINT: &str = "/proc";

/// Takes files, network, IPC and the user away.
///
/// With CAP_SYS_ADMIN the other namespaces come first: the user's last act is a user namespace that it has nothing in,
/// and hosts that forbid those still give the others. Without it, a user namespace is what makes the others possible.
pub(super) fn enter(driver: Option<&Needs>, report: &mut Report) {
    let groups = driver.map(Needs::groups).unwrap_or_default();
    let privileged =
        caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_SYS_ADMIN).unwrap_or(false);
    if privileged {
        leave_the_host(driver.is_some(), report);
        become_nobody(&groups, report);
        leave_the_users(report);
    } else {
        become_nobody(&groups, report);
        leave_the_users(report);
        leave_the_host(driver.is_some(), report);
    }
}

fn leave_the_users(report: &mut Report) {
    // No user is mapped: inside and outside it is nobody.
    report.note(Layer::UserNamespace, unshare(CloneFlags::CLONE_NEWUSER));
}

/// A driver opens files by their paths: those stay, and Landlock is what keeps it from all others.
fn leave_the_host(keeps_files: bool, report: &mut Report) {
    report.note(Layer::NetworkNamespace, unshare(CloneFlags::CLONE_NEWNET));
    report.note(Layer::IpcAndHostName, unshare(CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS));
    if !keeps_files {
        report.note(Layer::EmptyRoot, empty_root());
    }
}

/// Makes an empty read-only file system the root and lets go of all others.
fn empty_root() -> Result<(), Errno> {
    const NOTHING: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("none"), MOUNT_POINT, Some("tmpfs"), flags, NOTHING)?;
    chdir(MOUNT_POINT)?;
    // With both names the same directory the old root lies on top of the new one, and is taken off.
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    chdir("/")
}

/// Of no group but these, which the driver's nodes are of. A user that is not root stays in its own.
fn become_nobody(groups: &[Gid], report: &mut Report) {
    let outcome = if geteuid().is_root() { give_up_root(groups) } else { Ok(()) };
    report.note(Layer::UnprivilegedUser, outcome);
}

fn give_up_root(groups: &[Gid]) -> Result<(), Errno> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(groups)?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)
}
