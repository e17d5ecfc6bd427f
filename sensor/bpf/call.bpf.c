/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * System calls. What is taken of each is data, which user space writes into `plans`: its table of
 * calls is the only list of them.
 */

#include "multiplexed.h"

#define AT_FDCWD -100
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define FMODE_CREATED 0x100000

#define CALLS_MAX 1024

/* By a system call's number: the call's row natively, and the 32-bit one's in the upper half; 0 if no rule asks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CADGE_NUMBERS);
	__type(key, __u32);
	__type(value, __u32);
} wanted SEC(".maps");

/* By a call's row. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALLS_MAX);
	__type(key, __u32);
	__type(value, struct cadge_plan);
} plans SEC(".maps");

/* Mounts on one mount point, and roots within roots. */
#define TOPS_MAX 8

/* Whether a path from the caller's root is the same as one from where nothing is mounted any more. */
static __always_inline int is_root_the_top(struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	__u64 dentry = (__u64)BPF_CORE_READ(fs, root.dentry), vfsmount = (__u64)BPF_CORE_READ(fs, root.mnt);
	int i;

	for (i = 0; i < TOPS_MAX; i++) {
		struct mount *mount = (void *)mount_of(vfsmount);
		__u64 parent = (__u64)BPF_CORE_READ(mount, mnt_parent);

		if (dentry != (__u64)BPF_CORE_READ((struct vfsmount *)vfsmount, mnt_root))
			return 0;
		if (parent == (__u64)mount)
			return 1;
		dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
		vfsmount = parent + __builtin_preserve_field_info(((struct mount *)0)->mnt, 0);
	}
	return 1;
}

/* Whether an address is one of an open file. */
static __always_inline int is_file(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	return inode && BPF_CORE_READ(file, f_path.dentry, d_inode) == inode;
}

/*
 * The file of a layer behind one of an overlay: what is private to that, and since 6.13 the first thing in
 * it. The kernel's BTF says nothing of it where overlay is a module, so both are looked at.
 */
static __always_inline void fill_real_file(struct cadge_file *to, struct file *file)
{
	struct file *real = BPF_CORE_READ(file, private_data);

	if (!is_file(real)) {
		bpf_probe_read_kernel(&real, sizeof(real), real);
		if (!is_file(real))
			return;
	}
	to->real_ino = BPF_CORE_READ(real, f_inode, i_ino);
	to->real_dev = user_dev(BPF_CORE_READ(real, f_inode, i_sb, s_dev));
}

/* Adds an open file and its path. */
__noinline int add_file(__u64 file_at, __u32 arg)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file *file = (void *)file_at;
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct scratch *s = scratch();
	struct cadge_file *to;

	if (!s)
		return 0;
	to = add_fixed(s, sizeof(*to), PART(CADGE_PART_FILE, arg));
	if (!to)
		return 0;
	__builtin_memset(to, 0, sizeof(*to));
	to->ino = BPF_CORE_READ(inode, i_ino);
	to->dev = user_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	to->mode = BPF_CORE_READ(inode, i_mode);
	to->flags = BPF_CORE_READ(file, f_flags);
	to->nlink = BPF_CORE_READ(inode, i_nlink);
	to->created = (BPF_CORE_READ(file, f_mode) & FMODE_CREATED) != 0;
	to->layer = layer_of(inode);
	if (to->layer)
		fill_real_file(to, file);
	add_task_path(task, (void *)file + __builtin_preserve_field_info(file->f_path, 0), PART(CADGE_PART_PATH, arg));
	if (!is_root_the_top(task))
		add_path((__u64)BPF_CORE_READ(file, f_path.dentry), (__u64)BPF_CORE_READ(file, f_path.mnt), 0, 0,
			 PART(CADGE_PART_HOST_PATH, arg));
	return 0;
}

/* Adds a file or socket that is open. */
static __always_inline int add_open(struct file *file, __u32 arg)
{
	if (!file)
		return 0;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK)
		return add_socket((__u64)file, arg);
	return add_file((__u64)file, arg);
}

/* Adds what one of the caller's descriptors refers to. */
__noinline int add_fd(__s64 fd, __u32 arg)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return add_open(fd < 0 ? NULL : file_of(task, fd), arg);
}

/* Adds the directory that a path is relative to: a descriptor's, or the working one. */
__noinline int add_base(__s64 dirfd, __u32 arg)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *dir;

	if (dirfd == AT_FDCWD) {
		add_task_path(task, (void *)fs + __builtin_preserve_field_info(fs->pwd, 0), PART(CADGE_PART_BASE, arg));
		return 0;
	}
	dir = dirfd < 0 ? NULL : file_of(task, dirfd);
	if (dir)
		add_task_path(task, (void *)dir + __builtin_preserve_field_info(dir->f_path, 0), PART(CADGE_PART_BASE, arg));
	return 0;
}

