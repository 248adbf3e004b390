//! Actions of type `Expression`: a function as an action, by kind.
//!
//! The kinds map onto functions of the language; their inputs are its arguments.

use expr::{Context, EvalError, Template, Value};

/// Arguments of a kind in the order its function takes them; those marked optional
/// are left out with everything after them when absent.
const KINDS: [(&str, &str, &[&str]); 9] = [
    ("addtotime", "addToTime", &["baseTime", "interval", "timeUnit"]),
    ("subtractfromtime", "subtractFromTime", &["baseTime", "interval", "timeUnit"]),
    ("getfuturetime", "getFutureTime", &["interval", "timeUnit"]),
    ("getpasttime", "getPastTime", &["interval", "timeUnit"]),
    ("currenttime", "utcNow", &[]),
    (
        "converttimezone",
        "convertTimeZone",
        &["baseTime", "sourceTimeZone", "destinationTimeZone", "formatString"],
    ),
    ("formatnumber", "formatNumber", &["number", "format", "locale"]),
    ("indexof", "indexOf", &["text", "searchText"]),
    ("substring", "substring", &["text", "startIndex", "length"]),
];

/// The value of an `Expression` action of a kind (lower case).
pub fn evaluate(kind: &str, inputs: &Value, context: &mut dyn Context) -> Result<Value, EvalError> {
    let Some((_, function, names)) = KINDS.iter().find(|(known, ..)| *known == kind) else {
        return Err(EvalError::new(format!("the expression kind '{kind}' is not known")));
    };
    let mut arguments = Vec::with_capacity(names.len());
    for name in *names {
        match inputs.get(name) {
            Some(value) if !value.is_null() => arguments.push(literal(value)?),
            _ => break,
        }
    }
    let text = format!("@{function}({})", arguments.join(","));
    Template::compile_text(&text, &expr::NoBinder)
        .map_err(|error| EvalError::new(error.to_string()))?
        .eval(context)
}

/// A value as an expression's literal.
fn literal(value: &Value) -> Result<String, EvalError> {
    match value {
        Value::String(text) => Ok(format!("'{}'", text.replace("'", "''"))),
        Value::Int(_) | Value::Float(_) | Value::Decimal(_) => Ok(value.text().to_string()),
        other => Err(EvalError::new(format!(
            "an input of the expression is of type '{}', expected text or a number",
            other.kind()
        ))),
    }
}
