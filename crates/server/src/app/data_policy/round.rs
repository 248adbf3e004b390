//! Looking through all flows after a policy has changed: in small steps, by whichever node has
//! time. Changes are counted in the transaction that makes them, so that none is forgotten, in a
//! record of their own, so that who looks through flows is in nobody's way.
//!
//! A node may save a flow by policies that it read just before they changed: a second round,
//! a little later, finds that.

use crate::app::App;
use crate::app::access::id_to_guid;
use crate::app::catalog::FlowState;
use crate::app::data::{Change, Kind, Known, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::clock::SECOND;
use crate::limits::{
    CHANGE_TRIES_MAX, DATA_POLICIES_EVERY, DATA_POLICY_CLAIM_SECONDS, DATA_POLICY_FLOWS_PER_STEP,
    DATA_POLICY_SETTLE_SECONDS,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{RecordKey, WorkflowRow};

const ROUND: &str = "flows";
/// The one that a change begins, and the one for who was late.
const ROUNDS: u8 = 2;

const CHANGES: &str = "changes";

/// How often policies have changed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Changes {
    count: u64,
}

impl Stored for Changes {
    const KIND: Kind = Kind::DataPolicyRound;

    fn id(&self) -> &str {
        CHANGES
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

/// How far all flows have been looked through.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Round {
    /// The change that it is for.
    change: u64,
    rounds_left: u8,
    /// The name of the flow that was looked at last.
    after: Option<String>,
    /// Ticks: nobody goes on before.
    due: i64,
}

impl Stored for Round {
    const KIND: Kind = Kind::DataPolicyRound;

    fn id(&self) -> &str {
        ROUND
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl App {
    /// Makes a change of policies, after which all flows are looked through.
    pub(super) async fn apply_policies(
        &self,
        caller: &Caller,
        change: Change,
    ) -> Result<(), AppError> {
        let found = self.get::<Changes>(CHANGES).await?;
        let mut changes = found.unwrap_or_else(|| Known::new(Changes::default()));
        changes.count += 1;
        let done = self.apply(caller, change.put(&changes)?).await;
        self.data_policies.forget();
        self.data_policies.changed.notify_one();
        done.map(|_| ())
    }

    /// Looks through flows whenever a policy has changed, on this node or another.
    pub async fn run_data_policies(self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(DATA_POLICIES_EVERY) => {}
                () = self.data_policies.changed.notified() => {}
            }
            while !self.engine.is_paused() && !self.engine.is_closing() {
                match self.look_through_flows().await {
                    Ok(true) => {}
                    Ok(false) => break,
                    // another node goes on, or another policy has changed
                    Err(error) if error.kind == ErrorKind::Conflict => break,
                    Err(error) => {
                        tracing::warn!(message = %error.message, "flows were not looked through for data policies");
                        break;
                    }
                }
            }
        }
    }

    /// One step; whether there is more to do now.
    pub async fn look_through_flows(&self) -> Result<bool, AppError> {
        let Some(changes) = self.get::<Changes>(CHANGES).await? else { return Ok(false) };
        let found = self.get::<Round>(ROUND).await?;
        let mut round = found.unwrap_or_else(|| Known::new(Round::default()));
        let now = self.engine.clock.now();
        if round.change != changes.count {
            round.value =
                Round { change: changes.count, rounds_left: ROUNDS, after: None, due: now };
        }
        if round.rounds_left == 0 || round.due > now {
            return Ok(false);
        }
        // should this node end now, another goes on later
        round.due = now + DATA_POLICY_CLAIM_SECONDS * SECOND;
        self.apply(&system(), Change::default().put(&round)?).await?;
        self.data_policies.forget();
        let store = &self.engine.store;
        let rows =
            store.workflows(None, round.after.as_deref(), DATA_POLICY_FLOWS_PER_STEP).await?;
        let last = rows.last().map(|row| row.name.clone());
        for row in rows {
            self.look_at_flow(row).await?;
        }
        let Some(mut fresh) = self.get::<Round>(ROUND).await? else { return Ok(false) };
        if fresh.change != round.change {
            return Ok(true);
        }
        fresh.due = self.engine.clock.now();
        if last.is_none() {
            fresh.rounds_left = fresh.rounds_left.saturating_sub(1);
            fresh.due += DATA_POLICY_SETTLE_SECONDS * SECOND;
        }
        fresh.after = last;
        self.apply(&system(), Change::default().put(&fresh)?).await?;
        Ok(fresh.after.is_some())
    }

    /// Holds a flow or lets go of it, as the policies say now.
    async fn look_at_flow(&self, mut row: WorkflowRow) -> Result<(), AppError> {
        for _ in 0..CHANGE_TRIES_MAX {
            if FlowState::from_number(row.state) == FlowState::Deleted {
                return Ok(());
            }
            match self.police_stored(&row).await {
                Err(error) if error.kind == ErrorKind::Conflict => {}
                Err(error) if error.kind == ErrorKind::Internal => {
                    let flow = id_to_guid(&row.id);
                    tracing::warn!(%flow, message = %error.message, "a flow was not looked at for data policies");
                    return Ok(());
                }
                done => return done,
            }
            match self.engine.store.workflow_by_id(&row.id).await? {
                Some(fresh) => row = fresh,
                None => return Ok(()),
            }
        }
        // the second round finds it
        Ok(())
    }

    async fn police_stored(&self, row: &WorkflowRow) -> Result<(), AppError> {
        let mut facts = self.facts(row).await?;
        let before = facts.suspension.clone();
        let mut changed = row.clone();
        self.police(&mut changed, &mut facts, None).await?;
        if facts.suspension == before {
            return Ok(());
        }
        changed.changed = self.engine.clock.now();
        let state = |row: &WorkflowRow| FlowState::from_number(row.state).name();
        let (operation, detail) = match &facts.suspension {
            Some(it) => (
                "SuspendFlow",
                json!({"before": state(row), "reason": it.reason.name(), "message": it.message}),
            ),
            None => (
                "LiftFlowSuspension",
                json!({"lifted": before.map(|it| it.reason.name()), "after": state(&changed)}),
            ),
        };
        let change = Change::default().update_flow(changed, None).put(&facts)?;
        self.apply(&system(), change.audit(operation, &row.id, &detail)).await?;
        self.engine.store.hint(store::Hint::Flow(row.id.clone()));
        let Some(entry) = self.engine.catalog.refresh(&row.id).await? else { return Ok(()) };
        self.align_trigger(entry).await.map(|_| ())
    }
}

fn system() -> Caller {
    Caller::root("server")
}
