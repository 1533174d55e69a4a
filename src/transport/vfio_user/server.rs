//! Answers a client's messages, and between them the guest's queues.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::MsgFlags;
use nix::unistd::read;
use virtio_bindings::virtio_config::{VIRTIO_F_RING_RESET, VIRTIO_F_VERSION_1};
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};
use vm_memory::GuestAddressSpace;
use zerocopy::FromBytes;

use super::command::{DmaMap, number};
use super::dma::Ranges;
use super::inventory::{Inventory, kind};
use super::irqs::Irqs;
use super::message::Message;
use super::queues::Queues;
use super::requests::Answer;
use super::{Link, Notifier, ServeError};
use crate::device::Device;
use crate::guest_log::guest_warn;
use crate::heap::Heap;
use crate::transport::SharedMemory;
use crate::transport::vhost_user::{Item, Keeping, Note, Outbox, send_bytes};
use crate::transport::virtio_pci::{Cause, Function, FunctionRecord, QUEUES};
use crate::vault::Inbox;

/// What the transport offers for its part.
const FEATURES: u64 = 1 << VIRTIO_F_VERSION_1
    | 1 << VIRTIO_RING_F_INDIRECT_DESC
    | 1 << VIRTIO_RING_F_EVENT_IDX
    | 1 << VIRTIO_F_RING_RESET;

/// What happened while nothing was to be done.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    message: bool,
    changed: bool,
    /// A doorbell by eventfd, or the render process.
    queues: bool,
}

pub(super) struct Server {
    front: UnixStream,
    pub(super) doorbell: Arc<OwnedFd>,
    changes: Notifier,
    keeping: Keeping<Inventory>,
    outbox: Outbox,
    inbox: Inbox,
    /// Where the render process is heard.
    gpu: Option<OwnedFd>,
    pub(super) memory: SharedMemory,
    pub(super) ranges: Ranges,
    pub(super) irqs: Irqs,
    pub(super) function: Function,
    pub(super) queues: Queues,
    /// The client has said which protocol it speaks.
    pub(super) greeted: bool,
    /// The request at hand may have been carried out by a process that died.
    pub(super) repeats: bool,
    /// There may be something in the queues.
    pub(super) rung: bool,
}

impl Server {
    pub(super) fn new(
        front: UnixStream,
        link: Link,
        device: Arc<Mutex<Device>>,
        memory: SharedMemory,
    ) -> io::Result<Self> {
        let Link { doorbell, changes, keeping, outbox } = link;
        let (function, inbox, gpu) = {
            let device = device.lock().unwrap_or_else(PoisonError::into_inner);
            let heap_bytes = device.heap().map(Heap::bytes);
            let gpu = device.gpu_socket().map(|(socket, _)| socket.try_clone_to_owned()).transpose()?;
            (Function::new(FEATURES | device.offered_features(), heap_bytes), device.inbox(), gpu)
        };
        Ok(Self {
            front,
            doorbell,
            changes,
            keeping,
            outbox,
            inbox,
            gpu,
            memory,
            ranges: Ranges::default(),
            irqs: Irqs::default(),
            function,
            queues: Queues::new(device),
            greeted: false,
            repeats: false,
            rung: false,
        })
    }

    /// Tells the keeper of the client.
    pub(super) fn connected(&mut self) -> Result<(), ServeError> {
        let connection: OwnedFd = self.front.try_clone()?.into();
        self.keeping.note(Note::Connected(Arc::new(connection), self.outbox.clone()))?;
        let file = Some(Arc::clone(&self.doorbell));
        let doorbell = Item { client: kind::DOORBELL, number: 0, record: Vec::new(), file };
        Ok(self.keeping.note(Note::Item(doorbell))?)
    }

    /// Goes on where another process was when it died.
    pub(super) fn resume(&mut self) -> Result<(), ServeError> {
        self.greeted = true;
        let items = |kind| self.keeping.look(|inventory| inventory.of(kind).cloned().collect::<Vec<_>>());
        let (ranges, irqs, descriptors) = (items(kind::RANGE), items(kind::IRQ), items(kind::REQUEST));
        for Item { record, file, .. } in ranges {
            let Ok((map, _)) = DmaMap::read_from_prefix(&record) else { continue };
            let file = file.as_deref().map(OwnedFd::try_clone).transpose()?;
            if let Err(error) = self.ranges.map(&self.memory, &map, file) {
                tracing::error!("guest memory at {:#x} is lost: {error}", map.address);
            }
        }
        for Item { number, file, .. } in irqs {
            let [index, number] = [number >> 32, number & u64::from(u32::MAX)].map(u32::try_from);
            self.irqs.put(index.unwrap_or(u32::MAX), number.unwrap_or(u32::MAX), file);
        }
        let record: Option<FunctionRecord> = self.queues.device().saved_transport()?;
        record.into_iter().for_each(|record| self.function.restore(record));
        self.queues.resume(&self.function, &self.memory.memory());
        match self.inbox.get().and_then(|request| Message::parse(&request)) {
            Some(mut message) => {
                message.descriptors = descriptors.into_iter().filter_map(|item| item.file).collect();
                self.outbox.clear()?;
                self.repeats = true;
                self.answer(&message)?;
                self.repeats = false;
            }
            // It was answered, and the answer may not have been sent.
            None => self.outbox.send(&self.front)?,
        }
        // The one who died may have given chains back without a word.
        for cause in [Cause::Config, Cause::Queue(0), Cause::Queue(1)] {
            self.interrupt(cause);
        }
        Ok(())
    }

