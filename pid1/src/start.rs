//! The start: what kind of PID 1 this is, what it was told, mounts and devices, then the logins or the payload.
//!
//! Until /dev is mounted lines are kept, and descriptors 0 to 2 may lead nowhere. Nothing that fails here stops it.

use core::fmt::Write;

use pid1::options::{Options, Wrong, parse};
use pid1::settings::{Complaint, Handover, Settings};
use pid1::signals::{Mode, SIGCHLD};
use pid1::terminal::Terminals;
use rustix::fs::{Mode as Permissions, OFlags};
use rustix::system::RebootCommand;

use crate::buttons::Buttons;
use crate::logins::Logins;
use crate::payload::Payload;
use crate::report::{self, Message};
use crate::sys::arguments::{Arguments, List, Vector};
use crate::sys::process::{self, Fork, Kind};
use crate::sys::{Symbol, clock, signal};
use crate::text::{Shown, Text, buffer};
use crate::wait::{Children, Init};
use crate::{cgroup, devices, end, files, kmsg, later, panic, payload, tty, wait, wrapper};

/// The kernel's longest command line.
const LINE: usize = 4096;

/// PID 1 begins.
pub fn run(arguments: Arguments) -> ! {
    signal::block();
    kmsg::begin(log::LevelFilter::Info);
    fill_standard_descriptors();
    // Only the init of the first pid namespace may: EINVAL in others, EPERM without the right. Done, Ctrl-Alt-Del is a SIGINT.
    if rustix::system::reboot(RebootCommand::CadOff).is_ok() {
        panic::MACHINE.store(true, core::sync::atomic::Ordering::Relaxed);
        machine(arguments)
    }
    container(arguments)
}

/// The words of argv: options, and the parameters among them.
pub fn read_words(arguments: Arguments) -> Result<(Options<'static>, Settings<'static>), Wrong<'static>> {
    // The log of a container is its host's, or somebody's standard error: nothing is said that need not be.
    let mut settings = Settings { loglevel: log::LevelFilter::Warn, ..Settings::default() };
    let options = parse(arguments.words.iter().skip(1).map(core::ffi::CStr::to_bytes), |word| {
        wrapper::complain(&mut settings, word)
    })?;
    settings.forward_to_group |= options.group;
    if options.verbose > 0 {
        settings.loglevel = log::LevelFilter::Debug;
    }
    Ok((options, settings))
}

/// Logs a word that could not be used.
pub fn complain(complaint: Complaint<'_>) {
    match complaint {
        Complaint::BadValue(name, value, form) => {
            warn!("{name}='{}': not {form}", Shown(value))
        }
        Complaint::Misspelt(name, near) => warn!("unknown parameter '{}' (did you mean '{near}'?)", Shown(name)),
    }
}

fn machine(arguments: Arguments) -> ! {
    let _ = rustix::process::chdir(c"/");
    rustix::process::umask(Permissions::from_raw_mode(0o022));
    devices::mount(&pid1::mounts::TABLE[0], Mode::Machine);
    let mut line = buffer::<LINE>();
    let line = files::read(c"/proc/cmdline", &mut line).unwrap_or_else(|e| {
        error!("'/proc/cmdline': {}", Symbol(e));
        b""
    });
    let settings = Settings::from_line(line, complain);
    log::set_max_level(settings.loglevel);
    panic::PANIC.store(settings.panic, core::sync::atomic::Ordering::Relaxed);

    devices::mount_rest(Mode::Machine);
    let logged = kmsg::open();
    info!(
        "{} after {} ms{}",
        env!("CARGO_PKG_VERSION"),
        clock::now_ms(),
        if logged { "" } else { ", without /dev/kmsg" }
    );
    cgroup::mount(&settings);
    if let Some(name) = settings.hostname
        && let Err(e) = rustix::system::sethostname(name)
    {
        warn!("keel.hostname='{}': {}", Shown(name), Symbol(e));
    }
    for terminal in settings.consoles.iter() {
        devices::make_from_sysfs(b"tty", terminal);
    }

    let words = payload_words(arguments, line);
    let terminal = settings.consoles.main();
    if let Some(init) = settings.init {
        let Some(path) = Text::<512>::of(&[init]) else {
            error!("keel.init='{}': ENAMETOOLONG", Shown(init));
            finish(settings, Payload::new(arguments.words, false, None))
        };
        let mut list = List::<34>::new();
        list.push(path.c_str());
        words.into_iter().flat_map(Vector::iter).for_each(|word| list.push(word));
        if settings.handover == Handover::Exec {
            hand_over(&path, list.vector(), arguments)
        }
        let payload = Payload::new(list.vector(), true, terminal);
        go(prepare(Mode::Machine, settings, arguments.environment, Some(payload)))
    }
    close_standard_descriptors();
    let payload = words.map(|words| Payload::new(words, false, terminal));
    let mut init = prepare(Mode::Machine, settings, arguments.environment, payload);
    if init.payload.is_none() {
        init.log_in(&machine_terminals(&settings));
    }
    go(init)
}

