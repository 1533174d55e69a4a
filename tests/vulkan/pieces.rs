//! vGPUs that share each of several pieces by time: lavapipe twice, under two names.

use std::path::PathBuf;
use std::time::Duration;

use vgpu::control::api::{ApiError, Change, GpuChange, Policy, State};

use crate::host::{Host, named};
use crate::piece::{Piece, manifests};
use crate::server::eventually;
use crate::tenants::Tenant;

const PIECES: [&str; 2] = ["left", "right"];

/// Name, piece and percent of its time: the two pieces are shared in opposite ways.
const VGPUS: [(&str, &str, u32); 4] =
    [("l90", "left", 90), ("l10", "left", 10), ("r10", "right", 10), ("r90", "right", 90)];

fn host() -> (Host, Vec<Piece>) {
    let mut pieces = Vec::new();
    let host = Host::start(|folder| {
        pieces.extend((1..).zip(PIECES).map(|(byte, name)| Piece::make(folder, name, byte, None)));
        PathBuf::from(manifests(&pieces))
    });
    (host, pieces)
}

fn create(host: &Host, name: &str, piece: &str, cap: u32) -> Result<Change, ApiError> {
    let limits = serde_json::json!({ "memory": "256MiB" });
    let profile = serde_json::json!({ "transport": "vtest", "limits": limits, "share": { "cap": cap } });
    let spec = serde_json::json!({ "profile": profile, "on": piece });
    host.client().create(&named(name), &serde_json::from_value(spec).unwrap())
}

#[test]
fn each_piece_is_shared_by_what_was_said_of_the_vgpus_on_it_alone() {
    let (host, _pieces) = host();
    for (name, piece, cap) in VGPUS {
        create(&host, name, piece, cap).unwrap();
    }
    VGPUS.iter().for_each(|(name, ..)| host.eventually_known(name));
    // Fixed shares must not pass a whole: they come to two wholes here, and to one on each piece.
    for piece in PIECES {
        let change = GpuChange { policy: Some(Policy::FixedShare), ..GpuChange::default() };
        assert_eq!(host.client().set_gpu(piece, change).unwrap().policy, Policy::FixedShare);
    }

    let mut tenants = VGPUS.map(|(name, ..)| Tenant::start(host.socket(name)));
    tenants.iter_mut().for_each(|tenant| tenant.work(Duration::from_millis(1500)));
    eventually("each piece is lent to one vGPU at a time, both at once", || {
        host.client().gpus().ok()?.gpus.iter().all(|gpu| gpu.leased).then_some(())
    });
    for tenant in &mut tenants {
        assert!(tenant.done().is_some_and(|done| done >= 1.0));
    }

    let [l90, l10, r10, r90] = VGPUS.map(|(name, ..)| host.usage(name));
    assert!(l90.gpu == l10.gpu && r90.gpu == r10.gpu && l90.gpu != r90.gpu, "{l90:?} {r90:?}");
    for (more, less) in [(&l90, &l10), (&r90, &r10)] {
        assert!(more.busy_ns > less.busy_ns, "{more:?}\n{less:?}");
    }
}

#[test]
fn programs_of_a_piece_whose_driver_loses_devices_are_told_and_those_of_another_go_on() {
    let (host, pieces) = host();
    for name in ["one", "beside"] {
        create(&host, name, "left", 100).unwrap();
    }
    create(&host, "other", "right", 100).unwrap();
    let mut programs = ["one", "beside", "other"].map(|name| host.talk(name, &["until-lost"]));
    for program in &mut programs {
        assert_eq!(program.line(), "running");
    }
    let state = |name: &str| {
        let vgpu = host.client().show(&named(name)).unwrap();
        (vgpu.state, vgpu.problem)
    };

    pieces[0].lose(true);

    let [mut one, mut beside, mut other] = programs;
    assert_eq!(one.line(), "ended with ERROR_DEVICE_LOST");
    assert_eq!(beside.line(), "ended with ERROR_DEVICE_LOST");
    assert!(one.finish() && beside.finish());
    let why = eventually("both are stopped by that", || {
        let both = [state("one"), state("beside")];
        both.iter().all(|(state, _)| *state == State::Lost).then(|| both[0].1.clone())?
    });
    assert!(why.contains("(left) is lost: its driver lost the device of a program; "), "{why}");
    assert!(why.ends_with(
        "the driver lost the device that its memory was tried with; look at the host's kernel log"
    ));
    assert_eq!(state("other"), (State::Connected, None));
    eventually("its process has ended", || {
        host.client().show(&named("one")).unwrap().pid.is_none().then_some(())
    });
    let early = host.talk("one", &["widths32"]);

    pieces[0].lose(false);

    for name in ["one", "beside"] {
        eventually("it goes on", || (state(name).0 != State::Lost).then_some(()));
        assert!(host.talk(name, &["widths32"]).finish());
    }
    assert!(early.finish(), "who came too early waited");
    // It has submitted all the while.
    assert_eq!(state("other"), (State::Connected, None));
    other.kill();
}
