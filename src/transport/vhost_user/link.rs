//! The sockets of one connection, as far as they must be there before the process is sealed.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getsockname, listen, socket,
};
use vhost::vhost_user::Listener;

use super::journal::Journal;
use super::keeping::Keeping;
use super::notifier::Notifier;
use super::outbox::Outbox;

/// How often somebody else may be quicker than we are.
const TRIES: usize = 16;

/// The way from the door to the vhost-user-backend crate, which takes connections from a listener only.
pub struct Link {
    pub(super) inside: UnixStream,
    pub(super) listener: Listener,
    pub(super) notifier: Notifier,
    pub(super) keeping: Keeping,
    pub(super) outbox: Outbox,
}

/// A [`Link`] and the front end's connection.
pub struct Connection {
    pub(super) front: UnixStream,
    pub(super) link: Link,
    /// It is that of a process that died.
    pub(super) resumed: bool,
}

impl Link {
    /// Makes the inner connection. It needs system calls that a sealed process does not have.
    ///
    /// The listener's name is chosen by the kernel and in no file system, but everybody in this network namespace can
    /// see it. It holds one waiting connection, so if ours is taken, the crate's is ours; if a stranger was quicker,
    /// ours is not taken and there will be another listener.
    pub fn prepare() -> io::Result<Self> {
        for _ in 0..TRIES {
            if let Some((inside, listener)) = pair()? {
                let listener = Listener::from(listener);
                let (notifier, keeping) = (Notifier::default(), Keeping::default());
                return Ok(Self { inside, listener, notifier, keeping, outbox: Outbox::new()? });
            }
        }
        Err(io::Error::other("somebody connects to every socket that this process opens for itself"))
    }

    /// Tells the front end of changes, once there is one.
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Tells a keeper of the connection, once there is one.
    pub fn keeping(&self) -> Keeping {
        self.keeping.clone()
    }

    /// Takes a front end that is connected already.
    pub fn connect(self, front: UnixStream) -> Connection {
        Connection { front, link: self, resumed: false }
    }

    /// Goes on with a front end whose device process died after it had heard all this.
    pub fn resume(self, front: UnixStream, journal: Journal) -> Connection {
        let outbox = journal.outbox().cloned().unwrap_or(self.outbox);
        self.keeping.resume(journal);
        Connection { front, link: Self { outbox, ..self }, resumed: true }
    }
}

fn pair() -> io::Result<Option<(UnixStream, UnixListener)>> {
    let new = |flags| socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC | flags, None);
    let listener = new(SockFlag::empty())?;
    bind(listener.as_raw_fd(), &UnixAddr::new_unnamed())?;
    listen(&listener, Backlog::new(0)?)?;
    let name: UnixAddr = getsockname(listener.as_raw_fd())?;
    let inside = new(SockFlag::SOCK_NONBLOCK)?;
    match connect(inside.as_raw_fd(), &name) {
        Ok(()) => {}
        Err(Errno::EAGAIN) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let inside = UnixStream::from(inside);
    inside.set_nonblocking(false)?;
    Ok(Some((inside, UnixListener::from(listener))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_connection_that_the_listener_takes_is_ours() {
        let (inside, listener) = pair().unwrap().unwrap();
        let name = listener.local_addr().unwrap();
        let stranger = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_NONBLOCK, None).unwrap();
        let address: UnixAddr = getsockname(listener.as_raw_fd()).unwrap();
        assert!(name.as_pathname().is_none(), "{name:?} is in no file system");
        assert_eq!(connect(stranger.as_raw_fd(), &address), Err(Errno::EAGAIN));

        let (accepted, _) = listener.accept().unwrap();
        io::Write::write_all(&mut &inside, b"it is me").unwrap();
        let mut heard = [0; 8];
        io::Read::read_exact(&mut &accepted, &mut heard).unwrap();

        assert_eq!(&heard, b"it is me");
    }
}
