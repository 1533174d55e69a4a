//! Resource limits: what a sealed process may use up.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::{Layer, Report};

/// Memory beyond what the ledger charges for: code, stacks, queues, the display's buffers.
const ALLOWANCE_BYTES: u64 = 64 << 20;

/// Descriptors: a memory region, a kick or a call is one each, a VMM may send 509 regions, and the journal has a copy
/// of each.
const DESCRIPTORS_MAX: u64 = 2048;

/// The same with a GPU: each client has a socket, each of its rings, allocations that it maps and waits has one.
const DRIVER_DESCRIPTORS_MAX: u64 = 65_536;

/// Threads: four serve a device, the rest is room for the next ones.
const THREADS_MAX: u64 = 32;

/// The same with a GPU: one for each client and each of its rings, and the driver's own.
const DRIVER_THREADS_MAX: u64 = 4096;

/// The first Linux that counts a user's processes for each user namespace apart.
const COUNTS_APART: (u32, u32) = (5, 14);

/// Limits memory, descriptors and core files.
pub(super) fn set(memory_bytes: u64, driver: bool, report: &mut Report) {
    // A driver maps as it likes, most of it never to be touched.
    let data_bytes = if driver { u64::MAX } else { memory_bytes.saturating_add(ALLOWANCE_BYTES) };
    let descriptors = if driver { DRIVER_DESCRIPTORS_MAX } else { DESCRIPTORS_MAX };
    let limits = [
        // Private writable memory, such as lists of a guest's pages. The guest's and the vault's are shared and not
        // counted: what images take is for the ledger to limit.
        (Resource::RLIMIT_DATA, data_bytes),
        (Resource::RLIMIT_NOFILE, descriptors),
        // A core file would hold guest pixels.
        (Resource::RLIMIT_CORE, 0),
    ];
    report.note(Layer::Limits, limits.into_iter().try_for_each(|(resource, most)| limit(resource, most)));
}

/// Limits threads, which the kernel counts with the user's processes: only where those are ours alone.
pub(super) fn set_threads(driver: bool, report: &mut Report) {
    let most = if driver { DRIVER_THREADS_MAX } else { THREADS_MAX };
    let outcome = match report.holds(Layer::UserNamespace) && counts_apart() {
        true => limit(Resource::RLIMIT_NPROC, most).map_err(Errno::desc),
        false => {
            Err("it would count other processes of the same user without a user namespace and Linux 5.14")
        }
    };
    report.note(Layer::ThreadLimit, outcome);
}

/// A host that is stricter than we are stays so: raising its limit would take privileges.
fn limit(resource: Resource, most: u64) -> Result<(), Errno> {
    let (_, host) = getrlimit(resource)?;
    setrlimit(resource, most.min(host), most.min(host))
}

fn counts_apart() -> bool {
    let Ok(system) = nix::sys::utsname::uname() else { return false };
    let release = system.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= COUNTS_APART)
}
