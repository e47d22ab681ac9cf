//! Filters of system calls: profiles are read, compiled, and run on a machine of the test's own against a plain evaluation.

use keel_core::seccomp::{
    Action, Arch, Call, Compare, Condition, Filter, Insn, Mistake, Read, Rule, compile, number, read,
};

const X86: &[Arch] = &[Arch::X86_64, Arch::X32, Arch::I386];

fn profile(text: &str) -> Read {
    read(text.as_bytes(), X86).unwrap()
}

fn wrong(text: &str) -> Vec<Mistake> {
    read(text.as_bytes(), X86).unwrap_err()
}

/// The kernel's machine, for the instructions that are used (net/core/filter.c).
fn run(program: &[Insn], call: &Call) -> u32 {
    let mut data = [0; 64];
    data[..4].copy_from_slice(&call.number.to_le_bytes());
    data[4..8].copy_from_slice(&call.audit.to_le_bytes());
    for (to, from) in data[16..].chunks_mut(8).zip(call.arguments) {
        to.copy_from_slice(&from.to_le_bytes());
    }
    let (mut at, mut a) = (0, 0u32);
    loop {
        let Insn { code, jt, jf, k } = program[at];
        at += 1;
        let mut jump = |yes: bool| at += usize::from(if yes { jt } else { jf });
        match code {
            0x20 => a = u32::from_le_bytes(data[k as usize..k as usize + 4].try_into().unwrap()),
            0x54 => a &= k,
            0x05 => at += k as usize,
            0x15 => jump(a == k),
            0x25 => jump(a > k),
            0x35 => jump(a >= k),
            0x06 => return k,
            other => panic!("instruction {other:#x}"),
        }
    }
}

/// What a filter says of a call, as its documentation has it.
fn plain(filter: &Filter, call: &Call) -> u32 {
    if !filter.arches.iter().any(|arch| arch.audit() == call.audit) {
        return Action::Kill.code();
    }
    if call.number == u32::MAX {
        return Action::Allow.code();
    }
    let holds = |rule: &Rule, c: &Condition| {
        let narrow = matches!(rule.arch, Arch::I386 | Arch::Arm);
        let cut = |n: u64| if narrow { n & 0xffff_ffff } else { n };
        let (argument, value) = (cut(call.arguments[usize::from(c.index)]), cut(c.value));
        match c.compare {
            Compare::Equal => argument == value,
            Compare::NotEqual => argument != value,
            Compare::Less => argument < value,
            Compare::LessEqual => argument <= value,
            Compare::Greater => argument > value,
            Compare::GreaterEqual => argument >= value,
            Compare::Masked(mask) => argument & cut(mask) == value,
        }
    };
    let mine = || filter.rules.iter().filter(|r| r.arch.audit() == call.audit && r.call == call.number);
    let first = mine().find(|r| !r.conditions.is_empty() && r.conditions.iter().all(|c| holds(r, c)));
    let last = mine().rfind(|r| r.conditions.is_empty());
    first.or(last).map_or(filter.default, |r| r.action).code()
}

/// Compares the two for all numbers around those of rules, and arguments around those of conditions.
fn agree(filter: &Filter) -> usize {
    let program = compile(filter);
    for (at, insn) in program.iter().enumerate() {
        let far = if insn.code == 0x05 { insn.k as usize } else { usize::from(insn.jt.max(insn.jf)) };
        assert!(at + far < program.len(), "a jump out of the program");
    }
    let near = |n: u64| [n.wrapping_sub(1), n, n.wrapping_add(1)];
    let mut values: Vec<u64> = vec![0, 1, u64::MAX, 1 << 32, u64::from(u32::MAX)];
    for condition in filter.rules.iter().flat_map(|r| &r.conditions) {
        values.extend(near(condition.value));
        values.extend([condition.value ^ 1 << 32, condition.value | 1 << 63, condition.value & 0xffff_ffff]);
    }
    values.sort();
    values.dedup();
    let mut numbers: Vec<u32> = vec![0, u32::MAX, 1 << 30, 0x7fff_ffff];
    numbers.extend(filter.rules.iter().flat_map(|r| near(r.call.into()).map(|n| n as u32)));
    numbers.sort();
    numbers.dedup();
    let mut compared = 0;
    let audits = [Arch::X86_64, Arch::I386, Arch::Aarch64, Arch::Arm].map(Arch::audit);
    for audit in audits.into_iter().chain([0, 0xc000_003f]) {
        for &number in &numbers {
            for &value in &values {
                for index in 0..6 {
                    let mut arguments = [0; 6];
                    arguments[index] = value;
                    let call = Call { number, audit, arguments };
                    assert_eq!(run(&program, &call), plain(filter, &call), "{call:x?}\n{filter:?}");
                    compared += 1;
                }
            }
        }
    }
    compared
}

