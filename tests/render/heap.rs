//! Memory in a heap: imported by the numbers of resources, and let go of while the GPU may still be at it.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use vgpu::heap::{Heap, HeapRange};
use vgpu::render::vulkan::{AttachError, Imports, Polled, Reason};
use vgpu::sys::SharedMemory;
use vgpu::venus::CommandType;

use crate::client::*;
use crate::guest::Command;
use crate::scene::{self, DEVICE, PHYSICAL_DEVICE, create_buffer, create_buffer_for};

const KIB: u64 = 1 << 10;

/// A heap as the VM has it, whose kernel gives places away.
struct Vm {
    heap: Heap,
    file: File,
    imports: Arc<Imports>,
}

impl Vm {
    fn new(bytes: u64) -> Self {
        let heap = Heap::create(bytes).unwrap();
        Self { file: heap.share().unwrap().into(), imports: Imports::of(heap.clone()), heap }
    }

    fn range(&self, offset: u64, bytes: u64) -> HeapRange {
        self.heap.range(offset, bytes).unwrap()
    }

    /// What lies at an offset: one value in all of these bytes.
    fn all(&self, offset: u64, bytes: u64) -> u8 {
        let mut read = vec![0; usize::try_from(bytes).unwrap()];
        self.file.read_exact_at(&mut read, offset).unwrap();
        assert!(read.iter().all(|byte| *byte == read[0]), "{bytes} bytes at {offset} differ");
        read[0]
    }

    fn words(&self, offset: u64, count: usize) -> Vec<u32> {
        let mut read = vec![0; 4 * count];
        self.file.read_exact_at(&mut read, offset).unwrap();
        read.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
    }

    /// What the next program does that has this place.
    fn fill(&self, offset: u64, bytes: u64, value: u8) {
        self.file.write_all_at(&vec![value; usize::try_from(bytes).unwrap()], offset).unwrap();
    }
}

/// Has the GPU write sevens by a buffer at the start of memory. Takes the numbers from `id` on.
fn prepare(client: &mut Client, memory: u64, id: u64, bytes: u64) {
    client.ask(create_buffer(id, bytes));
    assert_eq!(client.ask(bind_buffer(id, memory, 0)).result(), SUCCESS);
    record_fill(client, [id + 1, id + 2, id], bytes);
    client.ask(create_fence(id + 3, false));
}

fn run(client: &mut Client, id: u64) {
    client.tell(submit(&[Batch { buffers: &[id + 2], ..Default::default() }], id + 3));
    assert_eq!(client.ask(wait_for_fence(id + 3, u64::MAX)).result(), SUCCESS);
    assert_eq!(client.lost(), None);
}

#[test]
fn what_the_gpu_writes_into_an_import_is_there_in_the_heap_and_nothing_else() {
    let vm = Vm::new(64 * KIB);
    let mut client = Client::in_heap(&vm.imports);
    client.context.attach(7, vm.range(16 * KIB, 8 * KIB)).unwrap();
    assert_eq!(client.ask(import(10, 7, 5000)).result(), SUCCESS);
    prepare(&mut client, 10, 20, 4 * KIB);
    run(&mut client, 20);

    assert_eq!(vm.words(16 * KIB, 1024), [7; 1024]);
    assert_eq!([vm.all(0, 16 * KIB), vm.all(20 * KIB, 44 * KIB)], [0; 2]);
    vm.fill(16 * KIB, 4 * KIB, 9);
    client.tell(reset_fence(23));
    run(&mut client, 20);
    assert_eq!(vm.words(16 * KIB, 1024), [7; 1024], "the same pages, still");
}

#[test]
fn a_resource_is_imported_twice_in_a_context_and_by_another_one_and_all_have_the_same_bytes() {
    let vm = Vm::new(64 * KIB);
    let mut clients = [(); 2].map(|()| Client::in_heap(&vm.imports));
    for client in &mut clients {
        client.context.attach(7, vm.range(4 * KIB, 8 * KIB)).unwrap();
        for (memory, id) in [(10, 20), (11, 30)] {
            assert_eq!(client.ask(import(memory, 7, 8 * KIB)).result(), SUCCESS);
            prepare(client, memory, id, 8 * KIB);
        }
    }
    for client in &mut clients {
        for id in [20, 30] {
            vm.fill(4 * KIB, 8 * KIB, 9);
            run(client, id);
            assert_eq!(vm.words(4 * KIB, 2048), [7; 2048]);
        }
    }
    clients[0].context.detach(7);
    vm.fill(4 * KIB, 8 * KIB, 9);
    clients[0].tell(reset_fence(23));
    run(&mut clients[0], 20);
    assert_eq!(vm.all(4 * KIB, 8 * KIB), 9, "the first one let go of both");
    clients[1].tell(reset_fence(33));
    run(&mut clients[1], 30);
    assert_eq!(vm.words(4 * KIB, 2048), [7; 2048], "the other one did not");
}

