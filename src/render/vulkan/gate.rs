//! Which submissions may go to the GPU now, and which wait off it.
//!
//! # Why no thread waits here
//!
//! A guest sends submissions and the host's signals over one ring. A submission that blocked the thread of its ring
//! could wait for a signal that lies behind it. So one that may not go yet is held in the FIFO of its queue and the
//! ring goes on; whatever satisfies it, takes it out.
//!
//! A batch goes when its vGPU may run and each semaphore that it waits for was signalled, or will be by a batch that
//! has gone. So by induction what is on the GPU always ends, whatever guests do.
//!
//! The batches of one submission go one by one: with two queues the second batch may wait for what only the first one
//! sets free.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Submissions that one context may have waiting. Each holds pages of ours.
const WAITING_MAX: usize = 1024;

/// A semaphore, by what it will come to.
#[derive(Debug)]
pub(super) struct Semaphore {
    timeline: bool,
    /// The highest value that was signalled or will be by what is on the GPU; 1 and 0 for a binary one.
    promised: AtomicU64,
}

impl Semaphore {
    /// A semaphore that has been signalled once for each wait, or not yet.
    pub(super) fn binary() -> Self {
        Self { timeline: false, promised: AtomicU64::new(0) }
    }

    /// A semaphore with a value that grows.
    pub(super) fn timeline(value: u64) -> Self {
        Self { timeline: true, promised: AtomicU64::new(value) }
    }

    pub(super) fn is_timeline(&self) -> bool {
        self.timeline
    }

    /// The highest value that it has or is sure to get.
    pub(super) fn promised(&self) -> u64 {
        self.promised.load(Ordering::Relaxed)
    }

    /// Whether a wait for this value will end without anything else being given to the GPU.
    pub(super) fn will_reach(&self, value: u64) -> bool {
        self.promised() >= if self.timeline { value } else { 1 }
    }

    /// Notes a signal that the host made, or that is on the GPU now.
    pub(super) fn promise(&self, value: u64) {
        self.promised.fetch_max(if self.timeline { value } else { 1 }, Ordering::Relaxed);
    }

    /// Notes a wait that is on the GPU now.
    fn consume(&self) {
        if !self.timeline {
            self.promised.store(0, Ordering::Relaxed);
        }
    }
}

/// A semaphore and the value to wait for or to signal; the value means nothing for a binary one.
pub(super) type At = (Arc<Semaphore>, u64);

/// What one batch of a submission waits for and signals.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Semaphores that it waits for.
    pub waits: Vec<At>,
    /// Semaphores that it signals.
    pub signals: Vec<At>,
}

impl Batch {
    /// Whether all that it waits for will come.
    fn may_go(&self) -> bool {
        self.waits.iter().all(|(semaphore, value)| semaphore.will_reach(*value))
    }

    /// Notes that it goes to the GPU, if that is possible now.
    fn go(&self) -> bool {
        if !self.may_go() {
            return false;
        }
        self.waits.iter().for_each(|(semaphore, _)| semaphore.consume());
        self.signals.iter().for_each(|(semaphore, value)| semaphore.promise(*value));
        true
    }
}

/// Names a FIFO: one for each queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct QueueNumber(pub u64);

/// Too many submissions wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {WAITING_MAX} submissions wait for semaphores that nothing signals")]
pub(super) struct TooManyWait;

/// Says whether the vGPU may run now. The arbiter's; open without one.
pub(super) type MayRun = Box<dyn Fn() -> bool + Send>;

/// The FIFOs of one context. `W` is a submission as the driver gets it.
pub(super) struct Gate<W> {
    may_run: MayRun,
    /// None of them is empty.
    fifos: BTreeMap<QueueNumber, VecDeque<Held<W>>>,
    waiting: usize,
}

struct Held<W> {
    work: W,
    batches: Vec<Batch>,
    gone: usize,
}

/// What is to be given to the GPU next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'g, W> {
    /// These batches of a submission; the rest of it waits on.
    Part(QueueNumber, Range<usize>, &'g mut W),
    /// The last batches of a submission, and what follows the last of them.
    Last(QueueNumber, Range<usize>, W),
}

impl<W> Gate<W> {
    /// A gate without anything that waits.
    pub(super) fn new(may_run: MayRun) -> Self {
        Self { may_run, fifos: BTreeMap::new(), waiting: 0 }
    }

