//! Which connection of a connector somebody uses where theirs is asked for, and whether they
//! may use one: by themselves, or through an app that is shared with them.

use super::Connector;
use super::connection::{BY_ACCOUNT, BY_HOLDER, Connection};
use crate::app::data::Known;
use crate::app::environment::Environment;
use crate::app::error::AppError;
use crate::app::power_app::Lent;
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::policy::{self, Hold, Place};
use crate::limits::{CHOICE_CONNECTIONS_MAX, CHOICE_SHARED_MAX};

/// What somebody has of a connector.
pub enum Theirs {
    Connected(Known<Connection>),
    /// One of their own that has to be signed in for again.
    Faulted(Known<Connection>),
    Nothing,
}

impl App {
    /// Whether somebody may make calls over a connection.
    pub(crate) async fn may_use(
        &self,
        person: &Caller,
        (environment, connector): (&Environment, &Connector),
        connection: &Known<Connection>,
    ) -> Result<bool, AppError> {
        if allows_use(person, environment, connection.hold_of(person)) {
            return Ok(true);
        }
        let lent = self.lent(person, (environment, connector), connection).await?;
        Ok(matches!(lent, Lent::Shared))
    }

    /// The connection of a connector that somebody uses: their own before what is shared with
    /// them, the one that is named before others, then the oldest; one that works.
    pub(crate) async fn connection_of_person(
        &self,
        person: &Caller,
        (environment, connector): (&Environment, &Connector),
        named: Option<&str>,
    ) -> Result<Theirs, AppError> {
        let parts = [person.id(), connector.name.as_str()];
        let own = self.list::<Connection>(BY_ACCOUNT, &parts, None, CHOICE_CONNECTIONS_MAX).await?;
        let own = own.rows.into_iter().filter(|it| it.environment == environment.id);
        let (connected, mut faulted) = self.sorted(own.collect(), named);
        if let Some(first) = connected.into_iter().next() {
            return Ok(Theirs::Connected(first));
        }
        let mut shared = self.shared_with(person, environment, connector).await?;
        shared.extend(self.lent_to(person, (environment, connector)).await?);
        let (connected, _) = self.sorted(shared, named);
        Ok(match connected.into_iter().next() {
            Some(first) => Theirs::Connected(first),
            None if faulted.is_empty() => Theirs::Nothing,
            None => Theirs::Faulted(faulted.swap_remove(0)),
        })
    }

    /// The named one first, then the oldest; those that work, and those that do not.
    fn sorted(
        &self,
        mut found: Vec<Known<Connection>>,
        named: Option<&str>,
    ) -> (Vec<Known<Connection>>, Vec<Known<Connection>>) {
        let is_named =
            |it: &Connection| named.is_some_and(|name| it.name.eq_ignore_ascii_case(name));
        found.sort_by_cached_key(|it| (!is_named(it), it.created, it.name.clone()));
        found.into_iter().partition(|it| self.fault_of(it).is_none())
    }

    /// Connections of a connector that somebody was given, under each of their principals.
    async fn shared_with(
        &self,
        person: &Caller,
        environment: &Environment,
        connector: &Connector,
    ) -> Result<Vec<Known<Connection>>, AppError> {
        let mut found = Vec::new();
        for principal in person.principals() {
            let parts = [environment.id.as_str(), principal];
            let listed =
                self.list::<Connection>(BY_HOLDER, &parts, None, CHOICE_SHARED_MAX).await?;
            let rows = listed.rows.into_iter();
            found.extend(rows.filter(|it| {
                it.connector == connector.name
                    && allows_use(person, environment, it.hold_of(person))
            }));
        }
        Ok(found)
    }
}

pub(crate) fn allows_use(person: &Caller, environment: &Environment, hold: Option<Hold>) -> bool {
    let place = Place { hold, ..environment.place() };
    policy::allows(person, Operation::UseConnection, place)
}
