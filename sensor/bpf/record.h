/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Puts a record together in per-CPU memory and hands it to a ring buffer.
 *
 * The functions that are not static are verified once each, whoever calls them; they get addresses
 * as numbers, and read what is there with bpf_probe_read_kernel, which checks every address.
 */
#ifndef CADGE_RECORD_H
#define CADGE_RECORD_H

#include "event.h"
#include "kernel.h"

/* A piece that is added at once has at most so many bytes: the scratch has that much to spare. */
#define PIECE_BYTES_MAX 4096
#define OFFSET_MASK (CADGE_RECORD_BYTES_MAX - 1)

/* Names of one path. The deepest real ones have about 40. */
#define PATH_NAMES_MAX 96

/* Set when the object is loaded. */
const volatile __u32 own_pid = 0;

struct scratch {
	__u32 offset; /* bytes written so far */
	__u32 busy;   /* a hook is writing: see HOOKED */
	__u32 part_flags;
	__u32 reserved;
	__u64 address;
	union {
		__u8 bytes[CADGE_RECORD_BYTES_MAX + PIECE_BYTES_MAX];
		/* Parts: named here so that the object's BTF has their layout. */
		struct cadge_file file;
		struct cadge_socket socket;
		struct cadge_message message;
		struct cadge_request request;
		/* How every record begins. */
		struct {
			struct cadge_header header;
			union {
				struct cadge_process process;
				struct cadge_exit exit;
				struct cadge_call call;
				struct cadge_hook hook;
			};
		};
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CADGE_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* Events of which none may be missed. The sizes are set when the object is loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} critical SEC(".maps");

/* Events of which there can be floods. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} bulk SEC(".maps");

/* 1 while the reader sleeps and wants to be woken by the next bulk event. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} reader_asleep SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &which);
	if (counter)
		*counter += 1;
}

/*
 * Tracepoints' programs are not preempted; those of hooks may be, by a tracepoint's on the same CPU. So they have a
 * scratch of their own, and say so in the number of a part that they add.
 */
#define HOOKED (1U << 31)

static __always_inline struct scratch *scratch_of(__u32 which)
{
	__u32 index = which >> 31;
	return bpf_map_lookup_elem(&scratches, &index);
}

static __always_inline struct scratch *scratch(void)
{
	return scratch_of(0);
}

/*
 * The address of something that the verifier tracks, as a mere number: it forgets what it knew of
 * what is read back from a map.
 */
static __always_inline __u64 address_of(struct scratch *s, const void *pointer)
{
	*(volatile __u64 *)&s->address = (__u64)pointer;
	return *(volatile __u64 *)&s->address;
}

/* Begins a record. The fixed part behind the header is left to the caller. */
static __always_inline void *begin(struct scratch *s, __u16 kind, __u32 fixed, __u64 pid_tgid)
{
	struct cadge_header *header = (void *)s->bytes;

	header->version = CADGE_RECORD_VERSION;
	header->kind = kind;
	header->time_ns = bpf_ktime_get_boot_ns();
	header->cpu = bpf_get_smp_processor_id();
	header->pid = pid_tgid >> 32;
	header->tid = (__u32)pid_tgid;
	header->reserved = 0;
	s->offset = sizeof(*header) + fixed;
	return s->bytes + sizeof(*header);
}

/* A part's kind and the argument that it belongs to, as one number. */
#define PART(kind, arg) ((__u32)(kind) | (__u32)(arg) << 8)

/* Ends the part that began at `start`. */
static __always_inline void end_part(struct scratch *s, __u32 start, __u32 which)
{
	struct cadge_part *part = (void *)(s->bytes + (start & OFFSET_MASK));

	part->kind = which;
	part->flags = s->part_flags;
	part->arg = which >> 8;
	part->reserved = 0;
	part->size = s->offset - start - sizeof(*part);
	if (s->part_flags & CADGE_PART_TRUNCATED)
		count(CADGE_TRUNCATED);
}

/* Begins a part; 0 if there is no room even for an empty one. */
static __always_inline __u32 begin_part(struct scratch *s)
{
	__u32 start = s->offset;

	if (start > CADGE_RECORD_BYTES_MAX - 512)
		return 0;
	s->part_flags = 0;
	s->offset = start + sizeof(struct cadge_part);
	return start;
}

static __always_inline __u64 mount_of(__u64 vfsmount)
{
	return vfsmount - __builtin_preserve_field_info(((struct mount *)0)->mnt, 0);
}

/*
 * Adds a path, leaf first, up to the root (the caller's own, when it is in a chroot) or to where
 * nothing is mounted any more.
 */
__noinline int add_path(__u64 dentry_at, __u64 vfsmount_at, __u64 root_dentry, __u64 root_vfsmount, __u32 which)
{
	struct scratch *s = scratch_of(which);
	__u32 start;
	int i;

	if (!s || !dentry_at)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	for (i = 0; i < PATH_NAMES_MAX; i++) {
		struct dentry *dentry = (void *)dentry_at;
		struct vfsmount *vfsmount = (void *)vfsmount_at;
		__u64 parent;
		__u32 offset = s->offset;
		long length;

		if (dentry_at == root_dentry && vfsmount_at == root_vfsmount)
			goto end;
		if (dentry_at == (__u64)BPF_CORE_READ(vfsmount, mnt_root)) {
			struct mount *mount = (void *)mount_of(vfsmount_at);
			__u64 mount_parent = (__u64)BPF_CORE_READ(mount, mnt_parent);

			if (mount_parent == (__u64)mount) {
				/* The top of a mount that hangs nowhere: the root, or the kernel's own. */
				if (s->offset != start + sizeof(struct cadge_part))
					goto end;
			} else {
				dentry_at = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
				vfsmount_at = mount_parent + __builtin_preserve_field_info(((struct mount *)0)->mnt, 0);
				continue;
			}
		}
		parent = (__u64)BPF_CORE_READ(dentry, d_parent);
		if (offset > CADGE_RECORD_BYTES_MAX - 512)
			break;
		length = bpf_probe_read_kernel_str(s->bytes + (offset & OFFSET_MASK), 256,
						   BPF_CORE_READ(dentry, d_name.name));
		if (length > 0)
			s->offset = offset + ((__u32)length & 0x1ff);
		if (parent == dentry_at) {
			s->part_flags |= CADGE_PART_DETACHED;
			goto end;
		}
		dentry_at = parent;
	}
	s->part_flags |= CADGE_PART_TRUNCATED;
end:
	end_part(s, start, which);
	return 0;
}

/* Adds a path as the process of `task` sees it. */
static __always_inline void add_task_path(struct task_struct *task, struct path *path, __u32 which)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	add_path((__u64)BPF_CORE_READ(path, dentry), (__u64)BPF_CORE_READ(path, mnt),
		 (__u64)BPF_CORE_READ(fs, root.dentry), (__u64)BPF_CORE_READ(fs, root.mnt), which);
}

