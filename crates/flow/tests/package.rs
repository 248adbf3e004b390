//! Packages: what is read of each layout, what hostile archives come to, and that what is
//! written is read as it was.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing fails")]

use flow::limits;
use flow::package::{Details, Fault, Form, Outgoing, Package, PackagedFlow, pack, read, write};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::io::{Cursor, Write};
use std::path::Path;

const NAME: &str = "0fab90fb-9ad5-449f-979e-a981c5bab10c";
const ASSET: &str = "6c1f5a59-9746-46ba-bfcf-79bedbbd8208";
const API: &str = "aaaaaaaa-9746-46ba-bfcf-79bedbbd8208";
const CONNECTION: &str = "bbbbbbbb-9746-46ba-bfcf-79bedbbd8208";

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    pack(files.iter().map(|(path, text)| (*path, text.as_bytes()))).unwrap()
}

fn definition() -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
        "contentVersion": "1.0.0.0",
        "description": "What it is for",
        "triggers": {"manual": {"type": "Request", "kind": "Button"}},
        "actions": {},
    })
}

fn manifest() -> String {
    json!({
        "schema": "1.0",
        "details": {
            "displayName": "Demo", "description": "d", "createdTime": "2022-03-11T10:03:48Z",
            "packageTelemetryId": NAME, "creator": "N/A", "sourceEnvironment": "",
        },
        "resources": {
            ASSET: {
                "type": "Microsoft.Flow/flows", "creationType": "Existing, New, Update",
                "details": {"displayName": "Demo flow"}, "dependsOn": [API, CONNECTION],
            },
            API: {
                "id": "/providers/Microsoft.PowerApps/apis/shared_sql", "name": "shared_sql",
                "type": "Microsoft.PowerApps/apis",
                "details": {"displayName": "SQL Server", "iconUri": "https://example.org/i.png"},
            },
            CONNECTION: {
                "type": "Microsoft.PowerApps/apis/connections",
                "details": {"displayName": "somebody"}, "dependsOn": [API],
            },
            "cccccccc": {"type": "Microsoft.PowerApps/apps"},
        },
    })
    .to_string()
}

fn exported() -> String {
    json!({
        "name": NAME, "type": "Microsoft.Flow/flows",
        "properties": {
            "displayName": "Its old name", "definition": definition(),
            "connectionReferences": {"shared_sql": {
                "connectionName": "sql", "source": "Embedded",
                "id": "/providers/Microsoft.PowerApps/apis/shared_sql", "tier": "NotSpecified",
            }},
        },
    })
    .to_string()
}

/// A package with its files below a folder, with these maps.
fn package_below(root: &str, mark: &str) -> Vec<u8> {
    let folder = format!("{root}Microsoft.Flow/flows/{ASSET}");
    let files = [
        (format!("{folder}/definition.json"), format!("{mark}{}", exported())),
        (format!("{folder}/apisMap.json"), json!({"shared_sql": API}).to_string()),
        (format!("{folder}/connectionsMap.json"), json!({"shared_sql": CONNECTION}).to_string()),
        (format!("{root}Microsoft.Flow/flows/manifest.json"), "{}".to_owned()),
        (format!("{root}manifest.json"), format!("{mark}{}", manifest())),
    ];
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    zip(&files)
}

#[test]
fn a_package_is_read_wherever_its_files_are() {
    for (root, mark) in [("", ""), ("", "\u{feff}"), ("Demo_20220311/", "\u{feff}")] {
        let package = read(&package_below(root, mark)).unwrap();
        assert_eq!(package.form, Form::Package);
        assert_eq!(package.details.display_name, "Demo");
        assert_eq!(package.details.created_time, "2022-03-11T10:03:48Z");
        let [flow] = package.flows.as_slice() else { panic!("{package:?}") };
        assert_eq!(flow.key, ASSET);
        assert_eq!(flow.name.as_deref(), Some(NAME));
        assert_eq!(flow.display_name, "Demo flow");
        assert_eq!(flow.description.as_deref(), Some("What it is for"));
        assert_eq!(flow.definition, definition());
        assert_eq!(flow.references["shared_sql"]["connectionName"], "sql");
        assert_eq!(flow.connections["shared_sql"], CONNECTION);
        assert_eq!(package.connectors[0].display_name, "SQL Server");
        assert_eq!(package.connections[0].connector.as_deref(), Some(API));
        assert!(package.remarks[0].message.contains("microsoft.powerapps/apps"));
    }
}

