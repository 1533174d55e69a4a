//! `vgpu run`: offers one vGPU.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use serde_json::json;

use super::error::CommandError;
use super::output;
use crate::control::profile::{Profile, Transport};
use crate::control::spec::{DeviceSpec, Entry, Role};
use crate::supervisor::{
    self, Access, Begin, Beside, Claimed, Inheritance, Offer, Place, Report, SocketError, Sockets, Unit,
};
use crate::sys;

/// The longest profile that is read: all that there can be in one takes less.
const PROFILE_BYTES_MAX: u64 = 1 << 20;

/// Offer a vGPU on a socket, to one VM after the other
#[derive(clap::Args)]
pub(super) struct RunArgs {
    /// How whoever uses it comes in, where there is no profile that says it; vhost-user if left out
    #[arg(long, value_enum)]
    transport: Option<Transport>,
    /// The socket to listen on
    #[arg(long, alias = "socket-path", value_name = "PATH", required_unless_present = "fd")]
    socket: Option<PathBuf>,
    /// Serve the connection that the parent process left open under this number, and end with it
    #[arg(long, value_name = "N", conflicts_with = "socket")]
    fd: Option<RawFd>,
    /// What the guest gets: heads and limits (TOML)
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// The socket for `vgpu screenshot` and `vgpu set`
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// Refuse to run where the host cannot give every layer of the sandbox
    #[arg(long)]
    require_sandbox: bool,
    /// Print what QEMU's vhost-user convention asks for, as JSON
    #[arg(long)]
    print_capabilities: bool,
}

pub(super) fn run(arguments: &RunArgs) -> Result<(), CommandError> {
    if arguments.control.is_some() && arguments.control == arguments.socket {
        return Err(CommandError::cli("--socket and --control name the same path")
            .hint("VMs and operators each need a socket of their own"));
    }
    let control = arguments.control.as_deref().map(claim).transpose()?;
    let profile = profile(arguments)?;
    if arguments.fd.is_some() && profile.has_vulkan_in_vm() {
        return Err(CommandError::cli(
            "--fd passes the connection of one VM, but gpu.vulkan takes a process more",
        )
        .hint("give --socket"));
    }
    if arguments.fd.is_some() && profile.transport == Transport::Vtest {
        return Err(CommandError::cli("--fd passes the connection of one VM, but the transport is vtest")
            .hint("give --socket: programs that use Vulkan without a VM connect to it"));
    }
    let spec = DeviceSpec {
        role: Role::first(&profile),
        name: profile.name.clone(),
        entry: if arguments.fd.is_some() { Entry::Connection } else { Entry::Listener },
        control: control.is_some(),
        kept: false,
        locked: false,
        scheduled: false,
        resumed: false,
        require_sandbox: arguments.require_sandbox,
        supervisor: None,
        profile,
    };
    match (&arguments.socket, arguments.fd) {
        (_, Some(number)) => serve_connection(&spec, number, control.as_ref()),
        (Some(path), None) => supervise(spec, path, control),
        (None, None) => Err(CommandError::cli("neither --socket nor --fd says where the VM comes in")),
    }
}

fn profile(arguments: &RunArgs) -> Result<Profile, CommandError> {
    let Some(path) = &arguments.profile else {
        return Ok(Profile::of(arguments.transport.unwrap_or_default()));
    };
    let profile = read_profile(path)?;
    match arguments.transport {
        Some(transport) if transport != profile.transport => {
            let message =
                format!("--transport is {transport}, but {} says {}", path.display(), profile.transport);
            Err(CommandError::cli(message).hint("leave --transport out, or change the profile"))
        }
        _ => Ok(profile),
    }
}

/// Management software wants the list of features, though it is empty (QEMU, docs/interop/vhost-user.json).
pub(super) fn print_capabilities() -> Result<(), CommandError> {
    output::json(&json!({ "type": "gpu", "features": [] }))
}

fn supervise(spec: DeviceSpec, path: &Path, control: Option<Claimed>) -> Result<(), CommandError> {
    let spec = DeviceSpec { supervisor: Some(std::process::id().cast_signed()), ..spec };
    let sockets = Sockets { front_end: Some(claim(path)?), control };
    let with_control = sockets
        .control
        .as_ref()
        .map_or(String::new(), |control| format!(" (control {})", control.path().display()));
    let _ = writeln!(io::stderr(), "vgpu: listening on {}{with_control}", path.display());
    let (end, ended) = mpsc::channel();
    let hopeless = end.clone();
    supervisor::on_termination(move |_| _ = end.send(Ok(()))).map_err(CommandError::host)?;
    let report = move |report| {
        if let Report::Failing { problem, hopeless: true } | Report::Beside(Some(problem)) = report {
            _ = hopeless.send(Err(CommandError::user(problem)));
        }
    };
    let front_end = Place { path: path.to_owned(), access: Access::default() };
    let beside = Beside::default();
    let offer = Offer { spec, front_end, control: None, lock: None, arbiter: None, beside };
    let unit = Unit::start(offer, Begin::With(sockets), report).map_err(CommandError::host)?;
    let end = ended.recv().map_err(CommandError::host)?;
    unit.stop().map_err(CommandError::host)?;
    end
}

/// Becomes the device process itself: whoever passed the connection wants this very process to serve it.
fn serve_connection(spec: &DeviceSpec, number: RawFd, control: Option<&Claimed>) -> Result<(), CommandError> {
    let unusable = |reason: io::Error| {
        CommandError::user(format!("cannot serve the connection under --fd {number}: {reason}"))
            .hint("pass the number of a connected Unix socket that is inherited (not close-on-exec)")
    };
    let connection = UnixStream::from(sys::adopt_fd(number).map_err(unusable)?);
    connection.peer_addr().map_err(unusable)?;
    let control = control.map(Claimed::duplicate).transpose().map_err(CommandError::host)?;
    let front_end = OwnedFd::from(connection);
    let inheritance = Inheritance {
        front_end: Some(front_end),
        control,
        keeper: None,
        vault: None,
        lock: None,
        connection: None,
        seating: None,
        tie: None,
    };
    let mut command = inheritance.prepare(spec).map_err(CommandError::host)?;
    Err(CommandError::host(format!("cannot start the device process: {}", command.exec())))
}

fn claim(path: &Path) -> Result<Claimed, CommandError> {
    Claimed::claim(path).map_err(|error| {
        let hint = match &error {
            SocketError::InUse(_) => "each vGPU needs a path of its own; `fuser PATH` names the process",
            SocketError::NotASocket(_) => "remove it, or give another path",
            SocketError::TooLong(_) => "use a shorter path, as under /run, or a relative one",
            SocketError::Host { .. } => {
                "the directory must exist and this user must be allowed to write to it"
            }
        };
        CommandError::user(error).hint(hint)
    })
}

pub(super) fn read_profile(path: &Path) -> Result<Profile, CommandError> {
    let text = read_text(path).map_err(|error| {
        CommandError::user(format!("cannot read the profile {}: {error}", path.display()))
    })?;
    Profile::parse(&text).map_err(|error| {
        let command_error = CommandError::user(format!("{}, {error}", path.display()));
        error.hint.into_iter().fold(command_error, CommandError::hint)
    })
}

/// A path that never ends, as of a device, is not to fill our memory.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let length = File::open(path)?.take(PROFILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    match length as u64 > PROFILE_BYTES_MAX {
        true => Err(io::Error::other(format!("it is longer than {PROFILE_BYTES_MAX} bytes"))),
        false => Ok(text),
    }
}
