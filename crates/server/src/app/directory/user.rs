//! Users of the embedded directory.

use super::role::{Holder, RoleChange};
use super::{Group, Outside};
use crate::app::data::{self, Change, Cursor, Kind, Known, Listed, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::app::signin::consent::{self, Consent};
use crate::app::signin::second_factor::SecondFactor;
use crate::app::signin::session::{self, Session};
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, Role};
use crate::auth::password;
use crate::clock;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

pub const BY_NAME: u8 = 1;
pub const BY_DISPLAY_NAME: u8 = 2;
pub const BY_OUTSIDE: u8 = 3;
pub const BY_MAIL: u8 = 4;

/// Somebody who can sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The object id, a GUID.
    pub id: String,
    /// The name to sign in with, like an address of mail.
    pub user_principal_name: String,
    pub display_name: String,
    pub mail: Option<String>,
    /// Argon2id; none: no password opens this account.
    password: Option<String>,
    pub is_enabled: bool,
    /// Wrong passwords since the last right one.
    #[serde(default)]
    failures: u32,
    /// Ticks until which no password is tried.
    #[serde(default)]
    locked_until: i64,
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Whose issuer they are from, if that is another: no password lets them in here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Outside>,
    /// Counts what ends every session and token: a new password, a revocation.
    #[serde(default)]
    pub stamp: u32,
    /// Ticks.
    pub created: i64,
    /// Facts of the use of flows, each with its ticks.
    #[serde(default)]
    pub consented: Option<i64>,
}

impl Stored for User {
    const KIND: Kind = Kind::User;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        let mut keys = vec![
            data::unique(BY_NAME, &[&self.user_principal_name.to_lowercase()]),
            data::key(BY_DISPLAY_NAME, &[&self.display_name.to_lowercase()]),
        ];
        keys.extend(self.outside.iter().map(|it| it.key(BY_OUTSIDE)));
        let mail = self.mail.as_ref().map(|it| it.trim().to_lowercase());
        keys.extend(mail.filter(|it| !it.is_empty()).map(|it| data::key(BY_MAIL, &[&it])));
        keys
    }
}

impl User {
    /// Somebody without password and roles.
    #[must_use]
    pub fn new(id: String, name: String, created: i64) -> User {
        User {
            id,
            display_name: name.clone(),
            user_principal_name: name,
            mail: None,
            password: None,
            is_enabled: true,
            failures: 0,
            locked_until: 0,
            roles: Vec::new(),
            outside: None,
            stamp: 0,
            created,
            consented: None,
        }
    }

    /// Whether guesses are refused for a while.
    #[must_use]
    pub fn is_locked(&self, now: i64) -> bool {
        self.locked_until > now
    }

    /// It was them: wrong guesses before do not count.
    pub fn forget_failures(&mut self) {
        self.failures = 0;
        self.locked_until = 0;
    }

    /// Whether there is a password that opens the account.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }
}

/// A user as an administrator describes one.
pub struct UserInput {
    pub user_principal_name: String,
    pub display_name: Option<String>,
    pub mail: Option<String>,
    pub password: Option<String>,
    pub roles: Vec<Role>,
}

/// Wrong passwords after which an account is closed for a while.
const FAILURES_MAX: u32 = 10;

/// How long it is closed, doubled with each wrong password after that, in seconds.
const LOCKED_SECONDS: i64 = 60;
const LOCKED_SECONDS_MAX: i64 = 3_600;

/// Users with the same address of mail that are looked at.
const SAME_MAIL_MAX: usize = 16;

/// What a password was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
    /// Too many were wrong: nothing was tried.
    Locked,
    Disabled,
}

