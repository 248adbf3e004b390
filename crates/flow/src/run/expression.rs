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
    // the inputs become the item, so that they need not be written as literals
    let given = names.iter().take_while(|name| inputs.get(name).is_some_and(|it| !it.is_null()));
    let arguments: Vec<String> = given.map(|name| format!("item()['{name}']")).collect();
    let text = format!("@{function}({})", arguments.join(","));
    let template = Template::compile_text(&text, &expr::NoBinder)
        .map_err(|error| EvalError::new(error.to_string()))?;
    context.set_item(Some(inputs.clone()));
    template.eval(context)
}
