//! Text in a fixed buffer: what does not fit is left out.

use core::ffi::CStr;
use core::fmt;
use core::mem::MaybeUninit;

/// Up to N - 1 bytes, with a NUL behind them when asked for as a C string.
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    pub const fn new() -> Self {
        Text { bytes: [0; N], len: 0 }
    }

    /// The parts, one behind the other. `None`: no room.
    #[inline(never)]
    pub fn of(parts: &[&[u8]]) -> Option<Self> {
        let mut text = Text::new();
        parts.iter().all(|part| text.push(part)).then_some(text)
    }

    /// Adds bytes. False: there was not room for all.
    #[inline(never)]
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let n = bytes.len().min(N - 1 - self.len);
        self.bytes[self.len..self.len + n].copy_from_slice(&bytes[..n]);
        self.len += n;
        n == bytes.len()
    }

    /// Adds a byte at the end, in place of the last one where there is no room.
    pub fn end_with(&mut self, byte: u8) {
        self.len = self.len.min(N - 2);
        self.push(&[byte]);
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// As a C string; it ends at the first NUL.
    pub fn c_str(&self) -> &CStr {
        // The last byte is never written.
        CStr::from_bytes_until_nul(&self.bytes[..=self.len]).unwrap_or(c"")
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push(s.as_bytes());
        Ok(())
    }
}

/// Prints bytes from outside: printable ASCII as it is, anything else as `?`, so that no escape sequence gets into a log.
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.0.iter().try_for_each(|c| f.write_char(if matches!(c, b' '..=b'~') { char::from(*c) } else { '?' }))
    }
}

/// A buffer for a file to be read into, not cleared before.
pub type Buffer<const N: usize> = [MaybeUninit<u8>; N];

/// An empty one.
pub const fn buffer<const N: usize>() -> Buffer<N> {
    [MaybeUninit::uninit(); N]
}
