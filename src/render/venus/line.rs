//! One sequence of commands: a ring's, or that of the control thread.

use std::sync::Arc;

use super::Fault;
use super::command::{Command, Decoded, Indirect, Place, decode, is_transport};
use super::core::Core;
use super::estate::ReplyPlace;
use super::memory::Shared;
use super::ring::Ring;
use crate::render::vulkan::Worker;

/// A copy of an indirect stream that stays for the next one; longer ones are charged for and given back.
const SCRATCH_BYTES_KEPT: usize = 256 << 10;

/// No driver writes longer streams.
const STREAM_BYTES_MAX: u64 = 256 << 20;

/// Where replies go.
struct ReplyStream {
    memory: Arc<Shared>,
    place: ReplyPlace,
}

impl ReplyStream {
    fn seek(&mut self, position: u64) -> Result<(), Fault> {
        if position > self.place.size {
            return Err(Fault::Reply { bytes: 0, position, size: self.place.size });
        }
        self.place.position = position;
        Ok(())
    }

    fn write(&mut self, reply: &[u8]) -> Result<(), Fault> {
        let ReplyPlace { resource_id, offset, size, position } = self.place;
        if self.memory.is_gone() {
            return Err(Fault::Resource(resource_id));
        }
        let end = position + reply.len() as u64;
        let room = (end <= size).then_some(());
        let written = room.and_then(|()| self.memory.copy_in(offset + position, reply));
        written.ok_or(Fault::Reply { bytes: reply.len(), position, size })?;
        self.place.position = end;
        Ok(())
    }
}

pub(super) struct Line {
    core: Arc<Core>,
    /// `None` on the control thread.
    ring: Option<Arc<Ring>>,
    worker: Worker,
    replies: Option<ReplyStream>,
    scratch: Vec<u8>,
}

impl Line {
    pub(super) fn new(core: Arc<Core>, ring: Option<Arc<Ring>>) -> Result<Self, Fault> {
        let client = core.client().filter(|_| ring.is_none()).map(|client| client.try_clone_to_owned());
        let worker = client.map_or_else(Worker::new, |client| Worker::of_client(client?));
        let worker = worker.map_err(|error| Fault::Host(error.to_string()))?;
        Ok(Self { core, ring, worker, replies: None, scratch: Vec::new() })
    }

    /// As [`Line::new`], with the reply stream that this line had in another process.
    pub(super) fn inherit(core: Arc<Core>, ring: Option<Arc<Ring>>) -> Result<Self, Fault> {
        let mut line = Self::new(core, ring)?;
        let place = line.core.page.reply_place(line.slot());
        let ReplyPlace { resource_id, offset, size, position } = place;
        let memory = line.core.place(Place { resource_id, offset, size }).ok();
        line.replies = memory.filter(|_| position <= size).map(|memory| ReplyStream { memory, place });
        Ok(line)
    }

