//! The histories: chunks without gaps, events that can be read with the flow's version, and
//! a state that agrees with the rows beside it.

use super::Report;
use super::checker::{Checker, payload_name};
use super::flow::{FlowFacts, no_version};
use super::row::{Fields, Rows};
use super::sealed::{content_of, opened_with};
use crate::auth::seal::{Place, Sealer};
use durable::codec::{decompress, decompress_limited};
use durable::{PayloadHash, ProcessId, ProcessKind, Ticks};
use flow::definition::Flow;
use flow::run::event::{EventReader, Payloads, ReadError, read_payload};
use flow::run::history::HistoryReader;
use flow::run::{Run, Status, Stored};
use std::sync::Arc;
use store::portable::{Cell, TABLES};
use store::{Source, StoreError};

/// A chunk as it was read.
struct ChunkRow {
    process: ProcessId,
    first_seq: u64,
    events: u64,
    content: Vec<u8>,
}

impl ChunkRow {
    fn read(mut row: Vec<Cell>) -> Option<ChunkRow> {
        let fields = Fields(&row);
        let (process, first_seq) = (fields.process(0)?, fields.unsigned(1)?);
        let events = u64::from(u32::try_from(fields.int(2)?).ok()?);
        let Some(Cell::Bytes(content)) = row.pop() else { return None };
        Some(ChunkRow { process, first_seq, events, content })
    }
}

/// What the chunks of a process came to.
struct Read {
    /// Number of the last event.
    last_seq: u64,
    /// The moment of the last chunk.
    moment: Ticks,
    /// Chunks to load the process from, decompressed. `None`: they cannot be read.
    stored: Option<Vec<Vec<u8>>>,
}

