//! The event table: one row for each kind of event, with Falco's names.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::EventType;

/// A row of the event table.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo {
    /// The name that `evt.type` gives.
    pub name: &'static str,
    /// The names of the arguments, in order.
    pub args: &'static [&'static str],
}

const fn event(name: &'static str, args: &'static [&'static str]) -> EventInfo {
    EventInfo { name, args }
}

/// Every kind of event. [`EventType`] is an index into it.
pub const EVENTS: &[EventInfo] = &[
    event(
        "execve",
        &[
            "res",
            "exe",
            "args",
            "tid",
            "pid",
            "ptid",
            "cwd",
            "fdlimit",
            "pgft_maj",
            "pgft_min",
            "vm_size",
            "vm_rss",
            "vm_swap",
            "comm",
            "cgroups",
            "env",
            "tty",
            "vpgid",
            "loginuid",
            "flags",
            "cap_inheritable",
            "cap_permitted",
            "cap_effective",
            "exe_ino",
            "exe_ino_ctime",
            "exe_ino_mtime",
            "uid",
            "trusted_exepath",
            "pgid",
            "gid",
            "filename",
        ],
    ),
    event(
        "execveat",
        &[
            "res",
            "exe",
            "args",
            "tid",
            "pid",
            "ptid",
            "cwd",
            "fdlimit",
            "pgft_maj",
            "pgft_min",
            "vm_size",
            "vm_rss",
            "vm_swap",
            "comm",
            "cgroups",
            "env",
            "tty",
            "vpgid",
            "loginuid",
            "flags",
            "cap_inheritable",
            "cap_permitted",
            "cap_effective",
            "exe_ino",
            "exe_ino_ctime",
            "exe_ino_mtime",
            "uid",
            "trusted_exepath",
            "pgid",
            "gid",
        ],
    ),
    event(
        "clone",
        &[
            "res",
            "exe",
            "args",
            "tid",
            "pid",
            "ptid",
            "cwd",
            "fdlimit",
            "pgft_maj",
            "pgft_min",
            "vm_size",
            "vm_rss",
            "vm_swap",
            "comm",
            "cgroups",
            "flags",
            "uid",
            "gid",
            "vtid",
            "vpid",
            "pidns_init_start_ts",
        ],
    ),
    event("procexit", &["status", "ret", "sig", "core", "reaper_tid"]),
    event("open", &["fd", "name", "flags", "mode", "dev", "ino"]),
    event("openat", &["fd", "dirfd", "name", "flags", "mode", "dev", "ino"]),
    event("openat2", &["fd", "dirfd", "name", "flags", "mode", "resolve", "dev", "ino"]),
    event("creat", &["fd", "name", "mode", "dev", "ino", "creat_flags"]),
    event("open_by_handle_at", &["fd", "mountfd", "flags", "path", "dev", "ino"]),
    event("connect", &["res", "tuple", "fd", "addr"]),
    // The rest, by name.
    event("accept", &["fd", "tuple", "queuepct", "queuelen", "queuemax"]),
    event("accept4", &["fd", "tuple", "queuepct", "queuelen", "queuemax", "flags"]),
    event("access", &["res", "name", "mode"]),
    event("asyncevent", &["plugin_id", "name", "data"]),
    event("bind", &["res", "addr", "fd"]),
    event("bpf", &["fd", "cmd"]),
    event("brk", &["res", "vm_size", "vm_rss", "vm_swap", "addr"]),
    event("capset", &["res", "cap_inheritable", "cap_permitted", "cap_effective"]),
    event("chdir", &["res", "path"]),
    event("chmod", &["res", "filename", "mode"]),
    event("chown", &["res", "path", "uid", "gid"]),
    event("chroot", &["res", "path"]),
    event(
        "clone3",
        &[
            "res",
            "exe",
            "args",
            "tid",
            "pid",
            "ptid",
            "cwd",
            "fdlimit",
            "pgft_maj",
            "pgft_min",
            "vm_size",
            "vm_rss",
            "vm_swap",
            "comm",
            "cgroups",
            "flags",
            "uid",
            "gid",
            "vtid",
            "vpid",
            "pidns_init_start_ts",
        ],
    ),
    event("close", &["res", "fd"]),
    event("close_range", &["res", "first", "last", "flags"]),
    event("container", &["json"]),
    event("copy_file_range", &["res", "fdout", "offout", "fdin", "offin", "len"]),
    event("delete_module", &["res", "name", "flags"]),
    event("dup", &["res", "oldfd"]),
    event("dup2", &["res", "oldfd", "newfd"]),
    event("dup3", &["res", "oldfd", "newfd", "flags"]),
    event("epoll_create", &["res", "size"]),
    event("epoll_create1", &["res", "flags"]),
    event("epoll_wait", &["res", "maxevents"]),
    event("eventfd", &["res", "initval", "flags"]),
    event("eventfd2", &["res", "flags", "initval"]),
    event("fchdir", &["res", "fd"]),
    event("fchmod", &["res", "fd", "mode"]),
    event("fchmodat", &["res", "dirfd", "filename", "mode"]),
    event("fchown", &["res", "fd", "uid", "gid"]),
    event("fchownat", &["res", "dirfd", "pathname", "uid", "gid", "flags"]),
    event("fcntl", &["res", "fd", "cmd", "arg"]),
    event("finit_module", &["res", "fd", "uargs", "flags"]),
    event("flock", &["res", "fd", "operation"]),
    event(
        "fork",
        &[
            "res",
            "exe",
            "args",
            "tid",
            "pid",
            "ptid",
            "cwd",
            "fdlimit",
            "pgft_maj",
            "pgft_min",
            "vm_size",
            "vm_rss",
            "vm_swap",
            "comm",
            "cgroups",
            "flags",
            "uid",
            "gid",
            "vtid",
            "vpid",
            "pidns_init_start_ts",
        ],
    ),
    event("fsconfig", &["res", "fd", "cmd", "key", "value_bytebuf", "value_charbuf", "aux"]),
    event("fstat", &["res", "fd"]),
    event("fstat64", &["res"]),
    event("futex", &["res", "addr", "op", "val"]),
    event("getcwd", &["res", "path"]),
    event("getdents", &["res", "fd"]),
    event("getdents64", &["res", "fd"]),
    event("getegid", &["egid"]),
    event("geteuid", &["euid"]),
    event("getgid", &["gid"]),
    event("getpeername", &[]),
    event("getresgid", &["res", "rgid", "egid", "sgid"]),
    event("getresuid", &["res", "ruid", "euid", "suid"]),
    event("getrlimit", &["res", "cur", "max", "resource"]),
    event("getsockname", &[]),
    event("getsockopt", &["res", "fd", "level", "optname", "val", "optlen"]),
    event("getuid", &["uid"]),
    event("groupadded", &["gid", "name", "container_id"]),
    event("groupdeleted", &["gid", "name", "container_id"]),
    event("init_module", &["res", "img", "length", "uargs"]),
    event("inotify_init", &["res", "flags"]),
    event("inotify_init1", &["res", "flags"]),
    event("io_uring_enter", &["res", "fd", "to_submit", "min_complete", "flags", "sig"]),
    event("io_uring_register", &["res", "fd", "opcode", "arg", "nr_args"]),
    event(
        "io_uring_setup",
        &[
            "res",
            "entries",
            "sq_entries",
            "cq_entries",
            "flags",
            "sq_thread_cpu",
            "sq_thread_idle",
            "features",
        ],
    ),
    event("ioctl", &["res", "fd", "request", "argument"]),
    event("keyctl", &["res", "operation", "arg2", "arg3", "arg4", "arg5"]),
    event("kill", &["res", "pid", "sig"]),
    event("lchown", &["res", "path", "uid", "gid"]),
    event("link", &["res", "oldpath", "newpath"]),
    event("linkat", &["res", "olddir", "oldpath", "newdir", "newpath", "flags"]),
    event("listen", &["res", "fd", "backlog"]),
    event("llseek", &["res", "fd", "offset", "whence"]),
    event("lseek", &["res", "fd", "offset", "whence"]),
    event("lstat", &["res", "path"]),
    event("lstat64", &["res", "path"]),
    event("memfd_create", &["fd", "name", "flags"]),
    event("mkdir", &["res", "path", "mode"]),
    event("mkdirat", &["res", "dirfd", "path", "mode"]),
    event("mknod", &["res", "path", "mode", "dev"]),
    event("mknodat", &["res", "dirfd", "path", "mode", "dev"]),
    event("mlock", &["res", "addr", "len"]),
    event("mlock2", &["res", "addr", "len", "flags"]),
    event("mlockall", &["res", "flags"]),
    event(
        "mmap",
        &["res", "vm_size", "vm_rss", "vm_swap", "addr", "length", "prot", "flags", "fd", "offset"],
    ),
    event(
        "mmap2",
        &["res", "vm_size", "vm_rss", "vm_swap", "addr", "length", "prot", "flags", "fd", "pgoffset"],
    ),
    event("mount", &["res", "dev", "dir", "type", "flags"]),
    event("mprotect", &["res", "addr", "length", "prot"]),
    event("munlock", &["res", "addr", "len"]),
    event("munlockall", &["res"]),
    event("munmap", &["res", "vm_size", "vm_rss", "vm_swap", "addr", "length"]),
    event("nanosleep", &["res", "interval"]),
    event("newfstatat", &["res", "dirfd", "path", "flags"]),
    event("pidfd_getfd", &["fd", "pid_fd", "target_fd", "flags"]),
    event("pidfd_open", &["fd", "pid", "flags"]),
    event("pipe", &["res", "fd1", "fd2", "ino"]),
    event("pipe2", &["res", "fd1", "fd2", "ino", "flags"]),
    event("pluginevent", &["plugin_id", "event_data"]),
    event("poll", &["res", "fds", "timeout"]),
    event("ppoll", &["res", "fds", "timeout", "sigmask"]),
    event("prctl", &["res", "option", "arg2_str", "arg2_int"]),
    event("pread", &["res", "data", "fd", "size", "pos"]),
    event("preadv", &["res", "size", "data", "fd", "pos"]),
    event("prlimit", &["res", "newcur", "newmax", "oldcur", "oldmax", "pid", "resource"]),
    event("process_vm_readv", &["res", "pid", "data"]),
    event("process_vm_writev", &["res", "pid", "data"]),
    event("ptrace", &["res", "addr", "data", "request", "pid"]),
    event("pwrite", &["res", "data", "fd", "size", "pos"]),
    event("pwritev", &["res", "data", "fd", "size", "pos"]),
    event(
        "quotactl",
        &[
            "res",
            "special",
            "quotafilepath",
            "dqb_bhardlimit",
            "dqb_bsoftlimit",
            "dqb_curspace",
            "dqb_ihardlimit",
            "dqb_isoftlimit",
            "dqb_btime",
            "dqb_itime",
            "dqi_bgrace",
            "dqi_igrace",
            "dqi_flags",
            "quota_fmt_out",
            "cmd",
            "type",
            "id",
            "quota_fmt",
        ],
    ),
    event("read", &["res", "data", "fd", "size"]),
    event("readv", &["res", "size", "data", "fd"]),
    event("recv", &["res", "data", "fd", "size", "tuple"]),
    event("recvfrom", &["res", "data", "tuple", "fd", "size"]),
    event("recvmmsg", &["res", "fd", "size", "data", "tuple", "msgcontrol"]),
    event("recvmsg", &["res", "size", "data", "tuple", "msgcontrol", "fd"]),
    event("rename", &["res", "oldpath", "newpath"]),
    event("renameat", &["res", "olddirfd", "oldpath", "newdirfd", "newpath"]),
    event("renameat2", &["res", "olddirfd", "oldpath", "newdirfd", "newpath", "flags"]),
    event("rmdir", &["res", "path"]),
    event("seccomp", &["res", "op", "flags"]),
    event("select", &["res"]),
    event("semctl", &["res", "semid", "semnum", "cmd", "val"]),
    event("semget", &["res", "key", "nsems", "semflg"]),
    event(
        "semop",
        &[
            "res",
            "nsops",
            "sem_num_0",
            "sem_op_0",
            "sem_flg_0",
            "sem_num_1",
            "sem_op_1",
            "sem_flg_1",
            "semid",
        ],
    ),
    event("send", &["res", "data", "fd", "size", "tuple"]),
    event("sendfile", &["res", "offset", "out_fd", "in_fd", "size"]),
    event("sendmmsg", &["res", "fd", "size", "data", "tuple"]),
    event("sendmsg", &["res", "data", "fd", "size", "tuple"]),
    event("sendto", &["res", "data", "fd", "size", "tuple"]),
    event("setgid", &["res", "gid"]),
    event("setns", &["res", "fd", "nstype"]),
    event("setpgid", &["res", "pid", "pgid"]),
    event("setregid", &["res", "rgid", "egid"]),
    event("setresgid", &["res", "rgid", "egid", "sgid"]),
    event("setresuid", &["res", "ruid", "euid", "suid"]),
    event("setreuid", &["res", "ruid", "euid"]),
    event("setrlimit", &["res", "cur", "max", "resource"]),
    event("setsid", &["res"]),
    event("setsockopt", &["res", "fd", "level", "optname", "val", "optlen"]),
    event("setuid", &["res", "uid"]),
    event("shutdown", &["res", "fd", "how"]),
    event("signaldeliver", &["spid", "dpid", "sig"]),
    event("signalfd", &["res", "fd", "mask", "flags"]),
    event("signalfd4", &["res", "flags", "fd", "mask"]),
    event("socket", &["fd", "domain", "type", "proto", "flags"]),
    event("socketpair", &["res", "fd1", "fd2", "source", "peer", "domain", "type", "proto"]),
    event("splice", &["res", "fd_in", "fd_out", "size", "flags"]),
    event("stat", &["res", "path"]),
    event("stat64", &["res", "path"]),
    event("switch", &["next", "pgft_maj", "pgft_min", "vm_size", "vm_rss", "vm_swap"]),
    event("symlink", &["res", "target", "linkpath"]),
    event("symlinkat", &["res", "target", "linkdirfd", "linkpath"]),
    event("tgkill", &["res", "pid", "tid", "sig"]),
    event("timerfd_create", &["res", "clockid", "flags"]),
    event("tkill", &["res", "tid", "sig"]),
    event("umount", &["res", "name"]),
    event("umount2", &["res", "name", "flags"]),
    event("unlink", &["res", "path"]),
    event("unlinkat", &["res", "dirfd", "name", "flags"]),
    event("unshare", &["res", "flags"]),
    event("useradded", &["uid", "gid", "name", "home", "shell", "container_id"]),
    event("userdeleted", &["uid", "gid", "name", "home", "shell", "container_id"]),
    event("userfaultfd", &["res", "flags"]),
    event(
        "vfork",
        &[
            "res",
            "exe",
            "args",
            "tid",
            "pid",
            "ptid",
            "cwd",
            "fdlimit",
            "pgft_maj",
            "pgft_min",
            "vm_size",
            "vm_rss",
            "vm_swap",
            "comm",
            "cgroups",
            "flags",
            "uid",
            "gid",
            "vtid",
            "vpid",
            "pidns_init_start_ts",
        ],
    ),
    event("write", &["res", "data", "fd", "size"]),
    event("writev", &["res", "data", "fd", "size"]),
    // System calls that have no arguments in Falco's table: those of ours that have some.
    event("_sysctl", &[]),
    event("acct", &["res", "path"]),
    event("add_key", &[]),
    event("adjtimex", &[]),
    event("afs_syscall", &[]),
    event("alarm", &[]),
    event("arch_prctl", &[]),
    event("capget", &[]),
    event("clock_adjtime", &[]),
    event("clock_getres", &[]),
    event("clock_gettime", &[]),
    event("clock_nanosleep", &[]),
    event("clock_settime", &[]),
    event("create_module", &[]),
    event("epoll_ctl", &[]),
    event("epoll_ctl_old", &[]),
    event("epoll_pwait", &[]),
    event("epoll_pwait2", &[]),
    event("epoll_wait_old", &[]),
    event("exit", &[]),
    event("exit_group", &[]),
    event("faccessat", &["res", "dirfd", "name", "mode"]),
    event("faccessat2", &["res", "dirfd", "name", "mode", "flags"]),
    event("fadvise64", &[]),
    event("fallocate", &["res", "fd", "mode"]),
    event("fanotify_init", &["res", "flags"]),
    event("fanotify_mark", &[]),
    event("fdatasync", &[]),
    event("fgetxattr", &[]),
    event("flistxattr", &[]),
    event("fremovexattr", &["res", "fd", "name"]),
    event("fsetxattr", &["res", "fd", "name", "flags"]),
    event("fsmount", &["fd", "fs_fd", "flags", "attr_flags"]),
    event("fsopen", &["fd", "name", "flags"]),
    event("fspick", &["fd", "dirfd", "path", "flags"]),
    event("fstatfs", &[]),
    event("fsync", &[]),
    event("ftruncate", &["res", "fd", "length"]),
    event("futex_waitv", &[]),
    event("futimesat", &["res", "dirfd", "path"]),
    event("get_kernel_syms", &[]),
    event("get_mempolicy", &[]),
    event("get_robust_list", &[]),
    event("get_thread_area", &[]),
    event("getcpu", &[]),
    event("getgroups", &[]),
    event("getitimer", &[]),
    event("getpgid", &[]),
    event("getpgrp", &[]),
    event("getpid", &[]),
    event("getpmsg", &[]),
    event("getppid", &[]),
    event("getpriority", &[]),
    event("getrandom", &[]),
    event("getrusage", &[]),
    event("getsid", &[]),
    event("gettid", &[]),
    event("gettimeofday", &[]),
    event("getxattr", &[]),
    event("inotify_add_watch", &["res", "fd", "path", "mask"]),
    event("inotify_rm_watch", &[]),
    event("io_cancel", &[]),
    event("io_destroy", &[]),
    event("io_getevents", &[]),
    event("io_pgetevents", &[]),
    event("io_setup", &[]),
    event("io_submit", &[]),
    event("ioperm", &[]),
    event("iopl", &["res", "level"]),
    event("ioprio_get", &[]),
    event("ioprio_set", &[]),
    event("kcmp", &[]),
    event("kexec_file_load", &["res", "kernel_fd", "initrd_fd", "cmdline", "flags"]),
    event("kexec_load", &["res", "entry", "nr_segments", "flags"]),
    event("landlock_add_rule", &[]),
    event("landlock_create_ruleset", &[]),
    event("landlock_restrict_self", &["res", "fd", "flags"]),
    event("lgetxattr", &[]),
    event("listxattr", &[]),
    event("llistxattr", &[]),
    event("lookup_dcookie", &[]),
    event("lremovexattr", &["res", "path", "name"]),
    event("lsetxattr", &["res", "path", "name", "flags"]),
    event("madvise", &[]),
    event("mbind", &[]),
    event("membarrier", &[]),
    event("memfd_secret", &["fd", "flags"]),
    event("migrate_pages", &[]),
    event("mincore", &[]),
    event("modify_ldt", &[]),
    event("mount_setattr", &["res", "dirfd", "path", "flags", "attr_set", "attr_clr"]),
    event("move_mount", &["res", "from_dirfd", "from_path", "to_dirfd", "to_path", "flags"]),
    event("move_pages", &[]),
    event("mq_getsetattr", &[]),
    event("mq_notify", &[]),
    event("mq_open", &[]),
    event("mq_timedreceive", &[]),
    event("mq_timedsend", &[]),
    event("mq_unlink", &[]),
    event("mremap", &[]),
    event("msgctl", &[]),
    event("msgget", &[]),
    event("msgrcv", &[]),
    event("msgsnd", &[]),
    event("msync", &[]),
    event("name_to_handle_at", &["res", "dirfd", "path", "flags"]),
    event("nfsservctl", &[]),
    event("open_tree", &["fd", "dirfd", "path", "flags"]),
    event("pause", &[]),
    event("perf_event_open", &["fd", "pid", "cpu", "group_fd", "flags"]),
    event("personality", &["res", "persona"]),
    event("pidfd_send_signal", &["res", "pid_fd", "sig", "flags"]),
    event("pivot_root", &["res", "new_root", "put_old"]),
    event("pkey_alloc", &[]),
    event("pkey_free", &[]),
    event("pkey_mprotect", &["res", "addr", "length", "prot", "pkey"]),
    event("pread64", &[]),
    event("preadv2", &[]),
    event("prlimit64", &[]),
    event("process_madvise", &[]),
    event("process_mrelease", &[]),
    event("pselect6", &[]),
    event("putpmsg", &[]),
    event("pwrite64", &[]),
    event("pwritev2", &[]),
    event("query_module", &[]),
    event("quotactl_fd", &[]),
    event("readahead", &[]),
    event("readlink", &[]),
    event("readlinkat", &[]),
    event("reboot", &[]),
    event("remap_file_pages", &[]),
    event("removexattr", &["res", "path", "name"]),
    event("request_key", &[]),
    event("restart_syscall", &[]),
    event("rseq", &[]),
    event("rt_sigaction", &[]),
    event("rt_sigpending", &[]),
    event("rt_sigprocmask", &[]),
    event("rt_sigqueueinfo", &["res", "pid", "sig"]),
    event("rt_sigreturn", &[]),
    event("rt_sigsuspend", &[]),
    event("rt_sigtimedwait", &[]),
    event("rt_tgsigqueueinfo", &["res", "pid", "tid", "sig"]),
    event("sched_get_priority_max", &[]),
    event("sched_get_priority_min", &[]),
    event("sched_getaffinity", &[]),
    event("sched_getattr", &[]),
    event("sched_getparam", &[]),
    event("sched_getscheduler", &[]),
    event("sched_rr_get_interval", &[]),
    event("sched_setaffinity", &[]),
    event("sched_setattr", &[]),
    event("sched_setparam", &[]),
    event("sched_setscheduler", &[]),
    event("sched_yield", &[]),
    event("security", &[]),
    event("semtimedop", &[]),
    event("set_mempolicy", &[]),
    event("set_mempolicy_home_node", &[]),
    event("set_robust_list", &[]),
    event("set_thread_area", &[]),
    event("set_tid_address", &[]),
    event("setdomainname", &["res", "name"]),
    event("setfsgid", &["res", "gid"]),
    event("setfsuid", &["res", "uid"]),
    event("setgroups", &["res", "size"]),
    event("sethostname", &["res", "name"]),
    event("setitimer", &[]),
    event("setpriority", &[]),
    event("settimeofday", &[]),
    event("setxattr", &["res", "path", "name", "flags"]),
    event("shmat", &[]),
    event("shmctl", &[]),
    event("shmdt", &[]),
    event("shmget", &[]),
    event("sigaltstack", &[]),
    event("statfs", &[]),
    event("statx", &[]),
    event("swapoff", &["res", "path"]),
    event("swapon", &["res", "path", "flags"]),
    event("sync", &[]),
    event("sync_file_range", &[]),
    event("syncfs", &[]),
    event("sysfs", &[]),
    event("sysinfo", &[]),
    event("syslog", &[]),
    event("tee", &["res", "fd_in", "fd_out", "size", "flags"]),
    event("time", &[]),
    event("timer_create", &[]),
    event("timer_delete", &[]),
    event("timer_getoverrun", &[]),
    event("timer_gettime", &[]),
    event("timer_settime", &[]),
    event("timerfd_gettime", &[]),
    event("timerfd_settime", &[]),
    event("times", &[]),
    event("truncate", &["res", "path", "length"]),
    event("tuxcall", &[]),
    event("umask", &[]),
    event("uname", &[]),
    event("uselib", &[]),
    event("ustat", &[]),
    event("utime", &["res", "path"]),
    event("utimensat", &["res", "dirfd", "path", "flags"]),
    event("utimes", &["res", "path"]),
    event("vhangup", &[]),
    event("vmsplice", &["res", "fd", "flags"]),
    event("vserver", &[]),
    event("wait4", &[]),
    event("waitid", &[]),
    event("cachestat", &[]),
    event("fchmodat2", &[]),
    event("file_getattr", &[]),
    event("file_setattr", &[]),
    event("futex_requeue", &[]),
    event("futex_wait", &[]),
    event("futex_wake", &[]),
    event("getxattrat", &[]),
    event("ipc", &[]),
    event("listmount", &[]),
    event("listxattrat", &[]),
    event("lsm_get_self_attr", &[]),
    event("lsm_list_modules", &[]),
    event("lsm_set_self_attr", &[]),
    event("map_shadow_stack", &[]),
    event("mseal", &[]),
    event("open_tree_attr", &[]),
    event("removexattrat", &[]),
    event("setxattrat", &[]),
    event("socketcall", &[]),
    event("statmount", &[]),
    event("syscall", &["ID", "nativeID"]),
    event("drop", &["ratio"]),
    event("scapevent", &["event_type", "event_data"]),
    event("procinfo", &["cpu_usr", "cpu_sys"]),
    event("cpu_hotplug", &["cpu", "action"]),
    event("k8s", &["json"]),
    event("tracer", &["id", "tags", "args"]),
    event("mesos", &["json"]),
    event("notification", &["id", "desc"]),
    event("infra", &["source", "name", "description", "scope"]),
    event("page_fault", &["addr", "ip", "error"]),
    event("container_removed", &[]),
    // Cadge's own: a process was moved to another cgroup. `from` and `to` are containers.
    event("cgroup_attach", &["cgroup", "from", "to", "by"]),
];

/// The constants that sources use. A test compares each with its row.
/// What is no system call.
const NO_CALLS: &[&str] = &[
    "asyncevent",
    "cgroup_attach",
    "container",
    "container_removed",
    "cpu_hotplug",
    "drop",
    "groupadded",
    "groupdeleted",
    "infra",
    "k8s",
    "mesos",
    "notification",
    "page_fault",
    "pluginevent",
    "procexit",
    "procinfo",
    "scapevent",
    "signaldeliver",
    "switch",
    "tracer",
    "useradded",
    "userdeleted",
];

/// Falco's categories of calls; what is not listed is `other`.
const CATEGORIES: &[(&str, &[&str])] = &[
    (
        "IPC",
        &["eventfd", "eventfd2", "futex", "inotify_init", "inotify_init1", "pipe", "pipe2", "socketpair"],
    ),
    (
        "file",
        &[
            "access",
            "chdir",
            "chmod",
            "chown",
            "copy_file_range",
            "creat",
            "fchdir",
            "fchmod",
            "fchmodat",
            "fchown",
            "fchownat",
            "flock",
            "fstat",
            "fstat64",
            "getcwd",
            "getdents",
            "getdents64",
            "lchown",
            "link",
            "linkat",
            "llseek",
            "lseek",
            "lstat",
            "lstat64",
            "mkdir",
            "mkdirat",
            "mount",
            "newfstatat",
            "open",
            "open_by_handle_at",
            "openat",
            "openat2",
            "rename",
            "renameat",
            "renameat2",
            "rmdir",
            "stat",
            "stat64",
            "symlink",
            "symlinkat",
            "umount",
            "umount2",
            "unlink",
            "unlinkat",
            "userfaultfd",
        ],
    ),
    ("internal", &["container", "drop", "infra", "k8s", "mesos", "procinfo", "scapevent"]),
    (
        "io",
        &[
            "close",
            "close_range",
            "dup",
            "dup2",
            "dup3",
            "fcntl",
            "io_uring_enter",
            "io_uring_register",
            "io_uring_setup",
            "ioctl",
            "pread",
            "preadv",
            "pwrite",
            "pwritev",
            "read",
            "readv",
            "recv",
            "recvfrom",
            "recvmmsg",
            "recvmsg",
            "send",
            "sendfile",
            "sendmmsg",
            "sendmsg",
            "sendto",
            "splice",
            "write",
            "writev",
        ],
    ),
    (
        "memory",
        &[
            "brk",
            "memfd_create",
            "mlock",
            "mlock2",
            "mlockall",
            "mmap",
            "mmap2",
            "mprotect",
            "munlock",
            "munlockall",
            "munmap",
        ],
    ),
    (
        "net",
        &[
            "accept",
            "accept4",
            "bind",
            "connect",
            "getpeername",
            "getsockname",
            "getsockopt",
            "listen",
            "setsockopt",
            "shutdown",
            "socket",
        ],
    ),
    (
        "process",
        &[
            "capset",
            "chroot",
            "clone",
            "clone3",
            "execve",
            "execveat",
            "fork",
            "getrlimit",
            "groupadded",
            "groupdeleted",
            "pidfd_getfd",
            "pidfd_open",
            "prctl",
            "prlimit",
            "procexit",
            "ptrace",
            "semctl",
            "semget",
            "semop",
            "setns",
            "setpgid",
            "setrlimit",
            "setsid",
            "unshare",
            "useradded",
            "userdeleted",
            "vfork",
        ],
    ),
    ("scheduler", &["switch"]),
    ("signal", &["kill", "signaldeliver", "signalfd", "signalfd4", "tgkill", "tkill"]),
    ("sleep", &["nanosleep"]),
    ("system", &["cpu_hotplug", "fsconfig"]),
    ("time", &["timerfd_create"]),
    (
        "user",
        &[
            "getegid",
            "geteuid",
            "getgid",
            "getresgid",
            "getresuid",
            "getuid",
            "quotactl",
            "setgid",
            "setregid",
            "setresgid",
            "setresuid",
            "setreuid",
            "setuid",
        ],
    ),
    ("wait", &["epoll_create", "epoll_create1", "epoll_wait", "poll", "ppoll", "select"]),
];

impl EventType {
    /// A program was executed.
    pub const EXECVE: Self = Self(0);
    /// A program was executed, by descriptor or relative to one.
    pub const EXECVEAT: Self = Self(1);
    /// A process was created.
    pub const CLONE: Self = Self(2);
    /// A process ended.
    pub const PROCEXIT: Self = Self(3);
    /// `open`.
    pub const OPEN: Self = Self(4);
    /// `openat`.
    pub const OPENAT: Self = Self(5);
    /// `openat2`.
    pub const OPENAT2: Self = Self(6);
    /// `creat`.
    pub const CREAT: Self = Self(7);
    /// `open_by_handle_at`.
    pub const OPEN_BY_HANDLE_AT: Self = Self(8);
    /// `connect`.
    pub const CONNECT: Self = Self(9);
    /// `asyncevent`.
    pub const ASYNCEVENT: Self = Self(13);
    /// `pluginevent`: what a source other than `syscall` gives.
    pub const PLUGINEVENT: Self = Self(102);

    /// Its row.
    pub fn info(self) -> &'static EventInfo {
        &EVENTS[usize::from(self.0)]
    }

    /// Its name, as `evt.type` gives it.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Every kind of event, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..EVENTS.len()).filter_map(|index| u16::try_from(index).ok().map(Self))
    }

    /// Its place in the table.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The group of calls that it belongs to: Falco's `evt.category`, but `io` for what reads and writes.
    pub fn category(self) -> &'static str {
        let name = self.name();
        let found = CATEGORIES.iter().find(|(_, names)| names.contains(&name));
        found.map_or("other", |(category, _)| category)
    }

    /// Whether it is the end of a system call.
    pub fn is_call(self) -> bool {
        !NO_CALLS.contains(&self.name())
    }

    /// The kind of event with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        static BY_NAME: LazyLock<HashMap<&str, EventType>> =
            LazyLock::new(|| EventType::all().map(|kind| (kind.name(), kind)).collect());
        BY_NAME.get(name).copied()
    }
}

