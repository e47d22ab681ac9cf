//! The rows of LXC's tools beyond a container's life: state, cgroups, copies, devices, namespaces, and the names of 0.7
//! to 0.9.

use super::table::BASE;
use super::{Command, Verb};

pub(super) const FREEZE: Command = Command {
    verb: Verb::Freeze,
    name: "freeze",
    lxc: &["lxc-freeze"],
    summary: "halt all tasks of a container",
    operands: "NAME",
    about: &["By the container's own cgroup: freezer.state of version 1, cgroup.freeze of version 2 (Linux 5.2)."],
    ..BASE
};

pub(super) const UNFREEZE: Command = Command {
    verb: Verb::Unfreeze,
    name: "unfreeze",
    lxc: &["lxc-unfreeze"],
    summary: "let a frozen container go on",
    operands: "NAME",
    ..BASE
};

pub(super) const WAIT: Command = Command {
    verb: Verb::Wait,
    name: "wait",
    lxc: &["lxc-wait"],
    summary: "wait until a container is in a state",
    operands: "NAME",
    about: &["STOPPED is at once where nothing runs, defined or not."],
    exits: &[
        ("0", "it is in one of the states"),
        ("1", "the time is over, or no such state"),
        ("2", "wrong usage (1 as lxc-wait)"),
    ],
    examples: &[("keel wait bb -s 'STOPPED|FROZEN' -t 10", "ten seconds at most")],
    ..BASE
};

pub(super) const MONITOR: Command = Command {
    verb: Verb::Monitor,
    name: "monitor",
    lxc: &["lxc-monitor"],
    summary: "print a line for each state that a container comes into",
    operands: "[REGEX]",
    about: &["Runs until it is interrupted. REGEX has to match the whole name; without it: all containers."],
    ..BASE
};

pub(super) const EXECUTE: Command = Command {
    verb: Verb::Execute,
    name: "execute",
    lxc: &["lxc-execute"],
    summary: "run one program as a container",
    operands: "NAME [-- COMMAND [ARGUMENT..]]",
    about: &[
        "The first program is Keel's pid1, which reaps and passes signals on, where it can be found; else the command itself.",
        "The container needs a configuration, its own or --rcfile, but no root file system.",
    ],
    exits: &[
        ("0-125", "what the command returned"),
        ("126", "the command cannot be executed"),
        ("127", "there is no such command"),
        ("128+N", "signal N ended the command"),
        ("1", "also: it could not be started"),
    ],
    examples: &[("keel execute bb -- ls -l /", "one command in the container's root file system")],
    ..BASE
};

pub(super) const CGROUP: Command = Command {
    verb: Verb::Cgroup,
    name: "cgroup",
    lxc: &["lxc-cgroup"],
    summary: "read or write a file of a running container's cgroup",
    operands: "NAME FILE [VALUE]",
    examples: &[("keel cgroup bb memory.limit_in_bytes 64M", "version 1"), ("keel cgroup bb memory.max", "version 2")],
    ..BASE
};

pub(super) const TOP: Command = Command {
    verb: Verb::Top,
    name: "top",
    lxc: &["lxc-top"],
    summary: "show what running containers use",
    operands: "",
    about: &[
        "'q' ends it; the keys of --sort sort. With --batch a line of CSV for each container and round, for ever.",
    ],
    ..BASE
};

pub(super) const COPY: Command = Command {
    verb: Verb::Copy,
    name: "copy",
    lxc: &["lxc-copy"],
    summary: "copy or rename a container, or run a copy that goes when it stops",
    operands: "NAME",
    about: &["Owners, modes, hard links, holes, devices and extended attributes are kept."],
    examples: &[("keel copy bb -N cc", "a copy"), ("keel copy bb -N cc -R", "another name")],
    ..BASE
};

pub(super) const CLONE: Command = Command {
    verb: Verb::Clone,
    name: "clone",
    lxc: &["lxc-clone"],
    summary: "copy a container, with the options of lxc-clone",
    operands: "[ORIGINAL NEW]",
    hidden: true,
    ..BASE
};

