/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What a process does through an io_uring instead of by system calls. An operation is the row of the call
 * that it does the work of: what was submitted is one record, how it ended another, and user space makes
 * one event of both. Names and addresses are the kernel's own copies, made before it is submitted.
 */
#include "uring.h"

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

/* Adds a string of the kernel's memory. Answers its first byte; 0 if there is none. */
__noinline int add_copied_string(__u64 address, __u32 which)
{
	struct scratch *s = scratch();
	__u32 start, offset;
	int first = 0;
	long length;

	if (!s || !address)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	offset = s->offset;
	length = bpf_probe_read_kernel_str(s->bytes + (offset & OFFSET_MASK), PIECE_BYTES_MAX, (void *)address);
	if (length > 1) {
		first = s->bytes[offset & OFFSET_MASK];
		offset += ((__u32)length & 0x1fff) - 1;
	}
	if (length == PIECE_BYTES_MAX || offset > CADGE_RECORD_BYTES_MAX) {
		s->part_flags = CADGE_PART_TRUNCATED;
		if (offset > CADGE_RECORD_BYTES_MAX)
			offset = CADGE_RECORD_BYTES_MAX;
	}
	s->offset = offset;
	end_part(s, start, which);
	return first;
}

/* Adds bytes of the kernel's memory, at most 255. */
__noinline int add_copied_bytes(__u64 address, __u32 size, __u32 which)
{
	struct scratch *s = scratch();
	__u32 start;

	if (!s || !address)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	size &= 0xff;
	if (bpf_probe_read_kernel(s->bytes + (s->offset & OFFSET_MASK), size, (void *)address) == 0)
		s->offset += size;
	end_part(s, start, which);
	return 0;
}

/* Adds a file or socket that is open. */
static __always_inline void add_open(struct file *file, __u32 arg)
{
	if (!file)
		return;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK)
		add_socket((__u64)file, arg);
	else
		add_file((__u64)file, arg);
}

/* Takes one of the things that the plan asks for, of what has only been submitted. */
__noinline int take_submitted(__u32 what, __u32 arg, __u32 with, __u32 size)
{
	struct sources *from = sources_of();
	struct scratch *s = scratch();
	__u64 source = 0, of;

	if (!s || !from)
		return 0;
	if (arg < 6)
		source = from->of[arg];
	of = argument(&s->call, with);
	switch (what) {
	case CADGE_TAKE_PATH:
	case CADGE_TAKE_OPENED:
		if (add_copied_string(source, PART(CADGE_PART_STRING, arg)) != '/')
			add_base(with == CADGE_ARG_NONE ? AT_FDCWD : (__s32)of, arg);
		return 0;
	case CADGE_TAKE_STRING:
		add_copied_string(source, PART(CADGE_PART_STRING, arg));
		return 0;
	case CADGE_TAKE_FD:
		if (arg == CADGE_ARG_RESULT)
			return 0;
		if (arg != 0 || !from->file)
			break;
		/* Sockets change: they are told when the operation has ended, if that is told. */
		if (from->is_unanswered)
			add_open((void *)from->file, arg);
		return 0;
	case CADGE_TAKE_BYTES:
		if (!source)
			break;
		add_copied_bytes(source, size, PART(CADGE_PART_BYTES, arg));
		return 0;
	case CADGE_TAKE_ADDRESS:
	case CADGE_TAKE_DESTINATION:
		if (!source)
			add_address(argument(&s->call, arg), (__u32)of, arg);
		else
			add_copied_bytes(source, of > ADDRESS_BYTES_MAX ? ADDRESS_BYTES_MAX : of,
					 PART(CADGE_PART_ADDRESS, arg));
		return 0;
	case CADGE_TAKE_MESSAGE:
		/* All of it is to be sent; what is received is told at the end, if that is told. */
		if (s->call.number == CADGE_NUMBER_URING + URING_RECVMSG && !from->is_unanswered)
			return 0;
		/* The kernel's copy of the address comes first, and counts. */
		if (source)
			add_copied_bytes(source, argument(&s->call, URING_NAMELEN), PART(CADGE_PART_ADDRESS, arg));
		add_message(argument(&s->call, arg), 1 << 30, size * 16, arg, NOT_SENT);
		return 0;
	}
	take(what, arg, with, size);
	return 0;
}

