//! Places where a test ends the daemon, to see what the next one makes of what it left.

/// Every place, in no order. A test walks through all of them.
pub const POINTS: [&str; 17] = [
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

/// Ends the daemon here as SIGKILL does, if VGPU_FAULT names this place. The shipped program does nothing.
pub(super) fn point(name: &str) {
    debug_assert!(POINTS.contains(&name), "no test would come by `{name}`");
    #[cfg(feature = "faults")]
    if std::env::var_os("VGPU_FAULT").is_some_and(|wanted| wanted == name) {
        use nix::sys::signal::{Signal, kill};

        _ = kill(nix::unistd::getpid(), Signal::SIGKILL);
    }
}
