//! Reads every public connector when they lie beside the checkout (or where the variable
//! `SLUICEGATE_CORPUS` says), calls each operation of each and compares the request with what
//! the document says, read by other means than the product's.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod expected;

use connector::call::Body;
use connector::definition::{
    Document, Location, OperationParameter, Properties, credential, decode,
};
use connector::policy::Policies;
use expected::{Case, Given, cases};
use expr::{Object, Value};
use std::path::{Path, PathBuf};

/// Of the definitions there are, this share has to be read.
const READ_MIN: f64 = 0.98;

fn corpus() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("SLUICEGATE_CORPUS").map_or(beside, PathBuf::from);
    let folder = folder.join("connectors");
    if !folder.is_dir() {
        println!("skipped: there is no corpus at {}", folder.display());
        return Vec::new();
    }
    let mut found = Vec::new();
    for kind in std::fs::read_dir(folder).unwrap() {
        for connector in std::fs::read_dir(kind.unwrap().path()).unwrap() {
            let file = connector.unwrap().path().join("apiDefinition.swagger.json");
            found.extend(file.is_file().then_some(file));
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    decode(&std::fs::read(file).unwrap()).into_owned()
}

#[test]
fn public_connectors_are_read() {
    let files = corpus();
    let (mut operations, mut faults) = (0, Vec::new());
    for file in &files {
        match Document::read(&read(file)) {
            Ok(document) => operations += document.operations.len(),
            Err(fault) => faults.push(format!("{}: {} {fault}", file.display(), fault.path)),
        }
    }
    println!("{} definitions, {operations} operations, {faults:#?}", files.len());
    let read = files.len() - faults.len();
    assert!(read as f64 >= READ_MIN * files.len() as f64, "{faults:#?}");
}

#[test]
fn every_operation_is_called_as_its_document_says() {
    let (mut calls, mut faults) = (0, Vec::new());
    for file in corpus() {
        let text = read(&file);
        let Ok(document) = Document::read(&text) else { continue };
        // what the product mends, the other reading does not
        let Ok(raw) = serde_json::from_str(text.trim_start_matches('\u{feff}')) else { continue };
        for case in cases(&raw) {
            calls += 1;
            let place = format!("{}: {} ({:?})", file.display(), case.operation, case.given);
            faults.extend(check(&document, &case).err().map(|fault| format!("{place}: {fault}")));
        }
    }
    println!("{calls} calls");
    assert!(faults.is_empty(), "{} of {calls}\n{}", faults.len(), faults.join("\n"));
}

fn check(document: &Document, case: &Case) -> Result<(), String> {
    let operation = document.operation(&case.operation).ok_or("the operation is not there")?;
    let bound = operation.bind(&case.parameters).map_err(|fault| fault.to_string())?;
    let request = &bound.request;
    let same =
        |what: &str, is_same: bool, got: &dyn std::fmt::Debug, want: &dyn std::fmt::Debug| {
            if is_same { Ok(()) } else { Err(format!("{what} is {got:?}, expected {want:?}")) }
        };
    same("method", request.method == case.method, &request.method, &case.method)?;
    same("path", request.path == case.path, &request.path, &case.path)?;
    same("query", request.query == case.query, &request.query, &case.query)?;
    same("headers", request.headers == case.headers, &request.headers, &case.headers)?;
    let body = match (&request.body, &case.fields) {
        (Some(Body::Json(value)), None) => Some(value.clone()),
        (Some(Body::Text(text)), None) => Some(Value::from(text.as_str())),
        (Some(Body::Form(fields)), Some(expected)) => {
            same("form", fields == expected, fields, expected)?;
            None
        }
        (Some(Body::Multipart(parts)), Some(expected)) => {
            let text = |part: &connector::call::Part| {
                (part.name.clone(), String::from_utf8_lossy(&part.content).into_owned())
            };
            let parts: Vec<_> = parts.iter().map(text).collect();
            same("parts", &parts == expected, &parts, expected)?;
            None
        }
        (Some(Body::Form(fields)), None) => {
            // an object that a header of the document makes a form
            let object = case.body.as_ref().and_then(Value::as_object).ok_or("no body expected")?;
            same("fields", fields.len() == object.len(), fields, object)?;
            case.body.clone()
        }
        (Some(Body::Multipart(parts)), None) => {
            let object = case.body.as_ref().and_then(Value::as_object).ok_or("no body expected")?;
            same("parts", parts.len() == object.len(), parts, object)?;
            case.body.clone()
        }
        (Some(body), _) => return Err(format!("the body is {body:?}")),
        (None, _) => None,
    };
    same("body", is_same(body.as_ref(), case.body.as_ref()), &body, &case.body)?;
    let routed = document.route(request).map_err(|fault| fault.to_string())?;
    same("routed", routed.operation.id == operation.id, &routed.operation.id, &operation.id)?;
    let is_form = matches!(request.body, Some(Body::Form(_) | Body::Multipart(_)));
    if case.given == Given::All && (!is_form || case.fields.is_some()) {
        let unsent = |name: &str| {
            let is_header = |it: &&OperationParameter| it.location == Location::Header;
            let header = operation.parameter(name).filter(is_header);
            header.is_some_and(|it| it.name.trim().contains(' '))
        };
        let want = bound.parameters.iter().filter(|(name, _)| !unsent(name));
        let want: Object = want.map(|(name, value)| (name.clone(), value.clone())).collect();
        same("parameters", routed.parameters == want, &routed.parameters, &want)?;
    }
    Ok(())
}

/// Equal but for the order of names, which means nothing.
fn is_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let same =
                |(name, value): (&expr::Str, &Value)| is_same(Some(value), other.get_exact(name));
            one.len() == other.len() && one.iter().all(same)
        }
        (one, other) => one == other,
    }
}

#[test]
fn properties_and_policies_of_public_connectors_are_read() {
    for file in corpus() {
        let properties = file.with_file_name("apiProperties.json");
        let properties = Properties::read(&read(&properties)).unwrap();
        let Ok(document) = Document::read(&read(&file)) else { continue };
        for set in &properties.sets {
            let values = set.parameters.iter().map(|it| (it.name.clone(), "secret".into()));
            let placed = credential(&document, set, &values.collect());
            let pairs = placed.headers.iter().chain(&placed.query);
            assert!(pairs.clone().count() <= 2, "{}: {placed:?}", file.display());
            let signs_in = set.needs_sign_in();
            let bearer = |it: &(String, String)| it.1 == "Bearer secret";
            assert!(!signs_in || placed.headers.iter().any(bearer), "{}", file.display());
        }
        let policies = Policies::read(&properties.into_raw()).unwrap();
        for operation in &document.operations {
            if let Err(fault) = policies.check(operation) {
                assert!(fault.message.contains("script.csx"), "{}: {fault}", file.display());
            }
            let answer = connector::mock::answer(operation);
            assert!((200..300).contains(&answer.status));
            assert_eq!(answer, connector::mock::answer(operation));
        }
    }
}

/// An object of pairs.
pub fn object(pairs: Vec<(String, Value)>) -> Object {
    pairs.into_iter().map(|(name, value)| (name.into(), value)).collect()
}
