/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Makes the system calls of a script and says what each answered: the tests run one script in every
 * ABI and through io_uring. It needs no libc, so that a compiler without 32-bit libraries builds it.
 *
 *   call MODE NUMBER ARGUMENT… . NUMBER ARGUMENT… . …
 *
 * MODE is words joined by commas: `native` or `int80`, `sysenter`, `socketcall`, `uring`, and for the
 * last `sqpoll`, `async`, `skip`, `direct`. An argument is
 *
 *   7, -100, 0x10   a number            s:text      a string
 *   $2              what step 2 gave    x:0aff      bytes
 *   $2.1.0          the first 32 bits   b:16        so many zero bytes
 *                   of the memory of    { … }       a structure of u8: u16: u32: u64: w: (a word)
 *                   step 2's argument 1             =0aff (bytes) and pointers, without padding
 *   self            this process's id
 *
 * A `!` in front of the number: whoever gets 0 from the call ends at once (a child). A `~`: the call is
 * made natively whatever the mode is.
 */
#include <asm/unistd.h>
#include <linux/io_uring.h>

#define STEPS_MAX 64
#define ARGS_MAX 6
#define ARENA_BYTES (256 << 10)
#define SOCKETCALL_32 102
/* Numbers from here on are calls that only socketcall has: this much less. */
#define ONLY_SOCKETCALL 0x10000

struct frame {
	long number;
	long args[ARGS_MAX];
};

/* Low in memory also in a 64-bit program: `int 0x80` passes 32 bits of an address. */
static char arena[ARENA_BYTES] __attribute__((aligned(64)));
static unsigned long used;
static struct frame steps[STEPS_MAX];
static long results[STEPS_MAX];
static long own_pid;
static int with_int80, with_sysenter, with_socketcall, with_uring, with_async, with_skip, with_direct, sqpoll;

/* Read by the stubs below. */
int child_ends;
unsigned long sysenter_entry;

long call_native(struct frame *frame);
#if defined(__x86_64__) || defined(__i386__)
long call_int80(struct frame *frame);
#endif

#if defined(__x86_64__)
__asm__(".globl _start\n"
	"_start: mov %rsp, %rdi\n and $-16, %rsp\n call run\n"
	".globl call_native\n"
	"call_native: mov 0(%rdi), %rax\n mov 16(%rdi), %rsi\n mov 24(%rdi), %rdx\n mov 32(%rdi), %r10\n"
	"mov 40(%rdi), %r8\n mov 48(%rdi), %r9\n mov 8(%rdi), %rdi\n syscall\n"
	"cmpl $0, child_ends\n je 1f\n test %rax, %rax\n jne 1f\n mov $60, %eax\n xor %edi, %edi\n syscall\n"
	"1: ret\n"
	".globl call_int80\n"
	"call_int80: push %rbx\n push %rbp\n mov 0(%rdi), %rax\n mov 8(%rdi), %rbx\n mov 16(%rdi), %rcx\n"
	"mov 24(%rdi), %rdx\n mov 32(%rdi), %rsi\n mov 48(%rdi), %rbp\n mov 40(%rdi), %rdi\n int $0x80\n"
	"cmpl $0, child_ends\n je 1f\n test %eax, %eax\n jne 1f\n mov $1, %eax\n xor %ebx, %ebx\n int $0x80\n"
	"1: pop %rbp\n pop %rbx\n movslq %eax, %rax\n ret\n");
#elif defined(__i386__)
__asm__(".globl _start\n"
	"_start: mov %esp, %eax\n and $-16, %esp\n sub $12, %esp\n push %eax\n call run\n"
	".globl call_native\n .globl call_int80\n"
	"call_native:\n"
	"call_int80: push %ebx\n push %esi\n push %edi\n push %ebp\n mov 20(%esp), %eax\n mov 4(%eax), %ebx\n"
	"mov 8(%eax), %ecx\n mov 12(%eax), %edx\n mov 16(%eax), %esi\n mov 20(%eax), %edi\n mov 24(%eax), %ebp\n"
	"mov 0(%eax), %eax\n"
	"cmpl $0, sysenter_entry\n je 2f\n call *sysenter_entry\n jmp 3f\n 2: int $0x80\n"
	"3: cmpl $0, child_ends\n je 1f\n test %eax, %eax\n jne 1f\n mov $1, %eax\n xor %ebx, %ebx\n int $0x80\n"
	"1: pop %ebp\n pop %edi\n pop %esi\n pop %ebx\n ret\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
	"_start: mov x0, sp\n bl run\n"
	".globl call_native\n"
	"call_native: mov x9, x0\n ldp x8, x0, [x9]\n ldp x1, x2, [x9, #16]\n ldp x3, x4, [x9, #32]\n"
	"ldr x5, [x9, #48]\n svc #0\n"
	"adrp x9, child_ends\n ldr w9, [x9, :lo12:child_ends]\n cbz w9, 1f\n cbnz x0, 1f\n"
	"mov x8, #93\n svc #0\n 1: ret\n");
