//! Every table but the histories, which come last: what refers to what.

use super::Report;
use super::flow::{FlowFacts, Versions};
use super::row::{Fields, Index, Rows};
use crate::app::document::Document;
use crate::auth::seal::{Place, Sealer};
use crate::limits::{VERIFY_ROWS_PER_PROGRESS, VERIFY_SNAPSHOT_BYTES_MAX};
use durable::codec::SEALED;
use durable::{MessageKind, PayloadHash, ProcessId, ProcessKind, Ticks};
use flow::run::Status;
use flow::trigger::state::TriggerKind;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use store::portable::{Cell, TABLES, Table};

/// What is kept of a live process.
pub struct Live {
    pub kind: ProcessKind,
    pub seq: u64,
    pub due: Option<Ticks>,
    pub workflow: i64,
    pub has_messages: bool,
    pub is_run: bool,
}

/// What is kept of a run.
pub struct RunFacts {
    pub workflow: i64,
    pub end: Option<Ticks>,
    pub version: u32,
    pub status: Status,
    pub has_history: bool,
}

/// The newest state of a process.
pub struct Snapshot {
    pub seq: u64,
    /// `None` when it would take too much memory to hold: all of the history is read then.
    pub content: Option<Vec<u8>>,
}

/// What is known so far.
pub struct Checker<'v> {
    pub report: Report,
    pub versions: &'v mut Versions,
    pub flows: HashMap<i64, FlowFacts>,
    /// Processes that flows name, and the key of the flow.
    triggers: HashMap<ProcessId, i64>,
    pub live: Index<ProcessId, Live>,
    pub snapshots: HashMap<ProcessId, Snapshot>,
    snapshot_bytes: usize,
    pub effects: Index<ProcessId, (u64, u32)>,
    start_keys: Vec<[u8; 16]>,
    /// Processes that have start keys.
    started: Vec<ProcessId>,
    payloads: Index<PayloadHash, bool>,
    pub references: Index<ProcessId, PayloadHash>,
    pub runs: Index<ProcessId, RunFacts>,
    /// Kinds and ids of records.
    pub records: HashSet<(i64, String)>,
    /// Number and hash of the last entry of the audit.
    pub audit_end: (i64, Vec<u8>),
    /// A row that was read too far: the first of the histories.
    pub ahead: Option<Vec<Cell>>,
    /// Opens what is sealed.
    pub sealer: Option<Sealer>,
}

impl<'v> Checker<'v> {
    pub fn new(versions: &'v mut Versions) -> Self {
        versions.begin();
        Checker {
            report: Report { rows: vec![0; TABLES.len()], ..Report::default() },
            versions,
            flows: HashMap::new(),
            triggers: HashMap::new(),
            live: Index::default(),
            snapshots: HashMap::new(),
            snapshot_bytes: 0,
            effects: Index::default(),
            start_keys: Vec::new(),
            started: Vec::new(),
            payloads: Index::default(),
            references: Index::default(),
            runs: Index::default(),
            records: HashSet::new(),
            audit_end: (0, store::chain::START.to_vec()),
            ahead: None,
            sealer: None,
        }
    }

    pub fn count(&mut self, table: usize, progress: &mut (dyn FnMut(&Report) + Send)) {
        self.report.rows[table] += 1;
        if self.report.rows[table].is_multiple_of(VERIFY_ROWS_PER_PROGRESS) {
            progress(&self.report);
        }
    }

    /// Reads up to the histories.
    pub async fn check_tables(
        &mut self,
        rows: &mut Rows,
        progress: &mut (dyn FnMut(&Report) + Send),
    ) {
        let mut at = 0;
        while let Some((number, row)) = rows.next().await {
            while at < number {
                self.end_table(TABLES[at].name);
                at += 1;
            }
            self.count(number, progress);
            if TABLES[number].name == "chunk" {
                self.ahead = Some(row);
                return;
            }
            self.take_row(number, &row);
        }
        while at < TABLES.len() {
            self.end_table(TABLES[at].name);
            at += 1;
        }
    }

    pub fn take_row(&mut self, table: usize, row: &[Cell]) {
        let Table { name, key, .. } = &TABLES[table];
        if self.take(name, &Fields(row)).is_none() {
            let key = shown(&row[..(*key).min(row.len())]);
            self.report.add(format!("{name} {key}"), MALFORMED);
        }
    }

