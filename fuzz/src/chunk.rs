//! Target `chunk`: stored bytes, as a damaged or forged store would give them.
//!
//! The lower half of the first byte chooses the flow, the upper half what the rest is: events,
//! a snapshot, a value, or events as they are stored.

use crate::{flows, world};
use durable::codec;
use flow::definition::Flow;
use flow::run::event::{Payloads, payload_hashes, read_payload};
use flow::run::history::HistoryReader;
use flow::run::{Run, Stored};
use std::sync::Arc;

/// Number of the last event that a snapshot claims to hold.
const SNAPSHOT_SEQ: u64 = 9;

/// Reads stored bytes in all the ways they are read.
pub fn chunk(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let flow = flows::of_run(choice & 0xf);
    match (choice >> 4) & 3 {
        0 => {
            history(&flow, bytes);
            load(&flow, &Stored { snapshot: None, chunks: vec![bytes.to_vec()] });
        }
        1 => {
            let (snapshot, chunks) = (Some((SNAPSHOT_SEQ, bytes.to_vec())), Vec::new());
            load(&flow, &Stored { snapshot, chunks });
        }
        2 => value(bytes),
        _ => {
            if let Ok(bytes) = codec::decompress(bytes) {
                history(&flow, &bytes);
                load(&flow, &Stored { snapshot: None, chunks: vec![bytes] });
            }
        }
    }
    let stored = codec::compress(bytes);
    assert_eq!(codec::decompress(&stored).as_deref(), Ok(bytes), "what was written is read");
}

/// A value in its own codec.
fn value(bytes: &[u8]) {
    let Ok(value) = read_payload(bytes) else { return };
    let mut written = Vec::new();
    expr::codec::put(&value, &mut written);
    let again = expr::codec::take(&mut written.as_slice()).expect("a written value can be read");
    let (text, again) = (expr::json::to_string(&value), expr::json::to_string(&again));
    assert_eq!(text, again, "a stored value reads back as another");
}

/// Records for readers; what is missing reads as null.
fn history(flow: &Flow, bytes: &[u8]) {
    let payloads = Payloads::new();
    let _ = payload_hashes(bytes, &payloads);
    for lenient in [false, true] {
        let mut reader = HistoryReader::new(flow, world::run_id());
        let mut entries = Vec::new();
        let _ = reader.read(bytes, &payloads, lenient, &mut |entry| entries.push(entry));
        entries.extend(reader.unfinished());
        for entry in &entries {
            let _ = reader.iterations(entry);
            let record = reader.render(entry, true);
            let _ = expr::json::to_vec(&record.into());
        }
    }
}

/// A run that was loaded can be looked at.
fn load(flow: &Arc<Flow>, stored: &Stored) {
    let id = world::run_id();
    let loaded = Run::load(Arc::clone(flow), world::info(), id, stored, &Payloads::new());
    if let Ok(run) = loaded {
        let _ = (run.status(), run.due(), run.parent(), run.is_answered_soon());
        let _ = run.calls_under_way();
    }
}
