//! Secrets that the calls of a flow worked with: what its connections authenticate with, and
//! what it read from vaults. They are masked in what is shown of its histories, also when
//! the connection has changed since or is gone. What a flow hands of them to a child, or to a
//! flow behind a connection, is masked there as well.
//!
//! The running flow has real values. A flow that calls no connector costs nothing here, and
//! of one that does, what is known already is found in memory.
//!
//! Invariant: a secret is noted before the answer of its call is recorded.

use super::Engine;
use crate::app::data::{self, Change, Kind, Known, Sealed, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::limits::{
    CHANGE_TRIES_MAX, KNOWN_SECRET_BYTES_MAX, KNOWN_SECRETS_CACHED_MAX, KNOWN_SECRETS_MAX,
    KNOWN_TOKENS_MAX,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use expr::Value;
use flow::run::mask::Masks;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use store::{RecordKey, StoreError};
use zeroize::{Zeroize, Zeroizing};

pub const BY_FLOW: u8 = 1;

/// What is kept of a flow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KnownSecrets {
    /// The flow's id.
    id: String,
    /// [`Kept`], base64.
    sealed: String,
}

impl Stored for KnownSecrets {
    const KIND: Kind = Kind::KnownSecrets;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_FLOW, &[&self.id])]
    }
}

impl Sealed for KnownSecrets {
    fn sealed(&mut self) -> Option<(String, &mut String)> {
        Some((seal_owner(&self.id), &mut self.sealed))
    }
}

fn seal_owner(flow: &str) -> String {
    format!("known secrets of {flow}")
}

/// Secrets, the latest last.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Keys, passwords and what was read from vaults.
    pub secrets: Vec<String>,
    /// Tokens: there is a new one every hour or so, and old ones are of no use.
    pub tokens: Vec<String>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.secrets.zeroize();
        self.tokens.zeroize();
    }
}

impl Kept {
    /// What can be masked of some secrets; in the forms in which texts hold them.
    #[must_use]
    pub fn of(secrets: &[String], tokens: &[String]) -> Kept {
        let mut kept = Kept::default();
        for (from, to) in [(secrets, &mut kept.secrets), (tokens, &mut kept.tokens)] {
            for text in from.iter().filter(|text| text.len() <= KNOWN_SECRET_BYTES_MAX) {
                to.extend(forms(text).into_iter().filter(|form| Masks::can_mask(form)));
            }
        }
        kept
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.tokens.is_empty()
    }

    fn has(&self, other: &Kept) -> bool {
        other.secrets.iter().all(|it| self.secrets.contains(it))
            && other.tokens.iter().all(|it| self.tokens.contains(it))
    }

    fn add(&mut self, other: &Kept) {
        let lists = [
            (&mut self.secrets, &other.secrets, KNOWN_SECRETS_MAX),
            (&mut self.tokens, &other.tokens, KNOWN_TOKENS_MAX),
        ];
        for (list, more, most) in lists {
            for text in more {
                if !list.contains(text) {
                    list.push(text.clone());
                }
            }
            let over = list.len().saturating_sub(most);
            list.drain(..over).for_each(|mut text| text.zeroize());
        }
    }
}