    /// `None` when the row cannot be read.
    fn take(&mut self, table: &str, row: &Fields<'_>) -> Option<()> {
        match table {
            "setting" => row.text(0).and(row.bytes(1)).map(|_| ()),
            "token" => row.text(0).and(row.bytes(1)).map(|_| ()),
            "workflow" => self.take_workflow(row),
            "workflow_version" => self.take_version(row),
            "retention" => self.take_retention(row),
            "process" => self.take_process(row),
            "snapshot" => self.take_snapshot(row),
            "effect" => self.take_effect(row),
            "inbox" => self.take_message(row),
            "start_key" => self.take_start_key(row),
            "payload" => self.take_payload(row),
            "payload_ref" => self.take_reference(row),
            "run" => self.take_run(row),
            "record" => self.take_record(row),
            "record_key" => self.take_record_key(row),
            "audit" => self.take_audit(row),
            _ => None,
        }
    }

    /// After the last row of a table.
    fn end_table(&mut self, table: &str) {
        match table {
            "workflow_version" => self.end_versions(),
            "process" => self.live.sort(),
            "effect" => self.effects.sort(),
            "start_key" => self.end_start_keys(),
            "payload" => self.payloads.sort(),
            "payload_ref" => self.end_references(),
            "run" => self.end_runs(),
            _ => {}
        }
    }

    fn take_workflow(&mut self, row: &Fields<'_>) -> Option<()> {
        let key = row.int(0)?;
        let facts = FlowFacts {
            id: row.text(1)?.to_owned(),
            environment: row.text(2)?.to_owned(),
            name: row.text(3)?.to_owned(),
            display_name: row.text(4)?.to_owned(),
            dialect: u8::try_from(row.int(6)?).ok()?,
            version: u32::try_from(row.int(7)?).ok()?,
        };
        if let Some(process) = row.maybe_process(12)?
            && self.triggers.insert(process, key).is_some()
        {
            let message = format!("Another flow names the trigger process {process} as well.");
            self.report.add(format!("workflow {key}"), message);
        }
        self.flows.insert(key, facts);
        Some(())
    }

    fn take_version(&mut self, row: &Fields<'_>) -> Option<()> {
        let (workflow, number) = (row.int(0)?, u32::try_from(row.int(1)?).ok()?);
        if !self.flows.contains_key(&workflow) {
            let message = "It belongs to a flow that is not there.";
            self.report.add(format!("workflow_version {workflow}, {number}"), message);
        }
        let document = row.bytes(3)?;
        if let Some(sealer) = &self.sealer {
            let at = self.flows.get(&workflow).map(|facts| (facts.id.as_str(), number));
            if at.is_some_and(|at| Document::open(document, sealer, at).is_err()) {
                let message = "Its document cannot be opened.";
                self.report.add(format!("workflow_version {workflow}, {number}"), message);
            }
        } else {
            self.report.sealed += 1;
        }
        self.versions.add(workflow, number, document);
        Some(())
    }

    fn end_versions(&mut self) {
        let mut keys: Vec<&i64> = self.flows.keys().collect();
        keys.sort_unstable();
        for key in keys {
            let facts = &self.flows[key];
            if !self.versions.has(*key, facts.version) {
                let message = format!(
                    "The flow '{}' has version {} and no document of it.",
                    facts.name, facts.version
                );
                self.report.add(format!("workflow {key}"), message);
            }
        }
    }

    fn take_retention(&mut self, row: &Fields<'_>) -> Option<()> {
        let (environment, workflow) = (row.text(0)?, row.int(1)?);
        let is_known = workflow == 0
            || self.flows.get(&workflow).is_some_and(|flow| flow.environment == environment);
        if !is_known {
            let message = "It is about a flow that is not in the environment.";
            self.report.add(format!("retention '{environment}', {workflow}"), message);
        }
        Some(())
    }

    fn take_process(&mut self, row: &Fields<'_>) -> Option<()> {
        let id = row.process(0)?;
        let live = Live {
            kind: ProcessKind::from_number(u8::try_from(row.int(1)?).ok()?)?,
            seq: row.unsigned(2)?,
            due: row.maybe_int(3)?,
            workflow: row.int(4)?,
            has_messages: false,
            is_run: false,
        };
        if live.kind == ProcessKind::Trigger {
            match self.triggers.get(&id) {
                Some(workflow) if *workflow != live.workflow => {
                    let message = format!(
                        "It is of flow {}, and flow {workflow} names it as its trigger.",
                        live.workflow
                    );
                    self.report.add(format!("process {id}"), message);
                }
                Some(_) => {}
                // it ends itself when it is due, or its state says why it lives
                None => {}
            }
        }
        self.live.push(id, live);
        Some(())
    }