#else
#error "no such architecture"
#endif

/* The compiler calls these by itself. */
void *memset(void *to, int byte, unsigned long size)
{
	volatile char *at = to;

	while (size--)
		*at++ = byte;
	return to;
}

void *memcpy(void *to, const void *from, unsigned long size)
{
	volatile char *at = to;
	const char *source = from;

	while (size--)
		*at++ = *source++;
	return to;
}

#define NATIVE(number_, ...) call_native(&(struct frame){number_, {__VA_ARGS__}})

static long length_of(const char *text)
{
	long length = 0;

	while (text[length])
		length++;
	return length;
}

static int starts(const char *text, const char *with)
{
	while (*with)
		if (*text++ != *with++)
			return 0;
	return 1;
}

static void say(const char *text)
{
	NATIVE(__NR_write, 1, (long)text, length_of(text));
}

static void say_number(long number)
{
	char digits[24];
	int at = sizeof(digits);
	unsigned long rest = number < 0 ? -(unsigned long)number : (unsigned long)number;

	digits[--at] = 0;
	do
		digits[--at] = '0' + rest % 10;
	while (rest /= 10);
	if (number < 0)
		digits[--at] = '-';
	say(digits + at);
}

static void fail(const char *what, const char *which)
{
	say("call: ");
	say(what);
	say(which);
	say("\n");
	NATIVE(__NR_exit_group, 2);
}

static char *room(unsigned long size)
{
	char *at = arena + used;

	used += (size + 15) & ~15UL;
	if (used > ARENA_BYTES)
		fail("no room", "");
	return at;
}

static long number_at(const char **at)
{
	const char *text = *at;
	int minus = *text == '-';
	unsigned long long number = 0;
	unsigned base = 10, digit;

	text += minus;
	if (starts(text, "0x")) {
		base = 16;
		text += 2;
	}
	for (;; text++) {
		if (*text >= '0' && *text <= '9')
			digit = *text - '0';
		else if (base == 16 && *text >= 'a' && *text <= 'f')
			digit = *text - 'a' + 10;
		else
			break;
		number = number * base + digit;
	}
	*at = text;
	return minus ? -(long)number : (long)number;
}

static long hex(const char *text, char *out)
{
	long size = 0;

	for (; text[0] && text[1]; text += 2, size++) {
		char digits[5] = {'0', 'x', text[0], text[1], 0};
		const char *at = digits;

		out[size] = number_at(&at);
	}
	return size;
}

static long value(char ***tokens);

/* `{ … }`: its tokens are read until the brace that closes it. */
static long structure(char ***tokens)
{
	char *bytes = room(1024), *at = bytes;

	while (**tokens && !starts(**tokens, "}")) {
		char *token = **tokens;
		unsigned size = sizeof(long);
		unsigned long long number;

		if (*token == '=') {
			at += hex(token + 1, at);
			++*tokens;
			continue;
		}
		if (starts(token, "u8:"))
			size = 1;
		else if (starts(token, "u16:"))
			size = 2;
		else if (starts(token, "u32:"))
			size = 4;
		else if (starts(token, "u64:"))
			size = 8;
		if (*token == 'u' || starts(token, "w:"))
			while (*(**tokens)++ != ':')
				;
		/* In another ABI's call a word is that one's. */
		else if (with_int80)
			size = 4;
		if (starts(token, "w:") && with_int80)
			size = 4;
		number = value(tokens);
		memcpy(at, &number, size);
		at += size;
	}
	if (!**tokens)
		fail("no end of ", "{");
	++*tokens;
	return (long)bytes;
}

static long earlier(const char *text)
{
	long step = number_at(&text), arg;

	if (step < 0 || step >= STEPS_MAX)
		fail("no step ", text);
	if (*text++ != '.')
		return results[step];
	arg = number_at(&text);
	if (arg < 0 || arg >= ARGS_MAX || *text++ != '.')
		fail("no argument of a step ", text);
	return ((int *)(unsigned long)steps[step].args[arg])[number_at(&text)];
}

