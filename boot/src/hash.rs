//! A short name for a content: the key of a cache entry. Not for security.

use sha1::{Digest, Sha1};

/// The SHA-1 of `bytes`, in hexadecimal, 16 digits.
pub fn hex(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().take(8).map(|b| format!("{b:02x}")).collect()
}
