//! Calls of operations that flows make: which connection, which operation, what stands behind
//! it, and how its answer reads to the flow.

mod backend;
mod document;
mod known;
mod people;
mod reads;
mod recording;
mod reference;
mod served;

pub use backend::Backend;
pub use document::Documents;
pub use people::People;
pub use reads::Reads;
pub use recording::RecordingMode;
pub use reference::{Reference, connector_of};
pub use served::{Management, ManagementAnswer, ServiceSettings, Services};

use super::Connector;
use super::call::ConnectionCall;
use super::connection::{Connection, no_permission};
use crate::app::data::{Known, Stored};
use crate::app::environment::Environment;
use crate::app::error::{AppError, ErrorKind};
use crate::app::facts::FlowFacts;
use crate::app::{App, AppParts, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::{self, Place};
use crate::clock;
use crate::worker::{Asker, Connectors, Engine, Judged, failure};
use ::connector::call::{Body, RelativeRequest};
use ::connector::definition::{self, Document};
use durable::Ticks;
use expr::{Object, Str, Value};
use flow::definition::Source;
use flow::run::{CallResult, ConnectorCall, Purpose};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use store::WorkflowRow;

/// Makes the calls of this server's flows. The engine comes with each call, so that it does
/// not hold itself.
pub struct Runtime(pub AppParts);

impl Connectors for Runtime {
    fn call(
        &self,
        engine: Arc<Engine>,
        call: ConnectorCall,
    ) -> Pin<Box<dyn Future<Output = CallResult> + Send>> {
        let app = App::of(engine, self.0.clone());
        Box::pin(async move {
            match app.call_operation(call).await {
                Ok(result) => result,
                Err(error) => told(&error),
            }
        })
    }

    fn is_asked(
        &self,
        engine: Arc<Engine>,
        call: ConnectorCall,
    ) -> Pin<Box<dyn Future<Output = bool> + Send>> {
        let app = App::of(engine, self.0.clone());
        Box::pin(async move {
            // what cannot be found out now fails when it subscribes, and says why
            app.is_asked(&call).await.unwrap_or(false)
        })
    }

    fn judge(
        &self,
        engine: Arc<Engine>,
        asker: Asker,
        connector: &'static str,
        uri: String,
    ) -> Pin<Box<dyn Future<Output = Judged> + Send>> {
        let app = App::of(engine, self.0.clone());
        Box::pin(async move {
            let judged = app.judge_address(asker, connector, uri).await;
            judged.unwrap_or_else(|error| Judged::Refused(told(&error)))
        })
    }
}

/// An error of this server as the end of a call. What passes may be repeated.
fn told(error: &AppError) -> CallResult {
    if let ErrorKind::Throttled { retry_after_seconds } = error.kind {
        // as the gateway of connectors answers: the policy of the action waits for as long
        let mut headers = Object::new();
        headers.insert("Retry-After", Value::from(retry_after_seconds.to_string()));
        let mut body = Object::new();
        body.insert("statusCode", 429i64);
        body.insert("message", Value::from(error.message.as_str()));
        return CallResult::Answer(flow::run::answer(429, headers.into(), body.into()));
    }
    let passes = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Full);
    failure(error.code, error.message.as_str(), passes)
}

/// A call that is understood: what it is of, and what it says.
pub struct Called {
    pub app: App,
    /// The id of the flow whose call it is; none of a call from outside.
    pub flow: Option<String>,
    pub connector: Connector,
    pub connection: Known<Connection>,
    pub document: Arc<Document>,
    /// The operation's id; none of a request whose operation the document does not name.
    pub operation: Option<Str>,
    pub request: RelativeRequest,
    /// By the names of the operation's parameters.
    pub parameters: Object,
    /// An address that an earlier answer gave, which is called instead.
    pub location: Option<Str>,
    pub idempotency_key: String,
    pub now: Ticks,
    /// A data policy says where it may go: redirects are not followed.
    pub is_bounded: bool,
}

impl Called {
    #[must_use]
    pub fn operation(&self) -> Option<&definition::Operation> {
        self.document.operation(self.operation.as_deref()?)
    }
}

impl App {
    /// The flow of a call, what its inputs name, and the connector of that.
    async fn named_by(
        &self,
        call: &ConnectorCall,
    ) -> Result<(WorkflowRow, Reference, Known<Environment>, Connector), AppError> {
        let gone = || AppError::not_found("FlowNotFound", "The flow of the call is gone.");
        let row = self.engine.store.workflow_by_key(call.workflow).await?.ok_or_else(gone)?;
        let version = self.engine.catalog.version(&row, call.version).await?;
        let reference = Reference::of(call, &version.references)?;
        let environment = self.environment(&row.environment).await?.ok_or_else(gone)?;
        let connector = self.connector_named(&environment, &reference.connector).await?;
        let connector = connector.ok_or_else(|| reference.no_connector())?.value;
        Ok((row, reference, environment, connector))
    }

