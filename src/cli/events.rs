//! `vgpu events`.

use std::ops::ControlFlow;

use super::api::Api;
use super::error::CommandError;
use super::output::{self, Format, Output};
use crate::control::api::Event;

/// Print what happened to vGPUs, a line each
///
/// With `-o json` each line is a JSON object.
///
/// Example: vgpu events -f -o json
#[derive(Clone, Debug, clap::Args)]
pub(super) struct EventsArgs {
    /// Go on with events as they happen
    #[arg(short, long)]
    follow: bool,
    /// Leave out events up to this number; they count up from 1 since the daemon started
    #[arg(long, value_name = "NUMBER", default_value = "0")]
    after: u64,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    api: Api,
}

/// Prints events as they come.
pub(super) fn run(arguments: &EventsArgs) -> Result<(), CommandError> {
    let mut failed = Ok(());
    arguments.api.client().events(arguments.after, arguments.follow, |event| {
        failed = print(arguments.output.format, &event);
        if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    failed
}

fn print(format: Format, event: &Event) -> Result<(), CommandError> {
    match format {
        Format::Table => output::text(&line(event)),
        Format::Json => output::json(event),
        Format::Yaml => {
            let event = serde_yaml_ng::to_string(event).map_err(CommandError::host)?;
            output::text(&format!("---\n{event}"))
        }
    }
}

fn line(event: &Event) -> String {
    let detail = event.detail.as_deref().map_or(String::new(), |detail| format!("   {detail}"));
    let name = event.name.as_str();
    format!("{}   {name:16}   {:12}{detail}", utc(event.time), event.kind)
}

/// Seconds since 1970 as people write a time, to the millisecond.
fn utc(time: f64) -> String {
    let time = std::time::Duration::try_from_secs_f64(time).unwrap_or_default();
    let seconds = time.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", time.subsec_millis())
}

/// Year, month and day of a day since 1970, in the Gregorian calendar. Years begin in March here, so that the day
/// that some years lack is their last; 400 years always have as many days.
fn civil(day: u64) -> (u64, u64, u64) {
    let days = day + 719_468; // since the first of March of the year 0
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{civil, utc};

    #[test]
    fn times_are_written_as_in_the_calendar() {
        for (time, text) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (951_782_400.5, "2000-02-29T00:00:00.500Z"),
            (1_795_384_110.0, "2026-11-22T21:48:30.000Z"),
            (-1.0, "1970-01-01T00:00:00.000Z"),
            (f64::NAN, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(utc(time), text);
        }
    }

    #[test]
    fn each_day_follows_the_one_before() {
        let every = |year: u64, years| year.is_multiple_of(years);
        let leap = |year| every(year, 4) && (!every(year, 100) || every(year, 400));
        let mut expected = (1970, 1, 1);
        for day in 0..200_000 {
            assert_eq!(civil(day), expected);
            let (year, month, of_month) = expected;
            let length = match month {
                2 if leap(year) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (of_month == length, month == 12) {
                (false, _) => (year, month, of_month + 1),
                (true, false) => (year, month + 1, 1),
                (true, true) => (year + 1, 1, 1),
            };
        }
    }
}
