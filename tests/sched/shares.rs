//! Who gets how much.

use vgpu::sched::{Class, Policy, Settings};

use crate::world::{MS, Program, SECOND, US, World, fills, venus};

pub(crate) fn weighing(weight: u32) -> Settings {
    Settings { weight, ..Settings::default() }
}

pub(crate) fn capped(cap_percent: u32) -> Settings {
    Settings { cap_percent, ..Settings::default() }
}

/// Each one's part of what all got, in percent.
fn shares(world: &World, before: &[u64]) -> Vec<f64> {
    let got: Vec<u64> = before.iter().enumerate().map(|(who, ns)| world.worked_ns(who) - ns).collect();
    let sum: u64 = got.iter().sum();
    got.iter().map(|ns| *ns as f64 * 100.0 / sum as f64).collect()
}

#[track_caller]
pub(crate) fn assert_shares(world: &World, before: &[u64], wanted: &[f64], points: f64) {
    let got = shares(world, before);
    let some = |list: &[f64]| list.iter().copied().filter(|part| *part > 0.0).collect::<Vec<_>>();
    eprintln!("shares {:.2?} of {:.2?}", some(&got), some(wanted));
    let close = got.iter().zip(wanted).all(|(got, wanted)| (got - wanted).abs() <= points);
    assert!(close, "{:?} instead of {:?}", some(&got), some(wanted));
}

fn jain(world: &World, count: usize) -> f64 {
    let got: Vec<f64> = (0..count).map(|who| world.worked_ns(who) as f64).collect();
    let sum: f64 = got.iter().sum();
    sum * sum / (count as f64 * got.iter().map(|one| one * one).sum::<f64>())
}

#[test]
fn weights_hold_within_a_point() {
    let busy = Program { depth: 8, ..venus(74 * US) };
    for program in [fills(25 * US), fills(100 * US), fills(1080 * US), fills(16 * MS), busy] {
        for weights in [[300, 100].as_slice(), &[500, 300, 100], &[5, 3, 1]] {
            let programs: Vec<_> = weights.iter().map(|weight| (program, weighing(*weight))).collect();
            let mut world = World::with(Policy::BestEffort, &programs);
            world.run(10 * SECOND);
            let sum: u32 = weights.iter().sum();
            let wanted: Vec<f64> = weights.iter().map(|w| f64::from(*w) * 100.0 / f64::from(sum)).collect();
            assert_shares(&world, &vec![0; weights.len()], &wanted, 1.0);
        }
    }
}

#[test]
fn equal_weights_get_the_same() {
    for (count, work_ns) in [(2, 100 * US), (4, 100 * US), (3, 1080 * US), (5, 16 * MS), (8, 25 * US)] {
        let mut world = World::with(Policy::BestEffort, &vec![(fills(work_ns), Settings::default()); count]);
        world.run(10 * SECOND);
        let jain = jain(&world, count);
        eprintln!("Jain {jain:.6} for {count} of {work_ns} ns");
        assert!(jain >= 0.999, "{jain}");
    }
}

#[test]
fn short_and_long_submissions_get_the_same_time() {
    let programs = [(fills(100 * US), Settings::default()), (fills(16 * MS), Settings::default())];
    let mut world = World::with(Policy::BestEffort, &programs);
    world.run(10 * SECOND);
    // The short ones pause between submissions and keep the GPU meanwhile: a tenth of their time.
    assert_shares(&world, &[0, 0], &[47.0, 53.0], 2.0);
}

#[test]
fn a_cap_holds_alone_and_beside_others_and_whatever_the_submissions() {
    for (work_ns, depth) in [(100 * US, 1), (100 * US, 8), (16 * MS, 4), (70 * MS, 1)] {
        let program = Program { depth, ..fills(work_ns) };
        let mut world = World::with(Policy::BestEffort, &[(program, capped(25))]);
        world.run(10 * SECOND);
        let alone = world.worked_ns(0) as f64 / (10.0 * SECOND as f64) * 100.0;
        eprintln!("capped at 25 %, alone: {alone:.2} %");
        assert!((24.0..=26.0).contains(&alone), "{alone} %");

        let mut world =
            World::with(Policy::BestEffort, &[(program, capped(25)), (fills(100 * US), Settings::default())]);
        world.run(10 * SECOND);
        let beside = world.worked_ns(0) as f64 / (10.0 * SECOND as f64) * 100.0;
        eprintln!("capped at 25 %, beside another: {beside:.2} %; lost {}", world.lost_ns);
        assert!((23.0..=26.0).contains(&beside), "{beside} %");
    }
}

