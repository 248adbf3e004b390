//! Every rule of validation: a small definition that breaks it, and the code, place
//! and offset of what is told.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use flow::definition::{LoadOptions, Report, Severity, load};

/// Loads a definition with the given actions, variables `s` (String) and `n`
/// (Integer), a Request trigger and a parameter `p`.
fn load_actions(actions: &str) -> Report {
    let separator = if actions.trim().is_empty() { "" } else { "," };
    let document = format!(
        r#"{{"parameters": {{"p": {{"type": "String", "defaultValue": "x"}}}},
            "triggers": {{"t": {{"type": "Request", "inputs": {{}}}}}},
            "actions": {{
                "Init": {{"type": "InitializeVariable", "inputs": {{"variables": [
                    {{"name": "s", "type": "string"}}, {{"name": "n", "type": "integer"}}]}}}}
                {separator}{actions}
            }}}}"#
    );
    let options = LoadOptions { parameters: Some(expr::Object::new().into()), dialect: None };
    load(document.as_bytes(), &options)
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

/// Pairs of actions and what is told about them.
fn check(cases: &[(&str, &[&str])]) {
    for (actions, expected) in cases {
        let report = load_actions(actions);
        assert_eq!(told(&report), *expected, "{actions}\n{:#?}", report.problems);
        let is_refused = expected.iter().any(|told| !told.starts_with('('));
        assert_eq!(report.loaded.is_none(), is_refused, "{actions}");
    }
}

