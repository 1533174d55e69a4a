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

/// Ends the daemon here as SIGKILL does, if VGPU_FAULT names this place; or stops it, with `stop ` before the name. The
/// shipped program does nothing.
pub(crate) fn point(name: &str) {
    debug_assert!(
        IN_VERBS.contains(&name) || IN_HAND_OVERS.contains(&name),
        "no test would come by `{name}`"
    );
    #[cfg(feature = "faults")]
    {
        use nix::sys::signal::{Signal, raise};

        let wanted = std::env::var("VGPU_FAULT").unwrap_or_default();
        if wanted == name {
            _ = raise(Signal::SIGKILL);
        } else if wanted.strip_prefix("stop ") == Some(name) {
            _ = raise(Signal::SIGSTOP);
        }
    }
}
