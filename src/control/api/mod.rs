//! The daemon's API, version 1: what operators and programs ask of all vGPUs of a host.
//!
//! HTTP and JSON on a Unix socket. The document that describes it is made from these types and from the routes of
//! the server, so it cannot say anything else than they do.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/vgpus` | [`VgpuList`] |
//! | `GET /v1/vgpus/NAME` | [`Vgpu`], with what its device process says |
//! | `PUT /v1/vgpus/NAME` [`VgpuSpec`] | 201 [`Vgpu`]; 200 if it is there and the same, 409 if another |
//! | `PATCH /v1/vgpus/NAME` [`VgpuChange`] | [`Vgpu`] |
//! | `POST /v1/vgpus/NAME/start`, `.../stop` | [`Vgpu`]; the same again changes nothing |
//! | `DELETE /v1/vgpus/NAME` | 204; 404 if there is none |
//! | `GET /v1/vgpus/NAME/screenshot?head=0` | a PNG |
//! | `GET /v1/usage` | [`UsageList`] |
//! | `GET /v1/gpus` | [`GpuList`] |
//! | `PATCH /v1/gpus/GPU` [`GpuChange`] | [`Gpu`]; GPU is its UUID or a part of its name |
//! | `GET /v1/events?follow=true&after=7` | [`Event`]s, a line of JSON each |
//! | `GET /v1/host` | [`Host`] |
//! | `GET /v1/openapi.json` | the document |
//!
//! An error is `{"error":{"code":…,"field":…,"message":…,"remedy":…}}`, see [`super::Refusal`].

mod client;
mod gpus;
mod placement;
mod server;
mod types;

pub use client::{ApiError, Client};
pub use gpus::{Gpu, GpuChange, GpuList, Policy, Priority, UsageList, VgpuUsage};
pub use placement::{Placement, Strategy};
pub use server::{document, serve};
pub use types::{
    Change, Event, EventKind, Host, Name, NameError, State, Vgpu, VgpuChange, VgpuList, VgpuSpec,
};

use tokio::sync::broadcast;

use super::Refusal;
use crate::wire::ScanoutId;

/// Where the daemon listens unless told otherwise.
pub const API_SOCKET: &str = "/run/vgpu/api.sock";

/// Whoever keeps all vGPUs of a host. Each call may wait for a process or a disk.
pub trait Manager: Send + Sync + 'static {
    /// Every vGPU, by name, without asking its device process.
    fn list(&self) -> Vec<Vgpu>;

    /// One vGPU, with what its device process says.
    fn show(&self, name: &Name) -> Result<Vgpu, Refusal>;

    /// Makes a vGPU of this checked specification and offers it. One of that name that is the same already is left as
    /// it is.
    fn create(&self, name: &Name, spec: VgpuSpec) -> Result<Change, Refusal>;

    /// Plugs monitors in and out, or changes the share or the limit for memory; kept for the next start, and done at
    /// once where the vGPU is on offer.
    fn set(&self, name: &Name, change: VgpuChange) -> Result<Vgpu, Refusal>;

    /// Puts a vGPU on offer.
    fn start(&self, name: &Name) -> Result<Vgpu, Refusal>;

    /// Takes a vGPU off offer; a VM that has it loses it.
    fn stop(&self, name: &Name) -> Result<Vgpu, Refusal>;

    /// Stops a vGPU and forgets it.
    fn delete(&self, name: &Name) -> Result<(), Refusal>;

    /// A PNG of what a head shows.
    fn screenshot(&self, name: &Name, head: ScanoutId) -> Result<Vec<u8>, Refusal>;

    /// What each vGPU got of its GPU.
    fn usage(&self) -> UsageList;

    /// Every GPU of the host. The first time this may take seconds: drivers are loaded for it.
    fn gpus(&self) -> Result<GpuList, Refusal>;

    /// Changes how vGPUs share a GPU, at once: the one of this UUID, or the only one with this in its name.
    fn set_gpu(&self, gpu: &str, change: GpuChange) -> Result<Gpu, Refusal>;

    /// The latest events after this number, and all that follow. Some may be gone already.
    fn events(&self, after: u64) -> (Vec<Event>, broadcast::Receiver<Event>);

    /// What a client must know of the host and the daemon.
    fn host(&self) -> Host;
}