impl Checker<'_> {
    /// Reads the chunks, process by process.
    pub async fn check_histories<S: Source + ?Sized>(
        &mut self,
        rows: &mut Rows,
        source: &S,
        progress: &mut (dyn FnMut(&Report) + Send),
    ) -> Result<(), StoreError> {
        let mut ahead = self.ahead.take().and_then(|row| self.chunk_of(row));
        loop {
            if ahead.is_none() {
                ahead = self.next_chunk(rows, progress).await;
            }
            let Some(first) = ahead.take() else { return Ok(()) };
            let process = first.process;
            let flow = self.flow_of(process);
            let read;
            (read, ahead) = self.read_chunks(first, flow.as_deref(), rows, progress).await;
            if let Some(flow) = flow {
                self.check_live(process, flow, read, source).await?;
            }
        }
    }

    /// The next chunk that can be read; rows of the tables that come after the histories
    /// are looked at on the way.
    async fn next_chunk(
        &mut self,
        rows: &mut Rows,
        progress: &mut (dyn FnMut(&Report) + Send),
    ) -> Option<ChunkRow> {
        while let Some((table, row)) = rows.next().await {
            self.count(table, progress);
            if TABLES[table].name != "chunk" {
                self.take_row(table, &row);
            } else if let Some(chunk) = self.chunk_of(row) {
                return Some(chunk);
            }
        }
        None
    }

    fn chunk_of(&mut self, row: Vec<Cell>) -> Option<ChunkRow> {
        let place = Fields(&row).process(0);
        let chunk = ChunkRow::read(row);
        if chunk.is_none() {
            let place = place.map_or_else(|| "chunk".to_owned(), |process| process.to_string());
            self.report.add(place, "A chunk of its history cannot be read.");
        }
        chunk
    }

    /// The version that a run has pinned. Without a key it was counted, and is not opened.
    fn flow_of(&mut self, process: ProcessId) -> Option<Arc<Flow>> {
        let Some(run) = self.runs.get_mut(process) else {
            if self.live.get(process).is_none() {
                self.report.add(process, "It has a history, and is neither a run nor live.");
            }
            return None;
        };
        run.has_history = true;
        let (workflow, version) = (run.workflow, run.version);
        let found = match (self.flows.get(&workflow), &self.sealer) {
            (Some(_), None) if self.versions.has(workflow, version) => return None,
            (Some(facts), None) => Err(no_version(facts, version)),
            (Some(facts), Some(sealer)) => self.versions.get((workflow, version), facts, sealer),
            (None, _) => Err(format!("there is no flow {workflow}")),
        };
        found.map_err(|error| self.report.add(process, format!("Its flow: {error}."))).ok()
    }

    /// Reads all chunks of a process; gives the first one of the next.
    async fn read_chunks(
        &mut self,
        first: ChunkRow,
        flow: Option<&Flow>,
        rows: &mut Rows,
        progress: &mut (dyn FnMut(&Report) + Send),
    ) -> (Read, Option<ChunkRow>) {
        let process = first.process;
        let snapshot = self.snapshots.get(&process);
        let is_live = self.live.get(process).is_some();
        // a snapshot that is held spares what came before it
        let from = snapshot.filter(|it| it.content.is_some()).map_or(0, |it| it.seq);
        let begin = match self.runs.get(process) {
            Some(_) => 1,
            None => snapshot.map_or(1, |snapshot| snapshot.seq + 1),
        };
        let mut reader = flow.map(|flow| HistoryReader::new(flow, process));
        let mut read = Read { last_seq: begin - 1, moment: 0, stored: Some(Vec::new()) };
        let mut next = Some(first);
        while let Some(chunk) = next.take() {
            self.check_place(&chunk, &mut read);
            let bytes = self.check_events(&chunk, reader.as_mut(), &mut read.moment);
            match bytes {
                Some(bytes) if is_live && chunk.first_seq > from => {
                    read.stored.iter_mut().for_each(|stored| stored.push(bytes.clone()));
                }
                Some(_) => {}
                None => read.stored = None,
            }
            next = self.next_chunk(rows, progress).await;
            if next.as_ref().is_some_and(|next| next.process != process) {
                break;
            }
        }
        if let (Some(reader), true) = (reader, read.stored.is_some()) {
            self.check_end(process, &reader);
        }
        (read, next)
    }

    /// Chunks follow each other without gaps, and do not overlap.
    fn check_place(&mut self, chunk: &ChunkRow, read: &mut Read) {
        let expected = read.last_seq + 1;
        if chunk.first_seq != expected {
            let what = if chunk.first_seq > expected { "is missing" } else { "is there twice" };
            let message = format!(
                "A chunk begins with event {}, expected {expected}: something {what}.",
                chunk.first_seq
            );
            self.report.add(chunk.process, message);
        }
        if chunk.events == 0 {
            self.report.add(chunk.process, "A chunk has no event.");
        }
        read.last_seq = chunk.first_seq.saturating_add(chunk.events).saturating_sub(1);
    }

    /// The events of a chunk can be read, and large values are where they should be. Gives
    /// the chunk, decompressed.
    fn check_events(
        &mut self,
        chunk: &ChunkRow,
        reader: Option<&mut HistoryReader<'_>>,
        moment: &mut Ticks,
    ) -> Option<Vec<u8>> {
        let none = Payloads::new();
        let place = Place::Chunk(chunk.process, chunk.first_seq);
        let outcome = match self.opened(place, &chunk.content).transpose()? {
            Ok(content) => decompress(&content).map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        let outcome = outcome.and_then(|bytes| {
            let (count, missing) = events_of(&bytes, moment).map_err(|error| error.to_string())?;
            if let Some(reader) = reader {
                let read = reader.read(&bytes, &none, true, &mut |_| {});
                read.map_err(|error| error.to_string())?;
            }
            Ok((bytes, count, missing))
        });
        let (bytes, count, missing) = match outcome {
            Ok(read) => read,
            Err(error) => {
                let message = format!("The chunk from event {}: {error}.", chunk.first_seq);
                self.report.add(chunk.process, message);
                return None;
            }
        };
        self.report.events += count;
        if count != chunk.events {
            let message = format!(
                "The chunk from event {} holds {count} events, and its row says {}.",
                chunk.first_seq, chunk.events
            );
            self.report.add(chunk.process, message);
        }
        if !missing.is_empty() {
            let referred = self.references.all(chunk.process);
            for hash in missing {
                let names = self.names(&hash);
                if !referred.iter().any(|(_, known)| names.contains(known)) {
                    let message = format!(
                        "Its history needs {}, to which it does not refer.",
                        payload_name(&hash)
                    );
                    self.report.add(chunk.process, message);
                }
            }
        }
        Some(bytes)
    }

    /// What the last event says is what the run's row says.
    fn check_end(&mut self, process: ProcessId, reader: &HistoryReader<'_>) {
        let Some(run) = self.runs.get(process) else { return };
        let told = reader.end.as_ref().map(|(status, _, _, _, end)| (*status, Some(*end)));
        let message = match told {
            _ if reader.trigger.is_none() => "Its history has no beginning.".to_owned(),
            None if run.status.is_final() => {
                format!("It is {}, and its history has no end.", run.status.name())
            }
            Some((status, _)) if status != run.status => {
                format!("It is {}, and its history says {}.", run.status.name(), status.name())
            }
            Some((_, end)) if end != run.end => {
                "It ended when its history does not say.".to_owned()
            }
            _ => return,
        };
        self.report.add(process, message);
    }

    /// A process that goes on can be loaded, and its state is what the rows beside it say.
    async fn check_live<S: Source + ?Sized>(
        &mut self,
        process: ProcessId,
        flow: Arc<Flow>,
        read: Read,
        source: &S,
    ) -> Result<(), StoreError> {
        let Some(live) = self.live.get(process) else { return Ok(()) };
        if live.kind != ProcessKind::Run {
            return Ok(());
        }
        if read.last_seq != live.seq {
            let message = format!(
                "Its history ends with event {}, and its process is at {}.",
                read.last_seq, live.seq
            );
            self.report.add(process, message);
        }
        let (Some(run), Some(chunks)) = (self.runs.get(process), read.stored) else {
            return Ok(());
        };
        let Some(facts) = self.flows.get(&run.workflow) else { return Ok(()) };
        let mut stored = Stored { snapshot: None, chunks };
        if let Some(snapshot) = self.snapshots.get(&process)
            && let Some(content) = &snapshot.content
        {
            let opened = match opened_with(
                self.sealer.as_ref(),
                Place::Snapshot(process, snapshot.seq),
                content,
            ) {
                Ok(Some(opened)) => opened.into_owned(),
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.report.add(process, format!("Its snapshot: {error}."));
                    return Ok(());
                }
            };
            match decompress_limited(&opened, flow::limits::OPERATION_BYTES_MAX) {
                Ok(bytes) => stored.snapshot = Some((snapshot.seq, bytes)),
                Err(error) => {
                    self.report.add(process, format!("Its snapshot: {error}."));
                    return Ok(());
                }
            }
        }
        let sealer = self.sealer.as_ref();
        match load(process, flow, (run.workflow, run.version, facts), &stored, (source, sealer))
            .await?
        {
            // what it needs was there at the moment of the export, and has gone since
            Err(ReadError::MissingPayload(hash)) if self.refers(process, hash) => {}
            Err(error) => self.report.add(process, format!("It cannot be loaded: {error}.")),
            Ok(run) => self.check_state(process, &run, read.moment),
        }
        Ok(())
    }

    fn refers(&self, process: ProcessId, hash: PayloadHash) -> bool {
        let names = self.names(&hash);
        self.references.all(process).iter().any(|(_, known)| names.contains(known))
    }

    fn check_state(&mut self, process: ProcessId, state: &Run, moment: Ticks) {
        let (Some(live), Some(run)) = (self.live.get(process), self.runs.get(process)) else {
            return;
        };
        let mut messages = Vec::new();
        if state.status() != run.status {
            let (row, folded) = (run.status.name(), state.status().name());
            messages.push(format!("It is {row}, and its history makes it {folded}."));
        }
        // between two steps it is due at the moment of the one that it has taken
        let goes_on = state.has_more() || live.has_messages;
        let is_due = live.due == state.due() || (goes_on && live.due == Some(moment));
        if !is_due {
            let (row, folded) = (live.due, state.due());
            messages.push(format!("It is due at {row:?}, and its history makes it {folded:?}."));
        }
        let under_way = state.calls_under_way();
        let mut calls: Vec<_> = under_way.iter().map(|call| (call.id, call.attempt)).collect();
        let mut rows: Vec<_> = self.effects.all(process).iter().map(|(_, call)| *call).collect();
        calls.sort_unstable();
        rows.sort_unstable();
        if calls != rows && state.status() != Status::Waiting {
            messages.push(format!(
                "Its effects under way are {rows:?} (number and attempt), and its history makes them {calls:?}."
            ));
        }
        for message in messages {
            self.report.add(process, message);
        }
    }
}

