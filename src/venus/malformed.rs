use super::{CommandType, ObjectType};
use crate::sys::Full;

/// Why a stream cannot be decoded. Nothing after it can be, either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The stream ends in the middle of a command's head.
    #[error("the stream ends before a command's type and flags do")]
    NoCommand,
    /// No command has this number.
    #[error("no command has number {0}; is the guest's Mesa newer than this renderer?")]
    UnknownCommand(u32),
    /// The command cannot go over the wire.
    #[error("{0:?} has no meaning outside the guest's own process; a driver sends it to nobody")]
    NotForTheWire(CommandType),
    /// The stream ends in the middle of a command.
    #[error("{0:?} ends before its parameters do")]
    Truncated(CommandType),
    /// The command needs more memory than there is.
    #[error("{0:?}: {1}")]
    TooLarge(CommandType, Full),
    /// A handle names no object of the type that belongs there.
    #[error("{command:?}: {id:#x} is no {kind:?} of this client")]
    UnknownHandle {
        /// The command that the handle is in.
        command: CommandType,
        /// The type that belongs there.
        kind: ObjectType,
        /// What the guest sent.
        id: u64,
    },
    /// A handle is NULL that must not be.
    #[error("{0:?}: a {1:?} is NULL where there has to be one")]
    NullHandle(CommandType, ObjectType),
    /// A pointer is NULL that must not be.
    #[error("{0:?}: a pointer is NULL that has to lead somewhere")]
    NullPointer(CommandType),
    /// A pointer is neither present nor absent, or present where only NULL makes sense.
    #[error("{0:?}: a pointer is marked {1}; it has to be 0, or 1 if it may lead somewhere")]
    Pointer(CommandType, u64),
    /// An array is not as long as its length says.
    #[error("{command:?}: an array has {sent} elements, and its length says {expected}")]
    Length {
        /// The command that the array is in.
        command: CommandType,
        /// How many elements come.
        sent: u64,
        /// How many the command speaks of.
        expected: u64,
    },
    /// A text does not end with NUL.
    #[error("{0:?}: a text does not end with NUL")]
    Text(CommandType),
    /// A structure's `sType` is not that of the structure that belongs there.
    #[error("{command:?}: a structure has type {sent}, where {expected} belongs")]
    Structure {
        /// The command that the structure is in.
        command: CommandType,
        /// The type that came.
        sent: i32,
        /// The type that belongs there.
        expected: i32,
    },
    /// A chain holds what does not belong in it, or twice what belongs in it once.
    #[error("{0:?}: a structure of type {1} cannot stand in this chain, or not twice")]
    Chain(CommandType, i32),
    /// A union's tag stands for none of its members, or not for the one that is in use.
    #[error("{0:?}: a union has tag {1}, which is not the member in use")]
    Union(CommandType, i32),
    /// Structures within structures, too many of them.
    #[error("{0:?}: chains and structures go deeper than any that a driver could want")]
    TooDeep(CommandType),
}
