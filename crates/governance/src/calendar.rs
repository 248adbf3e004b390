//! Spans of time, in days on which work is done if need be.

use crate::limits::{HOLIDAYS_MAX, SPAN_DAYS_MAX};
use durable::Ticks;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span as Step, Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Ticks of 1970-01-01T00:00:00Z.
const UNIX_EPOCH: Ticks = 621_355_968_000_000_000;

/// When work is done, and in which zone a day begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Calendar {
    /// A name of the IANA database: `Europe/Berlin`.
    #[serde(default = "utc")]
    pub zone: String,
    /// From Monday, 1, to Sunday, 7.
    #[serde(default = "monday_to_friday")]
    pub workdays: BTreeSet<i8>,
    /// Dates like `2026-12-25`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<String>,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn monday_to_friday() -> BTreeSet<i8> {
    (1..=5).collect()
}

impl Default for Calendar {
    fn default() -> Self {
        Calendar { zone: utc(), workdays: monday_to_friday(), holidays: BTreeSet::new() }
    }
}

/// What a span is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    Minutes,
    Hours,
    /// To the same time of a later day.
    Days,
    /// The same, where only days on which work is done count.
    BusinessDays,
}

/// How long something lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Span {
    pub amount: u32,
    pub unit: Unit,
}

impl Span {
    #[must_use]
    pub fn new(amount: u32, unit: Unit) -> Span {
        Span { amount, unit }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn fault(self) -> Option<String> {
        let most = match self.unit {
            Unit::Minutes => SPAN_DAYS_MAX * 24 * 60,
            Unit::Hours => SPAN_DAYS_MAX * 24,
            Unit::Days | Unit::BusinessDays => SPAN_DAYS_MAX,
        };
        let is_right = (1..=most).contains(&self.amount);
        (!is_right).then(|| format!("The amount is {}; expected 1 to {most}.", self.amount))
    }
}

impl Calendar {
    /// What is wrong with it.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        if TimeZone::get(&self.zone).is_err() {
            return Some(format!(
                "'{}' is no time zone; expected a name like 'Europe/Berlin'.",
                self.zone
            ));
        }
        if self.workdays.is_empty() || !self.workdays.iter().all(|day| (1..=7).contains(day)) {
            return Some("The 'workdays' are numbers from 1, Monday, to 7, Sunday.".to_owned());
        }
        let is_date = |text: &&String| {
            text.parse::<Date>().is_ok_and(|date| date.to_string() == text.as_str())
        };
        if let Some(text) = self.holidays.iter().find(|it| !is_date(it)) {
            return Some(format!("'{text}' is no date; expected one like '2026-12-25'."));
        }
        let is_long = self.holidays.len() > HOLIDAYS_MAX;
        is_long.then(|| format!("A calendar has {HOLIDAYS_MAX} holidays at most."))
    }

    /// When a span that begins at `from` is over. A calendar whose zone is not known any more
    /// counts in UTC.
    #[must_use]
    pub fn after(&self, from: Ticks, span: Span) -> Ticks {
        let amount = i64::from(span.amount);
        match span.unit {
            Unit::Minutes => from.saturating_add(amount.saturating_mul(600_000_000)),
            Unit::Hours => from.saturating_add(amount.saturating_mul(36_000_000_000)),
            Unit::Days => self.moved(from, |at| at.checked_add(amount.days()).ok()),
            Unit::BusinessDays => self.moved(from, |at| self.workday_after(&at, span.amount)),
        }
    }

    /// The same time of day so many days of work later. No year is without one, so the
    /// search has an end.
    fn workday_after(&self, from: &Zoned, amount: u32) -> Option<Zoned> {
        let (mut day, mut left) = (from.date(), amount);
        let most = (u64::from(amount) + 1).saturating_mul(7) + self.holidays.len() as u64 * 7;
        for _ in 0..most {
            if left == 0 {
                break;
            }
            day = day.tomorrow().ok()?;
            left -= u32::from(self.is_workday(day));
        }
        let days: Step = from.date().until(day).ok()?;
        from.checked_add(days).ok()
    }

    fn is_workday(&self, day: Date) -> bool {
        let weekday: Weekday = day.weekday();
        self.workdays.contains(&weekday.to_monday_one_offset())
            && !self.holidays.contains(&day.to_string())
    }

    fn moved(&self, from: Ticks, step: impl FnOnce(Zoned) -> Option<Zoned>) -> Ticks {
        let zone = TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC);
        let nanoseconds = i128::from(from - UNIX_EPOCH) * 100;
        let at = Timestamp::from_nanosecond(nanoseconds).ok().map(|it| it.to_zoned(zone));
        let moved = at.and_then(step).map(|it| it.timestamp().as_nanosecond() / 100);
        let ticks = moved.and_then(|it| i64::try_from(it).ok());
        ticks.map_or(Ticks::MAX, |it| it + UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(text: &str) -> Ticks {
        let at: Timestamp = text.parse().expect("a time");
        i64::try_from(at.as_nanosecond() / 100).expect("ticks") + UNIX_EPOCH
    }

    fn berlin() -> Calendar {
        let holidays = ["2026-12-25", "2026-12-26", "2027-01-01"].map(str::to_owned);
        Calendar {
            zone: "Europe/Berlin".to_owned(),
            holidays: holidays.into(),
            ..Calendar::default()
        }
    }

    #[test]
    fn spans_end_when_a_calendar_says() {
        use Unit::{BusinessDays, Days, Hours, Minutes};
        let cases = [
            // a Wednesday, at nine in Berlin
            ("2026-11-25T08:00:00Z", 90, Minutes, "2026-11-25T09:30:00Z"),
            ("2026-11-25T08:00:00Z", 24, Hours, "2026-11-26T08:00:00Z"),
            ("2026-11-25T08:00:00Z", 1, BusinessDays, "2026-11-26T08:00:00Z"),
            ("2026-11-25T08:00:00Z", 3, BusinessDays, "2026-11-30T08:00:00Z"),
            // from a Saturday
            ("2026-11-28T08:00:00Z", 1, BusinessDays, "2026-11-30T08:00:00Z"),
            // over holidays, one of them on a Saturday
            ("2026-12-24T08:00:00Z", 1, BusinessDays, "2026-12-28T08:00:00Z"),
            ("2026-12-31T08:00:00Z", 1, BusinessDays, "2027-01-04T08:00:00Z"),
            // the clock is put back at night: nine in Berlin stays nine
            ("2026-10-24T07:00:00Z", 1, Days, "2026-10-25T08:00:00Z"),
            ("2026-10-24T07:00:00Z", 24, Hours, "2026-10-25T07:00:00Z"),
            // late in the evening the day in Berlin is another one than in UTC
            ("2026-11-26T23:30:00Z", 1, BusinessDays, "2026-11-29T23:30:00Z"),
        ];
        for (from, amount, unit, expected) in cases {
            let found = berlin().after(ticks(from), Span::new(amount, unit));
            assert_eq!(found, ticks(expected), "{from} + {amount} {unit:?}");
        }
    }

    #[test]
    fn a_calendar_of_nothing_but_holidays_comes_to_an_end() {
        let first: Date = "2026-11-26".parse().unwrap();
        let holidays = (0..900).map(|it: i64| first.checked_add(it.days()).unwrap().to_string());
        let holidays = holidays.collect();
        let calendar = Calendar { holidays, ..Calendar::default() };
        let from = ticks("2026-11-25T08:00:00Z");
        let found = calendar.after(from, Span::new(1, Unit::BusinessDays));
        assert_eq!(found, ticks("2029-05-14T08:00:00Z"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(berlin().fault(), None);
        let holiday = Calendar { holidays: ["25.12.2026".to_owned()].into(), ..berlin() };
        assert!(holiday.fault().is_some_and(|it| it.contains("25.12.2026")));
        let zone = Calendar { zone: "Mars/Base".to_owned(), ..berlin() };
        assert!(zone.fault().is_some_and(|it| it.contains("Mars/Base")));
        let workdays = Calendar { workdays: [0].into(), ..berlin() };
        assert!(workdays.fault().is_some());
        assert!(Calendar { workdays: BTreeSet::new(), ..berlin() }.fault().is_some());
        assert!(Span::new(0, Unit::Days).fault().is_some());
        assert!(Span::new(u32::MAX, Unit::Minutes).fault().is_some());
        assert_eq!(Span::new(3, Unit::BusinessDays).fault(), None);
    }
}