#[test]
fn what_the_gpu_writes_after_the_guest_let_go_the_next_owner_does_not_see() {
    let vm = Vm::new(64 * KIB);
    let mut client = Client::in_heap(&vm.imports);
    let range = vm.range(0, 64 * KIB);
    client.context.attach(7, range).unwrap();
    assert_eq!(client.ask(import(10, 7, 64 * KIB)).result(), SUCCESS);
    prepare(&mut client, 10, 20, 64 * KIB);
    run(&mut client, 20);

    client.context.detach(7);
    vm.heap.punch(range).unwrap();
    assert_eq!(vm.all(0, 64 * KIB), 0);
    vm.fill(0, 64 * KIB, 9);
    client.tell(reset_fence(23));
    run(&mut client, 20);

    assert_eq!(vm.all(0, 64 * KIB), 9);
    client.context.detach(7);
    client.tell(free(10));
    client.tell(scene::destroy(CommandType::DestroyBuffer, 20));
    assert_eq!((vm.all(0, 64 * KIB), client.lost()), (9, None));
}

#[test]
fn a_gpu_that_is_at_work_when_the_guest_lets_go_writes_no_byte_of_the_next_owner() {
    const BYTES: u64 = 32 << 20;
    let vm = Vm::new(BYTES);
    let mut client = Client::in_heap(&vm.imports);
    client.context.attach(7, vm.range(0, BYTES)).unwrap();
    assert_eq!(client.ask(import(10, 7, BYTES)).result(), SUCCESS);
    prepare(&mut client, 10, 20, BYTES);
    client.tell(submit(&[Batch { buffers: &[22], ..Default::default() }], 23));
    while vm.words(0, 1) != [7] {
        std::thread::yield_now();
    }
    client.context.detach(7);
    vm.heap.punch(vm.range(0, BYTES)).unwrap();
    vm.fill(0, BYTES, 9);
    assert_eq!(client.ask(wait_for_fence(23, u64::MAX)).result(), SUCCESS);
    assert_eq!((vm.all(0, BYTES), client.lost()), (9, None));
}

#[test]
fn a_context_that_ends_lets_go_of_all_of_its_resources() {
    let vm = Vm::new(64 * KIB);
    let mut client = Client::in_heap(&vm.imports);
    for (resource, memory, id) in [(7, 10, 20), (8, 11, 30)] {
        let offset = u64::from(resource - 7) * 4 * KIB;
        client.context.attach(resource, vm.range(offset, 4 * KIB)).unwrap();
        assert_eq!(client.ask(import(memory, resource, 4 * KIB)).result(), SUCCESS);
        prepare(&mut client, memory, id, 4 * KIB);
    }
    client.context.detach_all();
    run(&mut client, 20);
    run(&mut client, 30);
    assert_eq!(vm.all(0, 64 * KIB), 0);
    assert_eq!(client.ask(import(12, 7, 4096)).result(), INVALID_EXTERNAL_HANDLE);
}

#[test]
fn resources_that_are_not_there_or_too_small_are_refused_and_cost_nothing() {
    let vm = Vm::new(64 * KIB);
    let mut client = Client::in_heap(&vm.imports);
    client.context.attach(7, vm.range(0, 8 * KIB)).unwrap();
    for (resource, bytes) in [(8, 4096), (0, 4096), (7, 8 * KIB + 1), (7, 1 << 20), (7, 1 << 62)] {
        assert_eq!(client.ask(import(10, resource, bytes)).result(), INVALID_EXTERNAL_HANDLE, "{resource}");
    }
    assert_eq!(client.ask(import(10, 7, 0)).result(), OUT_OF_DEVICE_MEMORY);
    assert_eq!(client.ask(import(10, 7, 1)).result(), SUCCESS, "the number is free still");
    client.context.detach(7);
    assert_eq!(client.ask(import(11, 7, 1)).result(), INVALID_EXTERNAL_HANDLE);
    assert_eq!(client.lost(), None);

    let mut other = Client::new(1 << 20);
    assert!(matches!(other.context.attach(7, vm.range(0, 4096)), Err(AttachError::NoHeap)));
    assert_eq!(other.ask(import(10, 7, 4096)).result(), INVALID_EXTERNAL_HANDLE);
    client.tell(import(12, 7, 4096));
    client.ask(create_buffer(13, 64));
    client.tell(bind_buffer(13, 12, 0));
    client.assert_lost("resource 7 has no range of the heap");
}

