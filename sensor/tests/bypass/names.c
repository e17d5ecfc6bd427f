/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Row 3: reads a file by another name than the one that a rule knows.
 *
 *   names HOW FOLDER/SECRET OTHER-FOLDER
 *
 * Prints the file's contents.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[PATH_MAX], other[PATH_MAX], text[3 * PATH_MAX];
static const char *secret, *name;

static const char *in(const char *where, const char *what)
{
	snprintf(text, sizeof(text), "%s/%s", where, what);
	return text;
}

static int checked(int result, const char *what)
{
	if (result < 0)
		err(2, "%s", what);
	return result;
}

static int opened(int dir, const char *path)
{
	return checked(openat(dir, path, O_RDONLY), path);
}

static int symbolic_link(void)
{
	checked(symlink(secret, in(other, "link")), "symlink");
	return opened(AT_FDCWD, in(other, "link"));
}

static int linked_folder(void)
{
	checked(symlink(folder, in(other, "dir")), "symlink");
	snprintf(text, sizeof(text), "%s/dir/%s", other, name);
	return opened(AT_FDCWD, text);
}

static int hard_link(void)
{
	checked(link(secret, in(other, "hard")), "link");
	return opened(AT_FDCWD, in(other, "hard"));
}

static int detour(void)
{
	snprintf(text, sizeof(text), "%s/../../../../../../../..//.%s", other, secret);
	return opened(AT_FDCWD, text);
}

static int relative(void)
{
	return opened(opened(AT_FDCWD, folder), name);
}

static int working_folder(void)
{
	checked(chdir(folder), folder);
	return opened(AT_FDCWD, name);
}

static int own_root(void)
{
	snprintf(text, sizeof(text), "/proc/self/root%s", secret);
	return opened(AT_FDCWD, text);
}

static int own_descriptor(void)
{
	snprintf(text, sizeof(text), "/proc/self/fd/%d", checked(open(secret, O_PATH), secret));
	return opened(AT_FDCWD, text);
}

static int other_root(void)
{
	checked(chroot(folder), "chroot");
	snprintf(text, sizeof(text), "/%s", name);
	return opened(AT_FDCWD, text);
}

/* Where nobody outside knows the name: somebody has read the file by it before. */
static int hard_link_inside(void)
{
	snprintf(text, sizeof(text), "/%s", name);
	checked(chroot(folder), "chroot");
	opened(AT_FDCWD, text);
	checked(link(text, "/hard"), "link");
	return opened(AT_FDCWD, "/hard");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*open)(void);
	} ways[] = {
		{"symlink", symbolic_link}, {"linked-folder", linked_folder}, {"hardlink", hard_link},
		{"detour", detour}, {"relative", relative}, {"cwd", working_folder}, {"proc-root", own_root},
		{"proc-fd", own_descriptor}, {"chroot", other_root},
		{"hardlink-inside", hard_link_inside},
	};
	char contents[64];
	unsigned i;

	if (argc != 4)
		errx(2, "names HOW FOLDER/SECRET OTHER-FOLDER");
	secret = argv[2];
	name = strrchr(secret, '/') + 1;
	snprintf(folder, sizeof(folder), "%.*s", (int)(name - secret - 1), secret);
	snprintf(other, sizeof(other), "%s", argv[3]);
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (strcmp(argv[1], ways[i].name))
			continue;
		i = checked(read(ways[i].open(), contents, sizeof(contents)), "read");
		return fwrite(contents, 1, i, stdout) == i ? 0 : 2;
	}
	errx(2, "no way `%s`", argv[1]);
}
