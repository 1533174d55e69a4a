use super::layout::LayoutError;
use crate::quota::{NoneLeft, OverLimit};
use crate::venus::Malformed;

/// Why nothing more that a client says can be understood, or done in the order that it asks for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// The stream ends in the middle.
    #[error("a command goes on beyond the end of its stream")]
    Truncated,
    /// A command that is none.
    #[error("a command cannot be decoded: {0}")]
    Undecodable(String),
    /// As the codec says it.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A ring that cannot be.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A ring whose memory is in use.
    #[error("ring {0:#x} begins with a head or a status that is not 0")]
    NotFresh(u64),
    /// More bytes than there is room for.
    #[error("ring {ring:#x} holds {pending} bytes, and has room for {size}")]
    Overfull {
        /// The client's name for the ring.
        ring: u64,
        /// Between head and tail.
        pending: u32,
        /// Of the buffer.
        size: u32,
    },
    /// Nobody would ever wake up.
    #[error("ring {ring:#x} never reaches {seqno}, for which the client has us wait")]
    Unreachable {
        /// The client's name for the ring.
        ring: u64,
        /// What is waited for.
        seqno: u64,
    },
    /// Nobody would ever wake up.
    #[error("the client has us wait for ring {0:#x}, which waits for us")]
    Deadlock(u64),
    /// An answer without a place.
    #[error("a command wants a reply and there is no reply stream")]
    NoReplyStream,
    /// An answer that does not fit.
    #[error("{bytes} bytes at {position} lie outside a reply stream of {size}")]
    Reply {
        /// To be written.
        bytes: usize,
        /// Where.
        position: u64,
        /// What the stream has.
        size: u64,
    },
    /// A number that names no shared memory.
    #[error("resource {0} is no shared memory of this client")]
    Resource(u32),
    /// A stream beyond the end of its memory.
    #[error("{size} bytes at {offset} lie outside resource {resource_id}")]
    Outside {
        /// The memory.
        resource_id: u32,
        /// Where in it.
        offset: u64,
        /// How many.
        size: u64,
    },
    /// A name that no ring has.
    #[error("there is no ring {0:#x}")]
    Ring(u64),
    /// A name that a ring has.
    #[error("there is a ring {0:#x} already")]
    RingExists(u64),
    /// A client with too many threads.
    #[error("the client has {0} rings, and may have no more")]
    Rings(usize),
    /// A client with too many threads, beside others.
    #[error(transparent)]
    NoneLeft(#[from] NoneLeft),
    /// Beyond the extra region.
    #[error("offset {0} is no word of the ring's extra region")]
    Extra(u64),
    /// A stream in a stream in a stream.
    #[error("a command stream executes command streams, and is executed itself")]
    Nested,
    /// A command that only rings have, or only the control thread.
    #[error("this command belongs {0}")]
    Misplaced(&'static str),
    /// No memory is left for what a ring or a stream takes.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// The host has no thread, no descriptor, no memory.
    #[error("the host cannot serve this client: {0}")]
    Host(String),
    /// It hung up.
    #[error("the client went away")]
    Gone,
    /// A bug of ours.
    #[error("{0}: this is a bug in vgpu")]
    Bug(&'static str),
}