    fn slot(&self) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.slot())
    }

    /// Carries out a stream. After each command, when its reply is there, `consumed` is told where the next one begins.
    pub(super) fn run(&mut self, stream: &[u8], mut consumed: impl FnMut(&Self, usize)) -> Result<(), Fault> {
        self.stream(stream, false, &mut consumed)
    }

    pub(super) fn tell_of_progress(&self) {
        self.core.tell_of_progress();
    }

    fn stream(
        &mut self,
        stream: &[u8],
        nested: bool,
        consumed: &mut dyn FnMut(&Self, usize),
    ) -> Result<(), Fault> {
        let mut at = 0;
        while let Some(rest) = stream.get(at..).filter(|rest| !rest.is_empty()) {
            if self.ring.as_ref().is_some_and(|ring| ring.is_stopped()) {
                break;
            }
            let bytes = if is_transport(rest) { self.transport(rest, nested)? } else { self.execute(rest)? };
            at += bytes;
            consumed(self, at);
        }
        Ok(())
    }

    fn execute(&mut self, stream: &[u8]) -> Result<usize, Fault> {
        self.worker.reply.clear();
        let bytes = self.core.executor.execute(stream, &mut self.worker)?;
        if bytes == 0 || bytes > stream.len() {
            return Err(Fault::Bug("a command of no length was carried out"));
        }
        if !self.worker.reply.is_empty() {
            self.reply()?;
        }
        self.worker.tidy();
        Ok(bytes)
    }

    /// Appends what the worker has to the reply stream.
    fn reply(&mut self) -> Result<(), Fault> {
        match &mut self.replies {
            Some(replies) => replies.write(&self.worker.reply)?,
            // Its place was lost with the other process.
            None if self.core.is_orphaned() => {}
            None => return Err(Fault::NoReplyStream),
        }
        self.keep_place();
        Ok(())
    }

    /// Leaves the place of the next reply to the next process.
    fn keep_place(&self) {
        if let Some(replies) = &self.replies {
            self.core.page.set_reply_place(self.slot(), &replies.place);
        }
    }

    fn transport(&mut self, stream: &[u8], nested: bool) -> Result<usize, Fault> {
        let Decoded { command, bytes, reply } = decode(stream)?;
        match (command, self.ring.clone()) {
            (Command::SetReplyStream(place), _) => self.set_reply_stream(place)?,
            (Command::SeekReplyStream(position), _) => self.seek(position)?,
            (Command::ExecuteStreams(_), _) if nested => return Err(Fault::Nested),
            (Command::ExecuteStreams(streams), _) => self.execute_streams(&streams)?,
            // What came before it was said to another process.
            (Command::WaitVirtqueueSeqno(_), Some(_)) if self.core.is_orphaned() => {}
            (Command::WaitVirtqueueSeqno(seqno), Some(ring)) => ring.wait_virtqueue_seqno(seqno)?,
            (Command::WaitVirtqueueSeqno(_), None) => return Err(Fault::Misplaced("on a ring")),
            (_, Some(_)) => return Err(Fault::Misplaced("on no ring")),
            (command, None) => self.control(command)?,
        }
        if let Some(reply) = reply {
            self.worker.reply.clear();
            self.worker.reply.extend_from_slice(&reply);
            self.reply()?;
        }
        Ok(bytes)
    }

    /// What only the control thread does.
    fn control(&self, command: Command) -> Result<(), Fault> {
        match command {
            Command::CreateRing(id, info) => self.core.create_ring(id, &info),
            Command::DestroyRing(id) => self.core.destroy_ring(id),
            Command::NotifyRing(id) => self.core.ring(id).map(|ring| ring.notify()),
            Command::WriteRingExtra { ring, offset, value } => {
                self.core.ring(ring)?.write_extra(offset, value)
            }
            Command::SubmitVirtqueueSeqno { ring, seqno } => {
                self.core.ring(ring).map(|ring| ring.submit_virtqueue_seqno(seqno))
            }
            Command::WaitRingSeqno { ring, seqno } => self.core.wait_ring_seqno(ring, seqno),
            _ => Err(Fault::Bug("a command of streams was taken for one of rings")),
        }
    }

    fn seek(&mut self, position: u64) -> Result<(), Fault> {
        self.replies.as_mut().ok_or(Fault::NoReplyStream)?.seek(position)?;
        self.keep_place();
        Ok(())
    }

    fn set_reply_stream(&mut self, place: Place) -> Result<(), Fault> {
        let memory = self.core.place(place)?;
        let Place { resource_id, offset, size } = place;
        let place = ReplyPlace { resource_id, offset, size, position: 0 };
        self.replies = Some(ReplyStream { memory, place });
        self.keep_place();
        Ok(())
    }

    fn execute_streams(&mut self, streams: &[Indirect]) -> Result<(), Fault> {
        for stream in streams {
            if let Some(position) = stream.reply_position {
                self.seek(position)?;
            }
            self.execute_indirect(stream.place)?;
        }
        Ok(())
    }

    fn execute_indirect(&mut self, place: Place) -> Result<(), Fault> {
        if place.size == 0 {
            return Ok(());
        }
        let memory = self.core.place(place)?;
        let outside =
            Fault::Outside { resource_id: place.resource_id, offset: place.offset, size: place.size };
        let length = Some(place.size).filter(|size| *size <= STREAM_BYTES_MAX);
        let length = length.and_then(|size| usize::try_from(size).ok()).ok_or(outside.clone())?;
        let _charge = match length {
            0..=SCRATCH_BYTES_KEPT => None,
            _ => Some(self.core.ledger.charge(place.size)?),
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize(length, 0);
        memory.copy_out(place.offset, &mut scratch).ok_or(outside)?;
        self.stream(&scratch, true, &mut |_, _| ())?;
        if length <= SCRATCH_BYTES_KEPT {
            self.scratch = scratch;
        }
        Ok(())
    }
}