static long value(char ***tokens)
{
	const char *token = *(*tokens)++;
	char *bytes;

	switch (*token) {
	case '{':
		return structure(tokens);
	case '$':
		return earlier(token + 1);
	case 's':
		if (starts(token, "self"))
			return own_pid;
		token += 2;
		bytes = room(length_of(token) + 1);
		memcpy(bytes, token, length_of(token));
		return (long)bytes;
	case 'x':
		bytes = room(length_of(token) / 2);
		hex(token + 2, bytes);
		return (long)bytes;
	case 'b':
		token += 2;
		return (long)room(number_at(&token));
	default:
		return number_at(&token);
	}
}

#include "call_uring.h"

/* For the number of a socket call in i386 the one of socketcall(2); 0 for any other call. */
static long socketcall_of(long number)
{
	static const struct {
		short number, sub;
	} subs[] = {{359, 1}, {361, 2},	 {362, 3},  {363, 4},  {367, 6},  {368, 7},  {360, 8}, {369, 11}, {371, 12},
		    {373, 13}, {366, 14}, {365, 15}, {370, 16}, {372, 17}, {364, 18}, {337, 19}, {345, 20}};
	unsigned i;

	for (i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
		if (subs[i].number == number)
			return subs[i].sub;
	return 0;
}

static long through_socketcall(struct frame *frame)
{
	unsigned *args = (void *)room(ARGS_MAX * sizeof(*args));
	long sub = frame->number >= ONLY_SOCKETCALL ? frame->number - ONLY_SOCKETCALL : socketcall_of(frame->number);
	struct frame call = {SOCKETCALL_32, {sub, (long)args}};
	int i;

	for (i = 0; i < ARGS_MAX; i++)
		args[i] = frame->args[i];
#if defined(__x86_64__) || defined(__i386__)
	return call_int80(&call);
#else
	return call_native(&call);
#endif
}

static long made(struct frame *frame)
{
	if (with_uring)
		return through_uring(frame);
	if (frame->number >= ONLY_SOCKETCALL || (with_socketcall && socketcall_of(frame->number)))
		return through_socketcall(frame);
#if defined(__x86_64__)
	if (with_int80)
		return call_int80(frame);
#endif
	return call_native(frame);
}

static int has_word(const char *mode, const char *word)
{
	for (; *mode; mode++)
		if (starts(mode, word))
			return 1;
	return 0;
}

static void set_mode(const char *mode, long *stack)
{
	with_int80 = has_word(mode, "int80");
	with_sysenter = has_word(mode, "sysenter");
	with_socketcall = has_word(mode, "socketcall");
	with_uring = has_word(mode, "uring");
	with_async = has_word(mode, "async");
	with_skip = has_word(mode, "skip");
	with_direct = has_word(mode, "direct");
	sqpoll = has_word(mode, "sqpoll");
	if (with_sysenter) {
		long *at = stack + 1 + stack[0] + 1;

		while (*at++)
			;
		/* AT_SYSINFO: where the kernel's own page makes a call the fastest way. */
		for (; at[0]; at += 2)
			if (at[0] == 32)
				sysenter_entry = at[1];
		if (!sysenter_entry)
			fail("no AT_SYSINFO", "");
	}
	if (with_uring)
		open_ring();
}

__attribute__((used)) void run(long *stack)
{
	char **tokens = (char **)(stack + 1);
	int step = 0;

	own_pid = NATIVE(__NR_getpid);
#ifdef __NR_alarm
	NATIVE(__NR_alarm, 30);
#endif
	if (stack[0] < 2)
		fail("no mode", "");
	say("pid ");
	say_number(own_pid);
	say("\n");
	set_mode(tokens[1], stack);
	for (tokens += 2; *tokens && step < STEPS_MAX; step++) {
		struct frame *frame = &steps[step];
		char *number = *tokens;
		int arg = 0, ends = *number == '!', natively = *number == '~';

		*tokens += ends + natively;
		frame->number = value(&tokens);
		while (*tokens && !starts(*tokens, ".")) {
			if (arg == ARGS_MAX)
				fail("too many arguments", "");
			frame->args[arg++] = value(&tokens);
		}
		if (*tokens)
			tokens++;
		child_ends = ends;
		results[step] = natively ? call_native(frame) : made(frame);
		child_ends = 0;
		say_number(step);
		say(" ");
		say_number(results[step]);
		say("\n");
		if (with_direct && is_direct(frame->number) && results[step] >= 0)
			results[step] = step;
	}
	NATIVE(__NR_exit_group, 0);
}
