//! What a definition becomes: order, shapes, defaults, bindings.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use expr::Value;
use flow::definition::{
    Action, Behavior, Dialect, Flow, LoadOptions, Loaded, RetryPolicy, StatusSet, TriggerBehavior,
    TriggerConcurrency, VariableKind, load,
};

fn loaded(document: &str, options: &LoadOptions) -> Loaded {
    let report = load(document.as_bytes(), options);
    report.loaded.unwrap_or_else(|| panic!("{:#?}", report.problems))
}

fn flow(actions: &str) -> Flow {
    flow_in(Dialect::LogicApps, actions)
}

fn flow_in(dialect: Dialect, actions: &str) -> Flow {
    let document =
        format!(r#"{{"triggers": {{"t": {{"type": "Request"}}}}, "actions": {{{actions}}}}}"#);
    loaded(&document, &LoadOptions { dialect: Some(dialect), parameters: None }).flow
}

fn action<'f>(flow: &'f Flow, name: &str) -> &'f Action {
    flow.action(flow.find_action(name).unwrap())
}

fn names(flow: &Flow, ids: &[flow::definition::ActionId]) -> Vec<String> {
    ids.iter().map(|id| flow.action(*id).name.to_string()).collect()
}

#[test]
fn blocks_are_in_an_order_that_can_run() {
    let flow = flow(
        r#""E": {"type": "Compose", "inputs": 1, "runAfter": {"D": ["Failed", "timedOut"], "b": ["Succeeded"]}},
           "A": {"type": "Compose", "inputs": 1, "runAfter": {}},
           "D": {"type": "Compose", "inputs": 1, "runAfter": {"C": ["Succeeded"]}},
           "C": {"type": "Compose", "inputs": 1},
           "B": {"type": "Compose", "inputs": 1, "runAfter": {"A": ["Skipped"]}}"#,
    );
    assert_eq!(names(&flow, &flow.blocks[0].actions), ["A", "C", "D", "B", "E"]);
    let last = action(&flow, "e");
    let edges: Vec<(String, StatusSet)> = last
        .run_after
        .iter()
        .map(|edge| (flow.action(edge.action).name.to_string(), edge.statuses))
        .collect();
    assert_eq!(edges, [("D".to_owned(), StatusSet(0b1010)), ("B".to_owned(), StatusSet(1))]);
    assert_eq!(names(&flow, &action(&flow, "A").successors), ["B"]);
    for (at, action) in flow.actions.iter().enumerate() {
        assert_eq!(action.id.at(), at);
    }
}

#[test]
fn loops_have_shapes_and_other_containers_do_not() {
    let flow = flow(
        r#""I": {"type": "If", "expression": true, "actions": {
                "F": {"type": "Foreach", "foreach": [1], "actions": {
                    "S": {"type": "Scope", "actions": {"C": {"type": "Compose", "inputs": 1}}},
                    "U": {"type": "Until", "expression": "@true", "actions": {
                        "D": {"type": "Compose", "inputs": 1}}}}}}},
           "R": {"type": "Compose", "inputs": "@result('F')", "runAfter": {"I": ["Succeeded"]}}"#,
    );
    assert_eq!(flow.shapes.len(), 3);
    assert_eq!(names(&flow, &flow.shapes[0].actions), ["I", "F", "R"]);
    assert_eq!(names(&flow, &flow.shapes[1].actions), ["S", "C", "U"]);
    assert_eq!(names(&flow, &flow.shapes[2].actions), ["D"]);
    assert_eq!(flow.shapes.iter().map(|shape| shape.depth).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(flow.shapes[2].parent.unwrap().at(), 1);
    let keeps: Vec<bool> = flow.shapes.iter().map(|shape| shape.keeps_iterations).collect();
    assert_eq!(keeps, [false, true, false]);
    for shape in &flow.shapes {
        for (slot, id) in shape.actions.iter().enumerate() {
            assert_eq!(flow.action(*id).slot as usize, slot);
        }
    }
    let Behavior::If { then, otherwise, .. } = action(&flow, "I").behavior else { panic!() };
    assert_eq!(flow.block(then).actions.len(), 1);
    assert!(flow.block(otherwise).actions.is_empty());
    assert_eq!(flow.block(otherwise).owner, flow.find_action("I"));
}

