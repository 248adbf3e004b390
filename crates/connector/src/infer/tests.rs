use super::*;
use crate::definition::{Document, TriggerKind};
use crate::mock;

fn inferred(definitions: &[&str]) -> Vec<(String, Document)> {
    let mut inference = Inference::default();
    for text in definitions {
        let definition = expr::json::parse(text.as_bytes()).unwrap();
        inference.learn(&Source {
            name: "flow",
            definition: &definition,
            references: None,
            id: None,
        });
    }
    let Findings { connectors: found, remarks, .. } = inference.finish();
    assert!(remarks.is_empty(), "{remarks:?}");
    let read = |it: &Inferred| (it.name.clone(), Document::read(&it.definition).unwrap());
    found.iter().map(read).collect()
}

const ROWS: &str = r#"{
  "triggers": {"Changed": {"type": "OpenApiConnectionWebhook", "inputs": {
    "host": {"connectionName": "shared_cds_1", "operationId": "SubscribeWebhookTrigger",
      "apiId": "/providers/Microsoft.PowerApps/apis/shared_cds"},
    "parameters": {"subscriptionRequest/entityname": "account", "subscriptionRequest/scope": 4}}}},
  "actions": {
    "List": {"type": "OpenApiConnection", "inputs": {
      "host": {"connectionName": "shared_cds", "operationId": "ListRecords", "apiId": "/a/shared_cds"},
      "parameters": {"entityName": "contacts", "$top": 5,
        "$filter": "parent eq @{triggerOutputs()?['body/accountid']}"}}},
    "Each": {"type": "Foreach", "foreach": "@outputs('List')?['body/value']", "actions": {
      "Update": {"type": "OpenApiConnection", "inputs": {
        "host": {"connectionName": "shared_cds", "operationId": "UpdateRecord", "apiId": "/a/shared_cds"},
        "parameters": {"entityName": "contacts", "recordId": "@items('Each')?['contactid']",
          "item/days": "@add(items('Each')?['days'], 1)", "item/when": "@{formatDateTime(item()?['seen'], 'd')}",
          "item/owner/name": "x", "item/a~1b": 1}}}}},
    "First": {"type": "Compose", "inputs": "@first(body('List')?['value'])"},
    "Use": {"type": "Compose", "inputs": "@toLower(outputs('First')?['name'])"},
    "Enough": {"type": "If", "expression": {"and": [{"greater": ["@length(body('List')?['value'])", 3]},
      {"equals": ["@outputs('First')?['isOpen']", true]}]}, "actions": {}}
  }}"#;

#[test]
fn operations_are_declared_as_flows_use_them() {
    let found = inferred(&[ROWS]);
    assert_eq!(found.len(), 1);
    let (name, document) = &found[0];
    assert_eq!(name, "shared_cds");
    let list = document.operation("ListRecords").unwrap();
    assert_eq!((list.method.as_str(), list.path.as_str()), ("GET", "/ListRecords"));
    let update = document.operation("UpdateRecord").unwrap();
    assert_eq!((update.method.as_str(), update.body().unwrap().name.as_str()), ("PATCH", "item"));
    let parameters = r#"{"entityName": "contacts", "recordId": "r", "item/days": 3,
        "item/when": "w", "item/owner/name": "n", "item/a~1b": 2}"#;
    let parameters = expr::json::parse(parameters.as_bytes()).unwrap();
    let bound = update.bind(parameters.as_object().unwrap()).unwrap();
    assert_eq!(
        expr::json::to_string(bound.parameters.get("item").unwrap()),
        r#"{"days":3,"when":"w","owner":{"name":"n"},"a/b":2}"#
    );
    let hook = document.operation("SubscribeWebhookTrigger").unwrap();
    assert_eq!(hook.trigger, Some(TriggerKind::Single));
    assert_eq!(hook.notification_key().as_deref(), Some("subscriptionRequest/url"));
    let told = mock::value(hook, hook.notification.unwrap());
    assert_eq!(expr::json::to_string(&told), r#"{"accountid":"text"}"#);
}

#[test]
fn answers_have_what_flows_read_of_them() {
    let found = inferred(&[ROWS]);
    let answer = mock::answer(found[0].1.operation("ListRecords").unwrap());
    assert_eq!(
        expr::json::to_string(&answer.body),
        r#"{"value":[{"contactid":"text","days":1,"isOpen":true,"name":"text","seen":"2024-01-01T00:00:00Z"}]}"#
    );
}

