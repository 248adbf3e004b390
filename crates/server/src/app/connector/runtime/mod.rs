//! Calls of operations that flows make: which connection, which operation, what stands behind
//! it, and how its answer reads to the flow.

mod backend;
mod delivery;
mod document;
mod dynamic;
mod known;
mod outside;
mod people;
mod polling;
mod reads;
mod recording;
mod reference;
mod served;
mod trial;

pub use backend::Backend;
pub use document::Documents;
pub use people::People;
use polling::Question;
pub use reads::Reads;
pub use recording::RecordingMode;
pub use reference::{Reference, Whose, connector_of};
pub use served::{Management, ManagementAnswer, ServiceSettings, Services};
pub use trial::{Trial, Tried, Verdict};

use super::Connector;
use super::connection::{Connection, no_permission};
use crate::app::data::{Known, Stored};
use crate::app::environment::Environment;
use crate::app::error::{AppError, ErrorKind};
use crate::app::facts::FlowFacts;
use crate::app::{App, AppParts, Operation, invoker};
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::{self, Place};
use crate::worker::{Asker, Connectors, Engine, Judged, Later, failure};
use ::connector::call::{Body, RelativeRequest, RouteFault};
use ::connector::definition::{self, Document};
use ::connector::http::Judge;
use durable::Ticks;
use expr::{Object, Str, Value};
use flow::definition::Source;
use flow::run::{CallResult, ConnectorCall, PageNames, Purpose};
use std::future::Future;
use std::sync::Arc;
use store::WorkflowRow;

/// Makes the calls of this server's flows. The engine comes with each call, so that it does
/// not hold itself.
pub struct Runtime(pub AppParts);

impl Runtime {
    /// Has the use cases of an engine's server do something.
    fn with<T, F: Future<Output = T> + Send + 'static>(
        &self,
        engine: Arc<Engine>,
        work: impl FnOnce(App) -> F,
    ) -> Later<T> {
        Box::pin(work(App::of(engine, self.0.clone())))
    }
}

impl Connectors for Runtime {
    fn call(&self, engine: Arc<Engine>, call: ConnectorCall) -> Later<CallResult> {
        self.with(engine, |app| async move {
            app.call_operation(call).await.unwrap_or_else(|error| told(&error))
        })
    }

    fn is_asked(&self, engine: Arc<Engine>, call: ConnectorCall) -> Later<Result<bool, AppError>> {
        self.with(engine, |app| async move {
            match app.is_asked(&call).await {
                Err(error) if !passes(&error) => Ok(false),
                known => known,
            }
        })
    }

    fn delivered(&self, engine: Arc<Engine>, asked: ConnectorCall, request: Value) -> Later<()> {
        self.with(engine, |app| async move {
            let operation = asked.operation_name.clone();
            if let Err(error) = app.note_delivery(asked, request).await {
                tracing::warn!(%operation, message = %error.message, "a delivery was not recorded");
            }
        })
    }

    fn judge(
        &self,
        engine: Arc<Engine>,
        asker: Asker,
        connector: &'static str,
        uri: String,
    ) -> Later<Judged> {
        self.with(engine, |app| async move {
            let judged = app.judge_address(asker, connector, uri).await;
            judged.unwrap_or_else(|error| Judged::Refused(told(&error)))
        })
    }
}

fn passes(error: &AppError) -> bool {
    matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Full)
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
    failure(error.code, error.message.as_str(), passes(error))
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
    pub hook: Hook,
    pub idempotency_key: String,
    pub now: Ticks,
    /// What a data policy says of where it may go on to.
    pub judge: Option<Judge>,
    /// The request as it was before an answer named another address.
    pub first: Option<RelativeRequest>,
    /// It asks for the next page of a list.
    pub is_page: bool,
    pub question: Question,
    /// Its content may travel in parts, where the operation can do that.
    pub is_chunked: bool,
    /// How many flows that stand behind connections wait for it, one for the other.
    pub depth: usize,
}

/// What a call is to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hook {
    None,
    /// It asks to be called back at an address, which is a credential and another each time.
    Begins {
        callback: Str,
    },
    Ends,
}

impl Hook {
    fn of(purpose: &Purpose) -> Hook {
        match purpose {
            Purpose::Subscribe { callback } => Hook::Begins { callback: callback.clone() },
            Purpose::Unsubscribe { .. } => Hook::Ends,
            Purpose::Call | Purpose::Poll { .. } | Purpose::Page { .. } => Hook::None,
        }
    }
}

impl Called {
    #[must_use]
    pub fn operation(&self) -> Option<&definition::Operation> {
        self.document.operation(self.operation.as_deref()?)
    }

