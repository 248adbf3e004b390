//! `sluicegate package`: flows in a zip, from one server to another.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use flow::limits::{PACKAGE_ENTRIES_MAX, PACKAGE_UNPACKED_BYTES_MAX};
use serde::Deserialize;
use serde_json::{Map, json};

use super::client::Client;
use super::failure::{Detail, Failure};
use super::input;
use super::output::{Output, Table, visible};

const EXAMPLES: &str = "\
FILE is a package of Power Automate, a solution, or the folder of an unpacked solution.

Examples:
  sluicegate package export order -o order.zip
  sluicegate package inspect order.zip
  sluicegate package import order.zip --name order --map shared_sql=sql-production
  sluicegate package import solutions/orders";

/// Levels of folders of an unpacked solution.
const FOLDER_LEVELS_MAX: usize = 8;

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum PackageCommand {
    /// Write the package of a flow
    Export {
        /// Name of the flow
        flow: String,
        /// Where to write it [default: the flow's name with '.zip']
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Show what a package holds
    Inspect {
        /// A zip, or the folder of an unpacked solution
        file: PathBuf,
    },
    /// Make the flows of a package
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A zip, or the folder of an unpacked solution
    file: PathBuf,
    /// Name of the flow, when the package has one [default: a GUID]
    #[arg(long, value_name = "N", conflicts_with = "update")]
    name: Option<String>,
    /// Give this flow a new version instead, when the package has one
    #[arg(long, value_name = "FLOW")]
    update: Option<String>,
    /// Use this connection; KEY is what the package calls the connection or the reference
    #[arg(long, value_name = "KEY=CONNECTION", value_parser = mapping)]
    map: Vec<(String, String)>,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, name)) if !key.is_empty() && !name.is_empty() => {
            Ok((key.to_owned(), name.to_owned()))
        }
        _ => Err("expected KEY=CONNECTION".to_owned()),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Content {
    form: String,
    flows: Vec<FlowRecord>,
    connections: Vec<ConnectionRecord>,
    remarks: Vec<Remark>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FlowRecord {
    key: String,
    display_name: String,
    path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConnectionRecord {
    key: String,
    display_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Remark {
    path: String,
    message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Done {
    flows: Vec<Imported>,
    remarks: Vec<Remark>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Imported {
    created: bool,
    name: String,
    display_name: String,
    state: String,
    problems: Vec<Detail>,
}

pub async fn execute(
    command: PackageCommand,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        PackageCommand::Export { flow, output } => {
            export(&flow, output.as_deref(), client, out).await?;
        }
        PackageCommand::Inspect { file } => {
            let text = inspect(&file, client).await?;
            if out.is_json() {
                out.document(&text)?;
            } else {
                show(&client.read(&text)?, out)?;
            }
        }
        PackageCommand::Import(args) => import(&args, client, out).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(
    flow: &str,
    output: Option<&Path>,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let bytes = client.get_bytes(&client.flows(&[flow, "package"])?).await?;
    let path = output.map_or_else(|| PathBuf::from(format!("{flow}.zip")), Path::to_path_buf);
    std::fs::write(&path, &bytes).map_err(|error| {
        let reason = input::reason(&error);
        Failure::new(format!("{} could not be written: {reason}.", input::name(&path)))
    })?;
    if out.is_json() {
        return out.document(&json!({"file": path.display().to_string()}).to_string());
    }
    out.line(format_args!("Exported flow '{}' to {}.", visible(flow), input::name(&path)))
}

async fn inspect(file: &Path, client: &Client) -> Result<String, Failure> {
    client.post_bytes(&client.packages("inspect")?, zip_of(file)?).await
}

fn show(content: &Content, out: &mut Output<'_>) -> Result<(), Failure> {
    if content.flows.is_empty() {
        out.line(format_args!("This {} holds no flow.", visible(&content.form)))?;
    } else {
        let mut table = Table::new(&["FLOW", "KEY", "FILE"]);
        for flow in &content.flows {
            table.row([flow.display_name.clone(), flow.key.clone(), flow.path.clone()]);
        }
        out.table(&table)?;
    }
    if !content.connections.is_empty() {
        let mut table = Table::new(&["CONNECTION", "KEY"]);
        for connection in &content.connections {
            table.row([connection.display_name.clone(), connection.key.clone()]);
        }
        out.table(&table)?;
    }
    remarks(&content.remarks, out)
}

fn remarks(remarks: &[Remark], out: &mut Output<'_>) -> Result<(), Failure> {
    for remark in remarks {
        out.line(format_args!("  {}: {}", visible(&remark.path), visible(&remark.message)))?;
    }
    Ok(())
}

async fn import(args: &ImportArgs, client: &Client, out: &mut Output<'_>) -> Result<(), Failure> {
    let mut chosen = Map::new();
    if args.name.is_some() || args.update.is_some() {
        let content: Content = client.read(&inspect(&args.file, client).await?)?;
        let [flow] = content.flows.as_slice() else {
            let message = format!(
                "--name and --update are for packages with one flow; {} has {}.",
                input::name(&args.file),
                content.flows.len()
            );
            return Err(Failure::new(message));
        };
        let choice = match (&args.name, &args.update) {
            (_, Some(update)) => json!({"update": update}),
            (name, None) => json!({"name": name}),
        };
        chosen.insert(flow.key.clone(), choice);
    }
    let connections: Map<_, _> =
        args.map.iter().map(|(key, name)| (key.clone(), json!(name))).collect();
    let package = STANDARD.encode(zip_of(&args.file)?);
    let body = json!({"package": package, "flows": chosen, "connections": connections});
    let text = client.post(&client.packages("import")?, Some(body.to_string())).await?;
    if out.is_json() {
        return out.document(&text);
    }
    let done: Done = client.read(&text)?;
    for flow in &done.flows {
        let verb = if flow.created { "Created" } else { "Updated" };
        let (name, shown) = (visible(&flow.name), visible(&flow.display_name));
        out.line(format_args!("{verb} flow '{name}': {shown}, {}.", visible(&flow.state)))?;
        for problem in &flow.problems {
            out.line(format_args!("  warning: {}", problem.line()))?;
        }
    }
    if done.flows.is_empty() {
        out.line("The package holds no flow.")?;
    }
    remarks(&done.remarks, out)
}

/// The bytes of a zip, made of a folder when that is what is named.
fn zip_of(path: &Path) -> Result<Vec<u8>, Failure> {
    if !path.is_dir() {
        return input::read(path);
    }
    let mut files = Vec::new();
    let mut left = PACKAGE_UNPACKED_BYTES_MAX;
    collect(path, "", FOLDER_LEVELS_MAX, &mut left, &mut files)?;
    files.sort();
    let entries = files.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
    flow::package::pack(entries).map_err(|fault| Failure::new(fault.message))
}

/// The files below a folder that flows are made of: JSON and XML.
fn collect(
    folder: &Path,
    prefix: &str,
    levels: usize,
    left: &mut usize,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| input::unreadable(folder, &error);
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let (path, place) = (entry.path(), format!("{prefix}{name}"));
        // links are not followed: a folder may lead back to itself
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() && levels > 0 && !name.starts_with('.') {
            collect(&path, &format!("{place}/"), levels - 1, left, files)?;
        } else if kind.is_file() && (name.ends_with(".json") || name.ends_with(".xml")) {
            let content = input::read(&path)?;
            let rest = left.checked_sub(content.len());
            *left = rest.filter(|_| files.len() < PACKAGE_ENTRIES_MAX).ok_or_else(|| {
                Failure::new(format!("{} is larger than a package may be.", input::name(folder)))
            })?;
            files.push((place, content));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_has_both_sides() {
        assert_eq!(mapping("a=b=c").unwrap(), ("a".to_owned(), "b=c".to_owned()));
        for wrong in ["", "a", "a=", "=b"] {
            assert!(mapping(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_folder_becomes_a_zip() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("Workflows");
        std::fs::create_dir(&below).unwrap();
        let text = r#"{"properties": {"definition": {"triggers": {}, "actions": {}}}}"#;
        std::fs::write(below.join("Demo.json"), text).unwrap();
        std::fs::write(folder.path().join("read.me"), "no part of it").unwrap();
        let package = flow::package::read(&zip_of(folder.path()).unwrap()).unwrap();
        assert_eq!(package.flows[0].display_name, "Demo");
        assert!(package.remarks.is_empty());
    }
}
