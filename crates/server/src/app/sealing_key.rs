//! The keys that secrets are sealed with: rotation, without a pause.
//!
//! A rotation makes a new key, with which every node seals from then on, and seals everything
//! anew in small steps, whoever holds the first partition. It begins when every node that
//! lives has said that it knows the key. After a pass that found nothing to do the old keys
//! are retired, and forgotten a day later.
//!
//! Invariant: a step is one transaction with the place where the next one begins, or can be
//! done twice; a crash repeats at most one.

use super::connector::connection::{BY_CONNECTOR, Connection};
use super::connector::oauth::client::ConnectorClient;
use super::connector::oauth::token::ConnectionToken;
use super::connector::{BY_TITLE, Connector};
use super::data::{Change, Cursor, Kind, Known, Sealed, Stored};
use super::directory::user::{BY_NAME, User};
use super::document::Document;
use super::error::{AppError, ErrorKind};
use super::signin::keyring::{BY_TIME, FIRST_KEY, SigningKey};
use super::signin::second_factor::SecondFactor;
use super::vault::{self, VaultSecretValue};
use super::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::seal::ring::{self, Ring, StoredKey};
use crate::auth::seal::root::MasterKey;
use crate::auth::seal::{SealError, hex};
use crate::clock::SECOND;
use crate::limits::{
    BEAT_EVERY, ROTATION_ROWS_PER_STEP, SEALING_KEY_KEPT_SECONDS, SEALING_KEYS_MAX,
};
use crate::worker::known_secret::{BY_FLOW, KnownSecrets};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable::{Partition, Ticks};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Edit, Hint, Record, RecordKey, StoreError, WorkflowRow};

const ROTATION: &str = "rotation";

/// Where a rotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Nodes learn of the new key.
    Announced,
    DataKeys,
    Flows,
    Versions,
    Connections,
    Tokens,
    Clients,
    SecondFactors,
    SigningKeys,
    Vaults,
    KnownSecrets,
    Settings,
    Done,
}

impl Stage {
    fn next(self) -> Stage {
        match self {
            Stage::Announced => Stage::DataKeys,
            Stage::DataKeys => Stage::Flows,
            Stage::Flows => Stage::Versions,
            Stage::Versions => Stage::Connections,
            Stage::Connections => Stage::Tokens,
            Stage::Tokens => Stage::Clients,
            Stage::Clients => Stage::SecondFactors,
            Stage::SecondFactors => Stage::SigningKeys,
            Stage::SigningKeys => Stage::Vaults,
            Stage::Vaults => Stage::KnownSecrets,
            Stage::KnownSecrets => Stage::Settings,
            Stage::Settings | Stage::Done => Stage::Done,
        }
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stage::Announced => "Announced",
            Stage::DataKeys => "DataKeys",
            Stage::Flows => "Flows",
            Stage::Versions => "Versions",
            Stage::Connections => "Connections",
            Stage::Tokens => "Tokens",
            Stage::Clients => "Clients",
            Stage::SecondFactors => "SecondFactors",
            Stage::SigningKeys => "SigningKeys",
            Stage::Vaults => "Vaults",
            Stage::KnownSecrets => "KnownSecrets",
            Stage::Settings => "Settings",
            Stage::Done => "Done",
        }
    }
}

/// The last rotation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    id: String,
    /// The new key.
    pub key: String,
    /// Who asked for it.
    by: String,
    /// Ticks.
    pub started: Ticks,
    pub ended: Option<Ticks>,
    /// The revision of the keys that has the new one.
    revision: i64,
    pub stage: Stage,
    /// Where the stage goes on.
    after: Option<String>,
    /// Secrets sealed anew, in all and in this pass.
    pub sealed: u64,
    in_pass: u64,
    /// Secrets that no key opens.
    pub damaged: u64,
    /// Everything is looked at once more, a day later, before retired keys are forgotten.
    is_sweep: bool,
}

