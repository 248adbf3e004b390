//! The passes in order: parameters, outline, graph, then everything compiled.

use super::loading::{Loading, Owner, Part, Site};
use super::outline::{Children, outline};
use super::parameter::{Given, parameters};
use super::path::At;
use super::problem::Problems;
use super::reach::Reach;
use super::{Dialect, Flow, Names, Trigger, TriggerBehavior, code, graph};
use crate::limits;
use expr::{Str, Template};
use std::collections::HashSet;

/// What is known of a definition from around it.
pub(super) struct Surroundings<'g> {
    pub dialect: Dialect,
    pub stateless: bool,
    pub given: &'g [Given],
    /// Whether parameters that are not declared cannot come from elsewhere.
    pub has_all_parameters: bool,
}

/// Loads a bare definition. The flow is usable when no problem is an error.
pub(super) fn assemble(
    root: At<'_>,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) -> Flow {
    let mut names = Names::default();
    let parameters = parameters(&root, surroundings.given, &mut names, problems);
    let mut outline = outline(&root, &mut names, problems);
    let graph = graph::build(&mut outline, &names, problems);
    let reach = Reach::new(&outline);
    let initialised = vec![None; outline.variables.len()];
    let mut loading = Loading {
        root,
        dialect: surroundings.dialect,
        stateless: surroundings.stateless,
        has_all_parameters: surroundings.has_all_parameters,
        names,
        parameters,
        outline,
        graph,
        reach,
        result_loops: HashSet::new(),
        initialised,
        problems,
    };
    let triggers = loading.triggers();
    let actions = loading.actions();
    let outputs = loading.outputs();
    loading.check_variable_count();
    loading.check_responses(&triggers);
    for id in &loading.result_loops {
        if let Children::Loop { shape, .. } = loading.outline.drafts[id.at()].children {
            loading.outline.shapes[shape.at()].keeps_iterations = true;
        }
    }
    let mut flow = Flow {
        dialect: loading.dialect,
        triggers,
        actions,
        blocks: loading.outline.blocks,
        shapes: loading.outline.shapes,
        variables: loading.outline.variables,
        parameters: loading.parameters,
        outputs,
        holds_secrets: false,
    };
    super::secure::propagate(&mut flow);
    flow.holds_secrets = super::secure::holds_secrets(&flow);
    flow
}

impl Loading<'_, '_> {
    /// `outputs` of the definition: `{name: {type, value}}`.
    fn outputs(&mut self) -> Vec<(Str, Template)> {
        let root = self.root.clone();
        let Some(outputs) = self.optional_object(&root, "outputs") else { return Vec::new() };
        let entries = outputs.entries();
        if entries.len() > limits::OUTPUTS_DOCUMENTED_MAX {
            let limit = limits::OUTPUTS_DOCUMENTED_MAX;
            let message = format!("There are more outputs than the documented {limit}.");
            self.problems.warning(code::LIMIT_EXCEEDED, &outputs.path, message);
        }
        let site = Site { owner: Owner::Outputs, part: Part::Inputs };
        let mut list = Vec::with_capacity(entries.len());
        for (name, at) in entries {
            if self.is_object(&at) {
                let value = self.required(&at, "value", site);
                list.push((name.clone(), value));
            }
        }
        list
    }

    /// A Response needs a caller.
    fn check_responses(&mut self, triggers: &[Trigger]) {
        let has_request = triggers
            .iter()
            .any(|trigger| matches!(trigger.behavior, TriggerBehavior::Request { .. }));
        if has_request {
            return;
        }
        let responses = self
            .outline
            .drafts
            .iter()
            .filter(|draft| draft.kind == super::kind::ActionKind::Response);
        for draft in responses {
            let message = "No Request trigger is there: nobody waits for the response.";
            self.problems.warning(code::RESPONSE_WITHOUT_REQUEST, &draft.at.path, message);
        }
    }
}
