//! Flows.

use super::environment::{self, LOCATION};
use super::field::{self, Form};
use super::{Answered, Asked, done, ok, reference, to_json};
use crate::app::access::{Act, FlowAt, Scope, id_to_guid};
use crate::app::catalog::FlowState;
use crate::app::data::Cursor;
use crate::app::environment::Environment;
use crate::app::facts::{FlowFacts, PrincipalKind, TriggerFacts, triggers_of};
use crate::app::flow::{FlowInput, FlowPatch, FlowView};
use crate::app::item::{FlowItem, Mine};
use crate::app::{AppError, Operation, summary};
use crate::limits::REFERENCES_MAX;
use ::flow::definition::{Dialect, LoadOptions, Loaded};
use ::flow::run::format_time;
use axum::Json;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::WorkflowRow;

/// The connector that flows are connections of.
const API: &str = "/providers/Microsoft.PowerApps/apis/shared_logicflows";

const PLACE_OF_REFERENCES: &str = "$.properties.connectionReferences";

pub async fn collection(asked: &Asked, scope: Scope, environment: &str) -> Answered {
    match *asked.method() {
        Method::GET if scope == Scope::Admin => {
            // behind the provider: scopes, admin, environments, one of them
            let is_brief = asked.lower.get(5).is_some_and(|it| it == "v2");
            let form = if is_brief { ListForm::Brief } else { ListForm::Whole };
            list_as_admin(asked, environment, form).await
        }
        Method::GET => list_mine(asked, environment).await,
        Method::POST if scope == Scope::Mine => create(asked, environment).await,
        _ => Err(asked.no_such_method()),
    }
}

/// What lists show of a flow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListForm {
    /// To somebody whose flow it is.
    Own,
    /// To an administrator, with what it does at a glance and what it uses.
    Whole,
    /// To an administrator, without that: "a higher performance action that returns only the
    /// identifying information" (documentation page, List Flows as Admin (V2)).
    Brief,
}

/// `$filter=search('team')`: those that others share with the caller; otherwise those that
/// the caller made.
async fn list_mine(asked: &Asked, environment: &str) -> Answered {
    let filter = asked.query("$filter").unwrap_or_default().to_lowercase();
    let (is_team, is_personal) = (filter.contains("team"), filter.contains("personal"));
    let rows = asked.page_rows()?;
    let token = asked.query("$skiptoken");
    // both: the caller's own first
    let first = if is_team && !is_personal { Mine::Shared } else { Mine::Made };
    let (mut mine, token) = match token.map(|token| token.split_once('~').unwrap_or((token, token)))
    {
        Some(("shared", "")) => (Mine::Shared, None),
        Some(("shared", rest)) => (Mine::Shared, Some(rest)),
        Some((_, rest)) => (Mine::Made, Some(rest)),
        None => (first, None),
    };
    let mut after = token.map(Cursor::decode).transpose()?;
    let known =
        asked.app.environment_for(&asked.caller, Operation::ListMyFlows, environment).await?;
    let (mut value, mut apis) = (Vec::new(), reference::Apis::default());
    let next = loop {
        let room = (after.take(), rows - value.len());
        let (items, next) = asked.app.list_my_flows(&asked.caller, environment, mine, room).await?;
        for item in &items {
            value.push(render_short(asked, item, &known, ListForm::Own, &mut apis).await?);
        }
        let mark = if mine == Mine::Made { "made" } else { "shared" };
        match next {
            Some(next) => break Some(format!("{mark}~{}", next.encode())),
            None if mine == Mine::Made && is_team && is_personal => {
                mine = Mine::Shared;
                if value.len() >= rows {
                    break Some("shared~".to_owned());
                }
            }
            None => break None,
        }
    };
    Ok(asked.page(value, next.as_deref()))
}

async fn list_as_admin(asked: &Asked, environment: &str, form: ListForm) -> Answered {
    let rows = asked.page_rows()?;
    let include = asked.query("include").unwrap_or_default().to_lowercase();
    let with_deleted =
        include.contains("softdeletedflows") || asked.turns_on("includesoftdeletedflows");
    let operation = Operation::ListFlowsInEnvironmentV2;
    let known = asked.app.environment_for(&asked.caller, operation, environment).await?;
    let page = (asked.query("$skiptoken"), rows + 1);
    let mut found = asked.app.list_flows(&asked.caller, environment, with_deleted, page).await?;
    let is_more = found.len() > rows;
    found.truncate(rows);
    let next = found.last().filter(|_| is_more).map(|last| last.row.name.clone());
    let (mut value, mut apis) = (Vec::new(), reference::Apis::default());
    for item in &found {
        value.push(render_short(asked, item, &known, form, &mut apis).await?);
    }
    Ok(asked.page(value, next.as_deref()))
}

