//! What lies where in Keel's ramdisk: /init is keel, the shell and login are busybox's, containers lie below /var/lib/lxc.
//! Containers and the names of the lxc-* tools are made by running the built keel on the build machine, in a directory
//! that is thrown away: this file packs what comes out and knows nothing of its insides.

use crate::apt;
use crate::build::Binaries;
use crate::cpio::kind;
use crate::fault::{At, Fault, Result};
use crate::modules;
use crate::ramdisk::Ramdisk;
use crate::scratch::Scratch;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What goes in.
#[derive(Debug)]
pub struct Layout<'a> {
    /// The programs.
    pub binaries: &'a Binaries,
    /// A static busybox.
    pub busybox: &'a Path,
    /// Names of busybox containers to make.
    pub containers: &'a [String],
    /// root's password, on the host and in the containers; none locks root.
    pub password: Option<&'a str>,
    /// What the login shows first.
    pub issue: &'a str,
    /// Kernel modules to load at boot, in that order; the list of them is /etc/modules.
    pub modules: &'a [PathBuf],
    /// Files and directories of the build machine, and where they go.
    pub additions: &'a [(PathBuf, String)],
}

/// Empty directories: mount points and homes.
const DIRS: [(&str, u32); 14] = [
    ("dev", 0o755),
    ("proc", 0o555),
    ("sys", 0o555),
    ("run", 0o755),
    ("tmp", 0o1777),
    ("mnt", 0o755),
    ("root", 0o700),
    ("etc", 0o755),
    ("bin", 0o755),
    ("sbin", 0o755),
    ("usr/bin", 0o755),
    ("usr/sbin", 0o755),
    ("var/lib/lxc", 0o755),
    ("var/log", 0o755),
];

const PROFILE: &str = "export PATH=/bin:/sbin:/usr/bin:/usr/sbin\nexport PS1='\\h:\\w\\$ '\n";

