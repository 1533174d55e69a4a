//! vhost-user messages as bytes on a socket.

use std::io::{self, ErrorKind, IoSlice, Read as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use crate::sys;

const HEADER_BYTES: usize = 12;

/// The longest body that the specification needs; the crate takes no more either.
const BODY_BYTES_MAX: usize = vhost::vhost_user::message::MAX_MSG_SIZE;

const FLAG_VERSION_1: u32 = 1;
const FLAG_REPLY: u32 = 1 << 2;
const FLAG_NEED_REPLY: u32 = 1 << 3;

/// One message: a header, a body, and descriptors that came with the header. Clones share the descriptors.
#[derive(Clone, Debug)]
pub struct Message {
    pub(super) request: u32,
    flags: u32,
    pub(super) body: Vec<u8>,
    pub(super) descriptors: Vec<Arc<OwnedFd>>,
}

/// Why no message could be received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The socket failed.
    #[error("cannot receive: {0}")]
    Socket(#[from] io::Error),
    /// The other side hung up before a message was whole.
    #[error("it hung up after {got} of {needed} bytes of a message")]
    Half {
        /// Bytes of this part of the message that came.
        got: usize,
        /// Bytes that it has.
        needed: usize,
    },
    /// No message is that long.
    #[error("its message {request} is {bytes} bytes long, more than {BODY_BYTES_MAX}")]
    TooLong {
        /// The number of the request.
        request: u32,
        /// The length that its header gives.
        bytes: u32,
    },
}

impl Message {
    /// A message without answer and without descriptors.
    pub(super) fn new(request: u32, body: Vec<u8>) -> Self {
        Self { request, flags: FLAG_VERSION_1, body, descriptors: Vec::new() }
    }

    /// A message whose effect is to be answered, with these descriptors.
    pub(super) fn asking(request: u32, body: Vec<u8>, descriptors: Vec<Arc<OwnedFd>>) -> Self {
        Self { request, flags: FLAG_VERSION_1 | FLAG_NEED_REPLY, body, descriptors }
    }

    /// The answer to a request that something else than its effect is answered to: zero says that it was done.
    pub(super) fn ack(request: u32, error: u64) -> Self {
        let flags = FLAG_VERSION_1 | FLAG_REPLY;
        Self { request, flags, body: error.to_ne_bytes().into(), descriptors: Vec::new() }
    }

    /// Whether the sender waits for an answer, if that was negotiated.
    pub(super) fn needs_reply(&self) -> bool {
        self.flags & FLAG_NEED_REPLY != 0
    }

    /// The same for a sender that does not wait.
    pub(super) fn without_reply(mut self) -> Self {
        self.flags &= !FLAG_NEED_REPLY;
        self
    }

    /// The body's numbers of 64 bits.
    pub(super) fn words(&self) -> impl Iterator<Item = u64> {
        self.body.as_chunks().0.iter().map(|word| u64::from_ne_bytes(*word))
    }

    /// What the number of 64 bits at its beginning is; zero for a body that has none.
    pub(super) fn first_word(&self) -> u64 {
        self.words().next().unwrap_or_default()
    }

    /// The memory regions of SET_MEM_TABLE, ADD_MEM_REG and REM_MEM_REG. Before them these have one word.
    pub(super) fn regions(&self) -> Vec<[u64; 4]> {
        let words: Vec<u64> = self.words().skip(1).collect();
        words.as_chunks().0.to_vec()
    }

    /// Waits for a message; `None` when the other side hung up where one would have begun.
    pub(super) fn receive(from: &UnixStream) -> Result<Option<Self>, ReceiveError> {
        let mut header = [0; HEADER_BYTES];
        let (got, descriptors) = receive_part(from, &mut header)?;
        match got {
            0 => return Ok(None),
            HEADER_BYTES => {}
            _ => return Err(ReceiveError::Half { got, needed: HEADER_BYTES }),
        }
        let [request, flags, bytes] = numbers(&header);
        let length = bytes as usize;
        if length > BODY_BYTES_MAX {
            return Err(ReceiveError::TooLong { request, bytes });
        }
        let mut body = Vec::with_capacity(length);
        from.take(u64::from(bytes)).read_to_end(&mut body)?;
        if body.len() < length {
            return Err(ReceiveError::Half { got: body.len(), needed: length });
        }
        let descriptors = descriptors.into_iter().map(Arc::new).collect();
        Ok(Some(Self { request, flags, body, descriptors }))
    }

    /// Header and body.
    pub(super) fn bytes(&self) -> Vec<u8> {
        packet([self.request, self.flags], &self.body)
    }

    /// Sends it, waiting for room in the socket.
    pub(super) fn send(&self, to: &UnixStream) -> io::Result<()> {
        self.send_with(to, MsgFlags::empty())
    }

    /// Sends it if the socket has room for it now.
    pub(super) fn send_now(&self, to: &UnixStream) -> io::Result<()> {
        self.send_with(to, MsgFlags::MSG_DONTWAIT)
    }

    fn send_with(&self, to: &UnixStream, flags: MsgFlags) -> io::Result<()> {
        send_packet(to, [self.request, self.flags], &self.body, &self.descriptors, flags)
    }
}

fn packet([request, kind]: [u32; 2], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let header = [request, kind, length].map(u32::to_ne_bytes);
    [header.as_flattened(), body].concat()
}

/// Sends a header of these two numbers and the body's length, the body, and with the header these descriptors.
pub(super) fn send_packet(
    to: &UnixStream,
    numbers: [u32; 2],
    body: &[u8],
    descriptors: &[impl AsFd],
    flags: MsgFlags,
) -> io::Result<()> {
    send_bytes(to, &packet(numbers, body), descriptors, flags)
}

/// Sends bytes, with the first of them these descriptors.
pub(in crate::transport) fn send_bytes(
    to: &UnixStream,
    bytes: &[u8],
    descriptors: &[impl AsFd],
    flags: MsgFlags,
) -> io::Result<()> {
    let numbers: Vec<RawFd> = descriptors.iter().map(|descriptor| descriptor.as_fd().as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let mut control: &[_] = if numbers.is_empty() { &[] } else { &rights };
    let mut rest = bytes;
    while !rest.is_empty() {
        let parts = [IoSlice::new(rest)];
        match sendmsg::<()>(to.as_raw_fd(), &parts, control, flags | MsgFlags::MSG_NOSIGNAL, None) {
            Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        }
        control = &[];
    }
    Ok(())
}

/// Fills a header. Returns the bytes of it that came before the other side hung up, and every descriptor that came with
/// them.
pub(in crate::transport) fn receive_part(
    from: &UnixStream,
    header: &mut [u8],
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut descriptors = Vec::new();
    let mut got = 0;
    while let Some(rest) = header.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match sys::receive_with_descriptors(from, rest) {
            Ok((0, _)) => break,
            Ok((bytes, more)) => {
                got += bytes;
                descriptors.extend(more);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Closed with something of ours unread; that is no other end than any.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => return Err(error),
        }
    }
    Ok((got, descriptors))
}

fn numbers(header: &[u8; HEADER_BYTES]) -> [u32; 3] {
    let mut words = header.as_chunks().0.iter().map(|word| u32::from_ne_bytes(*word));
    [(); 3].map(|()| words.next().unwrap_or_default())
}
