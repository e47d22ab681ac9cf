//! How long to wait before something that ended is started again. Times are milliseconds of a clock that never goes back.
//!
//! What lives long is started again at once; what keeps dying young is started ever more seldom, so that nothing can spin.

/// A life at least this long counts as a success.
pub const LONG_LIFE_MS: u64 = 2_000;
/// The first wait.
pub const FIRST_MS: u64 = 200;
/// The longest wait.
pub const LONGEST_MS: u64 = 30_000;

/// The wait that the next short life brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    next_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff::new()
    }
}

impl Backoff {
    /// Nothing has failed yet.
    #[must_use]
    pub const fn new() -> Backoff {
        Backoff { next_ms: FIRST_MS }
    }

    /// It ran for `life_ms` and ended: how long to wait now.
    pub fn ended(&mut self, life_ms: u64) -> u64 {
        if life_ms >= LONG_LIFE_MS {
            *self = Backoff::new();
            return 0;
        }
        let wait = self.next_ms;
        self.next_ms = (wait * 2).min(LONGEST_MS);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lives_wait_longer_and_longer_and_a_long_one_forgives() {
        let mut b = Backoff::new();
        let waits: Vec<u64> = (0..10).map(|_| b.ended(1)).collect();
        assert_eq!(waits, [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
        assert_eq!(b.ended(LONG_LIFE_MS), 0);
        assert_eq!(b.ended(LONG_LIFE_MS - 1), FIRST_MS);
    }

    #[test]
    fn an_hour_of_dying_at_once_is_a_bounded_number_of_starts() {
        let (mut b, mut now, mut starts) = (Backoff::new(), 0, 0);
        while now < 3_600_000 {
            now += b.ended(0);
            starts += 1;
        }
        assert!(starts < 140, "{starts}");
    }
}
