//! 3D: what a guest's contexts ask for, with a test in place of the process that renders.

use std::fs::File;
use std::mem;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use vgpu::device::{Device, Gpu, Limits, Progress};
use vgpu::guest_memory::GuestMemory;
use vgpu::heap::Heap;
use vgpu::link::{CAPSET_BYTES, DeviceEnd, Event, RenderEnd, Request, pair};
use vgpu::vault::Vault;
use vm_memory::{FileOffset, GuestAddress};

use crate::guest::*;

const CREATE_CONTEXT: u32 = 0x200;
const DESTROY_CONTEXT: u32 = 0x201;
const ATTACH_RESOURCE: u32 = 0x202;
const DETACH_RESOURCE: u32 = 0x203;
const SUBMIT: u32 = 0x207;
const MAP: u32 = 0x208;
const UNMAP: u32 = 0x209;
const OK_CAPSET_INFO: u32 = 0x1102;
const OK_CAPSET: u32 = 0x1103;
const OK_MAP_INFO: u32 = 0x1106;
const INVALID_CONTEXT: u32 = 0x1204;
const VENUS: u32 = 4;
const FENCE: u32 = 1;
const RING_INDEX: u32 = 2;

const HEAP_BYTES: u64 = 1 << 20;
const PAGE: u64 = 4096;
const CONTEXTS_MAX: u32 = 3;
const LIMITS: Limits = Limits { memory_bytes: 1 << 24, resources: 16, entries: 64, image_side: 4096 };

/// The device's guest, its heap, and the other end of its link.
struct Scene {
    guest: Guest,
    render: RenderEnd,
    /// The two ends, kept as whoever starts the processes keeps them.
    link: OwnedFd,
    render_link: OwnedFd,
    heap: Heap,
    vault: OwnedFd,
}

/// What the render process was asked for, without what it was about.
type Asked = (u64, String);

impl Scene {
    fn new() -> Self {
        let [link, render_link] = pair().unwrap();
        let (heap, vault) = (Heap::create(HEAP_BYTES).unwrap(), Vault::file(LIMITS.memory_bytes).unwrap());
        let mut guest = Guest::with(1, LIMITS);
        guest.device = open(&vault, &link, &heap);
        guest.device.set_features(u64::MAX);
        let render = RenderEnd::new(render_link.try_clone().unwrap());
        let mut scene = Self { guest, render, link, render_link, heap, vault };
        // Who listens may have said hello to another device.
        assert_eq!(scene.asked().1, "Greet");
        scene.render.send(Event::Hello([7; CAPSET_BYTES])).unwrap();
        scene
    }

    /// One with a context that the render process knows, and the heap mapped into the guest.
    fn with_context() -> Self {
        let mut scene = Self::new();
        // Who says hello may have followed another.
        assert_eq!(scene.asked().1, "Recall([])");
        assert_eq!(scene.create(1, VENUS), None);
        let (token, _) = scene.asked();
        scene.answer(token, true);
        assert_eq!(scene.finished(), Some((1, OK)));
        scene
    }

    /// The next VM's device, on the same link.
    fn follow(&mut self) {
        self.vault = Vault::file(LIMITS.memory_bytes).unwrap();
        self.die();
        self.guest.device.set_features(u64::MAX);
    }

    /// As a kill does it: nothing is dropped.
    fn die(&mut self) {
        let next = open(&self.vault, &self.link, &self.heap);
        mem::forget(mem::replace(&mut self.guest.device, next));
    }

    /// Sends a request by this ticket. The type of its answer, unless that comes later.
    fn send(&mut self, ticket: u16, header: [u32; 6], body: &[u32]) -> Option<u32> {
        let bytes: Vec<u8> = header.iter().chain(body).flat_map(|word| word.to_le_bytes()).collect();
        let mut reply = Vec::new();
        let progress = self.guest.device.control(&self.guest.memory, ticket, &bytes, &mut reply);
        assert_ne!(progress, Progress::Wait);
        (progress == Progress::Done).then(|| kind(&reply))
    }

    fn create(&mut self, context: u32, capset: u32) -> Option<u32> {
        let body = [&[4, capset, u32::from_le_bytes(*b"test")][..], &[0; 15]].concat();
        self.send(1, [CREATE_CONTEXT, 0, 0, 0, context, 0], &body)
    }

    fn submit(&mut self, ticket: u16, context: u32, commands: &[u32]) -> Option<u32> {
        let body = [&[commands.len() as u32 * 4, 0][..], commands].concat();
        self.send(ticket, [SUBMIT, 0, 0, 0, context, 0], &body)
    }

