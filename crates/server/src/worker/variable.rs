//! Environment variables at the start of a run: their values now are the run's own from
//! then on. A flow that names none costs nothing.

use super::Engine;
use crate::app::catalog::Version;
use crate::app::data::Stored;
use crate::app::error::AppError;
use crate::app::variable::{Variable, variable_id};
use expr::{Object, Value};

impl Engine {
    /// Values of the parameters that stand for environment variables: the variable's current
    /// value, else its default value. Without either, the parameter's own counts.
    pub async fn parameters_of(&self, version: &Version) -> Result<Object, AppError> {
        let mut values = Object::new();
        for parameter in &version.flow.parameters {
            if let Some(connections) = version.reads.parameter(&parameter.name)
                && is_empty(&parameter.value)
            {
                values.insert(parameter.name.clone(), connections.clone());
                continue;
            }
            let Some(name) = &parameter.schema_name else { continue };
            let id = variable_id(&version.info.environment, name);
            let found = self.store.record(Variable::KIND as u8, &id).await?;
            let read = |record: &store::Record| serde_json::from_slice::<Variable>(&record.body);
            let variable = found.as_ref().map(read).transpose().map_err(AppError::internal)?;
            match variable.as_ref().and_then(Variable::current) {
                Some(value) => values.insert(parameter.name.clone(), value.clone()),
                None if parameter.has_value => {}
                None => {
                    let message = format!(
                        "The environment variable '{name}' has no value in '{}', and the parameter '{}' has no default value.",
                        version.info.environment, parameter.name
                    );
                    return Err(AppError::invalid("EnvironmentVariableMissing", message));
                }
            }
        }
        Ok(values)
    }
}

/// Nobody gave a value.
fn is_empty(value: &Value) -> bool {
    value.as_object().map_or(value.is_null(), |object| object.is_empty())
}
