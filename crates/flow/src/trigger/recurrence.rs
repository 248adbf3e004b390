//! The calendar of a Recurrence trigger: a pure function from moments to moments.
//!
//! Occurrences are multiples of the interval after an anchor: the start time, or the
//! moment the flow was turned on. Seconds, minutes and hours are exact spans; days,
//! weeks, months and years keep the local time of the zone. A local time that a
//! change of offset skips is moved later by the change (02:30 becomes 03:30); one
//! that comes twice runs the first time only. Months that are too short clamp the
//! anchor's day; a schedule's days that a month lacks are left out. Weeks begin on
//! Sunday.
//!
//! Invariant: for every moment there is at most one next occurrence, and it is later.
//!
//! Source: "Schedules for recurring triggers in Azure Logic Apps workflows".

use crate::limits;
use expr::{Str, Ticks};
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The unit of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Frequency {
    const ALL: [(&'static str, Frequency); 7] = [
        ("Second", Frequency::Second),
        ("Minute", Frequency::Minute),
        ("Hour", Frequency::Hour),
        ("Day", Frequency::Day),
        ("Week", Frequency::Week),
        ("Month", Frequency::Month),
        ("Year", Frequency::Year),
    ];

    /// Letter case is ignored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(found.1)
    }

    /// Ticks of a unit whose length never changes.
    #[must_use]
    pub fn exact_ticks(self) -> Option<Ticks> {
        match self {
            Frequency::Second => Some(TICKS_PER_SECOND),
            Frequency::Minute => Some(60 * TICKS_PER_SECOND),
            Frequency::Hour => Some(3_600 * TICKS_PER_SECOND),
            _ => None,
        }
    }
}

/// When runs begin.
#[derive(Clone, Debug)]
pub struct Recurrence {
    pub frequency: Frequency,
    pub interval: u32,
    pub start: Option<Start>,
    /// Matters with a start time or a schedule only.
    pub zone: Option<Zone>,
    pub schedule: Option<Schedule>,
    /// No occurrence is later.
    pub end: Option<Ticks>,
}

/// The start time as it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With an offset, or `Z`.
    Instant(Ticks),
    /// Without: local to the zone, else UTC.
    Local(DateTime),
}

/// A time zone with the name that the definition uses.
#[derive(Clone, Debug)]
pub struct Zone {
    pub name: Str,
    pub rules: TimeZone,
}

/// Days and times within the periods of a recurrence. Empty lists take what the
/// anchor has; hours without minutes are full hours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    pub hours: Vec<i8>,
    pub minutes: Vec<i8>,
    /// Weekly only.
    pub week_days: Vec<Weekday>,
    /// Monthly only: 1 is the first day, -1 the last.
    pub month_days: Vec<i8>,
    /// Monthly only.
    pub monthly_occurrences: Vec<MonthlyOccurrence>,
}

/// The second Tuesday; the last Friday is occurrence -1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthlyOccurrence {
    pub week_day: Weekday,
    pub occurrence: i8,
}

const TICKS_PER_SECOND: Ticks = 10_000_000;
/// Ticks from 0001-01-01 to 1970-01-01.
const UNIX_EPOCH_TICKS: Ticks = 621_355_968_000_000_000;
/// The last tick of the year 9999.
const TICKS_MAX: Ticks = 3_155_378_975_999_999_999;

fn timestamp(ticks: Ticks) -> Option<Timestamp> {
    let since = ticks.checked_sub(UNIX_EPOCH_TICKS)?;
    let fraction = i32::try_from(since.rem_euclid(TICKS_PER_SECOND)).ok()?;
    Timestamp::new(since.div_euclid(TICKS_PER_SECOND), fraction * 100).ok()
}

fn ticks(timestamp: Timestamp) -> Option<Ticks> {
    let hundreds = timestamp.as_nanosecond().div_euclid(100);
    let ticks = i64::try_from(hundreds).ok()?.checked_add(UNIX_EPOCH_TICKS)?;
    (0..=TICKS_MAX).contains(&ticks).then_some(ticks)
}

