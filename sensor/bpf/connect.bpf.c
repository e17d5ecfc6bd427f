/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* connect(2). The addresses are the socket's own, whatever the caller's memory says by now. */

#define AF_INET 2
#define AF_INET6 10
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define SOCKADDR_BYTES_MAX 128

static __always_inline void fill_addresses(struct cadge_connect *connect, struct sock *sk)
{
	connect->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	connect->protocol = BPF_CORE_READ(sk, sk_protocol);
	if (connect->family != AF_INET && connect->family != AF_INET6)
		return;
	connect->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	connect->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (connect->family == AF_INET) {
		bpf_core_read(connect->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(connect->remote, 4, &sk->__sk_common.skc_daddr);
	} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		bpf_core_read(connect->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(connect->remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

/* Reached by a tail call from sys_exit, never attached. */
SEC("tp_btf/sys_exit")
int call_connect(__u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pt_regs *regs = (void *)ctx[0];
	struct cadge_connect *connect;
	struct scratch *s = scratch();
	struct file *file;
	__u64 args[4];

	if (!s || bpf_get_current_pid_tgid() >> 32 == own_pid || is_compat(task))
		return 0;
	SYSCALL_ARGS(regs, args);
	connect = begin(s, CADGE_CONNECT, sizeof(*connect), bpf_get_current_pid_tgid());
	__builtin_memset(connect, 0, sizeof(*connect));
	connect->result = (long)ctx[1];
	connect->fd = args[0];
	file = (__s32)args[0] < 0 ? NULL : file_of(task, (__u32)args[0]);
	if (file && (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK) {
		struct socket *socket = BPF_CORE_READ(file, private_data);

		fill_addresses(connect, BPF_CORE_READ(socket, sk));
	}
	/* For a socket without a peer address: a Unix one, or one whose call has failed. */
	add_user_bytes(args[1], args[2] > SOCKADDR_BYTES_MAX ? SOCKADDR_BYTES_MAX : args[2], CADGE_PART_SOCKADDR);
	submit_critical(s);
	return 0;
}