    /// How many batches of a new submission go to the GPU at once; `None`: nothing of it may, not even its fence.
    ///
    /// Unless it is all of them the caller must hold the rest ([`Gate::hold`]).
    pub(super) fn admit(&self, queue: QueueNumber, batches: &[Batch]) -> Option<usize> {
        if self.fifos.contains_key(&queue) || !(self.may_run)() {
            return None;
        }
        Some(batches.iter().take_while(|batch| batch.go()).count())
    }

    /// Holds a submission of which the first `gone` batches have gone. Gives it back if too many wait.
    pub(super) fn hold(
        &mut self,
        queue: QueueNumber,
        batches: Vec<Batch>,
        gone: usize,
        work: W,
    ) -> Result<(), W> {
        if self.waiting >= WAITING_MAX {
            return Err(work);
        }
        self.waiting += 1;
        self.fifos.entry(queue).or_default().push_back(Held { work, batches, gone });
        Ok(())
    }

    /// What may go now of what waits. To be called until there is nothing, after whatever may have set some free.
    pub(super) fn next(&mut self) -> Option<Step<'_, W>> {
        if self.fifos.is_empty() || !(self.may_run)() {
            return None;
        }
        let (queue, last) = self.fifos.iter().find_map(|(queue, fifo)| {
            let head = fifo.front()?;
            match head.batches.get(head.gone) {
                Some(batch) => batch.go().then_some((*queue, head.gone + 1 == head.batches.len())),
                None => Some((*queue, true)),
            }
        })?;
        if last {
            let fifo = self.fifos.get_mut(&queue)?;
            let head = fifo.pop_front()?;
            if fifo.is_empty() {
                self.fifos.remove(&queue);
            }
            self.waiting -= 1;
            return Some(Step::Last(queue, head.gone..head.batches.len(), head.work));
        }
        let head = self.fifos.get_mut(&queue)?.front_mut()?;
        head.gone += 1;
        Some(Step::Part(queue, head.gone - 1..head.gone, &mut head.work))
    }

    /// Whether something would go if the vGPU might run.
    pub(super) fn wants_to_run(&self) -> bool {
        self.fifos
            .values()
            .filter_map(VecDeque::front)
            .any(|head| head.batches.get(head.gone).is_none_or(Batch::may_go))
    }

    /// Whether submissions to this queue wait.
    pub(super) fn holds(&self, queue: QueueNumber) -> bool {
        self.fifos.contains_key(&queue)
    }

    /// Submissions that wait, of all queues.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes out what waits for one queue, in order.
    pub(super) fn forget(&mut self, queue: QueueNumber) -> Vec<W> {
        let fifo = self.fifos.remove(&queue).unwrap_or_default();
        self.waiting -= fifo.len();
        fifo.into_iter().map(|held| held.work).collect()
    }

    /// Takes out everything that waits, in order: nothing of it will go.
    pub(super) fn clear(&mut self) -> Vec<W> {
        self.waiting = 0;
        let fifos = std::mem::take(&mut self.fifos);
        fifos.into_values().flatten().map(|held| held.work).collect()
    }
}

