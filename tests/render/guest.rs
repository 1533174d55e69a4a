//! A guest's driver in small: writes commands as Venus has them, and reads the replies.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use vgpu::render::vulkan::{Context, Worker};
use vgpu::venus::{CommandType, Reader};

/// A command on the wire.
pub(crate) struct Command(Vec<u8>);

impl Command {
    /// One that wants no answer.
    pub(crate) fn new(command: CommandType) -> Self {
        Self(Vec::new()).int(command as u32).int(0)
    }

    /// One that wants an answer.
    pub(crate) fn asking(command: CommandType) -> Self {
        Self(Vec::new()).int(command as u32).int(1)
    }

    /// The same, wanting an answer.
    pub(crate) fn asked(mut self) -> Self {
        self.0[4..8].copy_from_slice(&1_u32.to_le_bytes());
        self
    }

    pub(crate) fn int(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn ints(self, values: impl IntoIterator<Item = u32>) -> Self {
        values.into_iter().fold(self, Self::int)
    }

    pub(crate) fn long(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn longs(self, values: impl IntoIterator<Item = u64>) -> Self {
        values.into_iter().fold(self, Self::long)
    }

    /// A pointer that is not NULL, before what it points to.
    pub(crate) fn some(self) -> Self {
        self.long(1)
    }

    /// NULL, or an array without elements.
    pub(crate) fn null(self) -> Self {
        self.long(0)
    }

    /// The head of a structure that a pointer leads to: its type, and no chain.
    pub(crate) fn info(self, kind: u32) -> Self {
        self.some().structure(kind)
    }

    /// The head of a structure: its type, and no chain.
    pub(crate) fn structure(self, kind: u32) -> Self {
        self.int(kind).null()
    }

    /// No allocator, and the name of what is made.
    pub(crate) fn makes(self, id: u64) -> Self {
        self.null().some().long(id)
    }

    /// Characters with their end.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self = self.long(text.len() as u64 + 1);
        self.0.extend(text.bytes().chain([0]));
        self.padded()
    }

    /// Bytes as an array.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self = self.long(bytes.len() as u64);
        self.0.extend(bytes);
        self.padded()
    }

    fn padded(mut self) -> Self {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn bytes_of(&self) -> &[u8] {
        &self.0
    }
}

/// What a guest is answered.
pub(crate) struct Answer(Vec<u8>);

impl Answer {
    /// The word at a place: 0 is the command, 1 its result.
    pub(crate) fn word(&self, index: usize) -> u32 {
        u32::from_le_bytes(self.0[index * 4..][..4].try_into().unwrap())
    }

    /// The long word that starts at a place.
    pub(crate) fn long(&self, index: usize) -> u64 {
        u64::from_le_bytes(self.0[index * 4..][..8].try_into().unwrap())
    }

    /// What the command returned.
    pub(crate) fn result(&self) -> i32 {
        self.word(1).cast_signed()
    }
}

/// One thread of a client.
pub(crate) struct Guest {
    pub(crate) context: Arc<Context>,
    worker: Worker,
}

impl Guest {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, worker: Worker::new().unwrap() }
    }

    /// One whose waits end when its client goes: when the other end of this socket is closed.
    pub(crate) fn of_client(context: Arc<Context>, client: UnixStream) -> Self {
        Self { context, worker: Worker::of_client(client.into()).unwrap() }
    }

    /// Sends a command, and reads the answer if it wants one.
    pub(crate) fn send(&mut self, command: Command) -> Answer {
        let bytes = command.into_bytes();
        let mut reader = Reader::new(&bytes);
        self.worker.reply.clear();
        self.context.execute(&mut reader, &mut self.worker).unwrap();
        assert!(reader.is_empty(), "{} of {} bytes were read", reader.position(), bytes.len());
        Answer(self.worker.reply.clone())
    }

    /// Sends a stream of commands that want no answer, again and again.
    pub(crate) fn stream(&mut self, bytes: &[u8]) {
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            self.context.execute(&mut reader, &mut self.worker).unwrap();
        }
    }

    /// Sends a command that must go well, and is asked for its result if it has one.
    pub(crate) fn do_well(&mut self, command: Command) -> Answer {
        let answer = self.send(command);
        assert_eq!(self.context.lost(), None);
        if answer.0.len() >= 8 {
            assert_eq!(answer.result(), 0);
        }
        answer
    }

    /// Why the context is lost.
    pub(crate) fn reason(&self) -> String {
        self.context.lost().map(|reason| reason.to_string()).unwrap_or_default()
    }
}
