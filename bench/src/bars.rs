//! The bars: what the figures must not exceed.

use crate::report::{Report, columns, number};
use serde::Serialize;

/// What a noisy machine does to a figure decides how it is held in a short run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Bytes: the same everywhere, always enforced.
    Size,
    /// CPU time: with an allowance in a short run.
    Cpu,
    /// Elapsed time: only printed in a short run.
    Time,
}

/// What CPU figures may exceed their bar by in a short run.
pub const SHORT_CPU_ALLOWANCE: f64 = 2.0;

struct Bar {
    figure: &'static str,
    most: f64,
    kind: Kind,
}

const BARS: [Bar; 25] = [
    Bar { figure: "w1.128.ratio", most: 4.0, kind: Kind::Cpu },
    Bar { figure: "w1.128.bytes", most: 900.0, kind: Kind::Size },
    Bar { figure: "w2.ratio", most: 5.0, kind: Kind::Cpu },
    Bar { figure: "w3.1000.cpu_ms", most: 5.0, kind: Kind::Cpu },
    Bar { figure: "w3.cpu_ratio", most: 12.0, kind: Kind::Cpu },
    Bar { figure: "w3.store_ratio", most: 12.0, kind: Kind::Size },
    Bar { figure: "w3.100000.peak_mib", most: 400.0, kind: Kind::Size },
    Bar { figure: "w4.empty.first_ms", most: 150.0, kind: Kind::Time },
    Bar { figure: "w4.empty.idle_mib", most: 30.0, kind: Kind::Size },
    Bar { figure: "w4.filled.first_ms", most: 1_000.0, kind: Kind::Time },
    Bar { figure: "w4.filled.idle_mib", most: 30.0, kind: Kind::Size },
    Bar { figure: "w6.128.cpu_ms", most: 0.20, kind: Kind::Cpu },
    Bar { figure: "w7.resident_mib", most: 300.0, kind: Kind::Size },
    Bar { figure: "w7.late_p99_ms", most: 1_000.0, kind: Kind::Time },
    Bar { figure: "w8.ratio", most: 2.0, kind: Kind::Time },
    // 20,000 runs a second, as a bar that says "at most"
    Bar { figure: "w9.export_s", most: 1.0, kind: Kind::Time },
    Bar { figure: "w9.import_s", most: 1.0, kind: Kind::Time },
    Bar { figure: "w9.import_postgres_s", most: 1.0, kind: Kind::Time },
    Bar { figure: "w10.flows_ms", most: 5.0, kind: Kind::Cpu },
    Bar { figure: "w10.runs_ms", most: 5.0, kind: Kind::Cpu },
    Bar { figure: "w10.postgres.flows_ms", most: 5.0, kind: Kind::Cpu },
    Bar { figure: "w10.postgres.runs_ms", most: 5.0, kind: Kind::Cpu },
    Bar { figure: "w11.resident_mib", most: 100.0, kind: Kind::Size },
    Bar { figure: "w11.restarted_mib", most: 100.0, kind: Kind::Size },
    Bar { figure: "w11.answer_ms", most: 2.0, kind: Kind::Cpu },
];

/// A bar and what was measured against it.
#[derive(Serialize)]
pub struct Judged {
    pub figure: &'static str,
    pub value: Option<f64>,
    pub bar: f64,
    /// The limit that was enforced: none when the figure is only printed.
    pub enforced: Option<f64>,
    pub passed: bool,
    about: String,
    unit: &'static str,
}

/// Holds a report against the bars. A figure that is missing fails its bar.
pub fn judge(report: &Report, short: bool) -> Vec<Judged> {
    BARS.iter()
        .map(|bar| {
            let figure = report.figures.iter().find(|figure| figure.name == bar.figure);
            let value = report.value(bar.figure).filter(|value| value.is_finite());
            let enforced = match (short, bar.kind) {
                (false, _) | (true, Kind::Size) => Some(bar.most),
                (true, Kind::Cpu) => Some(bar.most * SHORT_CPU_ALLOWANCE),
                (true, Kind::Time) => None,
            };
            let limit = enforced.unwrap_or(f64::INFINITY);
            Judged {
                figure: bar.figure,
                value,
                bar: bar.most,
                enforced,
                passed: value.is_some_and(|value| value <= limit),
                about: figure.map(|figure| figure.about.clone()).unwrap_or_default(),
                unit: figure.map_or("", |figure| figure.unit),
            }
        })
        .collect()
}

/// The judged bars as aligned text, with the row for correctness last.
pub fn table(judged: &[Judged], faults: usize) -> String {
    let mut rows: Vec<[String; 6]> = judged
        .iter()
        .map(|row| {
            let verdict = match (row.passed, row.enforced) {
                (false, _) => "FAIL",
                (true, Some(_)) => "pass",
                (true, None) if row.value.is_some_and(|value| value > row.bar) => "over, not held",
                (true, None) => "within, not held",
            };
            [
                row.figure.to_owned(),
                row.value.map_or("-".to_owned(), number),
                row.unit.to_owned(),
                format!("<= {}", number(row.enforced.unwrap_or(row.bar))),
                verdict.to_owned(),
                row.about.clone(),
            ]
        })
        .collect();
    let verdict = if faults == 0 { "pass" } else { "FAIL" };
    rows.push(
        [
            "faults",
            &faults.to_string(),
            "",
            "none",
            verdict,
            "wrong answers, lost or unreadable runs",
        ]
        .map(str::to_owned),
    );
    columns(["bar", "value", "", "limit", "verdict", "what it is"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ratio: f64, first_ms: f64) -> Report {
        let mut report = Report::default();
        for bar in &BARS {
            report.add(bar.figure, bar.most / 2.0, "", "");
        }
        for (name, value) in [("w1.128.ratio", ratio), ("w4.empty.first_ms", first_ms)] {
            report.figures.retain(|figure| figure.name != name);
            report.add(name, value, "", "");
        }
        report
    }

    #[test]
    fn a_short_run_allows_cpu_twice_its_bar_and_does_not_hold_times() {
        let failed = |ratio, first_ms, short| {
            let judged = judge(&report(ratio, first_ms), short);
            judged.iter().filter(|row| !row.passed).count()
        };
        assert_eq!(failed(3.9, 140.0, false), 0);
        assert_eq!(failed(4.1, 151.0, false), 2);
        assert_eq!(failed(7.9, 500.0, true), 0);
        assert_eq!(failed(8.1, 500.0, true), 1);
    }

    #[test]
    fn a_missing_figure_fails() {
        let judged = judge(&Report::default(), true);
        assert!(judged.iter().all(|row| !row.passed));
        assert!(table(&judged, 1).contains("FAIL"));
    }
}
