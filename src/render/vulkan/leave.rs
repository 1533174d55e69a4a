//! Leave to give submissions to the GPU: one for all clients of a vGPU, given and taken by the arbiter.
//!
//! Who submits reads a word or two. Leave that ends at a time ends for a submission that would not be done by then, by
//! what submissions took before: what is on the GPU cannot be called back. The first one goes however long it takes.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::context::Context;
use super::queue;
use super::reason::Reason;
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sys::now_ns;

/// The end of leave that has none.
const OPEN_NS: u64 = u64::MAX;

/// May a vGPU give submissions to the GPU, and which did it.
pub struct Leave {
    /// 0: no; [`OPEN_NS`]: yes; else until then.
    until_ns: AtomicU64,
    /// When the GPU will be done with what it was given, where leave has an end.
    done_ns: AtomicU64,
    /// How long one submission takes.
    each_ns: AtomicU64,
    /// Submissions that go, or went: a driver in software does the work of one before it takes the next.
    started: AtomicU64,
    /// Submissions that went.
    given: AtomicU64,
    /// [`Leave::given`] at the beginning of the leave.
    given_before: AtomicU64,
    /// Of what the arbiter's thread wants to hear next.
    listens: AtomicU32,
    bell: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Who is told that the driver lost a device.
    alarm: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Why there is no GPU any more, if so.
    lost: OnceLock<String>,
    contexts: Mutex<Vec<Weak<Context>>>,
}

/// What a vGPU has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Something of it is on the GPU.
    pub runs: bool,
    /// Something was, or was on its way there, as the look began.
    pub ran: bool,
    /// Something waits for nothing but leave.
    pub waits: bool,
}

impl Leave {
    /// See [`Leave::listen`].
    pub const WENT: u32 = 1;
    /// See [`Leave::listen`].
    pub const WAITS: u32 = 2;

    /// Leave that nobody takes away.
    pub fn open() -> Arc<Self> {
        Arc::new(Self {
            until_ns: AtomicU64::new(OPEN_NS),
            done_ns: AtomicU64::new(0),
            each_ns: AtomicU64::new(0),
            started: AtomicU64::new(0),
            given: AtomicU64::new(0),
            given_before: AtomicU64::new(0),
            listens: AtomicU32::new(0),
            bell: OnceLock::new(),
            alarm: OnceLock::new(),
            lost: OnceLock::new(),
            contexts: Mutex::default(),
        })
    }

    /// A client comes under it.
    pub(super) fn admit(&self, context: &Arc<Context>) {
        let mut contexts = self.contexts.lock().unwrap_or_else(PoisonError::into_inner);
        contexts.retain(|context| context.strong_count() > 0);
        contexts.push(Arc::downgrade(context));
        drop(contexts);
        if let Some(why) = self.lost.get() {
            context.lose(Reason::GivenUp(why.clone()));
        }
    }

    /// Gives up all clients, and those that come: their GPU is lost, and why. Waits for what they are at.
    pub fn lose(&self, why: &str) {
        _ = self.lost.set(why.to_owned());
        self.contexts().iter().for_each(|context| context.lose(Reason::GivenUp(why.to_owned())));
    }

    /// Who is told whenever the driver says that it lost a client's device: the GPU itself may be lost.
    pub fn set_alarm(&self, alarm: impl Fn() + Send + Sync + 'static) {
        _ = self.alarm.set(Box::new(alarm));
    }

    pub(super) fn raise_alarm(&self) {
        if let Some(alarm) = self.alarm.get() {
            alarm();
        }
    }

    /// Whether a submission may go now.
    #[inline]
    pub(super) fn is_given(&self) -> bool {
        match self.until_ns.load(Ordering::Acquire) {
            OPEN_NS => true,
            0 => false,
            until_ns => self.lasts(until_ns),
        }
    }

    fn lasts(&self, until_ns: u64) -> bool {
        let now_ns = now_ns();
        let first = self.given.load(Ordering::Relaxed) == self.given_before.load(Ordering::Relaxed);
        let begins_ns = self.done_ns.load(Ordering::Relaxed).max(now_ns);
        let ends_ns = begins_ns.saturating_add(self.each_ns.load(Ordering::Relaxed));
        now_ns < until_ns && (first || ends_ns <= until_ns)
    }

