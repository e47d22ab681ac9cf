//! Services: started with the property area in their environment, restarted when they end (JB 1.1, "Services").

use super::{Init, sys};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// A service is not started again before it is that old.
const LEAST: Duration = Duration::from_secs(5);
/// A critical one may end so often in that time.
const CRASHES: u32 = 4;
const WINDOW: Duration = Duration::from_secs(240);

/// One service of an rc file.
#[derive(Default)]
pub struct Service {
    pub name: String,
    args: Vec<String>,
    class: String,
    critical: bool,
    oneshot: bool,
    disabled: bool,
    console: bool,
    sockets: Vec<String>,
    pid: i32,
    /// It is to run, and will be started when it is old enough.
    wanted: bool,
    stopped: bool,
    started: Option<Instant>,
    first_crash: Option<Instant>,
    crashes: u32,
}

impl Service {
    pub fn new(name: &str, args: Vec<String>) -> Service {
        Service { name: name.into(), args, class: "default".into(), ..Service::default() }
    }

    pub fn option(&mut self, words: &[String]) {
        match words[0].as_str() {
            "class" => self.class = words.get(1).cloned().unwrap_or_default(),
            "critical" => self.critical = true,
            "oneshot" => self.oneshot = true,
            "disabled" => self.disabled = true,
            "console" => self.console = true,
            "socket" => self.sockets.extend(words.get(1).cloned()),
            _ => {}
        }
    }

    pub fn in_class(&self, class: &str) -> bool {
        self.class == class && !self.disabled
    }
}

impl Init {
    pub fn start_named(&mut self, name: &str) {
        let Some(i) = self.services.iter().position(|s| s.name == name) else { return };
        let service = &mut self.services[i];
        service.stopped = false;
        service.wanted = false;
        if service.pid != 0 {
            return;
        }
        let program = service.args[0].clone();
        if !std::path::Path::new(&program).exists() {
            service.disabled = true;
            return self.log(3, &format!("cannot find '{program}', disabling '{name}'"));
        }
        service.started = Some(Instant::now());
        let mut environment = self.environment.clone();
        environment.extend(self.props.workspace().map(|area| ("ANDROID_PROPERTY_WORKSPACE".into(), area)));
        let mut kept = Vec::new();
        for socket in &service.sockets {
            if let Ok(fd) = sys::bound_socket(&format!("/dev/socket/{socket}")) {
                environment.push((format!("ANDROID_SOCKET_{socket}"), fd.as_raw_fd().to_string()));
                kept.push(fd);
            }
        }
        let pid = sys::spawn(&service.args, &environment, service.console.then_some("/dev/console"));
        drop(kept);
        self.services[i].pid = pid.unwrap_or(0);
        let name = name.to_owned();
        self.log(5, &format!("starting '{name}'"));
        self.set_property(&format!("init.svc.{name}"), "running");
    }

    pub fn stop_named(&mut self, name: &str) {
        let Some(service) = self.services.iter_mut().find(|s| s.name == name) else { return };
        service.stopped = true;
        service.wanted = false;
        let pid = service.pid;
        let state = if pid != 0 { "stopping" } else { "stopped" };
        sys::kill_group(pid);
        self.set_property(&format!("init.svc.{name}"), state);
    }

    /// All children that have ended.
    pub fn reap(&mut self) {
        while let Some(pid) = sys::reap_one() {
            let Some(i) = self.services.iter().position(|s| s.pid == pid) else { continue };
            let service = &mut self.services[i];
            service.pid = 0;
            let name = service.name.clone();
            self.log(5, &format!("process '{name}', pid {pid} exited"));
            let service = &mut self.services[i];
            if service.oneshot || service.stopped {
                self.set_property(&format!("init.svc.{name}"), "stopped");
                continue;
            }
            let now = Instant::now();
            if service.critical {
                match service.first_crash {
                    Some(first) if now - first < WINDOW => {
                        service.crashes += 1;
                        if service.crashes > CRASHES {
                            self.log(
                                3,
                                &format!("critical process '{name}' exited {CRASHES} times in 4 minutes; rebooting into recovery mode"),
                            );
                            super::tools::reboot(false, false, "recovery");
                            continue;
                        }
                    }
                    _ => (service.first_crash, service.crashes) = (Some(now), 1),
                }
            }
            self.services[i].wanted = true;
            self.set_property(&format!("init.svc.{name}"), "restarting");
        }
    }

    /// Starts what is due; how long until the next is.
    pub fn restart_services(&mut self) -> Option<Duration> {
        let mut wait = None;
        for i in 0..self.services.len() {
            let service = &self.services[i];
            if !service.wanted {
                continue;
            }
            let age = service.started.map_or(LEAST, |at| at.elapsed());
            match LEAST.checked_sub(age).filter(|left| !left.is_zero()) {
                Some(left) => wait = Some(wait.map_or(left, |w: Duration| w.min(left))),
                None => {
                    let name = service.name.clone();
                    self.start_named(&name);
                }
            }
        }
        wait
    }
}
