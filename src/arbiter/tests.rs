//! Both sides of a page. Not in its own file, which tests/loom takes as it is.

use uuid::Uuid;

use super::follower::Probe;
use super::page::{DRIVER_BYTES_MAX, Page, file};

/// Both sides' views of a page.
fn pages() -> (Page, Page) {
    let file = file().unwrap();
    (Page::map(&file).unwrap(), Page::map(&file).unwrap())
}

#[test]
fn a_limit_goes_up_and_down_to_what_is_in_use_and_no_further() {
    let (daemon, render) = pages();
    daemon.set_memory_bytes_max(100);
    let ledger = render.ledger();
    let charge = ledger.charge(60).unwrap();

    assert_eq!(daemon.limit_memory(59), Err(60));
    assert_eq!((ledger.limit(), daemon.limit_memory(60)), (100, Ok(())));
    assert!(ledger.charge(1).is_err());
    assert_eq!(daemon.limit_memory(61), Ok(()));
    assert!(ledger.charge(1).is_ok());
    // Whoever says what holds anyway does not ask.
    daemon.set_memory_bytes_max(7);
    assert_eq!((ledger.limit(), daemon.limit_memory(8)), (7, Ok(())));
    drop(charge);
    assert_eq!(daemon.memory_bytes(), 0);
}

#[test]
fn a_driver_is_known_with_its_gpu_and_not_believed_without_bounds() {
    let (daemon, render) = pages();
    assert_eq!(daemon.driver_bytes(), None);
    render.set_gpu(Uuid::from_u128(7), 300);
    assert_eq!(daemon.driver_bytes(), Some(300));
    render.set_gpu(Uuid::from_u128(7), u64::MAX);
    assert_eq!(daemon.driver_bytes(), Some(DRIVER_BYTES_MAX));
    daemon.forget();
    assert_eq!(daemon.driver_bytes(), None);
}

/// 100 us the word's way; the first two things after 350 us, then eight more, 50 us each.
#[test]
fn a_hand_over_takes_the_ways_there_and_back_and_what_the_gpu_needs_to_get_at_it() {
    let probe = Probe { said_ns: 1_000_000, began_ns: 1_100_000, before: 5, first: Some((1_450_000, 7)) };

    assert_eq!(probe.hand_over_ns(1_850_000, 15), Some(2 * 100_000 + 350_000 - 2 * 50_000));
    // Nothing to compare with.
    assert_eq!(probe.hand_over_ns(1_850_000, 7), None);
    assert_eq!(Probe { first: None, ..probe }.hand_over_ns(1_850_000, 15), None);
    // A daemon that was stopped between the two.
    assert_eq!(Probe { said_ns: 0, ..probe }.hand_over_ns(1_850_000, 15), Some(2_000_000 + 250_000));
}
