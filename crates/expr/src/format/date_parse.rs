//! Text to moments: ISO 8601, US and RFC 1123 dates without being told the format,
//! and any text with a custom format.
//!
//! Not here: words that mean today (a time without a date is an error, because the
//! answer would depend on the clock).

use super::culture::Culture;
use super::date::{Civil, Moment, TICKS_PER_MINUTE, day_of_week, in_range, ticks_of};
use super::date_text::{DAYS, Item, MONTHS, items, standard};
use crate::error::EvalError;

/// Characters that a timestamp may have; real ones stay below 40.
const TIMESTAMP_CHARS_MAX: usize = 200;

/// What has been read of a timestamp so far.
#[derive(Default)]
struct Parts {
    /// Numbers of the date, with how many digits they have.
    numbers: Vec<(i64, usize)>,
    month: Option<i64>,
    weekday: Option<i64>,
    time: Option<[i64; 4]>,
    is_pm: Option<bool>,
    offset_minutes: Option<i64>,
}

/// Reads a timestamp of no particular format.
pub fn parse(text: &str) -> Result<Moment, EvalError> {
    let invalid = || {
        let shown: String = text.chars().take(100).collect();
        EvalError::new(format!("The provided date time string '{shown}' is not valid."))
    };
    if text.len() > TIMESTAMP_CHARS_MAX {
        return Err(invalid());
    }
    let mut reader = Reader { rest: text };
    let mut parts = Parts::default();
    while !reader.rest.is_empty() {
        parts.token(&mut reader).ok_or_else(invalid)?;
    }
    parts.moment().ok_or_else(invalid)
}

/// Reads a timestamp of a given custom or standard format.
pub fn parse_exact(text: &str, format: &str, culture: &Culture) -> Result<Moment, EvalError> {
    let invalid = || {
        let shown: String = text.chars().take(100).collect();
        EvalError::new(format!(
            "The provided date time string '{shown}' does not have the format '{format}'."
        ))
    };
    let mut letters = format.chars();
    let format = match (letters.next(), letters.next()) {
        (Some(letter), None) => standard(letter, culture).ok_or_else(invalid)?,
        _ => format,
    };
    let items = items(format).ok_or_else(invalid)?;
    let mut reader = Reader { rest: text };
    let mut exact = Exact::default();
    for item in &items {
        let fits = match item {
            Item::Literal(literal) => reader.literal(literal),
            Item::Letters(letter, count) => exact.letters(*letter, *count, &mut reader),
        };
        fits.ok_or_else(invalid)?;
    }
    if !reader.rest.is_empty() {
        return Err(invalid());
    }
    exact.moment().ok_or_else(invalid)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// Digits, at least `min` and at most `max`, as they stand.
    fn digits(&mut self, min: usize, max: usize) -> Option<&'a str> {
        let length = self.rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
        if length < min {
            return None;
        }
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(digits)
    }

    fn number(&mut self, min: usize, max: usize) -> Option<i64> {
        self.digits(min, max)?.parse().ok()
    }

    fn word(&mut self) -> &'a str {
        let length = self.rest.find(|c: char| !c.is_alphabetic()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        word
    }

    /// Fraction digits as 100-nanosecond steps, rounded.
    fn fraction(&mut self) -> Option<i64> {
        let digits = self.digits(1, 30)?;
        let kept = digits.get(..7).unwrap_or(digits);
        let scale = 10_i64.pow(7 - u32::try_from(kept.len()).ok()?);
        let rounding = i64::from(digits.as_bytes().get(7).is_some_and(|digit| *digit >= b'5'));
        let fraction = kept.parse::<i64>().ok()? * scale + rounding;
        Some(fraction.min(9_999_999))
    }

    /// An offset after its sign: `hh`, `hhmm` or `hh:mm`.
    fn offset(&mut self) -> Option<i64> {
        let hours = self.number(1, 2)?;
        let minutes = if self.skip(':') || self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.number(2, 2)?
        } else {
            0
        };
        (hours <= 14 && minutes < 60).then_some(hours * 60 + minutes)
    }
}

/// The place of a name in a list: in full, or its first three letters.
fn named(names: &[&str], word: &str) -> Option<i64> {
    let is_name = |name: &str| {
        name.eq_ignore_ascii_case(word)
            || name.get(..3).is_some_and(|short| short.eq_ignore_ascii_case(word))
    };
    names.iter().position(|name| is_name(name)).and_then(|at| i64::try_from(at).ok())
}

impl Parts {
    fn token(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let next = reader.peek()?;
        match next {
            '0'..='9' => self.number(reader),
            '+' | '-' if self.time.is_some() => {
                reader.skip(next);
                let minutes = reader.offset()?;
                let minutes = if next == '-' { -minutes } else { minutes };
                self.offset_minutes.replace(minutes).is_none().then_some(())
            }
            '/' | '-' | '.' if !self.numbers.is_empty() || self.month.is_some() => {
                reader.skip(next);
                Some(())
            }
            next if next.is_whitespace() || next == ',' => {
                reader.skip(next);
                Some(())
            }
            next if next.is_alphabetic() => self.word(reader),
            _ => None,
        }
    }