/* Ends the part of a string that was read behind its head, with its NUL. Answers its first byte; 0 if there is none. */
static __always_inline int end_string(struct scratch *s, __u32 start, long length, __u32 which)
{
	__u32 offset = s->offset;
	int first = 0;

	if (length > 1) {
		first = s->bytes[offset & OFFSET_MASK];
		offset += ((__u32)length & 0x1fff) - 1;
	}
	if (length == PIECE_BYTES_MAX || offset > CADGE_RECORD_BYTES_MAX) {
		s->part_flags = CADGE_PART_TRUNCATED;
		if (offset > CADGE_RECORD_BYTES_MAX)
			offset = CADGE_RECORD_BYTES_MAX;
	}
	s->offset = offset;
	end_part(s, start, which);
	return first;
}

/* Adds a string of the caller's memory. Answers its first byte; 0 if there is none. */
__noinline int add_user_string(__u64 address, __u32 which)
{
	struct scratch *s = scratch();
	__u32 start;
	long length;

	if (!s || !address)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	length = bpf_probe_read_user_str(s->bytes + (s->offset & OFFSET_MASK), PIECE_BYTES_MAX, (void *)address);
	if (length < 0)
		s->part_flags = CADGE_PART_UNREADABLE;
	return end_string(s, start, length, which);
}

/* Adds bytes of the caller's memory. */
__noinline int add_user_bytes(__u64 address, __u32 size, __u32 which)
{
	struct scratch *s = scratch();
	__u32 start, room;

	if (!s || !address || !size)
		return 0;
	start = begin_part(s);
	if (!start)
		return 0;
	room = CADGE_RECORD_BYTES_MAX - (s->offset & OFFSET_MASK);
	if (room > PIECE_BYTES_MAX - 1)
		room = PIECE_BYTES_MAX - 1;
	if (size > room) {
		size = room;
		s->part_flags = CADGE_PART_TRUNCATED;
	}
	size &= PIECE_BYTES_MAX - 1;
	if (bpf_probe_read_user(s->bytes + (s->offset & OFFSET_MASK), size, (void *)address) == 0)
		s->offset += size;
	else
		s->part_flags |= CADGE_PART_UNREADABLE;
	end_part(s, start, which);
	return 0;
}

/* Adds a part of fixed size and answers where to fill it in; NULL if there is no room. */
static __always_inline void *add_fixed(struct scratch *s, __u32 size, __u32 which)
{
	__u32 start = begin_part(s), offset = s->offset;

	if (!start)
		return NULL;
	s->offset = offset + size;
	end_part(s, start, which);
	return s->bytes + (offset & OFFSET_MASK);
}

/* An argument of a call. */
static __always_inline __u64 argument(struct cadge_call *call, __u8 arg)
{
	if (arg == CADGE_ARG_RESULT)
		return call->result;
	return arg < 6 ? call->args[arg] : 0;
}

/* Hands the record to a ring buffer. */
static __always_inline void submit(struct scratch *s, void *ring, __u64 flags, __u32 events, __u32 full)
{
	struct cadge_header *header = (void *)s->bytes;
	__u64 size = s->offset;

	if (size > CADGE_RECORD_BYTES_MAX)
		size = CADGE_RECORD_BYTES_MAX;
	header->size = size;
	if (bpf_ringbuf_output(ring, s->bytes, size, flags) == 0)
		count(events);
	else
		count(full);
}

/* The ring wakes the reader when it had nothing to read. */
static __always_inline void submit_critical(struct scratch *s)
{
	submit(s, &critical, 0, CADGE_CRITICAL_EVENTS, CADGE_CRITICAL_RING_FULL);
}

/* Waking costs microseconds: only a reader that sleeps is woken, and only once. */
static __always_inline void submit_bulk(struct scratch *s)
{
	__u32 zero = 0;
	__u32 *asleep = bpf_map_lookup_elem(&reader_asleep, &zero);
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (asleep && *asleep) {
		*asleep = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	submit(s, &bulk, flags, CADGE_BULK_EVENTS, CADGE_BULK_RING_FULL);
}

/* The caller's open file of a descriptor. */
static __always_inline struct file *file_of(struct task_struct *task, __u64 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;

	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

/* Whether the caller is in a 32-bit call, whose numbers and arguments are other ones. */
static __always_inline int is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
#else
	return BPF_CORE_READ(task, thread_info.flags) >> TIF_32BIT & 1;
#endif
}

/* A device's number as stat(2) has it. */
static __always_inline __u32 user_dev(__u32 dev)
{
	__u32 major = dev >> 20, minor = dev & 0xfffff;

	return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

#endif
