//! What is said over a control socket: one JSON object per frame, requests at most [`MAX_REQUEST`] bytes.
//!
//! Pure: text in, types out. Refuses what is not an object, unknown verbs and unknown fields' wrong types by a sentence;
//! nothing here can panic on any input.
use keel_core::logger::Log;
use serde_json::{Map, Value, json};

/// Longest request that a supervisor reads; longer frames are refused, not cut.
pub const MAX_REQUEST: usize = 4096;
/// Longest reply.
pub const MAX_REPLY: usize = 65536;

/// LXC's names for where a container is (lxc-wait, lxc-info).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing runs.
    Stopped,
    /// Being set up.
    Starting,
    /// Its first program was executed.
    Running,
    /// Told to stop, not gone yet.
    Stopping,
    /// Could not be started; being cleaned up.
    Aborting,
    /// Its tasks are being halted by the freezer.
    Freezing,
    /// All tasks halted by the freezer.
    Frozen,
    /// No longer frozen: told once, then it is running.
    Thawed,
}

impl State {
    /// All of them, for messages.
    pub const ALL: [State; 8] = [
        State::Stopped,
        State::Starting,
        State::Running,
        State::Stopping,
        State::Aborting,
        State::Freezing,
        State::Frozen,
        State::Thawed,
    ];

    /// LXC's upper-case word.
    pub fn name(self) -> &'static str {
        match self {
            State::Stopped => "STOPPED",
            State::Starting => "STARTING",
            State::Running => "RUNNING",
            State::Stopping => "STOPPING",
            State::Aborting => "ABORTING",
            State::Freezing => "FREEZING",
            State::Frozen => "FROZEN",
            State::Thawed => "THAWED",
        }
    }

    /// The state of that name, any case.
    pub fn parse(word: &str) -> Option<State> {
        Self::ALL.into_iter().find(|s| s.name().eq_ignore_ascii_case(word))
    }
}

/// How to end a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `lxc.signal.halt`, then SIGKILL at the deadline.
    Halt,
    /// `lxc.signal.reboot`; it is up again, or the deadline is over.
    Reboot,
    /// `lxc.signal.stop` (SIGKILL) at once.
    Kill,
}

/// `stop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// How.
    pub ending: Ending,
    /// Deadline in milliseconds.
    pub timeout_ms: u64,
    /// Answer when it is done; else as soon as the signal is sent.
    pub wait: bool,
    /// SIGKILL at the deadline.
    pub kill: bool,
}

/// `start`: which container, and what is said besides its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// Where it is defined.
    pub lxcpath: String,
    /// A file to read instead of its own.
    pub file: Option<String>,
    /// `KEY=VALUE` lines that follow the file.
    pub define: Vec<String>,
    /// A program to run instead of the configured one, with its arguments.
    pub command: Vec<String>,
    /// A step that shall fail: `STEP[:ERRNO]`.
    pub fail_at: Option<String>,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Everything that is known about the container.
    Info,
    /// End it.
    Stop(Stop),
    /// The master of a tty: 0 is /dev/console, none the next free one. It is the client's until its connection ends.
    Console(Option<u32>),
    /// Answer when the container is in one of these states.
    Wait(Vec<State>),
    /// Start a container (agent only).
    Start(Asked),
    /// All containers of this supervisor.
    List,
    /// Entries of an Android's logs, from a number on; `wait`: answer when there are some.
    Log {
        /// Which of its logs.
        logs: Vec<Log>,
        /// The first number.
        from: u64,
        /// Wait for one.
        wait: bool,
    },
    /// Forget what these logs hold.
    ClearLog(Vec<Log>),
    /// Answer the system calls of a program that is being attached: the listener of its filter comes along.
    Supervise,
}

impl Request {
    /// The frame to send.
    pub fn encode(&self) -> Vec<u8> {
        let value = match self {
            Request::Info => json!({"do": "info"}),
            Request::List => json!({"do": "list"}),
            Request::Supervise => json!({"do": "supervise"}),
            Request::Log { logs, from, wait } => json!({"do": "log", "logs": names(logs), "from": from, "wait": wait}),
            Request::ClearLog(logs) => json!({"do": "clear-log", "logs": names(logs)}),
            Request::Console(tty) => json!({"do": "console", "tty": tty}),
            Request::Wait(states) => {
                json!({"do": "wait", "states": states.iter().map(|s| s.name()).collect::<Vec<_>>()})
            }
            Request::Start(asked) => json!({
                "do": "start", "name": asked.name, "lxcpath": asked.lxcpath, "file": asked.file,
                "define": asked.define, "command": asked.command, "fail_at": asked.fail_at,
            }),
            Request::Stop(stop) => json!({
                "do": "stop", "how": match stop.ending {
                    Ending::Halt => "halt",
                    Ending::Reboot => "reboot",
                    Ending::Kill => "kill",
                },
                "timeout_ms": stop.timeout_ms, "wait": stop.wait, "kill": stop.kill,
            }),
        };
        value.to_string().into_bytes()
    }

