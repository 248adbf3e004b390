//! Calls over a connection that no flow makes.

use super::backend;
use super::{Called, Hook, Question};
use crate::app::App;
use crate::app::connector::Connector;
use crate::app::connector::call::ConnectionCall;
use crate::app::connector::connection::Connection;
use crate::app::data::Known;
use crate::app::error::AppError;
use crate::clock;
use ::connector::call::RelativeRequest;
use ::connector::definition::{self, Document};
use expr::{Object, Str};
use flow::run::{CallResult, Purpose};
use std::sync::Arc;

/// What is asked for, and what the document calls it.
pub(super) struct Asked {
    pub(super) operation: Option<Str>,
    pub(super) request: RelativeRequest,
    pub(super) parameters: Object,
}

impl App {
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
        let asked = Asked { operation, request, parameters };
        self.answer_outside((connector, connection, document), asked).await
    }

    /// Has a call answered that no flow makes, where the data policies allow it.
    pub(super) async fn answer_outside(
        &self,
        (connector, connection, document): (Connector, Known<Connection>, Arc<Document>),
        Asked { operation, request, parameters }: Asked,
    ) -> Result<CallResult, AppError> {
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
            hook: Hook::None,
            idempotency_key: clock::guid().map_err(AppError::internal)?,
            now: self.engine.clock.now(),
            judge: None,
            first: None,
            is_page: false,
            question: Question::No,
            is_chunked: false,
            depth: 0,
        };
        called.judge = self.judge_call(&called, &Purpose::Call).await?;
        backend::answer(called).await
    }
}
