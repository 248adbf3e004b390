//! The text form of a value, as `string()`, `concat()` and `@{...}` make it, and
//! equality as `equals()` sees it.
//!
//! Not here: number and date formats that a definition asks for (see `format`).

use crate::content;
use crate::error::EvalError;
use crate::json;
use crate::value::{Decimal, Str, Value};
use rust_decimal::prelude::ToPrimitive;

impl Value {
    /// The text form: null is empty, booleans are `True` and `False`, content
    /// envelopes are decoded, other objects and arrays are compact JSON. An envelope
    /// whose content is not base64 is JSON here, and an error in [`Value::to_text`].
    #[must_use]
    pub fn text(&self) -> Str {
        self.to_text().unwrap_or_else(|_| json::to_string(self).into())
    }

    /// The text form; an error when an envelope's content is not base64.
    pub fn to_text(&self) -> Result<Str, EvalError> {
        Ok(match self {
            Value::Null => Str::new(),
            Value::Bool(true) => Str::from("True"),
            Value::Bool(false) => Str::from("False"),
            Value::String(text) => text.clone(),
            other => {
                let mut out = Vec::with_capacity(32);
                other.append_text(&mut out)?;
                Str::from(&*String::from_utf8_lossy(&out))
            }
        })
    }

    /// Appends the text form; of an envelope, its bytes.
    pub(crate) fn append_text(&self, out: &mut Vec<u8>) -> Result<(), EvalError> {
        match self {
            Value::Null => {}
            Value::Bool(true) => out.extend_from_slice(b"True"),
            Value::Bool(false) => out.extend_from_slice(b"False"),
            Value::Int(number) => json::write_int(*number, out),
            Value::Float(number) => write_float(*number, false, out),
            Value::Decimal(number) => write_decimal(*number, false, out),
            Value::String(text) => out.extend_from_slice(text.as_bytes()),
            Value::Array(_) => json::write(self, out),
            Value::Object(object) => match content::envelope_content(object) {
                Some(content) => match content::decode_base64(content) {
                    Some(mut bytes) => out.append(&mut bytes),
                    None => {
                        return Err(EvalError::new(
                            "The content of the value cannot be decoded because it is not a valid base64 string.",
                        ));
                    }
                },
                None => json::write(self, out),
            },
        }
        Ok(())
    }

    /// Equality as `equals()` sees it: numbers by value, `true` is 1, strings by
    /// their characters, arrays in order, objects without regard to order.
    #[must_use]
    pub fn language_eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Bool(flag), number) | (number, Value::Bool(flag)) => {
                number.is_number()
                    && compare_numbers(number, &Value::Int(i64::from(*flag)))
                        .is_some_and(std::cmp::Ordering::is_eq)
            }
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.language_eq(b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(name, a)| b.get_exact(name).is_some_and(|b| a.language_eq(b)))
            }
            (a, b) if a.is_number() && b.is_number() => {
                compare_numbers(a, b).is_some_and(std::cmp::Ordering::is_eq)
            }
            _ => false,
        }
    }

    /// Whether this is an integer, a double or a decimal.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(self, Value::Int(_) | Value::Float(_) | Value::Decimal(_))
    }

    /// The number as a double, rounded where need be.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a double is what was asked for")]
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Decimal(number) => number.to_f64(),
            _ => None,
        }
    }

    /// Whether arrays and objects are nested more than `levels` deep. Stored
    /// values must not be deeper than [`crate::limits::VALUE_DEPTH_MAX`].
    #[must_use]
    pub fn is_deeper_than(&self, levels: usize) -> bool {
        match self {
            Value::Array(items) => match levels.checked_sub(1) {
                Some(levels) => items.iter().any(|item| item.is_deeper_than(levels)),
                None => true,
            },
            Value::Object(object) => match levels.checked_sub(1) {
                Some(levels) => object.iter().any(|(_, item)| item.is_deeper_than(levels)),
                None => true,
            },
            _ => false,
        }
    }
}

/// The order of two numbers by value; none when one is not a number.
#[must_use]
pub(crate) fn compare_numbers(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Decimal(a), Value::Decimal(b)) => Some(a.cmp(b)),
        (Value::Decimal(a), Value::Int(b)) => Some(a.cmp(&Decimal::from(*b))),
        (Value::Int(a), Value::Decimal(b)) => Some(Decimal::from(*a).cmp(b)),
        (Value::Int(a), Value::Float(b)) => compare_int_float(*a, *b),
        (Value::Float(a), Value::Int(b)) => {
            compare_int_float(*b, *a).map(std::cmp::Ordering::reverse)
        }
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// Exact even where the double has fewer digits than the integer.
fn compare_int_float(a: i64, b: f64) -> Option<std::cmp::Ordering> {
    use std::cmp::Ordering;
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if b.is_nan() {
        return None;
    }
    if b >= LIMIT {
        return Some(Ordering::Less);
    }
    if b < -LIMIT {
        return Some(Ordering::Greater);
    }
    #[expect(clippy::cast_possible_truncation, reason = "range checked above")]
    let whole = b.trunc() as i64;
    Some(a.cmp(&whole).then_with(|| 0.0.partial_cmp(&b.fract()).unwrap_or(Ordering::Equal)))
}

