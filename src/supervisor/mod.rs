//! Keeps one vGPU on offer: owns its sockets, starts a device process for each VM, and another one in its place when
//! it dies.
//!
//! ```text
//! claim sockets ─► start a device process ─► it serves one VM and ends ─────────────────────┐
//!                    ▲        ▲    └───────► it dies with a VM: the next one goes on with it │
//!                    │        └── at once ───┘                                               │
//!                    └── at once; later and later if it keeps failing at its start ─────────┘
//! stop ─► end the device process, remove the sockets
//! ```
//!
//! While a device process lives it tells us, over a socket of its own, what another one would need to know (see
//! [`Journal`](crate::transport::vhost_user::Journal)); its other state is in a memfd of which we hold a copy, the
//! vault. With both, and the VM's connection, the next device process goes on where one died, and the VMM does not
//! notice.
//!
//! Where programs use Vulkan without a VM it is a render process that serves all of them. When it dies, the next one
//! tells them that their devices are lost: what they had on the GPU cannot be kept, and what answers them can.
//!
//! Invariants: it reads no byte that a guest wrote; it sleeps until something happens; what a device process tells can
//! harm the vGPU that it is of, and no other.
#![forbid(unsafe_code)]

mod adoption;
mod legacy;
mod plan;
mod process;
mod signals;
mod socket;
mod tie;
mod unit;
mod wait;

pub use process::end_holder;
pub use signals::on_termination;
pub use socket::{Access, Claimed, PATH_BYTES_MAX, Place, SocketError, remove_stale};
pub use unit::{Begin, Beside, Offer, Report, Unit};

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};

use crate::control::spec::{
    CONNECTION_FD, CONTROL_FD, DeviceSpec, FRONT_END_FD, KEEPER_FD, KICK_FD, LOCK_FD, PAGE_FD, Role, TIE_FD,
    VAULT_FD,
};
use crate::sandbox::driver_environment;
use crate::sys;

/// The exit code of a device process that another try would not help.
pub const HOPELESS: i32 = 1;

/// The sockets of a vGPU.
#[derive(Debug)]
pub struct Sockets {
    /// Where VMs connect; not to the render process of one.
    pub front_end: Option<Claimed>,
    /// Where operators connect.
    pub control: Option<Claimed>,
}

impl Sockets {
    /// Claims both, the operators' for us alone.
    pub fn claim(front_end: Option<&Place>, control: Option<&Path>) -> Result<Self, SocketError> {
        let control = control.map(Claimed::claim).transpose()?;
        let claim = |place: &Place| Claimed::claim_for(&place.path, place.access);
        Ok(Self { front_end: front_end.map(claim).transpose()?, control })
    }
}

/// What a device process inherits, by the numbers that it knows.
#[derive(Debug)]
pub struct Inheritance {
    /// Where the VM comes in.
    pub front_end: Option<OwnedFd>,
    /// Where operators come in.
    pub control: Option<OwnedFd>,
    /// The way to its keeper.
    pub keeper: Option<OwnedFd>,
    /// The memory that outlives it.
    pub vault: Option<OwnedFd>,
    /// The file to lock.
    pub lock: Option<OwnedFd>,
    /// The connection to go on with.
    pub connection: Option<OwnedFd>,
    /// The page that it shares with the arbiter, and what wakes that.
    pub seating: Option<[OwnedFd; 2]>,
    /// What a VM's device process and its render process share.
    pub tie: Option<[OwnedFd; 3]>,
}

impl Inheritance {
    /// The command that becomes a device process with these descriptors, and with no other thing of ours.
    pub fn prepare(self, spec: &DeviceSpec) -> io::Result<Command> {
        sys::close_all_on_exec()?;
        let mut command = Command::new("/proc/self/exe");
        command.arg0("vgpu").arg(spec.role.name()).arg(serde_json::to_string(spec)?);
        // A backtrace of a panic reads files, so that variable above all is not to come along.
        command.env_clear().envs(std::env::var_os("VGPU_LOG").map(|level| ("VGPU_LOG", level)));
        if spec.role == Role::Render {
            command.envs(driver_environment());
            #[cfg(feature = "faults")]
            command.envs(crate::fault::of_render(&spec.name));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let [page, kick] = self.seating.map_or([None, None], |both| both.map(Some));
        let [device_end, render_end, heap] = self.tie.map_or([None, None, None], |all| all.map(Some));
        let descriptors = [
            (self.front_end, FRONT_END_FD),
            (self.control, CONTROL_FD),
            (self.keeper, KEEPER_FD),
            (self.vault, VAULT_FD),
            (self.lock, LOCK_FD),
            (self.connection, CONNECTION_FD),
            (page, PAGE_FD),
            (kick, KICK_FD),
            (device_end, TIE_FD),
            (render_end, TIE_FD + 1),
            (heap, TIE_FD + 2),
        ];
        let mapping = |(ours, child_fd)| Some(FdMapping { parent_fd: ours?, child_fd });
        command
            .fd_mappings(descriptors.into_iter().filter_map(mapping).collect())
            .map_err(io::Error::other)?;
        Ok(command)
    }
}