/// The moment of a local time. Skipped times move later, double ones are the first.
fn instant(local: DateTime, zone: &TimeZone) -> Option<Ticks> {
    ticks(zone.to_ambiguous_timestamp(local).compatible().ok()?)
}

impl Recurrence {
    /// Every `interval` units, from the moment the flow is turned on.
    #[must_use]
    pub fn every(interval: u32, frequency: Frequency) -> Self {
        Recurrence { frequency, interval, start: None, zone: None, schedule: None, end: None }
    }

    /// The first occurrence after `last`, and not before the flow was turned on at
    /// `created`. `None` when there are no more.
    #[must_use]
    pub fn next_after(&self, created: Ticks, last: Option<Ticks>) -> Option<Ticks> {
        let created = created.clamp(0, TICKS_MAX);
        let zone = self.effective_zone();
        let anchor = match self.start {
            Some(start) => self.moment(start)?,
            None => created,
        };
        let after_last = last.map_or(Some(0), |last| last.checked_add(1))?;
        let earliest = created.max(after_last).max(anchor);
        let next = match self.frequency.exact_ticks() {
            Some(unit) => exact(anchor, unit.checked_mul(i64::from(self.interval))?, earliest),
            None => self.calendar(anchor, earliest, &zone),
        };
        next.filter(|next| self.end.is_none_or(|end| *next <= end))
    }

    /// The moment of a time that may be local to the zone.
    #[must_use]
    pub fn moment(&self, time: Start) -> Option<Ticks> {
        match time {
            Start::Instant(ticks) => Some(ticks.clamp(0, TICKS_MAX)),
            Start::Local(local) => instant(local, &self.effective_zone()),
        }
    }

    fn effective_zone(&self) -> TimeZone {
        match &self.zone {
            Some(zone) if self.start.is_some() || self.schedule.is_some() => zone.rules.clone(),
            _ => TimeZone::UTC,
        }
    }

    /// The first occurrence at or after `earliest` for units that calendars define.
    fn calendar(&self, anchor: Ticks, earliest: Ticks, zone: &TimeZone) -> Option<Ticks> {
        let local = |ticks| Some(zone.to_datetime(timestamp(ticks)?));
        let anchor_local = match self.start {
            Some(Start::Local(local)) => local,
            _ => local(anchor)?,
        };
        let from = local(earliest)?.date();
        let times = self.times(anchor_local.time());
        let mut found: Option<(Ticks, Date)> = None;
        let first = self.period_of(anchor_local.date(), from).saturating_sub(PERIODS_BACK).max(0);
        for period in (first..).take(limits::RECURRENCE_PERIODS_MAX) {
            let Some(dates) = self.dates(anchor_local.date(), period) else { break };
            for date in dates {
                let distance = days_between(from, date);
                if distance < -DAYS_BACK {
                    continue;
                }
                if let Some((next, at)) = found {
                    // a skipped day may move an occurrence behind those of the next day
                    if days_between(at, date) > 1 {
                        return Some(next);
                    }
                }
                for time in &times {
                    let is_anchor = self.schedule.is_none() && period == 0;
                    let next = if is_anchor {
                        Some(anchor)
                    } else {
                        instant(date.to_datetime(*time), zone)
                    };
                    let Some(next) = next.filter(|next| *next >= earliest) else { continue };
                    if found.is_none_or(|(best, _)| next < best) {
                        found = Some((next, date));
                    }
                }
            }
        }
        found.map(|(next, _)| next)
    }

