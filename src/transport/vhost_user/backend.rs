//! What the vhost-user-backend crate calls: the worker that answers both queues, and the device's side of requests.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use vhost::vhost_user::GpuBackend;
use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserShMemConfig, VhostUserVirtioFeatures};
use vhost_user_backend::{VhostUserBackend, VringState, VringT};
use virtio_bindings::virtio_config::{
    VIRTIO_F_ANY_LAYOUT, VIRTIO_F_NOTIFY_ON_EMPTY, VIRTIO_F_RING_RESET, VIRTIO_F_VERSION_1,
};
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};
use virtio_queue::QueueT;
use vm_memory::GuestAddressSpace;
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::event::{EventConsumer, EventFlag, EventNotifier, new_event_consumer_and_notifier};

use super::door::House;
use super::mapper::Mapper;
use super::notifier::Notifier;
use super::vring::Vring;
use super::watch::Watch;
use crate::device::{Device, Progress};
use crate::display::Sink;
use crate::display::frontend::Frontend;
use crate::guest_log::guest_warn;
use crate::guest_memory::GuestMemory;
use crate::heap::Heap;
use crate::transport::SharedMemory;
use crate::transport::queue::{Broken, Rest, Ring, Scratch, coarse_now, is_fresh};
use crate::vault::Mark;
use crate::wire::SHARED_MEMORY_HOST_VISIBLE;

/// Control and cursor queue (virtio 1.3, 5.7.2).
pub(super) const QUEUES: usize = 2;

/// The number that the crate gives the display's events; it keeps those up to the number of queues for itself.
pub(super) const DISPLAY_EVENT: u64 = QUEUES as u64 + 1;

/// The number that it gives the event which has the worker go on with another process's queues.
pub(super) const RESUME_EVENT: u64 = QUEUES as u64 + 2;

/// Entries that a queue may have.
const QUEUE_SIZE_MAX: usize = 1024;

/// What the transport offers for its part. QEMU acknowledges the last three whether they are offered or not, and a
/// feature that was acknowledged but not offered is an error.
const FEATURES: u64 = VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits()
    | 1 << VIRTIO_F_VERSION_1
    | 1 << VIRTIO_RING_F_INDIRECT_DESC
    | 1 << VIRTIO_RING_F_EVENT_IDX
    | 1 << VIRTIO_F_RING_RESET
    | 1 << VIRTIO_F_NOTIFY_ON_EMPTY
    | 1 << VIRTIO_F_ANY_LAYOUT;

/// `RESET_DEVICE` is QEMU's only word for a reset that is not a pause, `CONFIG` it insists on, and with
/// `CONFIGURE_MEM_SLOTS` guest memory stays where it is mapped when the VMM adds some. The crate adds `REPLY_ACK`.
pub(super) const PROTOCOL_FEATURES: VhostUserProtocolFeatures = VhostUserProtocolFeatures::MQ
    .union(VhostUserProtocolFeatures::CONFIG)
    .union(VhostUserProtocolFeatures::BACKEND_REQ)
    .union(VhostUserProtocolFeatures::RESET_DEVICE)
    .union(VhostUserProtocolFeatures::CONFIGURE_MEM_SLOTS);

/// How long the worker works while others may be waiting for its locks, and how long it then leaves them open. Locks
/// are not fair: without a pause the worker always gets there first.
const TURN: Duration = Duration::from_millis(5);
const PAUSE: Duration = Duration::from_micros(50);

pub(super) struct Backend {
    device: Arc<Mutex<Device>>,
    memory: SharedMemory,
    notifier: Notifier,
    /// The door's way to the crate: when that closes, so does the door.
    inside: UnixStream,
    /// Whoever has it locked keeps the worker from its queues.
    scratch: Mutex<Scratch>,
    /// The queues are another process's, which died; who wants to know when they are ours.
    resuming: Mutex<Option<Sender<()>>>,
    pub(super) watch: Watch,
    mapper: Mapper,
    /// What the guest sees as shared memory.
    heap: Option<Heap>,
    ending: AtomicBool,
    panicked: AtomicBool,
}