    fn take_snapshot(&mut self, row: &Fields<'_>) -> Option<()> {
        let (process, seq, content) = (row.process(0)?, row.unsigned(1)?, row.bytes(2)?);
        let Some(live) = self.live.get(process) else {
            self.report.add(process, "It has a snapshot and is not live.");
            return Some(());
        };
        let (kind, last) = (live.kind, live.seq);
        if seq > last || (kind == ProcessKind::Trigger && seq != last) {
            let message = format!("Its snapshot holds event {seq}, and its last event is {last}.");
            self.report.add(process, message);
        }
        if kind == ProcessKind::Trigger {
            self.check_trigger(process, seq, content);
            return Some(());
        }
        let is_held = self.snapshot_bytes + content.len() <= VERIFY_SNAPSHOT_BYTES_MAX;
        let content = is_held.then(|| content.to_vec());
        self.snapshot_bytes += content.as_ref().map_or(0, Vec::len);
        self.snapshots.insert(process, Snapshot { seq, content });
        Some(())
    }

    /// The state of a trigger's process; one that no flow names and that has no time is a
    /// subscription of an action.
    fn check_trigger(&mut self, process: ProcessId, seq: u64, content: &[u8]) {
        let opened = match self.opened(Place::Snapshot(process, seq), content) {
            Ok(Some(opened)) => opened.into_owned(),
            Ok(None) => return,
            Err(error) => {
                self.report.add(process, format!("The state of this trigger: {error}."));
                return;
            }
        };
        let Some(state) = crate::worker::trigger_state::read(&opened) else {
            self.report.add(process, "The state of this trigger cannot be read.");
            return;
        };
        let is_timed = self.live.get(process).is_some_and(|live| live.due.is_some());
        let is_subscription = matches!(state.kind, TriggerKind::Subscription(_));
        if !is_subscription && !is_timed && !self.triggers.contains_key(&process) {
            self.report.add(process, "No flow names this trigger, and it never ends.");
        }
    }

    fn take_effect(&mut self, row: &Fields<'_>) -> Option<()> {
        let (process, id) = (row.process(0)?, row.unsigned(1)?);
        let attempt = u32::try_from(row.int(2)?).ok()?;
        if self.live.get(process).is_none() {
            let message = format!("Effect {id} is under way, and the process is not live.");
            self.report.add(process, message);
        }
        self.effects.push(process, (id, attempt));
        Some(())
    }

    fn take_message(&mut self, row: &Fields<'_>) -> Option<()> {
        let (id, target, sender) = (row.int(0)?, row.process(1)?, row.bytes(2)?);
        MessageKind::from_number(u8::try_from(row.int(4)?).ok()?)?;
        if !sender.is_empty() {
            ProcessId::from_bytes(sender)?;
        }
        row.bytes(5)?;
        match self.live.get_mut(target) {
            Some(live) => live.has_messages = true,
            None => {
                let message = format!("Message {id} waits for it, and it is not live.");
                self.report.add(target, message);
            }
        }
        Some(())
    }

    fn take_start_key(&mut self, row: &Fields<'_>) -> Option<()> {
        let (source, key, process) = (row.bytes(0)?, row.bytes(1)?, row.process(2)?);
        let digest = Sha256::new()
            .chain_update((source.len() as u64).to_le_bytes())
            .chain_update(source)
            .chain_update(key)
            .finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        self.start_keys.push(short);
        if self.live.get(process).is_none() {
            self.started.push(process);
        }
        Some(())
    }

    fn end_start_keys(&mut self) {
        let mut keys = std::mem::take(&mut self.start_keys);
        keys.sort_unstable();
        let repeated = keys.windows(2).filter(|pair| pair[0] == pair[1]).count();
        if repeated > 0 {
            let message = format!("{repeated} start keys are there twice.");
            self.report.add("start_key", message);
        }
    }

    fn take_payload(&mut self, row: &Fields<'_>) -> Option<()> {
        let hash: PayloadHash = row.bytes(0)?.try_into().ok()?;
        let bytes_max = store::limits::PAYLOAD_BYTES_MAX;
        match durable::codec::decompress_limited(row.bytes(1)?, bytes_max) {
            Err(error) => self.report.add(payload_name(&hash), format!("{error}.")),
            Ok(content) => self.check_payload(&hash, content),
        }
        self.payloads.push(hash, false);
        Some(())
    }

