/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* An operation of an io_uring as the call whose work it does: its number, and that call's arguments. */
#ifndef CADGE_URING_REQUEST_H
#define CADGE_URING_REQUEST_H

#include "record.h"

/* Where the kernel has what the call's arguments point to; 0 if only the caller has. */
struct sources {
	__u64 of[6];
	__u64 file; /* what the descriptor in argument 0 refers to */
	__u64 is_unanswered;
	struct open_how how;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sources);
} sources SEC(".maps");

struct answers {
	__u64 ring;
	__u64 user_data;
};

/* Operations that are answered many times: by such answers, whose request is not told, their numbers. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct answers);
	__type(value, __u32);
} answered_often SEC(".maps");

/* An operation that nobody will tell the end of. */
struct unanswered {
	__u64 request;
	__s32 before; /* what stands in the result's place before there is one */
	__u32 number;
	__u32 slot;
	__u32 reserved;
};

#define UNANSWERED_MAX 8

struct unanswereds {
	__u64 count;
	struct unanswered of[UNANSWERED_MAX];
};

/* By thread: those that it has submitted since its last call. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct unanswereds);
} unanswereds SEC(".maps");

/* A kernel that lacks an operation lacks its structure too: nothing of it may be read there. */
#define READ_IN(request, member)                                                             \
	(bpf_core_field_exists((request)->member) ? BPF_CORE_READ((request), member) : 0)
#define NAME_IN(request, member)                                                             \
	(bpf_core_field_exists((request)->member) ? BPF_CORE_READ((request), member, name) : NULL)

static __always_inline struct sources *sources_of(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sources, &zero);
}

/* The number that stands for an operation in `wanted`. */
static __always_inline __u32 uring_number(struct io_kiocb *req)
{
	__u32 operation = BPF_CORE_READ(req, opcode);

	if (operation >= URING_RENAMEAT2)
		return CADGE_NUMBERS;
	if (operation == URING_RENAMEAT && READ_IN((struct io_rename *)req, flags))
		operation = URING_RENAMEAT2;
	return CADGE_NUMBER_URING + operation;
}

/* A file of the ring's own table. */
static __always_inline struct file *ring_file(struct io_ring_ctx *ring, __u32 slot)
{
	__u64 file = 0;

	if (bpf_core_field_exists(ring->file_table.data)) {
		struct io_rsrc_node **nodes = BPF_CORE_READ(ring, file_table.data.nodes), *node = NULL;

		if (slot < BPF_CORE_READ(ring, file_table.data.nr))
			bpf_probe_read_kernel(&node, sizeof(node), nodes + slot);
		file = BPF_CORE_READ(node, file_ptr);
	} else {
		struct io_ring_ctx___old *old = (void *)ring;
		struct io_fixed_file *files = BPF_CORE_READ(old, file_table.files);

		if (slot < BPF_CORE_READ(old, nr_user_files))
			bpf_core_read(&file, sizeof(file), &files[slot].file_ptr);
	}
	/* The lowest bits are flags. */
	return (void *)(file & ~7ULL);
}

/* What the descriptor of a request refers to. */
static __always_inline struct file *request_file(struct io_kiocb *req, __s32 fd)
{
	struct file *file = BPF_CORE_READ(req, file);

	if (file)
		return file;
	if (BPF_CORE_READ(req, flags) & URING_FIXED_FILE)
		return ring_file(BPF_CORE_READ(req, ctx), fd);
	return fd < 0 ? NULL : file_of((void *)bpf_get_current_task(), fd);
}

/* The place in the ring's own table that a request opens into, from 1; 0 if it opens a descriptor. */
static __always_inline __u32 slot_of(struct io_kiocb *req)
{
	switch (BPF_CORE_READ(req, opcode)) {
	case URING_OPENAT:
	case URING_OPENAT2:
		return READ_IN((struct io_open *)req, file_slot);
	case URING_ACCEPT:
		return READ_IN((struct io_accept *)req, file_slot);
	case URING_SOCKET:
		return READ_IN((struct io_socket *)req, file_slot);
	}
	return 0;
}

/* Whether a request works on the descriptor in its argument 0. */
static __always_inline int is_on_file(__u32 operation)
{
	switch (operation) {
	case URING_CONNECT:
	case URING_ACCEPT:
	case URING_SEND:
	case URING_SEND_ZC:
	case URING_SENDMSG:
	case URING_SENDMSG_ZC:
	case URING_RECV:
	case URING_RECVMSG:
	case URING_BIND:
	case URING_LISTEN:
	case URING_SHUTDOWN:
	case URING_FTRUNCATE:
		return 1;
	}
	return 0;
}

