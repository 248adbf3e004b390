//! Calls of the operations of a document, and the requests that they must make, straight from
//! the document's JSON.

use crate::object;
use expr::Value;
use serde_json::Value as Json;

/// Which of an operation's parameters a call gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    All,
    /// Those that are required and have no default.
    Needed,
}

/// A call and its request.
pub struct Case {
    pub operation: String,
    pub given: Given,
    pub parameters: expr::Object,
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
    /// Of a form, in order.
    pub fields: Option<Vec<(String, String)>>,
}

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

pub fn cases(root: &Json) -> Vec<Case> {
    let mut cases = Vec::new();
    for (path, item) in root["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if METHODS.contains(&method.as_str()) {
                for given in [Given::All, Given::Needed] {
                    let shared = item["parameters"].as_array().into_iter().flatten();
                    let own = operation["parameters"].as_array().into_iter().flatten();
                    let all: Vec<&Json> = own.chain(shared).map(|it| at(root, it)).collect();
                    let id = operation["operationId"].as_str().unwrap();
                    cases.push(case(root, (path, method, id), &all, given));
                }
            }
        }
    }
    cases
}

/// What a reference leads to.
fn at<'a>(root: &'a Json, value: &'a Json) -> &'a Json {
    match value["$ref"].as_str() {
        Some(pointer) => at(root, root.pointer(&pointer[1..]).unwrap()),
        None => value,
    }
}

fn case(root: &Json, (path, method, id): (&str, &str, &str), all: &[&Json], given: Given) -> Case {
    let mut case = Case {
        operation: id.to_owned(),
        given,
        parameters: expr::Object::new(),
        method: method.to_uppercase(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        fields: None,
    };
    for parameter in all {
        let name = parameter["name"].as_str().unwrap();
        let place = parameter["in"].as_str().unwrap();
        let is_required = parameter["required"] == true || place == "path";
        if place == "body" {
            let schema = &parameter["schema"];
            let body = made(root, schema, name, is_required, given, 0);
            if let Some((keys, value)) = body {
                case.parameters = case
                    .parameters
                    .iter()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .chain(object(keys).iter().map(|(k, v)| (k.clone(), v.clone())))
                    .collect();
                case.body = Some(value);
            }
            continue;
        }
        let default = &parameter["default"];
        let is_type = place == "header" && name.trim().eq_ignore_ascii_case("content-type");
        let value = match given {
            Given::All if is_type => Value::from(form_or_json(all)),
            Given::All => sample(parameter),
            Given::Needed if !is_required => continue,
            Given::Needed if default.is_null() => sample(parameter),
            Given::Needed => typed(&parameter["type"], default),
        };
        if given == Given::All || default.is_null() {
            case.parameters.insert(name, value.clone());
        }
        place_value(&mut case, parameter, &value);
    }
    case.path = case.path.split(['#', '?']).next().unwrap().to_owned();
    case
}

fn form_or_json(all: &[&Json]) -> &'static str {
    let is_form = all.iter().any(|it| it["in"] == "formData");
    if is_form { "multipart/form-data" } else { "application/json" }
}

fn place_value(case: &mut Case, parameter: &Json, value: &Value) {
    let name = parameter["name"].as_str().unwrap();
    let items: Vec<String> = match value.as_array() {
        Some(items) => items.iter().map(plain).collect(),
        None => vec![plain(value)],
    };
    let separator = match parameter["collectionFormat"].as_str() {
        Some("multi") => None,
        Some("pipes") => Some("|"),
        Some("ssv") => Some(" "),
        Some("tsv") => Some("\t"),
        _ => Some(","),
    };
    let texts = match separator {
        Some(separator) => vec![items.join(separator)],
        None => items,
    };
    let pairs = texts.iter().map(|text| (name.to_owned(), text.clone()));
    match parameter["in"].as_str().unwrap() {
        "path" => {
            let once = escaped(&texts[0]);
            let is_double = parameter["x-ms-url-encoding"] == "double";
            let text = if is_double { escaped(&once) } else { once };
            case.path = case.path.replace(&format!("{{{name}}}"), &text);
        }
        "query" => case.query.extend(pairs),
        "header" if name.trim().eq_ignore_ascii_case("content-type") => {}
        // a name that no header can have
        "header" if name.trim().contains(' ') => {}
        "header" => case.headers.push((name.trim().to_owned(), texts[0].clone())),
        "formData" => case.fields.get_or_insert_default().extend(pairs),
        other => panic!("{other}"),
    }
}

