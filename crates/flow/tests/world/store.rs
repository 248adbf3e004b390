//! What is durable: chunks and payloads, as a store would keep them.

use durable::{Batch, Payload, ProcessId, Ticks};
use expr::Value;
use flow::definition::Flow;
use flow::run::event::{Payloads, read_payload};
use flow::run::{FlowInfo, Run, Stored};
use std::sync::Arc;

const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

#[derive(Default)]
pub struct Store {
    /// Decompressed.
    pub chunks: Vec<Vec<u8>>,
    /// The number of each chunk's last event.
    ends: Vec<u64>,
    snapshot: Option<(u64, Vec<u8>)>,
    pub payloads: Payloads,
    pub seq: u64,
}

impl Store {
    pub fn commit(&mut self, batch: &Batch) {
        assert_eq!(batch.expected_seq, self.seq, "events are numbered without gaps");
        self.seq += u64::from(batch.events);
        for payload in &batch.payloads {
            self.payloads.insert(payload.hash, value_of(payload));
        }
        if let Some(chunk) = &batch.chunk {
            self.chunks.push(durable::codec::decompress(chunk).expect("a chunk"));
            self.ends.push(self.seq);
        }
        if let Some(snapshot) = &batch.snapshot {
            let bytes = durable::codec::decompress_limited(snapshot, PAYLOAD_BYTES_MAX);
            self.snapshot = Some((self.seq, bytes.expect("a snapshot")));
        }
    }

    /// A run as its snapshot alone gives it.
    pub fn load_snapshot(
        &self,
        run: &Run,
        now: Ticks,
        flow: &Arc<Flow>,
        info: &Arc<FlowInfo>,
    ) -> Run {
        let written = run.write_snapshot(now);
        let mut payloads = self.payloads.clone();
        for payload in &written.payloads {
            payloads.insert(payload.hash, value_of(payload));
        }
        let stored = Stored { snapshot: Some((self.seq, written.bytes)), chunks: Vec::new() };
        Run::load(Arc::clone(flow), Arc::clone(info), run.id, &stored, &payloads)
            .expect("a snapshot can be read")
    }

    pub fn load(&self, flow: &Arc<Flow>, info: &Arc<FlowInfo>, id: ProcessId) -> Run {
        let after = self.snapshot.as_ref().map_or(0, |(seq, _)| *seq);
        let chunks = self.chunks.iter().zip(&self.ends).filter(|(_, end)| **end > after);
        let chunks = chunks.map(|(chunk, _)| chunk.clone()).collect();
        let stored = Stored { snapshot: self.snapshot.clone(), chunks };
        Run::load(Arc::clone(flow), Arc::clone(info), id, &stored, &self.payloads)
            .expect("stored chunks can be read")
    }
}

fn value_of(payload: &Payload) -> Value {
    let content = durable::codec::decompress_limited(&payload.content, PAYLOAD_BYTES_MAX);
    read_payload(&content.expect("a payload")).expect("a payload's value")
}
