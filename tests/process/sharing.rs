//! What operators say of shares and policies, and how long it holds.

use std::fs;

use nix::sys::signal::Signal;
use vgpu::control::Code;
use vgpu::control::api::{EventKind, GpuChange, Policy, State, VgpuChange};
use vgpu::control::profile::{Class, Share, ShareChange};

use crate::render::{PROFILE, create, refusal};
use crate::service::{Place, named};
use crate::vgpu::eventually;

fn share(share: ShareChange) -> VgpuChange {
    VgpuChange { share: Some(share), ..VgpuChange::default() }
}

fn weight(weight: u32) -> VgpuChange {
    share(ShareChange { weight: Some(weight), ..ShareChange::default() })
}

/// Weight, cap and class of a vGPU as the arbiter has them.
fn shared(place: &Place, name: &str) -> Option<(u32, u32, Class)> {
    let usage = place.client().usage().unwrap().vgpus.into_iter().find(|usage| usage.name == named(name));
    usage.map(|usage| (usage.weight, usage.cap, usage.class))
}

#[test]
fn a_share_that_was_set_outlives_stop_and_the_daemon() {
    let place = Place::new();
    let first = place.serve();
    create(&place, "a", &format!("{PROFILE}\n[share]\nweight = 300")).unwrap();
    let half = ShareChange { cap: Some(50), class: Some(Class::Latency), ..ShareChange::default() };
    let expected = Share { weight: 300, cap: 50, class: Class::Latency };

    assert_eq!(place.client().set(&named("a"), &share(half)).unwrap().profile.share, expected);
    assert_eq!(shared(&place, "a"), Some((300, 50, Class::Latency)));
    assert!(place.kinds("a").contains(&EventKind::Changed));
    place.client().stop(&named("a")).unwrap();
    let expected = Share { weight: 7, ..expected };
    assert_eq!(place.client().set(&named("a"), &weight(7)).unwrap().profile.share, expected);
    first.end(Signal::SIGKILL);

    let _second = place.serve();
    let vgpu = place.client().start(&named("a")).unwrap();
    assert_eq!((vgpu.state, vgpu.profile.share), (State::Waiting, expected));
}

#[test]
fn a_vgpu_without_vulkan_has_no_share() {
    let place = Place::new();
    let _daemon = place.serve();
    place.create("a");

    let refusal = refusal(place.client().set(&named("a"), &weight(100)));

    assert_eq!((refusal.code, refusal.field.as_deref()), (Code::BadField, Some("share")));
    assert!(refusal.message.contains("gpu.vulkan") && refusal.remedy.is_some(), "{refusal}");
}

#[test]
fn a_share_that_cannot_be_written_down_is_not_changed() {
    let place = Place::new();
    let _daemon = place.serve();
    create(&place, "a", PROFILE).unwrap();
    place.client().set(&named("a"), &weight(200)).unwrap();
    fs::remove_dir_all(place.path("state/vgpus")).unwrap();

    let refusal = refusal(place.client().set(&named("a"), &weight(300)));

    assert_eq!(refusal.code, Code::HostFailed);
    assert_eq!(shared(&place, "a"), Some((200, 100, Class::Normal)));
    assert_eq!(place.client().show(&named("a")).unwrap().profile.share.weight, 200);
}

#[test]
fn a_policy_outlives_the_daemon() {
    let place = Place::new();
    let first = place.serve();
    let change = |policy| GpuChange { policy: Some(policy), ..GpuChange::default() };
    let gpu = place.client().set_gpu("llvmpipe", change(Policy::EqualShare)).unwrap();
    assert!(gpu.name.starts_with("llvmpipe"), "{gpu:?}");
    assert_eq!(gpu.policy, Policy::EqualShare);
    first.end(Signal::SIGKILL);

    let _second = place.serve();

    assert_eq!(place.client().gpus().unwrap().gpus, std::slice::from_ref(&gpu));
    let wrong = refusal(place.client().set_gpu("GeForce RTX", change(Policy::BestEffort)));
    assert_eq!((wrong.code, wrong.field.as_deref()), (Code::NotFound, Some("gpu")));
    assert!(wrong.message.contains("\"GeForce RTX\"") && wrong.message.contains(&gpu.uuid), "{wrong}");
    fs::remove_dir_all(place.path("state/gpus")).unwrap();
    let unwritten = refusal(place.client().set_gpu(&gpu.uuid, change(Policy::FixedShare)));
    assert_eq!(unwritten.code, Code::HostFailed);
    assert_eq!(place.client().gpus().unwrap().gpus, [gpu]);
}

#[test]
fn fixed_shares_beyond_the_whole_are_refused_and_nothing_changes() {
    let place = Place::new();
    let _daemon = place.serve();
    for name in ["a", "b"] {
        create(&place, name, PROFILE).unwrap();
        eventually("it has its GPU", || {
            let all = place.client().usage().unwrap().vgpus;
            all.into_iter().find(|usage| usage.name == named(name))?.gpu
        });
    }
    let change = GpuChange { policy: Some(Policy::FixedShare), ..GpuChange::default() };
    let fixed = || place.client().set_gpu("llvmpipe", change);
    let cap = |name, cap| {
        place.client().set(&named(name), &share(ShareChange { cap: Some(cap), ..ShareChange::default() }))
    };

    let oversold = refusal(fixed());

    assert!(oversold.message.contains("200 %") && oversold.remedy.is_some(), "{oversold}");
    assert_eq!(place.client().gpus().unwrap().gpus[0].policy, Policy::BestEffort);
    cap("a", 40).unwrap();
    cap("b", 60).unwrap();
    assert_eq!(fixed().unwrap().policy, Policy::FixedShare);
    assert_eq!(refusal(cap("a", 41)).field.as_deref(), Some("share.cap"));
    assert_eq!(shared(&place, "a"), Some((100, 40, Class::Normal)));
    assert_eq!(place.client().show(&named("a")).unwrap().profile.share.cap, 40);
}