#[test]
fn structure() {
    check(&[
        (r#""A": 1"#, &["WrongKind $.actions.A"]),
        (r#""A": {"inputs": 1}"#, &["MissingProperty $.actions.A"]),
        (r#""A": {"type": 7, "inputs": 1}"#, &["WrongKind $.actions.A.type"]),
        (r#""A": {"type": "compose"}"#, &["MissingProperty $.actions.A"]),
        (r#""A": {"type": "compose", "inputs": null}"#, &[]),
        (r#""A": {"type": "Scope", "actions": []}"#, &["WrongKind $.actions.A.actions"]),
        (r#""A": {"type": "Scope"}"#, &[]),
        (
            r#""A": {"type": "Teleport", "inputs": {"to": "@body('B')"}}"#,
            &[
                "UnknownAction $.actions.A.inputs.to +1",
                "(warning) UnsupportedAction $.actions.A.type",
            ],
        ),
        (
            r#""A": {"type": "Compose", "inputs": 1, "limit": {"timeout": "1 hour"}}"#,
            &["InvalidValue $.actions.A.limit.timeout"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": 1, "operationOptions": "Fly, DisableAsyncPattern"}"#,
            &["(warning) UnknownOption $.actions.A.operationOptions"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": 1, "runtimeConfiguration":
                {"secureData": {"properties": ["inputs", "headers"]},
                 "staticResult": {"name": "none", "staticResultOptions": "enabled"}}}"#,
            &[
                "InvalidValue $.actions.A.runtimeConfiguration.secureData.properties[1]",
                "UnknownStaticResult $.actions.A.runtimeConfiguration.staticResult.name",
            ],
        ),
    ]);
}

#[test]
fn names() {
    let long = format!(r#""{}": {{"type": "Compose", "inputs": 1}}"#, "x".repeat(81));
    let path = format!("(warning) LimitExceeded $.actions.{}", "x".repeat(81));
    check(&[
        (
            r#""A b": {"type": "Compose", "inputs": 1},
               "S": {"type": "Scope", "actions": {"a B": {"type": "Compose", "inputs": 1}}}"#,
            &["DuplicateAction $.actions.S.actions['a B']"],
        ),
        (&long, &[&path]),
    ]);
}

#[test]
fn run_after() {
    check(&[
        (
            r#""A": {"type": "Compose", "inputs": 1, "runAfter": {"B": ["Succeeded"]}}"#,
            &["UnknownAction $.actions.A.runAfter.B"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": 1, "runAfter": {"init": ["SUCCEEDED", "Done", 1]}}"#,
            &[
                "UnknownStatus $.actions.A.runAfter.init[1]",
                "UnknownStatus $.actions.A.runAfter.init[2]",
            ],
        ),
        (
            r#""A": {"type": "Compose", "inputs": 1, "runAfter": {"Init": "Succeeded"}}"#,
            &["WrongKind $.actions.A.runAfter.Init"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": 1, "runAfter": []}"#,
            &["WrongKind $.actions.A.runAfter"],
        ),
        (
            r#""S": {"type": "Scope", "actions":
                {"A": {"type": "Compose", "inputs": 1, "runAfter": {"Init": ["Succeeded"]}}}}"#,
            &["RunAfterNotSibling $.actions.S.actions.A.runAfter.Init"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": 1, "runAfter": {"C": []}},
               "B": {"type": "Compose", "inputs": 1, "runAfter": {"A": []}},
               "C": {"type": "Compose", "inputs": 1, "runAfter": {"B": []}},
               "D": {"type": "Compose", "inputs": 1, "runAfter": {"C": []}},
               "E": {"type": "Compose", "inputs": 1, "runAfter": {"E": []}}"#,
            &["RunAfterCycle $.actions.A.runAfter", "RunAfterCycle $.actions.E.runAfter"],
        ),
    ]);
    let report = load_actions(
        r#""A": {"type": "Compose", "inputs": 1, "runAfter": {"C": []}},
           "B": {"type": "Compose", "inputs": 1, "runAfter": {"A": []}},
           "C": {"type": "Compose", "inputs": 1, "runAfter": {"B": []}}"#,
    );
    assert_eq!(report.problems[0].message, "Actions wait for each other: A -> B -> C -> A.");
}

#[test]
fn expressions() {
    check(&[
        (
            r#""A": {"type": "Compose", "inputs": {"x y": ["ok", "@concat('a'"]}}"#,
            &["InvalidExpression $.actions.A.inputs['x y'][1] +11"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": "text @{outputs('B'}"}"#,
            &["InvalidExpression $.actions.A.inputs +18"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": "@{} @frobnicate()"}"#,
            &["InvalidExpression $.actions.A.inputs +2"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": "@frobnicate(1)"}"#,
            &["(warning) UnknownFunction $.actions.A.inputs +1"],
        ),
        (
            r#""A": {"type": "If", "expression": {"and": [{"equals": ["@body('B')", 1]}, {"or": 1, "not": 2}]}}"#,
            &["InvalidExpression $.actions.A.expression.and[1] +0"],
        ),
        (
            r#""A": {"type": "If", "expression": {"and": [{"equals": ["@body('B')", 1]}]}}"#,
            &["UnknownAction $.actions.A.expression.and[0].equals[0] +1"],
        ),
        (
            r#""A": {"type": "If", "expression": 5}"#,
            &["InvalidExpression $.actions.A.expression +0"],
        ),
        (r#""A": {"type": "If"}"#, &["MissingProperty $.actions.A"]),
    ]);
}

#[test]
fn references_to_actions() {
    check(&[
        (
            r#""A": {"type": "Compose", "inputs": "@concat(outputs('B'))"}"#,
            &["UnknownAction $.actions.A.inputs +8"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": "@outputs('a')"}"#,
            &["ActionNotBefore $.actions.A.inputs +1"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": "@body('Init')"}"#,
            &["ActionNotBefore $.actions.A.inputs +1"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": "@body('Init')", "runAfter": {"Init": ["Succeeded"]}},
               "S": {"type": "Scope", "runAfter": {"A": []}, "actions":
                   {"B": {"type": "Compose", "inputs": "@actions('init')"}}},
               "C": {"type": "Compose", "inputs": "@body('B')", "runAfter": {"S": []}}"#,
            &[],
        ),
        (
            r#""If": {"type": "If", "expression": "@true",
                "actions": {"B": {"type": "Compose", "inputs": 1}},
                "else": {"actions": {"C": {"type": "Compose", "inputs": "@outputs('B')"}}}}"#,
            &["ActionNotBefore $.actions.If.else.actions.C.inputs +1"],
        ),
        (
            r#""S": {"type": "Scope", "actions": {"B": {"type": "Compose", "inputs": "@result('S')"}}}"#,
            &["ActionNotBefore $.actions.S.actions.B.inputs +1"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": "@result('Init')", "runAfter": {"Init": []}}"#,
            &["NotAContainer $.actions.A.inputs +1"],
        ),
        (
            r#""U": {"type": "Until", "expression": "@equals(outputs('B'), 1)",
                "actions": {"B": {"type": "Compose", "inputs": 1}}}"#,
            &[],
        ),
        (
            r#""F": {"type": "Foreach", "foreach": "@outputs('B')",
                "actions": {"B": {"type": "Compose", "inputs": 1}}}"#,
            &["ActionNotBefore $.actions.F.foreach +1"],
        ),
    ]);
}

#[test]
fn references_to_loops_and_items() {
    check(&[
        (
            r#""For each": {"type": "Foreach", "foreach": [1], "actions":
                {"A": {"type": "Compose", "inputs": ["@item()", "@items('For_each')", "@items('for each')"]}}}"#,
            &["NotAnEnclosingLoop $.actions['For each'].actions.A.inputs[1] +1"],
        ),
        (
            r#""For_each": {"type": "Foreach", "foreach": [1], "actions":
                {"A": {"type": "Compose", "inputs": ["@items('For each')"]}}}"#,
            &[],
        ),
        (
            r#""F": {"type": "Foreach", "foreach": "@items('F')", "actions": {}},
               "A": {"type": "Compose", "inputs": "@items('F')"},
               "B": {"type": "Compose", "inputs": "@items('G')"},
               "C": {"type": "Compose", "inputs": "@item()"}"#,
            &[
                "NotAnEnclosingLoop $.actions.F.foreach +1",
                "NotAnEnclosingLoop $.actions.A.inputs +1",
                "NotAnEnclosingLoop $.actions.B.inputs +1",
                "MisplacedFunction $.actions.C.inputs +1",
            ],
        ),
        (
            r#""U": {"type": "Until", "expression": "@equals(iterationIndexes('U'), item())", "actions":
                {"A": {"type": "Compose", "inputs": ["@iterationIndexes('u')", "@items('U')"]}}}"#,
            &[
                "MisplacedFunction $.actions.U.expression +31",
                "NotAnEnclosingLoop $.actions.U.actions.A.inputs[1] +1",
            ],
        ),
        (
            r#""Q": {"type": "Query", "inputs": {"from": "@item()", "where": "@equals(item(), 1)"}},
               "S": {"type": "Select", "inputs": {"from": [], "select": {"a": "@item()"}}}"#,
            &["MisplacedFunction $.actions.Q.inputs.from +1"],
        ),
    ]);
}

#[test]
fn misplaced_functions() {
    check(&[
        (
            r#""A": {"type": "Compose", "inputs": "@action()"}"#,
            &["MisplacedFunction $.actions.A.inputs +1"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": 1, "trackedProperties":
                {"x": "@action().outputs", "y": "@outputs('A')"}}"#,
            &[],
        ),
        (
            r#""A": {"type": "Compose", "inputs": "@{listCallbackUrl()}"}"#,
            &["MisplacedFunction $.actions.A.inputs +2"],
        ),
        (
            r#""A": {"type": "HttpWebhook", "inputs": {"subscribe": {"uri": "@listCallbackUrl()", "method": "PUT"}}}"#,
            &[],
        ),
    ]);
}

#[test]
fn variables() {
    check(&[
        (
            r#""S": {"type": "Scope", "actions": {"A": {"type": "InitializeVariable",
                "inputs": {"variables": [{"name": "x", "type": "Array"}]}}}}"#,
            &["VariableInContainer $.actions.S.actions.A"],
        ),
        (
            r#""A": {"type": "InitializeVariable",
                "inputs": {"variables": [{"name": "S", "type": "Array"}, {"name": "y", "type": "Date"}]}}"#,
            &[
                "DuplicateVariable $.actions.A.inputs.variables[0]",
                "InvalidValue $.actions.A.inputs.variables[1].type",
            ],
        ),
        (
            r#""A": {"type": "InitializeVariable", "inputs": {"variables": []}}"#,
            &["WrongKind $.actions.A.inputs.variables"],
        ),
        (
            r#""A": {"type": "SetVariable", "runAfter": {"Init": ["Succeeded"]},
                "inputs": {"name": "S", "value": "x@{toLower(variables('s'))}"}}"#,
            &["VariableSelfReference $.actions.A.inputs.value +11"],
        ),
        (
            r#""A": {"type": "SetVariable", "inputs": {"name": "x", "value": "@variables('y')"}}"#,
            &[
                "UnknownVariable $.actions.A.inputs.name",
                "UnknownVariable $.actions.A.inputs.value +1",
            ],
        ),
        (
            r#""A": {"type": "SetVariable", "inputs": {"name": "s", "value": "@variables('n')"}}"#,
            &[
                "VariableNotBefore $.actions.A.inputs.name",
                "VariableNotBefore $.actions.A.inputs.value +1",
            ],
        ),
        (
            r#""A": {"type": "IncrementVariable", "inputs": {"name": "n"}, "runAfter": {"Init": []}}"#,
            &[],
        ),
        (
            r#""A": {"type": "AppendToArrayVariable", "inputs": {"name": "n"}, "runAfter": {"Init": []}}"#,
            &["MissingProperty $.actions.A.inputs"],
        ),
        (
            r#""A": {"type": "Compose", "inputs": "@parameters('q')"}"#,
            &["UnknownParameter $.actions.A.inputs +1"],
        ),
        (r#""A": {"type": "Compose", "inputs": "@parameters('P')"}"#, &[]),
    ]);
}

#[test]
fn data_operations() {
    check(&[
        (
            r#""A": {"type": "ParseJson", "inputs": {"schema": {"type": 5}}}"#,
            &[
                "MissingProperty $.actions.A.inputs",
                "(warning) InvalidSchema $.actions.A.inputs.schema",
            ],
        ),
        (r#""A": {"type": "ParseJson", "inputs": "x"}"#, &["WrongKind $.actions.A.inputs"]),
        (
            r#""A": {"type": "Join", "inputs": {"from": "x", "joinWith": ","}}"#,
            &["WrongKind $.actions.A.inputs.from"],
        ),
        (
            r#""A": {"type": "Table", "inputs": {"from": [], "format": "Markdown", "columns": [{"header": "h"}]}}"#,
            &[
                "InvalidValue $.actions.A.inputs.format",
                "MissingProperty $.actions.A.inputs.columns[0]",
            ],
        ),
        (
            r#""A": {"type": "Expression", "kind": "Guess", "inputs": {}}"#,
            &["InvalidValue $.actions.A.kind"],
        ),
        (r#""A": {"type": "Expression", "kind": "currenttime"}"#, &[]),
        (
            r#""A": {"type": "Query", "inputs": {"from": []}}"#,
            &["MissingProperty $.actions.A.inputs"],
        ),
    ]);
}
