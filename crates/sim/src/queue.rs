//! A service that holds a queue, of which a trigger asks what is new.

use expr::{Object, Str, Value};
use flow::run::CallResult;

/// Where the queue is read.
pub const ADDRESS: &str = "https://queue.example/items";

/// Most items of one answer.
const ITEMS_MAX: usize = 4;

/// Items, oldest first.
#[derive(Default)]
pub struct Queue {
    pub items: Vec<String>,
}

impl Queue {
    /// What is new after the cursor that the address has: the same question may find more
    /// when it comes again.
    #[must_use]
    pub fn answer(&self, uri: &str) -> CallResult {
        let after = uri.split_once("after=").and_then(|(_, at)| at.parse().ok()).unwrap_or(0);
        let new = self.items.iter().skip(after).take(ITEMS_MAX);
        let new: Vec<Value> = new.map(|id| item(id)).collect();
        let mut headers = Object::new();
        headers.insert("Location", format!("{ADDRESS}?after={}", after + new.len()));
        let status = if new.is_empty() { 202 } else { 200 };
        let mut body = Object::new();
        body.insert("value", Value::array(new));
        CallResult::Answer(flow::run::answer(status, headers.into(), body.into()))
    }
}

fn item(id: &str) -> Value {
    let mut item = Object::new();
    item.insert("id", Str::from(id));
    item.into()
}
