//! The API's server: one thread that waits, and one for each request that is being done.
//!
//! A client costs only itself: what it sends is bounded in bytes and time, what it does not read ends its connection,
//! and there is room for so many of them. A request that is no HTTP at all, or whose head is too large, gets HTTP's
//! own answer from below, without a body.
#![forbid(unsafe_code)]

mod answer;
mod events;
mod input;
mod patience;
mod routes;

use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Manager;
use crate::control::{Code, Refusal};
pub(super) use answer::ErrorBody;
use patience::Impatient;
use routes::Context;

/// Clients at one time.
const CLIENTS_MAX: usize = 128;

/// Clients at one time that are told why they are not served; others are hung up on.
const REFUSED_CLIENTS_MAX: usize = 32;

/// Requests that are being done at one time, each on a thread.
const REQUESTS_MAX: usize = 32;

/// Bytes of a request's first line and headers.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// From the connection, or from the last answer, to the end of a request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// Serves clients until the listener fails.
pub fn serve(listener: UnixListener, manager: Arc<dyn Manager>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(REQUESTS_MAX)
        .build()?;
    runtime.block_on(accept(listener, manager))
}

/// The document that describes the API (OpenAPI 3.1), as JSON.
pub fn document() -> serde_json::Result<String> {
    routes::document().to_pretty_json()
}

async fn accept(listener: UnixListener, manager: Arc<dyn Manager>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let router = routes::router(Context::new(manager)?);
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    let places_to_be_refused = Arc::new(Semaphore::new(REFUSED_CLIENTS_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if is_passing(&error) => {
                tracing::warn!("the API could not take a client: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        if let Ok(place) = places.clone().try_acquire_owned() {
            tokio::spawn(talk(stream, router.clone(), place));
        } else if let Ok(place) = places_to_be_refused.clone().try_acquire_owned() {
            tokio::spawn(refuse(stream, place));
        }
    }
}

/// Whether the next try may be better: a client that is gone again, or a host that is short of something.
fn is_passing(error: &io::Error) -> bool {
    use nix::errno::Errno::{EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM};
    let short = [EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM].map(|number| Some(number as i32));
    error.kind() == io::ErrorKind::ConnectionAborted || short.contains(&error.raw_os_error())
}

async fn talk(stream: UnixStream, router: Router, _place: OwnedSemaphorePermit) {
    let peer = match stream.peer_cred() {
        Ok(credentials) => input::Peer::new(credentials),
        Err(error) => return tracing::warn!("the API does not know who connected: {error}"),
    };
    let router = router.layer(axum::Extension(peer));
    let served = http().serve_connection(io(stream), TowerToHyperService::new(router)).await;
    if let Err(error) = served {
        tracing::debug!("{peer}: {error}");
    }
}

/// Tells a client that there are too many.
async fn refuse(stream: UnixStream, _place: OwnedSemaphorePermit) {
    let busy =
        async |_: hyper::Request<hyper::body::Incoming>| -> Result<Response, std::convert::Infallible> {
            let message = format!("{CLIENTS_MAX} clients are connected already");
            Ok(Refusal::new(Code::Busy, message).remedy("try again in a moment").into_response())
        };
    // It is gone, or does not listen: nothing was promised.
    let _ = http().keep_alive(false).serve_connection(io(stream), service_fn(busy)).await;
}

fn io(stream: UnixStream) -> TokioIo<Impatient> {
    TokioIo::new(Impatient::new(stream))
}

fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_header_size(HEAD_BYTES_MAX);
    http
}
