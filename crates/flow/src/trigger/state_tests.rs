use super::*;
use durable::Partition;

const SECOND: Ticks = 10_000_000;
const NOW: Ticks = 638_000_000_000_000_000;

fn subscription(owner: Owner, source: Source) -> Subscription {
    let unsubscribe = object([("method", "DELETE".into()), ("uri", "https://x/s".into())]);
    Subscription {
        owner,
        source,
        version: 3,
        operation_name: "Wait".into(),
        inputs: object([("unsubscribe", unsubscribe)]),
        invoker: object([("id", "somebody".into())]),
        retry: RetryPolicy::Fixed { count: 1, interval: 5 * SECOND },
        callback: "https://here/callbacks/1".into(),
        phase: Phase::Asking { attempt: 1, due: NOW },
        replaced: None,
        renewals: 0,
    }
}

fn action() -> Owner {
    let run = ProcessId::new(NOW, Partition(7), 9);
    Owner::Action { run, effect: 4 }
}

fn answer(status: i64, headers: &[(&str, &str)], body: Value) -> CallResult {
    let headers: Object =
        headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    CallResult::Answer(crate::run::answer(status, headers.into(), body))
}

#[test]
fn a_subscription_lives_from_its_answer_to_its_end() {
    let mut it = subscription(action(), Source::Managed);
    it.asked(NOW, &answer(201, &[("location", "/subscriptions/1")], Value::Null), 0);
    let location = Some(Str::from("/subscriptions/1"));
    assert_eq!(it.phase, Phase::Live { location: location.clone(), renewal: None });
    assert_eq!(it.due(), None);
    it.leave(NOW + 1);
    assert_eq!(it.phase, Phase::Leaving { location, attempt: 1, due: NOW + 1 });
    it.left(NOW + 2, &answer(503, &[], Value::Null));
    assert!(matches!(it.phase, Phase::Leaving { attempt: 2, .. }), "{:?}", it.phase);
    assert!(it.due() > Some(NOW + 2));
    it.left(NOW + 3, &answer(404, &[], Value::Null));
    assert_eq!(it.phase, Phase::Over);
}

#[test]
fn what_is_refused_is_told_to_the_action_and_tried_again_for_a_trigger() {
    let refused = answer(403, &[], Value::from("no"));
    let mut of_action = subscription(action(), Source::OpenApi);
    let came = of_action.asked(NOW, &refused, 0);
    assert_eq!(came.refusal.as_ref().and_then(|it| it.get("statusCode")?.as_int()), Some(403));
    assert_eq!(of_action.phase, Phase::Over);
    let mut of_trigger = subscription(Owner::Trigger, Source::OpenApi);
    let came = of_trigger.asked(NOW, &refused, 0);
    assert!(came.refusal.is_none() && came.trouble.is_some());
    assert_eq!(of_trigger.due(), Some(NOW + 5 * SECOND));
}

#[test]
fn what_fails_for_a_while_is_repeated_as_the_policy_says() {
    let mut it = subscription(action(), Source::OpenApi);
    let busy = answer(503, &[], Value::Null);
    assert_eq!(it.asked(NOW, &busy, 0).refusal, None);
    assert_eq!(it.phase, Phase::Asking { attempt: 2, due: NOW + 5 * SECOND });
    assert!(it.asked(NOW, &busy, 0).refusal.is_some(), "the policy allows one repetition");
}

#[test]
fn one_that_ends_is_renewed_before() {
    let mut it = subscription(Owner::Trigger, Source::OpenApi);
    let end = expr::format::date::format_ticks(NOW + 600 * MINUTE);
    let body = object([("expirationDateTime", end.into())]);
    it.asked(NOW, &answer(201, &[("Location", "/a")], body), 0);
    assert_eq!(it.due(), Some(NOW + 540 * MINUTE));
    it.renew(NOW + 540 * MINUTE);
    assert_eq!(it.replaced, Some("/a".into()));
    assert_eq!(it.phase, Phase::Asking { attempt: 1, due: NOW + 540 * MINUTE });
}

/// One that lives, and whose time to be renewed has come.
fn renewed(owner: Owner, source: Source) -> Subscription {
    let mut it = subscription(owner, source);
    it.phase = Phase::Live { location: Some("/a".into()), renewal: Some(NOW) };
    it.renew(NOW);
    it
}

