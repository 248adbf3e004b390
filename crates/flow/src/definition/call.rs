//! Calls to the outside: Http, Workflow, and the Response to the caller.

use super::control::is_template;
use super::data::nothing;
use super::loading::{Loading, Site};
use super::path::At;
use super::retry;
use super::{ActionId, Behavior, RetryPolicy};
use expr::{Template, Value};

const METHODS: [&str; 8] = ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"];

impl<'a> Loading<'a, '_> {
    pub fn response(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        self.refuse_in_loop(id, at, "Response");
        let Some(inputs) = self.inputs(at) else { return nothing() };
        if let Some(status) = self.require(&inputs, "statusCode") {
            let number = match status.value {
                Value::String(text) => text.trim().parse().ok(),
                other => other.as_int(),
            };
            let is_status = is_template(&status)
                || number.is_some_and(|n: i64| matches!(n, 200..=299 | 400..=599));
            if !is_status {
                self.invalid(&status, "a status code: 2xx, 4xx or 5xx");
            }
        }
        Behavior::Response { inputs: self.compile(&inputs, Site::inputs(id)) }
    }

    pub fn http(&mut self, id: ActionId, at: &At<'a>, runtime: Option<&At<'a>>) -> Behavior {
        let (inputs, retry) = self.http_inputs(at, runtime, Site::inputs(id));
        Behavior::Http { inputs, retry }
    }

    /// What an Http action, and a trigger that polls an address, call.
    pub fn http_inputs(
        &mut self,
        at: &At<'a>,
        runtime: Option<&At<'a>>,
        site: Site,
    ) -> (Template, RetryPolicy) {
        let Some(inputs) = self.inputs(at) else {
            return (Template::constant(Value::Null), RetryPolicy::None);
        };
        if let Some(method) = self.require(&inputs, "method") {
            let is_method = is_template(&method)
                || method
                    .text()
                    .is_some_and(|text| METHODS.iter().any(|m| m.eq_ignore_ascii_case(text)));
            if !is_method {
                self.invalid(&method, "an HTTP method");
            }
        }
        if let Some(uri) = self.require(&inputs, "uri")
            && uri.text().is_none_or(str::is_empty)
        {
            self.invalid(&uri, "an address");
        }
        self.retried(site, &inputs, None, runtime)
    }

    pub fn workflow(&mut self, id: ActionId, at: &At<'a>, runtime: Option<&At<'a>>) -> Behavior {
        let Some(inputs) = self.inputs(at) else { return nothing() };
        if let Some(host) = self.require_object(&inputs, "host")
            && host.get("workflowReferenceName").is_none()
            && let Some(workflow) = self.require_object(&host, "workflow")
        {
            self.require(&workflow, "id");
        }
        let (inputs, retry) = self.retried(Site::inputs(id), &inputs, None, runtime);
        Behavior::Workflow { inputs, retry }
    }

    /// Compiles inputs, and the retry policy that is in them, or in a part of them, or beside
    /// them.
    pub fn retried(
        &mut self,
        site: Site,
        inputs: &At<'a>,
        part: Option<&str>,
        runtime: Option<&At<'a>>,
    ) -> (Template, RetryPolicy) {
        let inside = match part {
            Some(part) => inputs.get(part).and_then(|part| part.get("retryPolicy")),
            None => inputs.get("retryPolicy"),
        };
        let policy = inside.clone().or_else(|| runtime.and_then(|at| at.get("retryPolicy")));
        let retry = match &policy {
            Some(policy) => self.retry_policy(policy, site),
            None => retry::default(self.dialect),
        };
        if let (RetryPolicy::Evaluated, None, Some(policy)) = (&retry, inside, &policy)
            && let Some(moved) = with_policy(inputs.value, part, policy.value)
        {
            // evaluated with the inputs, so it must be among them
            return (self.compile(&At::new(&moved, inputs.path.clone()), site), retry);
        }
        (self.compile(inputs, site), retry)
    }
}

/// Inputs with a retry policy among them, or in a part of them.
fn with_policy(inputs: &Value, part: Option<&str>, policy: &Value) -> Option<Value> {
    let mut object = expr::Object::clone(inputs.as_object()?);
    match part {
        Some(part) => object.insert(part, with_policy(inputs.get(part)?, None, policy)?),
        None => object.insert("retryPolicy", policy.clone()),
    };
    Some(object.into())
}
