/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Row 10: changes a file, or another process, by calls that classic rules do not list.
 *
 *   writes HOW FILE
 *
 * Exits with 77 where the kernel or the file system does not have the way.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The same everywhere, for headers that are too old for them. */
#define NR_PIDFD_OPEN 434
#define NR_OPENAT2 437
#define NR_PIDFD_GETFD 438

static const char *path;
static char victim[16] = "before";

static long checked(long result, const char *what)
{
	if (result < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		exit(77);
	if (result < 0)
		err(2, "%s", what);
	return result;
}

static void with_openat2(void)
{
	unsigned long long how[3] = {O_WRONLY};

	checked(syscall(NR_OPENAT2, AT_FDCWD, path, how, sizeof(how)), "openat2");
}

static void with_creat(void)
{
	checked(creat(path, 0600), "creat");
}

static void by_handle(void)
{
	struct {
		struct file_handle head;
		char bytes[MAX_HANDLE_SZ];
	} handle = {.head.handle_bytes = MAX_HANDLE_SZ};
	char folder[4096];
	int mount;

	checked(name_to_handle_at(AT_FDCWD, path, &handle.head, &mount, 0), "name_to_handle_at");
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	checked(open_by_handle_at(checked(open(folder, O_RDONLY), folder), &handle.head, O_WRONLY), "open_by_handle_at");
}

/* A place first, access to it afterwards. */
static void opened_again(void)
{
	char again[64];

	snprintf(again, sizeof(again), "/proc/self/fd/%ld", checked(open(path, O_PATH), "O_PATH"));
	checked(open(again, O_WRONLY), again);
}

static int writable(void)
{
	return checked(open(path, O_RDWR), path);
}

static int source(void)
{
	return checked(open("/proc/self/exe", O_RDONLY), "exe");
}

static void by_truncate(void)
{
	checked(truncate(path, 1), "truncate");
}

static void by_ftruncate(void)
{
	checked(ftruncate(writable(), 1), "ftruncate");
}

static void by_fallocate(void)
{
	checked(fallocate(writable(), 0, 0, 100), "fallocate");
}

static void by_sendfile(void)
{
	checked(sendfile(writable(), source(), NULL, 4), "sendfile");
}

static void by_copy(void)
{
	char name[4096];
	int from;

	/* Both on one file system, as older kernels want it. */
	snprintf(name, sizeof(name), "%s.from", path);
	from = checked(open(name, O_RDWR | O_CREAT, 0600), name);
	checked(pwrite(from, "copied", 6, 0), "pwrite");
	checked(copy_file_range(from, NULL, writable(), NULL, 6, 0), "copy_file_range");
}

static void by_splice(void)
{
	int ends[2];

	checked(pipe(ends), "pipe");
	checked(write(ends[1], "spliced", 7), "write");
	checked(splice(ends[0], NULL, writable(), NULL, 7, 0), "splice");
}

/* A child that waits to be changed. */
static pid_t child(void)
{
	pid_t pid = checked(fork(), "fork");

	if (!pid)
		for (;;)
			pause();
	return pid;
}

static void into_memory(void)
{
	pid_t pid = child();
	struct iovec from = {"after", 6}, to = {victim, 6};
	long done = process_vm_writev(pid, &from, 1, &to, 1, 0);

	kill(pid, SIGKILL);
	checked(done, "process_vm_writev");
}

static void into_mem_file(void)
{
	pid_t pid = child();
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	fd = open(name, O_RDWR);
	kill(pid, SIGKILL);
	checked(fd, name);
}

static void from_process(void)
{
	int fd = writable(), pidfd;
	pid_t pid = child();

	pidfd = syscall(NR_PIDFD_OPEN, pid, 0);
	fd = syscall(NR_PIDFD_GETFD, pidfd, fd, 0);
	kill(pid, SIGKILL);
	checked(fd, "pidfd_getfd");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*write)(void);
	} ways[] = {
		{"openat2", with_openat2}, {"creat", with_creat}, {"handle", by_handle}, {"o_path", opened_again},
		{"truncate", by_truncate}, {"ftruncate", by_ftruncate}, {"fallocate", by_fallocate},
		{"sendfile", by_sendfile}, {"copy_file_range", by_copy}, {"splice", by_splice},
		{"process_vm_writev", into_memory}, {"mem", into_mem_file}, {"pidfd_getfd", from_process},
	};
	unsigned i;

	if (argc != 3)
		errx(2, "writes HOW FILE");
	path = argv[2];
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(argv[1], ways[i].name)) {
			ways[i].write();
			return 0;
		}
	errx(2, "no way `%s`", argv[1]);
}
