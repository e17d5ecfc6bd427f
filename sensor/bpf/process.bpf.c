/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Processes: begun, replaced by another program, ended, and those that were there before. */

/* Whether rules ask for the environment. Set when the object is loaded. */
const volatile __u32 env_wanted = 1;

/* Bytes that are kept of arguments and of the environment: the beginning, and the end of longer ones. */
#define ARGV_HEAD_BYTES 8000
#define ARGV_TAIL_BYTES 2048
#define ENV_HEAD_BYTES 3072
#define ENV_TAIL_BYTES 1024

/* Variables that are looked at in a long environment, and what is kept of one for the loader. */
#define LOADER_PIECES_MAX 1024
#define LOADER_BYTES 512

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent))
		return BPF_CORE_READ(node, __parent);
	return (void *)BPF_CORE_READ((struct kernfs_node___old *)node, parent);
}

/* Adds the path of a cgroup. */
__noinline int add_cgroup(__u64 node_at, __u32 which)
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
	end_part(s, start, which);
	return 0;
}

/* Adds the cgroup of the unified hierarchy, and that of an older one where containers are in such. */
static __always_inline void add_cgroups(struct task_struct *task)
{
	struct css_set *cgroups = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *state = NULL;
	struct cgroup *unified = BPF_CORE_READ(cgroups, dfl_cgrp), *other;

	add_cgroup((__u64)BPF_CORE_READ(unified, kn), PART(CADGE_PART_CGROUP, CADGE_ARG_NONE));
	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return;
	bpf_probe_read_kernel(&state, sizeof(state),
			      (void *)cgroups + __builtin_preserve_field_info(cgroups->subsys, 0) +
				      bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) * sizeof(state));
	other = BPF_CORE_READ(state, cgroup);
	if (other && other != unified)
		add_cgroup((__u64)BPF_CORE_READ(other, kn), PART(CADGE_PART_CGROUP, CADGE_ARG_NONE));
}

static __always_inline void add_places(struct task_struct *task)
{
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	if (exe)
		add_task_path(task, (void *)exe + __builtin_preserve_field_info(exe->f_path, 0),
			      PART(CADGE_PART_EXE, CADGE_ARG_NONE));
	if (fs)
		add_task_path(task, (void *)fs + __builtin_preserve_field_info(fs->pwd, 0),
			      PART(CADGE_PART_CWD, CADGE_ARG_NONE));
	add_cgroups(task);
}

/* Adds many bytes of the caller's memory, in pieces. */
__noinline int add_user_range(__u64 address, __u32 size, __u32 which)
{
	struct scratch *s = scratch();
	__u32 start, left = size;
	int i;

	if (!s || !address || !size)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	for (i = 0; i < CADGE_RECORD_BYTES_MAX / PIECE_BYTES_MAX + 1 && left; i++) {
		__u32 offset = s->offset & OFFSET_MASK, piece = left;

		if (piece > PIECE_BYTES_MAX - 1)
			piece = PIECE_BYTES_MAX - 1;
		if (piece > CADGE_RECORD_BYTES_MAX - 512 - offset) {
			s->part_flags |= CADGE_PART_TRUNCATED;
			break;
		}
		/* The compiler knows the bound, and must not take out what tells the verifier. */
		asm volatile("" : "+r"(piece));
		piece &= PIECE_BYTES_MAX - 1;
		if (bpf_probe_read_user(s->bytes + offset, piece, (void *)address)) {
			s->part_flags |= CADGE_PART_UNREADABLE;
			break;
		}
		s->offset += piece;
		address += piece;
		left -= piece;
	}
	end_part(s, start, which);
	return 0;
}

/* In what look_at_variable answers: the variable ends with the piece. */
#define VARIABLE_ENDS 0x10000

/*
 * Keeps a piece of an environment if it is the beginning of a variable for the loader. Answers its
 * bytes, 0 if it can't be read. A function of its own, for the verifier to look at once.
 */
__noinline int look_at_variable(__u64 at, __u32 is_beginning)
{
	struct scratch *s = scratch();
	__u32 offset;
	long length;

	if (!s || s->offset > CADGE_RECORD_BYTES_MAX - 2 * LOADER_BYTES)
		return 0;
	offset = s->offset;
	length = bpf_probe_read_user_str(s->bytes + (offset & OFFSET_MASK), PIECE_BYTES_MAX, (void *)at);
	if (length <= 0)
		return 0;
	if (is_beginning && s->bytes[offset & OFFSET_MASK] == 'L' && s->bytes[(offset + 1) & OFFSET_MASK] == 'D' &&
	    s->bytes[(offset + 2) & OFFSET_MASK] == '_')
		s->offset = offset + (length > LOADER_BYTES ? LOADER_BYTES : (__u32)length);
	/* A full piece has a NUL of its own at its end. */
	return length < PIECE_BYTES_MAX ? (__u32)length | VARIABLE_ENDS : (__u32)length - 1;
}

