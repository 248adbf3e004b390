//! Numbers to text by .NET's custom numeric formats: `#,##0.00`, `0.0%`, `0.##E+00`,
//! with sections for negative numbers and zero.

use super::culture::Culture;
use super::number::Digits;

/// What a section asks for.
#[derive(Debug, Default)]
struct Layout {
    digits: i32,
    /// Placeholders before the point.
    before_point: i32,
    has_point: bool,
    /// The first and last placeholder that is a zero.
    first_zero: Option<i32>,
    last_zero: i32,
    is_scientific: bool,
    is_grouped: bool,
    /// Powers of ten that percent signs add and scaling commas take.
    power: i32,
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq)]
enum Part<'a> {
    Digit { is_zero: bool },
    Point,
    Comma,
    Percent(char),
    Exponent { letter: char, plus: bool, width: usize },
    Literal(&'a str),
}

pub(super) fn format(number: Digits, format: &str, culture: &Culture) -> String {
    let sections = sections(format);
    let section = |at: usize| sections.get(at).copied().filter(|text| !text.is_empty());
    let is_negative = number.is_negative && !number.is_zero();
    let wanted = if number.is_zero() { 2 } else { usize::from(is_negative) };
    let (chosen, text) = match section(wanted) {
        Some(text) => (wanted, text),
        None => (0, sections.first().copied().unwrap_or("")),
    };
    let layout = Layout::of(&parts(text));
    let shown = layout.round(number);
    if shown.is_zero()
        && wanted != 2
        && let Some(zero) = section(2)
    {
        // It rounds to zero: the section for zero applies after all.
        let parts = parts(zero);
        let layout = Layout::of(&parts);
        return Writer::new(shown, &layout, culture).run(&parts, false);
    }
    let sign = chosen == 0 && is_negative && !shown.is_zero();
    Writer::new(shown, &layout, culture).run(&parts(text), sign)
}

/// The sections between semicolons that are not quoted.
fn sections(format: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(next) = format[at..].chars().next() {
        match next {
            ';' => {
                sections.push(&format[start..at]);
                start = at + 1;
                at += 1;
            }
            '\\' => at += 1 + format[at + 1..].chars().next().map_or(0, char::len_utf8),
            '\'' | '"' => {
                at += 1 + format[at + 1..].find(next).map_or(format.len() - at - 1, |n| n + 1);
            }
            _ => at += next.len_utf8(),
        }
    }
    sections.push(&format[start..]);
    sections
}

fn parts(section: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = section;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        rest = after;
        parts.push(match first {
            '#' => Part::Digit { is_zero: false },
            '0' => Part::Digit { is_zero: true },
            '.' => Part::Point,
            ',' => Part::Comma,
            '%' | '‰' => Part::Percent(first),
            '\'' | '"' => {
                let length = after.find(first).unwrap_or(after.len());
                rest = after.get(length + 1..).unwrap_or("");
                Part::Literal(&after[..length])
            }
            '\\' => {
                let length = after.chars().next().map_or(0, char::len_utf8);
                rest = &after[length..];
                Part::Literal(&after[..length])
            }
            'E' | 'e' => {
                let plus = after.starts_with("+0");
                let digits = if plus || after.starts_with("-0") { &after[1..] } else { after };
                let width = digits.len() - digits.trim_start_matches('0').len();
                if width == 0 {
                    Part::Literal(if first == 'E' { "E" } else { "e" })
                } else {
                    rest = &digits[width..];
                    Part::Exponent { letter: first, plus, width: width.min(10) }
                }
            }
            _ => {
                let end = section.len() - after.len();
                Part::Literal(&section[end - first.len_utf8()..end])
            }
        });
    }
    parts
}

impl Layout {
    fn of(parts: &[Part<'_>]) -> Layout {
        let mut layout = Layout::default();
        // Where the last commas stand, and how many stand together.
        let mut commas: Option<(i32, i32)> = None;
        for part in parts {
            match part {
                Part::Digit { is_zero } => {
                    if *is_zero {
                        layout.first_zero.get_or_insert(layout.digits);
                        layout.last_zero = layout.digits + 1;
                    }
                    layout.digits += 1;
                }
                Part::Point if !layout.has_point => {
                    layout.has_point = true;
                    layout.before_point = layout.digits;
                }
                Part::Comma if layout.digits > 0 && !layout.has_point => match &mut commas {
                    Some((at, count)) if *at == layout.digits => *count += 1,
                    Some(_) => {
                        layout.is_grouped = true;
                        commas = Some((layout.digits, 1));
                    }
                    None => commas = Some((layout.digits, 1)),
                },
                Part::Percent('%') => layout.power += 2,
                Part::Percent(_) => layout.power += 3,
                Part::Exponent { .. } => layout.is_scientific = true,
                _ => {}
            }
        }
        if !layout.has_point {
            layout.before_point = layout.digits;
        }
        match commas {
            // Commas right before the point divide by a thousand each.
            Some((at, count)) if at == layout.before_point => layout.power -= 3 * count,
            Some(_) => layout.is_grouped = true,
            None => {}
        }
        layout
    }

    fn round(&self, mut number: Digits) -> Digits {
        if number.is_zero() {
            return number;
        }
        number.scale += self.power;
        let count = if self.is_scientific {
            self.digits
        } else {
            number.scale + self.digits - self.before_point
        };
        number.round(count)
    }
}

struct Writer<'a> {
    number: Digits,
    layout: &'a Layout,
    culture: &'a Culture,
    next: usize,
    /// Digits still to come before the point; at or below zero after it.
    place: i32,
    /// Digits more (positive) or fewer than there are placeholders.
    surplus: i32,
    first_zero: i32,
    last_zero: i32,
    out: String,
}

