//! The server's directory, as connectors that look people up see it.

use crate::app::data::Known;
use crate::app::directory::User;
use crate::app::{App, AppError, AppParts};
use crate::worker::Engine;
use ::connector::builtin::{Directory, DirectoryFailure, Later, Person, Photo};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Weak};

/// People of the tenant.
pub struct People {
    /// Not held: what holds this belongs to it.
    engine: Weak<Engine>,
    parts: AppParts,
}

/// People that are looked through for a text: those behind are not found.
const PEOPLE_SEARCHED_MAX: usize = 5_000;

impl People {
    #[must_use]
    pub fn of(app: &App) -> People {
        // without what this becomes a part of
        let parts = AppParts { services: Arc::default(), ..app.parts() };
        People { engine: Arc::downgrade(&app.engine), parts }
    }

    fn app(&self) -> Result<App, DirectoryFailure> {
        let engine = self.engine.upgrade().ok_or(DirectoryFailure::Unavailable)?;
        Ok(App::of(engine, self.parts.clone()))
    }
}

fn failed(error: &AppError) -> DirectoryFailure {
    tracing::warn!(message = %error.message, "the directory cannot be read");
    DirectoryFailure::Unavailable
}

fn person(user: &User) -> Person {
    let mut properties = Map::new();
    properties.insert("accountEnabled".to_owned(), json!(user.is_enabled));
    properties.insert("displayName".to_owned(), json!(user.display_name));
    properties.insert("mail".to_owned(), json!(user.mail));
    let nick = user.user_principal_name.split('@').next().unwrap_or_default();
    properties.insert("mailNickname".to_owned(), Value::from(nick));
    Person {
        id: user.id.clone(),
        user_principal_name: user.user_principal_name.clone(),
        properties,
    }
}

fn has(user: &User, text: &str) -> bool {
    let begins = |value: &str| value.to_lowercase().starts_with(text);
    begins(&user.display_name)
        || begins(&user.user_principal_name)
        || user.mail.as_deref().is_some_and(begins)
        || user.display_name.to_lowercase().split_whitespace().any(|word| word.starts_with(text))
}

impl Directory for People {
    fn person<'a>(&'a self, name: &'a str) -> Later<'a, Result<Option<Person>, DirectoryFailure>> {
        Box::pin(async move {
            let found = self.app()?.user(name).await.map_err(|error| failed(&error))?;
            Ok(found.map(|user| person(&user)))
        })
    }

    /// The directory does not know who leads whom.
    fn manager<'a>(&'a self, _: &'a str) -> Later<'a, Result<Option<Person>, DirectoryFailure>> {
        Box::pin(async { Ok(None) })
    }

    fn direct_reports<'a>(
        &'a self,
        _: &'a str,
    ) -> Later<'a, Result<Vec<Person>, DirectoryFailure>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn search<'a>(
        &'a self,
        text: &'a str,
        from: u64,
        most: u64,
    ) -> Later<'a, Result<Vec<Person>, DirectoryFailure>> {
        Box::pin(async move {
            let app = self.app()?;
            let text = text.to_lowercase();
            let users = app.users_by_name(PEOPLE_SEARCHED_MAX).await;
            let users: Vec<Known<User>> = users.map_err(|error| failed(&error))?;
            let found = users.iter().filter(|user| has(user, &text));
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            Ok(found.skip(from).take(most).map(|user| person(user)).collect())
        })
    }

    /// It has no pictures.
    fn photo<'a>(&'a self, _: &'a str) -> Later<'a, Result<Option<Photo>, DirectoryFailure>> {
        Box::pin(async { Ok(None) })
    }
}
