//! Versions of flows as the runs of a store need them: loaded when the first run asks.

use crate::app::catalog::dialect_of;
use crate::app::document::Document;
use crate::auth::seal::Sealer;
use crate::auth::seal::root::MasterKey;
use crate::limits::VERSIONS_CACHED_MAX;
use flow::definition::{Flow, LoadOptions};
use flow::run::FlowInfo;
use std::collections::HashMap;
use std::sync::Arc;

/// What a flow's row says.
pub struct FlowFacts {
    pub id: String,
    pub environment: String,
    pub name: String,
    pub display_name: String,
    pub dialect: u8,
    pub version: u32,
}

/// Versions that were met. Kept from one verification to the next, they are loaded once.
#[derive(Default)]
pub struct Versions {
    /// Opens what is sealed; without it that is only counted.
    pub(super) master: Option<MasterKey>,
    known: HashMap<(i64, u32), Known>,
    loaded: usize,
    /// Counts verifications: what was not met in this one is not there.
    pass: u64,
}

struct Known {
    document: Vec<u8>,
    pass: u64,
    flow: Option<Result<Arc<Flow>, String>>,
}

impl Versions {
    /// Opens what is sealed, when the master key is there.
    #[must_use]
    pub fn opening(master: Option<MasterKey>) -> Versions {
        Versions { master, ..Versions::default() }
    }

    pub fn begin(&mut self) {
        self.pass += 1;
    }

    pub fn add(&mut self, workflow: i64, number: u32, document: &[u8]) {
        let pass = self.pass;
        match self.known.get_mut(&(workflow, number)) {
            Some(known) if known.document == document => known.pass = pass,
            _ => {
                let known = Known { document: document.to_vec(), pass, flow: None };
                self.known.insert((workflow, number), known);
            }
        }
    }

    pub fn has(&self, workflow: i64, number: u32) -> bool {
        self.known.get(&(workflow, number)).is_some_and(|known| known.pass == self.pass)
    }

    /// A version, loaded, or why it is not there.
    pub fn get(
        &mut self,
        (workflow, number): (i64, u32),
        facts: &FlowFacts,
        sealer: &Sealer,
    ) -> Result<Arc<Flow>, String> {
        if self.loaded >= VERSIONS_CACHED_MAX {
            self.known.values_mut().for_each(|known| known.flow = None);
            self.loaded = 0;
        }
        let pass = self.pass;
        let known = self.known.get_mut(&(workflow, number)).filter(|known| known.pass == pass);
        let known = known.ok_or_else(|| no_version(facts, number))?;
        let loaded = &mut self.loaded;
        let flow = known.flow.get_or_insert_with(|| {
            *loaded += 1;
            load(&known.document, (facts, number), sealer)
        });
        flow.clone().map_err(|error| format!("version {number} of flow '{}' {error}", facts.name))
    }
}

fn load(
    stored: &[u8],
    (facts, number): (&FlowFacts, u32),
    sealer: &Sealer,
) -> Result<Arc<Flow>, String> {
    let document = Document::open(stored, sealer, (&facts.id, number));
    let document = document.map_err(|_| "is damaged".to_owned())?;
    let dialect = Some(dialect_of(facts.dialect));
    let options = LoadOptions { dialect, parameters: document.parameters };
    let report = flow::definition::load(&document.text, &options);
    let first = report.problems.into_iter().next().map(|problem| problem.message);
    let failed = || format!("does not load: {}", first.unwrap_or_default());
    report.loaded.map(|loaded| Arc::new(loaded.flow)).ok_or_else(failed)
}

pub fn no_version(facts: &FlowFacts, number: u32) -> String {
    format!("flow '{}' has no version {number}", facts.name)
}

impl FlowFacts {
    /// What a run knows of its flow; where the server is does not matter for what is stored.
    pub fn info(&self, key: i64, version: u32) -> Arc<FlowInfo> {
        Arc::new(FlowInfo {
            key,
            id: self.id.clone(),
            name: self.name.clone(),
            display_name: self.display_name.clone(),
            environment: self.environment.clone(),
            version,
            public_url: String::new(),
            callback_key: Default::default(),
        })
    }
}
