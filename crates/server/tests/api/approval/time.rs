//! What time does to approvals: reminders, escalations, deadlines, absences.

use crate::login::house::{House, Plan, root};
use serde_json::{Value, json};
use server::app::approval::{ApprovalInput, ApprovalType, ApprovalView, Asking};
use server::app::connector::throttle::ConnectorLimits;
use server::auth::caller::Caller;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A house whose time stands still, with Ada and Bob in it.
struct Clockwork {
    house: House,
    ada: Caller,
    bob: Caller,
}

impl Clockwork {
    async fn open() -> Clockwork {
        let plan = Plan { limits: Some(ConnectorLimits::default()), ..Plan::default() };
        let house = House::build(plan).await;
        let mut people = Vec::new();
        for name in ["ada", "bob"] {
            let user = house.user(name, Vec::new()).await;
            people.push(Caller::person(&user.id, Vec::new(), Vec::new()));
        }
        let [ada, bob] = <[Caller; 2]>::try_from(people).expect("two");
        Clockwork { house, ada, bob }
    }

    async fn ask(&self, approval_type: ApprovalType, more: Value) -> String {
        let mut body = json!({"title": "Buy", "assignedTo": "ada@example.org"});
        for (member, value) in more.as_object().expect("members") {
            body[member] = value.clone();
        }
        let input: ApprovalInput = serde_json::from_value(body).expect("an input");
        let asking = Asking::by_hand(approval_type, input);
        let made = self.house.app.create_approval(&self.bob, "default", asking).await;
        made.expect("an approval").id.clone()
    }

    /// Lets time pass, and what it brings be done.
    async fn pass(&self, seconds: i64) {
        self.house.pass(seconds);
        self.house.app.see_to_approvals().await.expect("a round");
    }

    async fn view(&self, id: &str) -> ApprovalView {
        self.house.app.get_approval(&root(), id).await.expect("an approval")
    }

    async fn events(&self, id: &str) -> Vec<String> {
        let view = self.view(id).await;
        let name = |it| serde_json::to_value(it).expect("JSON")["event"].clone();
        let history = view.record.state.history().iter().map(|it| name(&it.what));
        history.map(|it| it.as_str().expect("a name").to_owned()).collect()
    }

    async fn outcome(&self, id: &str) -> Option<String> {
        self.view(id).await.record.outcome().map(str::to_owned)
    }
}

#[tokio::test]
async fn a_deadline_decides() {
    let clock = Clockwork::open().await;
    let after = json!({"amount": 3, "unit": "Hours"});
    let id = clock.ask(ApprovalType::Basic, json!({"deadline": {"after": after}})).await;
    let kind = json!({"deadline": {"after": after, "outcome": "Approve"}});
    let other = clock.ask(ApprovalType::Basic, kind).await;
    clock.pass(3 * HOUR - 1).await;
    assert_eq!(clock.outcome(&id).await, None);
    clock.pass(1).await;
    assert_eq!(clock.outcome(&id).await.as_deref(), Some("Reject"));
    assert_eq!(clock.outcome(&other).await.as_deref(), Some("Approve"));
    let events = clock.events(&id).await;
    assert_eq!(events, ["created", "asked", "deadlinePassed", "withdrawn", "decided"]);
    // an answer after the deadline is late, whether a round has seen to it or not
    let id = clock.ask(ApprovalType::Basic, json!({"deadline": {"after": after}})).await;
    clock.house.pass(3 * HOUR);
    let answer = server::app::approval::AnswerInput {
        assignee: None,
        option: "Approve".to_owned(),
        comments: None,
        via: governance::approval::Via::Api,
    };
    let late = clock.house.app.answer_approval(&clock.ada, &id, answer).await;
    assert_eq!(late.err().map(|it| it.code), Some("ApprovalAlreadyCompleted"));
    assert_eq!(clock.outcome(&id).await.as_deref(), Some("Reject"));
}