    /// A blob of the render process's.
    fn blob(&mut self, id: u32, context: u32, blob_id: u64, bytes: u64) -> Option<u32> {
        let body = [&[id, 2, 1, 0][..], &split(blob_id), &split(bytes)].concat();
        self.send(2, [CREATE_BLOB, 0, 0, 0, context, 0], &body)
    }

    fn map(&mut self, ticket: u16, id: u32, offset: u64) -> Option<u32> {
        self.send(ticket, [MAP, 0, 0, 0, 0, 0], &[&[id, 0][..], &split(offset)].concat())
    }

    /// Maps a blob of two pages at an offset, to the end.
    fn mapped(&mut self, id: u32, offset: u64) {
        assert_eq!(self.blob(id, 1, 9, 2 * PAGE), Some(OK));
        assert_eq!(self.map(3, id, offset), None);
        if self.guest.device.wants_heap() {
            self.guest.device.heap_mapped(true);
        }
        let (token, _) = self.asked();
        self.answer(token, true);
        assert_eq!(self.finished(), Some((3, OK_MAP_INFO)));
    }

    /// What the render process is asked for next.
    fn asked(&mut self) -> Asked {
        self.guest.device.pump_gpu();
        let mut asked = None;
        let hear = |token, request: Request<'_>| {
            asked = Some((token, format!("{request:?}")));
            ControlFlow::Break(())
        };
        self.render.receive(hear).unwrap();
        asked.unwrap()
    }

    fn answer(&mut self, token: u64, carried_out: bool) {
        self.render.send(Event::Done { token, carried_out }).unwrap();
        self.guest.device.pump_gpu();
    }

    /// A request that was answered: its ticket, and the type of the answer.
    fn finished(&mut self) -> Option<(u16, u32)> {
        self.finished_fenced().map(|(ticket, reply)| (ticket, kind(&reply)))
    }

    fn finished_fenced(&mut self) -> Option<(u16, Vec<u8>)> {
        let mut reply = Vec::new();
        let finished = self.guest.device.finished(&mut reply)?;
        self.guest.device.gave_back(finished, 0);
        Some((finished.ticket(), reply))
    }

    /// Asks the render process for nothing.
    fn expect_silence(&mut self) {
        let nothing = u32::MAX;
        // What comes over next is what was asked for last.
        assert_eq!(self.submit(99, 1, &[nothing]), None);
        let (token, asked) = self.asked();
        assert!(asked.contains("[255, 255, 255, 255]"), "{asked}");
        self.answer(token, true);
        assert_eq!(self.finished(), Some((99, OK)));
    }
}

fn open(vault: &OwnedFd, link: &OwnedFd, heap: &Heap) -> Device {
    let file = FileOffset::new(File::from(heap.share().unwrap()), 0);
    let ranges = [(GuestAddress(0), HEAP_BYTES as usize, Some(file))];
    let view = GuestMemory::from_ranges_with_files(ranges).unwrap();
    let end = DeviceEnd::new(link.try_clone().unwrap());
    let gpu = Gpu { end, heap: heap.clone(), view, contexts_max: CONTEXTS_MAX };
    let vault = Vault::open(vault.try_clone().unwrap(), LIMITS.memory_bytes).unwrap();
    Device::open(setup(1, LIMITS), vault, Some(gpu)).unwrap()
}

#[test]
fn the_capability_set_is_the_render_processs() {
    let mut scene = Scene::new();
    let mut reply = Vec::new();
    let bytes = request(GET_CAPSET, &[VENUS, 0]);
    let progress = scene.guest.device.control(&scene.guest.memory, 0, &bytes, &mut reply);
    assert_eq!(progress, Progress::Wait, "nobody has told yet");
    assert!(scene.guest.device.pump_gpu(), "it may go on");
    assert_eq!(scene.send(0, [GET_CAPSET, 0, 0, 0, 0, 0], &[VENUS, 0]), Some(OK_CAPSET));
    assert_eq!(scene.send(0, [GET_CAPSET_INFO, 0, 0, 0, 0, 0], &[0, 0]), Some(OK_CAPSET_INFO));
    assert_eq!(scene.send(0, [GET_CAPSET_INFO, 0, 0, 0, 0, 0], &[1, 0]), Some(INVALID_PARAMETER));
    assert_eq!(scene.send(0, [GET_CAPSET, 0, 0, 0, 0, 0], &[1, 0]), Some(INVALID_PARAMETER));
}

