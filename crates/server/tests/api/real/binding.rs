//! Every call of real flows binds to what is inferred of them.

use super::{calls, corpus, flows, inferred, source};
use connector::call::RelativeRequest;
use connector::definition::Document;
use expr::{Object, Value};
use std::collections::BTreeMap;

/// What expressions give is not known: nothing, or text where they are within text.
fn known(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('@') && !text.starts_with("@{") => Value::Null,
        Value::String(text) if text.contains("@{") => filled(text).into(),
        Value::Array(items) => Value::array(items.iter().map(known).collect()),
        Value::Object(object) => {
            let entries = object.iter().map(|(name, value)| (name.clone(), known(value)));
            entries.collect::<Object>().into()
        }
        other => other.clone(),
    }
}

/// The text with `x` for its expressions.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("@{") {
        out.push_str(&rest[..at]);
        out.push('x');
        let mut depth = 0;
        let end = rest[at..].char_indices().find(|(_, it)| {
            depth += match it {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            *it == '}' && depth == 0
        });
        rest = end.map_or("", |(end, _)| &rest[at + end + 1..]);
    }
    out + rest
}

/// Why a call does not bind; nothing when it does. `None` of calls that only a run knows.
fn fault(kind: &str, inputs: &Value, document: &Document) -> Option<Result<(), String>> {
    if kind.starts_with("openapi") {
        let id = inputs.get("host")?.get("operationId")?.as_str()?;
        let Some(operation) = document.operation(id) else {
            return Some(Err(format!("no operation {id}")));
        };
        let nothing = Value::from(Object::new());
        let parameters = known(inputs.get("parameters").unwrap_or(&nothing));
        let bound = operation.bind(parameters.as_object()?);
        return Some(bound.map(|_| ()).map_err(|it| it.to_string()));
    }
    let inputs = known(inputs);
    inputs.get("path").filter(|it| !it.is_null())?;
    let request = match kind.contains("webhook") {
        true => RelativeRequest::from_webhook(inputs.as_object()?),
        false => RelativeRequest::from_action(inputs.as_object()?),
    };
    Some(match request {
        Ok(request) => document.route(&request).map(|_| ()).map_err(|it| it.to_string()),
        Err(fault) => Err(fault.to_string()),
    })
}

#[test]
fn every_call_of_real_flows_binds_to_what_is_inferred() {
    let Some(root) = corpus() else { return };
    let (mut total, mut bound, mut unknown, mut faults) = (0, 0, 0, Vec::new());
    let mut folders: Vec<_> = std::fs::read_dir(root).expect("a folder").flatten().collect();
    folders.sort_by_key(std::fs::DirEntry::path);
    for folder in folders {
        let (flows, _) = flows(&folder.path());
        let connectors = inferred(&flows, &[]).connectors;
        let documents: BTreeMap<String, Document> = connectors
            .iter()
            .map(|it| (it.name.clone(), Document::read(&it.definition).expect("a document")))
            .collect();
        for flow in &flows {
            let mut found = Vec::new();
            calls(&flow.loaded.definition, &mut found);
            for (kind, inputs) in found {
                total += 1;
                let name = connector::infer::connector(inputs, &source(flow));
                let document = name.and_then(|name| documents.get(&name));
                match document.and_then(|document| fault(&kind, inputs, document)) {
                    Some(Ok(())) => bound += 1,
                    Some(Err(fault)) => faults.push(format!("{}: {fault}", flow.name)),
                    None => unknown += 1,
                }
            }
        }
    }
    println!("{bound} of {total} calls bind, {unknown} are only known when they run");
    faults.iter().for_each(|it| println!("{it}"));
    assert!(faults.is_empty(), "{} calls do not bind", faults.len());
    assert!(bound * 100 >= total * 97, "{bound} of {total}");
}