    fn number(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let digits = reader.digits(1, 9)?;
        let number = digits.parse().ok()?;
        if reader.skip(':') {
            return self.clock(number, reader);
        }
        // An hour alone, when half of the day follows.
        let mut ahead = Reader { rest: reader.rest.trim_start() };
        let word = ahead.word();
        if self.time.is_none()
            && (word.eq_ignore_ascii_case("am") || word.eq_ignore_ascii_case("pm"))
        {
            self.time = Some([number, 0, 0, 0]);
            return Some(());
        }
        self.numbers.push((number, digits.len()));
        (self.numbers.len() <= 3).then_some(())
    }

    fn clock(&mut self, hour: i64, reader: &mut Reader<'_>) -> Option<()> {
        let minute = reader.number(1, 2)?;
        let mut time = [hour, minute, 0, 0];
        if reader.skip(':') {
            time[2] = reader.number(1, 2)?;
            if reader.skip('.') || reader.skip(',') {
                time[3] = reader.fraction()?;
            }
        }
        self.time.replace(time).is_none().then_some(())
    }

    fn word(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let word = reader.word();
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        if is("am") || is("pm") || is("a") || is("p") {
            return self.is_pm.replace(word.starts_with(['p', 'P'])).is_none().then_some(());
        }
        if is("z") || is("gmt") || is("utc") {
            self.time.is_some().then_some(())?;
            return self.offset_minutes.replace(0).is_none().then_some(());
        }
        if is("t") && self.numbers.len() == 3 && self.time.is_none() {
            return reader.peek()?.is_ascii_digit().then_some(());
        }
        if let Some(month) = named(&MONTHS, word) {
            return self.month.replace(month + 1).is_none().then_some(());
        }
        let weekday = named(&DAYS, word)?;
        self.weekday.replace(weekday).is_none().then_some(())
    }

    fn date(&self) -> Option<(i64, i64, i64)> {
        let year = |(number, digits): (i64, usize)| match digits {
            1 | 2 if number < 50 => 2000 + number,
            1 | 2 => 1900 + number,
            _ => number,
        };
        let is_year = |(number, digits): (i64, usize)| digits > 2 || number > 31;
        Some(match (self.month, self.numbers.as_slice()) {
            (Some(month), &[y]) if is_year(y) => (year(y), month, 1),
            (Some(month), &[y, d]) if y.1 > 2 => (year(y), month, d.0),
            (Some(month), &[d, y]) => (year(y), month, d.0),
            (None, &[y, m, d]) if y.1 > 2 => (year(y), m.0, d.0),
            (None, &[m, d, y]) => (year(y), m.0, d.0),
            (None, &[y, m]) if y.1 == 4 && m.1 <= 2 => (year(y), m.0, 1),
            (None, &[m, y]) if y.1 == 4 && m.1 <= 2 => (year(y), m.0, 1),
            _ => return None,
        })
    }

    fn moment(&self) -> Option<Moment> {
        let (year, month, day) = self.date()?;
        let [hour, minute, second, fraction] = self.time.unwrap_or_default();
        let hour = match self.is_pm {
            None => hour,
            Some(_) if self.time.is_none() => return None,
            Some(is_pm) => to_24_hours(hour, is_pm)?,
        };
        let ticks = ticks_of(&Civil { year, month, day, hour, minute, second, fraction })?;
        if self.weekday.is_some_and(|weekday| weekday != day_of_week(ticks)) {
            return None;
        }
        in_zone(ticks, self.offset_minutes)
    }
}

fn to_24_hours(hour: i64, is_pm: bool) -> Option<i64> {
    (1..=12).contains(&hour).then_some(hour % 12 + if is_pm { 12 } else { 0 })
}

fn in_zone(ticks: i64, offset_minutes: Option<i64>) -> Option<Moment> {
    let offset = offset_minutes.unwrap_or(0) * TICKS_PER_MINUTE;
    Some(Moment { ticks: in_range(ticks - offset)?, is_utc: offset_minutes.is_some() })
}

/// What a format has read so far.
#[derive(Default)]
struct Exact {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    fraction: i64,
    is_pm: Option<bool>,
    is_half_day: bool,
    offset_minutes: Option<i64>,
}

