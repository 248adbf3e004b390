//! Client certificates in use: each with a client of its own, so that no connection that one
//! was shown on serves a call with another, or with none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use tokio::sync::OnceCell;

use super::authentication::PfxFile;
use super::client::{HttpFailure, chain};
use super::pfx::Pfx;
use crate::limits::IDENTITIES_MAX;

/// A certificate, and the client that shows it.
pub(super) struct Identity {
    client: reqwest::Client,
    pfx: Pfx,
}

impl Identity {
    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub(super) fn pfx(&self) -> &Pfx {
        &self.pfx
    }
}

/// Those that were used last, by a hash of file and password.
#[derive(Default)]
pub(super) struct Identities {
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    all: HashMap<[u8; 32], Slot>,
    uses: u64,
}

struct Slot {
    /// Opened once, although many ask at the same time.
    identity: Arc<OnceCell<Arc<Identity>>>,
    last: u64,
}

impl Identities {
    pub(super) async fn get(
        &self,
        file: &PfxFile,
        builder: impl FnOnce() -> reqwest::ClientBuilder,
    ) -> Result<Arc<Identity>, HttpFailure> {
        let invalid =
            |reason: String| HttpFailure::Invalid(format!("client certificate: {reason}"));
        let slot = self.slot(file);
        let make = async || {
            let pfx = Pfx::open(file).await.map_err(|fault| invalid(fault.to_string()))?;
            let shown = reqwest::Identity::from_pem(pfx.pem().as_bytes())
                .map_err(|error| invalid(chain(&error)))?;
            let client = builder().identity(shown).build();
            let client = client.map_err(|error| invalid(chain(&error)))?;
            Ok(Arc::new(Identity { client, pfx }))
        };
        slot.get_or_try_init(make).await.cloned()
    }

    fn slot(&self, file: &PfxFile) -> Arc<OnceCell<Arc<Identity>>> {
        let key = key(file);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.uses += 1;
        let last = slots.uses;
        if let Some(slot) = slots.all.get_mut(&key) {
            slot.last = last;
            return Arc::clone(&slot.identity);
        }
        if slots.all.len() >= IDENTITIES_MAX {
            let oldest = slots.all.iter().min_by_key(|(_, slot)| slot.last).map(|(key, _)| *key);
            oldest.and_then(|key| slots.all.remove(&key));
        }
        let identity = Arc::default();
        slots.all.insert(key, Slot { identity: Arc::clone(&identity), last });
        identity
    }
}

/// File and password, so that nobody is served who knows only the file.
fn key(file: &PfxFile) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let content = file.content.expose().trim();
    context.update(&(content.len() as u64).to_be_bytes());
    context.update(content.as_bytes());
    context.update(file.password.expose().as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Secret;

    #[test]
    fn the_one_that_was_used_longest_ago_goes() {
        let file = |number: usize| PfxFile {
            content: Secret::new(number.to_string()),
            password: Secret::default(),
        };
        let all = Identities::default();
        let first = all.slot(&file(0));
        for number in 1..IDENTITIES_MAX {
            all.slot(&file(number));
        }
        // used again: the second is the oldest now
        assert!(Arc::ptr_eq(&first, &all.slot(&file(0))));
        all.slot(&file(IDENTITIES_MAX));
        let slots = all.slots.lock().unwrap();
        assert_eq!(slots.all.len(), IDENTITIES_MAX);
        assert!(slots.all.contains_key(&key(&file(0))) && !slots.all.contains_key(&key(&file(1))));
    }

    #[test]
    fn another_password_is_another_key() {
        let file = |content: &str, password: &str| PfxFile {
            content: Secret::new(content),
            password: Secret::new(password),
        };
        assert_ne!(key(&file("a", "b")), key(&file("a", "c")));
        assert_ne!(key(&file("ab", "c")), key(&file("a", "bc")));
    }
}
