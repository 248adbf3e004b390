//! Running one case: a template text and its surroundings against what is expected.

use expr::context::JsonContext;
use expr::{EvalError, NoBinder, Object, Template, Value, json};

/// One line of a table: `{"expr", "context"?, "expect" | "error": true}`.
pub struct Case {
    pub name: String,
    pub expr: Value,
    pub context: Object,
    pub expect: Option<Value>,
}

/// Reads a table; blank lines and lines that begin with `#` are skipped.
pub fn read(text: &str) -> Vec<Case> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(at, line)| {
            let case = json::parse(line.as_bytes())
                .unwrap_or_else(|error| panic!("line {}: {error}: {line}", at + 1));
            let is_error = case.get("error").and_then(Value::as_bool) == Some(true);
            assert!(is_error != case.get("expect").is_some(), "line {}: {line}", at + 1);
            let name =
                case.get("id").map_or(format!("line {}", at + 1), |id| id.text().to_string());
            Case {
                name,
                expr: case.get("expr").cloned().unwrap_or_default(),
                context: case
                    .get("context")
                    .and_then(Value::as_object)
                    .map(|object| (**object).clone())
                    .unwrap_or_default(),
                expect: case.get("expect").cloned(),
            }
        })
        .collect()
}

/// Noon of some day, where a case states no time.
const NOW: i64 = 638_000_000_000_000_000;

pub fn evaluate(expr: &Value, context: &Object) -> Result<Value, String> {
    let template = Template::compile(expr, &NoBinder)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let text = |error: EvalError| error.to_string();
    let mut context = JsonContext::new(context.clone(), NOW, 1).map_err(text)?;
    template.eval(&mut context).map_err(text)
}

/// Runs a case; the answer says how it differs.
pub fn run(case: &Case) -> Result<(), String> {
    let result = evaluate(&case.expr, &case.context);
    let differs = |got: &str, wanted: &str| {
        Err(format!("{}: {} gives {got}, not {wanted}", case.name, json::to_string(&case.expr)))
    };
    match (&result, &case.expect) {
        (Ok(value), Some(expect)) if same(value, expect) => Ok(()),
        (Ok(value), Some(expect)) => differs(&json::to_string(value), &json::to_string(expect)),
        (Ok(value), None) => differs(&json::to_string(value), "an error"),
        (Err(error), Some(expect)) => differs(error, &json::to_string(expect)),
        (Err(_), None) => Ok(()),
    }
}

/// Numbers by value, strings exactly, objects without regard to order.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Bool(_), _) | (_, Value::Bool(_)) => false,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let has = |name: &str, value| b.get_exact(name).is_some_and(|b| same(value, b));
            a.len() == b.len() && a.iter().all(|(name, value)| has(name, value))
        }
        _ => a.language_eq(b),
    }
}
