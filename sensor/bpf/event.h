/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What goes through the ring buffers: the only header that kernel and user space share. Its Rust
 * mirror is src/source/ebpf/record.rs; a test compares both with the object's BTF.
 *
 * A record is a header, a fixed part by kind, then parts of variable length, each behind a
 * struct cadge_part. Everything is in the machine's byte order, without implicit padding.
 */
#ifndef CADGE_EVENT_H
#define CADGE_EVENT_H

#include <linux/types.h>

/* Grows with every change of what follows. */
#define CADGE_RECORD_VERSION 2

/* Bytes of one record at most. */
#define CADGE_RECORD_BYTES_MAX 16384

enum cadge_kind {
	CADGE_EXEC = 1,    /* struct cadge_process */
	CADGE_FORK = 2,    /* struct cadge_process: the child */
	CADGE_EXIT = 3,    /* struct cadge_exit */
	CADGE_TASK = 4,    /* struct cadge_process: found by the iterator at start */
	CADGE_CALL = 5,    /* struct cadge_call: a system call, or what does its work */
	CADGE_CHANGED = 6, /* struct cadge_process: after a call that changes the process itself */
	CADGE_HOOK = 16,   /* struct cadge_hook: the paths of the call that its thread is in */
	CADGE_ENTER = 17,  /* struct cadge_call: the beginning of one, with its strings only */
	CADGE_SUBMITTED = 7, /* struct cadge_call: an operation of an io_uring begins */
	CADGE_COMPLETED = 8, /* struct cadge_call: it has ended, with this result and these parts */
};

enum cadge_part_kind {
	CADGE_PART_EXE = 1,    /* path of the executable */
	CADGE_PART_ARGV = 2,   /* arguments, each ended by NUL */
	CADGE_PART_CWD = 3,    /* path of the working directory */
	CADGE_PART_CGROUP = 4, /* path in the cgroup file system */
	CADGE_PART_STRING = 5, /* a string of the caller's memory */
	CADGE_PART_BASE = 6,   /* path of the directory that a string is relative to */
	CADGE_PART_FILE = 7,   /* struct cadge_file: what a descriptor refers to */
	CADGE_PART_PATH = 8,   /* and its path */
	CADGE_PART_SOCKET = 9, /* struct cadge_socket: a descriptor refers to a socket */
	CADGE_PART_BYTES = 10, /* bytes of the caller's memory */
	CADGE_PART_ENV = 11,   /* environment, each variable ended by NUL */
	CADGE_PART_ASKED = 12, /* the file that exec was asked for: CADGE_PART_EXE may be its interpreter */
	CADGE_PART_MOVED = 13, /* the cgroup that a process was moved to, in any hierarchy */
	CADGE_PART_INTERPRETER = 14, /* the program that a script names */
	CADGE_PART_HOST_PATH = 20, /* a file's path to the very top, if the caller's root is below that */
	CADGE_PART_NAME = 32,    /* the name of a Unix socket */
	CADGE_PART_PEER = 33,    /* that of its other end */
	CADGE_PART_ADDRESS = 34, /* a socket's address of the caller's memory */
	CADGE_PART_MESSAGE = 35, /* struct cadge_message: the parts up to the next one belong to it */
	CADGE_PART_CONTROL = 36, /* its control data */
	CADGE_PART_REQUEST = 48, /* struct cadge_request */
};

enum cadge_part_flags {
	CADGE_PART_TRUNCATED = 1,  /* did not fit */
	CADGE_PART_DETACHED = 2,   /* the path ends at no mount: a memfd, a pipe, … */
	CADGE_PART_UNREADABLE = 4, /* the caller's memory was not there */
};

/* The number of the argument that a part belongs to: 0 to 5, or one of these. */
enum cadge_arg {
	CADGE_ARG_SECOND = 6, /* the second of two descriptors that an argument points to */
	CADGE_ARG_RESULT = 7, /* what the call returned */
	CADGE_ARG_NONE = 15,
};

/* Paths are names, leaf first, each ended by NUL. */
struct cadge_part {
	__u8 kind;
	__u8 flags;
	__u8 arg; /* enum cadge_arg */
	__u8 reserved;
	__u32 size; /* bytes that follow */
};

