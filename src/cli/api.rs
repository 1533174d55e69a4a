//! Where the daemon is, and what operators are told when it does not do as asked.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::CommandError;
use crate::control::api::{API_SOCKET, ApiError, Client, Name};
use crate::control::{Code, Refusal};

/// Where the daemon's API is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Api {
    /// The daemon's API
    #[arg(long, value_name = "SOCKET", env = "VGPU_API", hide_env_values = true, default_value = API_SOCKET)]
    api: PathBuf,
}

impl Api {
    pub(super) fn client(&self) -> Client {
        Client::new(&self.api)
    }

    pub(super) fn socket(&self) -> &Path {
        &self.api
    }
}

/// Does the same for each name. A refusal of one keeps no other from being done; each is reported, the last one by
/// the caller.
pub(super) fn each<T>(
    names: &[Name],
    mut verb: impl FnMut(&Name) -> Result<T, ApiError>,
) -> (Vec<T>, Result<(), CommandError>) {
    let mut done = Vec::new();
    let mut failed: Option<CommandError> = None;
    for name in names {
        match verb(name) {
            Ok(value) => done.push(value),
            Err(error) => {
                let goes_on = matches!(error, ApiError::Refused(_));
                if let Some(before) = failed.replace(error.into()) {
                    before.report();
                }
                if !goes_on {
                    break;
                }
            }
        }
    }
    (done, failed.map_or(Ok(()), Err))
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        let said = match refusal.code {
            Code::HostFailed | Code::Busy => Self::host(&refusal),
            _ => Self::user(&refusal),
        };
        let unnamed = |field: &String| field != "name" && !refusal.message.contains(field.as_str());
        let field =
            refusal.field.iter().filter(|field| unnamed(field)).map(|field| format!("it is about `{field}`"));
        field.chain(refusal.remedy.clone()).fold(said, Self::hint)
    }
}

impl From<ApiError> for CommandError {
    fn from(error: ApiError) -> Self {
        match &error {
            ApiError::Connect { error: cause, .. } if cause.kind() == ErrorKind::PermissionDenied => {
                Self::user(&error).hint("only root and members of the socket's group may use it")
            }
            ApiError::Connect { .. } => Self::user(&error)
                .hint("start the daemon with `vgpu daemon`, or name its socket with --api or VGPU_API"),
            ApiError::Broken { .. } => Self::host(&error).hint("the daemon's log may say why"),
            ApiError::NoDaemon { .. } => {
                Self::user(&error).hint("give the API socket of a daemon that is as new as this program")
            }
            ApiError::Refused(refusal) => refusal.clone().into(),
        }
    }
}
