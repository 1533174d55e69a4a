//! What vGPUs got in the time between two answers.

use std::collections::BTreeMap;

use crate::control::api::{UsageList, VgpuUsage};

/// A vGPU, and what it got in an interval.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// As the later answer has it.
    pub(super) usage: VgpuUsage,
    /// Not known of one that came, or began anew, in the interval.
    pub(super) rates: Option<Rates>,
}

/// What a vGPU got, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    /// Percent of the time in which it had work to do.
    pub(super) wanted: f64,
    /// Percent of its GPU's time that it had.
    pub(super) got: f64,
    /// How long it waited each time, if it did.
    pub(super) wait_ns: Option<u64>,
    /// Submissions that ended in a second.
    pub(super) submissions: f64,
}

/// A GPU, and what its vGPUs got together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sum {
    /// Its UUID.
    pub(super) gpu: String,
    /// vGPUs on it.
    pub(super) vgpus: usize,
    /// Percent of its time that they had.
    pub(super) got: f64,
}

/// Each vGPU of the later answer; who got most comes first.
pub(super) fn rows(before: &UsageList, after: &UsageList) -> Vec<Row> {
    let earlier: BTreeMap<_, _> = before.vgpus.iter().map(|usage| (&usage.name, usage)).collect();
    let time_ns = after.time_ns.saturating_sub(before.time_ns);
    let row = |usage: &VgpuUsage| {
        let earlier = earlier.get(&usage.name);
        let rates = earlier.and_then(|earlier| Rates::between(earlier, usage, time_ns));
        Row { usage: usage.clone(), rates }
    };
    let mut rows: Vec<Row> = after.vgpus.iter().map(row).collect();
    let got = |row: &Row| row.rates.map_or(0.0, |rates| rates.got);
    rows.sort_by(|one, other| {
        got(other).total_cmp(&got(one)).then_with(|| one.usage.name.cmp(&other.usage.name))
    });
    rows
}

/// Each GPU that a vGPU is on.
pub(super) fn sums(rows: &[Row]) -> Vec<Sum> {
    let mut sums: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for row in rows {
        if let Some(gpu) = &row.usage.gpu {
            let (vgpus, got) = sums.entry(gpu).or_default();
            *vgpus += 1;
            *got += row.rates.map_or(0.0, |rates| rates.got);
        }
    }
    sums.into_iter().map(|(gpu, (vgpus, got))| Sum { gpu: gpu.to_owned(), vgpus, got }).collect()
}

