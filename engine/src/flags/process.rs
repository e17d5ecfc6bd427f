//! Flags of calls on processes.

use super::Names;

/// `clone`, `clone3`, `unshare`, and the kind of namespace of `setns`.
pub static CLONE: Names = Names(&[
    (0x0000_0400, "CLONE_FILES"),
    (0x0000_0200, "CLONE_FS"),
    (0x8000_0000, "CLONE_IO"),
    (0x0800_0000, "CLONE_NEWIPC"),
    (0x4000_0000, "CLONE_NEWNET"),
    (0x0002_0000, "CLONE_NEWNS"),
    (0x2000_0000, "CLONE_NEWPID"),
    (0x0400_0000, "CLONE_NEWUTS"),
    (0x0000_8000, "CLONE_PARENT"),
    (0x0010_0000, "CLONE_PARENT_SETTID"),
    (0x0000_2000, "CLONE_PTRACE"),
    (0x0000_0800, "CLONE_SIGHAND"),
    (0x0004_0000, "CLONE_SYSVSEM"),
    (0x0001_0000, "CLONE_THREAD"),
    (0x0080_0000, "CLONE_UNTRACED"),
    (0x1000_0000, "CLONE_NEWUSER"),
    (0x0000_0100, "CLONE_VM"),
    (0x0020_0000, "CLONE_CHILD_CLEARTID"),
    (0x0100_0000, "CLONE_CHILD_SETTID"),
    (0x0008_0000, "CLONE_SETTLS"),
    (0x0000_4000, "CLONE_VFORK"),
    (0x0200_0000, "CLONE_NEWCGROUP"),
    (0x0000_0080, "CLONE_NEWTIME"),
    (0x0000_1000, "CLONE_PIDFD"),
    (0x0040_0000, "CLONE_DETACHED"),
    (0x1_0000_0000, "CLONE_CLEAR_SIGHAND"),
    (0x2_0000_0000, "CLONE_INTO_CGROUP"),
]);

/// `execve`, `execveat`: Falco's own flags, of the executable.
pub static EXECVE: Names =
    Names(&[(1, "EXE_WRITABLE"), (2, "EXE_UPPER_LAYER"), (4, "EXE_FROM_MEMFD"), (8, "EXE_LOWER_LAYER")]);

/// `pidfd_open`.
pub static PIDFD_OPEN: Names = Names(&[(0o4_000, "PIDFD_NONBLOCK"), (0o200, "PIDFD_THREAD")]);

/// `getrlimit`, `setrlimit`, `prlimit`: what is limited.
pub static RLIMIT_RESOURCE: Names = Names(&[
    (15, "RLIMIT_RTTIME"),
    (14, "RLIMIT_RTPRIO"),
    (13, "RLIMIT_NICE"),
    (12, "RLIMIT_MSGQUEUE"),
    (11, "RLIMIT_SIGPENDING"),
    (10, "RLIMIT_LOCKS"),
    (9, "RLIMIT_AS"),
    (8, "RLIMIT_MEMLOCK"),
    (7, "RLIMIT_NOFILE"),
    (6, "RLIMIT_NPROC"),
    (5, "RLIMIT_RSS"),
    (4, "RLIMIT_CORE"),
    (3, "RLIMIT_STACK"),
    (2, "RLIMIT_DATA"),
    (1, "RLIMIT_FSIZE"),
    (0, "RLIMIT_CPU"),
]);

/// `futex`: the operation.
pub static FUTEX_OPERATION: Names = Names(&[
    (256, "FUTEX_CLOCK_REALTIME"),
    (128, "FUTEX_PRIVATE_FLAG"),
    (12, "FUTEX_CMP_REQUEUE_PI"),
    (11, "FUTEX_WAIT_REQUEUE_PI"),
    (10, "FUTEX_WAKE_BITSET"),
    (9, "FUTEX_WAIT_BITSET"),
    (8, "FUTEX_TRYLOCK_PI"),
    (7, "FUTEX_UNLOCK_PI"),
    (6, "FUTEX_LOCK_PI"),
    (5, "FUTEX_WAKE_OP"),
    (4, "FUTEX_CMP_REQUEUE"),
    (3, "FUTEX_REQUEUE"),
    (2, "FUTEX_FD"),
    (1, "FUTEX_WAKE"),
    (0, "FUTEX_WAIT"),
]);
