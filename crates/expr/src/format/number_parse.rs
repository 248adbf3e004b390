//! Text to numbers by the rules of .NET's number styles.

use super::culture::Culture;
use crate::value::Decimal;

/// What a number's text may hold besides blanks around it, a leading sign, a point
/// and separators of thousands.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub trailing_sign: bool,
    pub exponent: bool,
}

/// The text of a double as `float()` takes it.
pub const FLOAT: Style = Style { trailing_sign: true, exponent: true };
/// The text of an integer as `int()` takes it, which reads a double first.
pub const INT: Style = Style { trailing_sign: false, exponent: true };
/// The text of a decimal as `decimal()` takes it.
pub const DECIMAL: Style = Style { trailing_sign: true, exponent: false };

/// A double; also the words for infinity and "not a number".
#[must_use]
pub fn float(text: &str, style: Style, culture: &Culture) -> Option<f64> {
    match plain(text, style, culture) {
        Some(plain) => plain.parse().ok(),
        None => word(text.trim_matches(is_blank), culture),
    }
}

/// A decimal; more digits than it has are rounded, a larger number is none.
#[must_use]
pub fn decimal(text: &str, culture: &Culture) -> Option<Decimal> {
    plain(text, DECIMAL, culture)?.parse().ok()
}

/// An integer without point, exponent or separators.
#[must_use]
pub fn integer(text: &str) -> Option<i64> {
    text.trim_matches(is_blank).parse().ok()
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}

fn word(text: &str, culture: &Culture) -> Option<f64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    (rest.to_lowercase() == culture.infinity().to_lowercase()).then_some(sign * f64::INFINITY)
}

/// The number as `-digits.digitsEsigndigits`, or none.
fn plain(text: &str, style: Style, culture: &Culture) -> Option<String> {
    let mut rest = text.trim_start_matches(is_blank);
    let mut sign = None;
    if let Some(after) = rest.strip_prefix(['+', '-']) {
        sign = rest.chars().next();
        rest = after;
    }
    let mut out = String::with_capacity(rest.len() + 2);
    let (mut digits, mut has_point) = (0, false);
    loop {
        if let Some(digit) = rest.chars().next().filter(char::is_ascii_digit) {
            out.push(digit);
            digits += 1;
            rest = &rest[1..];
        } else if let Some(after) = rest.strip_prefix(culture.decimal).filter(|_| !has_point) {
            has_point = true;
            out.push('.');
            rest = after;
        } else if let Some(after) =
            rest.strip_prefix(culture.group).filter(|_| digits > 0 && !has_point)
        {
            rest = after;
        } else {
            break;
        }
    }
    if digits == 0 {
        return None;
    }
    if style.exponent {
        rest = exponent(rest, &mut out);
    }
    rest = rest.trim_start_matches(is_blank);
    if style.trailing_sign
        && sign.is_none()
        && let Some(after) = rest.strip_prefix(['+', '-'])
    {
        sign = rest.chars().next();
        rest = after.trim_start_matches(is_blank);
    }
    if !rest.is_empty() {
        return None;
    }
    if sign == Some('-') {
        out.insert(0, '-');
    }
    Some(out)
}

/// Moves an exponent over; without digits it is none.
fn exponent<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let Some(after) = rest.strip_prefix(['e', 'E']) else {
        return rest;
    };
    let unsigned = after.strip_prefix(['+', '-']).unwrap_or(after);
    let length = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return rest;
    }
    out.push('e');
    out.push_str(&after[..after.len() - unsigned.len() + length]);
    &unsigned[length..]
}

#[cfg(test)]
mod tests {
    use super::super::culture::{EN_US, INVARIANT};
    use super::*;

    #[test]
    fn separators_signs_and_blanks() {
        let read = |text| float(text, FLOAT, &EN_US);
        assert_eq!(read(" 1,2,3.5\t"), Some(123.5));
        assert_eq!(read("7 -"), Some(-7.0));
        assert_eq!(read(".5e1"), Some(5.0));
        assert_eq!(read("5."), Some(5.0));
        assert_eq!(read("1e400"), Some(f64::INFINITY));
        for bad in ["", " ", ",5", "1.2,3", "- 5", "-5-", "5e", "1 2", "(5)", "0x5", "inf", "."] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn words_depend_on_the_culture() {
        assert!(float("NAN", FLOAT, &EN_US).unwrap().is_nan());
        assert_eq!(float("-infinity", FLOAT, &INVARIANT), Some(f64::NEG_INFINITY));
        assert_eq!(float("Infinity", FLOAT, &EN_US), None);
    }

    #[test]
    fn decimals_have_no_exponent() {
        assert_eq!(decimal("5.0000", &EN_US).unwrap().to_string(), "5.0000");
        assert_eq!(decimal("3e1", &EN_US), None);
        assert_eq!(decimal(&"9".repeat(40), &EN_US), None);
    }
}
