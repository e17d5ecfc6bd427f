/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Row 13: a user who is root in a user namespace of his own reads a file. newuser UID FILE */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int uid = atoi(argv[1]), map;
	char text[64];

	(void)argc;
	if (setgid(uid) || setuid(uid) || unshare(CLONE_NEWUSER))
		return 1;
	/* Who changed his user may not even write to his own /proc. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	map = open("/proc/self/uid_map", O_WRONLY);
	if (write(map, text, snprintf(text, sizeof(text), "0 %d 1", uid)) < 0 || getuid() != 0)
		return 2;
	return open(argv[2], O_RDONLY) < 0;
}
