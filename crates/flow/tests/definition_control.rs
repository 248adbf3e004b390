//! Rules of validation for control, calls, retries and triggers, each with a small
//! definition that breaks it; and the limits.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use flow::definition::{LoadOptions, Report, Severity, load};
use std::fmt::Write;

fn load_with(trigger: &str, actions: &str) -> Report {
    let document = format!(r#"{{"triggers": {{"t": {trigger}}}, "actions": {{{actions}}}}}"#);
    load(document.as_bytes(), &LoadOptions::default())
}

fn told(report: &Report) -> Vec<String> {
    report
        .problems
        .iter()
        .map(|problem| {
            let mark = if problem.severity == Severity::Error { "" } else { "(warning) " };
            let offset = problem.offset.map(|offset| format!(" +{offset}")).unwrap_or_default();
            format!("{mark}{} {}{offset}", problem.code, problem.path)
        })
        .collect()
}

fn check(report: &Report, expected: &[&str], case: &str) {
    assert_eq!(told(report), expected, "{case}\n{:#?}", report.problems);
    let is_refused = expected.iter().any(|told| !told.starts_with('('));
    assert_eq!(report.loaded.is_none(), is_refused, "{case}");
}

fn check_actions(cases: &[(&str, &[&str])]) {
    for (actions, expected) in cases {
        check(&load_with(r#"{"type": "Request"}"#, actions), expected, actions);
    }
}

fn check_triggers(cases: &[(&str, &[&str])]) {
    for (trigger, expected) in cases {
        check(&load_with(trigger, ""), expected, trigger);
    }
}

#[test]
fn switch() {
    check_actions(&[
        (
            r#""S": {"type": "Switch", "expression": "@1", "cases": {
                "A": {"case": 1}, "B": {"case": "1"}, "C": {"case": 1, "actions": {}}, "D": {}, "E": 5}}"#,
            &[
                "DuplicateCase $.actions.S.cases.C.case",
                "MissingProperty $.actions.S.cases.D",
                "WrongKind $.actions.S.cases.E",
            ],
        ),
        (
            r#""S": {"type": "Switch", "cases": [], "default": 1}"#,
            &[
                "MissingProperty $.actions.S",
                "WrongKind $.actions.S.cases",
                "WrongKind $.actions.S.default",
            ],
        ),
    ]);
    let mut cases = String::new();
    for case in 0..26 {
        let _ =
            write!(cases, r#"{}"C{case}": {{"case": {case}}}"#, if case > 0 { "," } else { "" });
    }
    let actions = format!(r#""S": {{"type": "Switch", "expression": "@1", "cases": {{{cases}}}}}"#);
    check_actions(&[(&actions, &["OutOfRange $.actions.S"])]);
}

#[test]
fn loops() {
    check_actions(&[
        (
            r#""F": {"type": "Foreach", "foreach": "abc", "actions": {}},
               "G": {"type": "Foreach", "actions": {}}"#,
            &["WrongKind $.actions.F.foreach", "MissingProperty $.actions.G"],
        ),
        (
            r#""F": {"type": "Foreach", "foreach": [], "runtimeConfiguration": {"concurrency": {"repetitions": 51}}},
               "G": {"type": "Foreach", "foreach": [], "runtimeConfiguration": {"concurrency": {"repetitions": "x"}}},
               "H": {"type": "Foreach", "foreach": [], "operationOptions": "Sequential",
                     "runtimeConfiguration": {"concurrency": {"repetitions": 2}}},
               "I": {"type": "Foreach", "foreach": [], "operationOptions": "sequential",
                     "runtimeConfiguration": {"concurrency": {"repetitions": 1}}}"#,
            &[
                "OutOfRange $.actions.F.runtimeConfiguration.concurrency.repetitions",
                "InvalidValue $.actions.G.runtimeConfiguration.concurrency.repetitions",
                "ConflictingConcurrency $.actions.H.runtimeConfiguration.concurrency.repetitions",
            ],
        ),
        (
            r#""U": {"type": "Until", "expression": "@true", "limit": {"count": 0, "timeout": "soon"}},
               "V": {"type": "Until", "expression": "@true", "limit": {"count": 5001}},
               "W": {"type": "Until"}"#,
            &[
                "OutOfRange $.actions.U.limit.count",
                "InvalidValue $.actions.U.limit.timeout",
                "OutOfRange $.actions.V.limit.count",
                "MissingProperty $.actions.W",
            ],
        ),
        (
            r#""F": {"type": "Foreach", "foreach": [], "actions": {"S": {"type": "Scope", "actions": {
                "T": {"type": "Terminate", "inputs": {"runStatus": "Failed"}},
                "R": {"type": "Response", "inputs": {"statusCode": 200}}}}}}"#,
            &[
                "NotInLoop $.actions.F.actions.S.actions.T",
                "NotInLoop $.actions.F.actions.S.actions.R",
            ],
        ),
    ]);
}

