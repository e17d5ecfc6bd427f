/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Row 1: where a datagram goes to is exchanged during the call.
 *
 *   send_swap sendto|sendmsg|sendmmsg PORT
 *
 * Sends to PORT of this host. The data are in a page that user space hands over only when the kernel asks
 * for it (userfaultfd): by then the kernel has copied the address, and port 9 is written over it. Exits
 * with 0 once the datagram has arrived at PORT.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096

static int uffd;
static char *page;
static char contents[PAGE] = "payload";
static struct sockaddr_in to = {.sin_family = AF_INET};

/* Answers the kernel's question for the data. */
static void *serve(void *unused)
{
	struct uffdio_copy copy = {.src = (unsigned long)contents, .len = PAGE};
	struct uffd_msg question;

	if (read(uffd, &question, sizeof(question)) != sizeof(question))
		err(2, "userfaultfd");
	to.sin_port = htons(9);
	copy.dst = (unsigned long)page;
	if (ioctl(uffd, UFFDIO_COPY, &copy))
		err(2, "UFFDIO_COPY");
	return unused;
}

static void hold_page(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register area = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area.range.start = (unsigned long)page;
	area.range.len = PAGE;
	if (uffd < 0 || page == MAP_FAILED || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &area))
		err(2, "userfaultfd");
}

int main(int argc, char **argv)
{
	int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
	struct timeval patience = {.tv_sec = 5};
	struct iovec data = {.iov_len = 7};
	struct mmsghdr message = {.msg_hdr = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &data, .msg_iovlen = 1}};
	pthread_t server;
	char got[16];
	long sent;

	if (argc != 3)
		errx(2, "send_swap sendto|sendmsg|sendmmsg PORT");
	to.sin_port = htons(atoi(argv[2]));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(receiver, (struct sockaddr *)&to, sizeof(to)))
		err(2, "bind");
	setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	hold_page();
	data.iov_base = page;
	pthread_create(&server, NULL, serve, NULL);
	if (!strcmp(argv[1], "sendto"))
		sent = sendto(sender, page, 7, 0, (struct sockaddr *)&to, sizeof(to));
	else if (!strcmp(argv[1], "sendmsg"))
		sent = sendmsg(sender, &message.msg_hdr, 0);
	else
		sent = sendmmsg(sender, &message, 1, 0);
	if (sent < 0)
		err(2, "%s", argv[1]);
	pthread_join(server, NULL);
	if (recv(receiver, got, sizeof(got), 0) != 7 || memcmp(got, "payload", 7))
		err(1, "nothing came");
	return 0;
}
