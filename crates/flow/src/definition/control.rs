//! Control: If, Switch, Scope, Foreach, Until, Wait, Terminate.

use super::data::nothing;
use super::loading::{Loading, Part, Site};
use super::outline::Children;
use super::path::At;
use super::{ActionId, Behavior, Case, Until, code};
use crate::limits;
use expr::{Template, Value};

/// Units of a Wait, and of other intervals.
const UNITS: [&str; 6] = ["Second", "Minute", "Hour", "Day", "Week", "Month"];

const UNTIL_COUNT_DEFAULT: i64 = 60;
const UNTIL_TIMEOUT_DEFAULT: &str = "PT1H";

impl<'a> Loading<'a, '_> {
    pub fn if_action(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let condition = self.test(at, Site::inputs(id));
        match self.draft(id).children {
            Children::If { then, otherwise } => Behavior::If { condition, then, otherwise },
            _ => nothing(),
        }
    }

    /// The property `expression`, as a condition.
    fn test(&mut self, at: &At<'a>, site: Site) -> Template {
        match self.require(at, "expression") {
            Some(expression) => self.condition(&expression, site),
            None => Template::constant(Value::Null),
        }
    }

    pub fn switch(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let on = self.required(at, "expression", Site::inputs(id));
        let Children::Switch { cases, default } = &self.draft(id).children else {
            return nothing();
        };
        let (cases, default) = (cases.clone(), *default);
        if cases.len() > limits::SWITCH_CASES_MAX {
            let limit = limits::SWITCH_CASES_MAX;
            let message = format!("The Switch has {} cases; the limit is {limit}.", cases.len());
            self.problems.error(code::OUT_OF_RANGE, &at.path, message);
        }
        let mut found: Vec<Case> = Vec::with_capacity(cases.len());
        for (name, case, block) in cases.into_iter().take(limits::SWITCH_CASES_MAX) {
            if !self.is_object(&case) {
                continue;
            }
            let Some(value) = self.require(&case, "case") else { continue };
            if let Some(earlier) = found.iter().find(|other| other.value == *value.value) {
                let message = format!("The case has the same value as '{}'.", earlier.name);
                self.problems.error(code::DUPLICATE_CASE, &value.path, message);
            }
            found.push(Case { name, value: value.value.clone(), block });
        }
        Behavior::Switch { on, cases: found, default }
    }

    pub fn scope(&mut self, id: ActionId) -> Behavior {
        match self.draft(id).children {
            Children::Scope(block) => Behavior::Scope { block },
            _ => nothing(),
        }
    }

    pub fn foreach(&mut self, id: ActionId, at: &At<'a>, runtime: Option<&At<'a>>) -> Behavior {
        let site = Site::inputs(id);
        let over = self.required(at, "foreach", site);
        if let (Some(value), Some(found)) = (over.as_const(), at.get_or_null("foreach"))
            && value.as_array().is_none()
        {
            self.wrong_kind(&found, "an array, or an expression that gives one");
        }
        let concurrency = self.foreach_concurrency(id, at, runtime);
        match self.draft(id).children {
            Children::Loop { block, shape } => {
                Behavior::Foreach { over, block, shape, concurrency }
            }
            _ => nothing(),
        }
    }

    fn foreach_concurrency(&mut self, id: ActionId, at: &At<'a>, runtime: Option<&At<'a>>) -> u32 {
        let repetitions = runtime
            .and_then(|at| at.walk(&["concurrency", "repetitions"]))
            .and_then(|found| {
                let range = 1..=i64::from(limits::FOREACH_CONCURRENCY_MAX);
                self.integer(&found, Site::inputs(id), range).map(|number| (found, number))
            })
            .and_then(|(found, number)| Some((found, u32::try_from(number).ok()?)));
        let sequential = Self::has_option(at, "Sequential");
        if let (Some((found, 2..)), true) = (&repetitions, sequential) {
            let message = "The loop is 'Sequential' and has more than one repetition at a time.";
            self.problems.error(code::CONFLICTING_CONCURRENCY, &found.path, message);
        }
        if sequential || self.outline.is_in_loop(id) {
            return 1;
        }
        repetitions.map_or(self.dialect.foreach_concurrency(), |(_, number)| number)
    }

    /// An integer that needs at most parameters; `None` when it is wrong.
    pub fn integer(
        &mut self,
        at: &At<'_>,
        site: Site,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let template = self.compile(at, site);
        let value = self.constant(&template);
        let expected = format!("an integer from {} to {}", range.start(), range.end());
        let number = value.as_ref().and_then(|value| match value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_int(),
        });
        match number {
            Some(number) if range.contains(&number) => Some(number),
            Some(number) => {
                let message = format!("The number {number} is out of range.");
                self.problems.expected(code::OUT_OF_RANGE, &at.path, message, expected);
                None
            }
            None => {
                let message = format!("{} is not valid here.", at.shown());
                self.problems.expected(code::INVALID_VALUE, &at.path, message, expected);
                None
            }
        }
    }

    pub fn until(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let site = Site::inputs(id);
        let condition = self.test(at, site.part(Part::AfterBody));
        let limit = self.optional_object(at, "limit");
        let count = limit.as_ref().and_then(|limit| limit.get("count"));
        let count = match count {
            Some(found) => {
                let template = self.compile(&found, site);
                if template.as_const().is_some() {
                    self.integer(&found, site, 1..=limits::UNTIL_COUNT_MAX);
                }
                template
            }
            None => Template::constant(Value::Int(UNTIL_COUNT_DEFAULT)),
        };
        let timeout = limit
            .and_then(|limit| self.timeout(&limit, site))
            .unwrap_or_else(|| Template::constant(UNTIL_TIMEOUT_DEFAULT.into()));
        match self.draft(id).children {
            Children::Loop { block, shape } => {
                Behavior::Until(Box::new(Until { condition, block, shape, count, timeout }))
            }
            _ => nothing(),
        }
    }

    pub fn wait(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let Some(inputs) = self.inputs(at) else { return nothing() };
        let template = self.compile(&inputs, Site::inputs(id));
        if let Some(interval) = inputs.get("interval") {
            self.check_interval(&interval);
        } else if let Some(until) = inputs.get("until") {
            if until.value.as_object().is_some() {
                self.require(&until, "timestamp");
            } else if !is_template(&until) {
                self.wrong_kind(&until, "an object with 'timestamp'");
            }
        } else if !is_template(&inputs) {
            let message = "The Wait does not say how long.";
            let expected = "'interval' or 'until'";
            self.problems.expected(code::MISSING_PROPERTY, &inputs.path, message, expected);
        }
        Behavior::Wait { inputs: template }
    }

    fn check_interval(&mut self, interval: &At<'a>) {
        if interval.value.as_object().is_none() {
            if !is_template(interval) {
                self.wrong_kind(interval, "an object with 'count' and 'unit'");
            }
            return;
        }
        if let Some(count) = self.require(interval, "count") {
            let is_count = match count.value {
                Value::String(text) => {
                    is_template(&count) || text.trim().parse::<i64>().is_ok_and(|n| n >= 0)
                }
                other => other.as_int().is_some_and(|number| number >= 0),
            };
            if !is_count {
                self.invalid(&count, "a number of units, 0 or more");
            }
        }
        if let Some(unit) = self.require(interval, "unit") {
            let is_unit = is_template(&unit)
                || unit
                    .text()
                    .is_some_and(|text| UNITS.iter().any(|u| u.eq_ignore_ascii_case(text)));
            if !is_unit {
                self.invalid(&unit, "one of Second, Minute, Hour, Day, Week, Month");
            }
        }
    }

    pub fn terminate(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        self.refuse_in_loop(id, at, "Terminate");
        let Some(inputs) = self.inputs(at) else { return nothing() };
        if let Some(status) = self.require(&inputs, "runStatus") {
            let is_status = is_template(&status)
                || status.text().is_some_and(|text| {
                    ["Succeeded", "Failed", "Cancelled"]
                        .iter()
                        .any(|s| s.eq_ignore_ascii_case(text))
                });
            if !is_status {
                self.invalid(&status, "one of Succeeded, Failed, Cancelled");
            }
        }
        Behavior::Terminate { inputs: self.compile(&inputs, Site::inputs(id)) }
    }

    /// Some actions may not stand in loops.
    pub fn refuse_in_loop(&mut self, id: ActionId, at: &At<'_>, type_name: &str) {
        if self.outline.is_in_loop(id) {
            let message = format!("An action of type '{type_name}' may not stand in a loop.");
            self.problems.error(code::NOT_IN_LOOP, &at.path, message);
        }
    }
}

/// Whether a value is text with an expression in it.
pub(super) fn is_template(at: &At<'_>) -> bool {
    at.text().is_some_and(|text| {
        (text.starts_with('@') && text.len() > 1 && !text.starts_with("@@")) || text.contains("@{")
    })
}