#[test]
fn requests_are_answered_when_they_are_done_in_whatever_order_that_is() {
    let mut scene = Scene::with_context();
    assert_eq!(scene.submit(5, 1, &[1, 2]), None);
    assert_eq!(scene.send(6, [SUBMIT, FENCE | RING_INDEX, 77, 0, 1, 3], &[4, 0, 8]), None);
    let (first, asked) = scene.asked();
    assert_eq!(asked, "Submit { context: ContextId(1), timeline: 0, commands: [1, 0, 0, 0, 2, 0, 0, 0] }");
    let (second, asked) = scene.asked();
    assert_eq!(asked, "Submit { context: ContextId(1), timeline: 3, commands: [8, 0, 0, 0] }");
    assert_eq!(scene.finished(), None);
    scene.answer(second, true);
    let (ticket, reply) = scene.finished_fenced().unwrap();
    let fenced = [OK, FENCE | RING_INDEX, 77, 0, 1, 3].map(u32::to_le_bytes);
    assert_eq!((ticket, &reply[..]), (6, fenced.as_flattened()));
    scene.answer(first, false);
    assert_eq!(scene.finished(), Some((5, UNSPEC)));
    scene.answer(first, true);
    assert_eq!(scene.finished(), None, "it was answered already");
}

#[test]
fn contexts_that_are_none_are_refused_and_nobody_is_asked() {
    let mut scene = Scene::with_context();
    assert_eq!(scene.create(1, VENUS), Some(INVALID_CONTEXT), "there is one of this number");
    assert_eq!(scene.create(2, 1), Some(INVALID_PARAMETER), "no such capability set");
    assert_eq!(scene.create(0, VENUS), Some(INVALID_CONTEXT));
    assert_eq!(scene.submit(4, 2, &[1]), Some(INVALID_CONTEXT));
    assert_eq!(scene.send(4, [DESTROY_CONTEXT, 0, 0, 0, 2, 0], &[]), Some(INVALID_CONTEXT));
    assert_eq!(scene.send(4, [ATTACH_RESOURCE, 0, 0, 0, 1, 0], &[9, 0]), Some(INVALID_RESOURCE));
    assert_eq!(scene.blob(3, 2, 1, PAGE), Some(INVALID_CONTEXT));
    assert_eq!(scene.create(2, 0), Some(OK), "the kernel's own does nothing");
    assert_eq!(scene.submit(4, 2, &[1]), Some(INVALID_PARAMETER));
    assert_eq!(scene.send(4, [DESTROY_CONTEXT, 0, 0, 0, 2, 0], &[]), Some(OK));
    scene.expect_silence();
}

#[test]
fn a_guest_has_no_more_contexts_than_it_may() {
    let mut scene = Scene::with_context();
    // The kernel's own comes on top.
    for id in 2..=CONTEXTS_MAX + 1 {
        assert_eq!(scene.create(id, VENUS), None, "{id}");
        scene.asked();
    }
    assert_eq!(scene.create(CONTEXTS_MAX + 2, VENUS), Some(OUT_OF_MEMORY));
    assert_eq!(scene.send(4, [DESTROY_CONTEXT, 0, 0, 0, 1, 0], &[]), None);
    assert_eq!(scene.create(CONTEXTS_MAX + 2, VENUS), None);
}

#[test]
fn a_blob_is_mapped_when_the_heap_is_and_the_render_process_has_it() {
    let mut scene = Scene::with_context();
    assert_eq!(scene.blob(3, 1, 0x1_0000_0005, 5000), Some(OK));
    assert!(!scene.guest.device.wants_heap(), "nothing is mapped yet");
    assert_eq!(scene.map(4, 3, 8 * PAGE), None);
    let (token, asked) = scene.asked();
    assert_eq!(
        asked,
        "Map(Blob { resource: ResourceId(3), context: ContextId(1), blob_id: 4294967301, offset: 32768, bytes: 8192 })"
    );
    scene.answer(token, true);
    assert_eq!(scene.finished(), None, "the guest sees none of the heap");
    assert!(scene.guest.device.wants_heap());
    assert!(!scene.guest.device.wants_heap(), "it was asked for");
    scene.guest.device.heap_mapped(true);
    assert_eq!(scene.finished(), Some((4, OK_MAP_INFO)));
    for (id, offset) in [(3, 0), (4, 0)] {
        let answer = scene.map(5, id, offset);
        assert!(answer.is_some_and(|kind| kind >= UNSPEC), "resource {id} at {offset:#x}: {answer:?}");
    }
    assert_eq!(scene.blob(4, 1, 6, PAGE), Some(OK));
    for offset in [1, HEAP_BYTES, HEAP_BYTES - PAGE + 1, u64::MAX - PAGE + 1] {
        assert_eq!(scene.map(5, 4, offset), Some(INVALID_PARAMETER), "{offset:#x}");
    }
    scene.expect_silence();
}

