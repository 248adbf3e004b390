//! JSON as text: indented, taken apart and put together without reading its
//! values, so that numbers and keys stay exactly as their author wrote them and
//! no depth of nesting is too much.
//!
//! The functions that take JSON apart expect well-formed text and give up, never
//! panic, on anything else.

/// Indentation deeper than this looks the same.
const INDENT_LEVELS_MAX: usize = 40;

/// The same JSON on several lines, indented by two.
#[must_use]
pub fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0usize;
    let mut scanner = Scanner { text: text.trim(), at: 0 };
    while let Some(byte) = scanner.peek() {
        match byte {
            b'"' => out.push_str(scanner.take_string().unwrap_or_default()),
            b'{' | b'[' => {
                out.push(char::from(byte));
                scanner.at += 1;
                scanner.skip_space();
                if matches!(scanner.peek(), Some(b'}' | b']')) {
                    out.push_str(scanner.take(1));
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push_str(scanner.take(1));
            }
            b',' => {
                out.push_str(scanner.take(1));
                new_line(&mut out, depth);
            }
            b':' => {
                scanner.at += 1;
                out.push_str(": ");
            }
            byte if byte.is_ascii_whitespace() => scanner.skip_space(),
            _ => out.push_str(scanner.take_plain()),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth.min(INDENT_LEVELS_MAX) {
        out.push_str("  ");
    }
}

/// The text of a member of an object.
#[must_use]
pub fn member<'t>(object: &'t str, name: &str) -> Option<&'t str> {
    let mut scanner = Scanner { text: object, at: 0 };
    scanner.open(b'{')?;
    while scanner.peek()? != b'}' {
        let found = scanner.take_string()?;
        scanner.open(b':')?;
        let value = scanner.take_value()?;
        if serde_json::from_str::<String>(found).is_ok_and(|found| found == name) {
            return Some(value);
        }
        scanner.next_entry()?;
    }
    None
}

/// The texts of the items of an array.
#[must_use]
pub fn items(array: &str) -> Option<Vec<&str>> {
    let mut scanner = Scanner { text: array, at: 0 };
    let mut items = Vec::new();
    scanner.open(b'[')?;
    while scanner.peek()? != b']' {
        items.push(scanner.take_value()?);
        scanner.next_entry()?;
    }
    Some(items)
}

/// An object that is put together from members that are JSON already.
#[derive(Default)]
pub struct Members(String);

impl Members {
    /// The object `text`, to which members are to be added.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let inner = text.trim().strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
        Members(inner.unwrap_or_default().trim().to_owned())
    }

    #[must_use]
    pub fn raw(mut self, name: &str, json: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&quote(name));
        self.0.push(':');
        self.0.push_str(json.trim());
        self
    }

    #[must_use]
    pub fn text(self, name: &str, text: &str) -> Self {
        self.raw(name, &quote(text))
    }

    #[must_use]
    pub fn text_if(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    #[must_use]
    pub fn build(self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// Text as a JSON string.
#[must_use]
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let start = self.at;
        self.at += bytes;
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Passes one punctuation mark and the space around it.
    fn open(&mut self, mark: u8) -> Option<()> {
        self.skip_space();
        (self.peek()? == mark).then_some(())?;
        self.at += 1;
        self.skip_space();
        Some(())
    }

    /// Passes the comma after an entry; the end of the object or array stays.
    fn next_entry(&mut self) -> Option<()> {
        self.skip_space();
        match self.peek()? {
            b',' => self.open(b','),
            b'}' | b']' => Some(()),
            _ => None,
        }
    }

    /// A string with its quotes. To the end of the text when it is not closed.
    fn take_string(&mut self) -> Option<&'t str> {
        let start = self.at;
        (self.peek()? == b'"').then_some(())?;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return self.text.get(start..self.at),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        self.at = self.text.len();
        self.text.get(start..)
    }

    /// A number, `true`, `false` or `null`: whatever ends at a mark or space.
    fn take_plain(&mut self) -> &'t str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends = |char: char| char.is_ascii_whitespace() || ",:{}[]\"".contains(char);
        self.take(rest.find(ends).unwrap_or(rest.len()))
    }

    /// Any value, without looking into it.
    fn take_value(&mut self) -> Option<&'t str> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.take_string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                byte if byte.is_ascii_whitespace() => self.skip_space(),
                _ => (!self.take_plain().is_empty()).then_some(())?,
            }
            if depth == 0 {
                return self.text.get(start..self.at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indents_without_touching_values() {
        let text =
            r#"{"a":[1.10, 12345678901234567890123 ,{}, [ ]],"b:,{":"x\"],\\","c":{"d":null}}"#;
        let expected = r#"{
  "a": [
    1.10,
    12345678901234567890123,
    {},
    []
  ],
  "b:,{": "x\"],\\",
  "c": {
    "d": null
  }
}"#;
        assert_eq!(pretty(text), expected);
        assert_eq!(pretty(expected), expected);
        assert_eq!(pretty(" \"größe\" "), "\"größe\"");
    }

    #[test]
    fn finds_members_and_items_as_text() {
        let text = r#" {"value": [1.0, "a,]\"", {"b": [2]}] , "next\u004cink" : "x"} "#;
        let value = member(text, "value").unwrap();
        assert_eq!(items(value).unwrap(), ["1.0", r#""a,]\"""#, r#"{"b": [2]}"#]);
        assert_eq!(member(text, "nextLink"), Some("\"x\""));
        assert_eq!(member(text, "none"), None);
        assert_eq!(member("{}", "value"), None);
        assert_eq!(items("[ ]"), Some(vec![]));
    }

    #[test]
    fn puts_objects_together() {
        let body = Members::default().text("name", "a\"b").raw("document", " {\"n\": 1.0} \n");
        assert_eq!(body.build(), r#"{"name":"a\"b","document":{"n": 1.0}}"#);
        assert_eq!(Members::default().text_if("a", None).build(), "{}");
        assert_eq!(Members::of(" {\"a\":1} ").raw("b", "[]").build(), r#"{"a":1,"b":[]}"#);
        assert_eq!(Members::of("{ }").raw("b", "[]").build(), r#"{"b":[]}"#);
    }

    #[test]
    fn gives_up_on_what_is_not_json() {
        let texts =
            ["", "{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":[1}", "]", "[,", "\"\\"];
        for text in texts {
            let _ = pretty(text);
            assert_eq!(member(text, "b"), None, "{text}");
            assert_eq!(items(text), None, "{text}");
        }
    }

    #[test]
    fn depth_is_no_matter() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(member(&deep, "a").map(str::len), Some(20_000));
        assert!(pretty(&deep).len() < 10_000 * 200);
    }
}
