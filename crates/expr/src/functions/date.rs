//! Date and time functions.

use super::{Args, Function, tree, values};
use crate::context::{Context, Ticks};
use crate::error::EvalError;
use crate::format::date::{
    self, Moment, TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND,
};
use crate::format::{culture, timespan};
use crate::parse::Call;
use crate::value::Value;
use crate::zones;
use jiff::tz::TimeZone;

pub(super) const FUNCTIONS: &[Function] = &[
    values("addDays", 2, 3, |args| add(args, TICKS_PER_DAY)),
    values("addHours", 2, 3, |args| add(args, TICKS_PER_HOUR)),
    values("addMinutes", 2, 3, |args| add(args, TICKS_PER_MINUTE)),
    values("addSeconds", 2, 3, |args| add(args, TICKS_PER_SECOND)),
    values("addToTime", 3, 4, |args| add_units(args, 1)),
    values("subtractFromTime", 3, 4, |args| add_units(args, -1)),
    tree("getFutureTime", 2, 3, |call, context| from_now(call, context, 1)),
    tree("getPastTime", 2, 3, |call, context| from_now(call, context, -1)),
    tree("utcNow", 0, 1, utc_now),
    values("convertFromUtc", 2, 3, |args| {
        let moment = moment(args, 0)?;
        let zone = zone(args, 1)?;
        from_utc(args, moment.ticks, &zone, 2)
    }),
    values("convertToUtc", 2, 3, |args| {
        let moment = moment(args, 0)?;
        let ticks = to_utc(args, moment, &zone(args, 1)?)?;
        text(args, Moment { ticks, is_utc: true }, 2)
    }),
    values("convertTimeZone", 3, 4, |args| {
        let moment = moment(args, 0)?;
        let ticks = to_utc(args, moment, &zone(args, 1)?)?;
        let zone = zone(args, 2)?;
        from_utc(args, ticks, &zone, 3)
    }),
    values("dateDifference", 2, 2, |args| {
        let difference = moment(args, 1)?.ticks - moment(args, 0)?.ticks;
        Ok(Value::from(timespan::format(difference)))
    }),
    values("dayOfMonth", 1, 1, |args| Ok(Value::Int(date::civil(moment(args, 0)?.ticks).day))),
    values("dayOfWeek", 1, 1, |args| Ok(Value::Int(date::day_of_week(moment(args, 0)?.ticks)))),
    values("dayOfYear", 1, 1, |args| {
        Ok(Value::Int(date::day_of_year(&date::civil(moment(args, 0)?.ticks))))
    }),
    values("formatDateTime", 1, 3, format_date_time),
    values("parseDateTime", 1, 3, parse_date_time),
    values("startOfDay", 1, 2, |args| start_of(args, TICKS_PER_DAY)),
    values("startOfHour", 1, 2, |args| start_of(args, TICKS_PER_HOUR)),
    values("startOfMonth", 1, 2, start_of_month),
    values("ticks", 1, 1, |args| Ok(Value::Int(moment(args, 0)?.ticks))),
    values("formatTimeSpan", 2, 3, |args| {
        culture::find(args.text_or(2, "en-us")?).map_err(|error| args.error(error))?;
        let span = timespan::parse(args.text(0)?).map_err(|error| args.error(error))?;
        timespan::format_as(span, args.text(1)?).map(Value::from).map_err(|error| args.error(error))
    }),
];

fn moment(args: &Args<'_>, at: usize) -> Result<Moment, EvalError> {
    date::parse(args.text(at)?).map_err(|error| args.error(error))
}

/// The text of a moment in the format at a place of the arguments, default "o".
fn text(args: &Args<'_>, moment: Moment, format_at: usize) -> Result<Value, EvalError> {
    let format = args.text_or(format_at, date::ROUND_TRIP)?;
    date::format(moment, format, &culture::EN_US)
        .map(Value::from)
        .map_err(|error| args.error(error))
}

fn moved(args: &Args<'_>, moment: Moment, ticks: Option<Ticks>) -> Result<Moment, EvalError> {
    match ticks.and_then(date::in_range) {
        Some(ticks) => Ok(Moment { ticks, ..moment }),
        None => Err(args.error("The resulting time is before the year 1 or after the year 9999.")),
    }
}

fn add(args: &mut Args<'_>, unit: i64) -> Result<Value, EvalError> {
    let moment = moment(args, 0)?;
    let count = match args.get(1) {
        // Fractions of a unit are accepted as .NET accepts them.
        Value::Float(count) => {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "a cast saturates"
            )]
            let span = (count * unit as f64).round() as i64;
            Some(span)
        }
        _ => args.int(1)?.checked_mul(unit),
    };
    let ticks = count.and_then(|span| moment.ticks.checked_add(span));
    text(args, moved(args, moment, ticks)?, 2)
}

/// A moment some units later; `Month` and `Year` follow the calendar.
fn later(ticks: Ticks, count: i64, unit: &str) -> Option<Option<Ticks>> {
    let unit = unit.trim().to_ascii_lowercase();
    let span = match unit.strip_suffix('s').unwrap_or(&unit) {
        "second" => TICKS_PER_SECOND,
        "minute" => TICKS_PER_MINUTE,
        "hour" => TICKS_PER_HOUR,
        "day" => TICKS_PER_DAY,
        "week" => 7 * TICKS_PER_DAY,
        "month" => return Some(date::add_months(ticks, count)),
        "year" => {
            return Some(count.checked_mul(12).and_then(|months| date::add_months(ticks, months)));
        }
        _ => return None,
    };
    Some(count.checked_mul(span).and_then(|span| ticks.checked_add(span)))
}