#[test]
fn a_guest_into_which_no_heap_can_be_mapped_is_told_so_for_all_that_it_asks() {
    let mut scene = Scene::with_context();
    assert_eq!(scene.blob(3, 1, 5, PAGE), Some(OK));
    assert_eq!(scene.submit(5, 1, &[1]), None);
    assert_eq!(scene.map(4, 3, 0), None);
    assert!(scene.guest.device.wants_heap());
    scene.guest.device.heap_mapped(false);
    let mut told: Vec<_> = std::iter::from_fn(|| scene.finished()).collect();
    told.sort_unstable();
    assert_eq!(told, [(4, UNSPEC), (5, UNSPEC)]);
    assert_eq!(scene.submit(5, 1, &[1]), None);
    assert_eq!(scene.finished(), Some((5, UNSPEC)));
}

#[test]
fn a_refused_map_leaves_the_blob_unmapped() {
    let mut scene = Scene::with_context();
    assert_eq!(scene.blob(3, 1, 5, PAGE), Some(OK));
    assert_eq!(scene.map(4, 3, 0), None);
    let (token, _) = scene.asked();
    scene.answer(token, false);
    assert_eq!(scene.finished(), Some((4, UNSPEC)));
    assert_eq!(scene.send(4, [UNMAP, 0, 0, 0, 0, 0], &[3, 0]), Some(UNSPEC));
    assert_eq!(scene.map(4, 3, PAGE), None);
}

#[test]
fn a_mapped_blob_that_is_dropped_is_answered_when_its_range_is_free() {
    let mut scene = Scene::with_context();
    scene.mapped(3, PAGE);
    assert_eq!(scene.send(7, [UNREF, 0, 0, 0, 0, 0], &[3, 0]), None);
    let (token, asked) = scene.asked();
    assert!(asked.starts_with("Unmap(Blob { resource: ResourceId(3)"), "{asked}");
    assert_eq!(scene.finished(), None);
    scene.answer(token, true);
    assert_eq!(scene.finished(), Some((7, OK)));
    assert_eq!(scene.blob(3, 1, 5, PAGE), Some(OK), "its number is free");
}

#[test]
fn contexts_are_told_of_resources_in_the_heap_and_of_no_others() {
    let mut scene = Scene::with_context();
    scene.mapped(3, 0);
    scene.guest.create(4, BGRX, 1, 1);
    assert_eq!(scene.send(4, [ATTACH_RESOURCE, 0, 0, 0, 1, 0], &[4, 0]), Some(OK));
    assert_eq!(scene.send(4, [DETACH_RESOURCE, 0, 0, 0, 1, 0], &[4, 0]), Some(OK));
    assert_eq!(scene.send(4, [ATTACH_RESOURCE, 0, 0, 0, 1, 0], &[3, 0]), None);
    let (_, asked) = scene.asked();
    assert!(asked.starts_with("Attach(Blob { resource: ResourceId(3)"), "{asked}");
    assert_eq!(scene.send(5, [DETACH_RESOURCE, 0, 0, 0, 1, 0], &[3, 0]), None);
    assert_eq!(scene.asked().1, "Detach(ContextId(1), ResourceId(3))");
}

