//! Principals in memory: what a request needs to know about who makes it.

use super::{Application, User};
use crate::app::App;
use crate::app::error::AppError;
use crate::auth::caller::{Caller, Role};
use crate::limits::{PRINCIPAL_FRESH, PRINCIPALS_CACHED_MAX};
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::time::Instant;

/// A principal as it was read.
#[derive(Clone)]
pub struct Principal {
    pub caller: Caller,
    /// Tokens that were given under another stamp have ended.
    pub stamp: u32,
    pub is_enabled: bool,
}

/// The cache. What this node changes counts at once, what others change within a second.
#[derive(Default)]
pub struct Principals {
    known: Mutex<HashMap<String, (Principal, Instant)>>,
}

impl Principals {
    /// Forgets somebody who has changed.
    pub fn forget(&self, id: &str) {
        self.known.lock().remove(id);
    }

    fn fresh(&self, id: &str) -> Option<Principal> {
        let known = self.known.lock();
        let (principal, read) = known.get(id)?;
        (read.elapsed() < PRINCIPAL_FRESH).then(|| principal.clone())
    }

    fn keep(&self, id: &str, principal: &Principal) {
        let mut known = self.known.lock();
        if known.len() >= PRINCIPALS_CACHED_MAX {
            known.clear();
        }
        known.insert(id.to_owned(), (principal.clone(), Instant::now()));
    }
}

impl App {
    /// A person or an application by object id, as a caller.
    pub(crate) async fn principal(&self, id: &str) -> Result<Option<Principal>, AppError> {
        if let Some(principal) = self.principals.fresh(id) {
            return Ok(Some(principal));
        }
        let Some(principal) = self.read_principal(id).await? else { return Ok(None) };
        self.principals.keep(id, &principal);
        Ok(Some(principal))
    }

    async fn read_principal(&self, id: &str) -> Result<Option<Principal>, AppError> {
        if let Some(user) = self.get::<User>(id).await? {
            let groups = self.groups_of(id).await?;
            let mut roles = user.roles.clone();
            roles.extend(user.outside.iter().flat_map(|it| it.roles.clone()));
            roles.extend(groups.iter().flat_map(|group| group.roles.clone()));
            let groups = groups.into_iter().map(|group| group.value.id).collect();
            let caller = Caller::person(id, groups, roles);
            let User { stamp, is_enabled, .. } = user.value;
            return Ok(Some(Principal { caller, stamp, is_enabled }));
        }
        let application = self.get::<Application>(id).await?;
        Ok(application.map(|it| Principal {
            caller: Caller::application(id, application_roles(&it)),
            stamp: it.stamp,
            is_enabled: true,
        }))
    }
}

/// Its own roles, and those that an issuer from outside gives it.
fn application_roles(application: &Application) -> Vec<Role> {
    let outside = application.outside.iter().flat_map(|it| it.roles.clone());
    application.roles.iter().cloned().chain(outside).collect()
}
