//! A daemon that is killed after any step of anything leaves what the next one makes whole: all is as it was asked for,
//! or as it was before.

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::Signal;
use vgpu::control::HeadChange;
use vgpu::control::api::{State, VgpuChange};
use vgpu::fault::IN_VERBS;
use vgpu::wire::{ScanoutId, Size};

use crate::service::{Place, named};
use crate::vgpu::{answered, eventually};

const SAVE: [&str; 2] = ["save: written", "save: renamed"];
const OFFER: [&str; 2] = ["offer: folder made", "offer: claimed"];

const NAME: &str = "a";

/// How a vGPU is: nothing if there is none, else whether it is on offer and the size of its first monitor.
type Condition = Option<(bool, Size)>;

const FIRST: Size = Size { width: 1280, height: 800 };
const SECOND: Size = Size { width: 1024, height: 768 };

/// One vGPU on a daemon that runs.
fn running(place: &Place) {
    place.create(NAME);
}

fn stopped(place: &Place) {
    place.create(NAME);
    place.client().stop(&named(NAME)).unwrap();
}

fn set(place: &Place) -> bool {
    let head = ScanoutId::new(0).unwrap();
    let change = VgpuChange { heads: vec![HeadChange { head, size: Some(SECOND) }], ..VgpuChange::default() };
    place.client().set(&named(NAME), &change).is_ok()
}

fn start(place: &Place) -> bool {
    place.client().start(&named(NAME)).is_ok()
}

fn stop(place: &Place) -> bool {
    place.client().stop(&named(NAME)).is_ok()
}

fn delete(place: &Place) -> bool {
    place.client().delete(&named(NAME)).is_ok()
}

fn create(place: &Place) -> bool {
    place.client().create(&named(NAME), &place.spec()).is_ok()
}

fn condition(place: &Place) -> Condition {
    let vgpus = place.client().list().unwrap().vgpus;
    assert!(vgpus.len() <= 1, "{vgpus:?}");
    vgpus.first().map(|vgpu| (vgpu.state != State::Stopped, vgpu.profile.heads[0].size))
}

struct Case {
    prepare: fn(&Place),
    verb: fn(&Place) -> bool,
    points: Vec<&'static str>,
    allowed: [Condition; 2],
}

fn cases() -> [Case; 5] {
    let (on, off) = (Some((true, FIRST)), Some((false, FIRST)));
    let with = |first: &[&'static str], own: &[&'static str]| [&SAVE, first, own].concat();
    [
        Case {
            prepare: |_| {},
            verb: create,
            points: with(&OFFER, &["create: saved", "create: offered"]),
            allowed: [None, on],
        },
        Case {
            prepare: running,
            verb: set,
            points: with(&[], &["set: told", "set: saved"]),
            allowed: [on, Some((true, SECOND))],
        },
        Case {
            prepare: stopped,
            verb: start,
            points: with(&OFFER, &["start: saved", "start: offered"]),
            allowed: [off, on],
        },
        Case {
            prepare: running,
            verb: stop,
            points: with(&[], &["stop: saved", "stop: ended"]),
            allowed: [on, off],
        },
        Case {
            prepare: running,
            verb: delete,
            points: with(&[], &["delete: saved", "delete: ended", "delete: forgotten"]),
            allowed: [on, None],
        },
    ]
}

/// What is there besides the daemon's own is what this condition needs, and it serves.
fn assert_whole(place: &Place, condition: Condition) {
    let expected: &[&str] = match condition {
        None => &[],
        Some((false, _)) => &["state/vgpus/a.json"],
        Some((true, _)) => {
            &["a.sock", "state/run/a", "state/run/a/control.sock", "state/run/a/lock", "state/vgpus/a.json"]
        }
    };
    eventually("the files are those that belong there", || (place.files() == expected).then_some(()));
    let Some((true, size)) = condition else {
        return eventually("no process is left", || place.devices().is_empty().then_some(()));
    };
    let monitor = Some(format!("{}x{}", size.width, size.height));
    eventually("the device's monitor is what the record says", || {
        let vgpu = place.client().show(&named(NAME)).unwrap();
        (vgpu.device?.heads[0].monitor == monitor).then_some(())
    });
    let device = place.device(NAME);
    assert_eq!(place.devices(), [device], "a process is left that nobody knows");
}

#[test]
fn a_daemon_killed_at_any_step_of_any_verb_is_followed_by_one_that_makes_all_whole() {
    for Case { prepare, verb, points, allowed } in cases() {
        for point in points {
            let place = Place::new();
            let first = place.serve();
            prepare(&place);
            // A VM that is there must not notice, unless its vGPU is taken from it.
            let front_end = UnixStream::connect(place.path("a.sock")).ok().map(answered);
            first.end(Signal::SIGKILL);
            let mut faulty = place.start(Some(point));
            eventually("the daemon answers", || place.client().host().ok());

            assert!(!verb(&place), "the verb does not come by `{point}`");
            assert_eq!(faulty.wait().signal(), Some(Signal::SIGKILL as i32), "{point}");

            let _next = place.serve();
            let found = condition(&place);
            assert!(allowed.contains(&found), "after `{point}`: {found:?}, not one of {allowed:?}");
            assert_whole(&place, found);
            if let (Some((true, _)), Some(front_end)) = (found, front_end) {
                answered(front_end);
            }
            if found.is_some() {
                place.client().delete(&named(NAME)).unwrap();
            }
            assert_whole(&place, None);
        }
    }
}

#[test]
fn a_daemon_killed_while_it_takes_up_what_another_left_is_followed_by_one_that_does_it() {
    let place = Place::new();
    let first = place.serve();
    running(&place);
    let device = place.device(NAME);
    first.end(Signal::SIGKILL);

    let kept = place.start(Some("adopt: kept")).wait();
    assert_eq!(kept.signal(), Some(Signal::SIGKILL as i32));
    let mut faulty = place.start(Some("stop: saved"));
    eventually("the daemon answers", || place.client().host().ok());
    assert_eq!(place.device(NAME), device);
    assert!(!stop(&place));
    faulty.wait();
    let ended = place.start(Some("adopt: ended")).wait();
    assert_eq!(ended.signal(), Some(Signal::SIGKILL as i32));

    let _next = place.serve();
    assert_eq!(condition(&place), Some((false, FIRST)));
    assert_whole(&place, Some((false, FIRST)));
}

#[test]
fn every_fault_point_is_walked_through() {
    let walked: BTreeSet<&str> =
        cases().into_iter().flat_map(|case| case.points).chain(["adopt: kept", "adopt: ended"]).collect();

    assert_eq!(walked, IN_VERBS.into_iter().collect());
}
