//! Interrupts: the eventfds that a client gave for them, and those that wait.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::unistd::write;

use super::command::{IrqInfo, SetIrqs};
use crate::transport::never_wait;
use crate::transport::virtio_pci::VECTORS;

/// Kinds of interrupts (`linux/vfio.h`): the wire, MSI and MSI-X. We have the first and the third. Those for errors and
/// for requests, which come next, are not even known, as with the kernel's own functions that are not PCI Express.
pub(super) const KINDS: u32 = 3;
pub(super) const INTX: u32 = 0;
pub(super) const MSIX: u32 = 2;

/// `VFIO_IRQ_INFO_*`.
const INFO_EVENTFD: u32 = 1;
const INFO_MASKABLE: u32 = 1 << 1;
const INFO_AUTOMASKED: u32 = 1 << 2;

/// `VFIO_IRQ_SET_*`.
const DATA_NONE: u32 = 1;
const DATA_BOOL: u32 = 1 << 1;
const DATA_EVENTFD: u32 = 1 << 2;
const ACTION_MASK: u32 = 1 << 3;
const ACTION_UNMASK: u32 = 1 << 4;
const ACTION_TRIGGER: u32 = 1 << 5;

/// Where one interrupt goes.
#[derive(Debug, Default)]
struct Line {
    event: Option<Arc<OwnedFd>>,
    /// It happened, and there was nowhere to tell.
    pending: bool,
}

impl Line {
    fn signal(&mut self) {
        let told = self.event.as_ref().is_some_and(tell);
        self.pending = !told;
    }

    fn assign(&mut self, event: Option<Arc<OwnedFd>>) {
        self.event = event;
        if self.pending {
            self.signal();
        }
    }
}

/// Says so, without waiting: one that is full has been told already.
fn tell(event: impl AsFd) -> bool {
    matches!(write(event, &1u64.to_ne_bytes()), Ok(_) | Err(Errno::EAGAIN))
}

/// A change to which eventfd an interrupt has: its kind, its number, and what it has now.
pub(super) type Assigned = (u32, u32, Option<Arc<OwnedFd>>);

/// All interrupts of a function.
#[derive(Debug, Default)]
pub(super) struct Irqs {
    wire: Line,
    /// Signalled, and the client has not taken it yet.
    masked: bool,
    vectors: [Line; VECTORS as usize],
}

impl Irqs {
    /// What there is of a kind.
    pub(super) fn info(index: u32) -> Result<IrqInfo, Errno> {
        let (flags, count) = match index {
            INTX => (INFO_EVENTFD | INFO_MASKABLE | INFO_AUTOMASKED, 1),
            MSIX => (INFO_EVENTFD, u32::from(VECTORS)),
            _ if index < KINDS => (0, 0),
            _ => return Err(Errno::EINVAL),
        };
        let argsz = u32::try_from(size_of::<IrqInfo>()).unwrap_or_default();
        Ok(IrqInfo { argsz, flags, index, count })
    }

    /// Carries a client's wish out. `raised`: the wire is held. Returns which eventfds came and went.
    pub(super) fn set(
        &mut self,
        set: &SetIrqs,
        data: &[u8],
        events: &[Arc<OwnedFd>],
        raised: bool,
    ) -> Result<Vec<Assigned>, Errno> {
        let SetIrqs { flags, index, start, count, .. } = *set;
        let there = Self::info(index)?.count;
        let end = start.checked_add(count).filter(|end| *end <= there).ok_or(Errno::EINVAL)?;
        if flags & DATA_EVENTFD == 0 && !events.is_empty() {
            return Err(Errno::EINVAL);
        }
        match flags {
            _ if flags == DATA_NONE | ACTION_TRIGGER && (start, count) == (0, 0) => {
                Ok(self.assign(index, 0..there, &[]))
            }
            _ if count == 0 => Err(Errno::EINVAL),
            _ if flags == DATA_EVENTFD | ACTION_TRIGGER => {
                if !events.is_empty() && events.len() as u64 != u64::from(count) {
                    return Err(Errno::EINVAL);
                }
                Ok(self.assign(index, start..end, events))
            }
            _ => {
                let chosen = chosen(flags, count, data)?;
                let action = flags & !(DATA_NONE | DATA_BOOL);
                for number in (start..end).zip(chosen).filter_map(|(number, chosen)| chosen.then_some(number))
                {
                    self.act(action, index, number, raised)?;
                }
                Ok(Vec::new())
            }
        }
    }

