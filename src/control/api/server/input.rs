//! What comes in with a request, checked.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::{Extension, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::unix::UCred;

use crate::control::api::Name;
use crate::control::profile::{nearest, unknown_key};
use crate::control::{Code, Refusal};
use crate::wire::{SCANOUTS_MAX, ScanoutId};

/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 64 << 10;

/// From the end of a request's head to the end of its body.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    uid: u32,
    pid: Option<i32>,
}

impl Peer {
    pub(super) fn new(credentials: UCred) -> Self {
        Self { uid: credentials.uid(), pid: credentials.pid() }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "uid {}, pid {}", self.uid, self.pid.unwrap_or_default())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let found = Extension::<Self>::from_request_parts(parts, state).await;
        found.map(|Extension(peer)| peer).map_err(|error| Refusal::new(Code::HostFailed, error))
    }
}

/// The name in the path.
#[derive(utoipa::IntoParams)]
#[into_params(names("name"), parameter_in = Path)]
pub(super) struct Named(
    /// The vGPU's name.
    pub(super) Name,
);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let bad = |error: &dyn fmt::Display| Refusal::new(Code::BadName, error).field("name");
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| bad(&"the name in the path is no UTF-8"))?;
        Name::try_from(text).map(Self).map_err(|error| bad(&error))
    }
}

/// The GPU in the path.
#[derive(utoipa::IntoParams)]
#[into_params(names("gpu"), parameter_in = Path)]
pub(super) struct Which(
    /// Its UUID, or a part of its name that no other has in its.
    pub(super) String,
);

impl<S: Send + Sync> FromRequestParts<S> for Which {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Refusal::new(Code::BadName, "the GPU in the path is no UTF-8").field("gpu"))?;
        Ok(Self(text))
    }
}

/// What follows the question mark: each key once, and none that is not known.
struct Pairs(Vec<(String, String)>);

impl Pairs {
    async fn of<S: Send + Sync>(parts: &mut Parts, state: &S, known: &[&str]) -> Result<Self, Refusal> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|error| Refusal::new(Code::BadField, error.body_text()))?;
        for (place, (key, _)) in pairs.iter().enumerate() {
            let shown: String = key.chars().take(64).collect();
            let wrong = |message: String| Refusal::new(Code::BadField, message).field(&shown);
            if !known.contains(&key.as_str()) {
                return Err(
                    wrong(format!("this request has no parameter `{shown}`")).remedy(nearest(&shown, known))
                );
            }
            if pairs.iter().skip(place + 1).any(|(other, _)| other == key) {
                return Err(wrong(format!("`{shown}` is given twice")));
            }
        }
        Ok(Self(pairs))
    }

    fn take<T: FromStr>(&self, key: &str, what: &str) -> Result<Option<T>, Refusal> {
        let Some((_, text)) = self.0.iter().find(|(found, _)| found == key) else { return Ok(None) };
        let shown: String = text.chars().take(64).collect();
        let refusal =
            || Refusal::new(Code::BadField, format_args!("`{key}` is `{shown}`; {what} belongs there"));
        text.parse().map(Some).map_err(|_| refusal().field(key))
    }
}

/// Which events.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventQuery {
    /// Whether to go on with events as they happen, until the client hangs up.
    #[param(value_type = bool, required = false, default = false)]
    pub(super) follow: bool,
    /// Only events with larger numbers than this.
    #[param(value_type = u64, required = false, default = 0, example = 7)]
    pub(super) after: u64,
}

impl<S: Send + Sync> FromRequestParts<S> for EventQuery {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let pairs = Pairs::of(parts, state, &["follow", "after"]).await?;
        Ok(Self {
            follow: pairs.take("follow", "`true` or `false`")?.unwrap_or_default(),
            after: pairs.take("after", "the number of an event")?.unwrap_or_default(),
        })
    }
}

/// Which head.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HeadQuery {
    /// The head to look at.
    #[param(value_type = u32, required = false, maximum = 15, default = 0, example = 0)]
    pub(super) head: ScanoutId,
}

impl<S: Send + Sync> FromRequestParts<S> for HeadQuery {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let what = format!("the number of a head, 0 to {},", SCANOUTS_MAX - 1);
        let pairs = Pairs::of(parts, state, &["head"]).await?;
        let number = pairs.take("head", &what)?.unwrap_or(0);
        let unknown =
            || Refusal::new(Code::BadField, format_args!("`head` is {number}; {what} belongs there"));
        ScanoutId::new(number).map(|head| Self { head }).ok_or_else(|| unknown().field("head"))
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let shown: String = essence.chars().take(64).collect();
            return Err(Refusal::new(Code::BadContentType, format_args!("the body's type is `{shown}`"))
                .remedy("send JSON, with the header `Content-Type: application/json`"));
        }
        let reading = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
        let body = match tokio::time::timeout(BODY_PATIENCE, reading).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                let message = format!("the body has more than {} KiB", BODY_BYTES_MAX >> 10);
                return Err(Refusal::new(Code::TooLong, message));
            }
            Ok(Err(error)) => {
                return Err(Refusal::new(Code::BadJson, format_args!("the body broke off: {error}")));
            }
            Err(_) => {
                let message = format!("the body did not come within {} seconds", BODY_PATIENCE.as_secs());
                return Err(Refusal::new(Code::TooSlow, message));
            }
        };
        let value: Value = serde_json::from_slice(&body).map_err(|error| {
            Refusal::new(Code::BadJson, format_args!("the body is not JSON: {error}"))
                .remedy("send a JSON object, like {}")
        })?;
        read(value).map(Self)
    }
}

/// The value as its type; what is wrong with it is named with its place.
fn read<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    if !value.is_object() {
        return Err(
            Refusal::new(Code::BadJson, "the body is no JSON object").remedy("send a JSON object, like {}")
        );
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = error.path().to_string();
        let reason = error.inner().to_string();
        let refusal = match unknown_key(&reason) {
            Some((key, known)) => {
                let shown: String = key.chars().take(64).collect();
                Refusal::new(Code::BadField, format_args!("there is no field `{shown}` here"))
                    .remedy(nearest(&shown, &known))
            }
            None => Refusal::new(Code::BadField, reason.chars().take(512).collect::<String>()),
        };
        match field.as_str() {
            "." => refusal,
            _ => refusal.field(field.chars().take(256).collect::<String>()),
        }
    })
}
