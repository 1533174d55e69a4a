//! `vgpu doctor`.

use std::process::ExitCode;

use super::api::Api;
use super::error::CommandError;
use super::output::{self, Output};
use crate::doctor::{self, Check, Status};

/// Look for what keeps vGPUs from working on this host, and say what to do about it
///
/// Run it as the user that the daemon runs as. The exit code is 0 if all is well, 1 if something works less well than
/// it could, 2 if something does not work.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    api: Api,
    #[command(flatten)]
    output: Output,
}

/// Prints what was found; the worst of it is the exit code.
pub(super) fn run(arguments: &DoctorArgs) -> Result<ExitCode, CommandError> {
    let checks = doctor::examine(arguments.api.socket());
    arguments.output.print(&checks, || table(&checks))?;
    Ok(match doctor::worst(&checks) {
        Status::Ok => ExitCode::SUCCESS,
        Status::Warn => ExitCode::from(1),
        Status::Fail => ExitCode::from(2),
    })
}

/// A row each, then what to do: remedies are too long for a column.
fn table(checks: &[Check]) -> String {
    let status = |status: Status| match status {
        Status::Ok => "ok",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
    };
    let row = |check: &Check| {
        let file = check.file.display().to_string();
        vec![check.check.to_owned(), status(check.status).to_owned(), file, check.found.clone()]
    };
    let remedies =
        checks.iter().filter_map(|check| Some(format!("\n{}: {}", check.check, check.remedy.as_ref()?)));
    let table = output::table(&["CHECK", "STATUS", "FILE", "FOUND"], checks.iter().map(row));
    table + "\n" + &remedies.collect::<String>()
}
