//! Completion scripts for bash, zsh and fish, made from the tables.

use super::{COMMANDS, Command, Offer, OptionRow, Value, Verb};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The shells that have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    /// By its name.
    pub fn by_name(name: &str) -> Option<Shell> {
        match name {
            "bash" => Some(Shell::Bash),
            "zsh" => Some(Shell::Zsh),
            "fish" => Some(Shell::Fish),
            _ => None,
        }
    }

    /// All names, for messages.
    pub const NAMES: [&'static str; 3] = ["bash", "zsh", "fish"];
}

/// How a script asks for the names of the containers.
const LIST: &str = "keel ls -1 2>/dev/null";

/// The script for a shell.
pub fn completions(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash(),
        Shell::Zsh => zsh(),
        Shell::Fish => fish(),
    }
}

fn shown() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(|c| !c.is_template())
}

/// The options that can be used; those that are refused for now are not offered.
fn offered(command: &Command) -> impl Iterator<Item = &'static OptionRow> {
    command.options().filter(|row| row.ready)
}

fn offer(row: &OptionRow) -> Option<Offer> {
    match row.value {
        Value::None => None,
        Value::Needed(_, offer) | Value::Maybe(_, offer) => Some(offer),
    }
}

/// What a command's operand is, for a shell.
fn operand(command: &Command) -> Offer {
    match command.verb {
        Verb::Completions => Offer::Words(&Shell::NAMES),
        Verb::Net => Offer::Words(&["up", "down", "ls"]),
        Verb::InstallLinks => Offer::Dirs,
        _ if command.operands.starts_with("NAME") && command.verb != Verb::Create => Offer::Containers,
        _ => Offer::Nothing,
    }
}

fn flags(row: &OptionRow) -> Vec<String> {
    let short = row.short.chars().filter(|c| *c != '?').map(|c| format!("-{c}"));
    short.chain(row.long.iter().map(|long| format!("--{long}"))).collect()
}

fn bash() -> String {
    let mut out = String::from(
        "# bash completion for keel and the lxc-* names\n_keel() {\n    local cur=$2 prev=$3 verb i\n    COMPREPLY=()\n    \
         case ${1##*/} in\n    lxc-*) verb=${1##*/lxc-}; verb=${verb#lxc-} ;;\n    *) verb=${COMP_WORDS[1]} ;;\n    esac\n",
    );
    let verbs: Vec<&str> = shown().map(|c| c.name).collect();
    out += &format!(
        "    if [[ ${{1##*/}} != lxc-* && $COMP_CWORD -eq 1 ]]; then\n        mapfile -t COMPREPLY < <(compgen -W '{}' -- \
         \"$cur\")\n        return\n    fi\n    case $verb in\n",
        verbs.join(" ")
    );
    for command in shown() {
        out += &format!("    {})\n        case $prev in\n", command.name);
        for row in offered(command) {
            if let Some(offer) = offer(row).filter(|_| matches!(row.value, Value::Needed(..))) {
                out += &format!("        {}) {}; return ;;\n", flags(row).join("|"), bash_offer(offer));
            }
        }
        out += "        esac\n";
        let all: Vec<String> = offered(command).flat_map(flags).collect();
        out += &format!(
            "        if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$cur\")\n        else {}; fi ;;\n",
            all.join(" "),
            bash_offer(operand(command))
        );
    }
    out += "    esac\n}\ncomplete -F _keel keel";
    for name in shown().flat_map(|c| c.lxc) {
        out += &format!(" {name}");
    }
    out.push('\n');
    out
}

fn bash_offer(offer: Offer) -> String {
    let made = match offer {
        Offer::Nothing => return ":".into(),
        Offer::Containers => format!("compgen -W \"$({LIST})\""),
        Offer::Files => "compgen -f".into(),
        Offer::Dirs => "compgen -d".into(),
        Offer::Words(words) => format!("compgen -W '{}'", words.join(" ")),
    };
    format!("mapfile -t COMPREPLY < <({made} -- \"$cur\")")
}

