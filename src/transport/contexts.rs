//! A VM's 3D contexts, in the render process: what the device sends over the [`link`](crate::link), to sessions.
//!
//! ```text
//! this thread:      link ─► request ─┬─ about contexts and the heap: done here
//! context's thread:                  └─ commands ─► Session, which may wait for a ring ─► Done
//! queue's fences:                                                         ─► Done
//! ```
//! No context waits for another, nor does what is about the heap wait for any: a guest's kernel gives a range to others
//! once it was answered, and ends programs that are stuck.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::vtest::House;
use crate::guest_log::guest_warn;
use crate::heap::Heap;
use crate::link::{Blob, Event, RenderEnd, Request};
use crate::render::venus::{Fault, Heirloom, Session, SessionHandle, Setup, Will};
use crate::sandbox::Sealed;
use crate::wire::ContextId;

/// Serves the contexts of a VM until its device and whoever keeps it are gone: those of a process that died, whose
/// devices are lost, and new ones. No unsealed process can call it.
pub fn serve(
    _: &Sealed,
    end: &RenderEnd,
    heap: Heap,
    house: House,
    inherited: Vec<Heirloom>,
) -> io::Result<()> {
    let last = inherited.iter().map(|item| item.client >> 32).max().unwrap_or_default();
    let answers = Answers { end: end.clone(), owed: Arc::default() };
    let mut floor = Floor { house, heap, answers, last, contexts: BTreeMap::new(), leaving: Vec::new() };
    floor.readmit(inherited);
    floor.greet();
    end.receive(|token, request| {
        floor.answers.owe(token);
        if let Err(refused) = floor.handle(token, request) {
            guest_warn!("a request was refused: {refused}");
            floor.answers.done(token, false);
        }
        ControlFlow::Continue(())
    })
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("there is no context {}", .0.get())]
    Unknown(ContextId),
    #[error("context {} cannot be served: {reason}", id.get())]
    Context { id: ContextId, reason: String },
    #[error("{bytes} bytes at {offset:#x} cannot be used: {reason}")]
    Heap { offset: u64, bytes: u64, reason: String },
}

/// Says what is done. Clones are the same.
#[derive(Clone)]
struct Answers {
    end: RenderEnd,
    /// What was asked and is not done.
    owed: Arc<Mutex<BTreeSet<u64>>>,
}

impl Answers {
    fn owe(&self, token: u64) {
        self.lock().insert(token);
    }

    fn done(&self, token: u64, carried_out: bool) {
        self.lock().remove(&token);
        if let Err(error) = self.end.send(Event::Done { token, carried_out }) {
            tracing::error!("the device cannot be told what is done: {error}");
        }
    }

