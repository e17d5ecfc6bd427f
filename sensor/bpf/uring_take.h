/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What is taken of an operation of an io_uring: of the kernel's memory where it has it, else of the caller's. */
#ifndef CADGE_URING_TAKE_H
#define CADGE_URING_TAKE_H

#include "record.h"

/* Adds a string of the kernel's memory. Answers its first byte; 0 if there is none. */
__noinline int add_copied_string(__u64 address, __u32 which)
{
	struct scratch *s = scratch();
	__u32 start;
	long length;

	if (!s || !address)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	length = bpf_probe_read_kernel_str(s->bytes + (s->offset & OFFSET_MASK), PIECE_BYTES_MAX, (void *)address);
	return end_string(s, start, length, which);
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

#endif
