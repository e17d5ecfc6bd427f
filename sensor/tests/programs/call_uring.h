/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The io_uring of `call`: raw system calls, without a library. */

#define RING_ENTRIES 8
#define RING_FD 100
#define SQES_OFFSET 0x10000000
/* Operations that headers of older kernels do not have. */
#define OP_SOCKET 45
#define OP_FTRUNCATE 55
#define OP_BIND 56
#define OP_LISTEN 57
#define REGISTER_FILES2 13
#define FILES_SPARSE 1
#define PAGE_SHIFT 12

static struct {
	long fd;
	struct io_uring_params params;
	char *ring;
	struct io_uring_sqe *sqes;
} ring;

static char *ring_map(unsigned long size, unsigned long offset)
{
#ifdef __NR_mmap2
	long at = NATIVE(__NR_mmap2, 0, size, 3, 0x8001, ring.fd, offset >> PAGE_SHIFT);
#else
	long at = NATIVE(__NR_mmap, 0, size, 3, 0x8001, ring.fd, offset);
#endif

	if (at < 0 && at > -4096)
		fail("a ring can't be mapped", "");
	return (char *)at;
}

static void open_ring(void)
{
	struct {
		unsigned count, flags;
		unsigned long long reserved, data, tags;
	} files = {STEPS_MAX, FILES_SPARSE, 0, 0, 0};
	unsigned long sq, cq;

	if (sqpoll) {
		ring.params.flags = IORING_SETUP_SQPOLL;
		ring.params.sq_thread_idle = 2000;
	}
	ring.fd = NATIVE(__NR_io_uring_setup, RING_ENTRIES, (long)&ring.params);
	if (ring.fd < 0)
		fail("no io_uring", "");
	/* Out of the way of descriptors whose numbers a script knows. */
	if (NATIVE(__NR_dup3, ring.fd, RING_FD, 0) != RING_FD)
		fail("no place for the ring", "");
	NATIVE(__NR_close, ring.fd);
	ring.fd = RING_FD;
	sq = ring.params.sq_off.array + ring.params.sq_entries * sizeof(unsigned);
	cq = ring.params.cq_off.cqes + ring.params.cq_entries * sizeof(struct io_uring_cqe);
	ring.ring = ring_map(sq > cq ? sq : cq, 0);
	ring.sqes = (void *)ring_map(ring.params.sq_entries * sizeof(struct io_uring_sqe), SQES_OFFSET);
	if (with_direct &&
	    NATIVE(__NR_io_uring_register, ring.fd, REGISTER_FILES2, (long)&files, sizeof(files)) < 0)
		fail("no table of files", "");
}

#define IN_RING(offset) ((unsigned *)(ring.ring + (offset)))

