//! Deputies: who answers for somebody who is away.

use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::directory::User;
use crate::app::error::AppError;
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::limits::DEPUTIES_FOR_MAX;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

const BY_DEPUTY: u8 = 1;

/// Who answers for somebody, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deputy {
    /// Object id of who is away.
    user: String,
    /// Object id of who answers.
    pub deputy: String,
    /// Ticks; none: since ever, and for ever.
    pub from: Option<i64>,
    pub until: Option<i64>,
}

impl Stored for Deputy {
    const KIND: Kind = Kind::Deputy;

    fn id(&self) -> &str {
        &self.user
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_DEPUTY, &[&self.deputy])]
    }
}

impl Deputy {
    /// Who is away.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether it counts at a time.
    #[must_use]
    pub fn counts_at(&self, now: i64) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

impl App {
    /// Whom the caller answers for: themselves, and those whose deputy they are now.
    pub(super) async fn stands_for(&self, caller: &Caller) -> Result<Vec<String>, AppError> {
        if caller.kind() != CallerKind::Person {
            return Ok(Vec::new());
        }
        let mut people = vec![caller.id().to_owned()];
        let now = self.engine.clock.now();
        let found = self.list::<Deputy>(BY_DEPUTY, &[caller.id()], None, DEPUTIES_FOR_MAX).await?;
        let counting = found.rows.into_iter().filter(|it| it.counts_at(now));
        people.extend(counting.map(|it| it.value.user));
        Ok(people)
    }

    /// Who is away and has named the caller.
    pub async fn list_deputized(&self, caller: &Caller) -> Result<Vec<Known<Deputy>>, AppError> {
        self.permit(caller, Operation::ListApprovals)?;
        Ok(self.list(BY_DEPUTY, &[caller.id()], None, DEPUTIES_FOR_MAX).await?.rows)
    }

    /// Who answers for the caller.
    pub async fn get_deputy(&self, caller: &Caller) -> Result<Option<Known<Deputy>>, AppError> {
        self.permit(caller, Operation::ListApprovals)?;
        self.get(caller.id()).await
    }

    /// Says who answers for the caller.
    pub async fn set_deputy(
        &self,
        caller: &Caller,
        deputy: &str,
        (from, until): (Option<i64>, Option<i64>),
    ) -> Result<Known<Deputy>, AppError> {
        self.permit(caller, Operation::ManageOwnAccount)?;
        let refused = |message: &str| Err(AppError::invalid("InvalidDeputy", message));
        let Some(user) = self.get::<User>(caller.id()).await? else {
            return refused("Only users have deputies.");
        };
        let deputy = self.existing_user(deputy).await?;
        if deputy.id == user.id {
            return refused("Nobody is their own deputy.");
        }
        if from.zip(until).is_some_and(|(from, until)| until <= from) {
            return refused("The absence ends before it begins.");
        }
        let known = self.get::<Deputy>(&user.id).await?;
        let value = Deputy { user: user.id.clone(), deputy: deputy.id.clone(), from, until };
        let mut stored = known.unwrap_or_else(|| Known::new(value.clone()));
        stored.value = value;
        let detail = json!({"deputy": deputy.id, "from": from, "until": until});
        let change = Change::default().put(&stored)?.audit("SetDeputy", &user.id, &detail);
        self.apply(caller, change).await?;
        Ok(stored)
    }

    /// The caller answers for themselves again.
    pub async fn remove_deputy(&self, caller: &Caller) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageOwnAccount)?;
        let Some(known) = self.get::<Deputy>(caller.id()).await? else { return Ok(()) };
        let change = Change::default().remove(&known);
        let change = change.audit("RemoveDeputy", caller.id(), &json!({}));
        self.apply(caller, change).await.map(|_| ())
    }
}