/* Remembers an operation that nobody will tell the end of, until its thread comes back from the call. */
__noinline int note_unanswered(__u64 req_at)
{
	struct io_kiocb *req = (void *)req_at;
	__u64 thread = bpf_get_current_pid_tgid();
	struct unanswereds *list = bpf_map_lookup_elem(&unanswereds, &thread);
	struct unanswered *one;
	__u64 at;

	if (!list) {
		struct unanswereds none = {};

		bpf_map_update_elem(&unanswereds, &thread, &none, BPF_ANY);
		list = bpf_map_lookup_elem(&unanswereds, &thread);
	}
	if (!list)
		return 0;
	at = list->count;
	if (at >= UNANSWERED_MAX)
		return 0;
	one = &list->of[at];
	one->request = req_at;
	one->before = READ_IN(req, cqe.res);
	one->number = uring_number(req);
	one->slot = slot_of(req);
	list->count = at + 1;
	return 0;
}

/* Adds what user space finds the operation by when it ends. */
static __always_inline void add_request(struct scratch *s, struct io_kiocb *req)
{
	struct cadge_request *to = add_fixed(s, sizeof(*to), PART(CADGE_PART_REQUEST, CADGE_ARG_NONE));
	struct io_accept *accept = (void *)req;
	struct sources *from = sources_of();
	struct answers answers;
	__u32 number;

	if (!to || !from)
		return;
	__builtin_memset(to, 0, sizeof(*to));
	to->request = (__u64)req;
	to->ring = (__u64)BPF_CORE_READ(req, ctx);
	if (slot_of(req))
		to->flags |= CADGE_REQUEST_DIRECT;
	if (BPF_CORE_READ(req, flags) & URING_CQE_SKIP)
		to->flags |= CADGE_REQUEST_UNANSWERED;
	/* Before 5.19 nothing says whose answer an answer is. */
	if (!bpf_core_field_exists(req->cqe))
		to->flags |= CADGE_REQUEST_UNANSWERED;
	from->is_unanswered = to->flags & CADGE_REQUEST_UNANSWERED;
	if (!bpf_core_field_exists(req->cqe))
		return;
	if (from->is_unanswered)
		note_unanswered((__u64)req);
	to->user_data = READ_IN(req, cqe.user_data);
	if (BPF_CORE_READ(req, opcode) != URING_ACCEPT || !bpf_core_field_exists(accept->iou_flags) ||
	    !(READ_IN(accept, iou_flags) & URING_ACCEPT_MULTISHOT))
		return;
	to->flags |= CADGE_REQUEST_MULTISHOT;
	answers.ring = to->ring;
	answers.user_data = to->user_data;
	number = uring_number(req);
	if (bpf_map_update_elem(&answered_often, &answers, &number, BPF_ANY) != 0)
		count(CADGE_URING_FULL);
}

/* The plan for an operation, if some rule asks about it. */
static __always_inline struct cadge_plan *uring_plan(__u32 number, __u32 *row)
{
	__u32 *rows = bpf_map_lookup_elem(&wanted, &number), other = CADGE_NUMBER_URING + URING_RENAMEAT2;
	struct cadge_plan *plan;

	*row = rows ? *rows & 0xffff : 0;
	/* A renameat2 without flags is one too, if that is all that a rule asks about. */
	if (!*row && number == CADGE_NUMBER_URING + URING_RENAMEAT) {
		rows = bpf_map_lookup_elem(&wanted, &other);
		*row = rows ? *rows & 0xffff : 0;
	}
	if (!*row)
		return NULL;
	plan = bpf_map_lookup_elem(&plans, row);
	return plan && !(plan->flags & (CADGE_PLAN_SILENT | CADGE_PLAN_FAILED)) ? plan : NULL;
}

static __always_inline void submit_by(struct scratch *s, const struct cadge_plan *plan)
{
	if (plan->flags & CADGE_PLAN_CRITICAL)
		submit_critical(s);
	else
		submit_bulk(s);
}

/* A ring of 32-bit calls has structures of 32 bits. */
static __always_inline __u8 abi_of(struct io_kiocb *req)
{
	struct io_ring_ctx *ring = BPF_CORE_READ(req, ctx);

	return BPF_CORE_READ_BITFIELD_PROBED(ring, compat) ? CADGE_ABI_32 : CADGE_ABI_NATIVE;
}

/*
 * An operation begins: its arguments are copied and checked. The caller is the process that submits it, or
 * the ring's own thread, which is one of the owner's: its numbers, files and directories are the owner's.
 */
