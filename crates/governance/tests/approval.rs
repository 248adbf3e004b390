//! What becomes of approvals, by examples. Random ones are in `outcome.rs`.

use governance::approval::{
    APPROVE, About, Answer, Approval, Deadline, Escalating, Escalation, Input, Plan, REJECT,
    Reassignment, Refusal, Reminder, Rule, Stage, Standing, Tell, Via, What,
};
use governance::calendar::{Span, Unit};

const HOUR: i64 = 36_000_000_000;
const BEGIN: i64 = 639_000_000_000_000_000;

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

#[test]
fn an_escalation_to_fewer_people_can_make_a_quorum_impossible() {
    let (after, how) = (Span::new(1, Unit::Hours), Escalating::ReassignTo);
    let escalation = Some(Escalation { after, to: people(&["boss"]), how });
    let asked = people(&["a", "b", "c", "d", "e"]);
    let mut approval =
        begin(Plan::binary(vec![Stage { escalation, ..Stage::new(asked, Rule::Quorum(4)) }]));
    assert_eq!(answer(&mut approval, "a", APPROVE), Ok(()));
    assert_eq!(answer(&mut approval, "b", REJECT), Ok(()));
    assert_eq!(outcome(&approval), None, "the other three could approve");
    // of three, two can
    assert_eq!(approval.handle(BEGIN + HOUR, Input::Clock).1, Ok(()));
    assert_eq!(outcome(&approval), Some(REJECT));
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
