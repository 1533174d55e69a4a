use crate::venus::{CommandType, ObjectType};

/// Why a context was lost: it executes nothing more, and its client is told that its device is lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A handle names nothing, or an object of another type.
    #[error("{command:?}: {id:#x} is no {kind:?} of this client")]
    UnknownHandle {
        /// The command that the handle is in.
        command: CommandType,
        /// The type that belongs there.
        kind: ObjectType,
        /// What the guest sent.
        id: u64,
    },
    /// An object is used that could not be made.
    #[error("{command:?} uses {kind:?} {id:#x}, which was refused: {refusal}")]
    Tombstone {
        /// The command that uses it.
        command: CommandType,
        /// Its type.
        kind: ObjectType,
        /// The guest's name of it.
        id: u64,
        /// What the guest was answered when it wanted to make it, had it asked.
        refusal: String,
    },
    /// The guest named a new object as it named one before, or 0.
    #[error("{command:?}: {id:#x} is 0 or names an object already")]
    TakenId {
        /// The command that makes the object.
        command: CommandType,
        /// What the guest sent.
        id: u64,
    },
    /// A command breaks a rule whose breach could harm the driver.
    #[error("{command:?}: {rule}")]
    Invalid {
        /// The command.
        command: CommandType,
        /// What it breaks.
        rule: &'static str,
    },
    /// A command that guests are not offered, or that the driver lacks.
    #[error("{0:?} is not offered to guests; the guest's driver should not have sent it")]
    NotOffered(CommandType),
    /// A command needs more memory than any may have.
    #[error("{0:?} needs more memory than a command may have")]
    TooLarge(CommandType),
    /// The host's driver says that the device is lost.
    #[error("{0:?}: the host's driver lost its device; look at the host's kernel log")]
    DeviceLost(CommandType),
    /// The client went away: whoever still executes or waits for it may stop. This is no line in the log.
    #[error("the client went away")]
    Gone,
    /// Somebody else gave the context up, and says why.
    #[error("{0}")]
    GivenUp(String),
}