/// As it is, within a text of JSON, and within an address.
fn forms(text: &str) -> Vec<String> {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let quoted = serde_json::Value::from(text).to_string();
    let quoted = quoted.trim_start_matches('"').strip_suffix('"').unwrap_or(&quoted).to_owned();
    let form: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let mut forms = vec![text.to_owned(), quoted, form];
    forms.push(utf8_percent_encode(text, KEPT).to_string());
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// What is known of a flow, as of a revision of its record.
struct Noted {
    revision: i64,
    kept: Kept,
    masks: Masks,
}

/// In memory, by flow.
#[derive(Default)]
pub struct Cache {
    flows: RwLock<HashMap<String, Arc<Noted>>>,
    /// Calls of this node take turns when they note something: that is rare, and they would
    /// only hinder each other.
    noting: tokio::sync::Mutex<()>,
}

impl Cache {
    fn get(&self, flow: &str) -> Option<Arc<Noted>> {
        self.flows.read().get(flow).cloned()
    }

    fn put(&self, flow: &str, noted: Arc<Noted>) {
        let mut all = self.flows.write();
        if all.len() >= KNOWN_SECRETS_CACHED_MAX {
            all.clear();
        }
        all.insert(flow.to_owned(), noted);
    }
}

impl Engine {
    /// What is masked in the histories of a flow, besides what its versions say.
    pub async fn known_secrets(&self, flow: &str) -> Result<Masks, AppError> {
        let noted = self.read_noted(flow).await?;
        Ok(noted.map(|(_, noted)| noted.masks.clone()).unwrap_or_default())
    }

    /// The same as texts: what is kept of the flow's calls elsewhere is without them.
    pub async fn known_texts(&self, flow: &str) -> Result<Vec<String>, AppError> {
        let Some((_, noted)) = self.read_noted(flow).await? else { return Ok(Vec::new()) };
        Ok(noted.kept.secrets.iter().chain(&noted.kept.tokens).cloned().collect())
    }

    /// The same as far as this node knows without asking the store.
    #[must_use]
    pub fn known_secrets_here(&self, flow: &str) -> Masks {
        self.known_secrets.get(flow).map(|noted| noted.masks.clone()).unwrap_or_default()
    }

    /// What is masked in the error of a run that ends. When the store cannot be asked, what
    /// this node knows counts: the step that ends the run waits for the same store.
    pub(super) async fn known_to_mask(&self, flow: &str) -> Masks {
        match self.known_secrets(flow).await {
            Ok(masks) => masks,
            Err(error) => {
                tracing::warn!(flow, message = %error.message, "known secrets cannot be read");
                self.known_secrets_here(flow)
            }
        }
    }

    async fn read_noted(
        &self,
        flow: &str,
    ) -> Result<Option<(Known<KnownSecrets>, Arc<Noted>)>, AppError> {
        let Some(record) = self.store.record(KnownSecrets::KIND as u8, flow).await? else {
            return Ok(None);
        };
        let known: Known<KnownSecrets> = data::known(&record)?;
        if let Some(noted) = self.known_secrets.get(flow)
            && noted.revision == record.revision
        {
            return Ok(Some((known, noted)));
        }
        let sealed = STANDARD.decode(&known.sealed).map_err(AppError::internal)?;
        let opened = self.catalog.open_secret(&seal_owner(flow), &sealed).await?;
        let kept: Kept = serde_json::from_slice(&opened).map_err(AppError::internal)?;
        let noted = Arc::new(noted(record.revision, kept));
        self.known_secrets.put(flow, Arc::clone(&noted));
        Ok(Some((known, noted)))
    }

    /// Notes secrets of a flow, so that they are masked from now on.
    pub async fn note_secrets(&self, flow: &str, more: &Kept) -> Result<(), AppError> {
        let is_known = || self.known_secrets.get(flow).is_some_and(|noted| noted.kept.has(more));
        if more.is_empty() || is_known() {
            return Ok(());
        }
        let _turn = self.known_secrets.noting.lock().await;
        for _ in 0..CHANGE_TRIES_MAX {
            let found = self.read_noted(flow).await?;
            if found.as_ref().is_some_and(|(_, noted)| noted.kept.has(more)) {
                return Ok(());
            }
            let (mut known, mut kept) = match found {
                Some((known, noted)) => (known, noted.kept.clone()),
                None => {
                    let new = KnownSecrets { id: flow.to_owned(), sealed: String::new() };
                    (Known::new(new), Kept::default())
                }
            };
            kept.add(more);
            known.sealed = self.sealed_kept(flow, &kept)?;
            match self.store.change(Change::default().put(&known)?.into_edits(), Vec::new()).await {
                // another call noted something
                Err(StoreError::Conflict(_)) => {}
                done => {
                    done?;
                    // with the revision that it has now
                    return self.read_noted(flow).await.map(drop);
                }
            }
        }
        let message = "What the call works with cannot be noted now: it is not made.";
        Err(AppError::new(ErrorKind::Unavailable, "SecretsNotNoted", message))
    }

    /// Notes for a flow those secrets of another one that the other hands to it: before a run
    /// of it begins with them.
    pub(crate) async fn hand_secrets(
        &self,
        (from, to): (&str, &str),
        handed: &[&Value],
    ) -> Result<(), AppError> {
        if from == to {
            return Ok(());
        }
        let Some((_, noted)) = self.read_noted(from).await? else { return Ok(()) };
        let handed: Vec<&Value> =
            handed.iter().filter(|it| noted.masks.are_in(it)).copied().collect();
        if handed.is_empty() {
            return Ok(());
        }
        let of_them = |all: &[String]| -> Zeroizing<Vec<String>> {
            let is_in = |text: &&String| {
                let mask = Masks::of_texts([text.as_str()]);
                handed.iter().any(|it| mask.are_in(it))
            };
            Zeroizing::new(all.iter().filter(is_in).cloned().collect())
        };
        let (secrets, tokens) = (of_them(&noted.kept.secrets), of_them(&noted.kept.tokens));
        self.note_secrets(to, &Kept::of(&secrets, &tokens)).await
    }

    fn sealed_kept(&self, flow: &str, kept: &Kept) -> Result<String, AppError> {
        let text = Zeroizing::new(serde_json::to_vec(kept).map_err(AppError::internal)?);
        let sealed = self.catalog.sealer().seal(&seal_owner(flow), &text);
        Ok(STANDARD.encode(sealed.map_err(AppError::internal)?))
    }
}

fn noted(revision: i64, kept: Kept) -> Noted {
    let masks = Masks::of_texts(kept.secrets.iter().chain(&kept.tokens).map(String::as_str));
    Noted { revision, kept, masks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_push_out_secrets() {
        let mut kept = Kept::of(&["hunter22".to_owned()], &[]);
        for at in 0..100 {
            kept.add(&Kept::of(&[], &[format!("token{at:04}")]));
        }
        assert_eq!(kept.secrets, ["hunter22"]);
        assert_eq!(kept.tokens.len(), KNOWN_TOKENS_MAX);
        assert_eq!(kept.tokens.last().map(String::as_str), Some("token0099"));
        for at in 0..1_000 {
            kept.add(&Kept::of(&[format!("secret{at:04}")], &[]));
        }
        assert_eq!(kept.secrets.len(), KNOWN_SECRETS_MAX);
    }

    #[test]
    fn secrets_are_known_in_the_forms_in_which_texts_hold_them() {
        let kept = Kept::of(&["a\"b c/d".to_owned(), "short".to_owned()], &[]);
        assert_eq!(kept.secrets, ["a\"b c/d", "a%22b%20c%2Fd", "a%22b+c%2Fd", "a\\\"b c/d"]);
    }
}
