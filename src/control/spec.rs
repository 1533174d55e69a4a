//! What a device or render process is told by the process that starts it: one JSON argument and inherited descriptors.

use std::os::fd::RawFd;

use serde::{Deserialize, Serialize};

use super::profile::{Profile, Transport};

/// The number under which a device process inherits its front end's socket.
pub const FRONT_END_FD: RawFd = 3;

/// The number under which a device process inherits the operators' listening socket.
pub const CONTROL_FD: RawFd = 4;

/// The number under which a device process inherits the channel to its keeper, who can start another one in
/// its place.
pub const KEEPER_FD: RawFd = 5;

/// The number under which a device process inherits the vGPU's vault, a memfd.
pub const VAULT_FD: RawFd = 6;

/// The number under which a device process inherits the file that it locks as long as it lives.
pub const LOCK_FD: RawFd = 7;

/// The number under which a device process inherits the connection that another one served until it died.
pub const CONNECTION_FD: RawFd = 8;

/// The number under which a render process inherits the page that it shares with the arbiter.
pub const PAGE_FD: RawFd = 9;

/// The number under which a render process inherits the eventfd that wakes the arbiter.
pub const KICK_FD: RawFd = 10;

/// The number under which processes of a VM with Vulkan inherit the device's end of their link, that of the render
/// process, and the heap: three in a row.
pub const TIE_FD: RawFd = 11;

/// What waits under [`FRONT_END_FD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// A listening socket; the first to connect is served.
    Listener,
    /// The connection itself.
    Connection,
}

/// What a process does for its vGPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It serves a VM.
    Device,
    /// It runs Vulkan commands: of programs that come in by vtest, or of a VM.
    Render,
}

impl Role {
    /// The one that whoever uses a vGPU meets.
    pub fn first(profile: &Profile) -> Self {
        match profile.transport {
            Transport::VhostUser | Transport::VfioUser => Self::Device,
            Transport::Vtest => Self::Render,
        }
    }

    /// The verb that such a process is started with, and its kind in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Render => "render",
        }
    }
}

/// Everything that one device or render process needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceSpec {
    /// Which of the two it is.
    pub role: Role,
    /// The vGPU's name: it is in the log, and its monitors' serial number is made of it.
    pub name: String,
    /// What waits under [`FRONT_END_FD`].
    pub entry: Entry,
    /// Whether operators' requests come in under [`CONTROL_FD`].
    pub control: bool,
    /// Whether a keeper waits under [`KEEPER_FD`] and, for a device, a vault lies under [`VAULT_FD`].
    pub kept: bool,
    /// Whether there is a file to lock under [`LOCK_FD`].
    pub locked: bool,
    /// Whether the arbiter's page lies under [`PAGE_FD`] and what wakes it under [`KICK_FD`].
    pub scheduled: bool,
    /// Whether to go on with the VM under [`CONNECTION_FD`], or with the clients that the keeper tells of, before any
    /// that waits under [`FRONT_END_FD`].
    pub resumed: bool,
    /// End with an error where the host cannot give every layer of the sandbox.
    pub require_sandbox: bool,
    /// The process to die with.
    pub supervisor: Option<i32>,
    /// What the guest gets.
    pub profile: Profile,
}

impl DeviceSpec {
    /// Whether a VM's device process and its render process are tied together, by what lies under [`TIE_FD`].
    pub fn is_tied(&self) -> bool {
        self.profile.has_vulkan_in_vm()
    }
}

#[cfg(test)]
mod tests {
    use super::{DeviceSpec, Entry, Role};
    use crate::control::profile::Profile;

    #[test]
    fn a_spec_survives_the_way_through_an_argument() {
        let spec = DeviceSpec {
            role: Role::Device,
            name: "vm1".to_owned(),
            entry: Entry::Connection,
            control: true,
            kept: true,
            locked: true,
            scheduled: false,
            resumed: false,
            require_sandbox: false,
            supervisor: Some(7),
            profile: Profile::parse("name = \"a\"\n[[head]]\nsize = \"640x480\"").unwrap(),
        };

        let argument = serde_json::to_string(&spec).unwrap();

        assert_eq!(serde_json::from_str::<DeviceSpec>(&argument).unwrap(), spec);
    }
}
