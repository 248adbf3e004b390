//! Lists that come in pages: each page is a call of its own, whose items are recorded before
//! the next is asked for; at its end the action has one answer, with the items of all.
//!
//! Source: "Get more data, items, or records by using pagination".
//!
//! Invariant: a page whose items are recorded is never asked for again.

use super::Run;
use super::bound::Budget;
use super::call::CallResult;
use super::event::{self, ReadError};
use super::http;
use super::state::{FrameId, Pending, Stage};
use crate::definition::{Action, ActionId};
use crate::limits::{PAGE_LINK_BYTES_MAX, PAGES_MAX};
use durable::Ticks;
use expr::{EvalError, Object, Str, Value};
use std::sync::Arc;

/// What an operation calls the parts of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageNames {
    /// The property with the items; nothing: `value`.
    pub items: Option<Str>,
    /// The property with the address of the next page; nothing: `nextLink` or
    /// `@odata.nextLink`.
    pub next: Option<Str>,
}

impl PageNames {
    fn items(&self) -> &str {
        self.items.as_deref().unwrap_or("value")
    }

    /// The address of the next page, as it stands in a body.
    fn next<'a>(&self, body: &'a Object) -> Option<&'a Str> {
        let text = |name: &str| match body.get_exact(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        match &self.next {
            Some(name) => text(name),
            None => text("nextLink").or_else(|| text("@odata.nextLink")),
        }
    }
}

/// Pages of a list, in order, and where each says that the next one is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pages {
    all: Vec<(Arc<Vec<Value>>, Str)>,
    /// Items of all pages.
    count: usize,
    /// What more may be in one answer with them.
    left: Budget,
}

impl Pages {
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &(Arc<Vec<Value>>, Str)> {
        self.all.iter()
    }

    pub fn add(&mut self, items: Arc<Vec<Value>>, next: Str) {
        self.count += items.len();
        // what was stored did fit
        let _ = items.iter().try_for_each(|item| self.left.take(item));
        self.all.push((items, next));
    }

    /// Whether a page was asked for at an address before.
    fn has_asked(&self, next: &str) -> bool {
        self.all.iter().any(|(_, known)| known == next)
    }

    /// Whether more items fit into one answer with theirs.
    fn check(&self, more: &[Value]) -> Result<(), EvalError> {
        let mut left = self.left.clone();
        more.iter().try_for_each(|item| left.take(item))
    }
}

/// The items of a page as they are stored.
pub(super) fn items_of(value: Value) -> Result<Arc<Vec<Value>>, ReadError> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(ReadError::Corrupt("the items of a page are no array")),
    }
}

/// The answer of a page as any other, and what its parts are called.
pub(super) fn named(result: CallResult) -> (CallResult, PageNames) {
    match result {
        CallResult::Page { answer, names } => (CallResult::Answer(answer), names),
        other => (other, PageNames::default()),
    }
}

/// What follows from a page.
enum Next {
    /// The action ends with it.
    End(CallResult),
    /// The next one is asked for, at an address.
    Ask(Arc<Vec<Value>>, Str),
}

impl Run {
    /// Asks for the page after the one that came, or gives what the action ends with.
    pub(super) fn next_page(
        &mut self,
        frame: FrameId,
        id: ActionId,
        pending: &Pending,
        result: CallResult,
        names: &PageNames,
    ) -> Option<CallResult> {
        let flow = Arc::clone(&self.flow);
        let action = flow.action(id);
        let asked = match &pending.stage {
            Stage::Polled { location } => location.clone(),
            _ => {
                let inputs = &self.state.slot(&flow, frame, id).inputs;
                inputs.get("uri").map(Value::text).unwrap_or_default()
            }
        };
        match follow(action, pending, &asked, result, names) {
            Next::End(result) => Some(result),
            Next::Ask(items, next) => {
                let path = self.frame_path(frame);
                self.step.events.begin(event::PAGE);
                self.step.events.action(id, &path);
                self.step.events.value(&Value::Array(Arc::clone(&items)));
                self.step.events.text(&next);
                let now = self.step.now;
                self.apply_page(frame, id, items, next, now);
                self.step.effects.extend(self.effect_of(frame, id));
                None
            }
        }
    }

