use super::{CommandType, Malformed};

/// A private copy of a stream of commands, and how far it was read.
#[derive(Debug)]
pub struct Reader<'s> {
    bytes: &'s [u8],
    position: usize,
}

impl<'s> Reader<'s> {
    /// Reads `bytes` from their start.
    pub fn new(bytes: &'s [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The command that comes next; `None` at the end.
    pub fn peek(&self) -> Option<Result<CommandType, Malformed>> {
        if self.is_empty() {
            return None;
        }
        let Some(number) = self.rest().first_chunk().map(|bytes| u32::from_le_bytes(*bytes)) else {
            return Some(Err(Malformed::NoCommand));
        };
        Some(CommandType::from_number(number).ok_or(Malformed::UnknownCommand(number)))
    }

    /// How many bytes were read.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether all was read.
    pub fn is_empty(&self) -> bool {
        self.position == self.bytes.len()
    }

    fn rest(&self) -> &'s [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }
}
