/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* int80 PATH: a 64-bit program reads a file by the 32-bit calls that the kernel still has for it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define NR32_OPEN 5
#define NR32_READ 3

static long call32(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

int main(int argc, char **argv)
{
	/* Addresses have 32 bits there. */
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long fd;

	if (argc != 2 || low == MAP_FAILED)
		return 2;
	strncpy(low, argv[1], 2048);
	fd = call32(NR32_OPEN, (long)low, 0, 0);
	if (fd < 0 || call32(NR32_READ, fd, (long)low, 6) != 6)
		return 1;
	printf("%.6s", low);
	return 0;
}
