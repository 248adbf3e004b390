//! What only the service knows of a parameter: the operation that tells it is called over a
//! connection, as any other call is.

use super::backend::is_success;
use super::outside;
use crate::app::App;
use crate::app::connector::connection::{ConnectionAct, ConnectionAt};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use ::connector::dynamic::{Asked, DynamicFault, DynamicKind, Told, lookup};
use expr::Value;
use flow::run::CallResult;

impl App {
    /// Finds out what a parameter of an operation may be, given others.
    pub async fn resolve_dynamic(
        &self,
        caller: &Caller,
        at: ConnectionAt<'_>,
        operation: &str,
        asked: &Asked,
    ) -> Result<(DynamicKind, Told), AppError> {
        let found = self.connection_for(caller, ConnectionAct::RESOLVE, at).await?;
        let document = self.document_of(&found.connector).await?;
        let of = document.operation(operation).ok_or_else(|| {
            let message =
                format!("The connector '{}' has no operation '{operation}'.", at.connector);
            AppError::not_found("OperationNotFound", message)
        })?;
        let lookup = lookup(&document, of, asked).map_err(|it| refused(&it))?;
        let is_get = lookup.bound.request.method == "GET";
        let target = (at.connector, at.name);
        let call = self.begin_call(caller, target, is_get).await?;
        let operation = document.operation(&lookup.operation).map(|it| it.id.clone());
        let bound = &lookup.bound;
        let (request, parameters) = (bound.request.clone(), bound.parameters.clone());
        let over = (call.connector, call.connection, document);
        let call = outside::Asked { operation, request, parameters };
        let told = match self.answer_outside(over, call).await? {
            CallResult::Answer(answer) if is_success(&answer) => {
                lookup.read(answer.get("body").unwrap_or(&Value::Null))
            }
            CallResult::Answer(answer) | CallResult::Page { answer, .. } => {
                let status = answer.get("statusCode").and_then(Value::as_int).unwrap_or_default();
                let message = format!(
                    "The operation '{}' tells the values, and was answered with the status {status}.",
                    lookup.operation
                );
                return Err(failed(message));
            }
            CallResult::Failure { message, .. } => return Err(failed(message.to_string())),
            CallResult::Unknown => {
                return Err(AppError::internal("the end of a call is not known"));
            }
        };
        Ok((lookup.kind, told.map_err(|it| refused(&it))?))
    }
}

/// The service is at fault, or cannot be reached: it may be another time.
fn failed(message: String) -> AppError {
    AppError::new(ErrorKind::Conflict, "DynamicLookupFailed", message)
}

fn refused(fault: &DynamicFault) -> AppError {
    let message = fault.to_string();
    match fault {
        DynamicFault::NoParameter { .. } => AppError::not_found("ParameterNotFound", message),
        DynamicFault::NotDynamic { .. } => AppError::invalid("ParameterNotDynamic", message),
        DynamicFault::Missing(_) => AppError::invalid("DynamicParameterMissing", message),
        DynamicFault::Bind(fault) => AppError::invalid(fault.code, message),
        DynamicFault::NoOperation(_) | DynamicFault::Unsupported(_) => {
            AppError::invalid("DynamicNotSupported", message)
        }
        DynamicFault::Unexpected { .. } | DynamicFault::TooMany(_) => failed(message),
    }
}