impl Layout<'_> {
    /// The whole ramdisk.
    pub fn ramdisk(&self) -> Result<Ramdisk> {
        let mut tree = Ramdisk::new();
        for (name, permissions) in DIRS {
            tree.dir(name, permissions);
        }
        // The kernel opens it for init's descriptors 0 to 2 before anything is mounted (console_on_rootfs).
        tree.node("dev/console", kind::CHAR | 0o600, 5, 1);
        tree.node("dev/null", kind::CHAR | 0o666, 1, 3);
        tree.host_file(self.busybox, "bin/busybox")?;
        for applet in applets(self.busybox)? {
            if tree.get(&applet).is_none() {
                tree.link(&applet, "/bin/busybox");
            }
        }
        tree.file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
        tree.file("etc/group", 0o644, "root:x:0:\ntty:x:5:\nnobody:x:65534:\n");
        let field = self.password.map_or(Ok("!".to_owned()), hash)?;
        tree.file("etc/shadow", 0o600, format!("root:{field}:19000:0:99999:7:::\nnobody:!:19000:0:99999:7:::\n"));
        tree.file("etc/hostname", 0o644, "keel\n");
        tree.file("etc/hosts", 0o644, "127.0.0.1 localhost keel\n::1 localhost\n");
        tree.file("etc/issue", 0o644, self.issue);
        tree.file("etc/profile", 0o644, PROFILE);
        self.programs(&mut tree, "bin")?;
        self.extras(&mut tree)?;
        Ok(tree)
    }

    /// Keel put into a ramdisk that has an init of its own, which becomes `/init.android`. Busybox comes without its
    /// links: the base keeps its own commands.
    pub fn graft(&self, tree: &mut Ramdisk) -> Result<()> {
        let is_link = |tree: &Ramdisk, name: &str| tree.get(name).is_some_and(|e| e.kind() == kind::LINK);
        if let Some(name) = ["sbin", "var", "dev"].into_iter().find(|name| is_link(tree, name)) {
            return Err(Fault::new(format!("the base has a link '/{name}' where a directory is needed")));
        }
        // Grafted before: only Keel itself is renewed.
        if tree.get("init.android").is_none() && !tree.rename("init", "init.android") {
            return Err(Fault::new("the base has no '/init'"));
        }
        tree.host_file(self.busybox, "sbin/busybox")?;
        if tree.get("dev/console").is_none() {
            tree.node("dev/console", kind::CHAR | 0o600, 5, 1);
        }
        self.programs(tree, "sbin")?;
        self.extras(tree)
    }

    /// /init, /sbin/pid1 and, in `dir`, keel's other names.
    fn programs(&self, tree: &mut Ramdisk, dir: &str) -> Result<()> {
        tree.host_file(&self.binaries.keel, "init")?;
        tree.host_file(&self.binaries.pid1, "sbin/pid1")?;
        let scratch = Scratch::new()?;
        let keel = scratch.path().join("keel");
        fs::copy(&self.binaries.keel, &keel).at("copy", &self.binaries.keel)?;
        apt::quiet(Command::new(&keel).arg("install-links").arg(scratch.path()))?;
        fs::remove_file(&keel).at("remove", &keel)?;
        tree.host_tree_into(scratch.path(), dir)?;
        tree.link(&format!("{dir}/keel"), "/init");
        Ok(())
    }

    /// Containers and additions.
    fn extras(&self, tree: &mut Ramdisk) -> Result<()> {
        if !self.containers.is_empty() {
            let scratch = Scratch::new()?;
            let lxcpath = scratch.path().join("var/lib/lxc");
            fs::create_dir_all(&lxcpath).at("mkdir", &lxcpath)?;
            for name in self.containers {
                self.create(name, scratch.path(), &lxcpath)?;
            }
            tree.host_tree_into(&lxcpath, "var/lib/lxc")?;
        }
        let mut list = String::new();
        for file in self.modules {
            let name =
                modules::name_of(file).ok_or_else(|| Fault::new(format!("'{}' is no module", file.display())))?;
            let path = format!("/lib/modules/{name}.ko");
            tree.file(&path, 0o644, modules::content(file)?);
            list += &format!("{path}\n");
        }
        if !list.is_empty() {
            tree.file("etc/modules", 0o644, list);
        }
        for (from, to) in self.additions {
            tree.host_tree(from, to)?;
        }
        Ok(())
    }

    fn create(&self, name: &str, sysroot: &Path, lxcpath: &Path) -> Result<()> {
        let mut command = Command::new(&self.binaries.keel);
        command.args(["create", "-q", "-t", "busybox", "-n", name]);
        // The build machine's own defaults have no place in a ramdisk.
        command.args(["--config", "/dev/null"]);
        command.arg("-P").arg(lxcpath).arg("--sysroot").arg(sysroot);
        command.arg("--busybox").arg(self.busybox).arg("--pid1").arg(&self.binaries.pid1);
        if let Some(password) = self.password {
            command.arg("--password").arg(password);
        }
        apt::quiet(&mut command).map(drop)
    }
}

/// Where busybox wants its applets, without the two names of an init.
fn applets(busybox: &Path) -> Result<Vec<String>> {
    let text = apt::quiet(Command::new(busybox).arg("--list-full"))?;
    let names = text.lines().map(str::trim).filter(|l| !l.is_empty());
    Ok(names.filter(|l| !matches!(*l, "sbin/init" | "linuxrc" | "bin/busybox")).map(str::to_owned).collect())
}

/// crypt(5)'s `$6$` with a fresh salt.
fn hash(password: &str) -> Result<String> {
    use sha_crypt::{PasswordHasher, ShaCrypt};
    use std::io::Read;
    let mut salt = [0; 12];
    let path = Path::new("/dev/urandom");
    fs::File::open(path).and_then(|mut f| f.read_exact(&mut salt)).at("read", path)?;
    let hashed = ShaCrypt::SHA512.hash_password_with_salt(password.as_bytes(), &salt);
    hashed.map(|h| h.as_str().to_owned()).map_err(|e| Fault::new(format!("the password cannot be hashed: {e}")))
}
