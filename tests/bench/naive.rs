//! The loop to beat: a vhost-user device written the usual way on `vhost-user-backend` and `virtio-queue`'s iterators,
//! which answers each 48-byte request with a 24-byte header and does nothing else.

use std::io;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::thread;

use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserVirtioFeatures};
use vhost_user_backend::{VhostUserBackendMut, VhostUserDaemon, VringRwLock, VringT};
use virtio_bindings::bindings::virtio_config::VIRTIO_F_VERSION_1;
use virtio_bindings::bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};
use virtio_queue::QueueOwnedT;
use vm_memory::{GuestAddressSpace, GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::event::{EventConsumer, EventFlag, EventNotifier, new_event_consumer_and_notifier};

type Memory = GuestMemoryAtomic<GuestMemoryMmap<()>>;

struct Naive {
    memory: Option<Memory>,
    event_idx: bool,
}

impl Naive {
    fn answer_all(&self, vring: &VringRwLock<Memory>) -> io::Result<bool> {
        let Some(memory) = &self.memory else { return Ok(false) };
        let guard = memory.memory();
        let chains: Vec<_> =
            vring.get_mut().get_queue_mut().iter(memory.memory()).map_err(io::Error::other)?.collect();
        for chain in &chains {
            let head = chain.head_index();
            let mut reader = chain.clone().reader(&guard).map_err(io::Error::other)?;
            let request: [u64; 6] = reader.read_obj()?;
            let mut writer = chain.clone().writer(&guard).map_err(io::Error::other)?;
            let answer: [u64; 3] = [0x1100, request[1], 0];
            writer.write_obj(answer)?;
            vring.add_used(head, 24).map_err(io::Error::other)?;
        }
        if !chains.is_empty() {
            vring.signal_used_queue()?;
        }
        Ok(!chains.is_empty())
    }
}

impl VhostUserBackendMut for Naive {
    type Bitmap = ();
    type Vring = VringRwLock<Memory>;

    fn num_queues(&self) -> usize {
        2
    }

    fn max_queue_size(&self) -> usize {
        1024
    }

    fn features(&self) -> u64 {
        VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits()
            | 1 << VIRTIO_F_VERSION_1
            | 1 << VIRTIO_RING_F_EVENT_IDX
            | 1 << VIRTIO_RING_F_INDIRECT_DESC
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::CONFIG | VhostUserProtocolFeatures::REPLY_ACK
    }

    fn set_event_idx(&mut self, enabled: bool) {
        self.event_idx = enabled;
    }

    fn get_config(&self, _offset: u32, size: u32) -> Vec<u8> {
        vec![0; size as usize]
    }

    fn update_memory(&mut self, memory: Memory) -> io::Result<()> {
        self.memory = Some(memory);
        Ok(())
    }

    fn exit_event(&self, _thread: usize) -> Option<(EventConsumer, EventNotifier)> {
        new_event_consumer_and_notifier(EventFlag::NONBLOCK | EventFlag::CLOEXEC).ok()
    }

    fn handle_event(
        &mut self,
        event: u16,
        _set: EventSet,
        vrings: &[Self::Vring],
        _thread: usize,
    ) -> io::Result<()> {
        let Some(vring) = vrings.get(usize::from(event)) else { return Ok(()) };
        if !self.event_idx {
            return self.answer_all(vring).map(drop);
        }
        loop {
            vring.disable_notification().map_err(io::Error::other)?;
            self.answer_all(vring)?;
            if !vring.enable_notification().map_err(io::Error::other)? {
                return Ok(());
            }
        }
    }
}

/// Serves one connection of `listener` in a thread.
pub fn serve(listener: UnixListener) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let backend = Arc::new(Mutex::new(Naive { memory: None, event_idx: false }));
        let memory = GuestMemoryAtomic::new(GuestMemoryMmap::new());
        let mut daemon = VhostUserDaemon::new("naive".to_owned(), backend, memory).unwrap();
        daemon.start(&mut listener.into()).unwrap();
        let _ = daemon.wait();
    })
}
