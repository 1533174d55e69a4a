//! Requests of ours to the front end.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use vhost::vhost_user::message::BackendReq;

use super::message::Message;

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

    pub(super) fn connect(&self, back_channel: UnixStream) {
        *self.back_channel.lock().unwrap_or_else(PoisonError::into_inner) = Some(back_channel);
    }
}