#[test]
fn the_table_of_calls_is_the_kernels() {
    let mut seen = 0;
    let mut same = |arch: Arch, name: &str, id: u32| {
        assert_eq!(number(arch, name), Some(id), "{name} {arch:?}");
        seen += 1;
    };
    syscalls::x86_64::Sysno::iter().for_each(|s| same(Arch::X86_64, s.name(), s.id() as u32));
    syscalls::x86::Sysno::iter().for_each(|s| same(Arch::I386, s.name(), s.id() as u32));
    syscalls::aarch64::Sysno::iter().for_each(|s| same(Arch::Aarch64, s.name(), s.id() as u32));
    syscalls::arm::Sysno::iter().for_each(|s| same(Arch::Arm, s.name(), s.id() as u32));
    assert!(seen > 1400, "{seen}");
    assert_eq!(number(Arch::X86_64, "socketcall"), None);
    assert_eq!((number(Arch::X32, "read"), number(Arch::X32, "execve")), (Some(0x4000_0000), Some(0x4000_0208)));
    assert_eq!(number(Arch::X32, "pwritev2"), Some(0x4000_0000 + 547));
    assert_eq!(number(Arch::Arm, "set_tls"), Some(0xf_0005));
}

/// LXC's own default profile has these lines.
const COMMON: &str = "2\ndenylist\nreject_force_umount  # comment this to allow umount -f\n[all]\nkexec_load errno 1\n\
    open_by_handle_at errno 1\ninit_module errno 1\nfinit_module errno 1\ndelete_module errno 1\n";

#[test]
fn a_denylist() {
    let read = profile(COMMON);
    assert!(read.notes.is_empty(), "{:?}", read.notes);
    let filter = read.filter;
    assert!(agree(&filter) > 10_000);
    let program = compile(&filter);
    let ask = |arch: Arch, name: &str, arguments: [u64; 6]| {
        run(&program, &Call { number: number(arch, name).unwrap(), audit: arch.audit(), arguments })
    };
    let none = [0; 6];
    for arch in [Arch::X86_64, Arch::X32, Arch::I386] {
        assert_eq!(ask(arch, "finit_module", none), 0x5_0001, "{arch:?}");
        assert_eq!(ask(arch, "read", none), 0x7fff_0000, "{arch:?}");
    }
    // The first lines are about the machine's own calls only, as with LXC.
    assert_eq!(ask(Arch::X86_64, "umount2", [0, 1, 0, 0, 0, 0]), 0x5_000d);
    assert_eq!(ask(Arch::X86_64, "umount2", [0, 2, 0, 0, 0, 0]), 0x7fff_0000);
    assert_eq!(ask(Arch::I386, "umount2", [0, 1, 0, 0, 0, 0]), 0x7fff_0000);
    // A kernel without x32 answers ENOSYS by itself; one before 5.4 took the other number, too.
    let call = Call { number: 0x4000_0000 | 246, audit: Arch::X32.audit(), arguments: none };
    assert_eq!(run(&program, &call), 0x5_0001);
    // A processor that has no part in it.
    let call = Call { number: 0, audit: Arch::Aarch64.audit(), arguments: none };
    assert_eq!(run(&program, &call), 0);
}