/*
 * Adds the variables of an environment that the loader looks at (LD_…), each by its beginning: the
 * others may be so many that these are in neither end that is kept.
 */
__noinline int add_loader_variables(__u64 from, __u64 to)
{
	struct scratch *s = scratch();
	__u32 start, ends = VARIABLE_ENDS;
	int i;

	if (!s)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	for (i = 0; i < LOADER_PIECES_MAX; i++) {
		__u32 seen = look_at_variable(from, ends);

		from += seen & (VARIABLE_ENDS - 1);
		ends = seen & VARIABLE_ENDS;
		if (!seen || from >= to)
			break;
	}
	if (i == LOADER_PIECES_MAX)
		s->part_flags = CADGE_PART_TRUNCATED;
	end_part(s, start, PART(CADGE_PART_ENV, CADGE_ARG_NONE));
	return 0;
}

/* Adds what stands between two addresses: all of it, or its beginning and its end as another part. */
static __always_inline void add_ends(__u64 from, __u64 to, __u32 head, __u32 tail, __u8 kind)
{
	__u64 size = to - from;

	if (from >= to)
		return;
	if (size <= head + tail) {
		add_user_range(from, size, PART(kind, CADGE_ARG_NONE));
		return;
	}
	add_user_range(from, head, PART(kind, CADGE_ARG_NONE));
	if (kind == CADGE_PART_ENV)
		add_loader_variables(from, to);
	add_user_range(to - tail, tail, PART(kind, CADGE_ARG_NONE));
	count(CADGE_TRUNCATED);
}

/* Adds a string of the kernel's. */
__noinline int add_kernel_string(__u64 address, __u32 which)
{
	struct scratch *s = scratch();
	__u32 start, offset;
	long length;

	if (!s || !address)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	offset = s->offset;
	length = bpf_probe_read_kernel_str(s->bytes + (offset & OFFSET_MASK), PIECE_BYTES_MAX, (void *)address);
	if (length > 1)
		s->offset = offset + ((__u32)length & 0x1fff) - 1;
	if (s->offset > CADGE_RECORD_BYTES_MAX)
		s->offset = CADGE_RECORD_BYTES_MAX;
	end_part(s, start, which);
	return 0;
}

/* All that is known of a task but arguments and environment, in the scratch. */
static __always_inline struct cadge_process *describe(struct scratch *s, __u16 kind, __u64 task_at)
{
	struct task_struct *task = (void *)task_at;
	__u64 tgid = BPF_CORE_READ(task, tgid);

	begin(s, kind, sizeof(struct cadge_process), tgid << 32 | (__u32)BPF_CORE_READ(task, pid));
	fill_process(task_at);
	return &s->process;
}

/* Tells what a process has become. */
__noinline int tell_changed(__u64 task_at, __u32 cause, __u64 moved_to)
{
	struct task_struct *task = (void *)task_at;
	struct scratch *s = scratch();
	struct cadge_process *process;

	if (!s || !task)
		return 0;
	process = describe(s, CADGE_CHANGED, task_at);
	process->cause = cause;
	process->by = bpf_get_current_pid_tgid() >> 32;
	add_places(task);
	if (moved_to)
		add_cgroup(moved_to, PART(CADGE_PART_MOVED, CADGE_ARG_NONE));
	submit_critical(s);
	return 0;
}

/* After a call that changes the process itself. */
static __always_inline void process_changed(struct task_struct *task)
{
	tell_changed((__u64)task, CADGE_CAUSE_OTHER, 0);
}

/*
 * In exec, when the new program is in place and cannot fail any more: its path, arguments and
 * credentials are the ones that it will run with. A BTF tracepoint since 5.5.
 */
