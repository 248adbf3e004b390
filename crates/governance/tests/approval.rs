//! Random approvals against rules that are written a second time, from the history alone.

use governance::approval::evidence::verify;
use governance::approval::{
    APPROVE, About, Answer, Approval, Comment, Deadline, Escalating, Escalation, Input, Plan,
    REJECT, Reassignment, Refusal, Reminder, Rule, Stage, Standing, Tell, Via, What,
};
use governance::calendar::{Span, Unit};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const HOUR: i64 = 36_000_000_000;
const BEGIN: i64 = 639_000_000_000_000_000;

fn person(number: u8) -> String {
    format!("person-{}", number % 6)
}

fn span() -> impl Strategy<Value = Span> {
    (1..40u32).prop_map(|hours| Span::new(hours, Unit::Hours))
}

fn stage() -> impl Strategy<Value = Stage> {
    let rule = prop_oneof![
        Just(Rule::First),
        Just(Rule::All),
        (1..5u32).prop_map(Rule::Quorum),
        Just(Rule::EveryAnswer)
    ];
    let outcome = prop_oneof![Just(APPROVE), Just(REJECT)];
    let deadline = prop::option::of(
        (span(), outcome)
            .prop_map(|(after, outcome)| Deadline { after, outcome: outcome.to_owned() }),
    );
    let reminder = prop::option::of(
        (span(), prop::option::of(span())).prop_map(|(after, every)| Reminder { after, every }),
    );
    let how = prop_oneof![Just(Escalating::Notify), Just(Escalating::ReassignTo)];
    let to = prop::collection::vec((0..6u8).prop_map(person), 1..3);
    let escalation = prop::option::of((span(), to, how).prop_map(|(after, to, how)| Escalation {
        after,
        to,
        how,
    }));
    let assignees = prop::collection::vec((0..6u8).prop_map(person), 1..6);
    (assignees, rule, deadline, reminder, escalation).prop_map(
        |(assignees, rule, deadline, reminder, escalation)| Stage {
            deadline,
            reminder,
            escalation,
            ..Stage::new(assignees, rule)
        },
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    (prop::collection::vec(stage(), 1..4), any::<bool>()).prop_map(|(mut stages, reassignable)| {
        if stages.len() > 1 {
            for stage in stages.iter_mut().filter(|it| it.rule == Rule::EveryAnswer) {
                stage.rule = Rule::All;
            }
        }
        Plan { is_reassignable: reassignable, ..Plan::binary(stages) }
    })
}

fn input() -> impl Strategy<Value = Input> {
    let comment = |by: &str, number: u8| {
        number
            .is_multiple_of(3)
            .then(|| Comment::new(by, &format!("because of {number}"), [number; 16]))
    };
    let answer = (0..6u8, 0..9u8, any::<u8>()).prop_map(move |(who, what, number)| {
        let by = if number % 7 == 0 { "deputy".to_owned() } else { person(who) };
        let option = match what {
            0..5 => APPROVE,
            5..8 => REJECT,
            _ => "Perhaps",
        };
        let comment = comment(&by, number);
        Input::Answer(Answer {
            assignee: person(who),
            by,
            option: option.to_owned(),
            comment,
            via: Via::Api,
        })
    });
    let reassign = (0..6u8, 0..7u8, any::<bool>(), any::<u8>()).prop_map(
        move |(from, to, is_forced, number)| {
            Input::Reassign(Reassignment {
                from: person(from),
                to: if to == 6 { "another".to_owned() } else { person(to) },
                by: person(from),
                comment: comment(&person(from), number),
                is_forced,
            })
        },
    );
    let cancel = Just(Input::Cancel { by: None, comment: None });
    let excuse =
        (0..6u8).prop_map(|who| Input::Excuse { person: person(who), by: "head".to_owned() });
    prop_oneof![12 => answer, 3 => reassign, 1 => cancel, 1 => excuse, 3 => Just(Input::Clock)]
}

/// What the rules say of a history: stage by stage, from the beginning.
fn outcome_of(plan: &Plan, history: &[What]) -> Option<String> {
    let (mut number, mut asked, mut answers) =
        (0, Vec::<String>::new(), Vec::<(String, String)>::new());
    let (mut passed, mut excused, mut spoke) = (None, BTreeSet::new(), Vec::<String>::new());
    for what in history {
        match what {
            What::Asked { assignee, stage } => {
                assert_eq!(*stage, number);
                assert!(!asked.contains(assignee), "asked twice at a time");
                assert!(!excused.contains(assignee), "asked who was excused");
                asked.push(assignee.clone());
            }
            What::Answered { assignee, option, by, .. } => {
                assert!(asked.contains(assignee), "answered without being asked");
                let counts_people = matches!(plan.stages[number].rule, Rule::Quorum(_));
                assert!(!counts_people || !spoke.contains(by), "one person is several");
                spoke.push(by.clone());
                asked.retain(|it| it != assignee);
                answers.push((assignee.clone(), option.clone()));
            }
            What::Reassigned { from, to, by, .. } => {
                asked.retain(|it| it != from);
                // only who administers has somebody asked who was excused
                let was_excused = excused.remove(to);
                assert!(by.is_some() || !was_excused, "an escalation to who was excused");
            }
            What::Excused { assignee, .. } => {
                excused.insert(assignee.clone());
            }
            What::Withdrawn { assignee } => asked.retain(|it| it != assignee),
            What::DeadlinePassed { outcome } => passed = Some(outcome.clone()),
            What::StagePassed { stage } => {
                assert_eq!(*stage, number);
                let found =
                    passed.take().or_else(|| by_rule(plan.stages[number].rule, &asked, &answers));
                assert_eq!(found.as_deref(), Some(APPROVE));
                (number, asked, answers) = (number + 1, Vec::new(), Vec::new());
                spoke.clear();
            }
            What::Decided { .. } => {
                return passed.or_else(|| by_rule(plan.stages[number].rule, &asked, &answers));
            }
            What::Created { .. }
            | What::Reminded { .. }
            | What::Escalated { .. }
            | What::Cancelled { .. } => {}
        }
    }
    None
}

fn by_rule(rule: Rule, open: &[String], answers: &[(String, String)]) -> Option<String> {
    let count = |wanted: &str| answers.iter().filter(|(_, option)| option == wanted).count();
    match rule {
        Rule::First => answers.first().map(|(_, option)| option.clone()),
        Rule::All if count(REJECT) > 0 => Some(REJECT.to_owned()),
        Rule::All => open.is_empty().then(|| APPROVE.to_owned()),
        // the rest was withdrawn when it ended: what was enough then is enough now
        Rule::Quorum(_) if count(APPROVE) == 0 => Some(REJECT.to_owned()),
        Rule::Quorum(needed) if count(APPROVE) >= needed as usize => Some(APPROVE.to_owned()),
        Rule::Quorum(_) if count(REJECT) == 0 => Some(APPROVE.to_owned()),
        Rule::Quorum(_) => Some(REJECT.to_owned()),
        Rule::EveryAnswer => {
            let options: Vec<&str> = answers.iter().map(|(_, option)| option.as_str()).collect();
            Some(options.join(", "))
        }
    }
}

fn whats(approval: &Approval) -> Vec<What> {
    approval.history().iter().map(|entry| entry.what.clone()).collect()
}

/// Its deadline is that of its stage, its history holds, and it is read as it was written.
fn is_sound(plan: &Plan, approval: &Approval) -> Result<(), TestCaseError> {
    if approval.is_open() {
        let stage = &plan.stages[approval.stage()];
        let mut here = approval.tasks().iter().filter(|it| it.stage == approval.stage());
        let begun = here.next().expect("somebody is asked").asked;
        let ends = stage.deadline.as_ref().map(|it| plan.calendar.after(begun, it.after));
        prop_assert_eq!(approval.deadline(), ends, "a deadline was lost");
    }
    prop_assert_eq!(verify(approval.history(), approval.comments()), Ok(()));
    let text = serde_json::to_string(&approval).expect("JSON");
    prop_assert_eq!(&serde_json::from_str::<Approval>(&text).expect("the same"), approval);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn there_is_one_outcome_and_the_rules_give_it(
        plan in plan(),
        inputs in prop::collection::vec((0..30i64, input()), 1..40),
    ) {
        let begun = Approval::begin(plan.clone(), BEGIN, "about");
        let (mut approval, tells) = begun.expect("a plan");
        prop_assert!(tells.iter().all(|it| it.about == About::Asked));
        let (mut now, mut before) = (BEGIN, None::<Standing>);
        // who has been told to answer, and not that it is over
        let mut open: BTreeMap<String, ()> = BTreeMap::new();
        let mut follow = |tells: Vec<Tell>| {
            for Tell { person, about } in tells {
                match about {
                    About::Asked => assert!(open.insert(person, ()).is_none()),
                    About::Withdrawn | About::Cancelled => assert!(open.remove(&person).is_some()),
                    About::Reminded => assert!(open.contains_key(&person)),
                    About::Escalated => {}
                }
            }
            open.keys().cloned().collect::<Vec<String>>()
        };
        follow(tells);

        for (hours, input) in inputs {
            now += hours * HOUR;
            let (answers, length) = (answers_in(&approval), approval.history().len());
            let answered = match &input {
                Input::Answer(it) => Some(it.assignee.clone()),
                _ => None,
            };
            follow(approval.handle(now, Input::Clock).0);
            let is_over = !approval.is_open();
            let (mut tells, result) = approval.handle(now, input);
            // who has answered is not waited for and is not told so
            if let (Some(person), Ok(())) = (&answered, &result) {
                tells.insert(0, Tell { person: person.clone(), about: About::Withdrawn });
            }
            if is_over {
                prop_assert!(tells.is_empty());
            }
            let told = follow(tells);
            let mut waiting: Vec<String> = approval.open_tasks().map(|it| it.assignee.clone()).collect();
            waiting.sort();
            prop_assert_eq!(&told, &waiting, "who was told is who is waited for");
            if let Some(standing) = &before {
                prop_assert_eq!(standing, approval.standing(), "an outcome changed");
                prop_assert_eq!(length, approval.history().len());
                let is_late = matches!(result, Err(Refusal::Decided { .. } | Refusal::Cancelled));
                prop_assert!(answered.is_none() || is_late);
            }
            let added = answers_in(&approval) - answers;
            prop_assert_eq!(added, usize::from(answered.is_some() && result.is_ok()));
            prop_assert!(approval.due().is_none_or(|due| due > now), "nothing due is left");
            if !approval.is_open() {
                before = Some(approval.standing().clone());
                prop_assert!(approval.due().is_none() && told.is_empty());
            }
            is_sound(&plan, &approval)?;
        }
        let expected = outcome_of(&plan, &whats(&approval));
        let found = match approval.standing() {
            Standing::Decided { outcome, .. } => Some(outcome.clone()),
            Standing::Open | Standing::Cancelled { .. } => None,
        };
        prop_assert_eq!(found, expected);
    }
}

fn answers_in(approval: &Approval) -> usize {
    approval.tasks().iter().filter(|it| it.is_answered()).count()
}

fn answer(approval: &mut Approval, who: &str, option: &str) -> Result<(), Refusal> {
    let (assignee, by, option) = (who.to_owned(), who.to_owned(), option.to_owned());
    let answer = Answer { assignee, by, option, comment: None, via: Via::Api };
    approval.handle(BEGIN, Input::Answer(answer)).1
}

fn begin(plan: Plan) -> Approval {
    Approval::begin(plan, BEGIN, "").expect("a plan").0
}

fn people(names: &[&str]) -> Vec<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

fn outcome(approval: &Approval) -> Option<&str> {
    match approval.standing() {
        Standing::Decided { outcome, .. } => Some(outcome),
        Standing::Open | Standing::Cancelled { .. } => None,
    }
}

#[test]
fn each_rule_decides_when_it_is_certain() {
    let (yes, no) = (APPROVE, REJECT);
    type Case<'a> = (Rule, &'a [(&'a str, &'a str)], Option<&'a str>);
    let cases: &[Case<'_>] = &[
        (Rule::First, &[("a", no)], Some(no)),
        (Rule::First, &[("c", yes)], Some(yes)),
        (Rule::All, &[("a", yes), ("b", yes)], None),
        (Rule::All, &[("a", yes), ("b", no)], Some(no)),
        (Rule::All, &[("a", yes), ("b", yes), ("c", yes)], Some(yes)),
        (Rule::Quorum(2), &[("a", yes), ("b", no)], None),
        (Rule::Quorum(2), &[("a", yes), ("b", no), ("c", yes)], Some(yes)),
        (Rule::Quorum(2), &[("a", no), ("b", no)], Some(no)),
        (Rule::Quorum(1), &[("a", no), ("b", yes)], Some(yes)),
        // of three who are asked, five are three
        (Rule::Quorum(5), &[("a", yes), ("b", yes), ("c", yes)], Some(yes)),
        (Rule::Quorum(5), &[("a", no)], Some(no)),
        (Rule::EveryAnswer, &[("c", yes), ("a", no)], None),
        (Rule::EveryAnswer, &[("c", yes), ("a", no), ("b", yes)], Some("Approve, Reject, Approve")),
    ];
    for (rule, answers, expected) in cases {
        let stage = Stage::new(people(&["a", "b", "c", "a"]), *rule);
        let mut approval = begin(Plan::binary(vec![stage]));
        for (who, option) in *answers {
            assert_eq!(answer(&mut approval, who, option), Ok(()), "{rule:?} {answers:?}");
        }
        assert_eq!(outcome(&approval), *expected, "{rule:?} {answers:?}");
    }
}

#[test]
fn stages_follow_each_other_while_they_approve() {
    let stages =
        |names: &[&str]| names.iter().map(|it| Stage::new(people(&[it]), Rule::First)).collect();
    let mut approval = begin(Plan::binary(stages(&["a", "b"])));
    assert_eq!(answer(&mut approval, "b", APPROVE), Err(Refusal::NotYet));
    assert_eq!(answer(&mut approval, "a", APPROVE), Ok(()));
    assert_eq!((approval.stage(), outcome(&approval)), (1, None));
    assert_eq!(answer(&mut approval, "a", APPROVE), Err(Refusal::NotAsked));
    assert_eq!(answer(&mut approval, "b", REJECT), Ok(()));
    assert_eq!(outcome(&approval), Some(REJECT));
    let late = answer(&mut approval, "b", APPROVE);
    assert_eq!(late, Err(Refusal::Decided { outcome: REJECT.to_owned() }));

    let mut approval = begin(Plan::binary(stages(&["a", "b"])));
    assert_eq!(answer(&mut approval, "a", REJECT), Ok(()));
    assert_eq!((approval.stage(), outcome(&approval)), (0, Some(REJECT)));
}

#[test]
fn an_answer_after_a_deadline_is_late_although_nobody_looked() {
    let after = Span::new(2, Unit::Hours);
    let deadline = Some(Deadline { after, outcome: REJECT.to_owned() });
    let stage = Stage { deadline, ..Stage::new(people(&["a"]), Rule::First) };
    let mut approval = begin(Plan::binary(vec![stage]));
    assert_eq!(approval.due(), Some(BEGIN + 2 * HOUR));
    let (assignee, by, option) = ("a".to_owned(), "a".to_owned(), APPROVE.to_owned());
    let answer = Answer { assignee, by, option, comment: None, via: Via::Mail };
    let (tells, result) = approval.handle(BEGIN + 3 * HOUR, Input::Answer(answer));
    assert_eq!(result, Err(Refusal::Decided { outcome: REJECT.to_owned() }));
    assert_eq!(tells, [Tell { person: "a".to_owned(), about: About::Withdrawn }]);
}

#[test]
fn an_escalation_asks_others_instead() {
    let escalation = |how| {
        let to = people(&["boss", "b"]);
        Some(Escalation { after: Span::new(1, Unit::Hours), to, how })
    };
    let stage = |how| Stage {
        escalation: escalation(how),
        ..Stage::new(people(&["a", "b", "c"]), Rule::All)
    };
    let mut approval = begin(Plan::binary(vec![stage(Escalating::ReassignTo)]));
    assert_eq!(answer(&mut approval, "c", APPROVE), Ok(()));
    let (tells, _) = approval.handle(BEGIN + HOUR, Input::Clock);
    let tell = |person: &str, about| Tell { person: person.to_owned(), about };
    assert_eq!(tells, [tell("a", About::Withdrawn), tell("boss", About::Asked)]);
    assert_eq!(answer(&mut approval, "a", APPROVE), Err(Refusal::NotAsked));
    assert_eq!(answer(&mut approval, "boss", APPROVE), Ok(()));
    assert_eq!((answer(&mut approval, "b", APPROVE), outcome(&approval)), (Ok(()), Some(APPROVE)));

    let mut approval = begin(Plan::binary(vec![stage(Escalating::Notify)]));
    let (tells, _) = approval.handle(BEGIN + HOUR, Input::Clock);
    assert_eq!(tells, [tell("boss", About::Escalated), tell("b", About::Escalated)]);
    assert_eq!(approval.open_tasks().count(), 3);
}

#[test]
fn an_escalation_to_who_has_answered_asks_nobody_anew() {
    let to = people(&["b"]);
    let (after, how) = (Span::new(1, Unit::Hours), Escalating::ReassignTo);
    let escalation = Some(Escalation { after, to, how });
    let stage = Stage { escalation, ..Stage::new(people(&["a", "b"]), Rule::Quorum(2)) };
    let mut approval = begin(Plan::binary(vec![stage]));
    assert_eq!(answer(&mut approval, "b", APPROVE), Ok(()));
    // one answer would be two
    assert_eq!(approval.handle(BEGIN + HOUR, Input::Clock), (Vec::new(), Ok(())));
    assert_eq!(approval.open_tasks().map(|it| it.assignee.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(answer(&mut approval, "a", APPROVE), Ok(()));
    assert_eq!(outcome(&approval), Some(APPROVE));
}

#[test]
fn a_quorum_counts_a_deputy_once() {
    let stage = Stage::new(people(&["a", "b", "c"]), Rule::Quorum(2));
    let mut approval = begin(Plan::binary(vec![stage.clone(), stage]));
    let for_another = |approval: &mut Approval, assignee: &str, by: &str| {
        let (assignee, by, option) = (assignee.to_owned(), by.to_owned(), APPROVE.to_owned());
        let answer = Answer { assignee, by, option, comment: None, via: Via::Api };
        approval.handle(BEGIN, Input::Answer(answer)).1
    };
    assert_eq!(for_another(&mut approval, "b", "b"), Ok(()));
    assert_eq!(for_another(&mut approval, "a", "b"), Err(Refusal::CountedAlready));
    assert_eq!((approval.stage(), approval.open_tasks().count()), (0, 2));
    assert_eq!(for_another(&mut approval, "c", "c"), Ok(()));
    // each stage counts anew
    assert_eq!(for_another(&mut approval, "a", "b"), Ok(()));
    assert_eq!(for_another(&mut approval, "b", "b"), Err(Refusal::CountedAlready));
    assert_eq!((for_another(&mut approval, "c", "c"), outcome(&approval)), (Ok(()), Some(APPROVE)));
}

fn excuse(approval: &mut Approval, who: &str) -> Result<(), Refusal> {
    let (person, by) = (who.to_owned(), "head".to_owned());
    approval.handle(BEGIN, Input::Excuse { person, by }).1
}

#[test]
fn who_is_excused_is_asked_by_no_later_stage() {
    let stage = |names: &[&str]| Stage::new(people(names), Rule::First);
    let mut approval = begin(Plan::binary(vec![stage(&["a", "b"]), stage(&["b", "c"])]));
    assert_eq!(excuse(&mut approval, "b"), Ok(()));
    assert_eq!(excuse(&mut approval, "b"), Err(Refusal::NotAsked), "it is done");
    assert_eq!(excuse(&mut approval, "z"), Err(Refusal::NotAsked));
    assert_eq!(answer(&mut approval, "b", APPROVE), Err(Refusal::NotAsked));
    assert_eq!(answer(&mut approval, "a", APPROVE), Ok(()));
    assert_eq!(approval.open_tasks().map(|it| it.assignee.as_str()).collect::<Vec<_>>(), ["c"]);
    // only who administers has them asked after all
    let reassign = |is_forced| {
        let (from, to, by) = ("c".to_owned(), "b".to_owned(), "c".to_owned());
        Input::Reassign(Reassignment { from, to, by, comment: None, is_forced })
    };
    assert_eq!(approval.handle(BEGIN, reassign(false)).1, Err(Refusal::Excused));
    assert_eq!(approval.handle(BEGIN, reassign(true)).1, Ok(()));
    assert_eq!((answer(&mut approval, "b", REJECT), outcome(&approval)), (Ok(()), Some(REJECT)));

    // before they are asked at all, and where nobody else is
    let mut approval = begin(Plan::binary(vec![stage(&["a"]), stage(&["b"])]));
    assert_eq!(excuse(&mut approval, "b"), Ok(()));
    assert_eq!(answer(&mut approval, "a", APPROVE), Ok(()));
    assert!(matches!(approval.standing(), Standing::Cancelled { .. }), "silence approves nothing");
    let last = approval.history().last().map(|it| it.what.clone());
    assert_eq!(last, Some(What::Cancelled { by: Some("head".to_owned()), comment: None }));
}

#[test]
fn who_has_not_answered_is_reminded() {
    let (after, every) = (Span::new(1, Unit::Hours), Some(Span::new(2, Unit::Hours)));
    let reminder = Some(Reminder { after, every });
    let stage = Stage { reminder, ..Stage::new(people(&["a", "b"]), Rule::All) };
    let mut approval = begin(Plan::binary(vec![stage]));
    assert_eq!(answer(&mut approval, "a", APPROVE), Ok(()));
    let remind =
        |approval: &mut Approval, hours| approval.handle(BEGIN + hours * HOUR, Input::Clock).0;
    let tell = Tell { person: "b".to_owned(), about: About::Reminded };
    assert_eq!(remind(&mut approval, 1), std::slice::from_ref(&tell));
    assert_eq!(remind(&mut approval, 2), []);
    // a server that was away for long tells once
    assert_eq!(remind(&mut approval, 50), [tell]);
    assert_eq!(approval.due(), Some(BEGIN + 52 * HOUR));
}

#[test]
fn what_is_wrong_with_a_plan_is_said_with_its_place() {
    let stage = || Stage::new(people(&["a"]), Rule::First);
    let days = |amount| Span::new(amount, Unit::BusinessDays);
    let deadline = |after, outcome: &str| Some(Deadline { after, outcome: outcome.to_owned() });
    let custom = |stage| Plan::custom(people(&["Yes", "No"]), stage);
    let cases = [
        (Plan::binary(Vec::new()), "stages"),
        (Plan::binary(vec![Stage::new(Vec::new(), Rule::First)]), "stages[0].assignees"),
        (
            Plan::binary(vec![stage(), Stage::new(people(&["a"]), Rule::Quorum(0))]),
            "stages[1].rule",
        ),
        (
            Plan::binary(vec![stage(), Stage::new(people(&["a"]), Rule::EveryAnswer)]),
            "stages[1].rule",
        ),
        (custom(Stage::new(people(&["a"]), Rule::All)), "stages[0].rule"),
        (Plan { options: people(&["Yes", "Yes"]), ..custom(stage()) }, "options"),
        (Plan { stages: vec![stage(), stage()], ..custom(stage()) }, "stages"),
        (Plan { approving: Some("Maybe".to_owned()), ..custom(stage()) }, "approving"),
        (
            Plan::binary(vec![Stage { deadline: deadline(days(1), "Maybe"), ..stage() }]),
            "stages[0].deadline",
        ),
        (
            Plan::binary(vec![Stage { deadline: deadline(days(0), REJECT), ..stage() }]),
            "stages[0].deadline",
        ),
    ];
    for (plan, path) in cases {
        let fault = Approval::begin(plan, BEGIN, "").expect_err(path);
        assert_eq!(fault.path, path, "{fault}");
    }
}
