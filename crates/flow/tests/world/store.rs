//! What is durable: chunks and payloads, as a store would keep them.

use durable::{Batch, ProcessId};
use flow::definition::Flow;
use flow::run::event::{Payloads, read_payload};
use flow::run::{FlowInfo, Run};
use std::sync::Arc;

const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

#[derive(Default)]
pub struct Store {
    /// Decompressed.
    pub chunks: Vec<Vec<u8>>,
    pub payloads: Payloads,
    pub seq: u64,
}

impl Store {
    pub fn commit(&mut self, batch: &Batch) {
        assert_eq!(batch.expected_seq, self.seq, "events are numbered without gaps");
        self.seq += u64::from(batch.events);
        for payload in &batch.payloads {
            let content = durable::codec::decompress_limited(&payload.content, PAYLOAD_BYTES_MAX);
            let value = read_payload(&content.expect("a payload")).expect("a payload's value");
            self.payloads.insert(payload.hash, value);
        }
        if let Some(chunk) = &batch.chunk {
            self.chunks.push(durable::codec::decompress(chunk).expect("a chunk"));
        }
    }

    pub fn load(&self, flow: &Arc<Flow>, info: &Arc<FlowInfo>, id: ProcessId) -> Run {
        Run::load(Arc::clone(flow), Arc::clone(info), id, &self.chunks, &self.payloads)
            .expect("stored chunks can be read")
    }
}
