//! What happened, as text: from the records that readers of the history get.

use super::BEGIN;
use super::store::Store;
use durable::{Batch, Message, MessageKind, ProcessId, Ticks};
use expr::{Object, Value};
use flow::definition::Flow;
use flow::run::history::{Entry, HistoryReader};
use flow::run::{Effect, Reply, Request, Status};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Characters of a value that the text shows.
const SHOWN_MAX: usize = 400;

pub struct History {
    flow: Arc<Flow>,
    id: ProcessId,
    is_brief: bool,
    chunks: Vec<Vec<u8>>,
    lines: Vec<Line>,
    payloads: flow::run::event::Payloads,
}

enum Line {
    Text(String),
    /// The records of a chunk.
    Chunk(usize),
}

impl History {
    pub fn new(flow: Arc<Flow>, id: ProcessId, is_brief: bool) -> Self {
        let (chunks, lines) = (Vec::new(), Vec::new());
        History { flow, id, is_brief, chunks, lines, payloads: Default::default() }
    }

    pub fn step(&mut self, now: Ticks, what: &str) {
        let text = format!("+{} {what}", since_begin(now));
        self.lines.push(Line::Text(text));
    }

    pub fn chunk(&mut self, batch: &Batch, store: &Store) {
        if batch.chunk.is_some() {
            self.lines.push(Line::Chunk(self.chunks.len()));
            self.chunks.extend(store.chunks.last().cloned());
        }
        for payload in &batch.payloads {
            self.payloads.insert(payload.hash, store.payloads[&payload.hash].clone());
        }
    }

    pub fn effect(&mut self, effect: &Effect) {
        let Effect { id, attempt, repeatable, request } = effect;
        let mark = if *repeatable { "" } else { " once" };
        let text = match request {
            Request::Http(call) => {
                let is_own = |name: &str| !name.starts_with("x-ms-");
                let mut shown = Object::new();
                for (name, value) in call.headers.iter().filter(|(name, _)| is_own(name)) {
                    shown.insert(name.clone(), value.clone());
                }
                let queries: Vec<String> =
                    call.queries.iter().map(|(name, value)| format!(" {name}={value}")).collect();
                let body = call.body.as_ref().map(|body| format!(" {}", shorten(body)));
                let headers = if shown.is_empty() {
                    String::new()
                } else {
                    format!(" {}", shorten(&shown.into()))
                };
                let own = call.headers.len();
                format!(
                    "{} {}{}{headers}{} ({own} headers, key {})",
                    call.method,
                    call.uri,
                    queries.join(""),
                    body.unwrap_or_default(),
                    call.idempotency_key
                )
            }
            Request::Connector(call) => format!(
                "connector {} {:?} with {} (key {})",
                call.operation_name,
                call.purpose,
                shorten(&call.inputs),
                call.idempotency_key
            ),
            Request::Subscribe(call) => format!(
                "subscription {} of {} with {}",
                call.process,
                call.operation_name,
                shorten(&call.inputs)
            ),
            Request::Child(call) => {
                let body = call.body.clone().unwrap_or_default();
                format!(
                    "child {} of {} with {} as {}",
                    call.child,
                    shorten(&call.host),
                    shorten(&body),
                    call.client_tracking_id
                )
            }
        };
        self.lines.push(Line::Text(format!("  -> {id}/{attempt}{mark} {text}")));
    }

    pub fn message(&mut self, message: &Message) {
        let text = match message.kind {
            MessageKind::Cancel => "cancel".to_owned(),
            MessageKind::Arrived => "arrived".to_owned(),
            MessageKind::Reply => {
                shorten(&expr::codec::take(&mut message.body.as_slice()).expect("a reply"))
            }
        };
        self.lines.push(Line::Text(format!(
            "  => to {} for effect {}: {text}",
            message.to, message.effect
        )));
    }

