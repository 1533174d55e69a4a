use proptest::prelude::*;

use super::super::page;
use super::*;
use crate::sched::Offence;
use crate::sys::SharedMemory;

const GPU: Uuid = Uuid::from_u128(7);
const MS: u64 = 1_000_000;

/// A vGPU with a render process that the test plays.
fn admit(hall: &mut Hall, name: &str, settings: Settings) -> Page {
    let file = page::file().unwrap();
    hall.admit(name, settings, 100, &file, Arc::new(file.try_clone().unwrap())).unwrap();
    let page = Page::map(&file).unwrap();
    page.set_gpu(GPU, 7);
    page
}

/// Passes once a millisecond, at most, until that time. Returns what went wrong.
fn until(hall: &mut Hall, from_ns: u64, to_ns: u64) -> Vec<(String, Fault)> {
    (from_ns..to_ns).step_by(1_000_000).flat_map(|at_ns| hall.pass(at_ns).1).collect()
}

/// One that may have 10 % of its GPU.
fn capped(hall: &mut Hall) -> Page {
    let page = admit(hall, "a", Settings { cap_percent: 10, ..Settings::default() });
    hall.pass(1000 * MS);
    assert_eq!(page.turn().until_ns, OPEN_NS);
    page
}

/// It uses all of it for 30 ms.
fn use_all(hall: &mut Hall, page: &Page, from_ms: u64) {
    page.busy.store(1, Ordering::Relaxed);
    for at_ms in from_ms..from_ms + 30 {
        page.busy_ns.fetch_add(MS, Ordering::Relaxed);
        hall.pass(at_ms * MS);
    }
}

/// The same, told to stop for that.
fn recalled(hall: &mut Hall) -> Page {
    let page = capped(hall);
    use_all(hall, &page, 1000);
    assert_eq!(page.turn().until_ns, 0);
    page
}

#[test]
fn one_that_did_nothing_for_long_saved_nothing_up() {
    let mut hall = Hall::default();
    let page = capped(&mut hall);

    use_all(&mut hall, &page, 60_000);

    assert_eq!(page.turn().until_ns, 0);
}

#[test]
fn one_that_does_not_hand_back_is_warned_then_killed() {
    let mut hall = Hall::default();
    let _page = recalled(&mut hall);
    let faults = until(&mut hall, 1030 * MS, 12_000 * MS);
    assert_eq!(faults, [late(false), late(true)]);
}

fn late(kill: bool) -> (String, Fault) {
    ("a".to_owned(), Fault { offence: Offence::Late, kill })
}

/// It has handed back, and submits.
fn submits(hall: &mut Hall, page: &Page, at_ns: u64) -> Vec<(String, Fault)> {
    page.given.fetch_add(1, Ordering::Relaxed);
    hall.pass(at_ns).1
}

#[test]
fn one_that_submits_though_it_handed_back_is_warned_then_killed_and_charged() {
    let mut hall = Hall::default();
    let page = recalled(&mut hall);
    page.given.fetch_add(1, Ordering::Relaxed);
    assert_eq!(hall.pass(1030 * MS).1, [], "it is to end yet");
    page.hand_back(page.turn().number);
    assert_eq!(hall.pass(1031 * MS).1, []);

    let faults: Vec<_> = (1032..1040).flat_map(|at_ms| submits(&mut hall, &page, at_ms * MS)).collect();

    let trespass = |kill| ("a".to_owned(), Fault { offence: Offence::Trespass, kill });
    assert_eq!(faults, [trespass(false), trespass(false), trespass(true)]);
    assert_eq!(hall.usage()[0].usage.submissions, 9);
}

#[test]
fn one_that_went_on_without_the_daemon_is_no_trespasser_before_it_hands_back() {
    let mut hall = Hall::default();
    let page = recalled(&mut hall);
    page.hand_back(page.turn().number);
    assert_eq!(hall.pass(1031 * MS).1, []);

    // Silence, and it did not hear that it is over.
    for at_ms in [1131, 1132, 1133, 1134] {
        assert_eq!(submits(&mut hall, &page, at_ms * MS), []);
    }
}

#[test]
fn one_that_handed_back_while_the_daemon_was_stopped_is_not_late() {
    let mut hall = Hall::default();
    let page = recalled(&mut hall);
    let other = admit(&mut hall, "0", Settings::default());
    hall.pass(1031 * MS);
    page.handed.store(page.turn().number, Ordering::Release);
    other.busy.store(1, Ordering::Relaxed);

    assert_eq!(hall.pass(60_000 * MS).1, []);
    assert_eq!(hall.pass(60_001 * MS).1, []);
}

#[test]
fn what_was_used_without_the_daemon_is_nobodys_debt() {
    let mut hall = Hall::default();
    let page = recalled(&mut hall);
    page.handed.store(page.turn().number, Ordering::Release);
    page.busy_ns.fetch_add(50_000 * MS, Ordering::Relaxed);

    assert_eq!(until(&mut hall, 60_000 * MS, 60_200 * MS), []);

    assert_eq!(page.turn().until_ns, OPEN_NS, "it may run again");
}

