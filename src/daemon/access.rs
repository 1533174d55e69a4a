//! Users and groups of the host.

use nix::unistd::{Group, User};

use crate::control::profile::{Account, SocketAccess};
use crate::control::{Code, Refusal};
use crate::supervisor::Access;

/// Who may connect, by number.
pub(super) fn of(access: &SocketAccess) -> Result<Access, Refusal> {
    let user = |name: &str| User::from_name(name).map(|user| user.map(|user| user.uid.as_raw()));
    let owner = access.owner.as_ref().map(|owner| number(owner, "owner", "user", user)).transpose()?;
    let group =
        access.group.as_ref().map(|group| number(group, "group", "group", group_number)).transpose()?;
    Ok(Access { owner, group, mode: access.mode })
}

/// The number of a group.
pub(super) fn group_number(name: &str) -> nix::Result<Option<u32>> {
    Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw()))
}

fn number(
    account: &Account,
    field: &str,
    kind: &str,
    find: impl Fn(&str) -> nix::Result<Option<u32>>,
) -> Result<u32, Refusal> {
    let name = match account {
        Account::Number(number) => return Ok(*number),
        Account::Name(name) => name,
    };
    let found =
        find(name).map_err(|error| super::manager::host_failed("the accounts cannot be read", error))?;
    found.ok_or_else(|| {
        Refusal::new(Code::BadField, format_args!("this host has no {kind} `{name}`"))
            .field(format_args!("profile.socket.{field}"))
            .remedy(format_args!("make that {kind}, or name one that there is"))
    })
}
