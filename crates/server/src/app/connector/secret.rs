//! What a connection was made with, the secret part of it sealed, and whether that will do.

use super::connection::{Connection, ConnectionFault};
use crate::app::App;
use crate::app::error::AppError;
use ::connector::definition::ParameterSet;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

impl App {
    /// What is secret of a connection, as it is stored.
    pub(super) fn sealed(
        &self,
        id: &str,
        secret: &Map<String, Value>,
    ) -> Result<Option<String>, AppError> {
        if secret.is_empty() {
            return Ok(None);
        }
        let text = zeroize::Zeroizing::new(serde_json::to_vec(secret).map_err(AppError::internal)?);
        let sealed = self.engine.catalog.sealer().seal(&seal_owner(id), &text);
        Ok(Some(STANDARD.encode(sealed.map_err(AppError::internal)?)))
    }

    /// Everything that a connection was made with, secrets included.
    pub(crate) fn values_of(
        &self,
        connection: &Connection,
    ) -> Result<Map<String, Value>, AppError> {
        let mut values = connection.parameters.clone();
        if let Some(sealed) = &connection.sealed {
            let sealed = STANDARD.decode(sealed).map_err(AppError::internal)?;
            let sealer = self.engine.catalog.sealer();
            let opened = sealer.open_secret(&seal_owner(&connection.id), &sealed);
            let opened = opened.map_err(AppError::internal)?;
            let secret: Map<String, Value> =
                serde_json::from_slice(&opened).map_err(AppError::internal)?;
            values.extend(secret);
        }
        Ok(values)
    }

    /// Why a connection cannot be used now.
    #[must_use]
    pub fn fault_of(&self, connection: &Connection) -> Option<ConnectionFault> {
        let is_over = connection.ends.is_some_and(|ends| ends <= self.engine.clock.now());
        connection.fault.clone().or_else(|| is_over.then(ended))
    }
}

/// Whether a person has to sign in for a connection with these values.
pub(super) fn signs_in(set: &ParameterSet, values: &Map<String, Value>) -> bool {
    let chosen = set.sign_in().and_then(|(parameter, _)| {
        let name = format!("{}:grantType", parameter.name);
        values.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name))?.1.as_str()
    });
    match chosen {
        Some(chosen) => !chosen.eq_ignore_ascii_case("client_credentials"),
        None => set.needs_sign_in(),
    }
}

/// What the secrets of a connection are sealed for.
pub(super) fn seal_owner(id: &str) -> String {
    format!("connection {id}")
}

pub(super) fn not_signed_in() -> ConnectionFault {
    ConnectionFault {
        code: "Unauthenticated".to_owned(),
        message: "This connection is not authenticated.".to_owned(),
    }
}

fn ended() -> ConnectionFault {
    ConnectionFault {
        code: "Unauthorized".to_owned(),
        message: "The sign-in of this connection has ended: sign in again.".to_owned(),
    }
}
