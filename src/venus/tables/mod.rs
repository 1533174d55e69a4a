//! What the registry says of commands and structures. Made by scripts/venus-codec, all but this file.

mod names;

pub use names::{CommandType, ObjectType};

pub(super) use names::COMMAND_TYPES;

impl CommandType {
    /// The command of a number on the wire.
    pub fn from_number(number: u32) -> Option<Self> {
        COMMAND_TYPES.get(usize::try_from(number).ok()?).copied().flatten()
    }
}