    pub fn reply(&mut self, reply: &Reply) {
        let text = match reply {
            Reply::Response(response) => shorten(response),
            Reply::NoResponse => "no response".to_owned(),
        };
        self.lines.push(Line::Text(format!("  <= {text}")));
    }

    /// Complete records, the text, and the run's error.
    pub fn finish(self, status: Status) -> (Vec<String>, String, Option<String>) {
        let mut reader = HistoryReader::new(&self.flow, self.id);
        let mut records = Vec::new();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Text(line) if !self.is_brief => text = text + line + "\n",
                Line::Text(_) => {}
                Line::Chunk(at) => {
                    let mut entries = Vec::new();
                    reader
                        .read(&self.chunks[*at], &self.payloads, false, &mut |it| entries.push(it))
                        .expect("a chunk");
                    for entry in &entries {
                        let record = reader.render(entry, true);
                        records.push(expr::json::to_string(&record.clone().into()));
                        if self.is_brief {
                            let key = format!(
                                "{} {} {}",
                                text_of(&record, "name"),
                                entry.status.name(),
                                entry.code
                            );
                            *counts.entry(key).or_default() += 1;
                        } else {
                            show(&record, entry, reader.iterations(entry), &mut text);
                        }
                    }
                }
            }
        }
        for (key, count) in counts {
            let _ = writeln!(text, "{count} x {key}");
        }
        let error = finish_run(&mut reader, status, &mut text);
        (records, text, error)
    }
}

fn finish_run(reader: &mut HistoryReader<'_>, status: Status, text: &mut String) -> Option<String> {
    for entry in reader.unfinished() {
        let name = reader.render(&entry, false);
        let _ = writeln!(text, "unfinished {} {}", text_of(&name, "name"), entry.status.name());
    }
    let Some((ended, code, error, outputs, end)) = &reader.end else {
        let _ = writeln!(text, "the run is {}", status.name());
        return None;
    };
    assert_eq!(*ended, status, "history and state agree about the end");
    let _ = write!(text, "the run ended at +{}: {} {code}", since_begin(*end), status.name());
    let _ = writeln!(text);
    let shown = error.as_ref().map(|error| format!("{}: {}", error.code, error.message));
    if let Some(error) = &shown {
        let _ = writeln!(text, "  error {error}");
    }
    if !outputs.is_null() {
        let _ = writeln!(text, "  outputs {}", shorten(outputs));
    }
    shown
}

fn show(record: &Object, entry: &Entry, iterations: u64, text: &mut String) {
    let repetition = match record.get("repetition") {
        Some(name) => format!("[{}]", name.text()),
        None => String::new(),
    };
    let name = text_of(record, "name");
    let _ = write!(text, "  {name}{repetition} {} {}", entry.status.name(), entry.code);
    if iterations > 0 {
        let _ = write!(text, " ({iterations} iterations)");
    }
    let ended = entry.ended.unwrap_or(entry.started);
    if ended != entry.started {
        let _ = write!(text, " +{}..+{}", since_begin(entry.started), since_begin(ended));
    }
    let _ = writeln!(text);
    if let Some(error) = &entry.error {
        let _ = writeln!(text, "    error {}: {}", error.code, error.message);
    }
    for name in ["inputs", "outputs", "trackedProperties", "retryHistory"] {
        if let Some(value) = record.get(name) {
            let _ = writeln!(text, "    {name} {}", shorten(value));
        }
    }
}

fn text_of(record: &Object, name: &str) -> String {
    record.get(name).map(Value::text).unwrap_or_default().to_string()
}

fn since_begin(ticks: Ticks) -> String {
    let text = format!("{:.3}", (ticks - BEGIN) as f64 / 1e7);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn shorten(value: &Value) -> String {
    let text = expr::json::to_string(value);
    if text.chars().count() <= SHOWN_MAX {
        return text;
    }
    let head: String = text.chars().take(60).collect();
    format!("{head}... ({} bytes)", text.len())
}