#[test]
fn a_resource_is_attached_again_where_it_lies_and_nowhere_else() {
    let vm = Vm::new(64 * KIB);
    let mut client = Client::in_heap(&vm.imports);
    client.context.attach(7, vm.range(0, 8 * KIB)).unwrap();
    assert_eq!(client.ask(import(10, 7, 4096)).result(), SUCCESS);
    prepare(&mut client, 10, 20, 4096);
    client.context.attach(7, vm.range(0, 8 * KIB)).unwrap();
    let moved = client.context.attach(7, vm.range(8 * KIB, 8 * KIB));
    assert!(matches!(moved, Err(AttachError::Exists(7))));
    client.context.detach(7);
    run(&mut client, 20);
    assert_eq!(vm.all(0, 4096), 0, "attached twice, it still knew its import");
}

/// Ranges are as the guest's kernel says, which could write to all of the heap anyway.
#[test]
fn of_resources_that_overlap_each_keeps_its_import_until_it_goes_itself() {
    let vm = Vm::new(64 * KIB);
    let mut client = Client::in_heap(&vm.imports);
    for (resource, memory, id) in [(7, 10, 20), (8, 11, 30)] {
        client.context.attach(resource, vm.range(0, 4096)).unwrap();
        assert_eq!(client.ask(import(memory, resource, 4096)).result(), SUCCESS);
        prepare(&mut client, memory, id, 4096);
    }
    client.context.detach(7);
    run(&mut client, 20);
    assert_eq!(vm.all(0, 4096), 0);
    run(&mut client, 30);
    assert_eq!(vm.words(0, 1024), [7; 1024]);
}

#[test]
fn imports_take_no_memory_of_the_limit_but_no_more_than_two_heaps_at_a_time() {
    let vm = Vm::new(4 << 20);
    let mut client = Client::in_heap(&vm.imports);
    let whole = vm.range(0, 4 << 20);
    for (resource, memory) in [(7, 10), (8, 11)] {
        client.context.attach(resource, whole).unwrap();
        assert_eq!(client.ask(import(memory, resource, 4 << 20)).result(), SUCCESS, "four times the limit");
        client.context.detach(resource);
    }
    client.context.attach(9, whole).unwrap();
    assert_eq!(client.ask(import(12, 9, 4096)).result(), OUT_OF_DEVICE_MEMORY, "what was let go of counts");
    client.tell(free(10));
    assert_eq!(client.ask(import(12, 9, 4096)).result(), SUCCESS);
    assert_eq!(client.lost(), None);
}

/// vkGetMemoryResourcePropertiesMESA: the types and the size.
fn properties_of(client: &mut Client, resource: u32) -> (i32, u32, u64) {
    let command = Command::new(CommandType::GetMemoryResourcePropertiesMESA).long(DEVICE).int(resource);
    let answer = client.ask(command.some().int(1_000_384_001).info(1_000_384_003));
    // Before them: the command, its result, both structures' pointers and types, and no further chain.
    match answer.result() {
        SUCCESS => (SUCCESS, answer.word(12), answer.long(10)),
        result => (result, 0, 0),
    }
}

#[test]
fn a_resource_is_memory_of_the_types_that_guests_map_and_has_the_size_of_its_range() {
    let vm = Vm::new(64 * KIB);
    let mut client = Client::in_heap(&vm.imports);
    client.context.attach(7, vm.range(4 * KIB, 8 * KIB)).unwrap();
    assert_eq!(properties_of(&mut client, 7), (SUCCESS, 1, 8 * KIB));
    assert_eq!(properties_of(&mut client, 8).0, INVALID_EXTERNAL_HANDLE);
    assert_eq!(properties_of(&mut Client::new(1 << 20), 7).0, INVALID_EXTERNAL_HANDLE);
}

