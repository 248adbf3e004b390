//! The File System connector, in the one folder that the administrator gives.
//!
//! `place` finds files in it and `content` reads and writes them; both block, so that a
//! call is done aside. An id is a path in base64, as the real connector has it; a path in
//! its stead works too.
//!
//! Deliberately absent: archives, triggers, and rights within the folder: whoever may use
//! a connection reaches all of it.

mod content;
mod place;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use super::mail::media_type;
use super::stop::{Outcome, Stop};
use super::{Answered, Arguments, Called, Context};
use content::{Existing, Metadata};
use place::{Place, Root};

pub(super) async fn call(context: &Context, called: Called<'_>) -> Outcome {
    let Some(folder) = context.folder.clone() else {
        return Err(Stop::bad("The administrator has given no folder for files."));
    };
    let asked = Asked::read(called)?;
    aside(move || asked.answer(&folder)).await
}

/// Does something that blocks where it holds up nobody.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Stop> + Send + 'static,
) -> Result<T, Stop> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(Stop::Answer(500, "The work was given up.".to_owned())),
    }
}

/// A file within the folder by its path, as its real path, which has no link in it.
pub(super) fn real_path(folder: &Path, path: &str) -> Result<PathBuf, Stop> {
    let place = Place::read(path)?;
    let root = Root::open(folder)?;
    let real = std::fs::canonicalize(folder)
        .map_err(|_| Stop::Answer(500, "The folder cannot be opened.".to_owned()))?;
    root.check_file_or_nothing(&place)?;
    Ok(place.below(&real))
}

/// A call with what it needs, free of borrowed data.
enum Asked {
    List(Place),
    Metadata(Place),
    Read { place: Place, infers: bool },
    Write { place: Place, bytes: Vec<u8>, existing: Existing },
    Append(Place, Vec<u8>),
    Copy { from: Place, to: Place, existing: Existing },
    Delete(Place),
}

impl Asked {
    fn read(called: Called<'_>) -> Result<Asked, Stop> {
        let given = Arguments(called.parameters);
        let by_id = || by_id(&given.required("id")?);
        let infers = given.flag("inferContentType")?.unwrap_or(true);
        Ok(match called.operation {
            "ListRootFolder" => Asked::List(Place::root()),
            "ListFolder" => Asked::List(by_id()?),
            "GetFileMetadata" => Asked::Metadata(by_id()?),
            "GetFileMetadataByPath" => Asked::Metadata(Place::read(&given.required("path")?)?),
            "GetFileContent" => Asked::Read { place: by_id()?, infers },
            "GetFileContentByPath" => {
                Asked::Read { place: Place::read(&given.required("path")?)?, infers }
            }
            "CreateFile" => Asked::Write {
                place: Place::read(&given.text("folderPath")?.unwrap_or_default())?
                    .child(&given.required("name")?)?,
                bytes: given.content("body")?,
                existing: Existing::Replaced,
            },
            "UpdateFile" => Asked::Write {
                place: by_id()?,
                bytes: given.content("body")?,
                existing: Existing::Required,
            },
            "AppendFile" => Asked::Append(by_id()?, given.content("body")?),
            "CopyFile" => Asked::Copy {
                from: Place::read(&given.required("source")?)?,
                to: Place::read(&given.required("destination")?)?,
                existing: if given.flag("overwrite")?.unwrap_or(false) {
                    Existing::Replaced
                } else {
                    Existing::Refused
                },
            },
            _ => Asked::Delete(by_id()?),
        })
    }

    fn answer(self, folder: &Path) -> Outcome {
        let root = Root::open(folder)?;
        let described = |metadata: &Metadata| Ok(Answered::json(200, describe(metadata)));
        match self {
            Asked::List(place) => {
                let found = content::list(&root, &place)?;
                Ok(Answered::json(200, found.iter().map(describe).collect()))
            }
            Asked::Metadata(place) => described(&content::metadata(&root, &place)?),
            Asked::Read { place, infers } => {
                let bytes = content::read(&root, &place)?;
                let kind =
                    if infers { media_type(place.name()) } else { "application/octet-stream" };
                Ok(given_back(kind, &bytes))
            }
            Asked::Write { place, bytes, existing } => {
                content::write(&root, &place, &bytes, existing)?;
                described(&content::metadata(&root, &place)?)
            }
            Asked::Append(place, bytes) => {
                content::append(&root, &place, &bytes)?;
                described(&content::metadata(&root, &place)?)
            }
            Asked::Copy { from, to, existing } => {
                let bytes = content::read(&root, &from)?;
                content::write(&root, &to, &bytes, existing)?;
                described(&content::metadata(&root, &to)?)
            }
            Asked::Delete(place) => {
                content::delete(&root, &place)?;
                Ok(Answered::empty(200))
            }
        }
    }
}

fn by_id(id: &str) -> Result<Place, Stop> {
    if id.starts_with(['/', '\\']) {
        return Place::read(id);
    }
    let decoded = URL_SAFE_NO_PAD.decode(id.trim().trim_end_matches('='));
    let path = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let path = path.ok_or_else(|| Stop::not_found(format!("There is no file '{id}'.")))?;
    Place::read(&path)
}

/// A body as any answer with its content type: text as text, JSON as a value.
fn given_back(kind: &str, bytes: &[u8]) -> Answered {
    match expr::content::from_body(Some(kind), bytes) {
        Ok(body) => Answered {
            status: 200,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body,
        },
        // It is not what its name says.
        Err(_) => Answered::bytes("application/octet-stream", bytes),
    }
}

fn describe(metadata: &Metadata) -> Json {
    let path = metadata.place.text();
    let id = URL_SAFE_NO_PAD.encode(&path);
    json!({
        "Id": id,
        "Name": metadata.place.name(),
        "DisplayName": metadata.place.name(),
        "Path": path,
        "LastModified": metadata.modified.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "Size": metadata.bytes,
        "MediaType": if metadata.is_folder { "" } else { media_type(metadata.place.name()) },
        "IsFolder": metadata.is_folder,
        "ETag": metadata.etag,
        "FileLocator": id,
    })
}
