//! The system calls that a device needs, and those that a GPU's driver needs beside them. Every other one ends the
//! process.
//!
//! # Why by hand
//! A list in Rust is checked by the compiler for each processor, and each line says what needs it. There is no way
//! around it: not a flag, not a variable.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Two programs: the kernel runs both and does the sterner of what they say.
pub(super) struct Filter {
    refuse: BpfProgram,
    allow: BpfProgram,
}

impl Filter {
    /// For a process that loads a driver, or for one that does not.
    pub(super) fn compile(driver: bool) -> Result<Self, BackendError> {
        let (refused, allowed) =
            if driver { (refused_to_driver()?, allowed_to_driver()?) } else { (refused(), allowed()?) };
        Ok(Self {
            refuse: compile(
                refused,
                SeccompAction::Allow,
                SeccompAction::Errno(u32::try_from(libc::ENOSYS).unwrap_or_default()),
            )?,
            allow: compile(allowed, SeccompAction::KillProcess, SeccompAction::Allow)?,
        })
    }

    /// For every thread of the process.
    pub(super) fn apply(&self) -> Result<(), seccompiler::Error> {
        // `allow` comes last: it forbids the call that installs a filter.
        seccompiler::apply_filter_all_threads(&self.refuse)?;
        seccompiler::apply_filter_all_threads(&self.allow)
    }
}

fn compile(
    rules: Rules,
    otherwise: SeccompAction,
    on_match: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let target = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, otherwise, on_match, target)?.try_into()
}

/// Calls that are answered "not on this kernel", because whoever makes them has another way.
fn refused() -> Rules {
    // Its flags lie in memory, where a filter cannot read them; the C library then calls clone.
    Rules::from([(libc::SYS_clone3, Vec::new())])
}

/// What drivers try and go on without.
fn refused_to_driver() -> Result<Rules, BackendError> {
    let mut rules = refused();
    rules.extend([
        // Types on the terminal that the log goes to, as if the operator did.
        (libc::SYS_ioctl, one_of(1, &TERMINAL)?),
        // Any other process of the user that all sealed ones have could be meant; the filter cannot tell. With
        // CAP_SYS_NICE, which the latency class keeps, it could be any of the host, and this one could take a processor
        // for itself.
        (libc::SYS_sched_setaffinity, Vec::new()),
        (libc::SYS_sched_setscheduler, Vec::new()),
        (libc::SYS_sched_setparam, Vec::new()),
        (libc::SYS_sched_setattr, Vec::new()),
        // Less than no nice value: before others. Negative numbers are great ones to the filter.
        (libc::SYS_setpriority, vec![rule(vec![above(2, NICE_MAX)?])?]),
        // Pages that others have too. `migrate_pages` and `move_pages` are on no list, nor is `ioprio_set`.
        (libc::SYS_mbind, vec![rule(vec![has(5, MOVE_ALL)?])?]),
        (libc::SYS_kcmp, Vec::new()), // whether two descriptors are one
    ]);
    Ok(rules)
}

/// TIOCSTI and TIOCLINUX.
const TERMINAL: [i32; 2] = [0x5412, 0x541c];

fn allowed_to_driver() -> Result<Rules, BackendError> {
    let mut rules = allowed()?;
    // What the other program refuses is allowed here, or this one would end the process.
    rules.extend(refused_to_driver()?.into_keys().map(|call| (call, Vec::new())));
    rules.extend(DRIVER.iter().map(|call| (*call, Vec::new())));
    rules.extend([
        // Of the calling thread alone: 0 is that.
        (libc::SYS_setpriority, vec![rule(vec![equals(0, PRIORITY_OF_THREAD)?, equals(1, 0)?])?]),
        (libc::SYS_prlimit64, vec![rule(vec![null(2)?])?]),
        (libc::SYS_setsockopt, socket_options(&[&SOCKET_OPTIONS[..], &[libc::SO_PEEK_OFF]].concat())?), // vtest
        (libc::SYS_fcntl, one_of(1, &[&FCNTL[..], &DRIVER_FCNTL].concat())?),
        (libc::SYS_prctl, one_of(0, &[&PRCTL[..], &DRIVER_PRCTL].concat())?),
    ]);
    Ok(rules)
}

/// PRIO_PROCESS, which means a thread.
const PRIORITY_OF_THREAD: i32 = 0;

/// MPOL_MF_MOVE_ALL.
const MOVE_ALL: i32 = 1 << 2;

/// The nicest that a thread can be.
const NICE_MAX: i32 = 19;

/// What a driver needs, and the threads that feed it, beside what a device needs.
const DRIVER: &[i64] = &[
    // Libraries that it loads late, manifests, what the kernel says of processors and GPUs. Landlock says which.
    libc::SYS_openat,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_readv,
    libc::SYS_lseek,
    libc::SYS_getdents64,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getcwd,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    // Memory of guests; machine code out of shaders.
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mlock,
    libc::SYS_munlock,
    libc::SYS_msync,
    libc::SYS_mincore,
    libc::SYS_membarrier,
    libc::SYS_get_mempolicy,
    libc::SYS_mbind,
    // Time, threads, who and where we are.
    libc::SYS_nanosleep,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    libc::SYS_pselect6,
    libc::SYS_getpriority,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_capget, // NVIDIA's, before it asks for queues with priority
    libc::SYS_getcpu,
    libc::SYS_get_robust_list,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getppid,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrusage,
    libc::SYS_times,
    // Spellings that only x86-64 has.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_dup2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pipe,
];

