//! The server itself: how it is, and going on after a pause.

use super::error::{AppError, ErrorKind};
use super::run::RunView;
use super::{App, Operation};
use crate::auth::caller::Caller;
use flow::run::Status;

/// How the server is.
pub struct ServerView {
    pub is_paused: bool,
    /// Number of this node among those that share the store.
    pub node: u64,
    /// Partitions that this node holds.
    pub partitions: usize,
    pub runs_in_memory: usize,
    pub runs_stepping: usize,
}

impl App {
    pub async fn get_server(&self, caller: &Caller) -> Result<ServerView, AppError> {
        self.permit(caller, Operation::ManageServer)?;
        let engine = &self.engine;
        let (runs_in_memory, runs_stepping) = engine.load();
        Ok(ServerView {
            is_paused: engine.is_paused(),
            node: engine.node.0,
            partitions: engine.ownership.held().len(),
            runs_in_memory,
            runs_stepping,
        })
    }

    /// Lets everything move, here and on every node of the store.
    pub async fn resume_server(&self, caller: &Caller) -> Result<ServerView, AppError> {
        self.permit(caller, Operation::ManageServer)?;
        self.engine.resume_all().await?;
        self.get_server(caller).await
    }

    /// Lets one run go on although the server is paused. True when it was under way.
    pub async fn release_run(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<(RunView, bool), AppError> {
        self.permit(caller, Operation::ManageServer)?;
        let view = self.run_view(name).await?;
        if Status::from_number(view.row.status).is_some_and(Status::is_final) {
            return Ok((view, false));
        }
        if !self.engine.ownership.owns(view.row.id) {
            let message =
                format!("The run '{name}' lies with another node of this store: release it there.");
            return Err(AppError::new(ErrorKind::Conflict, "RunElsewhere", message));
        }
        self.engine.release_run(&view.row);
        Ok((view, true))
    }
}