struct cadge_header {
	__u16 version;
	__u16 kind;
	__u32 size;    /* bytes of the whole record */
	__u64 time_ns; /* since boot */
	__u32 cpu;
	__u32 pid; /* in the host's namespace, as all ids here */
	__u32 tid;
	__u32 reserved;
};

/* Of a process's executable. */
enum cadge_exe_flags {
	CADGE_EXE_WRITABLE = 1, /* the process may write to it */
	CADGE_EXE_UPPER = 2,    /* in the upper layer of an overlay file system */
	CADGE_EXE_LOWER = 4,    /* in a lower one */
	CADGE_EXE_DELETED = 8,  /* the name under which it was started is gone, or never was */
};

/* Why there is a record of a process. */
enum cadge_cause {
	CADGE_CAUSE_OTHER = 0,
	CADGE_CAUSE_EXECVEAT = 1, /* exec of a descriptor, or relative to one */
	CADGE_CAUSE_RENAME = 2,   /* a new short name */
	CADGE_CAUSE_CGROUP = 3,   /* it was moved to another cgroup */
};

struct cadge_process {
	__u64 start_ns; /* since boot */
	__u64 exe_ino;
	__u64 exe_ctime_ns; /* since 1970 */
	__u64 exe_mtime_ns;
	__u64 cap_effective;
	__u64 cap_permitted;
	__u64 cap_inheritable;
	__u64 cgroup;         /* id in the unified hierarchy */
	__u64 pidns_start_ns; /* when the first process of its pid namespace started, since boot */
	__u64 fd_limit;
	__u64 argv_bytes; /* of all arguments, those that did not fit too */
	__u64 env_bytes;
	__u64 faults_major;
	__u64 faults_minor;
	__u32 vm_size_kb;
	__u32 vm_rss_kb;
	__u32 vm_swap_kb;
	__u32 exe_dev;
	__u32 exe_nlink;
	__u32 exe_flags; /* enum cadge_exe_flags */
	__u32 ppid;
	__u32 vpid; /* v: in its own pid namespace */
	__u32 vtid;
	__u32 sid;
	__u32 vsid;
	__u32 pgid;
	__u32 vpgid;
	__u32 uid; /* the effective ones, in the host's user namespace */
	__u32 gid;
	__u32 real_uid;
	__u32 inner_uid; /* the effective one in its own user namespace */
	__u32 loginuid;
	__u32 tty;
	__u32 ns_pid; /* inodes of its namespaces */
	__u32 ns_mnt;
	__u32 ns_user;
	__u32 ns_net;
	__u32 by;    /* the process that did it: the one that forked, or moved another */
	__u32 cause; /* enum cadge_cause */
	__u32 reserved;
	char comm[16];
};

struct cadge_exit {
	__u32 status; /* as wait(2) reports it */
	__u32 reserved;
};

enum cadge_abi {
	CADGE_ABI_NATIVE = 0,
	CADGE_ABI_32 = 1,  /* a 32-bit call, whoever makes it */
	CADGE_ABI_X32 = 2, /* x86's call of 32-bit pointers and 64-bit registers */
};

struct cadge_call {
	__s64 result;   /* -errno if negative */
	__u64 args[6];  /* as the caller passed them; of 32-bit calls zero-extended */
	__u64 cgroup;   /* id in the unified hierarchy */
	__u64 cap_effective;
	__u64 cap_permitted;
	__u64 cap_inheritable;
	__u32 uid; /* the effective ones */
	__u32 gid;
	__u16 call; /* which one: a row of user space's table, from 1 */
	__u8 abi;   /* enum cadge_abi */
	__u8 flags;
	__u32 number; /* the system call's, or CADGE_NUMBER_… */
	__u32 ns_uid; /* `uid` in its own user namespace */
	__u32 reserved;
};

/* Numbers of what has none of its own, beyond those of any architecture. */
enum cadge_number {
	CADGE_NUMBER_SOCKETCALL = 576, /* and the number of the call in socketcall */
	CADGE_NUMBER_IPC = 608,        /* and the number of the call in ipc */
	CADGE_NUMBER_OLD_MMAP = 640,   /* the mmap whose arguments are in memory */
	CADGE_NUMBER_URING = 704, /* and the number of the operation */
	CADGE_NUMBERS = 832,
};