    /// Whether the operation of a trigger has no place for an address to call back.
    async fn is_asked(&self, call: &ConnectorCall) -> Result<bool, AppError> {
        let (.., connector) = self.named_by(call).await?;
        let document = self.document_of(&connector).await?;
        let id = call.inputs.get("host").and_then(|host| host.get("operationId"));
        let operation = id.and_then(Value::as_str).and_then(|id| document.operation(id));
        Ok(operation.is_some_and(|it| it.notification_key().is_none()))
    }

    /// Makes the call that an action or a trigger of a flow asks for.
    async fn call_operation(&self, call: ConnectorCall) -> Result<CallResult, AppError> {
        let (row, reference, environment, connector) = self.named_by(&call).await?;
        let connection = self.connection_at_address(&connector.name, &reference.connection).await?;
        let connection = connection.filter(|it| it.environment == environment.id);
        let connection = connection.ok_or_else(|| reference.no_connection())?;
        self.check_use(&row, &connection).await?;
        if let Some(fault) = self.fault_of(&connection) {
            let message =
                format!("The connection '{}' cannot be used: {}", connection.name, fault.message);
            return Err(AppError::new(ErrorKind::Unauthenticated, "ConnectionFaulted", message));
        }
        let document = self.document_of(&connector).await?;
        let purpose = call.purpose.clone();
        let mut called = self.understood(call, connector, connection, document)?;
        called.flow = Some(row.id);
        called.is_bounded = self.judge_call(&called, &purpose).await?;
        let is_get = called.request.method == "GET";
        self.count_call(&called.connector, &called.connection, is_get).await?;
        backend::answer(called).await
    }

    /// Makes the call that somebody asks for over a connection, outside of any flow: it was
    /// let in ([`App::begin_call`]).
    pub async fn call_from_outside(
        &self,
        call: ConnectionCall,
        mut request: RelativeRequest,
        headers: &[(String, String)],
    ) -> Result<CallResult, AppError> {
        let ConnectionCall { connector, connection, .. } = call;
        let document = self.document_of(&connector).await?;
        let routed = document
            .route(&request)
            .map_err(|fault| AppError::not_found("OperationNotFound", fault.to_string()))?;
        // of the caller's headers those that the operation knows
        // (who calls this server is nobody's business there)
        let is_ours = |name: &str| {
            ["authorization", "cookie", "host"].iter().any(|it| name.eq_ignore_ascii_case(it))
        };
        let is_known = |name: &str| {
            let mut parameters = routed.operation.parameters.iter();
            parameters.any(|it| {
                it.location == definition::Location::Header && it.name.eq_ignore_ascii_case(name)
            })
        };
        let known = headers.iter().filter(|(name, _)| is_known(name) && !is_ours(name)).cloned();
        request.headers.extend(known);
        let routed = document
            .route(&request)
            .map_err(|fault| AppError::not_found("OperationNotFound", fault.to_string()))?;
        let (operation, parameters) = (Some(routed.operation.id.clone()), routed.parameters);
        let mut called = Called {
            app: self.clone(),
            flow: None,
            connector,
            connection,
            document,
            operation,
            request,
            parameters,
            location: None,
            idempotency_key: clock::guid().map_err(AppError::internal)?,
            now: self.engine.clock.now(),
            is_bounded: false,
        };
        called.is_bounded = self.judge_call(&called, &Purpose::Call).await?;
        backend::answer(called).await
    }

    /// Whether a flow may use a connection: whoever saved it with that was allowed to.
    async fn check_use(
        &self,
        row: &WorkflowRow,
        connection: &Known<Connection>,
    ) -> Result<(), AppError> {
        let facts = self.facts(row).await?;
        if facts.connections.iter().any(|id| id == connection.id()) {
            return Ok(());
        }
        let message = format!(
            "The flow '{}' may not use the connection '{}': save it as somebody who may.",
            row.name, connection.name
        );
        Err(AppError::new(ErrorKind::Forbidden, "ConnectionAuthorizationFailed", message))
    }

    /// Notes the connections that a flow may use from now on: those that its references name
    /// and that the caller may use, or that it could use before. Connections that are not
    /// there (yet) are not among them.
    pub(crate) async fn note_connections(
        &self,
        caller: &Caller,
        environment: &Environment,
        facts: &mut FlowFacts,
    ) -> Result<(), AppError> {
        let mut ids: Vec<String> = Vec::new();
        for reference in Reference::all(&facts.references) {
            let (connector, name) = (&reference.connector, &reference.connection);
            let found = self.connection_at_address(connector, name).await?;
            let Some(found) = found.filter(|it| it.environment == environment.id) else { continue };
            let place = Place { hold: found.hold_of(caller), ..environment.place() };
            let may = caller.kind() == CallerKind::Root
                || facts.connections.iter().any(|id| id == found.id())
                || policy::allows(caller, Operation::UseConnection, place);
            if !may {
                return Err(no_permission(caller, name, connector));
            }
            if !ids.iter().any(|id| id == found.id()) {
                ids.push(found.id().to_owned());
            }
        }
        facts.connections = ids;
        Ok(())
    }

