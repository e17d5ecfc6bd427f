/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the kernel knows of a task: fills in a struct cadge_process. */
#ifndef CADGE_TASK_H
#define CADGE_TASK_H

#include "record.h"

#define CAP_DAC_OVERRIDE 1
#define CAP_FOWNER 3
#define RLIMIT_NOFILE 7
#define SB_RDONLY 1
#define S_IMMUTABLE 8
#define OVERLAYFS_MAGIC 0x794c7630
#define NSEC_PER_SEC 1000000000ULL
/* Since 6.13 a bit of the nanoseconds says whether somebody has asked for the time. */
#define CTIME_NSEC_MASK 0x7fffffff

#define UID_EXTENTS_MAX 32
/* A number that no user has. */
#define NO_ID ((__u32)-1)

static __always_inline __u32 id_of(struct signal_struct *signal, __u32 type)
{
	struct pid *pid = NULL;

	bpf_core_read(&pid, sizeof(pid), &signal->pids[type]);
	return BPF_CORE_READ(pid, numbers[0].nr);
}

/* The id's innermost form: the last of `numbers`. */
static __always_inline struct upid *inner_id(struct pid *pid)
{
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *numbers = (void *)pid + __builtin_preserve_field_info(pid->numbers, 0);
	__u64 size = __builtin_preserve_type_info(*numbers, 1);

	return (void *)numbers + (level & 31) * size;
}

