//! Calls of addresses that flows make by themselves, without a connector: whether data
//! policies allow them is asked before anything leaves.

use super::Engine;
use connector::http::Judge;
use durable::ProcessId;
use flow::run::{CallResult, HttpRequest};
use std::sync::Arc;

/// Whose call it is.
#[derive(Clone, Copy, Debug)]
pub enum Asker {
    Run(ProcessId),
    /// Key of a flow.
    Flow(i64),
}

/// What is said of a call before it is made.
pub enum Judged {
    Free,
    /// It may be made, and go on to where the same rules allow.
    Bounded(Judge),
    Refused(CallResult),
}

impl Engine {
    /// Makes a call of a built-in action or trigger, by the name under which it counts.
    pub(super) async fn call_address(
        self: &Arc<Self>,
        asker: Asker,
        connector: &'static str,
        request: HttpRequest,
    ) -> CallResult {
        let judged = match self.connectors.get() {
            Some(connectors) => {
                let uri = request.uri.to_string();
                connectors.judge(Arc::clone(self), asker, connector, uri).await
            }
            None => Judged::Free,
        };
        match judged {
            Judged::Free => self.outside.call(request).await,
            Judged::Bounded(judge) => self.outside.call_judged(request, judge).await,
            Judged::Refused(result) => result,
        }
    }
}