#[test]
fn values_are_followed_through_actions_and_variables() {
    let flow = r#"{"triggers": {"Poll": {"type": "OpenApiConnection", "inputs": {
        "host": {"operationId": "OnNew", "connectionName": "shared_mail-2"}, "parameters": {}},
        "splitOn": "@triggerOutputs()?['body/value']"}},
      "actions": {
        "Init": {"type": "InitializeVariable", "inputs": {"variables": [{"name": "rows", "type": "array"}]}},
        "Get": {"type": "OpenApiConnection", "inputs": {"host": {"operationId": "GetRows",
          "apiId": "/a/shared_mail"}, "parameters": {"id": "@triggerBody()?['id']"}}},
        "Parse": {"type": "ParseJson", "inputs": {"content": "@body('Get')", "schema": {
          "type": "object", "properties": {"total": {"type": "integer"}}}}},
        "Set": {"type": "SetVariable", "inputs": {"name": "rows", "value": "@body('Parse')?['rows']"}},
        "Some": {"type": "Query", "inputs": {"from": "@variables('rows')", "where": "@equals(item()?['state'], 1)"}},
        "Loop": {"type": "Foreach", "foreach": "@body('Some')", "actions": {
          "Note": {"type": "Compose", "inputs": "@int(items('Loop')?['text'])"}}}
      }}"#;
    let found = inferred(&[flow]);
    assert_eq!(found[0].0, "shared_mail");
    let document = &found[0].1;
    let answer =
        |id: &str| expr::json::to_string(&mock::answer(document.operation(id).unwrap()).body);
    assert_eq!(answer("GetRows"), r#"{"rows":[{"state":1,"text":"1"}],"total":1}"#);
    assert_eq!(answer("OnNew"), r#"{"value":[{"id":"text"}]}"#);
    assert_eq!(document.operation("OnNew").unwrap().trigger, Some(TriggerKind::Batch));
}

#[test]
fn calls_by_path_are_operations_too() {
    let flow = r#"{"actions": {"Items": {"type": "ApiConnection", "inputs": {
        "host": {"connection": {"name": "@parameters('$connections')['sharepointonline_1']['connectionId']"}},
        "method": "get", "queries": {"$top": 3},
        "path": "/datasets/@{encodeURIComponent(encodeURIComponent('https://x'))}/tables/@{encodeURIComponent(variables('t'))}/items"}},
      "Post": {"type": "ApiConnection", "inputs": {
        "host": {"api": {"runtimeUrl": "https://eu.example/apim/sharepointonline"}},
        "method": "post", "body": {"a": {"b": 1}}, "path": "/v2.0/teams"}}}}"#;
    let found = inferred(&[flow]);
    assert_eq!(found[0].0, "shared_sharepointonline");
    let document = &found[0].1;
    let mut request = crate::call::RelativeRequest {
        method: "GET".to_owned(),
        path: "/datasets/https%253A%252F%252Fx/tables/T/items".to_owned(),
        query: vec![("$top".to_owned(), "3".to_owned())],
        ..Default::default()
    };
    let routed = document.route(&request).unwrap();
    assert_eq!(
        expr::json::to_string(&routed.parameters.into()),
        r#"{"$top":3,"datasets":"https://x","tables":"T"}"#
    );
    request = crate::call::RelativeRequest {
        method: "POST".to_owned(),
        path: "/v2.0/teams".to_owned(),
        ..Default::default()
    };
    assert_eq!(document.route(&request).unwrap().operation.id, "Post_v2_0_teams");
}

/// Definitions by id; what is found.
fn findings(flows: &[(&str, &str)], examples: &[(&str, &str, &str)]) -> Findings {
    let mut inference = Inference::default();
    examples.iter().for_each(|it| inference.example(it.0, it.1, it.2));
    for (id, text) in flows {
        let definition = expr::json::parse(text.as_bytes()).unwrap();
        inference.learn(&Source {
            name: id,
            id: Some(id),
            definition: &definition,
            references: None,
        });
    }
    inference.finish()
}

/// What a flow is started with, of which only an action is given.
fn started(inputs: &str) -> String {
    let flow = format!(
        r#"{{"triggers": {{"manual": {{"type": "Request", "inputs": {{"schema": {{"properties": {{
        "text": {{"type": "string"}}, "kind": {{"enum": ["b", "a"]}}}}}}}}}}}},
        "actions": {{"A": {{"type": "Compose", "inputs": "@{inputs}"}},
          "B": {{"type": "Compose", "inputs": "@outputs('A')[2]"}}}}}}"#
    );
    let found = findings(&[("f", &flow)], &[]);
    assert!(found.remarks.is_empty() && found.missing.is_empty(), "{found:?}");
    found.started[0].body.clone()
}

