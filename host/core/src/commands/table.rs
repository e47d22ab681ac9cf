//! The table of commands: one row for each. A new command is a row here (or in `tools`) and a file in `host/src/cli`.

use super::{Command, Verb, tools};

const DONE: &[(&str, &str)] = &[("0", "done"), ("1", "failed"), ("2", "wrong usage (1 as an lxc-* tool)")];

/// A row with the parts that most commands have in common.
pub(super) const BASE: Command = Command {
    verb: Verb::Help,
    name: "",
    lxc: &[],
    summary: "",
    operands: "",
    about: &[],
    exits: DONE,
    examples: &[],
    hidden: false,
};

/// All commands, in the order of the overview.
pub const COMMANDS: &[Command] = &[
    Command {
        verb: Verb::Create,
        name: "create",
        lxc: &["lxc-create"],
        summary: "make a container from a template",
        operands: "NAME [FILE] [-- TEMPLATE-OPTIONS]",
        about: &[
            "Makes LXCPATH/NAME with a root file system and a configuration file in LXC's form. Keel's own templates are data: no shell script is run.",
            "Options of the template may stand among the others or after '--', where LXC's templates take them.",
            "A template of one's own is a directory with a 'config', a 'manifest' and the files that the manifest names; templates/busybox is one to copy.",
            "'tar' unpacks an archive of a root file system, plain or gzip, or as zstd, xz and bzip2 pack it where these programs are, '-' from standard input; 'oci' the image for this machine out of a directory in the OCI layout.",
            "A template program (a path, or lxc-NAME in $LXC_TEMPLATE_DIR, else /usr/share/lxc/templates) is run with LXC's arguments: --path, --name, --rootfs, and what follows '--'.",
            "Root is locked in the new container unless --password or --autologin says otherwise.",
        ],
        examples: &[
            ("keel create -t busybox -n bb", "a container from the busybox in PATH"),
            (
                "keel create -t busybox bb --init busybox --autologin",
                "with busybox's own init and no question for a password",
            ),
            (
                "keel create -t busybox bb -P root/var/lib/lxc --sysroot root",
                "for a ramdisk that is made of the directory root",
            ),
        ],
        ..BASE
    },
    Command {
        verb: Verb::Start,
        name: "start",
        lxc: &["lxc-start"],
        summary: "start a container",
        operands: "NAME [-- COMMAND [ARGUMENT..]]",
        about: &[
            "Returns when the container runs. With COMMAND, that is its first program instead of the configuration's.",
            "A container that runs already is said, and is no failure: LXC's scripts rely on it.",
        ],
        exits: &[
            ("0", "it runs; with -F: it ended"),
            ("1", "it could not be started"),
            ("2", "wrong usage (1 as lxc-start)"),
        ],
        examples: &[
            ("keel start bb", "start it in the background"),
            ("keel start -F bb", "start it with its console here"),
            ("keel start bb -s lxc.cgroup.memory.limit_in_bytes=64M", "with one more line of configuration"),
        ],
        ..BASE
    },
    Command {
        verb: Verb::Stop,
        name: "stop",
        lxc: &["lxc-stop"],
        summary: "stop a container",
        operands: "NAME",
        about: &[
            "Sends the configuration's halt signal to its first program, waits, and kills it when the time is over.",
        ],
        exits: &[
            ("0", "it is stopped"),
            ("1", "it could not be stopped, or it still runs with --nokill"),
            ("2", "it did not run, or wrong usage (1 as lxc-stop)"),
        ],
        examples: &[("keel stop bb", "a clean end within a minute"), ("keel stop -k bb", "a kill")],
        ..BASE
    },
    Command {
        verb: Verb::Attach,
        name: "attach",
        lxc: &["lxc-attach"],
        summary: "run a program inside a running container",
        operands: "NAME [-- COMMAND [ARGUMENT..]]",
        about: &[
            "Without COMMAND: the shell of the user, else /bin/sh.",
            "Options may stand anywhere, so a command with options of its own needs '--' in front.",
        ],
        exits: &[
            ("0-125", "what the command returned"),
            ("126", "the command cannot be executed"),
            ("127", "there is no such command"),
            ("128+N", "signal N ended the command"),
            ("1", "also: the container does not run"),
        ],
        examples: &[("keel attach bb -- ls -l /", "one command"), ("keel attach bb", "a shell")],
        ..BASE
    },
    Command {
        verb: Verb::Console,
        name: "console",
        lxc: &["lxc-console"],
        summary: "connect this terminal to a container's console",
        operands: "NAME",
        about: &["'^a q' leaves, '^a ^a' sends a '^a'."],
        examples: &[("keel console bb -t 0", "the console itself")],
        ..BASE
    },
    Command {
        verb: Verb::Info,
        name: "info",
        lxc: &["lxc-info"],
        summary: "say what state a container is in",
        operands: "NAME",
        examples: &[("keel info -sH bb", "its state as one word")],
        ..BASE
    },
    Command {
        verb: Verb::Ls,
        name: "ls",
        lxc: &["lxc-ls"],
        summary: "list the containers",
        operands: "",
        examples: &[("keel ls -f", "a table")],
        ..BASE
    },
    Command {
        verb: Verb::Destroy,
        name: "destroy",
        lxc: &["lxc-destroy"],
        summary: "remove a container and its files",
        operands: "NAME",
        about: &["A container that runs is left alone unless -f is given."],
        ..BASE
    },
    tools::FREEZE,
    tools::UNFREEZE,
    tools::WAIT,
    tools::MONITOR,
    tools::EXECUTE,
    tools::CGROUP,
    tools::TOP,
    tools::COPY,
    tools::SNAPSHOT,
    tools::DEVICE,
    tools::AUTOSTART,
    tools::CONFIG,
    tools::UPDATE_CONFIG,
    tools::UNSHARE,
    tools::USERNSEXEC,
    tools::SHUTDOWN,
    tools::RESTART,
    tools::KILL,
    tools::PS,
    tools::NETSTAT,
    tools::GET_PROP,
    tools::WATCH_PROPS,
    tools::SET_PROP,
    tools::SERVICE,
    tools::LOG,
    tools::LOGCAT,
    tools::CLONE,
    Command {
        verb: Verb::Plan,
        name: "plan",
        lxc: &[],
        summary: "print what a start or the boot would do, step by step",
        operands: "NAME | boot [WORD..]",
        about: &["Nothing is changed: the same list is what 'start' performs."],
        examples: &[
            ("keel plan bb", "the steps of a start"),
            ("keel plan boot keel.cgroup=v1", "the steps of the boot with that on the kernel command line"),
        ],
        ..BASE
    },
    Command {
        verb: Verb::CheckConfig,
        name: "checkconfig",
        lxc: &["lxc-checkconfig"],
        summary: "say what the kernel offers and what is lost without the rest",
        operands: "",
        about: &[
            "The kernel's configuration is that of --config, else of the variable CONFIG, else of /proc/config.gz, else of /boot.",
        ],
        exits: &[
            ("0", "all that is required is there"),
            ("1", "something required is missing, or no configuration was found"),
            ("2", "wrong usage"),
        ],
        examples: &[("keel checkconfig --config linux/.config --kernel 3.4", "before a kernel is built")],
        ..BASE
    },
    Command {
        verb: Verb::Agent,
        name: "agent",
        summary: "supervise all containers of a path in one process, as keel does as process 1",
        about: &[
            "Starts the containers with lxc.start.auto, and from then on those that 'keel start' asks it for, until SIGTERM or SIGINT: then it stops them and ends. A container that was started before keeps its own supervisor.",
        ],
        examples: &[("keel agent -P /srv/lxc", "as a service of the init that is there")],
        ..BASE
    },
    Command {
        verb: Verb::PowerOff,
        name: "poweroff",
        summary: "switch the machine off, where keel is process 1",
        about: &[
            "Sends SIGUSR2 to process 1, as busybox's own command does: containers are stopped, everything is unmounted.",
        ],
        ..BASE
    },
    Command {
        verb: Verb::Reboot,
        name: "reboot",
        summary: "restart the machine, where keel is process 1",
        about: &[
            "Sends SIGTERM to process 1, as busybox's own command does: containers are stopped, everything is unmounted.",
        ],
        ..BASE
    },
    Command {
        verb: Verb::Halt,
        name: "halt",
        summary: "stop the machine, where keel is process 1",
        about: &[
            "Sends SIGUSR1 to process 1, as busybox's own command does: containers are stopped, everything is unmounted.",
        ],
        ..BASE
    },
    Command { verb: Verb::Help, name: "help", summary: "print help on a command", operands: "[COMMAND]", ..BASE },
    Command {
        verb: Verb::Man,
        name: "man",
        summary: "print a manual page as roff",
        operands: "[COMMAND | config]",
        about: &[
            "Without an operand keel(1), with the words of the kernel command line; 'config' is keel-config(5), with every key of a configuration file.",
        ],
        examples: &[("keel man start | man -l -", "read it")],
        hidden: true,
        ..BASE
    },
    Command {
        verb: Verb::Completions,
        name: "completions",
        summary: "print a shell's completion script",
        operands: "bash | zsh | fish",
        hidden: true,
        ..BASE
    },
    Command {
        verb: Verb::Net,
        name: "net",
        summary: "make, remove and list bridges for containers",
        operands: "up|down|ls [BRIDGE]",
        about: &[
            "'up' makes the bridge, keelbr0 unless another is named, gives it an address, and lets its containers reach the world: forwarding and NAT, by nftables where the kernel has it, for IPv4 and IPv6. What is there already is kept.",
            "'down' removes it and what was done for it, and nothing that keel has not made. One that containers are on is left alone.",
            "Addresses are the containers' own matter: lxc.net.N.ipv4.address, or a DHCP server on the bridge.",
        ],
        examples: &[
            ("keel net up", "then in a container's file: lxc.net.0.link = keelbr0, lxc.net.0.ipv4.gateway = auto"),
            ("keel net up lab0 -a 192.168.50.1/24 --no-nat", "a bridge of that name and address"),
            (
                "keel net up -a 10.0.3.1/24 -a fd0a::1/64",
                "IPv6, too: the host then forwards it, and takes no more routes from routers' advertisements",
            ),
        ],
        ..BASE
    },
    Command {
        verb: Verb::InstallLinks,
        name: "install-links",
        summary: "make the lxc-* names in a directory as links to this program",
        operands: "DIR",
        hidden: true,
        ..BASE
    },
    Command {
        verb: Verb::Version,
        name: "version",
        lxc: &["lxc-version"],
        summary: "print the version",
        hidden: true,
        ..BASE
    },
    Command {
        verb: Verb::TemplateBusybox,
        name: "create -t busybox --",
        summary: "options of the busybox template",
        hidden: true,
        ..BASE
    },
    Command {
        verb: Verb::TemplateAndroid,
        name: "create -t android --",
        summary: "options of the Android template",
        hidden: true,
        ..BASE
    },
];
