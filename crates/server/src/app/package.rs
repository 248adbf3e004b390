//! Packages of flows: export and import.

use super::App;
use super::access::{Act, FlowAt, FlowFound, id_to_guid};
use super::catalog::FlowEntry;
use super::data::Change;
use super::error::AppError;
use super::flow::FlowView;
use crate::auth::caller::Caller;
use crate::clock;
use flow::package::{self, Details, Outgoing, Resource};
use flow::run::format_time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What is exported: a version of a flow, and what the package is to say of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    pub version: u32,
    pub display_name: String,
    pub description: String,
    pub creator: String,
    pub source_environment: String,
    pub created_time: String,
    pub telemetry_id: String,
}

/// What a caller wants a package to say of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportDetails {
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub creator: Option<String>,
    pub source_environment: Option<String>,
}

/// Characters of a text that a package says of itself.
const DETAIL_CHARACTERS_MAX: usize = 1_024;

impl App {
    /// What a package of a flow would be made of.
    pub async fn package_resources(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
    ) -> Result<Vec<Resource>, AppError> {
        let FlowFound { entry, facts, .. } = self.flow_for(caller, Act::EXPORT, at).await?;
        let view = FlowView { entry, facts, problems: Vec::new() };
        Ok(package::resources(&Outgoing {
            name: &id_to_guid(&view.entry.row.id),
            display_name: &view.entry.row.display_name,
            template_name: None,
            definition: &Value::Null,
            references: &references(&view),
            details: &Details::default(),
        }))
    }

    /// Allows an export of a flow as it is now; [`App::exported`] makes the package of it.
    pub async fn export_package(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        details: ExportDetails,
    ) -> Result<(FlowFound, Export), AppError> {
        let found = self.flow_for(caller, Act::EXPORT, at).await?;
        let row = &found.entry.row;
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let export = Export {
            version: row.version,
            display_name: given(details.display_name).unwrap_or_else(|| row.display_name.clone()),
            description: details.description.unwrap_or_default(),
            creator: given(details.creator).unwrap_or_else(|| "N/A".to_owned()),
            source_environment: details.source_environment.unwrap_or_default(),
            created_time: format_time(self.engine.clock.now()),
            telemetry_id: clock::guid().map_err(AppError::internal)?,
        };
        let texts = [
            &export.display_name,
            &export.description,
            &export.creator,
            &export.source_environment,
        ];
        if texts.iter().any(|text| text.chars().count() > DETAIL_CHARACTERS_MAX) {
            let message = format!(
                "A text of the package's details has more than {DETAIL_CHARACTERS_MAX} characters."
            );
            return Err(AppError::invalid("InvalidPackageDetails", message));
        }
        let detail = json!({"displayName": export.display_name, "version": export.version});
        self.apply(caller, Change::default().audit("ExportFlow", &row.id, &detail)).await?;
        Ok((found, export))
    }

    /// The package of an export that was allowed.
    pub async fn exported(&self, entry: &FlowEntry, export: &Export) -> Result<Vec<u8>, AppError> {
        let (loaded, _) = self.load_version(entry, export.version).await?;
        let to_json = |value: &expr::Value| serde_json::to_value(value).map_err(AppError::internal);
        let definition = to_json(&loaded.definition)?;
        let given = loaded.connection_references.as_ref().map(to_json).transpose()?;
        let references = given.as_ref().and_then(super::summary::references);
        let references = references.and_then(|it| it.as_object().cloned()).unwrap_or_default();
        let facts = self.facts(&entry.row).await?;
        let details = Details {
            display_name: export.display_name.clone(),
            description: export.description.clone(),
            creator: export.creator.clone(),
            source_environment: export.source_environment.clone(),
            created_time: export.created_time.clone(),
            telemetry_id: export.telemetry_id.clone(),
        };
        let outgoing = Outgoing {
            name: &id_to_guid(&entry.row.id),
            display_name: &export.display_name,
            template_name: facts.template_name.as_deref(),
            definition: &definition,
            references: &references,
            details: &details,
        };
        package::write(&outgoing).map_err(|fault| AppError::internal(fault.message))
    }
}

fn references(view: &FlowView) -> Map<String, Value> {
    view.facts.references.as_object().cloned().unwrap_or_default()
}
