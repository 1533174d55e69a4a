//! The request that is being carried out, so that the next process answers it if this one does not live to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys::Mapping;

/// Bytes that a request may have.
pub const INBOX_BYTES: usize = 8 << 10;

/// The word that says how many bytes there are, and the one after it where they begin. Those before are the vault's
/// own; far more follow.
const STATE: usize = 64;
const FIRST: usize = STATE + 1;

/// The place of one request in a vault. Copies are the same place.
///
/// There is no call to the kernel in it: a process dies before a store or after it.
#[derive(Clone, Debug)]
pub struct Inbox(Arc<Mapping<AtomicU64>>);

impl Inbox {
    pub(super) fn new(words: Arc<Mapping<AtomicU64>>) -> Self {
        Self(words)
    }

    /// Puts a request in, in place of the one before; false if it is longer than there is room.
    #[must_use]
    pub fn put(&self, request: &[u8]) -> bool {
        let Some(words) = self.0.get(FIRST..).filter(|_| request.len() <= INBOX_BYTES) else { return false };
        for (word, bytes) in words.iter().zip(request.chunks(8)) {
            let mut padded = [0; 8];
            padded.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
            word.store(u64::from_le_bytes(padded), Ordering::Relaxed);
        }
        self.set_length(request.len());
        true
    }

    /// The request was answered, or its answer is where nothing is lost.
    pub fn clear(&self) {
        self.set_length(0);
    }

    /// The request that nobody answered.
    pub fn get(&self) -> Option<Vec<u8>> {
        let length = self.0.get(STATE)?.load(Ordering::Acquire);
        let length = usize::try_from(length).ok().filter(|length| (1..=INBOX_BYTES).contains(length))?;
        let words = self.0.get(FIRST..)?.iter().take(length.div_ceil(8));
        let mut request: Vec<u8> =
            words.flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
        request.truncate(length);
        Some(request)
    }

    fn set_length(&self, length: usize) {
        if let Some(state) = self.0.get(STATE) {
            state.store(length as u64, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::INBOX_BYTES;
    use crate::vault::Vault;

    #[test]
    fn the_next_process_finds_what_was_not_answered_and_nothing_else() {
        let file: OwnedFd = Vault::file(1 << 20).unwrap();
        let vault = Vault::open(file.try_clone().unwrap(), 1 << 20).unwrap();
        let inbox = vault.inbox();
        assert_eq!(inbox.get(), None);
        let longest: Vec<u8> = (0..INBOX_BYTES).map(|index| u8::try_from(index % 251).unwrap()).collect();
        for request in [&longest[..], b"what?", b"123456789"] {
            assert!(inbox.put(request));
            assert_eq!(vault.inbox().get().as_deref(), Some(request));
        }
        assert!(!inbox.put(&[0; INBOX_BYTES + 1]));
        drop(vault);

        let next = Vault::open(file, 1 << 20).unwrap().inbox();
        assert_eq!(next.get().as_deref(), Some(&b"123456789"[..]));
        next.clear();
        assert_eq!(next.get(), None);
    }
}
