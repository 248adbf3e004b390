//! Importing a package: everything is checked before the first flow is made.

use super::access::{Act, FlowAt, Scope, id_to_guid};
use super::catalog::FlowState;
use super::data::Change;
use super::error::{AppError, ErrorKind};
use super::flow::{FlowInput, FlowPatch, FlowView};
use super::variable::{VariableInput, VariableType};
use super::{App, Operation, flow as flows};
use crate::auth::caller::Caller;
use flow::definition::{Dialect, Problem, Severity};
use flow::package::{self, Fault, Package, PackagedFlow, PackagedVariable};
use serde_json::json;
use std::collections::BTreeMap;

/// What is to become of the parts of a package.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// By what the package calls a flow; others are made anew.
    pub flows: BTreeMap<String, FlowChoice>,
    /// The names of connections, by what the package calls a connection or a reference.
    pub connections: BTreeMap<String, String>,
}

/// What is to become of a flow.
#[derive(Clone, Debug)]
pub enum FlowChoice {
    New {
        name: Option<String>,
        display_name: Option<String>,
    },
    /// A new version of the flow of this name.
    Update {
        flow: String,
    },
    Skip,
}

/// A flow that was imported.
pub struct Imported {
    /// What the package calls it.
    pub key: String,
    pub is_new: bool,
    pub view: FlowView,
}

/// What is done for a flow once all are checked.
enum Step {
    Create(FlowInput),
    Update(String, FlowPatch),
}

impl App {
    /// What a package holds. Anybody who may make flows may look.
    pub async fn inspect_package(
        &self,
        caller: &Caller,
        environment: &str,
        bytes: Vec<u8>,
    ) -> Result<Package, AppError> {
        self.environment_for(caller, Operation::CreateFlow, environment).await?;
        read(bytes).await
    }

    /// Makes the flows of a package, or new versions of those there are.
    pub async fn import_package(
        &self,
        caller: &Caller,
        environment: &str,
        bytes: Vec<u8>,
        choices: &Choices,
    ) -> Result<(Package, Vec<Imported>), AppError> {
        let within = self.environment_for(caller, Operation::CreateFlow, environment).await?;
        let mut package = read(bytes).await?;
        let steps = self.steps(caller, &within.id, &package, choices).await?;
        let detail = json!({
            "displayName": package.details.display_name,
            "flows": steps.iter().map(|(flow, _)| &flow.key).collect::<Vec<_>>(),
        });
        let change = Change::default().audit("ImportPackage", &within.id, &detail);
        self.apply(caller, change).await?;
        let stayed = self.import_variables(caller, &within.id, &package.variables).await?;
        let (count, mut done) = (steps.len(), Vec::new());
        for (flow, step) in steps {
            let is_new = matches!(step, Step::Create(_));
            let made = match step {
                Step::Create(input) => self.create_flow(caller, &within.id, input).await,
                Step::Update(name, patch) => {
                    let at = FlowAt { environment: &within.id, name: &name, scope: Scope::Any };
                    self.update_flow(caller, at, patch).await
                }
            };
            let view = made.map_err(|error| {
                let before = format!("{} of {count} flows were imported, then: ", done.len());
                if done.is_empty() { error } else { error.prefixed(&before) }
            })?;
            done.push(Imported { key: flow.key.clone(), is_new, view });
        }
        package.remarks.extend(stayed);
        Ok((package, done))
    }

    /// Whether a package could be imported like this; makes nothing.
    pub async fn check_import(
        &self,
        caller: &Caller,
        environment: &str,
        bytes: Vec<u8>,
        choices: &Choices,
    ) -> Result<(), AppError> {
        let within = self.environment_for(caller, Operation::CreateFlow, environment).await?;
        let package = read(bytes).await?;
        self.steps(caller, &within.id, &package, choices).await.map(|_| ())
    }