    fn owes(&self, token: u64) -> bool {
        self.lock().contains(&token)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Commands for a context's thread.
struct Work {
    token: u64,
    timeline: u32,
    commands: Vec<u8>,
}

/// One context.
struct Served {
    work: Sender<Work>,
    session: SessionHandle,
    thread: JoinHandle<()>,
}

struct Floor {
    house: House,
    heap: Heap,
    answers: Answers,
    /// Counts contexts, so that none of the same number is taken for an earlier one.
    last: u64,
    contexts: BTreeMap<ContextId, Served>,
    /// Those whose threads may still be at it.
    leaving: Vec<Served>,
}

impl Floor {
    /// Deals with a request, and answers unless a context's thread will.
    fn handle(&mut self, token: u64, request: Request<'_>) -> Result<(), Refused> {
        match request {
            Request::Submit { context, timeline, commands } => {
                let work = Work { token, timeline, commands: commands.to_vec() };
                let sent = self.context(context)?.work.send(work);
                return sent.map_err(|_| Refused::Unknown(context));
            }
            Request::Reset => self.reset(),
            Request::Greet => self.greet(),
            Request::Recall(tokens) => {
                let over = tokens.iter().filter(|token| !self.answers.owes(**token));
                over.for_each(|token| self.answers.done(*token, true));
            }
            Request::Create(id, name) => self.create(id, name)?,
            Request::Destroy(id) => {
                let served = self.contexts.remove(&id).ok_or(Refused::Unknown(id))?;
                self.dismiss(served);
            }
            Request::Map(blob) | Request::Attach(blob) => self.attach(blob)?,
            Request::Unmap(blob) => self.unmap(blob)?,
            Request::Detach(context, resource) => self.context(context)?.session.detach(resource.get()),
        }
        self.answers.done(token, true);
        Ok(())
    }

    fn greet(&self) {
        if let Err(error) = self.answers.end.send(Event::Hello(self.house.renderer.capset())) {
            tracing::error!("the device cannot be told of the GPU: {error}");
        }
    }

    fn context(&self, id: ContextId) -> Result<&Served, Refused> {
        self.contexts.get(&id).ok_or(Refused::Unknown(id))
    }

    fn create(&mut self, id: ContextId, name: &[u8]) -> Result<(), Refused> {
        // It was created by the request that a device died at.
        if self.contexts.contains_key(&id) {
            return Ok(());
        }
        self.last += 1;
        let name = format!("context {} ({})", id.get(), String::from_utf8_lossy(name).escape_debug());
        let setup = self.setup(name, self.last << 32 | u64::from(id.get()));
        let served = Session::new(setup)
            .map_err(|error| error.to_string())
            .and_then(|session| self.start(session).map_err(|error| error.to_string()));
        self.contexts.insert(id, served.map_err(|reason| Refused::Context { id, reason })?);
        Ok(())
    }

    fn setup(&self, name: String, client: u64) -> Setup {
        let share = self.house.shares.of_client();
        Setup {
            executor: self.house.renderer.context(&name, &share.mappings),
            name,
            share,
            ledger: self.house.ledger.clone(),
            monitor: Arc::clone(&self.house.monitor),
            gone: None,
            will: Will::new(Arc::clone(&self.house.estate), client),
            heap: Some(self.heap.clone()),
        }
    }

    fn start(&self, session: Session) -> io::Result<Served> {
        let (work, asked) = channel();
        let (handle, answers) = (session.handle(), self.answers.clone());
        let thread = thread::Builder::new().name("context".into());
        let thread = thread.spawn(move || attend(session, &asked, &answers))?;
        Ok(Served { work, session: handle, thread })
    }

    /// Lets those in that another process served.
    fn readmit(&mut self, inherited: Vec<Heirloom>) {
        let mut clients: BTreeMap<u64, Vec<Heirloom>> = BTreeMap::new();
        inherited.into_iter().for_each(|item| clients.entry(item.client).or_default().push(item));
        for (client, items) in clients {
            let Some(id) = u32::try_from(client & u64::from(u32::MAX)).ok().and_then(ContextId::new) else {
                continue;
            };
            let setup = self.setup(format!("context {}", id.get()), client);
            let served = match Session::inherit(setup, items) {
                Some(Ok(session)) => self.start(session).map_err(|error| error.to_string()),
                Some(Err(fault)) => Err(fault.to_string()),
                None => continue,
            };
            match served {
                Ok(served) => _ = self.contexts.insert(id, served),
                Err(reason) => guest_warn!("context {} cannot be gone on with: {reason}", id.get()),
            }
        }
    }

    fn attach(&self, blob: Blob) -> Result<(), Refused> {
        let Blob { resource, context, blob_id, offset, bytes } = blob;
        let session = &self.context(context)?.session;
        let refused = |reason: String| Refused::Heap { offset, bytes, reason };
        let range = self.heap.range(offset, bytes).map_err(|error| refused(error.to_string()))?;
        // The context is lost if it is refused, which it will see soon enough.
        _ = session.attach(resource.get(), blob_id, range);
        Ok(())
    }

    /// Nobody reaches the range any more, and it is zero, before whoever is next has it.
    fn unmap(&mut self, Blob { resource, offset, bytes, .. }: Blob) -> Result<(), Refused> {
        self.leaving.retain(|served| !served.thread.is_finished());
        for served in self.contexts.values().chain(&self.leaving) {
            served.session.detach(resource.get());
        }
        let range = self.heap.range(offset, bytes).map_err(|error| error.to_string());
        let punched = range.and_then(|range| self.heap.punch(range).map_err(|error| error.to_string()));
        punched.map_err(|reason| Refused::Heap { offset, bytes, reason })
    }

    fn dismiss(&mut self, served: Served) {
        served.session.end();
        let Served { session, thread, .. } = served;
        // Without its sender the thread ends.
        self.leaving.push(Served { work: channel().0, session, thread });
    }

    /// The guest's kernel began anew.
    fn reset(&mut self) {
        let all = std::mem::take(&mut self.contexts);
        all.into_values().for_each(|served| self.dismiss(served));
        for served in self.leaving.drain(..) {
            _ = served.thread.join();
        }
        let all = self.heap.range(0, self.heap.bytes()).map_err(io::Error::other);
        if let Err(error) = all.and_then(|range| self.heap.punch(range)) {
            tracing::error!("the heap keeps what a guest left there: {error}");
        }
    }
}

/// A context's thread: carries out its commands one after the other.
fn attend(mut session: Session, asked: &Receiver<Work>, answers: &Answers) {
    while let Ok(Work { token, timeline, commands }) = asked.recv() {
        match session.submit(&commands) {
            Ok(()) => {
                let answers = answers.clone();
                session.fence(timeline, move || answers.done(token, true));
            }
            // Linux takes a program's memory away before its context, and with it rings that it did not destroy.
            Err(fault) => answers.done(token, matches!(fault, Fault::Gone)),
        }
    }
    session.burn();
}