pub async fn one(asked: &Asked, at: FlowAt<'_>) -> Answered {
    match *asked.method() {
        Method::GET => show(asked, at).await,
        Method::PATCH | Method::PUT if at.scope == Scope::Mine => update(asked, at).await,
        Method::DELETE => delete(asked, at).await,
        _ => Err(asked.no_such_method()),
    }
}

async fn show(asked: &Asked, at: FlowAt<'_>) -> Answered {
    let (view, loaded) = asked.app.get_flow(&asked.caller, at).await?;
    ok(render_full(asked, &view, at.environment, Some(&loaded)).await?)
}

/// Deleting what is not there is no fault: 204.
async fn delete(asked: &Asked, at: FlowAt<'_>) -> Answered {
    match asked.app.delete_flow(&asked.caller, at).await {
        Ok(()) => done(),
        Err(error) if error.code == "FlowNotFound" => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(error),
    }
}

pub async fn act(asked: &Asked, at: FlowAt<'_>, what: &str) -> Answered {
    asked.expect(&Method::POST)?;
    match what {
        "start" => {
            asked.app.enable_flow(&asked.caller, at, FlowState::Started).await?;
            done()
        }
        "stop" => {
            asked.app.enable_flow(&asked.caller, at, FlowState::Stopped).await?;
            done()
        }
        "restore" if at.scope == Scope::Admin => {
            asked.app.restore_flow(&asked.caller, at).await?;
            done()
        }
        "exporttoarmtemplate" if at.scope == Scope::Mine => template(asked, at).await,
        "checkflowerrors" if at.scope == Scope::Mine => check(asked, at).await,
        _ => Err(asked.no_such_path()),
    }
}

pub async fn callback_url(asked: &Asked, at: FlowAt<'_>, trigger: Option<&str>) -> Answered {
    asked.expect(&Method::POST)?;
    let mut url = asked.app.callback_url(&asked.caller, at, trigger).await?;
    url.rebase(&asked.app.engine.catalog.public_url(), &asked.base);
    let queries: Map<String, Value> =
        url.queries.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    ok(json!({
        "response": {
            "value": url.value,
            "method": url.method,
            "basePath": url.base_path,
            "queries": queries,
        },
        "httpStatusCode": "OK",
    }))
}

/// What is wrong with a definition, as a list.
async fn check(asked: &Asked, at: FlowAt<'_>) -> Answered {
    #[derive(Deserialize, Default)]
    struct Given {
        definition: Option<Value>,
    }
    let given: Given = asked.json_or_nothing()?;
    let text = match given.definition {
        Some(definition) => definition.to_string().into_bytes(),
        None => {
            let (_, loaded) = asked.app.get_flow(&asked.caller, at).await?;
            to_json(&loaded.definition)?.to_string().into_bytes()
        }
    };
    asked.app.flow_for(&asked.caller, Act::GET, at).await?;
    let report = ::flow::definition::load(&text, &LoadOptions::default());
    ok(report.problems.iter().map(crate::api::error::problem).collect())
}