/// `keel.getty=`, else each `console=`, else wherever the kernel's console is.
fn machine_terminals<'a>(settings: &Settings<'a>) -> Terminals<'a> {
    let mut terminals = settings.consoles;
    if let Some(list) = settings.getty {
        terminals = Terminals::new();
        let left_out = terminals.add_list(list);
        if left_out > 0 {
            warn!("keel.getty='{}': {left_out} of them left out", Shown(list));
        }
    } else if terminals.main().is_none() {
        let _ = terminals.add(b"console");
    }
    for terminal in terminals.iter() {
        devices::make_from_sysfs(b"tty", terminal);
    }
    terminals
}

/// The payload of a machine: argv behind `--` where a program started `pid1`, else the kernel's last words, which were behind a `--`
/// that the kernel does not pass on (`parse_args()`, init/main.c).
fn payload_words(arguments: Arguments, line: &[u8]) -> Option<Vector<'static>> {
    let words = arguments.words;
    let all = words.len();
    let behind = match words.iter().position(|word| word == c"--") {
        Some(at) => all - at - 1,
        None => pid1::cmdline::arguments(line).count().min(all.saturating_sub(1)),
    };
    (behind > 0).then(|| words.skip(all - behind))
}

/// Becomes another init. Where that fails, the machine ends as if a payload had failed.
fn hand_over(path: &Text<512>, words: Vector<'_>, arguments: Arguments) -> ! {
    info!("handing over to '{}'", Shown(path.bytes()));
    signal::reset();
    let e = payload::execute(path.c_str(), words, arguments.environment);
    signal::block();
    error!("keel.init='{}': {}", Shown(path.bytes()), Symbol(e));
    let mut failed = Payload::new(words, false, None);
    failed.status = Some(pid1::status::Status::exited(if e == rustix::io::Errno::NOENT { 127 } else { 126 }));
    finish(Settings::default(), failed)
}

/// Ends a machine whose payload could not be started.
fn finish(settings: Settings<'_>, mut payload: Payload<'_>) -> ! {
    payload.status.get_or_insert(pid1::status::Status::exited(126));
    let mut init = prepare(Mode::Machine, settings, Vector::empty(), Some(payload));
    end::run(&mut init, wait::Ending { outcome: pid1::signals::Outcome::PowerOff, at_once: false })
}

fn container(arguments: Arguments) -> ! {
    let (options, settings) = match read_words(arguments) {
        Ok(read) => read,
        Err(wrong) => wrapper::refuse(wrong),
    };
    wrapper::print_and_exit(&options);
    log::set_max_level(settings.loglevel);
    let first = 1 + options.taken;
    if arguments.words.len() > first {
        kmsg::open_for_each_line();
        wrap(settings, arguments, first)
    }
    let _ = rustix::process::chdir(c"/");
    devices::mount(&pid1::mounts::TABLE[0], Mode::Container);
    devices::mount_rest(Mode::Container);
    kmsg::open();
    let mut terminals = Terminals::new();
    let mut names = [const { Text::<64>::new() }; pid1::terminal::MOST];
    find_terminals(&mut terminals, &mut names, &settings, arguments);
    give_up_terminal();
    close_standard_descriptors();
    process::close_all_but([kmsg::descriptor(), -1, -1]);
    let mut init = prepare(Mode::Container, settings, arguments.environment, None);
    init.log_in(&terminals);
    go(init)
}

/// Runs the words from `first` on.
pub fn wrap(settings: Settings<'_>, arguments: Arguments, first: usize) -> ! {
    let payload = Payload::new(arguments.words.skip(first), false, None);
    let mut init = prepare(Mode::Wrapper, settings, arguments.environment, Some(payload));
    init.inherited = true;
    go(init)
}

