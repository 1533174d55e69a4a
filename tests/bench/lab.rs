//! Measures loads some rounds long, in turns, and reports; or only says how long that would take.

use std::process::ExitCode;

use crate::report::{Bar, Report, median};
use crate::tenants::{Built, Outcome, Ready, Tenant, Way};

/// What a measurement takes beside its own time: programs start, warm up and end.
const AROUND_SECONDS: f64 = 2.0;
/// What it takes to start servers.
const SERVERS_SECONDS: f64 = 2.0;

pub struct Settings {
    rounds: usize,
    seconds: f64,
    seconds_long: f64,
    built: Built,
}

impl Settings {
    pub fn read() -> Self {
        let number = |name: &str, usual: f64| -> f64 {
            std::env::var(name).map_or(usual, |text| {
                let number = text.parse().ok().filter(|number: &f64| *number > 0.0);
                number.unwrap_or_else(|| panic!("{name}={text} is not a number above 0"))
            })
        };
        let seconds = number("VGPU_SECONDS", 3.0);
        Self {
            rounds: number("VGPU_ROUNDS", 5.0).max(1.0) as usize,
            seconds,
            seconds_long: number("VGPU_SECONDS_LONG", seconds / 3.0 * 10.0),
            built: Built::find(number("VGPU_SCALE", 1.0)),
        }
    }
}

/// The tenants' outcomes, a list for each round.
#[derive(Clone)]
pub struct Measured(Vec<Vec<Outcome>>);

impl Measured {
    pub fn median(&self, figure: impl Fn(&[Outcome]) -> f64) -> f64 {
        median(self.0.iter().map(|outcomes| figure(outcomes)).collect())
    }
}

pub struct Lab<'settings> {
    settings: &'settings Settings,
    /// None where this is only to be planned.
    report: Option<Report>,
    seconds: f64,
    /// What tenants do alone, which several groups ask for.
    alone: Vec<(Tenant, Way, Measured)>,
}

impl<'settings> Lab<'settings> {
    pub fn new(settings: &'settings Settings) -> Self {
        Self { report: Some(Report::default()), ..Self::rehearsing(settings) }
    }

    pub fn rehearsing(settings: &'settings Settings) -> Self {
        Self { settings, report: None, seconds: 0.0, alone: Vec::new() }
    }

    /// What all measurements take.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    pub fn seconds_long(&self) -> f64 {
        self.settings.seconds_long
    }

    /// The same tenants in each of these ways, in turns.
    pub fn measure<const WAYS: usize>(&mut self, tenants: &[Tenant], ways: [Way; WAYS]) -> [Measured; WAYS] {
        self.measure_for(self.settings.seconds, tenants, ways)
    }

    /// Where shares are to show.
    pub fn measure_long<const WAYS: usize>(
        &mut self,
        tenants: &[Tenant],
        ways: [Way; WAYS],
    ) -> [Measured; WAYS] {
        self.measure_for(self.settings.seconds_long, tenants, ways)
    }

    fn measure_for<const WAYS: usize>(
        &mut self,
        seconds: f64,
        tenants: &[Tenant],
        ways: [Way; WAYS],
    ) -> [Measured; WAYS] {
        let Settings { rounds, built, .. } = self.settings;
        self.plan(*rounds * WAYS, seconds, WAYS);
        let mut measured = ways.map(|_| Measured(Vec::new()));
        if self.report.is_none() {
            return measured.map(|_| Measured(vec![vec![Outcome::NONE; tenants.len()]]));
        }
        let ready = ways.map(|way| Ready::start(built, tenants, way));
        for _ in 0..*rounds {
            for (ready, measured) in ready.iter().zip(&mut measured) {
                measured.0.push(ready.measure(seconds, || ()));
            }
        }
        ready.iter().for_each(Ready::tell_priorities);
        measured
    }

    /// What this tenant does without others: measured once.
    pub fn alone(&mut self, tenant: &Tenant, way: Way) -> Measured {
        let known = |(other, its_way, _): &&(Tenant, Way, Measured)| other == tenant && *its_way == way;
        if let Some((.., measured)) = self.alone.iter().find(known) {
            return measured.clone();
        }
        let [measured] = self.measure(std::slice::from_ref(tenant), [way]);
        self.alone.push((tenant.clone(), way, measured.clone()));
        measured
    }

    /// What is seen of a load while it runs, in each round.
    pub fn observe<T>(&mut self, tenants: &[Tenant], way: Way, look: impl Fn(&Ready<'_>) -> T) -> Vec<T> {
        let Settings { rounds, seconds_long, built, .. } = self.settings;
        self.plan(*rounds, *seconds_long, 1);
        if self.report.is_none() {
            return Vec::new();
        }
        let ready = Ready::start(built, tenants, way);
        let mut seen = Vec::new();
        for _ in 0..*rounds {
            ready.measure(*seconds_long, || seen.push(look(&ready)));
        }
        seen
    }

    fn plan(&mut self, measurements: usize, seconds: f64, servers: usize) {
        self.seconds += measurements as f64 * (seconds + AROUND_SECONDS) + servers as f64 * SERVERS_SECONDS;
    }

    pub fn row(&mut self, name: &str, value: f64, unit: &str, bar: Bar) {
        if let Some(report) = &mut self.report {
            report.row(name, value, unit, bar);
        }
    }

    /// A row of what not every host can say.
    pub fn row_if(&mut self, name: &str, value: Option<f64>, unit: &str, bar: Bar) {
        match (&mut self.report, value) {
            (Some(report), Some(value)) => report.row(name, value, unit, bar),
            (Some(report), None) => report.unknown(name, unit, bar),
            (None, _) => {}
        }
    }

    pub fn end(self) -> ExitCode {
        self.report.unwrap_or_default().end()
    }
}