#[test]
fn equal_shares_are_not_lent_and_follow_the_number_of_tenants() {
    let mut world = World::with(Policy::EqualShare, &[(fills(100 * US), weighing(700))]);
    let idle: Vec<_> = (0..3).map(|_| world.arrive(fills(100 * US), weighing(100))).collect();
    world.run(10 * SECOND);
    let quarter = world.worked_ns(0) as f64 / SECOND as f64 * 10.0;
    assert!((24.0..=26.0).contains(&quarter), "{quarter} %");
    world.leave(idle[0]);
    world.leave(idle[1]);
    let before = world.worked_ns(0);
    world.run(10 * SECOND);
    let half = (world.worked_ns(0) - before) as f64 / SECOND as f64 * 10.0;
    assert!((49.0..=51.0).contains(&half), "{half} %");
    world.start(idle[2]);
    let before = [world.worked_ns(0), 0, 0, 0];
    world.run(10 * SECOND);
    assert_shares(&world, &before, &[50.0, 0.0, 0.0, 50.0], 1.0);
}

#[test]
fn fixed_shares_are_what_was_sold_whatever_others_do() {
    let programs = [(fills(100 * US), capped(50)), (fills(1080 * US), capped(30))];
    let mut world = World::with(Policy::FixedShare, &programs);
    world.run(10 * SECOND);
    // As accounted: the GPU's change from one to another counts as time of the one that comes.
    let part = |who| world.usage(who).busy_ns as f64 / SECOND as f64 * 10.0;
    eprintln!("fixed {:.2} {:.2}", part(0), part(1));
    assert!((49.0..=51.0).contains(&part(0)), "{}", part(0));
    assert!((29.0..=31.0).contains(&part(1)), "{}", part(1));
    world.stop(0);
    let before = world.worked_ns(1);
    world.run(10 * SECOND);
    let alone = (world.worked_ns(1) - before) as f64 / SECOND as f64 * 10.0;
    assert!((29.0..=31.0).contains(&alone), "{alone}");
}

#[test]
fn a_live_change_takes_effect_within_a_slice_of_each() {
    let programs = [(fills(100 * US), Settings::default()), (fills(100 * US), Settings::default())];
    let mut world = World::with(Policy::BestEffort, &programs);
    world.run(SECOND);
    for (weight, part) in [(300, 75.0), (100, 50.0), (25, 20.0)] {
        world.set(0, weighing(weight));
        world.run(8 * MS);
        let before = [world.worked_ns(0), world.worked_ns(1)];
        world.run(SECOND);
        assert_shares(&world, &before, &[part, 100.0 - part], 1.5);
    }
    world.set(0, capped(10));
    world.run(40 * MS);
    let before = world.worked_ns(0);
    world.run(SECOND);
    let tenth = (world.worked_ns(0) - before) as f64 / SECOND as f64 * 100.0;
    assert!((9.0..=11.0).contains(&tenth), "{tenth} %");
    world.set_policy(Policy::EqualShare);
    world.set(0, Settings::default());
    let before = [world.worked_ns(0), world.worked_ns(1)];
    world.run(SECOND);
    assert_shares(&world, &before, &[50.0, 50.0], 1.5);
}

#[test]
fn a_sleeper_saves_nothing_and_an_overrunner_pays_back() {
    let programs = [(fills(100 * US), Settings::default()), (fills(100 * US), Settings::default())];
    let mut world = World::with(Policy::BestEffort, &programs);
    world.run(SECOND);
    world.stop(0);
    world.run(10 * SECOND);
    world.start(0);
    let before = [world.worked_ns(0), world.worked_ns(1)];
    world.run(100 * MS);
    assert_shares(&world, &before, &[50.0, 50.0], 10.0);
    world.run(SECOND);
    // One submission of 300 ms: the other gets its 300 ms back.
    let before = [world.worked_ns(0), world.worked_ns(1)];
    world.set_work_ns(0, 300 * MS);
    world.run(10 * MS);
    world.set_work_ns(0, 100 * US);
    world.run(2 * SECOND);
    assert_shares(&world, &before, &[50.0, 50.0], 2.0);
}

