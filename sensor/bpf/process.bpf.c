/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Processes: begun, replaced by another program, ended, and those that were there before. */

static __always_inline __u32 id_of(struct signal_struct *signal, __u32 type)
{
	struct pid *pid = NULL;

	bpf_core_read(&pid, sizeof(pid), &signal->pids[type]);
	return BPF_CORE_READ(pid, numbers[0].nr);
}

/* The id in the innermost pid namespace: the last of `numbers`. */
static __always_inline __u32 inner_id(struct pid *pid)
{
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *numbers = (void *)pid + __builtin_preserve_field_info(pid->numbers, 0);
	__u64 size = __builtin_preserve_type_info(*numbers, 1);
	struct upid *last = (void *)numbers + (level & 31) * size;

	return BPF_CORE_READ(last, nr);
}

static __always_inline __u32 tty_of(struct signal_struct *signal)
{
	struct tty_struct *tty = BPF_CORE_READ(signal, tty);
	__u32 major, minor;

	if (!tty)
		return 0;
	major = BPF_CORE_READ(tty, driver, major);
	minor = BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index);
	return user_dev(major << 20 | (minor & 0xfffff));
}

static __always_inline void fill_process(struct cadge_process *p, struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct pid *pid = NULL;
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);

	if (bpf_core_field_exists(task->start_boottime))
		p->start_ns = BPF_CORE_READ(task, start_boottime);
	else
		p->start_ns = BPF_CORE_READ((struct task_struct___old *)task, real_start_time);
	p->exe_ino = BPF_CORE_READ(inode, i_ino);
	p->exe_dev = user_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	p->ppid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_core_read(&pid, sizeof(pid), &signal->pids[PIDTYPE_TGID_INDEX]);
	p->vpid = inner_id(pid);
	p->sid = id_of(signal, PIDTYPE_SID_INDEX);
	p->pgid = id_of(signal, PIDTYPE_PGID_INDEX);
	p->uid = BPF_CORE_READ(task, cred, uid.val);
	p->gid = BPF_CORE_READ(task, cred, gid.val);
	p->loginuid = (__u32)-1;
	if (bpf_core_field_exists(task->loginuid))
		p->loginuid = BPF_CORE_READ(task, loginuid.val);
	p->tty = tty_of(signal);
	p->is_execveat = 0;
	bpf_core_read_str(p->comm, sizeof(p->comm), &task->comm);
}

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent))
		return BPF_CORE_READ(node, __parent);
	return (void *)BPF_CORE_READ((struct kernfs_node___old *)node, parent);
}

/* Adds the path of a cgroup. */
__noinline int add_cgroup(__u64 node_at)
{
	struct kernfs_node *node = (void *)node_at, *parent;
	struct scratch *s = scratch();
	__u32 start;
	int i;

	if (!s || !node)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	parent = parent_of(node);
	/* The hierarchy's root has no parent, and no name. */
	for (i = 0; i < PATH_NAMES_MAX && parent; i++) {
		__u32 offset = s->offset;
		long length;

		if (offset > CADGE_RECORD_BYTES_MAX - 512) {
			s->part_flags = CADGE_PART_TRUNCATED;
			break;
		}
		length = bpf_probe_read_kernel_str(s->bytes + (offset & OFFSET_MASK), 256, BPF_CORE_READ(node, name));
		if (length > 0)
			s->offset = offset + ((__u32)length & 0x1ff);
		node = parent;
		parent = parent_of(node);
	}
	end_part(s, start, PART(CADGE_PART_CGROUP, CADGE_ARG_NONE));
	return 0;
}

static __always_inline void add_places(struct task_struct *task)
{
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	if (exe)
		add_task_path(task, (void *)exe + __builtin_preserve_field_info(exe->f_path, 0), PART(CADGE_PART_EXE, CADGE_ARG_NONE));
	if (fs)
		add_task_path(task, (void *)fs + __builtin_preserve_field_info(fs->pwd, 0), PART(CADGE_PART_CWD, CADGE_ARG_NONE));
	/* The unified hierarchy's. */
	add_cgroup((__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn));
}

