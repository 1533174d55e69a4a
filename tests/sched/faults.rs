//! Tenants that do not do as they are told, and the others beside them.

use vgpu::sched::{Action, Class, Config, Offence, Partition, Policy, Refused, Settings, TenantId};

use crate::shares::{capped, weighing};
use crate::world::{MS, SECOND, US, World, fills, id};

#[test]
fn who_does_not_hand_back_is_warned_then_runs_beside_the_others_then_is_killed_and_kept_out() {
    let mut world = World::with(Policy::BestEffort, &[(fills(100 * US), Settings::default()); 3]);
    world.run(SECOND);
    assert!(world.warned.is_empty());
    world.set_deaf(0, true);
    world.run(130 * MS);
    assert_eq!(
        world.warned.iter().map(|(_, action)| *action).collect::<Vec<_>>(),
        [Action::Warn { tenant: id(0), offence: Offence::Late }]
    );
    let before = [world.worked_ns(1), world.worked_ns(2)];
    world.run(SECOND);
    assert!(world.worked_ns(1) - before[0] > SECOND / 6 && world.worked_ns(2) - before[1] > SECOND / 6);
    world.run(10 * SECOND);
    let (killed_at_ns, last) = *world.warned.last().unwrap();
    assert_eq!((last, world.warned.len()), (Action::Kill { tenant: id(0), offence: Offence::Late }, 2));
    // A new process of the same tenant waits out a second; the others go on with leases.
    world.run(killed_at_ns + 500 * MS - world.now_ns.min(killed_at_ns + 500 * MS));
    world.start(0);
    let before = [world.worked_ns(0), world.worked_ns(1)];
    world.run(10 * MS);
    if world.now_ns < killed_at_ns + SECOND {
        assert_eq!(world.worked_ns(0), before[0]);
    }
    world.run(3 * SECOND);
    assert!(world.partition.leased());
    assert!(world.worked_ns(0) - before[0] > SECOND / 2, "it is let in again");
    assert!(world.worked_ns(1) - before[1] > SECOND / 2);
}

#[test]
fn who_hands_back_after_a_warning_pays_and_is_forgiven() {
    let mut world = World::with(Policy::BestEffort, &[(fills(100 * US), Settings::default()); 2]);
    world.run(SECOND);
    world.set_deaf(0, true);
    world.run(500 * MS);
    world.set_deaf(0, false);
    let before = world.worked_ns(0);
    world.run(300 * MS);
    assert_eq!(world.worked_ns(0), before, "it waits as long as it held on");
    world.run(4 * SECOND);
    assert!(world.worked_ns(0) - before > SECOND);
    assert_eq!(world.warned.len(), 1);
}

#[test]
fn a_holder_that_dies_or_leaves_keeps_nobody_waiting() {
    let mut world = World::with(Policy::BestEffort, &[(fills(100 * US), Settings::default()); 4]);
    world.run(SECOND);
    for who in 0..3 {
        let before = world.worked_ns(3);
        if who == 1 {
            world.leave(who)
        } else {
            world.die(who)
        }
        world.run(100 * MS);
        assert!(world.worked_ns(3) - before > 20 * MS);
    }
    assert!(world.warned.is_empty());
}

#[test]
fn quarantines_double_and_end() {
    let (mut partition, tenant) = (Partition::new(Config::default(), Policy::BestEffort), TenantId(7));
    assert_eq!(partition.arrive(tenant, Settings::default(), 0), Ok(vec![Action::Open { tenant }]));
    let (mut now_ns, offence) = (0, Offence::Trespass);
    for seconds in [1, 2, 4, 8, 16, 32, 64, 64] {
        let steps: Vec<_> = (0..3).flat_map(|_| partition.trespassed(tenant, now_ns)).collect();
        let (warn, kill) = (Action::Warn { tenant, offence }, Action::Kill { tenant, offence });
        assert_eq!(steps, [warn, warn, kill, Action::Recall { tenant }]);
        assert!(partition.trespassed(tenant, now_ns).is_empty(), "it is dying");
        assert!(partition.died(tenant, now_ns).is_empty());
        assert!(partition.runnable(tenant, now_ns).is_empty());
        assert_eq!(partition.next_deadline_ns(), Some(now_ns + seconds * SECOND));
        assert!(partition.tick(now_ns + seconds * SECOND - 1).is_empty());
        now_ns += seconds * SECOND;
        assert_eq!(partition.tick(now_ns), [Action::Open { tenant }]);
    }
}

#[test]
fn trespasses_far_apart_are_warnings() {
    let (mut partition, tenant) = (Partition::new(Config::default(), Policy::BestEffort), TenantId(7));
    partition.arrive(tenant, Settings::default(), 0).unwrap();
    for minute in 1..10 {
        assert_eq!(
            partition.trespassed(tenant, minute * 60 * SECOND),
            [Action::Warn { tenant, offence: Offence::Trespass }]
        );
    }
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut partition = Partition::new(Config::default(), Policy::FixedShare);
    let one = TenantId(1);
    assert_eq!(partition.arrive(one, weighing(0), 0), Err(Refused::Weight(0)));
    assert_eq!(partition.arrive(one, weighing(1001), 0), Err(Refused::Weight(1001)));
    assert_eq!(partition.arrive(one, capped(0), 0), Err(Refused::Cap(0)));
    assert_eq!(partition.arrive(one, capped(101), 0), Err(Refused::Cap(101)));
    assert!(partition.arrive(one, capped(60), 0).is_ok());
    assert_eq!(partition.arrive(one, capped(10), 0), Err(Refused::Present(one)));
    assert_eq!(partition.arrive(TenantId(2), capped(41), 0), Err(Refused::Oversold(101)));
    assert!(partition.arrive(TenantId(2), capped(40), 0).is_ok());
    assert_eq!(partition.set(one, capped(61), 0), Err(Refused::Oversold(101)));
    assert_eq!(partition.set(TenantId(3), capped(1), 0), Err(Refused::Unknown(TenantId(3))));
    assert!(partition.set_policy(Policy::BestEffort, 0).is_ok());
    assert!(partition.set(one, Settings { class: Class::Latency, ..capped(61) }, 0).is_ok());
    assert_eq!(partition.set_policy(Policy::FixedShare, 0), Err(Refused::Oversold(101)));
    assert_eq!(partition.usage(TenantId(3)), None);
    assert!(partition.runnable(TenantId(3), 0).is_empty());
    assert!(partition.leave(TenantId(3), 0).is_empty());
}