pub(super) const SNAPSHOT: Command = Command {
    verb: Verb::Snapshot,
    name: "snapshot",
    lxc: &["lxc-snapshot"],
    summary: "keep states of a stopped container and go back to them",
    operands: "NAME",
    examples: &[("keel snapshot bb", "keep it as snap0"), ("keel snapshot bb -r snap0 -N cc", "a container from it")],
    ..BASE
};

pub(super) const DEVICE: Command = Command {
    verb: Verb::Device,
    name: "device",
    lxc: &["lxc-device"],
    summary: "give a running container a device, or take it away",
    operands: "NAME add|del DEVICE [NAME-INSIDE]",
    about: &["DEVICE is a node of the host (/dev/ttyUSB0), or the name of an interface of its network."],
    examples: &[("keel device bb add /dev/ttyUSB0 /dev/modem", "under another name")],
    ..BASE
};

pub(super) const AUTOSTART: Command = Command {
    verb: Verb::Autostart,
    name: "autostart",
    lxc: &["lxc-autostart"],
    summary: "start or stop the containers that start with the host",
    operands: "",
    about: &[
        "Without -g: those with lxc.start.auto that are in no group. Groups are taken in their order; an empty word among them (',', 'onboot,') stands for no group.",
        "In a group the lowest lxc.start.order comes first, and lxc.start.delay seconds pass after each start.",
    ],
    exits: &[("0", "done"), ("1", "all failed"), ("2", "some failed, or wrong usage (1 as lxc-autostart)")],
    examples: &[("keel autostart -L -g onboot,", "what would be started")],
    ..BASE
};

pub(super) const CONFIG: Command = Command {
    verb: Verb::Config,
    name: "config",
    lxc: &["lxc-config"],
    summary: "print or change configuration values",
    operands: "[KEY [VALUE]]",
    about: &[
        "Without -n: settings of /etc/lxc/lxc.conf. With -n: the container's file; VALUE is written in the place of the line that sets KEY, and every other line stays as it is.",
    ],
    examples: &[
        ("keel config lxc.lxcpath", "where containers are"),
        ("keel config -n bb lxc.start.auto 1", "change a value"),
        ("keel config -n bb --add lxc.mount.entry 'tmpfs mnt tmpfs defaults'", "one more of a list"),
    ],
    ..BASE
};

pub(super) const UPDATE_CONFIG: Command = Command {
    verb: Verb::UpdateConfig,
    name: "update-config",
    lxc: &["lxc-update-config"],
    summary: "give the keys of a file from before LXC 2.1 their present names",
    operands: "[FILE]",
    about: &["FILE.backup is what it was. Comments and all other lines stay as they are."],
    ..BASE
};

pub(super) const UNSHARE: Command = Command {
    verb: Verb::Unshare,
    name: "unshare",
    lxc: &["lxc-unshare"],
    summary: "run a program in new namespaces",
    operands: "[--] COMMAND [ARGUMENT..]",
    exits: &[("0", "the command returned 0, or goes on with -d"), ("1", "it did not, or could not be run")],
    examples: &[("keel unshare -s 'MOUNT|PID' -M -- ps ax", "only its own processes")],
    ..BASE
};

pub(super) const USERNSEXEC: Command = Command {
    verb: Verb::UsernsExec,
    name: "usernsexec",
    lxc: &["lxc-usernsexec"],
    summary: "run a program as root of a new user namespace",
    operands: "[--] [COMMAND [ARGUMENT..]]",
    about: &["Without -m: the ranges of the caller in /etc/subuid and /etc/subgid. Without COMMAND: /bin/sh."],
    exits: &[("0-125", "what the command returned"), ("128+N", "signal N ended the command"), ("1", "also: failed")],
    ..BASE
};

