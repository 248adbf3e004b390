//! Server-sent events, taken from the bytes of an answer as they arrive.

use std::collections::VecDeque;

/// One event: its name and its data, lines joined.
#[derive(Debug, PartialEq)]
pub struct Event {
    pub name: String,
    pub data: String,
}

/// Cuts a stream of bytes into events; bytes may arrive in any portions.
#[derive(Default)]
pub struct Parser {
    line: Vec<u8>,
    name: String,
    data: Option<String>,
    ready: VecDeque<Event>,
}

impl Parser {
    pub fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.end_line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
            }
        }
    }

    /// The next event that has arrived in full.
    pub fn pop(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    fn end_line(&mut self, line: &str) {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            if let Some(data) = self.data.take() {
                self.ready.push_back(Event { name, data });
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("event", _) => value.clone_into(&mut self.name),
            ("data", Some(data)) => {
                data.push('\n');
                data.push_str(value);
            }
            ("data", data) => *data = Some(value.to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_whole_whatever_the_portions() {
        let text = ": hello\n\nevent: action\r\ndata: {\"name\":\r\ndata:\"größe\"}\r\nid: 7\r\n\r\n\
                    retry: 5\n\nevent: run\ndata\n\nevent: cut\ndata: off";
        let expected = [
            Event { name: "action".into(), data: "{\"name\":\n\"größe\"}".into() },
            Event { name: "run".into(), data: String::new() },
        ];
        for portion in [1, 2, 7, text.len()] {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for bytes in text.as_bytes().chunks(portion) {
                parser.push(bytes);
                events.extend(std::iter::from_fn(|| parser.pop()));
            }
            assert_eq!(events, expected, "portions of {portion}");
        }
    }
}
