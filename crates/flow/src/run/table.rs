//! Tables as CSV or HTML text.

use expr::{EvalError, Str, Value};

/// A table's cells as text. An empty header list with rows has no header row.
#[derive(Debug, PartialEq, Eq)]
pub struct Rows {
    pub headers: Vec<Str>,
    pub rows: Vec<Vec<Str>>,
}

impl Rows {
    /// Columns with equal header are one: the last that gives a value wins.
    #[must_use]
    pub fn merge_equal_headers(self) -> Rows {
        let mut headers: Vec<Str> = Vec::with_capacity(self.headers.len());
        let mut target = Vec::with_capacity(self.headers.len());
        for header in &self.headers {
            let known = headers.iter().position(|earlier| earlier == header);
            let merges = known.filter(|_| !header.is_empty());
            target.push(merges.unwrap_or(headers.len()));
            if merges.is_none() {
                headers.push(header.clone());
            }
        }
        let rows = self
            .rows
            .into_iter()
            .map(|row| {
                let mut merged = vec![Str::new(); headers.len()];
                for (cell, at) in row.into_iter().zip(&target) {
                    merged[*at] = cell;
                }
                merged
            })
            .collect();
        Rows { headers, rows }
    }
}

/// Columns named by the properties of the first object.
#[must_use]
pub fn rows_of_objects(items: &[Value]) -> Rows {
    let first = items.first().and_then(Value::as_object);
    let headers: Vec<Str> = first
        .map(|object| object.iter().map(|(name, _)| name.clone()).collect())
        .unwrap_or_default();
    let rows = items
        .iter()
        .map(|item| {
            headers.iter().map(|name| item.get(name).map(Value::text).unwrap_or_default()).collect()
        })
        .collect();
    Rows { headers, rows }
}

/// Renders a table; `format` is `CSV` or `HTML` in any case.
pub fn render(format: &str, table: &Rows) -> Result<String, EvalError> {
    if format.eq_ignore_ascii_case("csv") {
        return Ok(csv(table));
    }
    if format.eq_ignore_ascii_case("html") {
        return Ok(html(table));
    }
    Err(EvalError::new(format!(
        "the table format '{format}' is not known, expected 'CSV' or 'HTML'"
    )))
}

fn has_header_row(table: &Rows) -> bool {
    table.headers.iter().any(|header| !header.is_empty())
}

fn csv(table: &Rows) -> String {
    let mut out = String::new();
    if has_header_row(table) {
        csv_line(&table.headers, &mut out);
    }
    for row in &table.rows {
        csv_line(row, &mut out);
    }
    out
}

fn csv_line(cells: &[Str], out: &mut String) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace("\"", "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    out.push_str("\r\n");
}

fn html(table: &Rows) -> String {
    let mut out = String::from("<table>");
    if has_header_row(table) {
        out.push_str("<thead>");
        html_row("th", &table.headers, &mut out);
        out.push_str("</thead>");
    }
    out.push_str("<tbody>");
    for row in &table.rows {
        html_row("td", row, &mut out);
    }
    out.push_str("</tbody></table>");
    out
}

fn html_row(tag: &str, cells: &[Str], out: &mut String) {
    out.push_str("<tr>");
    for cell in cells {
        out.push_str(&format!("<{tag}>"));
        for character in cell.chars() {
            match character {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                other => out.push(other),
            }
        }
        out.push_str(&format!("</{tag}>"));
    }
    out.push_str("</tr>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn products() -> Vec<Value> {
        let text = br#"[{"ID":0,"Product_Name":"Apples"},{"ID":1,"Product_Name":"a \"b\", c"}]"#;
        expr::json::parse(text).unwrap().as_array().unwrap().to_vec()
    }

    #[test]
    fn html_has_head_and_body() {
        let text = render("HTML", &rows_of_objects(&products()[..1])).unwrap();
        assert_eq!(
            text,
            "<table><thead><tr><th>ID</th><th>Product_Name</th></tr></thead><tbody><tr><td>0</td><td>Apples</td></tr></tbody></table>"
        );
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let text = render("csv", &rows_of_objects(&products())).unwrap();
        assert_eq!(text, "ID,Product_Name\r\n0,Apples\r\n1,\"a \"\"b\"\", c\"\r\n");
    }

    #[test]
    fn equal_headers_are_one_column() {
        let rows = Rows {
            headers: vec!["a".into(), "b".into(), "a".into()],
            rows: vec![vec!["1".into(), "2".into(), "3".into()]],
        };
        let merged = rows.merge_equal_headers();
        assert_eq!(merged.headers, ["a", "b"]);
        assert_eq!(merged.rows, [["3", "2"]]);
    }

    #[test]
    fn another_format_is_an_error() {
        assert!(render("xml", &rows_of_objects(&[])).is_err());
    }
}
