//! What commands print: aligned tables, fields, payloads, or JSON as it came.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use super::failure::Failure;
use super::json_text;

/// Where a command prints to, and how.
pub struct Output<'a> {
    json: bool,
    to: &'a mut dyn Write,
}

impl<'a> Output<'a> {
    pub fn new(json: bool, to: &'a mut dyn Write) -> Self {
        Output { json, to }
    }

    /// Whether the user asked for JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    pub fn line(&mut self, text: impl fmt::Display) -> Result<(), Failure> {
        writeln!(self.to, "{text}").map_err(write_failure)
    }

    /// JSON text indented for people, or as it is when the user asked for JSON.
    pub fn document(&mut self, json: &str) -> Result<(), Failure> {
        if self.json { self.line(json.trim()) } else { self.line(json_text::pretty(json)) }
    }

    /// Tells a person that something was done; who asked for JSON sees it by the exit code.
    pub fn done(&mut self, text: impl fmt::Display) -> Result<(), Failure> {
        if self.json { Ok(()) } else { self.line(text) }
    }

    /// Bytes as they came.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.to.write_all(bytes).map_err(write_failure)
    }

    pub fn table(&mut self, table: &Table) -> Result<(), Failure> {
        self.to.write_all(table.render().as_bytes()).map_err(write_failure)
    }

    /// Names and values, aligned; fields without a value are left out.
    pub fn fields(&mut self, fields: &[(&str, String)]) -> Result<(), Failure> {
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            self.line(format_args!("{:width$}{}", format!("{name}:"), visible(value)))?;
        }
        Ok(())
    }

    /// Tells a person something that does not belong to what was asked for.
    pub fn note(&mut self, text: impl fmt::Display) -> Result<(), Failure> {
        self.flush()?;
        // Standard error may be closed; what was asked for is printed all the same.
        let _ = writeln!(io::stderr(), "{text}");
        Ok(())
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        self.to.flush().map_err(write_failure)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn write_failure(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::ReaderGone
    } else {
        Failure::new(format!("The output could not be written: {error}."))
    }
}

/// Rows under headings. Columns in which every cell is empty are left out.
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    #[must_use]
    pub fn new(headings: &[&'static str]) -> Self {
        Table { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: a cell for each heading.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().map(|cell| visible(&cell)).collect();
        row.resize(self.headings.len(), String::new());
        self.rows.push(row);
    }

    #[must_use]
    pub fn render(&self) -> String {
        let columns: Vec<(usize, usize)> = (0..self.headings.len())
            .filter_map(|column| {
                let widest = self.rows.iter().map(|row| row[column].chars().count()).max()?;
                (widest > 0).then(|| (column, widest.max(self.headings[column].len())))
            })
            .collect();
        let mut text = String::new();
        let headings = |column: usize| self.headings[column];
        push_row(&mut text, &columns, headings);
        for row in &self.rows {
            push_row(&mut text, &columns, |column| row[column].as_str());
        }
        text
    }
}

fn push_row<'t>(text: &mut String, columns: &[(usize, usize)], cell: impl Fn(usize) -> &'t str) {
    let mut line = String::new();
    for (column, width) in columns {
        let _ = write!(line, "{:width$}  ", cell(*column));
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// Text of others, made fit for one line of a terminal: line ends become spaces,
/// other control characters are spelled out.
#[must_use]
pub fn visible(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len()), |mut out, char| {
        match char {
            '\n' | '\t' => out.push(' '),
            '\r' => {}
            char if char.is_control() => out.extend(char.escape_unicode()),
            char => out.push(char),
        }
        out
    })
}

/// A moment of the API to the second: `2026-11-22T12:00:00.1234567Z` without its
/// fraction. Anything else stays as it is.
#[must_use]
pub fn moment(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.ends_with('Z') => format!("{whole}Z"),
        _ => text.to_owned(),
    }
}

/// The time of day of a moment of the API, to the millisecond.
#[must_use]
pub fn time_of_day(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    let time = text.split_once('T').map_or(text, |(_, time)| time).trim_end_matches('Z');
    match time.split_once('.') {
        Some((whole, fraction)) => {
            format!("{whole}.{:0<3}", fraction.chars().take(3).collect::<String>())
        }
        None if time.is_empty() => String::new(),
        None => format!("{time}.000"),
    }
}

