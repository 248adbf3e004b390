//! Data operations: Compose, ParseJson, Select, Query, Join.
//!
//! Source: "Perform data operations in Azure Logic Apps".

use super::Run;
use super::bound::Budget;
use super::scope::Begun;
use super::state::FrameId;
use super::status::{ErrorInfo, Outcome, Outputs, body_of};
use super::{expression, table};
use crate::definition::{Action, Behavior, Schema};
use expr::{Context, EvalError, Str, Template, Value};
use std::sync::Arc;

impl Run {
    pub(super) fn data_operation(
        &mut self,
        frame: FrameId,
        action: &Action,
    ) -> Result<Begun, EvalError> {
        match &action.behavior {
            Behavior::Compose { inputs } => {
                let value = self.eval(frame, inputs)?;
                Ok(Begun::Over(Some(value), Outcome::ok(Outputs::Inputs)))
            }
            Behavior::ParseJson { content, schema } => {
                let content = self.eval(frame, content)?;
                Ok(parse_json(&content, schema.as_ref()))
            }
            Behavior::Select { from, select } => {
                let items = self.source(frame, action, from)?;
                let body =
                    self.over_items(frame, &items, |context, _| select.eval(context).map(Some))?;
                Ok(over_with_body(items, body))
            }
            Behavior::Query { from, condition } => {
                let items = self.source(frame, action, from)?;
                let body = self.over_items(frame, &items, |context, item| {
                    let value = condition.eval(context)?;
                    match value.as_bool() {
                        Some(keep) => Ok(keep.then(|| item.clone())),
                        None => Err(EvalError::new(format!(
                            "the 'where' condition gives a value of type '{}' where a Boolean is expected",
                            value.kind()
                        ))),
                    }
                })?;
                Ok(over_with_body(items, body))
            }
            Behavior::Join { from, join_with } => {
                let items = self.source(frame, action, from)?;
                let with = self.eval(frame, join_with)?;
                let Some(with) = with.as_str() else {
                    return Err(EvalError::new("the 'joinWith' of a Join must be text"));
                };
                let text = join(&items, with)?;
                let outcome = Outcome::done(Outputs::Value(body_of(text.into())));
                Ok(Begun::Over(Some(Value::Array(items)), outcome))
            }
            Behavior::Table { from, format, columns } => {
                let items = self.source(frame, action, from)?;
                let format = self.eval(frame, format)?.text();
                let rows = self.table_rows(frame, &items, columns.as_deref())?;
                let text = table::render(&format, &rows)?;
                let outcome = Outcome::done(Outputs::Value(body_of(text.into())));
                Ok(Begun::Over(Some(Value::Array(items)), outcome))
            }
            Behavior::Expression { kind, inputs } => {
                let inputs = self.eval(frame, inputs)?;
                let body = expression::evaluate(kind, &inputs, &mut self.context(frame, None))?;
                Ok(Begun::Over(Some(inputs), Outcome::ok(Outputs::Value(body_of(body)))))
            }
            _ => Err(EvalError::new("not a data operation")),
        }
    }

    /// The `from` of an operation over items.
    fn source(
        &mut self,
        frame: FrameId,
        action: &Action,
        from: &Template,
    ) -> Result<Arc<Vec<Value>>, EvalError> {
        match self.eval(frame, from)? {
            Value::Array(items) => Ok(items),
            other => Err(EvalError::new(format!(
                "The 'from' property value in the '{}' action inputs is of type '{}'. The value must be an array.",
                action.type_name.to_lowercase(),
                other.kind()
            ))),
        }
    }

    /// Evaluates something for each item, with `item()` being it.
    fn over_items(
        &mut self,
        frame: FrameId,
        items: &[Value],
        mut each: impl FnMut(&mut dyn Context, &Value) -> Result<Option<Value>, EvalError>,
    ) -> Result<Vec<Value>, EvalError> {
        let mut context = self.context(frame, None);
        let mut result = Vec::with_capacity(items.len());
        let mut budget = Budget::new();
        for item in items {
            context.set_item(Some(item.clone()));
            if let Some(value) = each(&mut context, item)? {
                budget.take(&value)?;
                result.push(value);
            }
        }
        Ok(result)
    }

    fn table_rows(
        &mut self,
        frame: FrameId,
        items: &[Value],
        columns: Option<&[crate::definition::Column]>,
    ) -> Result<table::Rows, EvalError> {
        let Some(columns) = columns else { return Ok(table::rows_of_objects(items)) };
        let mut headers: Vec<Str> = Vec::with_capacity(columns.len());
        for column in columns {
            headers.push(self.eval(frame, &column.header)?.text());
        }
        let mut context = self.context(frame, None);
        let mut rows = Vec::with_capacity(items.len());
        let mut budget = Budget::new();
        for item in items {
            context.set_item(Some(item.clone()));
            let mut row = Vec::with_capacity(columns.len());
            for column in columns {
                let cell = column.value.eval(&mut context)?.text();
                budget.take_bytes(cell.len())?;
                row.push(cell);
            }
            rows.push(row);
        }
        Ok(table::Rows { headers, rows }.merge_equal_headers())
    }
}

fn over_with_body(items: Arc<Vec<Value>>, body: Vec<Value>) -> Begun {
    let outcome = Outcome::done(Outputs::Value(body_of(Value::array(body))));
    Begun::Over(Some(Value::Array(items)), outcome)
}

/// Text is parsed, other values pass; the schema decides whether the action succeeds.
fn parse_json(content: &Value, schema: Option<&Schema>) -> Begun {
    let mut inputs = expr::Object::with_capacity(2);
    inputs.push_new("content", content.clone());
    if let Some(schema) = schema {
        inputs.push_new("schema", schema.source().clone());
    }
    let inputs = Some(inputs.into());
    let parsed = match content {
        Value::String(text) => expr::json::parse(text.as_bytes()),
        other => Ok(other.clone()),
    };
    let body = match parsed {
        Ok(body) => body,
        Err(error) => {
            let message = format!(
                "The 'content' property of actions of type 'ParseJson' must be valid JSON. The provided value cannot be parsed: '{error}'."
            );
            return Begun::Over(inputs, Outcome::failed("InvalidJSON", message));
        }
    };
    let violations = schema.map(|schema| schema.violations(&body)).unwrap_or_default();
    let outputs = Outputs::Value(body_of(body));
    if violations.is_empty() {
        return Begun::Over(inputs, Outcome::ok(outputs));
    }
    let message = format!("JSON validation failed: {}", violations.join("; "));
    let error = ErrorInfo::new("ActionFailed", message);
    Begun::Over(inputs, Outcome::failed_as("ActionFailed", error, outputs))
}

fn join(items: &[Value], with: &str) -> Result<Str, EvalError> {
    let mut text = Str::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push_str(with);
        }
        text.push_str(&item.text());
        if text.len() > crate::limits::OPERATION_BYTES_MAX {
            return Err(EvalError::new("the joined text is larger than an operation may give"));
        }
    }
    Ok(text)
}