    /// What the operation calls the parts of a page.
    fn page_names(&self) -> PageNames {
        let pageable = self.operation().and_then(|it| it.pageable.as_ref());
        let name = |name: Option<&String>| name.map(|it| Str::from(it.as_str()));
        PageNames {
            items: name(pageable.and_then(|it| it.items.as_ref())),
            next: name(pageable.and_then(|it| it.next_link.as_ref())),
        }
    }
}

impl App {
    /// The flow of a call, what its inputs name, and the connector of that. A subscription
    /// whose flow is gone is ended without it.
    async fn named_by(
        &self,
        call: &ConnectorCall,
    ) -> Result<(Option<WorkflowRow>, Reference, Known<Environment>, Connector), AppError> {
        let gone = || AppError::not_found("FlowNotFound", "The flow of the call is gone.");
        let row = self.engine.store.workflow_by_key(call.workflow).await?;
        let (reference, environment) = match &row {
            Some(row) => {
                let version = self.engine.catalog.version(row, call.version).await?;
                (Reference::of(call, &version.references)?, row.environment.clone())
            }
            None if matches!(call.purpose, Purpose::Unsubscribe { .. }) => {
                Reference::of_pin(&call.invoker).ok_or_else(gone)?
            }
            None => return Err(gone()),
        };
        let environment = self.environment(&environment).await?.ok_or_else(gone)?;
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
        let of = (&reference, &environment, &connector);
        let connection = self.connection_of_call(&call, row.as_ref(), of).await?;
        if let Some(fault) = self.fault_of(&connection) {
            let message =
                format!("The connection '{}' cannot be used: {}", connection.name, fault.message);
            return Err(AppError::new(ErrorKind::Unauthenticated, "ConnectionFaulted", message));
        }
        let document = self.document_of(&connector).await?;
        let (purpose, is_paged) = (call.purpose.clone(), call.transfer.items_min.is_some());
        let question = self.question_of(&call, row.as_ref()).await?;
        let mut called = self.understood(call, connector, connection, document)?;
        called.question = question;
        called.flow = row.as_ref().map(|row| row.id.clone());
        called.judge = self.judge_call(&called, &purpose).await?;
        let is_get = called.request.method == "GET";
        self.count_call(&called.connector, &called.connection, is_get).await?;
        let names = called.page_names();
        Ok(match backend::answer(called).await? {
            CallResult::Answer(answer) if is_paged => CallResult::Page { answer, names },
            result => result,
        })
    }

    /// The connection of whoever invoked the run of a call, or that of its flow.
    async fn connection_of_call(
        &self,
        call: &ConnectorCall,
        row: Option<&WorkflowRow>,
        (reference, environment, connector): (&Reference, &Known<Environment>, &Connector),
    ) -> Result<Known<Connection>, AppError> {
        let theirs = self.connection_of_invoker(&call.invoker, reference, (environment, connector));
        match theirs.await? {
            Some(theirs) => Ok(theirs),
            None => self.connection_of_flow(row, environment, reference).await,
        }
    }

    /// Somebody called back to what a call asked for: a connection that records keeps it.
    async fn note_delivery(&self, asked: ConnectorCall, request: Value) -> Result<(), AppError> {
        let (row, reference, environment, connector) = self.named_by(&asked).await?;
        let of = (&reference, &environment, &connector);
        let connection = self.connection_of_call(&asked, row.as_ref(), of).await?;
        let Some(recording) = connection.backend.records() else { return Ok(()) };
        let document = self.document_of(&connector).await?;
        let mut called = self.understood(asked, connector, connection, document)?;
        called.flow = row.map(|row| row.id);
        recording::record_delivery(&called, &recording, &request).await
    }

    /// Whether a trigger asks whether there is something new.
    async fn question_of(
        &self,
        call: &ConnectorCall,
        row: Option<&WorkflowRow>,
    ) -> Result<Question, AppError> {
        let is_question = match (&call.purpose, row) {
            (Purpose::Poll { .. }, _) => true,
            (Purpose::Call, Some(row)) => {
                let version = self.engine.catalog.version(row, call.version).await?;
                version.flow.find_trigger(&call.operation_name).is_some()
            }
            _ => false,
        };
        Ok(if is_question { Question::Yes } else { Question::No })
    }

