/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Everything that runs in the kernel, as one object: one file for each family of events. */

#include "record.h"
#include "process.bpf.c"
#include "open.bpf.c"
#include "connect.bpf.c"

/* For each system call that some rule asks about, its program. The others have none. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, __u32);
} calls SEC(".maps");

/*
 * At the end of every system call of every process: it must cost nothing. A call that no rule asks
 * about finds no program and is done. The end, not the beginning, because only then there is a file
 * or a socket to look at. A BTF tracepoint since 5.5.
 */
SEC("tp_btf/sys_exit")
int sys_exit(__u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];

	bpf_tail_call(ctx, &calls, SYSCALL_NR(regs));
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
