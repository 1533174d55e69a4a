//! What operators are told when a vGPU's control socket does not do as asked.

use std::io::ErrorKind;

use super::error::CommandError;
use crate::control::client::ClientError;

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Refused(refusal) => refusal.clone().into(),
            ClientError::Connect { error: cause, .. } => match cause.kind() {
                ErrorKind::PermissionDenied => {
                    Self::user(&error).hint("only the user who started the vGPU, and root, may look at it")
                }
                _ => Self::user(&error)
                    .hint("give the path that `vgpu run --control PATH` was given, while it is running"),
            },
            ClientError::NoAnswer { .. } => {
                Self::host(&error).hint("its device process is busy or stuck: try again")
            }
            ClientError::Broken { .. } => Self::host(&error)
                .hint("the log of `vgpu run` says why; only its --control socket answers operators"),
            ClientError::NoVgpu { .. } => Self::user(&error).hint("give the path of a vGPU's control socket"),
        }
    }
}
