//! The daemon as a service of the host: its limits, its end, its socket, and the word to whoever started it.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::sync::mpsc;
use std::thread;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::{Daemon, DaemonError, Options, access};
use crate::control::api;
use crate::control::profile::{Account, SocketAccess};
use crate::supervisor::{Access, Claimed, on_termination};
use crate::sys;

/// Keeps every vGPU and serves the API until SIGTERM or SIGINT. vGPUs go on after that.
pub fn run(options: &Options) -> Result<(), DaemonError> {
    let (end, ended) = mpsc::channel();
    let terminated = end.clone();
    on_termination(move |_| _ = terminated.send(Ok(()))).map_err(DaemonError::Host)?;
    sys::share_one_heap();
    raise_descriptors().map_err(DaemonError::Host)?;
    let access = api_access(options)?;

    let daemon = Daemon::open(options)?;
    let socket = Claimed::claim_for(&options.api, access)?;
    let listener = UnixListener::from(socket.duplicate().map_err(DaemonError::Host)?);
    let serve = move || _ = end.send(api::serve(listener, daemon));
    thread::Builder::new().name("api".into()).spawn(serve).map_err(DaemonError::Host)?;
    tracing::info!("the API is served on {}", options.api.display());
    if let Err(error) = tell_ready() {
        tracing::warn!("the service manager was not told that the daemon is ready: {error}");
    }
    match ended.recv() {
        Ok(Err(error)) => Err(DaemonError::Host(error)),
        _ => Ok(()),
    }
}

/// Whoever is in the group may do everything.
fn api_access(options: &Options) -> Result<Access, DaemonError> {
    let Some(group) = &options.api_group else { return Ok(Access::default()) };
    let wanted = SocketAccess { owner: None, group: Some(Account::Name(group.clone())), mode: 0o660 };
    access::of(&wanted).map_err(|refusal| DaemonError::Group(refusal.message))
}

/// We keep copies of all descriptors that VMs hand out, some ten for each VM, hundreds for some.
fn raise_descriptors() -> io::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

/// As systemd and others ask for it (sd_notify).
fn tell_ready() -> io::Result<()> {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let address = match name.as_encoded_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(&name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address).map(drop)
}
