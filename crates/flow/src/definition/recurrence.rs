//! Reading a recurrence. Its values may be expressions on parameters, which are
//! known when a definition is loaded.

use super::loading::{Loading, Site, constant};
use super::path::At;
use super::{Dialect, code};
use crate::trigger::recurrence::{Frequency, MonthlyOccurrence, Recurrence, Schedule, Start, Zone};
use expr::{Ticks, Value};
use jiff::civil::{DateTime, Weekday};

/// Power Automate starts no flow more often.
const POWER_AUTOMATE_TICKS_MIN: Ticks = 60 * 10_000_000;

impl<'a> Loading<'a, '_> {
    /// The recurrence, unless something is wrong with it.
    pub fn recurrence(&mut self, at: &At<'a>, site: Site) -> Option<Recurrence> {
        let template = self.compile(at, site);
        let value = match constant(&template, &self.parameters) {
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.problems.evaluation(code::INVALID_RECURRENCE, &at.path, &error);
                return None;
            }
            None => {
                let expected = "a recurrence that depends on parameters only";
                self.calendar_fault(
                    at,
                    "The recurrence depends on more than parameters.",
                    expected,
                );
                return None;
            }
        };
        // places are those of the text; values those that it evaluates to
        let at = At::new(&value, at.path.clone());
        if !self.is_object(&at) {
            return None;
        }
        let frequency = self.frequency(&at);
        let zone = self.zone(&at);
        let start = self.moment(&at, "startTime");
        let end = self.moment(&at, "endTime");
        let frequency = frequency?;
        let interval = self.interval(&at, frequency);
        let schedule = at.get("schedule").and_then(|schedule| self.schedule(&schedule, frequency));
        let mut recurrence = Recurrence::every(interval?, frequency);
        recurrence.zone = zone;
        recurrence.start = start;
        recurrence.schedule = schedule;
        recurrence.end = end.and_then(|end| recurrence.moment(end));
        Some(recurrence)
    }

    fn calendar_fault(&mut self, at: &At<'_>, message: &str, expected: &str) {
        self.problems.expected(code::INVALID_RECURRENCE, &at.path, message, expected);
    }

    fn not_valid(&mut self, at: &At<'_>, expected: &str) {
        let message = format!("{} is not valid here.", at.shown());
        self.calendar_fault(at, &message, expected);
    }

    fn frequency(&mut self, at: &At<'_>) -> Option<Frequency> {
        const EXPECTED: &str = "one of Second, Minute, Hour, Day, Week, Month, Year";
        let Some(found) = at.get("frequency") else {
            self.calendar_fault(at, "The recurrence has no frequency.", EXPECTED);
            return None;
        };
        let frequency = found.text().and_then(Frequency::from_name);
        if frequency.is_none() {
            self.not_valid(&found, EXPECTED);
        }
        frequency
    }

    fn interval(&mut self, at: &At<'_>, frequency: Frequency) -> Option<u32> {
        let most: u32 = match frequency {
            Frequency::Second => 9_999_999,
            Frequency::Minute => 72_000,
            Frequency::Hour => 12_000,
            Frequency::Day => 500,
            Frequency::Week => 71,
            Frequency::Month => 16,
            // not documented
            Frequency::Year => 10,
        };
        let expected = format!("'interval' from 1 to {most}");
        let Some(found) = at.get("interval") else {
            self.calendar_fault(at, "The recurrence has no interval.", &expected);
            return None;
        };
        let number = integer(found.value).and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (1..=most).contains(number));
        let Some(number) = number else {
            self.not_valid(&found, &expected);
            return None;
        };
        let ticks = frequency.exact_ticks().map(|unit| unit.saturating_mul(i64::from(number)));
        let is_quick = ticks.is_some_and(|ticks| ticks < POWER_AUTOMATE_TICKS_MIN);
        if is_quick && self.dialect == Dialect::PowerAutomate {
            let message = "Power Automate starts flows once a minute at most.";
            self.problems.warning(code::LIMIT_EXCEEDED, &found.path, message);
        }
        Some(number)
    }

    fn zone(&mut self, at: &At<'_>) -> Option<Zone> {
        let found = at.get("timeZone").filter(|found| found.text() != Some(""))?;
        let text = found.text().unwrap_or_default();
        let rules = expr::zones::find(text);
        if rules.is_none() {
            self.not_valid(&found, "the name of a time zone such as 'W. Europe Standard Time'");
        }
        rules.map(|rules| Zone { name: text.into(), rules })
    }

    fn moment(&mut self, at: &At<'_>, name: &str) -> Option<Start> {
        let found = at.get(name).filter(|found| found.text() != Some(""))?;
        let moment = found.text().and_then(parse_moment);
        if moment.is_none() {
            self.not_valid(&found, "a moment such as '2026-01-31T08:00:00Z'");
        }
        moment
    }

    fn schedule(&mut self, at: &At<'_>, frequency: Frequency) -> Option<Schedule> {
        if !self.is_object(at) {
            return None;
        }
        let mut schedule = Schedule::default();
        for (name, list) in at.entries() {
            if list.value.is_null() || list.value.as_array().is_some_and(|items| items.is_empty()) {
                continue;
            }
            let is_known = match name.to_ascii_lowercase().as_str() {
                "hours" => self.numbers(&list, 0, 23, &mut schedule.hours),
                "minutes" => self.numbers(&list, 0, 59, &mut schedule.minutes),
                "weekdays" => self.week_days(&list, &mut schedule.week_days),
                "monthdays" => self.numbers(&list, -31, 31, &mut schedule.month_days),
                "monthlyoccurrences" => self.occurrences(&list, &mut schedule.monthly_occurrences),
                _ => false,
            };
            let fits = match name.to_ascii_lowercase().as_str() {
                "hours" | "minutes" => frequency.exact_ticks().is_none(),
                "weekdays" => frequency == Frequency::Week,
                "monthdays" | "monthlyoccurrences" => frequency == Frequency::Month,
                _ => true,
            };
            if is_known && !fits {
                let message = format!("'{name}' does not go with the frequency '{frequency:?}'.");
                let expected = "hours and minutes for Day, Week and Month; weekDays for Week; \
                                monthDays and monthlyOccurrences for Month";
                self.calendar_fault(&list, &message, expected);
            }
        }
        (schedule != Schedule::default()).then_some(schedule)
    }

    /// Items of a list, or a single value in its place.
    fn list<'v>(&mut self, at: &At<'v>) -> Vec<At<'v>> {
        match at.value {
            Value::Array(_) => at.items(),
            _ => vec![at.clone()],
        }
    }

    fn numbers(&mut self, at: &At<'_>, least: i8, most: i8, into: &mut Vec<i8>) -> bool {
        for item in self.list(at) {
            let number = integer(item.value).and_then(|number| i8::try_from(number).ok());
            let is_day_zero = least < 0 && number == Some(0);
            match number.filter(|number| (least..=most).contains(number) && !is_day_zero) {
                Some(number) => into.push(number),
                None => self.not_valid(&item, &format!("a number from {least} to {most}")),
            }
        }
        true
    }

    fn week_days(&mut self, at: &At<'_>, into: &mut Vec<Weekday>) -> bool {
        for item in self.list(at) {
            match item.text().and_then(week_day) {
                Some(day) => into.push(day),
                None => self.not_valid(&item, "a day such as 'Monday'"),
            }
        }
        true
    }

    /// `[{"day": "Tuesday", "occurrence": 2}]`; the public client library writes
    /// `dayOfWeek`.
    fn occurrences(&mut self, at: &At<'_>, into: &mut Vec<MonthlyOccurrence>) -> bool {
        for item in self.list(at) {
            let day = item.get("day").or_else(|| item.get("dayOfWeek"));
            let day = day.and_then(|day| week_day(day.text()?));
            let number = item.get("occurrence").and_then(|number| integer(number.value));
            let number = number.and_then(|number| i8::try_from(number).ok());
            let number = number.filter(|number| matches!(number, -5..=-1 | 1..=5));
            match (day, number) {
                (Some(week_day), Some(occurrence)) => {
                    into.push(MonthlyOccurrence { week_day, occurrence });
                }
                _ => self.not_valid(&item, "'day' with 'occurrence' from 1 to 5, or -1 to -5"),
            }
        }
        true
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_int(),
    }
}

fn week_day(name: &str) -> Option<Weekday> {
    const NAMES: [&str; 7] =
        ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let found = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    Weekday::from_sunday_zero_offset(i8::try_from(found).ok()?).ok()
}

/// With an offset or `Z` a moment, else a local time.
fn parse_moment(text: &str) -> Option<Start> {
    let text = text.trim();
    if let Ok(local) = text.parse::<DateTime>() {
        return (0..=9_999).contains(&local.year()).then_some(Start::Local(local));
    }
    expr::format::date::parse_ticks(text).ok().map(Start::Instant)
}
