//! Apps that somebody has, and those of an environment: lists of them, in pages.

use super::{AppFound, BY_ENVIRONMENT, BY_HOLDER, PowerApp};
use crate::app::data::{Cursor, Known};
use crate::app::environment::Environment;
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::limits::APPS_LOOKED_AT_MAX;

/// A page of apps, and where the next begins if there is one.
pub struct AppsListed {
    pub rows: Vec<AppFound>,
    pub next: Option<Cursor>,
}

impl App {
    /// The apps that the caller has: their own, and those shared with them, one principal of
    /// theirs after the other.
    pub async fn list_apps(
        &self,
        caller: &Caller,
        (after, rows_max): (Option<Cursor>, usize),
    ) -> Result<AppsListed, AppError> {
        self.permit(caller, Operation::ListApps)?;
        let holders: Vec<Vec<&str>> = self.holders_of(caller).map(|it| vec![it]).collect();
        let held = self.list_held(BY_HOLDER, &holders, (after, rows_max), PowerApp::is_held_by);
        let listed = held.await?;
        let mut rows = Vec::with_capacity(listed.rows.len());
        for app in listed.rows {
            if let Some(environment) = self.environment(&app.environment).await? {
                rows.push(AppFound { environment: environment.value, app });
            }
        }
        Ok(AppsListed { rows, next: listed.next })
    }

    /// Those of an environment that the caller has, or all for who administers it.
    pub async fn list_apps_within(
        &self,
        caller: &Caller,
        environment: &str,
        (after, rows_max): (Option<Cursor>, usize),
    ) -> Result<AppsListed, AppError> {
        let all = self.list_apps_as_admin(caller, environment, (after.clone(), rows_max));
        match all.await {
            Err(error) if error.kind == ErrorKind::Forbidden => {}
            listed => return listed,
        }
        let within = self.environment(environment).await?;
        let is_within =
            |it: &AppFound| within.as_ref().is_some_and(|within| within.id == it.app.environment);
        let mut after = after;
        loop {
            let mut listed = self.list_apps(caller, (after, rows_max)).await?;
            listed.rows.retain(is_within);
            match &listed.next {
                // those of other environments are passed over
                Some(next) if listed.rows.is_empty() => after = Some(next.clone()),
                _ if !listed.rows.is_empty() => return Ok(listed),
                _ => {
                    // whether it is there is not said to who has no part in it
                    self.environment_for(caller, Operation::CreateApp, environment).await?;
                    return Ok(listed);
                }
            }
        }
    }

    /// The apps of an environment.
    pub async fn list_apps_as_admin(
        &self,
        caller: &Caller,
        environment: &str,
        (after, rows_max): (Option<Cursor>, usize),
    ) -> Result<AppsListed, AppError> {
        let operation = Operation::GetAdminApp;
        let environment: Environment =
            self.environment_for(caller, operation, environment).await?.value;
        let listed = self.list(BY_ENVIRONMENT, &[&environment.id], after, rows_max).await?;
        let found = |app| AppFound { environment: environment.clone(), app };
        Ok(AppsListed { rows: listed.rows.into_iter().map(found).collect(), next: listed.next })
    }

    /// What is shared with somebody, with a group of theirs or with everybody, and what they
    /// own, newest first: as many as are looked at to find out what they may use.
    pub(super) async fn apps_of(&self, person: &Caller) -> Result<Vec<Known<PowerApp>>, AppError> {
        let mut found: Vec<Known<PowerApp>> = Vec::new();
        for principal in self.holders_of(person) {
            let most = APPS_LOOKED_AT_MAX;
            let listed = self.list::<PowerApp>(BY_HOLDER, &[principal], None, most).await?;
            for app in listed.rows {
                if !found.iter().any(|it| it.id == app.id) {
                    found.push(app);
                }
            }
        }
        found.sort_by_key(|it| std::cmp::Reverse(it.created));
        Ok(found)
    }

    /// Whom an app may be shared with so that somebody has it; everybody are people.
    fn holders_of<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = &'a str> {
        let everybody = (caller.kind() == CallerKind::Person).then_some(&*self.tenant);
        caller.principals().chain(everybody)
    }
}

impl PowerApp {
    fn is_held_by(&self, principal: &str) -> bool {
        self.owner.as_deref() == Some(principal)
            || self.permissions.iter().any(|it| it.principal == principal)
    }
}
