//! What happened lately, and whoever wants to hear what happens next.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::broadcast;

use crate::control::api::{Event, EventKind, Name};

/// Events that are kept for those who ask later, and that a slow listener may be behind.
const EVENTS_MAX: usize = 1024;

#[derive(Debug)]
pub(super) struct Events {
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Log {
    /// That of the latest.
    number: u64,
    latest: VecDeque<Event>,
    listeners: broadcast::Sender<Event>,
}

impl Default for Events {
    fn default() -> Self {
        let log = Log {
            number: 0,
            latest: VecDeque::with_capacity(EVENTS_MAX),
            listeners: broadcast::Sender::new(EVENTS_MAX),
        };
        Self { log: Mutex::new(log) }
    }
}

impl Events {
    pub(super) fn add(&self, name: &Name, kind: EventKind, detail: Option<String>) {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut log = self.log();
        log.number += 1;
        let event = Event { number: log.number, time, name: name.clone(), kind, detail };
        if log.latest.len() == EVENTS_MAX {
            log.latest.pop_front();
        }
        log.latest.push_back(event.clone());
        // An error says that nobody listens.
        _ = log.listeners.send(event);
    }

    /// Those after this number, and all that come then: none twice, none missing unless it is long ago.
    pub(super) fn after(&self, number: u64) -> (Vec<Event>, broadcast::Receiver<Event>) {
        let log = self.log();
        let latest = log.latest.iter().filter(|event| event.number > number).cloned().collect();
        (latest, log.listeners.subscribe())
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_events_are_kept_and_the_next_are_heard_once() {
        let events = Events::default();
        let name: Name = "a".parse().unwrap();
        let count = EVENTS_MAX as u64 + 5;
        for _ in 0..count {
            events.add(&name, EventKind::Created, None);
        }

        let (latest, mut next) = events.after(0);
        let (newest, _) = events.after(count - 1);
        events.add(&name, EventKind::Deleted, Some("why".into()));

        assert_eq!(
            latest.iter().map(|event| event.number).collect::<Vec<_>>(),
            (6..=count).collect::<Vec<_>>()
        );
        assert_eq!(newest.len(), 1);
        let heard = next.try_recv().unwrap();
        assert_eq!((heard.number, heard.kind), (count + 1, EventKind::Deleted));
        assert!(next.try_recv().is_err());
    }
}
