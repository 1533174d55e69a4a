//! Claiming a path for a listening socket: never a live one of somebody else's, and nobody else's for a moment.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
use nix::sys::stat::{Mode, fchmod};

/// Bytes of a path that fit a socket address, without the terminating zero.
pub const PATH_BYTES_MAX: usize = 107;

/// Why a path could not be claimed.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// A live process has it.
    #[error("{} is already in use: a process listens on it", .0.display())]
    InUse(PathBuf),
    /// Something is there that is not ours to remove.
    #[error("{} exists and is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// The kernel has no room for such a path.
    #[error("{} is longer than the {PATH_BYTES_MAX} bytes that a socket's path has room for", .0.display())]
    TooLong(PathBuf),
    /// The host refused.
    #[error("cannot listen on {}: {reason}", path.display())]
    Host {
        /// Where.
        path: PathBuf,
        /// What it said.
        reason: io::Error,
    },
}

/// Whose a socket is, and who else may connect to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The user; ours if left out.
    pub owner: Option<u32>,
    /// The group; ours if left out.
    pub group: Option<u32>,
    /// The bits of the mode.
    pub mode: u32,
}

impl Default for Access {
    fn default() -> Self {
        Self { owner: None, group: None, mode: 0o600 }
    }
}

/// A path and who may connect there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path.
    pub path: PathBuf,
    /// Who may connect.
    pub access: Access,
}

/// A listening socket whose path is removed when it is dropped.
#[derive(Debug)]
pub struct Claimed {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the path, to remove no other.
    identity: Option<(u64, u64)>,
}

impl Claimed {
    /// Listens on `path`, which only our user can connect to from the first moment on. A socket that nobody listens
    /// on any more is replaced.
    pub fn claim(path: &Path) -> Result<Self, SocketError> {
        Self::claim_for(path, Access::default())
    }

    /// The same for others, who can connect as soon as it listens; nobody else can at any time.
    pub fn claim_for(path: &Path, access: Access) -> Result<Self, SocketError> {
        if path.as_os_str().len() > PATH_BYTES_MAX {
            return Err(SocketError::TooLong(path.to_owned()));
        }
        let host = |reason: io::Error| SocketError::Host { path: path.to_owned(), reason };
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Of two that find the same stale socket the second must not remove the first one's new one.
        let _one_at_a_time = File::open(directory)
            .and_then(|directory| {
                Flock::lock(directory, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
            })
            .map_err(host)?;
        remove_stale(path)?;
        let listener = bind_private(path).map_err(host)?;
        let claimed = Self::found(path, listener);
        claimed.open_to(access).map_err(host)?;
        listen(&claimed.listener, Backlog::MAXCONN).map_err(|error| host(error.into()))?;
        Ok(claimed)
    }

    /// A socket that was bound to this path, where somebody may have removed it since.
    pub fn found(path: &Path, listener: UnixListener) -> Self {
        Self { listener, path: path.to_owned(), identity: identity(path) }
    }

    /// The owner comes first: until the mode follows, it is his alone.
    fn open_to(&self, access: Access) -> io::Result<()> {
        if access.owner.is_some() || access.group.is_some() {
            lchown(&self.path, access.owner, access.group)?;
        }
        if access.mode != Access::default().mode {
            fs::set_permissions(&self.path, Permissions::from_mode(access.mode))?;
        }
        Ok(())
    }

    /// Another descriptor of the same socket.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        self.listener.try_clone().map(OwnedFd::from)
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        let ours = self.identity.is_some() && self.identity == identity(&self.path);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // The path gets the mode that the socket has when it is bound, so it is never open to others.
    fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR)?;
    bind(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(socket.into())
}

/// Removes a socket that nobody listens on; nothing else, and no error if there is nothing.
pub fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let host = |reason: io::Error| SocketError::Host { path: path.to_owned(), reason };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(host(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    // A socket of another type cannot connect, but is told whether somebody is there, and that one notices nothing.
    match UnixDatagram::unbound().and_then(|socket| socket.connect(path)) {
        Err(error) if error.raw_os_error() == Some(Errno::ECONNREFUSED as i32) => {
            fs::remove_file(path).map_err(host)
        }
        Ok(()) => Err(SocketError::InUse(path.to_owned())),
        Err(error) if error.raw_os_error() == Some(Errno::EPROTOTYPE as i32) => {
            Err(SocketError::InUse(path.to_owned()))
        }
        Err(error) => Err(host(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::{Claimed, SocketError};

    #[test]
    fn a_claimed_socket_is_for_its_user_only_and_leaves_with_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");

        let claimed = Claimed::claim(&path).unwrap();

        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        UnixStream::connect(&path).unwrap();
        drop(claimed);
        assert!(!path.exists());
    }

    #[test]
    fn a_live_socket_is_refused_and_its_owner_notices_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let live = UnixListener::bind(&path).unwrap();

        let error = Claimed::claim(&path).unwrap_err();

        assert!(matches!(error, SocketError::InUse(_)), "{error}");
        live.set_nonblocking(true).unwrap();
        assert_eq!(live.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_stale_socket_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());

        let _claimed = Claimed::claim(&path).unwrap();

        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn what_is_not_a_socket_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "precious").unwrap();

        assert!(matches!(Claimed::claim(&path).unwrap_err(), SocketError::NotASocket(_)));

        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_socket_that_replaced_ours_is_not_removed_with_ours() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let ours = Claimed::claim(&path).unwrap();
        fs::rename(&path, directory.path().join("moved")).unwrap();
        let _theirs = UnixListener::bind(&path).unwrap();

        drop(ours);

        assert!(path.exists());
    }

    #[test]
    fn a_path_that_no_socket_address_can_hold_is_refused_with_the_number() {
        let error = Claimed::claim(std::path::Path::new(&format!("/tmp/{}", "x".repeat(120)))).unwrap_err();

        assert!(
            error.to_string().ends_with("is longer than the 107 bytes that a socket's path has room for")
        );
    }
}