/// How long something took, from two moments of the API; empty when it has not ended.
#[must_use]
pub fn duration(start: Option<&str>, end: Option<&str>) -> String {
    let ticks = |text: Option<&str>| expr::format::date::parse_ticks(text?).ok();
    match (ticks(start), ticks(end)) {
        (Some(start), Some(end)) => duration_text(end.saturating_sub(start)),
        _ => String::new(),
    }
}

/// A number of 100-nanosecond steps in the unit that suits it.
fn duration_text(ticks: i64) -> String {
    const MILLISECOND: i64 = 10_000;
    const SECOND: i64 = 1_000 * MILLISECOND;
    const MINUTE: i64 = 60 * SECOND;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let ticks = ticks.max(0);
    match ticks {
        0..MILLISECOND => format!("0.{} ms", ticks / (MILLISECOND / 10)),
        MILLISECOND..SECOND => format!("{} ms", ticks / MILLISECOND),
        SECOND..MINUTE => format!("{}.{:02} s", ticks / SECOND, ticks % SECOND / (SECOND / 100)),
        MINUTE..HOUR => format!("{} min {:02} s", ticks / MINUTE, ticks % MINUTE / SECOND),
        HOUR..DAY => format!("{} h {:02} min", ticks / HOUR, ticks % HOUR / MINUTE),
        _ => format!("{} d {:02} h", ticks / DAY, ticks % DAY / HOUR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_leave_empty_columns_out() {
        let mut table = Table::new(&["NAME", "STATE", "NOTE", "VERSION"]);
        table.row(["order", "Started", "", "12"].map(str::to_owned));
        table.row(["größe-und-länge", "Stopped", "", ""].map(str::to_owned));
        assert_eq!(
            table.render(),
            "NAME             STATE    VERSION\n\
             order            Started  12\n\
             größe-und-länge  Stopped\n"
        );
    }

    #[test]
    fn cells_of_others_stay_on_their_line() {
        let mut table = Table::new(&["ERROR"]);
        table.row(["two\r\nlines \u{1b}[2J".to_owned()]);
        assert_eq!(table.render(), "ERROR\ntwo lines \\u{1b}[2J\n");
    }

    #[test]
    fn fields_align_and_leave_out_what_is_not_there() {
        let mut bytes = Vec::new();
        let fields = [("Run", "1".to_owned()), ("Code", String::new()), ("Status", "x".into())];
        Output::new(false, &mut bytes).fields(&fields).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "Run:    1\nStatus: x\n");
    }

    #[test]
    fn durations_take_a_fitting_unit() {
        let cases = [
            (-5, "0.0 ms"),
            (4_000, "0.4 ms"),
            (129_999, "12 ms"),
            (12_500_000, "1.25 s"),
            (1_250_000_000, "2 min 05 s"),
            (36_000_000_000 * 3 + 1_200_000_000, "3 h 02 min"),
            (36_000_000_000 * 51, "2 d 03 h"),
        ];
        for (ticks, text) in cases {
            assert_eq!(duration_text(ticks), text);
        }
    }

    #[test]
    fn moments_are_cut_to_what_people_read() {
        assert_eq!(moment(Some("2026-11-22T12:00:00.1234567Z")), "2026-11-22T12:00:00Z");
        assert_eq!(moment(Some("2026-11-22T12:00:00Z")), "2026-11-22T12:00:00Z");
        assert_eq!(moment(None), "");
        assert_eq!(time_of_day(Some("2026-11-22T12:00:00.1234567Z")), "12:00:00.123");
        assert_eq!(time_of_day(Some("2026-11-22T12:00:00Z")), "12:00:00.000");
        assert_eq!(time_of_day(None), "");
    }

    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_not_a_failure_to_report() {
        let failure = Output::new(false, &mut Closed).line("x").unwrap_err();
        assert!(matches!(failure, Failure::ReaderGone));
        assert_eq!(failure.text(false), "");
    }
}