/// How many events a chunk holds, and the payloads that they refer to.
fn events_of(bytes: &[u8], moment: &mut Ticks) -> Result<(u64, Vec<PayloadHash>), ReadError> {
    let none = Payloads::new();
    let mut reader = EventReader::new(bytes, &none)?;
    reader.lenient = true;
    *moment = reader.now;
    let mut count = 0;
    while reader.next_event()?.is_some() {
        count += 1;
    }
    let mut missing = reader.missing().to_vec();
    missing.sort_unstable();
    missing.dedup();
    Ok((count, missing))
}

/// Loads a run; fetches the large values that it needs.
async fn load<S: Source + ?Sized>(
    process: ProcessId,
    flow: Arc<Flow>,
    (workflow, version, facts): (i64, u32, &FlowFacts),
    stored: &Stored,
    (source, sealer): (&S, Option<&Sealer>),
) -> Result<Result<Run, ReadError>, StoreError> {
    let info = facts.info(workflow, version);
    let mut payloads = Payloads::new();
    loop {
        let loaded = Run::load(Arc::clone(&flow), Arc::clone(&info), process, stored, &payloads);
        let Err(ReadError::MissingPayload(hash)) = loaded else { return Ok(loaded) };
        let content = match content_of(hash, source, sealer).await {
            Ok(content) => content,
            // said of the payload itself already
            Err(StoreError::Corrupt(_)) => None,
            Err(error) => return Err(error),
        };
        let Some(content) = content else { return Ok(loaded) };
        match read_payload(&content) {
            Ok(value) => payloads.insert(hash, value),
            Err(error) => return Ok(Err(error)),
        };
    }
}
