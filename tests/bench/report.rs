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

impl Bar {
    /// How it is written, and whether the value meets it.
    fn against(self, value: f64) -> (String, bool) {
        match self {
            Self::AtMost(most) => (format!("<={most}"), value <= most),
            Self::AtLeast(least) => (format!(">={least}"), value >= least),
            Self::None => ("-".into(), true),
        }
    }
}

#[derive(Default)]
pub struct Report {
    missed: usize,
}

impl Report {
    pub fn row(&mut self, name: &str, value: f64, unit: &str, bar: Bar) {
        self.print(name, &format!("{value:.3}"), unit, bar.against(value));
    }

    /// A figure that could not be had: it meets no bar.
    #[allow(dead_code, reason = "not every benchmark needs it")]
    pub fn unknown(&mut self, name: &str, unit: &str, bar: Bar) {
        self.print(name, "none", unit, bar.against(f64::NAN));
    }

    fn print(&mut self, name: &str, value: &str, unit: &str, (bar, met): (String, bool)) {
        self.missed += usize::from(!met);
        println!("{name} {value} {unit} {bar} {}", if met { "pass" } else { "miss" });
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
