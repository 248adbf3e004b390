//! `sluicegate connector infer`: connectors declared from what flows use of them.

use std::path::{Path, PathBuf};

use clap::Args;
use connector::infer::{Findings, Inference, Inferred, Source};
use expr::Value;
use flow::definition::LoadOptions;
use flow::package;
use serde_json::json;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::input;
use super::output::{Output, Table, visible};
use super::validate::files_of;

pub const EXAMPLES: &str = "\
DIR holds flows: definitions, exports, packages and solutions, zipped or unpacked. Each
connector that they call becomes a folder with apiDefinition.swagger.json and
apiProperties.json: the operations with the parameters that the flows give, and answers
with what they read of them. Beside them: in flows/ those that are called and are not in
DIR, answering with what is read of them; in inputs/ what each flow with a Request trigger
can be started with; in http/ what plain calls of each flow can be answered with. What stands behind is said with each connection: a mock, a
recording, a flow, or a service with these paths.

Examples:
  sluicegate connector infer solution/Workflows -o connectors
  sluicegate connector infer approvals.zip --import --environment test";

#[derive(Debug, Args)]
pub struct InferArgs {
    /// Folder or file of the flows
    #[arg(value_name = "DIR")]
    path: PathBuf,
    /// Folder to write the connectors to; made when it is not there
    #[arg(short, long, value_name = "DIR", required_unless_present = "import")]
    output: Option<PathBuf>,
    /// What flows pass as a parameter has this value in the answers: an environment or a
    /// flow that is there. CONNECTOR.PARAMETER=VALUE, as often as needed
    #[arg(long, value_name = "EXAMPLE")]
    example: Vec<String>,
    /// Make the connectors on the server; those that are there already stay as they are
    #[arg(long)]
    import: bool,
}

pub async fn execute(
    args: InferArgs,
    client: &Client,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let mut inference = Inference::default();
    for said in &args.example {
        let parts = said.split_once('=');
        let parts = parts.and_then(|(name, value)| Some((name.split_once('.')?, value)));
        let Some(((connector, parameter), value)) = parts else {
            return Err(Failure::new(format!(
                "'{said}' is no example; expected CONNECTOR.PARAMETER=VALUE."
            )));
        };
        inference.example(connector, parameter, value);
    }
    let mut remarks = Vec::new();
    let mut flows = 0;
    for file in files_of(&args.path, &["json", "zip"])? {
        match learn(&mut inference, &file)? {
            Learnt::Flows(count) => flows += count,
            Learnt::Nothing(why) => remarks.push(format!("{}: {why}", file.display())),
        }
    }
    if flows == 0 {
        return Err(Failure::new(format!("There is no flow in {}.", args.path.display())));
    }
    let mut findings = inference.finish();
    remarks.append(&mut findings.remarks);
    if let Some(folder) = &args.output {
        write(folder, &findings)?;
    }
    let mut states = Vec::with_capacity(findings.connectors.len());
    for connector in &findings.connectors {
        states.push(match args.import {
            true => import(connector, client).await?,
            false => "written",
        });
    }
    report(&findings, &states, &remarks, out)
}

enum Learnt {
    Flows(usize),
    /// Why there is nothing to learn of it.
    Nothing(String),
}

fn learn(inference: &mut Inference, file: &Path) -> Result<Learnt, Failure> {
    let bytes = input::read(file)?;
    let name = file.file_stem().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    if file.extension().is_some_and(|it| it.eq_ignore_ascii_case("zip")) {
        let package = match package::read(&bytes) {
            Ok(package) => package,
            Err(faults) => {
                let first = faults.first().map(|it| it.message.clone());
                return Ok(Learnt::Nothing(first.unwrap_or_default()));
            }
        };
        for flow in &package.flows {
            let definition = value(&flow.definition)?;
            let references = value(&serde_json::Value::Object(flow.references.clone()))?;
            inference.learn(&Source {
                name: &flow.display_name,
                id: Some(flow.name.as_deref().unwrap_or(&flow.key)),
                definition: &definition,
                references: Some(&references),
            });
        }
        return Ok(Learnt::Flows(package.flows.len()));
    }
    let report = flow::definition::load(&bytes, &LoadOptions::default());
    let Some(loaded) = report.loaded else {
        let first = report.problems.into_iter().next();
        return Ok(Learnt::Nothing(first.map(|it| it.message).unwrap_or_default()));
    };
    inference.learn(&Source {
        name: &name,
        id: id_in(&name),
        definition: &loaded.definition,
        references: loaded.connection_references.as_ref(),
    });
    Ok(Learnt::Flows(1))
}

