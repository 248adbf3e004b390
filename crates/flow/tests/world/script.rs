//! What the world does to a run: `script.json`.
//!
//! `trigger` is the trigger's outputs; `caller` is `nobody`, `request` or `parent`;
//! `deadline`, `release`, `cancel` and `after` are seconds. `calls` maps the address of a
//! call, or the name of a child flow, to its answers in order; the last one repeats, and
//! `*` stands for every other. `brief` leaves single records out of the history; with
//! `eager`, inputs come between the parts of a large step.

use super::SECOND;
use durable::Ticks;
use expr::{Str, Value};
use flow::run::{Effect, Request};
use std::collections::HashMap;

#[derive(Clone, Debug)]
pub struct Script {
    pub trigger: Value,
    pub caller: String,
    pub deadline: Ticks,
    pub release: Option<Ticks>,
    pub cancel: Option<Ticks>,
    pub tracking: Option<Str>,
    pub brief: bool,
    /// Inputs come between the parts of a large step.
    pub is_eager: bool,
    calls: HashMap<String, Vec<Answer>>,
    made: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub after: Ticks,
    pub kind: AnswerKind,
}

#[derive(Clone, Debug)]
pub enum AnswerKind {
    Answer(Value),
    Failure { code: Str, message: Str, is_retryable: bool },
    Unknown,
    Never,
}

impl Default for Script {
    fn default() -> Self {
        Script::of(&Value::Null)
    }
}

impl Script {
    pub fn parse(text: &[u8]) -> Script {
        Script::of(&expr::json::parse(text).expect("script.json is JSON"))
    }

    pub fn of(value: &Value) -> Script {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let mut calls = HashMap::new();
        for (key, answers) in
            value.get("calls").and_then(Value::as_object).iter().flat_map(|o| o.iter())
        {
            let answers = answers.as_array().expect("answers are an array");
            calls.insert(key.to_string(), answers.iter().map(answer).collect());
        }
        Script {
            trigger: value.get("trigger").cloned().unwrap_or_default(),
            caller: text("caller").unwrap_or("nobody").to_owned(),
            deadline: seconds(value.get("deadline")).unwrap_or(120 * SECOND),
            release: seconds(value.get("release")),
            cancel: seconds(value.get("cancel")),
            tracking: text("tracking").map(Str::from),
            brief: value.get("brief").is_some(),
            is_eager: value.get("eager").is_some(),
            calls,
            made: HashMap::new(),
        }
    }

    /// The next answer to a call.
    pub fn answer(&mut self, effect: &Effect) -> Answer {
        let key = match &effect.request {
            Request::Http(request) => request.uri.to_string(),
            Request::Connector(call) => call.operation_name.to_string(),
            Request::Subscribe(call) => call.operation_name.to_string(),
            Request::Child(call) => {
                let id = call.host.get("workflow").and_then(|workflow| workflow.get("id"));
                id.or_else(|| call.host.get("workflowReferenceName"))
                    .expect("a child's name")
                    .text()
                    .to_string()
            }
        };
        let made = self.made.entry(key.clone()).or_default();
        let answers = self.calls.get(&key).or_else(|| self.calls.get("*"));
        let answer = answers.and_then(|answers| answers.get(*made).or(answers.last())).cloned();
        *made += 1;
        answer.unwrap_or_else(|| Answer {
            after: 0,
            kind: AnswerKind::Answer(flow::run::answer(200, Value::Null, Value::Null)),
        })
    }
}

fn seconds(value: Option<&Value>) -> Option<Ticks> {
    value.map(|value| (value.as_f64().expect("seconds") * SECOND as f64) as Ticks)
}

fn answer(value: &Value) -> Answer {
    let get = |name: &str| value.get(name).cloned();
    let kind = if let Some(status) = value.get("status").and_then(Value::as_int) {
        let (headers, body) = (get("headers").unwrap_or_default(), get("body").unwrap_or_default());
        AnswerKind::Answer(flow::run::answer(status, headers, body))
    } else if let Some(code) = get("failure") {
        let message = get("message").unwrap_or_default().text();
        let is_retryable = get("retryable").and_then(|it| it.as_bool()).unwrap_or(true);
        AnswerKind::Failure { code: code.text(), message, is_retryable }
    } else if value.get("unknown").is_some() {
        AnswerKind::Unknown
    } else {
        AnswerKind::Never
    };
    Answer { after: seconds(value.get("after")).unwrap_or(0), kind }
}
