//! Answers questions from inside a container or a guest, one `key=value` a line; is a first program whose end is chosen;
//! misbehaves on order; is Android's init where it is called so; runs a command under conditions (no newer system calls, a mount namespace of its own).
//!
//! Decides nothing about right or wrong: the tests outside do. An errno is its symbol, success is `ok`.

mod errno;
mod facts;
mod init;
mod jb;
mod machine;
mod picture;
mod stress;
mod sys;
mod tries;
mod wrap;

use std::process::ExitCode;

const USAGE: &str = "probe facts | can WORD.. | init WORD.. | exit N | die SIGNAL | hog MIB | forks N | orphans N | zombies | vsock PORT | kexec KERNEL COMMANDLINE |
 add-key | encrypt DIR | watch PATH | picture PATH |
 power poweroff|halt|reboot|cad-off | private [--ro PATH].. -- CMD.. | enosys NAME,.. -- CMD.. | careless -- CMD.. | limit nofile|fsize|nproc N -- CMD..";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let name = std::env::args().next().unwrap_or_default();
    let android = jb::run(name.rsplit('/').next().unwrap_or(&name), &args);
    if let Some(code) = android {
        return code;
    }
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["facts"] => print!("{}", facts::all()),
        ["can", tries @ ..] => tries.iter().for_each(|word| println!("can.{word}={}", tries::one(word))),
        // As a first program the kernel calls it without words, or with those of the command line behind `--`.
        [] | ["init", ..] => return init::run(words.get(1..).unwrap_or_default()),
        ["exit", code] => return ExitCode::from(code.parse::<u8>().unwrap_or(255)),
        ["die", signal] => sys::raise(signal.parse().unwrap_or(9)),
        ["hog", mib] => stress::hog(mib.parse().unwrap_or(1)),
        ["forks", n] => stress::forks(n.parse().unwrap_or(1)),
        ["orphans", n] => stress::orphans(n.parse().unwrap_or(1)),
        ["zombies"] => println!("zombies={}", stress::zombies()),
        ["vsock", port] => println!("vsock={}", errno::word(machine::listen(port.parse().unwrap_or(0)))),
        ["kexec", kernel, line] => println!("kexec={}", errno::word(machine::load_kernel(kernel, line))),
        ["add-key"] => println!("key={}", errno::word(machine::add_key())),
        ["encrypt", dir] => println!("encrypt={}", errno::word(machine::encrypt(dir))),
        ["watch", path] => {
            if let Err(e) = picture::watch(path) {
                eprintln!("probe: watch {path}: {e}");
                return ExitCode::from(1);
            }
        }
        ["picture", path] => match picture::ask(path) {
            Ok(text) => print!("{text}"),
            Err(e) => {
                eprintln!("probe: picture {path}: {e}");
                return ExitCode::from(1);
            }
        },
        ["power", how] => println!("power.{how}={}", errno::word(sys::power(how))),
        ["private", rest @ ..] => return wrap::private(rest),
        ["enosys", list, "--", command @ ..] => return wrap::enosys(list, command),
        ["careless", "--", command @ ..] => return wrap::careless(command),
        ["limit", what, n, "--", command @ ..] => return wrap::limit(what, n, command),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