impl Rates {
    /// `None` where a figure became less: whoever it is about began anew.
    fn between(before: &VgpuUsage, after: &VgpuUsage, time_ns: u64) -> Option<Self> {
        if time_ns == 0 || before.gpu != after.gpu {
            return None;
        }
        let grown = |of: fn(&VgpuUsage) -> u64| of(after).checked_sub(of(before));
        let waits = grown(|usage| usage.waits)?;
        let percent = |part_ns: u64| 100.0 * part_ns as f64 / time_ns as f64;
        Some(Self {
            wanted: percent(grown(|usage| usage.wanted_ns)?),
            got: percent(grown(|usage| usage.busy_ns)?),
            wait_ns: grown(|usage| usage.wait_ns)?.checked_div(waits),
            submissions: grown(|usage| usage.submissions)? as f64 * 1e9 / time_ns as f64,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::control::api::Priority;
    use crate::control::profile::Class;

    const SECOND_NS: u64 = 1_000_000_000;

    fn idle(name: &str) -> VgpuUsage {
        VgpuUsage {
            name: name.parse().unwrap(),
            gpu: Some("d1bb".to_owned()),
            weight: 100,
            cap: 100,
            class: Class::Normal,
            priority: Priority::Ordinary,
            wanted_ns: 0,
            busy_ns: 0,
            wait_ns: 0,
            waits: 0,
            wait_max_ns: 0,
            slices: 0,
            slice_ns: 0,
            overshoot_ns: 0,
            submissions: 0,
            memory_bytes_used: 0,
            memory_bytes_max: 1 << 30,
            memory_bytes_driver: None,
        }
    }

    fn at(seconds: u64, vgpus: Vec<VgpuUsage>) -> UsageList {
        UsageList { time_ns: seconds * SECOND_NS, vgpus }
    }

    fn busy(name: &str, seconds: u64) -> VgpuUsage {
        let time_ns = seconds * SECOND_NS;
        VgpuUsage { busy_ns: time_ns / 4, wanted_ns: time_ns / 2, submissions: 30 * seconds, ..idle(name) }
    }

    /// Each with a quarter of it.
    pub(in crate::cli::top) fn two_on_a_gpu() -> Vec<Row> {
        rows(&at(1, vec![busy("a", 1), busy("b", 1)]), &at(2, vec![busy("a", 2), busy("b", 2)]))
    }

    #[test]
    fn who_got_most_comes_first() {
        let rows = rows(
            &at(1, vec![idle("a"), idle("b"), idle("c")]),
            &at(2, vec![idle("a"), busy("b", 1), idle("c")]),
        );

        assert_eq!(rows.iter().map(|row| row.usage.name.as_str()).collect::<Vec<_>>(), ["b", "a", "c"]);
    }

    #[test]
    fn percents_and_submissions_are_of_the_time_in_between() {
        let rows = rows(&at(1000, vec![busy("a", 7)]), &at(1004, vec![busy("a", 11)]));

        let rates = Rates { wanted: 50.0, got: 25.0, wait_ns: None, submissions: 30.0 };
        assert_eq!(rows, [Row { usage: busy("a", 11), rates: Some(rates) }]);
    }

    #[test]
    fn a_wait_is_what_it_took_each_time() {
        let before = VgpuUsage { waits: 10, wait_ns: 5000, ..idle("a") };
        let after = VgpuUsage { waits: 14, wait_ns: 5800, ..idle("a") };

        let rows = rows(&at(1, vec![before.clone()]), &at(2, vec![after]));

        assert_eq!(rows[0].rates.unwrap().wait_ns, Some(200));
        assert_eq!(Rates::between(&before, &before, 1).unwrap().wait_ns, None);
    }

    #[test]
    fn who_came_moved_or_began_anew_in_between_has_no_rates_yet_and_who_went_no_row() {
        let moved = VgpuUsage { gpu: Some("d1cc".to_owned()), ..busy("moved", 1) };
        let before = at(1, vec![busy("anew", 9), busy("gone", 1), busy("moved", 1)]);
        let after = at(2, vec![busy("anew", 1), busy("came", 1), moved]);

        let rows = rows(&before, &after);

        let names: Vec<_> = rows.iter().map(|row| (row.usage.name.as_str(), row.rates)).collect();
        assert_eq!(names, [("anew", None), ("came", None), ("moved", None)]);
    }

    #[test]
    fn answers_of_one_time_have_no_rates() {
        let same = at(1, vec![busy("a", 1)]);
        assert_eq!(rows(&same, &same)[0].rates, None);
    }

    #[test]
    fn a_gpus_vgpus_are_summed_and_those_on_none_are_not() {
        let elsewhere = |seconds| VgpuUsage { gpu: Some("d1cc".to_owned()), ..busy("c", seconds) };
        let nowhere = VgpuUsage { gpu: None, ..idle("d") };
        let before = at(1, vec![busy("a", 1), busy("b", 1), elsewhere(1), nowhere.clone()]);
        let after = at(2, vec![busy("a", 2), busy("b", 2), elsewhere(2), nowhere]);

        let sums = sums(&rows(&before, &after));

        let sum = |gpu: &str, vgpus, got| Sum { gpu: gpu.to_owned(), vgpus, got };
        assert_eq!(sums, [sum("d1bb", 2, 50.0), sum("d1cc", 1, 25.0)]);
    }
}