#[test]
fn an_allowlist_of_everything_is_a_search_of_few_steps() {
    let names: Vec<String> = syscalls::x86_64::Sysno::iter().map(|s| s.name().into()).collect();
    let odd: Vec<&str> = names.iter().step_by(2).map(String::as_str).collect();
    let filter = profile(&format!("2\nallowlist errno 38\n[all]\n{}\n", odd.join("\n"))).filter;
    agree(&filter);
    let program = compile(&filter);
    assert!(program.len() < 2500, "{}", program.len());
    // Count the steps of one run.
    let mut deepest = 0;
    for number in 0..600 {
        let (mut at, mut steps) = (0, 0);
        loop {
            let Insn { code, jt, jf, k } = program[at];
            (at, steps) = (at + 1, steps + 1);
            let value = if steps == 2 { Arch::X86_64.audit() } else { number };
            match code {
                0x05 => at += k as usize,
                0x15 => at += usize::from(if value == k { jt } else { jf }),
                0x35 => at += usize::from(if value >= k { jt } else { jf }),
                0x06 => break,
                _ => (),
            }
            if steps > 60 {
                break;
            }
        }
        deepest = deepest.max(steps);
    }
    assert!(deepest < 30, "{deepest}");
}

#[test]
fn conditions_of_all_kinds_agree_with_their_meaning() {
    let ops = ["==", "!=", "<", "<=", ">", ">="];
    let values = ["0", "1", "0x7fffffff", "0xffffffff", "0x100000000", "0x1000000ff", "-1"];
    for section in ["x86_64", "x86", "x32"] {
        for (op, value) in ops.iter().flat_map(|op| values.iter().map(move |v| (op, v))) {
            let text = format!("2\nallowlist\n[{section}]\nwrite errno 7 [1,{value},{op}]\n");
            agree(&profile(&text).filter);
        }
        for mask in ["0", "0xff", "0x100000000", "-1"] {
            let text = format!("2\ndenylist\n[{section}]\nclone [0,0xff,&=,{mask}][1,5,SCMP_CMP_GE]\nclone trap\n");
            agree(&profile(&text).filter);
        }
    }
}

#[test]
fn the_first_condition_that_holds_decides() {
    let filter = profile("2\ndenylist\nsocket errno 1 [0,16,==]\nsocket errno 2 [0,10,>]\nsocket errno 3\n").filter;
    agree(&filter);
    let program = compile(&filter);
    let ask = |family| {
        run(&program, &Call { number: 41, audit: Arch::X86_64.audit(), arguments: [family, 0, 0, 0, 0, 0] }) & 0xff
    };
    assert_eq!((ask(16), ask(17), ask(2)), (1, 2, 3));
}

#[test]
fn i386_makes_sockets_in_two_ways() {
    let read = profile("2\ndenylist\n[x86]\nsocket errno 1\n");
    agree(&read.filter);
    let program = compile(&read.filter);
    let audit = Arch::I386.audit();
    let ask = |number, first| run(&program, &Call { number, audit, arguments: [first, 0, 0, 0, 0, 0] });
    assert_eq!((ask(359, 0), ask(102, 1), ask(102, 2)), (0x5_0001, 0x5_0001, 0x7fff_0000));
    let read = profile("2\ndenylist\n[all]\nsocket errno 1 [0,16,==]\n");
    assert_eq!(read.notes.len(), 1);
    assert!(read.notes[0].1.contains("'socket'"), "{:?}", read.notes);
}

#[test]
fn version_1() {
    let filter = profile("1\nwhitelist\n0\n1\n\n# a comment\n60\n").filter;
    agree(&filter);
    let program = compile(&filter);
    let ask = |number| run(&program, &Call { number, audit: Arch::X86_64.audit(), arguments: [0; 6] });
    assert_eq!((ask(0), ask(60), ask(2)), (0x7fff_0000, 0x7fff_0000, 0));
}

