//! The last bytes that a console said.
use std::collections::VecDeque;

/// A ring of bytes.
#[derive(Debug)]
pub struct Ring {
    bytes: VecDeque<u8>,
    limit: usize,
}

impl Ring {
    /// An empty ring that keeps `limit` bytes.
    pub fn new(limit: usize) -> Ring {
        Ring { bytes: VecDeque::new(), limit }
    }

    /// Add; the oldest bytes go.
    pub fn push(&mut self, new: &[u8]) {
        let new = &new[new.len().saturating_sub(self.limit)..];
        let over = (self.bytes.len() + new.len()).saturating_sub(self.limit);
        self.bytes.drain(..over);
        self.bytes.extend(new);
    }

    /// The last lines that are not blank, at most `count`, made harmless for a terminal.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let clean = |line: &str| -> String {
            let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            line.trim().into()
        };
        let lines: Vec<String> = text.lines().map(clean).filter(|l| !l.is_empty()).collect();
        lines[lines.len().saturating_sub(count)..].to_vec()
    }

    /// Forget everything.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end() {
        let mut ring = Ring::new(8);
        ring.push(b"0123456789");
        assert_eq!(ring.last_lines(9), ["23456789"]);
        ring.push(b"\n\x1b[1mX");
        assert_eq!(ring.last_lines(1), ["[1mX"]);
        assert_eq!(ring.last_lines(9), ["89", "[1mX"]);
    }
}
