/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* System calls that are several, as 32-bit x86 has them: one number, and which one it is in an argument. */
#ifndef CADGE_MULTIPLEXED_H
#define CADGE_MULTIPLEXED_H

#include "event.h"
#include "kernel.h"

#if defined(__TARGET_ARCH_x86)

#define NR_OLD_MMAP 90
#define NR_SOCKETCALL 102
#define NR_IPC 117

#define SOCKETCALLS 21
#define WORDS_MAX 6

/* The parts of ipc that take an address before their other arguments. */
#define IPC_SEMOP 1
#define IPC_SEMTIMEDOP 4
#define IPC_SHMAT 21
#define IPC_SHMDT 22

/* Arguments of each socketcall, as they lie behind each other: those behind the last are not the call's. */
static const __u8 socketcall_words[SOCKETCALLS] = {0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4};

/* Reads arguments out of the caller's memory. */
static __always_inline void read_words(__u64 *args, __u64 address, __u32 count)
{
	__u32 i;

#pragma unroll
	for (i = 0; i < WORDS_MAX; i++) {
		__u32 word = 0;

		if (i < count)
			bpf_probe_read_user(&word, sizeof(word), (void *)(address + i * sizeof(word)));
		args[i] = word;
	}
}

/* The number that stands for the call that it is, whose own arguments are in `args` afterwards. */
static __always_inline __u32 demultiplexed(__u32 number, __u64 *args)
{
	__u32 which = args[0];

	switch (number) {
	case NR_SOCKETCALL:
		if (which >= SOCKETCALLS)
			return CADGE_NUMBERS;
		read_words(args, args[1], socketcall_words[which]);
		return CADGE_NUMBER_SOCKETCALL + which;
	case NR_OLD_MMAP:
		read_words(args, args[0], WORDS_MAX);
		return CADGE_NUMBER_OLD_MMAP;
	case NR_IPC:
		/* The upper half is a version of the arguments of one of them. */
		which &= 0xffff;
		if (which >= CADGE_NUMBER_OLD_MMAP - CADGE_NUMBER_IPC)
			return CADGE_NUMBERS;
		args[0] = args[1];
		args[1] = args[2];
		args[2] = args[3];
		args[3] = args[4];
		switch (which) {
		case IPC_SEMOP:
		case IPC_SEMTIMEDOP:
		case IPC_SHMAT:
			args[2] = args[1];
			args[1] = args[3];
			break;
		case IPC_SHMDT:
			args[0] = args[3];
			break;
		}
		return CADGE_NUMBER_IPC + which;
	default:
		return CADGE_NUMBERS;
	}
}

#else

/* 32-bit ARM has a number for each. */
static __always_inline __u32 demultiplexed(__u32 number, __u64 *args)
{
	return CADGE_NUMBERS;
}

#endif
#endif