    /// The same by the environment's id.
    pub(crate) async fn note_connections_in(
        &self,
        caller: &Caller,
        environment: &str,
        facts: &mut FlowFacts,
    ) -> Result<(), AppError> {
        match self.environment(environment).await? {
            Some(environment) => self.note_connections(caller, &environment, facts).await,
            None => Ok(()),
        }
    }

    /// What the inputs of the call mean for the connector.
    fn understood(
        &self,
        call: ConnectorCall,
        connector: Connector,
        connection: Known<Connection>,
        document: Arc<Document>,
    ) -> Result<Called, AppError> {
        let inputs = call.inputs.as_object().cloned().unwrap_or_default();
        let (operation, request, parameters) = match call.source {
            Source::OpenApi => by_id(&document, &connector, &inputs, &call.purpose)?,
            Source::Managed | Source::Http => by_path(&document, &inputs)?,
        };
        let mut request = request;
        let location = match call.purpose {
            Purpose::Call | Purpose::Subscribe { .. } => None,
            Purpose::Poll { location } => {
                request = bare("GET", request);
                Some(location)
            }
            Purpose::Unsubscribe { location } => {
                request = bare("DELETE", request);
                Some(location)
            }
        };
        Ok(Called {
            app: self.clone(),
            flow: None,
            connector,
            connection,
            document,
            operation,
            request,
            parameters,
            location,
            idempotency_key: call.idempotency_key,
            now: self.engine.clock.now(),
            is_bounded: false,
        })
    }
}

/// The request at an address that an answer gave: nothing of the first one is said again.
fn bare(method: &str, request: RelativeRequest) -> RelativeRequest {
    RelativeRequest {
        method: method.to_owned(),
        query: Vec::new(),
        body: None,
        content_type: None,
        headers: Vec::new(),
        ..request
    }
}

type Understood = (Option<Str>, RelativeRequest, Object);

/// `{host: {operationId}, parameters}`.
fn by_id(
    document: &Document,
    connector: &Connector,
    inputs: &Object,
    purpose: &Purpose,
) -> Result<Understood, AppError> {
    let id = inputs.get("host").and_then(|host| host.get("operationId")).map(Value::text);
    let id = id.unwrap_or_default();
    let operation = document.operation(&id).ok_or_else(|| {
        let message = format!("The connector '{}' has no operation '{id}'.", connector.name);
        AppError::not_found("OperationNotFound", message)
    })?;
    let is_elsewhere = match purpose {
        // what comes with the server is asked for what is new with the same parameters
        Purpose::Poll { location } => !location.starts_with(served::STATE),
        Purpose::Unsubscribe { .. } => true,
        Purpose::Call | Purpose::Subscribe { .. } => false,
    };
    if is_elsewhere {
        // it goes to an address that an answer gave
        let path = operation.path.as_str().to_owned();
        let request = RelativeRequest { path, ..RelativeRequest::default() };
        return Ok((Some(operation.id.clone()), request, Object::new()));
    }
    let mut parameters = match inputs.get("parameters") {
        Some(Value::Object(parameters)) => Object::clone(parameters),
        None | Some(Value::Null) => Object::new(),
        Some(_) => {
            let message = "The 'parameters' of an operation must be an object.";
            return Err(AppError::invalid("InvalidOperationParameters", message));
        }
    };
    if let Purpose::Subscribe { callback } = purpose {
        let key = operation.notification_key().ok_or_else(|| {
            let message = format!(
                "The operation '{id}' of the connector '{}' says no parameter for the address to call back.",
                connector.name
            );
            AppError::invalid("OperationIsNoWebhook", message)
        })?;
        parameters.insert(key, callback.clone());
    }
    let bound = operation.bind(&parameters).map_err(|it| AppError::invalid(it.code, it.message))?;
    Ok((Some(operation.id.clone()), bound.request, bound.parameters))
}

/// `{method, path, queries, headers, body}`: what no operation's path fits goes to the service
/// as it stands.
fn by_path(document: &Document, inputs: &Object) -> Result<Understood, AppError> {
    let request = RelativeRequest::from_action(inputs)
        .map_err(|it| AppError::invalid(it.code, it.message))?;
    Ok(match document.route(&request) {
        Ok(routed) => (Some(routed.operation.id.clone()), request, routed.parameters),
        Err(_) => (None, request, Object::new()),
    })
}

/// The body as the value that answers without HTTP work with.
#[must_use]
pub fn body_value(request: &RelativeRequest) -> Value {
    match &request.body {
        Some(body) => Body::value(body, request.content_type.as_deref()),
        None => Value::Null,
    }
}
