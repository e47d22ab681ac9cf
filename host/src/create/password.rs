//! The password field of shadow(5).

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use sha_crypt::{PasswordHasher, ShaCrypt};

use crate::fault::{Result, at, say};

/// What no password matches, crypt(5).
pub const LOCKED: &str = "!";

/// A SHA-512 hash with a salt of its own (crypt(5): `$6$`), which busybox's login reads whatever libc it was built with.
pub fn hash(password: &str) -> Result<String> {
    if password.chars().any(char::is_control) {
        return say("a password cannot have a control character in it");
    }
    let mut salt = [0; 12];
    random(&mut salt)?;
    match ShaCrypt::SHA512.hash_password_with_salt(password.as_bytes(), &salt) {
        Ok(hash) => Ok(hash.as_str().to_owned()),
        Err(why) => say(format!("the password cannot be hashed: {why}")),
    }
}

/// A hash that was made elsewhere (`openssl passwd -6`, mkpasswd(1)); it becomes a field of a line.
pub fn check_hash(hash: &str) -> Result<&str> {
    if hash.starts_with('$') && hash.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        return Ok(hash);
    }
    say(format!("'{}' is not a password hash of crypt(5)", hash.escape_debug()))
}

fn random(buffer: &mut [u8]) -> Result<()> {
    match getrandom(&mut *buffer, GetRandomFlags::empty()) {
        Ok(len) if len == buffer.len() => Ok(()),
        // COMPAT(linux<3.17): no getrandom(2).
        Ok(_) | Err(Errno::NOSYS) => {
            use std::io::Read;
            let path = "/dev/urandom";
            let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(buffer));
            read.map_err(|e| at("read", path, e))
        }
        Err(errno) => say(format!("getrandom: {}", crate::fault::symbol(&errno.into()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha_crypt::PasswordVerifier;

    #[test]
    fn hashes_differ_and_match_only_their_password() {
        let (one, two) = (hash("sesame").unwrap(), hash("sesame").unwrap());
        assert!(one.starts_with("$6$") && one != two && !one.contains([':', '\n']), "{one}");
        let stored = sha_crypt::PasswordHash::new(&one).unwrap();
        assert!(ShaCrypt::SHA512.verify_password(b"sesame", &stored).is_ok());
        assert!(ShaCrypt::SHA512.verify_password(b"sesam", &stored).is_err());
        assert!(hash("a\nb").is_err());
        assert!(check_hash(&one).is_ok());
        for bad in ["", "plain", "$6$a:b", "$6$a\n"] {
            assert!(check_hash(bad).is_err(), "{bad:?}");
        }
    }
}