/* The address that the kernel has copied for a request that has a message. */
static __always_inline __u64 message_address(__u64 copied)
{
	if (!copied || !bpf_core_field_exists(((struct io_async_msghdr *)copied)->addr))
		return 0;
	return copied + __builtin_preserve_field_info(((struct io_async_msghdr *)copied)->addr, 0);
}

/*
 * The address that the kernel has copied for a connect or bind. Some kernels have a message for it, others
 * only the address, and nothing tells: what the caller passed does, and if that was changed since, that a
 * message begins with a pointer.
 */
static __always_inline __u64 copied_address(struct io_kiocb *req, __u64 passed)
{
	__u64 copied = (__u64)BPF_CORE_READ(req, async_data), in_message = message_address(copied);
	__u64 first = 0, second = 0, given = 0;

	if (!in_message)
		return 0;
	bpf_probe_read_kernel(&first, sizeof(first), (void *)copied);
	bpf_probe_read_kernel(&second, sizeof(second), (void *)in_message);
	if (passed && bpf_probe_read_user(&given, sizeof(given), (void *)passed) == 0) {
		if (given == first)
			return copied;
		if (given == second)
			return in_message;
	}
	return first == 0 || first >> 48 == 0xffff ? in_message : copied;
}

/* The arguments of the call that an operation on names does the work of. */
static __always_inline void fill_names(struct cadge_call *call, struct sources *from, struct io_kiocb *req)
{
	struct io_open *open = (void *)req;
	struct io_link *link = (void *)req;
	struct io_rename *rename = (void *)req;
	struct io_unlink *unlink = (void *)req;
	struct io_mkdir *mkdir = (void *)req;

	switch (BPF_CORE_READ(req, opcode)) {
	case URING_OPENAT:
		/* The kernel adds O_LARGEFILE, which nobody asks for any more. */
		call->args[2] = READ_IN(open, how.flags) & ~(__u64)URING_O_LARGEFILE;
		call->args[3] = READ_IN(open, how.mode);
		call->args[0] = READ_IN(open, dfd);
		from->of[1] = (__u64)NAME_IN(open, filename);
		break;
	case URING_OPENAT2:
		from->how.flags = READ_IN(open, how.flags) & ~(__u64)URING_O_LARGEFILE;
		from->how.mode = READ_IN(open, how.mode);
		from->how.resolve = READ_IN(open, how.resolve);
		from->of[2] = (__u64)&from->how;
		call->args[3] = sizeof(struct open_how);
		call->args[0] = READ_IN(open, dfd);
		from->of[1] = (__u64)NAME_IN(open, filename);
		break;
	case URING_UNLINKAT:
		call->args[0] = READ_IN(unlink, dfd);
		from->of[1] = (__u64)NAME_IN(unlink, filename);
		call->args[2] = READ_IN(unlink, flags);
		break;
	case URING_MKDIRAT:
		call->args[0] = READ_IN(mkdir, dfd);
		from->of[1] = (__u64)NAME_IN(mkdir, filename);
		call->args[2] = READ_IN(mkdir, mode);
		break;
	case URING_RENAMEAT:
		call->args[0] = READ_IN(rename, old_dfd);
		from->of[1] = (__u64)NAME_IN(rename, oldpath);
		call->args[2] = READ_IN(rename, new_dfd);
		from->of[3] = (__u64)NAME_IN(rename, newpath);
		call->args[4] = READ_IN(rename, flags);
		break;
	case URING_LINKAT:
		call->args[0] = READ_IN(link, old_dfd);
		from->of[1] = (__u64)NAME_IN(link, oldpath);
		call->args[2] = READ_IN(link, new_dfd);
		from->of[3] = (__u64)NAME_IN(link, newpath);
		call->args[4] = READ_IN(link, flags);
		break;
	case URING_SYMLINKAT:
		from->of[0] = (__u64)NAME_IN(link, oldpath);
		call->args[1] = READ_IN(link, new_dfd);
		from->of[2] = (__u64)NAME_IN(link, newpath);
		break;
	}
}