impl App {
    pub async fn create_user(&self, caller: &Caller, input: UserInput) -> Result<User, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let name = input.user_principal_name.trim().to_owned();
        check_principal_name(&name)?;
        check_text("displayName", input.display_name.as_deref())?;
        check_text("mail", input.mail.as_deref())?;
        let password = match &input.password {
            Some(password) => Some(password::hash_new(password).await?),
            None => None,
        };
        let display_name = input.display_name.filter(|it| !it.trim().is_empty());
        let roles = self.known_roles(input.roles).await?;
        let id = clock::guid().map_err(AppError::internal)?;
        let created = self.engine.clock.now();
        let user = User {
            display_name: display_name.unwrap_or_else(|| name.clone()),
            mail: input.mail,
            password,
            roles,
            ..User::new(id, name, created)
        };
        let known = Known::new(user);
        let detail = json!({"roles": known.roles});
        let change = Change::default().put(&known)?.audit("CreateUser", &known.id, &detail);
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => {
                let text = format!("There is a user '{}' already.", known.user_principal_name);
                AppError::new(ErrorKind::Conflict, "UserExists", text)
            }
            _ => error,
        })?;
        Ok(known.value)
    }

    pub async fn list_users(
        &self,
        caller: &Caller,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<Listed<User>, AppError> {
        self.permit(caller, Operation::ReadDirectory)?;
        self.list(BY_NAME, &[], after, rows_max).await
    }

    /// The user with a name to sign in with, or nobody.
    pub async fn list_users_named(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Vec<Known<User>>, AppError> {
        self.permit(caller, Operation::ReadDirectory)?;
        let found = self.find(BY_NAME, &[&name.to_lowercase()]).await?;
        Ok(found.into_iter().collect())
    }

    /// A user by object id or by the name to sign in with.
    pub async fn get_user(&self, caller: &Caller, name: &str) -> Result<Known<User>, AppError> {
        self.permit(caller, Operation::ReadDirectory)?;
        self.existing_user(name).await
    }

    /// The same without a check of rights, for use cases that have made theirs.
    pub(crate) async fn existing_user(&self, name: &str) -> Result<Known<User>, AppError> {
        self.user(name).await?.ok_or_else(|| no_user(name))
    }

    /// The first so many users by their names, for use cases that have made their checks.
    pub(crate) async fn users_by_name(&self, most: usize) -> Result<Vec<Known<User>>, AppError> {
        Ok(self.list(BY_NAME, &[], None, most).await?.rows)
    }

    pub(crate) async fn user(&self, name: &str) -> Result<Option<Known<User>>, AppError> {
        match self.get(name).await? {
            Some(user) => Ok(Some(user)),
            None => self.find(BY_NAME, &[&name.to_lowercase()]).await,
        }
    }

    /// The one user with an address of mail. Of several the one whose account was made here:
    /// what others say of themselves makes nobody somebody else.
    pub(crate) async fn user_by_mail(&self, mail: &str) -> Result<Option<Known<User>>, AppError> {
        let address = mail.trim().to_lowercase();
        if address.is_empty() {
            return Ok(None);
        }
        let mut found = self.list::<User>(BY_MAIL, &[&address], None, SAME_MAIL_MAX).await?.rows;
        if found.len() > 1 {
            found.retain(|user| user.outside.is_none());
            if found.len() != 1 {
                let message = format!("'{mail}' is the address of mail of several users.");
                return Err(AppError::invalid("AmbiguousMail", message));
            }
        }
        Ok(found.pop())
    }

    /// The same with what only administrators see.
    pub async fn list_users_as_admin(
        &self,
        caller: &Caller,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<Listed<User>, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        self.list(BY_NAME, &[], after, rows_max).await
    }

    /// The same with what only administrators see, and the groups that the user is in.
    pub async fn get_user_as_admin(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<(Known<User>, Vec<Known<Group>>), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let user = self.existing_user(name).await?;
        let groups = self.groups_of(&user.id).await?;
        Ok((user, groups))
    }

    /// Deletes a user, with their keys, sessions and places in groups. What else speaks of them
    /// has their object id only.
    pub async fn delete_user(&self, caller: &Caller, name: &str) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let user = self.existing_user(name).await?;
        let mut change = Change::default().remove(&user);
        for key in self.keys_of(&user.id).await? {
            change = change.remove(&key);
        }
        if let Some(factor) = self.get::<SecondFactor>(&user.id).await? {
            change = change.remove(&factor);
        }
        for passkey in self.passkeys_of(&user.id).await? {
            change = change.remove(&passkey);
        }
        for session in self.list_all::<Session>(session::BY_USER, &[&user.id]).await? {
            change = change.remove(&session);
        }
        for mut group in self.groups_of(&user.id).await? {
            group.members.retain(|member| *member != user.id);
            change = change.put(&group)?;
        }
        let change = change.audit("DeleteUser", &user.id, &json!({}));
        self.apply(caller, change).await?;
        self.principals.forget(&user.id);
        Ok(())
    }

    /// What is known of somebody as a user of flows.
    pub async fn get_user_details(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<Known<User>, AppError> {
        self.permit(caller, Operation::GetAdminFlowUserDetails)?;
        self.get(id).await?.ok_or_else(|| no_user(id))
    }

    /// Removes what is known of somebody as a user of flows, who must own none any more.
    pub async fn remove_user_details(&self, caller: &Caller, id: &str) -> Result<(), AppError> {
        self.permit(caller, Operation::RemoveAdminFlowUserDetails)?;
        let mut user: Known<User> = self.get(id).await?.ok_or_else(|| no_user(id))?;
        if self.owns_flows(id).await? {
            let message = format!("The user '{id}' still owns flows: give them away first.");
            return Err(AppError::invalid("UserOwnsFlows", message));
        }
        user.consented = None;
        let mut change = Change::default().put(&user)?;
        for consent in self.list_all::<Consent>(consent::BY_USER, &[id]).await? {
            change = change.remove(&consent);
        }
        let change = change.audit("RemoveUserDetails", &user.id, &json!({}));
        self.apply(caller, change).await.map(|_| ())
    }

    /// Gives a user other roles.
    pub async fn set_user_roles(
        &self,
        caller: &Caller,
        name: &str,
        roles: Vec<Role>,
    ) -> Result<User, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let user = self.existing_user(name).await?;
        self.change_roles(caller, Holder::User(user), RoleChange::Set(roles)).await?;
        Ok(self.existing_user(name).await?.value)
    }

    /// Lets a user in, or keeps them out: every session, token and key rests meanwhile.
    pub async fn enable_user(
        &self,
        caller: &Caller,
        name: &str,
        is_enabled: bool,
    ) -> Result<User, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let mut user = self.existing_user(name).await?;
        if user.is_enabled == is_enabled {
            return Ok(user.value);
        }
        user.is_enabled = is_enabled;
        let operation = if is_enabled { "EnableUser" } else { "DisableUser" };
        let change = Change::default().put(&user)?.audit(operation, &user.id, &json!({}));
        self.apply(caller, change).await?;
        self.principals.forget(&user.id);
        Ok(user.value)
    }

    /// Ends every session, token and key of a user.
    pub async fn revoke_user(&self, caller: &Caller, name: &str) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let mut user = self.existing_user(name).await?;
        user.stamp = user.stamp.wrapping_add(1);
        let now = clock::unix_seconds(self.engine.clock.now());
        if let Some(outside) = &mut user.outside {
            // this second's tokens too
            outside.not_before = now + 1;
        }
        let change = Change::default().put(&user)?;
        let change = change.audit("RevokeSessions", &user.id, &json!({}));
        self.apply(caller, change).await?;
        self.principals.forget(&user.id);
        Ok(())
    }

    /// Gives a user another password, which ends every session and opens a locked account.
    pub async fn set_password(
        &self,
        caller: &Caller,
        name: &str,
        new: &str,
    ) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let mut user = self.existing_user(name).await?;
        if let Some(outside) = &user.outside {
            let message =
                format!("The user signs in with '{}', and has no password here.", outside.issuer);
            return Err(AppError::invalid("UserIsFromOutside", message));
        }
        user.password = Some(password::hash_new(new).await?);
        user.forget_failures();
        user.stamp = user.stamp.wrapping_add(1);
        let change = Change::default().put(&user)?;
        let change = change.audit("SetPassword", &user.id, &json!({}));
        self.apply(caller, change).await?;
        self.principals.forget(&user.id);
        Ok(())
    }

    /// Tries a password. Too many wrong ones close the account for a while, whoever asks.
    /// Takes as long for a name that nobody has.
    pub(crate) async fn try_password(
        &self,
        name: &str,
        given: &str,
    ) -> Result<(Verdict, Option<User>), AppError> {
        let user = self.user(name).await?;
        let now = self.engine.clock.now();
        let hash = user.as_ref().and_then(|user| user.password.clone());
        let is_locked = user.as_ref().is_some_and(|user| user.is_locked(now));
        let is_right = !is_locked && password::verify(hash, given).await;
        let Some(mut user) = user else { return Ok((Verdict::Wrong, None)) };
        if is_locked {
            return Ok((Verdict::Locked, Some(user.value)));
        }
        if !is_right {
            self.note_failure(&mut user, now).await?;
            return Ok((Verdict::Wrong, Some(user.value)));
        }
        // with a second factor, a right password alone does not show that it is them
        if user.failures > 0 && !self.has_second_factor(&user.id).await? {
            user.forget_failures();
            self.apply(&Caller::person(&user.id, vec![], vec![]), Change::default().put(&user)?)
                .await?;
        }
        let verdict = if user.is_enabled { Verdict::Right } else { Verdict::Disabled };
        Ok((verdict, Some(user.value)))
    }

    async fn note_failure(&self, user: &mut Known<User>, now: i64) -> Result<(), AppError> {
        let change = self.failure(user, now)?;
        match self.apply(&Caller::person(&user.id, vec![], vec![]), change).await {
            // somebody else counted at the same moment
            Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
            done => done.map(|_| ()),
        }
    }

    /// The change that counts a wrong guess. Too many close the account for a while.
    pub(crate) fn failure(&self, user: &mut Known<User>, now: i64) -> Result<Change, AppError> {
        user.failures = user.failures.saturating_add(1);
        let over = user.failures.saturating_sub(FAILURES_MAX);
        if user.failures >= FAILURES_MAX {
            let seconds = (LOCKED_SECONDS << over.min(10)).min(LOCKED_SECONDS_MAX);
            user.locked_until = now + seconds * clock::SECOND;
        }
        let mut change = Change::default().put(user)?;
        if user.failures == FAILURES_MAX {
            change = change.audit("LockUser", &user.id, &json!({"failures": user.failures}));
        }
        Ok(change)
    }
}

fn no_user(name: &str) -> AppError {
    AppError::not_found("UserNotFound", format!("There is no user '{name}'."))
}

/// Text that is shown of a user.
fn check_text(member: &str, text: Option<&str>) -> Result<(), AppError> {
    let is_fine = |text: &str| text.chars().count() <= 256 && !text.chars().any(char::is_control);
    if text.is_none_or(is_fine) {
        return Ok(());
    }
    let message =
        format!("'{member}' is too long; expected 256 characters without control characters.");
    Err(AppError::invalid("InvalidUser", message))
}

/// `name@domain`, as identity clients expect.
pub(super) fn check_principal_name(name: &str) -> Result<(), AppError> {
    let is_fine = name.len() <= 256
        && name.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        })
        && !name.chars().any(|c| c.is_control() || c.is_whitespace() || "/\\?#%'\"".contains(c));
    if is_fine {
        return Ok(());
    }
    let message = format!("'{name}' is not a name to sign in with: expected 'somebody@domain'.");
    Err(AppError::invalid("InvalidUserPrincipalName", message))
}
