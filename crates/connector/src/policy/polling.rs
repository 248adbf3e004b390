//! Polling triggers over services that know nothing of polling: each call asks for what is
//! newer than what the last one gave.

use super::expression::{Function, Piece, Template, walk};
use crate::call::text;
use expr::Value;

/// How a trigger goes on.
#[derive(Clone, Debug)]
pub struct Polling {
    /// Query parameters of the next call, made from this one's answer.
    config: Vec<(String, Template)>,
    /// Where what is new is in an answer.
    data: Template,
}

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Advance {
    /// What is new; an empty list or null: nothing.
    pub items: Value,
    /// Query parameters of the next call; none: as they were.
    pub query: Option<Vec<(String, String)>>,
}

impl Polling {
    pub(super) fn read(config: Option<&serde_json::Value>, data: &str) -> Polling {
        let config = config.and_then(serde_json::Value::as_object).into_iter().flatten();
        let config = config.filter_map(|(name, value)| Some((name, value.as_str()?)));
        Polling {
            config: config.map(|(name, text)| (name.clone(), Template::read(text))).collect(),
            data: Template::read(data),
        }
    }

    /// What an answer gives, and how the next call asks.
    #[must_use]
    pub fn advance(&self, body: &Value) -> Advance {
        let items = match self.data.only() {
            Some(call) if call.function == Function::Body => walk(body, &call.steps).cloned(),
            _ => None,
        };
        let value = |template: &Template| {
            let mut out = String::new();
            for piece in template.pieces() {
                match piece {
                    Piece::Text(text) => out.push_str(text),
                    Piece::Call(call) if call.function == Function::Body => {
                        let found = walk(body, &call.steps).filter(|it| !it.is_null())?;
                        out.push_str(&text(found));
                    }
                    Piece::Call(_) => return None,
                }
            }
            Some(out)
        };
        // nothing new says nothing of where to go on
        let query = self.config.iter().map(|(name, it)| Some((name.clone(), value(it)?)));
        Advance { items: items.unwrap_or_default(), query: query.collect() }
    }
}
