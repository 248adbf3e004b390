//! Random approvals against the rules as `ruling` tells them.

use durable::Ticks;
use governance::approval::evidence::verify;
use governance::approval::{
    APPROVE, About, Answer, Approval, Comment, Deadline, Entry, Escalating, Escalation, Input,
    Plan, REJECT, Reassignment, Refusal, Reminder, Rule, Stage, Standing, Tell, Via, What,
};
use governance::calendar::{Span, Unit};
use proptest::prelude::*;
use ruling::{End, Ruling};
use std::collections::BTreeSet;

mod ruling;

const HOUR: Ticks = 36_000_000_000;
const BEGIN: Ticks = 639_000_000_000_000_000;

/// Stages ask the first six; the seventh comes by reassignments and escalations only.
fn person(number: u8) -> String {
    format!("person-{number}")
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![1..12u32, 1..60u32].prop_map(|hours| Span::new(hours, Unit::Hours))
}

/// What is answered, before it is known what can be: the place of an option.
fn place() -> impl Strategy<Value = u8> {
    prop_oneof![6 => Just(0), 3 => Just(1), 2 => Just(2), 1 => Just(u8::MAX)]
}

fn stage() -> impl Strategy<Value = Stage> {
    let rule = prop_oneof![
        1 => Just(Rule::First),
        2 => Just(Rule::All),
        3 => (1..6u32).prop_map(Rule::Quorum),
        2 => Just(Rule::EveryAnswer)
    ];
    let deadline = (span(), 0..3u8)
        .prop_map(|(after, outcome)| Deadline { after, outcome: outcome.to_string() });
    let reminder = (span(), prop::option::of(span()));
    let reminder = reminder.prop_map(|(after, every)| Reminder { after, every });
    let how = prop_oneof![1 => Just(Escalating::Notify), 3 => Just(Escalating::ReassignTo)];
    let to = prop::collection::vec((0..7u8).prop_map(person), 1..4);
    let escalation = (span(), to, how).prop_map(|(after, to, how)| Escalation { after, to, how });
    let assignees = prop::collection::vec((0..6u8).prop_map(person), 1..7);
    let timing = (
        prop::option::weighted(0.3, deadline),
        prop::option::weighted(0.3, reminder),
        prop::option::weighted(0.5, escalation),
    );
    (assignees, rule, timing).prop_map(|(assignees, rule, (deadline, reminder, escalation))| {
        Stage { deadline, reminder, escalation, ..Stage::new(assignees, rule) }
    })
}

/// Approve and Reject, options of one's own of which one approves, or none of which does.
fn plan() -> impl Strategy<Value = Plan> {
    let options = prop_oneof![
        Just((vec![APPROVE, REJECT], Some(APPROVE))),
        Just((vec!["Later", "Yes", "No"], Some("Yes"))),
        Just((vec!["Red", "Green", "Blue"], None))
    ];
    let stages = prop::collection::vec(stage(), 1..4);
    (stages, options, any::<bool>()).prop_map(|(mut stages, (options, approving), reassignable)| {
        if approving.is_none() {
            stages.truncate(1);
        }
        let is_alone = stages.len() == 1;
        for stage in &mut stages {
            stage.rule = match (stage.rule, approving) {
                (Rule::All | Rule::Quorum(_), None) => Rule::EveryAnswer,
                (Rule::EveryAnswer, _) if !is_alone => Rule::All,
                (rule, _) => rule,
            };
            if let Some(deadline) = &mut stage.deadline {
                let place: usize = deadline.outcome.parse().expect("a place");
                deadline.outcome = options[place % options.len()].to_owned();
            }
        }
        Plan {
            options: options.into_iter().map(str::to_owned).collect(),
            approving: approving.map(str::to_owned),
            is_reassignable: reassignable,
            ..Plan::binary(stages)
        }
    })
}