const CUSTOMIZATIONS: &str = r#"<ImportExportXml>
  <Workflows>
    <Workflow WorkflowId="{0fab90fb-9ad5-449f-979e-a981c5bab10c}" Name="A &amp; B">
      <JsonFileName>/Workflows/AB-0FAB90FB-9AD5-449F-979E-A981C5BAB10C.json</JsonFileName>
      <Category>5</Category><StateCode>1</StateCode>
    </Workflow>
    <Workflow WorkflowId="{1fab90fb-9ad5-449f-979e-a981c5bab10c}" Name="Robot">
      <JsonFileName>/Workflows/Robot-1FAB90FB-9AD5-449F-979E-A981C5BAB10C.json</JsonFileName>
      <Category>6</Category>
    </Workflow>
    <Workflow WorkflowId="{2fab90fb-9ad5-449f-979e-a981c5bab10c}" Name="Old">
      <XamlFileName>/Workflows/Old.xaml</XamlFileName><Category>0</Category>
    </Workflow>
  </Workflows>
  <connectionreferences>
    <connectionreference connectionreferencelogicalname="new_sql">
      <connectionreferencedisplayname>The database</connectionreferencedisplayname>
      <connectorid>/providers/Microsoft.PowerApps/apis/shared_sql</connectorid>
    </connectionreference>
  </connectionreferences>
</ImportExportXml>"#;

const SOLUTION: &str = r#"<ImportExportXml><SolutionManifest><UniqueName>demo</UniqueName>
  <LocalizedNames><LocalizedName description="Demo solution" languagecode="1033" /></LocalizedNames>
  <Publisher><UniqueName>us</UniqueName></Publisher></SolutionManifest></ImportExportXml>"#;

fn of_solution() -> String {
    json!({
        "properties": {
            "connectionReferences": {"shared_sql": {
                "runtimeSource": "embedded", "api": {"name": "shared_sql"},
                "connection": {"connectionReferenceLogicalName": "new_sql"},
            }},
            "definition": definition(),
        },
        "schemaVersion": "1.0.0.0",
    })
    .to_string()
}

fn check_solution(package: &Package) -> &PackagedFlow {
    assert_eq!(package.form, Form::Solution);
    let [flow] = package.flows.as_slice() else { panic!("{package:?}") };
    assert_eq!(flow.name.as_deref(), Some(NAME));
    assert_eq!(flow.display_name, "A & B");
    assert_eq!(flow.is_started, Some(true));
    assert_eq!(
        flow.references["shared_sql"],
        json!({
            "connectionReferenceLogicalName": "new_sql", "source": "Embedded",
            "id": "/providers/Microsoft.PowerApps/apis/shared_sql", "tier": "NotSpecified",
        })
    );
    assert_eq!(flow.connections["shared_sql"], "new_sql");
    flow
}

#[test]
fn a_solution_is_read() {
    let file = "Workflows/AB-0FAB90FB-9AD5-449F-979E-A981C5BAB10C.json";
    let bytes = zip(&[
        ("customizations.xml", CUSTOMIZATIONS),
        ("[Content_Types].xml", "<Types/>"),
        ("solution.xml", SOLUTION),
        ("CanvasApps/x.msapp", "not looked at"),
        (file, &of_solution()),
        ("Workflows/Robot-1FAB90FB-9AD5-449F-979E-A981C5BAB10C.json", "{}"),
    ]);
    let package = read(&bytes).unwrap();
    check_solution(&package);
    assert_eq!(package.details.display_name, "Demo solution");
    assert_eq!(package.details.creator, "us");
    assert_eq!(package.connections[0].display_name, "The database");
    let remarks: Vec<&str> = package.remarks.iter().map(|it| it.path.as_str()).collect();
    assert!(remarks.contains(&"CanvasApps"), "{remarks:?}");
    assert_eq!(remarks.len(), 3, "{remarks:?}");
}