static __always_inline int submitted(struct io_kiocb *req)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 number = uring_number(req), row;
	struct cadge_plan *plan = uring_plan(number, &row);
	struct scratch *s = scratch();
	struct cadge_call *call;
	int i;

	if (!plan || !s || pid_tgid >> 32 == own_pid)
		return 0;
	look_at_unanswered((__u64)req);
	/* The ring's thread has a number that its process does not know. */
	if (BPF_CORE_READ(task, flags) & PF_IO_WORKER)
		pid_tgid = pid_tgid >> 32 << 32 | pid_tgid >> 32;
	call = begin(s, CADGE_SUBMITTED, sizeof(*call), pid_tgid);
	__builtin_memset(call, 0, sizeof(*call));
	call->call = row;
	call->abi = abi_of(req);
	call->flags = CADGE_CALL_URING;
	call->number = number;
	fill_caller(call, task);
	fill_request((__u64)req);
	if (!is_told(call, plan))
		return 0;
	add_request(s, req);
	for (i = 0; i < CADGE_TAKES; i++) {
		struct cadge_take next = plan->takes[i];

		if (next.what == CADGE_TAKE_NOTHING)
			break;
		take_submitted(next.what, next.arg, next.with, next.size);
	}
	submit_by(s, plan);
	return 0;
}

/* Begins the record of an operation's end. */
static __always_inline struct cadge_request *begin_end(struct scratch *s, __u32 row, __u32 number, __s64 result)
{
	struct cadge_call *call = begin(s, CADGE_COMPLETED, sizeof(*call), bpf_get_current_pid_tgid());
	struct cadge_request *to;

	__builtin_memset(call, 0, sizeof(*call));
	call->result = result;
	call->call = row;
	call->flags = CADGE_CALL_URING;
	call->number = number;
	to = add_fixed(s, sizeof(*to), PART(CADGE_PART_REQUEST, CADGE_ARG_NONE));
	if (to)
		__builtin_memset(to, 0, sizeof(*to));
	return to;
}

/* Whether an operation opens something. */
static __always_inline int opens(__u32 operation)
{
	return operation == URING_OPENAT || operation == URING_OPENAT2 || operation == URING_ACCEPT ||
	       operation == URING_SOCKET;
}

/* Adds what an operation has opened: a descriptor, or a place in the ring's own table. */
__noinline int add_result(__u64 ring_at, __u32 slot, __s64 result)
{
	if (result < 0)
		return 0;
	if (!slot)
		add_open(file_of((void *)bpf_get_current_task(), result), CADGE_ARG_RESULT);
	else
		add_open(ring_file((void *)ring_at, slot == SLOT_ANY ? result : slot - 1), CADGE_ARG_RESULT);
	return 0;
}

/* Adds what an operation has received. */
__noinline int add_received(__u64 req_at, __s64 result)
{
	struct io_kiocb *req = (void *)req_at;
	struct io_sr_msg *message = (void *)req;
	__u64 address = (__u64)READ_IN(message, buf);
	struct scratch *s = scratch();

	if (!s || result <= 0)
		return 0;
	s->call.abi = abi_of(req);
	if (BPF_CORE_READ(req, opcode) == URING_RECVMSG)
		add_message(address, result, RECEIVED_BYTES, 1, NOT_SENT);
	else
		add_user_bytes(address, result > RECEIVED_BYTES ? RECEIVED_BYTES : result, PART(CADGE_PART_BYTES, 1));
	return 0;
}

/* An operation has ended, or is answered once more. `req` is NULL where the kernel does not say which. */
static __always_inline int completed(struct answers *answers, struct io_kiocb *req, __s64 result, __u32 flags,
				     int is_overflow)
{
	__u32 number = CADGE_NUMBERS, row, operation;
	struct cadge_plan *plan = NULL;
	struct scratch *s = scratch();
	struct cadge_request *to;

	if (req) {
		number = uring_number(req);
	} else if (!is_overflow) {
		__u32 *often = bpf_map_lookup_elem(&answered_often, answers);

		if (!often)
			return 0;
		number = *often;
	}
	plan = uring_plan(number, &row);
	if (!s || (!plan && !is_overflow) || bpf_get_current_pid_tgid() >> 32 == own_pid)
		return 0;
	to = begin_end(s, row, number, result);
	if (!to)
		return 0;
	to->request = (__u64)req;
	to->ring = answers->ring;
	to->user_data = answers->user_data;
	if (flags & URING_CQE_MORE)
		to->flags |= CADGE_REQUEST_MORE;
	operation = number - CADGE_NUMBER_URING;
	if (is_overflow || opens(operation))
		add_result(answers->ring, req ? slot_of(req) : 0, result);
	if (req && is_on_file(operation))
		add_open(BPF_CORE_READ(req, file), 0);
	if (req && (operation == URING_RECV || operation == URING_RECVMSG))
		add_received((__u64)req, result);
	if (req && !(flags & URING_CQE_MORE))
		bpf_map_delete_elem(&answered_often, answers);
	if (plan)
		submit_by(s, plan);
	else
		submit_critical(s);
	return 0;
}

