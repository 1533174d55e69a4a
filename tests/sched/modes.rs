//! When to overlap and when to lease, what that brings, and how long anybody waits.

use vgpu::sched::{Policy, Settings};

use crate::shares::weighing;
use crate::world::{MS, Program, SECOND, US, World, fills, venus};

fn managed(programs: &[Program]) -> World {
    let all: Vec<_> = programs.iter().map(|program| (*program, Settings::default())).collect();
    World::with(Policy::BestEffort, &all)
}

/// How many times as much work was done as by the hardware alone, over 10 s.
fn gain(programs: &[Program]) -> f64 {
    let (mut with, mut without) = (managed(programs), World::hardware(programs));
    with.run(10 * SECOND);
    without.run(10 * SECOND);
    let gain = with.worked_in_all_ns() as f64 / without.worked_in_all_ns() as f64;
    let part = with.worked_in_all_ns() as f64 / with.now_ns as f64;
    eprintln!(
        "gain {gain:.3}, {part:.3} of the time, {} grants, leased {}",
        with.grants,
        with.partition.leased()
    );
    gain
}

#[test]
fn short_submissions_gain_by_leases() {
    assert!(gain(&[fills(100 * US); 2]) >= 1.8);
    assert!(gain(&[Program { pause_ns: 33 * US, ..fills(25 * US) }; 2]) >= 2.3);
    assert!(gain(&[fills(100 * US); 4]) >= 1.8);
    assert!(gain(&[venus(74 * US); 2]) >= 1.8);
    assert!(gain(&[venus(19 * US); 2]) >= 2.6);
    assert!(gain(&[venus(74 * US); 4]) >= 1.6);
}

#[test]
fn nothing_is_worse_than_by_the_hardware() {
    let thinks = Program { pause_ns: 200 * US, ..fills(100 * US) };
    assert!(gain(&[thinks; 2]) >= 0.97);
    assert!(gain(&[thinks; 4]) >= 0.97);
    assert!(gain(&[thinks; 8]) >= 0.97);
    assert!(gain(&[thinks, fills(100 * US)]) >= 0.97);
    assert!(gain(&[fills(1080 * US); 2]) >= 0.97);
    assert!(gain(&[fills(100 * US), fills(16 * MS)]) >= 0.97);
    assert!(gain(&[fills(16 * MS); 3]) >= 0.97);
    assert!(gain(&[Program { depth: 16, ..fills(100 * US) }; 3]) >= 0.97);
    assert!(gain(&[Program { depth: 16, ..fills(16 * MS) }; 3]) >= 0.97);
    assert!(gain(&[Program { pause_ns: 200 * US, ..venus(74 * US) }; 2]) >= 0.97);
    assert!(gain(&[venus(1070 * US); 2]) >= 0.97);
    assert!(gain(&[venus(74 * US), venus(16 * MS)]) >= 0.97);
}

#[test]
fn one_that_is_busy_among_eight_gets_all() {
    let mut alone = managed(&[fills(100 * US)]);
    alone.run(10 * SECOND);
    let mut world = managed(&[fills(100 * US)]);
    (0..7).for_each(|_| _ = world.arrive(fills(100 * US), Settings::default()));
    world.run(10 * SECOND);
    let part = world.worked_ns(0) as f64 / alone.worked_ns(0) as f64;
    assert!(part >= 0.98, "{part}");
    assert_eq!(world.grants, 0);
    // And again after the others were busy.
    (1..8).for_each(|who| world.start(who));
    world.run(SECOND);
    assert!(world.partition.leased());
    (1..8).for_each(|who| world.stop(who));
    world.run(100 * MS);
    let before_ns = world.worked_ns(0);
    world.run(SECOND);
    let part = (world.worked_ns(0) - before_ns) as f64 / (alone.worked_ns(0) as f64 / 10.0);
    assert!(part >= 0.98, "{part}");
    assert!(!world.partition.leased());
}

#[test]
fn long_submissions_of_equals_are_left_to_the_hardware_and_those_of_others_are_not() {
    let mut world = managed(&[fills(16 * MS); 3]);
    world.run(SECOND);
    assert!(!world.partition.leased());
    world.set(0, weighing(300));
    world.run(100 * MS);
    assert!(world.partition.leased());
}

#[test]
fn nobody_waits_longer_than_a_slice_of_each_other_and_a_submission() {
    for (count, work_ns) in [(2, 100 * US), (4, 25 * US), (16, 100 * US), (4, 1080 * US), (64, 300 * US)] {
        let mut world = managed(&vec![fills(work_ns); count]);
        world.run(10 * SECOND);
        let most_ns = (u64::try_from(count).unwrap() - 1) * 4 * MS + work_ns;
        let worst_ns = (0..count).map(|who| world.usage(who).wait_max_ns).max().unwrap();
        eprintln!("{count} of {work_ns} ns: the longest wait {worst_ns} ns of {most_ns}");
        assert!(world.partition.leased() && worst_ns > 0);
        assert!(worst_ns <= most_ns, "{worst_ns} ns of {most_ns} for {count}");
    }
}

#[test]
fn the_lightest_does_not_starve() {
    let mut programs = vec![(fills(100 * US), weighing(1000)); 7];
    programs.push((fills(100 * US), weighing(1)));
    let mut world = World::with(Policy::BestEffort, &programs);
    world.run(60 * SECOND);
    let usage = world.usage(7);
    eprintln!("weight 1 against 7 of 1000: {usage:?}");
    assert!(usage.wait_max_ns <= SECOND + 8 * 8 * 4 * MS + 40 * MS, "{usage:?}");
    assert!(world.worked_ns(7) * 100 < world.worked_in_all_ns(), "what ageing gives is little");
}

#[test]
fn the_gpu_does_not_idle_while_somebody_waits() {
    for programs in [vec![fills(100 * US); 5], vec![fills(3 * MS); 2], vec![fills(100 * US), fills(16 * MS)]]
    {
        let mut world = managed(&programs);
        world.run(10 * SECOND);
        let allowed_ns = world.grants * (20 + 12) * US + 5 * MS;
        eprintln!("idle {} ns in {} grants", world.lost_ns, world.grants);
        assert!(world.lost_ns <= allowed_ns, "{} ns of {allowed_ns} were lost", world.lost_ns);
        assert!(world.grants * 32 * US < 2 * SECOND / 10);
    }
}
