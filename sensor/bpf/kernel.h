/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The kernel's structures, as far as they are read. Every access is relocated when the object is
 * loaded (CO-RE), so that only names matter here, not offsets.
 */
#ifndef CADGE_KERNEL_H
#define CADGE_KERNEL_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define CORE __attribute__((preserve_access_index))

enum { PIDTYPE_TGID_INDEX = 1, PIDTYPE_PGID_INDEX = 2, PIDTYPE_SID_INDEX = 3 };

struct qstr {
	const unsigned char *name;
} CORE;

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
	unsigned long s_flags;
} CORE;

struct inode {
	__u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	kuid_t i_uid;
	kgid_t i_gid;
	unsigned int i_flags;
	/* Since 6.11. */
	__s64 i_ctime_sec;
	__s64 i_mtime_sec;
	__u32 i_ctime_nsec;
	__u32 i_mtime_nsec;
} CORE;

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
} CORE;

/* Before 6.11. */
struct inode___7 {
	struct timespec64 __i_ctime;
	struct timespec64 __i_mtime;
} CORE;

/* Before 6.7; in 6.6 of one time only. */
struct inode___6 {
	struct timespec64 i_ctime;
	struct timespec64 i_mtime;
} CORE;

struct hlist_bl_node {
	void **pprev;
} CORE;

struct dentry {
	struct hlist_bl_node d_hash; /* of no list: the name is gone */
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
} CORE;

struct vfsmount {
	struct dentry *mnt_root;
} CORE;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
} CORE;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} CORE;

struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags;
	unsigned int f_mode;
	void *private_data;
} CORE;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} CORE;

struct files_struct {
	struct fdtable *fdt;
} CORE;

struct fs_struct {
	struct path root;
	struct path pwd;
} CORE;

struct percpu_counter {
	__s64 count;
} CORE;

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_start;
	unsigned long env_end;
	unsigned long total_vm;
	struct percpu_counter rss_stat[4];
} CORE;

/* Before 6.2. */
struct mm_rss_stat {
	struct atomic_long {
		long counter;
	} count[4];
} CORE;

struct mm_struct___old {
	struct mm_rss_stat rss_stat;
} CORE;

struct ns_common {
	unsigned int inum;
} CORE;

struct uid_gid_extent {
	__u32 first;
	__u32 lower_first;
	__u32 count;
} CORE;

struct uid_gid_map {
	__u32 nr_extents;
	struct uid_gid_extent extent[5];
	struct uid_gid_extent *forward; /* where there are more than five */
} CORE;

struct user_namespace {
	struct uid_gid_map uid_map;
	struct uid_gid_map gid_map;
	struct ns_common ns;
} CORE;

struct group_info {
	int ngroups;
	kgid_t gid[1];
} CORE;

struct mnt_namespace {
	struct ns_common ns;
} CORE;

struct net {
	struct ns_common ns;
} CORE;

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
} CORE;

/* Before 6.3 an array of two numbers: as many bytes. */
typedef struct {
	__u64 val;
} kernel_cap_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kernel_cap_t cap_inheritable;
	kernel_cap_t cap_permitted;
	kernel_cap_t cap_effective;
	kuid_t euid;
	kgid_t egid;
	kuid_t fsuid;
	kgid_t fsgid;
	struct user_namespace *user_ns;
	struct group_info *group_info;
} CORE;

struct pid_namespace {
	struct task_struct *child_reaper;
	struct ns_common ns;
} CORE;

struct upid {
	int nr;
	struct pid_namespace *ns;
} CORE;

struct pid {
	unsigned int level;
	struct upid numbers[1];
} CORE;

struct tty_driver {
	int major;
	int minor_start;
} CORE;

struct tty_struct {
	int index;
	struct tty_driver *driver;
} CORE;

typedef struct {
	int counter;
} atomic_t;

struct rlimit {
	unsigned long rlim_cur;
} CORE;

struct signal_struct {
	atomic_t live;
	struct pid *pids[4];
	struct tty_struct *tty;
	int group_exit_code;
	struct rlimit rlim[16];
} CORE;

struct kernfs_node {
	__u64 id;
	struct kernfs_node *__parent;
	const char *name;
} CORE;

