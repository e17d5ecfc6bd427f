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
#define CADGE_RECORD_VERSION 1

/* Bytes of one record at most. */
#define CADGE_RECORD_BYTES_MAX 16384

enum cadge_kind {
	CADGE_EXEC = 1,    /* struct cadge_process */
	CADGE_FORK = 2,    /* struct cadge_process: the child */
	CADGE_EXIT = 3,    /* struct cadge_exit */
	CADGE_TASK = 4,    /* struct cadge_process: found by the iterator at start */
	CADGE_OPEN = 5,    /* struct cadge_open */
	CADGE_CONNECT = 6, /* struct cadge_connect */
};

enum cadge_part_kind {
	CADGE_PART_EXE = 1,      /* path of the executable */
	CADGE_PART_ARGV = 2,     /* arguments, each ended by NUL */
	CADGE_PART_CWD = 3,      /* path of the working directory */
	CADGE_PART_CGROUP = 4,   /* path in the cgroup file system */
	CADGE_PART_PATH = 5,     /* path of the opened file */
	CADGE_PART_RAW = 6,      /* path as the caller passed it: user memory */
	CADGE_PART_BASE = 7,     /* path of the directory that CADGE_PART_RAW is relative to */
	CADGE_PART_SOCKADDR = 8, /* address as the caller passed it: user memory */
};

enum cadge_part_flags {
	CADGE_PART_TRUNCATED = 1, /* did not fit */
	CADGE_PART_DETACHED = 2,  /* the path ends at no mount: a memfd, a pipe, … */
};

/* Paths are names, leaf first, each ended by NUL. */
struct cadge_part {
	__u8 kind;
	__u8 flags;
	__u16 size; /* bytes that follow */
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

struct cadge_process {
	__u64 start_ns; /* since boot */
	__u64 exe_ino;
	__u32 exe_dev;
	__u32 ppid;
	__u32 vpid; /* in its own pid namespace */
	__u32 sid;
	__u32 pgid;
	__u32 uid;
	__u32 gid;
	__u32 loginuid;
	__u32 tty;
	__u32 is_execveat;
	char comm[16];
};

struct cadge_exit {
	__u32 status; /* as wait(2) reports it */
	__u32 reserved;
};

enum cadge_open_call {
	CADGE_CALL_OPEN = 1,
	CADGE_CALL_OPENAT = 2,
	CADGE_CALL_OPENAT2 = 3,
	CADGE_CALL_CREAT = 4,
	CADGE_CALL_OPEN_BY_HANDLE_AT = 5,
};

struct cadge_open {
	__s64 result; /* the file descriptor, or -errno */
	__u64 ino;
	__u32 dev;
	__u32 call;    /* enum cadge_open_call */
	__u32 flags;   /* O_* of this architecture */
	__u32 mode;    /* permissions for a new file */
	__u32 type;    /* i_mode of the opened file; 0 if none */
	__u32 created; /* this call created the file */
	__s32 dirfd;   /* AT_FDCWD where the call has none */
	__u32 reserved;
};

struct cadge_connect {
	__s64 result;
	__s32 fd;
	__u16 family;
	__u16 protocol;    /* IPPROTO_* */
	__u16 local_port;  /* all ports in the machine's byte order */
	__u16 remote_port;
	__u32 reserved;
	__u8 local[16]; /* IPv4: the first four bytes */
	__u8 remote[16];
};

/* Per-CPU counters. */
enum cadge_counter {
	CADGE_CRITICAL_EVENTS = 0,
	CADGE_BULK_EVENTS = 1,
	CADGE_CRITICAL_RING_FULL = 2,
	CADGE_BULK_RING_FULL = 3,
	CADGE_TRUNCATED = 4,
	CADGE_COUNTERS = 5,
};

_Static_assert(sizeof(struct cadge_part) == 4, "part");
_Static_assert(sizeof(struct cadge_header) == 32, "header");
_Static_assert(sizeof(struct cadge_process) == 72, "process");
_Static_assert(sizeof(struct cadge_exit) == 8, "exit");
_Static_assert(sizeof(struct cadge_open) == 48, "open");
_Static_assert(sizeof(struct cadge_connect) == 56, "connect");

#endif