/// Memory that cannot change its size under whoever maps it.
const DRIVER_FCNTL: [i32; 2] = [libc::F_ADD_SEALS, libc::F_DUPFD];

/// Threads that keep time for the arbiter want to be woken when they asked for it.
const DRIVER_PRCTL: [i32; 2] = [libc::PR_GET_NAME, libc::PR_SET_TIMERSLACK];

fn allowed() -> Result<Rules, BackendError> {
    let mut rules: Rules = ANY_ARGUMENTS.iter().map(|call| (*call, Vec::new())).collect();
    rules.extend(checked()?);
    Ok(rules)
}

const ANY_ARGUMENTS: &[i64] = &[
    // Sockets, eventfds and the log: no call here makes a new socket or reaches another address.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_recvmsg, // the front end's messages, with descriptors
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_accept4, // the front end, and operators on the control socket
    libc::SYS_shutdown,
    libc::SYS_getsockopt, // SO_ERROR, SO_PEERCRED
    libc::SYS_close,
    libc::SYS_fstat,
    // Waiting.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_ppoll,
    libc::SYS_eventfd2,
    libc::SYS_futex, // locks and joins of threads
    libc::SYS_sched_yield,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,   // where the clock cannot be read without the kernel
    libc::SYS_restart_syscall, // waits that a stop signal interrupted
    libc::SYS_splice,          // answers, from the pipe in which they are noted to the front end
    // Memory; what could make it executable is checked below.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,  // growing a large vector
    libc::SYS_madvise, // also gives the pages of a dropped image in the vault back
    // Threads: what the C library and std do at their start and end.
    libc::SYS_clone3, // refused by the other program; allowed here or this one would end the process
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sigaltstack,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction, // abort() restores its default action
    libc::SYS_rt_sigreturn,
    libc::SYS_getrandom, // seeds of hash maps, UUIDs
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Spellings that only x86-64 has; other processors have the newer calls above alone.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];

/// Calls whose arguments matter.
fn checked() -> Result<Rules, BackendError> {
    let own_pid = std::process::id().cast_signed();
    Ok(Rules::from([
        // Guest memory, thread stacks, images in the vault; then guard pages. None of it ever executable.
        (libc::SYS_mmap, vec![rule(vec![lacks(2, libc::PROT_EXEC)?])?]),
        (libc::SYS_mprotect, vec![rule(vec![lacks(2, libc::PROT_EXEC)?])?]),
        (libc::SYS_clone, vec![rule(vec![has(0, libc::CLONE_THREAD)?])?]),
        // abort(), of ourselves.
        (libc::SYS_tgkill, vec![rule(vec![equals(0, own_pid)?, equals(2, libc::SIGABRT)?])?]),
        (libc::SYS_fcntl, one_of(1, &FCNTL)?),
        // Non-blocking, as std spells it.
        (libc::SYS_ioctl, one_of(1, &[0x5421])?),
        (libc::SYS_prctl, one_of(0, &PRCTL)?),
        (libc::SYS_setsockopt, socket_options(&SOCKET_OPTIONS)?),
        // What an open descriptor is; a path would lead to the empty root.
        (libc::SYS_newfstatat, vec![rule(vec![has(3, libc::AT_EMPTY_PATH)?])?]),
        (libc::SYS_statx, vec![rule(vec![has(2, libc::AT_EMPTY_PATH)?])?]),
    ]))
}

const FCNTL: [i32; 6] = [
    libc::F_DUPFD_CLOEXEC, // try_clone
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,     // non-blocking
    libc::F_GET_SEALS, // whether a memory region can shrink under us
];

/// How much the display may be behind, and how long an operator may take.
const SOCKET_OPTIONS: [i32; 3] = [libc::SO_SNDBUF, libc::SO_RCVTIMEO, libc::SO_SNDTIMEO];

/// Names of threads and of anonymous mappings: labels for debuggers.
const PRCTL: [i32; 2] = [libc::PR_SET_NAME, libc::PR_SET_VMA];

fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions)
}

fn one_of(argument: u8, values: &[i32]) -> Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| rule(vec![equals(argument, *value)?])).collect()
}

fn socket_options(options: &[i32]) -> Result<Vec<SeccompRule>, BackendError> {
    options.iter().map(|option| rule(vec![equals(1, libc::SOL_SOCKET)?, equals(2, *option)?])).collect()
}

fn equals(argument: u8, value: i32) -> Result<SeccompCondition, BackendError> {
    condition(argument, SeccompCmpOp::Eq, value)
}

fn above(argument: u8, value: i32) -> Result<SeccompCondition, BackendError> {
    condition(argument, SeccompCmpOp::Gt, value)
}

fn has(argument: u8, bit: i32) -> Result<SeccompCondition, BackendError> {
    condition(argument, SeccompCmpOp::MaskedEq(bits(bit)), bit)
}

fn lacks(argument: u8, bit: i32) -> Result<SeccompCondition, BackendError> {
    condition(argument, SeccompCmpOp::MaskedEq(bits(bit)), 0)
}

fn null(argument: u8) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)
}

/// Each of these arguments is an `int`, or a number below 2³²: the kernel too looks at the low half only.
fn condition(argument: u8, compare: SeccompCmpOp, value: i32) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, bits(value))
}

fn bits(value: i32) -> u64 {
    u64::from(value.cast_unsigned())
}
