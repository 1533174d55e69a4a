//! Records by key, as a log of what changed.
//!
//! An entry is 8 bytes of key, 4 bytes of length, then the record in postcard; a length of all ones takes the record
//! away. What lies behind the tail does not count: entries are written there, and the store of the tail makes all of
//! them count at once. When too much of the log is outdated, what lives is copied into the other half, and the store of
//! the same word changes halves.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::{VaultError, Word, word};
use crate::sys::Mapping;

/// Bytes in front of a record.
const HEADER_BYTES: usize = 12;

/// The length of a record that is taken away.
const REMOVED: u32 = u32::MAX;

/// Outdated bytes that are not worth a copy of the rest.
const SLACK_BYTES: usize = 64 << 10;

/// The bit that says that the second half counts; those below are its tail.
const SECOND: u64 = 1 << 63;

/// A tail that no log has: what is written next would not fit, so what is there no longer tells the state.
const BROKEN: u64 = SECOND - 1;

#[derive(Debug)]
pub(super) struct Log {
    words: Arc<Mapping<AtomicU64>>,
    /// The half that counts, and the other one.
    halves: [Mapping<u8>; 2],
    second: bool,
    /// Where the next entry goes; the tail is where the first of `staged` lies.
    end: usize,
    staged: Vec<(u64, Option<Range<usize>>)>,
    /// The entry of each record that there is.
    live: BTreeMap<u64, Range<usize>>,
    live_bytes: usize,
    broken: bool,
}

impl Log {
    pub(super) fn open(
        words: Arc<Mapping<AtomicU64>>,
        [first, second]: [Mapping<u8>; 2],
    ) -> Result<Self, VaultError> {
        let state = word(&words, Word::Log).load(Ordering::Acquire);
        let is_second = state & SECOND != 0;
        let halves = if is_second { [second, first] } else { [first, second] };
        let damaged = VaultError::Log(state & !SECOND);
        let tail = usize::try_from(state & !SECOND).map_err(|_| damaged)?;
        let mut log = Self {
            words,
            halves,
            second: is_second,
            end: 0,
            staged: Vec::new(),
            live: BTreeMap::new(),
            live_bytes: 0,
            broken: false,
        };
        while log.end < tail {
            let (key, len) = log.entry(tail).ok_or(VaultError::Log(log.end as u64))?;
            log.stage(key, len);
        }
        log.settle();
        Ok(log)
    }

    /// Key and record's length of the entry at the end, if it ends before `tail`.
    fn entry(&self, tail: usize) -> Option<(u64, Option<usize>)> {
        let (key, rest) = self.halves[0].get(self.end..tail)?.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let len = Some(u32::from_le_bytes(*len)).filter(|len| *len != REMOVED).map(|len| len as usize);
        (len.unwrap_or(0) <= rest.len()).then_some((u64::from_le_bytes(*key), len))
    }

