//! Dates to text by .NET's standard and custom date formats.

use super::culture::Culture;
use super::date::{Civil, Moment, civil, day_of_week, round_trip};
use crate::error::EvalError;
use crate::limits;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The text of a moment in a standard format (one letter) or a custom one.
pub fn format(moment: Moment, format: &str, culture: &Culture) -> Result<String, EvalError> {
    if format.len() > limits::FORMAT_CHARS_MAX {
        return Err(bad_format(format));
    }
    let mut letters = format.chars();
    match (letters.next(), letters.next()) {
        (None, _) => Ok(round_trip(moment)),
        (Some('o' | 'O'), None) => Ok(round_trip(moment)),
        (Some(letter), None) => {
            let custom = standard(letter, culture).ok_or_else(|| bad_format(format))?;
            self::custom(moment, custom)
        }
        _ => custom(moment, format),
    }
}

/// The custom format that a standard one stands for.
pub(super) fn standard(letter: char, culture: &Culture) -> Option<&'static str> {
    let invariant = culture.is_invariant;
    Some(match letter {
        'd' if invariant => "MM/dd/yyyy",
        'd' => "M/d/yyyy",
        'D' if invariant => "dddd, dd MMMM yyyy",
        'D' => "dddd, MMMM d, yyyy",
        'f' if invariant => "dddd, dd MMMM yyyy HH:mm",
        'f' => "dddd, MMMM d, yyyy h:mm tt",
        'F' | 'U' if invariant => "dddd, dd MMMM yyyy HH:mm:ss",
        'F' | 'U' => "dddd, MMMM d, yyyy h:mm:ss tt",
        'g' if invariant => "MM/dd/yyyy HH:mm",
        'g' => "M/d/yyyy h:mm tt",
        'G' if invariant => "MM/dd/yyyy HH:mm:ss",
        'G' => "M/d/yyyy h:mm:ss tt",
        'm' | 'M' if invariant => "MMMM dd",
        'm' | 'M' => "MMMM d",
        'o' | 'O' => "yyyy-MM-ddTHH:mm:ss.fffffffK",
        'r' | 'R' => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        's' => "yyyy-MM-ddTHH:mm:ss",
        't' if invariant => "HH:mm",
        't' => "h:mm tt",
        'T' if invariant => "HH:mm:ss",
        'T' => "h:mm:ss tt",
        'u' => "yyyy-MM-dd HH:mm:ss'Z'",
        'y' | 'Y' if invariant => "yyyy MMMM",
        'y' | 'Y' => "MMMM yyyy",
        _ => return None,
    })
}

fn bad_format(format: &str) -> EvalError {
    let shown: String = format.chars().take(100).collect();
    EvalError::new(format!("The date format '{shown}' is not valid."))
}

/// A part of a custom format.
pub(super) enum Item<'a> {
    /// A format letter, repeated.
    Letters(char, usize),
    /// Text that stands for itself.
    Literal(&'a str),
}

/// Cuts a custom format into its parts; `None` when it is not valid.
pub(super) fn items(format: &str) -> Option<Vec<Item<'_>>> {
    let mut items = Vec::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        match first {
            '\'' | '"' => {
                let length = after.find(first)?;
                items.push(Item::Literal(&after[..length]));
                rest = &after[length + 1..];
            }
            '\\' => {
                let next = after.chars().next()?;
                items.push(Item::Literal(&after[..next.len_utf8()]));
                rest = &after[next.len_utf8()..];
            }
            '%' => {
                // It only marks a single letter as custom.
                after.chars().next().filter(|next| *next != '%')?;
                rest = after;
            }
            'd' | 'f' | 'F' | 'g' | 'h' | 'H' | 'K' | 'm' | 'M' | 's' | 't' | 'y' | 'z' => {
                let length = rest.find(|c| c != first).unwrap_or(rest.len());
                // 'K' stands alone.
                let length = if first == 'K' { 1 } else { length };
                items.push(Item::Letters(first, length));
                rest = &rest[length..];
            }
            _ => {
                items.push(Item::Literal(&rest[..first.len_utf8()]));
                rest = after;
            }
        }
    }
    Some(items)
}

fn custom(moment: Moment, format: &str) -> Result<String, EvalError> {
    let items = items(format).ok_or_else(|| bad_format(format))?;
    let calendar = civil(moment.ticks);
    let mut out = String::with_capacity(format.len() + 8);
    for item in items {
        match item {
            Item::Literal(text) => out.push_str(text),
            Item::Letters(letter, count) => {
                if !push_letters(letter, count, moment, &calendar, &mut out) {
                    return Err(bad_format(format));
                }
            }
        }
    }
    Ok(out)
}

