//! Checks of function calls: what they name exists, and has a meaning where they stand.

use super::kind::{ActionKind, has_callback};
use super::loading::{Loading, Owner, Part, Site};
use super::reach::Relation;
use super::{ActionId, Problem, Severity, VariableId, code};
use expr::{Binder, RefKind, Template};

/// A call, with what is needed to report it.
struct Call {
    path: String,
    function: String,
    name: Option<String>,
    offset: usize,
}

/// What a function refers to.
enum Reference {
    Action,
    Scope,
    Item,
    Index,
    Variable,
    Parameter,
    CurrentAction,
    CurrentItem,
    Callback,
}

impl Reference {
    fn of(function: &str) -> Option<Self> {
        Some(match function.to_ascii_lowercase().as_str() {
            "outputs"
            | "body"
            | "actions"
            | "actionoutputs"
            | "actionbody"
            | "formdatavalue"
            | "formdatamultivalues"
            | "multipartbody" => Reference::Action,
            "result" => Reference::Scope,
            "items" => Reference::Item,
            "iterationindexes" => Reference::Index,
            "variables" => Reference::Variable,
            "parameters" => Reference::Parameter,
            "action" => Reference::CurrentAction,
            "item" => Reference::CurrentItem,
            "listcallbackurl" => Reference::Callback,
            _ => return None,
        })
    }
}

impl Loading<'_, '_> {
    /// Checks every call of a template that stands at `path`.
    pub fn check_references(&mut self, template: &Template, path: &str, site: Site) {
        if template.as_const().is_some() {
            return;
        }
        let mut calls = Vec::new();
        template.visit_calls(&mut |call| {
            if !call.known || Reference::of(call.function).is_some() {
                calls.push((
                    Call {
                        path: format!("{path}{}", call.path),
                        function: call.function.to_owned(),
                        name: call.name.map(str::to_owned),
                        offset: call.offset,
                    },
                    call.known,
                ));
            }
        });
        for (call, known) in calls {
            if !known {
                let message = format!(
                    "The function '{}' does not exist: the expression fails when it is evaluated.",
                    call.function
                );
                self.report(Severity::Warning, code::UNKNOWN_FUNCTION, &call, message, None);
            } else if let Some(reference) = Reference::of(&call.function) {
                self.check_reference(&reference, &call, site);
            }
        }
    }

    fn report(
        &mut self,
        severity: Severity,
        code: &'static str,
        call: &Call,
        message: String,
        expected: Option<&str>,
    ) {
        self.problems.push(Problem {
            severity,
            code,
            path: call.path.clone(),
            offset: Some(call.offset),
            expected: expected.map(str::to_owned),
            message,
        });
    }

    fn fault(&mut self, code: &'static str, call: &Call, message: String, expected: &str) {
        self.report(Severity::Error, code, call, message, Some(expected));
    }

    fn check_reference(&mut self, reference: &Reference, call: &Call, site: Site) {
        match reference {
            Reference::Action | Reference::Scope => self.check_action(reference, call, site),
            Reference::Item | Reference::Index => self.check_loop(reference, call, site),
            Reference::Variable => self.check_variable(call, site),
            Reference::Parameter => self.check_parameter(call),
            Reference::CurrentAction => {
                if site.part != Part::Tracked {
                    let message = "'action()' has a meaning in tracked properties only.".to_owned();
                    self.fault(code::MISPLACED_FUNCTION, call, message, "actions('name')");
                }
            }
            Reference::CurrentItem => {
                if !self.has_item(site) {
                    let message = "'item()' has no meaning outside of an iteration.".to_owned();
                    self.fault(code::MISPLACED_FUNCTION, call, message, "a place inside a loop");
                }
            }
            Reference::Callback => {
                let has_callback = match site.owner {
                    Owner::Action(id) => has_callback(&self.draft(id).type_name),
                    Owner::Trigger { has_callback } => has_callback,
                    Owner::Outputs => false,
                };
                if !has_callback {
                    let message = "'listCallbackUrl()' has a meaning in webhooks only.".to_owned();
                    self.fault(code::MISPLACED_FUNCTION, call, message, "a webhook");
                }
            }
        }
    }

