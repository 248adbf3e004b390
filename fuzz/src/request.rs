//! Target `request`: somebody calls a trigger's address.
//!
//! The first byte chooses the flow. A line `METHOD /address?query` follows, then a line for
//! each header, an empty line, and the body.

use crate::flows;
use crate::world::{self, BEGIN, Beginning};
use flow::definition::Flow;
use flow::run::Reply;
use flow::trigger::fire::{Fired, Occurrence, fire};
use http::request::Parts;
use server::api::trigger::{Address, Queries, call_of, respond};
use server::app::trigger::request_outputs;
use std::sync::Arc;

/// Where the trigger of every flow here is called.
const PREFIX: &str = "/workflows/f1/triggers/manual/paths/invoke";

/// Runs of a trigger that splits an array.
const RUNS_MAX: usize = 2;

/// Does what the server does with a request whose signature is right, without a store.
pub fn request(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let flow = flows::of_request(choice);
    let (head, body) = split(rest, b"\n\n");
    let Some(parts) = parts_of(head) else { return };
    let Some(address) = Address::parse(parts.uri.path()) else { return };
    let Some(trigger) = flow.find_trigger(&address.trigger) else { return };
    let queries = Queries::read(parts.uri.query().unwrap_or_default());
    let call = call_of(&address, queries.others, &parts, body, trigger.options);
    let (outputs, raw_body) = match request_outputs(trigger, &call) {
        Ok(outputs) => outputs,
        Err(error) => {
            assert!(!error.code.is_empty() && !error.message.is_empty(), "a refusal says why");
            return;
        }
    };
    let occurrence = Occurrence {
        outputs,
        tracking: call.tracking.filter(|tracking| !tracking.is_empty()).map(expr::Str::from),
        run: world::run_id(),
        moment: world::moment(BEGIN),
        parameters: expr::Object::new(),
    };
    if let Fired::Runs { outputs, is_split, client_tracking_id } =
        fire(&flow, &world::info(), trigger, occurrence)
    {
        for outputs in outputs.into_iter().take(RUNS_MAX) {
            let beginning = Beginning {
                trigger: &trigger.name,
                outputs,
                raw_body: raw_body.filter(|_| !is_split),
                client_tracking_id: client_tracking_id.clone(),
            };
            answer(&flow, beginning);
        }
    }
}

/// Runs the flow and puts its response into HTTP.
fn answer(flow: &Arc<Flow>, beginning: Beginning<'_>) {
    match world::play(flow, beginning) {
        Some(Reply::Response(response)) => drop(respond(&response)),
        Some(Reply::NoResponse) | None => {}
    }
}

/// The head of a request as the HTTP library gives it; `None` for what it refuses.
fn parts_of(head: &[u8]) -> Option<Parts> {
    let (line, mut rest) = split(head, b"\n");
    let (method, address) = split(line, b" ");
    let address = [PREFIX.as_bytes(), address].concat();
    let mut builder = http::Request::builder().method(method).uri(address.as_slice());
    while !rest.is_empty() {
        let (header, next) = split(rest, b"\n");
        let (name, value) = split(header, b": ");
        builder = builder.header(name, value);
        rest = next;
    }
    builder.body(()).ok().map(|request| request.into_parts().0)
}

/// What stands before and after a separator; all of it and nothing when there is none.
fn split<'a>(bytes: &'a [u8], separator: &[u8]) -> (&'a [u8], &'a [u8]) {
    let at = bytes.windows(separator.len()).position(|window| window == separator);
    match at {
        Some(at) => (&bytes[..at], &bytes[at + separator.len()..]),
        None => (bytes, &[]),
    }
}
