/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Row 5: runs a copy of a program that has no name when it starts. nameless HOW PROGRAM FOLDER */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void check(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
}

static void copy(const char *from, int to)
{
	char bytes[65536];
	int in = open(from, O_RDONLY);
	long size;

	check(in, from);
	while ((size = read(in, bytes, sizeof(bytes))) > 0)
		check(write(to, bytes, size), "write");
	close(in);
	fchmod(to, 0755);
}

/* The same file, for reading only: what is open for writing does not run. */
static int again(int fd)
{
	char path[64];
	int readable;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readable = open(path, O_RDONLY);
	check(readable, path);
	close(fd);
	return readable;
}

int main(int argc, char **argv)
{
	char *arguments[] = { "innocent", "cadge-nameless", NULL }, *environment[] = { NULL };
	char path[4096];
	int fd;

	(void)argc;
	snprintf(path, sizeof(path), "%s/cadge-nameless", argv[3]);
	if (strncmp(argv[1], "memfd", 5) == 0) {
		fd = memfd_create("innocent", 0);
		copy(argv[2], fd);
	} else if (strcmp(argv[1], "tmpfile") == 0) {
		fd = open(argv[3], O_TMPFILE | O_RDWR, 0755);
		check(fd, "O_TMPFILE");
		copy(argv[2], fd);
		fd = again(fd);
	} else {
		fd = open(path, O_CREAT | O_RDWR, 0755);
		check(fd, path);
		copy(argv[2], fd);
		fd = again(fd);
		unlink(path);
	}
	if (strcmp(argv[1], "memfd-path") == 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		execve(path, arguments, environment);
	} else {
		syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH);
	}
	perror("exec");
	return 1;
}
