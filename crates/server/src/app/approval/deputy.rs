//! Deputies: who answers for somebody who is away.

use super::people::Party;
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::directory::User;
use crate::app::error::AppError;
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::limits::DEPUTIES_FOR_MAX;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
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

/// A deputy with who people are.
pub struct DeputyView {
    pub deputy: Deputy,
    /// Who is away, by the object id.
    pub people: BTreeMap<String, Party>,
    pub is_active: bool,
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
    pub async fn list_deputized(&self, caller: &Caller) -> Result<Vec<DeputyView>, AppError> {
        self.permit(caller, Operation::ListApprovals)?;
        let found = self.list(BY_DEPUTY, &[caller.id()], None, DEPUTIES_FOR_MAX).await?;
        self.deputy_views(found.rows).await
    }

    /// Who answers for the caller.
    pub async fn get_deputy(&self, caller: &Caller) -> Result<Option<DeputyView>, AppError> {
        self.permit(caller, Operation::ListApprovals)?;
        let known = self.get::<Deputy>(caller.id()).await?;
        Ok(self.deputy_views(known.into_iter().collect()).await?.pop())
    }

    async fn deputy_views(
        &self,
        deputies: Vec<Known<Deputy>>,
    ) -> Result<Vec<DeputyView>, AppError> {
        let named = deputies.iter().flat_map(|it| [it.user.clone(), it.deputy.clone()]);
        let users = self.get_many::<User>(named.collect()).await?;
        let now = self.engine.clock.now();
        let view = |Known { value: deputy, .. }: Known<Deputy>| {
            let is_named = |user: &&Known<User>| [&deputy.user, &deputy.deputy].contains(&&user.id);
            let people = users.iter().filter(is_named);
            let people = people.map(|user| (user.id.clone(), Party::of(user))).collect();
            DeputyView { is_active: deputy.counts_at(now), deputy, people }
        };
        Ok(deputies.into_iter().map(view).collect())
    }

    /// Says who answers for the caller.
    pub async fn set_deputy(
        &self,
        caller: &Caller,
        deputy: &str,
        (from, until): (Option<i64>, Option<i64>),
    ) -> Result<DeputyView, AppError> {
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
        let view = self.deputy_views(vec![stored]).await?.pop();
        view.ok_or_else(|| AppError::internal("a deputy that was just set is gone"))
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
