/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The kernel's own checks of what a call may do to a path: there it has looked the path up, links and all, and nobody can
 * change it any more. Calls that return no descriptor leave nothing else behind. Each program tells the paths, in the
 * order of the call's path arguments; user space puts them to the record of the call, which follows from the same thread.
 *
 * They need fentry: x86 since 5.5, ARM since 6.4, and a kernel that was built with it. Without them the caller's memory is
 * what there is.
 */

/* An argument of the check, as a number: functions that the verifier takes alone take nothing else. */
static __always_inline __u64 checked(__u64 *ctx, __u32 at)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx + at);
	return value;
}

static __always_inline struct scratch *begin_hook(__u32 which)
{
	struct scratch *s = scratch_of(HOOKED);
	struct cadge_hook *hook;

	if (!s || bpf_get_current_pid_tgid() >> 32 == own_pid)
		return NULL;
	/* One that was preempted is writing: this call has to do without. */
	if (s->busy)
		return NULL;
	s->busy = 1;
	hook = begin(s, CADGE_HOOK, sizeof(*hook), bpf_get_current_pid_tgid());
	hook->which = which;
	hook->reserved = 0;
	return s;
}

/* Adds the path of a name on the mount of another path. */
static __always_inline void add_hooked(struct dentry *dentry, const struct path *on, __u8 arg)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	add_path((__u64)dentry, (__u64)BPF_CORE_READ(on, mnt), (__u64)BPF_CORE_READ(fs, root.dentry),
		 (__u64)BPF_CORE_READ(fs, root.mnt), PART(CADGE_PART_PATH, arg) | HOOKED);
}

static __always_inline int end_hook(struct scratch *s)
{
	submit_bulk(s);
	s->busy = 0;
	return 0;
}

/* The hook is for a name in a directory. */
#define HOOK_NAME(name, target, which)                                                  \
	SEC("fentry/" target)                                                           \
	int name(__u64 *ctx)                                                            \
	{                                                                               \
		struct scratch *s = begin_hook(which);                                  \
                                                                                        \
		if (!s)                                                                 \
			return 0;                                                       \
		add_hooked((void *)checked(ctx, 1), (void *)checked(ctx, 0), 0);                          \
		return end_hook(s);                                                     \
	}

/* The hook is for a path. */
#define HOOK_PATH(name, target, which, at)                                              \
	SEC("fentry/" target)                                                           \
	int name(__u64 *ctx)                                                            \
	{                                                                               \
		struct path *path = (void *)checked(ctx, at);                                    \
		struct scratch *s = begin_hook(which);                                  \
                                                                                        \
		if (!s)                                                                 \
			return 0;                                                       \
		add_hooked(BPF_CORE_READ(path, dentry), path, 0);                       \
		return end_hook(s);                                                     \
	}

HOOK_NAME(hook_unlink, "security_path_unlink", CADGE_HOOK_UNLINK)
HOOK_NAME(hook_rmdir, "security_path_rmdir", CADGE_HOOK_RMDIR)
HOOK_NAME(hook_mkdir, "security_path_mkdir", CADGE_HOOK_MKDIR)
HOOK_NAME(hook_mknod, "security_path_mknod", CADGE_HOOK_MKNOD)
HOOK_NAME(hook_symlink, "security_path_symlink", CADGE_HOOK_SYMLINK)
HOOK_PATH(hook_chmod, "security_path_chmod", CADGE_HOOK_CHMOD, 0)
HOOK_PATH(hook_chown, "security_path_chown", CADGE_HOOK_CHOWN, 0)
HOOK_PATH(hook_truncate, "security_path_truncate", CADGE_HOOK_TRUNCATE, 0)
HOOK_PATH(hook_mount, "security_sb_mount", CADGE_HOOK_MOUNT, 1)

SEC("fentry/security_path_link")
int hook_link(__u64 *ctx)
{
	struct scratch *s = begin_hook(CADGE_HOOK_LINK);

	if (!s)
		return 0;
	/* A hard link stays on its mount. */
	add_hooked((void *)checked(ctx, 0), (void *)checked(ctx, 1), 0);
	add_hooked((void *)checked(ctx, 2), (void *)checked(ctx, 1), 1);
	return end_hook(s);
}

SEC("fentry/security_path_rename")
int hook_rename(__u64 *ctx)
{
	struct scratch *s = begin_hook(CADGE_HOOK_RENAME);

	if (!s)
		return 0;
	add_hooked((void *)checked(ctx, 1), (void *)checked(ctx, 0), 0);
	add_hooked((void *)checked(ctx, 3), (void *)checked(ctx, 2), 1);
	return end_hook(s);
}

SEC("fentry/security_move_mount")
int hook_move_mount(__u64 *ctx)
{
	struct path *from = (void *)checked(ctx, 0), *to = (void *)checked(ctx, 1);
	struct scratch *s = begin_hook(CADGE_HOOK_MOVE_MOUNT);

	if (!s)
		return 0;
	add_hooked(BPF_CORE_READ(from, dentry), from, 0);
	add_hooked(BPF_CORE_READ(to, dentry), to, 1);
	return end_hook(s);
}