    /// A submission goes. [`Leave::went`] follows, be it taken or not.
    #[inline]
    pub(super) fn goes(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    /// A submission went.
    #[inline]
    pub(super) fn went(&self) {
        self.given.fetch_add(1, Ordering::SeqCst);
        if self.until_ns.load(Ordering::Relaxed) != OPEN_NS {
            let each_ns = self.each_ns.load(Ordering::Relaxed);
            let next = |done_ns: u64| Some(done_ns.max(now_ns()).saturating_add(each_ns));
            _ = self.done_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        }
        self.tell(Self::WENT);
    }

    /// A submission went, or waits.
    #[inline]
    pub(super) fn tell(&self, what: u32) {
        if self.listens.load(Ordering::SeqCst) & what != 0
            && self.listens.swap(0, Ordering::SeqCst) != 0
            && let Some(bell) = self.bell.get()
        {
            bell();
        }
    }

    /// Who is told of the next submission after each [`Leave::listen`]. It must not wait for anything.
    pub fn set_bell(&self, bell: impl Fn() + Send + Sync + 'static) {
        _ = self.bell.set(Box::new(bell));
    }

    /// Has the bell rung at the next submission that goes ([`Leave::WENT`]) or waits ([`Leave::WAITS`]). To be called
    /// before what there is is looked at.
    pub fn listen(&self, what: u32) {
        self.listens.store(what, Ordering::SeqCst);
    }

    /// Submissions that went so far.
    pub fn given(&self) -> u64 {
        self.given.load(Ordering::SeqCst)
    }

    /// Gives leave until then; `u64::MAX`: without end. What waits goes with [`Leave::advance`].
    pub fn give(&self, until_ns: u64) {
        self.given_before.store(self.given(), Ordering::Relaxed);
        self.done_ns.store(0, Ordering::Relaxed);
        self.until_ns.store(until_ns, Ordering::Release);
    }

    /// Moves the end of leave that has one.
    pub fn extend(&self, until_ns: u64) {
        self.until_ns.store(until_ns, Ordering::Release);
    }

    /// Takes it. What goes yet has gone when [`Leave::look`] returns.
    pub fn take(&self) {
        self.until_ns.store(0, Ordering::Release);
    }

    /// One submission takes so long. The GPU has nothing to do at this moment.
    pub fn set_each(&self, each_ns: u64) {
        self.each_ns.store(each_ns, Ordering::Relaxed);
        self.done_ns.store(0, Ordering::Relaxed);
    }

    /// How long one takes; 0: not known.
    pub fn each_ns(&self) -> u64 {
        self.each_ns.load(Ordering::Relaxed)
    }

    /// What there is to do. Waits for whoever submits at this moment.
    pub fn look(&self) -> Look {
        let goes = self.started.load(Ordering::Relaxed) != self.given.load(Ordering::Relaxed);
        let mut found = Look { ran: goes, ..Look::default() };
        for context in self.contexts() {
            let state = context.state();
            found.runs |= state.submits.run();
            found.ran |= found.runs;
            found.waits |= state.submits.wants_leave();
        }
        found
    }

    /// How far the GPU has come, in steps of a submission or some: it only grows while no client comes or goes.
    pub fn done(&self) -> u64 {
        self.contexts().iter().map(|context| context.state().submits.done()).fold(0, u64::saturating_add)
    }

    /// Gives the GPU what may go now.
    pub fn advance(&self) {
        for context in self.contexts() {
            let advanced = queue::advance(&mut context.state());
            if let Err(reason) = advanced {
                context.lose(reason);
            }
        }
    }

    fn contexts(&self) -> Vec<Arc<Context>> {
        let contexts = self.contexts.lock().unwrap_or_else(PoisonError::into_inner);
        contexts.iter().filter_map(Weak::upgrade).collect()
    }
}

impl fmt::Debug for Leave {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Leave")
            .field("until_ns", &self.until_ns)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}