/* Before 6.15. */
struct kernfs_node___old {
	struct kernfs_node___old *parent;
} CORE;

struct cgroup {
	struct kernfs_node *kn;
} CORE;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
} CORE;

enum cgroup_subsys_id { memory_cgrp_id, pids_cgrp_id, devices_cgrp_id, CGROUP_SUBSYS_COUNT };

struct css_set {
	struct cgroup *dfl_cgrp;
	struct cgroup_subsys_state *subsys[16];
} CORE;

struct thread_info {
	unsigned long flags; /* arm64: TIF_32BIT in a 32-bit process */
	__u32 status;        /* x86: TS_COMPAT in a 32-bit call */
} CORE;

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	struct mm_struct *mm;
	int exit_code;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	__u64 start_boottime;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct signal_struct *signal;
	kuid_t loginuid;
	struct css_set *cgroups;
	struct nsproxy *nsproxy;
	struct pid *thread_pid;
	unsigned long maj_flt;
	unsigned long min_flt;
} CORE;

/* 5.5 to 5.8 call it so. */
struct task_struct___old {
	__u64 real_start_time;
} CORE;

struct linux_binprm {
	const char *filename;
	const char *interp;
	const char *fdpath; /* set by execveat on a descriptor */
} CORE;

struct in6_addr {
	__u8 bytes[16];
};

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} CORE;

struct socket;

struct sock {
	struct sock_common __sk_common;
	unsigned int sk_userlocks : 4;
	__u16 sk_protocol;
	__u16 sk_type;
	struct socket *sk_socket;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
} CORE;

struct socket {
	struct sock *sk;
} CORE;

/* How sockets stand in memory. */
struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
} CORE;

struct inet_bind_bucket {
	signed char fastreuse;
} CORE;

struct inet_connection_sock {
	struct inet_bind_bucket *icsk_bind_hash;
} CORE;

struct sockaddr_un {
	__u16 sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
} CORE;

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
} CORE;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} CORE;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} CORE;

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, dx, r10, r8, r9, bx, cx, bp, orig_ax;
} CORE;
#define SYSCALL_NR(regs) ((__u32)(regs)->orig_ax)
#define SYSCALL_ARGS(regs, args)                      \
	do {                                          \
		(args)[0] = BPF_CORE_READ(regs, di);  \
		(args)[1] = BPF_CORE_READ(regs, si);  \
		(args)[2] = BPF_CORE_READ(regs, dx);  \
		(args)[3] = BPF_CORE_READ(regs, r10); \
		(args)[4] = BPF_CORE_READ(regs, r8);  \
		(args)[5] = BPF_CORE_READ(regs, r9);  \
	} while (0)
#define SYSCALL_ARGS_32(regs, args)                           \
	do {                                                  \
		(args)[0] = (__u32)BPF_CORE_READ(regs, bx);   \
		(args)[1] = (__u32)BPF_CORE_READ(regs, cx);   \
		(args)[2] = (__u32)BPF_CORE_READ(regs, dx);   \
		(args)[3] = (__u32)BPF_CORE_READ(regs, si);   \
		(args)[4] = (__u32)BPF_CORE_READ(regs, di);   \
		(args)[5] = (__u32)BPF_CORE_READ(regs, bp);   \
	} while (0)
#define TS_COMPAT 2
/* Set in the number of a call of x86's x32 ABI. */
#define X32_BIT 0x40000000
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
} CORE;
#define SYSCALL_NR(regs) ((__u32)(regs)->syscallno)
#define SYSCALL_ARGS(regs, args)                          \
	do {                                              \
		(args)[0] = BPF_CORE_READ(regs, orig_x0); \
		(args)[1] = BPF_CORE_READ(regs, regs[1]); \
		(args)[2] = BPF_CORE_READ(regs, regs[2]); \
		(args)[3] = BPF_CORE_READ(regs, regs[3]); \
		(args)[4] = BPF_CORE_READ(regs, regs[4]); \
		(args)[5] = BPF_CORE_READ(regs, regs[5]); \
	} while (0)
/* The same registers, of which the upper halves are 0. */
#define SYSCALL_ARGS_32(regs, args) SYSCALL_ARGS(regs, args)
#define TIF_32BIT 22
#define X32_BIT 0
#else
#error "no such architecture"
#endif

#endif