    fn assign(&mut self, index: u32, range: std::ops::Range<u32>, events: &[Arc<OwnedFd>]) -> Vec<Assigned> {
        let mut events = events.iter().cloned();
        range
            .map(|number| {
                let event = events.next();
                self.put(index, number, event.clone());
                (index, number, event)
            })
            .collect()
    }

    /// Gives an interrupt this eventfd, or none.
    pub(super) fn put(&mut self, index: u32, number: u32, event: Option<Arc<OwnedFd>>) {
        if let Some(Err(error)) = event.as_ref().map(never_wait) {
            tracing::warn!("an interrupt may make its device wait: {error}");
        }
        if index == INTX {
            self.masked = false;
        }
        if let Some(line) = self.line(index, number) {
            line.assign(event);
        }
    }

    fn line(&mut self, index: u32, number: u32) -> Option<&mut Line> {
        match index {
            INTX => Some(&mut self.wire),
            MSIX => self.vectors.get_mut(usize::try_from(number).ok()?),
            _ => None,
        }
    }

    fn act(&mut self, action: u32, index: u32, number: u32, raised: bool) -> Result<(), Errno> {
        match action {
            ACTION_TRIGGER => self.line(index, number).ok_or(Errno::EINVAL)?.signal(),
            ACTION_MASK if index == INTX => self.masked = true,
            ACTION_UNMASK if index == INTX => {
                self.masked = false;
                if raised {
                    self.raise_wire();
                }
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    /// Whether the client listens for vectors, and so not for the wire.
    pub(super) fn uses_vectors(&self) -> bool {
        self.vectors.iter().any(|line| line.event.is_some())
    }

    /// Interrupts by a vector.
    pub(super) fn signal(&mut self, vector: u16) {
        if let Some(line) = self.vectors.get_mut(usize::from(vector)) {
            line.signal();
        }
    }

    /// Interrupts by the wire, once until the client took it.
    pub(super) fn raise_wire(&mut self) {
        if !self.masked && self.wire.event.is_some() {
            self.masked = true;
            self.wire.signal();
        }
    }

    /// Whether a vector waits.
    pub(super) fn is_pending(&self, vector: u16) -> bool {
        self.vectors.get(usize::from(vector)).is_some_and(|line| line.pending)
    }

    /// What waited is of a device that is no more.
    pub(super) fn forget_pending(&mut self) {
        self.vectors.iter_mut().chain([&mut self.wire]).for_each(|line| line.pending = false);
    }
}

/// Which of so many interrupts are meant.
fn chosen(flags: u32, count: u32, data: &[u8]) -> Result<Vec<bool>, Errno> {
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    match flags & (DATA_NONE | DATA_BOOL | DATA_EVENTFD) {
        DATA_NONE => Ok(vec![true; count]),
        DATA_BOOL if data.len() >= count => Ok(data.iter().take(count).map(|byte| *byte != 0).collect()),
        _ => Err(Errno::EINVAL),
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::eventfd::{EfdFlags, EventFd};

    use super::*;

    fn set(flags: u32, index: u32, start: u32, count: u32) -> SetIrqs {
        SetIrqs { argsz: 20, flags, index, start, count }
    }

    fn event() -> (EventFd, Arc<OwnedFd>) {
        let event = EventFd::from_flags(EfdFlags::EFD_NONBLOCK).unwrap();
        let copy = event.as_fd().try_clone_to_owned().unwrap();
        (event, Arc::new(copy))
    }

    fn count(event: &EventFd) -> u64 {
        event.read().unwrap_or(0)
    }

    const GIVE: u32 = DATA_EVENTFD | ACTION_TRIGGER;

    #[test]
    fn a_vector_is_signalled_where_the_client_said() {
        let mut irqs = Irqs::default();
        let [(first, a), (second, b)] = [event(), event()];
        assert!(!irqs.uses_vectors());
        let assigned = irqs.set(&set(GIVE, MSIX, 1, 2), &[], &[a, b], false).unwrap();
        assert_eq!(
            assigned.iter().map(|(kind, number, _)| (*kind, *number)).collect::<Vec<_>>(),
            [(2, 1), (2, 2)]
        );
        irqs.signal(1);
        irqs.signal(1);
        assert_eq!((irqs.uses_vectors(), count(&first), count(&second)), (true, 2, 0));

        irqs.set(&set(DATA_NONE | ACTION_TRIGGER, MSIX, 0, 0), &[], &[], false).unwrap();
        irqs.signal(1);
        assert_eq!((irqs.uses_vectors(), count(&first), irqs.is_pending(1)), (false, 0, true));
    }

    #[test]
    fn what_happened_without_a_listener_is_told_to_the_next_one() {
        let mut irqs = Irqs::default();
        let (event, copy) = event();
        irqs.signal(2);
        assert!(irqs.is_pending(2));
        irqs.set(&set(GIVE, MSIX, 2, 1), &[], &[copy], false).unwrap();
        assert_eq!((count(&event), irqs.is_pending(2)), (1, false));
    }

    #[test]
    fn the_wire_is_held_until_the_client_takes_it() {
        let mut irqs = Irqs::default();
        let (event, copy) = event();
        irqs.set(&set(GIVE, INTX, 0, 1), &[], &[copy], false).unwrap();
        irqs.raise_wire();
        irqs.raise_wire();
        assert_eq!(count(&event), 1);
        irqs.set(&set(DATA_NONE | ACTION_UNMASK, INTX, 0, 1), &[], &[], true).unwrap();
        assert_eq!(count(&event), 1, "its cause is still there");
        irqs.set(&set(DATA_NONE | ACTION_UNMASK, INTX, 0, 1), &[], &[], false).unwrap();
        assert_eq!(count(&event), 0);
        irqs.set(&set(DATA_BOOL | ACTION_MASK, INTX, 0, 1), &[1], &[], false).unwrap();
        irqs.raise_wire();
        assert_eq!(count(&event), 0);
    }

    #[test]
    fn wishes_that_make_no_sense_are_refused() {
        let mut irqs = Irqs::default();
        let (_event, copy) = event();
        for (wish, data, events) in [
            (set(GIVE, MSIX, 0, 4), &[][..], 0),
            (set(GIVE, MSIX, u32::MAX, 2), &[], 0),
            (set(GIVE, MSIX, 0, 2), &[], 1),
            (set(GIVE, MSIX, 0, 0), &[], 0),
            (set(GIVE, 1, 0, 1), &[], 1),
            (set(GIVE, 3, 0, 0), &[], 0),
            (set(DATA_EVENTFD | ACTION_MASK, INTX, 0, 1), &[], 1),
            (set(DATA_NONE | ACTION_MASK, MSIX, 0, 1), &[], 0),
            (set(DATA_NONE | ACTION_TRIGGER, MSIX, 0, 1), &[], 1),
            (set(DATA_BOOL | ACTION_TRIGGER, MSIX, 0, 3), &[1, 1], 0),
            (set(DATA_NONE | DATA_BOOL | ACTION_TRIGGER, MSIX, 0, 1), &[1], 0),
            (set(DATA_NONE | ACTION_MASK | ACTION_UNMASK, INTX, 0, 1), &[], 0),
            (set(0, INTX, 0, 1), &[], 0),
        ] {
            let events = vec![copy.clone(); events];
            assert_eq!(irqs.set(&wish, data, &events, false).err(), Some(Errno::EINVAL), "{wish:?}");
        }
        assert!(!irqs.uses_vectors());
    }
}
