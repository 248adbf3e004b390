//! Definitions in everything they come wrapped in, and the dialect that shows.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use flow::definition::{Dialect, LoadOptions, Loaded, Report, load};

const PLAIN: &str = r#""triggers": {"t": {"type": "Request"}}, "actions": {}"#;

fn load_text(document: &str) -> Report {
    load(document.as_bytes(), &LoadOptions::default())
}

fn loaded(document: &str) -> Loaded {
    let report = load_text(document);
    report.loaded.unwrap_or_else(|| panic!("{document}\n{:#?}", report.problems))
}

#[test]
fn dialects_show_in_wrappers_and_definitions() {
    use Dialect::{LogicApps, PowerAutomate};
    let with_action = |name: &str| {
        format!(
            r#"{{"triggers": {{}}, "actions": {{"I": {{"type": "If", "expression": true,
                "else": {{"actions": {{"A": {{"type": "{name}",
                    "inputs": {{"host": {{"operationId": "O", "apiId": "x"}}}}}}}}}}}}}}}}"#
        )
    };
    let cases = [
        (format!("{{{PLAIN}}}"), LogicApps),
        (format!(r#"{{"definition": {{{PLAIN}}}, "kind": "Stateful"}}"#), LogicApps),
        (format!(r#"{{"definition": {{{PLAIN}}}, "connectionReferences": {{}}}}"#), PowerAutomate),
        (
            format!(
                r#"{{"properties": {{"definition": {{{PLAIN}}}, "connectionReferences": {{}}}}}}"#
            ),
            PowerAutomate,
        ),
        (
            format!(r#"{{"properties": {{"definition": {{{PLAIN}}}, "apiId": "/x"}}}}"#),
            PowerAutomate,
        ),
        (
            format!(
                r#"{{"type": "microsoft.logic/workflows", "properties": {{"definition": {{{PLAIN}}}}}}}"#
            ),
            LogicApps,
        ),
        (
            r#"{"triggers": {"t": {"type": "Request", "kind": "button"}}, "actions": {}}"#
                .to_owned(),
            PowerAutomate,
        ),
        (
            format!(
                r#"{{{PLAIN}, "parameters": {{"$authentication": {{"type": "SecureObject"}}}}}}"#
            ),
            PowerAutomate,
        ),
        (with_action("OpenApiConnection"), PowerAutomate),
        (with_action("ServiceProvider"), LogicApps),
    ];
    for (document, expected) in cases {
        assert_eq!(loaded(&document).flow.dialect, expected, "{document}");
    }
    let options = LoadOptions { dialect: Some(PowerAutomate), parameters: None };
    let report = load(format!("\u{feff}{{{PLAIN}}}").as_bytes(), &options);
    assert_eq!(report.loaded.unwrap().flow.dialect, PowerAutomate);
}

#[test]
fn wrappers_tell_names_connections_and_kind() {
    let export = loaded(&format!(
        r#"{{"name": "guid", "properties": {{"displayName": "My flow", "state": "Started",
            "definition": {{{PLAIN}}}, "connectionReferences": {{"shared_x": {{}}}}}}}}"#
    ));
    assert_eq!(export.display_name.as_deref(), Some("My flow"));
    assert!(export.connection_references.unwrap().get("shared_x").is_some());
    assert!(export.definition.get("actions").is_some());
    let project = loaded(&format!(r#"{{"definition": {{{PLAIN}}}, "kind": "stateless"}}"#));
    assert!(project.stateless);
    // stateless workflows may retry quicker
    let quick = |kind: &str| {
        load_text(&format!(
            r#"{{"kind": "{kind}", "definition": {{"triggers": {{}}, "actions": {{"A": {{"type": "Http", "inputs":
                {{"method": "GET", "uri": "http://x",
                  "retryPolicy": {{"type": "fixed", "count": 1, "interval": "PT1S"}}}}}}}}}}}}"#
        ))
    };
    assert!(quick("Stateless").loaded.is_some() && quick("Stateful").loaded.is_none());
}

#[test]
fn problems_have_places_in_the_whole_document() {
    let report = load_text(
        r#"{"properties": {"definition": {"triggers": {}, "actions": {"A": {"type": "Compose"}}}}}"#,
    );
    assert_eq!(report.problems[0].path, "$.properties.definition.actions.A");
}

/// A deployment template with the given parts around a workflow of one Compose.
fn template(parts: &str, inputs: &str) -> String {
    format!(
        r#"{{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            {parts}
            "resources": [
                {{"type": "Microsoft.Web/connections", "properties": {{}}}},
                {{"type": "Microsoft.Logic/workflows", "name": "[parameters('name')]", "properties": {{
                    "definition": {{
                        "triggers": {{"t": {{"type": "Request"}}}},
                        "parameters": {{"p": {{"type": "String"}}, "q": {{"type": "String"}}}},
                        "actions": {{"A": {{"type": "Compose", "inputs": {inputs}}}}}}},
                    "parameters": {{"p": {{"value": "[variables('greeting')]"}},
                                    "q": {{"value": "[resourceGroup().location]"}}}}}}}}]}}"#
    )
}

