//! Time zones by name: Windows names as the platform uses them, and IANA names.
//!
//! Only the rules built into the program are used, so that two servers agree.

mod windows;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::sync::LazyLock;
use windows::WINDOWS_ZONES;

static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of that name, without regard to letter case.
#[must_use]
pub fn find(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    if name.len() > 64 {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let windows = WINDOWS_ZONES
        .binary_search_by(|(zone, _)| zone.to_ascii_lowercase().as_str().cmp(&lower))
        .ok()
        .map(|at| WINDOWS_ZONES[at].1);
    if lower == "utc" {
        return Some(TimeZone::UTC);
    }
    BUNDLED.get(windows.unwrap_or(name)).ok()
}

/// The Windows names of all zones.
pub fn windows_names() -> impl Iterator<Item = &'static str> {
    WINDOWS_ZONES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_windows_zone_is_known() {
        for name in windows_names() {
            assert!(find(name).is_some(), "{name}");
            assert!(find(&name.to_uppercase()).is_some(), "{name}");
        }
        assert!(windows_names().count() > 130);
    }

    #[test]
    fn iana_names_work_and_nonsense_does_not() {
        assert!(find("europe/berlin").is_some());
        assert!(find("UTC").is_some());
        assert!(find("Nowhere Standard Time").is_none());
        assert!(find("").is_none());
    }
}