#define OWN_FD "/proc/self/fd/"
#define OWN_FD_LENGTH ((int)sizeof(OWN_FD) - 1)
#define DIGITS_MAX 7

/* Adds what a path means that names one of the caller's descriptors: the text stands at an offset of the scratch. */
__noinline int add_named_fd(__u32 at, __u32 arg)
{
	struct scratch *s = scratch();
	const char *text;
	__u32 number = 0;
	int i;

	if (!s)
		return 0;
	text = (void *)s->bytes + (at & OFFSET_MASK);
	/* Unrolled, so that the text it is compared with stands in the instructions. */
#pragma unroll
	for (i = 0; i < OWN_FD_LENGTH; i++)
		if (text[i] != OWN_FD[i])
			return 0;
	text += OWN_FD_LENGTH;
	for (i = 0; i < DIGITS_MAX; i++) {
		if (text[i] < '0' || text[i] > '9')
			break;
		number = number * 10 + text[i] - '0';
	}
	if (i && i < DIGITS_MAX && !text[i])
		add_fd(number, arg);
	return 0;
}

/* Takes one of the things that the plan asks for. */
__noinline int take(__u32 what, __u32 arg, __u32 with, __u32 size)
{
	struct scratch *s = scratch();
	__u64 value, of;
	__u32 text;

	if (!s)
		return 0;
	value = argument(&s->call, arg);
	of = argument(&s->call, with);
	switch (what) {
	case CADGE_TAKE_STRING:
		add_user_string(value, PART(CADGE_PART_STRING, arg));
		return 0;
	case CADGE_TAKE_PATH:
	case CADGE_TAKE_OPENED:
		text = s->offset + sizeof(struct cadge_part);
		/* An absolute path needs no base, nor does the path of a file that is open by now. */
		if (add_user_string(value, PART(CADGE_PART_STRING, arg)) == '/') {
			if (what == CADGE_TAKE_PATH)
				add_named_fd(text, arg);
		} else if (what == CADGE_TAKE_PATH || s->call.result < 0) {
			add_base(with == CADGE_ARG_NONE ? AT_FDCWD : (__s32)of, arg);
		}
		return 0;
	case CADGE_TAKE_FD:
		add_fd((__s32)value, arg);
		return 0;
	case CADGE_TAKE_BYTES:
		add_user_bytes(value, size, PART(CADGE_PART_BYTES, arg));
		return 0;
	case CADGE_TAKE_SIZED:
		if ((__s64)of < 0)
			return 0;
		add_user_bytes(value, of > size * 16 ? size * 16 : of, PART(CADGE_PART_BYTES, arg));
		return 0;
	}
	return take_of_socket(what, arg, with, size);
}

/* Of io_urings. */
int look_at_unanswered(__u64 only);

/* What a record says of the caller whatever the call is. */
static __always_inline void fill_caller(struct cadge_call *call, struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);

	call->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	call->uid = BPF_CORE_READ(cred, euid.val);
	call->gid = BPF_CORE_READ(cred, egid.val);
	call->ns_uid = inner_uid_of(cred, call->uid);
	bpf_core_read(&call->cap_effective, 8, &cred->cap_effective);
	bpf_core_read(&call->cap_permitted, 8, &cred->cap_permitted);
	bpf_core_read(&call->cap_inheritable, 8, &cred->cap_inheritable);
}

/* Whether the call is one that is to be told: one of the plan's conditions is true, or it has none. */
static __always_inline int is_told(struct cadge_call *call, const struct cadge_plan *plan)
{
	int i, has = 0;

	for (i = 0; i < CADGE_CONDITIONS; i++) {
		struct cadge_take next = plan->takes[i];
		__u32 number = next.with | (__u32)next.size << 8, value;

		if (next.what < CADGE_TAKE_IF || next.what > CADGE_TAKE_IF_BIT)
			break;
		has = 1;
		value = argument(call, next.arg);
		if (next.what == CADGE_TAKE_IF_BIT)
			number = 1U << (number & 31);
		if (next.what == CADGE_TAKE_IF ? value == number : (value & number) != 0)
			return 1;
	}
	return !has;
}

/* Hands the record to the ring that the plan is for. */
static __always_inline void submit_by(struct scratch *s, const struct cadge_plan *plan)
{
	if (plan->flags & CADGE_PLAN_CRITICAL)
		submit_critical(s);
	else
		submit_bulk(s);
}

