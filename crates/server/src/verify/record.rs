//! Management data: keys that belong to records, and an audit in which nothing was changed.

use super::checker::Checker;
use super::row::Fields;
use store::{AuditRow, chain};

impl Checker<'_> {
    pub fn take_record(&mut self, row: &Fields<'_>) -> Option<()> {
        let (kind, id) = (row.int(0)?, row.text(1)?.to_owned());
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(row.bytes(3)?).is_ok();
        if !is_json || row.int(2)? < 1 {
            self.report.add(format!("record {kind}, '{id}'"), "What it holds cannot be read.");
        }
        self.records.insert((kind, id));
        Some(())
    }

    pub fn take_record_key(&mut self, row: &Fields<'_>) -> Option<()> {
        let (kind, id) = (row.int(0)?, row.text(3)?);
        row.bytes(2)?;
        if !self.records.contains(&(kind, id.to_owned())) {
            let place = format!("record_key {kind}, {}, '{id}'", row.int(1)?);
            self.report.add(place, "It belongs to a record that is not there.");
        }
        Some(())
    }

    pub fn take_audit(&mut self, row: &Fields<'_>) -> Option<()> {
        let entry = AuditRow {
            number: row.int(0)?,
            time: row.int(1)?,
            actor: row.text(2)?.to_owned(),
            operation: row.text(3)?.to_owned(),
            target: row.text(4)?.to_owned(),
            content: row.bytes(5)?.to_vec(),
            hash: row.bytes(6)?.to_vec(),
        };
        let (last, before) = &self.audit_end;
        if entry.number != last + 1 {
            let message = format!("The entry before it has number {last}: something is missing.");
            self.report.add(format!("audit {}", entry.number), message);
        } else if chain::link(before, &entry).as_slice() != entry.hash {
            let message = "It or an entry before it was changed.";
            self.report.add(format!("audit {}", entry.number), message);
        }
        self.audit_end = (entry.number, entry.hash);
        Some(())
    }
}