#[test]
fn a_renewal_that_brings_the_same_one_ends_nothing() {
    for headers in [&[("Location", "/a")][..], &[]] {
        let mut it = renewed(Owner::Trigger, Source::OpenApi);
        it.asked(NOW, &answer(200, headers, Value::Null), 0);
        assert_eq!(it.phase, Phase::Live { location: Some("/a".into()), renewal: None });
        assert_eq!((it.replaced, it.renewals), (None, 1), "{headers:?}");
    }
    let mut it = renewed(Owner::Trigger, Source::OpenApi);
    it.asked(NOW, &answer(201, &[("Location", "/b")], Value::Null), 0);
    assert_eq!(it.replaced, Some("/a".into()), "the old one is to be ended");
    // the call that would end the old one knows only its address, which is the new one's
    assert_eq!(renewed(Owner::Trigger, Source::Http).replaced, None);
}

#[test]
fn a_renewal_that_is_refused_ends_the_one_that_is_there() {
    let mut it = renewed(action(), Source::OpenApi);
    assert!(it.asked(NOW, &answer(403, &[], Value::Null), 0).refusal.is_some());
    assert_eq!(it.phase, Phase::Leaving { location: Some("/a".into()), attempt: 1, due: NOW });
    let mut it = renewed(action(), Source::Http);
    it.asked(NOW, &answer(403, &[], Value::Null), 0);
    assert!(matches!(it.phase, Phase::Leaving { .. }), "{:?}", it.phase);
}

#[test]
fn one_whose_last_answer_was_lost_is_ended() {
    let lost = CallResult::Failure {
        code: "RequestTimeout".into(),
        message: "no answer came".into(),
        is_retryable: true,
    };
    for (source, result, is_left) in [
        (Source::OpenApi, &lost, true),
        (Source::Managed, &CallResult::Unknown, true),
        (Source::Http, &lost, true),
        (Source::OpenApi, &answer(504, &[], Value::Null), true),
        (Source::OpenApi, &answer(503, &[], Value::Null), false),
        (Source::Http, &answer(400, &[], Value::Null), false),
    ] {
        let mut it = subscription(action(), source);
        it.retry = RetryPolicy::None;
        assert!(it.asked(NOW, result, 0).refusal.is_some(), "the action is told");
        assert_eq!(it.phase != Phase::Over, is_left, "{source:?} {result:?}: {:?}", it.phase);
        // the run takes the refusal as its answer, and says so
        it.answered();
        assert_eq!(it.phase != Phase::Over, is_left, "{source:?} {result:?}: {:?}", it.phase);
    }
}

#[test]
fn one_that_cannot_be_ended_is_over_at_once() {
    let mut it = subscription(action(), Source::Managed);
    it.asked(NOW, &answer(200, &[], Value::Null), 0);
    it.leave(NOW);
    assert_eq!(it.phase, Phase::Over);
    let mut it = subscription(action(), Source::Http);
    it.leave(NOW);
    assert!(matches!(it.phase, Phase::Leaving { .. }), "it may have been asked for");
    for attempt in 0..SUBSCRIPTION_END_ATTEMPTS_MAX {
        assert_ne!(it.phase, Phase::Over, "{attempt}");
        it.left(NOW, &answer(500, &[], Value::Null));
    }
    assert_eq!(it.phase, Phase::Over);
}

#[test]
fn one_that_may_have_been_asked_for_is_found_to_be_ended() {
    let mut it = subscription(action(), Source::OpenApi);
    it.leave(NOW);
    assert_eq!(it.phase, Phase::Finding { attempt: 1, due: NOW });
    it.leave(NOW + 1);
    it.found(NOW + 2, &answer(503, &[], Value::Null));
    assert_eq!(it.phase, Phase::Finding { attempt: 2, due: NOW + 2 + 5 * SECOND });
    it.found(NOW + 3, &answer(201, &[("Location", "/s/1")], Value::Null));
    let location = Some(Str::from("/s/1"));
    assert_eq!(it.phase, Phase::Leaving { location, attempt: 1, due: NOW + 3 });

    let mut refused = subscription(action(), Source::OpenApi);
    refused.leave(NOW);
    refused.found(NOW, &answer(403, &[], Value::Null));
    assert_eq!(refused.phase, Phase::Over, "what is refused is not there");

    let mut silent = subscription(action(), Source::Managed);
    silent.leave(NOW);
    for _ in 0..SUBSCRIPTION_END_ATTEMPTS_MAX {
        assert!(matches!(silent.phase, Phase::Finding { .. }), "{:?}", silent.phase);
        silent.found(NOW, &CallResult::Unknown);
    }
    assert_eq!(silent.phase, Phase::Over);
}

