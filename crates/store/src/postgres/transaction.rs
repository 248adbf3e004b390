//! Doing what was queued in one transaction, until it is certain what became of it.
//!
//! Invariant: nothing is answered with success before the database has said that the
//! transaction is durable, and nothing is answered with a failure that may be durable,
//! except as unknown.

use super::address::{Db, within};
use super::column::{Call, all, partition, pipeline};
use super::fault::Fault;
use super::job::{Edit, Group};
use super::lease;
use super::link::{Link, Outcome};
use super::round::{self, Item};
use crate::{Committed, StoreError, limits};
use durable::{Epoch, Partition};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio_postgres::Row;

/// What became of each group.
type Answers = Vec<Result<Vec<Committed>, StoreError>>;

/// How a job guards what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// A fault undoes the whole transaction: fast, and right while there is none.
    Plain,
    /// A fault undoes only what belongs together.
    Savepoints,
}

/// Why there is no answer yet.
enum Trouble {
    /// Nothing is durable.
    Undone(Fault),
    /// The commit was sent and no answer came. What would be answered if it is durable.
    Unanswered(Answers),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Trouble::Undone(fault)
    }
}

/// What is done in a transaction.
pub(super) enum Task<'a> {
    Groups(&'a [Group]),
    Edit(&'a mut dyn Edit),
}

/// Does groups together, or an edit alone, which has no answers besides its own.
pub(super) async fn transact(link: &mut Link, mut task: Task<'_>) -> Result<Answers, StoreError> {
    let (mut care, mut meetings, mut losses) = (Care::Plain, 0, 0);
    loop {
        let fault = match attempt(link, &mut task, care).await {
            Ok(answers) => return Ok(answers),
            Err(Trouble::Undone(fault)) => fault,
            Err(Trouble::Unanswered(answers)) => match link.resolve().await {
                Outcome::Durable => return Ok(answers),
                Outcome::Undone => Fault::gone("the connection was lost"),
                Outcome::Unknown => {
                    let text = "the connection was lost while a commit went on".to_owned();
                    return Err(StoreError::Unknown(text));
                }
            },
        };
        if fault.is_gone() {
            losses += 1;
            if losses <= limits::LOSSES_MAX && link.pause().await {
                continue;
            }
        } else if fault.is_meeting() && meetings < limits::MEETINGS_MAX {
            meetings += 1;
            continue;
        } else if fault.is_alone() && care == Care::Plain && matches!(task, Task::Groups(_)) {
            care = Care::Savepoints;
            continue;
        }
        return Err(fault.into());
    }
}

async fn attempt(link: &mut Link, task: &mut Task<'_>, care: Care) -> Result<Answers, Trouble> {
    let (writer, number) = (link.writer, link.count());
    let db = link.db().await?;
    let done = match task {
        Task::Groups(groups) => commit_groups(db, (writer, number), groups, care).await,
        Task::Edit(edit) => commit_edit(db, (writer, number), *edit).await,
    };
    if let Err(Trouble::Undone(fault)) = &done
        && (fault.is_gone()
            || within(async { Ok(db.batch_execute("ROLLBACK").await?) }).await.is_err())
    {
        link.lose();
    }
    done
}

async fn commit_edit(db: &Db, number: (i64, i64), edit: &mut dyn Edit) -> Result<Answers, Trouble> {
    within(async {
        enter(db, number, Vec::new()).await?;
        edit.run(db).await
    })
    .await?;
    commit(db, Vec::new(), &[]).await
}

async fn commit_groups(
    db: &Db,
    number: (i64, i64),
    groups: &[Group],
    care: Care,
) -> Result<Answers, Trouble> {
    let items: Vec<&Item> = groups.iter().flat_map(|group| &group.items).collect();
    let leased = |item: &&Item| match item {
        Item::Commit(commit) => commit.epoch.map(|_| partition(&commit.batch.process)),
        Item::Send(_) => None,
    };
    let partitions: BTreeSet<i16> = items.iter().filter_map(leased).collect();
    let partitions = partitions.into_iter().collect();
    let epochs = within(async { lease::epochs(&enter(db, number, partitions).await?) }).await?;
    match care {
        Care::Plain => commit_together(db, groups, &items, &epochs).await,
        Care::Savepoints => {
            let answers = within(async {
                let mut answers = Vec::with_capacity(groups.len());
                for group in groups {
                    answers.push(group_alone(db, group, &epochs).await?);
                }
                Ok(answers)
            })
            .await?;
            commit(db, answers, &[]).await
        }
    }
}

/// Begins a transaction, says which it is, and holds the leases that it needs.
async fn enter(db: &Db, number: (i64, i64), partitions: Vec<i16>) -> Result<Vec<Row>, Fault> {
    let enter = lease::enter(number.0, number.1, partitions);
    let (begun, entered) = tokio::join!(biased; db.batch_execute("BEGIN"), enter.rows(db));
    begun?;
    entered
}

/// Refuses what was computed under an epoch that is past.
fn fence(items: &[&Item], epochs: &HashMap<Partition, Epoch>) -> Vec<Option<Committed>> {
    let is_past = |item: &&Item| match item {
        Item::Commit(commit) => commit
            .epoch
            .is_some_and(|epoch| epochs.get(&commit.batch.process.partition()) != Some(&epoch)),
        Item::Send(_) => false,
    };
    items.iter().map(|item| is_past(item).then_some(Committed::Fenced)).collect()
}

/// All items in as few rounds as they allow. When it is known what will be answered, the
/// commit is sent along with the last statements.
async fn commit_together(
    db: &Db,
    groups: &[Group],
    items: &[&Item],
    epochs: &HashMap<Partition, Epoch>,
) -> Result<Answers, Trouble> {
    let mut refused = fence(items, epochs);
    let rounds = round::rounds(items);
    let mut verdicts = Vec::with_capacity(items.len());
    for (at, range) in rounds.iter().enumerate() {
        let (items, refused) = (&items[range.clone()], &mut refused[range.clone()]);
        within(round::guard(db, items, refused)).await?;
        let rest = round::rest(items, refused)?;
        if at + 1 == rounds.len() && !round::delivers(items, refused) {
            verdicts.extend(round::verdicts(items, refused, &[])?);
            return commit(db, split(groups, verdicts), &rest).await;
        }
        let answers = within(all(db, &rest)).await?;
        verdicts.extend(round::verdicts(items, refused, &answers)?);
    }
    commit(db, split(groups, verdicts), &[]).await
}

/// The last statements and the commit, in one go.
async fn commit(db: &Db, answers: Answers, calls: &[Call<'_>]) -> Result<Answers, Trouble> {
    let limit = Duration::from_millis(limits::ANSWER_WAIT_MS);
    match tokio::time::timeout(limit, pipeline(db, calls, Some("COMMIT"))).await {
        Ok((_, Ok(()))) => Ok(answers),
        Ok((_, Err(fault))) if !fault.is_gone() => Err(Trouble::Undone(fault)),
        Ok(_) | Err(_) => Err(Trouble::Unanswered(answers)),
    }
}

/// A group of which nothing stays when one of its items has a fault.
async fn group_alone(
    db: &Db,
    group: &Group,
    epochs: &HashMap<Partition, Epoch>,
) -> Result<Result<Vec<Committed>, StoreError>, Fault> {
    db.batch_execute("SAVEPOINT whole").await?;
    let mut verdicts = Vec::with_capacity(group.items.len());
    for item in &group.items {
        match item_alone(db, item, epochs).await {
            Ok(verdict) => verdicts.push(verdict),
            Err(fault) if fault.is_alone() => {
                db.batch_execute("ROLLBACK TO whole; RELEASE whole").await?;
                return Ok(Err(fault.into()));
            }
            Err(fault) => return Err(fault),
        }
    }
    db.batch_execute("RELEASE whole").await?;
    Ok(Ok(verdicts))
}

/// An item of which nothing stays when a row of it is there already.
async fn item_alone(
    db: &Db,
    item: &Item,
    epochs: &HashMap<Partition, Epoch>,
) -> Result<Committed, Fault> {
    db.batch_execute("SAVEPOINT part").await?;
    let items = [item];
    let doing = async {
        let mut refused = fence(&items, epochs);
        round::guard(db, &items, &mut refused).await?;
        let answers = all(db, &round::rest(&items, &refused)?).await?;
        round::verdicts(&items, &refused, &answers)
    };
    match doing.await {
        Ok(verdicts) => {
            db.batch_execute("RELEASE part").await?;
            verdicts.into_iter().next().ok_or_else(|| Fault::corrupt("a verdict"))
        }
        Err(fault) if fault.is_constraint() => {
            db.batch_execute("ROLLBACK TO part; RELEASE part").await?;
            Ok(Committed::Stale)
        }
        Err(fault) => Err(fault),
    }
}

/// Gives each group the verdicts of its items.
fn split(groups: &[Group], verdicts: Vec<Committed>) -> Answers {
    let mut verdicts = verdicts.into_iter();
    groups.iter().map(|group| Ok(verdicts.by_ref().take(group.items.len()).collect())).collect()
}
