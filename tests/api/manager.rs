//! vGPUs that are values only, behind a real socket.

use std::collections::BTreeMap;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::broadcast;
use vgpu::control::api::{
    Change, Event, EventKind, Gpu, GpuChange, GpuList, Host, Manager, Name, Placement, Policy, Priority,
    State, UsageList, Vgpu, VgpuChange, VgpuSpec, VgpuUsage, serve,
};
use vgpu::control::profile::{Class, Transport};
use vgpu::control::{Code, GpuStatus, HeadStatus, Refusal, Status};
use vgpu::wire::ScanoutId;

/// 2026-11-22, a quarter to ten in the evening.
const TIME: f64 = 1_795_384_110.25;

/// What every screenshot shows.
pub(crate) const PICTURE: &[u8] = b"\x89PNG, so to speak";

/// A manager; the vGPU `broken` fails at everything.
pub(crate) struct Memory {
    vgpus: Mutex<BTreeMap<Name, Vgpu>>,
    events: Mutex<Vec<Event>>,
    told: broadcast::Sender<Event>,
    gpus: Mutex<Vec<Gpu>>,
    /// Answers about usage so far; a second passes between two.
    looks: Mutex<u64>,
}

impl Default for Memory {
    fn default() -> Self {
        let gpu = |(name, number): (&str, u32)| Gpu {
            name: name.to_owned(),
            uuid: format!("{number:08x}-8f4f-4a0e-9d41-1c9a62a5c2f0"),
            pci: (number == 1).then(|| "0000:3b:00.0".parse().unwrap()),
            lost: (number == 2).then(|| "XID 79: GPU has fallen off the bus.".to_owned()),
            policy: Policy::default(),
            leased: number == 1,
            memory_bytes: 140 << 30,
            memory_bytes_promised: u64::from(number) * (100 << 20),
            memory_bytes_used: u64::from(number) << 20,
            overcommit: 100,
        };
        Self {
            vgpus: Mutex::default(),
            events: Mutex::default(),
            told: broadcast::channel(16).0,
            gpus: Mutex::new([("NVIDIA H200", 1), ("NVIDIA H200 NVL", 2), ("llvmpipe", 3)].map(gpu).into()),
            looks: Mutex::default(),
        }
    }
}

impl Memory {
    pub(crate) fn tell(&self, name: &Name, kind: EventKind, detail: Option<&str>) {
        let mut events = self.events.lock().unwrap();
        let number = events.len() as u64 + 1;
        let (time, detail) = (TIME + number as f64, detail.map(str::to_owned));
        let event = Event { number, time, name: name.clone(), kind, detail };
        events.push(event.clone());
        let _ = self.told.send(event);
    }

    /// Changes a vGPU as if something had happened to it.
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Vgpu)) {
        let mut vgpus = self.vgpus.lock().unwrap();
        change(vgpus.get_mut(&name.parse().unwrap()).unwrap());
    }

    fn found<T>(
        &self,
        name: &Name,
        look: impl FnOnce(&mut Vgpu) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        match self.vgpus.lock().unwrap().get_mut(name) {
            Some(vgpu) if vgpu.name.as_str() == "broken" => {
                Err(Refusal::new(Code::HostFailed, "the disk is full").remedy("make room"))
            }
            Some(vgpu) => look(vgpu),
            None => Err(Refusal::new(Code::NotFound, format_args!("there is no vGPU `{name}`"))
                .field("name")
                .remedy("`vgpu list` lists all there are")),
        }
    }
}

impl Manager for Memory {
    fn list(&self) -> Vec<Vgpu> {
        self.vgpus.lock().unwrap().values().cloned().collect()
    }

    fn show(&self, name: &Name) -> Result<Vgpu, Refusal> {
        self.found(name, |vgpu| {
            let device = vgpu.pid.map(|pid| status(pid, vgpu));
            Ok(Vgpu { device, ..with_priority(vgpu) })
        })
    }

