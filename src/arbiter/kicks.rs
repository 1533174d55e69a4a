//! How often render processes wake the arbiter.
//!
//! One that was taken over can ring without end. So many rings in a while are heard at once; after that, only what
//! others or the clock wake us for, until the while is over. Nothing is lost by that but the ringer's own time.

use std::collections::BTreeMap;

/// Some times as many as a vGPU has reason for with the shortest slices.
const HEARD_MAX: u32 = 64;

/// The while.
const WHILE_NS: u64 = 10_000_000;

/// What rang since when. Each kick is known by a number.
#[derive(Debug, Default)]
pub(super) struct Kicks {
    since_ns: u64,
    heard: BTreeMap<u64, u32>,
}

impl Kicks {
    /// Notes what rang. `hear` is told of kicks that are not to be heard from now on, or are again.
    pub(super) fn rang(
        &mut self,
        kicks: impl Iterator<Item = u64>,
        now_ns: u64,
        mut hear: impl FnMut(u64, bool),
    ) {
        if now_ns.saturating_sub(self.since_ns) >= WHILE_NS {
            let heard = std::mem::take(&mut self.heard);
            heard.into_iter().filter(|(_, count)| *count >= HEARD_MAX).for_each(|(kick, _)| hear(kick, true));
            self.since_ns = now_ns;
        }
        for kick in kicks {
            let count = self.heard.entry(kick).or_default();
            *count += 1;
            if *count == HEARD_MAX {
                hear(kick, false);
            }
        }
    }

    /// When to come again for the sake of those that are not heard.
    pub(super) fn next_ns(&self) -> Option<u64> {
        let some = self.heard.values().any(|count| *count >= HEARD_MAX);
        some.then(|| self.since_ns.saturating_add(WHILE_NS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_rings_without_end_is_heard_so_often_in_a_while_and_the_others_always() {
        let (mut kicks, mut said) = (Kicks::default(), Vec::new());
        let mut ring = |kicks: &mut Kicks, ringing: &[u64], now_ns| {
            kicks.rang(ringing.iter().copied(), now_ns, |kick, hear| said.push((kick, hear, now_ns)));
        };
        (1..100).for_each(|time| ring(&mut kicks, &[7], WHILE_NS + time * 1000));
        assert_eq!(kicks.next_ns(), Some(2 * WHILE_NS + 1000));
        ring(&mut kicks, &[8], 2 * WHILE_NS);
        ring(&mut kicks, &[], 2 * WHILE_NS + 1000);
        assert_eq!(kicks.next_ns(), None);

        let quiet_ns = WHILE_NS + u64::from(HEARD_MAX) * 1000;
        assert_eq!(said, [(7, false, quiet_ns), (7, true, 2 * WHILE_NS + 1000)]);
    }
}