/*
 * Tells how an operation looks that nobody tells the end of. Its memory stays, and with it the result, until
 * the ring uses it for another one; what is there now is only known to be a result if it is not what was
 * there before.
 */
__noinline int look_at(__u64 req_at, __u32 number, __s32 before, __u32 slot)
{
	struct io_kiocb *req = (void *)req_at;
	__u32 operation = number - CADGE_NUMBER_URING, row;
	struct cadge_plan *plan = uring_plan(number, &row);
	__s32 result = READ_IN(req, cqe.res);
	struct scratch *s = scratch();
	struct cadge_request *to;

	if (!s || !plan)
		return 0;
	to = begin_end(s, row, number, result);
	if (!to)
		return 0;
	to->request = req_at;
	to->flags = CADGE_REQUEST_LOOK;
	if (result == before)
		to->flags |= CADGE_REQUEST_UNKNOWN;
	else if (opens(operation))
		add_result((__u64)BPF_CORE_READ(req, ctx), slot, result);
	else if (operation == URING_RECV || operation == URING_RECVMSG)
		add_received(req_at, result);
	if (is_on_file(operation))
		add_open(BPF_CORE_READ(req, file), 0);
	submit_by(s, plan);
	return 0;
}

/* Looks at what a thread has submitted, when its call is over, or at one request before it is another one. */
__noinline int look_at_unanswered(__u64 only)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct unanswereds *list = bpf_map_lookup_elem(&unanswereds, &thread);
	int i;

	if (!list)
		return 0;
	for (i = 0; i < UNANSWERED_MAX && i < list->count; i++) {
		struct unanswered *one = &list->of[i];

		if (one->request && (!only || only == one->request)) {
			look_at(one->request, one->number, one->before, one->slot);
			one->request = 0;
		}
	}
	if (!only)
		bpf_map_delete_elem(&unanswereds, &thread);
	return 0;
}

/* A pointer in a program's context, as a number: functions that are verified alone take no pointers. */
static __always_inline void *pointer_at(__u64 *at)
{
	void *pointer = NULL;

	bpf_probe_read_kernel(&pointer, sizeof(pointer), at);
	return pointer;
}

/* In io_submit_sqe, when the request is made of the entry and before it is begun. A tracepoint since 6.4. */
SEC("tp_btf/io_uring_submit_req")
int uring_submit_req(__u64 *ctx)
{
	return submitted(pointer_at(ctx));
}

/* The same, as it was called before; the request comes second before 6.0. Since 5.14 it is there at all. */
SEC("tp_btf/io_uring_submit_sqe")
int uring_submit_sqe(__u64 *ctx)
{
	struct trace_event_raw_io_uring_submit_sqe *told = NULL;

	if (!bpf_core_field_exists(told->req))
		return 0;
	if (bpf_core_field_exists(told->__data_loc_op_str))
		return submitted(pointer_at(ctx));
	return submitted(pointer_at(ctx + 1));
}

/* In io_fill_cqe_req and io_fill_cqe_aux, when the answer is in the ring. With these arguments since 6.16. */
SEC("tp_btf/io_uring_complete")
int uring_complete(__u64 *ctx)
{
	struct io_uring_cqe *cqe = (void *)ctx[2];
	struct answers answers = {.ring = (__u64)pointer_at(ctx), .user_data = cqe->user_data};

	return completed(&answers, pointer_at(ctx + 1), cqe->res, cqe->flags, 0);
}

/* The same with the arguments that it has since 5.19. */
SEC("tp_btf/io_uring_complete")
int uring_complete_5_19(__u64 *ctx)
{
	struct answers answers = {.ring = (__u64)pointer_at(ctx), .user_data = ctx[2]};

	return completed(&answers, pointer_at(ctx + 1), (__s32)ctx[3], ctx[4], 0);
}

/* The answer found no room in the ring, and waits. Since 5.19; which request it is of is not told. */
SEC("tp_btf/io_uring_cqe_overflow")
int uring_overflow(__u64 *ctx)
{
	struct answers answers = {.ring = (__u64)pointer_at(ctx), .user_data = ctx[1]};

	return completed(&answers, NULL, (__s32)ctx[2], ctx[3], 1);
}
