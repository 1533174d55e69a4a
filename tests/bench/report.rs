//! What a benchmark prints.

use std::process::ExitCode;

/// Whether a figure must not be above its bar, or not below.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "not every benchmark needs each")]
pub enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// Printed for the reader.
    None,
}

#[derive(Default)]
pub struct Report {
    missed: usize,
}

impl Report {
    pub fn row(&mut self, name: &str, value: f64, unit: &str, bar: Bar) {
        let (bar, met) = match bar {
            Bar::AtMost(most) => (format!("<={most}"), value <= most),
            Bar::AtLeast(least) => (format!(">={least}"), value >= least),
            Bar::None => ("-".into(), true),
        };
        self.missed += usize::from(!met);
        println!("{name} {value:.3} {unit} {bar} {}", if met { "pass" } else { "miss" });
    }

    pub fn end(self) -> ExitCode {
        if self.missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The middle of the values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
