/* The floor of an init: a line, a prompt, and a reboot for the signal that Ctrl-Alt-Del becomes. No mounts, no login, no libc.
 *
 * x86_64 only: other machines build it with -DWITH_LIBC.
 */
#include "bare.h"
#include <linux/reboot.h>

static void tell(int command)
{
	call4(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, command, 0);
}

int main(int argc, char **argv, char **envp)
{
	unsigned long set = 1UL << (SIGINT - 1);
	(void)argc;
	(void)argv;
	(void)envp;
	must(call4(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 8));
	tell(LINUX_REBOOT_CMD_CAD_OFF);
	call3(SYS_write, 1, "floor\nlogin: ", 13);
	while ((long)call4(SYS_rt_sigtimedwait, &set, 0, 0, 8) != SIGINT)
		;
	tell(LINUX_REBOOT_CMD_RESTART);
	return 1;
}
