//! The calendar of recurrences: documented samples, changes of offset, schedules.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use expr::format::date::{format_ticks, parse_ticks};
use flow::definition::{LoadOptions, TriggerBehavior, load};
use flow::trigger::recurrence::Recurrence;

/// A recurrence as it stands in a definition.
fn recurrence(text: &str) -> Recurrence {
    let document = format!(
        r#"{{"actions": {{}}, "triggers": {{"t": {{"type": "Recurrence", "recurrence": {text}}}}}}}"#
    );
    let report = load(document.as_bytes(), &LoadOptions::default());
    let mut flow = report.loaded.unwrap_or_else(|| panic!("{:#?}", report.problems)).flow;
    match flow.triggers.pop().unwrap().behavior {
        TriggerBehavior::Recurrence(recurrence) => *recurrence,
        other => panic!("{other:?}"),
    }
}

/// The first occurrences of a flow that is turned on at `created`, to the minute.
fn occurrences(recurrence: &Recurrence, created: &str, count: usize) -> Vec<String> {
    let created = parse_ticks(created).unwrap();
    let mut last = None;
    let mut found = Vec::new();
    while found.len() < count {
        last = recurrence.next_after(created, last);
        let Some(next) = last else { break };
        found.push(format_ticks(next)[..16].to_owned());
    }
    found
}

fn check(text: &str, created: &str, expected: &[&str]) {
    let recurrence = recurrence(text);
    assert_eq!(occurrences(&recurrence, created, expected.len()), expected, "{text}");
}

#[test]
fn without_a_start_the_first_run_is_at_once() {
    check(
        r#"{"frequency": "Minute", "interval": 20}"#,
        "2026-01-01T10:07:00Z",
        &["2026-01-01T10:07", "2026-01-01T10:27", "2026-01-01T10:47"],
    );
    check(
        r#"{"frequency": "Month", "interval": 1}"#,
        "2027-12-31T08:00:00Z",
        &["2027-12-31T08:00", "2028-01-31T08:00", "2028-02-29T08:00", "2028-03-31T08:00"],
    );
    // the zone alone changes nothing
    check(
        r#"{"frequency": "Day", "interval": 1, "timeZone": "W. Europe Standard Time"}"#,
        "2026-03-28T10:00:00Z",
        &["2026-03-28T10:00", "2026-03-29T10:00", "2026-03-30T10:00"],
    );
}

#[test]
fn a_start_in_the_past_is_followed_by_its_multiples() {
    // the documented sample
    check(
        r#"{"frequency": "Day", "interval": 2, "startTime": "2017-09-07T14:00:00Z"}"#,
        "2017-09-08T13:00:00Z",
        &["2017-09-09T14:00", "2017-09-11T14:00", "2017-09-13T14:00"],
    );
    check(
        r#"{"frequency": "Hour", "interval": 5, "startTime": "2026-01-01T00:00:00Z"}"#,
        "2026-01-01T10:00:00Z",
        &["2026-01-01T10:00", "2026-01-01T15:00"],
    );
    check(
        r#"{"frequency": "Month", "interval": 3, "startTime": "2025-11-30T06:00:00Z"}"#,
        "2026-01-01T00:00:00Z",
        &["2026-02-28T06:00", "2026-05-30T06:00", "2026-08-30T06:00"],
    );
    check(
        r#"{"frequency": "Year", "interval": 1, "startTime": "2024-02-29T06:00:00Z"}"#,
        "2025-01-01T00:00:00Z",
        &["2025-02-28T06:00", "2026-02-28T06:00", "2027-02-28T06:00", "2028-02-29T06:00"],
    );
}

