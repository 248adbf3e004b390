//! ISO 8601 durations: `PT20S`, `P1M`, `P1DT12H`.

use super::date::{
    self, TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND, add_months,
};
use crate::context::Ticks;
use crate::error::EvalError;

/// A duration: calendar months, then an exact span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IsoDuration {
    pub months: i64,
    pub ticks: i64,
}

impl IsoDuration {
    /// The moment that much later. Months clamp to the last day of the month, and
    /// what lies beyond the calendar clamps to its ends.
    #[must_use]
    pub fn add_to(&self, from: Ticks) -> Ticks {
        let end = if self.months < 0 { 0 } else { date::TICKS_MAX };
        let start = if self.months == 0 { Some(from) } else { add_months(from, self.months) };
        start.map_or(end, |start| start.saturating_add(self.ticks)).clamp(0, date::TICKS_MAX)
    }
}

/// Reads a duration.
pub fn parse_iso8601(text: &str) -> Result<IsoDuration, EvalError> {
    read(text.trim()).ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        EvalError::new(format!("The value '{shown}' is not a valid ISO 8601 duration."))
    })
}

fn read(text: &str) -> Option<IsoDuration> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut rest = text.strip_prefix('P')?;
    let mut duration = IsoDuration::default();
    // The place of the last unit, so that each comes once and in order.
    let mut last = 0;
    let mut in_time = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            if in_time || after.is_empty() {
                return None;
            }
            in_time = true;
            rest = after;
            continue;
        }
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(length);
        let unit = after.chars().next()?;
        rest = &after[unit.len_utf8()..];
        let place = place(unit, in_time).filter(|place| *place > last)?;
        last = place;
        add_unit(&mut duration, place, number)?;
    }
    if last == 0 {
        return None;
    }
    if is_negative {
        duration = IsoDuration { months: -duration.months, ticks: -duration.ticks };
    }
    Some(duration)
}

/// Units in the order in which they may come, from 1.
fn place(unit: char, in_time: bool) -> Option<usize> {
    let units = if in_time { "....HMS" } else { "YMWD" };
    units.find(unit).filter(|_| unit != '.').map(|at| at + 1)
}

fn add_unit(duration: &mut IsoDuration, place: usize, number: &str) -> Option<()> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: i64 = whole.parse().ok()?;
    let ticks = match place {
        1 | 2 if fraction.is_empty() => {
            let months = whole.checked_mul(if place == 1 { 12 } else { 1 })?;
            duration.months = duration.months.checked_add(months)?;
            return Some(());
        }
        3 => 7 * TICKS_PER_DAY,
        4 => TICKS_PER_DAY,
        5 => TICKS_PER_HOUR,
        6 => TICKS_PER_MINUTE,
        7 => TICKS_PER_SECOND,
        _ => return None,
    };
    let mut total = whole.checked_mul(ticks)?;
    if !fraction.is_empty() {
        // Finer than a tick is cut off.
        let digits = fraction.get(..9).unwrap_or(fraction);
        let part: i128 = digits.parse().ok()?;
        let scale = 10_i128.pow(u32::try_from(digits.len()).ok()?);
        total = total.checked_add(i64::try_from(part * i128::from(ticks) / scale).ok()?)?;
    }
    duration.ticks = duration.ticks.checked_add(total)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let cases = [
            ("PT20S", 0, 20 * TICKS_PER_SECOND),
            ("PT1H30M", 0, 90 * TICKS_PER_MINUTE),
            ("P1Y2M", 14, 0),
            ("P2W", 0, 14 * TICKS_PER_DAY),
            ("P1DT0.5S", 0, TICKS_PER_DAY + TICKS_PER_SECOND / 2),
            ("-P1D", 0, -TICKS_PER_DAY),
            ("PT0S", 0, 0),
        ];
        for (text, months, ticks) in cases {
            assert_eq!(parse_iso8601(text).unwrap(), IsoDuration { months, ticks }, "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "1H",
            "PT1D",
            "P1H",
            "PT1S2M",
            "P1D1D",
            "P1.5M",
            "P99999999999999999999D",
        ] {
            assert!(parse_iso8601(text).is_err(), "{text}");
        }
    }

    #[test]
    fn adding_clamps() {
        let day = date::parse_ticks("2024-01-31").unwrap();
        let later = parse_iso8601("P1M").unwrap().add_to(day);
        assert_eq!(date::format_ticks(later), "2024-02-29T00:00:00.0000000Z");
        assert_eq!(parse_iso8601("P9999Y").unwrap().add_to(day), date::TICKS_MAX);
    }
}
