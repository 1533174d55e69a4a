//! Memory is no matter of turns.

use crate::sys::SharedWord;
use crate::sys::atomic::AtomicU64;

#[derive(Debug)]
pub struct Ledger;

impl Ledger {
    pub fn shared(_: SharedWord<AtomicU64>, _: SharedWord<AtomicU64>) -> Self {
        Self
    }
}