#[test]
fn one_of_a_trigger_looks_after_its_flow() {
    let mut it = subscription(Owner::Trigger, Source::OpenApi);
    it.phase = Phase::Live { location: None, renewal: None };
    assert_eq!((it.due(), it.look_due(NOW)), (None, Some(NOW + SUBSCRIPTION_LOOK_EVERY)));
    it.phase = Phase::Live { location: None, renewal: Some(NOW + 1) };
    assert_eq!(it.look_due(NOW), Some(NOW + 1));
    it.owner = action();
    it.phase = Phase::Live { location: None, renewal: None };
    assert_eq!(it.look_due(NOW), None, "who waits says when it does not any more");
}

#[test]
fn states_are_read_as_they_were_written() {
    let phases = [
        Phase::Asking { attempt: 2, due: 5 },
        Phase::Finding { attempt: 3, due: 7 },
        Phase::Live { location: Some("/x".into()), renewal: Some(9) },
        Phase::Live { location: None, renewal: None },
        Phase::Leaving { location: Some("/x".into()), attempt: 1, due: 6 },
        Phase::Over,
    ];
    let mut kinds = vec![
        TriggerKind::Recurrence,
        TriggerKind::Poll(PollState { number: 7, location: Some("/n".into()), failures: 1 }),
        TriggerKind::Poll(PollState::default()),
    ];
    for (owner, source) in [(Owner::Trigger, Source::Http), (action(), Source::OpenApi)] {
        for phase in phases.clone() {
            let mut it = subscription(owner, source);
            it.phase = phase;
            it.replaced = Some("/old".into());
            kinds.push(TriggerKind::Subscription(Box::new(it)));
        }
    }
    for kind in kinds {
        let state = TriggerState { workflow: 5, since: NOW, last: Some(NOW + 1), kind };
        assert_eq!(TriggerState::from_value(&state.to_value()), Some(state));
    }
    let old = object([("workflow", 5.into()), ("since", NOW.into()), ("last", Value::Null)]);
    let read = TriggerState::from_value(&old).expect("a state of an earlier version");
    assert_eq!(read.kind, TriggerKind::Recurrence);
}

#[test]
fn a_poll_fires_on_200_and_goes_on_where_it_is_told() {
    let policy = RetryPolicy::None;
    let regular = NOW + 180 * SECOND;
    let cases = [
        (answer(200, &[], Value::Null), Polled::Fires, regular, None),
        (answer(200, &[("Retry-After", "5")], Value::Null), Polled::Fires, NOW + 5 * SECOND, None),
        (answer(200, &[("Retry-After", "0")], Value::Null), Polled::Fires, NOW + SECOND, None),
        (answer(202, &[("Retry-After", "5")], Value::Null), Polled::Nothing, regular, None),
        (
            answer(202, &[("Retry-After", "300"), ("Location", "/n")], Value::Null),
            Polled::Nothing,
            NOW + 300 * SECOND,
            Some("/n"),
        ),
        (answer(204, &[], Value::Null), Polled::Nothing, regular, None),
    ];
    for (result, polled, due, location) in cases {
        let mut state = PollState::default();
        let came = state.answered(&result, (&policy, false), (NOW, regular, 0));
        assert_eq!(came, (polled, due), "{result:?}");
        assert_eq!((state.number, state.location.as_deref()), (1, location), "{result:?}");
    }
}

#[test]
fn a_poll_that_fails_is_repeated_and_does_not_count() {
    let policy = RetryPolicy::Fixed { count: 1, interval: 5 * SECOND };
    let (regular, busy) = (NOW + 180 * SECOND, answer(503, &[], Value::Null));
    let mut state = PollState { location: Some("/n".into()), ..PollState::default() };
    let (polled, due) = state.answered(&busy, (&policy, false), (NOW, regular, 0));
    assert!(matches!(polled, Polled::Failed { repeat: Some(_), .. }));
    assert_eq!((due, state.number, state.failures), (NOW + 5 * SECOND, 0, 1));
    let (_, due) = state.answered(&busy, (&policy, false), (NOW, regular, 0));
    assert_eq!((due, state.failures), (regular, 0));
    assert_eq!(state.location.as_deref(), Some("/n"));
    // a condition that reads the status decides itself
    let (polled, _) = state.answered(&busy, (&policy, true), (NOW, regular, 0));
    assert_eq!(polled, Polled::Fires);
}