fn zsh() -> String {
    let mut out = String::from("#compdef keel");
    for name in shown().flat_map(|c| c.lxc) {
        out += &format!(" {name}");
    }
    out += &format!(
        "\n# zsh completion for keel and the lxc-* names\n_keel_containers() {{ compadd -- ${{(f)\"$({LIST})\"}} }}\n\
         _keel() {{\n    local verb=$service\n    if [[ $service == keel ]]; then\n        if (( CURRENT == 2 )); then\n\
        \x20           local -a verbs=("
    );
    for command in shown() {
        out += &format!("\n                '{}:{}'", command.name, zsh_text(command.summary));
    }
    out += "\n            )\n            _describe command verbs\n            return\n        fi\n        verb=${words[2]}\n        \
            words=(\"${(@)words[2,-1]}\")\n        (( CURRENT-- ))\n    fi\n    case ${verb#lxc-} in\n";
    for command in shown() {
        out += &format!("    {})\n        _arguments -s", command.name);
        for row in offered(command) {
            for flag in flags(row) {
                let equals = if flag.starts_with("--") { "=" } else { "+" };
                out += &match row.value {
                    Value::None => format!(" \\\n            '*{flag}[{}]'", zsh_text(row.help)),
                    Value::Needed(name, offer) => {
                        format!(
                            " \\\n            '*{flag}{equals}[{}]:{}:{}'",
                            zsh_text(row.help),
                            zsh_text(name),
                            zsh_offer(offer)
                        )
                    }
                    Value::Maybe(name, offer) => format!(
                        " \\\n            '*{flag}{}[{}]::{}:{}'",
                        if equals == "=" { "=-" } else { "-" },
                        zsh_text(row.help),
                        zsh_text(name),
                        zsh_offer(offer)
                    ),
                };
            }
        }
        out += &format!(" \\\n            '*:operand:{}' ;;\n", zsh_offer(operand(command)));
    }
    out += "    esac\n}\n_keel \"$@\"\n";
    out
}

fn zsh_offer(offer: Offer) -> String {
    match offer {
        Offer::Nothing => " ".into(),
        Offer::Containers => "_keel_containers".into(),
        Offer::Files => "_files".into(),
        Offer::Dirs => "_files -/".into(),
        Offer::Words(words) => format!("({})", words.join(" ")),
    }
}

/// Text inside single quotes and a `_arguments` specification.
fn zsh_text(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\'' => out += "'\\''",
            ':' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

fn fish() -> String {
    let mut out = format!("# fish completion for keel and the lxc-* names\nfunction __keel_containers; {LIST}; end\n");
    for command in shown() {
        out += &format!(
            "complete -c keel -f -n __fish_use_subcommand -a '{}' -d '{}'\n",
            command.name,
            fish_text(command.summary)
        );
        let inside = format!("-c keel -n '__fish_seen_subcommand_from {}'", command.name);
        let tools = command.lxc.iter().map(|name| format!("-c {name}"));
        for place in core::iter::once(inside).chain(tools) {
            out += &format!("complete {place} -f{}\n", fish_offer(operand(command)));
            for row in offered(command) {
                out += &format!("complete {place}");
                for c in row.short.chars().filter(|c| *c != '?') {
                    out += &format!(" -s {c}");
                }
                for long in row.long {
                    out += &format!(" -l {long}");
                }
                if let Some(offer) = offer(row) {
                    out += if matches!(row.value, Value::Needed(..)) { " -r" } else { "" };
                    out += if matches!(offer, Offer::Files | Offer::Dirs) { " -F" } else { " -f" };
                    out += &fish_offer(offer);
                }
                out += &format!(" -d '{}'\n", fish_text(row.help));
            }
        }
    }
    out
}

fn fish_offer(offer: Offer) -> String {
    match offer {
        Offer::Nothing | Offer::Files => String::new(),
        Offer::Dirs => " -a '(__fish_complete_directories)'".into(),
        Offer::Containers => " -a '(__keel_containers)'".into(),
        Offer::Words(words) => format!(" -a '{}'", words.join(" ")),
    }
}

fn fish_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
