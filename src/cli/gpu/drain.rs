//! `--drain`: vGPUs go before what they have is changed.

use std::io::Write;

use super::super::api::Api;
use super::super::error::CommandError;
use crate::control::api::Name;

/// What becomes of vGPUs in the way.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Drain {
    /// Stop the vGPUs that have what would be changed, instead of being refused; `vgpu start` offers them again
    #[arg(long)]
    drain: bool,
    #[command(flatten)]
    api: Api,
}

impl Drain {
    /// Does something that vGPUs may be in the way of, and again without them.
    pub(super) fn without<T, E: Into<CommandError>>(
        &self,
        mut attempt: impl FnMut() -> Result<T, E>,
        in_the_way: impl Fn(&E) -> &[String],
    ) -> Result<T, CommandError> {
        let mut stopped: Vec<String> = Vec::new();
        loop {
            let error = match attempt() {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let vgpus = in_the_way(&error);
            if !self.drain || vgpus.is_empty() || vgpus.iter().all(|vgpu| stopped.contains(vgpu)) {
                return Err(error.into());
            }
            for vgpu in vgpus {
                let name: Name = vgpu.parse().map_err(CommandError::user)?;
                self.api.client().stop(&name)?;
                // Whoever closed our standard error does not want to know.
                let _ = writeln!(std::io::stderr(), "vgpu: {vgpu} is stopped");
            }
            stopped.extend_from_slice(vgpus);
        }
    }
}

/// What to do about vGPUs in the way.
pub(super) fn hint(vgpus: &[String]) -> String {
    format!("stop them first: `vgpu stop {}`, or do this with --drain", vgpus.join(" "))
}
