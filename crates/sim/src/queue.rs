//! A service that holds a queue, of which a trigger asks what is new: at an address, or by a
//! connector, which also says when to ask next.

use crate::outside::effect_of;
use crate::random::Random;
use durable::ProcessId;
use expr::{Object, Str, Value};
use flow::run::{CallResult, ConnectorCall, Purpose};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Where the queue is read.
pub const ADDRESS: &str = "https://queue.example/items";

/// What tells a connector's queue.
pub const OPERATION: &str = "OnNewItem";

/// Most items of one answer.
const ITEMS_MAX: usize = 4;

/// Items, oldest first.
#[derive(Default)]
pub struct Queue {
    pub items: Vec<String>,
    /// Of each who asks: the number of the last question, and when the next may come.
    asked: BTreeMap<ProcessId, (u64, Instant)>,
}

impl Queue {
    /// What is new after the cursor that the address has: the same question may find more
    /// when it comes again.
    #[must_use]
    pub fn answer(&self, uri: &str) -> CallResult {
        self.told(uri, None)
    }

    fn told(&self, uri: &str, pause: Option<u64>) -> CallResult {
        let after = uri.split_once("after=").and_then(|(_, at)| at.parse().ok()).unwrap_or(0);
        let new = self.items.iter().skip(after).take(ITEMS_MAX);
        let new: Vec<Value> = new.map(|id| item(id)).collect();
        let mut headers = Object::new();
        headers.insert("Location", format!("{ADDRESS}?after={}", after + new.len()));
        if let Some(pause) = pause {
            headers.insert("Retry-After", pause.to_string());
        }
        let status = if new.is_empty() { 202 } else { 200 };
        let mut body = Object::new();
        body.insert("value", Value::array(new));
        CallResult::Answer(flow::run::answer(status, headers.into(), body.into()))
    }

    /// The same for a connector, which is not to be asked before the time that it said.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub fn ask(
        &mut self,
        call: &ConnectorCall,
        random: &mut Random,
        clocks_apart: Duration,
    ) -> Result<CallResult, String> {
        let uri = match &call.purpose {
            Purpose::Call => "",
            Purpose::Poll { location } => location.as_str(),
            Purpose::Subscribe { .. } | Purpose::Unsubscribe { .. } | Purpose::Page { .. } => {
                return Err(format!("{OPERATION} was asked for something else"));
            }
        };
        let key = &call.idempotency_key;
        let (process, number) = effect_of(key).ok_or_else(|| format!("{key} is no question"))?;
        let now = Instant::now();
        let pause = [None, None, Some(0), Some(3), Some(45), Some(45)][random.below(6) as usize];
        let mut next = now + Duration::from_secs(pause.unwrap_or(0));
        if let Some((before, not_before)) = self.asked.get(&process) {
            if number < *before {
                // of a node that has lost the process: what it hears counts for nothing
                return Ok(self.told(uri, pause));
            }
            if *before < number && now + clocks_apart < *not_before {
                let early = *not_before - now;
                return Err(format!("question {number} of {process} came {early:?} too early"));
            }
            // of several answers to one question any may be the one that counts
            if *before == number {
                next = next.min(*not_before);
            }
        }
        self.asked.insert(process, (number, next));
        Ok(self.told(uri, pause))
    }
}

fn item(id: &str) -> Value {
    let mut item = Object::new();
    item.insert("id", Str::from(id));
    item.into()
}
