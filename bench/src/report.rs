//! Figures and faults of a run, and how they are printed.

use serde::Serialize;
use std::fmt::Write;

/// One measured figure. Its name (`w1.128.cpu_ms`) is what bars refer to.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub about: String,
}

/// All that a run of the bench found.
#[derive(Default, Serialize)]
pub struct Report {
    pub figures: Vec<Figure>,
    /// Wrong answers, lost runs, unreadable history.
    pub faults: Vec<String>,
}

impl Report {
    pub fn add(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        about: impl Into<String>,
    ) {
        self.figures.push(Figure { name: name.into(), value, unit, about: about.into() });
    }

    pub fn fault(&mut self, text: impl Into<String>) {
        let text = text.into();
        eprintln!("FAULT: {text}");
        self.faults.push(text);
    }

    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// The figures as aligned text, faults below.
    pub fn table(&self) -> String {
        let rows: Vec<[String; 4]> = self
            .figures
            .iter()
            .map(|figure| {
                let value = number(figure.value);
                [figure.name.clone(), value, figure.unit.to_owned(), figure.about.clone()]
            })
            .collect();
        let mut out = columns(["figure", "value", "", "what it is"], &rows);
        for fault in &self.faults {
            let _ = writeln!(out, "FAULT: {fault}");
        }
        out
    }
}

/// Rows under a head, the second column flush right.
pub fn columns<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(|text| text.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let head = head.map(str::to_owned);
    let rule = widths.map(|width| "-".repeat(width));
    for row in [&head, &rule].into_iter().chain(rows) {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = match at {
                1 => write!(line, "{cell:>width$}  "),
                _ => write!(line, "{cell:<width$}  "),
            };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// Three significant digits below 100, whole numbers with thousands above.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let magnitude = value.abs();
    if magnitude >= 100.0 {
        let digits = format!("{:.0}", value.round());
        let (sign, digits) = digits.strip_prefix('-').map_or(("", &*digits), |rest| ("-", rest));
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        return format!("{sign}{grouped}");
    }
    let decimals = match magnitude {
        m if m >= 10.0 => 1,
        m if m >= 1.0 => 2,
        m if m >= 0.1 => 3,
        0.0 => 0,
        _ => 4,
    };
    format!("{value:.decimals$}")
}

/// The middle of the values, the mean of the middle two of an even number.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count.is_multiple_of(2) => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
        count => sorted[count / 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let cases = [
            (0.0, "0"),
            (0.02334, "0.0233"),
            (3.412, "3.41"),
            (27.44, "27.4"),
            (543.2, "543"),
            (44_800.4, "44,800"),
            (-1_234.0, "-1,234"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(median(&[4.0, 1.0]).to_bits(), 2.5_f64.to_bits());
    }
}