#[test]
fn an_unpacked_solution_is_read() {
    let workflow = r#"<?xml version="1.0" encoding="utf-8"?>
        <Workflow WorkflowId="{0fab90fb-9ad5-449f-979e-a981c5bab10c}" Name="A &amp; B">
        <JsonFileName>/Workflows/AB-0FAB90FB-9AD5-449F-979E-A981C5BAB10C.json</JsonFileName>
        <Category>5</Category><StateCode>1</StateCode></Workflow>"#;
    let file = "src/Workflows/AB-0FAB90FB-9AD5-449F-979E-A981C5BAB10C.json";
    let beside = format!("{file}.data.xml");
    let package = read(&zip(&[
        ("src/Other/Solution.xml", SOLUTION),
        (file, &of_solution()),
        (&beside, &format!("\u{feff}{workflow}")),
    ]));
    check_solution(&package.unwrap());
    // without any XML the name of the file says what there is
    let package = read(&zip(&[(file, &of_solution())])).unwrap();
    let [flow] = package.flows.as_slice() else { panic!("{package:?}") };
    assert_eq!((flow.display_name.as_str(), flow.name.as_deref()), ("AB", Some(NAME)));
}

fn faults(bytes: &[u8]) -> Vec<Fault> {
    read(bytes).expect_err("a package that is refused")
}

