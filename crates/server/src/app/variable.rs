//! Environment variables: values that the flows of an environment share. A parameter of a
//! definition names one (`metadata.schemaName`), and each run keeps the value that counted
//! when it began.
//!
//! Whoever makes flows in an environment may make variables, and change those that they
//! made; who administers it may change all of them.

use super::data::{self, Change, Kind, Known, Listed, Stored};
use super::environment::{Environment, forbidden};
use super::error::{AppError, ErrorKind};
use super::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::policy;
use crate::limits::{VARIABLE_TEXT_CHARACTERS_MAX, VARIABLE_VALUE_BYTES_MAX};
use expr::Value;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

pub const BY_NAME: u8 = 1;

/// What values a variable takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VariableType {
    String,
    Number,
    Boolean,
    #[serde(rename = "JSON")]
    Json,
    /// A place in a data source: text.
    DataSource,
}

impl VariableType {
    pub const ALL: [VariableType; 5] = [
        VariableType::String,
        VariableType::Number,
        VariableType::Boolean,
        VariableType::Json,
        VariableType::DataSource,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            VariableType::String => "String",
            VariableType::Number => "Number",
            VariableType::Boolean => "Boolean",
            VariableType::Json => "JSON",
            VariableType::DataSource => "DataSource",
        }
    }

    pub fn parse(text: &str) -> Result<VariableType, AppError> {
        let found = Self::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join("', '");
            let message = format!("'type' is '{text}', expected one of '{names}'.");
            AppError::invalid("InvalidVariable", message)
        })
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            VariableType::String | VariableType::DataSource => value.as_str().is_some(),
            VariableType::Number => {
                matches!(value, Value::Int(_) | Value::Float(_) | Value::Decimal(_))
            }
            VariableType::Boolean => value.as_bool().is_some(),
            VariableType::Json => true,
        }
    }
}

/// An environment variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    id: String,
    environment: String,
    pub schema_name: String,
    pub display_name: String,
    #[serde(default)]
    pub description: Option<String>,
    pub kind: VariableType,
    #[serde(default)]
    pub default_value: Option<Value>,
    /// The current value, which counts before the default one.
    #[serde(default)]
    pub value: Option<Value>,
    /// Object id of who made it.
    #[serde(default)]
    pub created_by: Option<String>,
    /// Ticks.
    pub created: i64,
    pub changed: i64,
}

impl Stored for Variable {
    const KIND: Kind = Kind::EnvironmentVariable;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_NAME, &[&self.environment, &self.schema_name.to_lowercase()])]
    }
}

impl Variable {
    /// The value that counts.
    #[must_use]
    pub fn current(&self) -> Option<&Value> {
        self.value.as_ref().or(self.default_value.as_ref())
    }

    fn check(&self) -> Result<(), AppError> {
        let invalid = |message: String| Err(AppError::invalid("InvalidVariable", message));
        let is_name = !self.schema_name.is_empty()
            && self.schema_name.len() <= VARIABLE_NAME_BYTES_MAX
            && self.schema_name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            return invalid(format!(
                "'schemaName' is '{}', expected 1 to {VARIABLE_NAME_BYTES_MAX} letters, digits and '_'.",
                self.schema_name
            ));
        }
        let texts = [Some(&self.display_name), self.description.as_ref()];
        let is_long = |it: &&String| it.chars().count() > VARIABLE_TEXT_CHARACTERS_MAX;
        if texts.into_iter().flatten().any(|it| is_long(&it)) {
            return invalid(format!(
                "A text of the variable has more than {VARIABLE_TEXT_CHARACTERS_MAX} characters."
            ));
        }
        for (name, value) in [("defaultValue", &self.default_value), ("value", &self.value)] {
            let Some(value) = value else { continue };
            if !self.kind.takes(value) {
                let (found, expected) = (value.kind(), self.kind.name());
                return invalid(format!(
                    "'{name}' is a value of type '{found}', and the variable takes '{expected}'."
                ));
            }
            if expr::json::to_string(value).len() > VARIABLE_VALUE_BYTES_MAX {
                return invalid(format!(
                    "'{name}' has more than {VARIABLE_VALUE_BYTES_MAX} bytes."
                ));
            }
        }
        Ok(())
    }

    /// What the audit says of it.
    fn facts(&self) -> serde_json::Value {
        json!({"defaultValue": self.default_value, "value": self.value})
    }
}

/// Bytes of a schema name (documented: 100 characters).
const VARIABLE_NAME_BYTES_MAX: usize = 100;

/// The id of a variable's record.
#[must_use]
pub fn variable_id(environment: &str, schema_name: &str) -> String {
    format!("{environment}/{}", schema_name.to_lowercase())
}

/// A variable as its caller describes it.
pub struct VariableInput {
    pub schema_name: String,
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub kind: VariableType,
    pub default_value: Option<Value>,
    pub value: Option<Value>,
}

/// What is to be different. A null takes a value away.
#[derive(Default)]
pub struct VariablePatch {
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub default_value: Option<Value>,
    pub value: Option<Value>,
}

