//! Who there is to be named: people and groups, by the beginning of a name of theirs.

use super::{Group, User, group, user};
use crate::app::error::AppError;
use crate::app::facts::PrincipalKind;
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::limits::SEARCH_CHARACTERS_MAX;
use std::collections::HashSet;

/// Somebody as whoever names them sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Object id.
    pub id: String,
    pub kind: PrincipalKind,
    pub display_name: String,
    pub user_principal_name: Option<String>,
}

impl Found {
    fn user(user: &User) -> Found {
        Found {
            id: user.id.clone(),
            kind: PrincipalKind::User,
            display_name: user.display_name.clone(),
            user_principal_name: Some(user.user_principal_name.clone()),
        }
    }

    fn group(group: &Group) -> Found {
        Found {
            id: group.id.clone(),
            kind: PrincipalKind::Group,
            display_name: group.display_name.clone(),
            user_principal_name: None,
        }
    }
}

impl App {
    /// The first people, and then groups, of whom a name begins with a text. Who is disabled is
    /// not among them.
    pub async fn find_principals(
        &self,
        caller: &Caller,
        text: &str,
        rows_max: usize,
    ) -> Result<Vec<Found>, AppError> {
        self.permit(caller, Operation::ReadDirectory)?;
        let text = text.trim().to_lowercase();
        if text.is_empty() || text.chars().count() > SEARCH_CHARACTERS_MAX {
            let message = format!(
                "'search' is the beginning of a name, 1 to {SEARCH_CHARACTERS_MAX} characters."
            );
            return Err(AppError::invalid("InvalidQuery", message));
        }
        let mut found = Vec::new();
        for key in [user::BY_DISPLAY_NAME, user::BY_NAME] {
            let users = self.list_beginning::<User>(key, &text, rows_max).await?;
            found.extend(users.iter().filter(|it| it.is_enabled).map(|it| Found::user(it)));
        }
        let groups = self.list_beginning::<Group>(group::BY_NAME, &text, rows_max).await?;
        found.extend(groups.iter().map(|it| Found::group(it)));
        // by either name it may be the same person
        let mut seen = HashSet::new();
        found.retain(|it| seen.insert(it.id.clone()));
        found.truncate(rows_max);
        Ok(found)
    }
}