impl<'a> Writer<'a> {
    fn new(number: Digits, layout: &'a Layout, culture: &'a Culture) -> Self {
        let point = layout.before_point;
        let first_zero = layout.first_zero.map_or(0, |first| (point - first).max(0));
        let last_zero = (point - layout.last_zero).min(0);
        let (place, surplus) = if layout.is_scientific {
            (point, 0)
        } else {
            (number.scale.max(point), number.scale - point)
        };
        Writer {
            number,
            layout,
            culture,
            next: 0,
            place,
            surplus,
            first_zero,
            last_zero,
            out: String::new(),
        }
    }

    fn run(mut self, parts: &[Part<'_>], sign: bool) -> String {
        if sign {
            self.out.push('-');
        }
        let mut has_point = false;
        for part in parts {
            if matches!(part, Part::Digit { .. } | Part::Point) {
                while self.surplus > 0 {
                    self.surplus -= 1;
                    let digit = self.take_digit().unwrap_or('0');
                    self.push_digit(digit);
                    self.place -= 1;
                }
            }
            match part {
                Part::Digit { .. } => self.placeholder(),
                Part::Point if self.place == 0 && !has_point => {
                    let more = self.layout.before_point < self.layout.digits
                        && self.next < self.number.digits.len();
                    if self.last_zero < 0 || more {
                        self.out.push_str(self.culture.decimal);
                        has_point = true;
                    }
                }
                Part::Point | Part::Comma => {}
                Part::Percent(sign) => self.out.push(*sign),
                Part::Exponent { letter, plus, width } => self.exponent(*letter, *plus, *width),
                Part::Literal(text) => self.out.push_str(text),
            }
        }
        self.out
    }

    fn take_digit(&mut self) -> Option<char> {
        let digit = self.number.digits.get(self.next).map(|digit| char::from(*digit))?;
        self.next += 1;
        Some(digit)
    }

    fn placeholder(&mut self) {
        let digit = if self.surplus < 0 {
            self.surplus += 1;
            (self.place <= self.first_zero).then_some('0')
        } else {
            let zero = (self.place > self.last_zero).then_some('0');
            self.take_digit().or(zero)
        };
        if let Some(digit) = digit {
            self.push_digit(digit);
        }
        self.place -= 1;
    }

    fn push_digit(&mut self, digit: char) {
        self.out.push(digit);
        if self.layout.is_grouped && self.place > 1 && (self.place - 1) % 3 == 0 {
            self.out.push_str(self.culture.group);
        }
    }

    fn exponent(&mut self, letter: char, plus: bool, width: usize) {
        let exponent =
            if self.number.is_zero() { 0 } else { self.number.scale - self.layout.before_point };
        let sign = match exponent {
            ..0 => "-",
            _ if plus => "+",
            _ => "",
        };
        self.out.push_str(&format!("{letter}{sign}{:0width$}", exponent.unsigned_abs()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::culture::EN_US;
    use super::super::number;
    use crate::value::Value;

    fn text(number: impl Into<Value>, format: &str) -> String {
        number::format(&number.into(), format, &EN_US).unwrap()
    }

    #[test]
    fn placeholders() {
        let cases = [
            (1234.5, "0.00", "1234.50"),
            (1234.5, "#.##", "1234.5"),
            (0.5, "#.##", ".5"),
            (0.0, "#.##", ""),
            (0.0, "0.0#", "0.0"),
            (5.0, "000", "005"),
            (-5.0, "000", "-005"),
            (1_234_567_890.0, "#,##0.00", "1,234,567,890.00"),
            (1_234_567_890.0, "0,0.00", "1,234,567,890.00"),
            (12.0, "0,0", "12"),
            (1_234_567.0, "#,##0,K", "1,235K"),
            (1_234_567_890.0, "0,,", "1235"),
            (0.125, "0.0%", "12.5%"),
            (1_234_567_890.0, "(###) ###-####", "(123) 456-7890"),
            (12_345.0, "0.00E+00", "1.23E+04"),
            (0.00012, "0.0e-0", "1.2e-4"),
            (7.0, "'x'0\\#\"y\"", "x7#y"),
            (1234.5678, "0.###", "1234.568"),
            (-0.4, "0", "0"),
            (0.996, "0.00", "1.00"),
        ];
        for (number, format, expected) in cases {
            assert_eq!(text(number, format), expected, "{number} {format}");
        }
    }

    #[test]
    fn sections() {
        let format = "0.0;(0.0);zero";
        assert_eq!(text(1.25, format), "1.3");
        assert_eq!(text(-1.25, format), "(1.3)");
        assert_eq!(text(0, format), "zero");
        assert_eq!(text(0.01, format), "zero");
        assert_eq!(text(-3, "0;;"), "-3");
        assert_eq!(text(3, "0';'0"), "0;3");
    }
}
