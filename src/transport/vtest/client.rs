//! One client: its messages in order, each dealt with before it is taken out of the socket.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::House;
use super::socket::{Socket, SocketError};
use super::syncs::{SyncError, Syncs};
use super::wire::{Batch, CAPSET_VENUS, Kind, PROTOCOL_VERSION, Request, WireError, answer, parameter};
use crate::render::venus::{Fault, Heirloom, Session, Setup, Will};

/// Why a connection was closed by us.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("capset {0} is not Vulkan's")]
    Capset(u32),
    #[error("it has no context yet, and the command needs one")]
    NoContext,
    #[error("it has a context already")]
    Context,
    #[error("its socket or its files failed: {0}")]
    Io(#[from] io::Error),
}

/// What a message is answered with.
enum Answer {
    Nothing,
    Words(Vec<u8>),
    File(Vec<u8>, OwnedFd),
}

pub(super) struct Client {
    socket: Socket,
    house: Arc<House>,
    /// In front of the name that the client gives itself.
    number: u64,
    name: String,
    syncs: Syncs,
    session: Option<Session>,
    last_resource: u32,
    will: Will,
}

impl Client {
    /// A client that has said nothing yet.
    pub(super) fn new(stream: UnixStream, number: u64, house: Arc<House>) -> io::Result<Self> {
        let client = Self::with(stream, number, house)?;
        client.will.note_connection(client.socket.as_fd());
        Ok(client)
    }

    /// A client of a process that died, with what was kept of it.
    pub(super) fn inherit(
        stream: UnixStream,
        number: u64,
        house: Arc<House>,
        items: Vec<Heirloom>,
    ) -> Result<Self, ClientError> {
        let mut client = Self::with(stream, number, house)?;
        if let Some(session) = Session::inherit(client.setup()?, items) {
            let session = session?;
            client.last_resource = session.last_resource();
            client.session = Some(session);
            client.syncs = Syncs::orphaned();
        }
        Ok(client)
    }

    fn with(stream: UnixStream, number: u64, house: Arc<House>) -> io::Result<Self> {
        Ok(Self {
            socket: Socket::new(stream)?,
            will: Will::new(Arc::clone(&house.estate), number),
            house,
            number,
            name: format!("client {number}"),
            syncs: Syncs::default(),
            session: None,
            last_resource: 0,
        })
    }

    /// How it is called in the log.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Serves it until it hangs up.
    pub(super) fn serve(&mut self) -> Result<(), ClientError> {
        while let Some(mut message) = self.socket.peek()? {
            let request = Request::decode(message.header.kind, message.payload())?;
            let answer = self.handle(request)?;
            self.socket.take(&mut message)?;
            match answer {
                Answer::Nothing => {}
                Answer::Words(bytes) => self.socket.answer(&bytes)?,
                Answer::File(bytes, file) => self.socket.answer_with(&bytes, &file)?,
            }
        }
        Ok(())
    }

    fn handle(&mut self, request: Request<'_>) -> Result<Answer, ClientError> {
        match request {
            Request::CreateRenderer(name) => self.name = format!("client {} ({name})", self.number),
            Request::ResourceUnref(id) => _ = self.session()?.unref(id),
            Request::SyncUnref(id) => self.syncs.remove(id),
            Request::SyncWrite(point) => self.syncs.write(point)?,
            Request::ContextInit(capset) => self.init(capset)?,
            Request::Submit(batches) => batches.iter().try_for_each(|batch| self.submit(batch))?,
            question => return self.reply(question),
        }
        Ok(Answer::Nothing)
    }

    fn reply(&mut self, question: Request<'_>) -> Result<Answer, ClientError> {
        let (kind, payload) = match question {
            Request::PingProtocolVersion => (Kind::PingProtocolVersion, vec![]),
            // Nothing is ever busy: it is asked to see whether the question before it was understood.
            Request::ResourceBusyWait => (Kind::ResourceBusyWait, vec![0]),
            Request::ProtocolVersion(version) => (Kind::ProtocolVersion, vec![version.min(PROTOCOL_VERSION)]),
            Request::GetParam(number) => {
                let value = parameter(number);
                (Kind::GetParam, vec![u32::from(value.is_some()), value.unwrap_or_default()])
            }
            Request::GetCapset(CAPSET_VENUS) => {
                let capset = self.house.renderer.capset();
                let (words, _) = capset.as_chunks();
                let words = words.iter().map(|word| u32::from_le_bytes(*word));
                (Kind::GetCapset, std::iter::once(1).chain(words).collect())
            }
            Request::GetCapset(_) => (Kind::GetCapset, vec![0]),
            Request::SyncCreate(value) => (Kind::SyncCreate, vec![self.syncs.create(value)?]),
            Request::SyncRead(id) => {
                let (low, high) = halves(self.syncs.read(id)?);
                (Kind::SyncRead, vec![low, high])
            }
            Request::SyncWait { any, timeout_ms, points } => {
                let file = self.syncs.wait(&points, any, timeout_ms)?;
                return Ok(Answer::File(answer(Kind::SyncWait, &[]), file));
            }
            Request::ResourceCreateBlob { bytes, blob_id } => return self.create_blob(bytes, blob_id),
            _ => return Ok(Answer::Nothing),
        };
        Ok(Answer::Words(answer(kind, &payload)))
    }

    fn init(&mut self, capset: u32) -> Result<(), ClientError> {
        match capset {
            CAPSET_VENUS if self.session.is_some() => return Err(ClientError::Context),
            CAPSET_VENUS => {}
            other => return Err(ClientError::Capset(other)),
        }
        self.session = Some(Session::new(self.setup()?)?);
        Ok(())
    }

    fn setup(&self) -> io::Result<Setup> {
        let share = self.house.shares.of_client();
        Ok(Setup {
            name: self.name.clone(),
            executor: self.house.renderer.context(&self.name, &share.mappings),
            share,
            ledger: self.house.ledger.clone(),
            heap: None,
            monitor: Arc::clone(&self.house.monitor),
            gone: Some(self.socket.as_fd().try_clone_to_owned()?),
            will: self.will.clone(),
        })
    }

    fn create_blob(&mut self, bytes: u64, blob_id: u64) -> Result<Answer, ClientError> {
        let session = self.session.as_ref().ok_or(ClientError::NoContext)?;
        // Four billion are more than a client makes; 0 is no resource.
        self.last_resource = self.last_resource.checked_add(1).ok_or(SyncError::TooMany)?;
        let file = session.create_blob(self.last_resource, blob_id, bytes)?;
        Ok(Answer::File(answer(Kind::ResourceCreateBlob, &[self.last_resource]), file))
    }

    fn submit(&mut self, batch: &Batch<'_>) -> Result<(), ClientError> {
        let session = self.session.as_mut().ok_or(ClientError::NoContext)?;
        session.submit(batch.commands)?;
        if !batch.points.is_empty() {
            let signal = self.syncs.signal(&batch.points)?;
            session.fence(batch.ring_index, move || signal.send());
        }
        Ok(())
    }

    fn session(&self) -> Result<&Session, ClientError> {
        self.session.as_ref().ok_or(ClientError::NoContext)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.will.burn();
    }
}

#[expect(clippy::cast_possible_truncation, reason = "that is what halves are")]
fn halves(value: u64) -> (u32, u32) {
    (value as u32, (value >> 32) as u32)
}
