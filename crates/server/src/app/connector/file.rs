//! The files of a connector, kept byte for byte, and the addresses at which they are read.

use super::Connector;
use crate::app::App;
use crate::app::access::Scope;
use crate::app::data::{Kind, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::clock::SECOND;
use crate::limits::CONNECTOR_LINK_HOURS;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use store::RecordKey;

/// What marks of addresses of files are for.
const FILE_MARK: &str = "connector file";

/// A file of a connector, kept as it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ConnectorFile {
    /// The connector's id and the file.
    pub(super) id: String,
    /// Base64.
    pub(super) content: String,
}

impl Stored for ConnectorFile {
    const KIND: Kind = Kind::ConnectorFile;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

/// Which file of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// `apiDefinition.swagger.json`
    Definition,
    /// `apiProperties.json`
    Properties,
    /// `icon.png`
    Icon,
    /// `script.csx`
    Script,
}

impl File {
    pub const ALL: [File; 4] = [File::Definition, File::Properties, File::Icon, File::Script];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            File::Definition => "apiDefinition.swagger.json",
            File::Properties => "apiProperties.json",
            File::Icon => "icon.png",
            File::Script => "script.csx",
        }
    }

    pub(super) fn id(self, connector: &str) -> String {
        format!("{connector}/{}", self.name())
    }
}

impl App {
    /// A file of a connector, as it came.
    pub async fn get_connector_file(
        &self,
        caller: &Caller,
        (scope, environment, name): (Scope, &str, &str),
        file: File,
    ) -> Result<Vec<u8>, AppError> {
        let (_, connector) = self.get_connector(caller, scope, environment, name).await?;
        self.file_of(&connector.id, file).await
    }

    pub(crate) async fn file_of(&self, connector: &str, file: File) -> Result<Vec<u8>, AppError> {
        let found = self.get::<ConnectorFile>(&file.id(connector)).await?.ok_or_else(|| {
            let message = format!("The connector has no '{}'.", file.name());
            AppError::not_found("ConnectorFileNotFound", message)
        })?;
        STANDARD.decode(&found.content).map_err(AppError::internal)
    }

    /// A path at which a file can be read for some time, by whoever has it.
    pub(crate) async fn file_address(
        &self,
        connector: &Connector,
        file: File,
    ) -> Result<String, AppError> {
        let hour = 3_600 * SECOND;
        let expires = (self.engine.clock.now() / hour + 1 + CONNECTOR_LINK_HOURS) * hour;
        let (id, name) = (&connector.id, file.name());
        let key = self.keyring().await?;
        let mark = key.mac().mark(&[FILE_MARK, id, name, &expires.to_string()]);
        Ok(format!("/connectors/{id}/{name}?se={expires}&sig={mark}"))
    }

    /// The file at such an address.
    pub(crate) async fn file_at_address(
        &self,
        id: &str,
        name: &str,
        (expires, mark): (&str, &str),
    ) -> Result<(File, Vec<u8>), AppError> {
        let denied =
            |message: &str| AppError::new(ErrorKind::Forbidden, "AuthorizationFailed", message);
        let is_signed = self.keyring().await?.mac().is_mark(&[FILE_MARK, id, name, expires], mark);
        let file = File::ALL.into_iter().find(|file| file.name() == name);
        let Some(file) = file.filter(|_| is_signed) else {
            return Err(denied("The address of the file has no valid signature."));
        };
        if expires.parse::<i64>().map_or(true, |expires| expires <= self.engine.clock.now()) {
            return Err(denied(
                "The address of the file has expired: ask for the connector again.",
            ));
        }
        Ok((file, self.file_of(id, file).await?))
    }
}