/* Takes all that the plan asks for, and hands the record over. */
static __always_inline void finish_call(struct scratch *s, const struct cadge_plan *plan)
{
	int i;

	for (i = 0; i < CADGE_TAKES; i++) {
		struct cadge_take next = plan->takes[i];

		if (next.what == CADGE_TAKE_NOTHING)
			break;
		take(next.what, next.arg, next.with, next.size);
	}
	submit_by(s, plan);
}

/* A call that somebody wants. */
struct seen_call {
	__u32 number;
	__u32 abi;
	__u32 row;
	__u64 args[6];
};

/* The plan for the call that the caller is in, and the call; NULL if nobody wants it. */
static __always_inline struct cadge_plan *planned(struct pt_regs *regs, struct task_struct *task,
						  struct seen_call *seen)
{
	__u32 number = SYSCALL_NR(regs), abi = CADGE_ABI_NATIVE, *rows, row;

	if (X32_BIT && number & X32_BIT) {
		abi = CADGE_ABI_X32;
		number &= ~X32_BIT;
	}
	rows = bpf_map_lookup_elem(&wanted, &number);
	if (!rows || !*rows)
		return NULL;
	if (is_compat(task))
		abi = CADGE_ABI_32;
	row = abi == CADGE_ABI_32 ? *rows >> 16 : *rows & 0xffff;
	if (!row || bpf_get_current_pid_tgid() >> 32 == own_pid)
		return NULL;
	if (abi == CADGE_ABI_32)
		SYSCALL_ARGS_32(regs, seen->args);
	else
		SYSCALL_ARGS(regs, seen->args);
	if (row == CADGE_ROW_MULTIPLEXED) {
		number = demultiplexed(number, seen->args);
		rows = bpf_map_lookup_elem(&wanted, &number);
		row = rows ? *rows >> 16 : 0;
	}
	seen->number = number;
	seen->abi = abi;
	seen->row = row;
	return row ? bpf_map_lookup_elem(&plans, &row) : NULL;
}

/* Begins a record of a call. */
static __always_inline struct cadge_call *begin_call(struct scratch *s, __u16 kind, struct seen_call *seen)
{
	struct cadge_call *call = begin(s, kind, sizeof(*call), bpf_get_current_pid_tgid());

	__builtin_memset(call, 0, sizeof(*call));
	call->call = seen->row;
	call->abi = seen->abi;
	call->number = seen->number;
	__builtin_memcpy(call->args, seen->args, sizeof(seen->args));
	return call;
}

/*
 * At the end of every system call of every process: it must cost nothing. A call that no rule asks
 * about has no row and is done. The end, not the beginning, because only then there is a file
 * or a socket to look at. A BTF tracepoint since 5.5.
 */
SEC("tp_btf/sys_exit")
int sys_exit(__u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct seen_call seen;
	struct cadge_plan *plan = planned((void *)ctx[0], task, &seen);
	struct cadge_call *call;
	struct scratch *s;

	if (!plan || (plan->flags & CADGE_PLAN_FAILED && (long)ctx[1] >= 0))
		return 0;
	s = scratch();
	if (!s)
		return 0;
	call = begin_call(s, CADGE_CALL, &seen);
	call->result = (long)ctx[1];
	if (!is_told(call, plan))
		return 0;
	if (!(plan->flags & CADGE_PLAN_SILENT)) {
		fill_caller(call, task);
		finish_call(s, plan);
	}
	if (plan->flags & CADGE_PLAN_CHANGES && (long)ctx[1] >= 0)
		process_changed(task);
	if (plan->flags & CADGE_PLAN_LOOKS)
		look_at_unanswered(0);
	return 0;
}

/*
 * At the beginning: the texts of calls that leave no object of the kernel's to look at. Somebody may write
 * others over them before the end; user space compares. Attached only if such a call is wanted.
 */
SEC("tp_btf/sys_enter")
int sys_enter(__u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct seen_call seen;
	struct cadge_plan *plan = planned((void *)ctx[0], task, &seen);
	struct scratch *s;
	int i;

	if (!plan)
		return 0;
	if (plan->flags & CADGE_PLAN_SENDS)
		forget_destinations();
	if (!(plan->flags & CADGE_PLAN_ENTER) || plan->flags & CADGE_PLAN_SILENT)
		return 0;
	s = scratch();
	if (!s)
		return 0;
	if (!is_told(begin_call(s, CADGE_ENTER, &seen), plan))
		return 0;
	for (i = 0; i < CADGE_TAKES; i++) {
		struct cadge_take next = plan->takes[i];

		if (next.what == CADGE_TAKE_NOTHING)
			break;
		if (next.what == CADGE_TAKE_STRING || next.what == CADGE_TAKE_PATH)
			take(next.what, next.arg, next.with, next.size);
	}
	submit_by(s, plan);
	return 0;
}