/// Appends a double in the shortest form that reads back the same, as .NET writes
/// it: up to 15 digits before the point plainly, else with an exponent. `point`
/// asks for `.0` where neither point nor exponent would show the kind.
pub(crate) fn write_float(number: f64, point: bool, out: &mut Vec<u8>) {
    if number.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if number.is_infinite() {
        return out.extend_from_slice(if number > 0.0 { &b"Infinity"[..] } else { b"-Infinity" });
    }
    let (digits, scale) = shortest_digits(number.abs());
    if number.is_sign_negative() {
        out.push(b'-');
    }
    let digits_max = i32::try_from(digits.len()).unwrap_or(15).max(15);
    if scale > digits_max || scale < -3 {
        write_scientific(&digits, scale - 1, out);
        return;
    }
    let count = digits.len();
    match usize::try_from(scale) {
        Ok(0) | Err(_) => {
            out.extend_from_slice(b"0");
            if digits != b"0" {
                out.push(b'.');
                out.resize(out.len() + scale.unsigned_abs() as usize, b'0');
                out.extend_from_slice(&digits);
                return;
            }
        }
        Ok(whole) if whole >= count => {
            out.extend_from_slice(&digits);
            out.resize(out.len() + (whole - count), b'0');
        }
        Ok(whole) => {
            out.extend_from_slice(&digits[..whole]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole..]);
            return;
        }
    }
    if point {
        out.extend_from_slice(b".0");
    }
}

/// The shortest digits of a finite number that is not negative, and where its
/// point stands: 0.5 is ("5", 0), 20 is ("2", 2).
pub(crate) fn shortest_digits(number: f64) -> (Vec<u8>, i32) {
    if number == 0.0 {
        return (b"0".to_vec(), 0);
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    (digits, exponent.parse::<i32>().unwrap_or(0) + 1)
}

fn write_scientific(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("E{sign}{:02}", exponent.unsigned_abs()).as_bytes());
}

/// Appends a decimal with all digits of its scale; `point` asks for at least one
/// digit after the point.
pub(crate) fn write_decimal(number: Decimal, point: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(number.to_string().as_bytes());
    if point && number.scale() == 0 {
        out.extend_from_slice(b".0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(number: f64) -> String {
        Value::Float(number).text().to_string()
    }

    #[test]
    fn doubles_read_as_dotnet_writes_them() {
        assert_eq!(float(5.0), "5");
        assert_eq!(float(0.0), "0");
        assert_eq!(float(-0.5), "-0.5");
        assert_eq!(float(1e14), "100000000000000");
        assert_eq!(float(1e15), "1E+15");
        assert_eq!(float(12_345_678_901_234_567.0), "12345678901234568");
        assert_eq!(float(0.0001), "0.0001");
        assert_eq!(float(0.00001), "1E-05");
        assert_eq!(float(5e-324), "5E-324");
        assert_eq!(float(1.844_674_406_511_961_7e19), "1.8446744065119617E+19");
        assert_eq!(float(f64::NAN), "NaN");
    }

    #[test]
    fn decimals_keep_their_scale() {
        assert_eq!(Value::Decimal(Decimal::new(50_000, 4)).text(), "5.0000");
        assert_eq!(json::to_string(&Value::Decimal(Decimal::from(5))), "5.0");
    }

    #[test]
    fn equality_compares_numbers_by_value_and_ignores_order_of_names() {
        assert!(Value::Int(1).language_eq(&Value::Float(1.0)));
        assert!(Value::Bool(true).language_eq(&Value::Int(1)));
        assert!(!Value::Int(1).language_eq(&Value::from("1")));
        assert!(!Value::Int(i64::MAX).language_eq(&Value::Float(9.223_372_036_854_776e18)));
        let a = Value::array(vec![Value::Int(1), Value::Null]);
        assert!(a.language_eq(&a.clone()));
    }

    #[test]
    fn depth_is_measured() {
        let value = Value::array(vec![Value::array(vec![])]);
        assert!(value.is_deeper_than(1));
        assert!(!value.is_deeper_than(2));
    }
}