/// An ARM deployment template of the flow and the connections that it uses.
async fn template(asked: &Asked, at: FlowAt<'_>) -> Answered {
    let (view, loaded) = asked.app.get_flow(&asked.caller, at).await?;
    let definition = to_json(&loaded.definition)?;
    let references = view.facts.references.as_object().cloned().unwrap_or_default();
    let (mut resources, mut connections) = (Vec::new(), Map::new());
    for (key, reference) in &references {
        let api = reference.get("id").and_then(Value::as_str).unwrap_or_default();
        let name = api.rsplit('/').next().unwrap_or_default().trim_start_matches("shared_");
        let managed = format!(
            "[concat('/subscriptions/', subscription().subscriptionId, '/providers/Microsoft.Web/locations/', parameters('location'), '/managedApis/{name}')]"
        );
        connections.insert(
            key.clone(),
            json!({
                "connectionId": format!("[resourceId('Microsoft.Web/connections', '{key}')]"),
                "connectionName": key,
                "id": managed,
            }),
        );
        resources.push(json!({
            "type": "Microsoft.Web/connections",
            "apiVersion": "2016-06-01",
            "name": key,
            "location": "[parameters('location')]",
            "properties": {"api": {"id": managed}, "displayName": key},
        }));
    }
    let depends: Vec<String> = references
        .keys()
        .map(|key| format!("[resourceId('Microsoft.Web/connections', '{key}')]"))
        .collect();
    let is_on = view.entry.state == FlowState::Started;
    resources.insert(
        0,
        json!({
            "type": "Microsoft.Logic/workflows",
            "apiVersion": "2016-06-01",
            "name": "[parameters('workflowName')]",
            "location": "[parameters('location')]",
            "dependsOn": depends,
            "properties": {
                "state": if is_on { "Enabled" } else { "Disabled" },
                "definition": definition,
                "parameters": {"$connections": {"value": connections}},
            },
        }),
    );
    ok(json!({
        "$schema": "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "workflowName": {"type": "string", "defaultValue": view.entry.row.display_name},
            "location": {"type": "string", "defaultValue": "[resourceGroup().location]"},
        },
        "variables": {},
        "resources": resources,
    }))
}

/// A flow as a caller describes it. What the server owns (its name, creator, times,
/// addresses) is read over.
#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    properties: GivenProperties,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct GivenProperties {
    display_name: Option<String>,
    state: Option<String>,
    definition: Option<Value>,
    connection_references: Option<Value>,
    template_name: Option<String>,
}

/// The body, once its fields are what they have to be.
fn given(asked: &Asked, form: Form) -> Result<GivenProperties, AppError> {
    let body: Value = asked.json()?;
    field::check(&body, form)?;
    let given: Given = serde_json::from_value(body).map_err(|error| {
        let message = format!("The body is not the JSON that was expected: {error}.");
        AppError::invalid("InvalidRequestContent", message)
    })?;
    Ok(given.properties)
}

impl GivenProperties {
    fn state(&self) -> Result<Option<FlowState>, AppError> {
        match self.state.as_deref() {
            None => Ok(None),
            Some(state) if state.eq_ignore_ascii_case("Started") => Ok(Some(FlowState::Started)),
            Some(state) if state.eq_ignore_ascii_case("Stopped") => Ok(Some(FlowState::Stopped)),
            Some(state) => {
                let message =
                    format!("$.properties.state is '{state}', expected 'Started' or 'Stopped'.");
                Err(AppError::invalid("InvalidFlowState", message))
            }
        }
    }

    fn references(&self) -> Result<Option<Value>, AppError> {
        let Some(given) = self.connection_references.as_ref().filter(|it| !it.is_null()) else {
            return Ok(None);
        };
        let count = given.as_array().map_or(0, Vec::len) + given.as_object().map_or(0, Map::len);
        if count > REFERENCES_MAX {
            let message = format!(
                "{PLACE_OF_REFERENCES} has {count} references, expected {REFERENCES_MAX} at most."
            );
            return Err(AppError::invalid("TooManyConnectionReferences", message));
        }
        let mut found =
            summary::references(given).ok_or_else(|| field::missing(PLACE_OF_REFERENCES))?;
        reference::kept(&mut found);
        Ok(Some(found))
    }
}

/// The document that is stored: the definition, and the references beside it.
fn document(definition: &Value, references: Option<&Value>) -> Vec<u8> {
    let mut properties = json!({"definition": definition});
    if let Some(references) = references {
        properties["connectionReferences"] = references.clone();
    }
    json!({"properties": properties}).to_string().into_bytes()
}

