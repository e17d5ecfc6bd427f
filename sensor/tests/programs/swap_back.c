/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Removes files by a name that another thread keeps changing there and back: what the name is at either end of the call
 * says nothing about what the call has removed. Prints the pid, then for each removal which of the two is gone.
 *
 *     swap_back DIRECTORY ROUNDS
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char first[256], second[256];
static volatile char *turning;
static volatile int done;

static void *turn(void *nothing)
{
	volatile int i;

	while (!done) {
		*turning = *turning == 'a' ? 'b' : 'a';
		for (i = 0; i < 100; i++)
			;
	}
	return nothing;
}

static void make(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	static char name[256];
	pthread_t thread;
	int round;

	if (argc != 3)
		return 1;
	snprintf(first, sizeof(first), "%s/a", argv[1]);
	snprintf(second, sizeof(second), "%s/b", argv[1]);
	snprintf(name, sizeof(name), "%s/a", argv[1]);
	turning = name + strlen(name) - 1;
	printf("%d\n", getpid());
	if (pthread_create(&thread, NULL, turn, NULL))
		return 1;
	for (round = 0; round < atoi(argv[2]); round++) {
		make(first);
		make(second);
		if (syscall(SYS_unlinkat, AT_FDCWD, name, 0))
			return 1;
		puts(access(first, F_OK) ? first : second);
	}
	done = 1;
	pthread_join(thread, NULL);
	return 0;
}