/* Where a send goes to, if that was said. */
static __always_inline void fill_destination(struct cadge_call *call, struct sources *from, struct io_kiocb *req)
{
	struct io_async_msghdr *copied = BPF_CORE_READ(req, async_data);
	struct io_sr_msg *message = (void *)req;

	if (copied && BPF_CORE_READ(copied, msg.msg_name)) {
		call->args[URING_NAMELEN] = BPF_CORE_READ(copied, msg.msg_namelen);
		from->of[4] = message_address((__u64)copied);
	} else if (!copied && bpf_core_field_exists(message->addr)) {
		call->args[4] = (__u64)READ_IN(message, addr);
		call->args[5] = READ_IN(message, addr_len);
	}
}

/* The arguments of the call that an operation on a descriptor does the work of. */
static __always_inline void fill_descriptor(struct cadge_call *call, struct sources *from, struct io_kiocb *req)
{
	__u32 operation = BPF_CORE_READ(req, opcode);
	struct io_sr_msg *message = (void *)req;
	struct io_connect *connect = (void *)req;
	struct io_accept *accept = (void *)req;
	struct io_socket *socket = (void *)req;
	struct io_splice *splice = (void *)req;

	/* The result shares its place with the descriptor until there is one. */
	if (is_on_file(operation) && bpf_core_field_exists(req->cqe)) {
		call->args[0] = READ_IN(req, cqe.fd);
		from->file = (__u64)request_file(req, call->args[0]);
	} else if (is_on_file(operation)) {
		call->args[0] = -1;
		from->file = (__u64)BPF_CORE_READ(req, file);
	}
	switch (operation) {
	case URING_CONNECT:
	case URING_BIND:
		/* Both begin with the same members; a bind has no address of the caller's left. */
		call->args[2] = operation == URING_BIND ? READ_IN((struct io_bind *)req, addr_len) :
							  READ_IN(connect, addr_len);
		call->args[1] = operation == URING_BIND ? 0 : (__u64)READ_IN(connect, addr);
		from->of[1] = copied_address(req, call->args[1]);
		break;
	case URING_ACCEPT:
		call->args[1] = (__u64)READ_IN(accept, addr);
		call->args[2] = (__u64)READ_IN(accept, addr_len);
		call->args[3] = READ_IN(accept, flags);
		break;
	case URING_SOCKET:
		call->args[0] = READ_IN(socket, domain);
		call->args[1] = READ_IN(socket, type);
		call->args[2] = READ_IN(socket, protocol);
		break;
	case URING_LISTEN:
		call->args[1] = READ_IN((struct io_listen *)req, backlog);
		break;
	case URING_SHUTDOWN:
		call->args[1] = READ_IN((struct io_shutdown *)req, how);
		break;
	case URING_SEND:
	case URING_SEND_ZC:
	case URING_RECV:
		call->args[1] = (__u64)READ_IN(message, buf);
		call->args[2] = READ_IN(message, len);
		call->args[3] = READ_IN(message, msg_flags);
		if (operation != URING_RECV)
			fill_destination(call, from, req);
		break;
	case URING_SENDMSG:
	case URING_SENDMSG_ZC:
	case URING_RECVMSG:
		call->args[1] = (__u64)READ_IN(message, buf);
		call->args[2] = READ_IN(message, msg_flags);
		if (operation == URING_RECVMSG)
			break;
		fill_destination(call, from, req);
		from->of[1] = from->of[4];
		break;
	case URING_FTRUNCATE:
		call->args[1] = READ_IN((struct io_ftrunc *)req, len);
		break;
	case URING_CLOSE:
		call->args[0] = READ_IN((struct io_close *)req, fd);
		break;
	case URING_SPLICE:
		call->args[0] = READ_IN(splice, splice_fd_in);
		call->args[2] = READ_IN(req, cqe.fd);
		call->args[4] = READ_IN(splice, len);
		call->args[5] = READ_IN(splice, flags);
		break;
	}
}

/* Fills the arguments of the call in the scratch, and where what they point to is. */
__noinline int fill_request(__u64 req_at)
{
	struct io_kiocb *req = (void *)req_at;
	struct sources *from = sources_of();
	struct scratch *s = scratch();

	if (!s || !from)
		return 0;
	__builtin_memset(from, 0, sizeof(*from));
	fill_names(&s->call, from, req);
	fill_descriptor(&s->call, from, req);
	return 0;
}

#endif
