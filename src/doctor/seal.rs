//! Whether this host can seal a device process: one is started, with a VM that has hung up already.

use std::io;
use std::os::unix::net::UnixStream;
use std::process::{Output, Stdio};

use super::Check;
use crate::control::profile::Profile;
use crate::control::spec::{DeviceSpec, Entry, Role};
use crate::supervisor::{HOPELESS, Inheritance};

const FILE: &str = "/proc/self/exe";

pub(super) fn check() -> Check {
    match try_one() {
        Ok(output) => judge(output.status.code(), &String::from_utf8_lossy(&output.stderr)),
        Err(error) => Check::ok("seal", FILE, format!("no device process can be started: {error}"))
            .fail("see whether this user may start further processes (`ulimit -u`) and has memory left"),
    }
}

fn try_one() -> io::Result<Output> {
    let (front_end, vm) = UnixStream::pair()?;
    drop(vm);
    let spec = DeviceSpec {
        role: Role::Device,
        name: "doctor".to_owned(),
        entry: Entry::Connection,
        control: false,
        kept: false,
        locked: false,
        scheduled: false,
        resumed: false,
        require_sandbox: true,
        supervisor: Some(std::process::id().cast_signed()),
        profile: Profile::default(),
    };
    let inheritance = Inheritance {
        front_end: Some(front_end.into()),
        control: None,
        keeper: None,
        vault: None,
        lock: None,
        connection: None,
        seating: None,
        tie: None,
    };
    inheritance.prepare(&spec)?.env("VGPU_LOG", "error").stderr(Stdio::piped()).output()
}

/// What its end says: one that must be sealed completely does not go on otherwise, and gives a line for each layer
/// that is missing, with the remedy.
fn judge(code: Option<i32>, said: &str) -> Check {
    let check = |found: &str| Check::ok("seal", FILE, found);
    let missing: Vec<&str> = said.lines().filter(|line| line.contains("; remedy: ")).collect();
    match code {
        Some(0) => check("a device process can be sealed completely"),
        Some(HOPELESS) if !missing.is_empty() => {
            let (found, remedies): (Vec<_>, Vec<_>) =
                missing.iter().filter_map(|line| line.split_once("; remedy: ")).unzip();
            let mut remedies: Vec<&str> = remedies;
            remedies.dedup();
            let found = found.join("; ").replace("error: this host cannot seal the device completely: ", "");
            check(&found).warn(remedies.join("; "))
        }
        _ => check(&format!("a device process fails: {}", said.trim()))
            .fail("this is what every vGPU would meet: see what the message names"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::judge;

    #[test]
    fn a_missing_layer_is_a_warning_with_the_layers_own_remedy() {
        let said = "error: this host cannot seal the device completely: no user namespace: EPERM; remedy: allow them\n\
                    no Landlock: not built into the kernel; remedy: boot another\nhint: none\n";

        let check = judge(Some(1), said);

        assert_eq!(check.status, Status::Warn);
        assert_eq!(check.found, "no user namespace: EPERM; no Landlock: not built into the kernel");
        assert_eq!(check.remedy.as_deref(), Some("allow them; boot another"));
    }

    #[test]
    fn a_process_that_ends_otherwise_is_a_failure_with_what_it_said() {
        for code in [None, Some(1), Some(3)] {
            let check = judge(code, "error: no memory\n");
            assert_eq!(
                (check.status, check.found.as_str()),
                (Status::Fail, "a device process fails: error: no memory")
            );
        }
        assert_eq!(judge(Some(0), "").status, Status::Ok);
    }
}