    /// The request in a frame, or why it is none.
    pub fn decode(frame: &[u8]) -> Result<Request, String> {
        let Ok(Value::Object(map)) = serde_json::from_slice(frame) else {
            return Err("a request is a JSON object".into());
        };
        match text(&map, "do")? {
            "info" => Ok(Request::Info),
            "list" => Ok(Request::List),
            "supervise" => Ok(Request::Supervise),
            "log" => Ok(Request::Log {
                logs: logs(&map)?,
                from: map.get("from").and_then(Value::as_u64).unwrap_or(0),
                wait: map.get("wait").and_then(Value::as_bool).unwrap_or(false),
            }),
            "clear-log" => Ok(Request::ClearLog(logs(&map)?)),
            "console" => match map.get("tty") {
                None | Some(Value::Null) => Ok(Request::Console(None)),
                Some(tty) => match tty.as_u64().and_then(|n| u32::try_from(n).ok()) {
                    Some(tty) => Ok(Request::Console(Some(tty))),
                    None => Err(format!("'{tty}' is not a tty's number")),
                },
            },
            "wait" => Ok(Request::Wait(
                words(&map, "states")?
                    .iter()
                    .map(|w| State::parse(w).ok_or_else(|| format!("'{w}' is not a state")))
                    .collect::<Result<_, _>>()?,
            )),
            "start" => Ok(Request::Start(Asked {
                name: text(&map, "name")?.into(),
                lxcpath: text(&map, "lxcpath")?.into(),
                file: map.get("file").and_then(Value::as_str).map(String::from),
                define: words(&map, "define")?,
                command: words(&map, "command")?,
                fail_at: map.get("fail_at").and_then(Value::as_str).map(String::from),
            })),
            "stop" => Ok(Request::Stop(Stop {
                ending: match text(&map, "how")? {
                    "halt" => Ending::Halt,
                    "reboot" => Ending::Reboot,
                    "kill" => Ending::Kill,
                    other => return Err(format!("'{other}' is not a way to stop: halt, reboot, kill")),
                },
                timeout_ms: map.get("timeout_ms").and_then(Value::as_u64).unwrap_or(60_000),
                wait: map.get("wait").and_then(Value::as_bool).unwrap_or(true),
                kill: map.get("kill").and_then(Value::as_bool).unwrap_or(true),
            })),
            other => Err(format!(
                "'{other}' is not a request: info, list, console, log, clear-log, supervise, wait, start, stop"
            )),
        }
    }
}

/// What a supervisor answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Done; what was asked for.
    Done(Map<String, Value>),
    /// Not done: the sentence to print and the exit code of the command.
    Refused {
        /// One line, lower case.
        why: String,
        /// Exit code.
        rc: u8,
    },
}

impl Reply {
    /// Done, nothing to say.
    pub fn done() -> Reply {
        Reply::Done(Map::new())
    }

    /// Not done, exit code 1.
    pub fn refused(why: impl Into<String>) -> Reply {
        Reply::Refused { why: why.into(), rc: 1 }
    }

    /// The frame to send.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Reply::Done(map) => Value::Object(map.clone()).to_string().into_bytes(),
            Reply::Refused { why, rc } => json!({"error": why, "rc": rc}).to_string().into_bytes(),
        }
    }

    /// The reply in a frame; what cannot be read is a refusal that says so.
    pub fn decode(frame: &[u8]) -> Reply {
        let Ok(Value::Object(map)) = serde_json::from_slice(frame) else {
            return Reply::refused("the supervisor's answer cannot be read");
        };
        match map.get("error").and_then(Value::as_str) {
            None => Reply::Done(map),
            Some(why) => {
                let rc = map.get("rc").and_then(Value::as_u64).and_then(|rc| u8::try_from(rc).ok()).unwrap_or(1);
                Reply::Refused { why: why.into(), rc }
            }
        }
    }
}

fn names(logs: &[Log]) -> Vec<&'static str> {
    logs.iter().map(|log| log.name()).collect()
}

fn logs(map: &Map<String, Value>) -> Result<Vec<Log>, String> {
    let one = |name: &String| Log::of(name).ok_or_else(|| format!("'{name}' is not a log"));
    words(map, "logs")?.iter().map(one).collect()
}

fn text<'a>(map: &'a Map<String, Value>, field: &str) -> Result<&'a str, String> {
    map.get(field).and_then(Value::as_str).ok_or_else(|| format!("the request has no '{field}'"))
}

fn words(map: &Map<String, Value>, field: &str) -> Result<Vec<String>, String> {
    match map.get(field) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => list
            .iter()
            .map(|v| v.as_str().map(String::from).ok_or_else(|| format!("'{field}' is a list of words")))
            .collect(),
        Some(_) => Err(format!("'{field}' is a list of words")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_the_way() {
        let all = [
            Request::Info,
            Request::List,
            Request::Supervise,
            Request::Console(None),
            Request::Console(Some(0)),
            Request::Wait(vec![State::Running, State::Stopped]),
            Request::Start(Asked {
                name: "bb".into(),
                lxcpath: "/x \"y\"".into(),
                file: Some("f".into()),
                define: vec!["lxc.tty.max=2".into()],
                command: vec!["/bin/sh".into(), "-c".into(), "a\nb".into()],
                fail_at: Some("3:EIO".into()),
            }),
            Request::Stop(Stop { ending: Ending::Reboot, timeout_ms: 5, wait: false, kill: false }),
        ];
        for request in all {
            assert_eq!(Request::decode(&request.encode()), Ok(request));
        }
    }

    #[test]
    fn nonsense_is_a_sentence() {
        for frame in [&b""[..], b"[]", b"{}", b"\xff\xfe", b"{\"do\":1}", b"null", &[b'['; 4096]] {
            assert!(Request::decode(frame).is_err());
        }
        let why = Request::decode(b"{\"do\":\"stp\"}").unwrap_err();
        assert!(why.starts_with("'stp' is not a request"), "{why}");
        assert!(Request::decode(b"{\"do\":\"console\",\"tty\":-1}").unwrap_err().contains("'-1'"));
    }

    #[test]
    fn replies_survive_the_way() {
        let refused = Reply::Refused { why: "tty 1 is in use".into(), rc: 2 };
        assert_eq!(Reply::decode(&refused.encode()), refused);
        assert_eq!(Reply::decode(&Reply::done().encode()), Reply::done());
        assert!(matches!(Reply::decode(b"7"), Reply::Refused { .. }));
    }
}
