use super::CommandType;

/// Why a stream cannot be decoded. Nothing after it can be, either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The stream ends in the middle of a command.
    #[error("{0:?} ends before its parameters do")]
    Truncated(CommandType),
    /// The stream ends in the middle of a command's head.
    #[error("the stream ends before a command's type and flags do")]
    NoCommand,
    /// No command has this number.
    #[error("no command has number {0}; is the guest's Mesa newer than this renderer?")]
    UnknownCommand(u32),
    /// A handle names no object of the type that belongs there.
    #[error("{command:?}: {id:#x} is no {kind:?} of this client")]
    UnknownHandle {
        /// The command that the handle is in.
        command: CommandType,
        /// The type that belongs there.
        kind: super::ObjectType,
        /// What the guest sent.
        id: u64,
    },
}
