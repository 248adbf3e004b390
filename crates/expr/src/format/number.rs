//! Numbers to text by .NET's standard numeric formats (`C2`, `N0`, `P`, `E3`, ...);
//! custom formats are next door.

use super::culture::Culture;
use super::number_custom;
use crate::error::EvalError;
use crate::limits;
use crate::text::shortest_digits;
use crate::value::{Decimal, Value};

/// A number as digits: 0.`digits` times ten to the power of `scale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    pub(super) is_negative: bool,
    pub(super) digits: Vec<u8>,
    pub(super) scale: i32,
}

/// The text of a number in a standard or custom format.
pub fn format(number: &Value, format: &str, culture: &Culture) -> Result<String, EvalError> {
    let invalid = || {
        let shown: String = format.chars().take(100).collect();
        EvalError::new(format!("The number format '{shown}' is not valid."))
    };
    if format.len() > limits::FORMAT_CHARS_MAX {
        return Err(invalid());
    }
    if let Value::Float(float) = number
        && !float.is_finite()
    {
        return Ok(number.text().to_string());
    }
    match standard_format(format) {
        Some((letter, precision)) => {
            if precision.is_some_and(|precision| precision > limits::FORMAT_DIGITS_MAX) {
                return Err(invalid());
            }
            standard(number, letter, precision, culture).ok_or_else(invalid)
        }
        None => {
            // Custom formats see 15 digits of a double.
            let digits = Digits::of(number, Keep::Significant(15)).ok_or_else(invalid)?;
            Ok(number_custom::format(digits, format, culture))
        }
    }
}

/// A letter and up to three digits; everything else is a custom format.
fn standard_format(format: &str) -> Option<(char, Option<usize>)> {
    let mut letters = format.chars();
    let letter = match letters.next() {
        None => 'G',
        Some(letter) if letter.is_ascii_alphabetic() => letter,
        Some(_) => return None,
    };
    let digits = letters.as_str();
    if digits.is_empty() {
        return Some((letter, None));
    }
    let is_precision = digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_precision.then(|| (letter, digits.parse().ok()))
}

/// Which digits of a double matter to the format.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    Shortest,
    Significant(usize),
    AfterPoint(usize),
}

impl Digits {
    pub(super) fn of(number: &Value, keep: Keep) -> Option<Digits> {
        match number {
            Value::Int(int) => Some(Digits::of_int(*int)),
            Value::Float(float) => Some(Digits::of_float(*float, keep)),
            Value::Decimal(decimal) => Some(Digits::of_decimal(*decimal)),
            _ => None,
        }
    }

    fn of_int(number: i64) -> Digits {
        let text = number.unsigned_abs().to_string();
        Digits::from_text(number < 0, &text, 0)
    }

    fn of_decimal(number: Decimal) -> Digits {
        let text = number.mantissa().unsigned_abs().to_string();
        Digits::from_text(
            number.is_sign_negative(),
            &text,
            -i32::try_from(number.scale()).unwrap_or(0),
        )
    }

    fn of_float(number: f64, keep: Keep) -> Digits {
        let is_negative = number.is_sign_negative();
        let number = number.abs();
        match keep {
            Keep::Shortest => {
                let (digits, scale) = shortest_digits(number);
                Digits { is_negative, digits, scale }.trimmed()
            }
            Keep::Significant(count) => {
                let text = format!("{number:.*e}", count.saturating_sub(1));
                let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                let digits = mantissa.bytes().filter(u8::is_ascii_digit).collect();
                let scale = exponent.parse::<i32>().unwrap_or(0) + 1;
                Digits { is_negative, digits, scale }.trimmed()
            }
            Keep::AfterPoint(count) => {
                // Enough digits behind the last one to round half away from zero.
                let text = format!("{number:.*}", count + 25);
                let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
                let scale = -i32::try_from(fraction.len()).unwrap_or(0);
                Digits::from_text(is_negative, &format!("{whole}{fraction}"), scale)
            }
        }
    }

    /// From an integer's text times ten to the power of `exponent`.
    fn from_text(is_negative: bool, text: &str, exponent: i32) -> Digits {
        let significant = text.trim_start_matches('0');
        let scale = i32::try_from(significant.len()).unwrap_or(0) + exponent;
        Digits { is_negative, digits: significant.as_bytes().to_vec(), scale }.trimmed()
    }