    /// Serves until the client hangs up.
    pub(super) fn run(&mut self) -> Result<(), ServeError> {
        let mut busy = true;
        loop {
            let news = self.wait(busy)?;
            if news.message {
                let Some(message) = Message::receive(&self.front)? else { return Ok(()) };
                tracing::trace!(command = message.command, bytes = message.body.len(), "vfio-user");
                self.begin(&message)?;
                self.answer(&message)?;
            }
            if news.changed {
                self.function.config_changed();
                self.interrupt(Cause::Config);
            }
            if std::mem::take(&mut self.rung) || news.queues || busy {
                busy = self.work();
            }
        }
    }

    /// Waits for something to do; not at all if there is something already.
    fn wait(&self, busy: bool) -> io::Result<News> {
        let listen = PollFlags::POLLIN;
        let mut sides = vec![
            PollFd::new(self.front.as_fd(), listen),
            PollFd::new(self.changes.0.as_fd(), listen),
            PollFd::new(self.doorbell.as_fd(), listen),
        ];
        let wants_to_write = self.queues.device().gpu_socket().map(|(_, write)| write);
        if let (Some(socket), Some(write)) = (&self.gpu, wants_to_write) {
            let write = if write { PollFlags::POLLOUT } else { PollFlags::empty() };
            sides.push(PollFd::new(socket.as_fd(), listen | write));
        }
        let most = if busy { PollTimeout::ZERO } else { PollTimeout::NONE };
        while let Err(error) = poll(&mut sides, most) {
            if error != Errno::EINTR {
                return Err(error.into());
            }
        }
        let mut ready = sides.iter().map(|side| side.any().unwrap_or(true));
        let [message, changed, rung, gpu] = [(); 4].map(|()| ready.next().unwrap_or(false));
        if changed {
            _ = self.changes.0.read();
        }
        if rung {
            _ = read(&self.doorbell, &mut [0; 8]);
        }
        Ok(News { message, changed, queues: rung || gpu })
    }

    /// Puts a request where the next process finds it. Its descriptors go first, for without the request they are
    /// nothing.
    fn begin(&mut self, message: &Message) -> Result<(), ServeError> {
        if !message.descriptors.is_empty() {
            self.keeping.note(Note::Gone(kind::REQUEST, None))?;
        }
        for (number, file) in (0..).zip(&message.descriptors) {
            let file = Some(Arc::clone(file));
            let item = Item { client: kind::REQUEST, number, record: Vec::new(), file };
            self.keeping.note(Note::Item(item))?;
        }
        if !self.inbox.put(&message.bytes()) {
            tracing::error!("a request is too long to be kept: if this process dies now, it is lost");
        }
        Ok(())
    }

    /// Carries a request out and answers it.
    fn answer(&mut self, message: &Message) -> Result<(), ServeError> {
        let answer = self.carry_out(message).unwrap_or_else(|error| {
            // QEMU asks of every kind of interrupt that a function can have.
            if message.command == number::DEVICE_GET_IRQ_INFO {
                tracing::debug!("there is no such kind of interrupt: {error}");
            } else {
                guest_warn!("the client's command {} is refused: {error}", message.command);
            }
            Answer { packet: message.refusal(error), file: None }
        });
        match (message.wants_reply(), answer) {
            (false, _) => self.inbox.clear(),
            (true, Answer { packet, file: None }) => {
                self.outbox.put_bytes(&packet)?;
                self.inbox.clear();
                self.outbox.send_bytes(&self.front, packet.len())?;
            }
            (true, Answer { packet, file: Some(file) }) => {
                send_bytes(&self.front, &packet, &[file], MsgFlags::empty())?;
                self.inbox.clear();
            }
        }
        if !message.descriptors.is_empty() {
            self.keeping.note(Note::Gone(kind::REQUEST, None))?;
        }
        Ok(())
    }

    /// Tells the keeper, for the next process.
    pub(super) fn note(&self, note: Note) -> Result<(), Errno> {
        self.keeping.note(note).map_err(|error| {
            guest_warn!("the client asks for too much: {error}");
            Errno::ENOSPC
        })
    }

    /// Answers chains of both queues in turn. True if there is more to do.
    fn work(&mut self) -> bool {
        let memory = self.memory.memory();
        let Self { queues, function, irqs, .. } = self;
        let mut more = false;
        for index in 0..QUEUES {
            more |= queues.serve(index, &memory, |cause| interrupt(function, irqs, cause));
        }
        if self.gpu.is_some() {
            more |= queues.hear_gpu(&memory, |cause| interrupt(function, irqs, cause));
        }
        more
    }

    pub(super) fn interrupt(&mut self, cause: Cause) {
        interrupt(&mut self.function, &mut self.irqs, cause);
    }
}

/// Interrupts the guest, in the way that it listens for. A queue that is broken needs a driver that begins anew.
fn interrupt(function: &mut Function, irqs: &mut Irqs, cause: Cause) {
    if cause == Cause::Broken {
        function.needs_reset();
    }
    if irqs.uses_vectors() {
        function.vector(cause).into_iter().for_each(|vector| irqs.signal(vector));
    } else {
        function.raise(cause);
        irqs.raise_wire();
    }
}
