//! Memory of vGPUs of a daemon: limits that change under a program, and what drivers take for themselves.

use nix::sys::signal::{Signal, kill};
use vgpu::control::api::ApiError;
use vgpu::control::{Code, Refusal};

use crate::host::{Host, named};
use crate::server::{LAVAPIPE, Talking, eventually, nothing};

const REFUSED: &str = "ERROR_OUT_OF_DEVICE_MEMORY";

/// How many MiB a program says that it has.
fn held(line: &str) -> u64 {
    line.strip_suffix(" MiB").and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{line:?}"))
}

/// Has the program take so much; whether it could, and what it has now.
fn take(program: &mut Talking, mib: u64) -> (bool, u64) {
    program.tell(&format!("take {mib}"));
    match program.line() {
        line if line == REFUSED => (false, held(&program.line())),
        line => (true, held(&line)),
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ApiError>) -> Refusal {
    match result.unwrap_err() {
        ApiError::Refused(refusal) => refusal,
        error => panic!("{error}"),
    }
}

#[test]
fn a_limit_is_raised_and_lowered_under_a_program() {
    let mut host = Host::start(|_| LAVAPIPE.into());
    host.create("a", 64).unwrap();
    let mut program = host.talk("a", &["obey"]);
    assert_eq!(held(&program.line()), 0);
    let (all, most) = take(&mut program, 100);
    assert!(!all && most > 32, "{most}");
    // What is allocated is known without a submission; the rest is Mesa's own.
    let used = |host: &Host| host.usage("a").memory_bytes_used.div_ceil(1 << 20);
    assert_eq!(used(&host), 64);

    host.set_memory("a", 128).unwrap();
    assert_eq!(take(&mut program, 40), (true, most + 40));
    let in_use = used(&host);
    let refused = refusal(host.set_memory("a", in_use - 1));
    assert_eq!((refused.code, refused.field.as_deref()), (Code::Conflict, Some("limits.memory")));
    let said = format!("is to be {}MiB, but programs have allocated {in_use}MiB", in_use - 1);
    assert!(refused.message.contains(&said), "{refused}");
    assert_eq!(take(&mut program, 1), (true, most + 41), "nothing changed");
    let in_use = in_use + 1;
    host.set_memory("a", in_use).unwrap();
    assert_eq!(take(&mut program, 1), (false, most + 41));

    host.signal(Signal::SIGKILL);
    host.start_again();
    host.eventually_known("a");
    assert_eq!(take(&mut program, 1), (false, most + 41), "the next daemon says the same");
    assert_eq!(host.gpu().memory_bytes_promised >> 20, in_use);
    host.set_memory("a", in_use + 8).unwrap();
    assert_eq!(take(&mut program, 8), (true, most + 49));

    program.tell("give");
    assert_eq!(held(&program.line()), 0);
    // A program waits for nobody when it frees.
    eventually("it is given back", || (used(&host) < 64).then_some(()));
    host.set_memory("a", 64).unwrap();
    assert_eq!(take(&mut program, 100), (false, most));
}

#[test]
fn a_limit_holds_for_the_process_that_follows_one_that_died() {
    let host = Host::start(|_| LAVAPIPE.into());
    host.create("a", 64).unwrap();
    host.set_memory("a", 96).unwrap();
    let mut first = host.talk("a", &["obey"]);
    first.line();
    assert_eq!(take(&mut first, 64), (true, 64));
    let render = host.render("a");

    kill(render, Signal::SIGKILL).unwrap();
    eventually("another one renders", || (host.render("a") != render).then_some(()));

    let mut second = host.talk("a", &["obey"]);
    second.line();
    assert!(host.usage("a").memory_bytes_used < 64 << 20, "what died with the process is given back");
    assert_eq!(take(&mut second, 64), (true, 64));
}

/// On a driver that computes nothing, has 64 GiB, and says that it takes 48 MiB of them for itself.
#[test]
fn what_a_driver_takes_for_itself_is_shown_and_counted() {
    const GIB: u64 = 1024;
    let host = Host::start(nothing);
    host.create("a", 32 * GIB).unwrap();
    host.eventually_known("a");

    let gpu = host.gpu();
    assert_eq!((gpu.memory_bytes >> 20, gpu.memory_bytes_promised >> 20), (64 * GIB, 32 * GIB + 48));
    assert_eq!(gpu.memory_bytes_used >> 20, 48);
    assert_eq!(host.usage("a").memory_bytes_driver, Some(48 << 20));
    let shown = eventually("it says how it is", || host.client().show(&named("a")).unwrap().device);
    assert_eq!(shown.gpu.unwrap().memory_bytes_driver, 48 << 20);
    let refused = refusal(host.create("b", 32 * GIB - 95));
    assert!(
        refused.message.contains("the driver takes 48MiB beside that, but 32720MiB of 65536MiB"),
        "{refused}"
    );
    host.create("b", 32 * GIB - 96).unwrap();
    assert_eq!(host.gpu().memory_bytes_promised, gpu.memory_bytes);
}
