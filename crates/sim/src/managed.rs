//! Management data: flows and records, as every store keeps them.

use crate::bug::Bug;
use crate::mangled;
use std::collections::BTreeMap;
use store::{Edit, Record, RecordRange, StoreError, VersionRow, WorkflowRow};

/// What is administered.
#[derive(Clone, Default)]
pub struct Managed {
    pub workflows: BTreeMap<i64, WorkflowRow>,
    workflow_last: i64,
    pub versions: BTreeMap<(i64, u32), VersionRow>,
    records: BTreeMap<(u8, String), Record>,
    /// [`Bug::IgnoreRevision`](crate::bug::Bug::IgnoreRevision)
    pub ignores_revisions: bool,
    /// [`Bug::KeepTrigger`](crate::bug::Bug::KeepTrigger)
    pub keeps_triggers: bool,
    /// [`Bug::ReadNewestVersion`](crate::bug::Bug::ReadNewestVersion)
    pub reads_newest: bool,
    /// What is wrong with how records of approvals are kept.
    pub bug: Option<Bug>,
}

impl Managed {
    /// Puts a flow there that has its key already.
    pub fn place(&mut self, row: WorkflowRow, version: VersionRow) {
        self.workflow_last = self.workflow_last.max(row.key);
        self.versions.insert((row.key, version.number), version);
        self.workflows.insert(row.key, row);
    }

    /// Makes all changes or none.
    pub fn change(&mut self, edits: &[Edit]) -> Result<Vec<i64>, StoreError> {
        let mut next = self.clone();
        let done = edits.iter().map(|edit| next.one(edit)).collect::<Result<_, _>>()?;
        *self = next;
        Ok(done)
    }

    fn one(&mut self, edit: &Edit) -> Result<i64, StoreError> {
        match edit {
            Edit::Put(record) => self.put(record),
            Edit::Remove { .. } if mangled::is_lost(self.bug, edit) => Ok(1),
            Edit::Remove { kind, id, revision } => {
                let at = (*kind, id.clone());
                let stored = self.records.get(&at).map(|record| record.revision);
                if revision.is_some() && stored != *revision {
                    return Err(conflict("the record has changed meanwhile"));
                }
                Ok(i64::from(self.records.remove(&at).is_some()))
            }
            Edit::CreateWorkflow(row, version) => Ok(self.create_workflow(row, version)),
            Edit::UpdateWorkflow(row, version) => self.update_workflow(row, version.as_ref()),
            Edit::ReplaceDocument(version) => {
                let at = (version.workflow, version.number);
                let known = self.versions.get_mut(&at);
                let is_known = known.map(|known| known.document.clone_from(&version.document));
                Ok(i64::from(is_known.is_some()))
            }
            // whoever has the inboxes sends it
            Edit::Send(_) => Ok(0),
            Edit::DeleteWorkflow(key) => {
                self.versions.retain(|(flow, _), _| flow != key);
                Ok(i64::from(self.workflows.remove(key).is_some()))
            }
        }
    }

    fn put(&mut self, record: &Record) -> Result<i64, StoreError> {
        let at = (record.kind, record.id.clone());
        let stored = self.records.get(&at);
        let is_forced = self.ignores_revisions || mangled::is_forced(self.bug, stored);
        if stored.map_or(0, |stored| stored.revision) != record.revision && !is_forced {
            return Err(conflict("the record has changed meanwhile"));
        }
        let is_taken = |other: &Record| {
            let others = other.kind == record.kind && other.id != record.id;
            others && record.keys.iter().any(|key| key.is_unique && other.keys.contains(key))
        };
        if self.records.values().any(is_taken) {
            return Err(conflict("the name is taken"));
        }
        let revision = record.revision + 1;
        self.records.insert(at, Record { revision, ..mangled::kept(self.bug, record) });
        Ok(revision)
    }

    fn create_workflow(&mut self, row: &WorkflowRow, version: &VersionRow) -> i64 {
        self.workflow_last += 1;
        let key = self.workflow_last;
        let version = VersionRow { workflow: key, ..version.clone() };
        self.versions.insert((key, version.number), version);
        self.workflows.insert(key, WorkflowRow { key, ..row.clone() });
        key
    }

    fn update_workflow(
        &mut self,
        row: &WorkflowRow,
        version: Option<&VersionRow>,
    ) -> Result<i64, StoreError> {
        let known = self.workflows.get(&row.key);
        if known.is_none_or(|known| known.revision != row.revision) {
            return Err(conflict("the flow has changed meanwhile"));
        }
        let mut row = WorkflowRow { revision: row.revision + 1, ..row.clone() };
        if let Some(version) = version {
            let version = VersionRow { workflow: row.key, ..version.clone() };
            self.versions.insert((row.key, version.number), version);
            if self.keeps_triggers {
                row.trigger_process = known.and_then(|known| known.trigger_process);
            }
        }
        let revision = row.revision;
        self.workflows.insert(row.key, row);
        Ok(revision)
    }

    #[must_use]
    pub fn version(&self, workflow: i64, number: u32) -> Option<VersionRow> {
        let mut of_flow = self.versions.range((workflow, 0)..=(workflow, u32::MAX));
        match self.reads_newest {
            true => of_flow.next_back().map(|(_, newest)| newest.clone()),
            false => self.versions.get(&(workflow, number)).cloned(),
        }
    }

    #[must_use]
    pub fn record(&self, kind: u8, id: &str) -> Option<Record> {
        self.records.get(&(kind, id.to_owned())).map(without_keys)
    }

    /// Every record of a kind.
    #[must_use]
    pub fn of_kind(&self, kind: u8) -> Vec<Record> {
        self.records.values().filter(|record| record.kind == kind).cloned().collect()
    }

    #[must_use]
    pub fn records(&self, range: &RecordRange) -> Vec<(Vec<u8>, Record)> {
        let of_kind = self.records.values().filter(|record| record.kind == range.kind);
        let mut found: Vec<(Vec<u8>, Record)> = of_kind
            .flat_map(|record| {
                let keys = record.keys.iter().filter(|key| key.name == range.name);
                keys.map(|key| (key.value.clone(), without_keys(record)))
            })
            .collect();
        found.sort_unstable_by(|one, other| (&one.0, &one.1.id).cmp(&(&other.0, &other.1.id)));
        found.retain(|(value, record)| {
            let is_after = match &range.after {
                Some((last, id)) => (value, &record.id) > (last, id),
                None => *value >= range.from,
            };
            is_after && *value < range.to
        });
        found.truncate(range.rows_max);
        found
    }
}

fn without_keys(record: &Record) -> Record {
    Record { keys: Vec::new(), ..record.clone() }
}

fn conflict(what: &str) -> StoreError {
    StoreError::Conflict(what.to_owned())
}
