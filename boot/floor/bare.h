/* What the floor and the payload share: system calls, a vfork-like clone, and a start without libc.
 *
 * With -DWITH_LIBC the program starts through libc's start-up code. Without it: x86_64 only.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/mount.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifdef WITH_LIBC
#include <sched.h>
#include <unistd.h>
#define call(n, a, b, c, d, e) syscall(n, a, b, c, d, e)
#else
static long call5(long n, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	__asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	return n;
}
#define call(n, a, b, c, d, e) call5(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
#endif
#define call0(n) call(n, 0, 0, 0, 0, 0)
#define call1(n, a) call(n, a, 0, 0, 0, 0)
#define call2(n, a, b) call(n, a, b, 0, 0, 0)
#define call3(n, a, b, c) call(n, a, b, c, 0, 0)
#define call4(n, a, b, c, d) call(n, a, b, c, d, 0)

static char stack[16384] __attribute__((aligned(16)));

static void die(int code)
{
	call1(SYS_exit_group, code);
	__builtin_unreachable();
}

/* Any failure ends it with the line as exit code: a floor that did less would be no floor. */
#define must(x) do { if ((long)(x) < 0) die(100 + __COUNTER__); } while (0)

/* A child that shares our memory until it is a program, on a stack of its own; in the version 2 cgroup `cgroup` if that is
 * a descriptor. */
static inline int spawn(int (*run)(void *), void *arg, unsigned long flags, int cgroup)
{
#ifdef __x86_64__
	void **top = (void **)(stack + sizeof stack) - 2;
	struct clone_args args = {
		.flags = flags | CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD,
		.stack = (unsigned long)stack, .stack_size = sizeof stack - 2 * sizeof(void *),
	};
	long pid = SYS_clone3;
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = cgroup;
	}
	top[0] = (void *)run;
	top[1] = arg;
	__asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\tpop %%rax\n\tpop %%rdi\n\tcall *%%rax\n\tud2\n1:"
		: "+a"(pid) : "D"(&args), "S"(sizeof args) : "rcx", "r11", "memory");
	return (int)pid;
#else
	(void)cgroup;
	return clone(run, stack + sizeof stack, flags | CLONE_VM | CLONE_VFORK | SIGCHLD, arg);
#endif
}

static inline int number(const char *text)
{
	int n = 0;
	while (*text >= '0' && *text <= '9')
		n = n * 10 + *text++ - '0';
	return n;
}

static inline int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static inline int reap(int pid)
{
	int status = 0;
	call4(SYS_wait4, pid, &status, 0, 0);
	return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}


int main(int argc, char **argv, char **envp);

#ifndef WITH_LIBC
__attribute__((used)) static void begin(long *sp)
{
	int argc = (int)sp[0];
	char **argv = (char **)(sp + 1);
	die(main(argc, argv, argv + argc + 1));
}
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
#endif
