//! What commands print.

use std::io::{self, Write};

use serde::Serialize;

use super::error::CommandError;

/// Prints a value as one line of JSON. A reader that went away is no error.
pub(super) fn json(value: &impl Serialize) -> Result<(), CommandError> {
    let line = serde_json::to_string(value).map_err(CommandError::host)?;
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::host(error)),
        _ => Ok(()),
    }
}
