//! Spans of time as .NET writes them: `[-][d.]hh:mm:ss[.fffffff]`.

use super::date::{TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND};
use crate::error::EvalError;

/// The span in the constant format "c".
#[must_use]
pub fn format(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let p = Parts::of(ticks);
    let days = if p.days == 0 { String::new() } else { format!("{}.", p.days) };
    let fraction = if p.fraction == 0 { String::new() } else { format!(".{:07}", p.fraction) };
    format!("{sign}{days}{:02}:{:02}:{:02}{fraction}", p.hours, p.minutes, p.seconds)
}

struct Parts {
    days: u64,
    hours: u64,
    minutes: u64,
    seconds: u64,
    fraction: u64,
}

impl Parts {
    fn of(ticks: i64) -> Parts {
        let ticks = ticks.unsigned_abs();
        Parts {
            days: ticks / TICKS_PER_DAY as u64,
            hours: ticks / TICKS_PER_HOUR as u64 % 24,
            minutes: ticks / TICKS_PER_MINUTE as u64 % 60,
            seconds: ticks / TICKS_PER_SECOND as u64 % 60,
            fraction: ticks % TICKS_PER_SECOND as u64,
        }
    }
}

/// Reads a span of the constant format; fields may be short, days may stand alone.
pub fn parse(text: &str) -> Result<i64, EvalError> {
    read(text.trim()).ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        EvalError::new(format!("The value '{shown}' is not a valid time span."))
    })
}

fn read(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let number = |text: &str, max: i64| {
        let is_number =
            !text.is_empty() && text.len() <= 8 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| is_number && *number <= max)
    };
    let Some((head, tail)) = text.split_once(':') else {
        return Some(sign * number(text, 10_675_199)? * TICKS_PER_DAY);
    };
    let (days, hours) = match head.split_once('.') {
        Some((days, hours)) => (number(days, 10_675_198)?, number(hours, 23)?),
        None => (0, number(head, 23)?),
    };
    let (minutes, seconds) = tail.split_once(':').unwrap_or((tail, "0"));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if fraction.len() > 7 {
        return None;
    }
    let fraction = number(&format!("{fraction:0<7}"), 9_999_999)?;
    let total = days * TICKS_PER_DAY
        + hours * TICKS_PER_HOUR
        + number(minutes, 59)? * TICKS_PER_MINUTE
        + number(seconds, 59)? * TICKS_PER_SECOND
        + fraction;
    Some(sign * total)
}

/// The span in a format: `c`, `g`, `G`, or letters such as `hh\:mm`.
pub fn format_as(ticks: i64, format: &str) -> Result<String, EvalError> {
    let p = Parts::of(ticks);
    let sign = if ticks < 0 { "-" } else { "" };
    let time = format!("{}:{:02}:{:02}", p.hours, p.minutes, p.seconds);
    let fraction = format!("{:07}", p.fraction);
    Ok(match format {
        "" | "c" | "t" | "T" => self::format(ticks),
        "g" => {
            let days = if p.days == 0 { String::new() } else { format!("{}:", p.days) };
            let short = fraction.trim_end_matches('0');
            let point = if short.is_empty() { "" } else { "." };
            format!("{sign}{days}{time}{point}{short}")
        }
        "G" => format!("{sign}{}:{:0>8}.{fraction}", p.days, time),
        custom => return self::custom(&p, custom),
    })
}

fn custom(p: &Parts, format: &str) -> Result<String, EvalError> {
    let invalid = || EvalError::new(format!("The time span format '{format}' is not valid."));
    let mut out = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| c != first).unwrap_or(rest.len());
        let number = match first {
            'd' if length <= 8 => p.days,
            'h' if length <= 2 => p.hours,
            'm' if length <= 2 => p.minutes,
            's' if length <= 2 => p.seconds,
            'f' | 'F' if length <= 7 => {
                let digits = format!("{:07}", p.fraction);
                let kept = &digits[..length];
                out.push_str(if first == 'F' { kept.trim_end_matches('0') } else { kept });
                rest = &rest[length..];
                continue;
            }
            '\\' => {
                let next = rest[1..].chars().next().ok_or_else(invalid)?;
                out.push(next);
                rest = &rest[1 + next.len_utf8()..];
                continue;
            }
            '\'' | '"' => {
                let end = rest[1..].find(first).ok_or_else(invalid)?;
                out.push_str(&rest[1..=end]);
                rest = &rest[end + 2..];
                continue;
            }
            '%' => {
                rest = &rest[1..];
                continue;
            }
            _ => return Err(invalid()),
        };
        out.push_str(&format!("{number:0length$}"));
        rest = &rest[length..];
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_and_read() {
        for text in ["00:00:00", "1268.00:00:00", "-01:02:03", "-3.04:05:06.0700000"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        assert_eq!(parse("2").unwrap(), 2 * TICKS_PER_DAY);
        assert_eq!(parse("1:2").unwrap(), 62 * TICKS_PER_MINUTE);
        for text in ["", "x", "25:00:00", "1:2:3:4", "1:60:00", "1.2", "99999999999:00"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn formats_of_spans() {
        let ticks = parse("1.02:03:04.5").unwrap();
        assert_eq!(format_as(ticks, "g").unwrap(), "1:2:03:04.5");
        assert_eq!(format_as(ticks, "G").unwrap(), "1:02:03:04.5000000");
        assert_eq!(format_as(ticks, "d\\.hh\\:mm' min'").unwrap(), "1.02:03 min");
        assert!(format_as(ticks, "yyyy").is_err());
    }
}
