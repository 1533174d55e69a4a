//! A GPU's memory is promised once: what fits, what does not, and for how long that holds.

use std::fs;
use std::thread;

use nix::sys::signal::{Signal, kill};
use vgpu::control::Code;
use vgpu::control::api::{ApiError, Gpu, GpuChange, State, Vgpu, VgpuChange, VgpuSpec};
use vgpu::control::profile::{LimitsChange, Profile};

use crate::render::{PROFILE, refusal};
use crate::service::{Place, named};
use crate::vgpu::eventually;

const MIB: u64 = 1 << 20;

/// The GPU of these tests: a program whose memory is the host's.
fn gpu(place: &Place) -> Gpu {
    place.client().gpus().unwrap().gpus.remove(0)
}

/// Of the memory that there is, so many parts of a hundred, and a little more.
fn percent(place: &Place, percent: u64) -> u64 {
    gpu(place).memory_bytes / 100 * percent + MIB
}

fn create(place: &Place, name: &str, bytes: u64) -> Result<(), ApiError> {
    let mut profile = Profile { name: place.spec().profile.name, ..Profile::parse(PROFILE).unwrap() };
    profile.limits.memory = bytes;
    place.client().create(&named(name), &VgpuSpec { profile, ..VgpuSpec::default() }).map(drop)
}

fn set(place: &Place, name: &str, bytes: u64) -> Result<Vgpu, ApiError> {
    let limits = Some(LimitsChange { memory: Some(bytes) });
    place.client().set(&named(name), &VgpuChange { limits, ..VgpuChange::default() })
}

fn set_overcommit(place: &Place, percent: u32) -> Gpu {
    let change = GpuChange { overcommit: Some(percent), ..GpuChange::default() };
    place.client().set_gpu("llvmpipe", change).unwrap()
}

/// The limit that a vGPU's render process has.
fn limit(place: &Place, name: &str) -> u64 {
    place.device(name);
    place.client().show(&named(name)).unwrap().device.unwrap().memory_bytes_max
}

#[test]
fn a_vgpu_that_does_not_fit_beside_another_is_refused_and_leaves_nothing() {
    let place = Place::new();
    let _daemon = place.serve();
    let half = percent(&place, 50);
    create(&place, "a", half).unwrap();
    let (before, gpu) = (place.files(), gpu(&place));
    assert_eq!((gpu.memory_bytes_promised, gpu.overcommit), (half, 100));

    let refusal = refusal(create(&place, "b", half));

    assert_eq!((refusal.code, refusal.field.as_deref()), (Code::Conflict, Some("profile.limits.memory")));
    let free = format!("{}MiB of {}MiB are free", (gpu.memory_bytes - half) / MIB, gpu.memory_bytes / MIB);
    assert!(refusal.message.contains(&free) && refusal.message.contains(&gpu.uuid), "{refusal}");
    assert!(refusal.remedy.unwrap().contains("vgpu gpu list"));
    assert_eq!((place.files(), place.kinds("b")), (before, vec![]));
    create(&place, "c", gpu.memory_bytes - half).unwrap();
    place.client().delete(&named("c")).unwrap();
    place.client().delete(&named("a")).unwrap();
    create(&place, "b", half).unwrap();
}

#[test]
fn of_several_at_once_as_many_are_made_as_fit() {
    let place = Place::new();
    let _daemon = place.serve();
    let bytes = percent(&place, 25);

    let made = thread::scope(|scope| {
        let create = |number: u32| create(&place, &format!("vm-{number}"), bytes).is_ok();
        let all = [1, 2, 3, 4, 5, 6].map(|number| scope.spawn(move || create(number)));
        all.into_iter().map(|one| one.join().unwrap()).filter(|made| *made).count()
    });

    assert_eq!(made, 3);
    assert_eq!(gpu(&place).memory_bytes_promised, 3 * bytes);
}

#[test]
fn one_that_is_stopped_has_no_promise_and_starting_it_asks_for_one() {
    let place = Place::new();
    let first = place.serve();
    let most = percent(&place, 60);
    create(&place, "a", most).unwrap();
    place.client().stop(&named("a")).unwrap();
    assert_eq!(gpu(&place).memory_bytes_promised, 0);
    create(&place, "b", most).unwrap();

    let refusal = refusal(place.client().start(&named("a")));

    assert_eq!((refusal.code, refusal.field.as_deref()), (Code::Conflict, Some("limits.memory")));
    let state = || place.client().show(&named("a")).unwrap().state;
    assert_eq!(state(), State::Stopped);
    first.end(Signal::SIGKILL);
    let _second = place.serve();
    assert_eq!(state(), State::Stopped);
    place.client().delete(&named("b")).unwrap();
    assert_eq!(place.client().start(&named("a")).unwrap().state, State::Waiting);
}