    fn create(&self, name: &Name, spec: VgpuSpec) -> Result<Change, Refusal> {
        let socket = spec.socket.unwrap_or_else(|| PathBuf::from(format!("/run/vgpu/{name}.sock")));
        let socket = Some(socket).filter(|_| !spec.passthrough);
        let placement = spec.on.map(|on| Placement {
            name: "NVIDIA H200".to_owned(),
            uuid: (!spec.passthrough).then(|| "00000001-8f4f-4a0e-9d41-1c9a62a5c2f0".to_owned()),
            device: spec.passthrough.then(|| PathBuf::from("/sys/bus/pci/devices").join(&on)),
            why: format!("asked for as {on:?}"),
            piece: on,
        });
        let mut vgpus = self.vgpus.lock().unwrap();
        if let Some(vgpu) = vgpus.get(name) {
            return match vgpu.profile == spec.profile && vgpu.socket == socket {
                true => Ok(Change::Same(vgpu.clone())),
                false => Err(Refusal::new(Code::Conflict, format_args!("there is another vGPU `{name}`"))
                    .field("profile")
                    .remedy("choose another name, or delete that one first")),
            };
        }
        let vgpu = Vgpu {
            name: name.clone(),
            state: if spec.passthrough { State::HandedOver } else { State::Waiting },
            socket,
            profile: spec.profile,
            placement,
            pid: (!spec.passthrough).then(|| 4001 + i32::try_from(vgpus.len()).unwrap()),
            takeovers: 0,
            last_death: None,
            problem: None,
            priority: None,
            device: None,
        };
        vgpus.insert(name.clone(), vgpu.clone());
        self.tell(name, EventKind::Created, None);
        Ok(Change::Made(vgpu))
    }

    fn set(&self, name: &Name, change: VgpuChange) -> Result<Vgpu, Refusal> {
        self.found(name, |vgpu| {
            let mut heads = vgpu.profile.heads.clone();
            for (place, change) in change.heads.iter().enumerate() {
                let Some(head) = heads.get_mut(change.head.index()) else {
                    let message = format!("there is no head {}", change.head.get());
                    return Err(
                        Refusal::new(Code::UnknownHead, message).field(format_args!("heads[{place}].head"))
                    );
                };
                head.enabled = change.size.is_some();
                head.size = change.size.unwrap_or(head.size);
            }
            if let Some(share) = change.share {
                vgpu.profile.share = share.of(&vgpu.profile)?;
            }
            if let Some(limits) = change.limits {
                vgpu.profile.limits = limits.of(&vgpu.profile)?;
            }
            vgpu.profile.heads = heads;
            self.tell(name, EventKind::Changed, None);
            Ok(with_priority(vgpu))
        })
    }

    fn start(&self, name: &Name) -> Result<Vgpu, Refusal> {
        self.found(name, |vgpu| {
            (vgpu.state, vgpu.pid) = (State::Waiting, Some(5000));
            self.tell(name, EventKind::Started, None);
            Ok(vgpu.clone())
        })
    }

    fn stop(&self, name: &Name) -> Result<Vgpu, Refusal> {
        self.found(name, |vgpu| {
            (vgpu.state, vgpu.pid) = (State::Stopped, None);
            self.tell(name, EventKind::Stopped, None);
            Ok(vgpu.clone())
        })
    }

    fn delete(&self, name: &Name) -> Result<(), Refusal> {
        self.found(name, |_| Ok(()))?;
        self.vgpus.lock().unwrap().remove(name);
        self.tell(name, EventKind::Deleted, None);
        Ok(())
    }

    fn screenshot(&self, name: &Name, head: ScanoutId) -> Result<Vec<u8>, Refusal> {
        self.found(name, |_| match head.get() {
            0 => Ok(PICTURE.to_vec()),
            head => Err(Refusal::new(Code::HeadShowsNothing, format_args!("head {head} shows nothing"))
                .field("head")
                .remedy("a head shows a picture once the guest's driver has set a mode on it")),
        })
    }

    fn usage(&self) -> UsageList {
        let mut looks = self.looks.lock().unwrap();
        *looks += 1;
        let vgpus = self.vgpus.lock().unwrap();
        let shared = vgpus.values().filter(|vgpu| vgpu.profile.transport == Transport::Vtest);
        let gpu = self.gpus.lock().unwrap()[0].uuid.clone();
        UsageList {
            time_ns: 90_000_000_000 + *looks * 1_000_000_000,
            vgpus: (1..).zip(shared).map(|(part, vgpu)| usage(vgpu, &gpu, *looks, part)).collect(),
        }
    }

    fn gpus(&self) -> Result<GpuList, Refusal> {
        Ok(GpuList { gpus: self.gpus.lock().unwrap().clone() })
    }

