/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Rows 1 and 12: what a sensor reads is not what the kernel reads.
 *
 *   swap early|gone|cold|back FOLDER
 *
 * In FOLDER are `secret` and `harmless`. A page that user space hands over only when the kernel asks for it
 * (userfaultfd) holds a call up between its two texts, and then the first of them is exchanged.
 *
 *   early   moves `secret`, whatever it takes: at one end of the call stands `harmless`
 *   gone    moves `secret`, whose name is not there before the call nor after it
 *   cold    moves `secret`, whose name is in a page that nobody has touched yet
 *   back    moves `secret` a hundred times, while its name is exchanged and exchanged back all the time
 *
 * Exits with 0 once `secret` is moved.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096

static int uffd;
static char *pages; /* two that are not there */
static char contents[2][PAGE];
static char secret[PAGE], harmless[PAGE], target[PAGE];
static char first[PAGE]; /* the text that is exchanged */
static const char *exchanged;
static int drops;

static void hand_over(int which)
{
	struct uffdio_copy copy = {
		.dst = (unsigned long)(pages + which * PAGE),
		.src = (unsigned long)contents[which],
		.len = PAGE,
	};

	if (ioctl(uffd, UFFDIO_COPY, &copy))
		err(2, "UFFDIO_COPY");
}

/* Answers the kernel's questions for pages. */
static void *serve(void *unused)
{
	struct uffd_msg question;
	int asked, last = -1;

	while (read(uffd, &question, sizeof(question)) == sizeof(question)) {
		asked = (question.arg.pagefault.address - (unsigned long)pages) / PAGE;
		if (exchanged)
			strcpy(first, exchanged);
		/* What the kernel has copied is taken away again while it waits for the next. */
		if (drops && last >= 0)
			madvise(pages + last * PAGE, PAGE, MADV_DONTNEED);
		hand_over(asked);
		last = asked;
	}
	return unused;
}

static void take_faults(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	pthread_t thread;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		err(3, "userfaultfd");
	pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (unsigned long)pages;
	range.range.len = 2 * PAGE;
	if (ioctl(uffd, UFFDIO_REGISTER, &range))
		err(2, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, serve, NULL))
		err(2, "thread");
}

static void move(const char *from, const char *to)
{
	syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int is_moved(void)
{
	return access(secret, F_OK) != 0;
}

/* The kernel reads the two names in an order of its own: one of the two exchanges is the right one. */
static void swap_one_end(void)
{
	char restore[PAGE];

	take_faults();
	strcpy(contents[1], target);
	strcpy(first, harmless);
	exchanged = secret;
	move(first, pages + PAGE);
	if (is_moved())
		return;
	snprintf(restore, sizeof(restore), "%s", target);
	rename(restore, harmless);
	madvise(pages + PAGE, PAGE, MADV_DONTNEED);
	strcpy(first, secret);
	exchanged = harmless;
	move(first, pages + PAGE);
}

static void hide_both_ends(void)
{
	take_faults();
	drops = 1;
	strcpy(contents[0], secret);
	strcpy(contents[1], target);
	move(pages, pages + PAGE);
}

static void from_a_cold_page(const char *folder)
{
	char name[PAGE];
	int fd;

	snprintf(name, sizeof(name), "%s/names", folder);
	fd = open(name, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || write(fd, secret, strlen(secret) + 1) < 0)
		err(2, "%s", name);
	move(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), target);
}

/* Writes the two names over each other, as fast as it can. */
static void *exchange(void *unused)
{
	for (;;) {
		memcpy(first + strlen(secret) - 6, "secret", 7);
		memcpy(first + strlen(secret) - 6, "harmle", 7);
	}
	return unused;
}

static void there_and_back(void)
{
	pthread_t thread;
	int moved;

	strcpy(first, secret);
	if (pthread_create(&thread, NULL, exchange, NULL))
		err(2, "thread");
	for (moved = 0; moved < 100;) {
		move(first, target);
		if (is_moved() && ++moved < 100)
			syscall(SYS_renameat, AT_FDCWD, target, AT_FDCWD, secret);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "swap early|gone|cold|back FOLDER");
	snprintf(secret, PAGE / 2, "%s/secret", argv[2]);
	snprintf(harmless, PAGE / 2, "%s/harmless", argv[2]);
	snprintf(target, PAGE / 2, "%s/moved", argv[2]);
	if (!strcmp(argv[1], "early"))
		swap_one_end();
	else if (!strcmp(argv[1], "gone"))
		hide_both_ends();
	else if (!strcmp(argv[1], "back"))
		there_and_back();
	else
		from_a_cold_page(argv[2]);
	return is_moved() ? 0 : 1;
}