#[test]
fn a_render_process_that_died_leaves_nothing_to_wait_for() {
    let mut hall = Hall::default();
    let page = recalled(&mut hall);

    hall.died("a");

    assert_eq!((page.gpu(), page.busy.load(Ordering::Relaxed)), (None, 0));
    assert_eq!(until(&mut hall, 1030 * MS, 12_000 * MS), []);
    assert_eq!(page.turn().until_ns, OPEN_NS, "the next one may run");
}

#[test]
fn a_render_process_asks_for_priority_only_while_its_vgpu_is_of_the_latency_class() {
    let mut hall = Hall::default();
    let latency = Settings { class: Class::Latency, ..Settings::default() };
    let page = admit(&mut hall, "a", Settings::default());
    let asks = || page.precedes.load(Ordering::Relaxed) == 1;
    assert!(!asks());

    hall.set("a", latency).unwrap();
    assert!(asks());
    hall.set("a", Settings::default()).unwrap();
    assert!(!asks());
}

#[test]
fn what_a_render_process_says_of_its_priority_is_shown_until_it_dies() {
    let mut hall = Hall::default();
    let page = admit(&mut hall, "a", Settings { class: Class::Latency, ..Settings::default() });
    let shown = |hall: &Hall| hall.usage()[0].priority;
    for (word, priority) in [
        (Priority::Realtime.word(), Priority::Realtime),
        (Priority::Refused.word(), Priority::Refused),
        (u64::MAX, Priority::Ordinary),
        (Priority::Realtime.word(), Priority::Realtime),
    ] {
        page.priority.store(word, Ordering::Relaxed);
        hall.pass(1000 * MS);
        assert_eq!(shown(&hall), priority);
    }

    hall.died("a");

    assert_eq!(shown(&hall), Priority::Ordinary);
}

#[test]
fn one_of_the_latency_class_looks_as_often_as_a_holder_while_another_works() {
    let mut hall = Hall::default();
    let latency = Settings { class: Class::Latency, ..Settings::default() };
    let pages = [admit(&mut hall, "a", latency), admit(&mut hall, "b", Settings::default())];
    let mut paces = |busy: u64| {
        pages[1].busy.store(busy, Ordering::Relaxed);
        hall.pass(1000 * MS);
        pages.each_ref().map(|page| page.turn().watch_ns)
    };
    pages[0].busy.store(1, Ordering::Relaxed);

    assert_eq!(paces(0), [WATCH_ALONE_NS; 2]);
    assert_eq!(paces(1), [WATCH_LEASE_NS, WATCH_BESIDE_NS]);
}

/// Two that work for 20 ms, of which the first says that it has priority. What each is charged for.
fn charged(settings: Settings) -> [u64; 2] {
    let mut hall = Hall::default();
    let pages = [admit(&mut hall, "a", settings), admit(&mut hall, "b", Settings::default())];
    pages[0].priority.store(Priority::Realtime.word(), Ordering::Relaxed);
    for at_ms in 1000..1020 {
        hall.pass(at_ms * MS);
        for page in &pages {
            page.busy.store(1, Ordering::Relaxed);
            page.busy_ns.fetch_add(MS, Ordering::Relaxed);
        }
    }
    let usage = hall.usage();
    [0, 1].map(|who: usize| usage[who].usage.busy_ns / MS)
}

#[test]
fn time_is_charged_to_whoever_had_it_first_in_the_latency_class_alone() {
    let [first, other] = charged(Settings { class: Class::Latency, ..Settings::default() });
    assert!(first >= 15 && other <= 2, "{first} ms and {other} ms");
    let [liar, other] = charged(Settings::default());
    assert!(liar.abs_diff(other) <= 1, "{liar} ms and {other} ms");
}

#[test]
fn one_that_left_the_latency_class_with_priority_takes_turns() {
    let mut pair = Pair::new();
    pair.hall.set("a", Settings::default()).unwrap();
    pair.hall.set("b", Settings::default()).unwrap();
    pair.pages[0].priority.store(Priority::Realtime.word(), Ordering::Relaxed);
    pair.steps(300);
    let before = pair.turns;

    pair.steps(300);

    let more = [0, 1].map(|who: usize| pair.turns[who] - before[who]);
    assert!(more.iter().all(|turns| *turns >= 20), "{more:?} turns");
}

/// Two that share a GPU by turns, for one has more weight: `a`, then `b`. Tells the pages' files too.
struct Pair {
    hall: Hall,
    files: [OwnedFd; 2],
    pages: [Page; 2],
    now_ms: u64,
    /// How often each was given leave that ends.
    turns: [u64; 2],
}

const NAMES: [&str; 2] = ["a", "b"];

impl Pair {
    fn new() -> Self {
        let files = NAMES.map(|_| page::file().unwrap());
        let pages = files.each_ref().map(|file| Page::map(file).unwrap());
        pages.iter().for_each(|page| page.set_gpu(GPU, 7));
        let mut pair = Self { hall: Hall::default(), files, pages, now_ms: 1000, turns: [0; 2] };
        pair.admit_again();
        pair
    }

