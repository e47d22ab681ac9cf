/* The floor: the same namespaces, mounts, nodes and pivot_root as the containers of `cargo boot bench`, and nothing else.
 *
 * No configuration, no checks, no supervision, no libc: one vfork-like clone, the calls, exec, wait, and the cgroups removed.
 * What keel takes beyond this is keel's own. With -DWITH_LIBC the same code starts through libc's start-up code: what that
 * costs, a program built by the stock toolchain pays before its first line.
 *
 *   floor start [net] [cgroup DIR | copy FILE FILE | into DIR]... ROOTFS PROGRAM   start, run to its end, tear down
 *   floor start keep DIR CONFIG ...                    the same, and what any supervisor does: see keep()
 *   floor attach PID PROGRAM                           run a program in the namespaces of a process
 *   floor again WORD...                                first execute itself from a read-only mount of its own file: what runs in a
 *                                                      container without it can be written to there (CVE-2019-5736)
 *   floor exec PROGRAM                                 vfork, exec, wait
 *   floor agent [net] ROOTFS PROGRAM [ARG]...          an agent's floor: for each byte of stdin a container, for the next its end
 *   floor many N [net] ROOTFS PROGRAM [ARG]                  an agent's floor: for each of N bytes of stdin a container and a byte, then
 *                                                      wait for one more or the end, kill all
 *
 * x86_64 only: other machines build it with -DWITH_LIBC.
 */
#include "bare.h"

#define MOST 16

struct job {
	char *root;
	char **argv;
	char **envp;
	char *tasks[MOST];
	int count;
	int from;
	int net;
	int kept;
};

