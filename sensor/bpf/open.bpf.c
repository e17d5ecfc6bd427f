/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The calls that open files. The path is that of the file which was opened, whatever the caller wrote. */

#define AT_FDCWD -100
#define FMODE_CREATED 0x100000
/* The same on every architecture that Cadge runs on. */
#define O_WRONLY 01
#define O_CREAT 0100
#define O_TRUNC 01000

struct open_how {
	__u64 flags;
	__u64 mode;
	__u64 resolve;
};

/* What the caller asked for. */
struct request {
	__u64 path; /* its address; 0 if the call has none */
	__s32 dirfd;
	__u32 call;
	__u32 flags;
	__u32 mode;
};

/* The directory that the caller's path is relative to. */
static __always_inline void add_base(struct task_struct *task, __s32 dirfd)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *dir;

	if (dirfd == AT_FDCWD) {
		add_task_path(task, (void *)fs + __builtin_preserve_field_info(fs->pwd, 0), CADGE_PART_BASE);
		return;
	}
	dir = dirfd < 0 ? NULL : file_of(task, dirfd);
	if (dir)
		add_task_path(task, (void *)dir + __builtin_preserve_field_info(dir->f_path, 0), CADGE_PART_BASE);
}

static __always_inline int opened(struct task_struct *task, long result, struct request *request)
{
	struct cadge_open *open;
	struct scratch *s = scratch();
	struct file *file = result >= 0 ? file_of(task, result) : NULL;
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	if (!s)
		return 0;
	open = begin(s, CADGE_OPEN, sizeof(*open), bpf_get_current_pid_tgid());
	open->result = result;
	open->ino = BPF_CORE_READ(inode, i_ino);
	open->dev = user_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	open->call = request->call;
	open->flags = request->flags;
	open->mode = request->mode;
	open->type = BPF_CORE_READ(inode, i_mode);
	open->created = (BPF_CORE_READ(file, f_mode) & FMODE_CREATED) != 0;
	open->dirfd = request->dirfd;
	open->reserved = 0;
	if (file)
		add_task_path(task, (void *)file + __builtin_preserve_field_info(file->f_path, 0), CADGE_PART_PATH);
	else
		add_base(task, request->dirfd);
	add_user_string(request->path, CADGE_PART_RAW);
	submit_bulk(s);
	return 0;
}

/* Reached by a tail call from sys_exit, never attached: one for each call that rules ask about. */
#define OPEN_CALL(name, fill)                                                       \
	SEC("tp_btf/sys_exit")                                                      \
	int name(__u64 *ctx)                                                        \
	{                                                                           \
		struct task_struct *task = (void *)bpf_get_current_task();          \
		struct pt_regs *regs = (void *)ctx[0];                              \
		struct request request = {.dirfd = AT_FDCWD};                       \
		__u64 args[4];                                                      \
                                                                                    \
		if (bpf_get_current_pid_tgid() >> 32 == own_pid || is_compat(task)) \
			return 0;                                                   \
		SYSCALL_ARGS(regs, args);                                           \
		fill;                                                               \
		return opened(task, (long)ctx[1], &request);                        \
	}

OPEN_CALL(call_open, {
	request.call = CADGE_CALL_OPEN;
	request.path = args[0];
	request.flags = args[1];
	request.mode = args[2];
})

OPEN_CALL(call_openat, {
	request.call = CADGE_CALL_OPENAT;
	request.dirfd = args[0];
	request.path = args[1];
	request.flags = args[2];
	request.mode = args[3];
})

OPEN_CALL(call_openat2, {
	struct open_how how = {};

	request.call = CADGE_CALL_OPENAT2;
	request.dirfd = args[0];
	request.path = args[1];
	bpf_probe_read_user(&how, sizeof(how), (void *)args[2]);
	request.flags = how.flags;
	request.mode = how.mode;
})

OPEN_CALL(call_creat, {
	request.call = CADGE_CALL_CREAT;
	request.path = args[0];
	request.flags = O_CREAT | O_WRONLY | O_TRUNC;
	request.mode = args[1];
})

OPEN_CALL(call_open_by_handle_at, {
	request.call = CADGE_CALL_OPEN_BY_HANDLE_AT;
	request.dirfd = args[0];
	request.flags = args[2];
})