impl Exact {
    fn letters(&mut self, letter: char, count: usize, reader: &mut Reader<'_>) -> Option<()> {
        let digits = count.min(2);
        match (letter, count) {
            ('d', 1 | 2) => self.day = Some(reader.number(digits, 2)?),
            ('d', _) => drop(named(&DAYS, reader.word())?),
            ('M', 1 | 2) => self.month = Some(reader.number(digits, 2)?),
            ('M', _) => self.month = Some(named(&MONTHS, reader.word())? + 1),
            ('y', 1 | 2) => {
                let year = reader.number(digits, 2)?;
                self.year = Some(year + if year < 50 { 2000 } else { 1900 });
            }
            ('y', _) => self.year = Some(reader.number(count.min(5), count.clamp(4, 5))?),
            ('H', _) => self.hour = reader.number(digits, 2)?,
            ('h', _) => {
                self.hour = reader.number(digits, 2)?;
                self.is_half_day = true;
            }
            ('m', _) => self.minute = reader.number(digits, 2)?,
            ('s', _) => self.second = reader.number(digits, 2)?,
            ('f', 1..=7) => {
                let mut part = Reader { rest: reader.digits(count, count)? };
                self.fraction = part.fraction()?;
            }
            ('F', 1..=7) => {
                let digits = reader.digits(0, count)?;
                self.fraction = Reader { rest: digits }.fraction().unwrap_or(0);
            }
            ('t', _) => {
                let half = reader.rest.get(..digits)?;
                self.is_pm = Some(match half.to_ascii_uppercase().as_str() {
                    "A" | "AM" => false,
                    "P" | "PM" => true,
                    _ => return None,
                });
                reader.rest = &reader.rest[digits..];
            }
            ('K', _) => self.zone(reader)?,
            ('z', _) => {
                let sign = if reader.skip('-') { -1 } else { reader.skip('+').then_some(1)? };
                self.offset_minutes = Some(sign * reader.offset()?);
            }
            _ => return None,
        }
        Some(())
    }

    fn zone(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        if reader.skip('Z') {
            self.offset_minutes = Some(0);
        } else if matches!(reader.peek(), Some('+' | '-')) {
            return self.letters('z', 3, reader);
        }
        Some(())
    }

    fn moment(&self) -> Option<Moment> {
        let hour = match self.is_pm {
            Some(is_pm) if self.is_half_day => to_24_hours(self.hour, is_pm)?,
            None if self.is_half_day => self.hour % 12,
            _ => self.hour,
        };
        let ticks = ticks_of(&Civil {
            year: self.year?,
            month: self.month.unwrap_or(1),
            day: self.day.unwrap_or(1),
            hour,
            minute: self.minute,
            second: self.second,
            fraction: self.fraction,
        })?;
        in_zone(ticks, self.offset_minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::culture::EN_US;
    use super::super::date::round_trip;
    use super::*;

    fn read(text: &str) -> String {
        round_trip(parse(text).unwrap())
    }

    #[test]
    fn timestamps_in_many_shapes() {
        let cases = [
            ("2018-03-15T13:30:30.5Z", "2018-03-15T13:30:30.5000000Z"),
            ("2018-03-15T13:30:30-08:00", "2018-03-15T21:30:30.0000000Z"),
            ("2018-03-15 13:30:30 +0100", "2018-03-15T12:30:30.0000000Z"),
            ("2018-03-15", "2018-03-15T00:00:00.0000000"),
            ("2018-3-5T1:02", "2018-03-05T01:02:00.0000000"),
            ("2018/03/15", "2018-03-15T00:00:00.0000000"),
            ("2018-03", "2018-03-01T00:00:00.0000000"),
            ("3/5/2018 1:02:03 PM", "2018-03-05T13:02:03.0000000"),
            ("03/15/18", "2018-03-15T00:00:00.0000000"),
            ("3/5/2018 5 pm", "2018-03-05T17:00:00.0000000"),
            ("Thu, 15 Mar 2018 13:30:30 GMT", "2018-03-15T13:30:30.0000000Z"),
            ("Thursday, March 15, 2018", "2018-03-15T00:00:00.0000000"),
            ("15-Mar-2018", "2018-03-15T00:00:00.0000000"),
            ("March 2018", "2018-03-01T00:00:00.0000000"),
            ("2018-03-15T13:30:30.123456789Z", "2018-03-15T13:30:30.1234568Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_timestamp_is_an_error() {
        let cases = [
            "",
            "x",
            "12:00",
            "2018-13-01",
            "2018-02-30",
            "2018-03-15T25:00",
            "20180315",
            "2018-03-15T",
            "Friday, March 15, 2018",
            "2018-03-15Z",
            "1/2/3/4",
            "3/5/2018 13:00 PM",
            "2018-03-15T00:00:00+99:00",
            "0001-01-01T00:00:00+05:00",
            "99999999999999999999",
        ];
        for text in cases {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn formats_are_read_exactly() {
        let read = |text, format| parse_exact(text, format, &EN_US).map(round_trip);
        assert_eq!(read("20190521", "yyyyMMdd").unwrap(), "2019-05-21T00:00:00.0000000");
        assert_eq!(
            read("10/20/2014 15h", "MM/dd/yyyy HH\\h").unwrap(),
            "2014-10-20T15:00:00.0000000"
        );
        assert_eq!(
            read("5 Mar 2018 1:02 PM", "d MMM yyyy h:mm tt").unwrap(),
            "2018-03-05T13:02:00.0000000"
        );
        assert_eq!(
            read("2018-03-05T01:02:03.0000000+01:00", "o").unwrap(),
            "2018-03-05T00:02:03.0000000Z"
        );
        assert!(read("2019-05-21", "yyyyMMdd").is_err());
        assert!(read("20190521x", "yyyyMMdd").is_err());
    }
}
