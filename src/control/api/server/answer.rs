//! Answers: values as JSON, and refusals with the status of their kind.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};

use crate::control::{Code, Refusal};

/// Every error's body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(in crate::control::api) struct ErrorBody {
    /// Why the request was not done.
    pub(in crate::control::api) error: Refusal,
}

/// Each kind has one status.
fn status(code: Code) -> StatusCode {
    match code {
        Code::BadJson | Code::BadField | Code::BadName | Code::BadPath | Code::UnknownHead => {
            StatusCode::BAD_REQUEST
        }
        Code::NotFound | Code::NoSuchRequest | Code::UnknownRequest => StatusCode::NOT_FOUND,
        Code::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
        Code::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Code::Conflict | Code::NotRunning | Code::NotKept | Code::HeadShowsNothing | Code::WindowDecides => {
            StatusCode::CONFLICT
        }
        Code::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Code::BadContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Code::HostFailed | Code::Other => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (status(self.code), Json(ErrorBody { error: self })).into_response()
    }
}

/// What any request may be answered.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "these are for the document only")]
pub(super) enum Failed {
    /// The host could not do it (`host_failed`).
    #[response(status = 500)]
    Host(ErrorBody),
    /// Too many clients (`busy`).
    #[response(status = 503)]
    Busy(ErrorBody),
}

/// What a request about one vGPU may be answered.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "these are for the document only")]
pub(super) enum NoVgpu {
    /// There is no vGPU of this name (`not_found`).
    #[response(status = 404)]
    NotFound(ErrorBody),
}

/// What a request about one GPU may be answered.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "these are for the document only")]
pub(super) enum NoGpu {
    /// The host has no such GPU (`not_found`).
    #[response(status = 404)]
    NotFound(ErrorBody),
}

/// What a request may be answered that has a value which it cannot have.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "these are for the document only")]
pub(super) enum BadRequest {
    /// A name, a field or a path that cannot be (`bad_name`, `bad_json`, `bad_field`, `bad_path`, `unknown_head`).
    #[response(status = 400)]
    Bad(ErrorBody),
}

/// What a request may be answered that does not fit what is there.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "these are for the document only")]
pub(super) enum Conflict {
    /// It does not fit what is there (`conflict`, `not_running`, `head_shows_nothing`, `window_decides`).
    #[response(status = 409)]
    Conflict(ErrorBody),
}

/// What a request with a body may be answered.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "these are for the document only")]
pub(super) enum BadBody {
    /// The body did not come in time (`too_slow`).
    #[response(status = 408)]
    TooSlow(ErrorBody),
    /// The body has more than 64 KiB (`too_long`).
    #[response(status = 413)]
    TooLong(ErrorBody),
    /// The body is not said to be `application/json` (`bad_content_type`).
    #[response(status = 415)]
    ContentType(ErrorBody),
}
