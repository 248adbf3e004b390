//! People who are away while they are asked, and come back: who answers for them, and when.

use crate::node::Shared;
use crate::random::Random;
use durable::Ticks;
use server::app::App;
use server::auth::caller::Caller;
use server::clock::SECOND;
use std::time::Duration;

/// How long somebody waits for a node.
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody may be away: from before they said so until it is certain that they are back.
#[derive(Clone, Debug)]
pub struct Absence {
    pub user: String,
    pub deputy: String,
    /// By the clock on the wall.
    pub from: Ticks,
    pub until: Option<Ticks>,
}

/// Somebody goes away or comes back, at a node; one of their doings at a time.
pub async fn act(shared: Shared, mut random: Random, user: &'static str, deputy: &'static str) {
    if user == deputy || !shared.ledger.lock().is_packing.insert(user.to_owned()) {
        return;
    }
    let app = shared.door(&mut random);
    let who = Caller::person(user, Vec::new(), Vec::new());
    match random.below(5) {
        0..3 => leave(&shared, (&app, &who), deputy, random.below(3)).await,
        _ => back(&shared, &app, &who).await,
    }
    shared.ledger.lock().is_packing.remove(user);
}

async fn leave(shared: &Shared, (app, who): (&App, &Caller), deputy: &str, length: u64) {
    let from = now(shared);
    // for ever, or for so long by the clock of the node
    let seconds = i64::try_from(length).unwrap_or(0) * 40;
    let until = (seconds > 0).then(|| app.engine.clock.now() + seconds * SECOND);
    let apart = i64::try_from(shared.clocks_apart().as_secs()).unwrap_or(i64::MAX / SECOND);
    // whichever node looks at its clock, now or later
    let latest = until.map(|until| until + (apart + JUMPS_SECONDS_MAX) * SECOND);
    let user = who.id().to_owned();
    let deputy = deputy.to_owned();
    let absence = Absence { user, deputy: deputy.clone(), from, until: latest };
    shared.ledger.lock().absences.push(absence);
    let setting = app.set_deputy(who, &deputy, (None, until));
    if let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, setting).await {
        // what was said before counts no more
        end(shared, who, Some(from));
    }
}

/// How far clocks may still be put forward or back, all together.
const JUMPS_SECONDS_MAX: i64 = 600;

async fn back(shared: &Shared, app: &App, who: &Caller) {
    let coming = app.remove_deputy(who);
    if let Ok(Ok(())) = tokio::time::timeout(PATIENCE, coming).await {
        end(shared, who, None);
    }
}

/// It is certain now that absences are over: all, or those that began before one.
fn end(shared: &Shared, who: &Caller, but: Option<Ticks>) {
    let now = now(shared);
    let mut ledger = shared.ledger.lock();
    let theirs = ledger.absences.iter_mut().filter(|it| it.user == who.id());
    for absence in theirs.filter(|it| Some(it.from) != but) {
        absence.until = Some(absence.until.map_or(now, |until| until.min(now)));
    }
}

/// The moment by the clock on the wall.
#[must_use]
pub fn now(shared: &Shared) -> Ticks {
    shared.truth.lock().now()
}

/// Whether a deputy may have answered in a span.
#[must_use]
pub fn was_away(shared: &Shared, (user, deputy): (&str, &str), (from, to): (Ticks, Ticks)) -> bool {
    let ledger = shared.ledger.lock();
    let mut theirs = ledger.absences.iter().filter(|it| it.user == user && it.deputy == deputy);
    theirs.any(|it| it.from <= to && it.until.is_none_or(|until| until >= from))
}
