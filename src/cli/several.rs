//! Verbs that do the same to several vGPUs and print what became of them.

use super::api::{Api, each};
use super::error::CommandError;
use super::output::Output;
use super::vgpus;
use crate::control::api::{ApiError, Client, Name, Vgpu, VgpuList};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Several {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<Name>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    api: Api,
}

impl Several {
    /// Does it to each, and prints those to which it was done.
    pub(super) fn each(
        &self,
        verb: impl Fn(&Client, &Name) -> Result<Vgpu, ApiError>,
    ) -> Result<(), CommandError> {
        let client = self.api.client();
        let (vgpus, failed) = each(&self.names, |name| verb(&client, name));
        if !vgpus.is_empty() {
            let list = VgpuList { vgpus };
            self.output.print(&list, || vgpus::table(&list.vgpus))?;
        }
        failed
    }
}
