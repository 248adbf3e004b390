//! Which connector a call is of, in every form that definitions have.

use super::Source;
use expr::template::{ExprView, StepView, View};
use expr::{NoBinder, Template, Value};

/// `shared_...`.
pub fn connector(inputs: &Value, source: &Source<'_>) -> Option<String> {
    let host = inputs.get("host")?;
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned)
    };
    let api = host.get("api");
    let said = text(host.get("apiId")).or_else(|| text(api.and_then(|it| it.get("id"))));
    if let Some(id) = said.filter(|it| !it.starts_with('@')) {
        return Some(shared(last_segment(&id)));
    }
    let url = text(api.and_then(|it| it.get("runtimeUrl")));
    let of_url = url.as_deref().and_then(|it| it.split_once("/apim/")).map(|(_, rest)| rest);
    if let Some(name) = of_url.and_then(|it| it.split('/').next()).filter(|it| !it.is_empty()) {
        return Some(shared(name));
    }
    let connection = host.get("connection");
    let named = text(host.get("connectionName"))
        .or_else(|| text(host.get("connectionReferenceName")))
        .or_else(|| text(connection.and_then(|it| it.get("referenceName"))))
        .or_else(|| text(connection.and_then(|it| it.get("name"))))?;
    let key = match named.starts_with('@') {
        true => key_of(&named)?,
        false => named,
    };
    let found = referenced(source, &key).or_else(|| named_elsewhere(source.definition, &key));
    Some(found.unwrap_or_else(|| shared(bare(last_segment(&key)))))
}

/// The connector that another call over the same connection names.
fn named_elsewhere(definition: &Value, key: &str) -> Option<String> {
    let mut waiting = vec![definition];
    while let Some(value) = waiting.pop() {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let id = text("apiId").filter(|it| !it.is_empty() && !it.starts_with('@'));
        if let (Some(id), Some(true)) = (id, text("connectionName").map(|it| it == key)) {
            return Some(shared(last_segment(id)));
        }
        match value {
            Value::Object(object) => waiting.extend(object.iter().map(|it| it.1)),
            Value::Array(items) => waiting.extend(items.iter()),
            _ => {}
        }
    }
    None
}

/// `@parameters('$connections')['key']['connectionId']`: the key.
fn key_of(text: &str) -> Option<String> {
    let template = Template::compile_text(text, &NoBinder).ok()?;
    let View::Expression(expression) = template.view() else { return None };
    let ExprView::Access { steps, .. } = expression.view() else { return None };
    match steps.first()? {
        StepView::Name { name, .. } => Some((*name).to_owned()),
        StepView::Computed(index) => match index.view() {
            ExprView::Literal(Value::String(name)) => Some(name.to_string()),
            _ => None,
        },
    }
}

/// The connector of a connection reference, or of a parameter that holds them.
fn referenced(source: &Source<'_>, key: &str) -> Option<String> {
    let parameter = source.definition.get("parameters").and_then(|it| it.get("$connections"));
    let values = ["value", "defaultValue"].map(|name| parameter.and_then(|it| it.get(name)));
    let found = [source.references].into_iter().chain(values).flatten();
    let entry = found.filter_map(|it| it.get(key)).find(|it| it.as_object().is_some())?;
    let at = |path: &[&str]| path.iter().try_fold(entry, |value, name| value.get(name));
    let paths: [&[&str]; 4] = [&["id"], &["api", "id"], &["api", "name"], &["apiName"]];
    let said = paths.into_iter().find_map(|path| at(path).and_then(Value::as_str));
    said.filter(|it| !it.is_empty() && !it.contains(['@', '[', '\'']))
        .map(|it| shared(last_segment(it)))
}

/// The name without the number that the designer gives a second one.
fn bare(name: &str) -> &str {
    let number = name.trim_end_matches(|it: char| it.is_ascii_digit());
    match number.strip_suffix(['-', '_']) {
        Some(bare) if number.len() < name.len() && !bare.is_empty() => bare,
        _ => name,
    }
}

fn last_segment(text: &str) -> &str {
    let text = text.trim_end_matches('/');
    text.rsplit('/').next().unwrap_or(text)
}

/// Connectors are called `shared_...`; resources of Azure leave that out. Characters that
/// names do not have are left out.
fn shared(name: &str) -> String {
    let is_plain = |it: &char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    let name: String = name.chars().filter(is_plain).take(NAME_CHARS_MAX).collect();
    match name.strip_prefix("shared_").unwrap_or(&name) {
        "" => "shared_unnamed".to_owned(),
        rest => format!("shared_{rest}"),
    }
}

/// Characters of a connector's name.
const NAME_CHARS_MAX: usize = 120;