    fn stage(&mut self, key: u64, len: Option<usize>) {
        let end = self.end + HEADER_BYTES + len.unwrap_or(0);
        self.staged.push((key, len.map(|_| self.end..end)));
        self.end = end;
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = u64> {
        self.live.keys().copied()
    }

    pub(super) fn get(&self, key: u64) -> Option<&[u8]> {
        let entry = self.live.get(&key)?;
        self.halves[0].get(entry.start + HEADER_BYTES..entry.end)
    }

    pub(super) fn append(&mut self, key: u64, record: Option<&impl Serialize>) {
        match self.write(key, record) {
            Some(len) => self.stage(key, len),
            None => self.broken = true,
        }
    }

    /// Writes an entry behind the end; `None` if it does not fit.
    fn write(&mut self, key: u64, record: Option<&impl Serialize>) -> Option<Option<usize>> {
        let (header, room) = self.halves[0].get_mut(self.end..)?.split_first_chunk_mut::<HEADER_BYTES>()?;
        let len = match record {
            Some(record) => Some(postcard::to_slice(record, room).ok()?.len()),
            None => None,
        };
        let told = len.map_or(Some(REMOVED), |len| u32::try_from(len).ok().filter(|len| *len != REMOVED))?;
        header.first_chunk_mut::<8>()?.copy_from_slice(&key.to_le_bytes());
        header.last_chunk_mut::<4>()?.copy_from_slice(&told.to_le_bytes());
        Some(len)
    }

    pub(super) fn commit(&mut self) {
        if self.broken {
            // A half is larger than all that is charged for, so this is our mistake; the VM goes on as long as we do.
            tracing::error!("the vault is full: nobody can take this VM over any more");
            self.staged.clear();
            return self.words_log().store(BROKEN, Ordering::Release);
        }
        if self.staged.is_empty() {
            return;
        }
        self.publish();
        self.settle();
        if self.end > 2 * self.live_bytes + SLACK_BYTES {
            self.compact();
        }
    }

    fn words_log(&self) -> &AtomicU64 {
        word(&self.words, Word::Log)
    }

    /// The store after which everything before the end counts.
    fn publish(&self) {
        let half = if self.second { SECOND } else { 0 };
        self.words_log().store(half | self.end as u64, Ordering::Release);
    }

    /// What was staged is what lives now.
    fn settle(&mut self) {
        for (key, entry) in self.staged.drain(..) {
            let new = entry.as_ref().map_or(0, Range::len);
            let old = match entry {
                Some(entry) => self.live.insert(key, entry),
                None => self.live.remove(&key),
            };
            self.live_bytes = self.live_bytes + new - old.map_or(0, |old| old.len());
        }
    }

    /// Copies what lives into the other half, changes to it, and gives this one's memory back.
    fn compact(&mut self) {
        let [from, to] = &mut self.halves;
        self.end = 0;
        for entry in self.live.values_mut() {
            let end = self.end + entry.len();
            let (Some(old), Some(new)) = (from.get(entry.clone()), to.get_mut(self.end..end)) else {
                continue;
            };
            new.copy_from_slice(old);
            *entry = self.end..end;
            self.end = end;
        }
        self.halves.swap(0, 1);
        self.second = !self.second;
        self.publish();
        if let Err(error) = self.halves[1].clear() {
            tracing::debug!("the vault keeps memory that it no longer needs: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::FileExt;

    use proptest::prelude::*;

    use crate::vault::{ALIGNMENT, Vault, VaultError};

    const MEMORY_BYTES: u64 = 1 << 20;

    fn open(file: &OwnedFd) -> Result<Vault, VaultError> {
        Vault::open(file.try_clone().unwrap(), MEMORY_BYTES)
    }

    fn contents(vault: &Vault) -> BTreeMap<u64, Vec<u32>> {
        vault.keys().map(|key| (key, vault.get(key).unwrap().unwrap())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_vault_opened_anew_has_what_was_committed_and_nothing_of_what_was_not(
            steps in prop::collection::vec((0u64..6, 0usize..3000, any::<[bool; 3]>()), 1..120),
        ) {
            let file = Vault::file(MEMORY_BYTES).unwrap();
            let mut vault = open(&file).unwrap();
            let (mut told, mut committed) = (BTreeMap::new(), BTreeMap::new());
            for (number, (key, len, [keep, commit, die])) in (0u32..).zip(steps) {
                if keep {
                    let record = vec![number; len];
                    vault.put(key, &record);
                    told.insert(key, record);
                } else {
                    vault.remove(key);
                    told.remove(&key);
                }
                // Removing looks at what was committed: each step here is a commit of its own, or dies before it.
                if commit {
                    vault.commit();
                    committed = told.clone();
                } else {
                    told = committed.clone();
                }
                if die || !commit {
                    std::mem::forget(vault);
                    vault = open(&file).unwrap();
                }
                prop_assert_eq!(contents(&vault), committed.clone());
            }
        }

        #[test]
        fn no_bytes_in_place_of_a_log_make_it_panic(
            state: [u64; 2], bytes in prop::collection::vec(any::<u8>(), 0..300), tail in 0u64..300,
            second: bool, random: bool,
        ) {
            let file = Vault::file(MEMORY_BYTES).unwrap();
            drop(open(&file).unwrap());
            let [state, mark] = state;
            let state = if random { state } else { tail | u64::from(second) << 63 };
            let file = File::from(file);
            file.write_all_at(&[state.to_le_bytes(), mark.to_le_bytes()].concat(), 8).unwrap();
            file.write_all_at(&bytes, ALIGNMENT).unwrap();
            if let Ok(vault) = open(&file.into()) {
                for key in vault.keys() {
                    let _ = (vault.get::<Vec<u32>>(key), vault.get::<String>(key), vault.get::<(u8, bool)>(key));
                }
            }
        }
    }

    #[test]
    fn a_kill_within_an_entry_leaves_what_was_before() {
        let file = Vault::file(MEMORY_BYTES).unwrap();
        let mut vault = open(&file).unwrap();
        vault.put(1, &"before");
        vault.commit();
        let tail = vault.log.end;
        vault.put(1, &"after");
        vault.put(2, &"new");
        let whole = vault.log.halves[0][tail..vault.log.end].to_vec();
        std::mem::forget(vault);
        let file = File::from(file);
        for cut in 0..whole.len() {
            let torn: Vec<u8> = whole.iter().take(cut).copied().chain([0xee; 64]).collect();
            file.write_all_at(&torn, ALIGNMENT + tail as u64).unwrap();
            let vault = open(&file.try_clone().unwrap().into()).unwrap();
            assert_eq!(vault.get::<String>(1).unwrap().as_deref(), Some("before"), "cut after {cut} bytes");
            assert_eq!(vault.keys().collect::<Vec<_>>(), [1]);
        }
    }

    #[test]
    fn a_log_that_is_written_for_ever_stays_small() {
        let file = Vault::file(MEMORY_BYTES).unwrap();
        let mut vault = open(&file).unwrap();
        let mut turns = 0;
        for number in 0..20_000u64 {
            vault.put(number % 7, &vec![number; 100]);
            vault.commit();
            turns += u32::from(vault.log.end < 10_000);
            assert!(vault.log.end <= 2 * vault.log.live_bytes + super::SLACK_BYTES);
        }
        assert!(turns > 10, "it was never shortened");
        drop(vault);
        let vault = open(&file).unwrap();
        for key in 0..7 {
            let last = (0..20_000u64).rev().find(|number| number % 7 == key).unwrap();
            assert_eq!(vault.get::<Vec<u64>>(key).unwrap(), Some(vec![last; 100]));
            assert!(matches!(vault.get::<(u64, u64)>(key), Err(VaultError::Record { .. })), "bytes too many");
        }
    }

    #[test]
    fn what_is_no_vault_of_this_version_and_size_is_refused() {
        let refusal = |word: u64| {
            let file = File::from(Vault::file(MEMORY_BYTES).unwrap());
            file.write_all_at(&word.to_le_bytes(), 0).unwrap();
            open(&file.into()).unwrap_err().to_string()
        };
        assert!(refusal(0x0000_0002_7570_6776).contains("version 2 and this vgpu reads 1"));
        assert!(refusal(77).contains("no vault"));
        let other = Vault::open(Vault::file(2 * MEMORY_BYTES).unwrap(), MEMORY_BYTES);
        assert!(matches!(other, Err(VaultError::Size { .. })));
    }

    #[test]
    fn a_record_that_does_not_fit_leaves_a_vault_that_nobody_takes_over() {
        let file = Vault::file(MEMORY_BYTES).unwrap();
        let mut vault = open(&file).unwrap();
        vault.put(1, &"fits");
        vault.commit();
        vault.put(2, &vec![u64::MAX; 1 << 20]);
        vault.commit();
        drop(vault);
        assert!(matches!(open(&file), Err(VaultError::Log(_))));
    }
}
