//! Moments in time: 100-nanosecond steps since the year 1, and their text.
//!
//! A moment knows whether its text stated a zone. Text with an offset becomes UTC;
//! text without one keeps "no zone", which shows as a missing `Z`.

pub use super::date_parse::{parse, parse_exact};
pub use super::date_text::format;
use crate::context::Ticks;
use crate::error::EvalError;

pub const TICKS_PER_SECOND: i64 = 10_000_000;
pub const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
pub const TICKS_PER_HOUR: i64 = 60 * TICKS_PER_MINUTE;
pub const TICKS_PER_DAY: i64 = 24 * TICKS_PER_HOUR;

/// The last moment of the year 9999.
pub const TICKS_MAX: Ticks = 3_155_378_975_999_999_999;

/// Ticks at 1970-01-01T00:00:00Z.
pub const TICKS_UNIX_EPOCH: Ticks = 621_355_968_000_000_000;

/// The format "o", which is the default everywhere.
pub const ROUND_TRIP: &str = "o";

/// A moment as a timestamp states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub ticks: Ticks,
    /// Whether the text stated a zone; it has been applied.
    pub is_utc: bool,
}

/// A moment's place in the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    /// 100-nanosecond steps within the second.
    pub fraction: i64,
}

/// The instant of a timestamp; without a zone it is UTC.
pub fn parse_ticks(text: &str) -> Result<Ticks, EvalError> {
    parse(text).map(|moment| moment.ticks)
}

/// The instant in the default format: seven fraction digits and `Z`.
#[must_use]
pub fn format_ticks(ticks: Ticks) -> String {
    round_trip(Moment { ticks, is_utc: true })
}

/// The moment in the default format "o".
#[must_use]
pub fn round_trip(moment: Moment) -> String {
    let c = civil(moment.ticks);
    let zone = if moment.is_utc { "Z" } else { "" };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}{zone}",
        c.year, c.month, c.day, c.hour, c.minute, c.second, c.fraction
    )
}

/// The ticks, if the calendar has them.
#[must_use]
pub fn in_range(ticks: i64) -> Option<Ticks> {
    (0..=TICKS_MAX).contains(&ticks).then_some(ticks)
}

#[must_use]
pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[must_use]
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days between 0001-01-01 and the first of a year.
fn days_before_year(year: i64) -> i64 {
    let y = year - 1;
    y * 365 + y / 4 - y / 100 + y / 400
}

fn days_before_month(year: i64, month: i64) -> i64 {
    (1..month).map(|earlier| days_in_month(year, earlier)).sum()
}

/// The day of the year, from 1.
#[must_use]
pub fn day_of_year(civil: &Civil) -> i64 {
    days_before_month(civil.year, civil.month) + civil.day
}

/// The day of the week; Sunday is 0.
#[must_use]
pub fn day_of_week(ticks: Ticks) -> i64 {
    (ticks.div_euclid(TICKS_PER_DAY) + 1).rem_euclid(7)
}

/// The calendar's view of ticks, which are clamped to the calendar.
#[must_use]
pub fn civil(ticks: Ticks) -> Civil {
    let ticks = ticks.clamp(0, TICKS_MAX);
    let (days, rest) = (ticks / TICKS_PER_DAY, ticks % TICKS_PER_DAY);
    let mut year = days / 366 + 1;
    while days_before_year(year + 1) <= days {
        year += 1;
    }
    let mut day = days - days_before_year(year);
    let mut month = 1;
    while day >= days_in_month(year, month) {
        day -= days_in_month(year, month);
        month += 1;
    }
    Civil {
        year,
        month,
        day: day + 1,
        hour: rest / TICKS_PER_HOUR,
        minute: rest / TICKS_PER_MINUTE % 60,
        second: rest / TICKS_PER_SECOND % 60,
        fraction: rest % TICKS_PER_SECOND,
    }
}

/// The ticks of a place in the calendar; none when there is no such place.
#[must_use]
pub fn ticks_of(c: &Civil) -> Option<Ticks> {
    let is_date = (1..=9999).contains(&c.year)
        && (1..=12).contains(&c.month)
        && (1..=days_in_month(c.year, c.month)).contains(&c.day);
    let is_time = (0..24).contains(&c.hour)
        && (0..60).contains(&c.minute)
        && (0..60).contains(&c.second)
        && (0..TICKS_PER_SECOND).contains(&c.fraction);
    if !is_date || !is_time {
        return None;
    }
    let days = days_before_year(c.year) + day_of_year(c) - 1;
    let time = c.hour * TICKS_PER_HOUR + c.minute * TICKS_PER_MINUTE;
    Some(days * TICKS_PER_DAY + time + c.second * TICKS_PER_SECOND + c.fraction)
}

/// Calendar months later; the day clamps to the end of the month.
#[must_use]
pub fn add_months(ticks: Ticks, months: i64) -> Option<Ticks> {
    let mut c = civil(ticks);
    let total = c.year.checked_mul(12)?.checked_add(c.month - 1)?.checked_add(months)?;
    c.year = total.div_euclid(12);
    c.month = total.rem_euclid(12) + 1;
    if !(1..=9999).contains(&c.year) {
        return None;
    }
    c.day = c.day.min(days_in_month(c.year, c.month));
    ticks_of(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_and_ticks_agree() {
        for text in ["0001-01-01", "1600-02-29", "1900-03-01", "2024-12-31", "9999-12-31"] {
            let ticks = parse_ticks(text).unwrap();
            assert_eq!(format_ticks(ticks), format!("{text}T00:00:00.0000000Z"));
        }
        assert_eq!(parse_ticks("1970-01-01T00:00:00Z").unwrap(), TICKS_UNIX_EPOCH);
        assert_eq!(format_ticks(TICKS_MAX), "9999-12-31T23:59:59.9999999Z");
        assert_eq!(day_of_week(TICKS_UNIX_EPOCH), 4);
    }

    #[test]
    fn months_clamp_to_the_last_day() {
        let ticks = parse_ticks("2024-01-31").unwrap();
        assert_eq!(format_ticks(add_months(ticks, 1).unwrap()), "2024-02-29T00:00:00.0000000Z");
        assert_eq!(format_ticks(add_months(ticks, -2).unwrap()), "2023-11-30T00:00:00.0000000Z");
        assert_eq!(add_months(ticks, i64::MAX), None);
        assert_eq!(add_months(ticks, 12 * 9000), None);
    }
}
