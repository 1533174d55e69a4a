//! What can be asked, and who answers.

use std::fmt::Display;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use tokio::sync::Semaphore;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{BadBody, BadRequest, Conflict, ErrorBody, Failed, NoGpu, NoVgpu};
use super::events::Events;
use super::input::{Body, EventQuery, HeadQuery, Named, Peer, Which};
use crate::control::api::{
    Change, Event, Gpu, GpuChange, GpuList, Host, Manager, Name, UsageList, Vgpu, VgpuChange, VgpuList,
    VgpuSpec,
};
use crate::control::{Code, Refusal};

/// Followers of events at one time: less than clients, so that they cannot keep others out.
const FOLLOWERS_MAX: usize = 64;

/// What each request needs.
#[derive(Clone)]
pub(super) struct Context {
    manager: Arc<dyn Manager>,
    followers: Arc<Semaphore>,
    document: Arc<str>,
}

type Answer<T> = Result<T, Refusal>;

impl Context {
    pub(super) fn new(manager: Arc<dyn Manager>) -> serde_json::Result<Self> {
        let followers = Arc::new(Semaphore::new(FOLLOWERS_MAX));
        Ok(Self { manager, followers, document: document().to_json()?.into() })
    }

    /// Has the manager do something on a thread where it may wait.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Manager) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let manager = self.manager.clone();
        let answer = tokio::task::spawn_blocking(move || question(&*manager)).await;
        answer.unwrap_or_else(|error| Err(Refusal::new(Code::HostFailed, error)))
    }

    /// The same for a request that changes something: the log says who wanted what, and what became of it, even if
    /// nobody waits for the answer any more.
    async fn change<N: Display + Send + 'static, T: Send + 'static>(
        &self,
        peer: Peer,
        verb: &'static str,
        name: N,
        work: impl FnOnce(&dyn Manager, &N) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        self.ask(move |manager| {
            let answer = work(manager, &name);
            match &answer {
                Ok(_) => tracing::info!("{verb} {name}, asked by {peer}: done"),
                Err(refusal) => tracing::warn!("{verb} {name}, asked by {peer}: refused: {refusal}"),
            }
            answer
        })
        .await
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "vgpu",
        description = "Virtual GPUs of a host. HTTP on a Unix socket; who may connect to it may do all of this."
    ),
    servers((url = "/")),
    components(schemas(ErrorBody)),
    tags(
        (name = "vgpus", description = "Virtual GPUs, by name"),
        (name = "gpus", description = "The host's GPUs, and who gets what of them"),
        (name = "host", description = "The daemon")
    )
)]
struct Frame;

fn open_api_router() -> OpenApiRouter<Context> {
    OpenApiRouter::with_openapi(Frame::openapi())
        .routes(routes!(list))
        .routes(routes!(show, create, set, delete))
        .routes(routes!(start))
        .routes(routes!(stop))
        .routes(routes!(screenshot))
        .routes(routes!(usage))
        .routes(routes!(gpus))
        .routes(routes!(set_gpu))
        .routes(routes!(events))
        .routes(routes!(host))
        .routes(routes!(openapi))
}

/// The document that describes the API, made from the same routes.
pub(super) fn document() -> utoipa::openapi::OpenApi {
    open_api_router().into_openapi()
}

/// The routes, with an answer for whatever is none.
pub(super) fn router(context: Context) -> Router {
    let (router, _) = open_api_router().split_for_parts();
    router.fallback(no_such_request).method_not_allowed_fallback(no_such_method).with_state(context)
}

async fn no_such_request(request: Request) -> Refusal {
    let path: String = request.uri().path().chars().take(256).collect();
    Refusal::new(Code::NoSuchRequest, format_args!("the API has no path `{path}`"))
        .remedy("GET /v1/openapi.json describes all that there is")
}

async fn no_such_method(request: Request) -> Refusal {
    let path: String = request.uri().path().chars().take(256).collect();
    let method: String = request.method().as_str().chars().take(32).collect();
    Refusal::new(Code::NoSuchMethod, format_args!("there is no {method} of `{path}`"))
        .remedy("the header `Allow` lists what there is")
}

