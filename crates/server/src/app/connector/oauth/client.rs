//! OAuth clients of connectors: what their service knows this server as.

use super::super::{Connector, certificate};
use crate::app::App;
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::error::AppError;
use crate::auth::caller::Caller;
use ::connector::http::{PfxFile, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::RecordKey;
use zeroize::Zeroizing;

/// Bytes of a client's id and of its secret.
const CLIENT_BYTES_MAX: usize = 4 * 1024;

/// A client. Its secret is sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectorClient {
    /// The connector's id.
    id: String,
    client_id: String,
    /// Base64; none: a client without any.
    sealed: Option<String>,
    /// SHA-256 of its certificate, hexadecimal.
    certificate: Option<String>,
}

impl Stored for ConnectorClient {
    const KIND: Kind = Kind::ConnectorClient;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl data::Sealed for ConnectorClient {
    fn sealed(&mut self) -> Option<(String, &mut String)> {
        let owner = seal_owner(&self.id);
        self.sealed.as_mut().map(|sealed| (owner, sealed))
    }
}

/// What is sealed of it.
#[derive(Serialize, Deserialize)]
struct Sealed {
    secret: Option<String>,
    certificate: Option<Value>,
}

/// A client as it is used.
pub(super) struct KnownClient {
    pub(super) id: String,
    pub(super) secret: Option<Secret>,
    pub(super) certificate: Option<PfxFile>,
}

/// A client as somebody describes one.
#[derive(Clone, Default)]
pub struct ClientInput {
    pub client_id: String,
    pub secret: Option<String>,
    /// `{"pfx", "password"}`.
    pub certificate: Option<Value>,
}

/// A client as it is shown.
pub struct ClientView {
    /// None: it has not been given any.
    pub client_id: Option<String>,
    pub has_secret: bool,
    pub certificate: Option<String>,
    /// What its service has to know, one for each way to sign in.
    pub redirect_addresses: Vec<String>,
}

fn seal_owner(connector: &str) -> String {
    format!("client of connector {connector}")
}

impl App {
    /// Says which client a connector is at its service.
    pub async fn set_connector_client(
        &self,
        caller: &Caller,
        (environment, name): (&str, &str),
        input: ClientInput,
    ) -> Result<ClientView, AppError> {
        let (_, connector) = self.own_connector(caller, environment, name).await?;
        let change = self.with_client(&connector, input, Change::default()).await?;
        self.apply(caller, change).await?;
        self.client_view(&connector).await
    }

    /// The client of a connector, without its secret.
    pub async fn get_connector_client(
        &self,
        caller: &Caller,
        (environment, name): (&str, &str),
    ) -> Result<ClientView, AppError> {
        let (_, connector) = self.own_connector(caller, environment, name).await?;
        self.client_view(&connector).await
    }

    pub async fn remove_connector_client(
        &self,
        caller: &Caller,
        (environment, name): (&str, &str),
    ) -> Result<(), AppError> {
        let (_, connector) = self.own_connector(caller, environment, name).await?;
        let change = self.without_client(&connector.id, Change::default()).await?;
        let change = change.audit("RemoveConnectorClient", &connector.id, &json!({}));
        self.apply(caller, change).await?;
        Ok(())
    }

    async fn client_view(&self, connector: &Connector) -> Result<ClientView, AppError> {
        let record = self.get::<ConnectorClient>(&connector.id).await?;
        let sets = connector.sets()?;
        let signing = sets.iter().filter(|set| set.sign_in().is_some());
        let mut redirect_addresses: Vec<String> =
            signing.map(|set| self.redirect_address(connector, set)).collect();
        redirect_addresses.dedup();
        let record = record.map(|it| it.value);
        Ok(ClientView {
            has_secret: record.as_ref().is_some_and(|it| it.sealed.is_some()),
            certificate: record.as_ref().and_then(|it| it.certificate.clone()),
            client_id: record.map(|it| it.client_id),
            redirect_addresses,
        })
    }

    /// A change that gives a connector a client.
    pub(in crate::app::connector) async fn with_client(
        &self,
        connector: &Connector,
        input: ClientInput,
        change: Change,
    ) -> Result<Change, AppError> {
        let refused = |text: &str| Err(AppError::invalid("InvalidConnectorClient", text));
        if input.client_id.trim().is_empty() || input.client_id.len() > CLIENT_BYTES_MAX {
            return refused("The id of the OAuth client is missing or too long.");
        }
        if input.secret.as_ref().is_some_and(|it| it.is_empty() || it.len() > CLIENT_BYTES_MAX) {
            return refused("The secret of the OAuth client is empty or too long.");
        }
        if input.secret.is_some() && input.certificate.is_some() {
            return refused("An OAuth client has a secret or a certificate, expected one of them.");
        }
        let thumbprint = match &input.certificate {
            Some(given) => Some(certificate::thumbprint(given).await?),
            None => None,
        };
        let id = connector.id.clone();
        let sealed = match (input.secret, input.certificate) {
            (None, None) => None,
            (secret, certificate) => {
                let text = serde_json::to_vec(&Sealed { secret, certificate });
                let text = Zeroizing::new(text.map_err(AppError::internal)?);
                let sealed = self.engine.catalog.sealer().seal(&seal_owner(&id), &text);
                Some(STANDARD.encode(sealed.map_err(AppError::internal)?))
            }
        };
        let client_id = input.client_id.trim().to_owned();
        let detail = json!({"clientId": client_id, "certificate": thumbprint});
        let client = ConnectorClient { id, client_id, sealed, certificate: thumbprint };
        let mut known = match self.get::<ConnectorClient>(&connector.id).await? {
            Some(known) => known,
            None => Known::new(client.clone()),
        };
        known.value = client;
        Ok(change.put(&known)?.audit("SetConnectorClient", &connector.id, &detail))
    }

    /// What a connector that goes takes along.
    pub(in crate::app::connector) async fn without_client(
        &self,
        connector: &str,
        change: Change,
    ) -> Result<Change, AppError> {
        Ok(match self.get::<ConnectorClient>(connector).await? {
            Some(client) => change.remove(&client),
            None => change,
        })
    }

    pub(super) async fn client_of(&self, connector: &str) -> Result<Option<KnownClient>, AppError> {
        let Some(client) = self.get::<ConnectorClient>(connector).await? else { return Ok(None) };
        let id = client.client_id.clone();
        let Some(sealed) = &client.sealed else {
            return Ok(Some(KnownClient { id, secret: None, certificate: None }));
        };
        let sealed = STANDARD.decode(sealed).map_err(AppError::internal)?;
        let opened = self.engine.catalog.sealer().open_secret(&seal_owner(connector), &sealed);
        let opened = opened.map_err(AppError::internal)?;
        let opened: Sealed = serde_json::from_slice(&opened).map_err(AppError::internal)?;
        Ok(Some(KnownClient {
            id,
            secret: opened.secret.map(Secret::new),
            certificate: opened.certificate.as_ref().map(certificate::file),
        }))
    }
}
