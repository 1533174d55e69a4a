//! `scripts/bench arbiter [GROUP...]`: what programs that share a GPU get of it, on vGPUs of a daemon (`on`), on vGPUs
//! that know nothing of each other (`off`), and without vgpu (`native`).
//!
//! Prints `name value unit bar pass|miss` a line and ends with 1 on a miss. It needs nothing of the machine that built
//! it: VGPU_BIN, VGPU_CLIENT and VGPU_MESA name the program, `vgpu-test-vulkan` and the clients' Mesa; the GPU's
//! driver is the loader's choice, by VK_DRIVER_FILES. VGPU_ROUNDS and VGPU_SECONDS say how often and how long each
//! load is measured (VGPU_SECONDS_LONG: those of shares and sums), VGPU_MEMORY a vGPU's limit. VGPU_SCALE divides the
//! sizes, for GPUs in software, where the figures say nothing.
#![allow(unreachable_pub)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::panic
)]

mod lab;
#[allow(dead_code, reason = "not every benchmark needs each")]
mod process;
mod report;
mod tenants;

use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use lab::{Lab, Settings};
use report::{Bar, median};
use tenants::Way::{Native, Off, On};
use tenants::{Kind, Outcome, Ready, Tenant};

type Group = fn(&mut Lab);

const GROUPS: [(&str, Group); 8] = [
    ("fills", fills),
    ("pairs", pairs),
    ("weights", weights),
    ("one-of-eight", one_of_eight),
    ("latency", latency),
    ("cap", cap),
    ("alone", alone),
    ("sums", sums),
];

fn main() -> ExitCode {
    // Cargo gives benchmarks an option of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some(unknown) = wanted.iter().find(|name| GROUPS.iter().all(|(known, _)| known != name)) {
        let known = GROUPS.map(|(name, _)| name).join(" ");
        eprintln!("there is no group {unknown:?}: {known}");
        return ExitCode::from(2);
    }
    let settings = Settings::read();
    let run = |lab: &mut Lab| {
        let chosen = GROUPS.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name));
        chosen.for_each(|(_, group)| group(lab));
    };
    let mut rehearsal = Lab::rehearsing(&settings);
    run(&mut rehearsal);
    eprintln!("this takes about {:.0} s", rehearsal.seconds());
    let mut lab = Lab::new(&settings);
    run(&mut lab);
    lab.end()
}

fn total(outcomes: &[Outcome]) -> f64 {
    outcomes.iter().map(Outcome::gigabytes).sum()
}

/// Small submissions: what is lost to time slices.
fn fills(lab: &mut Lab) {
    for (mib, count, bar) in [(256.0, 2, 1.8), (64.0, 2, 2.6), (256.0, 4, 1.6)] {
        let name = format!("fills_{count}x{mib}");
        let alone = lab.alone(&Tenant::fill(mib), Native);
        let (solo, submission_us) = (alone.median(total), alone.median(|solo| solo[0].p50_us));
        let [native, off, on] = lab.measure(&vec![Tenant::fill(mib); count], [Native, Off, On]);
        for (way, measured) in [("native", &native), ("off", &off), ("on", &on)] {
            lab.row(&format!("{name}_{way}"), measured.median(total), "GB/s", Bar::None);
        }
        let all = on.median(total);
        lab.row(&format!("{name}_on_over_off"), all / off.median(total), "x", Bar::AtLeast(bar));
        lab.row(&format!("{name}_on_over_native"), all / native.median(total), "x", Bar::None);
        lab.row(&format!("{name}_on_over_solo"), all / solo, "x", Bar::None);
        let wait = |outcomes: &[Outcome]| outcomes.iter().map(|o| o.p99_us / 1e3).fold(0.0, worse);
        let most = (count - 1) as f64 * 4.0 + submission_us / 1e3;
        lab.row(&format!("{name}_p99_off"), off.median(wait), "ms", Bar::None);
        lab.row(&format!("{name}_p99_on"), on.median(wait), "ms", Bar::AtMost(rounded(most)));
    }
}

