/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What a process does through an io_uring instead of by system calls. An operation is the row of the call
 * that it does the work of: what was submitted is one record, how it ended another, and user space makes
 * one event of both. Names and addresses are the kernel's own copies, made before it is submitted.
 */
#include "uring.h"

#include "uring_request.h"
#include "uring_take.h"

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