/// List all vGPUs
///
/// By name, without asking their device processes.
#[utoipa::path(get, path = "/v1/vgpus", tag = "vgpus", responses(
    (status = 200, description = "All of them", body = VgpuList), Failed,
))]
async fn list(State(context): State<Context>) -> Answer<Json<VgpuList>> {
    context.ask(|manager| Ok(VgpuList { vgpus: manager.list() })).await.map(Json)
}

/// Show a vGPU
///
/// With what its device process says, if that runs.
#[utoipa::path(get, path = "/v1/vgpus/{name}", tag = "vgpus", params(Named),
    responses((status = 200, description = "The vGPU", body = Vgpu), BadRequest, NoVgpu, Failed))]
async fn show(State(context): State<Context>, Named(name): Named) -> Answer<Json<Vgpu>> {
    context.ask(move |manager| manager.show(&name)).await.map(Json)
}

/// Create a vGPU
///
/// It is on offer when the answer comes. The same again changes nothing; another of that name is a conflict.
#[utoipa::path(put, path = "/v1/vgpus/{name}", tag = "vgpus", params(Named),
    request_body(content = VgpuSpec, example = json!({"profile": {"head": [{"size": "1920x1080"}]}})),
    responses((status = 201, description = "It is new", body = Vgpu),
        (status = 200, description = "It was there, and the same", body = Vgpu),
        BadRequest, Conflict, BadBody, Failed))]
async fn create(
    State(context): State<Context>,
    Named(name): Named,
    peer: Peer,
    Body(spec): Body<VgpuSpec>,
) -> Answer<Response> {
    let create = |manager: &dyn Manager, name: &Name| {
        spec.check()?;
        manager.create(name, spec)
    };
    let change = context.change(peer, "create", name, create).await?;
    Ok(match change {
        Change::Made(vgpu) => (StatusCode::CREATED, Json(vgpu)).into_response(),
        Change::Same(vgpu) => Json(vgpu).into_response(),
    })
}

/// Plug monitors in and out, or change the share of the GPU's time or the limit for memory
///
/// All of these changes or none. They are kept for the next start, and done at once where the vGPU is on offer.
#[utoipa::path(patch, path = "/v1/vgpus/{name}", tag = "vgpus", params(Named),
    request_body(content = VgpuChange, example = json!({"heads": [{"head": 0, "size": "1024x768"}]})),
    responses((status = 200, description = "The vGPU", body = Vgpu), BadRequest, NoVgpu, Conflict, BadBody, Failed))]
async fn set(
    State(context): State<Context>,
    Named(name): Named,
    peer: Peer,
    Body(change): Body<VgpuChange>,
) -> Answer<Json<Vgpu>> {
    let set = |manager: &dyn Manager, name: &Name| {
        change.check()?;
        manager.set(name, change)
    };
    context.change(peer, "set", name, set).await.map(Json)
}

/// Delete a vGPU
///
/// It is stopped and forgotten; a VM that has it loses it.
#[utoipa::path(delete, path = "/v1/vgpus/{name}", tag = "vgpus", params(Named),
    responses((status = 204, description = "It is gone"), BadRequest, NoVgpu, Failed))]
async fn delete(State(context): State<Context>, Named(name): Named, peer: Peer) -> Answer<StatusCode> {
    context.change(peer, "delete", name, |manager, name| manager.delete(name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put a vGPU on offer
///
/// If it is already, nothing changes.
#[utoipa::path(post, path = "/v1/vgpus/{name}/start", tag = "vgpus", params(Named),
    responses((status = 200, description = "The vGPU", body = Vgpu), BadRequest, NoVgpu, Conflict, Failed))]
async fn start(State(context): State<Context>, Named(name): Named, peer: Peer) -> Answer<Json<Vgpu>> {
    context.change(peer, "start", name, |manager, name| manager.start(name)).await.map(Json)
}

/// Take a vGPU off offer
///
/// A VM that has it loses it. If it is off offer already, nothing changes.
#[utoipa::path(post, path = "/v1/vgpus/{name}/stop", tag = "vgpus", params(Named),
    responses((status = 200, description = "The vGPU", body = Vgpu), BadRequest, NoVgpu, Failed))]