#[test]
fn foreach_concurrency_depends_on_place_and_dialect() {
    let actions = r#"
        "A": {"type": "foreach", "foreach": []},
        "B": {"type": "Foreach", "foreach": [], "operationOptions": "Sequential"},
        "C": {"type": "Foreach", "foreach": [], "runtimeConfiguration": {"concurrency": {"repetitions": 50}}},
        "U": {"type": "Until", "expression": "@true", "actions": {"S": {"type": "Scope", "actions": {
            "D": {"type": "Foreach", "foreach": [], "runtimeConfiguration": {"concurrency": {"repetitions": 50}}}}}}}"#;
    let of = |dialect| -> Vec<u32> {
        let flow = flow_in(dialect, actions);
        ["A", "B", "C", "D"]
            .iter()
            .map(|name| match action(&flow, name).behavior {
                Behavior::Foreach { concurrency, .. } => concurrency,
                _ => 0,
            })
            .collect()
    };
    assert_eq!(of(Dialect::LogicApps), [20, 1, 50, 1]);
    assert_eq!(of(Dialect::PowerAutomate), [1, 1, 50, 1]);
}

#[test]
fn until_and_variables_have_defaults() {
    let flow = flow(
        r#""V": {"type": "InitializeVariable", "inputs": {"variables": [
                {"name": "Count", "type": "integer", "value": "@add(1, 1)"}, {"name": "text", "type": "STRING"}]}},
           "U": {"type": "Until", "expression": {"equals": [1, 1]}},
           "I": {"type": "IncrementVariable", "inputs": {"name": "count"}, "runAfter": {"V": ["Succeeded"]}}"#,
    );
    let Behavior::Until(until) = &action(&flow, "U").behavior else { panic!() };
    assert_eq!(until.count.as_const(), Some(&Value::Int(60)));
    assert_eq!(until.timeout.as_const(), Some(&"PT1H".into()));
    let Behavior::InitializeVariable { variables } = &action(&flow, "V").behavior else { panic!() };
    assert_eq!(variables[0].kind, VariableKind::Integer);
    assert!(variables[0].value.is_some() && variables[1].value.is_none());
    assert_eq!(flow.variables, ["Count", "text"]);
    let Behavior::IncrementVariable { variable, value } = &action(&flow, "I").behavior else {
        panic!()
    };
    assert_eq!((variable.at(), value.as_const()), (0, Some(&Value::Int(1))));
}

#[test]
fn retry_policies_are_found_in_both_places() {
    const SECOND: i64 = 10_000_000;
    let http = r#""type": "Http", "inputs": {"method": "GET", "uri": "http://x""#;
    let actions = format!(
        r#""A": {{{http}}}}},
           "B": {{{http}, "retryPolicy": {{"type": "fixed", "count": 2, "interval": "PT20S"}}}}}},
           "C": {{{http}}}, "runtimeConfiguration": {{"retryPolicy": {{"type": "none"}}}}}},
           "D": {{{http}}}, "runtimeConfiguration": {{"retryPolicy": {{"type": "fixed", "count": "@triggerBody()"}}}}}},
           "E": {{{http}, "retryPolicy": {{"type": "exponential", "count": 3, "interval": "PT7S"}}}}}}"#
    );
    let policy = |dialect, name: &str| match &action(&flow_in(dialect, &actions), name).behavior {
        Behavior::Http { retry, .. } => retry.clone(),
        _ => panic!(),
    };
    let of = |name| policy(Dialect::LogicApps, name);
    let standard = |count| RetryPolicy::Exponential {
        count,
        interval: 7 * SECOND,
        minimum: 5 * SECOND,
        maximum: 3_600 * SECOND,
    };
    assert_eq!(of("A"), standard(4));
    assert_eq!(policy(Dialect::PowerAutomate, "A"), standard(8));
    assert_eq!(of("B"), RetryPolicy::Fixed { count: 2, interval: 20 * SECOND });
    assert_eq!(of("C"), RetryPolicy::None);
    assert_eq!(of("D"), RetryPolicy::Evaluated);
    let day = 86_400 * SECOND;
    let given = RetryPolicy::Exponential {
        count: 3,
        interval: 7 * SECOND,
        minimum: 5 * SECOND,
        maximum: day,
    };
    assert_eq!(of("E"), given);
}