    fn check_variable(&mut self, call: &Call, site: Site) {
        let Some(name) = &call.name else { return };
        let Some(number) = self.names.bind(RefKind::Variable, name) else {
            let message = format!("The variable '{name}' is initialised by no action.");
            self.fault(code::UNKNOWN_VARIABLE, call, message, "an initialised variable");
            return;
        };
        let is_before = match site.owner {
            Owner::Action(owner) => self.is_initialised_before(VariableId(number), owner),
            Owner::Trigger { .. } => false,
            Owner::Outputs => true,
        };
        if !is_before {
            let message = format!("The variable '{name}' need not be initialised before.");
            let expected = "an action that runs after the variable is initialised";
            self.fault(code::VARIABLE_NOT_BEFORE, call, message, expected);
        }
    }

    /// Whether the action that initialises a variable has ended before another begins.
    pub fn is_initialised_before(&mut self, variable: VariableId, owner: ActionId) -> bool {
        let by = self.outline.initialisers[variable.at()];
        // one that stands in a container is refused anyway
        self.outline.container(by).is_some()
            || self.reach.relation(by, owner, &self.outline, &self.graph) == Relation::Before
    }

    fn check_parameter(&mut self, call: &Call) {
        let Some(name) = &call.name else { return };
        if self.names.bind(RefKind::Parameter, name).is_none() {
            let message = format!("The parameter '{name}' is not declared.");
            // a project of the single-tenant host declares parameters in a file of its own
            let severity =
                if self.has_all_parameters { Severity::Error } else { Severity::Warning };
            let expected = Some("a declared parameter");
            self.report(severity, code::UNKNOWN_PARAMETER, call, message, expected);
        }
    }

    fn has_item(&self, site: Site) -> bool {
        if site.part == Part::PerItem {
            return true;
        }
        let Owner::Action(id) = site.owner else { return false };
        self.outline.containers(id).any(|around| self.draft(around).kind == ActionKind::Foreach)
    }

    fn check_action(&mut self, reference: &Reference, call: &Call, site: Site) {
        let Some(name) = &call.name else { return };
        let Some(found) = self.names.bind(RefKind::Action, name).map(ActionId) else {
            let message = format!("The action '{name}' does not exist.");
            self.fault(code::UNKNOWN_ACTION, call, message, "an action of the definition");
            return;
        };
        if matches!(reference, Reference::Scope) {
            match self.draft(found).kind {
                ActionKind::Foreach | ActionKind::Until => {
                    self.result_loops.insert(found);
                }
                ActionKind::Scope | ActionKind::If | ActionKind::Switch => {}
                _ => {
                    let message = format!("The action '{name}' contains no actions.");
                    let expected = "a Scope, Foreach or Until";
                    self.fault(code::NOT_A_CONTAINER, call, message, expected);
                    return;
                }
            }
        }
        let owner = match site.owner {
            Owner::Action(owner) => owner,
            Owner::Outputs => return,
            Owner::Trigger { .. } => {
                let message = "A trigger comes before every action.".to_owned();
                self.fault(code::ACTION_NOT_BEFORE, call, message, "no reference to an action");
                return;
            }
        };
        let relation = self.reach.relation(found, owner, &self.outline, &self.graph);
        let is_fine = match relation {
            Relation::Before => true,
            Relation::Itself => site.part == Part::Tracked,
            Relation::Inside => matches!(site.part, Part::AfterBody | Part::Tracked),
            Relation::Around | Relation::NotBefore => false,
        };
        if !is_fine {
            let message = match relation {
                Relation::Itself => format!("The action '{name}' refers to itself."),
                Relation::Around => format!("The action '{name}' has not ended: it is around."),
                _ => format!("The action '{name}' need not have ended before."),
            };
            let expected = "an action that 'runAfter' puts before, directly or indirectly";
            self.fault(code::ACTION_NOT_BEFORE, call, message, expected);
        }
    }

    fn check_loop(&mut self, reference: &Reference, call: &Call, site: Site) {
        let Some(name) = &call.name else { return };
        let wanted: &[ActionKind] = match reference {
            Reference::Item => &[ActionKind::Foreach],
            _ => &[ActionKind::Until, ActionKind::Foreach],
        };
        let found = self.names.bind(RefKind::Loop, name).map(ActionId);
        let encloses = match (found, site.owner) {
            (Some(found), Owner::Action(id)) => {
                wanted.contains(&self.draft(found).kind)
                    && (self.outline.containers(id).any(|around| around == found)
                        || (found == id && site.part == Part::AfterBody))
            }
            _ => false,
        };
        if !encloses {
            let message = match found {
                Some(_) => format!("'{name}' is not a loop around this place."),
                None => format!("The loop '{name}' does not exist."),
            };
            self.fault(code::NOT_AN_ENCLOSING_LOOP, call, message, "the name of a loop around");
        }
    }
}
