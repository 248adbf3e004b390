//! The audit: who did what. Every change of management data writes it together with the
//! change; here it is only read. It names people by object id and by nothing else, so that
//! once a user is deleted what is left of them is a pseudonym.

use super::error::AppError;
use super::{App, Operation};
use crate::auth::caller::Caller;
use crate::limits::AUDIT_ROWS_PER_READ;
use store::{AuditFilter, AuditRow, chain};

/// What a check of the chain found.
#[derive(Debug, Default)]
pub struct AuditReport {
    pub entries: u64,
    /// Number and hash of the last entry.
    pub last: Option<(i64, Vec<u8>)>,
    /// The first entry that does not fit what is before it, and what is wrong with it.
    pub first_fault: Option<(i64, String)>,
}

impl AuditReport {
    /// Takes the next entry.
    fn take(&mut self, entry: AuditRow) {
        let (number, before) = match &self.last {
            Some((number, hash)) => (*number, hash.as_slice()),
            None => (0, chain::START.as_slice()),
        };
        let fault = if entry.number != number + 1 {
            Some(format!("The entry before it has number {number}: something is missing."))
        } else if chain::link(before, &entry).as_slice() != entry.hash {
            Some("It or an entry before it was changed.".to_owned())
        } else {
            None
        };
        if let (Some(message), None) = (fault, &self.first_fault) {
            self.first_fault = Some((entry.number, message));
        }
        self.entries += 1;
        self.last = Some((entry.number, entry.hash));
    }
}

impl App {
    /// Entries of the audit, newest first.
    pub async fn list_audit(
        &self,
        caller: &Caller,
        filter: AuditFilter,
    ) -> Result<Vec<AuditRow>, AppError> {
        self.permit(caller, Operation::ReadAudit)?;
        Ok(self.engine.store.audit(filter).await?)
    }

    /// Entries of the audit in their order, those after a number.
    pub async fn export_audit(
        &self,
        caller: &Caller,
        after: i64,
    ) -> Result<Vec<AuditRow>, AppError> {
        self.permit(caller, Operation::ReadAudit)?;
        Ok(self.engine.store.audit_chain(after, AUDIT_ROWS_PER_READ).await?)
    }

    /// Reads all of the audit and follows its chain.
    pub async fn verify_audit(&self, caller: &Caller) -> Result<AuditReport, AppError> {
        self.permit(caller, Operation::ReadAudit)?;
        let mut report = AuditReport::default();
        loop {
            let after = report.last.as_ref().map_or(i64::MIN, |(number, _)| *number);
            let page = self.engine.store.audit_chain(after, AUDIT_ROWS_PER_READ).await?;
            if page.is_empty() {
                return Ok(report);
            }
            page.into_iter().for_each(|entry| report.take(entry));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<AuditRow> {
        let mut before = chain::START.to_vec();
        let mut made = Vec::new();
        for number in 1..=4 {
            let mut entry = AuditRow {
                number,
                time: number * 10,
                actor: "ada".to_owned(),
                operation: "CreateUser".to_owned(),
                target: format!("target {number}"),
                content: b"{}".to_vec(),
                hash: Vec::new(),
            };
            entry.hash = chain::link(&before, &entry).to_vec();
            before.clone_from(&entry.hash);
            made.push(entry);
        }
        made
    }

    fn check(entries: Vec<AuditRow>) -> AuditReport {
        let mut report = AuditReport::default();
        entries.into_iter().for_each(|entry| report.take(entry));
        report
    }

    #[test]
    fn a_chain_is_whole_until_something_is_changed_or_missing() {
        let whole = check(entries());
        assert_eq!((whole.entries, whole.first_fault), (4, None));
        assert_eq!(whole.last.map(|(number, _)| number), Some(4));
        let mut changed = entries();
        changed[1].content = b"{\"forged\":true}".to_vec();
        let (number, _) = check(changed).first_fault.unwrap();
        assert_eq!(number, 2);
        let mut missing = entries();
        missing.remove(2);
        let (number, message) = check(missing).first_fault.unwrap();
        assert_eq!((number, message.contains("missing")), (4, true));
        // with a hash that fits it, the next one does not
        let mut forged = entries();
        forged[1].actor = "bob".to_owned();
        forged[1].hash = chain::link(&forged[0].hash, &forged[1]).to_vec();
        assert_eq!(check(forged).first_fault.unwrap().0, 3);
    }
}