fn add_units(args: &mut Args<'_>, sign: i64) -> Result<Value, EvalError> {
    let moment = moment(args, 0)?;
    let moment = units_later(args, moment, sign, 1)?;
    text(args, moment, 3)
}

/// The interval and its unit stand at `at` and after it.
fn units_later(args: &Args<'_>, from: Moment, sign: i64, at: usize) -> Result<Moment, EvalError> {
    let count = args.int(at)?.checked_mul(sign).unwrap_or(i64::MAX);
    let unit = args.text(at + 1)?;
    let ticks = later(from.ticks, count, unit).ok_or_else(|| {
        args.error(format_args!(
            "The time unit '{unit}' is not valid; 'Second', 'Minute', 'Hour', 'Day', 'Week', 'Month' and 'Year' are."
        ))
    })?;
    moved(args, from, ticks)
}

fn from_now(call: &Call, context: &mut dyn Context, sign: i64) -> Result<Value, EvalError> {
    let mut arguments = call.values(context)?;
    let now = Moment { ticks: context.now(), is_utc: true };
    let args = Args::new(call.known_name(), &mut arguments);
    let moment = units_later(&args, now, sign, 0)?;
    text(&args, moment, 2)
}

fn utc_now(call: &Call, context: &mut dyn Context) -> Result<Value, EvalError> {
    let moment = Moment { ticks: context.now(), is_utc: true };
    if call.args.is_empty() {
        return Ok(Value::from(date::round_trip(moment)));
    }
    let mut arguments = call.values(context)?;
    text(&Args::new(call.known_name(), &mut arguments), moment, 0)
}

fn zone(args: &Args<'_>, at: usize) -> Result<TimeZone, EvalError> {
    let name = args.text(at)?;
    zones::find(name).ok_or_else(|| {
        args.error(format_args!("The value '{name}' provided for the time zone id is not valid."))
    })
}

/// The offset of a zone at an instant.
fn offset(zone: &TimeZone, ticks: Ticks) -> i64 {
    let since_epoch = ticks - date::TICKS_UNIX_EPOCH;
    let seconds = since_epoch.div_euclid(TICKS_PER_SECOND);
    let timestamp = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    i64::from(zone.to_offset(timestamp).seconds()) * TICKS_PER_SECOND
}

fn from_utc(
    args: &Args<'_>,
    ticks: Ticks,
    zone: &TimeZone,
    format_at: usize,
) -> Result<Value, EvalError> {
    let local = Moment { ticks: ticks + offset(zone, ticks), is_utc: false };
    text(args, moved(args, local, Some(local.ticks))?, format_at)
}

/// The instant of a wall clock's time. A time that a zone has twice is the later
/// one, in standard time; a time it skips moves forward.
fn to_utc(args: &Args<'_>, moment: Moment, zone: &TimeZone) -> Result<Ticks, EvalError> {
    let c = date::civil(moment.ticks);
    let small = |number: i64| i8::try_from(number).ok();
    let clock = || {
        let year = i16::try_from(c.year).ok()?;
        let (month, day) = (small(c.month)?, small(c.day)?);
        let (hour, minute, second) = (small(c.hour)?, small(c.minute)?, small(c.second)?);
        jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()
    };
    let invalid = || args.error("The time cannot be converted.");
    let clock = clock().ok_or_else(invalid)?;
    let instant = zone.to_ambiguous_timestamp(clock).later().map_err(|_| invalid())?;
    let seconds = instant.as_second();
    let ticks = seconds.checked_mul(TICKS_PER_SECOND).map(|span| span + date::TICKS_UNIX_EPOCH);
    moved(args, moment, ticks.map(|ticks| ticks + c.fraction)).map(|moment| moment.ticks)
}

fn format_date_time(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let culture = culture::find(args.text_or(2, "en-us")?).map_err(|error| args.error(error))?;
    let format = args.text_or(1, date::ROUND_TRIP)?;
    date::format(moment(args, 0)?, format, culture)
        .map(Value::from)
        .map_err(|error| args.error(error))
}

fn parse_date_time(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let culture = culture::find(args.text_or(1, "en-us")?).map_err(|error| args.error(error))?;
    let moment = match args.text_or(2, "")? {
        "" => date::parse(args.text(0)?),
        format => date::parse_exact(args.text(0)?, format, culture),
    };
    moment.map(|moment| Value::from(date::round_trip(moment))).map_err(|error| args.error(error))
}

fn start_of(args: &mut Args<'_>, unit: i64) -> Result<Value, EvalError> {
    let moment = moment(args, 0)?;
    text(args, Moment { ticks: moment.ticks - moment.ticks % unit, ..moment }, 1)
}

fn start_of_month(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let moment = moment(args, 0)?;
    let day = date::civil(moment.ticks).day;
    let start = moment.ticks - moment.ticks % TICKS_PER_DAY - (day - 1) * TICKS_PER_DAY;
    text(args, Moment { ticks: start, ..moment }, 1)
}

#[cfg(test)]
mod tests {
    use super::super::Body;
    use super::*;

    #[test]
    fn every_function_here_is_deterministic_but_those_of_the_clock() {
        let clocked: Vec<&str> = FUNCTIONS
            .iter()
            .filter(|function| matches!(function.body, Body::Tree(_)))
            .map(|function| function.name)
            .collect();
        assert_eq!(clocked, ["getFutureTime", "getPastTime", "utcNow"]);
    }
}