const PARTS: &str = r#""parameters": {
        "name": {"type": "string", "defaultValue": "flow-1"},
        "list": {"type": "array", "defaultValue": ["[parameters('name')]", 2]},
        "open": {"type": "string"},
        "round": {"type": "string", "defaultValue": "[variables('about')]"}},
    "variables": {"greeting": "[concat('Hello ', parameters('name'))]", "about": "[parameters('round')]"},"#;

#[test]
fn deployment_templates_are_resolved_as_far_as_they_can_be() {
    let cases = [
        (r#""[variables('greeting')]""#, r#""Hello flow-1""#, None),
        (r#""[toUpper(variables('Greeting'))]""#, r#""HELLO FLOW-1""#, None),
        (r#""[parameters('list')]""#, r#"["flow-1",2]"#, None),
        (r#"{"a": ["[parameters('list')[1]]"]}"#, r#"{"a":[2]}"#, None),
        (r#""[[literal]""#, r#""[literal]""#, None),
        (r#""[not closed""#, r#""[not closed""#, None),
        (r#""[concat('@{', 'triggerBody()}')]""#, r#""@{triggerBody()}""#, None),
        (
            r#""[concat(subscription().id, '@{x')]""#,
            r#""[concat(subscription().id, '@@{x')]""#,
            Some("'subscription()' needs a deployment"),
        ),
        (r#""[parameters('open')]""#, r#""[parameters('open')]""#, Some("'open' has no value")),
        (r#""[variables('none')]""#, r#""[variables('none')]""#, Some("no variable 'none'")),
        (r#""[parameters('round')]""#, r#""[parameters('round')]""#, Some("refers to itself")),
        (r#""[1,2]""#, r#""[1,2]""#, Some("not an expression")),
    ];
    for (inputs, expected, warning) in cases {
        let report = load_text(&template(PARTS, inputs));
        let told: Vec<&str> = report
            .problems
            .iter()
            .filter(|problem| problem.path.ends_with(".actions.A.inputs"))
            .map(|problem| problem.message.as_str())
            .collect();
        assert_eq!(told.len(), usize::from(warning.is_some()), "{inputs}: {told:?}");
        if let Some(warning) = warning {
            assert!(told[0].contains(warning), "{inputs}: {told:?}");
        }
        let loaded = report.loaded.unwrap_or_else(|| panic!("{inputs} {:#?}", report.problems));
        let actions = loaded.definition.get("actions").unwrap();
        let inputs_now = actions.get("A").unwrap().get("inputs").unwrap();
        assert_eq!(expr::json::to_string(inputs_now), expected);
        assert_eq!(loaded.display_name.as_deref(), Some("flow-1"));
        assert_eq!(loaded.flow.dialect, Dialect::LogicApps);
        // the value of one parameter is known, that of the other is not
        assert_eq!(loaded.flow.parameters[0].value, "Hello flow-1".into());
        assert!(loaded.flow.parameters[1].value.is_null());
    }
}

#[test]
fn nested_templates_have_scopes() {
    let nested = |scope: &str| {
        format!(
            r#"{{"parameters": {{"x": {{"defaultValue": "outer"}}}}, "resources": {{"sub": {{
                "type": "Microsoft.Resources/deployments", "properties": {{
                    "expressionEvaluationOptions": {{"scope": "{scope}"}},
                    "parameters": {{"x": {{"value": "[concat('from ', parameters('x'))]"}}}},
                    "template": {{"parameters": {{"x": {{"defaultValue": "inner"}}}}, "resources": [
                        {{"type": "Microsoft.Logic/workflows", "properties": {{"definition": {{
                            "triggers": {{}}, "actions": {{}}, "description": "[parameters('x')]"}}}}}},
                        {{"type": "Microsoft.Logic/workflows", "properties": {{"definition": {{}}}}}}]}}}}}}}}}}"#
        )
    };
    for (scope, expected) in [("Inner", "from outer"), ("outer", "outer")] {
        let report = load_text(&nested(scope));
        let told: Vec<&str> = report.problems.iter().map(|problem| problem.code).collect();
        assert!(told.contains(&"SeveralDefinitions"), "{told:?}");
        let definition = report.loaded.unwrap().definition;
        assert_eq!(definition.get("description"), Some(&expected.into()));
    }
}

#[test]
fn templates_that_grow_without_end_are_cut_off() {
    let mut variables = r#""v0": "[concat('0123456789', '0123456789')]""#.to_owned();
    for at in 1..16 {
        let part = format!("variables('v{}')", at - 1);
        let parts = vec![part; 12].join(", ");
        variables.push_str(&format!(r#", "v{at}": "[concat({parts})]""#));
    }
    let parts = format!(
        r#""parameters": {{"name": {{"defaultValue": "x"}}}}, "variables": {{"greeting": "x", {variables}}},"#
    );
    let report = load_text(&template(&parts, r#""[variables('v15')]""#));
    assert!(report.problems.iter().any(|problem| problem.message.contains("too large")));
}

#[test]
fn leftovers_of_templates_are_named() {
    let report = load_text(
        r#"{"triggers": {}, "actions": {"A": {"type": "Compose", "inputs": "[concat('@{body(''X'')}')]"}}}"#,
    );
    let problem = &report.problems[0];
    assert_eq!((problem.code, problem.offset), ("UnresolvedDeploymentExpression", Some(18)));
    assert!(report.loaded.is_none());
}
