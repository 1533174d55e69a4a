//! `vgpu daemon`.

use std::path::PathBuf;

use super::error::CommandError;
use crate::control::api::API_SOCKET;
use crate::daemon::{self, DaemonError, Options, StoreError};
use crate::inventory::SYSFS;
use crate::supervisor::SocketError;

/// Keep many vGPUs on offer, and serve an API to manage them
///
/// vGPUs outlive the daemon: when it ends, by whatever signal, VMs go on, and the next daemon on the same state folder
/// takes their vGPUs up again. `vgpu stop` and `vgpu delete` end them.
#[derive(clap::Args)]
pub(super) struct DaemonArgs {
    /// Where it keeps what it must not forget; one daemon at a time
    #[arg(long, value_name = "DIR", default_value = "/var/lib/vgpu")]
    state: PathBuf,
    /// The socket to serve the API on; only this user may connect
    #[arg(long, value_name = "SOCKET", env = "VGPU_API", hide_env_values = true, default_value = API_SOCKET)]
    api: PathBuf,
    /// Let this group use the API too: whoever may, may do everything with every vGPU
    #[arg(long, value_name = "NAME")]
    api_group: Option<String>,
    /// Where vGPUs' sockets may be; the first is where they are unless asked for elsewhere [default: beside the API's]
    #[arg(long = "socket-folder", value_name = "DIR")]
    socket_folders: Vec<PathBuf>,
    /// The kernel's view of the host: /sys, or a copy of another host's, in tests
    #[arg(long = "sysfs-root", value_name = "FOLDER", default_value = SYSFS)]
    sysfs: PathBuf,
    /// Run no vGPU where the host cannot give every layer of the sandbox
    #[arg(long)]
    require_sandbox: bool,
}

pub(super) fn run(arguments: &DaemonArgs) -> Result<(), CommandError> {
    let options = Options {
        state: arguments.state.clone(),
        api: arguments.api.clone(),
        api_group: arguments.api_group.clone(),
        socket_folders: arguments.socket_folders.clone(),
        sysfs: arguments.sysfs.clone(),
        require_sandbox: arguments.require_sandbox,
    };
    daemon::run(&options).map_err(|error| match &error {
        DaemonError::Store(StoreError::InUse(_)) => CommandError::user(error)
            .hint("give each daemon a --state of its own; `fuser` names the one that runs"),
        DaemonError::Store(StoreError::Host { .. }) => CommandError::user(error)
            .hint("its parent folder must exist, and this user must be allowed to write there"),
        DaemonError::Api(SocketError::InUse(_)) => {
            CommandError::user(error).hint("another daemon may run already; give each an --api of its own")
        }
        DaemonError::Api(SocketError::NotASocket(_)) => {
            CommandError::user(error).hint("remove it, or choose another --api")
        }
        DaemonError::Api(_) | DaemonError::Folder(_) => CommandError::user(error)
            .hint("the folder must exist, and this user must be allowed to write there"),
        DaemonError::Group(_) => {
            CommandError::user(error).hint("--api-group takes a group that the host knows")
        }
        DaemonError::Leftover(_) | DaemonError::Host(_) => CommandError::host(error),
    })
}
