//! Many tenants that come, go, sleep, overrun and crash; what must hold at all times is in `World::check`.

use vgpu::sched::{Class, Policy, Settings};

use crate::world::{MS, Program, SECOND, US, World, fills};

/// Small, even, and the same everywhere.
///
/// A test that fails tells with what it began.
pub(crate) struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Seeds that are near each other begin alike.
        let mut random = Self { seed, state: seed.max(1) };
        (0..20).for_each(|_| _ = random.below(2));
        random
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % end
    }

    pub(crate) fn program(&mut self, work_ns: u64) -> Program {
        let pause_ns = [11 * US, 200 * US, 5 * MS][usize::try_from(self.below(3)).unwrap()];
        let depth = usize::try_from(1 + self.below(4)).unwrap();
        Program { pause_ns, depth, ..fills(work_ns / 2 + self.below(work_ns)) }
    }

    pub(crate) fn settings(&mut self) -> Settings {
        let class = if self.below(10) == 0 { Class::Latency } else { Class::Normal };
        let cap_percent = if self.below(3) == 0 { 1 + u32::try_from(self.below(100)).unwrap() } else { 100 };
        Settings { weight: 1 + u32::try_from(self.below(1000)).unwrap(), cap_percent, class }
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it began with seed {}", self.seed);
        }
    }
}

/// One thing that happens.
fn step(world: &mut World, random: &mut Random, tenants: &mut Vec<usize>, work_ns: u64, most: usize) {
    let pick = |random: &mut Random, tenants: &[usize]| {
        tenants[usize::try_from(random.below(u64::try_from(tenants.len()).unwrap())).unwrap()]
    };
    if tenants.len() < most && (tenants.len() < 2 || random.below(4) == 0) {
        let who = world.arrive(random.program(work_ns), random.settings());
        world.start(who);
        tenants.push(who);
        return;
    }
    let who = pick(random, tenants);
    match random.below(40) {
        0 => {
            world.leave(who);
            tenants.retain(|other| *other != who);
        }
        1 => world.die(who),
        2 => world.set_deaf(who, true),
        3..6 => world.set_deaf(who, false),
        6..10 => world.set(who, random.settings()),
        10 => world.set_policy(Policy::EqualShare),
        11..14 => world.set_policy(Policy::BestEffort),
        14..22 => world.stop(who),
        22 => world.set_work_ns(who, (100 * work_ns).min(SECOND)),
        23..28 => world.set_work_ns(who, work_ns),
        _ => world.start(who),
    }
}

fn chaos(seed: u64, for_ns: u64, work_ns: u64, every_ns: u64, most: usize) {
    let (mut world, mut random) = (World::new(Policy::BestEffort), Random::new(seed));
    let mut tenants = Vec::new();
    while world.now_ns < for_ns {
        step(&mut world, &mut random, &mut tenants, work_ns, most);
        world.run(random.below(2 * every_ns));
    }
    let worked = world.worked_in_all_ns() as f64 / for_ns as f64;
    eprintln!("seed {seed}: {worked:.2} of the time, {} grants, {} faults", world.grants, world.warned.len());
    assert!(world.grants > 0 && worked > 0.2, "{worked}");
    // Afterwards all is as if nothing had been.
    tenants.iter().for_each(|who| world.set_deaf(*who, false));
    world.set_policy(Policy::BestEffort);
    for who in &tenants {
        world.die(*who);
        world.set(*who, Settings::default());
        world.set_work_ns(*who, work_ns);
    }
    world.run(100 * SECOND);
    tenants.iter().for_each(|who| world.start(*who));
    let before: Vec<u64> = tenants.iter().map(|who| world.worked_ns(*who)).collect();
    world.run(10 * SECOND + 20 * work_ns * u64::try_from(tenants.len()).unwrap());
    for (who, before) in tenants.iter().zip(before) {
        assert!(world.worked_ns(*who) > before, "{who} of seed {seed} gets nothing");
    }
}

#[test]
fn nothing_is_lost_in_minutes_of_short_submissions() {
    (1..=6).for_each(|seed| chaos(seed, 20 * SECOND, 300 * US, 5 * MS, 12));
}

#[test]
fn nothing_is_lost_in_minutes_of_long_submissions_by_a_hundred_tenants() {
    chaos(77, 600 * SECOND, 100 * MS, SECOND, 128);
}