#[test]
fn a_start_in_the_future_is_waited_for() {
    check(
        r#"{"frequency": "Week", "interval": 2, "startTime": "2030-05-01T07:00:00", "timeZone": "Tokyo Standard Time"}"#,
        "2026-01-01T00:00:00Z",
        &["2030-04-30T22:00", "2030-05-14T22:00"],
    );
    check(
        r#"{"frequency": "Day", "interval": 1, "startTime": "2030-05-01T07:00:00", "endTime": "2030-05-02T07:00:00Z"}"#,
        "2026-01-01T00:00:00Z",
        &["2030-05-01T07:00", "2030-05-02T07:00"],
    );
    let ended =
        recurrence(r#"{"frequency": "Day", "interval": 1, "endTime": "2020-01-01T00:00:00Z"}"#);
    assert_eq!(ended.next_after(parse_ticks("2026-01-01").unwrap(), None), None);
}

#[test]
fn local_times_stay_when_the_offset_changes() {
    let daily = r#"{"frequency": "Day", "interval": 1, "startTime": "2026-03-27T02:30:00", "timeZone": "W. Europe Standard Time"}"#;
    // 02:30 does not exist on the 29th: 03:30 summer time
    check(
        daily,
        "2026-03-27T00:00:00Z",
        &["2026-03-27T01:30", "2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30"],
    );
    // 02:30 comes twice on 25 October: the first
    check(
        daily,
        "2026-10-24T00:00:00Z",
        &["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"],
    );
    check(
        r#"{"frequency": "Hour", "interval": 1, "startTime": "2026-10-25T00:00:00", "timeZone": "W. Europe Standard Time"}"#,
        "2026-10-24T23:30:00Z",
        &["2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"],
    );
    // Samoa left out 30 December 2011: that day's run moves to the next, which has one
    check(
        r#"{"frequency": "Day", "interval": 1, "startTime": "2011-12-28T10:00:00", "timeZone": "Pacific/Apia"}"#,
        "2011-12-28T00:00:00Z",
        &["2011-12-28T20:00", "2011-12-29T20:00", "2011-12-30T20:00", "2011-12-31T20:00"],
    );
    // both minutes fall on the same moment of the spring day
    check(
        r#"{"frequency": "Day", "interval": 1, "timeZone": "Europe/Berlin", "schedule": {"hours": [2, 3], "minutes": [30]}}"#,
        "2026-03-28T23:30:00Z",
        &["2026-03-29T01:30", "2026-03-30T00:30", "2026-03-30T01:30"],
    );
}

#[test]
fn schedules_by_day_and_week() {
    check(
        r#"{"frequency": "Day", "interval": 1, "schedule": {"hours": ["17", "8"]}}"#,
        "2026-01-01T08:30:00Z",
        &["2026-01-01T17:00", "2026-01-02T08:00", "2026-01-02T17:00"],
    );
    check(
        r#"{"frequency": "Day", "interval": 3, "startTime": "2026-01-01T12:00:00Z", "schedule": {"hours": [6], "minutes": [0, 30]}}"#,
        "2025-12-01T00:00:00Z",
        &["2026-01-04T06:00", "2026-01-04T06:30", "2026-01-07T06:00"],
    );
    // minutes alone: the hour of the start
    check(
        r#"{"frequency": "Day", "interval": 1, "startTime": "2026-01-01T12:10:00Z", "schedule": {"minutes": [15, 45]}}"#,
        "2026-01-01T00:00:00Z",
        &["2026-01-01T12:15", "2026-01-01T12:45", "2026-01-02T12:15"],
    );
    check(
        r#"{"frequency": "Week", "interval": 1, "timeZone": "Eastern Standard Time", "schedule": {"hours": [9], "weekDays": ["Monday", "Friday"]}}"#,
        "2026-03-05T00:00:00Z",
        &["2026-03-06T14:00", "2026-03-09T13:00", "2026-03-13T13:00"],
    );
    // every second week, counted from the week of the start, which begins on Sunday
    check(
        r#"{"frequency": "Week", "interval": 2, "startTime": "2026-01-07T09:00:00Z", "schedule": {"weekDays": ["Saturday", "Sunday", "Monday"]}}"#,
        "2026-01-01T00:00:00Z",
        &["2026-01-10T09:00", "2026-01-18T09:00", "2026-01-19T09:00", "2026-01-24T09:00"],
    );
}

#[test]
fn schedules_by_month() {
    check(
        r#"{"frequency": "Month", "interval": 1, "schedule": {"monthDays": [31, -1, 15], "hours": [0]}}"#,
        "2026-02-01T00:00:00Z",
        &[
            "2026-02-15T00:00",
            "2026-02-28T00:00",
            "2026-03-15T00:00",
            "2026-03-31T00:00",
            "2026-04-15T00:00",
            "2026-04-30T00:00",
        ],
    );
    check(
        r#"{"frequency": "Month", "interval": 1, "startTime": "2026-01-01T06:00:00Z", "schedule": {"monthlyOccurrences":
            [{"day": "Tuesday", "occurrence": 2}, {"dayOfWeek": "Friday", "occurrence": -1}]}}"#,
        "2026-01-01T00:00:00Z",
        &["2026-01-13T06:00", "2026-01-30T06:00", "2026-02-10T06:00", "2026-02-27T06:00"],
    );
    // 30 February does not come, in however many years
    let never = recurrence(
        r#"{"frequency": "Month", "interval": 12, "startTime": "2026-02-01T06:00:00Z", "schedule": {"monthDays": [30]}}"#,
    );
    assert_eq!(never.next_after(parse_ticks("2026-01-01").unwrap(), None), None);
    check(
        r#"{"frequency": "Month", "interval": 12, "startTime": "2026-02-01T06:00:00Z", "schedule": {"monthDays": [29]}}"#,
        "2026-01-01T00:00:00Z",
        &["2028-02-29T06:00", "2032-02-29T06:00"],
    );
}

#[test]
fn turning_on_again_leaves_out_what_was_missed() {
    let daily =
        recurrence(r#"{"frequency": "Day", "interval": 1, "startTime": "2026-01-01T06:00:00Z"}"#);
    let at = |text: &str| parse_ticks(text).unwrap();
    let next = daily.next_after(at("2026-02-01T00:00:00Z"), Some(at("2026-01-10T06:00:00Z")));
    assert_eq!(next, Some(at("2026-02-01T06:00:00Z")));
    let late = daily.next_after(at("2026-01-01T00:00:00Z"), Some(at("2026-01-20T09:13:00Z")));
    assert_eq!(late, Some(at("2026-01-21T06:00:00Z")));
}

#[test]
fn the_ends_of_the_calendar_are_reached_quietly() {
    let yearly =
        recurrence(r#"{"frequency": "Year", "interval": 10, "startTime": "9990-01-01T00:00:00Z"}"#);
    assert_eq!(occurrences(&yearly, "2026-01-01", 3), ["9990-01-01T00:00"]);
    let hourly = recurrence(r#"{"frequency": "Hour", "interval": 12000}"#);
    for (created, last) in [(i64::MIN, None), (i64::MAX, Some(i64::MAX)), (0, Some(i64::MIN))] {
        for recurrence in [&yearly, &hourly] {
            let _ = recurrence.next_after(created, last);
        }
    }
    assert!(hourly.next_after(i64::MAX, None).is_some());
}
