//! How often something may be done.

use crate::limits::PACED_ADDRESSES_MAX;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// So many times in each minute.
pub struct Pace {
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

/// So many times in each minute from each place. What is remembered is bounded: once there are
/// too many places in a minute, all others are one.
pub struct Places {
    per_minute: u32,
    /// The minute, and how often it was done in it from where.
    counted: Mutex<(i64, HashMap<String, u32>)>,
}

impl Places {
    pub fn new(per_minute: u32) -> Places {
        Places { per_minute, counted: Mutex::new((0, HashMap::new())) }
    }

    /// Seconds until it may be done once more from an address; none: it may be now. Does not
    /// count it.
    pub fn pause(&self, address: &str, unix_seconds: i64) -> Option<u32> {
        let counted = self.counted.lock();
        let (minute, all) = &*counted;
        let is_full = all.len() >= PACED_ADDRESSES_MAX;
        let place = place_of(address);
        let count = all.get(&place).or_else(|| all.get("").filter(|_| is_full)).copied();
        let is_over = *minute == unix_seconds.div_euclid(60)
            && count.is_some_and(|count| count >= self.per_minute);
        let left = 60 - u32::try_from(unix_seconds.rem_euclid(60)).unwrap_or(0);
        is_over.then_some(left)
    }

    /// It was done from an address.
    pub fn count(&self, address: &str, unix_seconds: i64) {
        let minute = unix_seconds.div_euclid(60);
        let mut counted = self.counted.lock();
        let (at, all) = &mut *counted;
        if *at != minute {
            *at = minute;
            all.clear();
        }
        let mut place = place_of(address);
        if all.len() >= PACED_ADDRESSES_MAX && !all.contains_key(&place) {
            place = String::new();
        }
        let count = all.entry(place).or_default();
        *count = count.saturating_add(1);
    }
}

/// What counts as one place: an address, or the network that one subscriber has.
fn place_of(address: &str) -> String {
    match address.parse::<IpAddr>().map(|it| it.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
        Ok(address) => address.to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn each_place_has_its_number() {
        let places = Places::new(2);
        for address in ["10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "2001:db8::2:3"] {
            assert_eq!(places.pause(address, 75), None, "{address}");
            places.count(address, 75);
        }
        // the same host in another form, and the same network
        assert_eq!(places.pause("10.0.0.1", 75), Some(45));
        assert_eq!(places.pause("2001:db8::ffff", 119), Some(1));
        for other in ["10.0.0.2", "2001:db8:0:1::1"] {
            assert_eq!(places.pause(other, 75), None, "{other}");
        }
        assert_eq!(places.pause("10.0.0.1", 120), None);
        places.count("10.0.0.1", 120);
        assert_eq!(places.pause("2001:db8::1", 121), None);
    }

    #[test]
    fn many_places_take_no_more_room() {
        let places = Places::new(2);
        let address = |number: u32| Ipv4Addr::from_bits(number).to_string();
        let most = u32::try_from(PACED_ADDRESSES_MAX).unwrap();
        (0..most + 2).for_each(|number| places.count(&address(number), 60));
        assert_eq!(places.counted.lock().1.len(), PACED_ADDRESSES_MAX + 1);
        // those that are known have their own number, others have one together
        assert_eq!(places.pause(&address(0), 60), None);
        assert_eq!(places.pause(&address(most + 9), 60), Some(60));
        assert_eq!(places.pause(&address(most + 9), 120), None);
    }

    #[test]
    fn a_minute_has_its_number() {
        let pace = Pace::new(2);
        assert!(pace.has_room(60));
        assert_eq!([60, 61, 62].map(|at| pace.admits(at)), [true, true, false]);
        assert_eq!([63, 119, 120].map(|at| pace.has_room(at)), [false, false, true]);
        assert_eq!([119, 120, 121, 122].map(|at| pace.admits(at)), [false, true, true, false]);
    }
}