    /// Without zeros at the end; zero has no digits.
    fn trimmed(mut self) -> Digits {
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.scale = 0;
        }
        self
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Keeps `count` digits, rounding half away from zero.
    pub(super) fn round(mut self, count: i32) -> Digits {
        let Ok(count) = usize::try_from(count) else {
            self.digits.clear();
            return self.trimmed();
        };
        if count >= self.digits.len() {
            return self;
        }
        let up = self.digits[count] >= b'5';
        self.digits.truncate(count);
        if up {
            while self.digits.last() == Some(&b'9') {
                self.digits.pop();
            }
            match self.digits.last_mut() {
                Some(last) => *last += 1,
                None => {
                    self.digits.push(b'1');
                    self.scale += 1;
                }
            }
        }
        self.trimmed()
    }

    /// The digits before the point, without groups; "0" when there are none.
    fn whole(&self) -> String {
        match usize::try_from(self.scale) {
            Ok(count) if count > 0 => (0..count).map(|at| self.digit(at)).collect(),
            _ => "0".to_owned(),
        }
    }

    fn fraction(&self, count: usize) -> String {
        (0..count)
            .map(|at| {
                let at = i64::from(self.scale) + i64::try_from(at).unwrap_or(i64::MAX);
                usize::try_from(at).map_or('0', |at| self.digit(at))
            })
            .collect()
    }

    fn digit(&self, at: usize) -> char {
        self.digits.get(at).map_or('0', |digit| char::from(*digit))
    }
}

fn standard(
    number: &Value,
    letter: char,
    precision: Option<usize>,
    culture: &Culture,
) -> Option<String> {
    let after_point = |default: usize| precision.unwrap_or(default);
    match letter.to_ascii_uppercase() {
        'C' => {
            let text = fixed(number, after_point(2), 0, true, culture)?;
            Some(culture.currency_text(&text))
        }
        'F' => Some(fixed(number, after_point(2), 0, false, culture)?.signed()),
        'N' => Some(fixed(number, after_point(2), 0, true, culture)?.signed()),
        'P' => {
            let text = fixed(number, after_point(2), 2, true, culture)?;
            Some(culture.percent_text(&text))
        }
        'E' => {
            let count = precision.unwrap_or(6);
            let digits = Digits::of(number, Keep::Significant(count + 1))?;
            Some(scientific(&digits, letter, count, 3, culture))
        }
        'G' => general(number, letter, precision, culture),
        'R' => match number {
            Value::Float(_) => general(number, 'E', None, culture),
            _ => None,
        },
        'D' => {
            let Value::Int(int) = number else { return None };
            let width = precision.unwrap_or(0);
            let sign = if *int < 0 { "-" } else { "" };
            Some(format!("{sign}{:0>width$}", int.unsigned_abs().to_string()))
        }
        'X' => {
            let Value::Int(int) = number else { return None };
            let width = precision.unwrap_or(0);
            Some(if letter == 'x' {
                format!("{int:0>width$x}")
            } else {
                format!("{int:0>width$X}")
            })
        }
        _ => None,
    }
}

/// A number's text without its sign.
pub(super) struct Unsigned {
    pub(super) is_negative: bool,
    pub(super) text: String,
}

impl Unsigned {
    fn signed(self) -> String {
        if self.is_negative { format!("-{}", self.text) } else { self.text }
    }
}

fn fixed(
    number: &Value,
    count: usize,
    power: i32,
    grouped: bool,
    culture: &Culture,
) -> Option<Unsigned> {
    let shift = usize::try_from(power).unwrap_or(0);
    let mut digits = Digits::of(number, Keep::AfterPoint(count + shift))?;
    if !digits.is_zero() {
        digits.scale += power;
    }
    let kept = i32::try_from(count).ok()?.saturating_add(digits.scale);
    let digits = digits.round(kept);
    let mut text = digits.whole();
    if grouped {
        text = group(&text, culture.group);
    }
    if count > 0 {
        text.push_str(culture.decimal);
        text.push_str(&digits.fraction(count));
    }
    Some(Unsigned { is_negative: digits.is_negative && !digits.is_zero(), text })
}

fn group(whole: &str, separator: &str) -> String {
    let mut out = String::with_capacity(whole.len() + whole.len() / 3);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push_str(separator);
        }
        out.push(digit);
    }
    out
}