async fn stop(State(context): State<Context>, Named(name): Named, peer: Peer) -> Answer<Json<Vgpu>> {
    context.change(peer, "stop", name, |manager, name| manager.stop(name)).await.map(Json)
}

/// See what a head shows
///
/// The pointer included.
#[utoipa::path(get, path = "/v1/vgpus/{name}/screenshot", tag = "vgpus",
    params(Named, HeadQuery),
    responses((status = 200, description = "A PNG", content_type = "image/png", body = [u8]),
        BadRequest, NoVgpu, Conflict, Failed))]
async fn screenshot(
    State(context): State<Context>,
    Named(name): Named,
    HeadQuery { head }: HeadQuery,
) -> Answer<Response> {
    let picture = context.ask(move |manager| manager.screenshot(&name, head)).await?;
    Ok(([(CONTENT_TYPE, "image/png")], picture).into_response())
}

/// See what each vGPU got of its GPU
///
/// Ask twice: the differences are what it got in between.
#[utoipa::path(get, path = "/v1/usage", tag = "gpus", responses(
    (status = 200, description = "All that are on a GPU", body = UsageList), Failed,
))]
async fn usage(State(context): State<Context>) -> Answer<Json<UsageList>> {
    context.ask(|manager| Ok(manager.usage())).await.map(Json)
}

/// List the host's GPUs
///
/// The first time this may take seconds: another process loads the drivers for it.
#[utoipa::path(get, path = "/v1/gpus", tag = "gpus", responses(
    (status = 200, description = "All that Vulkan finds", body = GpuList), Failed,
))]
async fn gpus(State(context): State<Context>) -> Answer<Json<GpuList>> {
    context.ask(|manager| manager.gpus()).await.map(Json)
}

/// Change how vGPUs share a GPU
///
/// Its time, or how much of its memory is promised: at once, and for as long as the daemon's state is kept.
#[utoipa::path(patch, path = "/v1/gpus/{gpu}", tag = "gpus", params(Which),
    request_body(content = GpuChange, example = json!({"policy": "equal-share"})),
    responses((status = 200, description = "The GPU", body = Gpu), BadRequest, NoGpu, Conflict, BadBody, Failed))]
async fn set_gpu(
    State(context): State<Context>,
    Which(gpu): Which,
    peer: Peer,
    Body(change): Body<GpuChange>,
) -> Answer<Json<Gpu>> {
    let shown: String = gpu.escape_debug().take(256).collect();
    let set = move |manager: &dyn Manager, _: &String| {
        change.check()?;
        manager.set_gpu(&gpu, change)
    };
    context.change(peer, "gpu set", shown, set).await.map(Json)
}

/// Hear what happened
///
/// A line of JSON for each of the latest events, oldest first, then as they come. The connection breaks off where
/// the client does not read them.
#[utoipa::path(get, path = "/v1/events", tag = "host", params(EventQuery), responses(
    (status = 200, description = "Events, a line each", content_type = "application/x-ndjson", body = Event),
    BadRequest, Failed,
))]
async fn events(State(context): State<Context>, query: EventQuery) -> Answer<Response> {
    let place = context.followers.clone().try_acquire_owned();
    let (past, coming) = context.ask(move |manager| Ok(manager.events(query.after))).await?;
    let events = match (query.follow, place) {
        (false, _) => Events::past(past),
        (true, Ok(place)) => Events::follow(past, coming, place),
        (true, Err(_)) => {
            let message = format!("{FOLLOWERS_MAX} clients follow the events already");
            return Err(Refusal::new(Code::Busy, message).remedy("end one of them, or ask without `follow`"));
        }
    };
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], axum::body::Body::new(events)).into_response())
}

/// Ask about the daemon and its host
#[utoipa::path(get, path = "/v1/host", tag = "host", responses(
    (status = 200, description = "They", body = Host), Failed,
))]
async fn host(State(context): State<Context>) -> Answer<Json<Host>> {
    context.ask(|manager| Ok(manager.host())).await.map(Json)
}

/// Get this document
#[utoipa::path(get, path = "/v1/openapi.json", tag = "host", responses(
    (status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object), Failed,
))]
async fn openapi(State(context): State<Context>) -> Response {
    ([(CONTENT_TYPE, "application/json")], context.document.to_string()).into_response()
}