#[tokio::test]
async fn what_time_decides_is_in_the_audit() {
    let clock = Clockwork::open().await;
    let after = json!({"amount": 3, "unit": "Hours"});
    let seen = clock.ask(ApprovalType::Basic, json!({"deadline": {"after": after}})).await;
    clock.pass(3 * HOUR).await;
    // and what somebody finds who comes too late
    let late = clock.ask(ApprovalType::Basic, json!({"deadline": {"after": after}})).await;
    clock.house.pass(3 * HOUR);
    let answer = server::app::approval::AnswerInput {
        assignee: None,
        option: "Approve".to_owned(),
        comments: None,
        via: governance::approval::Via::Api,
    };
    assert!(clock.house.app.answer_approval(&clock.ada, &late, answer).await.is_err());
    let filter = store::AuditFilter {
        operation: Some("CompleteApproval".to_owned()),
        rows_max: 10,
        ..store::AuditFilter::default()
    };
    let rows = clock.house.app.engine.store.audit(filter).await.expect("the audit");
    for id in [&seen, &late] {
        let row = rows.iter().find(|it| it.target == *id).expect("an entry");
        let said: Value = serde_json::from_slice(&row.content).expect("JSON");
        let view = clock.view(id).await;
        let end = view.record.state.history().last().expect("an entry").hash.clone();
        assert_eq!((&said["outcome"], &said["evidence"]), (&json!("Reject"), &json!(end)));
        assert_eq!(row.actor, "server");
    }
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn one_round_sees_to_all_that_is_due() {
    let clock = Clockwork::open().await;
    let deadline = json!({"deadline": {"after": {"amount": 1, "unit": "Hours"}}});
    let mut ids = Vec::new();
    for _ in 0..server::limits::APPROVALS_PER_ROUND + 20 {
        ids.push(clock.ask(ApprovalType::Basic, deadline.clone()).await);
    }
    clock.pass(HOUR).await;
    for id in ids {
        assert_eq!(clock.outcome(&id).await.as_deref(), Some("Reject"));
    }
}

#[tokio::test]
async fn reminders_and_escalations_come_in_time() {
    let clock = Clockwork::open().await;
    let id = clock
        .ask(
            ApprovalType::Basic,
            json!({
                "reminder": {"after": {"amount": 1, "unit": "Days"},
                    "every": {"amount": 12, "unit": "Hours"}},
                "escalation": {"after": {"amount": 2, "unit": "Days"}, "to": "bob@example.org",
                    "how": "ReassignTo"},
            }),
        )
        .await;
    clock.pass(DAY).await;
    clock.pass(DAY / 2).await;
    let events = clock.events(&id).await;
    assert_eq!(events, ["created", "asked", "reminded", "reminded"]);
    clock.pass(DAY / 2).await;
    let events = clock.events(&id).await;
    assert!(events.contains(&"escalated".to_owned()), "{events:?}");
    let view = clock.house.app.get_approval(&clock.bob, &id).await.expect("an approval");
    assert_eq!(view.answers_for, [clock.bob.id()]);
    let view = clock.house.app.get_approval(&clock.ada, &id).await.expect("who was asked");
    assert!(view.answers_for.is_empty());
}

#[tokio::test]
async fn whoever_is_told_that_it_takes_long_may_look() {
    let clock = Clockwork::open().await;
    let eve = clock.house.user("eve", Vec::new()).await;
    let eve = Caller::person(&eve.id, Vec::new(), Vec::new());
    let after = json!({"amount": 1, "unit": "Hours"});
    let escalation = json!({"escalation": {"after": after, "to": "eve@example.org"}});
    let id = clock.ask(ApprovalType::Basic, escalation).await;
    let look = async || clock.house.app.get_approval(&eve, &id).await;
    assert!(look().await.is_err(), "before");
    clock.pass(HOUR).await;
    let view = look().await.expect("then");
    assert!(view.answers_for.is_empty() && !view.is_cancellable);
    let answer = server::app::approval::AnswerInput {
        assignee: None,
        option: "Approve".to_owned(),
        comments: None,
        via: governance::approval::Via::Api,
    };
    let refused = clock.house.app.answer_approval(&eve, &id, answer).await;
    assert_eq!(refused.err().map(|it| it.kind), Some(server::app::ErrorKind::Forbidden));
}

#[tokio::test]
async fn business_days_are_those_of_the_calendar() {
    let clock = Clockwork::open().await;
    // every day but the one on which it is asked and the next two
    let now = clock.house.app.engine.clock.now();
    let today = flow::run::format_time(now);
    let days = [1, 2].map(|day| {
        let ticks = now + day * DAY * 10_000_000;
        flow::run::format_time(ticks)[..10].to_owned()
    });
    let calendar = governance::calendar::Calendar {
        workdays: (1..=7).collect(),
        holidays: days.into_iter().collect(),
        ..governance::calendar::Calendar::default()
    };
    clock.house.app.set_calendar(&root(), "default", "default", calendar).await.expect("set");
    let deadline = json!({"deadline": {"after": {"amount": 1, "unit": "BusinessDays"}}});
    let id = clock.ask(ApprovalType::Basic, deadline).await;
    clock.pass(2 * DAY).await;
    assert_eq!(clock.outcome(&id).await, None, "asked at {today}");
    clock.pass(DAY).await;
    assert_eq!(clock.outcome(&id).await.as_deref(), Some("Reject"), "asked at {today}");
}

#[tokio::test]
async fn a_deputy_counts_while_somebody_is_away() {
    let clock = Clockwork::open().await;
    let app = &clock.house.app;
    let id = clock.ask(ApprovalType::Basic, json!({})).await;
    let head = clock.house.user("eve", Vec::new()).await;
    let eve = Caller::person(&head.id, Vec::new(), Vec::new());
    let now = app.engine.clock.now();
    let (from, until) = (now + DAY * 10_000_000, now + 2 * DAY * 10_000_000);
    app.set_deputy(&clock.ada, "eve@example.org", (Some(from), Some(until))).await.expect("set");
    let may = async || app.get_approval(&eve, &id).await.is_ok();
    assert!(!may().await, "before");
    clock.pass(DAY).await;
    assert!(may().await, "then");
    clock.pass(DAY).await;
    assert!(!may().await, "after");
}