/* After a call that changes the process itself: all that is known of it but the program. */
static __always_inline void process_changed(struct task_struct *task)
{
	struct cadge_process *process;
	struct scratch *s = scratch();

	if (!s)
		return;
	process = begin(s, CADGE_CHANGED, sizeof(*process), bpf_get_current_pid_tgid());
	fill_process(process, task);
	add_places(task);
	submit_critical(s);
}

/*
 * In exec, when the new program is in place and cannot fail any more: its path, arguments and
 * credentials are the ones that it will run with. A BTF tracepoint since 5.5.
 */
SEC("tp_btf/sched_process_exec")
int process_exec(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct linux_binprm *bprm = (void *)ctx[2];
	struct cadge_process *process;
	struct scratch *s = scratch();
	struct mm_struct *mm;
	__u64 args, args_end;

	if (!s)
		return 0;
	process = begin(s, CADGE_EXEC, sizeof(*process), bpf_get_current_pid_tgid());
	fill_process(process, task);
	if (bpf_core_field_exists(bprm->fdpath))
		process->is_execveat = BPF_CORE_READ(bprm, fdpath) != NULL;
	mm = BPF_CORE_READ(task, mm);
	args = BPF_CORE_READ(mm, arg_start);
	args_end = BPF_CORE_READ(mm, arg_end);
	if (args < args_end)
		add_user_bytes(args, args_end - args, PART(CADGE_PART_ARGV, CADGE_ARG_NONE));
	add_places(task);
	submit_critical(s);
	return 0;
}

/* In fork, when the child is complete but has not run yet: its record comes before its events'. */
SEC("tp_btf/sched_process_fork")
int process_fork(__u64 *ctx)
{
	struct task_struct *child = (void *)ctx[1];
	struct cadge_process *process;
	struct scratch *s;
	__u32 tgid = BPF_CORE_READ(child, tgid), pid = BPF_CORE_READ(child, pid);

	/* A thread. */
	if (tgid != pid)
		return 0;
	s = scratch();
	if (!s)
		return 0;
	process = begin(s, CADGE_FORK, sizeof(*process), (__u64)tgid << 32 | pid);
	fill_process(process, child);
	submit_critical(s);
	return 0;
}

/* In exit, for each thread: the last one of a process has counted `live` down to 0. */
SEC("tp_btf/sched_process_exit")
int process_exit(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct cadge_exit *end;
	struct scratch *s;

	if (BPF_CORE_READ(task, signal, live.counter) != 0)
		return 0;
	s = scratch();
	if (!s)
		return 0;
	end = begin(s, CADGE_EXIT, sizeof(*end), bpf_get_current_pid_tgid());
	end->status = BPF_CORE_READ(task, exit_code);
	end->reserved = 0;
	submit_critical(s);
	return 0;
}

/*
 * Once, at start, over all tasks: the same record as exec's, without the arguments, which are in
 * another process's memory. Since 5.8.
 */
SEC("iter/task")
int snapshot(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct cadge_process *process;
	struct cadge_header *header;
	struct scratch *s;
	__u32 tgid, pid;
	__u64 size;

	if (!task)
		return 0;
	tgid = BPF_CORE_READ(task, tgid);
	pid = BPF_CORE_READ(task, pid);
	if (tgid != pid)
		return 0;
	s = scratch();
	if (!s)
		return 0;
	process = begin(s, CADGE_TASK, sizeof(*process), (__u64)tgid << 32 | pid);
	fill_process(process, task);
	add_places(task);
	header = (void *)s->bytes;
	size = s->offset;
	if (size > CADGE_RECORD_BYTES_MAX)
		size = CADGE_RECORD_BYTES_MAX;
	header->size = size;
	bpf_seq_write(seq, s->bytes, size);
	return 0;
}
