//! How long histories are kept: of an environment's flows, or of one flow.

use super::error::AppError;
use super::flow::check_name;
use super::{App, Operation};
use crate::auth::caller::Caller;
use crate::limits::RETENTION_SECONDS_MAX;
use crate::worker::retention::{Retentions, Said};

/// How long the history of some final runs is kept.
pub struct RetentionView {
    pub environment: String,
    /// `None`: of the environment's flows that have nothing of their own.
    pub flow: Option<String>,
    pub seconds: i64,
    pub said: Said,
}

impl App {
    /// What was said, environment by environment, and the server's setting in seconds.
    pub async fn list_retentions(
        &self,
        caller: &Caller,
    ) -> Result<(Vec<RetentionView>, u64), AppError> {
        self.permit(caller, Operation::ManageServer)?;
        let mut views = Vec::new();
        for row in self.engine.store.retentions().await? {
            let (flow, said) = match row.workflow {
                None => (None, Said::Environment),
                Some(key) => match self.engine.store.workflow_by_key(key).await? {
                    Some(flow) => (Some(flow.name), Said::Flow),
                    // deleted just now
                    None => continue,
                },
            };
            let (environment, seconds) = (row.environment, row.seconds);
            views.push(RetentionView { environment, flow, seconds, said });
        }
        Ok((views, self.engine.settings.retention.as_secs()))
    }

    /// What counts for an environment, or for a flow.
    pub async fn get_retention(
        &self,
        caller: &Caller,
        environment: &str,
        flow: Option<&str>,
    ) -> Result<RetentionView, AppError> {
        self.permit(caller, Operation::ManageServer)?;
        let key = self.retained(environment, flow).await?;
        self.retention_view(environment, flow, key).await
    }

    /// Says how long; `None` takes it back.
    pub async fn set_retention(
        &self,
        caller: &Caller,
        environment: &str,
        flow: Option<&str>,
        seconds: Option<i64>,
    ) -> Result<RetentionView, AppError> {
        self.permit(caller, Operation::ManageServer)?;
        if let Some(seconds) = seconds
            && !(1..=RETENTION_SECONDS_MAX).contains(&seconds)
        {
            let message = format!(
                "The retention is {seconds} seconds; expected 1 to {RETENTION_SECONDS_MAX}."
            );
            return Err(AppError::invalid("InvalidRetention", message));
        }
        let key = self.retained(environment, flow).await?;
        self.engine.store.set_retention(environment, key, seconds).await?;
        self.retention_view(environment, flow, key).await
    }

    /// The key of the flow that is meant.
    async fn retained(
        &self,
        environment: &str,
        flow: Option<&str>,
    ) -> Result<Option<i64>, AppError> {
        match flow {
            Some(flow) => Ok(Some(self.flow_entry(environment, flow).await?.row.key)),
            None => check_name(environment).map(|()| None),
        }
    }

    async fn retention_view(
        &self,
        environment: &str,
        flow: Option<&str>,
        key: Option<i64>,
    ) -> Result<RetentionView, AppError> {
        let rows = self.engine.store.retentions().await?;
        let retentions = Retentions::new(rows, self.engine.settings.retention);
        let (seconds, said) = match key {
            Some(key) => retentions.of(environment, key),
            None => retentions.of_environment(environment),
        };
        let (environment, flow) = (environment.to_owned(), flow.map(str::to_owned));
        Ok(RetentionView { environment, flow, seconds, said })
    }
}
