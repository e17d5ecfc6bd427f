/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Sockets, and what is sent and received on them. The ends of a connection come from the socket itself;
 * only where it has no other end (a datagram to somebody) the address that the caller passed tells.
 */

#define AF_UNIX 1
#define SOCK_STREAM 1
#define SOCK_BINDPORT_LOCK 8
#define IPPROTO_TCP 6

/* Bytes of a struct sockaddr_storage. */
#define ADDRESS_BYTES_MAX 128

/* Buffers of one message that are looked at. */
#define BUFFERS_MAX 8

/* The index of a message that was not sent. */
#define NOT_SENT 0xffff

/* Of calls in general. */
int add_fd(__s64 fd, __u32 arg);

static __always_inline __u64 socket_ino(struct socket *socket)
{
	struct socket_alloc *alloc = (void *)socket;

	return socket ? BPF_CORE_READ(alloc, vfs_inode.i_ino) : 0;
}

/*
 * Whether a TCP socket was accepted: it has the port of the one that waits, on which somebody once called
 * bind. Ports that connect chose are marked, in case another connection wants them too.
 */
static __always_inline int was_accepted(struct sock *sk)
{
	struct inet_connection_sock *connection = (void *)sk;
	struct inet_bind_bucket *port = BPF_CORE_READ(connection, icsk_bind_hash);

	return port && BPF_CORE_READ(port, fastreuse) >= 0;
}