#[test]
fn what_lies_in_the_heap_can_be_shown() {
    let mut scene = Scene::with_context();
    let layout = Layout { width: 32, height: 16, format: BGRX, stride: 128, offset: 64 };
    let area = rect(0, 0, 32, 16);
    assert_eq!(scene.blob(4, 1, 5, 2 * PAGE), Some(OK));
    let shown = scene.guest.set_scanout_blob(0, 4, area, layout);
    assert!(shown >= UNSPEC, "nobody knows where it lies: {shown:#x}");
    scene.mapped(3, 4 * PAGE);
    let file = File::from(scene.heap.share().unwrap());
    file.write_all_at(&[1, 2, 3, 4].repeat(32 * 16), 4 * PAGE + 64).unwrap();
    assert_eq!(scene.guest.set_scanout_blob(0, 3, area, layout), OK);
    assert_eq!(scene.guest.flush(3, area), OK);
    assert_eq!(scene.guest.picture(0).unwrap(), [1, 2, 3, 4].repeat(32 * 16));
    let beyond = Layout { height: 65, ..layout };
    let answer = scene.guest.set_scanout_blob(0, 3, rect(0, 0, 32, 65), beyond);
    assert_eq!(answer, INVALID_PARAMETER);
    assert_eq!(scene.send(7, [UNMAP, 0, 0, 0, 0, 0], &[3, 0]), None);
    let black = scene.guest.picture(0).unwrap().iter().all(|byte| *byte == 0);
    assert!(black, "the range is somebody else's before long");
}

#[test]
fn a_reset_forgets_contexts_requests_and_the_heaps_place() {
    let mut scene = Scene::with_context();
    scene.mapped(3, 0);
    assert_eq!(scene.submit(5, 1, &[1]), None);
    let (token, _) = scene.asked();
    scene.guest.device.reset();
    assert_eq!(scene.asked().1, "Reset");
    scene.answer(token, true);
    assert_eq!(scene.finished(), None);
    assert_eq!(scene.submit(5, 1, &[1]), Some(INVALID_CONTEXT));
    assert_eq!(scene.create(1, VENUS), None);
    assert_eq!(scene.blob(3, 1, 9, PAGE), Some(OK));
    assert_eq!(scene.map(3, 3, 0), None);
    assert!(scene.guest.device.wants_heap(), "QEMU has taken it out of the guest");
}

#[test]
fn the_next_process_asks_what_became_of_all_that_is_pending() {
    let mut scene = Scene::with_context();
    scene.mapped(3, 0);
    assert_eq!(scene.submit(5, 1, &[1]), None);
    assert_eq!(scene.submit(6, 1, &[2]), None);
    let ((first, _), (second, _)) = (scene.asked(), scene.asked());
    scene.die();
    assert_eq!(scene.guest.device.pending().unwrap().0, 2);
    assert_eq!(scene.asked().1, "Greet");
    scene.render.send(Event::Hello([7; CAPSET_BYTES])).unwrap();
    let (_, asked) = scene.asked();
    assert_eq!(asked, format!("Recall([{first}, {second}])"));
    scene.answer(second, true);
    assert_eq!(scene.finished(), Some((6, OK)));
    scene.answer(first, true);
    assert_eq!(scene.finished(), Some((5, OK)));
    assert_eq!(scene.guest.device.pending().unwrap().0, 0);
    assert_eq!(scene.create(1, VENUS), Some(INVALID_CONTEXT), "the context is known still");
    assert_eq!(scene.blob(4, 1, 5, PAGE), Some(OK));
    assert_eq!(scene.map(7, 4, 4 * PAGE), None);
    assert!(!scene.guest.device.wants_heap(), "it is mapped still");
}

#[test]
fn the_next_vms_device_asks_what_the_gpu_can_and_takes_no_answer_for_its_own_that_was_for_another() {
    let mut scene = Scene::with_context();
    assert_eq!(scene.submit(5, 1, &[1]), None);
    let (former, _) = scene.asked();
    scene.follow();
    assert_eq!(scene.asked().1, "Greet");
    scene.render.send(Event::Hello([7; CAPSET_BYTES])).unwrap();
    assert_eq!(scene.asked().1, "Recall([])");
    assert_eq!(scene.create(1, VENUS), None);
    assert_eq!(scene.submit(5, 1, &[1]), None);
    let ((created, _), (submitted, _)) = (scene.asked(), scene.asked());
    assert!(former < created && created < submitted, "{former} {created} {submitted}");
    scene.answer(former, true);
    assert_eq!(scene.finished(), None);
    scene.answer(created, true);
    assert_eq!(scene.finished(), Some((1, OK)));
}

#[test]
fn a_render_process_that_is_not_understood_costs_3d_and_nothing_else() {
    let mut scene = Scene::with_context();
    assert_eq!(scene.submit(5, 1, &[1]), None);
    nix::unistd::write(&scene.render_link, &[1; 3]).unwrap();
    scene.guest.device.pump_gpu();
    assert_eq!(scene.finished(), Some((5, UNSPEC)));
    assert!(scene.guest.device.gpu_socket().is_none());
    assert_eq!(scene.guest.create(9, BGRX, 4, 4), OK);
}
