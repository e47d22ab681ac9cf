/* What runs under the inits that `cargo boot bench` compares, and what starts them as PID 1.
 *
 *   payload pid PROGRAM [ARG]...   run it as PID 1 of a new pid namespace, to its end
 *   payload knock FIFO             say a byte into it, wait for a signal
 *   payload crowd N                N tasks that sleep, one process; say a line when they are there
 *   payload exit                   end at once
 *   payload orphans N              leave N orphans, one after the other, say 'done', wait for a signal
 *   payload echo                   say a byte for each SIGUSR1
 */
#include "bare.h"

struct job {
	char **argv;
	char **envp;
};

static int become(void *arg)
{
	struct job *job = arg;
	call3(SYS_execve, job->argv[0], job->argv, job->envp);
	die(127);
	return 0;
}

static long fork_now(void)
{
	return call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/* A thread that sleeps at once, and uses no stack for it: all are on the same one. */
static long sleeper(void)
{
	static char place[4096];
	unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
	long made;
	__asm__ volatile("xor %%r10d, %%r10d\n\txor %%r8d, %%r8d\n\tsyscall\n\ttest %%rax, %%rax\n\tjnz 1f\n"
		"2:\tmov %2, %%eax\n\tsyscall\n\tjmp 2b\n1:"
		: "=a"(made)
		: "a"((long)SYS_clone), "i"(SYS_pause), "D"(flags), "S"(place + sizeof place), "d"(0L)
		: "rcx", "r8", "r10", "r11", "memory");
	return made;
}

int main(int argc, char **argv, char **envp)
{
	struct job job = { .envp = envp };
	if (argc < 2)
		return 2;
	if (same(argv[1], "exit"))
		return 0;
	if (same(argv[1], "knock")) {
		long fd = call3(SYS_open, argv[2], O_WRONLY, 0);
		must(fd);
		call3(SYS_write, fd, "u", 1);
		call0(SYS_pause);
		return 0;
	}
	if (same(argv[1], "crowd")) {
		int i, count = number(argv[2]);
		for (i = 0; i < count; i++)
			must(sleeper());
		call3(SYS_write, 1, "here\n", 5);
		call0(SYS_pause);
		return 0;
	}
	if (same(argv[1], "pid")) {
		job.argv = argv + 2;
		return reap(spawn(become, &job, CLONE_NEWPID, -1));
	}
	if (same(argv[1], "orphans")) {
		int i, count = number(argv[2]);
		for (i = 0; i < count; i++) {
			long child = fork_now();
			must(child);
			if (child == 0) {
				/* The grandchild ends after its parent: it waits for the end of a pipe that the parent holds. */
				int ends[2];
				char end;
				must(call1(SYS_pipe, ends));
				if (fork_now() == 0) {
					call1(SYS_close, ends[1]);
					call3(SYS_read, ends[0], &end, 1);
				}
				die(0);
			}
			reap(child);
		}
		call3(SYS_write, 1, "d", 1);
		call0(SYS_pause);
		return 0;
	}
	if (same(argv[1], "echo")) {
		unsigned long set = 1UL << (SIGUSR1 - 1);
		must(call4(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 8));
		call3(SYS_write, 1, "r", 1);
		for (;;) {
			if ((long)call4(SYS_rt_sigtimedwait, &set, 0, 0, 8) == SIGUSR1)
				call3(SYS_write, 1, "s", 1);
		}
	}
	return 2;
}
