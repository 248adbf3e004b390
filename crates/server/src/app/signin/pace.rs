//! How often something may be done.

use parking_lot::Mutex;

/// So many times in each minute.
pub(super) struct Pace {
    per_minute: u32,
    /// The minute, and how often it was done in it.
    counted: Mutex<(i64, u32)>,
}

impl Pace {
    pub fn new(per_minute: u32) -> Pace {
        Pace { per_minute, counted: Mutex::new((0, 0)) }
    }

    /// Whether it may be done once more; does not count it.
    pub fn has_room(&self, unix_seconds: i64) -> bool {
        let counted = self.counted.lock();
        counted.0 != unix_seconds.div_euclid(60) || counted.1 < self.per_minute
    }

    /// Whether it may be done once more; counts it.
    pub fn admits(&self, unix_seconds: i64) -> bool {
        let minute = unix_seconds.div_euclid(60);
        let mut counted = self.counted.lock();
        if counted.0 != minute {
            *counted = (minute, 0);
        }
        counted.1 = counted.1.saturating_add(1);
        counted.1 <= self.per_minute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_number() {
        let pace = Pace::new(2);
        assert!(pace.has_room(60));
        assert_eq!([60, 61, 62].map(|at| pace.admits(at)), [true, true, false]);
        assert_eq!([63, 119, 120].map(|at| pace.has_room(at)), [false, false, true]);
        assert_eq!([119, 120, 121, 122].map(|at| pace.admits(at)), [false, true, true, false]);
    }
}
