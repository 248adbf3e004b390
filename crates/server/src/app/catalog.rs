//! Flows and versions in memory: what a trigger needs without asking the store.

use super::connector::runtime::Reads;
use super::document::Document;
use super::error::AppError;
use crate::auth::seal::{SealError, Sealer};
use crate::auth::signature::SigningKey;
use crate::limits::{FLOW_FRESH, FLOWS_NOTED_MAX, VERSIONS_CACHED_MAX};
use bytes::Bytes;
use flow::definition::{Dialect, Flow, LoadOptions};
use flow::run::mask::Masks;
use flow::run::{CallbackKey, FlowInfo};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use store::{Store, StoreError, WorkflowRow};
use tokio::time::Instant;

/// Whether a flow takes triggers; the number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FlowState {
    Started = 1,
    Stopped = 2,
    /// It can be restored.
    Deleted = 3,
    /// Turned off for a reason: [`super::suspension`].
    Suspended = 4,
}

impl FlowState {
    #[must_use]
    pub fn from_number(number: u8) -> FlowState {
        match number {
            1 => FlowState::Started,
            3 => FlowState::Deleted,
            4 => FlowState::Suspended,
            _ => FlowState::Stopped,
        }
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FlowState::Started => "Started",
            FlowState::Stopped => "Stopped",
            FlowState::Deleted => "Deleted",
            FlowState::Suspended => "Suspended",
        }
    }
}

/// The number that is stored for a dialect.
#[must_use]
pub fn dialect_number(dialect: Dialect) -> u8 {
    match dialect {
        Dialect::PowerAutomate => 1,
        Dialect::LogicApps => 2,
    }
}

#[must_use]
pub fn dialect_of(number: u8) -> Dialect {
    if number == 1 { Dialect::PowerAutomate } else { Dialect::LogicApps }
}