async fn create(asked: &Asked, environment: &str) -> Answered {
    let properties = given(asked, Form::Whole)?;
    let references = properties.references()?;
    let missing = || field::missing("$.properties.definition");
    let definition = properties.definition.as_ref().ok_or_else(missing)?;
    let input = FlowInput {
        // a name of the caller's choice could be one that is taken where they see nothing
        name: None,
        display_name: properties.display_name.clone(),
        dialect: Some(Dialect::PowerAutomate),
        parameters: None,
        state: properties.state()?,
        template_name: properties.template_name.clone(),
        copied_from: None,
        document: document(definition, references.as_ref()),
    };
    let view = asked.app.create_flow(&asked.caller, environment, input).await?;
    let id = id_to_guid(&view.entry.row.id);
    let at = FlowAt { environment, name: &id, scope: Scope::Mine };
    let (view, loaded) = asked.app.get_flow(&asked.caller, at).await?;
    let body = render_full(asked, &view, environment, Some(&loaded)).await?;
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// What is not given stays: definition and references are replaced as a whole.
async fn update(asked: &Asked, at: FlowAt<'_>) -> Answered {
    // the connector's operation has all of it (documentation page, UpdateFlow)
    let form = if asked.is_of_connector { Form::Whole } else { Form::Part };
    let properties = given(asked, form)?;
    let references = properties.references()?;
    let document = if properties.definition.is_some() || references.is_some() {
        // rights come before what is there, and are those to change it
        asked.app.flow_for(&asked.caller, Act::UPDATE, at).await?;
        let (view, loaded) = asked.app.get_flow(&asked.caller, at).await?;
        let definition = match &properties.definition {
            Some(definition) => definition.clone(),
            None => to_json(&loaded.definition)?,
        };
        let kept = loaded.connection_references.as_ref().map(to_json).transpose()?;
        let kept = kept.as_ref().and_then(summary::references);
        let text = document(&definition, references.as_ref().or(kept.as_ref()));
        let dialect = Some(view.entry.version.flow.dialect);
        Some(FlowInput { document: text, dialect, ..FlowInput::default() })
    } else {
        None
    };
    let patch = FlowPatch {
        display_name: properties.display_name.clone(),
        state: properties.state()?,
        document,
    };
    asked.app.update_flow(&asked.caller, at, patch).await?;
    show(asked, at).await
}

/// What every form has.
fn base(
    asked: &Asked,
    (row, facts): (&WorkflowRow, &FlowFacts),
    triggers: &[TriggerFacts],
    environment: &Environment,
) -> (Value, Map<String, Value>) {
    let state = FlowState::from_number(row.state);
    let name = id_to_guid(&row.id);
    let within = environment.wire_name(&asked.app.tenant);
    let within_id = environment::id(&within);
    let mut properties = Map::new();
    let mut put = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    put("apiId", json!(API));
    put("displayName", json!(row.display_name));
    put("state", json!(state.name()));
    put("createdTime", json!(format_time(row.created)));
    put("lastModifiedTime", json!(format_time(row.changed)));
    if let Some(template) = &facts.template_name {
        put("templateName", json!(template));
    }
    let suspension = facts.suspension.as_ref();
    put("flowSuspensionReason", json!(suspension.map_or("None", |it| it.reason.name())));
    if let Some(suspension) = suspension {
        put("flowSuspensionTime", json!(format_time(suspension.time)));
        put("flowSuspensionReasonDetails", json!(suspension.message));
    }
    put(
        "environment",
        json!({"name": within, "type": "Microsoft.ProcessSimple/environments", "id": within_id}),
    );
    put("definitionSummary", summary_of(state, facts));
    if let Some(creator) = &facts.creator {
        let kind = match facts.creator_kind {
            Some(PrincipalKind::ServicePrincipal) => "ServicePrincipal",
            _ => "ActiveDirectory",
        };
        put(
            "creator",
            json!({
                "tenantId": &*asked.app.tenant,
                "objectId": creator,
                "userId": creator,
                "userType": kind,
            }),
        );
    }
    if let Some(uri) = trigger_uri(asked, &format!("{within_id}/flows/{name}"), triggers) {
        put("flowTriggerUri", json!(uri));
    }
    put("installationStatus", json!("Installed"));
    put("provisioningMethod", json!("FromDefinition"));
    put("flowFailureAlertSubscribed", json!(false));
    put("isManaged", json!(false));
    if let Some(data) = estimated(asked) {
        put("estimatedSuspensionData", data);
    }
    let head = json!({
        "name": name,
        "id": format!("{within_id}/flows/{name}"),
        "type": "Microsoft.ProcessSimple/environments/flows",
    });
    (head, properties)
}

/// Whether a list is to say when and why flows were suspended, as the connector's
/// parameter or as an expansion.
fn expands_suspension(asked: &Asked) -> bool {
    let expanded = asked.query("$expand").unwrap_or_default().to_lowercase();
    asked.turns_on("expandsuspensioninfo") || expanded.contains("suspensiondata")
}

/// An item of a list.
async fn render_short(
    asked: &Asked,
    item: &FlowItem,
    environment: &Environment,
    form: ListForm,
    apis: &mut reference::Apis,
) -> Result<Value, AppError> {
    let FlowItem { row, facts, triggers } = item;
    let (mut head, mut properties) = base(asked, (row, facts), triggers, environment);
    if form == ListForm::Brief {
        for name in ["provisioningMethod", "installationStatus", "flowTriggerUri"] {
            properties.remove(name);
        }
        if row.state != FlowState::Deleted as u8 {
            properties.remove("definitionSummary");
        }
    } else {
        let mut references = reference::render_all(facts);
        reference::describe(asked, environment, &mut references, apis).await?;
        properties.insert("connectionReferences".to_owned(), references);
    }
    if form == ListForm::Own {
        for name in ["Reason", "Time", "ReasonDetails"] {
            properties.remove(&format!("flowSuspension{name}"));
        }
        properties.insert("userType".to_owned(), json!("Owner"));
    } else if !expands_suspension(asked) {
        properties.remove("flowSuspensionTime");
        properties.remove("flowSuspensionReasonDetails");
    }
    head["properties"] = properties.into();
    Ok(head)
}

async fn render_full(
    asked: &Asked,
    view: &FlowView,
    environment: &str,
    loaded: Option<&Loaded>,
) -> Result<Value, AppError> {
    let known = asked.app.environment(environment).await?;
    let known = known.ok_or_else(|| AppError::internal("an environment is gone"))?;
    let (mut head, mut properties) =
        base(asked, (&view.entry.row, &view.facts), &triggers_of(&view.entry.version.flow), &known);
    let is_defined = !asked
        .query("includeflowdefinition")
        .is_some_and(|value| value.eq_ignore_ascii_case("false"));
    if let Some(loaded) = loaded.filter(|_| is_defined) {
        let definition = to_json(&loaded.definition)?;
        if let Some(schema) = first_schema(&definition) {
            properties.insert("triggerSchema".to_owned(), schema);
        }
        properties.insert("definition".to_owned(), definition);
    }
    properties.insert("userType".to_owned(), json!("Owner"));
    let mut references = reference::render_all(&view.facts);
    let mut apis = reference::Apis::default();
    reference::describe(asked, &known, &mut references, &mut apis).await?;
    properties.insert("connectionReferences".to_owned(), references);
    properties.insert("referencedResources".to_owned(), json!([]));
    properties.insert("location".to_owned(), json!(LOCATION));
    if asked.query("$expand").is_some_and(|it| it.to_lowercase().contains("plan")) {
        properties.insert("plan".to_owned(), json!("NotSpecified"));
    }
    head["properties"] = properties.into();
    Ok(head)
}

/// `estimatedSuspensionData` is for who asks for it: nothing here is going to be suspended
/// that is known beforehand.
fn estimated(asked: &Asked) -> Option<Value> {
    let expand = asked.query("$expand").unwrap_or_default().to_lowercase();
    let is_wanted =
        expand.contains("estimatedsuspensiondata") || asked.turns_on("expandsuspensioninfo");
    is_wanted.then(
        // nor are there plans that a flow could be excluded from
        || json!({"reason": Value::Null, "time": Value::Null, "powerAppPlanExcluded": false}),
    )
}

fn first_schema(definition: &Value) -> Option<Value> {
    let triggers = definition.get("triggers")?.as_object()?;
    triggers.values().find_map(|trigger| trigger.pointer("/inputs/schema").cloned())
}

/// Where an instant flow is run by somebody who has signed in.
fn trigger_uri(asked: &Asked, flow: &str, triggers: &[TriggerFacts]) -> Option<String> {
    let callable = triggers.iter().find(|it| it.is_callable)?;
    let trigger = utf8_percent_encode(&callable.name, NON_ALPHANUMERIC);
    Some(format!("{}{flow}/triggers/{trigger}/run?api-version=2016-11-01", asked.base))
}

/// A flow from before there were facts has no summary yet; it gets one when it is changed.
fn summary_of(state: FlowState, facts: &FlowFacts) -> Value {
    if state == FlowState::Deleted || facts.summary.is_null() {
        return json!({"triggers": [], "actions": []});
    }
    facts.summary.clone()
}
