//! A policy that needs what another address of the service gives (documentation, "Set
//! header/query parameter value from URL"): what is to be asked, and what the answer does.

use super::apply::{AbsoluteRequest, PolicyContext, Scope, set_header, set_query};
use super::expression::{Function, Template};
use super::{Exists, Kind, Policies, PolicyFault};
use crate::call::{RelativeRequest, text};
use expr::Value;

/// What has to be asked before a call is complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// With the headers that the call has so far; what the connection authenticates with
    /// otherwise is to be added.
    pub request: AbsoluteRequest,
    /// The number of the policy that asks, of those of the operation.
    at: usize,
}

impl Question {
    /// The policy with which the call goes on.
    #[must_use]
    pub fn next(&self) -> usize {
        self.at + 1
    }
}

impl Policies {
    /// Puts what the service answered to a question where it belongs.
    ///
    /// # Errors
    /// The answer does not have the value, or none that a header can have.
    pub fn answer(
        &self,
        context: &PolicyContext<'_>,
        question: &Question,
        body: &Value,
        request: &mut AbsoluteRequest,
    ) -> Result<(), PolicyFault> {
        let asking = self.of(context.operation).nth(question.at).map(|it| &it.kind);
        let Some(Kind::FromUrl { target, value, .. }) = asking else {
            return Err(PolicyFault::new("No policy of the connector has asked that."));
        };
        let headers = &question.request.request.headers;
        let of = &question.request;
        let scope = Scope { context, request: of, headers, body: Some(body), item: None };
        let found = match value.only() {
            Some(call) => scope.value(call).ok_or_else(|| scope.missing(call))?,
            None => {
                let message = "A policy of the connector does not say where its value is.";
                return Err(PolicyFault::new(message));
            }
        };
        let found = Some(text(&found));
        match target.function {
            Function::Headers => {
                set_header(&mut request.request.headers, &target.name, found, Exists::Override)?;
            }
            _ => set_query(&mut request.request.query, &target.name, found, Exists::Override),
        }
        Ok(())
    }
}

impl Scope<'_> {
    pub fn question(
        &self,
        at: usize,
        method: &str,
        path: &Template,
    ) -> Result<Question, PolicyFault> {
        let (path, query) = self.path(path)?;
        let headers = self.request.request.headers.clone();
        let method = method.to_owned();
        let request =
            RelativeRequest { method, path, query, headers, ..RelativeRequest::default() };
        let base = self.request.base.clone();
        Ok(Question { request: AbsoluteRequest { base, request }, at })
    }
}
