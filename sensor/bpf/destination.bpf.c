/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Where datagrams of UDP go to, as the kernel has it. The socket does not keep it, and the caller's memory
 * may be another one when the call ends: programs at the root cgroup are shown the kernel's copy.
 */

/* Messages of one call that are looked at. */
#define MESSAGES_MAX 16

#define AF_INET 2
#define AF_INET6 10

/* As much of a struct sockaddr_in or sockaddr_in6 as is needed. */
struct destination {
	__u16 family;
	__u16 port; /* in the network's byte order */
	__u32 rest[5];
};

struct destinations {
	__u32 count;
	struct destination of[MESSAGES_MAX];
};

/* Of each thread, since it began the call that it is in. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct destinations);
} destinations SEC(".maps");

static const struct destinations no_destinations;

static __always_inline void note_destination(const struct destination *to)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct destinations *all = bpf_map_lookup_elem(&destinations, &thread);
	__u32 count;

	if (!all) {
		bpf_map_update_elem(&destinations, &thread, &no_destinations, BPF_ANY);
		all = bpf_map_lookup_elem(&destinations, &thread);
	}
	if (!all)
		return;
	count = all->count;
	if (count >= MESSAGES_MAX)
		return;
	barrier_var(count);
	all->of[count & (MESSAGES_MAX - 1)] = *to;
	all->count = count + 1;
}

/* Since 4.18; what is told of the caller since 5.7. Both let everything pass. */
SEC("cgroup/sendmsg4")
int sends_to_v4(struct bpf_sock_addr *ctx)
{
	struct destination to = {.family = AF_INET, .port = ctx->user_port, .rest = {ctx->user_ip4}};

	note_destination(&to);
	return 1;
}

SEC("cgroup/sendmsg6")
int sends_to_v6(struct bpf_sock_addr *ctx)
{
	struct destination to = {.family = AF_INET6, .port = ctx->user_port};

	to.rest[1] = ctx->user_ip6[0];
	to.rest[2] = ctx->user_ip6[1];
	to.rest[3] = ctx->user_ip6[2];
	to.rest[4] = ctx->user_ip6[3];
	note_destination(&to);
	return 1;
}

/* At the beginning of a call that sends. */
static __always_inline void forget_destinations(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&destinations, &thread);
}

/* Adds where one of the call's messages went to. Answers whether it is known. */
__noinline int add_destination(__u32 index, __u32 arg)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct destinations *all = bpf_map_lookup_elem(&destinations, &thread);
	struct scratch *s = scratch();
	struct destination *to;

	if (!all || !s || index >= all->count || index >= MESSAGES_MAX)
		return 0;
	to = add_fixed(s, sizeof(*to), PART(CADGE_PART_ADDRESS, arg));
	if (!to)
		return 0;
	/* The compiler knows that this changes nothing, older kernels' verifiers do not: it has to stay. */
	barrier_var(index);
	*to = all->of[index & (MESSAGES_MAX - 1)];
	return 1;
}