#[test]
fn guests_are_told_of_no_more_memory_to_map_than_the_heap_has_and_how_much_of_it_is_imported() {
    let vm = Vm::new(64 * KIB);
    let mut client = Client::in_heap(&vm.imports);
    client.context.attach(7, vm.range(0, 8 * KIB)).unwrap();
    client.ask(import(10, 7, 8 * KIB));
    let asks = Command::new(CommandType::GetPhysicalDeviceMemoryProperties2).long(PHYSICAL_DEVICE).some();
    let answer = client.ask(asks.int(1_000_059_006).info(1_000_237_000).longs([32, 16]));
    assert_eq!((answer.long(11), answer.long(11 + 2 * 16 + 2)), (64 * KIB, 8 * KIB));
    assert_eq!(scene::gpu().capset(true).to_bytes()[156], 1, "use_guest_vram");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_guest_that_allocates_before_it_has_a_place_gets_nothing_and_one_line_says_for_all_that_it_is_too_old() {
    let (vm, lines) = (Vm::new(64 * KIB), Lines::default());
    let theirs = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || theirs.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..2 {
            let mut client = Client::in_heap(&vm.imports);
            for _ in 0..2 {
                assert_eq!(client.ask(allocate(10, 4096)).result(), OUT_OF_DEVICE_MEMORY);
            }
            assert_eq!(client.lost(), None);
        }
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("guest Mesa is older than 24.0").count(), 1, "{text}");
}

fn state_of(vm: &Vm, offset: u64) -> i32 {
    vm.words(offset, 1)[0].cast_signed()
}

/// VK_BUFFER_USAGE_TRANSFER_SRC_BIT and VK_BUFFER_USAGE_TRANSFER_DST_BIT: for what drivers have the GPU tell them.
const TRANSFERS: u32 = 3;

#[test]
fn a_lost_client_sees_its_loss_where_it_polls_and_nobody_sees_it_where_it_polled_once() {
    let vm = Vm::new(64 * KIB);
    let mut client = Client::in_heap(&vm.imports);
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    client.context.tell_of_feedback(Box::new(move |polled| {
        let Polled::Heap(resource, range) = polled else { panic!("it lies in the heap") };
        list.lock().unwrap().push((resource, range));
        Box::new(())
    }));
    // Three that are polled, one of them not imported yet, and one that is something else.
    for resource in [7, 8, 9, 10] {
        client.context.attach(resource, vm.range(u64::from(resource) * 4096, 4096)).unwrap();
    }
    for (memory, resource, usage) in [(17, 7, TRANSFERS), (18, 8, TRANSFERS), (20, 10, 0x1ff)] {
        assert_eq!(client.ask(import(memory, resource, 4096)).result(), SUCCESS);
        client.ask(create_buffer_for(usage, memory + 10, 4096));
        assert_eq!(client.ask(bind_buffer(memory + 10, memory, 0)).result(), SUCCESS);
    }
    assert_eq!(told.lock().unwrap()[..2], [(7, vm.range(7 * 4096, 4096)), (8, vm.range(8 * 4096, 4096))]);
    client.context.detach(7);
    vm.fill(7 * 4096, 4 * 4096, 9);

    client.context.lose(Reason::GivenUp("a test".to_owned()));
    assert_eq!([8, 9].map(|page| state_of(&vm, page * 4096)), [DEVICE_LOST; 2]);
    assert_eq!([vm.all(7 * 4096, 4096), vm.all(10 * 4096, 4096)], [9; 2]);

    client.context.attach(11, vm.range(11 * 4096, 4096)).unwrap();
    assert_eq!(state_of(&vm, 11 * 4096), DEVICE_LOST, "what it has when it is lost already");
    let inherited = SharedMemory::map_range(&vm.heap.file(), 12 * 4096, 4096).unwrap();
    client.context.end_waits_in(Some(12), inherited);
    assert_eq!(state_of(&vm, 12 * 4096), DEVICE_LOST, "what another process had seen");
    client.context.detach(12);
    vm.fill(8 * 4096, 5 * 4096, 9);
    client.tell(submit(&[], 0));
    assert_eq!([8, 9, 11].map(|page| state_of(&vm, page * 4096)), [DEVICE_LOST; 3]);
    assert_eq!(vm.all(12 * 4096, 4096), 9);

    client.context.detach(8);
    client.context.detach_all();
    vm.fill(7 * 4096, 6 * 4096, 9);
    client.tell(submit(&[], 0));
    assert_eq!(vm.all(7 * 4096, 6 * 4096), 9);
}
