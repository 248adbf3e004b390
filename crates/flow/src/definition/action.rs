//! What every action has, whatever it does.

use super::graph::Graph;
use super::kind::ActionKind;
use super::loading::{Loading, Part, Site};
use super::path::At;
use super::{Action, ActionId, Behavior, Options, Source, code};
use expr::{Str, Template, Value};

impl<'a> Loading<'a, '_> {
    /// Compiles all actions, in the order of the arena.
    pub fn actions(&mut self) -> Vec<Action> {
        let count = u32::try_from(self.outline.drafts.len()).unwrap_or(u32::MAX);
        (0..count).map(|number| self.action(ActionId(number))).collect()
    }

    fn action(&mut self, id: ActionId) -> Action {
        let at = self.draft(id).at.clone();
        let runtime = self.optional_object(&at, "runtimeConfiguration");
        let behavior = self.behavior(id, &at, runtime.as_ref());
        let (secure_inputs, secure_outputs) = self.secure_data(runtime.as_ref());
        let site = Site::inputs(id);
        let tracked_properties = at.get("trackedProperties").and_then(|tracked| {
            let is_object = self.is_object(&tracked);
            is_object.then(|| self.compile(&tracked, site.part(Part::Tracked)))
        });
        // the limit of an Until is part of what it does
        let timeout = match behavior {
            Behavior::Until(_) => None,
            _ => self.optional_object(&at, "limit").and_then(|limit| self.timeout(&limit, site)),
        };
        let options = self.options(&at);
        let transfer = self.transfer(id, &behavior, runtime.as_ref());
        let static_result = self.static_result(runtime.as_ref());
        let (run_after, successors) = edges(&self.graph, id);
        let draft = self.draft(id);
        Action {
            id,
            name: draft.name.clone(),
            type_name: draft.type_name.clone(),
            kind: draft.at.get("kind").and_then(|kind| kind.text()).map(Str::from),
            behavior,
            block: draft.block,
            shape: draft.shape,
            slot: draft.slot,
            run_after,
            successors,
            secure_inputs,
            secure_outputs,
            tracked_properties,
            timeout,
            options,
            transfer,
            static_result,
        }
    }

    fn behavior(&mut self, id: ActionId, at: &At<'a>, runtime: Option<&At<'a>>) -> Behavior {
        match self.draft(id).kind {
            ActionKind::Compose => {
                Behavior::Compose { inputs: self.required(at, "inputs", Site::inputs(id)) }
            }
            ActionKind::ParseJson => self.parse_json(id, at),
            ActionKind::Select => self.select(id, at),
            ActionKind::Query => self.query(id, at),
            ActionKind::Join => self.join(id, at),
            ActionKind::Table => self.table(id, at),
            ActionKind::Expression => self.expression_action(id, at),
            ActionKind::InitializeVariable => self.initialize_variable(id, at),
            ActionKind::SetVariable
            | ActionKind::IncrementVariable
            | ActionKind::DecrementVariable
            | ActionKind::AppendToStringVariable
            | ActionKind::AppendToArrayVariable => self.change_variable(id, at),
            ActionKind::If => self.if_action(id, at),
            ActionKind::Switch => self.switch(id, at),
            ActionKind::Scope => self.scope(id),
            ActionKind::Foreach => self.foreach(id, at, runtime),
            ActionKind::Until => self.until(id, at),
            ActionKind::Wait => self.wait(id, at),
            ActionKind::Terminate => self.terminate(id, at),
            ActionKind::Response => self.response(id, at),
            ActionKind::Http => self.http(id, at, runtime),
            ActionKind::Workflow => self.workflow(id, at, runtime),
            ActionKind::HttpWebhook => self.webhook(id, at, runtime, Source::Http),
            ActionKind::ApiConnection => self.connector(id, at, runtime, Source::Managed),
            ActionKind::ApiConnectionWebhook => self.webhook(id, at, runtime, Source::Managed),
            ActionKind::OpenApiConnection => self.connector(id, at, runtime, Source::OpenApi),
            ActionKind::OpenApiConnectionWebhook => self.webhook(id, at, runtime, Source::OpenApi),
            ActionKind::Unsupported => self.unsupported(id, at),
        }
    }

    /// An action that fails when reached; its references are checked nevertheless.
    pub fn unsupported(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let type_name = self.draft(id).type_name.clone();
        if !type_name.is_empty() {
            let path = super::path::property(&at.path, "type");
            let message =
                format!("Actions of type '{type_name}' are not executed: they fail when reached.");
            self.problems.warning(code::UNSUPPORTED_ACTION, &path, message);
        }
        let inputs = at.get("inputs").map_or_else(
            || Template::constant(Value::Null),
            |inputs| self.compile(&inputs, Site::inputs(id)),
        );
        Behavior::Unsupported { inputs }
    }

    /// `limit.timeout`.
    pub fn timeout(&mut self, limit: &At<'a>, site: Site) -> Option<Template> {
        let at = limit.get("timeout")?;
        let template = self.compile(&at, site);
        if let Some(value) = template.as_const() {
            self.check_duration(value, &at.path);
        }
        Some(template)
    }

    /// A literal duration has the form of ISO 8601.
    pub fn check_duration(&mut self, value: &Value, path: &str) {
        let is_duration =
            value.as_str().is_some_and(|text| expr::format::duration::parse_iso8601(text).is_ok());
        if !is_duration {
            let text = super::path::shown(value);
            let message = format!("{text} is not a duration.");
            let expected = "an ISO 8601 duration such as 'PT1H'";
            self.problems.expected(code::INVALID_VALUE, path, message, expected);
        }
    }

    /// `runtimeConfiguration.secureData.properties`: inputs, outputs.
    pub fn secure_data(&mut self, runtime: Option<&At<'a>>) -> (bool, bool) {
        let Some(list) = runtime.and_then(|at| at.walk(&["secureData", "properties"])) else {
            return (false, false);
        };
        if list.value.as_array().is_none() {
            self.wrong_kind(&list, "an array of 'inputs' and 'outputs'");
        }
        let (mut inputs, mut outputs) = (false, false);
        for item in list.items() {
            match item.text().unwrap_or_default() {
                text if text.eq_ignore_ascii_case("inputs") => inputs = true,
                text if text.eq_ignore_ascii_case("outputs") => outputs = true,
                _ => {
                    let text = item.shown();
                    let message = format!("{text} cannot be secured.");
                    let expected = "'inputs' or 'outputs'";
                    self.problems.expected(code::INVALID_VALUE, &item.path, message, expected);
                }
            }
        }
        (inputs, outputs)
    }

    /// `operationOptions`: names with commas in between.
    pub fn options(&mut self, at: &At<'a>) -> Options {
        let mut options = Options::default();
        let Some(list) = at.get("operationOptions") else { return options };
        let Some(text) = list.text() else {
            self.wrong_kind(&list, "a string of options with commas in between");
            return options;
        };
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name.to_ascii_lowercase().as_str() {
                "disableasyncpattern" => options.disable_async_pattern = true,
                "asynchronous" => options.asynchronous = true,
                "suppressworkflowheaders" => options.suppress_workflow_headers = true,
                "suppressworkflowheadersonresponse" => {
                    options.suppress_workflow_headers_on_response = true;
                }
                "failwhenlimitsreached" => options.fail_when_limits_reached = true,
                "includeauthorizationheadersinoutputs" => {
                    options.include_authorization_headers_in_outputs = true;
                }
                "enableschemavalidation" => options.enable_schema_validation = true,
                // these change how often something runs and are read where that is decided
                "sequential" | "singleinstance" | "none" => {}
                _ => {
                    let message =
                        format!("The option '{name}' has no effect here, and is ignored.");
                    self.problems.warning(code::UNKNOWN_OPTION, &list.path, message);
                }
            }
        }
        options
    }

    /// Whether `operationOptions` has an option that [`Options`] does not keep.
    pub fn has_option(at: &At<'_>, wanted: &str) -> bool {
        let Some(list) = at.get("operationOptions") else { return false };
        let text = list.text().unwrap_or_default();
        text.split(',').any(|name| name.trim().eq_ignore_ascii_case(wanted))
    }

    /// `runtimeConfiguration.staticResult`, when enabled.
    fn static_result(&mut self, runtime: Option<&At<'a>>) -> Option<Value> {
        let at = runtime?.get("staticResult")?;
        let option = at.get("staticResultOptions").and_then(|option| option.text());
        if !option.is_some_and(|text| text.eq_ignore_ascii_case("Enabled")) {
            return None;
        }
        let name = self.require(&at, "name")?;
        let found = name.text().and_then(|text| self.root.walk(&["staticResults", text]));
        if found.is_none() {
            let text = name.shown();
            let message = format!("The definition has no static result {text}.");
            let expected = "a name in 'staticResults'";
            self.problems.expected(code::UNKNOWN_STATIC_RESULT, &name.path, message, expected);
        }
        found.map(|found| found.value.clone())
    }
}

/// A copy: the graph is needed until every action is compiled.
fn edges(graph: &Graph, id: ActionId) -> (Vec<super::RunAfter>, Vec<ActionId>) {
    (graph.run_after[id.at()].clone(), graph.successors[id.at()].clone())
}
