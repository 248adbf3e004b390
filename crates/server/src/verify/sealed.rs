//! What is sealed, opened to be checked. Without the master key it is counted.

use super::checker::Checker;
use crate::auth::seal::ring::{self, Ring};
use crate::auth::seal::{Place, Sealer};
use durable::PayloadHash;
use durable::codec::{SEALED, decompress_limited};
use std::borrow::Cow;
use store::limits::PAYLOAD_BYTES_MAX;
use store::{Source, StoreError};

impl Checker<'_> {
    /// Opens the keys of the store, if the master key is there.
    pub async fn find_keys<S: Source + ?Sized>(&mut self, source: &S) -> Result<(), StoreError> {
        let Some(master) = &self.versions.master else { return Ok(()) };
        let Some(record) = source.fact(ring::KIND, ring::ID).await? else { return Ok(()) };
        let is_ours = Ring::read(&record).is_ok_and(|ring| ring.is_for(master));
        if !is_ours {
            let message = "The master key is another one than the store's.";
            self.report.add("sealing keys", message);
            return Ok(());
        }
        match Sealer::open(master.clone(), &record, false) {
            Ok(sealer) => self.sealer = Some(sealer),
            Err(error) => self.report.add("sealing keys", format!("They cannot be read: {error}.")),
        }
        Ok(())
    }

    /// Content that may be sealed. `None`: there is no key to open it.
    pub fn opened<'c>(
        &mut self,
        place: Place<'_>,
        content: &'c [u8],
    ) -> Result<Option<Cow<'c, [u8]>>, String> {
        let opened = opened_with(self.sealer.as_ref(), place, content)?;
        self.report.sealed += u64::from(opened.is_none());
        Ok(opened)
    }

    /// The value in a payload that is sealed. `None`: there is no key to open it.
    pub fn opened_payload(
        &mut self,
        name: &PayloadHash,
        content: &[u8],
    ) -> Result<Option<Vec<u8>>, String> {
        let opened = self.opened(Place::Payload(*name), content)?;
        let Some(opened) = opened else { return Ok(None) };
        let value = decompress_limited(&opened, PAYLOAD_BYTES_MAX);
        value.map(Some).map_err(|error| error.to_string())
    }

    /// Under which names a large value may be stored.
    pub fn names(&self, hash: &PayloadHash) -> Vec<PayloadHash> {
        let sealed = self.sealer.iter().flat_map(|sealer| sealer.payload_names(hash));
        std::iter::once(*hash).chain(sealed).collect()
    }
}

/// Content that may be sealed. `None`: there is no key to open it.
pub fn opened_with<'c>(
    sealer: Option<&Sealer>,
    place: Place<'_>,
    content: &'c [u8],
) -> Result<Option<Cow<'c, [u8]>>, String> {
    if content.first() != Some(&SEALED) {
        return Ok(Some(Cow::Borrowed(content)));
    }
    let Some(sealer) = sealer else { return Ok(None) };
    let opened = sealer.open_content(place, content);
    opened.map(|content| Some(Cow::Owned(content))).map_err(|error| error.to_string())
}

/// A large value by its hash, open.
pub async fn content_of<S: Source + ?Sized>(
    hash: PayloadHash,
    source: &S,
    sealer: Option<&Sealer>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let found = source.content(hash).await?;
    let Some(sealer) = sealer.filter(|_| found.is_none()) else { return Ok(found) };
    let corrupt = |error: String| StoreError::Corrupt(error);
    for name in sealer.payload_names(&hash) {
        let Some(content) = source.content(name).await? else { continue };
        let opened = sealer.open_content(Place::Payload(name), &content);
        let opened = opened.map_err(|error| corrupt(error.to_string()))?;
        let value = decompress_limited(&opened, PAYLOAD_BYTES_MAX);
        return value.map(Some).map_err(|error| corrupt(error.to_string()));
    }
    Ok(None)
}