static int inside(void *arg)
{
	struct job *job = arg;
	int i;
	/* One write of "0" to `tasks` moves the writer; `cgroup.procs` would wait for RCU. */
	for (i = 0; i < job->count; i++) {
		long fd = call3(SYS_open, job->tasks[i], O_WRONLY, 0);
		must(fd);
		must(call3(SYS_write, fd, "0", 1));
		call1(SYS_close, fd);
	}
	must(call(SYS_mount, "", "/", "", MS_REC | MS_SLAVE, 0));
	if (job->net) {
		struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
		long fd = call3(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		must(fd);
		must(call3(SYS_ioctl, fd, SIOCSIFFLAGS, &lo));
		call1(SYS_close, fd);
	}
	must(call2(SYS_sethostname, "bb", 2));
	must(call(SYS_mount, job->root, job->root, "", MS_BIND | MS_REC, 0));
	must(call1(SYS_chdir, job->root));
	must(call(SYS_mount, "tmpfs", "dev", "tmpfs", MS_NOSUID, "size=500000,mode=755"));
	must(call(SYS_mount, "proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
	must(call(SYS_mount, "sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
	call1(SYS_umask, 0);
	static const struct { const char *path; int minor; } nodes[] = {
		{ "dev/full", 7 }, { "dev/null", 3 }, { "dev/random", 8 }, { "dev/urandom", 9 }, { "dev/zero", 5 },
	};
	for (i = 0; i < 5; i++)
		must(call3(SYS_mknod, nodes[i].path, 0020666, 1 << 8 | nodes[i].minor));
	must(call3(SYS_mknod, "dev/tty", 0020666, 5 << 8));
	must(call2(SYS_symlink, "/proc/self/fd", "dev/fd"));
	must(call2(SYS_symlink, "/proc/self/fd/0", "dev/stdin"));
	must(call2(SYS_symlink, "/proc/self/fd/1", "dev/stdout"));
	must(call2(SYS_symlink, "/proc/self/fd/2", "dev/stderr"));
	must(call2(SYS_symlink, "pts/ptmx", "dev/ptmx"));
	must(call2(SYS_mkdir, "dev/shm", 0755));
	must(call(SYS_mount, "shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"));
	must(call2(SYS_mkdir, "dev/pts", 0755));
	must(call(SYS_mount, "devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"));
	must(call2(SYS_pivot_root, ".", "."));
	must(call2(SYS_umount2, ".", MNT_DETACH));
	must(call1(SYS_chdir, "/"));
	call0(SYS_setsid);
	call1(SYS_umask, 022);
	if (job->kept) {
		unsigned long none = 0;
		call4(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
	}
	call3(SYS_execve, job->argv[0], job->argv, job->envp);
	die(127);
	return 0;
}

static int become(void *arg)
{
	struct job *job = arg;
	call3(SYS_execve, job->argv[0], job->argv, job->envp);
	die(127);
	return 0;
}

static int enter(void *arg)
{
	struct job *job = arg;
	/* The pid namespace is the one of children: it was entered before. */
	must(call2(SYS_setns, job->from, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC));
	return become(arg);
}

/* What is kept of a container that is supervised, in the fewest calls. Reads its configuration, and what a start depends on: the mount
 * table, capabilities and filters, namespaces, file systems, the boot. Takes a lock, listens on a socket, writes down who the first
 * program is, waits for its end and for whoever asks, and takes all away. Understands nothing of what it reads. */
static const char *names[] = { "lock", "state", "control" };
static char paths[3][200], buffer[16384];
static int held, waiting, signals;

static long look(const char *path)
{
	long fd = call3(SYS_open, path, O_RDONLY | O_CLOEXEC, 0);
	must(fd);
	while (call3(SYS_read, fd, buffer, sizeof buffer) > 0)
		;
	return call1(SYS_close, fd);
}

static void keep(char *dir, char *config)
{
	static const char *spaces[] = { "mnt", "cgroup", "uts", "ipc", "user", "pid", "net", "time" };
	struct { unsigned events; unsigned long data; } __attribute__((packed)) in = { 1, 0 };
	struct { unsigned short family; char path[108]; } address = { AF_UNIX, "" };
	unsigned long all = ~0ul;
	long fd, lock;
	int i, n;
	for (i = 0; i < 3; i++) {
		char *to = paths[i];
		const char *from = dir;
		for (n = 0; from[n] && n < 90; n++)
			*to++ = from[n];
		*to++ = '/';
		for (from = names[i]; *from;)
			*to++ = *from++;
	}
	for (n = 0; paths[2][n]; n++)
		address.path[n] = paths[2][n];
	look(config);
	must(call2(SYS_mkdir, dir, 0700));
	must(lock = call3(SYS_open, paths[0], O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	must(call2(SYS_flock, lock, 2 | 4));
	must(call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, 8));
	must(waiting = call1(SYS_epoll_create1, O_CLOEXEC));
	must(signals = call4(SYS_signalfd4, -1, &all, 8, O_CLOEXEC | O_NONBLOCK));
	must(call4(SYS_epoll_ctl, waiting, 1, signals, &in));
	must(fd = call3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	must(call3(SYS_bind, fd, &address, sizeof address));
	must(call2(SYS_chmod, paths[2], 0600));
	must(call2(SYS_listen, fd, 16));
	must(call4(SYS_epoll_ctl, waiting, 1, fd, &in));
	look("/proc/self/mountinfo");
	look("/proc/self/status");
	look("/proc/filesystems");
	look("/proc/sys/kernel/random/boot_id");
	must(fd = call3(SYS_open, "/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	for (i = 0; i < 8; i++)
		call4(SYS_readlinkat, fd, spaces[i], buffer, 64);
	call1(SYS_close, fd);
	must(held = call3(SYS_open, paths[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	must(call3(SYS_write, held, buffer, 170));
}

/* The other half, when the first program runs; until its end. */
static void kept(char *dir, int pid)
{
	struct { unsigned events; unsigned long data; } __attribute__((packed)) got;
	long fd = call2(SYS_pidfd_open, pid, 0);
	int i;
	must(fd);
	must(call2(SYS_fstat, fd, buffer));
	call1(SYS_close, fd);
	must(call3(SYS_write, held, buffer, 60));
	call1(SYS_close, held);
	must(call(SYS_epoll_pwait, waiting, &got, 1, -1, 0));
	call3(SYS_read, signals, buffer, 128);
	for (i = 0; i < 3; i++)
		must(call1(SYS_unlink, paths[i]));
	must(call1(SYS_rmdir, dir));
}

static void again(char **argv, char **envp)
{
	struct { unsigned long set, clear, propagation, user; } readonly = { 1, 0, 0, 0 };
	char path[] = "/proc/self/fd/0";
	long fd = call3(SYS_open_tree, AT_FDCWD, "/proc/self/exe", 1 | O_CLOEXEC);
	must(fd);
	must(call(SYS_mount_setattr, fd, "", 0x1000, &readonly, sizeof readonly));
	path[14] = '0' + fd;
	must(call3(SYS_execve, path, argv, envp));
}

#define SPACES (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC)

int main(int argc, char **argv, char **envp)
{
	struct job job = { .envp = envp };
	unsigned long flags = SPACES;
	static char names[MOST][256];
	char *dirs[MOST];
	char *group = 0;
	int i, code, into = -1;
	if (argc < 3)
		return 2;
	char *what = argv[1], *place = 0;
	if (same(what, "again"))
		again(argv + 1, envp);
	argv += 2;
	if (same(what, "exec")) {
		job.argv = argv;
		return reap(spawn(become, &job, 0, -1));
	}
	if (same(what, "attach")) {
		job.from = call2(SYS_pidfd_open, number(argv[0]), 0);
		must(job.from);
		must(call2(SYS_setns, job.from, CLONE_NEWPID));
		job.argv = argv + 1;
		return reap(spawn(enter, &job, 0, -1));
	}
	if (same(what, "agent")) {
		char byte;
		if (same(argv[0], "net")) {
			flags |= CLONE_NEWNET;
			job.net = 1;
			argv++;
		}
		job.root = argv[0];
		job.argv = argv + 1;
		while (call3(SYS_read, 0, &byte, 1) == 1) {
			int pid = spawn(inside, &job, flags, -1);
			must(pid);
			call3(SYS_read, 0, &byte, 1);
			call2(SYS_kill, pid, SIGKILL);
			reap(pid);
			call3(SYS_write, 1, "k", 1);
		}
		return 0;
	}
	if (same(what, "many")) {
		static int pids[4096];
		int count = number(argv[0]);
		char end;
		if (count > 4096)
			return 2;
		if (same(argv[1], "net")) {
			flags |= CLONE_NEWNET;
			job.net = 1;
			argv++;
		}
		job.root = argv[1];
		job.argv = argv + 2;
		for (i = 0; i < count; i++) {
			if (call3(SYS_read, 0, &end, 1) != 1)
				return 2;
			must(pids[i] = spawn(inside, &job, flags, -1));
			call3(SYS_write, 1, "u", 1);
		}
		call3(SYS_read, 0, &end, 1);
		for (i = 0; i < count; i++)
			call2(SYS_kill, pids[i], SIGKILL);
		for (i = 0; i < count; i++)
			reap(pids[i]);
		return 0;
	}
	for (;; argv++) {
		if (same(*argv, "net")) {
			flags |= CLONE_NEWNET;
			job.net = 1;
		} else if (same(*argv, "cgroup") && job.count < MOST) {
			char *name = names[job.count], *from = *++argv, *file = "/tasks";
			int n = 0;
			dirs[job.count] = from;
			must(call2(SYS_mkdir, from, 0755));
			while (*from && n < 240)
				name[n++] = *from++;
			while (*file)
				name[n++] = *file++;
			job.tasks[job.count++] = name;
		} else if (same(*argv, "keep")) {
			place = argv[1];
			keep(place, argv[2]);
			job.kept = 1;
			argv += 2;
		} else if (same(*argv, "into")) {
			group = *++argv;
			must(call2(SYS_mkdir, group, 0755));
			must(into = call3(SYS_open, group, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
		} else if (same(*argv, "copy")) {
			/* cpuset's files are empty in a new directory, and nobody can join while they are. */
			char value[256];
			long fd = call3(SYS_open, *++argv, O_RDONLY, 0), n;
			must(fd);
			must(n = call3(SYS_read, fd, value, sizeof value));
			call1(SYS_close, fd);
			must(fd = call3(SYS_open, *++argv, O_WRONLY, 0));
			must(call3(SYS_write, fd, value, n));
			call1(SYS_close, fd);
		} else {
			break;
		}
	}
	job.root = argv[0];
	job.argv = argv + 1;
	int pid = spawn(inside, &job, flags, into);
	must(pid);
	if (place)
		kept(place, pid);
	code = reap(pid);
	if (group)
		must(call1(SYS_rmdir, group));
	for (i = job.count; i-- > 0;)
		must(call1(SYS_rmdir, dirs[i]));
	return code;
}