/// RFC 3986: unreserved characters stay.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Object(_) => "a;b".to_owned(),
        other => expr::json::to_string(other),
    }
}

/// A value for a parameter or property without others in it.
fn sample(schema: &Json) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return typed(&schema["type"], first);
    }
    match schema["type"].as_str() {
        Some("integer") => Value::Int(7),
        Some("number") => Value::Float(1.5),
        Some("boolean") => Value::Bool(true),
        Some("array") if schema["items"]["type"] == "integer" => vec![1.into(), 2.into()].into(),
        Some("array") => vec![Value::from("a"), Value::from("b&")].into(),
        Some("file") => object(vec![
            ("$content-type".to_owned(), "text/csv".into()),
            ("$content".to_owned(), "YTti".into()),
        ])
        .into(),
        _ => Value::from("v /?#%&ä"),
    }
}

/// A value of the document as its type wants it; some write a number in quotes.
fn typed(kind: &Json, value: &Json) -> Value {
    let read = |text: &str| expr::json::parse(text.as_bytes()).unwrap();
    match (kind.as_str(), value) {
        (Some("string"), Json::String(text)) => Value::from(text.as_str()),
        (Some("string"), Json::Number(_) | Json::Bool(_)) => Value::from(value.to_string()),
        (Some("integer" | "number" | "boolean"), Json::String(text)) => read(&text.to_lowercase()),
        (_, value) => read(&value.to_string()),
    }
}

/// Flat keys for a body or a part of it, and the value that they must become.
type Made = (Vec<(String, Value)>, Value);

fn made(
    root: &Json,
    schema: &Json,
    key: &str,
    is_required: bool,
    given: Given,
    depth: usize,
) -> Option<Made> {
    let schema = at(root, schema);
    let default = &schema["default"];
    if given == Given::Needed {
        if !is_required {
            return None;
        }
        if !default.is_null() {
            return Some((Vec::new(), typed(&schema["type"], default)));
        }
    }
    let whole = |value: Value| Some((vec![(key.to_owned(), value.clone())], value));
    let properties = schema["properties"].as_object();
    let is_open = ["x-ms-dynamic-schema", "x-ms-dynamic-properties", "allOf", "oneOf", "anyOf"];
    let is_open = is_open.iter().any(|name| !schema[name].is_null());
    let kind = schema["type"].as_str();
    match properties {
        Some(properties) if matches!(kind, None | Some("object")) && !is_open => {
            if depth > 5 || properties.is_empty() {
                return whole(object(Vec::new()).into());
            }
            let mut keys = Vec::new();
            let mut values = Vec::new();
            for (name, property) in properties {
                let required = schema["required"].as_array().into_iter().flatten();
                let is_required = required.into_iter().any(|it| it.as_str() == Some(name));
                let step = name.replace('~', "~0").replace('/', "~1");
                let key = format!("{key}/{step}");
                if given == Given::Needed && at(root, property)["readOnly"] == true {
                    continue;
                }
                let part = made(root, property, &key, is_required, given, depth + 1);
                if let Some((more, value)) = part {
                    keys.extend(more);
                    values.push((name.clone(), value));
                }
            }
            // what is given comes first, what is filled in behind it
            Some((keys, object(values).into()))
        }
        _ if kind == Some("object") || (kind.is_none() && schema["items"].is_null()) => {
            whole(object(vec![("k".to_owned(), "v".into())]).into())
        }
        _ if kind == Some("array") || kind.is_none() => {
            let item = at(root, &schema["items"]);
            let is_plain = matches!(item["type"].as_str(), Some("string" | "integer"));
            whole(if is_plain { vec![sample(item)].into() } else { Vec::new().into() })
        }
        _ => whole(sample(schema)),
    }
}
