//! Functions that read the surroundings of an expression: outputs, variables,
//! parameters, the trigger, loops.

use super::{Function, refers, tree};
use crate::content;
use crate::context::{Context, Name, RefKind};
use crate::error::EvalError;
use crate::parse::Call;
use crate::value::Value;
use std::borrow::Cow;

pub(super) const FUNCTIONS: &[Function] = &[
    refers("outputs", RefKind::Action, 1, |call, context| {
        with_name(call, context, |context, name| context.action_outputs(name))
    }),
    refers("body", RefKind::Action, 1, |call, context| {
        with_name(call, context, |context, name| context.action_body(name))
    }),
    refers("actions", RefKind::Action, 1, |call, context| {
        with_name(call, context, |context, name| context.action_record(name))
    }),
    refers("result", RefKind::Action, 1, |call, context| {
        with_name(call, context, |context, name| context.scope_result(name))
    }),
    refers("actionOutputs", RefKind::Action, 1, |call, context| {
        with_name(call, context, |context, name| context.action_outputs(name))
    }),
    refers("actionBody", RefKind::Action, 1, |call, context| {
        with_name(call, context, |context, name| context.action_body(name))
    }),
    refers("variables", RefKind::Variable, 1, |call, context| {
        with_name(call, context, |context, name| context.variable(name))
    }),
    refers("parameters", RefKind::Parameter, 1, |call, context| {
        with_name(call, context, |context, name| context.parameter(name))
    }),
    refers("items", RefKind::Loop, 1, |call, context| {
        with_name(call, context, |context, name| context.loop_item(name))
    }),
    refers("iterationIndexes", RefKind::Loop, 1, |call, context| {
        with_name(call, context, |context, name| context.iteration_index(name))
    }),
    refers("formDataValue", RefKind::Action, 2, |call, context| {
        let body = action_body(call, context)?;
        form_value(call, context, &body, 1)
    }),
    refers("formDataMultiValues", RefKind::Action, 2, |call, context| {
        let body = action_body(call, context)?;
        form_values(call, context, &body, 1).map(Value::array)
    }),
    refers("multipartBody", RefKind::Action, 2, |call, context| {
        let body = action_body(call, context)?;
        part_body(call, context, &body, 1)
    }),
    tree("triggerFormDataValue", 1, 1, |call, context| {
        let body = context.trigger_body()?;
        form_value(call, context, &body, 0)
    }),
    tree("triggerFormDataMultiValues", 1, 1, |call, context| {
        let body = context.trigger_body()?;
        form_values(call, context, &body, 0).map(Value::array)
    }),
    tree("triggerMultipartBody", 1, 1, |call, context| {
        let body = context.trigger_body()?;
        part_body(call, context, &body, 0)
    }),
    tree("action", 0, 0, |_, context| context.current_action()),
    tree("trigger", 0, 0, |_, context| context.trigger()),
    tree("triggerOutputs", 0, 0, |_, context| context.trigger_outputs()),
    tree("triggerBody", 0, 0, |_, context| context.trigger_body()),
    tree("item", 0, 0, |_, context| context.item()),
    tree("workflow", 0, 0, |_, context| context.workflow()),
    tree("listCallbackUrl", 0, 0, |_, context| context.callback_url()),
    tree("appsetting", 1, 1, |call, context| {
        let name = text_argument(call, context, 0)?;
        context.app_setting(&name)
    }),
    // Inside agents only, which do not exist here.
    tree("agentParameters", 1, 1, |_, _| Err(EvalError::unavailable("agentParameters"))),
];

type Look = fn(&dyn Context, &Name) -> Result<Value, EvalError>;

/// Calls `look` with the name bound at parse time, else with the evaluated one.
fn with_name(call: &Call, context: &mut dyn Context, look: Look) -> Result<Value, EvalError> {
    let name = name_argument(call, context)?;
    look(context, &name)
}

fn name_argument<'a>(
    call: &'a Call,
    context: &mut dyn Context,
) -> Result<Cow<'a, Name>, EvalError> {
    match &call.name {
        Some(name) => Ok(Cow::Borrowed(name)),
        None => text_argument(call, context, 0).map(|text| Cow::Owned(Name::unbound(&*text))),
    }
}

fn action_body(call: &Call, context: &mut dyn Context) -> Result<Value, EvalError> {
    let name = name_argument(call, context)?;
    context.action_body(&name)
}

fn text_argument(
    call: &Call,
    context: &mut dyn Context,
    at: usize,
) -> Result<crate::value::Str, EvalError> {
    match call.args[at].eval(context)? {
        Value::String(text) => Ok(text),
        other => Err(EvalError::argument(
            &call.written,
            format_args!(
                "The function expects a name of type 'String'. The provided value is of type '{}'.",
                other.kind()
            ),
        )),
    }
}

/// All values of a form field, in order.
fn form_values(
    call: &Call,
    context: &mut dyn Context,
    body: &Value,
    at: usize,
) -> Result<Vec<Value>, EvalError> {
    let key = text_argument(call, context, at)?;
    let Some(fields) = body.get(content::FORM_DATA).and_then(Value::as_array) else {
        return Err(EvalError::argument(&call.written, "The content is not form data."));
    };
    let is_key = |field: &&Value| {
        field.get("key").and_then(Value::as_str).is_some_and(|name| name == key.as_str())
    };
    let matching = fields.iter().filter(is_key);
    Ok(matching.map(|field| field.get("value").cloned().unwrap_or_default()).collect())
}

fn form_value(
    call: &Call,
    context: &mut dyn Context,
    body: &Value,
    at: usize,
) -> Result<Value, EvalError> {
    let mut values = form_values(call, context, body, at)?;
    match values.len() {
        0 | 1 => Ok(values.pop().unwrap_or_default()),
        count => Err(EvalError::argument(
            &call.written,
            format_args!(
                "The form data has {count} values of that name. Use the function for several values."
            ),
        )),
    }
}

fn part_body(
    call: &Call,
    context: &mut dyn Context,
    body: &Value,
    at: usize,
) -> Result<Value, EvalError> {
    let index = call.args[at].eval(context)?;
    let parts = body.get(content::MULTIPART).and_then(Value::as_array);
    let (Some(parts), Value::Int(index)) = (parts, &index) else {
        let detail = "The function expects multipart content and an integer index.";
        return Err(EvalError::argument(&call.written, detail));
    };
    match usize::try_from(*index).ok().and_then(|index| parts.get(index)) {
        Some(part) => Ok(part.get("body").cloned().unwrap_or_default()),
        None => Err(EvalError::argument(
            &call.written,
            format_args!("There is no part '{index}': the content has {} parts.", parts.len()),
        )),
    }
}