impl App {
    /// An environment whose variables the caller may see.
    async fn environment_with_variables(
        &self,
        caller: &Caller,
        name: &str,
        operation: Operation,
    ) -> Result<Environment, AppError> {
        match self.environment_for(caller, operation, name).await {
            Err(error) if error.kind == ErrorKind::Forbidden => {
                let all = Operation::ManageEnvironmentVariables;
                Ok(self.environment_for(caller, all, name).await?.value)
            }
            found => Ok(found?.value),
        }
    }

    pub async fn list_variables(
        &self,
        caller: &Caller,
        environment: &str,
        (after, rows_max): (Option<data::Cursor>, usize),
    ) -> Result<Listed<Variable>, AppError> {
        let operation = Operation::ReadEnvironmentVariables;
        let within = self.environment_with_variables(caller, environment, operation).await?;
        self.list(BY_NAME, &[&within.id], after, rows_max).await
    }

    pub async fn get_variable(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<Variable, AppError> {
        let operation = Operation::ReadEnvironmentVariables;
        let within = self.environment_with_variables(caller, environment, operation).await?;
        Ok(self.variable(&within, name).await?.value)
    }

    async fn variable(
        &self,
        within: &Environment,
        name: &str,
    ) -> Result<Known<Variable>, AppError> {
        self.get(&variable_id(&within.id, name)).await?.ok_or_else(|| {
            let message = format!("There is no environment variable '{name}' in '{}'.", within.id);
            AppError::not_found("VariableNotFound", message)
        })
    }

    pub async fn create_variable(
        &self,
        caller: &Caller,
        environment: &str,
        input: VariableInput,
    ) -> Result<Variable, AppError> {
        let operation = Operation::CreateEnvironmentVariable;
        let within = self.environment_with_variables(caller, environment, operation).await?;
        let now = self.engine.clock.now();
        let some = |value: Option<Value>| value.filter(|it| !it.is_null());
        let variable = Known::new(Variable {
            id: variable_id(&within.id, &input.schema_name),
            environment: within.id.clone(),
            display_name: input.display_name.unwrap_or_else(|| input.schema_name.clone()),
            schema_name: input.schema_name,
            description: input.description,
            kind: input.kind,
            default_value: some(input.default_value),
            value: some(input.value),
            created_by: Some(caller.id().to_owned()),
            created: now,
            changed: now,
        });
        variable.check()?;
        let change = Change::default().put(&variable)?;
        let change = change.audit("CreateEnvironmentVariable", &variable.id, &variable.facts());
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => {
                let name = &variable.schema_name;
                let message = format!("There is an environment variable '{name}' already.");
                AppError::new(ErrorKind::Conflict, "VariableExists", message)
            }
            _ => error,
        })?;
        Ok(variable.value)
    }

    /// Whether the environment has a variable of this name.
    pub(super) async fn has_variable(
        &self,
        environment: &str,
        name: &str,
    ) -> Result<bool, AppError> {
        Ok(self.get::<Variable>(&variable_id(environment, name)).await?.is_some())
    }

    /// A variable that the caller may change: one of their own, or as who administers all.
    async fn variable_to_change(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<Known<Variable>, AppError> {
        let operation = Operation::CreateEnvironmentVariable;
        let within = self.environment_with_variables(caller, environment, operation).await?;
        let variable = self.variable(&within, name).await?;
        let all = Operation::ManageEnvironmentVariables;
        let is_own = variable.created_by.as_deref() == Some(caller.id());
        if is_own || policy::allows(caller, all, within.place()) {
            return Ok(variable);
        }
        let message = "Only who made an environment variable and administrators may change it.";
        Err(forbidden(message))
    }

    pub async fn update_variable(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
        patch: VariablePatch,
    ) -> Result<Variable, AppError> {
        let mut variable = self.variable_to_change(caller, environment, name).await?;
        let before = variable.facts();
        if let Some(display_name) = patch.display_name {
            variable.display_name = display_name;
        }
        if let Some(description) = patch.description {
            variable.description = Some(description).filter(|it| !it.is_empty());
        }
        if let Some(value) = patch.default_value {
            variable.default_value = Some(value).filter(|it| !it.is_null());
        }
        if let Some(value) = patch.value {
            variable.value.value = Some(value).filter(|it| !it.is_null());
        }
        variable.check()?;
        variable.changed = self.engine.clock.now();
        let detail = json!({"before": before, "after": variable.facts()});
        let change = Change::default().put(&variable)?;
        let change = change.audit("UpdateEnvironmentVariable", &variable.id, &detail);
        self.apply(caller, change).await?;
        Ok(variable.value)
    }

    pub async fn delete_variable(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<(), AppError> {
        let variable = self.variable_to_change(caller, environment, name).await?;
        let detail = json!({"before": variable.facts()});
        let change = Change::default().remove(&variable);
        let change = change.audit("DeleteEnvironmentVariable", &variable.id, &detail);
        self.apply(caller, change).await.map(|_| ())
    }

    /// The change with which the variables of an environment go.
    pub(super) async fn without_variables_of(
        &self,
        environment: &str,
        mut change: Change,
    ) -> Result<Change, AppError> {
        for variable in self.list_all::<Variable>(BY_NAME, &[environment]).await? {
            change = change.remove(&variable);
        }
        Ok(change)
    }
}