impl Backend {
    pub(super) fn new(
        inside: UnixStream,
        notifier: Notifier,
        device: Arc<Mutex<Device>>,
        memory: SharedMemory,
    ) -> io::Result<Self> {
        let heap = lock(&device).heap().cloned();
        Ok(Self {
            device,
            memory,
            notifier,
            inside,
            scratch: Mutex::default(),
            resuming: Mutex::default(),
            watch: Watch::new()?,
            mapper: Mapper::default(),
            heap,
            ending: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        })
    }

    /// Starts what maps the heap into the guest, if there is one.
    pub(super) fn start_mapper(self: &Arc<Self>) -> io::Result<()> {
        let Some(heap) = self.heap.clone() else { return Ok(()) };
        let backend = Arc::downgrade(self);
        self.mapper.start(self.notifier.clone(), heap, move |mapped| {
            if let Some(backend) = backend.upgrade() {
                backend.device().heap_mapped(mapped);
                backend.watch.wake();
            }
        })
    }

    /// Lets the worker finish the chains at hand and no more.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_panicked(&self) -> bool {
        self.panicked.load(Ordering::Relaxed)
    }

    /// Keeps the worker from its queues while `replay` sets them up. Then they are to go on where another process was
    /// when it died: the worker does that first of all, once it is woken, and drops the sender.
    pub(super) fn resume<E>(&self, replay: impl FnOnce() -> Result<(), E>) -> Result<Receiver<()>, E> {
        let _held = lock(&self.scratch);
        replay()?;
        let (resuming, resumed) = channel();
        *lock(&self.resuming) = Some(resuming);
        Ok(resumed)
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        lock(&self.device)
    }

    /// Answers chains of both queues in turn and lets the display send, until there is nothing left to do.
    fn work(&self, vrings: &[Vring]) {
        let mut scratch = lock(&self.scratch);
        self.watch.is_awake();
        if let Some(resuming) = lock(&self.resuming).take() {
            self.resume_rings(vrings);
            drop(resuming);
            // The one who died may have given chains back without a word. This may make us wait.
            vrings.iter().for_each(|vring| log_failed(vring.signal_used_queue()));
        }
        let mut turn = None;
        while !self.ending.load(Ordering::Relaxed) && self.work_once(vrings, &mut scratch) {
            if turn.get_or_insert_with(Instant::now).elapsed() > TURN {
                thread::sleep(PAUSE);
                turn = None;
            }
        }
    }

    /// True if there is more to do.
    fn work_once(&self, vrings: &[Vring], scratch: &mut Scratch) -> bool {
        let [control, cursor] = vrings else { return false };
        let memory = &*self.memory.memory();
        if begins_anew(control, memory) {
            self.device().reset();
        }
        let more = self.serve_ring(control, memory, scratch, |device, ticket, request, reply| {
            device.control(memory, ticket, request, reply)
        }) | self.serve_ring(cursor, memory, scratch, |device, _, request, reply| {
            device.cursor(memory, request, reply);
            Progress::Done
        });
        more | self.hear_gpu(control, memory, scratch) | self.show(memory)
    }

    /// Where another process left them. Only the control queue has chains that are answered out of order.
    fn resume_rings(&self, vrings: &[Vring]) {
        let (pending, given) = self.device().pending().unwrap_or_else(|error| {
            tracing::error!("{error}");
            (0, None)
        });
        let memory = &*self.memory.memory();
        for (vring, (pending, given)) in vrings.iter().zip([(pending, given), (0, None)]) {
            vring.resume(memory, pending, given);
        }
    }

    /// Answers what the render process is done with. True if a request that waited for it can go on.
    fn hear_gpu(&self, control: &Vring, memory: &GuestMemory, scratch: &mut Scratch) -> bool {
        if self.heap.is_none() {
            return false;
        }
        let goes_on = self.device().pump_gpu();
        let mut state = control.get_mut();
        if state.is_enabled()
            && state.get_queue().ready()
            && let Err(broken) = self.finish_chains(&mut state, memory, scratch)
        {
            guest_warn!("a queue is served no longer, until its driver sets it up anew: {broken}");
            state.get_queue_mut().set_ready(false);
        }
        let mut device = self.device();
        self.watch.watch_gpu(device.gpu_socket());
        if device.wants_heap() {
            self.mapper.ask();
        }
        goes_on
    }

    fn finish_chains(
        &self,
        state: &mut VringState<SharedMemory>,
        memory: &GuestMemory,
        scratch: &mut Scratch,
    ) -> Result<(), Broken> {
        let mut ring = Ring::open(memory, state.get_queue())?;
        let finished = {
            let device = &mut *self.device();
            std::iter::from_fn(|| {
                let finished = device.finished(&mut scratch.reply)?;
                let note = |index| device.gave_back(finished, index);
                Some(ring.finish(scratch, finished.ticket(), note))
            })
            .collect::<Result<(), Broken>>()
        };
        ring.store(state.get_queue_mut());
        if ring.wants_interrupt() {
            log_failed(state.signal_used_queue());
        }
        finished
    }

    /// True if there is more to do.
    fn serve_ring(
        &self,
        vring: &Vring,
        memory: &GuestMemory,
        scratch: &mut Scratch,
        answer: impl FnMut(&mut Device, u16, &[u8], &mut Vec<u8>) -> Progress,
    ) -> bool {
        let mut state = vring.get_mut();
        if !state.is_enabled() || !state.get_queue().ready() {
            return false;
        }
        self.answer_chains(&mut state, memory, scratch, answer).unwrap_or_else(|broken| {
            guest_warn!("a queue is served no longer, until its driver sets it up anew: {broken}");
            state.get_queue_mut().set_ready(false);
            false
        })
    }

    /// True if there is more to do. The device is free again before the guest is interrupted: what the front end gave
    /// for that may make us wait, and screenshots must not.
    fn answer_chains(
        &self,
        state: &mut VringState<SharedMemory>,
        memory: &GuestMemory,
        scratch: &mut Scratch,
        mut answer: impl FnMut(&mut Device, u16, &[u8], &mut Vec<u8>) -> Progress,
    ) -> Result<bool, Broken> {
        let mut ring = Ring::open(memory, state.get_queue())?;
        let rest = {
            let device = &mut *self.device();
            ring.answer_chains(scratch, coarse_now, |ticket, request, reply| {
                answer(device, ticket, request, reply)
            })
        };
        ring.store(state.get_queue_mut());
        if ring.wants_interrupt() {
            log_failed(state.signal_used_queue());
        }
        match rest? {
            Rest::Nothing => Ok(ring.ask_for_notification()? == Rest::Chains),
            Rest::Chains => Ok(true),
            Rest::Waiting => Ok(false),
        }
    }

    /// True if a request that waited for the display can go on.
    fn show(&self, memory: &GuestMemory) -> bool {
        let mut device = self.device();
        match device.pump(memory) {
            Ok(interest) => {
                self.watch.want_write(interest.write);
                interest.answered
            }
            Err(error) => {
                tracing::info!("the display went away: {error}");
                self.watch.forget();
                true
            }
        }
    }
}

