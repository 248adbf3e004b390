//! Operations of connectors, webhooks, and triggers that ask or are called.
//!
//! Source: "Schema reference guide for trigger and action types"; language reference 4 and 5.4.

use super::loading::{Loading, Site};
use super::path::At;
use super::{ActionId, Behavior, Poll, RetryPolicy, Source, TriggerBehavior};
use crate::trigger::recurrence::{Frequency, Recurrence};
use expr::Template;

/// Minutes between two questions when a definition does not say (documented default).
const POLL_MINUTES: u32 = 3;

/// The same of a trigger that expects to be told, where nobody can tell it.
const NOTIFICATION_MINUTES: u32 = 1;

/// What is called, and how often it is repeated.
type Inputs = (Template, RetryPolicy);

impl<'a> Loading<'a, '_> {
    /// An action that calls an operation of a connector.
    pub fn connector(
        &mut self,
        id: ActionId,
        at: &At<'a>,
        runtime: Option<&At<'a>>,
        source: Source,
    ) -> Behavior {
        let (inputs, retry) = self.called(at, runtime, source, Site::inputs(id));
        Behavior::Connector { source, inputs, retry }
    }

    /// An action that waits to be called back.
    pub fn webhook(
        &mut self,
        id: ActionId,
        at: &At<'a>,
        runtime: Option<&At<'a>>,
        source: Source,
    ) -> Behavior {
        let (inputs, retry) = self.subscribing(at, runtime, source, Site::inputs(id));
        Behavior::Webhook { source, inputs, retry }
    }

    /// A trigger that asks.
    pub fn poll_trigger(&mut self, at: &At<'a>, site: Site, source: Source) -> TriggerBehavior {
        TriggerBehavior::Poll(Box::new(self.asking(at, site, source, Self::called)))
    }

    /// A trigger that is called by whom it has asked to.
    pub fn webhook_trigger(&mut self, at: &At<'a>, site: Site, source: Source) -> TriggerBehavior {
        TriggerBehavior::Webhook(Box::new(self.asking(at, site, source, Self::subscribing)))
    }

    /// A trigger that is told that there is something new. Definitions of this type have no
    /// recurrence.
    pub fn notification_trigger(&mut self, at: &At<'a>, site: Site) -> TriggerBehavior {
        let mut asking = self.asking(at, site, Source::OpenApi, Self::subscribing);
        if at.get("recurrence").is_none() {
            asking.recurrence = Recurrence::every(NOTIFICATION_MINUTES, Frequency::Minute);
        }
        TriggerBehavior::Webhook(Box::new(asking))
    }

    fn asking(
        &mut self,
        at: &At<'a>,
        site: Site,
        source: Source,
        read: fn(&mut Self, &At<'a>, Option<&At<'a>>, Source, Site) -> Inputs,
    ) -> Poll {
        let runtime = self.optional_object(at, "runtimeConfiguration");
        let (inputs, retry) = read(self, at, runtime.as_ref(), source, site);
        let recurrence = self.poll_recurrence(at, site);
        let conditions = at.get("conditions").map(|at| expr::json::to_string(at.value));
        let reads_status =
            conditions.is_some_and(|text| text.to_ascii_lowercase().contains("statuscode"));
        Poll { source, inputs, retry, recurrence, reads_status }
    }

    fn poll_recurrence(&mut self, at: &At<'a>, site: Site) -> Recurrence {
        let found = at.get("recurrence").and_then(|found| self.recurrence(&found, site));
        found.unwrap_or_else(|| Recurrence::every(POLL_MINUTES, Frequency::Minute))
    }

    /// `subscribe` and `unsubscribe` of a webhook without a connector; else as [`Self::called`].
    fn subscribing(
        &mut self,
        at: &At<'a>,
        runtime: Option<&At<'a>>,
        source: Source,
        site: Site,
    ) -> Inputs {
        if source != Source::Http {
            return self.called(at, runtime, source, site);
        }
        let Some(inputs) = self.inputs(at) else { return nothing() };
        if let Some(subscribe) = self.require_object(&inputs, "subscribe") {
            self.require(&subscribe, "method");
            if subscribe.get("uri").is_none() && subscribe.get("url").is_none() {
                self.require(&subscribe, "uri");
            }
        }
        self.retried(site, &inputs, Some("subscribe"), runtime)
    }

    /// The inputs of a call of an address or a connector.
    fn called(
        &mut self,
        at: &At<'a>,
        runtime: Option<&At<'a>>,
        source: Source,
        site: Site,
    ) -> Inputs {
        if source == Source::Http {
            return self.http_inputs(at, runtime, site);
        }
        let Some(inputs) = self.inputs(at) else { return nothing() };
        if let Some(host) = self.require_object(&inputs, "host") {
            match source {
                Source::OpenApi => {
                    self.require(&host, "operationId");
                    let names =
                        ["connectionName", "connectionReferenceName", "connection", "apiId"];
                    if names.iter().all(|name| host.get(name).is_none()) {
                        self.require(&host, "connectionName");
                    }
                }
                Source::Managed => {
                    if host.get("connection").is_none() && host.get("api").is_none() {
                        self.require(&host, "connection");
                    }
                    if inputs.get("path").is_none() && inputs.get("pathTemplate").is_none() {
                        self.require(&inputs, "path");
                    }
                }
                Source::Http => {}
            }
        }
        if source == Source::OpenApi
            && let Some(parameters) = inputs.get("parameters")
            && parameters.value.as_object().is_none()
            && parameters.text().is_none()
        {
            self.wrong_kind(&parameters, "an object of parameters");
        }
        self.retried(site, &inputs, None, runtime)
    }
}

fn nothing() -> Inputs {
    (Template::constant(expr::Value::Null), RetryPolicy::None)
}
