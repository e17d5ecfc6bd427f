/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Everything that runs in the kernel, as one object: one file for each family of events. */

#include "record.h"
#include "task.h"
#include "process.bpf.c"
#include "destination.bpf.c"
#include "socket.bpf.c"
#include "call.bpf.c"
#include "hook.bpf.c"
#include "uring.bpf.c"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