    async fn steps<'a>(
        &self,
        caller: &Caller,
        environment: &str,
        package: &'a Package,
        choices: &Choices,
    ) -> Result<Vec<(&'a PackagedFlow, Step)>, AppError> {
        known(package, choices)?;
        let mut steps = Vec::new();
        for flow in &package.flows {
            if let Some(step) = self.step(caller, environment, flow, choices).await? {
                steps.push((flow, step));
            }
        }
        Ok(steps)
    }

    /// The name of the flow that a packaged one would become a new version of: the caller
    /// may change it, and it has the name that the package has.
    pub async fn updated_by(
        &self,
        caller: &Caller,
        environment: &str,
        flow: &PackagedFlow,
    ) -> Result<Option<String>, AppError> {
        let Some(name) = flow.name.as_deref() else { return Ok(None) };
        let at = FlowAt { environment, name, scope: Scope::Any };
        match self.flow_for(caller, Act::UPDATE, at).await {
            Ok(found) => Ok(Some(id_to_guid(&found.entry.row.id))),
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Forbidden) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the environment variables of a package. Those there are stay as they are:
    /// somebody has given them their values. Answers what there is to say of that.
    async fn import_variables(
        &self,
        caller: &Caller,
        environment: &str,
        variables: &[PackagedVariable],
    ) -> Result<Vec<Fault>, AppError> {
        let mut stayed = Vec::new();
        for it in variables {
            if self.has_variable(environment, &it.schema_name).await? {
                let message = format!(
                    "The environment has a variable '{}' already: it stays as it is.",
                    it.schema_name
                );
                stayed.push(Fault { path: it.path.clone(), message });
                continue;
            }
            let input = VariableInput {
                schema_name: it.schema_name.clone(),
                display_name: it.display_name.clone(),
                description: it.description.clone(),
                kind: VariableType::parse(it.type_name)?,
                default_value: it.default_value.clone(),
                value: it.value.clone(),
            };
            let made = self.create_variable(caller, environment, input).await;
            made.map_err(|error| error.prefixed(&format!("{}: ", it.path)))?;
        }
        Ok(stayed)
    }

    /// What is to be done for a flow, when it can be done.
    async fn step(
        &self,
        caller: &Caller,
        environment: &str,
        flow: &PackagedFlow,
        choices: &Choices,
    ) -> Result<Option<Step>, AppError> {
        let wrong = |error: AppError| error.prefixed(&format!("{}: ", flow.path));
        let document = document(flow, choices);
        let input =
            FlowInput { dialect: Some(Dialect::PowerAutomate), document, ..FlowInput::default() };
        let choice = names_of(flow).find_map(|name| choices.flows.get(name));
        let choice = choice.cloned().unwrap_or(FlowChoice::New { name: None, display_name: None });
        match choice {
            FlowChoice::Skip => Ok(None),
            FlowChoice::Update { flow: name } => {
                let at = FlowAt { environment, name: &name, scope: Scope::Any };
                self.flow_for(caller, Act::UPDATE, at).await?;
                flows::load(&input).map_err(wrong)?;
                let patch = FlowPatch { document: Some(input), ..FlowPatch::default() };
                Ok(Some(Step::Update(name, patch)))
            }
            FlowChoice::New { name, display_name } => {
                flows::load(&input).map_err(wrong)?;
                if let Some(name) = &name {
                    flows::check_name(name)?;
                    if self.engine.catalog.by_name(environment, name).await?.is_some() {
                        let message = format!("There is a flow '{name}' already.");
                        let kind = ErrorKind::Conflict;
                        return Err(AppError::new(kind, "FlowExists", message));
                    }
                }
                let shown = display_name.filter(|text| !text.trim().is_empty());
                let is_started = flow.is_started.unwrap_or(false);
                Ok(Some(Step::Create(FlowInput {
                    name,
                    display_name: Some(shown.unwrap_or_else(|| flow.display_name.clone())),
                    // as in the original, a flow of a package is off until somebody turns it on
                    state: Some(if is_started { FlowState::Started } else { FlowState::Stopped }),
                    template_name: flow.template_name.clone(),
                    ..input
                })))
            }
        }
    }
}

/// Reads a package away from the tasks that answer callers.
async fn read(bytes: Vec<u8>) -> Result<Package, AppError> {
    let read = tokio::task::spawn_blocking(move || package::read(&bytes)).await;
    read.map_err(AppError::internal)?.map_err(refused)
}

/// A package that is refused, with all its faults.
fn refused(faults: Vec<Fault>) -> AppError {
    let message = match faults.first() {
        Some(fault) if fault.path.is_empty() => fault.message.clone(),
        Some(fault) => format!("{}: {}", fault.path, fault.message),
        None => "The package cannot be read.".to_owned(),
    };
    let details = faults.into_iter().map(|fault| Problem {
        severity: Severity::Error,
        code: "InvalidPackage",
        path: fault.path,
        offset: None,
        expected: None,
        message: fault.message,
    });
    AppError { details: details.collect(), ..AppError::invalid("InvalidPackage", message) }
}

/// What a flow may be called in a choice.
fn names_of(flow: &PackagedFlow) -> impl Iterator<Item = &str> {
    let names = [Some(flow.key.as_str()), flow.name.as_deref(), Some(flow.display_name.as_str())];
    names.into_iter().flatten()
}

/// Refuses choices about what the package does not have.
fn known(package: &Package, choices: &Choices) -> Result<(), AppError> {
    for name in choices.flows.keys() {
        if !package.flows.iter().any(|flow| names_of(flow).any(|known| known == name)) {
            let message = format!("The package has no flow '{name}'.");
            return Err(AppError::invalid("UnknownPackageFlow", message));
        }
    }
    for name in choices.connections.keys() {
        let is_connection = package.connections.iter().any(|it| it.key == *name);
        let is_reference = package.flows.iter().any(|flow| flow.references.contains_key(name));
        if !is_connection && !is_reference {
            let message = format!("The package has no connection '{name}'.");
            return Err(AppError::invalid("UnknownPackageConnection", message));
        }
    }
    Ok(())
}

/// The document that is stored, with the connections that were chosen.
fn document(flow: &PackagedFlow, choices: &Choices) -> Vec<u8> {
    let mut references = flow.references.clone();
    for (key, reference) in &mut references {
        let of_package = flow.connections.get(key);
        let chosen = of_package.and_then(|it| choices.connections.get(it));
        let chosen = chosen.or_else(|| choices.connections.get(key));
        if let Some(chosen) = chosen {
            reference["connectionName"] = json!(chosen);
        }
    }
    let properties = json!({"definition": flow.definition, "connectionReferences": references});
    json!({"properties": properties}).to_string().into_bytes()
}
