//! The accounts come to what the GPU did.

use proptest::prelude::*;
use vgpu::sched::{Account, TenantId};

/// Each nanosecond divided by hand.
fn by_hand(intervals: &[(u32, u64, u64)], until_ns: u64) -> (u64, Vec<f64>) {
    let (mut union_ns, mut each) = (0, vec![0.0; 4]);
    for at_ns in 0..until_ns {
        let busy = |tenant: u32| {
            intervals.iter().any(|(who, start, end)| *who == tenant && (*start..*end).contains(&at_ns))
        };
        let active: Vec<usize> = (0..4).filter(|who| busy(u32::try_from(*who).unwrap())).collect();
        union_ns += u64::from(!active.is_empty());
        active.iter().for_each(|who| each[*who] += 1.0 / active.len() as f64);
    }
    (union_ns, each)
}

proptest! {
    #[test]
    fn all_accounts_come_to_the_union_and_each_to_its_part(
        intervals in prop::collection::vec((0u32..4, 0u64..300, 0u64..60), 0..40),
        cuts in prop::collection::vec(0u64..400, 0..5),
    ) {
        let intervals: Vec<_> = intervals.into_iter().map(|(who, start, ns)| (who, start, start + ns)).collect();
        let mut account = Account::new();
        for (who, start, end) in &intervals {
            prop_assert_eq!(account.busy(TenantId(*who), *start, *end), 0);
        }
        let mut cuts = cuts;
        cuts.sort_unstable();
        cuts.push(400);
        let mut got = [0; 4];
        for until_ns in cuts {
            let used = account.settle(until_ns);
            used.iter().for_each(|(who, ns)| got[usize::try_from(who.0).unwrap()] += ns);
            prop_assert_eq!(got.iter().sum::<u64>(), by_hand(&intervals, until_ns).0, "the union");
        }
        let (_, each) = by_hand(&intervals, 400);
        // A nanosecond of remainder for each piece between two edges.
        let off = (0..4).map(|who| (got[who] as f64 - each[who]).abs()).fold(0.0, f64::max);
        prop_assert!(off <= 2.0 * intervals.len() as f64 + 6.0, "{:?} {:?}", got, each);
        prop_assert!(account.settle(500).is_empty());
    }

    #[test]
    fn the_order_of_reports_says_nothing_as_long_as_they_are_in_time(
        intervals in prop::collection::vec((0u32..4, 0u64..1000, 1u64..100), 1..40),
        order in any::<prop::sample::Index>(),
    ) {
        let settle = |list: &[(u32, u64, u64)]| {
            let mut account = Account::new();
            list.iter().for_each(|(who, start, ns)| _ = account.busy(TenantId(*who), *start, start + ns));
            account.settle(2000)
        };
        let mut turned = intervals.clone();
        turned.rotate_left(order.index(intervals.len()));
        turned.reverse();
        prop_assert_eq!(settle(&intervals), settle(&turned));
    }
}

#[test]
fn who_is_alone_is_charged_its_own_intervals_and_overlapping_queues_once() {
    let mut account = Account::new();
    account.busy(TenantId(1), 100, 200);
    account.busy(TenantId(1), 150, 300);
    account.busy(TenantId(1), 400, 500);
    assert_eq!(account.settle(450), [(TenantId(1), 250)].into());
    assert_eq!(account.settle(600), [(TenantId(1), 50)].into());
}

#[test]
fn what_does_not_divide_goes_to_the_lowest_numbers() {
    let mut account = Account::new();
    (1..=3).for_each(|who| _ = account.busy(TenantId(who), 0, 11));
    assert_eq!(account.settle(11), [(TenantId(1), 4), (TenantId(2), 4), (TenantId(3), 3)].into());
}

#[test]
fn what_comes_too_late_is_told_and_in_no_account() {
    let mut account = Account::new();
    assert!(account.settle(1000).is_empty());
    assert_eq!(account.busy(TenantId(1), 900, 1100), 100);
    assert_eq!(account.busy(TenantId(2), 500, 600), 100);
    assert_eq!(account.busy(TenantId(2), 1200, 1100), 0);
    assert_eq!(account.settle(2000), [(TenantId(1), 100)].into());
}

#[test]
fn a_tenant_with_countless_intervals_costs_bounded_memory_and_pays_for_the_gaps() {
    let mut account = Account::new();
    (0..100_000).for_each(|number| _ = account.busy(TenantId(1), 10 * number, 10 * number + 1));
    let used = account.settle(u64::MAX);
    assert_eq!(used[&TenantId(1)], (100_000 - 1024) * 10 + 1 + 1023);
}

#[test]
fn who_goes_first_on_the_gpu_is_charged_all_of_it() {
    let mut account = Account::new();
    account.set_priority(TenantId(2), true);
    (1..=3).for_each(|who| _ = account.busy(TenantId(who), 0, 10 * u64::from(who)));
    assert_eq!(account.settle(30), [(TenantId(1), 0), (TenantId(2), 20), (TenantId(3), 10)].into());
}