#[test]
fn triggers_carry_what_their_start_needs() {
    let document = r#"{"actions": {}, "parameters": {"every": {"type": "Object", "defaultValue": {"n": 2}}},
        "triggers": {
            "manual": {"type": "Manual", "kind": "Http",
                "inputs": {"method": "GET", "relativePath": "a/{b}", "schema": {"type": "object"}},
                "splitOn": "@triggerBody()", "correlation": {"clientTrackingId": "@triggerBody()?['id']"},
                "conditions": ["@true", {"expression": "@false"}],
                "operationOptions": "EnableSchemaValidation",
                "runtimeConfiguration": {"concurrency": {"runs": 5}, "secureData": {"properties": ["Outputs"]}}},
            "single": {"type": "request", "operationOptions": "SingleInstance"},
            "clock": {"type": "recurrence", "recurrence": {"frequency": "Day", "interval": "@parameters('every').n",
                "timeZone": "W. Europe Standard Time", "schedule": {"hours": ["6"]}}}}}"#;
    let flow = loaded(document, &LoadOptions::default()).flow;
    let manual = flow.find_trigger("MANUAL").unwrap();
    let TriggerBehavior::Request { method, relative_path, schema } = &manual.behavior else {
        panic!()
    };
    assert_eq!(method.as_deref(), Some("GET"));
    assert!(relative_path.as_ref().unwrap().matches("/a/1").is_some() && schema.is_some());
    assert_eq!(manual.concurrency, Some(TriggerConcurrency { runs: 5, waiting_max: 15 }));
    assert_eq!(manual.conditions.len(), 2);
    assert!(manual.split_on.is_some() && manual.client_tracking_id.is_some());
    assert!(manual.secure_outputs && !manual.secure_inputs);
    assert!(manual.options.enable_schema_validation && manual.inputs.is_some());
    let single = flow.find_trigger("single").unwrap();
    assert_eq!(single.concurrency, Some(TriggerConcurrency { runs: 1, waiting_max: 11 }));
    let TriggerBehavior::Recurrence(clock) = &flow.find_trigger("clock").unwrap().behavior else {
        panic!()
    };
    assert_eq!(
        (clock.interval, clock.zone.as_ref().unwrap().name.as_str()),
        (2, "W. Europe Standard Time")
    );
    assert_eq!(clock.schedule.as_ref().unwrap().hours, [6]);
}

#[test]
fn parameters_take_given_values_first() {
    let document = r#"{"definition": {"actions": {"A": {"type": "Compose", "inputs": "@parameters('Extra')"}},
        "triggers": {"t": {"type": "Request"}}, "parameters": {
            "a": {"type": "int", "defaultValue": 1}, "b": {"type": "SecureString", "defaultValue": "s"},
            "c": {"type": "String"}, "d": {"type": "String", "defaultValue": "@{parameters('b')}!"},
            "e": {"type": "Object", "defaultValue": {"value": 1, "x": 2}}}},
        "parameters": {"A": {"value": 2}, "e": {"value": {"value": 3}}}}"#;
    let given =
        expr::json::parse(br#"{"a": 3, "extra": {"type": "SecureObject", "value": {"k": 1}}}"#);
    let options = LoadOptions { dialect: None, parameters: given.ok() };
    let flow = loaded(document, &options).flow;
    let shown: Vec<String> = flow
        .parameters
        .iter()
        .map(|p| format!("{} {} {}", p.name, expr::json::to_string(&p.value), p.secure))
        .collect();
    assert_eq!(
        shown,
        [
            "a 3 false",
            r#"b "s" true"#,
            "c null false",
            r#"d "s!" false"#,
            r#"e {"value":3} false"#,
            r#"extra {"k":1} true"#,
        ]
    );
}

#[test]
fn action_settings() {
    let document = r#"{"triggers": {"t": {"type": "Request"}}, "staticResults": {"r": {"status": "Failed"}},
        "outputs": {"o": {"type": "String", "value": "@body('A')"}},
        "actions": {"A": {"type": "Http", "kind": "K", "inputs": {"method": "GET", "uri": "http://x"},
            "limit": {"timeout": "PT5M"}, "trackedProperties": {"p": "@action().name"},
            "operationOptions": "DisableAsyncPattern, suppressWorkflowHeaders",
            "runtimeConfiguration": {"secureData": {"properties": ["inputs", "outputs"]},
                "staticResult": {"name": "r", "staticResultOptions": "Enabled"}}}}}"#;
    let flow = loaded(document, &LoadOptions::default()).flow;
    let found = action(&flow, "A");
    assert_eq!(found.kind.as_deref(), Some("K"));
    assert!(found.secure_inputs && found.secure_outputs && found.tracked_properties.is_some());
    assert_eq!(found.timeout.as_ref().unwrap().as_const(), Some(&"PT5M".into()));
    assert!(found.options.disable_async_pattern && found.options.suppress_workflow_headers);
    assert_eq!(found.static_result.as_ref().unwrap().get("status"), Some(&"Failed".into()));
    assert_eq!(flow.outputs.len(), 1);
}