pub(super) const SHUTDOWN: Command = Command {
    verb: Verb::Shutdown,
    name: "shutdown",
    lxc: &["lxc-shutdown"],
    summary: "ask a container to halt, and return at once",
    operands: "NAME",
    hidden: true,
    ..BASE
};

pub(super) const RESTART: Command = Command {
    verb: Verb::Restart,
    name: "restart",
    lxc: &["lxc-restart"],
    summary: "stop a container and start it again",
    operands: "NAME",
    hidden: true,
    ..BASE
};

pub(super) const KILL: Command = Command {
    verb: Verb::Kill,
    name: "kill",
    lxc: &["lxc-kill"],
    summary: "send a signal (9) to a container's first program",
    operands: "NAME [SIGNAL]",
    hidden: true,
    ..BASE
};

pub(super) const PS: Command = Command {
    verb: Verb::Ps,
    name: "ps",
    lxc: &["lxc-ps"],
    summary: "list the processes of containers",
    operands: "",
    hidden: true,
    ..BASE
};

pub(super) const NETSTAT: Command = Command {
    verb: Verb::Netstat,
    name: "netstat",
    lxc: &["lxc-netstat"],
    summary: "list the sockets of a running container",
    operands: "NAME",
    hidden: true,
    ..BASE
};

pub(super) const GET_PROP: Command = Command {
    verb: Verb::GetProp,
    name: "getprop",
    summary: "print properties of a running Android",
    operands: "NAME [PROPERTY]",
    about: &["Of an Android, from the host: read from the area that its init shares with its services."],
    examples: &[("keel getprop jb ro.hardware", "one"), ("keel getprop jb", "all")],
    ..BASE
};

pub(super) const WATCH_PROPS: Command = Command {
    verb: Verb::WatchProps,
    name: "watchprops",
    summary: "print each property of a running Android that changes",
    operands: "NAME [PROPERTY]",
    about: &["A line for each change, as getprop prints them, until the container stops."],
    examples: &[("keel watchprops jb init.svc.adbd", "what becomes of a service")],
    ..BASE
};

pub(super) const SET_PROP: Command = Command {
    verb: Verb::SetProp,
    name: "setprop",
    summary: "set a property of a running Android",
    operands: "NAME PROPERTY VALUE",
    examples: &[("keel setprop jb persist.adb.tcp.port 5555", "adbd listens there when it is started again")],
    ..BASE
};

pub(super) const SERVICE: Command = Command {
    verb: Verb::Service,
    name: "service",
    summary: "start, stop or restart a service of a running Android",
    operands: "NAME start|stop|restart SERVICE",
    about: &["Asks its init by the property ctl.start and its like; init.svc.SERVICE says what became of it."],
    examples: &[("keel service jb restart adbd", "adbd anew")],
    ..BASE
};

pub(super) const LOG: Command = Command {
    verb: Verb::Log,
    name: "log",
    summary: "show what an Android's init said, from its first line on",
    operands: "NAME",
    about: &[
        "That is the kernel log as the container has it; nothing of it is in the host's. Lines of 'keel:' are its starts and ends. It is kept over restarts, and after the container has stopped.",
    ],
    examples: &[("keel log jb", "why it did not come up"), ("keel log -f jb", "and what it says from now on")],
    ..BASE
};

pub(super) const LOGCAT: Command = Command {
    verb: Verb::Logcat,
    name: "logcat",
    summary: "show the logs of an Android's programs",
    operands: "NAME [TAG:PRIORITY..]",
    about: &[
        "Goes on until it is interrupted. Filters are those of Android's own: 'vold:I' shows what vold says from I (information) on; '*:S' hides all tags that are not named. Priorities: V D I W E F S.",
        "The log of events has the names of the container's /system/etc/event-log-tags. A pipe does not say which process wrote to it, so there are no process ids.",
    ],
    examples: &[
        ("keel logcat jb", "as logcat inside"),
        ("keel logcat -d -b events jb", "what happened up to now"),
        ("keel logcat jb Zygote:V '*:E'", "all of Zygote, and errors of the others"),
    ],
    ..BASE
};
