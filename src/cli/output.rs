//! What commands print.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::error::CommandError;

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// For both
    Yaml,
}

/// How to print.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Output {
    /// How to print it
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t)]
    pub(super) format: Format,
}

impl Output {
    /// Prints the value, or its table.
    pub(super) fn print(
        self,
        value: &impl Serialize,
        table: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        self.format.print(value, table)
    }
}

impl Format {
    /// Prints the value, or its table.
    pub(super) fn print(
        self,
        value: &impl Serialize,
        table: impl FnOnce() -> String,
    ) -> Result<(), CommandError> {
        match self {
            Self::Table => text(&table()),
            Self::Json => text(&serde_json::to_string_pretty(value).map_err(CommandError::host)?),
            Self::Yaml => text(&serde_yaml_ng::to_string(value).map_err(CommandError::host)?),
        }
    }
}

/// Prints a value as one line of JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), CommandError> {
    text(&serde_json::to_string(value).map_err(CommandError::host)?)
}

/// Prints whole lines. A reader that went away is no error.
pub(super) fn text(text: &str) -> Result<(), CommandError> {
    match writeln!(io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::host(error)),
        _ => Ok(()),
    }
}

/// Columns under headings, as wide as what is in them, whatever reads it.
pub(super) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings).add_rows(rows);
    table.column_iter_mut().for_each(|column| _ = column.set_padding((0, 3)));
    table.trim_fmt()
}

/// An amount of memory, rounded.
pub(super) fn memory_text(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let (size, unit) = units.into_iter().find(|(size, _)| bytes >= *size).unwrap_or((1, ""));
    let amount = bytes as f64 / size as f64;
    let digits = usize::from(amount.fract() >= 0.05);
    format!("{amount:.digits$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::memory_text;

    #[test]
    fn amounts_are_short() {
        for (bytes, text) in [
            (0, "0"),
            (512, "512"),
            (64 << 20, "64MiB"),
            (1_610_612_736, "1.5GiB"),
            (8 << 30, "8GiB"),
            ((8 << 30) + 1, "8GiB"),
        ] {
            assert_eq!(memory_text(bytes), text);
        }
    }
}
