//! The other side of the API: one connection for each request.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::server::ErrorBody;
use super::{
    Change, Event, Gpu, GpuChange, GpuList, Host, Name, UsageList, Vgpu, VgpuChange, VgpuList, VgpuSpec,
};
use crate::control::Refusal;
use crate::wire::ScanoutId;

/// The largest answer that is taken: more than a PNG of the largest picture.
const ANSWER_BYTES_MAX: usize = 4 << 30;

/// The longest line that is taken for an event.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// Longer than the daemon waits for anybody.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the daemon did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nobody listens there.
    #[error("no daemon listens on {}: {error}", socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// What the kernel says.
        error: io::Error,
    },
    /// It said no.
    #[error(transparent)]
    Refused(Refusal),
    /// The connection broke.
    #[error("the daemon on {} broke off: {reason}", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What happened.
        reason: String,
    },
    /// It said something else.
    #[error("what listens on {} is no vgpu daemon: {reason}", socket.display())]
    NoDaemon {
        /// The socket.
        socket: PathBuf,
        /// What is wrong with its answer.
        reason: String,
    },
}

/// The daemon behind a socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// The daemon whose API this socket is.
    pub fn new(socket: impl AsRef<Path>) -> Self {
        Self { socket: socket.as_ref().to_owned() }
    }

    /// Every vGPU, by name.
    pub fn list(&self) -> Result<VgpuList, ApiError> {
        self.value(Method::GET, "/v1/vgpus")
    }

    /// One vGPU, with what its device process says.
    pub fn show(&self, name: &Name) -> Result<Vgpu, ApiError> {
        self.value(Method::GET, &of(name))
    }

    /// Makes a vGPU and offers it, or finds that the same is there.
    pub fn create(&self, name: &Name, spec: &VgpuSpec) -> Result<Change, ApiError> {
        let (status, body) = self.ask(Method::PUT, &of(name), Some(self.json(spec)?))?;
        let vgpu = self.read(&body)?;
        Ok(if status == StatusCode::CREATED { Change::Made(vgpu) } else { Change::Same(vgpu) })
    }

    /// Plugs monitors in and out, or changes the share: all of these or none.
    pub fn set(&self, name: &Name, change: &VgpuChange) -> Result<Vgpu, ApiError> {
        let (_, body) = self.ask(Method::PATCH, &of(name), Some(self.json(change)?))?;
        self.read(&body)
    }

    /// Puts a vGPU on offer.
    pub fn start(&self, name: &Name) -> Result<Vgpu, ApiError> {
        self.value(Method::POST, &format!("{}/start", of(name)))
    }

    /// Takes a vGPU off offer.
    pub fn stop(&self, name: &Name) -> Result<Vgpu, ApiError> {
        self.value(Method::POST, &format!("{}/stop", of(name)))
    }

    /// Stops a vGPU and forgets it.
    pub fn delete(&self, name: &Name) -> Result<(), ApiError> {
        self.ask(Method::DELETE, &of(name), None).map(drop)
    }

    /// A PNG of what a head shows, the pointer included.
    pub fn screenshot(&self, name: &Name, head: ScanoutId) -> Result<Vec<u8>, ApiError> {
        let path = format!("{}/screenshot?head={}", of(name), head.get());
        self.ask(Method::GET, &path, None).map(|(_, body)| body.into())
    }

    /// What each vGPU got of its GPU.
    pub fn usage(&self) -> Result<UsageList, ApiError> {
        self.value(Method::GET, "/v1/usage")
    }

    /// Every GPU of the host. The first time this may take seconds.
    pub fn gpus(&self) -> Result<GpuList, ApiError> {
        self.value(Method::GET, "/v1/gpus")
    }

    /// Changes how vGPUs share a GPU: the one of this UUID, or the only one with this in its name.
    pub fn set_gpu(&self, gpu: &str, change: GpuChange) -> Result<Gpu, ApiError> {
        let path = format!("/v1/gpus/{}", spelled(gpu));
        let (_, body) = self.ask(Method::PATCH, &path, Some(self.json(&change)?))?;
        self.read(&body)
    }

    /// What a client must know of the host and the daemon.
    pub fn host(&self) -> Result<Host, ApiError> {
        self.value(Method::GET, "/v1/host")
    }

    /// The latest events after this number, and those that come if they are followed, till somebody has enough.
    pub fn events(
        &self,
        after: u64,
        follow: bool,
        mut each: impl FnMut(Event) -> ControlFlow<()>,
    ) -> Result<(), ApiError> {
        let path = format!("/v1/events?after={after}&follow={follow}");
        self.block_on(async {
            let mut body = self.within(self.send(Method::GET, &path, None)).await?.into_body();
            let mut line = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| self.broken(error))?;
                for byte in frame.into_data().unwrap_or_default() {
                    if byte != b'\n' {
                        line.push(byte);
                    } else if each(self.read(&std::mem::take(&mut line))?).is_break() {
                        return Ok(());
                    }
                }
                if line.len() > EVENT_BYTES_MAX {
                    return Err(self.no_daemon("an event without an end"));
                }
            }
            match follow {
                true => Err(self.broken("it ended the events")),
                false => Ok(()),
            }
        })
    }

    fn value<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, ApiError> {
        let (_, body) = self.ask(method, path, None)?;
        self.read(&body)
    }

    fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes), ApiError> {
        self.block_on(self.within(async {
            let answer = self.send(method, path, body).await?;
            let status = answer.status();
            Ok((status, self.whole(answer).await?))
        }))
    }

    /// The answer's head; what is no success is read to its end, for the reason.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Response<Incoming>, ApiError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| ApiError::Connect { socket: self.socket.clone(), error })?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        // Ends with the connection, whose failure the sender and the body report.
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(HOST, "vgpu");
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::<Bytes>::from(body.unwrap_or_default()))
            .map_err(|error| self.no_daemon(error))?;
        let answer = sender.send_request(request).await.map_err(|error| match error.is_parse() {
            true => self.no_daemon(error),
            false => self.broken(error),
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = self.whole(answer).await?;
        let ErrorBody { error } =
            serde_json::from_slice(&body).map_err(|_| self.no_daemon(format_args!("it answers {status}")))?;
        Err(ApiError::Refused(error))
    }

    async fn whole(&self, answer: Response<Incoming>) -> Result<Bytes, ApiError> {
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        body.map(|body| body.to_bytes()).map_err(|error| self.broken(error))
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        let late = || self.broken(format_args!("no answer within {} seconds", PATIENCE.as_secs()));
        timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(late()))
    }

    fn block_on<T>(&self, work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        runtime.map_err(|error| self.broken(error))?.block_on(work)
    }

    fn json(&self, value: &impl Serialize) -> Result<Vec<u8>, ApiError> {
        serde_json::to_vec(value).map_err(|error| self.broken(error))
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ApiError> {
        serde_json::from_slice(body).map_err(|error| self.no_daemon(error))
    }

    fn broken(&self, reason: impl ToString) -> ApiError {
        ApiError::Broken { socket: self.socket.clone(), reason: reason.to_string() }
    }

    fn no_daemon(&self, reason: impl ToString) -> ApiError {
        ApiError::NoDaemon { socket: self.socket.clone(), reason: reason.to_string() }
    }
}

/// A vGPU's path. A name has no character that a path would have to spell otherwise.
fn of(name: &Name) -> String {
    format!("/v1/vgpus/{name}")
}

/// Any text as a part of a path.
fn spelled(text: &str) -> String {
    let spell = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(spell).collect()
}

#[cfg(test)]
mod tests {
    use super::spelled;

    #[test]
    fn a_gpus_name_fits_into_a_path() {
        assert_eq!(spelled("NVIDIA H200"), "NVIDIA%20H200");
        assert_eq!(spelled("a/b?c%ä"), "a%2Fb%3Fc%25%C3%A4");
    }
}