    /// As the next daemon does.
    fn admit_again(&mut self) {
        self.hall = Hall::default();
        for ((name, weight), file) in NAMES.into_iter().zip([300, 100]).zip(&self.files) {
            let settings = Settings { weight, ..Settings::default() };
            self.hall.admit(name, settings, 100, file, Arc::new(file.try_clone().unwrap())).unwrap();
        }
    }

    /// A quarter of a millisecond of two render processes that have much to do, and of the daemon.
    fn step(&mut self, quarter: u64) -> Vec<(String, Fault)> {
        let now_ns = self.now_ms * MS + quarter * MS / 4;
        let mut at_work = 0;
        for (page, turns) in self.pages.iter().zip(&mut self.turns) {
            let turn = page.turn();
            page.busy.store(1, Ordering::Relaxed);
            if turn.until_ns > now_ns {
                page.busy_ns.fetch_add(MS / 4, Ordering::Relaxed);
                page.given.fetch_add(1, Ordering::Relaxed);
                at_work += u64::from(turn.until_ns != OPEN_NS);
            } else if page.handed.swap(turn.number, Ordering::Release) != turn.number {
                *turns += u64::from(turn.until_ns > 0);
            }
        }
        assert!(at_work <= 1, "two have the lease");
        self.hall.pass(now_ns).1
    }

    fn steps(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            let faults: Vec<_> = (0..4).flat_map(|quarter| self.step(quarter)).collect();
            assert_eq!(faults, []);
            self.now_ms += 1;
        }
    }
}

#[test]
fn a_daemon_that_ends_at_any_step_of_a_hand_over_is_followed_by_one_that_hands_on() {
    for last in 30..70 {
        for quarter in 0..4 {
            let mut pair = Pair::new();
            pair.steps(last);
            (0..quarter).for_each(|quarter| _ = pair.step(quarter));
            let before = pair.turns;
            pair.now_ms += 1000;

            pair.admit_again();
            pair.steps(150);

            let more = [0, 1].map(|who| pair.turns[who] - before[who]);
            assert!(
                more.iter().all(|turns| *turns >= 5),
                "{more:?} turns after {last} ms and {quarter} quarters"
            );
        }
    }
}

#[test]
fn a_render_process_that_ends_at_any_step_of_a_hand_over_leaves_the_gpu_to_the_other_and_the_next_one_comes_in()
 {
    for last in 30..70 {
        for (who, quarter) in [0, 1].into_iter().flat_map(|who| (0..4).map(move |quarter| (who, quarter))) {
            let mut pair = Pair::new();
            pair.steps(last);
            (0..quarter).for_each(|quarter| _ = pair.step(quarter));
            let other = &pair.pages[1 - who];
            let before = other.given.load(Ordering::Relaxed);

            pair.hall.died(NAMES[who]);
            for at_ms in pair.now_ms + 1..pair.now_ms + 60 {
                let turn = other.turn();
                match turn.until_ns > at_ms * MS {
                    true => _ = other.given.fetch_add(1, Ordering::Relaxed),
                    false => other.handed.store(turn.number, Ordering::Release),
                }
                assert_eq!(pair.hall.pass(at_ms * MS).1, []);
            }
            let alone = other.given.load(Ordering::Relaxed) - before;
            assert!(alone >= 50, "{alone} of 59 ms after {last} ms and {quarter} quarters");

            pair.pages[who].set_gpu(GPU, 7);
            (pair.now_ms, pair.turns) = (pair.now_ms + 60, [0; 2]);
            pair.steps(150);
            assert!(pair.turns.iter().all(|turns| *turns >= 5), "{:?}", pair.turns);
        }
    }
}

proptest! {
    /// As one would be that was taken over: it can write every word of its page.
    #[test]
    fn rubbish_in_a_page_costs_the_others_nothing(
        words in prop::collection::vec((0_u64..64, prop_oneof![any::<u64>(), 0_u64..4, Just(u64::MAX)]), 1..400),
    ) {
        let mut pair = Pair::new();
        let rubbish = Arc::new(SharedMemory::map(&pair.files[1], 4096).unwrap());
        let mut given = 0;
        for (time, (place, value)) in (0..).zip(words) {
            rubbish.long_word(place * 8).unwrap().store(value, Ordering::Relaxed);
            let (now_ns, page) = ((1000 + time) * MS, &pair.pages[0]);
            let turn = page.turn();
            page.busy.store(1, Ordering::Relaxed);
            match turn.until_ns > now_ns {
                true => given += 1,
                false => page.handed.store(turn.number, Ordering::Release),
            }
            pair.hall.pass(now_ns);
            if time % 97 == 96 {
                pair.admit_again();
            }
        }
        // It waits for nobody longer than until the warning, nor for a turn.
        let time = pair.hall.usage().iter().map(|tenant| tenant.wanted_ns).max().unwrap_or(0) / MS;
        prop_assert!(given + 220 >= time, "{given} of {time} ms");
    }
}