static void put(struct io_uring_sqe *sqe)
{
	unsigned *tail = IN_RING(ring.params.sq_off.tail);
	unsigned mask = *IN_RING(ring.params.sq_off.ring_mask), at = *tail & mask;

	ring.sqes[at] = *sqe;
	IN_RING(ring.params.sq_off.array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

/* Submits what was put, and waits for the answer with one of two user data. */
static long answer(unsigned count, unsigned long long user_data, unsigned long long or_user_data)
{
	unsigned *head = IN_RING(ring.params.cq_off.head);
	unsigned mask = *IN_RING(ring.params.cq_off.ring_mask);

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (sqpoll) {
		if (*(volatile unsigned *)IN_RING(ring.params.sq_off.flags) & IORING_SQ_NEED_WAKEUP)
			NATIVE(__NR_io_uring_enter, ring.fd, count, 0, IORING_ENTER_SQ_WAKEUP);
		count = 0;
	}
	for (;;) {
		long entered = NATIVE(__NR_io_uring_enter, ring.fd, count, 1, IORING_ENTER_GETEVENTS);

		if (entered < 0)
			fail("io_uring_enter", "");
		count = 0;
		while (*head != __atomic_load_n(IN_RING(ring.params.cq_off.tail), __ATOMIC_ACQUIRE)) {
			struct io_uring_cqe *cqe =
				(void *)(ring.ring + ring.params.cq_off.cqes + (*head & mask) * sizeof(*cqe));
			long result = cqe->res;
			int is_it = cqe->user_data == user_data || cqe->user_data == or_user_data;

			__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
			if (is_it)
				return result;
		}
	}
}

/* Whether the call makes a descriptor, which `direct` puts into the ring's own table. */
static int is_direct(long number)
{
	return number == __NR_openat || number == __NR_openat2 || number == __NR_accept4 || number == __NR_socket;
}

/* The operation that does what the call does; 0 if there is none. */
static int prepare(struct io_uring_sqe *sqe, struct frame *frame)
{
	long *a = frame->args;

	sqe->fd = a[0];
	sqe->addr = (unsigned long)a[1];
	switch (frame->number) {
	case __NR_openat:
		sqe->opcode = IORING_OP_OPENAT;
		sqe->open_flags = a[2];
		sqe->len = a[3];
		return 1;
	case __NR_openat2:
		sqe->opcode = IORING_OP_OPENAT2;
		sqe->off = (unsigned long)a[2];
		sqe->len = a[3];
		return 1;
	case __NR_close:
		sqe->opcode = IORING_OP_CLOSE;
		sqe->addr = 0;
		return 1;
	case __NR_connect:
		sqe->opcode = IORING_OP_CONNECT;
		sqe->off = a[2];
		return 1;
	case __NR_accept4:
		sqe->opcode = IORING_OP_ACCEPT;
		sqe->off = (unsigned long)a[2];
		sqe->accept_flags = a[3];
		return 1;
	case __NR_sendto:
		sqe->opcode = IORING_OP_SEND;
		sqe->len = a[2];
		sqe->msg_flags = a[3];
		sqe->off = (unsigned long)a[4];
		((unsigned short *)&sqe->file_index)[0] = a[5];
		return 1;
	case __NR_recvfrom:
		sqe->opcode = IORING_OP_RECV;
		sqe->len = a[2];
		sqe->msg_flags = a[3];
		return 1;
	case __NR_sendmsg:
	case __NR_recvmsg:
		sqe->opcode = frame->number == __NR_sendmsg ? IORING_OP_SENDMSG : IORING_OP_RECVMSG;
		sqe->len = 1;
		sqe->msg_flags = a[2];
		return 1;
	case __NR_socket:
		sqe->opcode = OP_SOCKET;
		sqe->addr = 0;
		sqe->off = a[1];
		sqe->len = a[2];
		return 1;
	case __NR_bind:
		sqe->opcode = OP_BIND;
		sqe->off = a[2];
		return 1;
	case __NR_listen:
		sqe->opcode = OP_LISTEN;
		sqe->addr = 0;
		sqe->len = a[1];
		return 1;
	case __NR_shutdown:
		sqe->opcode = IORING_OP_SHUTDOWN;
		sqe->addr = 0;
		sqe->len = a[1];
		return 1;
	case __NR_unlinkat:
		sqe->opcode = IORING_OP_UNLINKAT;
		sqe->unlink_flags = a[2];
		return 1;
#ifdef __NR_renameat
	case __NR_renameat:
#endif
	case __NR_renameat2:
	case __NR_linkat:
		sqe->opcode = frame->number == __NR_linkat ? IORING_OP_LINKAT : IORING_OP_RENAMEAT;
		sqe->len = a[2];
		sqe->off = (unsigned long)a[3];
		sqe->rename_flags = a[4];
		return 1;
	case __NR_mkdirat:
		sqe->opcode = IORING_OP_MKDIRAT;
		sqe->len = a[2];
		return 1;
	case __NR_symlinkat:
		sqe->opcode = IORING_OP_SYMLINKAT;
		sqe->fd = a[1];
		sqe->addr = (unsigned long)a[0];
		sqe->off = (unsigned long)a[2];
		return 1;
	case __NR_splice:
		sqe->opcode = IORING_OP_SPLICE;
		sqe->splice_fd_in = a[0];
		sqe->splice_off_in = -1ULL;
		sqe->fd = a[2];
		sqe->off = -1ULL;
		sqe->len = a[4];
		sqe->splice_flags = a[5];
		return 1;
	case __NR_ftruncate:
		sqe->opcode = OP_FTRUNCATE;
		sqe->addr = 0;
		sqe->off = a[1];
		return 1;
	default:
		return 0;
	}
}

static long through_uring(struct frame *frame)
{
	struct io_uring_sqe sqe = {}, nop = {.opcode = IORING_OP_NOP, .user_data = 2};

	if (!prepare(&sqe, frame))
		return call_native(frame);
	sqe.user_data = 1;
	if (with_async)
		sqe.flags |= IOSQE_ASYNC;
	if (with_direct && is_direct(frame->number))
		sqe.file_index = frame - steps + 1;
	if (with_direct && frame->number != __NR_openat && frame->number != __NR_openat2 &&
	    frame->number != __NR_socket && sqe.opcode != IORING_OP_UNLINKAT && sqe.opcode != IORING_OP_RENAMEAT &&
	    sqe.opcode != IORING_OP_MKDIRAT && sqe.opcode != IORING_OP_SYMLINKAT && sqe.opcode != IORING_OP_LINKAT)
		sqe.flags |= IOSQE_FIXED_FILE;
	if (!with_skip) {
		put(&sqe);
		return answer(1, 1, 1);
	}
	/* A call that succeeds is not answered: the operation behind it is, and that one only then. */
	sqe.flags |= IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK;
	put(&sqe);
	put(&nop);
	return answer(2, 1, 2);
}
