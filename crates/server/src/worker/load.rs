//! Reading runs back from the store.

use super::Engine;
use crate::app::error::{AppError, ErrorKind};
use durable::codec::{decompress, decompress_limited};
use durable::{InboxRow, ProcessId, ProcessKind};
use flow::run::event::{Payloads, read_payload};
use flow::run::{LoadError, Run, Stored};
use std::sync::Arc;
use store::StoreError;

impl Engine {
    /// A live run and the messages that wait for it; `None` when it is final or not known.
    pub(super) async fn load_run(
        &self,
        process: ProcessId,
    ) -> Result<Option<(Box<Run>, Vec<InboxRow>)>, StoreError> {
        let Some(history) = self.stored(process).await? else { return Ok(None) };
        if history.kind != ProcessKind::Run {
            return Ok(None);
        }
        let Some(row) = self.store.run(process).await? else { return Ok(None) };
        let version = self.version_of(row.workflow, row.version).await.map_err(told)?;
        let Some(version) = version else { return Ok(None) };
        let mut stored = Stored::default();
        if let Some((seq, content)) = &history.snapshot {
            let bytes_max = flow::limits::OPERATION_BYTES_MAX;
            let bytes = decompress_limited(content, bytes_max).map_err(corrupt)?;
            stored.snapshot = Some((*seq, bytes));
        }
        for chunk in &history.chunks {
            stored.chunks.push(decompress(&chunk.content).map_err(corrupt)?);
        }
        let mut payloads = Payloads::new();
        loop {
            let flow = Arc::clone(&version.flow);
            let info = Arc::clone(&version.info);
            match Run::load(flow, info, process, &stored, &payloads) {
                Ok(run) => return Ok(Some((Box::new(run), history.inbox))),
                Err(LoadError::MissingPayload(hash)) => self.fetch(hash, &mut payloads).await?,
                Err(error) => return Err(corrupt(error)),
            }
        }
    }

    /// The version that a run has pinned; `None` when its flow is gone.
    pub async fn version_of(
        &self,
        workflow: i64,
        number: u32,
    ) -> Result<Option<Arc<crate::app::catalog::Version>>, AppError> {
        match self.store.workflow_by_key(workflow).await? {
            Some(row) => Ok(Some(self.catalog.version(&row, number).await?)),
            None => Ok(None),
        }
    }

    /// Reads a payload that events refer to.
    pub async fn fetch(
        &self,
        hash: durable::PayloadHash,
        payloads: &mut Payloads,
    ) -> Result<(), StoreError> {
        let missing = || StoreError::Corrupt("a payload that a run refers to is missing".into());
        let content = self.payload(hash).await?.ok_or_else(missing)?;
        let value = read_payload(&content).map_err(corrupt)?;
        payloads.insert(hash, value);
        Ok(())
    }
}

/// What passes is tried again; the rest is in what is stored.
pub(super) fn told(error: AppError) -> StoreError {
    match error.kind {
        ErrorKind::Unavailable | ErrorKind::Throttled { .. } => {
            StoreError::Unavailable(error.message)
        }
        _ => StoreError::Corrupt(error.message),
    }
}

fn corrupt(error: impl std::fmt::Debug) -> StoreError {
    StoreError::Corrupt(format!("{error:?}"))
}
