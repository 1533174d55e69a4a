//! Places where a test ends or stops the daemon, to see what the next one, or everybody else, makes of what it left.

/// Every place in what verbs do, in no order. A test walks through all of them.
pub const IN_VERBS: [&str; 17] = [
    "save: written",
    "save: renamed",
    "offer: folder made",
    "offer: claimed",
    "create: saved",
    "create: offered",
    "set: told",
    "set: saved",
    "start: saved",
    "start: offered",
    "stop: saved",
    "stop: ended",
    "delete: saved",
    "delete: ended",
    "delete: forgotten",
    "adopt: ended",
    "adopt: kept",
];

/// Every place in how a GPU is handed over, in no order. A test walks through these too.
pub const IN_HAND_OVERS: [&str; 4] =
    ["hand-over: heard", "hand-over: decided", "hand-over: granted", "hand-over: recalled"];

/// Has a render process submit whoever's turn it is: with its vGPU's name after it.
#[cfg(feature = "faults")]
const OUT_OF_TURN: &str = "out of turn: ";

/// What this vGPU's render process is to know of the daemon's VGPU_FAULT.
#[cfg(feature = "faults")]
pub(crate) fn of_render(vgpu: &str) -> Option<(&'static str, String)> {
    let wanted = std::env::var("VGPU_FAULT").ok()?;
    (wanted.strip_prefix(OUT_OF_TURN)? == vgpu).then_some(("VGPU_FAULT", wanted))
}

/// Whether this render process submits whoever's turn it is.
#[cfg(feature = "faults")]
pub(crate) fn out_of_turn() -> bool {
    std::env::var("VGPU_FAULT").is_ok_and(|wanted| wanted.starts_with(OUT_OF_TURN))
}

/// Ends the daemon here as SIGKILL does, if VGPU_FAULT names this place; or stops it, with `stop ` before the name. The
/// shipped program does nothing.
pub(crate) fn point(name: &str) {
    debug_assert!(
        IN_VERBS.contains(&name) || IN_HAND_OVERS.contains(&name),
        "no test would come by `{name}`"
    );
    #[cfg(feature = "faults")]
    reach(name);
}

/// The same for places that are too many to be named above.
#[cfg(feature = "faults")]
pub(crate) fn reach(name: &str) {
    use nix::sys::signal::{Signal, raise};

    let wanted = std::env::var("VGPU_FAULT").unwrap_or_default();
    if wanted == name {
        _ = raise(Signal::SIGKILL);
    } else if wanted.strip_prefix("stop ") == Some(name) {
        _ = raise(Signal::SIGSTOP);
    }
}
