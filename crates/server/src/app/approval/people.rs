//! Who is meant by the names of people: users, the members of groups, and addresses of mail.

use crate::app::App;
use crate::app::directory::User;
use crate::app::error::AppError;
use crate::auth::caller::{Caller, CallerKind};
use crate::clock;
use crate::mail::Mailer;
use governance::limits::ASSIGNEES_MAX;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Before the id of somebody who is not in the directory.
const OUTSIDE: &str = "outside:";

/// Somebody in an approval, as they were when they came into it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// None: they are not in the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_principal_name: Option<String>,
}

impl Party {
    /// Whether they are in the directory.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.user_principal_name.is_some()
    }

    /// Where they get letters.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        let address = self.mail.as_deref().or(self.user_principal_name.as_deref())?;
        Mailer::is_address(address).then_some(address)
    }

    pub(super) fn of(user: &User) -> Party {
        Party {
            display_name: user.display_name.clone(),
            mail: user.mail.clone(),
            user_principal_name: Some(user.user_principal_name.clone()),
        }
    }
}

/// People as they are found, each with one id within an approval.
#[derive(Default)]
pub(super) struct Found {
    pub people: BTreeMap<String, Party>,
}

impl Found {
    /// Goes on with those who are known already.
    pub(super) fn with(people: BTreeMap<String, Party>) -> Found {
        Found { people }
    }

    fn user(&mut self, user: &User) -> String {
        self.people.insert(user.id.clone(), Party::of(user));
        user.id.clone()
    }

    fn outside(&mut self, address: &str) -> Result<String, AppError> {
        let is_them = |party: &Party| {
            let mail = party.mail.as_deref().filter(|_| !party.is_known());
            mail.is_some_and(|mail| mail.eq_ignore_ascii_case(address))
        };
        if let Some((id, _)) = self.people.iter().find(|(_, party)| is_them(party)) {
            return Ok(id.clone());
        }
        let id = format!("{OUTSIDE}{}", clock::guid().map_err(AppError::internal)?);
        let party = Party {
            display_name: address.to_owned(),
            mail: Some(address.to_owned()),
            user_principal_name: None,
        };
        self.people.insert(id.clone(), party);
        Ok(id)
    }
}

/// The names in a text as connectors give them: `ada@contoso.com; 6a9c...; reviewers;`.
pub(super) fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|name| !name.is_empty())
}

impl App {
    /// The people that one name means: a user's id or name, a group's (its members), or an
    /// address of mail, a user's or of somebody who is not in the directory.
    pub(super) async fn people_named(
        &self,
        name: &str,
        found: &mut Found,
    ) -> Result<Vec<String>, AppError> {
        if let Some(user) = self.user(name).await? {
            return Ok(vec![found.user(&user)]);
        }
        if let Some(group) = self.group(name).await? {
            let users = self.get_many::<User>(group.value.members).await?;
            let mut enabled: Vec<_> = users.iter().filter(|user| user.is_enabled).collect();
            enabled.sort_by(|one, other| one.user_principal_name.cmp(&other.user_principal_name));
            return Ok(enabled.into_iter().map(|user| found.user(user)).collect());
        }
        // flows name people by their addresses as often as by the names they sign in with
        if let Some(user) = self.user_by_mail(name).await? {
            return Ok(vec![found.user(&user)]);
        }
        if Mailer::is_address(name) {
            return Ok(vec![found.outside(name)?]);
        }
        let message = format!("'{name}' is no user, no group and no address of mail.");
        Err(AppError::invalid("InvalidApprovalAssignee", message))
    }

    /// The same of several names, each person once.
    pub(super) async fn people_of_text(
        &self,
        text: &str,
        found: &mut Found,
    ) -> Result<Vec<String>, AppError> {
        let mut all: Vec<String> = Vec::new();
        for name in names_in(text) {
            for person in self.people_named(name, found).await? {
                if !all.contains(&person) {
                    all.push(person);
                }
            }
            if all.len() > ASSIGNEES_MAX {
                let message = format!("An approval asks {ASSIGNEES_MAX} people at most at a time.");
                return Err(AppError::invalid("TooManyApprovalAssignees", message));
            }
        }
        if all.is_empty() {
            let message = format!(
                "'{text}' names nobody: expected users, groups or addresses of mail, separated by ';'."
            );
            return Err(AppError::invalid("InvalidApprovalAssignee", message));
        }
        Ok(all)
    }

    /// The one person that a name means.
    pub(super) async fn person_named(
        &self,
        name: &str,
        found: &mut Found,
    ) -> Result<String, AppError> {
        let people = self.people_of_text(name, found).await?;
        match <[String; 1]>::try_from(people) {
            Ok([person]) => Ok(person),
            Err(_) => {
                let message = format!("'{name}' is several people; expected one.");
                Err(AppError::invalid("InvalidApprovalAssignee", message))
            }
        }
    }

    /// Who does something with an approval has a name in its history.
    pub(super) async fn note_actor(
        &self,
        caller: &Caller,
        found: &mut Found,
    ) -> Result<(), AppError> {
        if caller.kind() == CallerKind::Person
            && let Some(user) = self.user(caller.id()).await?
        {
            found.user(&user);
        }
        Ok(())
    }
}
