//! Deadlines in business days: when all has come to rest, one node's clock is put to just
//! before them and then to them.

use crate::approving;
use crate::node::{Node, Shared};
use crate::random::Random;
use durable::Ticks;
use flow::run::format_time;
use governance::calendar::Calendar;
use serde_json::json;
use server::app::App;
use server::app::approval::{AnswerInput, ApprovalInput, ApprovalType, Asking};
use server::auth::caller::Caller;
use server::clock::SECOND;
use std::collections::BTreeSet;

const DAY: Ticks = 864_000_000_000;

/// Days that may be holidays.
const DAYS: i64 = 12;

/// Approvals that are asked for.
const APPROVALS: u64 = 3;

/// The calendar of the world.
struct Days {
    workdays: BTreeSet<i8>,
    holidays: BTreeSet<String>,
}

impl Days {
    fn choose(random: &mut Random, now: Ticks) -> Days {
        let mut workdays: BTreeSet<i8> = (1..=7).filter(|_| random.in_thousand(700)).collect();
        workdays.insert(1 + random.below(7) as i8);
        let days = (0..DAYS).filter(|_| random.in_thousand(350));
        let holidays = days.map(|day| date_of(now + day * DAY)).collect();
        Days { workdays, holidays }
    }

    /// The same time so many days of work later, counted day by day.
    fn after(&self, now: Ticks, mut count: u32) -> Ticks {
        let mut at = now;
        while count > 0 {
            at += DAY;
            // the first day of all was a Monday
            let weekday = (at / DAY).rem_euclid(7) as i8 + 1;
            let works = self.workdays.contains(&weekday) && !self.holidays.contains(&date_of(at));
            count -= u32::from(works);
        }
        at
    }
}

fn date_of(at: Ticks) -> String {
    format_time(at).get(..10).unwrap_or_default().to_owned()
}

/// Looks whether deadlines come when the calendar says, and count from then on.
pub async fn audit(shared: &Shared, node: &Node, random: &mut Random) {
    let mut problems = Vec::new();
    let (app, server) = (&node.app, Caller::root("simulation"));
    let days = Days::choose(random, app.engine.clock.now());
    let calendar = Calendar {
        workdays: days.workdays.clone(),
        holidays: days.holidays.clone(),
        ..Calendar::default()
    };
    if let Err(error) = app.set_calendar(&server, "default", "default", calendar).await {
        problems.push(format!("the calendar was not set: {}", error.message));
    }
    let mut asked = Vec::new();
    for number in 0..APPROVALS {
        let count = 1 + random.below(6) as u32;
        match ask(app, &server, (number, count)).await {
            Ok((id, now)) => asked.push((days.after(now, count), id)),
            Err(message) => problems.push(message),
        }
    }
    asked.sort();
    for (due, id) in asked {
        for at in [due - SECOND, due + SECOND] {
            let seconds = (at - app.engine.clock.now()).div_euclid(SECOND);
            node.jump(seconds.max(0));
            // another one may have been due at nearly the same moment
            let expected = (app.engine.clock.now() >= due).then_some("Reject");
            let seen = app.see_to_approvals().await;
            let record = approving::approvals(shared).into_iter().find(|it| it.id == id);
            let outcome = record.as_ref().and_then(|it| it.outcome());
            if outcome != expected || seen.is_err() {
                let at = format_time(at);
                problems.push(format!("at {at} the outcome of {id} is {outcome:?}, {expected:?}"));
            }
        }
        if app.answer_approval(&approving::caller("ada"), &id, answer()).await.is_ok() {
            problems.push(format!("an answer to {id} counted after its deadline"));
        }
    }
    let mut truth = shared.truth.lock();
    problems.into_iter().for_each(|problem| truth.watch.violation(problem));
}

/// Asks for an approval within so many business days; its id, and when it was asked.
async fn ask(
    app: &App,
    server: &Caller,
    (number, days): (u64, u32),
) -> Result<(String, Ticks), String> {
    let deadline = json!({"after": {"amount": days, "unit": "BusinessDays"}});
    let input =
        json!({"title": format!("day {number}"), "assignedTo": "ada", "deadline": deadline});
    let input: ApprovalInput = serde_json::from_value(input).map_err(|it| it.to_string())?;
    let asking = Asking::by_hand(ApprovalType::Basic, input);
    let made = app.create_approval(server, "default", asking).await;
    let made = made.map_err(|error| format!("nothing was asked: {}", error.message))?;
    Ok((made.id.clone(), made.created))
}

fn answer() -> AnswerInput {
    AnswerInput {
        assignee: None,
        option: "Approve".to_owned(),
        comments: None,
        via: governance::approval::Via::Api,
    }
}
