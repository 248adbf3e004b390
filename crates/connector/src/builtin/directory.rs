//! Office 365 Users: people, from a directory that the server has.
//!
//! Deliberately absent: changing anybody, documents that trend, and who is near to whom.

use serde_json::{Map, Value as Json, json};

use super::argument::Settings;
use super::limits::PEOPLE_MAX;
use super::stop::{Outcome, Stop};
use super::{Answered, Arguments, Called, Context, HttpFailure, Later};

/// Somebody, with the properties of the real connector by their names (`displayName`,
/// `mail`, ...). What is not among them is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    /// `id` of the directory.
    pub id: String,
    pub user_principal_name: String,
    pub properties: Map<String, Json>,
}

/// A picture of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    pub content_type: String,
    pub bytes: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// Why a directory gives nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryFailure {
    Forbidden,
    Unavailable,
}

/// Where people are. Somebody is named by id, by user principal name or by mail address.
pub trait Directory: Send + Sync {
    fn person<'a>(&'a self, name: &'a str) -> Later<'a, Result<Option<Person>, DirectoryFailure>>;

    fn manager<'a>(&'a self, name: &'a str) -> Later<'a, Result<Option<Person>, DirectoryFailure>>;

    fn direct_reports<'a>(
        &'a self,
        name: &'a str,
    ) -> Later<'a, Result<Vec<Person>, DirectoryFailure>>;

    /// People whose name or address begins with a text, of all people without one; from a
    /// place on, at most so many.
    fn search<'a>(
        &'a self,
        text: &'a str,
        from: u64,
        most: u64,
    ) -> Later<'a, Result<Vec<Person>, DirectoryFailure>>;

    fn photo<'a>(&'a self, name: &'a str) -> Later<'a, Result<Option<Photo>, DirectoryFailure>>;
}

/// Who of a directory a connection is: the server writes this among its values.
const OWNER: &str = "userPrincipalName";

pub(super) async fn call(context: &Context, called: Called<'_>) -> Outcome {
    let Some(directory) = &context.directory else {
        return Err(Stop::bad("This server has no directory."));
    };
    let given = Arguments(called.parameters);
    let select = Select(given.text("$select")?);
    let me = || Settings(called.connection).required(OWNER);
    match called.operation {
        "MyProfile_V2" => {
            let name = me()?;
            let found = directory.person(&name).await.map_err(|error| stop(&error))?;
            one(found, &name, &select)
        }
        "UserProfile_V2" => {
            let name = given.required("id")?;
            let found = directory.person(&name).await.map_err(|error| stop(&error))?;
            one(found, &name, &select)
        }
        "Manager_V2" => {
            let name = given.required("id")?;
            known(context, &name).await?;
            let found = directory.manager(&name).await.map_err(|error| stop(&error))?;
            let found = found
                .ok_or_else(|| Stop::not_found(format!("No manager is known of '{name}'.")))?;
            Ok(Answered::json(200, select.of(&found)))
        }
        "DirectReports_V2" => {
            let name = given.required("id")?;
            let top = given.count("$top", PEOPLE_MAX)?.unwrap_or(PEOPLE_MAX);
            known(context, &name).await?;
            let found = directory.direct_reports(&name).await.map_err(|error| stop(&error))?;
            let taken = found.iter().take(usize::try_from(top).unwrap_or(usize::MAX));
            let each: Vec<Json> = taken.map(|it| select.of(it)).collect();
            Ok(Answered::json(200, json!({ "value": each })))
        }
        "SearchUserV2" => search(context, given).await,
        "UserPhotoMetadata" => {
            let name = given.required("userId")?;
            let found = directory.photo(&name).await.map_err(|error| stop(&error))?;
            Ok(Answered::json(200, photo_metadata(found.as_ref())))
        }
        _ => {
            let name = given.required("id")?;
            let found = directory.photo(&name).await.map_err(|error| stop(&error))?;
            let found = found
                .ok_or_else(|| Stop::not_found(format!("No picture is known of '{name}'.")))?;
            Ok(Answered::bytes(&found.content_type, &found.bytes))
        }
    }
}