/// Whether the driver was reset since the ring was last served. Front ends that have no message for that just stop
/// the rings, as they do for a pause.
fn begins_anew(vring: &Vring, memory: &GuestMemory) -> bool {
    let state = vring.get_ref();
    let runs = state.is_enabled() && state.get_queue().ready();
    runs && vring.take_start().is_some_and(|start| is_fresh(memory, state.get_queue(), start.stopped_at))
}

fn log_failed(interrupt: io::Result<()>) {
    if let Err(error) = interrupt {
        tracing::debug!("the guest cannot be interrupted: {error}");
    }
}

impl Backend {
    fn connect_display(&self, socket: UnixStream, open: fn(UnixStream, Mark) -> io::Result<Frontend>) {
        // Held until the device has it: the worker hears of it as soon as it is watched.
        let mut device = self.device();
        let display = open(socket, device.display_mark()).and_then(|display| {
            self.watch.watch(&display)?;
            Ok(Box::new(display) as Box<dyn Sink>)
        });
        if let Err(error) = &display {
            tracing::warn!("the front end's display cannot be used: {error}");
        }
        device.set_sink(display.ok());
    }
}

impl House for Backend {
    fn show_on(&self, display: UnixStream) {
        self.connect_display(display, Frontend::new);
    }

    fn go_on_showing_on(&self, display: UnixStream) {
        self.connect_display(display, Frontend::resume);
    }

