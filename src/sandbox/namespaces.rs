//! Namespaces and the user: what a sealed process can see, and as whom.

use std::fs::read_link;

use caps::{CapSet, Capability};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, chdir, geteuid, pivot_root, setgroups, setresgid, setresuid};

use super::{Layer, Needs, Report};

/// The user and group that own nothing, on every Linux.
const NOBODY: u32 = 65534;

/// The first user namespace, by a number that the kernel promises.
const FIRST_USERS: &str = "user:[4026531837]";

/// An existing directory to put the empty root on; it is out of sight a moment later.
const MOUNT_POINT: &str = "/proc";

/// Takes files, network, IPC and the user away.
///
/// With CAP_SYS_ADMIN the other namespaces come first: the user's last act is a user namespace that it has nothing in,
/// and hosts that forbid those still give the others. Without it, a user namespace is what makes the others possible.
pub(super) fn enter(driver: Option<&Needs>, report: &mut Report) {
    let groups = driver.map(Needs::groups).unwrap_or_default();
    if report.keeps_priority() {
        leave_the_host(driver.is_some(), report);
        become_nobody_but_capable(&groups, report);
    } else if has(Capability::CAP_SYS_ADMIN) {
        leave_the_host(driver.is_some(), report);
        become_nobody(&groups, report);
        leave_the_users(report);
    } else {
        become_nobody(&groups, report);
        leave_the_users(report);
        leave_the_host(driver.is_some(), report);
    }
}

/// Whether CAP_SYS_NICE can be kept in the first user namespace, where alone drivers look for it, and the other
/// namespaces be left all the same: those take CAP_SYS_ADMIN. Without it the seal is worth more than the priority.
pub(super) fn priority_can_be_kept() -> bool {
    let first = read_link("/proc/self/ns/user").is_ok_and(|namespace| namespace.as_os_str() == FIRST_USERS);
    first && has(Capability::CAP_SYS_NICE) && has(Capability::CAP_SYS_ADMIN)
}

fn has(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false)
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

/// The same, with all capabilities still there: which of them are dropped is decided after this.
fn become_nobody_but_capable(groups: &[Gid], report: &mut Report) {
    let kept = prctl::set_keepcaps(true);
    become_nobody(groups, report);
    let kept = kept.and_then(|()| prctl::set_keepcaps(false)).is_ok();
    // A change of user clears those in effect in any case.
    let permitted = caps::read(None, CapSet::Permitted).unwrap_or_default();
    if !kept || caps::set(None, CapSet::Effective, &permitted).is_err() {
        tracing::warn!("the kernel gave no capability back after the change of user");
    }
}

fn give_up_root(groups: &[Gid]) -> Result<(), Errno> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(groups)?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)
}
