//! Writing events into a chunk.

use super::*;
use durable::{Payload, PayloadHash, limits::PAYLOAD_BYTES_MIN};
use expr::codec::{self, put_str, put_varint};
use sha2::{Digest, Sha256};

/// Collects the events of one step.
#[derive(Debug, Default)]
pub struct EventWriter {
    pub bytes: Vec<u8>,
    pub events: u32,
    pub payloads: Vec<Payload>,
    /// Bytes of the payloads before compression.
    pub payload_bytes: usize,
}

impl EventWriter {
    #[must_use]
    pub fn new(now: Ticks) -> Self {
        let mut bytes = Vec::with_capacity(1024);
        bytes.push(VERSION);
        bytes.extend_from_slice(&now.to_le_bytes());
        EventWriter { bytes, events: 0, payloads: Vec::new(), payload_bytes: 0 }
    }

    pub fn begin(&mut self, tag: u8) {
        self.events += 1;
        self.bytes.push(tag);
    }

    pub fn action(&mut self, action: ActionId, path: &Path) {
        put_varint(u64::from(action.0), &mut self.bytes);
        put_varint(path.len() as u64, &mut self.bytes);
        for index in path.iter() {
            put_varint(u64::from(index), &mut self.bytes);
        }
    }

    pub fn number(&mut self, number: u64) {
        put_varint(number, &mut self.bytes);
    }

    pub fn ticks(&mut self, ticks: Ticks) {
        put_varint(ticks.max(0) as u64, &mut self.bytes);
    }

    pub fn optional_ticks(&mut self, ticks: Option<Ticks>) {
        self.ticks(ticks.unwrap_or(0));
    }

    pub fn text(&mut self, text: &str) {
        put_str(text, &mut self.bytes);
    }

    pub fn code(&mut self, code: &str) {
        match CODES.iter().position(|known| *known == code) {
            Some(number) => self.bytes.push(number as u8),
            None => {
                self.bytes.push(0xff);
                self.text(code);
            }
        }
    }

    pub fn value(&mut self, value: &Value) {
        let start = self.bytes.len();
        codec::put(value, &mut self.bytes);
        self.move_out(start);
    }

    /// JSON text as it came from a caller.
    pub fn raw_json(&mut self, text: &[u8]) {
        let start = self.bytes.len();
        codec::put_raw_json(text, &mut self.bytes);
        self.move_out(start);
    }

    /// Replaces what was written since `start` by a payload's hash when it is large.
    fn move_out(&mut self, start: usize) {
        if self.bytes.len() - start <= PAYLOAD_BYTES_MIN {
            return;
        }
        let hash: PayloadHash = Sha256::digest(&self.bytes[start..]).into();
        if !self.payloads.iter().any(|payload| payload.hash == hash) {
            self.payload_bytes += self.bytes.len() - start;
            let content = durable::codec::compress(&self.bytes[start..]);
            self.payloads.push(Payload { hash, content });
        }
        self.bytes.truncate(start);
        self.bytes.push(PAYLOAD);
        self.bytes.extend_from_slice(&hash);
    }

    pub fn error(&mut self, error: &ErrorInfo) {
        self.code(&error.code);
        self.text(&error.message);
    }

    pub fn finished(&mut self, event: &Finished) {
        self.begin(FINISHED);
        self.end_of_action(event);
    }

    pub fn resumed(&mut self, from: ProcessId) {
        self.begin(RESUMED);
        self.bytes.extend_from_slice(from.as_bytes());
    }

    pub fn carried(&mut self, started: Ticks, event: &Finished) {
        self.begin(CARRIED);
        self.ticks(started);
        self.end_of_action(event);
    }

    pub fn carried_all(&mut self, variables: &[Option<Value>]) {
        self.begin(CARRIED_ALL);
        self.number(variables.len() as u64);
        for variable in variables {
            self.optional_value(variable.as_ref());
        }
    }

    fn end_of_action(&mut self, event: &Finished) {
        self.action(event.action, &event.path);
        let mut flags = match &event.outputs {
            Outputs::None => 0,
            Outputs::Inputs => flag::OUTPUTS_ARE_INPUTS,
            Outputs::BodyOfInputs => flag::BODY_IS_INPUTS,
            Outputs::Value(_) => flag::OUTPUTS,
        };
        for (there, bit) in [
            (event.inputs.is_some(), flag::INPUTS),
            (event.error.is_some(), flag::ERROR),
            (event.tracked.is_some(), flag::TRACKED),
            (event.ended.is_some(), flag::ENDED_BEFORE),
        ] {
            flags |= if there { bit } else { 0 };
        }
        self.bytes.push(event.status as u8);
        self.bytes.push(flags);
        self.code(&event.code);
        if let Some(inputs) = &event.inputs {
            self.value(inputs);
        }
        if let Outputs::Value(outputs) = &event.outputs {
            self.value(outputs);
        }
        if let Some(error) = &event.error {
            self.error(error);
        }
        if let Some(tracked) = &event.tracked {
            self.value(tracked);
        }
        if let Some(ended) = event.ended {
            self.ticks(ended);
        }
    }

    pub fn started(&mut self, action: ActionId, path: &Path, inputs: &Value, detail: &Detail) {
        self.begin(STARTED);
        self.action(action, path);
        self.value(inputs);
        match detail {
            Detail::Branch(branch) => {
                self.bytes.push(1);
                self.number(u64::from(*branch));
            }
            Detail::Foreach { items } => {
                self.bytes.push(2);
                self.value(items);
            }
            Detail::Until { count_max, deadline } => {
                self.bytes.push(3);
                self.number(u64::from(*count_max));
                self.ticks(*deadline);
            }
            Detail::Timer { due, timeout } => {
                self.bytes.push(4);
                self.ticks(*due);
                self.optional_ticks(*timeout);
            }
            Detail::Call { effect, timeout } => {
                self.bytes.push(5);
                self.number(*effect);
                self.optional_ticks(*timeout);
            }
        }
    }

    pub fn skipped(&mut self, action: ActionId, path: &Path, reason: &SkipReason) {
        self.begin(SKIPPED);
        self.action(action, path);
        self.skip_reason(reason);
    }

    pub fn skip_reason(&mut self, reason: &SkipReason) {
        match reason {
            SkipReason::Condition { on, was } => {
                self.bytes.push(1);
                self.number(u64::from(on.0));
                self.bytes.push(*was as u8);
            }
            SkipReason::Branch => self.bytes.push(2),
            SkipReason::Dependency { container, status, code } => {
                self.bytes.push(3);
                self.number(u64::from(container.0));
                self.bytes.push(*status as u8);
                self.code(code);
            }
            SkipReason::Response => self.bytes.push(4),
            SkipReason::Terminated => self.bytes.push(5),
        }
    }

    pub fn run_finished(
        &mut self,
        status: Status,
        code: &str,
        error: Option<&ErrorInfo>,
        outputs: &Value,
    ) {
        self.begin(RUN_FINISHED);
        self.bytes.push(status as u8);
        self.code(code);
        self.bytes.push(u8::from(error.is_some()));
        if let Some(error) = error {
            self.error(error);
        }
        self.value(outputs);
    }
}
