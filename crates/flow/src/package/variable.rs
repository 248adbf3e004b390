//! Environment variables of a solution: a folder for each, with its definition and, when the
//! solution brings one, its value.

use super::archive::Files;
use super::solution::with_xml;
use super::xml::{attribute, child, text};
use super::{PackagedVariable, Reading};
use expr::Value;
use roxmltree::Node;

/// The folder of a solution.
pub const FOLDER: &str = "environmentvariabledefinitions/";

const DEFINITION: &str = "/environmentvariabledefinition.xml";

/// Reads what the folder holds.
pub fn read(files: &Files, reading: &mut Reading) {
    let is_definition = |path: &&str| path.starts_with(FOLDER) && path.ends_with(DEFINITION);
    let paths: Vec<&str> = files.paths().filter(is_definition).collect();
    for path in paths {
        let folder = path.strip_suffix(DEFINITION).unwrap_or(path);
        let value = value(files, reading, &format!("{folder}/environmentvariablevalues.json"));
        with_xml(files, reading, path, |root, reading| {
            take(reading, root, files.name(path), value.as_deref());
        });
    }
}

/// The value that the solution brings, as text.
fn value(files: &Files, reading: &mut Reading, path: &str) -> Option<String> {
    let document = reading.json(files, path)?;
    let found = document.pointer("/environmentvariablevalues/environmentvariablevalue")?;
    let found = found.get(0).unwrap_or(found).get("value")?;
    match found {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn take(reading: &mut Reading, root: Node<'_, '_>, path: &str, value: Option<&str>) {
    let Some(schema_name) = attribute(root, "schemaname") else {
        return reading.fault(path, "The environment variable has no 'schemaname'.");
    };
    let type_name = match text(root, "type").as_deref() {
        Some("100000000") | None => "String",
        Some("100000001") => "Number",
        Some("100000002") => "Boolean",
        Some("100000003") => "JSON",
        Some("100000004") => "DataSource",
        Some(other) => {
            let message = format!("Variables of type {other} are not supported: it was left out.");
            return reading.remark(path, message);
        }
    };
    let shown = |name| child(root, name).and_then(|it| attribute(it, "default"));
    let typed = |text: &str| typed(type_name, text);
    let default = text(root, "defaultvalue").as_deref().map(typed).transpose();
    match (default, value.map(typed).transpose()) {
        (Ok(default_value), Ok(value)) => reading.variables.push(PackagedVariable {
            path: path.to_owned(),
            display_name: shown("displayname"),
            description: shown("description"),
            schema_name,
            type_name,
            default_value,
            value,
        }),
        (Err(message), _) | (_, Err(message)) => reading.fault(path, message),
    }
}

/// A value of text.
fn typed(type_name: &str, text: &str) -> Result<Value, String> {
    let wrong = || format!("'{text}' is no value of a variable of type '{type_name}'.");
    let lower = text.trim().to_ascii_lowercase();
    match type_name {
        "Boolean" => match lower.as_str() {
            "yes" | "true" | "1" => Ok(true.into()),
            "no" | "false" | "0" => Ok(false.into()),
            _ => Err(wrong()),
        },
        "Number" => {
            let parsed = expr::json::parse(lower.as_bytes()).map_err(|_| wrong())?;
            let is_number = matches!(parsed, Value::Int(_) | Value::Float(_) | Value::Decimal(_));
            if is_number { Ok(parsed) } else { Err(wrong()) }
        }
        "JSON" => expr::json::parse(text.as_bytes()).map_err(|_| wrong()),
        _ => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_type() {
        for (type_name, text, expected) in [
            ("String", " 1 ", r#"" 1 ""#),
            ("Number", "1.5", "1.5"),
            ("Boolean", "Yes", "true"),
            ("Boolean", "no", "false"),
            ("JSON", r#"{"A":[1]}"#, r#"{"A":[1]}"#),
            ("DataSource", "https://x", r#""https://x""#),
        ] {
            let value = typed(type_name, text).unwrap();
            assert_eq!(expr::json::to_string(&value), expected, "{type_name}");
        }
        for (type_name, text) in
            [("Number", "one"), ("Number", "true"), ("Boolean", "2"), ("JSON", "{")]
        {
            assert!(typed(type_name, text).is_err(), "{type_name} {text}");
        }
    }
}