fn input() -> impl Strategy<Value = Input> {
    let comment = |by: &str, number: u8| {
        number
            .is_multiple_of(3)
            .then(|| Comment::new(by, &format!("because of {number}"), [number; 16]))
    };
    let deputy = prop_oneof![
        5 => Just(None),
        1 => Just(Some("deputy".to_owned())),
        2 => (0..7u8).prop_map(|who| Some(person(who)))
    ];
    let answer =
        (0..7u8, deputy, place(), any::<u8>()).prop_map(move |(who, deputy, place, number)| {
            let by = deputy.unwrap_or_else(|| person(who));
            let comment = comment(&by, number);
            let (assignee, option) = (person(who), place.to_string());
            Input::Answer(Answer { assignee, by, option, comment, via: Via::Api })
        });
    let reassign = (0..7u8, 0..7u8, any::<bool>(), any::<u8>()).prop_map(
        move |(from, to, is_forced, number)| {
            let (from, to) = (person(from), person(to));
            let (by, comment) = (from.clone(), comment(&from, number));
            Input::Reassign(Reassignment { from, to, by, comment, is_forced })
        },
    );
    let excuse =
        (0..7u8).prop_map(|who| Input::Excuse { person: person(who), by: "head".to_owned() });
    let cancel = Just(Input::Cancel { by: None, comment: None });
    prop_oneof![60 => answer, 10 => reassign, 8 => excuse, 8 => Just(Input::Clock), 1 => cancel]
}

/// A plan, and after so many hours each what comes to it.
fn course() -> impl Strategy<Value = (Plan, Vec<(Ticks, Input)>)> {
    let hours = prop_oneof![6 => 0..3i64, 2 => 0..12i64, 1 => 0..70i64];
    let inputs = prop::collection::vec((hours, input()), 1..40);
    (plan(), inputs).prop_map(|(plan, mut inputs)| {
        // the first place is that of the option that approves
        let first = plan.options.iter().position(|it| Some(it) == plan.approving.as_ref());
        for (_, input) in &mut inputs {
            if let Input::Answer(Answer { option, .. }) = input {
                let place: usize = option.parse().expect("a place");
                let turned = (place + first.unwrap_or_default()) % plan.options.len();
                *option = match place {
                    0..3 => plan.options[turned].clone(),
                    _ => "Perhaps".to_owned(),
                };
            }
        }
        (plan, inputs)
    })
}

/// An approval, beside it what the rules say of it, and what people have been told.
struct Watched<'a> {
    plan: &'a Plan,
    approval: Approval,
    ruling: Ruling<'a>,
    /// Who has been told to answer, and not that it is over.
    told: BTreeSet<String>,
    /// How much of the history has been read, and the hash of that.
    read: (usize, String),
}

