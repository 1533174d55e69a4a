//! The daemon's side, another tenant for whom it wants the GPU, and what is tried.

#[path = "../../src/arbiter/follower.rs"]
mod follower;
#[path = "../../src/arbiter/page.rs"]
mod page;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use loom::model::Builder;
use loom::thread::{self, JoinHandle};

use crate::render::vulkan::Leave;
use crate::render::vulkan::context::{Context, Gpu};
use crate::sys::{Kick, SharedMemory, begin, end, is_over, let_sleep_time_out, now_ns};
use follower::Follower;
use page::{OPEN_NS, Page, Turn};

/// A slice, of some looks.
const SLICE_NS: u64 = 300_000;

/// What the daemon has, and a render process.
struct Host {
    page: Page,
    kick: Arc<Kick>,
    heard: u64,
    turn: u64,
    gpu: Arc<Gpu>,
    context: Arc<Context>,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    fn new() -> Self {
        begin();
        let memory = SharedMemory::new();
        let view = || Page::of(&memory).unwrap();
        let (leave, gpu, kick) = (Leave::open(), Gpu::new(), Arc::new(Kick::default()));
        let context = Context::new(&leave, &gpu);
        let tell_daemon = {
            let kick = Arc::clone(&kick);
            move || kick.ring()
        };
        let mut follower = Follower::new(view(), leave, tell_daemon);
        let thread = thread::spawn(move || {
            while !is_over() {
                follower.round();
            }
        });
        Self { page: view(), kick, heard: 0, turn: 0, gpu, context, thread: Some(thread) }
    }

    /// A thread of a client that submits so often.
    fn client(&self, count: u32) -> JoinHandle<()> {
        let context = Arc::clone(&self.context);
        thread::spawn(move || (0..count).for_each(|_| context.submit()))
    }

    fn say(&mut self, until_ns: u64) {
        self.turn += 1;
        self.page.say(Turn { number: self.turn, until_ns, watch_ns: 1_000_000, said_ns: now_ns() });
    }

    /// Once the vGPU has handed back, another one has the GPU for a while.
    fn let_another_run(&mut self) {
        while self.page.handed() != self.turn {
            self.kick.hear(&mut self.heard);
        }
        self.gpu.begin();
        thread::yield_now();
        self.gpu.end();
    }

    /// All of the client's submissions get done, and then the thread rests.
    fn end(mut self, client: JoinHandle<()>, count: u32) {
        client.join().unwrap();
        self.gpu.wait(count);
        end();
        self.thread.take().map(JoinHandle::join).transpose().unwrap();
    }
}

/// Tries all orders in which threads are stopped in the middle of something twice at most, or as often as
/// LOOM_MAX_PREEMPTIONS says.
fn try_all(model: impl Fn() + Send + Sync + 'static) {
    let tried = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&tried);
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(2);
    builder.max_branches = 10_000;
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        model();
    });
    eprintln!("{} orders", tried.load(Ordering::Relaxed));
}

/// Leave without end that is recalled for another vGPU, and given again.
pub fn recall() {
    try_all(|| {
        let mut host = Host::new();
        host.say(OPEN_NS);
        let client = host.client(1);
        host.say(0);
        host.let_another_run();
        host.say(OPEN_NS);
        host.end(client, 1);
    });
}

/// Leave until a time, after which another one has the GPU without anything being said.
pub fn lease() {
    try_all(|| {
        let mut host = Host::new();
        host.say(now_ns() + SLICE_NS);
        let client = host.client(1);
        host.let_another_run();
        host.say(OPEN_NS);
        host.end(client, 1);
    });
}

/// A daemon that recalls, and is gone. The vGPU goes on, and hands back to the next daemon.
pub fn gone() {
    try_all(|| {
        let mut host = Host::new();
        host.say(0);
        let client = host.client(1);
        let_sleep_time_out();
        client.join().unwrap();
        host.gpu.wait(1);

        host.page.beat(now_ns());
        host.say(0);
        host.let_another_run();
        host.say(OPEN_NS);
        let client = host.client(1);
        host.end(client, 2);
    });
}
