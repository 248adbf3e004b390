//! A list that is given in pages.

use expr::{Object, Value};
use flow::run::CallResult;

/// Where the list is.
pub const PLACE: &str = "pages";

/// How many pages there are.
pub const COUNT: u64 = 5;

/// What the action has at its end: the items of all pages, in order, each once.
pub const JOINED: &str = "0,1,2,3,4";

/// A page, when the address is one of the list.
#[must_use]
pub fn answer(uri: &str) -> Option<CallResult> {
    let (_, rest) = uri.split_once(PLACE)?;
    let page = rest.strip_prefix("?p=").map_or(Some(0), |page| page.parse::<u64>().ok())?;
    let mut body = Object::new();
    let item = i64::try_from(page).ok()?;
    body.insert("value", Value::array(vec![Value::Int(item)]));
    if page + 1 < COUNT {
        body.insert("nextLink", format!("?p={}", page + 1));
    }
    Some(CallResult::Answer(flow::run::answer(200, Value::from(Object::new()), body.into())))
}