fn push_letters(letter: char, count: usize, moment: Moment, c: &Civil, out: &mut String) -> bool {
    let two = |number: i64| if count == 1 { number.to_string() } else { format!("{number:02}") };
    let name = |names: &[&'static str], at: i64, full: bool| {
        let name = usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or("");
        if full { name } else { name.get(..3).unwrap_or(name) }
    };
    let text = match (letter, count) {
        ('d', 1 | 2) => two(c.day),
        ('d', _) => name(&DAYS, day_of_week(moment.ticks), count > 3).to_owned(),
        ('M', 1 | 2) => two(c.month),
        ('M', _) => name(&MONTHS, c.month - 1, count > 3).to_owned(),
        ('y', 1) => (c.year % 100).to_string(),
        ('y', 2) => format!("{:02}", c.year % 100),
        ('y', _) => format!("{:0count$}", c.year),
        ('H', _) => two(c.hour),
        ('h', _) => two((c.hour + 11) % 12 + 1),
        ('m', _) => two(c.minute),
        ('s', _) => two(c.second),
        ('t', _) => {
            let half = if c.hour < 12 { "AM" } else { "PM" };
            half[..count.min(2)].to_owned()
        }
        ('f' | 'F', 1..=7) => {
            let digits = format!("{:07}", c.fraction);
            if letter == 'f' {
                digits[..count].to_owned()
            } else {
                return push_trimmed_fraction(&digits[..count], out);
            }
        }
        ('f' | 'F', _) => return false,
        ('g', _) => "A.D.".to_owned(),
        ('K', _) => if moment.is_utc { "Z" } else { "" }.to_owned(),
        // Without a zone it is the zone of the server, which is UTC.
        ('z', 1) => "+0".to_owned(),
        ('z', 2) => "+00".to_owned(),
        ('z', _) => "+00:00".to_owned(),
        _ => return false,
    };
    out.push_str(&text);
    true
}

/// `F`: fraction digits without trailing zeros; the point before none goes too.
fn push_trimmed_fraction(digits: &str, out: &mut String) -> bool {
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() && out.ends_with('.') {
        out.pop();
    }
    out.push_str(digits);
    true
}

#[cfg(test)]
mod tests {
    use super::super::culture::{EN_US, INVARIANT};
    use super::super::date::parse;

    fn text(timestamp: &str, format: &str) -> String {
        super::format(parse(timestamp).unwrap(), format, &EN_US).unwrap()
    }

    #[test]
    fn standard_formats() {
        let t = "2009-06-15T13:45:30.0900000Z";
        let expected = [
            ("d", "6/15/2009"),
            ("D", "Monday, June 15, 2009"),
            ("f", "Monday, June 15, 2009 1:45 PM"),
            ("F", "Monday, June 15, 2009 1:45:30 PM"),
            ("g", "6/15/2009 1:45 PM"),
            ("G", "6/15/2009 1:45:30 PM"),
            ("M", "June 15"),
            ("O", "2009-06-15T13:45:30.0900000Z"),
            ("R", "Mon, 15 Jun 2009 13:45:30 GMT"),
            ("s", "2009-06-15T13:45:30"),
            ("t", "1:45 PM"),
            ("T", "1:45:30 PM"),
            ("u", "2009-06-15 13:45:30Z"),
            ("Y", "June 2009"),
        ];
        for (format, result) in expected {
            assert_eq!(text(t, format), result, "{format}");
        }
        let moment = parse(t).unwrap();
        assert_eq!(super::format(moment, "G", &INVARIANT).unwrap(), "06/15/2009 13:45:30");
    }

    #[test]
    fn custom_formats() {
        let t = "2009-06-05T03:04:05.0900000Z";
        let expected = [
            ("%d", "5"),
            ("dd ddd dddd", "05 Fri Friday"),
            ("M MM MMM MMMM", "6 06 Jun June"),
            ("y yy yyy yyyy yyyyy", "9 09 2009 2009 02009"),
            ("h hh H HH t tt", "3 03 3 03 A AM"),
            ("f ff fff fffffff", "0 09 090 0900000"),
            ("s.FFF", "5.09"),
            ("K zzz", "Z +00:00"),
            ("h 'o''clock' \\h", "3 oclock h"),
            ("yyyy-MM-ddTHH:mm:ssZ", "2009-06-05T03:04:05Z"),
        ];
        for (format, result) in expected {
            assert_eq!(text(t, format), result, "{format}");
        }
        assert_eq!(text("2009-06-05T00:00:00", "HH:mm:ss.FFFK"), "00:00:00");
        assert_eq!(text("2009-06-05T00:00:00", "hh tt"), "12 AM");
    }

    #[test]
    fn bad_formats_are_errors() {
        let moment = parse("2009-06-05").unwrap();
        for format in ["x", "ffffffff", "yyyy'", "yyyy\\", "d%", "%%"] {
            assert!(super::format(moment, format, &EN_US).is_err(), "{format}");
        }
    }
}
