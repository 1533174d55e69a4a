//! The log: lines on standard error.

use std::fmt;
use std::sync::OnceLock;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The vGPU that this process serves, if it serves one.
static NAME: OnceLock<String> = OnceLock::new();

/// Logs to standard error; VGPU_LOG says how much (`info` if it says nothing, `debug`, `vgpu::device=trace`...).
pub(super) fn start() {
    let wanted = std::env::var("VGPU_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let lines = tracing_subscriber::fmt::layer()
        .with_timer(Stamp)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(wanted.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO)))
        .with(lines)
        .init();
}

/// Has each line name the vGPU: many device processes write to their daemon's log.
pub(super) fn stand_for(name: &str) {
    // It serves one and no other.
    let _ = NAME.set(name.to_owned());
}

/// The time, and who it is. A span would do for one thread only.
struct Stamp;

impl FormatTime for Stamp {
    fn format_time(&self, to: &mut Writer<'_>) -> fmt::Result {
        SystemTime.format_time(to)?;
        NAME.get().map_or(Ok(()), |name| write!(to, " {name}"))
    }
}
