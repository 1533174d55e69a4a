//! Clients that take all that they can get, beside others.

use crate::peer::{DriverRing, Peer};
use crate::server::{NOP, Server, until};

/// Rings beyond those that so many clients are sure of: 2048, less 16 for each.
const CLIENTS: usize = 126;
const RINGS_SURE: u64 = 16;
const RINGS_LEFT: u64 = 32;

fn works(peer: &mut Peer) {
    let mut ring = DriverRing::create(peer, 1000);
    ring.submit(peer, &[NOP, 0]);
    ring.finish();
}

#[test]
fn a_client_with_all_rings_that_are_left_keeps_no_other_from_having_its_own() {
    let server = Server::start_with(CLIENTS, 1 << 30);
    let (mut greedy, mut other) = (server.client(), server.client());
    let held: Vec<_> = (1..=RINGS_SURE + RINGS_LEFT).map(|id| DriverRing::create(&mut greedy, id)).collect();
    greedy.sync();

    let own: Vec<_> = (1..RINGS_SURE).map(|id| DriverRing::create(&mut other, id)).collect();
    works(&mut other);
    assert!(held.iter().chain(&own).all(|ring| !ring.is_fatal()));

    DriverRing::create(&mut greedy, 2000);
    assert!(greedy.is_closed());
    until("FATAL", || held.iter().all(DriverRing::is_fatal));
    assert!(own.iter().all(|ring| !ring.is_fatal()));
    let more: Vec<_> = (2000..2000 + RINGS_LEFT).map(|id| DriverRing::create(&mut other, id)).collect();
    other.sync();
    assert!(more.iter().all(|ring| !ring.is_fatal()));
}

#[test]
fn a_client_that_shares_all_ranges_that_it_may_keeps_no_other_from_sharing_some() {
    const SURE: u64 = 224;
    let server = Server::start_with(128, 1 << 30);
    let mut greedy = server.client();
    let before = server.ledger.used();
    for _ in 0..SURE + 8 {
        greedy.blob(4096, 0);
    }
    assert_eq!(server.ledger.used() - before, SURE * 4096, "the rest was refused");

    works(&mut server.client());
}
