use super::{CommandType, Malformed};

/// A private copy of a stream of commands, and how far it was read.
#[derive(Clone, Debug)]
pub struct Reader<'s> {
    rest: &'s [u8],
    length: usize,
}

impl<'s> Reader<'s> {
    /// Reads `bytes` from their start.
    pub fn new(bytes: &'s [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// The command that comes next; `None` at the end.
    pub fn peek(&self) -> Option<Result<CommandType, Malformed>> {
        if self.is_empty() {
            return None;
        }
        let Some(number) = self.rest.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)) else {
            return Some(Err(Malformed::NoCommand));
        };
        Some(CommandType::from_number(number).ok_or(Malformed::UnknownCommand(number)))
    }

    /// How many bytes were read.
    pub fn position(&self) -> usize {
        self.length - self.rest.len()
    }

    /// Whether all was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next bytes; `None`, and nothing is read, if there are fewer.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Option<&'s [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    #[inline(always)]
    pub(super) fn word(&mut self) -> Option<u32> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*taken))
    }

    #[inline(always)]
    pub(super) fn long(&mut self) -> Option<u64> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*taken))
    }

    /// Whether the next number of eight bytes is 0.
    #[inline(always)]
    pub(super) fn starts_with_zero(&self) -> bool {
        self.rest.first_chunk() == Some(&[0; 8])
    }
}
