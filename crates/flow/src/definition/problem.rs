//! Collecting problems, and putting them in the order of the document.

use super::{Problem, Severity, arm, code, path};
use crate::limits;
use expr::{EvalError, SyntaxError, Value};
use std::collections::{HashMap, HashSet};

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    dropped_errors: usize,
}

impl Problems {
    pub fn error(&mut self, code: &'static str, path: &str, message: impl Into<String>) {
        self.push(problem(Severity::Error, code, path, message.into()));
    }

    pub fn warning(&mut self, code: &'static str, path: &str, message: impl Into<String>) {
        self.push(problem(Severity::Warning, code, path, message.into()));
    }

    /// An error that names what would have been right.
    pub fn expected(
        &mut self,
        code: &'static str,
        path: &str,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let mut problem = problem(Severity::Error, code, path, message.into());
        problem.expected = Some(expected.into());
        self.push(problem);
    }

    pub fn syntax(&mut self, path: String, error: SyntaxError) {
        self.push(Problem {
            severity: Severity::Error,
            code: code::INVALID_EXPRESSION,
            path,
            offset: Some(error.offset),
            expected: Some(error.expected),
            message: error.message,
        });
    }

    pub fn evaluation(&mut self, code: &'static str, path: &str, error: &EvalError) {
        let mut problem = problem(Severity::Error, code, path, error.message().to_owned());
        problem.offset = error.offset();
        self.push(problem);
    }

    /// Keeps the first [`limits::PROBLEMS_MAX`].
    pub fn push(&mut self, problem: Problem) {
        if self.list.len() < limits::PROBLEMS_MAX {
            self.list.push(problem);
        } else if problem.severity == Severity::Error {
            self.dropped_errors += 1;
        }
    }

    /// Errors at text that a deployment template should have resolved say so.
    pub fn explain_template_text(&mut self, document: &Value) {
        let mut texts: HashSet<String> = HashSet::new();
        let places: HashSet<&str> = self.list.iter().map(|problem| problem.path.as_str()).collect();
        visit(document, "$", 0, &mut |path, value| {
            if value.as_str().is_some_and(arm::is_template_text) && places.contains(path) {
                texts.insert(path.to_owned());
            }
        });
        for problem in &mut self.list {
            if problem.severity == Severity::Error && texts.contains(&problem.path) {
                problem.code = code::UNRESOLVED_DEPLOYMENT_EXPRESSION;
                problem.expected = Some("the deployment template, or its result".to_owned());
                problem.message = format!(
                    "The text is an expression of a deployment template. {}",
                    problem.message
                );
            }
        }
    }

    /// Errors first, each group in document order; and whether there is an error.
    pub fn finish(mut self, document: Option<&Value>) -> (Vec<Problem>, bool) {
        if let Some(document) = document {
            order(&mut self.list, document);
        }
        self.list.sort_by_key(|problem| problem.severity == Severity::Warning);
        if self.dropped_errors > 0 {
            let message = format!("{} more errors are not listed.", self.dropped_errors);
            self.list.push(problem(Severity::Error, code::TOO_MANY_PROBLEMS, "$", message));
        }
        let is_refused = self.list.iter().any(|problem| problem.severity == Severity::Error);
        (self.list, is_refused)
    }
}

fn problem(severity: Severity, code: &'static str, path: &str, message: String) -> Problem {
    Problem { severity, code, path: path.to_owned(), offset: None, expected: None, message }
}

/// Sorts by place in the document. Places that are not in it (a deployment template
/// was resolved) come last, as found.
fn order(list: &mut [Problem], document: &Value) {
    let mut places: HashMap<String, usize> =
        list.iter().map(|problem| (problem.path.clone(), usize::MAX)).collect();
    if list.len() < 2 {
        return;
    }
    let mut count = 0;
    visit(document, "$", 0, &mut |path, _| {
        if let Some(place) = places.get_mut(path) {
            *place = count;
        }
        count += 1;
    });
    list.sort_by_key(|problem| places.get(&problem.path).copied().unwrap_or(usize::MAX));
}

fn visit(value: &Value, at: &str, depth: usize, found: &mut dyn FnMut(&str, &Value)) {
    found(at, value);
    if depth >= limits::DOCUMENT_DEPTH_MAX {
        return;
    }
    match value {
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                visit(item, &path::index(at, position), depth + 1, found);
            }
        }
        Value::Object(object) => {
            for (name, item) in object.iter() {
                visit(item, &path::property(at, name), depth + 1, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_first_and_in_document_order() {
        let document = expr::json::parse(br#"{"a":{"b":1},"c":[1,2]}"#).unwrap();
        let mut problems = Problems::default();
        problems.warning(code::LIMIT_EXCEEDED, "$.a", "w");
        problems.error(code::WRONG_KIND, "$.elsewhere", "4");
        problems.error(code::WRONG_KIND, "$.c[1]", "3");
        problems.error(code::WRONG_KIND, "$.c[0]", "2");
        problems.error(code::WRONG_KIND, "$.a.b", "1");
        let (list, is_refused) = problems.finish(Some(&document));
        let messages: Vec<&str> = list.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["1", "2", "3", "4", "w"]);
        assert!(is_refused);
    }

    #[test]
    fn the_list_is_bounded() {
        let mut problems = Problems::default();
        for _ in 0..limits::PROBLEMS_MAX + 7 {
            problems.error(code::WRONG_KIND, "$", "x");
        }
        let (list, is_refused) = problems.finish(None);
        assert_eq!(list.len(), limits::PROBLEMS_MAX + 1);
        assert!(is_refused && list.last().unwrap().message.starts_with("7 more"));
    }
}
