//! Calls of the operations of a document, and the requests that they must make, straight from
//! the document's JSON.

use super::check::{Want, WantBody, WantPart, content, escaped};
use serde_json::{Map, Value, json};

/// Which of an operation's parameters a call gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    All,
    /// Those that are required and have no default.
    Needed,
}

/// A call of an operation, and its request.
#[derive(Clone, Debug)]
pub struct Call {
    pub operation: String,
    pub given: Given,
    /// As an action has them.
    pub parameters: Map<String, Value>,
    /// Without what stands before an operation's path.
    pub want: Want,
    /// Where its own servers are.
    pub server: Option<String>,
}

/// What a test decides about the values of some parameters, by their names: they are always
/// given.
pub type Fixed = Vec<(String, String)>;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const PLACES: [&str; 5] = ["path", "query", "header", "cookie", "body"];
/// What is hard to write at each place.
const IN_PATH: &str = "a b/c%2F&ä?#+=[é]'x";
const IN_QUERY: &str = "v /?#%&ä+\"é\u{1F600}=;,'*()";
const IN_HEADER: &str = "a b; c=%20, d/ä";
const IN_BODY: &str = "t \"ä\"\n\\ & % \u{1F600} <x> 50%25";

/// A parameter, in the words of either version.
struct Parameter<'a> {
    name: &'a str,
    place: &'a str,
    is_required: bool,
    schema: &'a Value,
    style: Style,
    is_double: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Between(&'static str),
    Repeated,
    /// `name[key]=value`.
    Deep,
}

pub fn calls(root: &Value, fixed: &Fixed) -> Vec<Call> {
    let mut calls = Vec::new();
    for (path, item) in root["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path") {
            if !METHODS.contains(&method.to_ascii_lowercase().as_str()) {
                continue;
            }
            let shared = item["parameters"].as_array().into_iter().flatten();
            let own = operation["parameters"].as_array().into_iter().flatten();
            let mut all: Vec<Parameter<'_>> = Vec::new();
            for raw in own.chain(shared) {
                let it = parameter(root, at(root, raw));
                // what the operation says of one counts, not what its path says
                if !all.iter().any(|known| known.name == it.name && known.place == it.place) {
                    all.push(it);
                }
            }
            all.extend(fields(root, operation));
            for given in [Given::All, Given::Needed] {
                let mut call = Call {
                    operation: id(method, path, operation),
                    given,
                    parameters: Map::new(),
                    want: Want { method: method.to_uppercase(), ..Want::default() },
                    server: server(operation).or_else(|| server(item)),
                };
                let consumes = media(root, operation);
                fill(root, &mut call, (path, &consumes), (&all, operation), fixed);
                calls.push(call);
            }
        }
    }
    calls
}

/// The address of the first of the servers that something names.
pub fn server(value: &Value) -> Option<String> {
    value["servers"][0]["url"].as_str().map(str::to_owned)
}

fn id(method: &str, path: &str, operation: &Value) -> String {
    let said = operation["operationId"].as_str().unwrap_or_default().trim();
    if !said.is_empty() {
        return said.to_owned();
    }
    let words = path.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty());
    words.fold(method.to_lowercase(), |id, word| format!("{id}-{word}"))
}

fn media(root: &Value, operation: &Value) -> Vec<String> {
    let list = |value: &Value| -> Vec<String> {
        let all = value["consumes"].as_array().into_iter().flatten();
        all.filter_map(|it| it.as_str().map(|it| it.trim().to_owned())).collect()
    };
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        return content.keys().cloned().collect();
    }
    let own = list(operation);
    if own.is_empty() { list(root) } else { own }
}

/// What a reference leads to.
fn at<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(pointer) => at(root, root.pointer(&pointer[1..]).expect("what is referred to")),
        None => value,
    }
}

fn parameter<'a>(root: &'a Value, value: &'a Value) -> Parameter<'a> {
    let place = match value["in"].as_str().expect("a place") {
        other if other.eq_ignore_ascii_case("formdata") => "formData",
        other => PLACES.into_iter().find(|it| it.eq_ignore_ascii_case(other)).unwrap_or(other),
    };
    let is_new = root["openapi"].is_string();
    let style = match (is_new, value["collectionFormat"].as_str(), value["style"].as_str()) {
        (true, _, Some("deepObject")) => Style::Deep,
        (true, _, Some("spaceDelimited")) | (false, Some("ssv"), _) => Style::Between(" "),
        (true, _, Some("pipeDelimited")) | (false, Some("pipes"), _) => Style::Between("|"),
        (true, ..) if place == "query" && value["explode"] != false => Style::Repeated,
        (false, Some("tsv"), _) => Style::Between("\t"),
        (false, Some("multi"), _) => Style::Repeated,
        _ => Style::Between(","),
    };
    Parameter {
        name: value["name"].as_str().expect("a name"),
        place,
        is_required: value["required"] == true || value["required"] == "true" || place == "path",
        schema: if value["schema"].is_object() { at(root, &value["schema"]) } else { value },
        style,
        is_double: value["x-ms-url-encoding"] == "double",
    }
}