/// The greater; what was not measured is greater than all.
fn worse(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Loads that the hardware shares out well: each tenant's part of what it does alone, added up.
fn pairs(lab: &mut Lab) {
    let pairs = [
        ("4096+4096", [Tenant::fill(4096.0), Tenant::fill(4096.0)]),
        ("256+65536", [Tenant::fill(256.0), Tenant::fill(65536.0)]),
        ("256+256_pausing_200us", [Tenant::fill(256.0).pausing(200), Tenant::fill(256.0).pausing(200)]),
        ("compute+compute", [Tenant::new(Kind::Compute), Tenant::new(Kind::Compute)]),
        ("copy_256+256", [Tenant::new(Kind::Copy(256.0)), Tenant::new(Kind::Copy(256.0))]),
    ];
    for (name, pair) in pairs {
        let solos = [0, 1].map(|index| lab.alone(&pair[index], Native).median(|solo| solo[0].rate()));
        let [native, off, on] = lab.measure(&pair, [Native, Off, On]);
        let sum = |outcomes: &[Outcome]| -> f64 {
            outcomes.iter().zip(solos).map(|(outcome, solo)| outcome.rate() / solo).sum()
        };
        for (way, measured) in [("native", &native), ("off", &off), ("on", &on)] {
            for index in [0, 1] {
                let part = measured.median(|outcomes| outcomes[index].rate() / solos[index]);
                lab.row(&format!("pair_{name}_{way}_{index}"), part, "of_solo", Bar::None);
            }
        }
        let ratio = |against: f64| on.median(sum) / against;
        lab.row(&format!("pair_{name}_on_over_native"), ratio(native.median(sum)), "x", Bar::None);
        lab.row(&format!("pair_{name}_on_over_off"), ratio(off.median(sum)), "x", Bar::AtLeast(0.97));
    }
}

/// So many submissions in flight that no tenant leaves its turn to others, be it asleep when its turn begins.
fn weights(lab: &mut Lab) {
    let busy = || Tenant::fill(256.0).depth(8);
    for weights in [&[3, 1][..], &[5, 3, 1]] {
        let name = weights.iter().map(u32::to_string).collect::<Vec<_>>().join(":");
        let tenants: Vec<Tenant> =
            weights.iter().map(|weight| busy().share(format!("weight = {}", weight * 100))).collect();
        let [on] = lab.measure_long(&tenants, [On]);
        let sum: f64 = weights.iter().copied().map(f64::from).sum();
        let share =
            |outcomes: &[Outcome], index: usize| outcomes[index].gigabytes() / total(outcomes) * 100.0;
        let wanted = |index: usize| f64::from(weights[index]) / sum * 100.0;
        for index in 0..weights.len() {
            let got = on.median(|outcomes| share(outcomes, index));
            lab.row(&format!("weights_{name}_share_{index}"), got, "%", Bar::None);
        }
        let error = on.median(|outcomes| {
            (0..weights.len()).map(|index| (share(outcomes, index) - wanted(index)).abs()).fold(0.0, worse)
        });
        lab.row(&format!("weights_{name}_error"), error, "points", Bar::AtMost(1.0));
    }
    let [on] = lab.measure_long(&vec![busy(); 4], [On]);
    let jain = on.median(|outcomes| {
        let squares: f64 = outcomes.iter().map(|outcome| outcome.gigabytes().powi(2)).sum();
        total(outcomes).powi(2) / (outcomes.len() as f64 * squares)
    });
    lab.row("weights_equal_4_jain", jain, "of_1", Bar::AtLeast(0.999));
}

fn one_of_eight(lab: &mut Lab) {
    let busy = Tenant::fill(256.0);
    let solo = lab.alone(&busy, Off).median(total);
    let mut tenants = vec![Tenant::new(Kind::Idle); 8];
    tenants[0] = busy;
    let [on] = lab.measure(&tenants, [On]);
    lab.row("one_busy_of_eight", on.median(total) / solo, "of_solo", Bar::AtLeast(0.98));
}

/// A tenant that people wait for, beside three with much to do. It pauses, for it is to keep within its quarter.
fn latency(lab: &mut Lab) {
    let quick = Tenant::fill(256.0).pausing(2000).share("class = \"latency\"");
    let alone = lab.alone(&quick, Off).median(|solo| solo[0].p99_us);
    let mut tenants = vec![Tenant::fill(65536.0).depth(8); 4];
    tenants[0] = quick;
    let [off, on] = lab.measure(&tenants, [Off, On]);
    let wait = |outcomes: &[Outcome]| outcomes[0].p99_us;
    let (off_wait, on_wait) = (off.median(wait), on.median(wait));
    lab.row("latency_p99_solo", alone, "us", Bar::None);
    lab.row("latency_p99_off", off_wait, "us", Bar::None);
    lab.row("latency_p99_on", on_wait, "us", Bar::None);
    lab.row("latency_p50_on", on.median(|outcomes| outcomes[0].p50_us), "us", Bar::None);
    let batch = |outcomes: &[Outcome]| total(&outcomes[1..]);
    lab.row("latency_batch_off", off.median(batch), "GB/s", Bar::None);
    lab.row("latency_batch_on", on.median(batch), "GB/s", Bar::None);
    // As root, who is granted REALTIME priority, as is said above: else the bar is its solo latency and a slice.
    lab.row("latency_p99_on_over_solo", on_wait / alone, "x", Bar::AtMost(1.5));
}

fn cap(lab: &mut Lab) {
    let busy = Tenant::fill(256.0).depth(2);
    let solo = lab.alone(&busy, On).median(total);
    let capped = [busy.share("cap = 25")];
    let [on] = lab.measure_long(&capped, [On]);
    let got = on.median(total) / solo * 100.0;
    lab.row("cap_25", got, "%", Bar::None);
    let accounted = accounted(lab, &capped).into_iter().map(|(accounted, _)| accounted);
    lab.row_if("cap_25_accounted", middle(accounted.flatten().collect()), "%", Bar::None);
    lab.row("cap_25_error", (got - 25.0).abs(), "points", Bar::AtMost(1.0));
}

/// What the arbiter costs whoever has nobody to share with.
fn alone(lab: &mut Lab) {
    let [off, on] = lab.measure(&[Tenant::fill(256.0)], [Off, On]);
    let slower = (off.median(total) / on.median(total) - 1.0) * 100.0;
    lab.row("alone_256_slower", slower, "%", Bar::AtMost(1.0));
    let [off, on] = lab.measure(&[Tenant::fill(1.0 / 16.0)], [Off, On]);
    let wait = |outcomes: &[Outcome]| outcomes[0].p50_us;
    lab.row("alone_64k_submit_and_wait_off", off.median(wait), "us", Bar::None);
    lab.row("alone_64k_submit_and_wait_on", on.median(wait), "us", Bar::None);
    let longer = on.median(wait) - off.median(wait);
    lab.row("alone_64k_submit_and_wait_longer", longer, "us", Bar::AtMost(3.0));
}

/// The accounts of tenants that never leave the GPU idle, against the clock.
fn sums(lab: &mut Lab) {
    let tenants = vec![Tenant::fill(4096.0).depth(2); 2];
    let seen = accounted(lab, &tenants);
    let (accounted, utilised): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    let accounted: Vec<f64> = accounted.into_iter().flatten().collect();
    let errors = accounted.iter().map(|accounted| (accounted - 100.0).abs()).collect();
    lab.row_if("sums_utilisation", middle(utilised.into_iter().flatten().collect()), "%", Bar::None);
    lab.row_if("sums_accounted_over_wall", middle(accounted), "%", Bar::None);
    lab.row_if("sums_error", middle(errors), "%", Bar::AtMost(2.0));
}

/// In each round: how much of the clock's time tenants were accounted for, and how busy the card was; in percent.
fn accounted(lab: &mut Lab, tenants: &[Tenant]) -> Vec<(Option<f64>, Option<f64>)> {
    let seconds = lab.seconds_long();
    lab.observe(tenants, On, |ready: &Ready<'_>| {
        let (started, before) = (Instant::now(), ready.busy_ns());
        // The tool takes its time, and the tenants are not to end before the second look.
        let end = started + Duration::from_secs_f64((seconds - 1.0).max(seconds / 2.0));
        let mut utilised = Vec::new();
        while Instant::now() < end {
            utilised.extend(utilisation());
            let left = end.saturating_duration_since(Instant::now());
            thread::sleep(left.min(Duration::from_millis(500)));
        }
        let (after, wall) = (ready.busy_ns(), started.elapsed().as_nanos() as f64);
        (before.zip(after).map(|(before, after)| (after - before) / wall * 100.0), middle(utilised))
    })
}

/// The median, if anything was seen.
fn middle(values: Vec<f64>) -> Option<f64> {
    (!values.is_empty()).then(|| median(values))
}

/// How busy NVIDIA's tool finds the card, in percent.
fn utilisation() -> Option<f64> {
    let options = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"];
    let output = Command::new("nvidia-smi").args(options).output().ok()?;
    String::from_utf8(output.stdout).ok()?.lines().next()?.trim().parse().ok()
}
