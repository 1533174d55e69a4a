//! Hours of hundreds of tenants that come, sleep, overrun, crash and get other shares. What holds at all times is in
//! `World::check`; what holds on the whole is here.
//!
//! VGPU_SIMULATE_HOURS makes it longer than ten minutes, VGPU_SIMULATE_SEED makes it the run that failed.

use std::env;

use vgpu::sched::{Policy, Settings};

use crate::chaos::Random;
use crate::shares::{assert_shares, weighing};
use crate::world::{MS, Program, SECOND, US, World, fills};

const TENANTS: usize = 300;

/// What a submission of most tenants takes, about.
const WORK_NS: u64 = 60 * MS;

/// From one share to the next that is measured.
const PROBE_NS: u64 = 600 * SECOND;

/// Time in which tenants live as they do on a host that is used: most sleep, some work, few go wrong.
struct Host {
    world: World,
    random: Random,
    tenants: Vec<usize>,
}

impl Host {
    fn new(seed: u64) -> Self {
        Self { world: World::new(Policy::BestEffort), random: Random::new(seed), tenants: Vec::new() }
    }

    fn pick(&mut self) -> usize {
        let count = u64::try_from(self.tenants.len()).unwrap();
        self.tenants[usize::try_from(self.random.below(count)).unwrap()]
    }

    fn arrive(&mut self) {
        let program = self.random.program(WORK_NS);
        let settings = self.random.settings();
        self.tenants.push(self.world.arrive(program, settings));
    }

    /// One thing that happens.
    fn step(&mut self) {
        let who = self.pick();
        match self.random.below(1000) {
            0..4 => {
                self.world.leave(who);
                self.tenants.retain(|other| *other != who);
                self.arrive();
            }
            4..12 => self.world.die(who),
            12..14 => self.world.set_deaf(who, true),
            14..16 => self.world.trespass(who),
            16..30 => {
                let settings = self.random.settings();
                self.world.set(who, settings);
            }
            30..33 => self.world.set_policy(Policy::EqualShare),
            33..60 => self.world.set_policy(Policy::BestEffort),
            60..70 => self.world.set_work_ns(who, 20 * WORK_NS),
            70..100 => self.world.set_work_ns(who, WORK_NS),
            100..900 => self.world.stop(who),
            _ => self.world.start(who),
        }
    }

    fn live(&mut self, for_ns: u64) {
        let end_ns = self.world.now_ns + for_ns;
        while self.world.now_ns < end_ns {
            self.step();
            let ns = self.random.below(400 * MS);
            self.world.run(ns);
        }
    }

    /// Whatever was before, some of them that work all the time get what their weights say.
    fn measure_shares(&mut self) {
        self.world.set_policy(Policy::BestEffort);
        for who in self.tenants.clone() {
            self.world.die(who);
            self.world.set(who, Settings::default());
        }
        // Quarantines and debts end.
        self.world.run(70 * SECOND);
        let mut weights = vec![0; self.world.tenants()];
        for _ in 0..5 {
            let (who, weight) = (self.pick(), 100 + self.random.below(900));
            weights[who] = u32::try_from(weight).unwrap();
        }
        let busy = || weights.iter().enumerate().filter(|(_, weight)| **weight > 0);
        for (who, weight) in busy() {
            self.world.set(who, weighing(*weight));
            self.world.set_program(who, Program { depth: 2, ..fills(300 * US) });
            self.world.start(who);
        }
        self.world.run(SECOND);
        let before: Vec<u64> = (0..weights.len()).map(|who| self.world.worked_ns(who)).collect();
        self.world.run(10 * SECOND);
        let sum: u32 = weights.iter().sum();
        let wanted: Vec<f64> = weights.iter().map(|w| f64::from(*w) * 100.0 / f64::from(sum)).collect();
        assert_shares(&self.world, &before, &wanted, 1.0);
        for (who, _) in busy() {
            let program = self.random.program(WORK_NS);
            self.world.set_program(who, program);
        }
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    let text = env::var(name).ok();
    text.map_or(otherwise, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name} is {text}, which is no number"))
    })
}

#[test]
fn in_hours_of_hundreds_of_tenants_nobody_starves_and_the_gpu_idles_for_nobody() {
    let seed = number("VGPU_SIMULATE_SEED", 1);
    let end_ns = number("VGPU_SIMULATE_HOURS", 0) * 3600 * SECOND;
    let mut host = Host::new(seed);
    (0..TENANTS).for_each(|_| host.arrive());
    loop {
        host.live(PROBE_NS);
        host.measure_shares();
        if host.world.now_ns >= end_ns {
            break;
        }
    }
    let World { now_ns, grants, openings, wasted_ns, .. } = host.world;
    let worst = host.world.worst_wait_percent();
    let (worked, faults) = (host.world.worked_in_all_ns() / SECOND, host.world.warned.len());
    eprintln!(
        "seed {seed}: worked {worked} s of {}, {grants} grants, {openings} openings, {faults} faults; wasted \
         {wasted_ns} ns; the worst wait was {worst} % of what is allowed",
        now_ns / SECOND
    );
    assert!(grants > 1000 && faults > 10, "it shows something");
    assert!(wasted_ns <= (grants + openings) * 40 * US, "{wasted_ns} ns were wasted");
}
