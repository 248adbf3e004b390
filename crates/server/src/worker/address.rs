//! Calls of addresses that flows make by themselves, without a connector: whether data
//! policies allow them is asked before anything leaves.

use super::Engine;
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
#[derive(Debug)]
pub enum Judged {
    Free,
    /// It may be made and not follow redirects: those go where nobody has looked.
    Bounded,
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
            Judged::Bounded => self.outside.call_once(request).await,
            Judged::Refused(result) => result,
        }
    }
}