/// A flow with its current version, ready to start runs.
pub struct FlowEntry {
    pub row: WorkflowRow,
    pub state: FlowState,
    /// Open keys that sign its addresses: primary, secondary.
    pub keys: [SigningKey; 2],
    /// Answers of its triggers carry these, ready made.
    pub headers: [(&'static str, Bytes); 4],
    pub version: Arc<Version>,
}

/// A version, loaded.
pub struct Version {
    pub flow: Arc<Flow>,
    pub info: Arc<FlowInfo>,
    /// Its connection references by key; null when it has none.
    pub references: Arc<serde_json::Value>,
    /// What it reads of its connections by expressions.
    pub reads: Arc<Reads>,
    /// What nobody is to see in the histories of its runs.
    pub masks: Masks,
}

/// A flow as it was read.
struct Known {
    entry: Arc<FlowEntry>,
    read: Instant,
}

#[derive(Default)]
struct Environments {
    numbers: HashMap<String, u32>,
    of_flows: HashMap<i64, u32>,
}

/// The cache. Entries are dropped when their flow changes, and read again after a while
/// when other nodes may change them.
pub struct Catalog {
    store: Arc<dyn Store>,
    sealer: Arc<Sealer>,
    public_url: RwLock<String>,
    entries: RwLock<HashMap<String, Known>>,
    /// Numbers for environments, and the environments of flows that have run here.
    environments: RwLock<Environments>,
    versions: RwLock<HashMap<(i64, u32), Arc<Version>>>,
}

impl Catalog {
    #[must_use]
    pub fn new(store: Arc<dyn Store>, sealer: Arc<Sealer>) -> Catalog {
        Catalog {
            store,
            sealer,
            public_url: RwLock::default(),
            entries: RwLock::default(),
            environments: RwLock::default(),
            versions: RwLock::default(),
        }
    }

    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The address that absolute links begin with; known once the server listens.
    pub fn set_public_url(&self, url: &str) {
        url.trim_end_matches('/').clone_into(&mut self.public_url.write());
        self.entries.write().clear();
        self.versions.write().clear();
    }

    #[must_use]
    pub fn public_url(&self) -> String {
        self.public_url.read().clone()
    }

    /// A flow by its public id.
    pub async fn by_id(&self, id: &str) -> Result<Option<Arc<FlowEntry>>, AppError> {
        if let Some(known) = self.entries.read().get(id)
            && (!self.store.is_shared() || known.read.elapsed() < FLOW_FRESH)
        {
            return Ok(Some(Arc::clone(&known.entry)));
        }
        match self.store.workflow_by_id(id).await? {
            Some(row) => Ok(Some(self.entry(row).await?)),
            None => Ok(None),
        }
    }

    /// A flow as the store has it now.
    pub async fn refresh(&self, id: &str) -> Result<Option<Arc<FlowEntry>>, AppError> {
        match self.store.workflow_by_id(id).await? {
            Some(row) => Ok(Some(self.entry(row).await?)),
            None => Ok(None),
        }
    }

    pub async fn by_key(&self, key: i64) -> Result<Option<Arc<FlowEntry>>, AppError> {
        match self.store.workflow_by_key(key).await? {
            Some(row) => Ok(Some(self.entry(row).await?)),
            None => Ok(None),
        }
    }

    pub async fn by_name(
        &self,
        environment: &str,
        name: &str,
    ) -> Result<Option<Arc<FlowEntry>>, AppError> {
        match self.store.workflow(environment, name).await? {
            Some(row) => Ok(Some(self.entry(row).await?)),
            None => Ok(None),
        }
    }

    /// The entry of a row that was just read.
    pub async fn entry(&self, row: WorkflowRow) -> Result<Arc<FlowEntry>, AppError> {
        if let Some(entry) = self.known(&row) {
            return Ok(entry);
        }
        self.note_environment(row.key, &row.environment);
        let version = self.version(&row, row.version).await?;
        let keys = [
            self.open_key(&row.id, &row.primary_key).await?,
            self.open_key(&row.id, &row.secondary_key).await?,
        ];
        let state = FlowState::from_number(row.state);
        let headers = [
            ("x-ms-workflow-system-id", format!("/workflows/{}", row.id).into()),
            ("x-ms-workflow-id", row.id.clone().into()),
            ("x-ms-workflow-version", row.version.to_string().into()),
            ("x-ms-workflow-name", row.name.clone().into()),
        ];
        let entry = Arc::new(FlowEntry { state, keys, headers, version, row });
        let mut entries = self.entries.write();
        if entries.len() >= VERSIONS_CACHED_MAX {
            entries.clear();
        }
        // who read the row before a change must not bring back what the change ended
        let is_newer =
            entries.get(&entry.row.id).is_none_or(|it| it.entry.row.revision <= entry.row.revision);
        if is_newer {
            let known = Known { entry: Arc::clone(&entry), read: Instant::now() };
            entries.insert(entry.row.id.clone(), known);
        }
        Ok(entry)
    }

    async fn open_key(&self, id: &str, sealed: &[u8]) -> Result<SigningKey, AppError> {
        let key = self.open_secret(id, sealed).await?;
        SigningKey::new(&key).ok_or_else(|| AppError::internal("a key cannot sign"))
    }

    /// Opens a secret, with a key that another node may have made just now.
    pub async fn open_secret(
        &self,
        owner: &str,
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, AppError> {
        let opened = self.sealer.open_anew(&*self.store, owner, sealed).await;
        opened.map_err(AppError::internal)
    }

    /// The entry of a row that has not changed since.
    fn known(&self, row: &WorkflowRow) -> Option<Arc<FlowEntry>> {
        let is_same = |known: &Known| known.entry.row.revision == row.revision;
        if !self.store.is_shared() {
            let entries = self.entries.read();
            return entries.get(&row.id).filter(|it| is_same(it)).map(|it| Arc::clone(&it.entry));
        }
        let mut entries = self.entries.write();
        let known = entries.get_mut(&row.id).filter(|it| is_same(it))?;
        known.read = Instant::now();
        Some(Arc::clone(&known.entry))
    }

    fn note_environment(&self, workflow: i64, environment: &str) {
        let mut environments = self.environments.write();
        let next = environments.numbers.len() as u32;
        let number = *environments.numbers.entry(environment.to_owned()).or_insert(next);
        if environments.of_flows.len() >= FLOWS_NOTED_MAX {
            environments.of_flows.clear();
        }
        environments.of_flows.insert(workflow, number);
    }

    /// A number for the environment of a flow; 0 when it is not known.
    #[must_use]
    pub fn environment_number(&self, workflow: i64) -> u32 {
        self.environments.read().of_flows.get(&workflow).copied().unwrap_or(0)
    }

    /// Makes sure that the environment of a flow is known, if the flow is there.
    pub async fn learn_environment(&self, workflow: i64) -> Result<(), StoreError> {
        if !self.environments.read().of_flows.contains_key(&workflow) {
            let row = self.store.workflow_by_key(workflow).await?;
            self.note_environment(workflow, row.as_ref().map_or("", |row| &row.environment));
        }
        Ok(())
    }

    /// A version of a flow: the current one, or one that a run has pinned.
    pub async fn version(&self, row: &WorkflowRow, number: u32) -> Result<Arc<Version>, AppError> {
        let known = self.versions.read().get(&(row.key, number)).map(Arc::clone);
        if let Some(version) = known {
            return Ok(self.renamed(row, version));
        }
        let document = self.document(row, number).await?.ok_or_else(|| {
            AppError::internal(format!("flow {} has no version {number}", row.id))
        })?;
        let version = self.load(row, number, document)?;
        let version = Arc::new(version);
        let mut versions = self.versions.write();
        if versions.len() >= VERSIONS_CACHED_MAX {
            versions.clear();
        }
        versions.insert((row.key, number), Arc::clone(&version));
        Ok(version)
    }

    /// The document of a version, open, with a key that another node may have made just now.
    /// Whoever needs the text of a definition has it from here.
    pub async fn document(
        &self,
        row: &WorkflowRow,
        number: u32,
    ) -> Result<Option<Document>, AppError> {
        let Some(stored) = self.store.version(row.key, number).await? else { return Ok(None) };
        let open = || Document::open(&stored.document, &self.sealer, (&row.id, stored.number));
        let opened = match open() {
            Err(SealError::UnknownKey(_)) => {
                self.sealer.refresh(&*self.store, None).await?;
                open()
            }
            opened => opened,
        };
        opened.map(Some).map_err(|error| {
            tracing::error!(flow = row.id, version = number, "a version cannot be opened");
            error.into()
        })
    }

    /// A version that says what its flow is called now, and where it is: both can change
    /// without a new version, and by another node.
    fn renamed(&self, row: &WorkflowRow, version: Arc<Version>) -> Arc<Version> {
        let info = &version.info;
        let is_same = info.name == row.name
            && info.display_name == row.display_name
            && info.environment == row.environment;
        if is_same {
            return version;
        }
        let info = Arc::new(self.info(row, info.version));
        let renamed = Arc::new(Version {
            flow: Arc::clone(&version.flow),
            info,
            references: Arc::clone(&version.references),
            reads: Arc::clone(&version.reads),
            masks: version.masks.clone(),
        });
        self.versions.write().insert((row.key, renamed.info.version), Arc::clone(&renamed));
        renamed
    }

    fn info(&self, row: &WorkflowRow, version: u32) -> FlowInfo {
        FlowInfo {
            key: row.key,
            id: row.id.clone(),
            name: row.name.clone(),
            display_name: row.display_name.clone(),
            environment: row.environment.clone(),
            version,
            public_url: self.public_url(),
            callback_key: CallbackKey(self.sealer.derive(b"callbacks")),
        }
    }

    fn load(
        &self,
        row: &WorkflowRow,
        number: u32,
        document: Document,
    ) -> Result<Version, AppError> {
        let options =
            LoadOptions { dialect: Some(dialect_of(row.dialect)), parameters: document.parameters };
        let report = flow::definition::load(&document.text, &options);
        let loaded = report.loaded.ok_or_else(|| {
            let first = report.problems.first().map(|problem| problem.message.clone());
            AppError::internal(format!(
                "version {number} of flow {} does not load any more: {}",
                row.id,
                first.unwrap_or_default()
            ))
        })?;
        let info = Arc::new(self.info(row, number));
        let references = match &loaded.connection_references {
            Some(given) => {
                let given = serde_json::to_value(given).map_err(AppError::internal)?;
                super::summary::references(&given).unwrap_or_default()
            }
            None => serde_json::Value::Null,
        };
        let reads = Arc::new(Reads::of(&document.text, &references));
        let references = Arc::new(references);
        let masks = Masks::of_flow(&loaded.flow);
        Ok(Version { flow: Arc::new(loaded.flow), info, references, reads, masks })
    }

    /// Forgets a flow that has changed.
    pub fn forget(&self, id: &str) {
        self.entries.write().remove(id);
    }

    /// Forgets a flow that is gone, with its versions.
    pub fn forget_all(&self, id: &str, key: i64) {
        self.forget(id);
        self.versions.write().retain(|(flow, _), _| *flow != key);
    }
}