    fn offered(&self) -> VhostUserProtocolFeatures {
        self.protocol_features()
    }

    fn call_on(&self, back_channel: UnixStream) {
        self.notifier.connect(back_channel);
    }
}

impl VhostUserBackend for Backend {
    type Bitmap = ();
    type Vring = Vring;

    fn num_queues(&self) -> usize {
        QUEUES
    }

    fn max_queue_size(&self) -> usize {
        QUEUE_SIZE_MAX
    }

    fn features(&self) -> u64 {
        FEATURES | self.device().offered_features()
    }

    fn acked_features(&self, features: u64) {
        self.device().set_features(features);
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        match self.heap {
            // QEMU 11.1 dies of the message that takes the heap's memory away again, when its machine is reset.
            Some(_) => {
                let usual = PROTOCOL_FEATURES.difference(VhostUserProtocolFeatures::CONFIGURE_MEM_SLOTS);
                usual | VhostUserProtocolFeatures::SHMEM
            }
            None => PROTOCOL_FEATURES,
        }
    }

    /// One region, with the heap's number.
    fn get_shmem_config(&self) -> io::Result<VhostUserShMemConfig> {
        let heap = self.heap.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let mut sizes = [0; 1 + SHARED_MEMORY_HOST_VISIBLE as usize];
        sizes.iter_mut().last().into_iter().for_each(|size| *size = heap.bytes());
        Ok(VhostUserShMemConfig::new(1, &sizes))
    }

    fn reset_device(&self) {
        self.device().reset();
    }

    /// Each ring is asked for its own.
    fn set_event_idx(&self, _enabled: bool) {}

    /// As many bytes as were asked for: VMMs take less for a failure, and some end themselves over it.
    fn get_config(&self, offset: u32, size: u32) -> Vec<u8> {
        let config = self.device().config();
        let behind = config.into_iter().skip(offset as usize).chain(std::iter::repeat(0));
        behind.take(size as usize).collect()
    }

    fn set_config(&self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        self.device().write_config(offset, bytes);
        Ok(())
    }

    /// The worker looks at the shared memory anew for each turn.
    fn update_memory(&self, _memory: SharedMemory) -> io::Result<()> {
        Ok(())
    }

    /// The door has its own copy.
    fn set_gpu_socket(&self, _display: GpuBackend) -> io::Result<()> {
        Ok(())
    }

    fn queues_per_thread(&self) -> Vec<u64> {
        vec![(1 << QUEUES) - 1]
    }

    fn exit_event(&self, _thread: usize) -> Option<(EventConsumer, EventNotifier)> {
        new_event_consumer_and_notifier(EventFlag::NONBLOCK | EventFlag::CLOEXEC).ok()
    }

    /// Never an error: the crate would end the worker and keep the guest waiting for ever.
    fn handle_event(
        &self,
        _event: u16,
        _events: EventSet,
        vrings: &[Vring],
        _thread: usize,
    ) -> io::Result<()> {
        if catch_unwind(AssertUnwindSafe(|| self.work(vrings))).is_err() {
            self.panicked.store(true, Ordering::Relaxed);
            self.end();
            _ = self.inside.shutdown(Shutdown::Both);
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // After a panic the connection ends, and until then nobody has to wait for ever.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