#[test]
fn wait_and_terminate() {
    check_actions(&[
        (
            r#""A": {"type": "Wait", "inputs": {}},
               "B": {"type": "Wait", "inputs": {"interval": {"count": -1, "unit": "Fortnight"}}},
               "C": {"type": "Wait", "inputs": {"interval": {"count": "@int('3')", "unit": "minute"}}},
               "D": {"type": "Wait", "inputs": {"until": {}}},
               "E": {"type": "Wait", "inputs": {"until": {"timestamp": "@utcNow()"}}},
               "F": {"type": "Wait", "inputs": {"interval": {"count": "5", "unit": "Day"}}}"#,
            &[
                "MissingProperty $.actions.A.inputs",
                "InvalidValue $.actions.B.inputs.interval.count",
                "InvalidValue $.actions.B.inputs.interval.unit",
                "MissingProperty $.actions.D.inputs.until",
            ],
        ),
        (
            r#""A": {"type": "Terminate", "inputs": {"runStatus": "Done"}},
               "B": {"type": "Terminate", "inputs": {"runStatus": "@{'Failed'}"}},
               "C": {"type": "Terminate", "inputs": {}}"#,
            &["InvalidValue $.actions.A.inputs.runStatus", "MissingProperty $.actions.C.inputs"],
        ),
    ]);
}

#[test]
fn calls() {
    check_actions(&[
        (
            r#""A": {"type": "Http", "inputs": {"method": "FETCH", "uri": ""}},
               "B": {"type": "Http", "inputs": {"method": "get"}},
               "C": {"type": "Http"}"#,
            &[
                "InvalidValue $.actions.A.inputs.method",
                "InvalidValue $.actions.A.inputs.uri",
                "MissingProperty $.actions.B.inputs",
                "MissingProperty $.actions.C",
            ],
        ),
        (
            r#""A": {"type": "Response", "inputs": {"statusCode": 302}},
               "B": {"type": "Response", "inputs": {"statusCode": "404"}},
               "C": {"type": "Response", "inputs": {"statusCode": "@add(200, 1)"}},
               "D": {"type": "Response", "inputs": {}}"#,
            &["InvalidValue $.actions.A.inputs.statusCode", "MissingProperty $.actions.D.inputs"],
        ),
        (
            r#""A": {"type": "Workflow", "inputs": {"host": {"workflow": {}}}},
               "B": {"type": "Workflow", "inputs": {"host": {"workflowReferenceName": "x"}}},
               "C": {"type": "Workflow", "inputs": {}}"#,
            &[
                "MissingProperty $.actions.A.inputs.host.workflow",
                "MissingProperty $.actions.C.inputs",
            ],
        ),
    ]);
}

