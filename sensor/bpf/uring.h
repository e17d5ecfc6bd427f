/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The kernel's structures of io_uring, as far as they are read, and its numbers. */
#ifndef CADGE_URING_H
#define CADGE_URING_H

#include "kernel.h"

enum {
	URING_SENDMSG = 9,
	URING_RECVMSG = 10,
	URING_ACCEPT = 13,
	URING_CONNECT = 16,
	URING_OPENAT = 18,
	URING_CLOSE = 19,
	URING_SEND = 26,
	URING_RECV = 27,
	URING_OPENAT2 = 28,
	URING_SPLICE = 30,
	URING_SHUTDOWN = 34,
	URING_RENAMEAT = 35,
	URING_UNLINKAT = 36,
	URING_MKDIRAT = 37,
	URING_SYMLINKAT = 38,
	URING_LINKAT = 39,
	URING_SOCKET = 45,
	URING_SEND_ZC = 47,
	URING_SENDMSG_ZC = 48,
	URING_FTRUNCATE = 55,
	URING_BIND = 56,
	URING_LISTEN = 57,
	/* Ours: a renameat with flags. */
	URING_RENAMEAT2 = 120,
};

/* Flags of a request: the entry's, at the same places. */
#define URING_FIXED_FILE 1
#define URING_CQE_SKIP 64
/* Of an answer: there will be more. */
#define URING_CQE_MORE 2
#define URING_ACCEPT_MULTISHOT 1
/* In place of a slot: any that is free. */
#define SLOT_ANY 0xffffffff
#define PF_IO_WORKER 0x10
/* The argument of sendto that has its address's length; sendmsg's has the same place here. */
#define URING_NAMELEN 5
/* Bytes of what is received that are kept: Falco's. */
#define RECEIVED_BYTES 80

#if defined(__TARGET_ARCH_arm64)
#define URING_O_LARGEFILE 0400000
#else
#define URING_O_LARGEFILE 0100000
#endif

struct open_how {
	__u64 flags;
	__u64 mode;
	__u64 resolve;
} CORE;

struct filename {
	const char *name;
} CORE;

struct io_rsrc_node {
	unsigned long file_ptr;
} CORE;

struct io_rsrc_data {
	unsigned int nr;
	struct io_rsrc_node **nodes;
} CORE;

struct io_file_table {
	struct io_rsrc_data data;
} CORE;

struct io_ring_ctx {
	unsigned int compat : 1;
	struct io_file_table file_table;
} CORE;

/* Before 6.13. */
struct io_fixed_file {
	unsigned long file_ptr;
} CORE;

struct io_file_table___old {
	struct io_fixed_file *files;
} CORE;

struct io_ring_ctx___old {
	struct io_file_table___old file_table;
	unsigned int nr_user_files;
} CORE;

/* Since 5.19 in the request. */
struct io_cqe {
	__u64 user_data;
	__s32 res;
	int fd;
} CORE;

struct io_kiocb {
	struct file *file;
	__u8 opcode;
	__u32 flags;
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
	void *async_data;
} CORE;

struct io_uring_cqe {
	__u64 user_data;
	__s32 res;
	__u32 flags;
} CORE;

struct trace_event_raw_io_uring_submit_sqe {
	void *req;
	__u32 __data_loc_op_str;
} CORE;

/* What a request is, by its operation: each begins where the request begins. */
struct io_open {
	int dfd;
	__u32 file_slot;
	struct filename *filename;
	struct open_how how;
} CORE;

struct io_close {
	int fd;
} CORE;

struct io_rename {
	int old_dfd;
	int new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
	int flags;
} CORE;

struct io_link {
	int old_dfd;
	int new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
	int flags;
} CORE;

struct io_unlink {
	int dfd;
	int flags;
	struct filename *filename;
} CORE;

struct io_mkdir {
	int dfd;
	__u16 mode;
	struct filename *filename;
} CORE;

struct io_accept {
	void *addr;
	int *addr_len;
	int flags;
	int iou_flags;
	__u32 file_slot;
} CORE;

struct io_socket {
	int domain;
	int type;
	int protocol;
	__u32 file_slot;
} CORE;

struct io_connect {
	void *addr;
	int addr_len;
} CORE;

struct io_bind {
	int addr_len;
} CORE;

struct io_listen {
	int backlog;
} CORE;

struct io_shutdown {
	int how;
} CORE;

struct io_ftrunc {
	long long len;
} CORE;

struct io_splice {
	__u64 len;
	int splice_fd_in;
	unsigned int flags;
} CORE;

struct io_sr_msg {
	void *buf;
	int len;
	int msg_flags;
	/* Until 6.9. */
	void *addr;
	int addr_len;
} CORE;

struct msghdr {
	void *msg_name;
	int msg_namelen;
} CORE;

struct sockaddr_storage {
	__u8 bytes[128];
};

struct io_async_msghdr {
	struct msghdr msg;
	struct sockaddr_storage addr;
} CORE;

#endif
