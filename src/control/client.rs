//! The other side of the control socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::protocol::{HeadChange, Refusal, Request, Status};
use crate::wire::ScanoutId;

/// The longest line that is taken for an answer.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// The largest file that is taken: more than a PNG of the largest picture.
const BODY_BYTES_MAX: u64 = 4 << 30;

/// Longer than a vGPU waits for anybody.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a vGPU did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("no vGPU listens on {}: {error}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the kernel says.
        error: io::Error,
    },
    /// It said no.
    #[error(transparent)]
    Refused(Refusal),
    /// It said nothing.
    #[error("the vGPU on {} did not answer for {patience:?}", path.display())]
    NoAnswer {
        /// The socket.
        path: PathBuf,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The connection broke.
    #[error("the vGPU on {} broke off: {error}", path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What the kernel says.
        error: io::Error,
    },
    /// It said something else.
    #[error("what listens on {} is no vGPU: {reason}", path.display())]
    NoVgpu {
        /// The socket.
        path: PathBuf,
        /// What is wrong with its answer.
        reason: String,
    },
}

/// Where a vGPU listens. Each request is a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
    patience: Duration,
}

impl Client {
    /// The vGPU whose control socket this is.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self::with_patience(path, PATIENCE)
    }

    /// The same, for a client that waits no longer than this for each part of an answer.
    pub fn with_patience(path: impl AsRef<Path>, patience: Duration) -> Self {
        Self { path: path.as_ref().to_owned(), patience }
    }

    /// A PNG of what a head shows, the pointer included.
    pub fn screenshot(&self, head: ScanoutId) -> Result<Vec<u8>, ClientError> {
        self.request(&Request::Screenshot(head)).map(|(_, body)| body)
    }

    /// The state of the vGPU.
    pub fn status(&self) -> Result<Status, ClientError> {
        let (answer, _) = self.request(&Request::Status)?;
        serde_json::from_value(answer).map_err(|error| self.no_vgpu(error))
    }

    /// Plugs monitors in and out: all of these or none.
    pub fn set_heads(&self, changes: &[HeadChange]) -> Result<(), ClientError> {
        self.request(&Request::Set(changes.to_vec())).map(drop)
    }

    /// Has the programs that use Vulkan lose their devices, and says why.
    pub fn lose(&self, reason: &str) -> Result<(), ClientError> {
        self.request(&Request::Lose(reason.to_owned())).map(drop)
    }

    fn request(&self, request: &Request) -> Result<(Value, Vec<u8>), ClientError> {
        let stream = UnixStream::connect(&self.path)
            .map_err(|error| ClientError::Connect { path: self.path.clone(), error })?;
        let broken = |error| self.broken(error);
        let mut answer = ask(stream, request, self.patience).map_err(broken)?;
        let mut line = Vec::new();
        answer.by_ref().take(ANSWER_BYTES_MAX).read_until(b'\n', &mut line).map_err(broken)?;
        let mut value: Value = serde_json::from_slice(&line).map_err(|error| self.no_vgpu(error))?;
        if let Some(error) = value.get_mut("error") {
            let refusal = serde_json::from_value(error.take()).map_err(|error| self.no_vgpu(error))?;
            return Err(ClientError::Refused(refusal));
        }
        let ok =
            value.get_mut("ok").map(Value::take).ok_or_else(|| self.no_vgpu("neither `ok` nor `error`"))?;
        let length = value.get("length").and_then(Value::as_u64).unwrap_or(0);
        let body = self.body(answer, length)?;
        Ok((ok, body))
    }

    fn body(&self, answer: impl Read, length: u64) -> Result<Vec<u8>, ClientError> {
        let broken = |error| self.broken(error);
        if length > BODY_BYTES_MAX {
            return Err(self.no_vgpu(format_args!("it announces {length} bytes")));
        }
        let mut body = Vec::new();
        answer.take(length).read_to_end(&mut body).map_err(broken)?;
        if body.len() as u64 != length {
            return Err(broken(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(body)
    }

    fn broken(&self, error: io::Error) -> ClientError {
        let path = self.path.clone();
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                ClientError::NoAnswer { path, patience: self.patience }
            }
            _ => ClientError::Broken { path, error },
        }
    }

    fn no_vgpu(&self, reason: impl ToString) -> ClientError {
        ClientError::NoVgpu { path: self.path.clone(), reason: reason.to_string() }
    }
}

fn ask(mut stream: UnixStream, request: &Request, patience: Duration) -> io::Result<BufReader<UnixStream>> {
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(format!("{}\n", request.to_json()).as_bytes())?;
    Ok(BufReader::new(stream))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_vgpu_that_says_nothing_is_named_with_how_long_it_was_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let _silent = UnixListener::bind(&path).unwrap();

        let error = Client::with_patience(&path, Duration::from_millis(20)).status().unwrap_err();

        assert_eq!(error.to_string(), format!("the vGPU on {} did not answer for 20ms", path.display()));
    }
}