    fn check_payload(&mut self, name: &PayloadHash, content: Vec<u8>) {
        let is_plain = Sha256::digest(&content)[..] == *name;
        let content = match is_plain {
            true => content,
            false if content.first() != Some(&SEALED) => {
                self.report.add(payload_name(name), "Its content has another hash.");
                return;
            }
            false => match self.opened_payload(name, &content) {
                Ok(Some(content)) => content,
                Ok(None) => return,
                Err(error) => return self.report.add(payload_name(name), error),
            },
        };
        if let Err(error) = flow::run::event::read_payload(&content) {
            self.report.add(payload_name(name), format!("It is no value: {error}."));
        }
    }

    fn take_reference(&mut self, row: &Fields<'_>) -> Option<()> {
        let (process, hash) = (row.process(0)?, PayloadHash::try_from(row.bytes(1)?).ok()?);
        match self.payloads.get_mut(hash) {
            Some(is_referred) => *is_referred = true,
            None => {
                let message = format!("It refers to {}, which is not there.", payload_name(&hash));
                self.report.add(process, message);
            }
        }
        self.references.push(process, hash);
        Some(())
    }

    fn end_references(&mut self) {
        self.references.sort();
        for (hash, is_referred) in self.payloads.iter() {
            if !is_referred {
                self.report.add(payload_name(hash), "Nothing refers to it.");
            }
        }
        self.payloads = Index::default();
    }

    fn take_run(&mut self, row: &Fields<'_>) -> Option<()> {
        let (id, workflow) = (row.process(0)?, row.int(1)?);
        let facts = RunFacts {
            workflow,
            version: u32::try_from(row.int(2)?).ok()?,
            status: Status::from_number(u8::try_from(row.int(3)?).ok()?)?,
            end: row.maybe_int(4)?,
            has_history: false,
        };
        row.maybe_process(8)?;
        match self.live.get_mut(id) {
            Some(live) => {
                live.is_run = true;
                if facts.status.is_final() {
                    let message =
                        format!("It is {} and still a live process.", facts.status.name());
                    self.report.add(id, message);
                }
                if live.workflow != workflow {
                    let message =
                        format!("Its process is of flow {}, and it of {workflow}.", live.workflow);
                    self.report.add(id, message);
                }
            }
            None if !facts.status.is_final() => {
                let message = format!("It is {} and not a live process.", facts.status.name());
                self.report.add(id, message);
            }
            None => {}
        }
        self.runs.push(id, facts);
        Some(())
    }

    /// What can be said once all runs are known.
    fn end_runs(&mut self) {
        self.runs.sort();
        for (id, live) in self.live.iter() {
            match live.kind {
                ProcessKind::Run if live.is_run => self.report.live_runs += 1,
                ProcessKind::Run => self.report.add(id, "It is a live process and not a run."),
                ProcessKind::Trigger if live.is_run => {
                    self.report.add(id, "It is a run, and its process is a trigger.");
                }
                ProcessKind::Trigger => {}
            }
        }
        for process in std::mem::take(&mut self.started) {
            if self.runs.get(process).is_none() {
                let message = "A start key is of this process, which is neither a run nor live.";
                self.report.add(process, message);
            }
        }
        let mut last = None;
        for (process, _) in self.references.iter() {
            let is_there = self.runs.get(*process).is_some() || self.live.get(*process).is_some();
            if !is_there && last.replace(process) != Some(process) {
                self.report.add(process, "It refers to payloads, and is neither a run nor live.");
            }
        }
    }

    /// After the histories.
    pub fn finish(mut self) -> Report {
        for (id, run) in self.runs.iter() {
            if !run.has_history {
                self.report.add(id, "It has no history.");
            }
        }
        self.report
    }
}

const MALFORMED: &str = "The row cannot be read.";

pub fn payload_name(hash: &PayloadHash) -> String {
    format!("payload {}", hex(hash))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // writing to a string does not fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The key of a row for people.
fn shown(key: &[Cell]) -> String {
    let cells = key.iter().map(|cell| match cell {
        Cell::Null => "null".to_owned(),
        Cell::Int(number) => number.to_string(),
        Cell::Text(text) => format!("'{text}'"),
        Cell::Bytes(bytes) => match ProcessId::from_bytes(bytes) {
            Some(process) => process.to_string(),
            None => hex(bytes),
        },
    });
    cells.collect::<Vec<_>>().join(", ")
}
