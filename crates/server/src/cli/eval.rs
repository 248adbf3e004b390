//! `sluicegate eval`: expressions tried out, one or many, without a server.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use expr::context::JsonContext;
use expr::{NoBinder, Object, Template, Ticks, Value};

use super::failure::{Detail, Failure, Fault};
use super::input;
use super::output::Output;

pub const EXAMPLES: &str = "\
EXPR is a JSON string as it would stand in a definition: an expression after '@', text with
@{...} in it, or plain text. The context is an object with any of trigger, outputs, actions,
variables, parameters, item, items, iterationIndexes, workflow, appsettings and utcNow.

With --batch each line of FILE is {\"id\", \"expr\", \"context\"}, and each line printed
{\"id\", \"value\"} or {\"id\", \"error\": {\"message\", \"offset\"}}, in order.

Examples:
  sluicegate eval \"@add(1, 2)\"
  sluicegate eval \"Hello @{triggerBody()?['name']}\" --context ctx.json
  sluicegate eval --batch cases.jsonl";

/// From 0001-01-01 to 1970-01-01, in ticks.
const UNIX_EPOCH_TICKS: Ticks = 621_355_968_000_000_000;
/// Characters of an expression that is repeated in a message, with the fault marked.
const MARKED_CHARS_MAX: usize = 160;

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The expression, as it would stand in a definition
    #[arg(value_name = "EXPR", required_unless_present = "batch", conflicts_with = "batch")]
    expr: Option<String>,

    /// What the expression may refer to; '-' reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "batch")]
    context: Option<PathBuf>,

    /// Evaluate a line at a time; '-' reads standard input
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
}

pub fn execute(args: &EvalArgs, out: &mut Output<'_>) -> Result<ExitCode, Failure> {
    if let Some(batch) = &args.batch {
        if input::is_stdin(batch) {
            evaluate_lines(std::io::stdin().lock(), batch, out)?;
        } else {
            let file = File::open(batch).map_err(|error| input::unreadable(batch, &error))?;
            evaluate_lines(file, batch, out)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let text = args.expr.as_deref().unwrap_or_default();
    let context = match &args.context {
        Some(path) => input::read_value(path)?,
        None => Value::Null,
    };
    let value = evaluate(&Value::from(text), &context, now(), seed())
        .map_err(|fault| failure(*fault, text))?;
    if out.is_json() {
        out.line(expr::json::to_string(&value))?;
    } else {
        out.line(expr::json::to_string_pretty(&value))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn evaluate_lines(from: impl Read, path: &Path, out: &mut Output<'_>) -> Result<(), Failure> {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    let (now, seed) = (now(), seed());
    for number in 0u64.. {
        line.clear();
        let bytes =
            reader.read_until(b'\n', &mut line).map_err(|error| input::unreadable(path, &error))?;
        if bytes == 0 {
            break;
        }
        if !line.trim_ascii().is_empty() {
            out.line(evaluate_line(&line, now, seed.wrapping_add(number)))?;
        }
        if reader.buffer().is_empty() {
            // Whoever writes to us line by line may wait for the answer.
            out.flush()?;
        }
    }
    Ok(())
}

/// The answer to one line of a batch, whatever the line is.
fn evaluate_line(line: &[u8], now: Ticks, seed: u64) -> String {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let (id, result) = match expr::json::parse(line) {
        Err(error) => {
            let message = format!("The line is not JSON: {}.", error.message);
            let offset = u64::try_from(error.offset).ok();
            (Value::Null, Err(Box::new(Detail { message, offset, ..Detail::default() })))
        }
        Ok(case) => {
            let id = case.get("id").cloned().unwrap_or_default();
            let context = case.get("context").cloned().unwrap_or_default();
            let result = match case.get("expr") {
                Some(expr) => evaluate(expr, &context, now, seed),
                None => Err(said("The line has no 'expr'.")),
            };
            (id, result)
        }
    };
    let id = expr::json::to_string(&id);
    match result {
        Ok(value) => format!("{{\"id\":{id},\"value\":{}}}", expr::json::to_string(&value)),
        Err(fault) => format!("{{\"id\":{id},\"error\":{}}}", serde_json::json!(fault)),
    }
}

/// The value of a template, or what is wrong with it and where.
fn evaluate(
    template: &Value,
    context: &Value,
    now: Ticks,
    seed: u64,
) -> Result<Value, Box<Detail>> {
    let root = match context {
        Value::Null => Object::new(),
        Value::Object(root) => Object::clone(root),
        other => return Err(said(&format!("The context is {}, not an object.", other.kind()))),
    };
    let evaluation_fault = |error: expr::EvalError| {
        let offset = error.offset().and_then(|offset| u64::try_from(offset).ok());
        Box::new(Detail { message: error.message().to_owned(), offset, ..Detail::default() })
    };
    let template = match template {
        Value::String(text) => {
            Template::compile_text(text, &NoBinder).map_err(|error| syntax_fault(error, None))?
        }
        other => Template::compile(other, &NoBinder).map_err(|errors| {
            let first = errors.into_iter().next();
            first.map_or_else(
                || said("The template is not valid."),
                |first| syntax_fault(first.error, Some(format!("${}", first.path))),
            )
        })?,
    };
    let mut context = JsonContext::new(root, now, seed).map_err(evaluation_fault)?;
    template.eval(&mut context).map_err(evaluation_fault)
}

fn syntax_fault(error: expr::SyntaxError, path: Option<String>) -> Box<Detail> {
    Box::new(Detail {
        path,
        message: error.message,
        offset: u64::try_from(error.offset).ok(),
        expected: Some(error.expected).filter(|expected| !expected.is_empty()),
        ..Detail::default()
    })
}

fn said(message: &str) -> Box<Detail> {
    Box::new(Detail { message: message.to_owned(), ..Detail::default() })
}

/// The fault of an expression that was given on the command line, with a mark
/// under the place.
fn failure(mut fault: Detail, text: &str) -> Failure {
    let mark = fault
        .offset
        .and_then(|offset| usize::try_from(offset).ok())
        .filter(|offset| *offset <= text.chars().count())
        .filter(|_| text.chars().count() <= MARKED_CHARS_MAX)
        .filter(|_| !text.contains(char::is_control))
        .map(|offset| format!("    {text}\n    {}^", " ".repeat(offset)));
    let message = std::mem::take(&mut fault.message);
    let details = if fault == Detail::default() { Vec::new() } else { vec![fault] };
    let fault = Fault { code: Some("InvalidTemplate".to_owned()), message, details };
    Failure::Failed { fault, hint: mark }
}

fn now() -> Ticks {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ticks = Ticks::try_from(since.as_nanos() / 100).unwrap_or_default();
    UNIX_EPOCH_TICKS.saturating_add(ticks)
}

fn seed() -> u64 {
    // Without a source of randomness the time still makes two calls differ.
    getrandom::u64().unwrap_or_else(|_| now().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        evaluate_line(text.as_bytes(), 0, 1)
    }

    #[test]
    fn a_batch_answers_every_line_in_order() {
        let cases = concat!(
            "{\"id\":\"a\",\"expr\":\"@triggerBody()?['n']\",",
            "\"context\":{\"trigger\":{\"outputs\":{\"body\":{\"n\":5.0}}}}}\n",
            "\n",
            "not json\n",
            "{\"id\":7}\r\n",
            "{\"id\":\"b\",\"expr\":\"plain\"}",
        );
        let mut bytes = Vec::new();
        let mut out = Output::new(false, &mut bytes);
        evaluate_lines(cases.as_bytes(), Path::new("-"), &mut out).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], r#"{"id":"a","value":5.0}"#);
        assert!(lines[1].starts_with(r#"{"id":null,"error":{"offset":"#), "{text}");
        assert_eq!(lines[2], r#"{"id":7,"error":{"message":"The line has no 'expr'."}}"#);
        assert_eq!(lines[3], r#"{"id":"b","value":"plain"}"#);
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn templates_may_be_objects() {
        assert_eq!(
            line(r#"{"id":1,"expr":{"a":"@add(1, 2)","b":[true]}}"#),
            r#"{"id":1,"value":{"a":3,"b":[true]}}"#
        );
        let answer = line(r#"{"id":1,"expr":{"a":["@add(1"]}}"#);
        assert!(answer.contains(r#""path":"$.a[0]""#), "{answer}");
    }

    #[test]
    fn faults_are_answers() {
        for text in [
            r#"{"id":1,"expr":"@add(1"}"#,
            r#"{"id":1,"expr":"@nosuchfunction()"}"#,
            r#"{"id":1,"expr":"@variables('x')"}"#,
            r#"{"id":1,"expr":"@true","context":[]}"#,
            r#"{"id":1,"expr":"@true","context":{"utcNow":"x"}}"#,
        ] {
            let answer = line(text);
            assert!(answer.starts_with(r#"{"id":1,"error":{"#), "{answer}");
        }
        assert!(line("\u{feff}[]").contains("no 'expr'"));
        assert!(evaluate_line(b"\"\xff\"", 0, 1).starts_with(r#"{"id":null,"error":"#));
    }

    #[test]
    fn the_place_is_marked() {
        let fault = Detail {
            message: "The call is not closed.".into(),
            offset: Some(5),
            expected: Some("')'".into()),
            ..Detail::default()
        };
        assert_eq!(
            failure(fault, "@not(").text(false),
            "error: The call is not closed.\n  offset 5 (expected ')')\n    @not(\n         ^\n"
        );
    }

    #[test]
    fn the_clock_is_that_of_the_language() {
        let year_2020 = 637_134_336_000_000_000;
        assert!(now() > year_2020);
    }
}
