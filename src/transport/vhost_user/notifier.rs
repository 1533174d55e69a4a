//! Requests of ours to the front end.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use vhost::vhost_user::message::{BackendReq, VhostUserMMapFlags};

use super::message::{Message, ReceiveError};
use crate::heap::Heap;

/// How long a front end may take to answer. A VMM that is stopped takes longer, and then its guest has no Vulkan.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Tells the front end that the configuration space changed, so that it tells the guest. Clones tell the same one.
#[derive(Clone, Debug, Default)]
pub struct Notifier {
    back_channel: Arc<Mutex<Option<UnixStream>>>,
}

impl Notifier {
    /// To be called when a head was plugged, unplugged or resized. False where no front end listens: it did not open
    /// a back channel, or does not read it. Does not wait.
    pub fn config_changed(&self) -> bool {
        let change = Message::new(BackendReq::CONFIG_CHANGE_MSG.into(), Vec::new());
        let channel = self.back_channel.lock().unwrap_or_else(PoisonError::into_inner);
        channel.as_ref().is_some_and(|channel| change.send_now(channel).is_ok())
    }

    /// Maps all of the heap as a shared memory region of the guest. Waits for the front end, so nobody that it may be
    /// waiting for calls this, and no two threads do at a time.
    pub(super) fn map_heap(&self, region: u8, heap: &Heap) -> io::Result<()> {
        let channel = self
            .back_channel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(UnixStream::try_clone);
        let channel =
            channel.ok_or_else(|| io::Error::new(ErrorKind::NotConnected, "it opened no back channel"))??;
        channel.set_read_timeout(Some(ANSWER_MAX))?;
        let words = [u64::from(region), 0, 0, heap.bytes(), VhostUserMMapFlags::WRITABLE.bits()];
        let body = words.map(u64::to_ne_bytes).as_flattened().to_vec();
        let map = Message::asking(BackendReq::SHMEM_MAP.into(), body.clone(), vec![Arc::new(heap.share()?)]);
        if ask(&channel, &map).is_err() {
            // It may have kept what it mapped before the guest's driver began anew.
            _ = ask(&channel, &Message::asking(BackendReq::SHMEM_UNMAP.into(), body, Vec::new()));
            ask(&channel, &map)?;
        }
        // QEMU answers before the guest sees the memory; once it answers something else the guest does.
        ask(&channel, &Message::asking(BackendReq::CONFIG_CHANGE_MSG.into(), Vec::new(), Vec::new()))
    }

    pub(super) fn connect(&self, back_channel: UnixStream) {
        *self.back_channel.lock().unwrap_or_else(PoisonError::into_inner) = Some(back_channel);
    }
}

/// Waits until a request was carried out.
fn ask(channel: &UnixStream, request: &Message) -> io::Result<()> {
    request.send(channel)?;
    loop {
        let answer = Message::receive(channel).map_err(|error| match error {
            ReceiveError::Socket(error) => error,
            error => io::Error::other(error),
        })?;
        let answer = answer.ok_or(ErrorKind::UnexpectedEof)?;
        // A process that died may have asked something, too.
        if answer.request == request.request {
            let refused = || io::Error::other(format!("it refuses request {}", request.request));
            return if answer.first_word() == 0 { Ok(()) } else { Err(refused()) };
        }
    }
}