#[test]
fn retry_policies() {
    let policies: &[(&str, &[&str])] = &[
        (r#"{"type": "none"}"#, &[]),
        (r#"{}"#, &[]),
        (r#"{"type": "often"}"#, &[".type"]),
        (r#""none""#, &[""]),
        (r#"{"type": "fixed", "count": 91, "interval": "PT5S"}"#, &[".count"]),
        (r#"{"type": "fixed", "count": 0, "interval": "PT4S"}"#, &[".count", ".interval"]),
        (r#"{"type": "fixed", "count": 3}"#, &[""]),
        (r#"{"type": "Exponential", "count": "3", "interval": "P2D"}"#, &[".interval"]),
        (
            r#"{"type": "exponential", "count": 3, "interval": "PT7S", "minimumInterval": "PT1H", "maximumInterval": "PT1M"}"#,
            &[".maximumInterval"],
        ),
        (r#"{"type": "fixed", "count": "@triggerBody()", "interval": "PT5S"}"#, &[]),
    ];
    for (policy, expected) in policies {
        let actions = format!(
            r#""A": {{"type": "Http", "inputs": {{"method": "GET", "uri": "http://x", "retryPolicy": {policy}}}}}"#
        );
        let expected: Vec<String> = expected
            .iter()
            .map(|place| format!("InvalidRetryPolicy $.actions.A.inputs.retryPolicy{place}"))
            .collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check_actions(&[(&actions, &expected)]);
    }
}

#[test]
fn triggers() {
    check_triggers(&[
        ("5", &["WrongKind $.triggers.t"]),
        ("{}", &["MissingProperty $.triggers.t"]),
        (
            r#"{"type": "Batch", "inputs": {"x": "@{"}}"#,
            &[
                "InvalidExpression $.triggers.t.inputs.x +2",
                "(warning) UnsupportedTrigger $.triggers.t.type",
            ],
        ),
        (
            r#"{"type": "Request", "conditions": [{"expression": "@equals(body('A'), 1)"}, "@triggerBody()", {}],
                "splitOn": "@parameters('p')"}"#,
            &[
                "UnknownAction $.triggers.t.conditions[0].expression +8",
                "MissingProperty $.triggers.t.conditions[2]",
                "(warning) UnknownParameter $.triggers.t.splitOn +1",
            ],
        ),
        (
            r#"{"type": "Request", "inputs": {"schema": {"type": "thing"}, "method": 5, "relativePath": "a{b}"}}"#,
            &[
                "WrongKind $.triggers.t.inputs.method",
                "InvalidValue $.triggers.t.inputs.relativePath",
                "(warning) InvalidSchema $.triggers.t.inputs.schema",
            ],
        ),
        (
            r#"{"type": "Request", "operationOptions": "SingleInstance",
                "runtimeConfiguration": {"concurrency": {"runs": 101}}}"#,
            &[
                "ConflictingConcurrency $.triggers.t.runtimeConfiguration.concurrency",
                "OutOfRange $.triggers.t.runtimeConfiguration.concurrency.runs",
            ],
        ),
    ]);
    let response = r#""A": {"type": "Response", "inputs": {"statusCode": 200}}"#;
    let recurrence = r#"{"type": "Recurrence", "recurrence": {"frequency": "day", "interval": 1}}"#;
    let expected = ["(warning) ResponseWithoutRequest $.actions.A"];
    check(&load_with(recurrence, response), &expected, "response");
    let none = load(br#"{"triggers": {}, "actions": {}}"#, &LoadOptions::default());
    check(&none, &["(warning) NoTrigger $"], "no trigger");
}

#[test]
fn recurrences() {
    let cases: &[(&str, &[&str])] = &[
        ("5", &[""]),
        (r#"{"interval": 1}"#, &[""]),
        (r#"{"frequency": "Day"}"#, &[""]),
        (r#"{"frequency": "Fortnight", "interval": 1}"#, &[".frequency"]),
        (r#"{"frequency": "Month", "interval": 17}"#, &[".interval"]),
        (r#"{"frequency": "Week", "interval": 0}"#, &[".interval"]),
        (r#"{"frequency": "Day", "interval": "501"}"#, &[".interval"]),
        (r#"{"frequency": "Hour", "interval": 12001}"#, &[".interval"]),
        (r#"{"frequency": "Minute", "interval": 72001}"#, &[".interval"]),
        (r#"{"frequency": "Second", "interval": 10000000}"#, &[".interval"]),
        (
            r#"{"frequency": "Day", "interval": 1, "startTime": "tomorrow", "timeZone": "Mars", "endTime": 5}"#,
            &[".startTime", ".timeZone", ".endTime"],
        ),
        (
            r#"{"frequency": "Week", "interval": 1, "schedule": {"hours": ["0", 23, 24], "minutes": [60, "x"], "weekDays": ["Monday", "Funday"]}}"#,
            &[
                ".schedule.hours[2]",
                ".schedule.minutes[0]",
                ".schedule.minutes[1]",
                ".schedule.weekDays[1]",
            ],
        ),
        (
            r#"{"frequency": "Day", "interval": 1, "schedule": {"weekDays": ["Monday"], "monthDays": [1]}}"#,
            &[".schedule.weekDays", ".schedule.monthDays"],
        ),
        (
            r#"{"frequency": "Hour", "interval": 1, "schedule": {"minutes": [0]}}"#,
            &[".schedule.minutes"],
        ),
        (r#"{"frequency": "Hour", "interval": 1, "schedule": {"minutes": []}}"#, &[]),
        (
            r#"{"frequency": "Month", "interval": 1, "schedule": {"monthDays": [0, 32, -1], "monthlyOccurrences": [{"day": "Friday", "occurrence": 6}]}}"#,
            &[
                ".schedule.monthDays[0]",
                ".schedule.monthDays[1]",
                ".schedule.monthlyOccurrences[0]",
            ],
        ),
        (r#"{"frequency": "Day", "interval": "@triggerBody()"}"#, &[""]),
        (r#"{"frequency": "Day", "interval": "@add(1, 1)", "timeZone": "europe/berlin"}"#, &[]),
    ];
    for (recurrence, expected) in cases {
        let trigger = format!(r#"{{"type": "Recurrence", "recurrence": {recurrence}}}"#);
        let expected: Vec<String> = expected
            .iter()
            .map(|place| format!("InvalidRecurrence $.triggers.t.recurrence{place}"))
            .collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        let expected =
            if *recurrence == "5" { &["WrongKind $.triggers.t.recurrence"][..] } else { &expected };
        check_triggers(&[(&trigger, expected)]);
    }
    check_triggers(&[
        (r#"{"type": "Recurrence"}"#, &["MissingProperty $.triggers.t"]),
        (
            r#"{"type": "Recurrence", "recurrence": {"frequency": "Day", "interval": "@add('a', 1)"}}"#,
            &["InvalidRecurrence $.triggers.t.recurrence +1"],
        ),
    ]);
}

#[test]
fn parameters_are_checked() {
    let document = r#"{"properties": {"definition": {"actions": {}, "triggers": {"t": {"type": "Request"}},
        "parameters": {
            "a": {"type": "Int"}, "b": {"type": "string", "allowedValues": ["x", "y"]},
            "c": {}, "d": {"type": "date"}, "e": 5, "f": {"type": "String", "defaultValue": "@utcNow()"},
            "g": {"type": "String", "defaultValue": "@add(1, 'x')"}}},
        "parameters": {"a": {"value": "7"}, "B": "z"}}}"#;
    let report = load(document.as_bytes(), &LoadOptions::default());
    check(
        &report,
        &[
            "MissingProperty $.properties.definition.parameters.c",
            "InvalidValue $.properties.definition.parameters.d.type",
            "WrongKind $.properties.definition.parameters.e",
            "InvalidParameter $.properties.definition.parameters.g.defaultValue +1",
            "InvalidParameter $.properties.parameters.a",
            "InvalidParameter $.properties.parameters.B",
            "(warning) InvalidParameter $.properties.definition.parameters.f.defaultValue",
        ],
        "parameters",
    );
}

#[test]
fn documents_that_are_none() {
    let cases: &[(&[u8], &str, Option<usize>)] = &[
        (b"", "InvalidJson $", Some(0)),
        (b"{\"a\": }", "InvalidJson $", Some(6)),
        (b"[1]", "NotADefinition $", None),
        (b"{\"properties\": {}}", "NotADefinition $", None),
        (b"{\"resources\": []}", "NotADefinition $", None),
    ];
    for (document, expected, offset) in cases {
        let report = load(document, &LoadOptions::default());
        let problem = &report.problems[0];
        assert_eq!(format!("{} {}", problem.code, problem.path), *expected);
        assert_eq!(problem.offset, *offset, "{expected}");
        assert!(report.loaded.is_none());
    }
    let large = vec![b' '; flow::limits::DOCUMENT_BYTES_MAX + 1];
    let report = load(&large, &LoadOptions::default());
    assert_eq!(told(&report), ["DocumentTooLarge $"]);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(load(deep.as_bytes(), &LoadOptions::default()).problems[0].code, "InvalidJson");
}

/// `levels` Scopes around each other, and their path.
fn nested(levels: usize) -> String {
    let inner = r#""C": {"type": "Compose", "inputs": 1}"#.to_owned();
    (0..levels).fold(inner, |inner, level| {
        format!(r#""S{level}": {{"type": "Scope", "actions": {{{inner}}}}}"#)
    })
}

#[test]
fn limits() {
    check_actions(&[(&nested(7), &[])]);
    let deep = load_with(r#"{"type": "Request"}"#, &nested(8));
    assert_eq!(deep.problems.len(), 1);
    assert!(deep.loaded.is_some() && deep.problems[0].code == "LimitExceeded");
    let deeper = load_with(r#"{"type": "Request"}"#, &nested(40));
    assert!(deeper.loaded.is_none() && deeper.problems[0].code == "TooLarge");

    let chain = |count: usize| {
        let mut actions = r#""A0": {"type": "Compose", "inputs": 1}"#.to_owned();
        for at in 1..count {
            let before = at - 1;
            let _ = write!(
                actions,
                r#","A{at}": {{"type": "Compose", "inputs": "@outputs('A0')", "runAfter": {{"A{before}": ["Succeeded"]}}}}"#
            );
        }
        load_with(r#"{"type": "Request"}"#, &actions)
    };
    check(&chain(500), &[], "500");
    check(&chain(501), &["(warning) LimitExceeded $"], "501");
    check(&chain(10_000), &["(warning) LimitExceeded $"], "10,000");
    let over = chain(10_001);
    assert!(over.loaded.is_none() && told(&over).contains(&"TooLarge $.actions.A10000".to_owned()));
}

#[test]
fn problems_are_bounded_and_sorted() {
    let mut actions = String::new();
    for at in 0..3_000 {
        let _ =
            write!(actions, r#"{}"A{at}": {{"type": "Compose"}}"#, if at > 0 { "," } else { "" });
    }
    let report = load_with(r#"{"type": "Request"}"#, &actions);
    assert_eq!(report.problems.len(), flow::limits::PROBLEMS_MAX + 1);
    assert_eq!(report.problems.last().unwrap().code, "TooManyProblems");
}
