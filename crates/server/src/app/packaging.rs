//! What became of packages that were looked at or imported: results that are asked for
//! later, by who asked for the work.

use super::data::{Change, Kind, Known, Stored};
use super::error::AppError;
use super::signin::expiry::Expiring;
use super::{App, Operation};
use crate::auth::caller::Caller;
use crate::clock::{self, SECOND};
use crate::limits::PACKAGING_HOURS;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::RecordKey;

/// A result.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Packaging {
    id: String,
    environment: String,
    /// Object id.
    owner: String,
    /// Ticks.
    expires: i64,
    /// As it is shown.
    pub result: Value,
}

impl Stored for Packaging {
    const KIND: Kind = Kind::Packaging;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![self.expiry_key()]
    }
}

impl Expiring for Packaging {
    const BY_EXPIRY: u8 = 1;

    fn expires(&self) -> i64 {
        self.expires
    }
}

impl App {
    /// Keeps a result; its id.
    pub async fn keep_packaging(
        &self,
        caller: &Caller,
        environment: &str,
        result: Value,
    ) -> Result<String, AppError> {
        let within = self.environment_for(caller, Operation::CreateFlow, environment).await?;
        self.sweep::<Packaging>().await?;
        let id = clock::guid().map_err(AppError::internal)?;
        let packaging = Known::new(Packaging {
            id: id.clone(),
            environment: within.id.clone(),
            owner: caller.id().to_owned(),
            expires: self.engine.clock.now() + PACKAGING_HOURS * 3_600 * SECOND,
            result,
        });
        self.apply(caller, Change::default().put(&packaging)?).await?;
        Ok(id)
    }

    /// A result of the caller's.
    pub async fn packaging(
        &self,
        caller: &Caller,
        environment: &str,
        id: &str,
    ) -> Result<Value, AppError> {
        let within = self.environment_for(caller, Operation::CreateFlow, environment).await?;
        let now = self.engine.clock.now();
        let found = self.get::<Packaging>(id).await?.filter(|it| {
            it.owner == caller.id() && it.environment == within.id && it.expires > now
        });
        let found = found.ok_or_else(|| {
            let message = format!("There is no packaging operation '{id}'.");
            AppError::not_found("PackagingOperationNotFound", message)
        })?;
        Ok(found.value.result)
    }
}