    pub(super) fn apply_page(
        &mut self,
        frame: FrameId,
        id: ActionId,
        items: Arc<Vec<Value>>,
        next: Str,
        now: Ticks,
    ) {
        let flow = Arc::clone(&self.flow);
        let Some(pending) = &mut self.state.slot_mut(&flow, frame, id).pending else { return };
        pending.pages.get_or_insert_default().add(items, next.clone());
        // each page may be repeated as often as the policy says
        pending.polls = pending.attempt;
        pending.attempt += 1;
        pending.called = now;
        pending.stage = Stage::Polled { location: next };
    }
}

fn follow(
    action: &Action,
    pending: &Pending,
    asked: &Str,
    result: CallResult,
    names: &PageNames,
) -> Next {
    let Some(items_min) = action.transfer.items_min else { return Next::End(result) };
    let CallResult::Answer(answer) = &result else { return Next::End(result) };
    let status = answer.get("statusCode").and_then(Value::as_int).unwrap_or_default();
    if !(200..300).contains(&status) {
        return Next::End(result);
    }
    let empty = Pages::default();
    let pages = pending.pages.as_deref().unwrap_or(&empty);
    let body = answer.get("body").and_then(Value::as_object);
    let (next, items) = match body.map(|body| (names.next(body), body.get(names.items()))) {
        Some((next, Some(Value::Array(items)))) => (next, Arc::clone(items)),
        // no list
        _ if pages.len() == 0 => return Next::End(result),
        _ => (None, Arc::default()),
    };
    if let Err(error) = pages.check(&items) {
        return failed("PagedContentTooLarge", error.message());
    }
    let is_enough = pages.count + items.len() >= items_min as usize;
    match next.map(|next| http::absolute(asked, next)) {
        Some(next) if !is_enough && pages.len() + 1 < PAGES_MAX => {
            if next.len() > PAGE_LINK_BYTES_MAX {
                let message = format!(
                    "A page of action '{}' names a next one by an address of {} bytes; it may have {PAGE_LINK_BYTES_MAX}.",
                    action.name,
                    next.len()
                );
                return failed("PagedContentTooLarge", &message);
            }
            if pages.has_asked(&next) {
                let message = format!(
                    "The pages of action '{}' lead back to '{next}', which was asked before.",
                    action.name
                );
                return failed("PagesInCircle", &message);
            }
            Next::Ask(items, next)
        }
        Some(_) if !is_enough && action.options.fail_when_limits_reached => {
            let message = format!(
                "The list of action '{}' has more than the {PAGES_MAX} pages that are got.",
                action.name
            );
            failed("PageLimitReached", &message)
        }
        _ if pages.len() == 0 => Next::End(result),
        _ => Next::End(CallResult::Answer(joined(answer, pages, &items, names))),
    }
}

fn failed(code: &str, message: &str) -> Next {
    let (code, message) = (code.into(), message.into());
    Next::End(CallResult::Failure { code, message, is_retryable: false })
}

/// The last page's answer with the items of all pages.
fn joined(answer: &Value, pages: &Pages, last: &Arc<Vec<Value>>, names: &PageNames) -> Value {
    let all = pages.iter().map(|(items, _)| items).chain([last]);
    let all: Vec<Value> = all.flat_map(|items| items.iter().cloned()).collect();
    let body = answer.get("body").and_then(Value::as_object);
    let mut body = body.map(|it| Object::clone(it)).unwrap_or_default();
    body.insert(names.items(), Value::array(all));
    let part = |name: &str| answer.get(name).cloned().unwrap_or_default();
    let status = part("statusCode").as_int().unwrap_or_default();
    super::answer(status, part("headers"), body.into())
}
