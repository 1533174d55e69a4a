//! Events as lines of JSON, for as long as somebody reads them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::control::api::Event;

type Next = Pin<Box<dyn Future<Output = (Result<Event, RecvError>, Receiver<Event>)> + Send>>;

/// First the events that were, then those that come. Lives and dies with its connection.
pub(super) struct Events {
    past: VecDeque<Event>,
    next: Option<Next>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Events {
    /// These and no more.
    pub(super) fn past(past: Vec<Event>) -> Self {
        Self { past: past.into(), next: None, _place: None }
    }

    /// These and what comes.
    pub(super) fn follow(past: Vec<Event>, coming: Receiver<Event>, place: OwnedSemaphorePermit) -> Self {
        Self { past: past.into(), next: Some(next(coming)), _place: Some(place) }
    }
}

fn next(mut coming: Receiver<Event>) -> Next {
    Box::pin(async move { (coming.recv().await, coming) })
}

fn line(event: &Event) -> Option<Result<Frame<Bytes>, Lagged>> {
    let mut line = serde_json::to_vec(event).ok()?;
    line.push(b'\n');
    Some(Ok(Frame::data(line.into())))
}

/// The reader was too slow: events that it has not seen are gone.
#[derive(Debug, thiserror::Error)]
#[error("a follower of events does not read them: {0} are lost")]
pub(super) struct Lagged(u64);

impl From<Infallible> for Lagged {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Lagged;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Lagged>>> {
        if let Some(event) = self.past.pop_front() {
            return Poll::Ready(line(&event));
        }
        let Some(waiting) = self.next.as_mut() else { return Poll::Ready(None) };
        let (received, coming) = ready!(waiting.as_mut().poll(cx));
        self.next = None;
        match received {
            Ok(event) => {
                self.next = Some(next(coming));
                Poll::Ready(line(&event))
            }
            Err(RecvError::Lagged(count)) => Poll::Ready(Some(Err(Lagged(count)))),
            Err(RecvError::Closed) => Poll::Ready(None),
        }
    }
}
