//! Clients of the control sockets: who asked what, who still waits, who has which tty.
use super::container::{ClientId, Id, Supervised};
use super::events::{Interest, Token};
use super::{Watch, What};
use crate::control::protocol::{Asked, Ending, Reply, Request, State};
use crate::control::server::{Client, Heard};
use keel_core::logger::Log;
use serde_json::{Map, Value};
use std::os::fd::OwnedFd;

/// More clients than this at once: the one that has been idle longest is dropped.
const MOST: usize = 64;

/// A connection.
#[derive(Debug)]
pub(super) struct Attached {
    client: Client,
    token: Token,
    /// Whose socket it came to; none: the agent's.
    of: Option<Id>,
    waiting: Option<Waiting>,
}

/// What a client is still to be told.
#[derive(Clone, Debug)]
enum Waiting {
    /// The container runs, or why not.
    Start(Id),
    /// It has stopped.
    Stop(Id),
    /// It runs again: more restarts than this.
    Reboot(Id, u32),
    /// It is in one of these states.
    States(Id, Vec<State>),
    /// Its logs have an entry of that number or a later one.
    Log(Id, u64, Vec<Log>),
}

impl Waiting {
    fn id(&self) -> Id {
        match self {
            Waiting::Start(id)
            | Waiting::Stop(id)
            | Waiting::Reboot(id, _)
            | Waiting::States(id, _)
            | Waiting::Log(id, ..) => *id,
        }
    }

    /// The answer, when the time has come.
    fn answer(&self, container: &Supervised) -> Option<Reply> {
        let state = container.state;
        let over = container.is_over();
        match self {
            Waiting::Start(_) if state == State::Running => Some(Reply::Done(container.info())),
            Waiting::Start(_) if state == State::Stopped => {
                Some(Reply::refused(container.last_words().unwrap_or_else(|| "it stopped".into())))
            }
            Waiting::Stop(_) if over => Some(Reply::done()),
            Waiting::Reboot(_, before) if state == State::Running && container.restarts > *before => {
                Some(Reply::done())
            }
            Waiting::Reboot(..) if over => {
                let why = container.last_words().unwrap_or_default();
                Some(Reply::refused(format!("is not running again: it {why}")))
            }
            Waiting::Log(_, from, logs) => container.log_reply(*from, logs, true),
            Waiting::States(_, states) if states.contains(&state) => {
                let mut map = Map::new();
                map.insert("state".into(), Value::from(state.name()));
                Some(Reply::Done(map))
            }
            _ => None,
        }
    }
}

impl Watch {
    /// Somebody connects to a container's socket or (none) to the agent's.
    pub(super) fn accept(&mut self, of: Option<Id>) {
        let listener = match of {
            Some(id) => self.containers.get(&id).and_then(|c| c.hold.as_ref()).map(|h| &h.listener),
            None => self.agent.as_ref().map(|(listener, _)| listener),
        };
        let Some(client) = listener.and_then(|l| l.accept()) else { return };
        self.clients_made += 1;
        let number = self.clients_made;
        match self.events.add(&client, Interest::Readable, What::Client(number)) {
            Ok(token) => {
                self.clients.insert(number, Attached { client, token, of, waiting: None });
            }
            // ENOMEM or ENOSPC: the client sees its connection end.
            Err(_) => return,
        }
        if self.clients.len() > MOST {
            let lends = |n: &ClientId| self.containers.values().any(|c| c.lent.values().any(|holder| holder == n));
            let idle = self.clients.iter().find(|(n, a)| a.waiting.is_none() && !lends(n)).map(|(n, _)| *n);
            self.forget(idle.unwrap_or(number));
        }
    }

    /// A client has sent something or has gone.
    pub(super) fn hear(&mut self, number: ClientId) {
        let Some(attached) = self.clients.get(&number) else { return };
        match attached.client.hear() {
            Heard::Nothing => {}
            Heard::Gone => self.forget(number),
            Heard::Nonsense(why) => self.answer(number, &Reply::refused(why)),
            Heard::Request(request, came) => {
                let of = attached.of;
                self.request(number, of, request, came);
            }
        }
    }