    /// Times of day, in order.
    fn times(&self, anchor: Time) -> Vec<Time> {
        let Some(schedule) = &self.schedule else { return vec![anchor] };
        if schedule.hours.is_empty() && schedule.minutes.is_empty() {
            return vec![anchor];
        }
        let or = |list: &[i8], default: i8| {
            let mut list = if list.is_empty() { vec![default] } else { list.to_vec() };
            list.sort_unstable();
            list.dedup();
            list
        };
        let minutes = or(&schedule.minutes, 0);
        let mut times = Vec::new();
        for hour in or(&schedule.hours, anchor.hour()) {
            times.extend(minutes.iter().filter_map(|minute| Time::new(hour, *minute, 0, 0).ok()));
        }
        times
    }

    /// How many intervals after the anchor's period the date lies.
    fn period_of(&self, anchor: Date, date: Date) -> i64 {
        let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
        let units = match self.frequency {
            Frequency::Week => days_between(week_start(anchor), week_start(date)) / 7,
            Frequency::Month => months(date) - months(anchor),
            Frequency::Year => i64::from(date.year()) - i64::from(anchor.year()),
            _ => days_between(anchor, date),
        };
        units / i64::from(self.interval.max(1))
    }

    /// The dates of a period, in order; `None` beyond the calendar.
    fn dates(&self, anchor: Date, period: i64) -> Option<Vec<Date>> {
        let count = period.checked_mul(i64::from(self.interval))?;
        let add = |date: Date, span: Result<Span, jiff::Error>| date.checked_add(span.ok()?).ok();
        match self.frequency {
            Frequency::Week => {
                let week_days = self.schedule.as_ref().map_or(&[][..], |s| &s.week_days);
                let date = add(anchor, Span::new().try_weeks(count))?;
                if week_days.is_empty() {
                    return Some(vec![date]);
                }
                let sunday = week_start(date);
                let days = (0..7).filter_map(|day| add(sunday, Span::new().try_days(day)));
                Some(days.filter(|date| week_days.contains(&date.weekday())).collect())
            }
            Frequency::Month => {
                let date = add(anchor, Span::new().try_months(count))?;
                Some(match &self.schedule {
                    Some(schedule) => schedule.month(date),
                    None => vec![date],
                })
            }
            Frequency::Year => Some(vec![add(anchor, Span::new().try_years(count))?]),
            _ => Some(vec![add(anchor, Span::new().try_days(count))?]),
        }
    }
}

impl Schedule {
    /// The scheduled dates of the month of `date`; `date` itself when none is given.
    fn month(&self, date: Date) -> Vec<Date> {
        if self.month_days.is_empty() && self.monthly_occurrences.is_empty() {
            return vec![date];
        }
        let last = date.days_in_month();
        let day = |day: i8| Date::new(date.year(), date.month(), day).ok();
        let numbered = self.month_days.iter().filter_map(|number| {
            day(if *number < 0 { last.checked_add(*number)?.checked_add(1)? } else { *number })
        });
        let named = self
            .monthly_occurrences
            .iter()
            .filter_map(|at| date.nth_weekday_of_month(at.occurrence, at.week_day).ok());
        let mut dates: Vec<Date> = numbered.chain(named).collect();
        dates.sort_unstable();
        dates.dedup();
        dates
    }
}

/// Periods before the one of the moment that are looked at: a skipped local time
/// moves later, at most into the next period.
const PERIODS_BACK: i64 = 2;
/// The same, in days.
const DAYS_BACK: i64 = 2;

/// The first multiple of `step` after `anchor` that is not before `earliest`.
fn exact(anchor: Ticks, step: Ticks, earliest: Ticks) -> Option<Ticks> {
    if step <= 0 {
        return None;
    }
    let behind = earliest.checked_sub(anchor)?.max(0);
    let count = behind / step + i64::from(behind % step > 0);
    let next = anchor.checked_add(count.checked_mul(step)?)?;
    (next <= TICKS_MAX).then_some(next)
}

fn week_start(date: Date) -> Date {
    let back = i64::from(date.weekday().to_sunday_zero_offset());
    Span::new().try_days(back).ok().and_then(|span| date.checked_sub(span).ok()).unwrap_or(date)
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}