static __always_inline void fill_socket(struct cadge_socket *to, struct sock *sk)
{
	to->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	to->type = BPF_CORE_READ(sk, sk_type);
	to->protocol = BPF_CORE_READ(sk, sk_protocol);
	to->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	to->waiting = BPF_CORE_READ(sk, sk_ack_backlog);
	to->waiting_max = BPF_CORE_READ(sk, sk_max_ack_backlog);
	if (to->family != AF_INET && to->family != AF_INET6)
		return;
	if (BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK)
		to->flags |= CADGE_SOCKET_BOUND;
	else if (to->protocol == IPPROTO_TCP && to->type == SOCK_STREAM && was_accepted(sk))
		to->flags |= CADGE_SOCKET_SHARED;
	to->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	to->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (to->family == AF_INET) {
		bpf_core_read(to->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(to->remote, 4, &sk->__sk_common.skc_daddr);
	} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		bpf_core_read(to->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(to->remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

/* Adds the name that a Unix socket is bound to, if it is: of an abstract one the first byte is NUL. */
__noinline int add_unix_name(__u64 sock_at, __u32 which)
{
	struct unix_sock *sk = (void *)sock_at;
	struct unix_address *address;
	struct scratch *s = scratch();
	__u32 start, size;

	if (!s || !sk || !bpf_core_field_exists(sk->addr))
		return 0;
	address = BPF_CORE_READ(sk, addr);
	if (!address)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	/* The family's two bytes are no name. */
	size = BPF_CORE_READ(address, len) - 2;
	if (size > sizeof(((struct sockaddr_un *)0)->sun_path))
		size = 0;
	size &= 127;
	if (bpf_probe_read_kernel(s->bytes + (s->offset & OFFSET_MASK), size,
				  (void *)address + __builtin_preserve_field_info(address->name, 0) + 2) == 0)
		s->offset += size;
	end_part(s, start, which);
	return 0;
}

/* Adds a socket. */
__noinline int add_socket(__u64 file_at, __u32 arg)
{
	struct file *file = (void *)file_at;
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	struct unix_sock *peer = NULL;
	struct scratch *s = scratch();
	struct cadge_socket *to;
	__u16 family;

	if (!s)
		return 0;
	to = add_fixed(s, sizeof(*to), PART(CADGE_PART_SOCKET, arg));
	if (!to)
		return 0;
	__builtin_memset(to, 0, sizeof(*to));
	to->ino = BPF_CORE_READ(file, f_inode, i_ino);
	fill_socket(to, sk);
	family = to->family;
	if (family != AF_UNIX)
		return 0;
	if (bpf_core_field_exists(peer->peer))
		peer = (void *)BPF_CORE_READ((struct unix_sock *)sk, peer);
	if (peer)
		to->peer_ino = socket_ino(BPF_CORE_READ(peer, sk.sk_socket));
	add_unix_name((__u64)sk, PART(CADGE_PART_NAME, arg));
	if (peer)
		add_unix_name((__u64)peer, PART(CADGE_PART_PEER, arg));
	return 0;
}

/* A 32-bit number of the caller's memory; 0 if it can't be read. */
static __always_inline __u32 user_word(__u64 address)
{
	__u32 word = 0;

	if (bpf_probe_read_user(&word, sizeof(word), (void *)address))
		return 0;
	return word;
}

/* Adds a socket's address. */
static __always_inline void add_address(__u64 address, __u64 size, __u32 arg)
{
	if (address && size)
		add_user_bytes(address, size > ADDRESS_BYTES_MAX ? ADDRESS_BYTES_MAX : size,
			       PART(CADGE_PART_ADDRESS, arg));
}

/* Pointers and lengths of the caller's memory, of eight or of four bytes. */
static __always_inline __u64 user_long(__u64 address, __u32 index, int is_short)
{
	__u64 value = 0;

	if (is_short)
		return user_word(address + 4 * index);
	bpf_probe_read_user(&value, sizeof(value), (void *)(address + 8 * index));
	return value;
}

/*
 * Adds the first `most` bytes of what stands in buffers (struct iovec), of which `moved` bytes count.
 * Answers how many bytes there is room for in all.
 */
__noinline __u64 add_buffers(__u64 buffers, __u64 count, __u64 moved, __u32 most, __u32 arg)
{
	struct scratch *s = scratch();
	__u64 total = 0, left = moved < most ? moved : most;
	int is_short, i;
	__u32 start;

	if (!s)
		return 0;
	is_short = s->call.abi != CADGE_ABI_NATIVE;
	start = begin_part(s);
	if (!start)
		return 0;
	for (i = 0; i < BUFFERS_MAX && i < count; i++) {
		__u64 base = user_long(buffers, 2 * i, is_short), length = user_long(buffers, 2 * i + 1, is_short);
		__u32 offset = s->offset, size = length < left ? length : left;

		total += length;
		if (!size || offset > CADGE_RECORD_BYTES_MAX - 512)
			continue;
		size &= PIECE_BYTES_MAX - 1;
		if (bpf_probe_read_user(s->bytes + (offset & OFFSET_MASK), size, (void *)base)) {
			s->part_flags |= CADGE_PART_UNREADABLE;
			break;
		}
		s->offset = offset + size;
		left -= size;
	}
	end_part(s, start, PART(CADGE_PART_BYTES, arg));
	return total;
}

/* Adds a struct msghdr: its address, data and control data. */
__noinline int add_message(__u64 address, __s64 moved, __u32 most, __u32 arg, __u32 index)
{
	struct scratch *s = scratch();
	struct cadge_message *to;
	__u32 start, is_short;
	__u64 size, control;

	if (!s || !address)
		return 0;
	start = s->offset;
	to = add_fixed(s, sizeof(*to), PART(CADGE_PART_MESSAGE, arg));
	if (!to)
		return 0;
	to->moved = moved < 0 ? 0 : moved;
	to->size = 0;
	is_short = s->call.abi != CADGE_ABI_NATIVE;
	/* The name's length is a word of its own, with as much room as a pointer. */
	if (!add_destination(index, arg))
		add_address(user_long(address, 0, is_short), user_word(address + (is_short ? 4 : 8)), arg);
	size = add_buffers(user_long(address, 2, is_short), user_long(address, 3, is_short), moved, most, arg);
	to = (void *)(s->bytes + ((start + sizeof(struct cadge_part)) & OFFSET_MASK));
	to->size = size;
	control = user_long(address, 5, is_short);
	if (control)
		add_user_bytes(user_long(address, 4, is_short), control > most ? most : control,
			       PART(CADGE_PART_CONTROL, arg));
	return 0;
}

/* Adds each struct mmsghdr: a struct msghdr, then how many bytes of it were sent or received. */
__noinline int add_messages(__u64 address, __s64 count, __u32 most, __u32 arg, __u32 is_sent)
{
	struct scratch *s = scratch();
	__u32 each, length_at;
	int i;

	if (!s || !address)
		return 0;
	each = s->call.abi != CADGE_ABI_NATIVE ? 32 : 64;
	length_at = s->call.abi != CADGE_ABI_NATIVE ? 28 : 56;
	/* Of a call that failed it is the first one that was refused. */
	if (count <= 0) {
		add_message(address, count, most, arg, is_sent ? 0 : NOT_SENT);
		return 0;
	}
	for (i = 0; i < MESSAGES_MAX && i < count; i++)
		add_message(address + i * each, user_word(address + i * each + length_at), most, arg,
			    is_sent ? i : NOT_SENT);
	return 0;
}

/* Adds two descriptors that stand in the caller's memory, and what they refer to. */
__noinline int add_pair(__u64 address, __u32 arg)
{
	add_user_bytes(address, 8, PART(CADGE_PART_BYTES, arg));
	add_fd((__s32)user_word(address), arg);
	add_fd((__s32)user_word(address + 4), CADGE_ARG_SECOND);
	return 0;
}

/* Takes one of the things that only calls on sockets have. */
__noinline int take_of_socket(__u32 what, __u32 arg, __u32 with, __u32 size)
{
	struct scratch *s = scratch();
	__u64 value, of;

	if (!s)
		return 0;
	value = argument(&s->call, arg);
	of = argument(&s->call, with);
	switch (what) {
	case CADGE_TAKE_SIZED_AT:
		of = user_word(of);
		add_user_bytes(value, of > size * 16 ? size * 16 : of, PART(CADGE_PART_BYTES, arg));
		return 0;
	case CADGE_TAKE_ADDRESS:
		add_address(value, (__u32)of, arg);
		return 0;
	case CADGE_TAKE_DESTINATION:
		if (!add_destination(0, arg))
			add_address(value, (__u32)of, arg);
		return 0;
	case CADGE_TAKE_ADDRESS_AT:
		add_address(value, user_word(of), arg);
		return 0;
	case CADGE_TAKE_MESSAGE:
		add_message(value, s->call.result, size * 16, arg, with ? 0 : NOT_SENT);
		return 0;
	case CADGE_TAKE_MESSAGES:
		add_messages(value, s->call.result, size * 16, arg, with);
		return 0;
	case CADGE_TAKE_PAIR:
		add_pair(value, arg);
		return 0;
	}
	return 0;
}