    fn request(&mut self, number: ClientId, of: Option<Id>, request: Request, came: Option<OwnedFd>) {
        let known = of.and_then(|id| self.containers.get(&id).map(|c| (id, c)));
        let waiting = match (request, known) {
            (Request::List, _) => {
                let all: Vec<Value> = self.containers.values().map(|c| Value::Object(c.info())).collect();
                let mut map = Map::new();
                map.insert("containers".into(), Value::Array(all));
                return self.answer(number, &Reply::Done(map));
            }
            (Request::Start(asked), None) if of.is_none() => match self.start_by_name(&asked) {
                Ok(id) => Waiting::Start(id),
                Err(refusal) => return self.answer(number, &refusal),
            },
            (Request::Start(_), _) => {
                return self.answer(number, &Reply::refused("this supervisor has one container and starts no other"));
            }
            (_, None) => return self.answer(number, &Reply::refused("that is asked of a container's own socket")),
            (Request::Info, Some((_, container))) => {
                let reply = Reply::Done(container.info());
                return self.answer(number, &reply);
            }
            (Request::Log { logs, from, wait }, Some((id, container))) => {
                match container.log_reply(from, &logs, wait) {
                    Some(reply) => return self.answer(number, &reply),
                    None => Waiting::Log(id, from, logs),
                }
            }
            (Request::ClearLog(logs), Some((id, _))) => {
                if let Some(container) = self.containers.get_mut(&id) {
                    container.logs.book.clear(&logs);
                }
                return self.answer(number, &Reply::done());
            }
            (Request::Supervise, Some((id, _))) => return self.supervise(number, id, came),
            (Request::Console(tty), Some((id, _))) => return self.lend_tty(number, id, tty),
            (Request::Wait(states), Some((id, _))) => Waiting::States(id, states),
            (Request::Stop(order), Some((id, container))) => {
                let wait = match order.ending {
                    Ending::Reboot if container.pid().is_none() => {
                        return self.answer(number, &Reply::refused("not running"));
                    }
                    Ending::Reboot => Waiting::Reboot(id, container.restarts),
                    Ending::Halt | Ending::Kill => Waiting::Stop(id),
                };
                if !order.wait {
                    self.answer(number, &Reply::done());
                } else if let Some(attached) = self.clients.get_mut(&number) {
                    attached.waiting = Some(wait);
                }
                return self.stop(id, order);
            }
        };
        let id = waiting.id();
        if let Some(attached) = self.clients.get_mut(&number) {
            attached.waiting = Some(waiting);
        }
        self.answer_waiting(id);
    }

    fn start_by_name(&mut self, asked: &Asked) -> Result<Id, Reply> {
        let refused = |cause: keel_core::failure::Failure| Reply::refused(cause.to_string());
        let running = Reply::Refused { why: "already running".into(), rc: 0 };
        let same = |c: &Supervised| c.name() == asked.name && c.definition.lxcpath == asked.lxcpath;
        if self.named(&asked.name).any(|(_, c)| same(c) && !c.is_over()) {
            return Err(running);
        }
        let definition = super::launch::define(asked).map_err(refused)?;
        let lock = super::launch::take(&asked.name, &asked.lxcpath).map_err(refused)?;
        let id = self.adopt(definition, lock.ok_or(running)?).map_err(refused)?;
        self.launch(id);
        Ok(id)
    }

