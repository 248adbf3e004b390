//! What nodes tell each other: sent in the background, heard on a connection of its own.
//!
//! Nothing depends on it: what a hint is about is in the store.

use super::address::{Address, Messages};
use super::column::call;
use super::fault::Fault;
use super::reader::Readers;
use crate::{Hint, limits};
use durable::ProcessId;
use futures_util::stream::StreamExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client};

const TELL: &str = "SELECT pg_notify('sluicegate', hint) FROM unnest($1::text[]) AS told (hint)";

const LISTEN: &str = "LISTEN sluicegate";

/// Longer ones than the database carries are lost.
const BYTES_MAX: usize = 7_900;

/// Both directions.
pub(super) struct Hints {
    told: mpsc::Sender<String>,
    /// `None` when the store is closed.
    heard: Mutex<Option<broadcast::Sender<Hint>>>,
    tasks: [JoinHandle<()>; 2],
}

impl Hints {
    pub(super) async fn start(address: Address, readers: Arc<Readers>) -> Result<Self, Fault> {
        let (told, telling) = mpsc::channel(limits::HINTS_QUEUED_MAX);
        let (heard, _) = broadcast::channel(limits::HINTS_QUEUED_MAX);
        let listening = listen(&address).await?;
        let tasks = [
            tokio::spawn(tell(telling, readers)),
            tokio::spawn(hear(address, listening, heard.clone())),
        ];
        Ok(Hints { told, heard: Mutex::new(Some(heard)), tasks })
    }

    pub(super) fn tell(&self, hint: &Hint) {
        let text = encode(hint);
        if text.len() <= BYTES_MAX {
            // When too many wait, this one is lost.
            let _ = self.told.try_send(text);
        }
    }

    pub(super) fn hear(&self) -> broadcast::Receiver<Hint> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.as_ref().map_or_else(|| broadcast::channel(1).1, broadcast::Sender::subscribe)
    }

    pub(super) fn close(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.close();
    }
}

/// Sends what waits, all of it at once.
async fn tell(mut telling: mpsc::Receiver<String>, readers: Arc<Readers>) {
    let mut hints = Vec::new();
    while telling.recv_many(&mut hints, limits::HINTS_QUEUED_MAX).await > 0 {
        let told = Arc::new(std::mem::take(&mut hints));
        let telling = readers.read(|db| {
            let told = told.clone();
            Box::pin(async move {
                call!(TELL, &*told).rows(db).await?;
                Ok(())
            })
        });
        if let Err(error) = telling.await {
            tracing::debug!(%error, "hints are lost");
        }
    }
}

async fn listen(address: &Address) -> Result<(Client, Messages), Fault> {
    let (client, mut messages) = address.connect_raw().await?;
    let carrying = async { while let Some(Ok(_)) = messages.next().await {} };
    let done = tokio::select! {
        done = client.batch_execute(LISTEN) => done.map_err(Fault::from),
        () = carrying => Err(Fault::gone("the connection was closed")),
    };
    done.map(|()| (client, messages))
}

/// Passes on what comes, on a new connection when one is lost.
async fn hear(address: Address, listening: (Client, Messages), heard: broadcast::Sender<Hint>) {
    let mut listening = Some(listening);
    let mut pause = limits::RECONNECT_PAUSE_MS;
    loop {
        if let Some((_client, mut messages)) = listening.take() {
            pause = limits::RECONNECT_PAUSE_MS;
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(notification) = message
                    && let Some(hint) = decode(notification.payload())
                {
                    // Nobody listens, perhaps.
                    let _ = heard.send(hint);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        pause = (pause * 2).min(limits::RECONNECT_PAUSE_MS_MAX);
        listening = listen(&address).await.ok();
    }
}

fn encode(hint: &Hint) -> String {
    match hint {
        Hint::Inbox(process) => format!("i{}", process.run_name()),
        Hint::Answered(process) => format!("a{}", process.run_name()),
        Hint::Flow(id) => format!("f{}", super::column::text(id)),
    }
}

/// None for what another version says.
fn decode(text: &str) -> Option<Hint> {
    let rest = text.get(1..)?;
    match text.as_bytes().first()? {
        b'i' => ProcessId::from_run_name(rest).map(Hint::Inbox),
        b'a' => ProcessId::from_run_name(rest).map(Hint::Answered),
        b'f' => Some(Hint::Flow(rest.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use durable::Partition;

    #[test]
    fn a_hint_comes_as_it_was_told() {
        let process = ProcessId::new(638_723_709_343_421_507, Partition(255), 99_999_999);
        let flow = Hint::Flow("a flow of 'ours'".to_owned());
        for hint in [Hint::Inbox(process), Hint::Answered(process), flow] {
            assert_eq!(decode(&encode(&hint)), Some(hint));
        }
        for other in ["", "x", "i", "iabc", "\u{1f4a1}"] {
            assert_eq!(decode(other), None, "{other}");
        }
    }
}