#[test]
fn faults_name_the_entry() {
    let folder = format!("Microsoft.Flow/flows/{ASSET}");
    let file = format!("{folder}/definition.json");
    let with = |text: &str| zip(&[("manifest.json", &manifest()), (&file, text)]);
    let missing = zip(&[("manifest.json", &manifest())]);
    let list = json!({"properties": {"definition": definition(), "connectionReferences": []}});
    for (bytes, path, message) in [
        (with("{"), file.as_str(), "not JSON"),
        (with("{}"), &file, "no workflow definition"),
        (with(&list.to_string()), &file, "connectionReferences"),
        (with(&"[".repeat(100_000)), &file, "not JSON"),
        (missing, "manifest.json", "which its manifest names"),
        (zip(&[("solution.xml", "<a>")]), "solution.xml", "not XML"),
        (
            zip(&[("solution.xml", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>")]),
            "solution.xml",
            "not XML",
        ),
        (zip(&[("customizations.xml", CUSTOMIZATIONS)]), "customizations.xml", "has no"),
        (zip(&[("read.me", "")]), "", "neither a package nor a solution"),
    ] {
        let found = faults(&bytes);
        let is_told = |it: &Fault| it.path == path && it.message.contains(message);
        assert!(found.iter().any(is_told), "{path}, {message}: {found:?}");
    }
}

/// One entry, stored as the writer is told to.
fn entry(path: &str, content: &[u8], method: zip::CompressionMethod) -> Vec<u8> {
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(path, options).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn hostile_archives_are_refused() {
    let stored = zip::CompressionMethod::Stored;
    let deflated = zip::CompressionMethod::Deflated;
    let bomb = entry("manifest.json", &vec![b' '; 8 << 20], deflated);
    assert!(bomb.len() < 64 * 1024);
    assert!(faults(&bomb)[0].message.contains("times smaller"));
    let large = vec![b' '; limits::PACKAGE_ENTRY_BYTES_MAX + 1];
    assert!(faults(&entry("manifest.json", &large, stored))[0].message.contains("more than"));
    for path in ["../manifest.json", "/manifest.json", "a/../../manifest.json", "C:\\manifest.json"]
    {
        // the writer cleans names itself: a name of the same length is changed afterwards
        let plain = "x".repeat(path.len());
        let bytes = entry(&plain, b"{}", stored);
        let bytes = replaced(&bytes, plain.as_bytes(), path.as_bytes());
        assert!(faults(&bytes)[0].message.contains("leads out"), "{path}");
    }
    let whole = package_below("", "");
    for cut in [0, 1, 4, 30, whole.len() / 2, whole.len() - 1] {
        assert!(faults(&whole[..cut])[0].message.contains("not a zip"), "{cut}");
    }
    let damaged = entry("manifest.json", b"{\"details\": {}}", stored);
    let damaged = replaced(&damaged, b"details", b"detailz");
    assert!(faults(&damaged)[0].message.contains("cannot be unpacked"));
    for text in [&b""[..], b"PK", b"not a zip at all", b"{\"definition\": {}}"] {
        assert!(faults(text)[0].message.contains("not a zip"));
    }
    let twice = zip(&[("manifest.json", "{}"), ("MANIFEST.json", "{}")]);
    assert!(faults(&twice)[0].message.contains("two entries"));
    let names: Vec<String> = (0..=limits::PACKAGE_ENTRIES_MAX).map(|at| at.to_string()).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert!(faults(&zip(&many))[0].message.contains("entries"));
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// A flow in a package of its own, read again.
fn again(flow: &PackagedFlow) -> Package {
    let details = Details { display_name: flow.display_name.clone(), ..Details::default() };
    let outgoing = Outgoing {
        name: flow.name.as_deref().unwrap_or(NAME),
        display_name: &flow.display_name,
        template_name: flow.template_name.as_deref(),
        definition: &flow.definition,
        references: &flow.references,
        details: &details,
    };
    let bytes = write(&outgoing).unwrap();
    assert_eq!(bytes, write(&outgoing).unwrap(), "the same flow gives the same bytes");
    read(&bytes).unwrap_or_else(|faults| panic!("{}: {faults:?}", flow.path))
}

fn check_again(flow: &PackagedFlow) {
    let package = again(flow);
    let [read] = package.flows.as_slice() else { panic!("{package:?}") };
    assert_eq!(read.display_name, flow.display_name);
    assert_eq!(read.template_name, flow.template_name);
    assert_eq!(read.definition, flow.definition);
    assert_eq!(read.references, flow.references);
    assert_eq!(read.name.as_deref(), flow.name.as_deref().or(Some(NAME)));
    for (key, reference) in &flow.references {
        if reference["id"].is_string() {
            let connection = &read.connections[key];
            assert!(package.connections.iter().any(|it| it.key == *connection));
        }
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("a number of JSON", |it| it.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

prop_compose! {
    fn packaged()(
        shown in "[^ \\t\\n\\r][^\\x00]{0,20}x",
        template in prop::option::of("[a-f0-9]{32}"),
        inputs in json_value(),
        keys in prop::collection::btree_map("[a-z_0-9]{1,12}", ("[a-z]{1,6}", "[a-z0-9-]{0,8}"), 0..5),
    ) -> PackagedFlow {
        let mut definition = definition();
        definition["actions"]["A"] = json!({"type": "Compose", "inputs": inputs});
        let references = keys.into_iter().map(|(key, (api, name))| {
            let id = format!("/providers/Microsoft.PowerApps/apis/shared_{api}");
            (key, json!({"connectionName": name, "id": id, "source": "Embedded"}))
        });
        PackagedFlow {
            key: ASSET.to_owned(),
            path: String::new(),
            name: Some(NAME.to_owned()),
            display_name: shown,
            description: None,
            is_started: None,
            template_name: template,
            definition,
            references: references.collect(),
            connectors: Default::default(),
            connections: Default::default(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read_as_it_was(flow in packaged()) {
        check_again(&flow);
    }

    #[test]
    fn no_bytes_make_it_fail_otherwise(at in 0usize..2_000, byte in any::<u8>()) {
        let mut bytes = package_below("", "");
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read(&bytes);
    }
}

#[test]
fn every_package_of_the_corpus_is_read_and_comes_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/packages");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            println!("skipped: {}: {error}", folder.display());
            return;
        }
    };
    let (mut zips, mut flows) = (0, 0);
    for entry in entries {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "zip") {
            continue;
        }
        let package = read(&std::fs::read(&path).unwrap());
        let package = package.unwrap_or_else(|faults| panic!("{}: {faults:?}", path.display()));
        zips += 1;
        for flow in &package.flows {
            flows += 1;
            check_again(flow);
        }
        let shown: Vec<&str> = package.flows.iter().map(|it| it.display_name.as_str()).collect();
        println!("{}: {shown:?} {:?}", path.display(), package.remarks);
    }
    println!("{zips} zips, {flows} flows");
    assert!(zips > 0, "there is no zip in {}", folder.display());
}