SEC("tp_btf/sched_process_exec")
int process_exec(__u64 *ctx)
{
	struct linux_binprm *bprm = (void *)ctx[2];
	struct cadge_process *process;
	struct scratch *s = scratch();
	struct task_struct *task;
	struct mm_struct *mm;

	if (!s)
		return 0;
	task = (void *)address_of(s, (void *)ctx[0]);
	process = describe(s, CADGE_EXEC, (__u64)task);
	/* The kernel has set the call's number to that of execve(2), whichever it was. */
	if (bpf_core_field_exists(bprm->fdpath) && BPF_CORE_READ(bprm, fdpath))
		process->cause = CADGE_CAUSE_EXECVEAT;
	add_places(task);
	add_kernel_string((__u64)BPF_CORE_READ(bprm, filename), PART(CADGE_PART_ASKED, CADGE_ARG_NONE));
	/* Of a script the kernel changes only `interp`. */
	if (BPF_CORE_READ(bprm, interp) != BPF_CORE_READ(bprm, filename))
		add_kernel_string((__u64)BPF_CORE_READ(bprm, interp), PART(CADGE_PART_INTERPRETER, CADGE_ARG_NONE));
	mm = BPF_CORE_READ(task, mm);
	add_ends(BPF_CORE_READ(mm, arg_start), BPF_CORE_READ(mm, arg_end), ARGV_HEAD_BYTES, ARGV_TAIL_BYTES,
		 CADGE_PART_ARGV);
	if (env_wanted)
		add_ends(BPF_CORE_READ(mm, env_start), BPF_CORE_READ(mm, env_end), ENV_HEAD_BYTES, ENV_TAIL_BYTES,
			 CADGE_PART_ENV);
	submit_critical(s);
	return 0;
}

/* In fork, when the child is complete but has not run yet: its record comes before its events'. */
SEC("tp_btf/sched_process_fork")
int process_fork(__u64 *ctx)
{
	struct task_struct *child = (void *)ctx[1];
	struct scratch *s;

	/* A thread. */
	if (BPF_CORE_READ(child, tgid) != BPF_CORE_READ(child, pid))
		return 0;
	s = scratch();
	if (!s)
		return 0;
	child = (void *)address_of(s, child);
	/* Of whom the child is a copy: with CLONE_PARENT another one is its parent. */
	describe(s, CADGE_FORK, (__u64)child)->by = bpf_get_current_pid_tgid() >> 32;
	/* With CLONE_INTO_CGROUP it is elsewhere than that one. */
	add_cgroups(child);
	submit_critical(s);
	return 0;
}

/*
 * When a task is about to get another short name: by prctl(2), by a write to its /proc/PID/comm,
 * maybe another's, and in exec, whose own record follows. Of the record only the name counts.
 * A BTF tracepoint since 5.5.
 */
SEC("tp_btf/task_rename")
int process_rename(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct cadge_process *process;
	struct scratch *s;
	__u64 tgid = BPF_CORE_READ(task, tgid);
	__u32 pid = BPF_CORE_READ(task, pid);

	/* Threads may have names of their own: the process's is that of its first. */
	if (tgid != pid)
		return 0;
	s = scratch();
	if (!s)
		return 0;
	process = begin(s, CADGE_CHANGED, sizeof(*process), tgid << 32 | pid);
	__builtin_memset(process, 0, sizeof(*process));
	process->start_ns = start_of(task);
	process->by = bpf_get_current_pid_tgid() >> 32;
	process->cause = CADGE_CAUSE_RENAME;
	bpf_probe_read_kernel_str(process->comm, sizeof(process->comm), (void *)ctx[1]);
	submit_critical(s);
	return 0;
}

/* When a process was moved to another cgroup of any hierarchy, maybe by another process. Since 5.5. */
SEC("tp_btf/cgroup_attach_task")
int process_moved(__u64 *ctx)
{
	struct cgroup *to = (void *)ctx[0];
	struct scratch *s = scratch();

	if (s)
		tell_changed(address_of(s, (void *)ctx[2]), CADGE_CAUSE_CGROUP, (__u64)BPF_CORE_READ(to, kn));
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
	struct cadge_header *header;
	struct scratch *s;
	__u64 size;

	if (!task || BPF_CORE_READ(task, tgid) != BPF_CORE_READ(task, pid))
		return 0;
	s = scratch();
	if (!s)
		return 0;
	task = (void *)address_of(s, task);
	describe(s, CADGE_TASK, (__u64)task);
	add_places(task);
	header = (void *)s->bytes;
	size = s->offset;
	if (size > CADGE_RECORD_BYTES_MAX)
		size = CADGE_RECORD_BYTES_MAX;
	header->size = size;
	bpf_seq_write(seq, s->bytes, size);
	return 0;
}
