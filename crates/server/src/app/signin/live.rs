//! Sessions that were seen to go on: what each request with a token asks.

use super::session::Session;
use crate::app::App;
use crate::app::error::AppError;
use crate::limits::{LIVE_SESSIONS_MAX, PRINCIPAL_FRESH};
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::time::Instant;

/// What was seen, and when. What this node ends counts at once, what others end within a
/// second.
#[derive(Default)]
pub(super) struct Live(Mutex<HashMap<String, Instant>>);

impl Live {
    /// Forgets a session that has ended.
    pub fn forget(&self, id: &str) {
        self.0.lock().remove(id);
    }

    fn is_fresh(&self, id: &str) -> bool {
        self.0.lock().get(id).is_some_and(|seen| seen.elapsed() < PRINCIPAL_FRESH)
    }

    fn keep(&self, id: &str, seen: Instant) {
        let mut all = self.0.lock();
        if all.len() >= LIVE_SESSIONS_MAX {
            all.clear();
        }
        all.insert(id.to_owned(), seen);
    }
}

impl App {
    /// Whether a session is there and has not ended.
    pub(crate) async fn is_live_session(&self, id: &str) -> Result<bool, AppError> {
        if self.signin.live.is_fresh(id) {
            return Ok(true);
        }
        let seen = Instant::now();
        let session = self.get::<Session>(id).await?;
        let is_live = session.is_some_and(|it| it.ends() > self.engine.clock.now());
        if is_live {
            self.signin.live.keep(id, seen);
        }
        Ok(is_live)
    }
}
