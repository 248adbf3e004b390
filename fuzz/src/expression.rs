//! Target `expression`: text as an expression, as a template string, and as a JSON template.

use expr::context::JsonContext;
use expr::template::TemplateError;
use expr::{NoBinder, Object, Template, Value, json};
use std::sync::LazyLock;

/// Bytes of a value's text up to which it is written and read back: the checks of larger
/// ones would take the time of the search.
const ROUND_TRIP_BYTES_MAX: usize = 64 * 1024;

/// What expressions find around them.
const SURROUNDINGS: &str = r#"{
    "utcNow": "2024-02-29T12:34:56.7890123Z",
    "parameters": {"p": "text", "list": [3, 1, 2]},
    "variables": {"o": {"a": 1, "B": [1.5, null], "c": {"d": "e"}}, "a": ["x", 2, 3.25, true, null],
        "s": "The quick brown fox", "n": 42, "f": -2.5e3, "u": "\u00e9\ud83d\ude00\u0130"},
    "outputs": {"X": {"statusCode": 200, "headers": {"Content-Type": "application/json"},
        "body": {"$content-type": "text/plain", "$content": "aGVsbG8="}}},
    "actions": {"Y": {"name": "Y", "status": "Failed", "outputs": {"body": "y"}}},
    "results": {"Scope": [{"name": "Y", "status": "Succeeded"}]},
    "trigger": {"name": "t", "outputs": {"headers": {}, "body": {
        "$content-type": "multipart/form-data; boundary=B", "$content": "LS1CLS0=",
        "$multipart": [{"headers": {"Content-Disposition": "form-data; name=x"}, "body": "1"}],
        "$formdata": [{"key": "k", "value": "v"}, {"key": "k", "value": "w"}]}}},
    "item": {"id": 7, "tags": ["a", "b"]},
    "items": {"Loop": "i"},
    "iterationIndexes": {"Until": 3},
    "workflow": {"name": "w", "run": {"name": "r"}},
    "appsettings": {"key": "value"}
}"#;

static ROOT: LazyLock<Object> = LazyLock::new(|| {
    let root = json::parse(SURROUNDINGS.as_bytes()).expect("the surroundings are JSON");
    Object::clone(root.as_object().expect("the surroundings are an object"))
});

/// Parses and evaluates a text in every way that a definition can.
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(template) = Template::compile_text(text, &NoBinder) {
        evaluate(&template);
    }
    if !text.starts_with('@')
        && let Ok(template) = Template::compile_text(&format!("@{text}"), &NoBinder)
    {
        evaluate(&template);
    }
    if let Ok(value) = json::parse(data) {
        tree(Template::compile(&value, &NoBinder));
        tree(Template::compile_condition(&value, &NoBinder));
    }
}

fn tree(compiled: Result<Template, Vec<TemplateError>>) {
    match compiled {
        Ok(template) => evaluate(&template),
        Err(faults) => assert!(!faults.is_empty(), "a refusal says why"),
    }
}

fn evaluate(template: &Template) {
    template.visit_calls(&mut |_| {});
    let context = JsonContext::new(ROOT.clone(), 0, 3);
    let mut context = context.expect("the surroundings have a time");
    match template.eval(&mut context) {
        Ok(value) => check(&value),
        Err(error) => assert!(!error.to_string().is_empty(), "an error says what is wrong"),
    }
}

/// Whatever comes of an expression can be written and read back.
fn check(value: &Value) {
    let Ok(text) = value.to_text() else { return };
    if text.len() > ROUND_TRIP_BYTES_MAX {
        return;
    }
    let text = json::to_string(value);
    let read = json::parse(text.as_bytes());
    assert!(read.is_ok() || is_nested_deeply(value, 100), "not JSON: {text}");
    let mut bytes = Vec::new();
    expr::codec::put(value, &mut bytes);
    let taken = expr::codec::take(&mut bytes.as_slice()).expect("a value is stored and read");
    assert_eq!(json::to_string(&taken), text, "a stored value reads back as another");
}

/// JSON that is nested further than the parser follows is no fault of the writer.
fn is_nested_deeply(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => {
            levels == 0 || items.iter().any(|item| is_nested_deeply(item, levels - 1))
        }
        Value::Object(object) => {
            levels == 0 || object.iter().any(|(_, item)| is_nested_deeply(item, levels - 1))
        }
        _ => false,
    }
}