/* In place of a row: the call's first argument says which call it is, or its arguments are in memory. */
#define CADGE_ROW_MULTIPLEXED 0xffff

enum cadge_call_flags {
	CADGE_CALL_URING = 1, /* done by an io_uring, not by a system call */
};

/* How the beginning and the end of an operation of an io_uring find each other. */
struct cadge_request {
	__u64 request; /* its address; 0 where the kernel does not say: the ring and the user data say it */
	__u64 ring;    /* the ring's */
	__u64 user_data;
	__u32 flags; /* enum cadge_request_flags */
	__u32 reserved;
};

enum cadge_request_flags {
	CADGE_REQUEST_UNANSWERED = 1, /* there will be no end of it if it succeeds */
	CADGE_REQUEST_MULTISHOT = 2,  /* there will be several ends */
	CADGE_REQUEST_DIRECT = 4,     /* it opens into the ring's own table: its result is no descriptor */
	CADGE_REQUEST_MORE = 8,       /* at an end: there will be others */
	CADGE_REQUEST_LOOK = 16,      /* in place of an end: how it looks when its process comes back */
	CADGE_REQUEST_UNKNOWN = 32,   /* and that does not say what the result is, or whether there is one */
};

/* What a descriptor refers to. */
struct cadge_file {
	__u64 ino;
	__u32 dev;   /* as stat(2) has it */
	__u32 mode;  /* type and permissions */
	__u32 flags; /* O_* of this architecture */
	__u32 nlink; /* names that it has */
	__u8 created; /* this open created it */
	__u8 layer;   /* of an overlay: CADGE_EXE_UPPER or CADGE_EXE_LOWER */
	__u8 reserved[2];
	__u32 real_dev; /* the file in that layer; 0 if there is none */
	__u64 real_ino;
};

enum cadge_socket_flags {
	CADGE_SOCKET_BOUND = 1,  /* the program chose the local port */
	CADGE_SOCKET_SHARED = 2, /* or the socket has it from another one, which waits for connections */
};

/* A socket. */
struct cadge_socket {
	__u64 ino;
	__u64 peer_ino; /* Unix: the other end's; 0 if it has none yet */
	__u16 family;
	__u16 type;
	__u16 protocol;    /* IPPROTO_* */
	__u16 state;       /* TCP_* of linux/tcp_states.h */
	__u16 local_port;  /* ports in the machine's byte order */
	__u16 remote_port;
	__u32 flags;       /* enum cadge_socket_flags */
	__u32 waiting;     /* connections that wait to be accepted */
	__u32 waiting_max;
	__u8 local[16];    /* IPv4: the first four bytes */
	__u8 remote[16];
};

/* What one struct msghdr holds. */
struct cadge_message {
	__u64 size;  /* bytes that its buffers have room for */
	__u64 moved; /* bytes that were sent or received */
};

/* What to take of a call's argument. */
enum cadge_take_what {
	CADGE_TAKE_NOTHING = 0,
	CADGE_TAKE_STRING = 1, /* a string in the caller's memory */
	CADGE_TAKE_PATH = 2,   /* such a string, and the directory that it is relative to: that of the
	                          descriptor `with`, or the working one if that is CADGE_ARG_NONE */
	CADGE_TAKE_OPENED = 3, /* the same of a call that opens: the directory only if it failed */
	CADGE_TAKE_FD = 4,     /* what the descriptor refers to */
	CADGE_TAKE_BYTES = 5,  /* so many bytes of the caller's memory as `size` says */
	CADGE_TAKE_SIZED = 6,  /* so many as the argument `with` says, at most `size` times 16 */
	/* Conditions stand first, and one of them has to be true. The number is in `with` and `size`. */
	CADGE_TAKE_IF = 7,     /* told only if the argument is the number */
	CADGE_TAKE_IF_ANY = 8, /* told only if the argument has any of the number's bits */
	CADGE_TAKE_IF_BIT = 9, /* told only if the argument has the bit of that number */
	CADGE_TAKE_SIZED_AT = 32,   /* so many as stands where `with` points to, at most `size` times 16 */
	CADGE_TAKE_ADDRESS = 33,    /* a socket's address, so long as `with` says */
	CADGE_TAKE_ADDRESS_AT = 34, /* so long as stands where `with` points to */
	CADGE_TAKE_MESSAGE = 35,    /* a struct msghdr, sent if `with` is 1, and of its data at most `size` times 16 */
	CADGE_TAKE_MESSAGES = 36,   /* several, each in a struct mmsghdr; what was returned is their number */
	CADGE_TAKE_DESTINATION = 38, /* where a datagram went to; an address like CADGE_TAKE_ADDRESS if unknown */
	CADGE_TAKE_PAIR = 37,       /* two descriptors, and what they refer to */
};

