/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Row 4: reads a file through a mount that gives it another name.
 *
 *   mounts HOW FOLDER/SECRET OTHER-FOLDER
 *
 * In a namespace of its own. Prints the file's contents.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Numbers that are the same everywhere, for headers that are too old for them. */
#define NR_OPEN_TREE 428
#define NR_MOVE_MOUNT 429
#define NR_FSOPEN 430
#define NR_FSCONFIG 431
#define NR_FSMOUNT 432
#define CLONE_TREE 1
#define EMPTY_FROM 4
#define SET_STRING 1
#define CREATE 6

static char folder[PATH_MAX], at[PATH_MAX], text[4 * PATH_MAX];
static const char *name, *other;

static long checked(long result, const char *what)
{
	if (result < 0)
		err(2, "%s", what);
	return result;
}

static const char *made(const char *what)
{
	snprintf(text, sizeof(text), "%s/%s", other, what);
	checked(mkdir(text, 0700), text);
	return strdup(text);
}

static void bind_old(void)
{
	checked(mount(folder, at, NULL, MS_BIND, NULL), "bind");
}

static void bind_new(void)
{
	int tree = checked(syscall(NR_OPEN_TREE, AT_FDCWD, folder, CLONE_TREE), "open_tree");

	checked(syscall(NR_MOVE_MOUNT, tree, "", AT_FDCWD, at, EMPTY_FROM), "move_mount");
}

static void tmpfs_below(const char *what)
{
	checked(mount("none", what, "tmpfs", 0, NULL), what);
}

/* The layers of an overlay must be on file systems that can carry one: the upper one has its own. */
static void overlay_old(void)
{
	const char *own = made("own");

	tmpfs_below(own);
	other = own;
	snprintf(text, sizeof(text), "lowerdir=%s,upperdir=%s,workdir=%s", folder, made("up"), made("work"));
	checked(mount("overlay", at, "overlay", 0, text), "overlay");
}

static void overlay_new(void)
{
	int fs = checked(syscall(NR_FSOPEN, "overlay", 0), "fsopen");
	const char *own = made("own"), *up, *work;

	tmpfs_below(own);
	other = own;
	up = made("up");
	work = made("work");
	checked(syscall(NR_FSCONFIG, fs, SET_STRING, "lowerdir", folder, 0), "lowerdir");
	checked(syscall(NR_FSCONFIG, fs, SET_STRING, "upperdir", up, 0), "upperdir");
	checked(syscall(NR_FSCONFIG, fs, SET_STRING, "workdir", work, 0), "workdir");
	checked(syscall(NR_FSCONFIG, fs, CREATE, NULL, NULL, 0), "create");
	fs = checked(syscall(NR_FSMOUNT, fs, 0, 0), "fsmount");
	checked(syscall(NR_MOVE_MOUNT, fs, "", AT_FDCWD, at, EMPTY_FROM), "move_mount");
}

/* The folder becomes the root. */
static void other_root(void)
{
	bind_old();
	checked(chdir(at), at);
	checked(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	checked(chroot("."), "chroot");
	strcpy(at, "");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*mount)(void);
	} ways[] = {
		{"bind", bind_old}, {"move_mount", bind_new}, {"overlay", overlay_old}, {"fsopen", overlay_new},
		{"pivot_root", other_root},
	};
	char contents[64];
	unsigned i;
	int fd;

	if (argc != 4)
		errx(2, "mounts HOW FOLDER/SECRET OTHER-FOLDER");
	name = strrchr(argv[2], '/') + 1;
	snprintf(folder, sizeof(folder), "%.*s", (int)(name - argv[2] - 1), argv[2]);
	other = argv[3];
	checked(unshare(CLONE_NEWNS), "unshare");
	checked(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
	strcpy(at, made("at"));
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(argv[1], ways[i].name))
			ways[i].mount();
	snprintf(text, sizeof(text), "%s/%s", at, name);
	fd = checked(open(text, O_RDONLY), text);
	i = checked(read(fd, contents, sizeof(contents)), "read");
	return fwrite(contents, 1, i, stdout) == i ? 0 : 2;
}