impl<W> fmt::Debug for Gate<W> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Gate({} waiting)", self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::AtomicBool;

    const ONE: QueueNumber = QueueNumber(1);
    const TWO: QueueNumber = QueueNumber(2);

    fn open() -> Gate<&'static str> {
        Gate::new(Box::new(|| true))
    }

    fn timeline() -> Arc<Semaphore> {
        Arc::new(Semaphore::timeline(0))
    }

    fn batch(waits: &[(&Arc<Semaphore>, u64)], signals: &[(&Arc<Semaphore>, u64)]) -> Batch {
        let own = |list: &[(&Arc<Semaphore>, u64)]| list.iter().map(|(s, v)| ((*s).clone(), *v)).collect();
        Batch { waits: own(waits), signals: own(signals) }
    }

    /// Submits, and tells what went: the name, with how many of its batches.
    fn submit(
        gate: &mut Gate<&'static str>,
        queue: QueueNumber,
        batches: Vec<Batch>,
        name: &'static str,
    ) -> Vec<String> {
        let count = batches.len();
        let gone = gate.admit(queue, &batches);
        let mut went = Vec::new();
        match gone {
            Some(gone) if gone == count => went.push(format!("{name}!")),
            gone => {
                went.extend(std::iter::repeat_n(name.to_owned(), gone.unwrap_or(0)));
                assert_eq!(gate.hold(queue, batches, gone.unwrap_or(0), name), Ok(()));
            }
        }
        went.extend(drain(gate));
        went
    }

    fn drain(gate: &mut Gate<&'static str>) -> Vec<String> {
        let mut went = Vec::new();
        while let Some(step) = gate.next() {
            went.push(match step {
                Step::Part(.., work) => (*work).to_owned(),
                Step::Last(.., work) => format!("{work}!"),
            });
        }
        went
    }

    #[test]
    fn what_waits_for_nothing_goes_at_once() {
        let mut gate = open();
        assert_eq!(submit(&mut gate, ONE, vec![batch(&[], &[])], "a"), ["a!"]);
        assert_eq!(submit(&mut gate, ONE, vec![], "fence"), ["fence!"]);
        assert_eq!(gate.waiting(), 0);
    }

    #[test]
    fn a_submission_waits_for_the_hosts_signal_and_so_does_what_follows_it_in_its_queue() {
        let (mut gate, semaphore) = (open(), timeline());
        assert_eq!(submit(&mut gate, ONE, vec![batch(&[(&semaphore, 2)], &[])], "a"), [""; 0]);
        assert_eq!(submit(&mut gate, ONE, vec![], "fence"), [""; 0]);
        assert_eq!(submit(&mut gate, TWO, vec![], "other queue"), ["other queue!"]);
        semaphore.promise(1);
        assert_eq!(drain(&mut gate), [""; 0]);
        semaphore.promise(2);
        assert_eq!(drain(&mut gate), ["a!", "fence!"]);
        assert!(!gate.holds(ONE));
    }

    #[test]
    fn a_wait_before_the_signal_of_another_queue_ends_with_that_signal() {
        let (mut gate, semaphore) = (open(), timeline());
        assert_eq!(submit(&mut gate, ONE, vec![batch(&[(&semaphore, 1)], &[])], "waits"), [""; 0]);
        assert_eq!(
            submit(&mut gate, TWO, vec![batch(&[], &[(&semaphore, 1)])], "signals"),
            ["signals!", "waits!"]
        );
    }

    #[test]
    fn the_first_batch_of_a_submission_goes_although_the_second_waits_for_what_it_sets_free() {
        let (mut gate, there, back) = (open(), timeline(), timeline());
        let batches = vec![batch(&[], &[(&there, 1)]), batch(&[(&back, 1)], &[])];
        assert_eq!(submit(&mut gate, ONE, batches, "two"), ["two"]);
        assert_eq!(
            submit(&mut gate, TWO, vec![batch(&[(&there, 1)], &[(&back, 1)])], "between"),
            ["between!", "two!"]
        );
    }

    #[test]
    fn a_binary_semaphore_lets_one_wait_go_for_each_signal() {
        let (mut gate, semaphore) = (open(), Arc::new(Semaphore::binary()));
        let signal = || vec![batch(&[], &[(&semaphore, 0)])];
        let wait = || vec![batch(&[(&semaphore, 0)], &[])];
        assert_eq!(submit(&mut gate, ONE, signal(), "signal"), ["signal!"]);
        assert_eq!(submit(&mut gate, ONE, wait(), "wait"), ["wait!"]);
        assert_eq!(submit(&mut gate, TWO, wait(), "again"), [""; 0]);
        assert_eq!(submit(&mut gate, ONE, signal(), "signal"), ["signal!", "again!"]);
    }

    #[test]
    fn nothing_goes_while_the_vgpu_may_not_run_and_all_in_order_when_it_may() {
        let may_run = Arc::new(AtomicBool::new(false));
        let asked = may_run.clone();
        let mut gate = Gate::new(Box::new(move || asked.load(Ordering::Relaxed)));
        assert_eq!(submit(&mut gate, ONE, vec![batch(&[], &[])], "a"), [""; 0]);
        assert_eq!(submit(&mut gate, ONE, vec![], "b"), [""; 0]);
        may_run.store(true, Ordering::Relaxed);
        assert_eq!(drain(&mut gate), ["a!", "b!"]);
    }

    #[test]
    fn the_submissions_that_wait_are_bounded_and_leave_a_lost_context_in_order() {
        let mut gate = Gate::new(Box::new(|| false));
        for number in 0..WAITING_MAX {
            assert_eq!(gate.hold(ONE, Vec::new(), 0, number), Ok(()));
        }
        assert_eq!(gate.hold(TWO, Vec::new(), 0, 7), Err(7));
        assert_eq!(gate.clear(), (0..WAITING_MAX).collect::<Vec<_>>());
        assert_eq!((gate.waiting(), gate.holds(ONE)), (0, false));
    }

    /// A semaphore's place and a value of it.
    type Point = (usize, u64);

    /// What a test does: submits batches to a queue, or signals from the host.
    #[derive(Clone, Debug)]
    enum Act {
        Submit(u64, Vec<(Option<Point>, Option<Point>)>),
        Signal(usize, u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        let at = || prop::option::of((0usize..3, 1u64..8));
        prop_oneof![
            (0u64..3, prop::collection::vec((at(), at()), 0..4)).prop_map(|(queue, b)| Act::Submit(queue, b)),
            (0usize..3, 1u64..8).prop_map(|(semaphore, value)| Act::Signal(semaphore, value)),
        ]
    }

    proptest! {
        /// Nothing goes before its turn or its waits, and nothing stays that could go.
        #[test]
        fn each_queue_goes_in_order_and_nothing_waits_without_need(acts in prop::collection::vec(act(), 1..60)) {
            let semaphores = [timeline(), timeline(), timeline()];
            let mut promised = [0u64; 3];
            let mut gate = Gate::new(Box::new(|| true));
            // For each queue what was submitted and did not go: its number, its batches and how many are gone.
            type Batches = Vec<(Option<Point>, Option<Point>)>;
            let mut model: BTreeMap<u64, VecDeque<(usize, Batches, usize)>> = BTreeMap::new();
            for (number, act) in acts.into_iter().enumerate() {
                let mut steps: Vec<(u64, usize, usize, bool)> = Vec::new();
                match act {
                    Act::Signal(semaphore, value) => {
                        semaphores[semaphore].promise(value);
                        promised[semaphore] = promised[semaphore].max(value);
                    }
                    Act::Submit(queue, list) => {
                        let own = |at: Option<Point>| {
                            at.map(|(place, value)| (semaphores[place].clone(), value)).into_iter().collect()
                        };
                        let batch = |(waits, signals): &(_, _)| {
                            Batch { waits: own(*waits), signals: own(*signals) }
                        };
                        let batches: Vec<_> = list.iter().map(batch).collect();
                        model.entry(queue).or_default().push_back((number, list.clone(), 0));
                        let gone = gate.admit(QueueNumber(queue), &batches);
                        let count = gone.unwrap_or(0);
                        let all = gone == Some(batches.len());
                        steps.extend((0..count).map(|index| (queue, number, index, false)));
                        if all {
                            steps.push((queue, number, count, true));
                        } else {
                            prop_assert_eq!(gate.hold(QueueNumber(queue), batches, count, number), Ok(()));
                        }
                    }
                }
                while let Some(step) = gate.next() {
                    match step {
                        Step::Part(queue, range, work) => {
                            steps.extend(range.map(|index| (queue.0, *work, index, false)));
                        }
                        Step::Last(queue, range, work) => {
                            steps.extend(range.clone().map(|index| (queue.0, work, index, false)));
                            steps.push((queue.0, work, range.end, true));
                        }
                    }
                }
                for (queue, number, index, last) in steps {
                    let fifo = model.get_mut(&queue).unwrap();
                    let (first, batches, gone) = fifo.front_mut().unwrap();
                    prop_assert_eq!((*first, *gone), (number, index), "its turn");
                    if last {
                        prop_assert_eq!(*gone, batches.len());
                        fifo.pop_front();
                        continue;
                    }
                    if let Some((semaphore, value)) = batches[index].0 {
                        prop_assert!(promised[semaphore] >= value, "its wait");
                    }
                    if let Some((semaphore, value)) = batches[index].1 {
                        promised[semaphore] = promised[semaphore].max(value);
                    }
                    *gone += 1;
                }
                for (_, batches, gone) in model.values().filter_map(VecDeque::front) {
                    let wait = batches.get(*gone).and_then(|(wait, _)| *wait);
                    prop_assert!(wait.is_some_and(|(semaphore, value)| promised[semaphore] < value), "no need to wait");
                }
                prop_assert_eq!(gate.waiting(), model.values().map(VecDeque::len).sum::<usize>());
            }
        }
    }
}