/// Whether some event has an argument of this name.
pub(crate) fn is_argument(name: &str) -> bool {
    EVENTS.iter().any(|event| event.args.contains(&name))
}

/// A set of kinds of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventSet([u64; EVENTS.len().div_ceil(64)]);

impl EventSet {
    pub(crate) const EMPTY: Self = Self([0; EVENTS.len().div_ceil(64)]);

    pub(crate) fn all() -> Self {
        let mut set = Self::EMPTY;
        for index in 0..EVENTS.len() {
            set.0[index / 64] |= 1 << (index % 64);
        }
        set
    }

    pub(crate) fn insert(&mut self, kind: EventType) {
        self.0[usize::from(kind.0) / 64] |= 1 << (kind.0 % 64);
    }

    pub(crate) fn union(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    pub(crate) fn intersect(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine &= theirs;
        }
    }

    pub(crate) fn complement(&self) -> Self {
        let mut set = Self::all();
        for (mine, theirs) in set.0.iter_mut().zip(self.0) {
            *mine &= !theirs;
        }
        set
    }

    pub(crate) fn contains(&self, kind: EventType) -> bool {
        self.0[usize::from(kind.0) / 64] >> (kind.0 % 64) & 1 == 1
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = EventType> + '_ {
        EventType::all().filter(|kind| self.contains(*kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_their_rows() {
        let constants = [
            (EventType::EXECVE, "execve"),
            (EventType::EXECVEAT, "execveat"),
            (EventType::CLONE, "clone"),
            (EventType::PROCEXIT, "procexit"),
            (EventType::OPEN, "open"),
            (EventType::OPENAT, "openat"),
            (EventType::OPENAT2, "openat2"),
            (EventType::CREAT, "creat"),
            (EventType::OPEN_BY_HANDLE_AT, "open_by_handle_at"),
            (EventType::CONNECT, "connect"),
        ];
        for (kind, name) in constants {
            assert_eq!(kind.name(), name);
        }
    }

    #[test]
    fn names_are_unique() {
        for kind in EventType::all() {
            assert_eq!(EventType::from_name(kind.name()), Some(kind), "{}", kind.name());
        }
    }

    #[test]
    fn sets_are_sets() {
        let mut opens = EventSet::EMPTY;
        opens.insert(EventType::OPEN);
        opens.insert(EventType::OPENAT);
        assert_eq!(opens.len(), 2);
        assert_eq!(opens.complement().len(), EVENTS.len() - 2);
        assert!(!opens.complement().contains(EventType::OPEN));
        assert_eq!(opens.iter().collect::<Vec<_>>(), [EventType::OPEN, EventType::OPENAT]);
    }
}