/// Files of unpacked solutions are called `Name-GUID`, and flows call each other by that id.
fn id_in(name: &str) -> Option<&str> {
    let (start, id) = name.split_at_checked(name.len().checked_sub(GUID_BYTES)?)?;
    let is_guid = id.char_indices().all(|(at, it)| match at {
        8 | 13 | 18 | 23 => it == '-',
        _ => it.is_ascii_hexdigit(),
    });
    (is_guid && (start.is_empty() || start.ends_with('-'))).then_some(id)
}

const GUID_BYTES: usize = 36;

fn value(json: &serde_json::Value) -> Result<Value, Failure> {
    expr::json::parse(json.to_string().as_bytes())
        .map_err(|error| Failure::new(format!("A definition could not be read: {error}.")))
}

fn write(folder: &Path, findings: &Findings) -> Result<(), Failure> {
    for connector in &findings.connectors {
        let folder = folder.join(&connector.name);
        write_file(&folder, super::connector::DEFINITION, &connector.definition)?;
        write_file(&folder, super::connector::PROPERTIES, &connector.properties)?;
    }
    for missing in &findings.missing {
        let name = format!("{}.json", plain(&missing.id));
        write_file(&folder.join("flows"), &name, &missing.definition)?;
    }
    for started in &findings.started {
        let name = format!("{}.json", plain(&started.name));
        write_file(&folder.join("inputs"), &name, &started.body)?;
    }
    for answered in &findings.answered {
        let folder = folder.join("http").join(plain(&answered.flow));
        write_file(&folder, &format!("{}.json", plain(&answered.action)), &answered.body)?;
    }
    Ok(())
}

fn write_file(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join(name), text))
        .map_err(|error| Failure::new(format!("{} cannot be written: {error}", folder.display())))
}

/// A name as that of a file.
fn plain(name: &str) -> String {
    let of =
        |it: char| if it.is_alphanumeric() || matches!(it, '-' | '_' | ' ') { it } else { '_' };
    name.chars().map(of).take(FILE_NAME_CHARS_MAX).collect()
}

/// Characters of a file's name, of which each may be four bytes.
const FILE_NAME_CHARS_MAX: usize = 60;

/// Makes a connector on the server; one that comes with it or was imported counts before
/// what is only inferred.
async fn import(connector: &Inferred, client: &Client) -> Result<&'static str, Failure> {
    let path = Resource::new(&["environments", client.environment(), "connectors"])?;
    let body = json!({"name": connector.name, "definition": connector.definition,
        "properties": connector.properties});
    match client.post(&path, Some(body.to_string())).await {
        Ok(_) => Ok("imported"),
        Err(failure) if failure.code() == Some("ConnectorExists") => Ok("there already"),
        Err(failure) => Err(failure),
    }
}

fn report(
    findings: &Findings,
    states: &[&str],
    remarks: &[String],
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let found = &findings.connectors;
    let missing: Vec<&str> = findings.missing.iter().map(|it| it.id.as_str()).collect();
    if out.is_json() {
        let one = |(it, state): (&Inferred, &&str)| json!({"name": it.name, "operations": it.operations, "state": state});
        let all: Vec<_> = found.iter().zip(states).map(one).collect();
        return out.line(json!({"connectors": all, "missingFlows": missing, "remarks": remarks}));
    }
    let mut table = Table::new(&["NAME", "OPERATIONS", "STATE"]);
    for (it, state) in found.iter().zip(states) {
        table.row([it.name.clone(), it.operations.to_string(), (*state).to_owned()]);
    }
    out.table(&table)?;
    if !missing.is_empty() {
        out.note(format!(
            "Flows that are called and are not here: {}.",
            visible(&missing.join(", "))
        ))?;
    }
    for remark in remarks {
        out.note(visible(remark))?;
    }
    Ok(())
}