    fn set_gpu(&self, wanted: &str, change: GpuChange) -> Result<Gpu, Refusal> {
        let mut gpus = self.gpus.lock().unwrap();
        let found = gpus.iter_mut().find(|gpu| gpu.uuid == wanted || gpu.name == wanted);
        let none = || {
            Refusal::new(Code::NotFound, format_args!("there is no GPU {wanted:?}"))
                .field("gpu")
                .remedy("`vgpu gpu list` lists all there are")
        };
        let gpu = found.ok_or_else(none)?;
        if change.policy == Some(Policy::FixedShare) {
            return Err(Refusal::new(Code::Conflict, "the caps come to 200 %").field("policy"));
        }
        gpu.policy = change.policy.unwrap_or(gpu.policy);
        gpu.overcommit = change.overcommit.unwrap_or(gpu.overcommit);
        Ok(gpu.clone())
    }

    fn events(&self, after: u64) -> (Vec<Event>, broadcast::Receiver<Event>) {
        let events = self.events.lock().unwrap();
        (events.iter().filter(|event| event.number > after).cloned().collect(), self.told.subscribe())
    }

    fn host(&self) -> Host {
        Host {
            version: "0.1.0".to_owned(),
            pid: 4000,
            state_folder: "/var/lib/vgpu".into(),
            socket_folders: vec!["/run/vgpu".into()],
        }
    }
}

/// Of a vGPU whose process was started before it was of its class.
fn priority(class: Class) -> Priority {
    if class == Class::Latency { Priority::Incapable } else { Priority::Ordinary }
}

fn with_priority(vgpu: &Vgpu) -> Vgpu {
    let share = vgpu.profile.transport == Transport::Vtest;
    Vgpu { priority: share.then(|| priority(vgpu.profile.share.class)), ..vgpu.clone() }
}

/// A vGPU that got so many tenths of each second.
fn usage(vgpu: &Vgpu, gpu: &str, seconds: u64, tenths: u64) -> VgpuUsage {
    let share = vgpu.profile.share;
    let busy_ns = seconds * tenths * 100_000_000;
    VgpuUsage {
        name: vgpu.name.clone(),
        gpu: Some(gpu.to_owned()),
        weight: share.weight,
        cap: share.cap,
        class: share.class,
        priority: priority(share.class),
        wanted_ns: 2 * busy_ns,
        busy_ns,
        wait_ns: busy_ns,
        waits: seconds * 1000,
        wait_max_ns: 4_200_000,
        slices: seconds * 1000,
        slice_ns: busy_ns,
        overshoot_ns: 0,
        submissions: seconds * tenths * 2000,
        memory_bytes_used: tenths << 29,
        memory_bytes_max: vgpu.profile.limits.memory,
        memory_bytes_driver: Some(300 << 20),
    }
}

fn status(pid: i32, vgpu: &Vgpu) -> Status {
    let monitor = |head: &vgpu::control::profile::Head| {
        head.enabled.then(|| format!("{}x{}", head.size.width, head.size.height))
    };
    let heads = (0..).zip(&vgpu.profile.heads);
    let is_vulkan = vgpu.profile.transport == Transport::Vtest;
    Status {
        pid,
        heads: heads
            .map(|(number, head)| HeadStatus {
                head: number,
                monitor: monitor(head),
                picture: (number == 0).then(|| "1280x800".to_owned()),
            })
            .collect(),
        window: false,
        features: vec!["edid".to_owned(), "resource_blob".to_owned()],
        memory_bytes_used: 8 << 20,
        memory_bytes_max: vgpu.profile.limits.memory,
        resources_used: 3,
        resources_max: vgpu.profile.limits.resources,
        sandbox: vec!["seccomp: yes".to_owned(), "landlock: yes".to_owned()],
        left_open: is_vulkan
            .then(|| "device nodes that it may use: /dev/nvidia0".to_owned())
            .into_iter()
            .collect(),
        gpu: is_vulkan.then(|| GpuStatus {
            name: "NVIDIA H200".to_owned(),
            driver: "NVIDIA 580.1".to_owned(),
            memory_bytes_driver: 300 << 20,
            shader_checks: "spirv-tools".to_owned(),
            clients: 2,
            clients_max: vgpu.profile.limits.clients(),
        }),
    }
}

/// A folder with the socket of a manager in it; it is served as long as the test lives.
pub(crate) struct Served {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) manager: Arc<Memory>,
}

impl Served {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manager = Arc::new(Memory::default());
        let listener = UnixListener::bind(folder.path().join("api.sock")).unwrap();
        let served = manager.clone();
        std::thread::spawn(move || serve(listener, served));
        Self { folder, manager }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("api.sock")
    }
}