impl<'a> Watched<'a> {
    fn begin(plan: &'a Plan) -> Result<Watched<'a>, TestCaseError> {
        let (approval, tells) = Approval::begin(plan.clone(), BEGIN, "about").expect("a plan");
        let (ruling, told) = (Ruling::new(plan), BTreeSet::new());
        let mut watched = Watched { plan, approval, ruling, told, read: (0, String::new()) };
        prop_assert!(tells.iter().all(|it| it.about == About::Asked));
        watched.follow(tells)?;
        watched.is_as_ruled(BEGIN)?;
        Ok(watched)
    }

    /// The time comes first, by itself: what is due by then is due whatever the input is.
    fn handle(&mut self, now: Ticks, input: &Input) -> Result<(), TestCaseError> {
        let tells = self.approval.handle(now, Input::Clock).0;
        self.follow(tells)?;
        self.is_as_ruled(now)?;

        let expected = self.ruling.expected(input);
        let (mut tells, result) = self.approval.handle(now, input.clone());
        prop_assert_eq!(self.added().first().map(|it| &it.what), expected.as_ref());
        let is_clock = *input == Input::Clock;
        prop_assert_eq!(result.is_ok(), expected.is_some() || is_clock, "{:?}", result);
        // who has answered is not waited for and is not told so
        if let (Input::Answer(it), Ok(())) = (input, &result) {
            tells.insert(0, Tell { person: it.assignee.clone(), about: About::Withdrawn });
        }
        if expected.is_none() {
            prop_assert!(tells.is_empty());
        }
        if !self.approval.is_open() && expected.is_none() && !is_clock {
            let is_late = matches!(result, Err(Refusal::Decided { .. } | Refusal::Cancelled));
            prop_assert!(is_late, "{:?}", result);
        }
        let causes = self.follow(tells)?;
        prop_assert_eq!(causes, usize::from(expected.is_some()));
        self.is_as_ruled(now)
    }

    fn added(&self) -> &[Entry] {
        &self.approval.history()[self.read.0..]
    }

    /// Reads what was added to the history, and what people were told meanwhile.
    fn follow(&mut self, tells: Vec<Tell>) -> Result<usize, TestCaseError> {
        let history = self.approval.history();
        let last = self.read.0.checked_sub(1).map(|it| history[it].hash.as_str());
        prop_assert_eq!(last.unwrap_or_default(), &self.read.1, "history was rewritten");
        let is_new = history.len() > self.read.0;
        let causes = self.ruling.follow(&history[self.read.0..]).map_err(TestCaseError::fail)?;
        self.read = (history.len(), history.last().expect("a beginning").hash.clone());
        for Tell { person, about } in tells {
            let is_right = match about {
                About::Asked => self.told.insert(person),
                About::Withdrawn | About::Cancelled => self.told.remove(&person),
                About::Reminded => self.told.contains(&person),
                About::Escalated => true,
            };
            prop_assert!(is_right, "somebody was told {:?}", about);
        }
        if is_new {
            self.is_readable()?;
        }
        Ok(causes)
    }

    /// The chain holds, and it is read as it was written.
    fn is_readable(&self) -> Result<(), TestCaseError> {
        let approval = &self.approval;
        prop_assert_eq!(verify(approval.history(), approval.comments()), Ok(()));
        let text = serde_json::to_string(approval).expect("JSON");
        prop_assert_eq!(&serde_json::from_str::<Approval>(&text).expect("the same"), approval);
        Ok(())
    }

    /// It stands as the rules say by now, and waits for those whom it should wait for.
    fn is_as_ruled(&self, now: Ticks) -> Result<(), TestCaseError> {
        let (approval, ruling) = (&self.approval, &self.ruling);
        ruling.rest(now).map_err(TestCaseError::fail)?;
        let end = match approval.standing() {
            Standing::Decided { outcome, .. } => Some(End::Decided(outcome.clone())),
            Standing::Cancelled { .. } => Some(End::Cancelled),
            Standing::Open => None,
        };
        prop_assert_eq!(end.as_ref(), ruling.end());
        let open: Vec<&String> = approval.open_tasks().map(|it| &it.assignee).collect();
        prop_assert!(open.iter().copied().eq(ruling.open()), "{:?}", open);
        let waiting: BTreeSet<String> = ruling.open().iter().cloned().collect();
        prop_assert_eq!(&self.told, &waiting, "who was told is who is waited for");
        prop_assert_eq!(approval.stage(), ruling.stage());
        prop_assert!(approval.due().is_none_or(|due| due > now), "nothing due is left");
        let has_ended = ruling.end().is_some();
        prop_assert!(!has_ended || approval.due().is_none());
        if !has_ended {
            let stage = &self.plan.stages[ruling.stage()];
            let mut here = approval.tasks().iter().filter(|it| it.stage == ruling.stage());
            let begun = here.next().expect("somebody is asked").asked;
            let ends = stage.deadline.as_ref().map(|it| self.plan.calendar.after(begun, it.after));
            prop_assert_eq!(approval.deadline(), ends, "a deadline was lost");
        }
        Ok(())
    }
}

fn is_by_the_rules(plan: &Plan, inputs: &[(Ticks, Input)]) -> Result<(), TestCaseError> {
    let (mut watched, mut now) = (Watched::begin(plan)?, BEGIN);
    for (hours, input) in inputs {
        now += hours * HOUR;
        watched.handle(now, input)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn an_outcome_comes_when_it_is_certain_and_the_rules_give_it((plan, inputs) in course()) {
        is_by_the_rules(&plan, &inputs)?;
    }
}

fn people(names: &[&str]) -> Vec<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

fn answer(assignee: &str, by: &str, option: &str) -> Answer {
    let (assignee, by, option) = (assignee.to_owned(), by.to_owned(), option.to_owned());
    Answer { assignee, by, option, comment: None, via: Via::Api }
}

#[test]
fn a_comment_that_is_written_twice_and_what_is_due_at_once_are_by_the_rules() {
    let twice = |assignee: &str, option: &str| {
        let comment = Some(Comment::new("deputy", "because", [0; 16]));
        (0, Input::Answer(Answer { comment, ..answer(assignee, "deputy", option) }))
    };
    let plan = Plan::binary(vec![Stage::new(people(&["a", "b"]), Rule::EveryAnswer)]);
    is_by_the_rules(&plan, &[twice("b", REJECT), twice("a", APPROVE)]).expect("the rules");

    let after = Span::new(1, Unit::Hours);
    let deadline = Some(Deadline { after, outcome: APPROVE.to_owned() });
    for reminder in [None, Some(Reminder { after, every: None })] {
        let first = Stage::new(people(&["a"]), Rule::First);
        let stage = Stage { deadline: deadline.clone(), reminder, ..first };
        let late = (1, Input::Answer(answer("a", "deputy", APPROVE)));
        is_by_the_rules(&Plan::binary(vec![stage]), &[late]).expect("the rules");
    }
}

/// The history of an approval that asks three people: what they answered, and what was written
/// after that.
fn history(answers: &[(&str, &str)], follow: &[What]) -> Vec<Entry> {
    let asked =
        ["a", "b", "c"].map(|assignee| What::Asked { assignee: assignee.to_owned(), stage: 0 });
    let answered = answers.iter().map(|(assignee, option)| {
        let Answer { assignee, by, option, via, .. } = answer(assignee, assignee, option);
        What::Answered { assignee, by, option, comment: None, via }
    });
    let created = What::Created { about: String::new() };
    let whats = [created].into_iter().chain(asked).chain(answered).chain(follow.iter().cloned());
    whats.map(|what| Entry { time: BEGIN, what, hash: String::new() }).collect()
}

#[test]
fn the_ruling_refuses_what_comes_too_early_or_not_at_all() {
    let withdrawn = |assignee: &str| What::Withdrawn { assignee: assignee.to_owned() };
    let decided = |outcome: &str| What::Decided { outcome: outcome.to_owned() };
    let (early, both) = ([("a", APPROVE)], [("a", APPROVE), ("b", APPROVE)]);
    let lost = [("a", REJECT), ("b", REJECT)];
    let all = [("a", APPROVE), ("b", APPROVE), ("c", APPROVE)];
    let (b, c) = (withdrawn("b"), withdrawn("c"));
    type Case<'a> = (Rule, &'a [(&'a str, &'a str)], &'a [What], bool);
    let cases: &[Case<'_>] = &[
        (Rule::All, &early, &[], true),
        (Rule::All, &early, &[b.clone(), c.clone(), decided(APPROVE)], false),
        (Rule::All, &all, &[], false),
        (Rule::All, &all, &[decided(APPROVE)], true),
        (Rule::All, &all, &[decided(REJECT)], false),
        (Rule::Quorum(3), &early, &[b.clone(), c.clone(), decided(APPROVE)], false),
        (Rule::Quorum(3), &both, &[c.clone(), decided(APPROVE)], false),
        (Rule::Quorum(2), &both, &[c.clone(), decided(APPROVE)], true),
        (Rule::Quorum(2), &both, &[decided(APPROVE)], false),
        (Rule::Quorum(2), &both, &[], false),
        (Rule::Quorum(2), &lost, &[], false),
        (Rule::Quorum(2), &lost, &[c.clone(), decided(REJECT)], true),
        (Rule::Quorum(1), &lost, &[c.clone(), decided(REJECT)], false),
        (Rule::EveryAnswer, &both, &[c.clone(), decided("Approve, Approve")], false),
        (Rule::EveryAnswer, &both, &[], true),
        (Rule::First, &early, &[b, c, decided(APPROVE)], true),
        (Rule::First, &early, &[], false),
    ];
    for (rule, answers, follow, is_right) in cases {
        let plan = Plan::binary(vec![Stage::new(people(&["a", "b", "c"]), *rule)]);
        let found = Ruling::new(&plan).follow(&history(answers, follow));
        assert_eq!(found.is_ok(), *is_right, "{rule:?} {answers:?} {follow:?}: {found:?}");
    }
}
