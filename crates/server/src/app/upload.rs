//! Files that clients put here before they say what they are for: packages to import. An
//! address that is signed and ends stands for the right to put one.
//!
//! Packages hold definitions, and those may hold secrets: what is put is sealed.
//!
//! Invariant: what is put is read by who asked for the address only, and in the environment
//! that it was asked for.

use super::data::{self, Change, Kind, Known, Stored};
use super::error::{AppError, ErrorKind};
use super::signin::expiry::Expiring;
use super::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::seal::{Place, SEAL_BYTES};
use crate::clock::{self, SECOND};
use crate::limits::{CHANGE_TRIES_MAX, UPLOAD_BLOCKS_MAX, UPLOAD_HOURS, UPLOADS_PER_OWNER_MAX};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flow::limits::PACKAGE_BYTES_MAX;
use flow::run::format_time;
use serde::{Deserialize, Serialize};
use store::RecordKey;

const BY_OWNER: u8 = 1;

/// What is put, until it ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    id: String,
    environment: String,
    /// Object id of who asked for the address.
    owner: String,
    /// Ticks.
    expires: i64,
    /// Parts by name that are not in the content yet; sealed, in base64.
    #[serde(default)]
    blocks: Vec<(String, String)>,
    /// Sealed, in base64.
    #[serde(default)]
    content: Option<String>,
}

impl Stored for Upload {
    const KIND: Kind = Kind::Upload;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_OWNER, &[&self.owner]), self.expiry_key()]
    }
}

impl Expiring for Upload {
    const BY_EXPIRY: u8 = 2;

    fn expires(&self) -> i64 {
        self.expires
    }
}

/// What the address of an upload says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadAddress {
    pub id: String,
    /// The environment's id.
    pub environment: String,
    pub owner: String,
    /// When it ends, as text.
    pub expires: String,
    pub signature: String,
}

impl UploadAddress {
    fn parts(&self) -> [&str; 5] {
        ["upload", &self.id, &self.environment, &self.owner, &self.expires]
    }
}

/// What is put at an address.
pub enum Piece {
    /// Everything.
    Whole(Bytes),
    /// A block with its name; what it is part of comes later.
    Block(String, Bytes),
    /// The names of the blocks that everything is made of.
    List(Vec<String>),
}

impl App {
    /// An address at which the caller may put a file, for an hour.
    pub async fn new_upload(
        &self,
        caller: &Caller,
        environment: &str,
    ) -> Result<UploadAddress, AppError> {
        let environment = self.environment_for(caller, Operation::CreateFlow, environment).await?;
        let expires = self.engine.clock.now() + UPLOAD_HOURS * 3_600 * SECOND;
        let mut address = UploadAddress {
            id: clock::guid().map_err(AppError::internal)?.replace('-', ""),
            environment: environment.id.clone(),
            owner: caller.id().to_owned(),
            expires: format_time(expires),
            signature: String::new(),
        };
        address.signature = self.keyring().await?.mac().mark(&address.parts());
        Ok(address)
    }

    /// Whether an address is one of this server's, and has not ended; when it ends.
    pub async fn check_upload(&self, address: &UploadAddress) -> Result<i64, AppError> {
        let denied = |message| AppError::new(ErrorKind::Forbidden, "AuthorizationFailed", message);
        let key = self.keyring().await?;
        if !key.mac().is_mark(&address.parts(), &address.signature) {
            return Err(denied("The address of the file has no valid signature."));
        }
        match expr::format::date::parse_ticks(&address.expires) {
            Ok(expires) if expires > self.engine.clock.now() => Ok(expires),
            _ => Err(denied("The address of the file has expired: ask for another one.")),
        }
    }

    /// Puts something at an address, whose signature stands for the right to.
    pub async fn put_upload(&self, address: &UploadAddress, piece: Piece) -> Result<(), AppError> {
        let expires = self.check_upload(address).await?;
        self.sweep::<Upload>().await?;
        let owner = Caller::root("upload");
        // blocks come at the same time
        for tries in 1.. {
            let found = self.get::<Upload>(&address.id).await?;
            if found.is_none() {
                self.check_room(&address.owner).await?;
            }
            let mut upload = found.unwrap_or_else(|| {
                Known::new(Upload {
                    id: address.id.clone(),
                    environment: address.environment.clone(),
                    owner: address.owner.clone(),
                    expires,
                    blocks: Vec::new(),
                    content: None,
                })
            });
            self.take_piece(&mut upload, &piece).await?;
            match self.apply(&owner, Change::default().put(&upload)?).await {
                Err(error) if error.kind == ErrorKind::Conflict && tries < CHANGE_TRIES_MAX => {}
                done => return done.map(|_| ()),
            }
        }
        Ok(())
    }

