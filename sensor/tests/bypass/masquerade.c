/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Row 7: takes the name of a program that a rule trusts, and reads a file. masquerade NAME FILE */
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *file = argv[2];
	int fd;

	(void)argc;
	prctl(PR_SET_NAME, argv[1], 0, 0, 0);
	/* What /proc says are its arguments is in its own memory. */
	memset(argv[0], 0, strlen(argv[0]));
	fd = open(file, O_RDONLY);
	return fd < 0;
}
