//! Histories of flows that hold secrets, sealed as a whole: closed when a step is committed,
//! opened when they are read. Other flows' are stored as they are and cost one look at their
//! first byte.
//!
//! Invariant: whoever reads chunks, payloads or messages reads them here.

use super::Engine;
use crate::auth::seal::{Place, SealError};
use durable::codec::{SEALED, compress, decompress_limited};
use durable::{
    Batch, Chunk, InboxId, InboxRow, Message, PartitionSet, Payload, PayloadHash, ProcessId,
};
use store::limits::PAYLOAD_BYTES_MAX;
use store::{ProcessHistory, StoreError};

impl Engine {
    /// Seals everything of a batch that may hold a value.
    pub(super) fn seal_batch(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let process = batch.process;
        let sealer = self.catalog.sealer();
        if let Some(chunk) = &mut batch.chunk {
            let place = Place::Chunk(process, batch.expected_seq + 1);
            *chunk = sealer.seal_content(place, chunk).map_err(passing)?;
        }
        if let Some(snapshot) = &mut batch.snapshot {
            let seq = batch.expected_seq + u64::from(batch.events);
            let place = Place::Snapshot(process, seq);
            *snapshot = sealer.seal_content(place, snapshot).map_err(passing)?;
        }
        for payload in &mut batch.payloads {
            let name = sealer.payload_name(&payload.hash).map_err(passing)?;
            let content = sealer.seal_content(Place::Payload(name), &payload.content);
            *payload = Payload { hash: name, content: compress(&content.map_err(passing)?) };
        }
        batch.messages.iter_mut().try_for_each(|message| self.seal_message(message))
    }

    fn seal_message(&self, message: &mut Message) -> Result<(), StoreError> {
        if message.body.is_empty() {
            return Ok(());
        }
        let sealer = self.catalog.sealer();
        message.body = sealer.seal_content(place_of(message), &message.body).map_err(passing)?;
        Ok(())
    }

    /// A message from outside as it is stored: what it brings is sealed, whoever gets it.
    pub(super) fn sealed(&self, mut message: Message) -> Result<Message, StoreError> {
        self.seal_message(&mut message)?;
        Ok(message)
    }

    /// Adds a message from outside to a process's inbox.
    pub async fn send(&self, message: Message) -> Result<bool, StoreError> {
        self.store.send(self.sealed(message)?).await
    }

    /// What is needed to load a live process, open.
    pub(super) async fn stored(
        &self,
        process: ProcessId,
    ) -> Result<Option<ProcessHistory>, StoreError> {
        let Some(mut history) = self.store.load(process).await? else { return Ok(None) };
        if let Some((seq, content)) = &mut history.snapshot {
            self.open(Place::Snapshot(process, *seq), content).await?;
        }
        for chunk in &mut history.chunks {
            self.open(Place::Chunk(process, chunk.first_seq), &mut chunk.content).await?;
        }
        self.open_messages(&mut history.inbox).await?;
        Ok(Some(history))
    }

    /// Chunks of a process, open, as [`store::Store::history`].
    pub async fn history(
        &self,
        process: ProcessId,
        from_seq: u64,
        chunks_max: usize,
    ) -> Result<Vec<Chunk>, StoreError> {
        let mut chunks = self.store.history(process, from_seq, chunks_max).await?;
        for chunk in &mut chunks {
            self.open(Place::Chunk(process, chunk.first_seq), &mut chunk.content).await?;
        }
        Ok(chunks)
    }

    /// A large value, open and decompressed, by the hash that events name it by.
    pub async fn payload(&self, hash: PayloadHash) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(content) = self.store.payload(hash).await? {
            return Ok(Some(content));
        }
        let revision = self.catalog.sealer().revision();
        if let Some(content) = self.sealed_payload(hash).await? {
            return Ok(Some(content));
        }
        // another node may have sealed it with a key that is new
        self.catalog.sealer().refresh(&*self.store, None).await.map_err(told)?;
        match self.catalog.sealer().revision() == revision {
            true => Ok(None),
            false => self.sealed_payload(hash).await,
        }
    }

    async fn sealed_payload(&self, hash: PayloadHash) -> Result<Option<Vec<u8>>, StoreError> {
        for name in self.catalog.sealer().payload_names(&hash) {
            let Some(mut content) = self.store.payload(name).await? else { continue };
            self.open(Place::Payload(name), &mut content).await?;
            let content = decompress_limited(&content, PAYLOAD_BYTES_MAX);
            return content.map(Some).map_err(|error| StoreError::Corrupt(error.to_string()));
        }
        Ok(None)
    }

    /// Messages that wait for a process, open, the oldest first.
    pub async fn inbox(&self, process: ProcessId) -> Result<Vec<InboxRow>, StoreError> {
        let mut rows = self.store.inbox(process).await?;
        self.open_messages(&mut rows).await?;
        Ok(rows)
    }

    /// Messages that wait for processes of some partitions, open, as [`store::Store::waiting`].
    pub(super) async fn waiting(
        &self,
        within: PartitionSet,
        after: Option<InboxId>,
        rows_max: usize,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let mut rows = self.store.waiting(within, after, rows_max).await?;
        self.open_messages(&mut rows).await?;
        Ok(rows)
    }

    /// One that cannot be opened does not keep the others: it stays where it is.
    async fn open_messages(&self, rows: &mut Vec<InboxRow>) -> Result<(), StoreError> {
        let mut damaged = Vec::new();
        for row in rows.iter_mut() {
            let place = place_of(&row.message);
            match self.open(place, &mut row.message.body).await {
                Ok(()) => {}
                Err(StoreError::Corrupt(error)) => {
                    tracing::error!(process = %row.message.to, %error, "a message cannot be read");
                    damaged.push(row.id);
                }
                Err(error) => return Err(error),
            }
        }
        if !damaged.is_empty() {
            rows.retain(|row| !damaged.contains(&row.id));
        }
        Ok(())
    }

    /// Opens content if it is sealed.
    async fn open(&self, place: Place<'_>, content: &mut Vec<u8>) -> Result<(), StoreError> {
        if content.first() != Some(&SEALED) {
            return Ok(());
        }
        let opened = self.catalog.sealer().open_content_anew(&*self.store, place, content).await;
        *content = opened.map_err(told)?;
        Ok(())
    }
}

fn place_of(message: &Message) -> Place<'static> {
    Place::Message(message.to, message.from, message.effect)
}

/// What could not be sealed is tried again.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn passing(error: SealError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

fn told(error: SealError) -> StoreError {
    match error {
        SealError::Random(_) | SealError::Stale | SealError::Ring(_) => passing(error),
        SealError::Damaged | SealError::UnknownKey(_) => StoreError::Corrupt(error.to_string()),
    }
}