    async fn check_room(&self, owner: &str) -> Result<(), AppError> {
        let listed = self.list::<Upload>(BY_OWNER, &[owner], None, UPLOADS_PER_OWNER_MAX).await?;
        let now = self.engine.clock.now();
        if listed.rows.iter().filter(|it| it.expires > now).count() < UPLOADS_PER_OWNER_MAX {
            return Ok(());
        }
        let message = format!(
            "There are {UPLOADS_PER_OWNER_MAX} files of the caller's already. They end {UPLOAD_HOURS} hour after they were announced."
        );
        Err(AppError::new(ErrorKind::Conflict, "TooManyUploads", message))
    }

    /// What the caller has put at an address, in one of the environments.
    pub async fn uploaded(
        &self,
        caller: &Caller,
        environment: &str,
        address: &UploadAddress,
    ) -> Result<Vec<u8>, AppError> {
        let within = self.environment_for(caller, Operation::CreateFlow, environment).await?;
        self.check_upload(address).await?;
        if address.owner != caller.id() || address.environment != within.id {
            let message = "The address of the file is somebody else's, or of another environment.";
            return Err(AppError::new(ErrorKind::Forbidden, "AuthorizationFailed", message));
        }
        let found = self.get::<Upload>(&address.id).await?;
        let content = found.and_then(|found| found.value.content).ok_or_else(|| {
            AppError::invalid("PackageNotFound", "Nothing was put at the address of the package.")
        })?;
        self.open_piece(&address.id, &content).await
    }

    async fn take_piece(&self, upload: &mut Upload, piece: &Piece) -> Result<(), AppError> {
        match piece {
            Piece::Whole(bytes) => {
                upload.blocks.clear();
                upload.content = Some(self.seal_piece(&upload.id, bytes)?);
            }
            Piece::Block(name, bytes) => {
                upload.blocks.retain(|(known, _)| known != name);
                let sealed = self.seal_piece(&upload.id, bytes)?;
                upload.blocks.push((name.clone(), sealed));
                upload.check_size()?;
            }
            Piece::List(names) => {
                let mut content = Vec::new();
                for name in names {
                    let block = upload.blocks.iter().find(|(known, _)| known == name);
                    let (_, block) = block.ok_or_else(|| {
                        let message = format!("There is no block '{name}'.");
                        AppError::invalid("InvalidBlockList", message)
                    })?;
                    content.extend(self.open_piece(&upload.id, block).await?);
                    if content.len() > PACKAGE_BYTES_MAX {
                        let message = "The list names more than a package may hold.";
                        return Err(AppError::invalid("InvalidBlockList", message));
                    }
                }
                upload.content = Some(self.seal_piece(&upload.id, &content)?);
                upload.blocks.clear();
            }
        }
        Ok(())
    }

    fn seal_piece(&self, id: &str, bytes: &[u8]) -> Result<String, AppError> {
        let sealed = self.engine.catalog.sealer().seal_content(Place::Upload(id), bytes)?;
        Ok(STANDARD.encode(sealed))
    }

    async fn open_piece(&self, id: &str, sealed: &str) -> Result<Vec<u8>, AppError> {
        let sealed = STANDARD.decode(sealed).map_err(AppError::internal)?;
        let (store, sealer) = (&*self.engine.store, self.engine.catalog.sealer());
        Ok(sealer.open_content_anew(store, Place::Upload(id), &sealed).await?)
    }
}

impl Upload {
    fn check_size(&self) -> Result<(), AppError> {
        let bytes = |sealed: &String| (sealed.len() / 4 * 3).saturating_sub(SEAL_BYTES);
        let size: usize = self.blocks.iter().map(|(_, block)| bytes(block)).sum();
        if self.blocks.len() <= UPLOAD_BLOCKS_MAX && size <= PACKAGE_BYTES_MAX + 2 {
            return Ok(());
        }
        let message = format!(
            "The blocks are more than {UPLOAD_BLOCKS_MAX}, or larger than {PACKAGE_BYTES_MAX} bytes."
        );
        Err(AppError::new(ErrorKind::TooLarge, "RequestEntityTooLarge", message))
    }
}
