//! What a client may write into the memory that it shares with us, and say on the control thread: commands about rings
//! and streams of any kind, and the words of a ring. The session must end whatever it said.
#![no_main]

mod executor;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use libfuzzer_sys::fuzz_target;
use vgpu::quota::{Ledger, Shares};
use vgpu::render::venus::{Monitor, Session, Setup, Will};
use vgpu::sys::SharedMemory;

use executor::Nothing;

const BYTES: u64 = 0x2000;

/// A ring as Mesa lays it out, in resource 1.
fn create_ring() -> Vec<u8> {
    let mut words = vec![188, 0, 1, 0, 1, 0, 1_000_384_000, 0, 0, 0, 1];
    for long in [0, 0x1100, 1000, 0, 64, 128, 192, 0x800, 0x1000, 4] {
        words.extend([long, 0u32]);
    }
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fuzz_target!(|input: &[u8]| {
    let ledger = Ledger::new(1 << 24);
    let session = Session::new(Setup {
        name: "fuzz".into(),
        executor: Arc::new(Nothing),
        ledger: ledger.clone(),
        heap: None,
        share: Shares::among(1).of_client(),
        monitor: Monitor::new(),
        gone: None,
        will: Will::none(),
    });
    let mut session = session.unwrap();
    let memories = [1, 2].map(|id| {
        let file = session.create_blob(id, 0, BYTES).unwrap();
        Arc::new(SharedMemory::map(&file, BYTES).unwrap())
    });
    session.submit(&create_ring()).unwrap();
    let mut rest = input;
    // Each step stands behind three bytes: what it is, where, and how long.
    while let [what, place, length, tail @ ..] = rest {
        let (bytes, later) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = later;
        let offset = u64::from(*place) * 32;
        match what % 4 {
            0 => _ = memories[0].copy_in(offset, bytes),
            1 => _ = memories[1].copy_in(offset, bytes),
            2 => memories[0].word(64).unwrap().store(u32::from(*place) * 4, Ordering::Release),
            _ if session.submit(bytes).is_err() => break,
            _ => {}
        }
    }
    drop(session);
    assert_eq!(ledger.used(), 0);
});
