//! `vgpu top`.

mod rates;
mod screen;
mod text;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::api::Api;
use super::error::CommandError;
use super::output;
use crate::control::api::{Client, Gpu, UsageList};
use rates::{Row, Sum};

/// Show what each vGPU gets of its GPU, and go on
///
/// WANTED% is the time in which a vGPU had work to do, GOT% the time of the GPU that it had, WAIT AVG how long its work
/// waited for leave each time, all since the figures before; WAIT MAX is the longest that it ever waited. GPU% is what
/// the vGPUs of a GPU had together. On the screen `q`, Esc and Ctrl-C end it.
///
/// Example: vgpu top -b -n 1
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TopArgs {
    /// Print text instead of filling the screen
    #[arg(short, long)]
    batch: bool,
    /// End after so many figures; without end if left out
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = count)]
    count: Option<usize>,
    /// Seconds between figures, 0.1 to 3600; the first ones come after as many
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = delay)]
    delay: Duration,
    #[command(flatten)]
    api: Api,
}

fn delay(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "write seconds from 0.1 to 3600, as in 2.5".to_owned())
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "write a number from 1 on".to_owned())
}

/// Shows figures until somebody has enough.
pub(super) fn run(arguments: &TopArgs) -> Result<(), CommandError> {
    let samples = Samples::new(arguments.api.client(), arguments.delay);
    let count = arguments.count.unwrap_or(usize::MAX);
    if arguments.batch {
        return batches(samples.take(count));
    }
    if !io::stdout().is_terminal() {
        return Err(CommandError::user("standard output is no terminal, so there is no screen to fill")
            .hint("`vgpu top -b` prints text"));
    }
    screen::run(samples.take(count))
}

/// Prints each figures after an empty line, until the reader goes away.
fn batches(samples: impl Iterator<Item = Result<Figures, CommandError>>) -> Result<(), CommandError> {
    for (number, figures) in samples.enumerate() {
        let between = if number == 0 { "" } else { "\n" };
        match writeln!(io::stdout(), "{between}{}", figures?.tables()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(CommandError::host)?,
        }
    }
    Ok(())
}

/// What vGPUs got in an interval.
#[derive(Clone, Debug)]
struct Figures {
    rows: Vec<Row>,
    gpus: Vec<Gpu>,
}

impl Figures {
    fn sums(&self) -> Vec<Sum> {
        rates::sums(&self.rows)
    }

    fn tables(&self) -> String {
        let sums = self.sums();
        let sums = sums.iter().map(|sum| text::gpu_cells(sum, &self.gpus));
        let rows = self.rows.iter().map(|row| text::vgpu_cells(row, &self.gpus));
        let (gpus, vgpus) =
            (output::table(&text::GPU_HEADINGS, sums), output::table(&text::VGPU_HEADINGS, rows));
        format!("{gpus}\n\n{vgpus}")
    }
}

/// Figures of one interval after the other. Each takes as long as that.
struct Samples {
    client: Client,
    delay: Duration,
    before: Option<UsageList>,
    gpus: Vec<Gpu>,
    /// The daemon may be unable to list GPUs, and takes long to find out.
    lists_gpus: bool,
}

impl Samples {
    fn new(client: Client, delay: Duration) -> Self {
        Self { client, delay, before: None, gpus: Vec::new(), lists_gpus: true }
    }

    fn sample(&mut self) -> Result<Figures, CommandError> {
        let before = match self.before.take() {
            Some(before) => before,
            None => self.client.usage()?,
        };
        std::thread::sleep(self.delay);
        let after = self.client.usage()?;
        if self.lists_gpus && after.vgpus.iter().any(|usage| usage.gpu.is_some()) {
            match self.client.gpus() {
                Ok(list) => self.gpus = list.gpus,
                Err(error) => {
                    tracing::debug!("GPUs have no names: {error}");
                    self.lists_gpus = false;
                }
            }
        }
        let rows = rates::rows(&before, &after);
        self.before = Some(after);
        Ok(Figures { rows, gpus: self.gpus.clone() })
    }
}

impl Iterator for Samples {
    type Item = Result<Figures, CommandError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.sample())
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, delay};

    #[test]
    fn a_delay_is_seconds_with_or_without_a_fraction() {
        assert_eq!(delay("2.5"), Ok(Duration::from_millis(2500)));
        for wrong in ["0", "-1", "1e9", "NaN", "inf", "soon", ""] {
            assert!(delay(wrong).unwrap_err().contains("0.1 to 3600"), "{wrong}");
        }
    }
}