#[test]
fn what_an_overrun_is_to_be_paid_back_with_is_no_more_for_a_tenant_that_weighs_more_by_then() {
    let mut world =
        World::with(Policy::BestEffort, &[(fills(100 * US), weighing(2)), (fills(100 * US), weighing(1000))]);
    world.run(SECOND);
    world.set_work_ns(0, 300 * MS);
    world.run(3 * SECOND);
    world.set_work_ns(0, 100 * US);
    world.set(0, weighing(1000));
    // It owes a second at most, and pays it back at half of the time.
    world.run(3 * SECOND);
    let before = [world.worked_ns(0), world.worked_ns(1)];
    world.run(10 * SECOND);
    assert_shares(&world, &before, &[50.0, 50.0], 1.0);
}

#[test]
fn a_debt_is_forgotten_in_as_much_time_in_which_nobody_wants_the_gpu() {
    for (pause_ns, share) in [(0, 33.0), (100 * MS, 41.5), (SECOND, 50.0)] {
        let mut world = World::with(
            Policy::BestEffort,
            &[(fills(100 * US), weighing(999)), (fills(100 * US), weighing(1000))],
        );
        world.run(SECOND);
        world.set_work_ns(0, 300 * MS);
        world.run(210 * MS);
        (0..2).for_each(|who| world.die(who));
        world.run(pause_ns);

        world.set_work_ns(0, 100 * US);
        (0..2).rev().for_each(|who| world.start(who));
        let before = [world.worked_ns(0), world.worked_ns(1)];
        world.run(600 * MS);
        assert_shares(&world, &before, &[share, 100.0 - share], 3.0);
    }
}

#[test]
fn a_latency_tenant_does_not_wait_within_its_budget_and_takes_turns_beyond_it() {
    let latency = Settings { class: Class::Latency, ..Settings::default() };
    let interactive = Program { pause_ns: 900 * US, realtime: true, ..fills(100 * US) };
    let batch = (Program { depth: 8, ..fills(16 * MS) }, Settings::default());
    let mut alone = World::with(Policy::BestEffort, &[(interactive, latency)]);
    alone.run(10 * SECOND);
    for granted in [true, false] {
        let program = Program { realtime: granted, ..interactive };
        let mut world = World::with(Policy::BestEffort, &[(program, latency), batch, batch, batch]);
        world.run(10 * SECOND);
        let (p99_ns, solo_ns) = (world.p99_ns(0), alone.p99_ns(0));
        eprintln!("latency class, granted {granted}: p99 {p99_ns} ns, alone {solo_ns}");
        let most_ns = if granted { solo_ns * 3 / 2 } else { 10 * MS };
        assert!(p99_ns <= most_ns, "{p99_ns} ns against {solo_ns} alone");
    }
    let greedy = Program { realtime: true, ..fills(100 * US) };
    let batch = (fills(100 * US), Settings::default());
    let mut world = World::with(Policy::BestEffort, &[(greedy, latency), batch, batch, batch]);
    world.run(10 * SECOND);
    assert_shares(&world, &[0; 4], &[25.0; 4], 8.0);
    let long = Program { depth: 2, ..fills(16 * MS) };
    let all = [(Program { realtime: true, ..long }, latency), (long, batch.1), (long, batch.1)];
    let mut world = World::with(Policy::BestEffort, &all);
    world.run(10 * SECOND);
    assert_shares(&world, &[0; 3], &[33.3; 3], 8.0);
}

#[test]
fn priority_without_the_latency_class_brings_nothing() {
    let settings = Settings::default();
    for work_ns in [100 * US, 16 * MS] {
        let (greedy, other) = (Program { realtime: true, depth: 4, ..fills(work_ns) }, fills(work_ns));
        let all = [(greedy, settings), (other, settings), (other, settings)];
        let mut world = World::with(Policy::BestEffort, &all);
        world.run(SECOND);
        let before = [0, 1, 2].map(|who| world.worked_ns(who));
        world.run(10 * SECOND);
        assert_shares(&world, &before, &[33.3; 3], 4.0);
    }
    // Its class ends while it works.
    let latency = Settings { class: Class::Latency, ..settings };
    let greedy = Program { realtime: true, depth: 4, ..fills(100 * US) };
    let mut world = World::with(Policy::BestEffort, &[(greedy, latency), (fills(100 * US), settings)]);
    world.run(SECOND);
    world.set(0, settings);
    world.run(100 * MS);
    let before = [world.worked_ns(0), world.worked_ns(1)];
    world.run(10 * SECOND);
    assert_shares(&world, &before, &[50.0, 50.0], 4.0);
}