/// The fields of a form of OpenAPI 3.
fn fields<'a>(root: &'a Value, operation: &'a Value) -> Vec<Parameter<'a>> {
    let content = at(root, &operation["requestBody"])["content"].as_object();
    let form = content.and_then(|it| it.iter().find(|(media, _)| media.contains("form-")));
    let Some((_, form)) = form else { return Vec::new() };
    let schema = at(root, &form["schema"]);
    let properties = schema["properties"].as_object().into_iter().flatten();
    let field = |(name, value): (&'a String, &'a Value)| {
        let mut required = schema["required"].as_array().into_iter().flatten();
        Parameter {
            name,
            place: "formData",
            is_required: required.any(|it| it.as_str() == Some(name)),
            schema: value,
            style: Style::Repeated,
            is_double: false,
        }
    };
    properties.map(field).collect()
}

/// Gives each parameter a value and puts it where the document says.
fn fill(
    root: &Value,
    call: &mut Call,
    (path, consumes): (&str, &[String]),
    (all, operation): (&[Parameter<'_>], &Value),
    fixed: &Fixed,
) {
    let path = path.split('#').next().unwrap_or_default();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    call.want.path = literal(path);
    let inline = query.split('&').filter(|it| !it.is_empty());
    let inline = inline.map(|it| it.split_once('=').unwrap_or((it, "")));
    call.want.query = inline.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (mut fields, mut cookies) = (Vec::new(), Vec::new());
    let mut said = None;
    for it in all.iter().filter(|it| it.place != "body") {
        let Some(value) = chosen(it, call.given, consumes, all, fixed) else { continue };
        if value.1 {
            call.parameters.insert(it.name.to_owned(), value.0.clone());
        }
        match it.place {
            "formData" => fields.push((it, value.0)),
            "header" if it.name.trim().eq_ignore_ascii_case("content-type") => {
                said = Some(text(&value.0).trim().to_owned());
            }
            "cookie" => cookies.push(format!("{}={}", it.name, escaped(&text(&value.0)))),
            _ => place(call, it, &value.0),
        }
    }
    if !cookies.is_empty() {
        call.want.headers.push(("Cookie".to_owned(), cookies.join("; ")));
    }
    // names of the path that nobody declares
    while let Some((before, rest)) = call.want.path.split_once('{') {
        let (name, behind) = rest.split_once('}').expect("the end of a name");
        call.parameters.insert(name.to_owned(), IN_PATH.into());
        call.want.path = format!("{before}{}{behind}", escaped(IN_PATH));
    }
    if !fields.is_empty() {
        form(call, &fields, consumes, said);
        return;
    }
    let old = all.iter().find(|it| it.place == "body");
    let old = old.map(|it| (it.name, it.schema, it.is_required));
    let new = at(root, &operation["requestBody"]);
    let of_new = new["content"].as_object().and_then(|content| {
        let json = content.iter().find(|it| is_json(it.0)).or_else(|| content.iter().next())?;
        Some(("body", at(root, &json.1["schema"]), new["required"] == true))
    });
    let Some((name, schema, is_required)) = old.or(of_new) else { return };
    if let Some((keys, value)) = made(root, schema, name, is_required, call.given, 0) {
        call.parameters.extend(keys);
        body(call, schema, value, consumes, said);
    }
}

fn is_json(media: &str) -> bool {
    let media = media.split(';').next().unwrap_or_default().trim();
    media.ends_with("/json") || media.ends_with("+json")
}

/// A value for a parameter, and whether it has to be given.
fn chosen(
    it: &Parameter<'_>,
    given: Given,
    consumes: &[String],
    all: &[Parameter<'_>],
    fixed: &Fixed,
) -> Option<(Value, bool)> {
    if let Some((_, value)) = fixed.iter().find(|(name, _)| name.eq_ignore_ascii_case(it.name)) {
        let is_number = it.schema["type"] == "integer";
        let value = if is_number { json!(7) } else { value.as_str().into() };
        return Some((value, true));
    }
    let default = &it.schema["default"];
    let has_default = !default.is_null();
    match given {
        Given::Needed if !it.is_required => None,
        Given::Needed if has_default => Some((typed(&it.schema["type"], default), false)),
        _ if it.place == "header" && it.name.trim().eq_ignore_ascii_case("content-type") => {
            let has_form = all.iter().any(|it| it.place == "formData");
            let one = it.schema["enum"][0].as_str().or(default.as_str());
            let media = match has_form {
                true => {
                    consumes.iter().find(|it| !is_json(it)).map_or("multipart/form-data", |it| it)
                }
                false => one.unwrap_or("application/json"),
            };
            Some((media.into(), true))
        }
        _ => Some((sample(it.schema, it.place), true)),
    }
}

fn place(call: &mut Call, it: &Parameter<'_>, value: &Value) {
    let name = it.name.to_owned();
    let texts = texts(value, it.style);
    match it.place {
        "path" => {
            let once = escaped(&texts[0]);
            let written = if it.is_double { escaped(&once) } else { once };
            let hole = format!("{{{name}}}");
            if call.want.path.contains(&hole) {
                call.want.path = call.want.path.replace(&hole, &written);
            } else {
                replace_ignoring_case(&mut call.want.path, &hole, &written);
            }
            for (_, value) in &mut call.want.query {
                *value = value.replace(&hole, &texts[0]);
            }
        }
        "query" if it.style == Style::Deep => {
            for (key, value) in value.as_object().into_iter().flatten() {
                call.want.query.push((format!("{name}[{key}]"), text(value)));
            }
        }
        "query" => call.want.query.extend(texts.into_iter().map(|it| (name.clone(), it))),
        // a name that no header can have is not sent
        "header" if name.trim().contains(' ') => {}
        "header" => call.want.headers.push((name.trim().to_owned(), texts[0].trim().to_owned())),
        other => panic!("a parameter in {other}"),
    }
}

fn replace_ignoring_case(path: &mut String, hole: &str, written: &str) {
    if let Some(at) = path.to_lowercase().find(&hole.to_lowercase()) {
        path.replace_range(at..at + hole.len(), written);
    }
}

fn form(
    call: &mut Call,
    fields: &[(&Parameter<'_>, Value)],
    consumes: &[String],
    said: Option<String>,
) {
    let is_file = |it: &Value| it["type"] == "file" || it["format"] == "binary";
    let has_file = fields.iter().any(|(it, _)| is_file(it.schema));
    let is_form = |it: &&String| it.contains("form-data") || it.contains("form-urlencoded");
    let media = said.as_ref().filter(is_form).or_else(|| consumes.iter().find(is_form));
    if has_file || media.is_some_and(|it| it.contains("form-data")) {
        let mut parts = Vec::new();
        for (it, value) in fields {
            let name = it.name.to_owned();
            match content(value) {
                Some((media, content)) => {
                    parts.push(WantPart { name, media: Some(media), content });
                }
                None => parts.extend(texts(value, it.style).into_iter().map(|text| WantPart {
                    name: name.clone(),
                    media: None,
                    content: text.into_bytes(),
                })),
            }
        }
        call.want.media = Some("multipart/form-data".to_owned());
        call.want.body = WantBody::Parts(parts);
        return;
    }
    let pairs = fields.iter().flat_map(|(it, value)| {
        texts(value, it.style).into_iter().map(|text| (it.name.to_owned(), text))
    });
    call.want.media = Some("application/x-www-form-urlencoded".to_owned());
    call.want.body = WantBody::Form(pairs.collect());
}

fn body(call: &mut Call, schema: &Value, value: Value, consumes: &[String], said: Option<String>) {
    let json = consumes.iter().find(|it| is_json(it));
    let is_text = value.is_string() && !matches!(schema["type"].as_str(), Some("object" | "array"));
    let first = if is_text { consumes.first() } else { json.or(consumes.first()) };
    let media = said.or_else(|| first.cloned()).unwrap_or_else(|| "application/json".to_owned());
    call.want.body = match (&value, content(&value)) {
        (_, Some((own, bytes))) => {
            call.want.media = Some(own);
            call.want.body = WantBody::Bytes(bytes);
            return;
        }
        (Value::String(text), _) if !is_json(&media) => WantBody::Bytes(text.clone().into_bytes()),
        (Value::Object(fields), _) if media.contains("form-urlencoded") => {
            let fields = fields.iter().filter(|it| !it.1.is_null());
            WantBody::Form(fields.map(|(name, value)| (name.clone(), text(value))).collect())
        }
        (Value::Object(fields), _) if media.contains("form-data") => {
            let fields = fields.iter().filter(|it| !it.1.is_null());
            WantBody::Parts(fields.map(|(name, value)| part(name, value)).collect())
        }
        _ => WantBody::Json(value),
    };
    call.want.media = Some(media);
}

fn part(name: &str, value: &Value) -> WantPart {
    let (media, content) = match content(value) {
        Some((media, content)) => (Some(media), content),
        None => (None, text(value).into_bytes()),
    };
    WantPart { name: name.to_owned(), media, content }
}

/// A path as it may be written in an address; names of parameters stay as they are.
fn literal(path: &str) -> String {
    let plain = |it: char| it.is_ascii_graphic() && !"\"<>^`".contains(it);
    let mut is_name = false;
    let written = path.chars().map(|it| {
        is_name = it == '{' || (is_name && it != '}');
        if is_name || plain(it) { it.to_string() } else { escaped(&it.to_string()) }
    });
    written.collect()
}

fn texts(value: &Value, style: Style) -> Vec<String> {
    let Some(items) = value.as_array() else { return vec![text(value)] };
    let items: Vec<String> = items.iter().map(text).collect();
    match style {
        Style::Between(separator) => vec![items.join(separator)],
        Style::Repeated | Style::Deep => items,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value without others that a document describes in it.
fn sample(schema: &Value, place: &str) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return typed(&schema["type"], first);
    }
    match schema["type"].as_str().map(str::to_lowercase).as_deref() {
        Some("integer") => json!(-7),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        Some("array") => match schema["items"]["type"].as_str() {
            Some("integer" | "number") => json!([1, 2]),
            _ => json!(["a b", "c&ä"]),
        },
        Some("object") => json!({"k": "v w"}),
        _ if schema["format"] == "binary" => {
            json!({"$content-type": "image/png", "$content": "iVBORw0KGgo="})
        }
        Some("file") => json!({"$content-type": "text/csv", "$content": "YTtiDQo="}),
        _ => Value::from(match place {
            "path" => IN_PATH,
            "header" => IN_HEADER,
            "body" => IN_BODY,
            _ => IN_QUERY,
        }),
    }
}

/// A value of the document as its type wants it; some write a number in quotes.
fn typed(kind: &Value, value: &Value) -> Value {
    match (kind.as_str(), value) {
        (Some("string"), Value::Number(_) | Value::Bool(_)) => value.to_string().into(),
        (Some("integer" | "number" | "boolean"), Value::String(text)) => {
            serde_json::from_str(&text.to_lowercase()).unwrap_or_else(|_| value.clone())
        }
        (_, value) => value.clone(),
    }
}

/// Flat keys for a body or a part of it, and the value that they must become.
type Made = (Map<String, Value>, Value);

fn made(
    root: &Value,
    schema: &Value,
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
            return Some((Map::new(), typed(&schema["type"], default)));
        }
    }
    let whole = |value: Value| Some((Map::from_iter([(key.to_owned(), value.clone())]), value));
    let open = ["x-ms-dynamic-schema", "x-ms-dynamic-properties", "allOf", "oneOf", "anyOf"];
    let is_open = open.iter().any(|name| !schema[name].is_null());
    let kind = schema["type"].as_str();
    match schema["properties"].as_object() {
        Some(properties) if matches!(kind, None | Some("object")) && !is_open => {
            if depth > 5 || properties.is_empty() {
                return whole(json!({}));
            }
            let (mut keys, mut values) = (Map::new(), Map::new());
            for (name, property) in properties {
                let mut required = schema["required"].as_array().into_iter().flatten();
                let is_required = required.any(|it| it.as_str() == Some(name));
                if given == Given::Needed && at(root, property)["readOnly"] == true {
                    continue;
                }
                let key = format!("{key}/{}", name.replace('~', "~0").replace('/', "~1"));
                if let Some((more, value)) =
                    made(root, property, &key, is_required, given, depth + 1)
                {
                    keys.extend(more);
                    values.insert(name.clone(), value);
                }
            }
            Some((keys, values.into()))
        }
        _ if kind == Some("object") || (kind.is_none() && schema["items"].is_null()) => {
            whole(json!({"k": "v"}))
        }
        _ if kind == Some("array") || kind.is_none() => {
            let item = at(root, &schema["items"]);
            let is_plain = matches!(item["type"].as_str(), Some("string" | "integer"));
            whole(if is_plain { json!([sample(item, "body")]) } else { json!([]) })
        }
        _ => whole(sample(schema, "body")),
    }
}