#[test]
fn texts_have_in_them_what_is_taken_out() {
    assert_eq!(
        started("split(toLower(triggerBody()?['text']), '==')"),
        r#"{"kind":"b","text":"text==text==text"}"#
    );
    assert_eq!(
        started("json(triggerBody()['text'])?['Rows']"),
        r#"{"kind":"b","text":"{\"Rows\":[\"text\",\"text\",\"text\"]}"}"#
    );
    let base64 = "eyJhIjpbInRleHQiLCJ0ZXh0IiwidGV4dCJdfQ==";
    assert_eq!(
        started("json(base64ToString(triggerBody()['text']))?['a']"),
        format!(r#"{{"kind":"b","text":"{base64}"}}"#)
    );
    assert_eq!(
        started("json(xml(triggerBody()['text']))?['a/b']"),
        r#"{"kind":"b","text":"<a><b>text</b><b>text</b><b>text</b></a>"}"#
    );
}

#[test]
fn flows_that_call_each_other_are_of_one_shape() {
    let parent = r#"{"actions": {
      "Rows": {"type": "OpenApiConnection", "inputs": {"parameters": {},
        "host": {"operationId": "GetRows", "apiId": "/a/shared_c"}}},
      "Child": {"type": "Workflow", "inputs": {"host": {"workflowReferenceName": "CHILD"},
        "body": {"text": "@body('Rows')?['list']"}}},
      "Gone": {"type": "Workflow", "inputs": {"host": {"workflow": {"id": "/x/gone"}}, "body": {"a": 1}}},
      "Use": {"type": "Foreach", "foreach": "@outputs('Child')?['Body']?['rows']", "actions": {
        "Day": {"type": "Compose", "inputs": "@formatDateTime(items('Use')?['when'])"}}},
      "Sum": {"type": "Compose", "inputs": "@add(body('Gone')?['count'], 1)"},
      "Call": {"type": "Http", "inputs": {"method": "GET", "uri": "@{body('Rows')?['at']}x"}},
      "Said": {"type": "Compose", "inputs": "@int(body('Call')?['n'])"}}}"#;
    let child = r#"{"triggers": {"manual": {"type": "Request", "inputs": {}}}, "actions": {
      "Parts": {"type": "Compose", "inputs": "@split(triggerBody()?['text'], ';')[1]"},
      "More": {"type": "OpenApiConnection", "inputs": {"parameters": {},
        "host": {"operationId": "More", "apiId": "/a/shared_c"}}},
      "Answer": {"type": "Response", "inputs": {"body": {"rows": "@body('More')?['value']"}}}}}"#;
    let found = findings(&[("parent", parent), ("child", child)], &[]);
    let document = Document::read(&found.connectors[0].definition).unwrap();
    let answer =
        |id: &str| expr::json::to_string(&mock::answer(document.operation(id).unwrap()).body);
    assert_eq!(answer("GetRows"), r#"{"at":"https://example.com/","list":"text;text"}"#);
    assert_eq!(answer("More"), r#"{"value":[{"when":"2024-01-01T00:00:00Z"}]}"#);
    assert_eq!(found.started.len(), 1);
    assert_eq!(found.started[0].body, r#"{"text":"text;text"}"#);
    assert_eq!(found.answered[0].body, r#"{"n":"1"}"#);
    assert_eq!(found.missing.len(), 1);
    let missing = &found.missing[0];
    let made = expr::json::parse(missing.definition.as_bytes()).unwrap();
    let body =
        ["actions", "Answer", "inputs", "body"].iter().try_fold(&made, |it, name| it.get(name));
    assert_eq!(
        (missing.id.as_str(), expr::json::to_string(body.unwrap())),
        ("gone", r#"{"count":1}"#.to_owned())
    );
}

#[test]
fn values_are_those_that_somebody_says_parameters_are() {
    let flow = r#"{"triggers": {"manual": {"type": "Request", "inputs": {}}}, "actions": {
      "Rows": {"type": "OpenApiConnection", "inputs": {"parameters": {},
        "host": {"operationId": "GetRows", "connectionName": "k", "apiId": "/a/shared_c"}}},
      "Get": {"type": "OpenApiConnection", "inputs": {"host": {"operationId": "Get", "apiId": "/a/shared_d"},
        "parameters": {"name": "@body('Rows')?['id']", "put": [{"who/id": "@triggerBody()['text']"}]}}},
      "Again": {"type": "OpenApiConnection", "inputs": {"parameters": {},
        "host": {"operationId": "Other", "connectionName": "k", "apiId": ""}}}}}"#;
    let examples = [("shared_d", "name", "n-1"), ("shared_d", "put/who/id", "w-1")];
    let found = findings(&[("f", flow)], &examples);
    assert_eq!(found.started[0].body, r#"{"text":"w-1"}"#);
    // a connection is of one connector, whichever of its calls says so
    let names: Vec<&str> = found.connectors.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["shared_c", "shared_d"]);
    let document = Document::read(&found.connectors[0].definition).unwrap();
    let answer = mock::answer(document.operation("GetRows").unwrap());
    assert_eq!(expr::json::to_string(&answer.body), r#"{"id":"n-1"}"#);
}