/// The terminals of a container: its console, each ttyN, and what its runtime names. Only pseudo-terminals: whatever else is there
/// is the host's.
fn find_terminals<'a>(
    terminals: &mut Terminals<'a>,
    names: &'a mut [Text<64>],
    settings: &Settings<'a>,
    arguments: Arguments,
) {
    if let Some(list) = settings.getty {
        let _ = terminals.add_list(list);
        return;
    }
    for (n, name) in names.iter_mut().enumerate() {
        let _ = if n == 0 { name.write_str("console") } else { write!(name, "tty{n}") };
        let path = Text::<64>::of(&[b"/dev/", name.bytes()]);
        let device = path.and_then(|path| rustix::fs::stat(path.c_str()).ok());
        if device.is_some_and(|s| {
            rustix::fs::FileType::from_raw_mode(s.st_mode).is_char_device() && tty::is_pseudo(s.st_rdev)
        }) {
            let _ = terminals.add(name.bytes());
        }
    }
    // systemd's container interface.
    for list in arguments.environment.iter().filter_map(|v| v.to_bytes().strip_prefix(b"container_ttys=")) {
        let _ = terminals.add_list(list);
    }
}

/// PID 1 has no terminal: it would be the leader of the session that a login needs. The SIGHUP for it is blocked, and taken away.
fn give_up_terminal() {
    if let Ok(fd) = rustix::fs::open(c"/dev/tty", OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Permissions::empty())
    {
        use rustix::fd::AsFd;
        let _ = crate::sys::terminal::give_up(fd.as_fd());
        // Pending signals go when they are ignored.
        signal::ignore(pid1::signals::SIGHUP);
        signal::default(pid1::signals::SIGHUP);
    }
}

/// Descriptors 0 to 2 must lead somewhere, so that what is opened later is not mistaken for them: before /dev, to a directory.
fn fill_standard_descriptors() {
    while (0..3).any(|fd| process::open_descriptor(fd).is_none()) {
        let null = rustix::fs::open(c"/dev/null", OFlags::RDWR, Permissions::empty());
        let fd = match null.or_else(|_| rustix::fs::open(c"/", OFlags::PATH, Permissions::empty())) {
            Ok(fd) => fd,
            Err(_) => return,
        };
        use rustix::fd::{AsRawFd, IntoRawFd};
        if fd.as_raw_fd() > 2 {
            return;
        }
        let _ = fd.into_raw_fd();
    }
}

/// PID 1 itself holds no terminal open: it neither reads nor writes there.
fn close_standard_descriptors() {
    let Ok(null) = rustix::fs::open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Permissions::empty()) else {
        return;
    };
    let _ = rustix::stdio::dup2_stdin(&null);
    let _ = rustix::stdio::dup2_stdout(&null);
    // Without /dev/kmsg the log is there.
    if kmsg::descriptor() != 2 {
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

fn prepare<'a>(
    mode: Mode,
    settings: Settings<'a>,
    environment: Vector<'static>,
    payload: Option<Payload<'a>>,
) -> Init<'a> {
    // It may have been started ignored, and then nothing would be told.
    signal::default(SIGCHLD);
    Init {
        mode,
        settings,
        environment,
        children: Children { by_kernel: false, oom_score: Text::new() },
        signals: None,
        logins: Logins::new(&Terminals::new(), settings.autologin, settings.term),
        payload,
        buttons: Buttons::none(),
        first: rustix::process::getpid().is_init(),
        to_reap: false,
        childless: false,
        inherited: false,
        quiet_at: Some(0),
        settled: false,
        reaper_chosen: false,
    }
}

fn go(mut init: Init<'_>) -> ! {
    let machine = init.mode == Mode::Machine;
    if machine {
        // What follows may take some milliseconds, and logins come first.
        let _ = wait::start_due(&mut init);
        later::find_buttons(&mut init);
    }
    if report::is_wanted(&init.settings, machine)
        && let Ok(Fork::Child) = process::fork(Kind::default())
    {
        signal::reset();
        report::send(&init.settings, machine, Message::Ready);
        process::exit(0)
    }
    let ending = wait::run(&mut init);
    end::run(&mut init, ending)
}