fn scientific(
    digits: &Digits,
    letter: char,
    count: usize,
    width: usize,
    culture: &Culture,
) -> String {
    let rounded = digits.clone().round(i32::try_from(count + 1).unwrap_or(i32::MAX));
    let sign = if digits.is_negative && !rounded.is_zero() { "-" } else { "" };
    let rest: String = (1..=count).map(|at| rounded.digit(at)).collect();
    let point = if count > 0 { culture.decimal } else { "" };
    let exponent = if rounded.is_zero() { 0 } else { rounded.scale - 1 };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "{sign}{}{point}{rest}{letter}{exponent_sign}{:0width$}",
        rounded.digit(0),
        exponent.unsigned_abs()
    )
}

/// `G`: the shorter of plain and scientific.
fn general(
    number: &Value,
    letter: char,
    precision: Option<usize>,
    culture: &Culture,
) -> Option<String> {
    let precision = precision.filter(|precision| *precision > 0);
    let keep = precision.map_or(Keep::Shortest, Keep::Significant);
    let digits = Digits::of(number, keep)?;
    let digits = match precision {
        Some(count) => digits.round(i32::try_from(count).ok()?),
        None => digits,
    };
    let digits_max = match (precision, number) {
        (Some(count), _) => count,
        (None, Value::Float(_)) => digits.digits.len().max(15),
        (None, _) => return Some(plain_text(number, culture)),
    };
    let is_plain = digits.is_zero()
        || (digits.scale > -4 && i64::from(digits.scale) <= i64::try_from(digits_max).ok()?);
    if !is_plain {
        let letter = if letter.is_ascii_lowercase() { 'e' } else { 'E' };
        return Some(scientific(&digits, letter, digits.digits.len() - 1, 2, culture));
    }
    let count = i64::try_from(digits.digits.len()).ok()? - i64::from(digits.scale);
    let fraction = digits.fraction(usize::try_from(count).unwrap_or(0));
    let sign = if digits.is_negative && !digits.is_zero() { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { culture.decimal };
    Some(format!("{sign}{}{point}{fraction}", digits.whole()))
}

fn plain_text(number: &Value, culture: &Culture) -> String {
    number.text().as_str().replace('.', culture.decimal)
}

#[cfg(test)]
mod tests {
    use super::super::culture::{EN_US, INVARIANT};
    use super::*;

    fn text(number: impl Into<Value>, format: &str) -> String {
        super::format(&number.into(), format, &EN_US).unwrap()
    }

    #[test]
    fn standard_formats() {
        assert_eq!(text(17.35, "C2"), "$17.35");
        assert_eq!(text(-17.35, "c"), "-$17.35");
        assert_eq!(text(1_234_567_890, "N"), "1,234,567,890.00");
        assert_eq!(text(1_234_567_890, "N0"), "1,234,567,890");
        assert_eq!(text(-0.001, "F2"), "0.00");
        assert_eq!(text(0.125, "F2"), "0.13");
        assert_eq!(text(9.999, "F2"), "10.00");
        assert_eq!(text(0.2468, "P1"), "24.7%");
        assert_eq!(text(1, "P0"), "100%");
        assert_eq!(text(1234.5678, "E3"), "1.235E+003");
        assert_eq!(text(0, "e0"), "0e+000");
        assert_eq!(text(1234.5678, "G3"), "1.23E+03");
        assert_eq!(text(0.5, "G"), "0.5");
        assert_eq!(text(42, "D5"), "00042");
        assert_eq!(text(-42, "D5"), "-00042");
        assert_eq!(text(255, "X4"), "00FF");
        assert_eq!(text(255, "x"), "ff");
        assert_eq!(text(1e20, "N0"), "100,000,000,000,000,000,000");
        assert_eq!(text(7, ""), "7");
    }

    #[test]
    fn the_invariant_culture_has_its_own_signs() {
        let text = |format| super::format(&Value::Float(-2.5), format, &INVARIANT).unwrap();
        assert_eq!(text("C"), "(¤2.50)");
        assert_eq!(text("P0"), "-250 %");
    }

    #[test]
    fn bad_formats_are_errors() {
        for format in ["Q", "D", "X2", "N1000", "C999999999"] {
            assert!(super::format(&Value::Float(1.5), format, &EN_US).is_err(), "{format}");
        }
    }
}
