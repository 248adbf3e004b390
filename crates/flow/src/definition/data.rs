//! Data operations: ParseJson, Select, Query, Join, Table, Expression.

use super::loading::{Loading, Part, Site};
use super::path::At;
use super::{ActionId, Behavior, Column, Schema, code};
use expr::{Str, Template, Value};

/// Kinds of actions of type Expression, in lower case.
const EXPRESSION_KINDS: [&str; 9] = [
    "addtotime",
    "subtractfromtime",
    "getfuturetime",
    "getpasttime",
    "currenttime",
    "converttimezone",
    "formatnumber",
    "indexof",
    "substring",
];

impl<'a> Loading<'a, '_> {
    /// The inputs, which must be an object; a null template in their place otherwise.
    pub fn inputs(&mut self, at: &At<'a>) -> Option<At<'a>> {
        self.require_object(at, "inputs")
    }

    pub fn parse_json(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let Some(inputs) = self.inputs(at) else { return nothing() };
        let content = self.required(&inputs, "content", Site::inputs(id));
        let schema = inputs.get("schema").and_then(|schema| self.schema(&schema, Site::inputs(id)));
        Behavior::ParseJson { content, schema }
    }

    /// A JSON schema. Its strings and names are templates too; one that is not valid
    /// is not enforced.
    pub fn schema(&mut self, at: &At<'_>, site: Site) -> Option<Schema> {
        let template = self.compile(at, site);
        let Some(source) = self.constant(&template) else {
            let message = "The schema depends on the run: it is not enforced.";
            self.problems.warning(code::INVALID_SCHEMA, &at.path, message);
            return None;
        };
        match &source {
            Value::Null => None,
            Value::Object(object) if object.is_empty() => None,
            Value::String(text) if text.trim().is_empty() => None,
            _ => match Schema::compile(&source) {
                Ok(schema) => Some(schema),
                Err(message) => {
                    let message = format!("The schema is not valid and not enforced: {message}");
                    self.problems.warning(code::INVALID_SCHEMA, &at.path, message);
                    None
                }
            },
        }
    }

    pub fn select(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let Some(inputs) = self.inputs(at) else { return nothing() };
        let site = Site::inputs(id);
        let from = self.from(&inputs, site);
        let select = self.required(&inputs, "select", site.part(Part::PerItem));
        Behavior::Select { from, select }
    }

    pub fn query(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let Some(inputs) = self.inputs(at) else { return nothing() };
        let site = Site::inputs(id);
        let from = self.from(&inputs, site);
        let condition = match self.require(&inputs, "where") {
            Some(condition) => self.condition(&condition, site.part(Part::PerItem)),
            None => Template::constant(Value::Null),
        };
        Behavior::Query { from, condition }
    }

    pub fn join(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let Some(inputs) = self.inputs(at) else { return nothing() };
        let from = self.from(&inputs, Site::inputs(id));
        let join_with = self.required(&inputs, "joinWith", Site::inputs(id));
        Behavior::Join { from, join_with }
    }

    /// The property `from`: a literal must be an array.
    fn from(&mut self, inputs: &At<'a>, site: Site) -> Template {
        let Some(from) = self.require(inputs, "from") else {
            return Template::constant(Value::Null);
        };
        let template = self.compile(&from, site);
        if template.as_const().is_some_and(|value| value.as_array().is_none()) {
            self.wrong_kind(&from, "an array, or an expression that gives one");
        }
        template
    }

    pub fn table(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let Some(inputs) = self.inputs(at) else { return nothing() };
        let site = Site::inputs(id);
        let from = self.from(&inputs, site);
        let format = self.required(&inputs, "format", site);
        if let Some(value) = format.as_const() {
            let is_known = value
                .as_str()
                .is_some_and(|text| ["CSV", "HTML"].iter().any(|f| f.eq_ignore_ascii_case(text)));
            if let (false, Some(found)) = (is_known, inputs.get_or_null("format")) {
                self.invalid(&found, "'CSV' or 'HTML'");
            }
        }
        let columns = inputs.get("columns").map(|columns| self.columns(&columns, site));
        Behavior::Table { from, format, columns }
    }

    fn columns(&mut self, columns: &At<'a>, site: Site) -> Vec<Column> {
        if columns.value.as_array().is_none() {
            self.wrong_kind(columns, "an array of columns");
        }
        let site = site.part(Part::PerItem);
        let mut list = Vec::new();
        for column in columns.items() {
            if self.is_object(&column) {
                let header = self.required(&column, "header", site);
                let value = self.required(&column, "value", site);
                list.push(Column { header, value });
            }
        }
        list
    }

    pub fn expression_action(&mut self, id: ActionId, at: &At<'a>) -> Behavior {
        let Some(kind) = self.require(at, "kind") else { return nothing() };
        let lower = kind.text().unwrap_or_default().to_ascii_lowercase();
        if !EXPRESSION_KINDS.contains(&lower.as_str()) {
            self.invalid(&kind, "a kind such as 'AddToTime', 'ConvertTimeZone' or 'FormatNumber'");
            return nothing();
        }
        let inputs = match at.get("inputs") {
            Some(inputs) => self.compile(&inputs, Site::inputs(id)),
            None if lower == "currenttime" => Template::constant(expr::Object::new().into()),
            None => self.required(at, "inputs", Site::inputs(id)),
        };
        Behavior::Expression { kind: Str::from(lower), inputs }
    }

    /// A literal outside the list.
    pub fn invalid(&mut self, at: &At<'_>, expected: &str) {
        let message = format!("{} is not valid here.", at.shown());
        self.problems.expected(code::INVALID_VALUE, &at.path, message, expected);
    }
}

/// Stands in where a definition is refused anyway.
pub(super) fn nothing() -> Behavior {
    Behavior::Unsupported { inputs: Template::constant(Value::Null) }
}