#[test]
fn a_daemon_counts_what_the_one_before_promised_and_refuses_none_of_it() {
    let place = Place::new();
    let first = place.serve();
    let most = percent(&place, 60);
    assert_eq!(set_overcommit(&place, 150).overcommit, 150);
    create(&place, "a", most).unwrap();
    create(&place, "b", most).unwrap();
    let (kept, lost) = (place.device("a"), place.device("b"));
    assert_eq!(set_overcommit(&place, 100).memory_bytes_promised, 2 * most);
    set_overcommit(&place, 120);
    first.end(Signal::SIGKILL);
    kill(lost, Signal::SIGKILL).unwrap();

    let _second = place.serve();

    assert_eq!((gpu(&place).memory_bytes_promised, gpu(&place).overcommit), (2 * most, 120));
    assert_eq!(place.device("a"), kept);
    assert_ne!(place.device("b"), lost);
    let refusal = refusal(create(&place, "c", 64 * MIB));
    assert!(refusal.message.contains(" 0MiB of "), "{refusal}");
}

#[test]
fn a_limit_is_raised_as_far_as_there_is_memory_and_holds_for_every_process_after() {
    let place = Place::new();
    let first = place.serve();
    create(&place, "a", 64 * MIB).unwrap();
    create(&place, "b", percent(&place, 50)).unwrap();
    let render = place.device("a");

    let refusal = refusal(set(&place, "a", percent(&place, 50)));
    assert_eq!((refusal.code, refusal.field.as_deref()), (Code::Conflict, Some("limits.memory")));
    assert_eq!(limit(&place, "a"), 64 * MIB);
    assert_eq!(set(&place, "a", 128 * MIB).unwrap().profile.limits.memory, 128 * MIB);

    assert_eq!((limit(&place, "a"), place.device("a")), (128 * MIB, render));
    let usage = place.client().usage().unwrap().vgpus.remove(0);
    assert_eq!((usage.memory_bytes_max, usage.memory_bytes_driver), (128 * MIB, Some(0)));
    kill(render, Signal::SIGKILL).unwrap();
    eventually("another process renders", || (place.device("a") != render).then_some(()));
    assert_eq!(limit(&place, "a"), 128 * MIB);
    first.end(Signal::SIGKILL);
    let _second = place.serve();
    assert_eq!(limit(&place, "a"), 128 * MIB);
    set(&place, "a", 32 * MIB).unwrap();
    assert_eq!(
        (limit(&place, "a"), gpu(&place).memory_bytes_promised),
        (32 * MIB, percent(&place, 50) + 32 * MIB)
    );
    place.client().stop(&named("a")).unwrap();
    set(&place, "a", 48 * MIB).unwrap();
    place.client().start(&named("a")).unwrap();
    assert_eq!(limit(&place, "a"), 48 * MIB);
}

#[test]
fn a_limit_that_is_changed_at_once_is_not_missed_by_a_process_that_is_just_starting() {
    let place = Place::new();
    let _daemon = place.serve();
    for number in 0..10 {
        let name = format!("vm-{number}");
        create(&place, &name, 64 * MIB).unwrap();
        set(&place, &name, 96 * MIB).unwrap();
        assert_eq!(limit(&place, &name), 96 * MIB);
        place.client().delete(&named(&name)).unwrap();
    }
}

#[test]
fn a_limit_that_cannot_be_written_down_is_not_changed() {
    let place = Place::new();
    let _daemon = place.serve();
    create(&place, "a", 64 * MIB).unwrap();
    fs::remove_dir_all(place.path("state/vgpus")).unwrap();

    for bytes in [128 * MIB, 32 * MIB] {
        assert_eq!(refusal(set(&place, "a", bytes)).code, Code::HostFailed);

        assert_eq!((limit(&place, "a"), gpu(&place).memory_bytes_promised), (64 * MIB, 64 * MIB));
        assert_eq!(place.client().show(&named("a")).unwrap().profile.limits.memory, 64 * MIB);
    }
}

#[test]
fn a_daemon_killed_at_any_step_of_a_change_is_followed_by_one_that_has_the_old_limit_or_the_new_one() {
    for (point, kept) in
        [("set: told", true), ("save: written", true), ("save: renamed", false), ("set: saved", false)]
    {
        for bytes in [128 * MIB, 32 * MIB] {
            let place = Place::new();
            let first = place.serve();
            create(&place, "a", 64 * MIB).unwrap();
            let render = place.device("a");
            first.end(Signal::SIGKILL);
            let mut faulty = place.start(Some(point));
            eventually("it is adopted", || place.client().show(&named("a")).ok()?.device);
            assert!(set(&place, "a", bytes).is_err());
            faulty.wait();

            let _next = place.serve();

            let expected = if kept { 64 * MIB } else { bytes };
            assert_eq!((limit(&place, "a"), place.device("a")), (expected, render), "after `{point}`");
            assert_eq!(gpu(&place).memory_bytes_promised, expected);
        }
    }
}

#[test]
fn a_vgpu_of_a_vm_keeps_the_memory_that_it_was_made_with() {
    let place = Place::new();
    let _daemon = place.serve();
    place.create("a");

    let refusal = refusal(set(&place, "a", 512 * MIB));

    assert_eq!((refusal.code, refusal.field.as_deref()), (Code::BadField, Some("limits")));
    assert!(refusal.message.contains("vhost-user") && refusal.remedy.is_some(), "{refusal}");
}