    /// The connection that a reference of a flow names.
    async fn connection_of_flow(
        &self,
        row: Option<&WorkflowRow>,
        environment: &Known<Environment>,
        reference: &Reference,
    ) -> Result<Known<Connection>, AppError> {
        let found = self.connection_at_address(&reference.connector, &reference.connection).await?;
        let found = found.filter(|it| it.environment == environment.id);
        let connection = found.ok_or_else(|| reference.no_connection())?;
        if let Some(row) = row {
            self.check_use(row, &connection).await?;
        }
        Ok(connection)
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
            Source::OpenApi => by_id(&document, &connector.name, &inputs, &call.purpose)?,
            Source::Managed | Source::Http => by_path(&document, &inputs, &call.purpose)?,
        };
        let hook = Hook::of(&call.purpose);
        let is_page = matches!(call.purpose, Purpose::Page { .. });
        let (mut request, mut first) = (request, None);
        let location = match call.purpose {
            Purpose::Call | Purpose::Subscribe { .. } => None,
            Purpose::Poll { location } | Purpose::Page { location } => {
                first = Some(request.clone());
                // a page is the same question once more
                let headers = if is_page { request.headers.clone() } else { Vec::new() };
                request = RelativeRequest { headers, ..bare("GET", request) };
                Some(location)
            }
            Purpose::Unsubscribe { location } => {
                first = Some(request.clone());
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
            hook,
            idempotency_key: call.idempotency_key,
            now: self.engine.clock.now(),
            judge: None,
            first,
            is_page,
            question: Question::No,
            is_chunked: call.transfer.is_chunked,
            depth: invoker::depth_of(&call.invoker),
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
    connector: &str,
    inputs: &Object,
    purpose: &Purpose,
) -> Result<Understood, AppError> {
    let id = inputs.get("host").and_then(|host| host.get("operationId")).map(Value::text);
    let id = id.unwrap_or_default();
    let operation = document.operation(&id).ok_or_else(|| {
        let message = format!("The connector '{connector}' has no operation '{id}'.");
        AppError::not_found("OperationNotFound", message)
    })?;
    // it goes to an address that an answer gave
    let elsewhere = || RelativeRequest {
        path: operation.path.as_str().to_owned(),
        ..RelativeRequest::default()
    };
    if let Purpose::Unsubscribe { .. } = purpose {
        return Ok((Some(operation.id.clone()), elsewhere(), Object::new()));
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
                "The operation '{id}' of the connector '{connector}' says no parameter for the address to call back."
            );
            AppError::invalid("OperationIsNoWebhook", message)
        })?;
        parameters.insert(key, callback.clone());
    }
    let bound = operation.bind(&parameters).map_err(|it| AppError::invalid(it.code, it.message))?;
    // what comes with the server goes by the parameters each time that it is asked
    Ok((Some(operation.id.clone()), bound.request, bound.parameters))
}

/// `{method, path, queries, headers, body}`: what no operation's path fits goes to the service
/// as it stands, unless it would lead to another path on the way.
fn by_path(
    document: &Document,
    inputs: &Object,
    purpose: &Purpose,
) -> Result<Understood, AppError> {
    let request = match Hook::of(purpose) {
        Hook::None => RelativeRequest::from_action(inputs),
        Hook::Begins { .. } | Hook::Ends => RelativeRequest::from_webhook(inputs),
    };
    let request = request.map_err(|it| AppError::invalid(it.code, it.message))?;
    Ok(match document.route(&request) {
        Ok(routed) => (Some(routed.operation.id.clone()), request, routed.parameters),
        Err(fault @ RouteFault::Elsewhere { .. }) => {
            return Err(AppError::invalid("InvalidPath", fault.to_string()));
        }
        Err(RouteFault::NotFound { .. } | RouteFault::Method { .. }) => {
            (None, request, Object::new())
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_goes_on_has_the_parameters_of_the_first() {
        let rss = crate::app::connector::builtin::named("shared_rss").expect("a connector");
        let text = crate::app::connector::builtin::document(rss).expect("a document");
        let document = Document::read(&text).expect("a document");
        let inputs = expr::json::parse(
            br#"{"host": {"operationId": "OnNewFeed"}, "parameters": {"feedUrl": "https://x/feed"}}"#,
        );
        let inputs = inputs.expect("JSON").as_object().cloned().expect("an object");
        let asked =
            |purpose| by_id(&document, "shared_rss", &inputs, &purpose).expect("understood");
        let location = Str::from("state:{}");
        for purpose in [Purpose::Call, Purpose::Poll { location: location.clone() }] {
            let (.., parameters) = asked(purpose);
            let feed = parameters.get("feedUrl").and_then(Value::as_str);
            assert_eq!(feed, Some("https://x/feed"));
        }
        let (_, request, _) = asked(Purpose::Poll { location });
        let request = bare("GET", request);
        assert!(request.query.is_empty(), "the address says where it goes");
    }
}