static __always_inline __u32 inner_id_of(struct signal_struct *signal, __u32 type)
{
	struct pid *pid = NULL;
	struct upid *inner;

	bpf_core_read(&pid, sizeof(pid), &signal->pids[type]);
	inner = inner_id(pid);
	return BPF_CORE_READ(inner, nr);
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

static __always_inline __u64 start_of(struct task_struct *task)
{
	if (bpf_core_field_exists(task->start_boottime))
		return BPF_CORE_READ(task, start_boottime);
	return BPF_CORE_READ((struct task_struct___old *)task, real_start_time);
}

/* An id of the host's as a user namespace has it; NO_ID if it has no such, or too many extents. */
__noinline int inner_user(__u64 map_at, __u32 id)
{
	struct uid_gid_map *map = (void *)map_at;
	__u32 count = BPF_CORE_READ(map, nr_extents), i;
	__u64 size = __builtin_preserve_type_info(*(struct uid_gid_extent *)0, 1);
	void *extents = (void *)map + __builtin_preserve_field_info(map->extent, 0);

	if (count > 5)
		extents = BPF_CORE_READ(map, forward);
	for (i = 0; i < UID_EXTENTS_MAX && i < count; i++) {
		struct uid_gid_extent *extent = extents + i * size;
		__u32 first = BPF_CORE_READ(extent, lower_first);

		if (id >= first && id - first < BPF_CORE_READ(extent, count))
			return BPF_CORE_READ(extent, first) + (id - first);
	}
	return NO_ID;
}

static __always_inline __u32 inner_uid_of(const struct cred *cred, __u32 uid)
{
	struct user_namespace *ns = BPF_CORE_READ(cred, user_ns);

	return inner_user((__u64)ns + __builtin_preserve_field_info(ns->uid_map, 0), uid);
}

static __always_inline __u32 inner_gid_of(const struct cred *cred, __u32 gid)
{
	struct user_namespace *ns = BPF_CORE_READ(cred, user_ns);

	return inner_user((__u64)ns + __builtin_preserve_field_info(ns->gid_map, 0), gid);
}

/* Whether a group is one of the credentials' further ones, which the kernel keeps sorted. */
__noinline int is_in_group(__u64 cred_at, __u32 gid)
{
	struct group_info *groups = BPF_CORE_READ((struct cred *)cred_at, group_info);
	__u32 low = 0, high = BPF_CORE_READ(groups, ngroups), i;
	void *ids = (void *)groups + __builtin_preserve_field_info(groups->gid, 0);

	for (i = 0; i < 17 && low < high; i++) {
		__u32 middle = (low + high) / 2, found = 0;

		bpf_probe_read_kernel(&found, sizeof(found), ids + middle * sizeof(found));
		if (found == gid)
			return 1;
		if (found < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/*
 * Whether the credentials allow to write to a file: by its permissions, by a capability over a file
 * whose owner the user namespace knows, or because its owner can give himself the permission.
 */
__noinline int may_write(__u64 cred_at, __u64 inode_at)
{
	struct cred *cred = (void *)cred_at;
	struct inode *inode = (void *)inode_at;
	__u32 owner = BPF_CORE_READ(inode, i_uid.val), group = BPF_CORE_READ(inode, i_gid.val);
	__u16 mode = BPF_CORE_READ(inode, i_mode);
	__u64 caps = 0;

	if (BPF_CORE_READ(cred, fsuid.val) == owner)
		return 1;
	bpf_core_read(&caps, sizeof(caps), &cred->cap_effective);
	if (caps & (1 << CAP_DAC_OVERRIDE | 1 << CAP_FOWNER) && inner_uid_of(cred, owner) != NO_ID) {
		if (caps & 1 << CAP_FOWNER || inner_gid_of(cred, group) != NO_ID)
			return 1;
	}
	if (BPF_CORE_READ(inode, i_sb, s_flags) & SB_RDONLY || BPF_CORE_READ(inode, i_flags) & S_IMMUTABLE)
		return 0;
	if (BPF_CORE_READ(cred, fsgid.val) == group || is_in_group(cred_at, group))
		return (mode & 0020) != 0;
	return (mode & 0002) != 0;
}

/*
 * The layer of an overlay file system that a file is in. The upper one's dentry stands behind the
 * inode in struct ovl_inode, which the kernel's BTF lacks where overlay is a module.
 */
static __always_inline __u32 layer_of(struct inode *inode)
{
	struct dentry *upper = NULL;

	if (BPF_CORE_READ(inode, i_sb, s_magic) != OVERLAYFS_MAGIC)
		return 0;
	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + __builtin_preserve_type_info(*inode, 1));
	return upper && BPF_CORE_READ(upper, d_inode) ? CADGE_EXE_UPPER : CADGE_EXE_LOWER;
}

static __always_inline void fill_times(struct cadge_process *p, struct inode *inode)
{
	struct inode___7 *inode_7 = (void *)inode;
	struct inode___6 *inode_6 = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		p->exe_ctime_ns = BPF_CORE_READ(inode, i_ctime_sec) * NSEC_PER_SEC +
				  (BPF_CORE_READ(inode, i_ctime_nsec) & CTIME_NSEC_MASK);
	else if (bpf_core_field_exists(inode_7->__i_ctime))
		p->exe_ctime_ns = BPF_CORE_READ(inode_7, __i_ctime.tv_sec) * NSEC_PER_SEC +
				  (BPF_CORE_READ(inode_7, __i_ctime.tv_nsec) & CTIME_NSEC_MASK);
	else
		p->exe_ctime_ns = BPF_CORE_READ(inode_6, i_ctime.tv_sec) * NSEC_PER_SEC +
				  BPF_CORE_READ(inode_6, i_ctime.tv_nsec);
	if (bpf_core_field_exists(inode->i_mtime_sec))
		p->exe_mtime_ns = BPF_CORE_READ(inode, i_mtime_sec) * NSEC_PER_SEC + BPF_CORE_READ(inode, i_mtime_nsec);
	else if (bpf_core_field_exists(inode_7->__i_mtime))
		p->exe_mtime_ns = BPF_CORE_READ(inode_7, __i_mtime.tv_sec) * NSEC_PER_SEC +
				  BPF_CORE_READ(inode_7, __i_mtime.tv_nsec);
	else
		p->exe_mtime_ns = BPF_CORE_READ(inode_6, i_mtime.tv_sec) * NSEC_PER_SEC +
				  BPF_CORE_READ(inode_6, i_mtime.tv_nsec);
}

/* The executable. */
__noinline int fill_exe(__u64 task_at)
{
	struct task_struct *task = (void *)task_at;
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct inode *inode = BPF_CORE_READ(exe, f_inode);
	struct scratch *s = scratch();
	struct cadge_process *p;

	if (!s || !inode)
		return 0;
	p = &s->process;
	p->exe_ino = BPF_CORE_READ(inode, i_ino);
	p->exe_dev = user_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	p->exe_nlink = BPF_CORE_READ(inode, i_nlink);
	p->exe_flags = layer_of(inode);
	if (may_write((__u64)BPF_CORE_READ(task, cred), (__u64)inode))
		p->exe_flags |= CADGE_EXE_WRITABLE;
	if (!p->exe_nlink || !BPF_CORE_READ(exe, f_path.dentry, d_hash.pprev))
		p->exe_flags |= CADGE_EXE_DELETED;
	fill_times(p, inode);
	return 0;
}

static __always_inline __s64 pages_of(struct mm_struct *mm, int which)
{
	__s64 pages = 0;

	if (bpf_core_type_exists(struct mm_rss_stat)) {
		struct mm_struct___old *old = (void *)mm;
		/* Nothing but an array of counters, whose own type has changed: so by its place. */
		__u64 counts = (__u64)mm + __builtin_preserve_field_info(old->rss_stat, 0);

		bpf_probe_read_kernel(&pages, sizeof(pages), (void *)(counts + which * sizeof(pages)));
	} else {
		bpf_core_read(&pages, sizeof(pages), &mm->rss_stat[which].count);
	}
	return pages > 0 ? pages : 0;
}

/* Its memory: sizes of the parts that a record has of it, and what it uses. */
__noinline int fill_memory(__u64 task_at)
{
	struct task_struct *task = (void *)task_at;
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct scratch *s = scratch();
	struct cadge_process *p;

	if (!s || !mm)
		return 0;
	p = &s->process;
	p->argv_bytes = BPF_CORE_READ(mm, arg_end) - BPF_CORE_READ(mm, arg_start);
	p->env_bytes = BPF_CORE_READ(mm, env_end) - BPF_CORE_READ(mm, env_start);
	p->faults_major = BPF_CORE_READ(task, maj_flt);
	p->faults_minor = BPF_CORE_READ(task, min_flt);
	/* Pages of 4 KiB. */
	p->vm_size_kb = BPF_CORE_READ(mm, total_vm) * 4;
	p->vm_rss_kb = (pages_of(mm, 0) + pages_of(mm, 1) + pages_of(mm, 3)) * 4;
	p->vm_swap_kb = pages_of(mm, 2) * 4;
	return 0;
}

static __always_inline void fill_ids(struct cadge_process *p, struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid *inner = inner_id(pid);
	struct pid_namespace *ns = BPF_CORE_READ(inner, ns);
	struct task_struct *init = BPF_CORE_READ(ns, child_reaper);

	p->ppid = BPF_CORE_READ(task, real_parent, tgid);
	p->vtid = BPF_CORE_READ(inner, nr);
	p->vpid = inner_id_of(signal, PIDTYPE_TGID_INDEX);
	p->sid = id_of(signal, PIDTYPE_SID_INDEX);
	p->vsid = inner_id_of(signal, PIDTYPE_SID_INDEX);
	p->pgid = id_of(signal, PIDTYPE_PGID_INDEX);
	p->vpgid = inner_id_of(signal, PIDTYPE_PGID_INDEX);
	p->ns_pid = BPF_CORE_READ(ns, ns.inum);
	p->pidns_start_ns = start_of(init);
	p->tty = tty_of(signal);
	p->fd_limit = BPF_CORE_READ(signal, rlim[RLIMIT_NOFILE].rlim_cur);
}

static __always_inline void fill_credentials(struct cadge_process *p, struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);

	p->uid = BPF_CORE_READ(cred, euid.val);
	p->gid = BPF_CORE_READ(cred, egid.val);
	p->real_uid = BPF_CORE_READ(cred, uid.val);
	p->inner_uid = inner_uid_of(cred, p->uid);
	p->ns_user = BPF_CORE_READ(cred, user_ns, ns.inum);
	bpf_core_read(&p->cap_effective, 8, &cred->cap_effective);
	bpf_core_read(&p->cap_permitted, 8, &cred->cap_permitted);
	bpf_core_read(&p->cap_inheritable, 8, &cred->cap_inheritable);
	p->loginuid = NO_ID;
	if (bpf_core_field_exists(task->loginuid))
		p->loginuid = BPF_CORE_READ(task, loginuid.val);
}

/* All of a process's fixed part. */
__noinline int fill_process(__u64 task_at)
{
	struct task_struct *task = (void *)task_at;
	struct scratch *s = scratch();
	struct cadge_process *p;

	if (!s || !task)
		return 0;
	p = &s->process;
	__builtin_memset(p, 0, sizeof(*p));
	p->start_ns = start_of(task);
	p->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	p->ns_mnt = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	p->ns_net = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	fill_ids(p, task);
	fill_credentials(p, task);
	bpf_core_read_str(p->comm, sizeof(p->comm), &task->comm);
	fill_exe(task_at);
	fill_memory(task_at);
	return 0;
}

#endif
