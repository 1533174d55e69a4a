//! A running device behind the control socket.

use std::fmt;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vm_memory::GuestAddressSpace;

use super::profile::size_text;
use super::protocol::{Code, HeadChange, HeadStatus, Refusal, Status};
use super::server::Vgpu;
use crate::device::{Device, HeadError};
use crate::display::screenshot::Snapshot;
use crate::guest_memory::GuestMemory;
use crate::wire::{
    FEATURE_EDID, FEATURE_RESOURCE_BLOB, FEATURE_RESOURCE_UUID, HeadMode, Rect, ScanoutId, Size,
};

/// A device, the memory of its VM, and how to tell the guest that the configuration changed.
pub struct DeviceHandle<M> {
    device: Arc<Mutex<Device>>,
    memory: M,
    notify: Box<dyn Fn() + Send>,
    sandbox: Vec<String>,
    keepers: Option<Box<dyn Fn(UnixStream) + Send>>,
}

impl<M: GuestAddressSpace<M = GuestMemory>> DeviceHandle<M> {
    /// `notify` is called, without the device's lock, after a change that the guest must hear of; `sandbox` are the
    /// lines of the sandbox's report.
    pub fn new(
        device: Arc<Mutex<Device>>,
        memory: M,
        notify: impl Fn() + Send + 'static,
        sandbox: Vec<String>,
    ) -> Self {
        Self { device, memory, notify: Box::new(notify), sandbox, keepers: None }
    }

    /// Hands the connections of clients that want to keep this vGPU to `keepers`.
    #[must_use]
    pub fn with_keepers(mut self, keepers: impl Fn(UnixStream) + Send + 'static) -> Self {
        self.keepers = Some(Box::new(keepers));
        self
    }

    /// A thread that panicked left the device as the last finished command did: looking at it still helps.
    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: GuestAddressSpace<M = GuestMemory>> Vgpu for DeviceHandle<M> {
    fn snapshot(&self, head: ScanoutId) -> Result<Snapshot, Refusal> {
        let memory = self.memory.memory();
        let device = self.device();
        let failed =
            |error| Refusal::new(Code::HostFailed, format_args!("no memory for the picture: {error}"));
        match Snapshot::take(&device.view(&memory), head).map_err(failed)? {
            Some(snapshot) => Ok(snapshot),
            None => Err(nothing_shown(&device, &memory, head)),
        }
    }

    fn status(&self) -> Status {
        let memory = self.memory.memory();
        let device = self.device();
        let head_status = |(head, mode): (ScanoutId, HeadMode)| HeadStatus {
            head: head.get(),
            monitor: mode.enabled.then(|| size_text(mode.area.size())),
            picture: device.picture(&memory, head).map(|picture| size_text(picture.size)),
        };
        let (usage, limits) = (device.usage(), device.limits());
        Status {
            pid: std::process::id().cast_signed(),
            heads: ScanoutId::all().zip(device.heads()).map(head_status).collect(),
            window: device.has_sink(),
            features: feature_names(device.features()),
            memory_bytes_used: usage.bytes,
            memory_bytes_max: limits.memory_bytes,
            resources_used: usage.resources,
            resources_max: limits.resources,
            sandbox: self.sandbox.clone(),
            left_open: Vec::new(),
            gpu: None,
        }
    }

    fn set_heads(&self, changes: &[HeadChange]) -> Result<(), Refusal> {
        let changed = set_heads(&mut self.device(), changes)?;
        if changed {
            (self.notify)();
        }
        Ok(())
    }

    fn lose(&self, _: &str) -> Result<(), Refusal> {
        Err(Refusal::new(Code::BadField, "this process has no GPU that could be lost")
            .field("request")
            .remedy("ask the process that runs Vulkan"))
    }

    fn keepers(&self) -> Result<&dyn Fn(UnixStream), Refusal> {
        kept_by(self.keepers.as_deref())
    }
}

/// What takes a keeper's connection, if there is something to hand on.
pub(super) fn kept_by(keepers: Option<&(dyn Fn(UnixStream) + Send)>) -> Result<&dyn Fn(UnixStream), Refusal> {
    let refusal = || {
        Refusal::new(Code::NotKept, "this vGPU's process was not started to be kept")
            .remedy("vGPUs of `vgpu daemon` are; `vgpu run` keeps its own")
    };
    keepers.map(|keepers| keepers as &dyn Fn(UnixStream)).ok_or_else(refusal)
}

impl<M> fmt::Debug for DeviceHandle<M> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("DeviceHandle").field("device", &self.device).finish_non_exhaustive()
    }
}

/// Makes all of these changes; true if one changed anything. At the first that cannot be, those before it are undone.
fn set_heads(device: &mut Device, changes: &[HeadChange]) -> Result<bool, Refusal> {
    if device.has_sink() {
        let message = "the VMM shows this vGPU's heads in a window of its own, which decides their sizes";
        return Err(Refusal::new(Code::WindowDecides, message)
            .remedy("resize that window, or start QEMU with max_outputs=, xres= and yres= of its device"));
    }
    let before = device.heads();
    let mut changed = false;
    for (place, change) in changes.iter().enumerate() {
        match set_head(device, &before, change) {
            Ok(this) => changed |= this,
            Err(error) => {
                for (head, mode) in ScanoutId::all().zip(before) {
                    // It was so a moment ago, so it can be so again.
                    let _ = device.set_head(head, mode);
                }
                return Err(refuse(place, error));
            }
        }
    }
    Ok(changed)
}

fn set_head(device: &mut Device, modes: &[HeadMode], change: &HeadChange) -> Result<bool, HeadError> {
    let old = modes.get(change.head.index()).copied().unwrap_or_default();
    // A monitor that is taken away leaves its size behind, for when it comes back.
    let Size { width, height } = change.size.unwrap_or(old.area.size());
    let area = Rect { width, height, ..old.area };
    device.set_head(change.head, HeadMode { area, enabled: change.size.is_some() })
}

fn refuse(place: usize, error: HeadError) -> Refusal {
    match error {
        HeadError::Unknown { .. } => {
            Refusal::new(Code::UnknownHead, error).field(format_args!("heads[{place}].head"))
        }
        HeadError::Size { .. } | HeadError::Memory { .. } => {
            Refusal::new(Code::BadField, error).field(format_args!("heads[{place}].size"))
        }
    }
}

fn nothing_shown(device: &Device, memory: &GuestMemory, head: ScanoutId) -> Refusal {
    let heads = device.heads().len();
    if head.index() >= heads {
        return Refusal::new(Code::UnknownHead, HeadError::Unknown { head: head.get(), heads }).field("head");
    }
    let shown: Vec<String> = ScanoutId::all()
        .filter(|head| device.picture(memory, *head).is_some())
        .map(|head| head.get().to_string())
        .collect();
    let shown = if shown.is_empty() { "none".into() } else { shown.join(", ") };
    let message = format!("head {} shows nothing; heads that show a picture: {shown}", head.get());
    Refusal::new(Code::HeadShowsNothing, message)
        .field("head")
        .remedy("a head shows a picture once the guest's driver has set a mode on it")
}

fn feature_names(features: u64) -> Vec<String> {
    let names = [
        (FEATURE_EDID, "edid"),
        (FEATURE_RESOURCE_UUID, "resource_uuid"),
        (FEATURE_RESOURCE_BLOB, "resource_blob"),
    ];
    names.into_iter().filter(|(bit, _)| features & 1 << bit != 0).map(|(_, name)| name.into()).collect()
}
