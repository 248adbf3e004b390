//! Triggers of a definition.

use super::kind::{TriggerKind, has_callback};
use super::loading::{Loading, Owner, Part, Site};
use super::path::At;
use super::{RelativePath, Source, Trigger, TriggerBehavior, TriggerConcurrency, code};
use crate::limits;
use expr::{Str, Template, Value};

/// Runs at a time when concurrency is on and no number is given (documented).
const RUNS_DEFAULT: u32 = 25;
/// Starts that wait besides, when no number is given (documented: 10 + runs).
const WAITING_DEFAULT: u32 = 10;

impl<'a> Loading<'a, '_> {
    /// Compiles all triggers.
    pub fn triggers(&mut self) -> Vec<Trigger> {
        let root = self.root.clone();
        let triggers = self.optional_object(&root, "triggers");
        let triggers = triggers.map(|at| at.entries()).unwrap_or_default();
        if triggers.is_empty() {
            let message = "The definition has no trigger: runs are started by hand.";
            self.problems.warning(code::NO_TRIGGER, &root.path, message);
        }
        if triggers.len() > limits::TRIGGERS_DOCUMENTED_MAX {
            let limit = limits::TRIGGERS_DOCUMENTED_MAX;
            let message = format!("There are more triggers than the documented {limit}.");
            self.problems.warning(code::LIMIT_EXCEEDED, &root.path, message);
        }
        let mut list = Vec::with_capacity(triggers.len());
        for (name, at) in triggers {
            if self.is_object(&at) {
                list.push(self.trigger(name, &at));
            }
        }
        list
    }

    fn trigger(&mut self, name: &Str, at: &At<'a>) -> Trigger {
        let type_at = self.require(at, "type");
        let type_name = type_at.as_ref().and_then(|at| at.text()).unwrap_or_default();
        if let Some(type_at) = type_at.as_ref().filter(|at| at.text().is_none()) {
            self.wrong_kind(type_at, "a string");
        }
        let owner = Owner::Trigger { has_callback: has_callback(type_name) };
        let site = Site { owner, part: Part::Inputs };
        let behavior = match TriggerKind::from_name(type_name) {
            TriggerKind::Request | TriggerKind::Manual => self.request(at, site),
            TriggerKind::Recurrence => self.recurrence_trigger(at, site),
            TriggerKind::Http => self.poll_trigger(at, site, Source::Http),
            TriggerKind::ApiConnection => self.poll_trigger(at, site, Source::Managed),
            TriggerKind::OpenApiConnection => self.poll_trigger(at, site, Source::OpenApi),
            TriggerKind::HttpWebhook => self.webhook_trigger(at, site, Source::Http),
            TriggerKind::ApiConnectionWebhook => self.webhook_trigger(at, site, Source::Managed),
            TriggerKind::OpenApiConnectionWebhook => {
                self.webhook_trigger(at, site, Source::OpenApi)
            }
            TriggerKind::OpenApiConnectionNotification => self.notification_trigger(at, site),
            TriggerKind::Unsupported => self.unsupported_trigger(at, type_at.as_ref(), site),
        };
        let runtime = self.optional_object(at, "runtimeConfiguration");
        let (secure_inputs, secure_outputs) = self.secure_data(runtime.as_ref());
        let split_on = at.get("splitOn").map(|split_on| self.compile(&split_on, site));
        let correlation = at
            .walk(&["correlation", "clientTrackingId"])
            .or_else(|| at.walk(&["splitOnConfiguration", "correlation", "clientTrackingId"]));
        let client_tracking_id = correlation.map(|found| self.compile(&found, site));
        Trigger {
            name: name.clone(),
            type_name: type_name.into(),
            kind: at.get("kind").and_then(|kind| kind.text()).map(Str::from),
            behavior,
            inputs: at.get("inputs").map(|inputs| inputs.value.clone()),
            conditions: self.trigger_conditions(at, site),
            split_on,
            client_tracking_id,
            concurrency: self.trigger_concurrency(at, runtime.as_ref(), site),
            secure_inputs,
            secure_outputs,
            options: self.options(at),
        }
    }

    fn unsupported_trigger(
        &mut self,
        at: &At<'a>,
        type_at: Option<&At<'a>>,
        site: Site,
    ) -> TriggerBehavior {
        if let Some((type_at, text)) = type_at.and_then(|at| Some((at, at.text()?))) {
            let message =
                format!("Triggers of type '{text}' are not served: runs are started by hand.");
            self.problems.warning(code::UNSUPPORTED_TRIGGER, &type_at.path, message);
        }
        if let Some(inputs) = at.get("inputs") {
            self.compile(&inputs, site);
        }
        TriggerBehavior::Unsupported
    }

    /// `[{"expression": "@..."}]`, or plain strings.
    fn trigger_conditions(&mut self, at: &At<'a>, site: Site) -> Vec<Template> {
        let Some(list) = at.get("conditions") else { return Vec::new() };
        if list.value.as_array().is_none() {
            self.wrong_kind(&list, "an array of conditions");
        }
        let mut conditions = Vec::new();
        for item in list.items() {
            let expression = match item.value {
                Value::Object(_) => self.require(&item, "expression"),
                _ => Some(item),
            };
            conditions.extend(expression.map(|found| self.condition(&found, site)));
        }
        conditions
    }

    fn trigger_concurrency(
        &mut self,
        at: &At<'a>,
        runtime: Option<&At<'a>>,
        site: Site,
    ) -> Option<TriggerConcurrency> {
        let range = || 1..=i64::from(limits::TRIGGER_CONCURRENCY_MAX);
        let is_single = Self::has_option(at, "SingleInstance");
        let Some(found) = runtime.and_then(|at| at.get("concurrency")) else {
            let single = TriggerConcurrency { runs: 1, waiting_max: WAITING_DEFAULT + 1 };
            return is_single.then_some(single);
        };
        if is_single {
            let message = "The trigger has 'SingleInstance' and 'concurrency'.";
            self.problems.error(code::CONFLICTING_CONCURRENCY, &found.path, message);
        }
        let mut number = |name: &str| -> Option<u32> {
            let value = self.integer(&found.get(name)?, site, range())?;
            u32::try_from(value).ok()
        };
        let runs = number("runs").unwrap_or(RUNS_DEFAULT);
        let waiting_max = number("maximumWaitingRuns").unwrap_or(WAITING_DEFAULT + runs);
        Some(TriggerConcurrency { runs, waiting_max })
    }

    fn request(&mut self, at: &At<'a>, site: Site) -> TriggerBehavior {
        let Some(inputs) = self.optional_object(at, "inputs") else {
            return TriggerBehavior::Request { method: None, relative_path: None, schema: None };
        };
        let schema = inputs.get("schema").and_then(|schema| self.schema(&schema, site));
        let method = inputs.get("method").and_then(|found| {
            let template = self.compile(&found, site);
            let value = self.constant(&template);
            let text = value.as_ref().and_then(Value::as_str).map(Str::from);
            if text.is_none() {
                self.wrong_kind(&found, "an HTTP method");
            }
            text.filter(|text| !text.is_empty())
        });
        let relative_path = inputs.get("relativePath").and_then(|found| {
            let Some(text) = found.text() else {
                self.wrong_kind(&found, "a path");
                return None;
            };
            let path = RelativePath::parse(text);
            if path.is_none() {
                self.invalid(&found, "a path whose segments are text or '{name}'");
            }
            path.filter(|path| !path.0.is_empty())
        });
        TriggerBehavior::Request { method, relative_path, schema }
    }

    fn recurrence_trigger(&mut self, at: &At<'a>, site: Site) -> TriggerBehavior {
        // old definitions have it in the inputs
        let found = at.get("recurrence").or_else(|| at.walk(&["inputs", "recurrence"]));
        let Some(found) = found.or_else(|| self.require(at, "recurrence")) else {
            return TriggerBehavior::Unsupported;
        };
        match self.recurrence(&found, site) {
            Some(recurrence) => TriggerBehavior::Recurrence(Box::new(recurrence)),
            None => TriggerBehavior::Unsupported,
        }
    }
}
