//! What a sealed process can and cannot do, tried in real processes.
//!
//! A process is sealed while it has one thread, and the usual test harness starts each test on a second one; so this
//! file is its own harness. It starts itself once a case: the child seals itself and tries, the parent judges.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these are tests"
)]

use std::collections::HashMap;
use std::fs::{File, read_dir, read_to_string};
use std::io::{ErrorKind, IoSliceMut, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::{Gid, Pid, Uid, getpid, getppid, setgroups, setresgid, setresuid};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use vgpu::sandbox::{Layer, Needs, Sandbox, SandboxError, SandboxSpec, Sealed};
use vgpu::sys::be_nice;
use vm_memory::mmap::{MmapRegion, MmapRegionBuilder, MmapRegionError};
use vm_memory::{Bytes, FileOffset, GuestAddress, GuestMemoryMmap};
use vmm_sys_util::sock_ctrl_msg::ScmSocket;

/// Names the case to a child.
const CASE: &str = "VGPU_SEALED_CASE";
const MEMORY_BYTES: u64 = 16 << 20;

type Probe = fn(&Sealed, Opened);

#[derive(Clone, Copy, Debug)]
enum End {
    Well,
    By(Signal),
    /// The child waits, and the parent looks at it from outside.
    Inspected(fn(Pid)),
}

const CASES: &[(&str, End, Probe)] = &[
    ("opening_a_file_ends_the_process", End::By(Signal::SIGSYS), |_, _| drop(File::open("/"))),
    ("running_a_program_ends_the_process", End::By(Signal::SIGSYS), |_, _| {
        drop(Command::new("/bin/true").spawn())
    }),
    ("making_a_socket_ends_the_process", End::By(Signal::SIGSYS), |_, _| drop(UnixStream::connect("/none"))),
    ("mapping_executable_memory_ends_the_process", End::By(Signal::SIGSYS), map_executable),
    ("a_socket_option_that_no_device_needs_ends_the_process", End::By(Signal::SIGSYS), |_, opened| {
        let _ = setsockopt(&opened.pair.0, sockopt::PassCred, &true);
    }),
    ("signalling_another_process_ends_this_one", End::By(Signal::SIGSYS), |_, _| {
        kill(getppid(), None).unwrap()
    }),
    ("aborting_is_still_possible", End::By(Signal::SIGABRT), |_, _| std::process::abort()),
    ("a_device_can_do_its_work", End::Well, work),
    ("memory_beyond_the_limit_is_refused", End::Well, exhaust_memory),
    ("stricter_limits_of_the_host_stay", End::Inspected(keeps_limits), |sealed, opened| {
        assert_eq!(sealed.report().missing(), []);
        opened.wait();
    }),
    ("threads_beyond_the_limit_are_refused", End::Well, exhaust_threads),
    ("a_panic_in_a_thread_ends_that_thread_only", End::Well, panic_in_a_thread),
    ("every_layer_holds_here", End::Well, |sealed, _| assert_eq!(sealed.report().missing(), [])),
    ("seen_from_outside_it_has_nothing", End::Inspected(has_nothing), |_, opened| opened.wait()),
    ("started_without_privileges_it_has_nothing_either", End::Inspected(has_nothing), |_, opened| {
        opened.wait()
    }),
    ("started_without_privileges_every_layer_holds", End::Well, |sealed, _| {
        assert_eq!(sealed.report().missing(), []);
    }),
    ("without_user_namespaces_the_rest_holds", End::Well, |sealed, _| {
        let missing: Vec<Layer> = sealed.report().missing().iter().map(|missing| missing.layer).collect();
        // This process maps no nobody, see `forbid_user_namespaces`.
        assert_eq!(missing, [Layer::UnprivilegedUser, Layer::UserNamespace, Layer::ThreadLimit]);
    }),
    ("a_missing_layer_is_an_error_where_all_are_required", End::Well, |_, _| {
        unreachable!("it must not be sealed")
    }),
    ("driver_reads_what_it_needs_and_nothing_else", End::Well, driver_files),
    ("driver_writes_no_file_and_only_its_nodes", End::Well, driver_writes),
    ("driver_maps_machine_code_and_starts_threads", End::Well, driver_works),
    ("driver_that_runs_a_program_ends_the_process", End::By(Signal::SIGSYS), |_, _| {
        drop(Command::new("/bin/true").spawn())
    }),
    ("driver_that_makes_a_socket_ends_the_process", End::By(Signal::SIGSYS), |_, _| {
        drop(UnixStream::connect("/none"))
    }),
    ("driver_that_goes_on_the_network_ends_the_process", End::By(Signal::SIGSYS), |_, _| {
        drop(TcpStream::connect("127.0.0.1:1"))
    }),
    ("driver_that_looks_into_another_process_ends_its_own", End::By(Signal::SIGSYS), |_, _| {
        let there = [RemoteIoVec { base: 4096, len: 1 }];
        _ = process_vm_readv(getppid(), &mut [IoSliceMut::new(&mut [0])], &there);
    }),
    ("driver_that_signals_a_process_ends_its_own", End::By(Signal::SIGSYS), |_, _| {
        kill(getppid(), None).unwrap()
    }),
    ("driver_seen_from_outside_is_nobody_and_alone", End::Inspected(is_alone), |_, opened| opened.wait()),
    ("driver_started_without_privileges_is_alone_too", End::Inspected(is_alone), |sealed, opened| {
        assert!(sealed.report().is_complete(), "{:?}", sealed.report().missing());
        opened.wait();
    }),
    (
        "driver_with_priority_seen_from_outside_has_that_alone",
        End::Inspected(has_priority),
        |sealed, opened| {
            assert!(sealed.report().is_complete(), "{:?}", sealed.report().missing());
            assert!(sealed.report().left_open().iter().any(|line| line.starts_with("CAP_SYS_NICE")));
            opened.wait();
        },
    ),
    ("driver_with_priority_has_it_over_no_processor_and_no_process", End::Well, driver_is_no_better),
    ("driver_without_privileges_asks_for_priority_in_vain", End::Inspected(is_alone), |sealed, opened| {
        assert!(!sealed.report().keeps_priority() && sealed.report().is_complete());
        opened.wait();
    }),
    ("driver_on_an_old_host_is_sealed_as_far_as_it_goes_and_says_so", End::Well, |sealed, _| {
        let missing: Vec<Layer> = sealed.report().missing().iter().map(|missing| missing.layer).collect();
        assert!(missing.contains(&Layer::Landlock) && missing.contains(&Layer::UserNamespace), "{missing:?}");
        assert!(sealed.report().holds(Layer::Seccomp));
        let open = sealed.report().left_open();
        assert!(open[0].starts_with("every file"), "{open:?}");
    }),
    ("driver_on_an_old_host_is_not_let_run_where_all_layers_are_required", End::Well, |_, _| {
        unreachable!("it must not be sealed")
    }),
];

/// What a case opened before it was sealed.
struct Opened {
    memory: File,
    listener: UnixListener,
    pair: (UnixStream, UnixStream),
}

impl Opened {
    fn new() -> Self {
        let memory = File::from(memfd_create(c"guest", MFdFlags::MFD_CLOEXEC).unwrap());
        memory.set_len(1 << 20).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
        Self { memory, listener, pair: UnixStream::pair().unwrap() }
    }

    /// Tells the parent that it may look, and waits until it has.
    fn wait(self) {
        println!("sealed");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }
}

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(CASE) {
        child(&name);
        return ExitCode::SUCCESS;
    }
    let trials = CASES.iter().map(|&(name, end, _)| {
        Trial::test(name, move || judge(name, end).map_or(Ok(()), |reason| Err(reason.into())))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn judge(name: &str, expected: End) -> Option<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(CASE, name)
        .env_remove("RUST_BACKTRACE") // a backtrace reads the program's file
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if let End::Inspected(inspect) = expected {
        let mut line = [0; 7];
        if child.stdout.as_mut().unwrap().read_exact(&mut line).is_ok() {
            inspect(pid_of(&child));
        }
    }
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let right = match expected {
        End::By(signal) => ended_by(output.status) == Some(signal),
        End::Well | End::Inspected(_) => output.status.success(),
    };
    (!right).then(|| format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

fn ended_by(status: ExitStatus) -> Option<Signal> {
    status.signal().map(|number| Signal::try_from(number).unwrap())
}

fn child(name: &str) {
    let (_, _, probe) = CASES.iter().find(|(case, ..)| *case == name).unwrap();
    let opened = Opened::new();
    if name.starts_with("started_without_privileges") {
        lose_privileges();
    }
    if name.starts_with("stricter_limits") {
        setrlimit(Resource::RLIMIT_NOFILE, 512, 512).unwrap();
        lose_privileges();
    }
    if name.contains("on_an_old_host") {
        forbid_landlock_and_namespaces();
    }
    if name.contains("driver_without_privileges") || name.contains("without_privileges_is_alone") {
        lose_privileges();
    }
    let require_all = name.starts_with("a_missing_layer") || name.ends_with("all_layers_are_required");
    if name.starts_with("without_user_namespaces") || name.starts_with("a_missing_layer") {
        forbid_user_namespaces();
    }
    let driver = name.starts_with("driver").then(needs);
    let (parent, priority) = (Some(getppid()), name.contains("priority"));
    let spec = SandboxSpec { memory_bytes: MEMORY_BYTES, driver, priority, parent, require_all };
    match Sandbox::prepare(&spec).unwrap().enter() {
        Ok(sealed) => probe(&sealed, opened),
        Err(SandboxError::Incomplete(report)) if require_all => assert!(!report.missing().is_empty()),
        Err(error) => panic!("{error}"),
    }
}

/// Makes this process root of a user namespace that may have none below it; the host keeps its setting.
fn forbid_user_namespaces() {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER).unwrap();
    std::fs::write("/proc/self/uid_map", "0 0 1").unwrap();
    std::fs::write("/proc/sys/user/max_user_namespaces", "0").unwrap();
}

/// As on Linux before 5.13, and in a container that may make no namespaces.
fn forbid_landlock_and_namespaces() {
    let answer = |calls: &[i64], errno: i32| {
        let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
        let target = std::env::consts::ARCH.try_into().unwrap();
        let otherwise = SeccompAction::Allow;
        let answer = SeccompAction::Errno(errno.cast_unsigned());
        let filter = SeccompFilter::new(rules, otherwise, answer, target).unwrap();
        seccompiler::apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
    };
    answer(&[libc::SYS_landlock_create_ruleset], libc::ENOSYS);
    answer(&[libc::SYS_unshare], libc::EPERM);
}

/// As of a driver that has one folder and one node.
fn needs() -> Needs {
    Needs { read: ["/usr/share".into()].into(), nodes: ["/dev/full".into()].into() }
}

fn driver_files(sealed: &Sealed, _: Opened) {
    assert!(sealed.report().is_complete(), "{:?}", sealed.report().missing());
    let open = sealed.report().left_open();
    assert_eq!(open[0], "files that it may read: /usr/share");
    assert_eq!(open[1], "device nodes that it may read, write and control: /dev/full");
    assert!(read_dir("/usr/share").unwrap().count() > 0);
    for closed in ["/", "/etc", "/usr", "/proc", "/tmp"] {
        assert_eq!(read_dir(closed).unwrap_err().kind(), ErrorKind::PermissionDenied, "{closed}");
    }
    for closed in ["/etc/passwd", "/proc/self/environ", "/proc/1/cmdline", "/dev/null", "/bin/true"] {
        assert_eq!(File::open(closed).unwrap_err().kind(), ErrorKind::PermissionDenied, "{closed}");
    }
}

fn driver_writes(_: &Sealed, _: Opened) {
    let node = File::options().read(true).write(true).open("/dev/full").unwrap();
    assert_eq!((&node).write(b"!").unwrap_err().raw_os_error(), Some(libc::ENOSPC), "it is the node");
    for closed in ["/dev/null", "/dev/zero", "/tmp/a", "/usr/share/a", "/dev/shm/a", "/proc/self/comm"] {
        let error = File::options().write(true).create(true).truncate(false).open(closed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{closed}");
    }
}

/// What lavapipe does when it compiles a shader, and a context when it begins.
fn driver_works(_: &Sealed, opened: Opened) {
    map(opened.memory).unwrap();
    let memory = File::from(memfd_create(c"memory", MFdFlags::MFD_CLOEXEC).unwrap());
    memory.set_len(1 << 20).unwrap();
    let count =
        (0..64).map(|_| std::thread::spawn(|| 1_u32)).map(|thread| thread.join().unwrap()).sum::<u32>();
    assert_eq!(count, 64);
}

/// What CAP_SYS_NICE permits beside priority on the GPU.
fn driver_is_no_better(_: &Sealed, _: Opened) {
    be_nice(5).unwrap();
    // Without the capability nobody could take that back.
    be_nice(0).unwrap();
    for better in [-1, -20, 20] {
        assert_eq!(be_nice(better).unwrap_err().raw_os_error(), Some(libc::ENOSYS), "{better}");
    }
    for process in [getpid(), getppid()] {
        let processors = CpuSet::new();
        assert_eq!(sched_setaffinity(process, &processors), Err(Errno::ENOSYS));
    }
}

fn lose_privileges() {
    let (user, group) = (Uid::from_raw(12_345), Gid::from_raw(12_345));
    setgroups(&[]).unwrap();
    setresgid(group, group, group).unwrap();
    setresuid(user, user, user).unwrap();
}

fn map_executable(_: &Sealed, opened: Opened) {
    let _ = map(opened.memory);
}

fn map(memory: File) -> Result<MmapRegion<()>, MmapRegionError> {
    MmapRegionBuilder::new(4096)
        .with_mmap_prot(libc::PROT_READ | libc::PROT_EXEC)
        .with_mmap_flags(libc::MAP_SHARED)
        .with_file_offset(FileOffset::new(memory, 0))
        .build()
}

/// Everything that a device does between the first message and the last.
fn work(_: &Sealed, opened: Opened) {
    let mapped = GuestMemoryMmap::<()>::from_ranges_with_files([(
        GuestAddress(0),
        1 << 20,
        Some(FileOffset::new(opened.memory.try_clone().unwrap(), 0)),
    )])
    .unwrap();
    mapped.write_obj(7_u32, GuestAddress(4096)).unwrap();
    let worker = std::thread::Builder::new().name("vring_worker".into()).spawn(move || {
        let kick = EventFd::from_value(1).unwrap();
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
        epoll.add(&kick, EpollEvent::new(EpollFlags::EPOLLIN, 1)).unwrap();
        assert_eq!(epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::NONE), Ok(1));
        assert_eq!(kick.read(), Ok(1));
        mapped.read_obj::<u32>(GuestAddress(4096)).unwrap()
    });
    assert_eq!(worker.unwrap().join().unwrap(), 7);

    assert_eq!(pass(&opened.pair, &opened.memory).metadata().unwrap().len(), 1 << 20);
    (&opened.pair.0).write_all(b"ping").unwrap();
    opened.pair.1.set_nonblocking(true).unwrap();
    opened.listener.set_nonblocking(true).unwrap();
    assert_eq!(opened.listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);

    let mut image = vec![1_u8; 1 << 20];
    image.resize(8 << 20, 2);
    let started = Instant::now();
    std::thread::sleep(Duration::from_millis(1));
    assert!(HashMap::from([(started.elapsed(), image)]).len() == 1);
    uuid::Uuid::new_v4();
    eprintln!("the log is written");
}

/// Sends a descriptor through the pair and returns the one that comes out.
fn pass((from, to): &(UnixStream, UnixStream), file: &File) -> File {
    from.send_with_fd(&b"!"[..], file.as_raw_fd()).unwrap();
    to.recv_with_fd(&mut [0]).unwrap().1.unwrap()
}

fn exhaust_memory(_: &Sealed, _: Opened) {
    let bytes = usize::try_from(MEMORY_BYTES).unwrap();
    assert!(Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
    assert!(Vec::<u8>::new().try_reserve_exact(bytes + (64 << 20)).is_err());
}

fn exhaust_threads(_: &Sealed, _: Opened) {
    let sleep = || {
        std::thread::Builder::new().stack_size(65_536).spawn(|| std::thread::sleep(Duration::from_secs(60)))
    };
    let started = (0..40).map_while(|_| sleep().ok()).count();
    assert!((4..40).contains(&started), "{started} threads");
}

fn panic_in_a_thread(_: &Sealed, _: Opened) {
    assert!(std::thread::spawn(|| panic!("as intended")).join().is_err());
}

fn keeps_limits(pid: Pid) {
    let limits = read_to_string(format!("/proc/{pid}/limits")).unwrap();
    for (name, most) in [("Max open files", "512"), ("Max core file size", "0")] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert_eq!(line.split_whitespace().take(2).collect::<Vec<_>>(), [most, most], "{name}");
    }
}

fn has_nothing(pid: Pid) {
    is_alone(pid);
    assert_eq!(read_dir(format!("/proc/{pid}/root/")).unwrap().count(), 0);
    assert_ne!(namespace(pid, "mnt"), namespace(getpid(), "mnt"));
}

fn namespace(pid: Pid, name: &str) -> std::path::PathBuf {
    std::fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap()
}

fn is_alone(pid: Pid) {
    has_nothing_but(0, pid);
    assert_ne!(namespace(pid, "user"), namespace(getpid(), "user"));
}

/// CAP_SYS_NICE where it counts.
fn has_priority(pid: Pid) {
    has_nothing_but(1 << 23, pid);
    assert_eq!(namespace(pid, "user"), namespace(getpid(), "user"));
}

fn has_nothing_but(capabilities: u64, pid: Pid) {
    let status = read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line =
            status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(!field("Uid:").contains(&"0".to_owned()), "{status}");
    assert!(!field("Gid:").contains(&"0".to_owned()), "{status}");
    assert_eq!(field("Groups:"), [""; 0]);
    for set in ["CapInh:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    for set in ["CapPrm:", "CapEff:"] {
        assert_eq!(field(set), [format!("{capabilities:016x}")], "{set}");
    }
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), (vec!["1".into()], vec!["2".into()]));
    let devices = read_to_string(format!("/proc/{pid}/net/dev")).unwrap();
    let devices: Vec<&str> =
        devices.lines().skip(2).map(|line| line.split(':').next().unwrap().trim()).collect();
    assert_eq!(devices, ["lo"]);
    for name in ["net", "ipc", "uts"] {
        assert_ne!(namespace(pid, name), namespace(getpid(), name), "{name}");
    }
}