    /// Lend a tty's master: it is the client's until its connection ends.
    fn lend_tty(&mut self, number: ClientId, id: Id, tty: Option<u32>) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(running) = &container.running else {
            return self.answer(number, &Reply::refused("not running"));
        };
        let count = running.ttys.len() as u32;
        let free = |n: &u32| !container.lent.contains_key(n);
        let tty = match tty {
            Some(0) if running.console.is_none() => Err("it has no console (lxc.console.path)".to_string()),
            Some(n) if n > count => Err(format!("there is no tty {n}: it has {count} (lxc.tty.max)")),
            Some(n) if !free(&n) => Err(format!("tty {n} is in use")),
            Some(n) => Ok(n),
            None if count == 0 => Err("it has no ttys (lxc.tty.max); tty 0 is its console".to_string()),
            None => (1..=count).find(free).ok_or_else(|| format!("all {count} ttys are in use")),
        };
        let tty = match tty {
            Ok(tty) => tty,
            Err(why) => return self.answer(number, &Reply::refused(why)),
        };
        let master = match tty {
            0 => running.console.as_ref(),
            n => running.ttys.get(n as usize - 1),
        };
        let (Some(master), Some(attached)) = (master, self.clients.get(&number)) else { return };
        // Two readers would share the output: the loop reads on when the tty is back.
        if tty == 0
            && let Some(token) = container.console.take()
        {
            self.events.remove(token, master);
        }
        let mut map = Map::new();
        map.insert("tty".into(), Value::from(tty));
        let lent = attached.client.lend(&Reply::Done(map), std::os::fd::AsFd::as_fd(master));
        container.lent.insert(tty, number);
        if lent.is_err() {
            self.forget(number);
        }
    }

    /// Answer those who wait for what has become true.
    pub(super) fn answer_waiting(&mut self, id: Id) {
        let Some(container) = self.containers.get(&id) else { return };
        let due: Vec<(ClientId, Reply)> = self
            .clients
            .iter()
            .filter_map(|(number, attached)| {
                let waiting = attached.waiting.as_ref().filter(|w| w.id() == id)?;
                Some((*number, waiting.answer(container)?))
            })
            .collect();
        for (number, reply) in due {
            self.answer(number, &reply);
        }
    }

    /// Tell those who ordered a stop or reboot that it did not come about.
    pub(super) fn refuse_orders(&mut self, id: Id, why: &str) {
        let orders = |a: &&Attached| matches!(a.waiting, Some(Waiting::Stop(i) | Waiting::Reboot(i, _)) if i == id);
        let due: Vec<ClientId> = self.clients.iter().filter(|(_, a)| orders(a)).map(|(n, _)| *n).collect();
        for number in due {
            self.answer(number, &Reply::refused(why));
        }
    }

    pub(super) fn answer(&mut self, number: ClientId, reply: &Reply) {
        let Some(attached) = self.clients.get_mut(&number) else { return };
        attached.waiting = None;
        if attached.client.answer(reply).is_err() {
            self.forget(number);
        }
    }

    /// A client is gone: what it had comes back.
    fn forget(&mut self, number: ClientId) {
        let Some(attached) = self.clients.remove(&number) else { return };
        self.events.remove(attached.token, &attached.client);
        let mut consoles = Vec::new();
        for (id, container) in self.containers.iter_mut() {
            if container.lent.get(&0) == Some(&number) {
                consoles.push(*id);
            }
            container.lent.retain(|_, holder| *holder != number);
        }
        for id in consoles {
            self.hear_console(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::*;
    use crate::control::client::Connection;
    use rustix::net::{AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix};
    use rustix::net::{SocketFlags, SocketType, connect, send, sendmsg, socket_with};
    use std::os::fd::AsFd;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    const DONE: u32 = 9;

    fn raw(path: &Path) -> OwnedFd {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
        socket
    }

    /// Let the loop do what there is to do.
    fn turn(watch: &mut Watch) {
        watch.own_deadline(Duration::from_millis(5), DONE);
        while !matches!(watch.next().unwrap(), Event::Own(DONE)) {}
    }

    fn listening(name: &str) -> (Watch, PathBuf) {
        let path = std::env::temp_dir().join(format!("keel-{name}-{}", std::process::id()));
        let mut watch = Watch::new().unwrap();
        watch.listen(&path).unwrap();
        (watch, path)
    }

    /// After each of these a client that asks properly is answered.
    #[test]
    fn no_client_stalls_the_loop() {
        let (mut watch, path) = listening("clients");
        let idle = raw(&path);
        let empty = raw(&path);
        send(&empty, b"", SendFlags::NOSIGNAL).unwrap();
        let long = raw(&path);
        send(&long, &[b'x'; 20_000], SendFlags::NOSIGNAL).unwrap();
        let garbage = raw(&path);
        send(&garbage, b"\xff\0{", SendFlags::NOSIGNAL).unwrap();
        let gone = raw(&path);
        send(&gone, &Request::List.encode(), SendFlags::NOSIGNAL).unwrap();
        drop(gone);
        let passing = raw(&path);
        let fds = [idle.as_fd(), idle.as_fd()];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&fds));
        let frame = Request::List.encode();
        let before = open_descriptors();
        sendmsg(&passing, &[std::io::IoSlice::new(&frame)], &mut control, SendFlags::NOSIGNAL).unwrap();
        turn(&mut watch);
        turn(&mut watch);
        assert!(open_descriptors() <= before + 8, "descriptors that came along were kept");
        for refused in [&long, &garbage] {
            let mut reply = [0u8; 512];
            let (n, _) = rustix::net::recv(refused, &mut reply[..], rustix::net::RecvFlags::DONTWAIT).unwrap();
            assert!(matches!(Reply::decode(&reply[..n]), Reply::Refused { .. }));
        }
        ask(&mut watch, &path);
    }

    #[test]
    fn the_idle_ones_go_when_there_are_too_many() {
        let (mut watch, path) = listening("many");
        let mut all = Vec::new();
        for _ in 0..MOST + 20 {
            all.push(raw(&path));
            turn(&mut watch);
        }
        assert_eq!(watch.clients.len(), MOST);
        ask(&mut watch, &path);
    }

    /// A client that never reads: the answers fill its socket, and it is dropped.
    #[test]
    fn a_client_that_does_not_read_is_dropped() {
        let (mut watch, path) = listening("deaf");
        let deaf = raw(&path);
        turn(&mut watch);
        // Its own queue is full now and then: the loop empties it and answers into the other, which nobody empties.
        for _ in 0..200 {
            while send(&deaf, &Request::List.encode(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT).is_ok() {}
            if watch.clients.is_empty() {
                break;
            }
            turn(&mut watch);
        }
        turn(&mut watch);
        ask(&mut watch, &path);
        assert!(watch.clients.len() <= 1, "{}", watch.clients.len());
    }

    fn ask(watch: &mut Watch, path: &Path) {
        let client = raw(path);
        send(&client, &Request::List.encode(), SendFlags::NOSIGNAL).unwrap();
        turn(watch);
        let mut reply = [0u8; 512];
        let (n, _) = rustix::net::recv(&client, &mut reply[..], rustix::net::RecvFlags::DONTWAIT).unwrap();
        assert!(matches!(Reply::decode(&reply[..n]), Reply::Done(_)));
        assert!(Connection::open(path).is_ok());
    }

    fn open_descriptors() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }
}