#[test]
fn other_machines_read_the_same_file() {
    for (machine, name) in [("aarch64", "arm64"), ("armv7l", "arm"), ("i686", "x86")] {
        let arches = Arch::of_machine(machine).unwrap();
        let text = format!("2\ndenylist\n[{name}]\nmknodat errno 0\n[mips]\nnonsense_of_mips\n[all]\nkexec_load\n");
        let read = read(text.as_bytes(), arches).unwrap();
        agree(&read.filter);
        let program = compile(&read.filter);
        let ask = |name| {
            run(
                &program,
                &Call { number: number(arches[0], name).unwrap(), audit: arches[0].audit(), arguments: [0; 6] },
            )
        };
        assert_eq!((ask("mknodat"), ask("kexec_load"), ask("read")), (0x5_0000, 0, 0x7fff_0000), "{machine}");
    }
    assert_eq!(Arch::of_machine("riscv64"), None);
}

#[test]
fn mistakes_are_said_with_their_lines() {
    let text = |text: &str| {
        let all = wrong(text);
        assert_eq!(all.len(), 1, "{all:?}");
        format!("{}: {}", all[0].0, all[0].1)
    };
    assert_eq!(text("3\nallowlist\n"), "1: '3' is not the number of a version (1 or 2)");
    assert_eq!(text("2\nalowlist\n"), "2: 'alowlist' is neither allowlist nor denylist, nearest is 'allowlist'");
    assert_eq!(text("1\ndenylist\n1\n"), "2: version 1 has no denylist");
    assert_eq!(text("1\nallowlist\nread\n"), "3: 'read' is no number of a system call");
    assert_eq!(
        text("2\ndenylist\nmount deny\n"),
        "3: unknown action 'deny' (kill, errno N, allow, trap and notify are known)"
    );
    assert_eq!(text("2\ndenylist\nmount errno x\n"), "3: 'errno x' has no error number between 0 and 4095");
    assert_eq!(text("2\ndenylist\nmount errno\n"), "3: 'errno ' has no error number between 0 and 4095");
    assert_eq!(text("2\nallowlist kill me\n"), "2: 'me' is too much behind the default action");
    assert_eq!(text("2\nallowlist\n[x86_46]\n"), "3: unknown section '[x86_46]', nearest is 'x86_64'");
    for odd in ["[6,0,==]", "[0,0]", "[0,0,=]", "[0,0,&=]", "[0,x,==]", "[0,0,==,1,2]", "[0,0,==", "[-1,0,==]"] {
        assert!(text(&format!("2\nallowlist\nread {odd}\n")).starts_with("3: '"), "{odd}");
    }
    assert_eq!(wrong("\n\n").len(), 2);
    assert_eq!(wrong("").len(), 2);
    let notes = profile("2\nallowlist\nraed\nread\n").notes;
    assert_eq!(notes, [(3, "unknown system call 'raed' is read over, nearest is 'read'".to_string())]);
    // A call of another processor is no mistake.
    assert!(profile("2\ndenylist\nsocketcall\narm_fadvise64_64\n").notes.is_empty());
}

#[test]
fn small_files_never_panic() {
    let words = [
        "2\n",
        "1\n",
        "allowlist",
        "denylist",
        " errno 1",
        "\n",
        "[all]\n",
        "read",
        " [0,1,==]",
        " kill",
        "#",
        "\t",
        "[",
        "umount2",
    ];
    let mut texts = vec![String::new()];
    for _ in 0..4 {
        texts = texts.iter().flat_map(|t| words.iter().map(move |w| format!("{t}{w}"))).collect();
        for text in &texts {
            if let Ok(read) = read(text.as_bytes(), X86) {
                assert!(compile(&read.filter).len() < 4096);
            }
        }
    }
}

#[test]
fn a_program_is_read_as_it_was_written() {
    let program = compile(&profile("2\ndenylist\nmount errno 1 [0,0xffffffffffff,==]\nreboot kill\n").filter);
    let hex: String = program.iter().map(|insn| insn.to_hex()).collect();
    assert_eq!(Insn::of_hex(&hex), Some(program));
    assert_eq!(Insn::of_hex(""), Some(Vec::new()));
    for odd in
        ["0", &hex[1..], "zz000000000000000", "+020000000000004", "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}"]
    {
        assert_eq!(Insn::of_hex(odd), None, "{odd}");
    }
}