async fn known(context: &Context, name: &str) -> Result<(), Stop> {
    let Some(directory) = &context.directory else { return Ok(()) };
    let found = directory.person(name).await.map_err(|error| stop(&error))?;
    found.map(|_| ()).ok_or_else(|| nobody(name))
}

/// Pages go on by a token, which says how many people have been given.
async fn search(context: &Context, given: Arguments<'_>) -> Outcome {
    let Some(directory) = &context.directory else { return Err(Stop::bad("No directory.")) };
    let text = given.text("searchTerm")?.unwrap_or_default();
    let top = given.count("top", PEOPLE_MAX)?.filter(|top| *top > 0).unwrap_or(PEOPLE_MAX);
    let from = given.count("skipToken", u64::from(u32::MAX))?.unwrap_or(0);
    if text.trim().is_empty() && given.flag("isSearchTermRequired")?.unwrap_or(true) {
        return Ok(Answered::json(200, json!({ "value": [] })));
    }
    let found = directory.search(text.trim(), from, top + 1).await;
    let mut found = found.map_err(|error| stop(&error))?;
    let has_more = found.len() as u64 > top;
    found.truncate(usize::try_from(top).unwrap_or(usize::MAX));
    let each: Vec<Json> = found.iter().map(|it| old_names(&Select(None).of(it))).collect();
    let mut body = json!({ "value": each });
    if has_more {
        body["@odata.nextLink"] = format!("skipToken={}", from + top).into();
    }
    Ok(Answered::json(200, body))
}

/// The search gives names as an older version of the connector does: `DisplayName`. One
/// stayed as it is, `mobilePhone`.
fn old_names(person: &Json) -> Json {
    let mut old = Map::new();
    for (name, value) in person.as_object().into_iter().flatten() {
        let mut letters = name.chars();
        let first = letters.next().map(|it| it.to_ascii_uppercase());
        let renamed: String = first.into_iter().chain(letters).collect();
        let renamed = if name == "mobilePhone" { name.clone() } else { renamed };
        old.insert(renamed, value.clone());
    }
    old.into()
}

/// `$select`: the properties that are wanted.
struct Select(Option<String>);

impl Select {
    fn of(&self, person: &Person) -> Json {
        let mut all = Map::new();
        all.insert("id".to_owned(), person.id.clone().into());
        all.insert("userPrincipalName".to_owned(), person.user_principal_name.clone().into());
        all.extend(person.properties.clone());
        if let Some(wanted) = &self.0 {
            let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
            all.retain(|name, _| wanted.iter().any(|it| it.eq_ignore_ascii_case(name)));
        }
        all.into()
    }
}

fn one(found: Option<Person>, name: &str, select: &Select) -> Outcome {
    let found = found.ok_or_else(|| nobody(name))?;
    Ok(Answered::json(200, select.of(&found)))
}

fn photo_metadata(photo: Option<&Photo>) -> Json {
    let Some(photo) = photo else { return json!({ "HasPhoto": false }) };
    let end = photo.content_type.rsplit('/').next().unwrap_or_default();
    json!({
        "HasPhoto": true,
        "Height": photo.height,
        "Width": photo.width,
        "ContentType": photo.content_type,
        "ImageFileExtension": format!(".{}", if end == "jpeg" { "jpg" } else { end }),
    })
}

fn nobody(name: &str) -> Stop {
    Stop::not_found(format!("There is nobody '{name}' in the directory."))
}

fn stop(failure: &DirectoryFailure) -> Stop {
    match failure {
        DirectoryFailure::Forbidden => {
            Stop::Answer(403, "The connection may not read the directory.".to_owned())
        }
        DirectoryFailure::Unavailable => {
            HttpFailure::Unreachable("the directory cannot be asked".to_owned()).into()
        }
    }
}