impl Stored for Rotation {
    const KIND: Kind = Kind::Rotation;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

/// A key as it is shown.
pub struct SealingKeyView {
    pub id: String,
    pub is_sealing: bool,
    /// Ticks.
    pub created: Ticks,
    /// Since when nothing is sealed with it any more.
    pub retired: Option<Ticks>,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// There is nothing to do.
    Idle,
    /// Other nodes have to say that they know the key.
    Waits,
    /// There is more to do.
    More,
}

/// What a part of a stage did.
#[derive(Default)]
struct Part {
    sealed: u64,
    damaged: u64,
    /// Where the stage goes on; `None`: it is done.
    next: Option<String>,
}

impl Part {
    /// Notes what became of one secret; what is to be stored in its place.
    fn take<T>(&mut self, anew: Result<Option<T>, SealError>) -> Result<Option<T>, AppError> {
        match anew {
            Ok(anew) => {
                self.sealed += u64::from(anew.is_some());
                Ok(anew)
            }
            // the keys were read at the beginning of the step: none of them opens it
            Err(SealError::Damaged | SealError::UnknownKey(_)) => {
                self.damaged += 1;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl App {
    /// The keys that secrets are sealed with, the newest first.
    pub async fn list_sealing_keys(
        &self,
        caller: &Caller,
    ) -> Result<Vec<SealingKeyView>, AppError> {
        self.permit(caller, Operation::ManageServer)?;
        let (_, ring) = self.read_ring().await?;
        Ok(ring.keys.iter().enumerate().rev().map(|(at, key)| view(&ring, at, key)).collect())
    }

    /// How far the last rotation is.
    pub async fn get_rotation(&self, caller: &Caller) -> Result<Rotation, AppError> {
        self.permit(caller, Operation::ManageServer)?;
        let message = "The sealing keys have not been rotated yet.";
        let missing = || AppError::not_found("RotationNotFound", message);
        self.get::<Rotation>(ROTATION).await?.map(|known| known.value).ok_or_else(missing)
    }

    /// Makes a new key, and begins to seal everything with it.
    pub async fn rotate_sealing_key(&self, caller: &Caller) -> Result<Rotation, AppError> {
        self.permit(caller, Operation::ManageServer)?;
        let before = self.get::<Rotation>(ROTATION).await?;
        if before.as_ref().is_some_and(|rotation| rotation.ended.is_none()) {
            let message = "A rotation of the sealing keys is under way: wait until it has ended.";
            return Err(AppError::new(ErrorKind::Conflict, "RotationUnderWay", message));
        }
        self.check_master_keys().await?;
        let now = self.engine.clock.now();
        let (record, mut ring) = self.read_ring().await?;
        if ring.keys.len() >= SEALING_KEYS_MAX {
            let message = format!(
                "{SEALING_KEYS_MAX} sealing keys are kept, which is the most: each is for a day after the next one has taken its place."
            );
            return Err(AppError::new(ErrorKind::Conflict, "TooManySealingKeys", message));
        }
        ring.add_keys(self.master_key()?, now)?;
        let key = ring.keys.last().map(|key| key.id.clone()).unwrap_or_default();
        let rotation = Rotation {
            id: ROTATION.to_owned(),
            key: key.clone(),
            by: caller.id().to_owned(),
            started: now,
            ended: None,
            revision: record.revision + 1,
            stage: Stage::Announced,
            after: None,
            sealed: 0,
            in_pass: 0,
            damaged: 0,
            is_sweep: false,
        };
        let known = match before {
            Some(mut known) => {
                *known = rotation;
                known
            }
            None => Known::new(rotation),
        };
        let change = Change::default().put(&known)?.edit(replaced(&ring, &record)?);
        self.apply(caller, change.audit("RotateSealingKey", &key, &json!({}))).await?;
        self.engine.catalog.sealer().refresh(&*self.engine.store, None).await?;
        self.engine.rotation.notify_one();
        Ok(known.value)
    }

    /// A key that only some nodes could open would shut the others out.
    async fn check_master_keys(&self) -> Result<(), AppError> {
        let ours = hex(&self.master_key()?.id());
        for note in self.engine.key_notes().await?.into_iter().flatten() {
            if note.master != ours {
                let message = "The nodes of this store have different master keys: give each the new one before the sealing keys are rotated.";
                return Err(AppError::new(ErrorKind::Conflict, "MasterKeysDiffer", message));
            }
        }
        Ok(())
    }

    fn master_key(&self) -> Result<&MasterKey, AppError> {
        let master = self.engine.catalog.sealer().master();
        master.ok_or_else(|| AppError::internal("the keys were brought along"))
    }

    async fn read_ring(&self) -> Result<(Record, Ring), AppError> {
        let record = self.engine.store.record(ring::KIND, ring::ID).await?;
        let record = record.ok_or_else(|| AppError::internal("the store has no keys"))?;
        let ring = Ring::read(&record)?;
        Ok((record, ring))
    }

    /// Rotates keys when that is asked for, until the server goes down.
    pub async fn run_rotation(self) {
        while !self.engine.is_closing() {
            let stepped = self.rotation_step().await;
            if let Err(error) = &stepped {
                tracing::warn!(message = %error.message, "a step of a key rotation failed");
            }
            let has_more = matches!(stepped, Ok(Stepped::More));
            if has_more {
                tokio::task::yield_now().await;
                continue;
            }
            let told = self.engine.rotation.notified();
            let _ = tokio::time::timeout(BEAT_EVERY, told).await;
        }
    }

    /// Does the next part of a rotation that is under way, if it is this node's business.
    pub async fn rotation_step(&self) -> Result<Stepped, AppError> {
        if self.engine.ownership.epoch(Partition(0)).is_none() {
            return Ok(Stepped::Idle);
        }
        let Some(mut rotation) = self.get::<Rotation>(ROTATION).await? else {
            return Ok(Stepped::Idle);
        };
        let sealer = self.engine.catalog.sealer();
        sealer.refresh(&*self.engine.store, None).await?;
        match rotation.stage {
            Stage::Done => return self.begin_sweep(rotation).await,
            Stage::Announced => {
                if !self.is_known_to_all(rotation.revision).await? {
                    return Ok(Stepped::Waits);
                }
                rotation.stage = rotation.stage.next();
            }
            Stage::Settings if rotation.in_pass == 0 => {
                let part = self.reseal_part(&rotation).await?;
                if part.sealed == 0 {
                    return self.finish_rotation(rotation).await;
                }
                rotation.take(part);
            }
            _ => {
                let part = self.reseal_part(&rotation).await?;
                rotation.take(part);
            }
        }
        self.note_rotation(rotation).await?;
        Ok(Stepped::More)
    }

    async fn note_rotation(&self, rotation: Known<Rotation>) -> Result<(), AppError> {
        self.apply(&server(), Change::default().put(&rotation)?).await?;
        Ok(())
    }

    async fn is_known_to_all(&self, revision: i64) -> Result<bool, AppError> {
        let notes = self.engine.key_notes().await?;
        let knows = self.engine.catalog.sealer().revision() >= revision;
        Ok(knows && notes.iter().all(|it| it.as_ref().is_some_and(|it| it.revision >= revision)))
    }

    /// Nothing is sealed with the old keys any more.
    async fn finish_rotation(&self, mut rotation: Known<Rotation>) -> Result<Stepped, AppError> {
        let (record, mut ring) = self.read_ring().await?;
        let now = self.engine.clock.now();
        rotation.stage = Stage::Done;
        if rotation.is_sweep {
            let mut change = Change::default().put(&rotation)?;
            if ring.forget_retired(now - SEALING_KEY_KEPT_SECONDS * SECOND) {
                change = change.edit(replaced(&ring, &record)?);
            }
            self.apply(&server(), change).await?;
            return Ok(Stepped::Idle);
        }
        ring.retire_old_keys(self.master_key()?, now)?;
        rotation.ended = Some(now);
        let detail = json!({"sealed": rotation.sealed, "damaged": rotation.damaged,
            "startedBy": rotation.by});
        let change = Change::default().put(&rotation)?.edit(replaced(&ring, &record)?);
        let change = change.audit("FinishSealingKeyRotation", &rotation.key, &detail);
        self.apply(&server(), change).await?;
        tracing::info!(key = %rotation.key, sealed = rotation.sealed, "sealed everything anew");
        Ok(Stepped::Idle)
    }

    /// A day later everything is looked at once more: what was on its way meanwhile is
    /// there, and nothing needs the retired keys.
    async fn begin_sweep(&self, mut rotation: Known<Rotation>) -> Result<Stepped, AppError> {
        let before = self.engine.clock.now() - SEALING_KEY_KEPT_SECONDS * SECOND;
        if rotation.is_sweep || rotation.ended.is_none_or(|ended| ended >= before) {
            return Ok(Stepped::Idle);
        }
        rotation.is_sweep = true;
        (rotation.stage, rotation.in_pass, rotation.damaged) = (Stage::DataKeys, 0, 0);
        self.note_rotation(rotation).await?;
        Ok(Stepped::More)
    }

    async fn reseal_part(&self, rotation: &Rotation) -> Result<Part, AppError> {
        let after = rotation.after.as_deref();
        match rotation.stage {
            Stage::DataKeys => self.reseal_data_keys().await,
            Stage::Flows => self.reseal_flows(after).await,
            Stage::Versions => self.reseal_versions(after).await,
            Stage::Connections => self.reseal_records::<Connection>(BY_CONNECTOR, after).await,
            Stage::Tokens => {
                self.reseal_beside::<Connection, ConnectionToken>(BY_CONNECTOR, after).await
            }
            Stage::Clients => {
                self.reseal_beside::<Connector, ConnectorClient>(BY_TITLE, after).await
            }
            Stage::SecondFactors => self.reseal_beside::<User, SecondFactor>(BY_NAME, after).await,
            Stage::SigningKeys => self.reseal_records::<SigningKey>(BY_TIME, after).await,
            Stage::Vaults => self.reseal_records::<VaultSecretValue>(vault::BY_SECRET, after).await,
            Stage::KnownSecrets => self.reseal_records::<KnownSecrets>(BY_FLOW, after).await,
            Stage::Settings => self.reseal_first_key().await,
            Stage::Announced | Stage::Done => Ok(Part::default()),
        }
    }

    async fn reseal_data_keys(&self) -> Result<Part, AppError> {
        let (record, mut ring) = self.read_ring().await?;
        let count = ring.reseal_data_keys(self.master_key()?)?;
        if count > 0 {
            self.engine.store.change(vec![replaced(&ring, &record)?], Vec::new()).await?;
        }
        Ok(Part { sealed: count as u64, ..Part::default() })
    }

    /// A page of flows, and where the next begins.
    async fn flows_page(
        &self,
        after: Option<&str>,
    ) -> Result<(Vec<WorkflowRow>, Option<String>), AppError> {
        let rows = self.engine.store.workflows(None, after, ROTATION_ROWS_PER_STEP).await?;
        let is_more = rows.len() >= ROTATION_ROWS_PER_STEP;
        let next = rows.last().filter(|_| is_more).map(|row| row.name.clone());
        Ok((rows, next))
    }

    async fn reseal_flows(&self, after: Option<&str>) -> Result<Part, AppError> {
        let (rows, next) = self.flows_page(after).await?;
        let sealer = self.engine.catalog.sealer();
        let mut part = Part { next, ..Part::default() };
        for mut row in rows {
            let primary = part.take(sealer.reseal(&row.id, &row.primary_key))?;
            let secondary = part.take(sealer.reseal(&row.id, &row.secondary_key))?;
            if primary.is_none() && secondary.is_none() {
                continue;
            }
            row.primary_key = primary.unwrap_or(row.primary_key);
            row.secondary_key = secondary.unwrap_or(row.secondary_key);
            let id = row.id.clone();
            self.put_anew(vec![Edit::UpdateWorkflow(row, None)]).await?;
            self.engine.catalog.forget(&id);
            self.engine.store.hint(Hint::Flow(id));
        }
        Ok(part)
    }

    async fn reseal_versions(&self, after: Option<&str>) -> Result<Part, AppError> {
        let (rows, next) = self.flows_page(after).await?;
        let (store, sealer) = (&self.engine.store, self.engine.catalog.sealer());
        let mut part = Part { next, ..Part::default() };
        for row in rows {
            for listed in store.versions(row.key).await? {
                let version = store.version(row.key, listed.number).await?;
                let Some(mut version) = version else { continue };
                let at = (row.id.as_str(), listed.number);
                let anew = Document::seal_anew(&version.document, sealer, at);
                if let Some(document) = part.take(anew)? {
                    version.document = document;
                    self.put_anew(vec![Edit::ReplaceDocument(version)]).await?;
                }
            }
        }
        Ok(part)
    }

    async fn reseal_records<T: Sealed>(
        &self,
        name: u8,
        after: Option<&str>,
    ) -> Result<Part, AppError> {
        let after = after.map(Cursor::decode).transpose()?;
        let page = self.list::<T>(name, &[], after, ROTATION_ROWS_PER_STEP).await?;
        let next = page.next.as_ref().map(Cursor::encode);
        let mut part = Part { next, ..Part::default() };
        for record in page.rows {
            self.reseal_record(record, &mut part).await?;
        }
        Ok(part)
    }

    /// Records that have the ids of others, and no order of their own.
    async fn reseal_beside<Of: Stored, T: Sealed>(
        &self,
        name: u8,
        after: Option<&str>,
    ) -> Result<Part, AppError> {
        let after = after.map(Cursor::decode).transpose()?;
        let page = self.list::<Of>(name, &[], after, ROTATION_ROWS_PER_STEP).await?;
        let next = page.next.as_ref().map(Cursor::encode);
        let mut part = Part { next, ..Part::default() };
        for of in page.rows {
            if let Some(record) = self.get::<T>(of.value.id()).await? {
                self.reseal_record(record, &mut part).await?;
            }
        }
        Ok(part)
    }

    async fn reseal_record<T: Sealed>(
        &self,
        mut record: Known<T>,
        part: &mut Part,
    ) -> Result<(), AppError> {
        let Some((owner, text)) = record.sealed() else { return Ok(()) };
        let sealed = STANDARD.decode(&*text).map_err(|_| SealError::Damaged);
        let sealer = self.engine.catalog.sealer();
        let anew = part.take(sealed.and_then(|sealed| sealer.reseal(&owner, &sealed)))?;
        let Some(anew) = anew else { return Ok(()) };
        *text = STANDARD.encode(anew);
        self.put_anew(Change::default().put(&record)?.into_edits()).await
    }

    async fn reseal_first_key(&self) -> Result<Part, AppError> {
        let mut part = Part::default();
        let store = &self.engine.store;
        let Some(sealed) = store.setting(FIRST_KEY).await? else { return Ok(part) };
        let anew = self.engine.catalog.sealer().reseal(FIRST_KEY, &sealed);
        if let Some(anew) = part.take(anew)? {
            store.set_setting(FIRST_KEY, &anew).await?;
        }
        Ok(part)
    }

    /// What has changed or gone meanwhile is looked at again in the next pass.
    async fn put_anew(&self, edits: Vec<Edit>) -> Result<(), AppError> {
        match self.engine.store.change(edits, Vec::new()).await {
            Ok(_) | Err(StoreError::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Rotation {
    /// Goes on behind what was done. A pass that found something is followed by another.
    fn take(&mut self, part: Part) {
        self.sealed += part.sealed;
        self.in_pass += part.sealed;
        self.damaged += part.damaged;
        self.after = part.next;
        if self.after.is_some() {
            return;
        }
        if self.stage == Stage::Settings {
            (self.stage, self.in_pass, self.damaged) = (Stage::DataKeys, 0, 0);
        } else {
            self.stage = self.stage.next();
        }
    }
}

/// What the server does by itself.
fn server() -> Caller {
    Caller::root("server")
}

fn replaced(ring: &Ring, before: &Record) -> Result<Edit, AppError> {
    Ok(Edit::Put(ring.record(before.revision)?))
}

fn view(ring: &Ring, at: usize, key: &StoredKey) -> SealingKeyView {
    SealingKeyView {
        id: key.id.clone(),
        is_sealing: at + 1 == ring.keys.len(),
        created: key.created,
        retired: key.retired,
    }
}

#[cfg(test)]
mod tests;
