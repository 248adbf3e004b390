//! Flows as lists show them: without what they do.
//!
//! Invariant: a page takes few reads of the store, however many flows it has. Only of a flow
//! whose triggers nobody has noted yet is the version loaded, until it is changed.

use super::catalog::FlowState;
use super::data::Cursor;
use super::error::AppError;
use super::facts::{self, BY_CO_OWNER, BY_CREATOR, FlowFacts, TriggerFacts};
use super::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use std::collections::HashMap;
use store::WorkflowRow;

/// A flow in a list.
pub struct FlowItem {
    pub row: WorkflowRow,
    pub facts: FlowFacts,
    pub triggers: Vec<TriggerFacts>,
}

impl FlowItem {
    /// Whether one of its names has a text in it; letter case does not matter.
    #[must_use]
    pub fn is_named(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        [&self.row.name, &self.row.display_name].iter().any(|it| it.to_lowercase().contains(&text))
    }
}

/// Which of the caller's flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mine {
    Made,
    Shared,
}

impl App {
    /// The flows of an environment by name, those that were deleted among them when they are
    /// asked for.
    pub async fn list_flows(
        &self,
        caller: &Caller,
        environment: &str,
        with_deleted: bool,
        (after, rows_max): (Option<&str>, usize),
    ) -> Result<Vec<FlowItem>, AppError> {
        let operation = Operation::ListFlowsInEnvironmentV2;
        let environment = self.environment_for(caller, operation, environment).await?;
        let within = Some(environment.id.as_str());
        let mut found: Vec<WorkflowRow> = Vec::new();
        let mut after = after.map(str::to_owned);
        while found.len() < rows_max {
            let rows = self.engine.store.workflows(within, after.as_deref(), rows_max).await?;
            let is_last = rows.len() < rows_max;
            after = rows.last().map(|row| row.name.clone());
            let is_wanted =
                |row: &WorkflowRow| with_deleted || row.state != FlowState::Deleted as u8;
            found.extend(rows.into_iter().filter(is_wanted));
            if is_last {
                break;
            }
        }
        found.truncate(rows_max);
        let ids = found.iter().map(|row| row.id.clone()).collect();
        let known = self.get_many::<FlowFacts>(ids).await?.into_iter();
        let mut known: HashMap<String, FlowFacts> =
            known.map(|facts| (facts.flow().to_owned(), facts.value)).collect();
        let mut items = Vec::with_capacity(found.len());
        for row in found {
            let facts = known.remove(&row.id).unwrap_or_else(|| FlowFacts::new(&row, None));
            items.push(self.item(row, facts).await?);
        }
        Ok(items)
    }

    /// The flows that the caller made, or that others share with them, newest first.
    pub async fn list_my_flows(
        &self,
        caller: &Caller,
        environment: &str,
        mine: Mine,
        (after, rows_max): (Option<Cursor>, usize),
    ) -> Result<(Vec<FlowItem>, Option<Cursor>), AppError> {
        let environment = self.environment_for(caller, Operation::ListMyFlows, environment).await?;
        if caller.kind() == CallerKind::Root {
            return Ok((Vec::new(), None));
        }
        // groups one after the other: the mark says how far the page has come
        let wanted: Vec<(u8, &str)> = match mine {
            Mine::Made => vec![(BY_CREATOR, caller.id())],
            Mine::Shared => caller.principals().map(|it| (BY_CO_OWNER, it)).collect(),
        };
        let start = after.as_ref().map_or(0, |cursor| {
            let owner =
                |(_, principal): &(u8, &str)| cursor.is_within(&[&environment.id, principal]);
            wanted.iter().position(owner).unwrap_or(0)
        });
        let (mut items, mut after) = (Vec::new(), after);
        for (name, principal) in &wanted[start..] {
            let parts = [environment.id.as_str(), principal];
            let room = rows_max.saturating_sub(items.len());
            if room == 0 {
                return Ok((items, Some(Cursor::before(&parts))));
            }
            let page = self.list::<FlowFacts>(*name, &parts, after.take(), room).await?;
            let known = page.rows.into_iter().map(|facts| facts.value).collect();
            self.items_of(known, &mut items).await?;
            if page.next.is_some() {
                return Ok((items, page.next));
            }
        }
        Ok((items, None))
    }

    /// The flows of some facts, in their order.
    async fn items_of(
        &self,
        known: Vec<FlowFacts>,
        items: &mut Vec<FlowItem>,
    ) -> Result<(), AppError> {
        let ids = known.iter().map(|facts| facts.flow().to_owned()).collect();
        let rows = self.engine.store.workflows_by_id(ids).await?.into_iter();
        let mut rows: HashMap<String, WorkflowRow> =
            rows.map(|row| (row.id.clone(), row)).collect();
        for facts in known {
            if let Some(row) = rows.remove(facts.flow()) {
                items.push(self.item(row, facts).await?);
            }
        }
        Ok(())
    }

    async fn item(&self, row: WorkflowRow, mut facts: FlowFacts) -> Result<FlowItem, AppError> {
        let triggers = match facts.triggers.take() {
            Some(triggers) => triggers,
            None => {
                let version = self.engine.catalog.version(&row, row.version).await?;
                facts::triggers_of(&version.flow)
            }
        };
        Ok(FlowItem { row, facts, triggers })
    }
}