struct cadge_take {
	__u8 what; /* enum cadge_take_what */
	__u8 arg;  /* enum cadge_arg */
	__u8 with; /* enum cadge_arg */
	__u8 size;
};

enum cadge_plan_flags {
	CADGE_PLAN_CRITICAL = 1, /* into the ring of which nothing may be missed */
	CADGE_PLAN_CHANGES = 2,  /* the process may be another one after it: CADGE_CHANGED follows */
	CADGE_PLAN_FAILED = 4,   /* only failed ones are told */
	CADGE_PLAN_SILENT = 8,   /* none is told: no rule asks, but the process may be another one */
	CADGE_PLAN_ENTER = 16,   /* its texts are taken at the beginning too: CADGE_ENTER comes before */
	CADGE_PLAN_SENDS = 32,   /* at the beginning where earlier calls sent to is forgotten */
	CADGE_PLAN_LOOKS = 64,   /* after it operations of io_urings are looked at that nobody will tell of */
};

#define CADGE_TAKES 7
/* So many of them may be conditions. */
#define CADGE_CONDITIONS 2

/* What to do about a call. */
struct cadge_plan {
	__u32 flags; /* enum cadge_plan_flags */
	struct cadge_take takes[CADGE_TAKES];
};

/* A check that the kernel makes of a call's paths. */
enum cadge_hook_which {
	CADGE_HOOK_UNLINK = 1,
	CADGE_HOOK_RMDIR = 2,
	CADGE_HOOK_MKDIR = 3,
	CADGE_HOOK_MKNOD = 4,
	CADGE_HOOK_SYMLINK = 5,
	CADGE_HOOK_LINK = 6,
	CADGE_HOOK_RENAME = 7,
	CADGE_HOOK_CHMOD = 8,
	CADGE_HOOK_CHOWN = 9,
	CADGE_HOOK_TRUNCATE = 10,
	CADGE_HOOK_MOUNT = 11,
	CADGE_HOOK_MOVE_MOUNT = 12,
};

struct cadge_hook {
	__u32 which; /* enum cadge_hook_which */
	__u32 reserved;
};

/* Per-CPU counters. */
enum cadge_counter {
	CADGE_CRITICAL_EVENTS = 0,
	CADGE_BULK_EVENTS = 1,
	CADGE_CRITICAL_RING_FULL = 2,
	CADGE_BULK_RING_FULL = 3,
	CADGE_TRUNCATED = 4,
	CADGE_URING_FULL = 5, /* operations with many answers, of which only the last is told */
	CADGE_COUNTERS = 6,
};

_Static_assert(sizeof(struct cadge_part) == 8, "part");
_Static_assert(sizeof(struct cadge_header) == 32, "header");
_Static_assert(sizeof(struct cadge_process) == 232, "process");
_Static_assert(sizeof(struct cadge_exit) == 8, "exit");
_Static_assert(sizeof(struct cadge_call) == 112, "call");
_Static_assert(sizeof(struct cadge_file) == 40, "file");
_Static_assert(sizeof(struct cadge_socket) == 72, "socket");
_Static_assert(sizeof(struct cadge_message) == 16, "message");
_Static_assert(sizeof(struct cadge_hook) == 8, "hook");
_Static_assert(sizeof(struct cadge_request) == 32, "request");
_Static_assert(sizeof(struct cadge_plan) == 32, "plan");

#endif
