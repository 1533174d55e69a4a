//! Log lines that a guest can cause: at most a few a second from each place, then a count of those left out.
//!
//! A line that is left out is not even formatted.
#![forbid(unsafe_code)]

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// Lines a second from one place.
const LINES_PER_SECOND: u32 = 5;

/// Counts the lines of one place in the program.
#[derive(Debug)]
pub struct Gate(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    second: u64,
    passed: u32,
    suppressed: u64,
}

impl Gate {
    /// A gate that nothing has passed.
    #[expect(clippy::new_without_default, reason = "it is made for statics, and Default is not const")]
    pub const fn new() -> Self {
        Self(Mutex::new(Window { second: 0, passed: 0, suppressed: 0 }))
    }

    /// Whether a line may be written now, and how many were left out before it.
    pub fn pass(&self) -> Option<u64> {
        static START: OnceLock<Instant> = OnceLock::new();
        self.pass_at(START.get_or_init(Instant::now).elapsed().as_secs())
    }

    fn pass_at(&self, second: u64) -> Option<u64> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.second != second {
            (window.second, window.passed) = (second, 0);
        }
        if window.passed == LINES_PER_SECOND {
            window.suppressed += 1;
            return None;
        }
        window.passed += 1;
        Some(std::mem::take(&mut window.suppressed))
    }
}

/// `tracing::warn!` for what a guest can cause as often as it likes.
macro_rules! guest_warn {
    ($($line:tt)+) => {{
        static GATE: $crate::guest_log::Gate = $crate::guest_log::Gate::new();
        if let Some(suppressed) = GATE.pass() {
            if suppressed > 0 {
                ::tracing::warn!("suppressed {suppressed} lines like the next");
            }
            ::tracing::warn!($($line)+);
        }
    }};
}
pub(crate) use guest_warn;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_passes_five_lines_a_second_and_is_then_counted() {
        let gate = Gate::new();
        let passed = |second, tries: u32| (0..tries).filter_map(|_| gate.pass_at(second)).collect::<Vec<_>>();
        assert_eq!(passed(7, 1000), [0; 5]);
        assert_eq!(passed(8, 7), [995, 0, 0, 0, 0]);
        assert_eq!(passed(60, 1), [2]);
    }

    #[test]
    fn a_line_that_is_left_out_is_not_formatted() {
        let mut formatted = 0;
        let mut line = || {
            formatted += 1;
            "refused"
        };
        let subscriber = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..100 {
                guest_warn!("{}", line());
            }
        });
        // At a change of second within the loop, five more may pass.
        assert!((5..=10).contains(&formatted), "{formatted}");
    }
}
